package store

import (
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// A write whose commit was lost with its neighbours' is carried out again. It
// kept the number it had taken the first time, and the next root got the same.
func TestAWriteThatIsCarriedOutAgainTakesANumberAgain(t *testing.T) {
	s := openStore(t, Options{})
	var first int64
	s.lostWith(func() (err error) {
		first, err = s.PutRoot(t.Context(), exchange.Root{Name: "first"})
		return err
	})
	second, err := s.PutRoot(t.Context(), exchange.Root{Name: "second"})
	must(t, err)
	c, err := s.Catalog(t.Context())
	must(t, err)
	if first == second || len(c.Roots) != 2 {
		t.Errorf("roots %d and %d, %d in the catalogue", first, second, len(c.Roots))
	}
}

// lostWith has the writer carry out a write in a commit with one that ends the
// transaction under it, so that all of it is lost and carried out again.
func (s *testStore) lostWith(write func() error) {
	s.Helper()
	lost := &job{err: make(chan error, 1), do: func(x *tx) error { return x.exec("rollback") }}
	held, begun, done := make(chan struct{}, 1), make(chan struct{}), make(chan error, 1)
	hold := &job{err: make(chan error, 1), do: func(*tx) error { held <- struct{}{}; <-begun; return nil }}
	s.jobs <- hold
	<-held // while it runs the next two wait, and are then joined
	go func() { done <- write() }()
	for end := time.Now().Add(20 * time.Second); len(s.jobs) < 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.Fatal("nothing waits")
		}
	}
	s.jobs <- lost
	close(begun)
	must(s, <-done)
	if err := <-lost.err; err == nil || taxii.KindOf(err) != taxii.Internal {
		s.Errorf("the write that ends the transaction: %v", err)
	}
}

// What is carried out again after its commit was lost is there once: no write may
// keep anything of the first time.
func TestWritesOfChannelsThatAreCarriedOutAgainAreThereOnce(t *testing.T) {
	s := openStore(t, Options{})
	c, account := s.channel()
	s.publish(c.Feed, 1, someMessage("a", "0123456789"), someMessage("b", "0123456789"))
	sub := exchange.Subscription{SubscriptionKey: exchange.SubscriptionKey{Channel: c.ID, Account: account}, ID: taxii.NewID()}
	var got struct {
		results []feed.Result
		created bool
		changed exchange.Subscription
		used    exchange.Invitation
	}
	must(t, s.PutInvitation(t.Context(), exchange.Invitation{ID: "v", Channel: c.ID, TokenHash: "h", Rights: 1, Expires: 5, Uses: 3}))
	for _, write := range []func() error{
		func() (err error) {
			got.results, err = s.Append(t.Context(), []feed.Add{{
				Feed: c.Feed, Account: 2, Drafts: []feed.Draft{someMessage("a", "other"), someMessage("c", "0123456789")},
				Status: feed.Status{ID: taxii.NewID(), At: 1}, Worker: &feed.Worker{Name: "w", To: 5},
			}})
			return err
		},
		func() (err error) { _, err = s.Expire(t.Context(), c.Feed, 1); return err },
		func() (err error) { return s.Reincarnate(t.Context()) },
		func() (err error) {
			_, got.created, err = s.Subscribe(t.Context(), sub, exchange.SubscriptionBounds{PerChannel: 1})
			return err
		},
		func() (err error) {
			got.changed, err = s.ChangeSubscription(t.Context(), sub.ID, func(v *exchange.Subscription) error { v.Moves++; return nil })
			return err
		},
		func() (err error) {
			got.used, err = s.Redeem(t.Context(), c.ID, "h", account, 1, func(exchange.Invitation) bool { return true })
			return err
		},
		func() (err error) {
			shorter := c
			shorter.TTL = 5
			return s.PutChannel(t.Context(), shorter)
		},
	} {
		s.lostWith(write)
	}
	if st := got.results[0].Status; len(st.Taken) != 1 || len(st.Failures) != 1 {
		t.Errorf("the record is %+v", st)
	}
	if !got.created || got.changed.Moves != 1 || got.used.Uses != 2 {
		t.Errorf("got %+v", got)
	}
	h, err := s.Head(t.Context(), c.Feed)
	must(t, err)
	if h.Place != 3 || h.Floor != 1 || h.Octets != 30 || h.FloorOctets != 10 || len(h.Past) != 1 {
		t.Errorf("the head is %+v", h)
	}
	cat, err := s.Catalog(t.Context())
	must(t, err)
	if now := cat.Channels[0]; now.Clashes != 1 || len(now.Keeps) != 2 {
		t.Errorf("the Channel is %+v", now)
	}
	faults, err := s.Check(t.Context())
	must(t, err)
	if len(faults) > 0 {
		t.Errorf("faults %q", faults)
	}
}
