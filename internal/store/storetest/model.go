package storetest

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// model is a feed as the words of the contract define it: all entries in a
// slice, and everything looked for by walking through it.
type model struct {
	head    feed.Head
	entries []Row // Superseded and Outdone are not kept, but asked for
	graves  []Grave
	undated map[feed.Place]bool   // of graves
	own     map[string]feed.Draft // what was last added under a name: its own level, and whether it is unmarked
}

func nameOf(id, spec, key string) string { return id + " " + spec + " " + key }

// later tells which of two versions is the later one.
func later(a, b Row) bool {
	return cmp.Or(cmp.Compare(a.Time, b.Time), strings.Compare(a.Key, b.Key)) > 0
}

// higher compares spec_versions by the number after the point; the model knows
// no others than 2.N.
func higher(a, b string) bool {
	minor := func(s string) int { n, _ := strconv.Atoi(strings.TrimPrefix(s, "2.")); return n }
	return minor(a) > minor(b)
}

// lowest gives the lowest level of the entries of e's object that hold.
func (m *model) lowest(e Row, hold func(Row) bool) int64 {
	low := feed.Never
	for _, o := range m.entries {
		if o.ID == e.ID && hold(o) {
			low = min(low, o.Level)
		}
	}
	return low
}

func (m *model) superseded(e Row) int64 {
	return m.lowest(e, func(o Row) bool { return o.Spec == e.Spec && later(o, e) })
}

func (m *model) outdone(e Row) int64 {
	return m.lowest(e, func(o Row) bool { return higher(o.Spec, e.Spec) })
}

func (m *model) first(e Row, ceiling int64) bool {
	return !slices.ContainsFunc(m.entries, func(o Row) bool {
		return o.ID == e.ID && o.Spec == e.Spec && o.Level <= ceiling && later(e, o)
	})
}

// lastDate is the rule of the dates.
func lastDate(clock, now taxii.Time, n int) taxii.Time {
	last := now - now%1000
	if last >= clock+taxii.Time(n) {
		return last
	}
	if last = (clock + taxii.Time(n) + 999) / 1000 * 1000; last <= now+1_000_000 {
		return last
	}
	return clock + taxii.Time(n)
}

// append gives what should become of drafts.
func (m *model) append(add feed.Add, now taxii.Time) feed.Result {
	result := feed.Result{Status: add.Status, Outcomes: make([]feed.Outcome, len(add.Drafts))}
	st := &result.Status
	st.Feed, st.Account, st.Request = add.Feed, add.Account, add.Request
	before := len(m.entries)
	for i, d := range add.Drafts {
		o := &result.Outcomes[i]
		at := slices.IndexFunc(m.entries, func(e Row) bool { return e.ID == d.ID && e.Spec == d.SpecVersion && e.Key == d.VersionKey })
		if at < 0 {
			m.head.Place++
			o.Place, o.Level = m.head.Place, m.level(d)
			m.own[nameOf(d.ID, d.SpecVersion, d.VersionKey)] = d
			m.entries = append(m.entries, Row{
				Place: o.Place, ID: d.ID, Type: d.Type, Spec: d.SpecVersion, Version: d.Version, Key: d.VersionKey, Time: d.VersionTime,
				Level: o.Level, Account: add.Account, Request: add.Request, Content: string(d.Content),
			})
			continue
		}
		e := m.entries[at]
		o.Place, o.Existing, o.Fate, o.Level = e.Place, at >= before, feed.Clash, e.Level
		if bytes.Equal(equalish([]byte(e.Content)), equalish(d.Content)) {
			o.Fate = feed.Duplicate
			st.Duplicates = append(st.Duplicates, e.Place)
		}
	}
	fresh := m.entries[before:]
	m.date(fresh, now)
	if len(fresh) > 0 {
		st.First, st.Last = fresh[0].Place, fresh[len(fresh)-1].Place
	}
	for i := range result.Outcomes {
		o := &result.Outcomes[i]
		e := m.entries[slices.IndexFunc(m.entries, func(e Row) bool { return e.Place == o.Place })]
		if o.Version = e.Version; o.Fate == feed.Appended {
			o.Added = e.Added
		}
	}
	result.Head = m.head
	return result
}

// level is that of a draft in this feed.
func (m *model) level(d feed.Draft) int64 {
	if d.Unmarked && m.head.Unmarked > d.Level {
		return m.head.Unmarked
	}
	return d.Level
}

func (m *model) date(fresh []Row, now taxii.Time) {
	n := len(fresh)
	if n == 0 {
		return
	}
	m.head.Added = lastDate(m.head.Added, now, n)
	for i := range fresh {
		e := &fresh[i]
		e.Added = m.head.Added - taxii.Time(n-1-i)
		if e.Version == "" {
			e.Version, e.Time = e.Added.String(), int64(e.Added)-(1<<62)
		}
	}
}

// chosen tells whether a deletion names an entry.
func (m *model) chosen(e Row, w feed.Which) bool {
	if e.ID != w.ID || e.Level > w.Ceiling || len(w.SpecVersions) > 0 && !slices.Contains(w.SpecVersions, e.Spec) {
		return false
	}
	return w.Versions.IsZero() || m.asked(e, w.Versions, w.Ceiling)
}

