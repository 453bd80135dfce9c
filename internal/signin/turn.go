package signin

import (
	"context"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"
)

const (
	// maxWaiting bounds the sign-ins that wait for a hash; more would only make
	// every one of them too slow.
	maxWaiting = 64
	// waitFor is how long a sign-in waits for its turn.
	waitFor = 5 * time.Second
)

// rank is what decides who is next: who is familiar, then who is not suspect, then
// who is not, and among these who has fewer others of the same source before it, so
// that a source with many waits behind one with few.
type rank struct {
	familiar bool         // with a password that was verified in the last day
	suspect  bool         // from a source that has guessed much
	source   netip.Prefix // where it comes from
	nth      int          // of those of its source that wait
}

func (r rank) class() int {
	switch {
	case r.familiar:
		return 0
	case r.suspect:
		return 2
	}
	return 1
}

func (r rank) before(o rank) bool {
	if r.class() != o.class() {
		return r.class() < o.class()
	}
	return r.nth < o.nth
}

// turns is the node's budget of hashes at a time: each takes a core and 19 MiB.
type turns struct {
	most int

	mu      sync.Mutex // guards all below
	running int
	waiting []*waiter // in the order in which they came
}

// waiter waits for its turn; told true it has it, false it has lost its place.
type waiter struct {
	rank
	told chan bool
}

func newTurns() *turns { return &turns{most: max(1, runtime.GOMAXPROCS(0))} }

// enter waits for a turn; leave, to be called once, ends it.
func (t *turns) enter(ctx context.Context, r rank) (leave func(), err error) {
	w, err := t.ask(r)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return t.leave, nil
	}
	late := time.NewTimer(waitFor)
	defer late.Stop()
	var cause error
	select {
	case in := <-w.told:
		if in {
			return t.leave, nil
		}
		return nil, busy()
	case <-ctx.Done():
		cause = ctx.Err()
	case <-late.C:
	}
	t.giveUp(w)
	return nil, busy().Because(cause)
}

// ask takes a turn, and gives nil, or a place among those who wait. Where there is
// no place more, who is last loses its own.
func (t *turns) ask(r rank) (*waiter, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running < t.most {
		t.running++
		return nil, nil
	}
	for _, o := range t.waiting {
		if o.source == r.source && o.class() == r.class() {
			r.nth++
		}
	}
	if len(t.waiting) >= maxWaiting {
		last := t.last()
		if !r.before(t.waiting[last].rank) {
			return nil, busy()
		}
		t.waiting[last].told <- false
		t.waiting = slices.Delete(t.waiting, last, last+1)
	}
	w := &waiter{r, make(chan bool, 1)} // of 1: who tells does not wait for who has given up
	t.waiting = append(t.waiting, w)
	return w, nil
}

// last finds who would be the last to have a turn. mu is held.
func (t *turns) last() (at int) {
	for i, w := range t.waiting {
		if !w.before(t.waiting[at].rank) {
			at = i
		}
	}
	return at
}

// first finds who is next. mu is held.
func (t *turns) first() (at int) {
	for i, w := range t.waiting {
		if w.before(t.waiting[at].rank) {
			at = i
		}
	}
	return at
}

// leave gives a turn to who is next, or back.
func (t *turns) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		t.running--
		return
	}
	next := t.first()
	t.waiting[next].told <- true
	t.waiting = slices.Delete(t.waiting, next, next+1)
}

// giveUp takes a waiter out or, if it was told meanwhile that it has a turn, gives
// that on.
func (t *turns) giveUp(w *waiter) {
	t.mu.Lock()
	i := slices.Index(t.waiting, w)
	if i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	}
	t.mu.Unlock()
	if i < 0 && <-w.told {
		t.leave()
	}
}
