package driver

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Adding adds objects of its own to a Collection, and reads back what was
// acknowledged. Nobody else may add to the Collection meanwhile.
type Adding struct {
	path string // of the Collection, with a final slash
	root string // path of its API Root, with a final slash
	last string // the date up to which the Collection has been read
	like *Objects
}

// NewAdding begins to add to a Collection of an API Root. What is in it already
// is walked past once.
func NewAdding(ctx context.Context, t *Target, root, path string) (*Adding, error) {
	before, err := Learn(ctx, t, path, nil)
	if err != nil {
		return nil, err
	}
	return &Adding{path: path, root: root, last: before.last, like: NewObjects(0)}, nil
}

// Marked lets it add objects with TLP markings (Objects.Marked).
func (a *Adding) Marked() { a.like = a.like.Marked() }

// Run posts envelopes of so many objects each until the time is over. Every
// object must be a success of a complete Status; and afterwards each must be
// there once, byte for byte, and nothing else that is new.
func (a *Adding) Run(ctx context.Context, t *Target, batch int, l Load) (Figures, error) {
	p := &posts{adding: a, objects: a.like.another(newSeries()), batch: batch}
	warm := func(ctx context.Context, c *conn) error {
		got, err := c.get(ctx, a.path)
		if err == nil {
			err = good(a.path, got)
		}
		return err
	}
	f, err := measure(ctx, t, l, warm, p.turn)
	if err != nil {
		return f, err
	}
	return f, p.readBack(ctx, t)
}

// newSeries gives a series that no run before had.
func newSeries() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

// posts are the Adds of one run.
type posts struct {
	adding  *Adding
	objects *Objects
	batch   int
	next    atomic.Uint64 // the first number that no envelope has

	mu   sync.Mutex // guards done
	done []uint64   // the first number of each envelope that was acknowledged
}

// turn posts until the time is over.
func (p *posts) turn(ctx context.Context, w *worker, _ int, until time.Time) error {
	var body []byte
	uri := p.adding.path + "objects/"
	for {
		from := p.next.Add(uint64(p.batch)) - uint64(p.batch)
		body = p.envelope(body[:0], from)
		got, err := w.conn.post(ctx, uri, body)
		if err == nil {
			err = p.accepted(ctx, w.conn, got)
		}
		if err != nil {
			return fmt.Errorf("POST %s: %w", uri, err)
		}
		w.did(p.batch, len(body))
		p.mu.Lock()
		p.done = append(p.done, from)
		p.mu.Unlock()
		if !time.Now().Before(until) {
			return nil
		}
	}
}

func (p *posts) envelope(to []byte, from uint64) []byte {
	to = append(to, `{"objects":[`...)
	for i := range uint64(p.batch) {
		if i > 0 {
			to = append(to, ',')
		}
		to = p.objects.Append(to, from+i)
	}
	return append(to, `]}`...)
}

// accepted reads a Status, and waits until it is complete.
func (p *posts) accepted(ctx context.Context, c *conn, a answer) error {
	if a.status != http.StatusAccepted {
		return fmt.Errorf("status %d: %.200s", a.status, a.body)
	}
	took := c.last
	for {
		s, err := readStatus(a.body)
		switch {
		case err != nil:
			return fmt.Errorf("the Status: %w", err)
		case s.complete && s.good == p.batch && s.bad == 0:
			c.last = took
			return nil
		case s.complete || s.bad > 0:
			return fmt.Errorf("%d of %d objects were stored, %d failed", s.good, p.batch, s.bad)
		}
		if a, err = c.get(ctx, p.adding.root+"status/"+s.id+"/"); err != nil {
			return err
		}
		took += c.last
		if a.status != http.StatusOK {
			return fmt.Errorf("the Status is answered with %d", a.status)
		}
	}
}

// readBack reads what is new in the Collection, and compares it with what was
// acknowledged.
func (p *posts) readBack(ctx context.Context, t *Target) error {
	base := p.adding.path + "objects/?limit=" + fmt.Sprint(learnLimit)
	if p.adding.last != "" {
		base += "&added_after=" + url.QueryEscape(p.adding.last)
	}
	got, err := learn(ctx, t, p.adding.path, base, nil)
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if got.last != "" {
		p.adding.last = got.last
	}
	want := p.acknowledged()
	if got.Len() != len(want) {
		return fmt.Errorf("read back: %d objects were acknowledged, %d are there", len(want), got.Len())
	}
	for i, id := range got.ids {
		if sum, ok := want[id]; !ok || sum != got.sums[i] {
			return fmt.Errorf("read back: %s is not as it was sent", id)
		}
	}
	return nil
}

// acknowledged gives the sums of the objects that must be there, by id.
func (p *posts) acknowledged() map[string]uint32 {
	slices.Sort(p.done)
	want := make(map[string]uint32, len(p.done)*p.batch)
	var raw []byte
	for _, from := range p.done {
		for i := range uint64(p.batch) {
			raw = p.objects.Append(raw[:0], from+i)
			f, err := peek(raw)
			if err == nil {
				want[f.id] = Sum(raw)
			}
		}
	}
	return want
}
