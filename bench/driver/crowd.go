package driver

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// opening is how many followers are opened at once.
	opening = 32
	// delivery is how long all followers together may take for what is published
	// at once.
	delivery = time.Minute
)

// Crowd is many followers of one feed, each an event stream on a connection of its
// own, and one publisher. Every follower must get every Message once, in the order
// in which they are published, with the same octets; the first is read in full.
type Crowd struct {
	t         *Target
	feed      Feed
	followers []*follower
	publisher *conn
	used      time.Time // when the publisher was, last
	next      uint64    // the first Message that was not published

	run   atomic.Pointer[run]
	ctx   context.Context //nolint:containedctx // ends with the first fault of any follower
	fault context.CancelCauseFunc
	ended sync.WaitGroup
}

// Feed is what a Crowd follows, and how something is published there.
type Feed struct {
	URI  string // to follow, and to publish to
	post func(to []byte, i uint64, n int) []byte
	took func(a answer, n int) error
	is   func(text []byte, i uint64) error // what is wrong with the event of Message i
}

// ChannelFeed is a Channel by the path of its Messages.
func ChannelFeed(path string, m *Messages) Feed {
	return Feed{URI: path, post: m.drafts, took: accepted, is: func(text []byte, i uint64) error {
		e := event{text: text}
		raw, err := e.data()
		if err != nil {
			return err
		}
		return m.is(raw, i)
	}}
}

// run is the Messages of one order.
type run struct {
	from  uint64 // the first
	batch int    // Messages in a request
	slots []slot
	left  []atomic.Int64        // of them, by batch
	done  chan struct{}         // a value for each batch that has reached all
	timed bool                  // how long each delivery takes is noted
	took  [][]time.Duration     // by follower
	heard func(i int, t []byte) // the events of the first follower; nil: nobody asks
}

// slot is one Message of a run.
type slot struct {
	sum  atomic.Uint64 // 1<<32 and the sum of its event, once that is known
	sent atomic.Int64  // when it was published, Unix time in nanoseconds
}

// Gather opens so many followers.
func Gather(ctx context.Context, t *Target, feed Feed, n int) (*Crowd, error) {
	c, err := open(ctx, t, feed, n)
	if err != nil {
		return nil, err
	}
	for i, f := range c.followers {
		c.ended.Go(func() { c.fault(fmt.Errorf("follower %d: %w", i, f.read())) })
	}
	return c, nil
}

func open(ctx context.Context, t *Target, feed Feed, n int) (*Crowd, error) {
	c := &Crowd{t: t, feed: feed, followers: make([]*follower, n)}
	c.ctx, c.fault = context.WithCancelCause(ctx)
	var wait sync.WaitGroup
	slots := make(chan struct{}, opening)
	for i := range c.followers {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			if err := c.open(i); err != nil {
				c.fault(fmt.Errorf("follower %d: %w", i, err))
			}
		})
	}
	wait.Wait()
	if err := context.Cause(c.ctx); err != nil {
		c.Leave()
		return nil, err
	}
	return c, nil
}

// open opens one follower.
func (c *Crowd) open(index int) error {
	if c.ctx.Err() != nil {
		return nil // another has failed
	}
	f, err := c.t.follow(c.ctx, c.feed.URI)
	if err != nil {
		return err
	}
	var at *run
	next := 0
	f.keeps = index == 0
	f.event = func(e event) error {
		if message, err := e.message(); !message {
			return err
		}
		now := c.run.Load()
		if now != at {
			at, next = now, 0
		}
		if at == nil || next == len(at.slots) {
			return fmt.Errorf("a message came that is not due: %.200q", e.text)
		}
		err := c.arrived(at, index, next, &e)
		next++
		return err
	}
	c.followers[index] = f
	return nil
}

// arrived takes the event of a Message that is due.
func (c *Crowd) arrived(r *run, follower, i int, e *event) error {
	s, sum := &r.slots[i], 1<<32|uint64(e.sum)
	if !s.sum.CompareAndSwap(0, sum) && s.sum.Load() != sum {
		return fmt.Errorf("message %d of %d is not the one that is due, or not as others got it", i, len(r.slots))
	}
	if r.timed {
		r.took[follower] = append(r.took[follower], time.Duration(time.Now().UnixNano()-s.sent.Load()))
	}
	if follower == 0 {
		if err := c.feed.is(e.text, r.from+uint64(i)); err != nil {
			return err
		}
		if r.heard != nil {
			r.heard(i, e.text)
		}
	}
	if k := i / r.batch; (i+1)%r.batch == 0 || i+1 == len(r.slots) {
		if r.left[k].Add(-1) == 0 {
			r.done <- struct{}{}
		}
	}
	return nil
}

// begin makes a run of n Messages known to the followers. The one before is over.
func (c *Crowd) begin(n, batch int) *run {
	count := (n + batch - 1) / batch
	r := &run{
		from: c.next, batch: batch, slots: make([]slot, n), left: make([]atomic.Int64, count),
		done: make(chan struct{}, count), took: make([][]time.Duration, len(c.followers)),
	}
	for k := range r.left {
		r.left[k].Store(int64(len(c.followers)))
	}
	c.next += uint64(n)
	return r
}

// unused is how long a connection may be without a request before it is opened
// anew: servers close it some time.
const unused = 2 * time.Second

// ready makes sure that the publisher has a connection.
func (c *Crowd) ready() (err error) {
	if c.publisher != nil && time.Since(c.used) < unused {
		return nil
	}
	if c.publisher != nil {
		c.publisher.close()
	}
	c.publisher, err = c.t.dial(c.ctx)
	c.used = time.Now()
	return err
}

// publish publishes Messages of a run and waits for the answer.
func (c *Crowd) publish(i uint64, n int) error {
	p := c.publisher
	defer func() { c.used = time.Now() }()
	p.body = c.feed.post(p.body[:0], i, n)
	a, err := p.post(c.ctx, c.feed.URI, p.body)
	if err == nil {
		err = c.feed.took(a, n)
	}
	if cause := context.Cause(c.ctx); cause != nil {
		return cause
	}
	if err != nil {
		return fmt.Errorf("POST %s: %w", c.feed.URI, err)
	}
	return nil
}

// reached waits until a further batch has reached all.
func (c *Crowd) reached(r *run) error {
	select {
	case <-r.done:
		return nil
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	case <-time.After(delivery):
		return fmt.Errorf("what was published has not reached all %d followers after %v", len(c.followers), delivery)
	}
}

// Settled tells whether nothing has come that was not due.
func (c *Crowd) Settled() error { return context.Cause(c.ctx) }

// Leave closes all.
func (c *Crowd) Leave() {
	c.fault(nil)
	for _, f := range c.followers {
		if f != nil {
			f.close()
		}
	}
	if c.publisher != nil {
		c.publisher.close()
	}
	c.ended.Wait()
}

// stuckBuffer is the buffer of the system for what a stuck follower does not read.
const stuckBuffer = 4 << 10

// Stuck opens followers that do not read, and can only leave.
func Stuck(ctx context.Context, t *Target, feed Feed, n int) (*Crowd, error) {
	few := *t
	few.receive = stuckBuffer
	return open(ctx, &few, feed, n)
}
