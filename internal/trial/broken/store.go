package broken

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
)

// Fault is the way in which a store is broken.
type Fault string

// The faults. None is the same wrapper around the same store, which then keeps
// its promises.
const (
	None     Fault = "none"
	Early    Fault = "early"    // it acknowledges an Add before its commit
	Headless Fault = "headless" // places are taken without the lock on the feed's head
)

// Wrap breaks a store.
func Wrap(s exchange.Store, f Fault) (exchange.Store, error) {
	switch f {
	case None:
		return &headless{Store: s}, nil
	case Early:
		e := &early{Store: s, waiting: make(chan feed.Add, 1024)}
		go e.commit()
		return e, nil
	case Headless:
		return &headless{Store: s, gap: headlessGap}, nil
	}
	if wrapped := wrapChannels(s, f); wrapped != nil {
		return wrapped, nil
	}
	return nil, fmt.Errorf("there is no fault %q", f)
}

// headlessGap is the longest from taking places to the commit. With 5 ms, what a
// commit takes, a follower misses something in every other round; with this in
// nearly every round, on a busy machine too.
const headlessGap = 40 * time.Millisecond

// early acknowledges what it has yet to write, and writes it as soon as it can.
type early struct {
	exchange.Store
	waiting chan feed.Add
}

func (e *early) commit() {
	for add := range e.waiting {
		_, _ = e.Store.Append(context.Background(), []feed.Add{add}) // nobody is left to be told
	}
}

// Append says at once what a good store would say after the commit.
func (e *early) Append(ctx context.Context, adds []feed.Add) ([]feed.Result, error) {
	results := make([]feed.Result, len(adds))
	for i, add := range adds {
		for _, d := range add.Drafts {
			results[i].Outcomes = append(results[i].Outcomes, feed.Outcome{Version: d.Version})
			add.Drafts[len(results[i].Outcomes)-1].Content = slices.Clone(d.Content) // the request's body is used again
		}
		results[i].Status = add.Status
		select {
		case e.waiting <- add:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return results, nil
}

// headless takes places for an Add and commits it a while later, whatever
// others do meanwhile: an Add that took later places may be committed, and seen,
// before it.
type headless struct {
	exchange.Store
	gap time.Duration // the longest; 0: none

	mu     sync.RWMutex // guards hidden; held while places are taken, and while a page is read
	hidden []span       // what is not committed
}

// span is the places of an Add.
type span struct {
	feed        feed.ID
	first, last feed.Place
}

// Append takes places, and lets them be seen only later.
func (h *headless) Append(ctx context.Context, adds []feed.Add) ([]feed.Result, error) {
	results, err := h.take(ctx, adds)
	if err == nil && h.gap > 0 {
		time.Sleep(rand.N(h.gap))
		h.commit(adds, results)
	}
	return results, err
}

func (h *headless) take(ctx context.Context, adds []feed.Add) ([]feed.Result, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	results, err := h.Store.Append(ctx, adds)
	if err == nil && h.gap > 0 {
		h.hidden = append(h.hidden, spans(adds, results)...)
	}
	return results, err
}

func (h *headless) commit(adds []feed.Add, results []feed.Result) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range spans(adds, results) {
		h.hidden = slices.DeleteFunc(h.hidden, func(other span) bool { return other == s })
	}
}

func spans(adds []feed.Add, results []feed.Result) (list []span) {
	for i, r := range results {
		if r.Status.Last > 0 {
			list = append(list, span{adds[i].Feed, r.Status.First, r.Status.Last})
		}
	}
	return list
}

// Read passes over what is not committed.
func (h *headless) Read(ctx context.Context, id feed.ID, q feed.Query, visit func(*feed.Entry) bool) error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.Store.Read(ctx, id, q, func(e *feed.Entry) bool {
		if slices.ContainsFunc(h.hidden, func(s span) bool { return s.feed == id && s.first <= e.Place && e.Place <= s.last }) {
			return true
		}
		return visit(e)
	})
}
