package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

func (r *rig) workerAt(name string) feed.Place {
	r.Helper()
	place, found, err := r.WorkerAt(r.Context(), name)
	r.must(err)
	if !found {
		return -1
	}
	return place
}

func workerMoves(r *rig) {
	f := r.channel("alerts").Feed
	work := func(from, to feed.Place, drafts ...feed.Draft) error {
		add := r.publication(f, drafts...)
		add.Worker = &feed.Worker{Name: "w", From: from, To: to}
		_, err := r.Append(r.Context(), []feed.Add{add})
		return err
	}
	r.must(work(0, 4, message("a", "a", 0)))
	r.must(work(4, 9)) // nothing to append: the cursor alone moves
	r.same("cursor and head", []any{r.workerAt("w"), r.headOf(f).Place}, []any{9, 1})
	r.fails(work(4, 10, message("b", "b", 0)), taxii.Conflict)
	r.fails(work(0, 10, message("b", "b", 0)), taxii.Conflict)
	r.same("cursor and head after a conflict", []any{r.workerAt("w"), r.headOf(f).Place}, []any{9, 1})
	full := r.publication(f, message("b", "b", 0)) // the effect fails: the cursor stays
	full.Worker, full.Bounds = &feed.Worker{Name: "w", From: 9, To: 10}, feed.Bounds{Messages: 1}
	_, err := r.Append(r.Context(), []feed.Add{full})
	r.fails(err, taxii.Full)
	nowhere := r.publication(9999, message("b", "b", 0))
	nowhere.Worker = &feed.Worker{Name: "w", From: 9, To: 10}
	_, err = r.Append(r.Context(), []feed.Add{nowhere})
	r.fails(err, taxii.NotFound)
	first := r.publication(f, message("b", "b", 0)) // of two Adds of one Append the second fails
	first.Worker = &feed.Worker{Name: "w", From: 9, To: 10}
	_, err = r.Append(r.Context(), []feed.Add{first, nowhere})
	r.fails(err, taxii.NotFound)
	r.same("cursor and head after effects that failed", []any{r.workerAt("w"), r.headOf(f).Place}, []any{9, 1})
	r.restart()
	r.must(work(9, 10, message("b", "b", 0)))
	r.same("cursor and head after a restart", []any{r.workerAt("w"), r.headOf(f).Place}, []any{10, 2})
}

