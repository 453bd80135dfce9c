package storetest

import (
	"math/rand/v2"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

func dating() map[string]check {
	return map[string]check{
		"dates rise strictly within a feed and places are dense, whatever the clock does": {"R090 R147 K46 K47", datesRise},
		"the last entry of each of ten Adds a second lies on a whole millisecond":         {"K46", wholeMilliseconds},
		"a store opened again has the same heads, and goes on after its own last date":    {"K42 K46", sameHeads},
		"an entry brought back after the clock was set back has a later date":             {"K46", broughtBackLater},
	}
}

func datesRise(r *rig) {
	random := rand.New(rand.NewPCG(1, 1))
	var before feed.Head
	for i := range 200 {
		r.clock.add(time.Duration(random.Int64N(3000)-1000) * time.Millisecond / 10)
		if i%50 == 25 {
			r.clock.add(-time.Hour)
		}
		result := r.put(drafts(random, "tool--", 1+random.IntN(9), i*100)...)
		for k, o := range result.Outcomes {
			if o.Place != before.Place+feed.Place(k+1) || o.Added <= before.Added {
				r.Fatalf("outcome %+v after head %+v", o, before)
			}
		}
		before = result.Head
		r.same("head", r.head(), before)
	}
	var last seen
	for _, s := range r.find(feed.Query{Versions: every}) {
		if s.Place != last.Place+1 || s.Added <= last.Added {
			r.Fatalf("%+v comes after %+v", s, last)
		}
		last = s
	}
}

func drafts(random *rand.Rand, prefix string, n, from int) []feed.Draft {
	list := make([]feed.Draft, n)
	for i := range list {
		list[i] = draft(prefix+string(rune('a'+random.IntN(26))), from+i)
	}
	return list
}

func wholeMilliseconds(r *rig) {
	random := rand.New(rand.NewPCG(2, 1))
	for i := range 60 {
		r.clock.add(100*time.Millisecond + time.Duration(random.IntN(999))*time.Microsecond)
		if h := r.put(drafts(random, "tool--", 1+random.IntN(9), i*100)...).Head; h.Added%1000 != 0 {
			r.Fatalf("Add %d ends at %v", i, h.Added)
		}
	}
}

func sameHeads(r *rig) {
	_, second := r.collection("second")
	r.put(draft("tool--1", 1), draft("tool--2", 1))
	r.drop(feed.Which{ID: "tool--1"})
	head := r.head()
	other, err := r.Head(r.Context(), second)
	r.must(err)
	r.clock.add(-48 * time.Hour)
	r.restart()
	r.same("head", r.head(), head)
	again, err := r.Head(r.Context(), second)
	r.must(err)
	r.same("head of an empty feed", again, other)
	if head.Incarnation == "" || head.Incarnation == other.Incarnation {
		r.Errorf("incarnations %q and %q", head.Incarnation, other.Incarnation)
	}
	next := r.put(draft("tool--1", 2))
	r.same("next place", next.Head.Place, head.Place+1)
	r.same("next date", next.Head.Added, head.Added+1)
}

func broughtBackLater(r *rig) {
	r.put(draft("tool--1", 1))
	r.put(draft("tool--1", 2))
	head := r.head()
	r.clock.add(-time.Hour)
	r.same("removed", r.drop(feed.Which{ID: "tool--1", Versions: last}), 1)
	back := r.find(feed.Query{Versions: last})
	r.same("back", []any{len(back), back[0].Place, back[0].Added}, []any{1, head.Place + 2, head.Added + 1})
	r.same("by date", r.places(feed.Query{AfterAdded: date(head.Added), Versions: last}), []feed.Place{head.Place + 2})
}

func date(t taxii.Time) *taxii.Time { return &t }
