package feed_test

import (
	"sync"
	"testing"

	"github.com/hansom-taxii/hansom/internal/feed"
)

func TestABellWakesAllWhoListenToItsFeedAndNobodyElse(t *testing.T) {
	var b feed.Bell
	one, same, other := b.Listen(1), b.Listen(1), b.Listen(2)
	b.Ring(1)
	b.Ring(3) // nobody listens
	<-one
	<-same
	select {
	case <-other:
		t.Error("the bell of another feed rang")
	case <-b.Listen(1):
		t.Error("a bell that was listened to after the ring has rung")
	default:
	}
}

// Who listens first and then looks misses nothing: every change is either seen or
// rung for.
func TestWhoListensBeforeItLooksMissesNothing(t *testing.T) {
	var b feed.Bell
	var mu sync.Mutex
	place := 0
	const last = 2000
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for {
				bell := b.Listen(7)
				mu.Lock()
				at := place
				mu.Unlock()
				if at == last {
					return
				}
				<-bell
			}
		})
	}
	for range last {
		mu.Lock()
		place++
		mu.Unlock()
		b.Ring(7)
	}
	wait.Wait()
}

func TestWhatIncarnationsHaveInCommon(t *testing.T) {
	for _, c := range []struct {
		past []feed.Place
		of   int
		want feed.Place
	}{
		{nil, 0, 50}, {nil, 3, 50}, {[]feed.Place{10}, 0, 10}, {[]feed.Place{10}, 1, 50},
		{[]feed.Place{10, 30}, 0, 10}, {[]feed.Place{10, 30}, 1, 30}, {[]feed.Place{10, 30}, 2, 50},
		{[]feed.Place{30, 10}, 0, 10}, {[]feed.Place{30, 10}, 1, 10}, // a copy older than the one before
	} {
		if got := (feed.Head{Place: 50, Past: c.past}).Common(c.of); got != c.want {
			t.Errorf("with %v, number %d has %d in common, want %d", c.past, c.of, got, c.want)
		}
	}
}
