package api

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// In these tests time stands still while anything can run.

// queue lets accounts ask one after the other, each for so many octets, and
// gives in which order they are let in while octets come free one by one.
type queue struct {
	g   *gate
	mu  sync.Mutex // guards in
	in  []int64
	all sync.WaitGroup
}

func (q *queue) ask(t *testing.T, account, octets int64) {
	t.Helper()
	q.all.Go(func() {
		if err := q.g.enter(t.Context(), account, octets); err != nil {
			t.Error(err)
			return
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		q.in = append(q.in, account)
	})
	synctest.Wait()
}

func (q *queue) got() []int64 {
	synctest.Wait()
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.in)
}

func wantOrder(t *testing.T, got []int64, want ...int64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("let in: %v, want %v", got, want)
	}
}

func TestABudgetIsSharedOutAndGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{g: newGate(10, nil)}
		q.ask(t, 1, 6)
		q.ask(t, 1, 4)
		wantOrder(t, q.got(), 1, 1)
		q.ask(t, 2, 1)
		wantOrder(t, q.got(), 1, 1)
		q.g.leave(6)
		wantOrder(t, q.got(), 1, 1, 2)
		q.g.leave(5)
		if q.g.free != q.g.size {
			t.Errorf("%d of %d octets are free at the end", q.g.free, q.g.size)
		}
		q.all.Wait()
	})
}

func TestWhoWaitsIsLetInByTurnsOfAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{g: newGate(1, nil)}
		q.ask(t, 9, 1)
		for range 5 { // one account asks for much before the others come
			q.ask(t, 1, 1)
		}
		q.ask(t, 2, 1)
		q.ask(t, 3, 1)
		q.ask(t, 2, 1)
		for range 8 {
			q.g.leave(1)
			q.got()
		}
		wantOrder(t, q.got(), 9, 1, 2, 3, 1, 2, 1, 1, 1)
		q.all.Wait()
		if len(q.g.waiting) != 0 || len(q.g.turns) != 0 {
			t.Errorf("%v and %v are left in the queue", q.g.waiting, q.g.turns)
		}
	})
}

func TestWhoIsNextIsNotPassedOverForWhoWantsLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{g: newGate(10, nil)}
		q.ask(t, 9, 8)
		q.ask(t, 1, 10)
		q.ask(t, 2, 1)
		wantOrder(t, q.got(), 9)
		if q.g.now(1) {
			t.Error("who does not wait took what others wait for")
		}
		q.g.leave(8)
		wantOrder(t, q.got(), 9, 1)
		q.g.leave(10)
		wantOrder(t, q.got(), 9, 1, 2)
		q.all.Wait()
	})
}

func TestWhoWaitsTooLongIsToldToComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		trial.Covers(t, "K70")
		looked := 0
		g := newGate(10, func() { looked++ })
		if err := g.enter(t.Context(), 1, 10); err != nil {
			t.Fatal(err)
		}
		if looked != 0 {
			t.Error("looked for connections to close although nobody waited")
		}
		began := time.Now()
		err := g.enter(t.Context(), 2, 1)
		var e *taxii.Error
		if !errors.As(err, &e) || e.Kind != taxii.Unavailable || e.RetryAfter <= 0 {
			t.Errorf("got %v, want unavailable with a time to come again", err)
		}
		if took := time.Since(began); took != waitFor || waitFor != 5*time.Second {
			t.Errorf("waited %v, want 5s", took)
		}
		if looked < 20 {
			t.Errorf("looked %d times for connections to close", looked)
		}
		g.leave(10)
		if g.free != g.size || len(g.turns) != 0 {
			t.Errorf("%d of %d octets free and %v waiting at the end", g.free, g.size, g.turns)
		}
	})
}

func TestWhoHangsUpNoLongerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(10, nil)
		if err := g.enter(t.Context(), 1, 10); err != nil {
			t.Fatal(err)
		}
		q := &queue{g: g}
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() { failed <- g.enter(ctx, 2, 10) }()
		synctest.Wait()
		q.ask(t, 3, 1) // behind the one that wants all
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		wantOrder(t, q.got())
		g.leave(10)
		wantOrder(t, q.got(), 3)
		q.all.Wait()
	})
}

func TestOctetsOfWhoWasLetInAsItGaveUpAreNotLost(t *testing.T) {
	t.Parallel()
	g := newGate(10, nil)
	if w := g.ask(1, 10, nil); w != nil {
		t.Fatal("an empty gate makes wait")
	}
	w := g.ask(2, 4, nil)
	g.leave(10)
	select {
	case <-w.in:
	default:
		t.Fatal("not let in")
	}
	if err := g.giveUp(2, w, context.Canceled); taxii.KindOf(err) != taxii.Unavailable {
		t.Error(err)
	}
	if g.free != g.size {
		t.Errorf("%d of %d octets free", g.free, g.size)
	}
}

func TestAnOverdrawnBudgetLetsNobodyInUntilItIsPaidBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &queue{g: newGate(10, nil)}
		q.ask(t, 1, 10)
		q.g.overdraw(5) // one object that is larger than a page
		q.g.leave(10)
		q.ask(t, 2, 6)
		wantOrder(t, q.got(), 1)
		q.g.leave(5)
		wantOrder(t, q.got(), 1, 2)
		q.all.Wait()
	})
}

func TestTheRequestsInWorkOfOneAccountAreBoundedAlone(t *testing.T) {
	t.Parallel()
	d := desk(t, 0)
	l := newLoad("requests in work", 2, 100)
	one, other := d.x.Operator(), d.x.Anonymous()
	var leave func()
	for range 2 {
		var err error
		if leave, err = l.enter(one); err != nil {
			t.Fatal(err)
		}
	}
	_, err := l.enter(one)
	var e *taxii.Error
	if !errors.As(err, &e) || e.Kind != taxii.TooMany || e.RetryAfter <= 0 {
		t.Errorf("got %v, want too many with a time to come again", err)
	}
	if _, err := l.enter(other); err != nil {
		t.Errorf("another account: %v", err)
	}
	leave()
	if _, err := l.enter(one); err != nil {
		t.Errorf("once a request has ended: %v", err)
	}
}