// asked tells whether Versions name an entry.
func (m *model) asked(e Row, v feed.Versions, ceiling int64) bool {
	if v.IsZero() || v.All || v.First && m.first(e, ceiling) || v.Last && ceiling < m.superseded(e) {
		return true
	}
	return slices.ContainsFunc(v.Keys, func(k feed.VersionKey) bool {
		return k.Key == e.Key || e.Key[0] == '#' && shown(e.Version).Time == k.Time && k.Dated
	})
}

// withdraw gives how many entries should be removed.
func (m *model) withdraw(w feed.Which, why feed.Tombstone, now taxii.Time) int {
	was := model{entries: slices.Clone(m.entries)}
	bury := func(e Row, place feed.Place, why2 string) {
		m.graves = append(m.graves, Grave{e.Place, place, e.ID, e.Type, e.Spec, e.Version, e.Level, now, why.Account, why.Request, why2})
		m.undated[e.Place] = e.Key[0] == '#'
	}
	place := m.head.Place + 1
	m.entries = slices.DeleteFunc(m.entries, func(e Row) bool {
		gone := was.chosen(e, w)
		if gone {
			bury(e, place, "deleted")
		}
		return gone
	})
	if len(m.entries) == len(was.entries) {
		return 0
	}
	removed := len(was.entries) - len(m.entries)
	m.head.Place = place
	stay := slices.Clone(m.entries)
	var back []Row
	m.entries = slices.DeleteFunc(m.entries, func(e Row) bool {
		anew := (&model{entries: stay}).newTo(&was, e)
		if anew {
			bury(e, place, "moved")
			back = append(back, e)
		}
		return anew
	})
	for i := range back {
		m.head.Place++
		back[i].Place = m.head.Place
	}
	m.date(back, now)
	m.entries = append(m.entries, back...)
	slices.SortFunc(m.graves, func(a, b Grave) int { return cmp.Compare(a.Old, b.Old) })
	return removed
}

// relevel gives every entry the level that it has in this feed now.
func (m *model) relevel(now taxii.Time) {
	for i := range m.entries {
		m.entries[i].Level = m.level(m.ownOf(m.entries[i]))
	}
	if m.head.Place > 0 {
		m.head.Place++
		m.graves = append(m.graves, Grave{Old: m.head.Place, Place: m.head.Place, At: now, Why: "leveled"})
	}
}

func (m *model) ownOf(e Row) feed.Draft { return m.own[nameOf(e.ID, e.Spec, e.Key)] }

// newTo tells that some reader sees e now who did not see it before: as the
// latest, or as one of the highest spec_version.
func (m *model) newTo(was *model, e Row) bool {
	for ceiling := e.Level; ceiling <= mostLevel; ceiling++ {
		if ceiling < m.superseded(e) && ceiling >= was.superseded(e) || ceiling < m.outdone(e) && ceiling >= was.outdone(e) {
			return true
		}
	}
	return false
}

// read gives what a query should find.
func (m *model) read(q feed.Query) (list []seen) {
	for _, e := range m.entries {
		switch {
		case e.Place <= q.After, e.Place > q.Upto, q.AfterAdded != nil && e.Added <= *q.AfterAdded, e.Level > q.Ceiling,
			len(q.IDs) > 0 && !slices.Contains(q.IDs, e.ID), len(q.Types) > 0 && !slices.Contains(q.Types, e.Type),
			len(q.SpecVersions) > 0 && !slices.Contains(q.SpecVersions, e.Spec), len(q.SpecVersions) == 0 && q.Ceiling >= m.outdone(e),
			!m.asked(e, q.Versions, q.Ceiling), len(list) == q.Limit:
			continue
		}
		s := seen{Place: e.Place, Added: e.Added, ID: e.ID, Type: e.Type, Spec: e.Spec, Version: e.Version, Level: e.Level}
		if q.Content {
			s.Content = e.Content
		}
		if q.Records {
			s.Account, s.Request = e.Account, e.Request
		}
		list = append(list, s)
	}
	return list
}

// rows gives the entries with their standing.
func (m *model) rows() []Row {
	list := slices.Clone(m.entries)
	for i := range list {
		list[i].Superseded, list[i].Outdone = m.superseded(list[i]), m.outdone(list[i])
	}
	return list
}

// names gives what the places of a Status stood for.
func (m *model) names(st feed.Status) (list []feed.Version) {
	at := map[feed.Place]feed.Version{}
	for _, e := range m.entries {
		at[e.Place] = feed.Version{ID: e.ID, Version: e.Version, Level: e.Level, Undated: e.Key[0] == '#'}
	}
	for _, g := range m.graves {
		at[g.Old] = feed.Version{ID: g.ID, Version: g.Version, Level: g.Level, Undated: m.undated[g.Old]}
	}
	for p := st.First; p > 0 && p <= st.Last; p++ {
		list = append(list, at[p])
	}
	for _, p := range st.Duplicates {
		list = append(list, at[p])
	}
	return list
}

// deleted tells whether a version that which names was deleted and is not there.
func (m *model) deleted(w feed.Which) bool {
	return slices.ContainsFunc(m.graves, func(g Grave) bool {
		if g.Why != "deleted" || g.ID != w.ID || g.Level > w.Ceiling || len(w.SpecVersions) > 0 && !slices.Contains(w.SpecVersions, g.Spec) {
			return false
		}
		return slices.ContainsFunc(w.Versions.Keys, func(k feed.VersionKey) bool { return k.Key == g.Version }) &&
			!slices.ContainsFunc(m.entries, func(e Row) bool {
				return e.ID == g.ID && e.Spec == g.Spec && e.Version == g.Version && e.Level <= w.Ceiling
			})
	})
}
