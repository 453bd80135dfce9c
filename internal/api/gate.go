package api

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// waitFor is how long a request waits for memory before it is told to come
	// again: longer than a page takes to go out, shorter than clients' time-outs.
	waitFor = 5 * time.Second
	// lookEvery is how often a waiting request looks for connections that take
	// nothing.
	lookEvery = 50 * time.Millisecond
)

// gate shares out a budget of octets. Who must wait is let in by turns of
// account, so that no account can keep others out.
type gate struct {
	size int64
	// crowded is called now and then while somebody waits.
	crowded func()

	mu      sync.Mutex // guards all below
	free    int64
	beyond  *intake // one that has been let in beyond the budget, or nil
	turns   []int64 // accounts that wait, the next first
	waiting map[int64][]*waiter
}

type waiter struct {
	octets int64
	more   *intake       // that asks for more than it has, or nil
	in     chan struct{} // closed when let in
}

func newGate(size int64, crowded func()) *gate {
	if crowded == nil {
		crowded = func() {}
	}
	return &gate{size: size, crowded: crowded, free: size, waiting: map[int64][]*waiter{}}
}

// enter takes octets of the budget, waiting for them if it must; Unavailable
// if they do not come free.
func (g *gate) enter(ctx context.Context, account, octets int64) error {
	return g.enterFor(ctx, account, octets, nil)
}

// enterFor is enter for an intake that holds octets and needs more, or nil. Many
// such could wait for each other with nothing left for any: one of them at a
// time is let in beyond the budget, and gives all back when it is done.
func (g *gate) enterFor(ctx context.Context, account, octets int64, more *intake) error {
	w := g.ask(account, octets, more)
	if w == nil {
		return nil
	}
	_, err := g.wait(ctx, account, w, nil)
	return err
}

// enterUnless is enter for who does without the octets once other is closed:
// then it tells false, and nothing is taken.
func (g *gate) enterUnless(ctx context.Context, account, octets int64, other <-chan struct{}) (entered bool, err error) {
	w := g.ask(account, octets, nil)
	if w == nil {
		return true, nil
	}
	return g.wait(ctx, account, w, other)
}

// wait waits until a waiter is let in, or other is closed.
func (g *gate) wait(ctx context.Context, account int64, w *waiter, other <-chan struct{}) (entered bool, err error) {
	deadline := time.NewTimer(waitFor)
	defer deadline.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-w.in:
			return true, nil
		case <-other:
			g.withdraw(account, w)
			return false, nil
		case <-look.C:
			g.crowded()
		case <-deadline.C:
			return false, g.giveUp(account, w, nil)
		case <-ctx.Done():
			return false, g.giveUp(account, w, ctx.Err())
		}
	}
}

// now takes the octets if they can be had without waiting.
func (g *gate) now(octets int64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.turns) > 0 || !g.has(octets) {
		return false
	}
	g.free -= octets
	return true
}

// has tells whether so many octets can be taken. Nobody wants more than there
// are at all, but by the settings of very small servers.
func (g *gate) has(octets int64) bool { return octets <= g.free || g.free == g.size }

// ask takes the octets at once, or queues for them.
func (g *gate) ask(account, octets int64, more *intake) *waiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.turns) == 0 && g.has(octets) || g.goBeyond(more) {
		g.free -= octets
		return nil
	}
	w := &waiter{octets: octets, more: more, in: make(chan struct{})}
	if len(g.waiting[account]) == 0 {
		g.turns = append(g.turns, account)
	}
	g.waiting[account] = append(g.waiting[account], w)
	return w
}

// giveUp withdraws a waiter and says that there was no memory for it.
func (g *gate) giveUp(account int64, w *waiter, cause error) error {
	g.withdraw(account, w)
	e := taxii.Errorf(taxii.Unavailable, "the server has no memory free for this request; try again").Because(cause)
	e.RetryAfter = waitFor
	return e
}

// withdraw takes a waiter out of the queue or, if it was let in meanwhile, gives
// its octets back.
func (g *gate) withdraw(account int64, w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-w.in:
		g.free += w.octets
	default:
		g.remove(account, w)
	}
	g.admit()
}

// remove takes a waiter out of the queue. mu is held.
func (g *gate) remove(account int64, w *waiter) {
	g.waiting[account] = slices.DeleteFunc(g.waiting[account], func(o *waiter) bool { return o == w })
	if len(g.waiting[account]) == 0 {
		delete(g.waiting, account)
		g.turns = slices.DeleteFunc(g.turns, func(o int64) bool { return o == account })
	}
}

// goBeyond tells whether an intake may go beyond the budget. mu is held.
func (g *gate) goBeyond(more *intake) bool {
	if more == nil || g.beyond != nil && g.beyond != more {
		return false
	}
	g.beyond = more
	return true
}

// end gives back all that an intake has.
func (g *gate) end(in *intake, octets int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free += octets
	if g.beyond == in {
		g.beyond = nil
		g.rescue()
	}
	g.admit()
}

// rescue lets one of those who wait for more go beyond the budget. mu is held.
func (g *gate) rescue() {
	for _, account := range g.turns {
		for _, w := range g.waiting[account] {
			if g.goBeyond(w.more) {
				g.free -= w.octets
				close(w.in)
				g.remove(account, w)
				return
			}
		}
	}
}

// leave gives octets back.
func (g *gate) leave(octets int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free += octets
	g.admit()
}

// crowd tells whether somebody waits.
func (g *gate) crowd() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.turns) > 0
}

// held tells how many octets are taken.
func (g *gate) held() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.size - g.free
}

// overdraw takes octets that must be had now; the budget may become negative,
// and nobody is let in until it is not.
func (g *gate) overdraw(octets int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free -= octets
}

// admit lets in who waits, one of each account in turn. mu is held.
func (g *gate) admit() {
	for len(g.turns) > 0 {
		account := g.turns[0]
		w := g.waiting[account][0]
		if !g.has(w.octets) {
			return // who is next is not passed over for who wants less
		}
		g.free -= w.octets
		close(w.in)
		g.turns = g.turns[1:]
		if rest := g.waiting[account][1:]; len(rest) > 0 {
			g.waiting[account] = rest
			g.turns = append(g.turns, account)
		} else {
			delete(g.waiting, account)
		}
	}
}
