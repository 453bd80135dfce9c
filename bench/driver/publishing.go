package driver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Publish is the workload that publishes.
const Publish = "publish"

// Publishing publishes to a Channel, by the path of its Messages, one Message of
// MessageSize octets a request, until the time is over. Every one must be
// accepted; and afterwards each must be there once, byte for byte, and nothing else.
// The Channel must be empty.
func Publishing(ctx context.Context, t *Target, path string, l Load) (Figures, error) {
	p := &publications{path: path, messages: NewMessages(newSeries())}
	warm := func(ctx context.Context, c *conn) error {
		uri := path + "?limit=1"
		got, err := c.get(ctx, uri)
		if err == nil {
			err = good(uri, got)
		}
		return err
	}
	f, err := measure(ctx, t, l, warm, p.turn)
	if err != nil {
		return f, err
	}
	return f, p.readBack(ctx, t)
}

// publications are those of one run.
type publications struct {
	path     string
	messages *Messages
	next     atomic.Uint64

	mu   sync.Mutex // guards done
	done []uint64   // what was accepted
}

func (p *publications) turn(ctx context.Context, w *worker, _ int, until time.Time) error {
	var body []byte
	for {
		i := p.next.Add(1) - 1
		body = p.messages.drafts(body[:0], i, 1)
		got, err := w.conn.post(ctx, p.path, body)
		if err == nil {
			err = accepted(got, 1)
		}
		if err != nil {
			return fmt.Errorf("POST %s: %w", p.path, err)
		}
		w.did(1, len(body))
		p.mu.Lock()
		p.done = append(p.done, i)
		p.mu.Unlock()
		if !time.Now().Before(until) {
			return nil
		}
	}
}

// readBack reads the Channel and compares it with what was accepted.
func (p *publications) readBack(ctx context.Context, t *Target) error {
	c, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	due := map[string]uint64{}
	for _, i := range p.done {
		due[p.messages.ID(i)] = i
	}
	w := &walk{conn: c, base: p.path + "?limit=" + fmt.Sprint(learnLimit), limit: learnLimit}
	err = w.each(ctx, func(_ string, _ answer, page page) error {
		for _, raw := range page.objects {
			got, err := readMessage(raw)
			if err != nil {
				return err
			}
			i, ok := due[got.id]
			if !ok {
				return fmt.Errorf("the message %s was not accepted, or comes twice", got.id)
			}
			delete(due, got.id)
			if !bytes.Equal(got.content, p.messages.Append(nil, i)) {
				return fmt.Errorf("the message %s is not as it was published", got.id)
			}
		}
		return nil
	})
	if err == nil && len(due) > 0 {
		err = fmt.Errorf("%d messages were accepted and are not there", len(due))
	}
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	return nil
}

// LearnChannel walks a Channel, by its path. It must hold the first n of these
// Messages and nothing else, in order.
func LearnChannel(ctx context.Context, t *Target, path string, m *Messages, n int) (*Content, error) {
	c, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer c.close()
	content := &Content{path: path}
	w := &walk{conn: c, base: path + "messages/?limit=" + fmt.Sprint(learnLimit), limit: learnLimit}
	err = w.each(ctx, func(_ string, _ answer, p page) error {
		for _, raw := range p.objects {
			if err := m.is(raw, uint64(len(content.sums))); err != nil {
				return err
			}
			content.sums = append(content.sums, Sum(raw))
		}
		return nil
	})
	if err == nil && len(content.sums) != n {
		err = fmt.Errorf("GET %s: %d messages came, %d are there", w.base, len(content.sums), n)
	}
	return content, err
}

// Once asks for every step of a script once, on one connection.
func (s *Script) Once(ctx context.Context, t *Target) (Figures, error) {
	warm := func(context.Context, *conn) error { return nil }
	return measure(ctx, t, Load{Connections: 1}, warm, func(ctx context.Context, w *worker, _ int, _ time.Time) error {
		for range s.steps {
			if err := s.turn(ctx, w, len(w.took), time.Time{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// CatchUp follows a Channel that was learnt from its beginning, by event stream, up
// to the Message that is its last.
func (c *Content) CatchUp(ctx context.Context, t *Target) (Figures, error) {
	warm := func(context.Context, *conn) error { return nil }
	return measure(ctx, t, Load{Connections: 1}, warm, func(ctx context.Context, w *worker, _ int, _ time.Time) error {
		f, err := t.follow(ctx, c.path+"messages/?after=earliest")
		if err != nil {
			return err
		}
		defer f.close()
		began, n := time.Now(), 0
		f.keeps = true
		f.event = func(e event) error {
			if message, err := e.message(); !message {
				return err
			}
			data, err := e.data()
			if err != nil {
				return err
			}
			if n == len(c.sums) || Sum(data) != c.sums[n] {
				return fmt.Errorf("event %d of %d is not the message that is due", n, len(c.sums))
			}
			w.octets += int64(e.size)
			if n++; n == len(c.sums) {
				return errCaughtUp
			}
			return nil
		}
		if err := f.read(); !errors.Is(err, errCaughtUp) {
			return err
		}
		w.objects, w.took = n, append(w.took, time.Since(began))
		return nil
	})
}

// errCaughtUp: there is no more to be read.
var errCaughtUp = errors.New("caught up")
