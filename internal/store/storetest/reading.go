package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

func reading() map[string]check {
	return map[string]check{
		"entries come in the order of their places, the oldest first":                      {"R090 R105 R141 K47", oldestFirst},
		"a walk by pages and a walk by dates give the same set":                            {"R102 R106 R145 R146 R147", sameWalks},
		"a limit is never passed and a bound in places is kept":                            {"R108 R109 R110", limits},
		"different filters are combined with and, values of one with or":                   {"R116 R117 R120 R121 R124", filters},
		"first, last and named versions are combined with or":                              {"R127 R128 R131", versionsOr},
		"an added_after at or after the last date finds nothing":                           {"R102 R235", nothingNew},
		"more types than are looked up one by one are found the same":                      {"R117 R121", manyTypes},
		"a query that says nothing of versions visits every version":                       {"", zeroVersions},
		"a visit that answers false ends the read":                                         {"", visitEnds},
		"a read that is given up ends with the reason":                                     {"", readGivenUp},
		"a query with values that look like SQL finds what is called so and harms nothing": {"R163", sqlValues},
		"what is between two dates of entries is found by any date between":                {"R102", betweenDates},
	}
}

func oldestFirst(r *rig) {
	r.put(draft("tool--9", 9), draft("tool--5", 1))
	r.clock.add(-1e9)
	r.put(draft("tool--1", 5))
	r.same("order", r.places(feed.Query{Versions: last}), []feed.Place{1, 2, 3})
	r.same("order by id", r.places(feed.Query{Versions: last, IDs: []string{"tool--1", "tool--5", "tool--9"}}), []feed.Place{1, 2, 3})
	r.same("order by type", r.places(feed.Query{Versions: last, Types: []string{"tool", "malware"}}), []feed.Place{1, 2, 3})
}

func sameWalks(r *rig) {
	for i := range 40 {
		r.put(draft(fmt.Sprintf("tool--%d", i%17), i), draft(fmt.Sprintf("malware--%d", i%5), i), draftOf("2.0", fmt.Sprintf("tool--%d", i%3), i))
	}
	r.drop(feed.Which{ID: "tool--1", Versions: last})
	r.drop(feed.Which{ID: "malware--4"})
	for name, q := range map[string]feed.Query{
		"latest": {Versions: last}, "all": {Versions: every}, "first": {Versions: first},
		"by type": {Versions: last, Types: []string{"tool"}}, "two types": {Versions: last, Types: []string{"malware", "tool"}},
		"by id": {Versions: every, IDs: []string{"tool--1", "tool--2", "malware--4"}}, "2.0": {Versions: last, SpecVersions: []string{"2.0"}},
	} {
		want := r.places(q)
		for _, limit := range []int{1, 7, 1000} {
			byPlace, byDate := walk(r, q, limit, false), walk(r, q, limit, true)
			if !slices.Equal(byPlace, want) || !slices.Equal(byDate, want) {
				r.Errorf("%s by %d: by place %v, by date %v, want %v", name, limit, byPlace, byDate, want)
			}
		}
	}
}

// walk reads page after page, on by the last place or by the last date.
func walk(r *rig, q feed.Query, limit int, byDate bool) (places []feed.Place) {
	q.Limit = limit
	for {
		page := r.find(q)
		for _, s := range page {
			places = append(places, s.Place)
		}
		if len(page) < limit {
			return places
		}
		if len(places) > int(r.head().Place) {
			r.Fatalf("the walk by %d does not get on: %v", limit, places)
		}
		if end := page[limit-1]; byDate {
			q.AfterAdded = date(end.Added)
		} else {
			q.After = end.Place
		}
	}
}

