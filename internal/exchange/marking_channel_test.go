package exchange_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// envelopeOf is a draft of a Message with an object of each of these levels.
func envelopeOf(number int, levels ...int) string {
	objects := make([]string, len(levels))
	for i, level := range levels {
		objects[i] = marked(i, 0, level)
	}
	return fmt.Sprintf(`{"id":%q,"content":{"objects":[%s]}}`, id(number), strings.Join(objects, ","))
}

// ids gives the ids of Messages, in their order.
func ids(t *testing.T, list []*exchange.Frame) (got []string) {
	t.Helper()
	for _, f := range list {
		var m struct{ ID string }
		if err := json.Unmarshal(f.JSON, &m); err != nil {
			t.Fatal(err)
		}
		got = append(got, m.ID)
	}
	return got
}

func TestEachFollowerGetsTheMessagesThatItsCeilingAllows(t *testing.T) {
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		w := warded(t, buildOn(t, e))
		random := rand.New(rand.NewPCG(3, 5))
		var levels []int // of each Message, as its kept level is
		unmarked, live := 0, make([]*exchange.Follower, len(w.readers))
		got := make([][]string, len(w.readers))
		for i, s := range w.readers {
			live[i] = open(t, s, exchange.Reading{Limit: 3})
		}
		for range 25 {
			if random.IntN(8) == 0 {
				unmarked = random.IntN(5)
				must[taxii.Channel](t)(w.op.SetChannel(t.Context(), "trust", "alerts", nil, func(set *exchange.ChannelSetting) error {
					set.Unmarked = levelNames()[unmarked]
					return nil
				}))
			}
			var drafts []string
			for range 1 + random.IntN(5) {
				inside := make([]int, 1+random.IntN(2))
				highest := 0
				for i := range inside {
					inside[i] = random.IntN(6) - 1
					highest = max(highest, kept{level: inside[i]}.at(unmarked))
				}
				drafts = append(drafts, envelopeOf(len(levels), inside...))
				levels = append(levels, highest)
			}
			must[taxii.Status](t)(publish(t, w.op, "alerts", drafts...))
			for i, f := range live {
				got[i] = append(got[i], ids(t, frames(t, f))...)
			}
		}
		for ceiling, s := range w.readers {
			var want []string
			for n, level := range levels {
				if level <= ceiling {
					want = append(want, id(n))
				}
			}
			if !slices.Equal(got[ceiling], want) {
				t.Errorf("followed live below %d: %d Messages, want %d", ceiling, len(got[ceiling]), len(want))
			}
			again := ids(t, frames(t, open(t, s, exchange.Reading{Limit: 7})))
			for _, one := range again {
				if !slices.Contains(want, one) { // what was raised since is gone; nothing else may come
					t.Errorf("below %d the Message %s is delivered", ceiling, one)
				}
			}
			if ceiling == len(w.readers)-1 && len(again) != len(levels) {
				t.Errorf("without a ceiling %d Messages of %d", len(again), len(levels))
			}
		}
	})
}

