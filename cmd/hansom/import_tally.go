package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// shownFailures is how many failures are shown to people: the first ones
// usually say what is wrong with all.
const shownFailures = 20

// tally counts what became of the objects of an import, and shows failures.
type tally struct {
	Collection string `json:"collection"`
	Objects    int    `json:"objects"`
	New        int    `json:"new"`
	Already    int    `json:"already_here"`
	Failed     int    `json:"failed"`

	a    *app
	file *os.File // of --failures, or nil
}

func (a *app) newTally(o importing) (*tally, error) {
	t := &tally{Collection: o.root + "/" + o.name, a: a}
	if o.failures != "" {
		var err error
		if t.file, err = os.OpenFile(o.failures, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600); err != nil {
			return nil, err
		}
	}
	if a.json { // failures are printed as they come: there may be many
		fmt.Fprint(a.out, `{"failures":[`)
	}
	return t, nil
}

func (t *tally) succeed(d taxii.StatusDetail) {
	if strings.HasPrefix(d.Message, exchange.AlreadyHere) {
		t.Already++
	} else {
		t.New++
	}
}

func (t *tally) fail(d taxii.StatusDetail) error {
	t.Failed++
	line, err := json.Marshal(d)
	if err != nil {
		return err
	}
	switch {
	case t.a.json && t.Failed > 1:
		fmt.Fprintf(t.a.out, ",\n%s", line)
	case t.a.json:
		fmt.Fprintf(t.a.out, "\n%s", line)
	case t.Failed <= shownFailures:
		fmt.Fprintf(t.a.err, "failed: %s\n", printable(strings.TrimSpace(d.ID+" "+d.Version)+": "+d.Message))
	}
	if t.file != nil {
		_, err = t.file.Write(append(line, '\n'))
	}
	return err
}

// end prints the summary, also of an import that stopped with an error.
func (t *tally) end(stopped error) (err error) {
	if t.file != nil {
		err = t.file.Close()
	}
	var wrong *usageError
	switch {
	case t.a.json:
		counts, failed := json.Marshal(t)
		fmt.Fprintf(t.a.out, "],%s\n", strings.TrimPrefix(string(counts), "{"))
		return errors.Join(err, failed)
	case errors.As(stopped, &wrong), stopped != nil && t.Objects == 0:
		return err
	}
	if t.Failed > shownFailures {
		fmt.Fprintf(t.a.err, "and %d more failed; --failures FILE writes all of them\n", t.Failed-shownFailures)
	}
	t.a.say("%s: %d objects, %d new, %d already here, %d failed", t.Collection, t.Objects, t.New, t.Already, t.Failed)
	return err
}