func limits(r *rig) {
	for i := range 10 {
		r.put(draft(fmt.Sprintf("tool--%d", i), 1))
	}
	for _, base := range []feed.Query{
		{Versions: last}, {Versions: every}, {Versions: first}, {Versions: last, Types: []string{"tool"}},
		{Versions: last, IDs: []string{"tool--3", "tool--4", "tool--5", "tool--6", "tool--7"}},
	} {
		q := base
		q.After, q.Upto, q.Limit = 2, 7, 4
		want := []feed.Place{3, 4, 5, 6}
		if len(q.IDs) > 0 {
			want = []feed.Place{4, 5, 6, 7}
		}
		r.same("page", r.places(q), want)
		q.Limit = 1000
		r.same("last of it", slices.Max(r.places(q)), 7)
		q.After = 7
		r.same("after its end", r.places(q), []feed.Place(nil))
	}
	none := 0
	r.must(r.Read(r.Context(), r.feed, feed.Query{Upto: 10, Versions: last}, func(*feed.Entry) bool { none++; return true }))
	r.same("limit 0", none, 0)
}

func filters(r *rig) {
	r.put(draft("tool--1", 1), draftOf("2.0", "tool--2", 1), draft("malware--1", 1), draftOf("2.0", "malware--2", 1), draft("campaign--1", 1))
	both := []string{"2.0", "2.1"}
	for _, c := range []struct {
		q    feed.Query
		want []feed.Place
	}{
		{feed.Query{}, []feed.Place{1, 2, 3, 4, 5}},
		{feed.Query{Types: []string{"tool"}}, []feed.Place{1, 2}},
		{feed.Query{Types: []string{"tool", "campaign"}}, []feed.Place{1, 2, 5}},
		{feed.Query{Types: []string{"tool", "tool"}}, []feed.Place{1, 2}},
		{feed.Query{Types: []string{"tool"}, SpecVersions: []string{"2.0"}}, []feed.Place{2}},
		{feed.Query{SpecVersions: both}, []feed.Place{1, 2, 3, 4, 5}},
		{feed.Query{SpecVersions: []string{"2.0"}}, []feed.Place{2, 4}},
		{feed.Query{SpecVersions: []string{"3.0"}}, nil},
		{feed.Query{IDs: []string{"tool--2", "malware--1", "tool--2"}}, []feed.Place{2, 3}},
		{feed.Query{IDs: []string{"tool--2", "malware--1"}, Types: []string{"malware"}}, []feed.Place{3}},
		{feed.Query{IDs: []string{"tool--2", "malware--1"}, Types: []string{"malware"}, SpecVersions: []string{"2.0"}}, nil},
		{feed.Query{IDs: []string{"tool"}}, nil},
		{feed.Query{Types: []string{"tool--1"}}, nil},
	} {
		for _, v := range []feed.Versions{last, first, every, named(key(draft("", 1)))} {
			c.q.Versions = v
			r.same(fmt.Sprintf("%+v", c.q), r.places(c.q), c.want)
		}
	}
}

func versionsOr(r *rig) {
	for n := 1; n <= 5; n++ {
		r.put(draft("tool--1", n))
	}
	r.put(undated("ipv4-addr--1", "a"))
	two, four := key(draft("", 2)), key(draft("", 4))
	for _, c := range []struct {
		v    feed.Versions
		want []feed.Place
	}{
		{feed.Versions{First: true, Last: true}, []feed.Place{1, 5, 6}},
		{feed.Versions{Last: true, Keys: []feed.VersionKey{two}}, []feed.Place{2, 5, 6}},
		{feed.Versions{First: true, Last: true, Keys: []feed.VersionKey{two, four}}, []feed.Place{1, 2, 4, 5, 6}},
		{named(two, four), []feed.Place{2, 4}},
		{named(two, shown(r.tables().Entries[5].Version)), []feed.Place{2, 6}},
		{named(key(draft("", 9))), nil},
	} {
		r.same(fmt.Sprintf("%+v", c.v), r.places(feed.Query{Versions: c.v}), c.want)
		r.same("by type", r.places(feed.Query{Versions: c.v, Types: []string{"tool", "ipv4-addr"}}), c.want)
		r.same("by id", r.places(feed.Query{Versions: c.v, IDs: []string{"tool--1", "ipv4-addr--1"}}), c.want)
	}
}

