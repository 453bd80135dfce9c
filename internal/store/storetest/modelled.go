package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

const mostLevel = 5 // the highest level that the model walks with

func modelled() map[string]check {
	checks := map[string]check{}
	for seed := uint64(1); seed <= rambles; seed++ {
		checks[fmt.Sprintf("any sequence of writes leaves what its definition says (%d)", seed)] =
			check{"R090 R102 R108 R116 R117 R120 R121 R124 R125 R126 R127 R128 R131 R136 R255 R258 K47 K61",
				func(r *rig) { newRamble(r, seed, 1).run(rambleSteps) }}
		checks[fmt.Sprintf("any sequence of writes with marking levels shows each ceiling what its definition says (%d)", seed)] =
			check{"R075 R125 R126 R151", func(r *rig) { newRamble(r, seed+100, mostLevel+1).run(rambleSteps) }}
	}
	return checks
}

// ramble walks through a store at random, and beside it through a model.
type ramble struct {
	*rig
	random   *rand.Rand
	model    model
	levels   int64 // levels are below it
	statuses []feed.Status
}

func newRamble(r *rig, seed uint64, levels int64) *ramble {
	w := &ramble{rig: r, random: rand.New(rand.NewPCG(seed, 9)), levels: levels}
	w.model.head, w.model.undated, w.model.own = r.head(), map[feed.Place]bool{}, map[string]feed.Draft{}
	return w
}

func (w *ramble) run(steps int) {
	for step := range steps {
		w.clock.add(w.tick())
		switch {
		case step%70 == 69:
			w.restart()
		case step%20 == 19 && w.levels > 1:
			w.relevel()
		case step > 5 && w.random.IntN(3) == 0:
			w.delete()
		default:
			w.addSome()
		}
		w.compare()
		for range 12 {
			w.ask()
		}
		if w.Failed() {
			w.Fatalf("after step %d", step)
		}
	}
}

func (w *ramble) tick() time.Duration {
	switch w.random.IntN(10) {
	case 0:
		return -time.Duration(w.random.IntN(2_000_000)) * time.Microsecond
	case 1, 2:
		return 0
	}
	return time.Duration(w.random.IntN(3_000_000)) * time.Microsecond
}

var (
	rambleIDs   = []string{"tool--1", "tool--2", "malware--1", "ipv4-addr--1", "x-a--1"}
	rambleTypes = []string{"tool", "malware", "ipv4-addr", "x-a", "campaign"}
	rambleSpecs = []string{"2.0", "2.1", "2.1", "2.1", "2.10"}
)

func pick[T any](w *ramble, list []T) T { return list[w.random.IntN(len(list))] }

// some gives up to n values of a list, often none, perhaps one twice.
func some(w *ramble, list []string, n int) (chosen []string) {
	if w.random.IntN(2) == 0 {
		return nil
	}
	for range w.random.IntN(n + 1) {
		chosen = append(chosen, pick(w, list))
	}
	return chosen
}

func (w *ramble) draft() feed.Draft {
	d := draftOf(pick(w, rambleSpecs), pick(w, rambleIDs), w.random.IntN(8))
	switch w.random.IntN(12) {
	case 0:
		d = other(d)
	case 1, 2:
		d = spaced(d)
	case 3, 4, 5:
		d = undated(d.ID, string(rune('a'+w.random.IntN(3))))
	case 6: // a text that is no time
		d.Version, d.VersionTime = pick(w, []string{"alpha", "beta"}), -1<<63
		d.VersionKey = d.Version
	}
	d.Level = w.random.Int64N(w.levels)
	d.Unmarked = w.levels > 1 && w.random.IntN(3) == 0
	return d
}

func (w *ramble) addSome() {
	list := make([]feed.Draft, w.random.IntN(8))
	for i := range list {
		list[i] = w.draft()
	}
	add := w.add(list...)
	results, err := w.Append(w.Context(), []feed.Add{add})
	w.must(err)
	want, got := w.model.append(add, w.clock.taxii()), results[0]
	w.same("outcomes", got.Outcomes, want.Outcomes)
	w.same("head", got.Head, want.Head)
	if len(got.Status.Failures) != len(slices.DeleteFunc(fates(want), func(f feed.Fate) bool { return f != feed.Clash })) {
		w.Errorf("failures %+v for %+v", got.Status.Failures, want.Outcomes)
	}
	want.Status.Failures = got.Status.Failures
	w.same("Status", got.Status, want.Status)
	w.statuses = append(w.statuses, got.Status)
}

func (w *ramble) delete() {
	which := feed.Which{ID: pick(w, rambleIDs), Versions: w.versions(), SpecVersions: some(w, rambleSpecs, 2), Ceiling: w.ceiling()}
	if w.random.IntN(3) > 0 { // mostly the latest, which is what moves others
		which.Versions = last
	}
	why := feed.Tombstone{Account: 3, Request: "why"}
	got, err := w.Withdraw(w.Context(), w.feed, which, why)
	w.must(err)
	w.same(fmt.Sprintf("removed by %+v", which), got, w.model.withdraw(which, why, w.clock.taxii()))
}

