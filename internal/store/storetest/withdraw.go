package storetest

import (
	"fmt"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
)

func withdrawing() map[string]check {
	return map[string]check{
		"deleting the latest version brings the one before back as a new entry with the same bytes":    {"R255 R256 K48", latestDeleted},
		"deleting the only 2.1 version brings all 2.0 entries back for those who name no spec_version": {"R125 R258", onlySpecDeleted},
		"deleting a version that is not the latest brings nothing back":                                {"R258", earlierDeleted},
		"a deletion without match[version] removes all versions of every spec_version":                 {"R255 R259", allDeleted},
		"a deletion can name versions, first, last and spec_versions":                                  {"R127 R128 R258", someDeleted},
		"the head moves with every deletion by a place that no entry has":                              {"R256", headMoves},
		"a deletion that matches nothing changes nothing":                                              {"", nothingDeleted},
		"a tombstone says who deleted what, when and for which request, without content":               {"", tombstones},
		"an entry brought back keeps who wrote it and the version it is shown under":                   {"R134", broughtBackTheSame},
		"deleted content can be added again as a new entry":                                            {"", addedAgain},
		"a deleted version is known as deleted until it is there again, a moved one never is":          {"R255 R260", deletedIsKnown},
		"after a deletion only higher ceilings see what only they may see":                             {"R075 R151", ceilings},
	}
}

func latestDeleted(r *rig) {
	one := draft("tool--1", 1)
	r.put(one, draft("tool--2", 1))
	r.put(draft("tool--1", 2))
	passed := r.head() // a follower has passed all of it
	r.clock.add(time.Minute)
	r.same("removed", r.drop(feed.Which{ID: "tool--1", Versions: named(key(draft("tool--1", 2)))}), 1)
	h := r.head()
	r.same("head: one place for the withdrawal, one for what came back", h, feed.Head{Place: 5, Added: noon + 60_000_000, Incarnation: h.Incarnation})
	want := []seen{{Place: 5, Added: h.Added, ID: "tool--1", Type: "tool", Spec: "2.1", Version: version(1), Content: string(one.Content)}}
	r.same("by place", r.find(feed.Query{After: passed.Place, Versions: last, Content: true}), want)
	r.same("by date", r.find(feed.Query{AfterAdded: date(passed.Added), Versions: last, Content: true}), want)
	r.same("everything", r.places(feed.Query{Versions: every}), []feed.Place{2, 5})
}

func onlySpecDeleted(r *rig) {
	r.put(draftOf("2.0", "tool--1", 1), draftOf("2.0", "tool--1", 2), draftOf("2.1", "tool--1", 1), draft("tool--2", 1))
	r.same("before", r.places(feed.Query{Versions: every}), []feed.Place{3, 4})
	head := r.head()
	r.drop(feed.Which{ID: "tool--1", SpecVersions: []string{"2.1"}})
	r.same("what came back, in its order", r.find(feed.Query{After: head.Place, Versions: every})[0].Version, version(1))
	r.same("all", r.places(feed.Query{Versions: every}), []feed.Place{4, 6, 7})
	r.same("last", r.places(feed.Query{Versions: last}), []feed.Place{4, 7})
	r.same("2.0", r.places(feed.Query{Versions: last, SpecVersions: []string{"2.0"}}), []feed.Place{7})
}

func earlierDeleted(r *rig) {
	r.put(draft("tool--1", 1), draft("tool--1", 2), draft("tool--1", 3))
	head := r.head()
	r.same("removed", r.drop(feed.Which{ID: "tool--1", Versions: named(key(draft("tool--1", 2)))}), 1)
	r.same("head", r.head(), feed.Head{Place: 4, Added: head.Added, Incarnation: head.Incarnation})
	r.same("all", r.places(feed.Query{Versions: every}), []feed.Place{1, 3})
	r.same("last", r.places(feed.Query{Versions: last}), []feed.Place{3})
}

func allDeleted(r *rig) {
	r.put(draftOf("2.0", "tool--1", 1), draft("tool--1", 2), draft("tool--1", 1), undated("tool--1", "x"), draft("tool--2", 1))
	r.same("removed", r.drop(feed.Which{ID: "tool--1"}), 4)
	r.same("left", r.places(feed.Query{Versions: every, SpecVersions: []string{"2.0", "2.1"}}), []feed.Place{5})
	for id, want := range map[string]bool{"tool--1": false, "tool--2": true} {
		got, err := r.Exists(r.Context(), r.feed, id, feed.NoCeiling)
		r.must(err)
		r.same(id+" exists", got, want)
	}
}