func nothingNew(r *rig) {
	r.same("empty feed", r.find(feed.Query{AfterAdded: date(0), Upto: 1, Versions: last}), []seen(nil))
	r.put(draft("tool--1", 1), draft("tool--2", 1))
	for _, after := range []taxii.Time{noon, noon + 1, 1 << 60} {
		r.same("after", r.find(feed.Query{AfterAdded: date(after), Versions: last}), []seen(nil))
	}
	r.same("just before", r.places(feed.Query{AfterAdded: date(noon - 1), Versions: last}), []feed.Place{2})
	r.same("long before", r.places(feed.Query{AfterAdded: date(-1 << 60), Versions: last}), []feed.Place{1, 2})
}

func betweenDates(r *rig) {
	for i := range 5 {
		r.clock.add(1e9)
		r.put(draft(fmt.Sprintf("tool--%d", i), 1))
	}
	r.drop(feed.Which{ID: "tool--2"})
	for i := range 6 {
		var want []feed.Place
		for _, p := range []feed.Place{1, 2, 4, 5} {
			if int(p) > i {
				want = append(want, p)
			}
		}
		at := noon + taxii.Time(i)*1_000_000
		r.same("at", r.places(feed.Query{AfterAdded: date(at), Versions: last}), want)
		r.same("just after", r.places(feed.Query{AfterAdded: date(at + 1), Versions: last}), want)
		r.same("and after a place", r.places(feed.Query{After: 4, AfterAdded: date(at), Versions: last}),
			slices.DeleteFunc(want, func(p feed.Place) bool { return p <= 4 }))
	}
}

func manyTypes(r *rig) {
	var types []string
	for i := range 100 {
		typ := fmt.Sprintf("x-type-%d", i)
		r.put(draft(typ+"--1", 1), draft("tool--"+typ, 1))
		types = append(types, typ)
	}
	for _, n := range []int{1, 2, 31, 32, 33, 100} {
		for _, v := range []feed.Versions{last, every, first} {
			r.same(fmt.Sprint(n, " types"), len(r.places(feed.Query{Types: types[:n], Versions: v})), n)
		}
	}
}

func zeroVersions(r *rig) {
	r.put(draft("tool--1", 1), draft("tool--1", 2))
	r.same("all", r.places(feed.Query{}), []feed.Place{1, 2})
	r.same("by id", r.places(feed.Query{IDs: []string{"tool--1"}}), []feed.Place{1, 2})
}

func visitEnds(r *rig) {
	r.put(draft("tool--1", 1), draft("tool--2", 1), draft("tool--3", 1))
	visits := 0
	r.must(r.Read(r.Context(), r.feed, feed.Query{Upto: 3, Limit: 9, Versions: last, Content: true}, func(e *feed.Entry) bool {
		visits++
		return e.Place < 2
	}))
	r.same("visits", visits, 2)
}

func readGivenUp(r *rig) {
	r.put(draft("tool--1", 1), draft("tool--2", 1))
	ctx, cancel := context.WithCancel(r.Context())
	visits := 0
	err := r.Read(ctx, r.feed, feed.Query{Upto: 2, Limit: 9, Versions: every}, func(*feed.Entry) bool { visits++; cancel(); return true })
	if !errors.Is(err, context.Canceled) && visits < 2 {
		r.Errorf("error %v after %d visits, want %v", err, visits, context.Canceled)
	}
	err = r.Read(ctx, r.feed, feed.Query{Upto: 2, Limit: 9, Versions: last}, func(*feed.Entry) bool { return true })
	if !errors.Is(err, context.Canceled) {
		r.Errorf("error %v, want %v", err, context.Canceled)
	}
	r.same("the next read", r.places(feed.Query{Versions: last}), []feed.Place{1, 2})
}

func sqlValues(r *rig) {
	evil := `x'); drop table entries; --"]`
	r.put(draft(evil, 1))
	q := feed.Query{IDs: []string{evil}, Types: []string{draft(evil, 1).Type}, Versions: named(key(draft("", 1)))}
	r.same("found", r.places(q), []feed.Place{1})
	r.same("as another value", r.places(feed.Query{Types: []string{evil}, SpecVersions: []string{evil}, Versions: named(feed.VersionKey{Key: evil})}), []feed.Place(nil))
}
