package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

func together() map[string]check {
	return map[string]check{
		"followers by place and by date miss nothing and meet nothing twice while eight write and one deletes": {"R147 K47 K48", followers},
		"a write that fails harms none of those that share its commit":                                         {"", badAmongGood},
		"the same content from many writers at once is stored once":                                            {"K61 K65", sameFromMany},
		"what was appended is seen by every read that begins after":                                            {"", seenAfter},
	}
}

const (
	writers  = 8
	perAdd   = 5
	ofEach   = 50 // Adds of each writer
	appended = writers * perAdd * ofEach
)

// followers lets eight goroutines append 2,000 objects to one feed, of which
// some are later versions, one delete latest versions, and two follow.
func followers(r *rig) {
	stop := make(chan struct{})
	var follow, write sync.WaitGroup
	met := make([][]seen, 2)
	for i := range met {
		follow.Go(func() { met[i] = r.follow(i == 1, stop) })
	}
	for w := range writers {
		write.Go(func() { r.writeMany(w) })
	}
	write.Go(r.deleteSome)
	write.Wait()
	close(stop)
	follow.Wait()
	tables := r.tables()
	r.dense(tables)
	for i, list := range met {
		r.complete([]string{"by place", "by date"}[i], list, tables)
	}
}

func (r *rig) writeMany(w int) {
	for i := range ofEach {
		var list []feed.Draft
		for k := range perAdd {
			id := fmt.Sprintf("tool--%d-%d", w, (i*perAdd+k)/2) // two versions of each
			list = append(list, draft(id, i*perAdd+k))
		}
		if i%7 == 0 {
			r.clock.add(time.Millisecond)
		}
		if _, err := r.Append(r.Context(), []feed.Add{r.add(list...)}); err != nil {
			r.Error(err)
		}
	}
}

// deleteSome removes the latest version of objects as they come.
func (r *rig) deleteSome() {
	for i := range 100 {
		which := feed.Which{ID: fmt.Sprintf("tool--%d-%d", i%writers, i), Versions: last}
		for n := 0; n == 0; {
			var err error
			if n, err = r.Withdraw(r.Context(), r.feed, which, feed.Tombstone{}); err != nil || r.Failed() {
				r.Errorf("withdraw %s: %v", which.ID, err)
				return
			}
		}
	}
}

// follow reads on and on, all versions, until stop is closed and nothing is left.
func (r *rig) follow(byDate bool, stop chan struct{}) (met []seen) {
	q := feed.Query{Versions: every, Limit: 37}
	for {
		over := false
		select {
		case <-stop:
			over = true
		default:
		}
		q.Upto = 0
		page, err := r.findIn(r.feed, q)
		if err != nil {
			r.Error(err)
			return nil
		}
		if over && len(page) == 0 {
			return met
		}
		if met = append(met, page...); len(page) == 0 {
			continue
		}
		if len(met) > 10*appended {
			r.Errorf("the follower does not get on; it is at %+v", met[len(met)-1])
			return nil
		}
		if end := page[len(page)-1]; byDate {
			q.AfterAdded = date(end.Added)
		} else {
			q.After = end.Place
		}
	}
}

// dense holds that every place up to the head was taken once, and dates rise.
func (r *rig) dense(tables Tables) {
	r.Helper()
	taken := map[feed.Place]string{}
	take := func(p feed.Place, by string) {
		if before, twice := taken[p]; twice && (before != by || by == "entry") {
			r.Errorf("place %d is taken by %s and by %s", p, before, by)
		}
		taken[p] = by
	}
	var before Row
	for _, e := range tables.Entries {
		if take(e.Place, "entry"); e.Added <= before.Added {
			r.Errorf("%+v has no later date than %+v", e, before)
		}
		before = e
	}
	for _, g := range tables.Graves {
		take(g.Old, "grave")
		take(g.Place, "withdrawal")
	}
	for p := feed.Place(1); p <= r.head().Place; p++ {
		if taken[p] == "" {
			r.Errorf("nobody took place %d", p)
		}
	}
	if len(taken) != int(r.head().Place) {
		r.Errorf("%d places are taken, the head is %d", len(taken), r.head().Place)
	}
}

// complete holds that a follower met each place at most once, and every entry
// that is there now.
func (r *rig) complete(name string, met []seen, tables Tables) {
	r.Helper()
	at := map[feed.Place]seen{}
	var before seen
	for _, s := range met {
		if s.Place <= before.Place || s.Added <= before.Added {
			r.Errorf("%s: place %d after place %d", name, s.Place, before.Place)
		}
		at[s.Place], before = s, s
	}
	for _, e := range tables.Entries {
		if s := at[e.Place]; s.ID != e.ID || s.Version != e.Version || s.Added != e.Added {
			r.Errorf("%s: missed %+v", name, e)
		}
	}
	r.Logf("%s: met %d, %d are there, %d places", name, len(met), len(tables.Entries), r.head().Place)
}

func badAmongGood(r *rig) {
	const good = 50
	var wait sync.WaitGroup
	failed := make(chan error, good)
	for i := range good {
		wait.Go(func() {
			results, err := r.Append(r.Context(), []feed.Add{r.add(draft(fmt.Sprintf("tool--%d", i), 1))})
			if err != nil || len(results[0].Outcomes) != 1 {
				r.Errorf("good Add %d: %v", i, err)
			}
		})
		wait.Go(func() {
			bad := r.add(draft(fmt.Sprintf("malware--%d", i), 1))
			bad.Feed = 1000
			_, err := r.Append(r.Context(), []feed.Add{r.add(draft(fmt.Sprintf("campaign--%d", i), 1)), bad})
			failed <- err
		})
	}
	wait.Wait()
	for range good {
		r.fails(<-failed, taxii.NotFound)
	}
	r.same("entries", len(r.find(feed.Query{Versions: every})), good)
	r.same("head", r.head().Place, good)
	r.dense(r.tables())
}

func sameFromMany(r *rig) {
	var wait sync.WaitGroup
	for range 40 {
		wait.Go(func() {
			if _, err := r.Append(r.Context(), []feed.Add{r.add(draft("tool--1", 1), undated("ipv4-addr--1", "a"))}); err != nil {
				r.Error(err)
			}
		})
	}
	wait.Wait()
	r.same("places", r.places(feed.Query{Versions: every}), []feed.Place{1, 2})
}

func seenAfter(r *rig) {
	var wait sync.WaitGroup
	for w := range 8 {
		wait.Go(func() {
			for i := range 20 {
				id := fmt.Sprintf("tool--%d-%d", w, i)
				results, err := r.Append(r.Context(), []feed.Add{r.add(draft(id, 1))})
				if err != nil {
					r.Error(err)
					return
				}
				head, err := r.Head(r.Context(), r.feed)
				if err != nil || head.Place < results[0].Head.Place {
					r.Errorf("head %+v, %v after %+v", head, err, results[0].Head)
				}
				list, err := r.findIn(r.feed, feed.Query{IDs: []string{id}, Versions: last})
				if err != nil || len(list) != 1 || list[0].Place != results[0].Outcomes[0].Place {
					r.Errorf("found %+v, %v after %+v", list, err, results[0].Outcomes[0])
				}
			}
		})
	}
	wait.Wait()
}
