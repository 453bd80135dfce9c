package driver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
)

// The kinds of workload that read.
const (
	Pages    = "pages"    // whole walks
	Type     = "type"     // whole walks of one type
	Manifest = "manifest" // whole walks of the manifest
	Poll     = "poll"     // what was added after the last date: nothing
	Get      = "get"      // one object by its id, at random
	Behind   = "behind"   // whole walks of a Channel
)

// mostIDs bounds how many different objects are asked for by id.
const mostIDs = 10_000

// Script is a list of requests and what must be answered to each. It may be run
// against every server that gives the same answers, and does not change.
type Script struct {
	Kind  string
	Limit int // objects asked for a page; 0: not said

	base  string
	steps []step
	chain bool // the steps are one walk: each but the first is found by the cursor of the one before
	again bool // cursors may be used again
}

// Script learns a workload of a kind above, with a limit (0: none is sent).
func (c *Content) Script(ctx context.Context, t *Target, kind string, limit int) (*Script, error) {
	s := &Script{Kind: kind, Limit: limit}
	conn, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.close()
	switch kind {
	case Pages:
		err = c.walk(ctx, conn, s, "objects/?", c.sums)
	case Type:
		var name string
		if name, err = c.Type(); err == nil {
			err = c.walk(ctx, conn, s, "objects/?"+url.QueryEscape("match[type]")+"="+url.QueryEscape(name)+"&", c.sumsOf(name))
		}
	case Manifest:
		err = c.walk(ctx, conn, s, "manifest/?", nil)
	case Behind:
		err = c.walk(ctx, conn, s, "messages/?", c.sums)
	case Poll:
		err = c.poll(ctx, conn, s)
	case Get:
		err = c.gets(ctx, conn, s)
	default:
		err = fmt.Errorf("%q is no workload", kind)
	}
	return s, err
}

func withLimit(uri string, limit int) string {
	if limit > 0 {
		uri += "limit=" + strconv.Itoa(limit)
	}
	return uri
}

// walk learns a walk, which must give the objects with these sums or, where
// there are none, be the manifest.
func (c *Content) walk(ctx context.Context, conn *conn, s *Script, query string, sums []uint32) error {
	s.chain, s.base = true, withLimit(c.path+query, s.Limit)
	var got []uint32
	records := records{content: c}
	w := &walk{conn: conn, base: s.base, limit: s.Limit, dated: s.Kind == Manifest}
	err := w.each(ctx, func(uri string, a answer, p page) error {
		s.steps = append(s.steps, stepOf(uri, a, p))
		if sums == nil {
			return records.take(p.objects)
		}
		got = append(got, s.steps[len(s.steps)-1].sums...)
		return nil
	})
	if err == nil && sums == nil {
		err = records.end()
	}
	if err == nil && !slices.Equal(got, sums) {
		err = fmt.Errorf("%s", difference(got, sums))
	}
	if err != nil {
		return fmt.Errorf("walk %s: %w", s.base, err)
	}
	if len(s.steps) > 1 {
		a, err := conn.get(ctx, s.steps[1].uri)
		if err != nil {
			return err
		}
		_, err = s.steps[1].check(a)
		s.again = err == nil
	}
	return nil
}

// records checks the records of a manifest against the content.
type records struct {
	content *Content
	n       int
	last    string
}

func (r *records) take(list [][]byte) error {
	for _, raw := range list {
		f, err := peek(raw)
		if err != nil {
			return err
		}
		c := r.content
		switch {
		case r.n >= len(c.ids):
			return fmt.Errorf("the manifest has %s, the objects end before", f.id)
		case c.ids[r.n] != f.id || c.keys[r.n] != key(c.seed, f.id, f.recorded) && c.keys[r.n] != key(c.seed, f.id, ""):
			return fmt.Errorf("record %d is %s %s, where the objects have %s", r.n, f.id, f.recorded, c.ids[r.n])
		case f.added < r.last:
			return fmt.Errorf("record %d was added %s, the one before %s", r.n, f.added, r.last)
		}
		r.n, r.last = r.n+1, f.added
	}
	return nil
}

func (r *records) end() error {
	if r.n != len(r.content.ids) {
		return fmt.Errorf("the manifest has %d records, there are %d objects", r.n, len(r.content.ids))
	}
	return nil
}

// one learns a single request.
func (c *Content) one(ctx context.Context, conn *conn, s *Script, uri string, sums ...uint32) error {
	w := &walk{conn: conn, base: uri, limit: s.Limit}
	return w.each(ctx, func(uri string, a answer, p page) error {
		st := stepOf(uri, a, p)
		if p.more || !slices.Equal(st.sums, sums) {
			return fmt.Errorf("%s", difference(st.sums, sums))
		}
		s.steps = append(s.steps, st)
		return nil
	})
}

func (c *Content) poll(ctx context.Context, conn *conn, s *Script) error {
	if c.last == "" {
		return fmt.Errorf("%s is empty, or its pages have no X-TAXII-Date-Added-Last", c.path)
	}
	return c.one(ctx, conn, s, withLimit(c.path+"objects/?added_after="+url.QueryEscape(c.last)+"&", s.Limit))
}

// gets learns objects by id, all of them or as many as are bounded, in an order
// that is random and always the same.
func (c *Content) gets(ctx context.Context, conn *conn, s *Script) error {
	r := rand.New(rand.NewPCG(1, uint64(len(c.ids)))) //nolint:gosec // it chooses what to ask for, and keeps nothing secret
	for _, i := range r.Perm(len(c.ids))[:min(mostIDs, len(c.ids))] {
		if err := c.one(ctx, conn, s, c.path+"objects/"+url.PathEscape(c.ids[i])+"/", c.sums[i]); err != nil {
			return err
		}
	}
	if len(s.steps) == 0 {
		return fmt.Errorf("%s is empty", c.path)
	}
	return nil
}