// The window in memory used to hold the levels from before.
func TestRaisingWhatIsUnmarkedHidesWhatIsKeptAndLoweringDoesNotShowIt(t *testing.T) {
	w := warded(t, build(t))
	must[taxii.Status](t)(publish(t, w.op, "alerts", envelopeOf(1, -1), envelopeOf(2, 0), envelopeOf(3, 0, -1)))
	clear := w.readers[0]
	set := func(level string) {
		t.Helper()
		must[taxii.Channel](t)(w.op.SetChannel(t.Context(), "trust", "alerts", nil, func(set *exchange.ChannelSetting) error { set.Unmarked = level; return nil }))
	}
	read := func(want ...string) {
		t.Helper()
		if got := ids(t, frames(t, open(t, clear, exchange.Reading{}))); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	read(id(1), id(2), id(3))
	set("amber")
	read(id(2))
	set("clear")
	read(id(2))
	must[taxii.Status](t)(publish(t, w.op, "alerts", envelopeOf(4, -1)))
	read(id(2), id(4))
}

func TestNothingOfAChannelTellsOfAMessageAboveTheCeiling(t *testing.T) {
	w := warded(t, build(t))
	green, ctx := w.readers[1], t.Context()
	sub := subscribe(t, green, taxii.NewSubscription{Name: "mine", MaxPending: 1})
	must[taxii.Status](t)(publish(t, w.op, "alerts", envelopeOf(1, 4), envelopeOf(2, 1), envelopeOf(3, 4, 0), envelopeOf(4, 0), envelopeOf(5, 3)))
	for _, n := range []int{1, 3, 5} {
		wantKind(t, "a Message by id", second(green.Message(ctx, "trust", "alerts", id(n), 0)), taxii.NotFound)
		wantKind(t, "its content", second(green.MessageContent(ctx, "trust", "alerts", id(n))), taxii.NotFound)
	}
	wantKind(t, "a Message that is not there", second(green.Message(ctx, "trust", "alerts", id(99), 0)), taxii.NotFound)
	must[[]byte](t)(green.Message(ctx, "trust", "alerts", id(2), 0))
	want := []string{id(2), id(4)}
	for name, r := range map[string]exchange.Reading{
		"from the beginning": {}, "one by one": {Limit: 1}, "with a Selector": {Selector: selectorOf(t, "match[type]=tool")}, "by date": {AddedAfter: new(taxii.Time)},
	} {
		if got := ids(t, frames(t, open(t, green, r))); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	// A bound would cut where it counts what is hidden, and so would count it.
	if got := ids(t, frames(t, resume(t, green, sub.ID, exchange.Reading{}))); !slices.Equal(got, want) {
		t.Errorf("the Subscription has %q, want %q", got, want)
	}
	now := shown(t, green, sub.ID)
	if now.Pending != taxii.Untold || now.PendingBytes != taxii.Untold || now.Gap != nil {
		t.Errorf("the Subscription tells %+v", now)
	}
	text, err := json.Marshal(now)
	if err != nil || strings.Contains(string(text), `"pending`) {
		t.Errorf("%s, %v", text, err)
	}
	if at := position(t, green, sub.ID, taxii.Latest, false); at.Pending != taxii.Untold {
		t.Errorf("the position tells that %d are pending", at.Pending)
	}
	if st, err := publish(t, green, "alerts", envelopeOf(6, 4)); err != nil || st.SuccessCount != 1 {
		t.Errorf("a publisher may publish above its own ceiling: %v", err)
	}
	wantKind(t, "its own Message above its ceiling", second(green.Message(ctx, "trust", "alerts", id(6), 0)), taxii.NotFound)
	w.ceil(t, "uptogreen", "trust/channel/alerts", "green", "read", "manage")
	record, err := green.ChannelRecord(ctx, "trust", "alerts")
	if err != nil || record.Messages != taxii.Untold || record.Bytes != taxii.Untold {
		t.Errorf("a manager with a ceiling is told of %d Messages, %d octets (%v)", record.Messages, record.Bytes, err)
	}
}

func selectorOf(t *testing.T, query string) exchange.Selector {
	t.Helper()
	return must[exchange.Selector](t)(exchange.ParseSelector(query))
}

// What was purged is told without a number to who does not see all.
func TestAGapBelowACeilingHasNoNumber(t *testing.T) {
	w := warded(t, build(t))
	first := must[taxii.Status](t)(publish(t, w.op, "alerts", envelopeOf(1, 0))).Successes[0].Cursor
	must[taxii.Status](t)(publish(t, w.op, "alerts", envelopeOf(2, 4), envelopeOf(3, 4), envelopeOf(4, 0)))
	for more := true; more; {
		more = must[bool](t)(w.store.Expire(t.Context(), w.feedOf(t, "alerts"), 3))
	}
	missed := func(s *exchange.Session) (any, bool) {
		t.Helper()
		var e *taxii.Error
		_, err := s.Follow(t.Context(), "trust", "alerts", exchange.Reading{After: first})
		if !errors.As(err, &e) || e.Kind != taxii.Gone {
			t.Fatalf("got %v", err)
		}
		n, told := e.Details["missed"]
		return n, told
	}
	if n, told := missed(w.op); !told || n != int64(2) {
		t.Errorf("the operator is told of %v", n)
	}
	if n, told := missed(w.readers[1]); told {
		t.Errorf("below a ceiling %v are told of", n)
	}
}

// A follower whose ceiling is lowered while it waits gets nothing more above it.
func TestALoweredCeilingHoldsForWhoIsWaiting(t *testing.T) {
	w := warded(t, build(t))
	f := open(t, w.readers[4], exchange.Reading{})
	waiting := make(chan error, 1)
	go func() { waiting <- f.Wait(t.Context(), time.Minute) }()
	w.ceil(t, "uptored", "trust/channel/alerts", "green", "read")
	must[taxii.Status](t)(publish(t, w.op, "alerts", envelopeOf(1, 4), envelopeOf(2, 1)))
	if err := <-waiting; err != nil {
		t.Fatal(err)
	}
	if got := ids(t, frames(t, f)); !slices.Equal(got, []string{id(2)}) {
		t.Errorf("got %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	must[taxii.Status](t)(publish(t, w.op, "alerts", envelopeOf(3, 4)))
	if err := f.Wait(ctx, time.Minute); err != nil { // it wakes: something happened
		t.Fatal(err)
	}
	if p := must[*exchange.MessagePage](t)(f.Page(ctx)); len(p.Frames) != 0 || p.More || p.Gap != nil {
		t.Errorf("the page has %d Messages, more %v, gap %v", len(p.Frames), p.More, p.Gap)
	}
}

// What a Collection gives to a Channel comes in Envelopes of one level each, and
// no higher than the account that named it sees.
func TestWhatComesFromACollectionHasOneLevelInEachEnvelope(t *testing.T) {
	w := warded(t, build(t))
	w.setUnmarked(t, "amber")
	w.account(t, "namer", "read,create on trust")
	w.ceil(t, "namer", "trust", "amber+strict", "read", "create")
	namer, from := w.signIn(t, "namer"), "all"
	must[taxii.Channel](t)(namer.AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "relayed", From: &from, Unmarked: "green"}))
	w.ceil(t, "uptogreen", "trust/channel/relayed", "green", "read")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); w.Relay(ctx, func(err error) { t.Error(err) }) }()
	defer func() { cancel(); <-ended }()
	w.add(t, w.op, marked(1, 0, 0), marked(2, 0, 0), marked(3, 0, 1), marked(4, 0, 4), marked(5, 0, -1), marked(6, 0, 2), marked(7, 0, 0))
	f := must[*exchange.Follower](t)(w.op.Follow(ctx, "trust", "relayed", exchange.Reading{}))
	defer f.Close()
	got := objectsWithin(t, f, 4)
	want := []string{"1 2", "3", "5 6", "7"}
	if !slices.Equal(got, want) {
		t.Errorf("Envelopes of %q, want %q", got, want)
	}
	g := must[*exchange.Follower](t)(w.readers[1].Follow(ctx, "trust", "relayed", exchange.Reading{}))
	defer g.Close()
	if got := objectsWithin(t, g, 3); !slices.Equal(got, []string{"1 2", "3", "7"}) {
		t.Errorf("below green: %q", got)
	}
}

// objectsWithin gives the numbers of the objects in each of the next n Messages.
func objectsWithin(t *testing.T, f *exchange.Follower, n int) (list []string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); len(list) < n; {
		if time.Now().After(deadline) {
			t.Fatalf("only %q came", list)
		}
		p := must[*exchange.MessagePage](t)(f.Page(t.Context()))
		for _, frame := range p.Frames {
			var m struct {
				Content struct{ Objects []struct{ ID string } }
			}
			if err := json.Unmarshal(frame.JSON, &m); err != nil {
				t.Fatal(err)
			}
			var numbers []string
			for _, o := range m.Content.Objects {
				numbers = append(numbers, strings.TrimLeft(strings.TrimPrefix(o.ID, "tool--")[:8], "0"))
			}
			list = append(list, strings.Join(numbers, " "))
		}
		if len(p.Frames) == 0 {
			if err := f.Wait(t.Context(), time.Second); err != nil {
				t.Fatal(err)
			}
		}
	}
	return list
}