// relevel changes what counts as the level of what has no marking.
func (w *ramble) relevel() {
	w.model.head.Unmarked = w.random.Int64N(w.levels)
	w.must(w.PutCollection(w.Context(), exchange.Collection{
		ID: w.coll, Root: w.root, Feed: w.feed, Alias: "first", Title: "Title of first", Validation: "off", Unmarked: w.model.head.Unmarked,
	}))
	at := map[feed.Place]feed.Draft{}
	for _, e := range w.model.entries {
		at[e.Place] = w.model.ownOf(e)
	}
	w.must(w.Relevel(w.Context(), w.feed, func(e *feed.Entry) (int64, bool) { d := at[e.Place]; return d.Level, d.Unmarked }))
	w.model.relevel(w.clock.taxii())
}

func (w *ramble) ceiling() int64 {
	return pick(w, []int64{0, w.random.Int64N(w.levels), w.levels, feed.NoCeiling})
}

func (w *ramble) versions() feed.Versions {
	v := feed.Versions{All: w.random.IntN(5) == 0, First: w.random.IntN(3) == 0, Last: w.random.IntN(2) == 0}
	for range w.random.IntN(3) {
		v.Keys = append(v.Keys, w.versionKey())
	}
	return v
}

func (w *ramble) versionKey() feed.VersionKey {
	if n := len(w.model.entries); n > 0 && w.random.IntN(2) == 0 {
		if e := w.model.entries[w.random.IntN(n)]; e.Key[0] == '#' {
			return shown(e.Version)
		}
	}
	if w.random.IntN(5) == 0 {
		return feed.VersionKey{Key: "alpha", Time: -1 << 63}
	}
	return key(draft("", w.random.IntN(9)))
}

// compare holds the tables against the model.
func (w *ramble) compare() {
	w.same("head", w.head(), w.model.head)
	got, want := w.tables(), w.model.rows()
	w.same("tombstones", got.Graves, w.model.graves)
	if w.levels == 1 {
		w.sameRows("entries", got.Entries, want, true)
	} else {
		w.sameRows("entries", got.Entries, want, false)
	}
	live := slices.DeleteFunc(slices.Clone(want), func(e Row) bool { return e.Level >= e.Superseded })
	w.sameRows("live", got.Live, live, true)
	if len(w.statuses) > 0 {
		st := pick(w, w.statuses)
		versions, err := w.StatusVersions(w.Context(), st)
		w.must(err)
		w.same("versions of a Status", versions, w.model.names(st))
	}
}

// sameRows compares rows; Superseded of what is not live only where exactly.
func (w *ramble) sameRows(what string, got, want []Row, exactly bool) {
	if len(got) != len(want) {
		w.Fatalf("%d rows in %s, want %d", len(got), what, len(want))
	}
	for i, g := range got {
		e := want[i]
		if what == "live" {
			e.Added, e.Version, e.Account, e.Request, e.Content = 0, "", 0, "", ""
		}
		if live := e.Level < e.Superseded; !exactly && !live && g.Level >= g.Superseded {
			e.Superseded = g.Superseded
		}
		w.same("row of "+what, g, e)
	}
}

// ask compares one query of any form.
func (w *ramble) ask() {
	q := feed.Query{
		After: feed.Place(w.random.Int64N(int64(w.model.head.Place) + 2)), Limit: 1 + w.random.IntN(10), Versions: w.versions(),
		IDs: some(w, rambleIDs, 3), Types: some(w, rambleTypes, 3), SpecVersions: some(w, rambleSpecs, 3), Ceiling: w.ceiling(),
		Content: w.random.IntN(2) == 0, Records: w.random.IntN(4) == 0, Upto: w.model.head.Place + 1,
	}
	if w.random.IntN(2) == 0 {
		q.After = 0
	}
	if w.random.IntN(2) == 0 {
		q.Limit = 1 << 20
	}
	if w.random.IntN(4) == 0 {
		q.Upto = max(1, feed.Place(w.random.Int64N(int64(w.model.head.Place)+1)))
	}
	if n := len(w.model.entries); n > 0 && w.random.IntN(3) == 0 {
		q.AfterAdded = date(w.model.entries[w.random.IntN(n)].Added + taxii.Time(w.random.IntN(3)-1))
	}
	if w.random.IntN(3) == 0 {
		q.Versions = last
	}
	if w.random.IntN(15) == 0 {
		for i := range 40 {
			q.Types = append(q.Types, fmt.Sprint("x-", i))
		}
	}
	want := w.model.read(q)
	w.same(fmt.Sprintf("found by %+v", q), w.find(q), want)
	q.Bare, q.Records = true, false
	for i := range want {
		want[i] = seen{Place: want[i].Place, Added: want[i].Added, Content: want[i].Content}
	}
	w.same(fmt.Sprintf("found by %+v", q), w.find(q), want)
	id := pick(w, rambleIDs)
	exists, err := w.Exists(w.Context(), w.feed, id, q.Ceiling)
	w.must(err)
	w.same("exists", exists, slices.ContainsFunc(w.model.entries, func(e Row) bool { return e.ID == id && e.Level <= q.Ceiling }))
	which := feed.Which{ID: id, Versions: feed.Versions{Keys: q.Versions.Keys}, SpecVersions: q.SpecVersions, Ceiling: q.Ceiling}
	deleted, err := w.Deleted(w.Context(), w.feed, which)
	w.must(err)
	w.same(fmt.Sprintf("deleted by %+v", which), deleted, w.model.deleted(which))
}
