package storetest

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

func purging() map[string]check {
	return map[string]check{
		"a removed Collection is invisible at once and its name and alias are free":         {"", removedAtOnce},
		"a removed Collection is purged in small steps that leave other feeds untouched":    {"", purgedInSteps},
		"who waits to write gets in between the steps of a purge":                           {"", writesBetweenSteps},
		"a purge goes on after a restart":                                                   {"", purgedAcrossRestart},
		"Statuses before the given time are purged, later ones stay":                        {"R193 R194", oldStatuses},
		"an API Root that is removed takes its Collections with it":                         {"", rootRemoved},
		"the id of a Collection that is being removed is refused, and free when it is gone": {"", sameIDAgain},
		"what comes in for a removed Collection while it is purged goes as well":            {"", lateAdds},
	}
}

// purge makes all the steps that there are and gives how many.
func (r *rig) purge(before taxii.Time) (steps int) {
	r.Helper()
	for {
		more, err := r.PurgeStep(r.Context(), before)
		r.must(err)
		if steps++; !more {
			return steps
		}
		if steps > 100_000 {
			r.Fatal("the purge does not end")
		}
	}
}

func (r *rig) fill(f feed.ID, objects int) {
	r.Helper()
	add := r.add()
	add.Feed = f
	for i := range objects {
		add.Drafts = append(add.Drafts, draft(fmt.Sprintf("tool--%d", i), 1))
	}
	_, err := r.Append(r.Context(), []feed.Add{add})
	r.must(err)
}

func (r *rig) catalog() *exchange.Catalog {
	r.Helper()
	c, err := r.Catalog(r.Context())
	r.must(err)
	return c
}

func removedAtOnce(r *rig) {
	r.fill(r.feed, 10)
	r.must(r.PutGrant(r.Context(), exchange.Grant{Account: 1, Scope: exchange.OnCollection, Root: r.root, Item: r.coll, Rights: exchange.Read}))
	r.must(r.RemoveCollection(r.Context(), r.coll))
	c := r.catalog()
	r.same("Collections and grants", []int{len(c.Collections), len(c.Grants)}, []int{0, 0})
	id, f := r.collection("first")
	if id == r.coll || f == r.feed {
		r.Errorf("the new Collection has id %s and feed %d of the old one", id, f)
	}
	list, err := r.findIn(f, feed.Query{Versions: every})
	r.must(err)
	r.same("entries of the new one", len(list), 0)
}

func purgedInSteps(r *rig) {
	keep, other := r.collection("second")
	r.fill(r.feed, 500)
	r.fill(other, 3)
	r.drop(feed.Which{ID: "tool--1"})
	r.must(r.RemoveCollection(r.Context(), r.coll))
	for r.steps() {
	}
	r.same("what is left", r.tables(), Tables{})
	_, err := r.Head(r.Context(), r.feed)
	r.fails(err, taxii.NotFound)
	list, err := r.findIn(other, feed.Query{Versions: last})
	r.must(err)
	r.same("entries of the other", len(list), 3)
	r.same("Collections", r.catalog().Collections[0].ID, keep)
}

// steps makes one step of the purge and holds its time. A step may be held up
// by the machine, but not every one of three.
func (r *rig) steps() bool {
	r.Helper()
	const most = 100 * time.Millisecond // 5 ms are the store's own bound; the commit and a busy machine come on top
	for try := range 3 {
		began := time.Now()
		more, err := r.PurgeStep(r.Context(), 0)
		r.must(err)
		if took := time.Since(began); took <= most {
			return more
		} else if try == 2 {
			r.Errorf("a step took %v", took)
		}
		if !more {
			return false
		}
	}
	return false
}

