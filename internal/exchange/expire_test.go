package exchange_test

import (
	"context"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// housekeep runs the housekeeping of an exchange until the test, or stop, ends it.
func housekeep(t *testing.T, x *exchange.Exchange) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		x.Housekeep(ctx, func(err error) { t.Errorf("housekeeping: %v", err) })
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func ttl(seconds int64) func(*exchange.ChannelSetting) {
	return func(set *exchange.ChannelSetting) { set.TTL = seconds }
}

// left tells how many Messages a Channel keeps.
func (h *house) left(t *testing.T, channel string) int {
	t.Helper()
	return len(h.messages(t, channel))
}

func TestAMessageIsPurgedAfterItsTTLAndItsStatusStays(t *testing.T) {
	t.Parallel()
	h, now := timed(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts", ttl(60))
	housekeep(t, h.Exchange)
	first := must[taxii.Status](t)(publish(t, h.op, "alerts", draft(id(1), 1), draft(id(2), 2)))
	now.advance(30 * time.Second)
	must[taxii.Status](t)(publish(t, h.op, "alerts", draft(id(3), 3)))
	now.advance(31 * time.Second)
	eventually(t, "two are purged", func() bool { return h.left(t, "alerts") == 1 })
	head, err := h.store.Head(t.Context(), h.feedOf(t, "alerts"))
	if err != nil || head.Floor != 2 || head.Place != 3 {
		t.Errorf("%v, head %+v", err, head)
	}
	if st := must[taxii.Status](t)(h.op.Status(t.Context(), "trust", first.ID)); asJSON(t, st) != asJSON(t, first) {
		t.Errorf("the Status has become %+v", st)
	}
	if again := must[taxii.Status](t)(publish(t, h.op, "alerts", draft(id(1), 1))); again.Successes[0].Disposition != taxii.Accepted {
		t.Errorf("an id whose Message was purged is not free: %+v", again)
	}
	now.advance(61 * time.Second)
	eventually(t, "all are purged", func() bool { return h.left(t, "alerts") == 0 })
	must[taxii.Status](t)(publish(t, h.op, "alerts", draft(id(5), 5)))
	now.advance(61 * time.Second)
	eventually(t, "what came after is purged too", func() bool { return h.left(t, "alerts") == 0 })
}

func TestNothingIsPurgedBeforeItsTTL(t *testing.T) {
	t.Parallel()
	h, now := timed(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts", ttl(60))
	h.channel(t, "trust", "other", ttl(60))
	must[taxii.Status](t)(publish(t, h.op, "alerts", draft(id(1), 1)))
	now.advance(-time.Hour) // the clock is set back; the dates of a feed rise all the same
	must[taxii.Status](t)(publish(t, h.op, "alerts", draft(id(2), 2)))
	must[taxii.Status](t)(publish(t, h.op, "other", draft(id(3), 3)))
	now.advance(time.Hour + 59*time.Second)
	housekeep(t, h.Exchange)
	eventually(t, "a round has been made", func() bool { return h.left(t, "other") == 0 })
	if n := h.left(t, "alerts"); n != 2 {
		t.Fatalf("%d of 2 are left a second before their ttl", n)
	}
	now.advance(2 * time.Second)
	eventually(t, "they are purged", func() bool { return h.left(t, "alerts") == 0 })
}

// set changes the ttl of a Channel.
func (h *house) setTTL(t *testing.T, channel string, seconds int64) {
	t.Helper()
	_, err := h.op.SetChannel(t.Context(), "trust", channel, nil, func(set *exchange.ChannelSetting) error { set.TTL = seconds; return nil })
	if err != nil {
		t.Fatal(err)
	}
}

func TestAShorterTTLHoldsForWhatComesAndALongerForAll(t *testing.T) {
	t.Parallel()
	h, now := timed(t)
	h.root(t, "trust")
	for _, name := range []string{"shorter", "longer", "probe"} {
		h.channel(t, "trust", name, ttl(600))
		must[taxii.Status](t)(publish(t, h.op, name, draft(id(1), 1)))
	}
	h.setTTL(t, "shorter", 60)
	h.setTTL(t, "longer", 6000)
	must[taxii.Status](t)(publish(t, h.op, "shorter", draft(id(2), 2)))
	h.setTTL(t, "probe", 60)
	housekeep(t, h.Exchange)
	now.advance(70 * time.Second)
	must[taxii.Status](t)(publish(t, h.op, "shorter", draft(id(3), 3)))
	h.channel(t, "trust", "round", ttl(60))
	must[taxii.Status](t)(publish(t, h.op, "round", draft(id(1), 1)))
	now.advance(100 * time.Second)
	eventually(t, "a round has been made", func() bool { return h.left(t, "round") == 0 })
	if n := h.left(t, "shorter"); n != 3 { // the first of them keeps those behind it
		t.Errorf("%d of 3 are left behind one with the longer ttl", n)
	}
	now.advance(440 * time.Second)
	eventually(t, "the longer ttl is over", func() bool { return h.left(t, "probe") == 0 && h.left(t, "shorter") == 0 })
	if n := h.left(t, "longer"); n != 1 {
		t.Errorf("%d of 1 are left of a channel whose ttl was lengthened", n)
	}
	now.advance(6000 * time.Second)
	eventually(t, "that is over too", func() bool { return h.left(t, "longer") == 0 })
}

func TestManyMessagesArePurgedInStepsWithoutHurtingPublishers(t *testing.T) {
	t.Parallel()
	h, now := timed(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts", ttl(60))
	for n := 0; n < 1000; n += 500 {
		var drafts []string
		for i := range 500 {
			drafts = append(drafts, draft(id(n+i), 1))
		}
		must[taxii.Status](t)(publish(t, h.op, "alerts", drafts...))
	}
	now.advance(2 * time.Minute)
	housekeep(t, h.Exchange)
	published := 0
	eventually(t, "the old ones are purged", func() bool {
		must[taxii.Status](t)(publish(t, h.op, "alerts", draft(id(0xf000+published), 1)))
		published++
		return h.left(t, "alerts") == published
	})
}