func someDeleted(r *rig) {
	fill := func(id string) {
		for n := 1; n <= 4; n++ {
			r.put(draftOf("2.0", id, n), draftOf("2.1", id, n))
		}
	}
	for i, c := range []struct {
		which feed.Which
		want  []string // spec_version and number of what is left
	}{
		{feed.Which{Versions: last}, []string{"2.0/1", "2.0/2", "2.0/3", "2.1/1", "2.1/2", "2.1/3"}},
		{feed.Which{Versions: first}, []string{"2.0/2", "2.0/3", "2.0/4", "2.1/2", "2.1/3", "2.1/4"}},
		{feed.Which{Versions: last, SpecVersions: []string{"2.0"}}, []string{"2.0/1", "2.0/2", "2.0/3", "2.1/1", "2.1/2", "2.1/3", "2.1/4"}},
		{feed.Which{Versions: feed.Versions{First: true, Keys: []feed.VersionKey{key(draft("", 3))}}}, []string{"2.0/2", "2.0/4", "2.1/2", "2.1/4"}},
		{feed.Which{Versions: every, SpecVersions: []string{"2.1", "2.9"}}, []string{"2.0/1", "2.0/2", "2.0/3", "2.0/4"}},
	} {
		c.which.ID = fmt.Sprintf("tool--%d", i)
		fill(c.which.ID)
		r.drop(c.which)
		left := map[string]bool{}
		for _, s := range r.find(feed.Query{IDs: []string{c.which.ID}, SpecVersions: []string{"2.0", "2.1"}, Versions: every}) {
			for n := range 5 {
				if s.Version == version(n) {
					left[fmt.Sprintf("%s/%d", s.Spec, n)] = true
				}
			}
		}
		for _, name := range c.want {
			if !left[name] {
				r.Errorf("%+v: %s is gone", c.which, name)
			}
			delete(left, name)
		}
		if len(left) > 0 {
			r.Errorf("%+v: %v are still there", c.which, left)
		}
	}
}

func headMoves(r *rig) {
	r.put(draft("tool--1", 1), draft("tool--2", 1), draft("tool--3", 1))
	for i := 1; i <= 3; i++ {
		before := r.head().Place
		r.drop(feed.Which{ID: fmt.Sprintf("tool--%d", i)})
		r.same("head", r.head().Place, before+1)
	}
	r.same("entries", len(r.tables().Entries), 0)
	r.same("next", r.put(draft("tool--1", 1)).Outcomes[0].Place, 7)
}

func nothingDeleted(r *rig) {
	r.put(draft("tool--1", 1))
	before := r.head()
	for _, which := range []feed.Which{
		{ID: "tool--2"},
		{ID: "tool--1", SpecVersions: []string{"2.0"}},
		{ID: "tool--1", Versions: named(key(draft("", 2)))},
		{ID: "tool--1", Ceiling: -1},
	} {
		r.same("removed", r.drop(which), 0)
	}
	r.same("head", r.head(), before)
	r.same("tombstones", len(r.tables().Graves), 0)
}

func tombstones(r *rig) {
	r.put(draft("tool--1", 1), draft("tool--1", 2))
	r.clock.add(time.Hour)
	at := r.clock.taxii()
	r.drop(feed.Which{ID: "tool--1", Versions: last})
	r.drop(feed.Which{ID: "tool--1"})
	grave := func(old, place feed.Place, n int, why string) Grave {
		return Grave{old, place, "tool--1", "tool", "2.1", version(n), 0, at, 8, "withdrawal", why}
	}
	r.same("tombstones", r.tables().Graves, []Grave{grave(1, 3, 1, "moved"), grave(2, 3, 2, "deleted"), grave(4, 5, 1, "deleted")})
}

func broughtBackTheSame(r *rig) {
	a, b := undated("ipv4-addr--1", "a"), undated("ipv4-addr--1", "b")
	r.put(a)
	r.clock.add(time.Hour)
	shownAs := r.put(b).Outcomes[0].Version
	r.clock.add(time.Hour)
	r.drop(feed.Which{ID: "ipv4-addr--1", Versions: named(shown(shownAs))})
	want := seen{4, r.clock.taxii(), "ipv4-addr--1", "ipv4-addr", "2.1", noon.String(), string(a.Content), 7, "request", 0}
	r.same("entry", r.find(feed.Query{Versions: last, Content: true, Records: true}), []seen{want})
	r.same("by the version it is shown under", r.places(feed.Query{Versions: named(shown(noon.String()))}), []feed.Place{4})
	r.same("by its new date", r.places(feed.Query{Versions: named(shown(want.Added.String()))}), []feed.Place(nil))
	r.same("order among its kind", r.put(b).Outcomes[0].Place, 5)
	r.same("latest", r.places(feed.Query{Versions: last}), []feed.Place{5})
}