// writesBetweenSteps appends to another feed while a purge goes on without a
// pause. What counts is the order of events: after each Append there were steps
// of the purge still to come. An Add waits for two of them at most; the entries
// are as many as take several times what all Adds can wait for.
func writesBetweenSteps(r *rig) {
	_, other := r.collection("second")
	r.fill(r.feed, purged)
	r.must(r.RemoveCollection(r.Context(), r.coll))
	again, err := r.PurgeStep(r.Context(), 0)
	r.must(err)
	var more atomic.Bool
	more.Store(again)
	over := make(chan error, 1)
	go func() {
		var err error
		for again := again; again && err == nil; {
			again, err = r.PurgeStep(r.Context(), 0)
			more.Store(again)
		}
		over <- err
	}()
	const adds = 3
	for i := range adds {
		add := r.add(draft(fmt.Sprintf("malware--%d", i), 1))
		add.Feed = other
		_, err := r.Append(r.Context(), []feed.Add{add})
		if r.must(err); !more.Load() {
			r.Fatalf("Add %d of %d waited until the purge had ended", i+1, adds)
		}
	}
	r.must(<-over)
	list, err := r.findIn(other, feed.Query{Versions: every})
	r.must(err)
	r.same("entries of the other", len(list), adds)
	r.same("what is left", r.tables(), Tables{})
}

func purgedAcrossRestart(r *rig) {
	r.fill(r.feed, 400)
	r.must(r.RemoveCollection(r.Context(), r.coll))
	for range 3 {
		_, err := r.PurgeStep(r.Context(), 0)
		r.must(err)
	}
	r.restart()
	r.same("Collections", len(r.catalog().Collections), 0)
	r.purge(0)
	r.same("what is left", r.tables(), Tables{})
	r.restart()
	_, err := r.Head(r.Context(), r.feed)
	r.fails(err, taxii.NotFound)
	r.same("steps when nothing is left", r.purge(0), 1)
	_, f := r.collection("first")
	if f <= r.feed {
		r.Errorf("the number %d of a feed was given again", f)
	}
}

func oldStatuses(r *rig) {
	var adds []feed.Add
	for i := range 40 {
		add := r.add(draft(fmt.Sprintf("tool--%d", i), 1))
		_, err := r.Append(r.Context(), []feed.Add{add})
		r.must(err)
		adds = append(adds, add)
		r.clock.add(time.Hour)
	}
	r.purge(noon + taxii.Time(30*time.Hour/time.Microsecond))
	for i, add := range adds {
		_, err := r.Status(r.Context(), add.Status.ID)
		if i < 30 {
			r.fails(err, taxii.NotFound)
		} else {
			r.must(err)
		}
	}
	r.same("entries", len(r.tables().Entries), 40)
}

func rootRemoved(r *rig) {
	r.fill(r.feed, 5)
	r.must(r.PutGrant(r.Context(), exchange.Grant{Account: 1, Scope: exchange.OnRoot, Root: r.root, Rights: exchange.Read}))
	r.must(r.RemoveRoot(r.Context(), r.root))
	c := r.catalog()
	r.same("Roots, Collections and grants", []int{len(c.Roots), len(c.Collections), len(c.Grants)}, []int{0, 0, 0})
	again, err := r.PutRoot(r.Context(), exchange.Root{Name: "trust", Title: "Trust"})
	r.must(err)
	if again == r.root {
		r.Errorf("the number %d of an API Root was given again", again)
	}
	r.purge(0)
	r.same("what is left", r.tables(), Tables{})
}

func sameIDAgain(r *rig) {
	r.fill(r.feed, 5)
	r.must(r.RemoveCollection(r.Context(), r.coll))
	again := exchange.Collection{ID: r.coll, Root: r.root, Alias: "first", Title: "T", Validation: "off"}
	r.fails(r.PutCollection(r.Context(), again), taxii.Conflict)
	r.purge(0)
	r.must(r.PutCollection(r.Context(), again))
	c := r.catalog().Collections
	r.same("Collections", len(c), 1)
	list, err := r.findIn(c[0].Feed, feed.Query{Versions: every})
	r.must(err)
	r.same("entries", len(list), 0)
}

func lateAdds(r *rig) {
	r.fill(r.feed, 300)
	r.must(r.RemoveCollection(r.Context(), r.coll))
	for i := 0; ; i++ {
		if _, err := r.Append(r.Context(), []feed.Add{r.add(draft("malware--1", i))}); err != nil {
			r.fails(err, taxii.NotFound)
			break
		}
		if i > 100_000 {
			r.Fatal("the purge does not end")
		}
		if i > 20 { // from now on nothing comes in between
			r.purge(0)
		}
		_, err := r.PurgeStep(r.Context(), 0)
		r.must(err)
	}
	r.same("what is left", r.tables(), Tables{})
}
