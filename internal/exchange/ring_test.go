package exchange

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/hansom-taxii/hansom/internal/feed"
)

func windowOf(first, last feed.Place, gen int64) *window {
	w := &window{first: first, gen: gen}
	for p := first; p <= last; p++ {
		w.slots = append(w.slots, &slot{about: feed.Entry{Place: p, Type: fmt.Sprint("t", p%7), Message: &feed.Message{}}})
	}
	return w
}

// What is remembered of a Selector is what it says of each Message, whichever
// windows its followers have, older and newer ones in turn.
func TestAMemoSaysWhatItsSelectorSays(t *testing.T) {
	s, err := ParseSelector("match[message_type]=t0,t3")
	if err != nil {
		t.Fatal(err)
	}
	m := &memo{Selector: s}
	windows := []*window{
		windowOf(1, 10, 1), windowOf(1, 256, 1), windowOf(200, 455, 1), windowOf(1, 10, 1), windowOf(150, 400, 1),
		windowOf(1000, 1255, 1), windowOf(5, 9, 2), windowOf(1000, 1255, 1), windowOf(1100, 1300, 1), windowOf(1250, 1505, 1), windowOf(1000, 1255, 1),
	}
	for i, w := range windows {
		for _, step := range []feed.Place{1, 3, 50} {
			for p := w.first; p <= w.last(); p += step {
				if got, want := m.passesAt(w, p), p%7 == 0 || p%7 == 3; got != want {
					t.Fatalf("window %d, place %d: %v", i, p, got)
				}
			}
		}
		if m.passesAt(w, w.last()) != (w.last()%7 == 0 || w.last()%7 == 3) || m.passesAt(w, w.first) != (w.first%7 == 0 || w.first%7 == 3) {
			t.Fatalf("window %d: its ends", i)
		}
	}
	if !(*memo)(nil).passesAt(windows[0], 1) {
		t.Error("no Selector passes nothing")
	}
}

func TestAWindowKeepsTheNewestWithinItsBounds(t *testing.T) {
	large := func(first, last feed.Place, octets int) []*slot {
		w := windowOf(first, last, 1)
		for _, s := range w.slots {
			s.frame = &Frame{Event: make([]byte, octets)}
		}
		return w.slots
	}
	w := (&window{first: 1}).add(large(1, 100, 10))
	older := *w
	w = (&window{first: w.first, slots: w.slots, octets: w.octets}).add(large(101, 300, 10))
	if w.first != 45 || w.last() != 300 || len(w.slots) != ringMessages || w.octets != ringMessages*(10+slotRoom) {
		t.Errorf("%d to %d, %d octets", w.first, w.last(), w.octets)
	}
	if older.last() != 100 || older.slots[99].about.Place != 100 {
		t.Error("who has the window of before sees it change")
	}
	w = (&window{first: w.first, slots: w.slots, octets: w.octets}).add(large(301, 304, ringBytes/4-slotRoom))
	if w.first != 301 || w.last() != 304 || w.octets > ringBytes {
		t.Errorf("%d to %d, %d octets", w.first, w.last(), w.octets)
	}
	w = (&window{first: w.first, slots: w.slots, octets: w.octets}).add(large(305, 305, ringBytes+1))
	if len(w.slots) != 0 || w.first != 306 || w.octets != 0 || w.from(304) != nil {
		t.Errorf("one that is too large leaves %d, %d octets", len(w.slots), w.octets)
	}
}

func TestRingsTogetherHoldWhatANodeHasForThem(t *testing.T) {
	g := &rings{byFeed: map[feed.ID]*ring{}}
	for i := range feed.ID(100) {
		r := &ring{rings: g, feed: i}
		g.byFeed[i] = r
		r.flight = make(chan struct{})
		r.land(nil, &window{octets: ringBytes}, r.epoch)
		if g.octets.Load() > ringsBytes || r.now.Load() == nil {
			t.Fatalf("after %d: %d octets, and the last: %v", i, g.octets.Load(), r.now.Load() != nil)
		}
	}
	for i := range feed.ID(100) {
		if kept := g.byFeed[i].now.Load() != nil; kept != (i >= 36) {
			t.Errorf("ring %d is kept: %v", i, kept)
		}
	}
}

// A restored copy lacks what came after it: the position is lowered, and the gap
// stays until the place in common is acknowledged, a seek to before it or not.
func TestAGapByARestoreStaysUntilItIsAcknowledged(t *testing.T) {
	head := feed.Head{Place: 20, Past: []feed.Place{10}}
	is := func(what string, v Subscription, place feed.Place, restored bool) {
		t.Helper()
		if at, common, got := v.line(head); at != place || got != restored || common != 10 && restored {
			t.Errorf("%s: at %d, common %d, %v", what, at, common, got)
		}
	}
	is("before it", Subscription{Place: 7}, 7, false)
	is("at it", Subscription{Place: 10}, 10, false)
	v := Subscription{Place: 15}
	is("after it", v, 10, true)
	v.acknowledge(9, head)
	is("an older cursor", v, 10, true)
	v.seek(4, head)
	is("a seek to before it", v, 4, true)
	v.acknowledge(6, head)
	is("acknowledged before it", v, 6, true)
	v.acknowledge(3, head)
	is("an older cursor again", v, 6, true)
	past := v
	past.seek(12, head)
	is("a seek past it", past, 12, false)
	v.acknowledge(10, head)
	is("acknowledged at its end", v, 10, false)
	if v.Incarnation != 1 {
		t.Errorf("incarnation %d", v.Incarnation)
	}
	again := Subscription{Place: 15}
	again.acknowledge(15, head)
	is("acknowledged past it, at the same number", again, 15, false)
	if at, _, restored := (&Subscription{Place: 25, Incarnation: 1}).line(head); at != 20 || !restored {
		t.Errorf("ahead of the log: %d, %v", at, restored)
	}
}

func TestAnIdleFollowerIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Follower{}) + unsafe.Sizeof(Session{}); size > 512 {
		t.Errorf("a follower takes %d octets beside its timer", size)
	}
}
