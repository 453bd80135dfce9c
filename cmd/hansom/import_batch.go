package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// A batch is sent when it has as many objects, or octets: it then stays
	// below the default max_content_length, and the writer serves others
	// between two.
	maxBatch      = 1000
	maxBatchBytes = 8 << 20
	// maxObjectBytes bounds one object; the server takes no larger bodies here.
	maxObjectBytes = 60 << 20
	// A server that has no room now is asked again, so often.
	mostRetries = 10
)

// sent is what became of a batch.
type sent = taxii.Status

// batch collects objects and sends them in envelopes.
type batch struct {
	o     importing
	tally *tally
	send  func(body []byte) (sent, error)

	body    []byte // an envelope without its end, or nothing
	indexes []int  // where each object of body stands in the file
	next    int    // the index of the next object
}

// all imports everything that r holds.
func (b *batch) all(r io.Reader) error {
	if err := eachObject(r, b.take); err != nil {
		return err
	}
	return b.flush()
}

// take takes one object, and sends what is full.
func (b *batch) take(raw []byte) error {
	index := b.next
	b.next++
	b.tally.Objects++
	if why := unsendable(raw); why != "" {
		return b.tally.fail(taxii.StatusDetail{ID: "objects/" + strconv.Itoa(index), Message: why})
	}
	if len(b.body)+len(raw) > maxBatchBytes {
		if err := b.flush(); err != nil {
			return err
		}
	}
	if len(b.indexes) == 0 {
		b.body = append(b.body[:0], `{"objects":[`...)
	} else {
		b.body = append(b.body, ',')
	}
	b.body = append(b.body, raw...)
	b.indexes = append(b.indexes, index)
	if len(b.indexes) >= b.o.batch {
		return b.flush()
	}
	return nil
}

// unsendable says why the server would refuse every object that comes with
// this one, or "".
func unsendable(raw []byte) string {
	if len(raw) > maxObjectBytes {
		return fmt.Sprintf("the object is larger than %d octets", maxObjectBytes)
	}
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	for {
		_, err := d.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return ""
		case err != nil:
			return err.Error()
		case d.StackDepth() > taxii.MaxLevels-2:
			return fmt.Sprintf("the object nests deeper than %d levels", taxii.MaxLevels-2)
		}
	}
}

// flush sends what there is.
func (b *batch) flush() error {
	if len(b.indexes) == 0 {
		return nil
	}
	st, err := b.send(append(b.body, `]}`...))
	if err != nil {
		return err
	}
	for _, s := range st.Successes {
		b.tally.succeed(s)
	}
	for _, f := range st.Failures {
		f.ID = b.inFile(f.ID)
		if err := b.tally.fail(f); err != nil {
			return err
		}
	}
	b.indexes = b.indexes[:0]
	return nil
}

var byIndex = regexp.MustCompile(`^objects/(\d+)(/.*)?$`)

// inFile turns the place of an object in the envelope, by which it is called if
// it has no usable id, into its place in the file.
func (b *batch) inFile(id string) string {
	m := byIndex.FindStringSubmatch(id)
	if m == nil {
		return id
	}
	i, err := strconv.Atoi(m[1])
	if err != nil || i >= len(b.indexes) {
		return id
	}
	return "objects/" + strconv.Itoa(b.indexes[i]) + m[2]
}

// send sends an envelope, again if the server has no room now: what it holds
// already is added only once.
func send(ctx context.Context, c *admin.Client, o importing, body []byte) (taxii.Status, error) {
	for try := 1; ; try++ {
		st, err := c.Import(ctx, o.root, o.name, o.as, body)
		if kind := taxii.KindOf(err); err == nil || try == mostRetries || kind != taxii.Unavailable && kind != taxii.TooMany {
			return st, err
		}
		select {
		case <-ctx.Done():
			return st, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
