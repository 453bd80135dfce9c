package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/internal/trial/history"
)

// operate runs a verb of the command line.
type operate func(ctx context.Context, input string, args ...string) error

// verbTime is the longest that a verb may take on a busy machine.
const verbTime = 2 * time.Minute

func (o operate) run(input string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), verbTime)
	defer cancel()
	return o(ctx, input, args...)
}

// The Collection to which an operator imports, and on which rights are changed.
const indicators = "trust/indicators"

// importer imports one file after the other, and the last one again where it
// does not know what became of it.
type importer struct {
	*history.Recorder
	operate operate
	feed    string
	dir     string
	seed    uint64
	again   [][]byte // the file whose import had no good end
}

const (
	importObjects = 120
	importBatch   = 30
)

func (i *importer) during(t testing.TB, r *round) {
	for !r.over() {
		objects := i.again
		if objects == nil {
			i.seed++
			objects = trial.Objects(i.seed, importObjects)
		}
		if err := i.take(t, objects); err != nil {
			i.again = objects
			if !strings.Contains(err.Error(), "exit status") {
				t.Errorf("import: %v", err)
			}
			r.gone(t, "import", err)
			return
		}
		i.again = nil
		r.verbs.Add(1)
	}
}

func (i *importer) take(t testing.TB, objects [][]byte) error {
	file := filepath.Join(i.dir, "bundle.json")
	if err := os.WriteFile(file, trial.Envelope(objects...), 0o600); err != nil {
		t.Error(err)
		return err
	}
	q := history.Request{Kind: history.Import, Feed: i.feed, Batch: importBatch}
	for _, raw := range objects {
		q.Objects = append(q.Objects, history.Of(raw))
	}
	n := i.Send(q)
	err := i.operate.run("", "import", file, "--to", indicators, "--batch", fmt.Sprint(importBatch))
	i.Told(n, told(err))
	return err
}

// told is what the exit of a verb says: only a good one says something.
func told(err error) history.Answer {
	if err != nil {
		return history.Answer{Outcome: history.Unknown}
	}
	return history.Answer{Outcome: history.Done}
}

// accounts adds and removes accounts and changes their rights, one after the
// other.
type accounts struct {
	*history.Recorder
	operate operate
	feed    string
	random  *rand.Rand
	state   map[string]string // of each account, where it is known
}

// The states of an account: what it may do on the Collection. "" is that there
// is none.
const (
	nothing   = "nothing"
	reads     = "read"
	writes    = "read write"
	onlyAdds  = "write"
	crashPass = "of an account that comes and goes"
)

func names() []string { return []string{"crash-a", "crash-b", "crash-c"} }

func (a *accounts) during(t testing.TB, r *round) {
	if a.state == nil {
		a.state = map[string]string{}
	}
	for !r.over() {
		name := names()[a.random.IntN(len(names()))]
		to, input, verb := a.change(name)
		n := a.Send(history.Request{Kind: history.Set, ID: setting(name), Value: to})
		err := a.operate.run(input, verb...)
		a.Told(n, told(err))
		if err != nil {
			r.gone(t, strings.Join(verb, " "), err)
			return
		}
		a.state[name] = to
		r.verbs.Add(1)
	}
}

func setting(name string) string { return "account " + name }

// change chooses what becomes of an account, and the verb for it.
func (a *accounts) change(name string) (to, input string, verb []string) {
	if a.state[name] == "" {
		return nothing, crashPass, []string{"account", "add", name, "--password-stdin"}
	}
	if a.random.IntN(4) == 0 {
		return "", "", []string{"account", "remove", name}
	}
	if a.state[name] != nothing && a.random.IntN(4) == 0 {
		return nothing, "", []string{"grant", "remove", name, "--on", indicators}
	}
	to = []string{reads, writes, onlyAdds}[a.random.IntN(3)]
	return to, "", slices.Concat([]string{"grant", "set", name}, strings.Fields(to), []string{"--on", indicators})
}

// look reads, with the eyes of each account, what it may do.
func (a *accounts) look(t testing.TB, s *trial.Server) {
	t.Helper()
	for _, name := range names() {
		a.state[name] = a.seen(t, s, name)
		a.Read(setting(name), a.state[name])
	}
}

func (a *accounts) seen(t testing.TB, s *trial.Server, name string) string {
	t.Helper()
	answer := s.Get(t, "", a.feed+"/", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(name+":"+crashPass)))
	switch answer.Status {
	case http.StatusUnauthorized:
		return ""
	case http.StatusNotFound:
		return nothing
	}
	var c struct {
		CanRead  bool `json:"can_read"`
		CanWrite bool `json:"can_write"`
	}
	answer.JSON(t, &c)
	switch {
	case c.CanRead && c.CanWrite:
		return writes
	case c.CanRead:
		return reads
	case c.CanWrite:
		return onlyAdds
	}
	return fmt.Sprintf("%d %.200s", answer.Status, answer.Body)
}