// workerBeaten: two who take themselves for one Worker do each step once.
func workerBeaten(r *rig) {
	f := r.channel("alerts").Feed
	const steps = 40
	var done atomic.Int64
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for {
				at, _, err := r.WorkerAt(r.Context(), "w")
				if err != nil || at >= steps {
					break
				}
				add := r.publication(f, message(fmt.Sprintf("%d-%d", at, done.Load()), "x", 0))
				add.Worker = &feed.Worker{Name: "w", From: at, To: at + 1}
				switch _, err = r.Append(r.Context(), []feed.Add{add}); {
				case err == nil:
					done.Add(1)
				case taxii.KindOf(err) != taxii.Conflict:
					r.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	r.same("steps, cursor and Messages", []any{done.Load(), r.workerAt("w"), r.headOf(f).Place}, []any{steps, steps, steps})
}

func workerSet(r *rig) {
	r.same("none", r.workerAt("w"), feed.Place(-1))
	r.must(r.SetWorker(r.Context(), "w", 5))
	r.must(r.SetWorker(r.Context(), "v", 6))
	r.must(r.SetWorker(r.Context(), "w", 3))
	r.restart()
	r.same("cursors", []feed.Place{r.workerAt("w"), r.workerAt("v")}, []feed.Place{3, 6})
}

// fresh reads what was added after a place, at most so many: its place and name.
func (r *rig) fresh(after feed.Place, limit int) (list []string, end feed.Place) {
	r.Helper()
	q := feed.Query{After: after, Upto: r.head().Place, Limit: limit, Ceiling: feed.NoCeiling, Content: true, Fresh: true}
	end = q.Upto
	r.must(r.Read(r.Context(), r.feed, q, func(e *feed.Entry) bool {
		list = append(list, fmt.Sprintf("%d %s %s", e.Place, e.ID, e.Version))
		if len(list) == limit {
			end = e.Place
		}
		return true
	}))
	return list, end
}

func freshReads(r *rig) {
	all := func(after feed.Place, want ...string) {
		r.Helper()
		got, _ := r.fresh(after, 100)
		if !slices.Equal(got, want) {
			r.Fatalf("after %d:\n got %q\nwant %q", after, got, want)
		}
	}
	v := func(n int) string { return version(n) }
	r.put(draft("tool--1", 1), draft("tool--1", 2), draft("malware--1", 1)) // 1, 2, 3
	all(0, "1 tool--1 "+v(1), "2 tool--1 "+v(2), "3 malware--1 "+v(1))
	r.drop(feed.Which{ID: "tool--1", Versions: last}) // 4; what was in 1 goes to 5
	r.same("moved to", r.places(feed.Query{Versions: every, IDs: []string{"tool--1"}}), []feed.Place{5})
	all(0, "1 tool--1 "+v(1), "3 malware--1 "+v(1)) // who has seen nothing yet misses nothing
	all(1, "3 malware--1 "+v(1))                    // who has seen it does not see it again
	all(3)
	r.put(draft("tool--1", 3))                        // 6
	r.drop(feed.Which{ID: "tool--1", Versions: last}) // 7; what was in 5 goes to 8
	all(0, "1 tool--1 "+v(1), "3 malware--1 "+v(1))   // moved twice
	all(1, "3 malware--1 "+v(1))
	r.drop(feed.Which{ID: "tool--1"}) // 9
	all(0, "3 malware--1 "+v(1))
	r.put(draft("tool--1", 1)) // 10: added anew
	all(0, "3 malware--1 "+v(1), "10 tool--1 "+v(1))
	all(3, "10 tool--1 "+v(1))
	r.put(draft("tool--1", 5))                        // 11
	r.drop(feed.Which{ID: "tool--1", Versions: last}) // 12; what was in 10 goes to 13
	all(0, "3 malware--1 "+v(1), "10 tool--1 "+v(1))
	r.put(draftOf("2.0", "tool--1", 1), undated("tool--7", "u")) // 14 of a lower spec_version: outdone, and added all the same
	all(10, "14 tool--1 "+v(1), "15 tool--7 "+r.find(feed.Query{Versions: every, IDs: []string{"tool--7"}})[0].Version)
}

// freshPages has a Worker read by pages while objects are added, deleted and
// moved. What is there at the end it has seen exactly once for each time that it
// was added and not deleted before the Worker came to it, and always in order.
func freshPages(r *rig) {
	random := rand.New(rand.NewPCG(5, 8))
	var at feed.Place
	seen := map[string]int{} // by place and name
	lastSeen := feed.Place(0)
	step := func(limit int) {
		list, end := r.fresh(at, limit)
		for _, s := range list {
			var place feed.Place
			if _, err := fmt.Sscan(s, &place); err != nil || place <= lastSeen {
				r.Fatalf("%q after place %d (%v)", s, lastSeen, err)
			}
			lastSeen = place
			seen[s]++
		}
		at = end
	}
	added := map[string]string{} // name -> where it was added last
	for range 300 {
		id := fmt.Sprintf("tool--%d", random.IntN(4))
		switch random.IntN(5) {
		case 0:
			r.drop(feed.Which{ID: id, Versions: last})
		case 1:
			step(1 + random.IntN(3))
		default:
			d := draft(id, random.IntN(6))
			if o := r.put(d).Outcomes[0]; o.Fate == feed.Appended {
				added[d.ID+" "+d.Version] = fmt.Sprintf("%d %s %s", o.Place, d.ID, d.Version)
			}
		}
	}
	for before := feed.Place(-1); before != at; {
		before = at
		step(2)
	}
	for _, e := range r.find(feed.Query{Versions: every, SpecVersions: []string{"2.1"}}) {
		if s := added[e.ID+" "+e.Version]; seen[s] != 1 {
			r.Errorf("%q, now in place %d, was seen %d times", s, e.Place, seen[s])
		}
	}
	for s, n := range seen {
		if n != 1 {
			r.Errorf("%q was seen %d times", s, n)
		}
	}
}

func reincarnated(r *rig) {
	f := r.channel("alerts").Feed
	r.flow(f, 1, 3, 1)
	r.put(draft("tool--1", 1))
	first := r.headOf(f)
	r.must(r.Reincarnate(r.Context()))
	r.flow(f, 4, 2, 1)
	r.must(r.Reincarnate(r.Context()))
	for range 2 {
		h := r.headOf(f)
		r.same("past", h.Past, []feed.Place{3, 5})
		r.same("past of the Collection", r.head().Past, []feed.Place{1, 1})
		if h.Incarnation == first.Incarnation {
			r.Error("the incarnation is the old one")
		}
		r.same("common with each", []feed.Place{h.Common(0), h.Common(1), h.Common(2)}, []feed.Place{3, 5, h.Place})
		r.restart()
	}
	r.flow(f, 6, 1, 1)
	r.same("past after an Append", r.headOf(f).Past, []feed.Place{3, 5})
	r.expire(f, 2)
	r.same("past after an expiry", r.headOf(f).Past, []feed.Place{3, 5})
}
