package store

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/hansom-taxii/hansom/internal/feed"
)

// Readers whose Selector nothing passes took every processor and reader of the
// store, and who published waited for tens of milliseconds.
func TestFewSearchesThroughMessagesGoOnAtATime(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	c, _ := s.channel()
	s.publish(c.Feed, 1, someMessage("a", "a"))
	ask := func(ctx context.Context, limit int, visit func()) error {
		q := feed.Query{Messages: true, Upto: 1, Limit: limit, Ceiling: feed.NoCeiling}
		return s.Read(ctx, c.Feed, q, func(*feed.Entry) bool { visit(); return true })
	}
	held, found := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	for range maxSearches {
		all.Go(func() {
			if err := ask(t.Context(), searchLimit+1, func() { found <- struct{}{}; <-held }); err != nil {
				t.Error(err)
			}
		})
		<-found
	}
	none := 0
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := ask(ctx, searchLimit+1, func() { none++ }); !errors.Is(err, context.Canceled) || none > 0 {
		t.Errorf("one search more: %v, %d Messages", err, none)
	}
	must(t, ask(t.Context(), searchLimit, func() { none++ })) // who reads a page does not wait
	close(held)
	all.Wait()
	must(t, ask(t.Context(), searchLimit+1, func() { none++ }))
	if none != 2 {
		t.Errorf("%d Messages, want 2", none)
	}
}