func addedAgain(r *rig) {
	d := undated("ipv4-addr--1", "a")
	r.put(d, draft("tool--1", 1))
	r.drop(feed.Which{ID: "ipv4-addr--1"})
	r.drop(feed.Which{ID: "tool--1"})
	r.clock.add(time.Hour)
	got := r.put(d, other(draft("tool--1", 1)))
	r.same("outcomes", got.Outcomes, []feed.Outcome{
		{Place: 5, Added: r.clock.taxii() - 1, Version: (r.clock.taxii() - 1).String()},
		{Place: 6, Added: r.clock.taxii(), Version: version(1)},
	})
	r.same("latest", r.places(feed.Query{Versions: last}), []feed.Place{5, 6})
}

func deletedIsKnown(r *rig) {
	r.put(draft("tool--1", 1), draft("tool--1", 2), undated("ipv4-addr--1", "a"))
	dated := r.tables().Entries[2].Version
	deleted := func(id string, k feed.VersionKey, ceiling int64, specs ...string) bool {
		got, err := r.Deleted(r.Context(), r.feed, feed.Which{ID: id, Versions: named(k), SpecVersions: specs, Ceiling: ceiling})
		r.must(err)
		return got
	}
	one, two := key(draft("", 1)), key(draft("", 2))
	r.same("nothing yet", deleted("tool--1", two, 0), false)
	r.drop(feed.Which{ID: "tool--1", Versions: named(two)})
	r.drop(feed.Which{ID: "ipv4-addr--1"})
	r.same("the deleted one", deleted("tool--1", two, 0), true)
	r.same("the moved one", deleted("tool--1", one, 0), false)
	r.same("one that was never here", deleted("tool--1", key(draft("", 3)), 0), false)
	r.same("the same version of another object", deleted("tool--2", two, 0), false)
	r.same("of its spec_version", deleted("tool--1", two, 0, "2.1"), true)
	r.same("of another spec_version", deleted("tool--1", two, 0, "2.0"), false)
	r.same("below the ceiling of nobody", deleted("tool--1", two, -1), false)
	r.same("one shown by its date", deleted("ipv4-addr--1", shown(dated), 0), true)
	// What was deleted and added again used to count as deleted for ever.
	r.put(draft("tool--1", 2))
	r.same("one that is there again", deleted("tool--1", two, 0), false)
	r.clock.add(time.Hour)
	r.put(undated("ipv4-addr--1", "a"))
	r.same("content that is there again under another date", deleted("ipv4-addr--1", shown(dated), 0), true)
}

func ceilings(r *rig) {
	at := func(n int, level int64) feed.Draft {
		d := draft("tool--1", n)
		d.Level = level
		return d
	}
	r.put(at(1, 0), at(2, 3), at(3, 5))
	latest := func(ceiling int64) []feed.Place { return r.places(feed.Query{Versions: last, Ceiling: ceiling}) }
	r.same("ceilings 0, 3 and 5", []any{latest(0), latest(3), latest(5)}, []any{[]feed.Place{1}, []feed.Place{2}, []feed.Place{3}})
	r.same("removed below ceiling 0", r.drop(feed.Which{ID: "tool--1", Versions: named(key(at(2, 0)))}), 0)
	r.same("removed below ceiling 3", r.drop(feed.Which{ID: "tool--1", Versions: last, Ceiling: 3}), 1)
	r.same("ceilings 0, 3 and 5", []any{latest(0), latest(3), latest(5)}, []any{[]feed.Place{5}, []feed.Place{5}, []feed.Place{3}})
	exists, err := r.Exists(r.Context(), r.feed, "tool--1", -1)
	r.must(err)
	r.same("exists below all levels", exists, false)
	r.same("removed", r.drop(feed.Which{ID: "tool--1", Ceiling: 0}), 1)
	for ceiling, want := range map[int64]bool{0: false, 4: false, 5: true, feed.NoCeiling: true} {
		exists, err := r.Exists(r.Context(), r.feed, "tool--1", ceiling)
		r.must(err)
		r.same(fmt.Sprint("exists for ", ceiling), exists, want)
	}
}
