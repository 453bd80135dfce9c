package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Append adds drafts to feeds in one commit, heads in id order.
func (s *Store) Append(ctx context.Context, adds []feed.Add) ([]feed.Result, error) {
	results := make([]feed.Result, len(adds))
	order := make([]int, len(adds))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(adds[a].Feed, adds[b].Feed) })
	compared := make([]*comparisons, len(adds))
	for i := range adds {
		compared[i] = compareInside(&adds[i])
	}
	for try := 1; ; try++ {
		err := s.do(ctx, "append", func(t *tx) error {
			now := taxii.TimeOf(s.now())
			for _, i := range order {
				var err error
				if results[i], err = t.append(&adds[i], compared[i], now); err != nil {
					return err
				}
				if record := adds[i].Record; record != nil {
					t.note(record(&results[i]))
				}
			}
			return nil
		})
		var met *uncompared
		if !errors.As(err, &met) {
			return results, err
		}
		if err := s.compare(ctx, met); err != nil {
			return nil, err
		}
		for _, c := range compared {
			c.underHead = try == mostTries
		}
	}
}

// mostTries bounds how often an Add steps back because it met entries with which
// it has not been compared: once for all that is there, and again only where
// somebody else writes the same ids meanwhile, or an Add of the same commit
// does. After that it compares under the head.
const mostTries = 3

// appending is one Add under its feed's head.
type appending struct {
	*tx
	add      *feed.Add
	compared *comparisons
	head     feed.Head
	outcomes []feed.Outcome
	status   feed.Status
	settled  []bool       // the outcome is known without a new place
	foreign  map[int]bool // what stands under the draft's id is another account's
	fresh    []int        // drafts that take a place, in order
	lineages map[string]*feed.Lineage
	known    map[*feed.Standing]standingRow
}

// standingRow is a live row as it was before this Add.
type standingRow struct {
	id     string
	before feed.Standing
}

// versionName is what is unique in a feed.
type versionName struct{ id, spec, key string }

func (t *tx) append(add *feed.Add, compared *comparisons, now taxii.Time) (feed.Result, error) {
	head, err := t.lock(add.Feed)
	if err != nil {
		return feed.Result{}, err
	}
	a := &appending{
		tx: t, add: add, compared: compared, head: head,
		outcomes: make([]feed.Outcome, len(add.Drafts)), settled: make([]bool, len(add.Drafts)),
		foreign: map[int]bool{}, lineages: map[string]*feed.Lineage{}, known: map[*feed.Standing]standingRow{},
	}
	if err := t.move(add.Worker); err != nil {
		return feed.Result{}, err
	}
	for _, step := range []func() error{a.findLive, a.findKept, a.chooseFresh, a.fits} {
		if err := step(); err != nil {
			return feed.Result{}, err
		}
	}
	if len(a.fresh) > 0 {
		if err := a.place(now); err != nil {
			return feed.Result{}, err
		}
	}
	if err := a.record(); err != nil {
		return feed.Result{}, err
	}
	return feed.Result{Outcomes: a.outcomes, Head: a.head, Status: a.status}, nil
}

// findLive loads the live versions of the objects that were sent.
func (a *appending) findLive() error {
	ids := make([]string, 0, len(a.add.Drafts))
	seen := map[string]bool{}
	for i := range a.add.Drafts {
		if id := a.add.Drafts[i].ID; !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return a.rows(func(r *sql.Rows) error {
		var id string
		s := new(feed.Standing)
		if err := r.Scan(&id, &s.Place, &s.SpecVersion, &s.Time, &s.Key, &s.Level, &s.Superseded, &s.Outdone); err != nil {
			return err
		}
		a.lineage(id).Known(s)
		a.known[s] = standingRow{id: id, before: *s}
		return nil
	}, `select id, seq, spec_version, version_time, version_key, level, superseded, outdone
		from live where feed = $1 and id`+a.engine.oneOf("$2"), a.add.Feed, a.engine.values(ids))
}

func (a *appending) lineage(id string) *feed.Lineage {
	l := a.lineages[id]
	if l == nil {
		l = new(feed.Lineage)
		a.lineages[id] = l
	}
	return l
}

// findKept settles the drafts whose id and version are there already. Only
// objects with a live version can have any.
func (a *appending) findKept() error {
	drafts := map[versionName][]int{}
	var names []versionName
	for i := range a.add.Drafts {
		d := &a.add.Drafts[i]
		if a.lineages[d.ID] == nil {
			continue
		}
		name := nameOf(d)
		if drafts[name] == nil {
			names = append(names, name)
		}
		drafts[name] = append(drafts[name], i)
	}
	if len(names) == 0 {
		return nil
	}
	met := &uncompared{with: a.compared, drafts: map[feed.Place][]int{}}
	text, args := a.engine.kept(a.add.Feed, names)
	err := a.rows(func(r *sql.Rows) error {
		var name versionName
		var kept feed.Outcome
		var account int64
		if err := r.Scan(&name.id, &name.spec, &name.key, &kept.Place, &kept.Version, &kept.Added, &account, &kept.Level); err != nil {
			return err
		}
		if !a.messages() {
			kept.Added = 0
		}
		for _, i := range drafts[name] {
			a.foreign[i] = account != a.add.Account
			alike, known := a.compared.kept[comparand{kept.Place, i}]
			if !known {
				met.drafts[kept.Place] = append(met.drafts[kept.Place], i)
			}
			a.settle(i, kept, alike)
		}
		return nil
	}, text, args...)
	switch {
	case err != nil || len(met.drafts) == 0:
		return err
	case !a.compared.underHead:
		return met
	}
	return a.settleHere(met)
}

// settleHere compares under the head.
func (a *appending) settleHere(met *uncompared) error {
	for place, drafts := range met.drafts {
		var content []byte
		if err := a.row([]any{&content}, contentAt, a.add.Feed, place); err != nil {
			return err
		}
		alike := a.compared.against(content)
		for _, i := range drafts {
			a.settle(i, a.outcomes[i], alike(i))
		}
	}
	return nil
}

// settle gives a draft the fate that what stands under its id and version means
// for it.
func (a *appending) settle(i int, kept feed.Outcome, alike bool) {
	kept.Fate = feed.Clash
	if alike {
		kept.Fate = feed.Duplicate
	}
	a.outcomes[i], a.settled[i] = kept, true
}

// chooseFresh gives places to the drafts that are new, in their order.
func (a *appending) chooseFresh() error {
	first := map[versionName]int{}
	for i := range a.add.Drafts {
		if a.settled[i] {
			continue
		}
		d := &a.add.Drafts[i]
		name := nameOf(d)
		if of, again := first[name]; again {
			kept := a.outcomes[of]
			kept.Existing = true
			a.settle(i, kept, a.compared.inside[i])
			continue
		}
		first[name] = i
		a.fresh = append(a.fresh, i)
		a.outcomes[i] = feed.Outcome{Place: a.head.Place + feed.Place(len(a.fresh)), Version: d.Version, Level: levelIn(a.head, d.Level, d.Unmarked)}
	}
	return nil
}

// place dates the new entries, inserts them, and moves the head.
func (a *appending) place(now taxii.Time) error {
	n := len(a.fresh)
	last := feed.LastDate(a.head.Added, now, n)
	for k, i := range a.fresh {
		a.outcomes[i].Added = last - taxii.Time(n-1-k)
	}
	for k := range a.outcomes { // copies within the Add show the version of the first
		o := &a.outcomes[k]
		first := last - taxii.Time(n-int(o.Place-a.head.Place))
		switch {
		case !o.Existing:
		case a.messages():
			o.Version, o.Added = first.String(), first
		case o.Version == "":
			o.Version = first.String()
		}
	}
	if err := a.insert(); err != nil {
		return err
	}
	if err := a.lower(); err != nil {
		return err
	}
	from := a.head.Place
	a.head.Place, a.head.Added = from+feed.Place(n), last
	if err := a.exec(liveFromEntries, a.add.Feed, from+1, a.head.Place); err != nil {
		return err
	}
	return a.advance(a.add.Feed, a.head)
}

const liveFromEntries = `insert into live
	(feed, seq, id, type, spec_version, version_key, version_time, level, superseded, outdone)
	select feed, seq, id, type, spec_version, version_key, version_time, level, superseded, outdone
	from entries where feed = $1 and seq between $2 and $3 and level < superseded`

func (a *appending) insert() error {
	entries, touched := make([]newEntry, len(a.fresh)), map[*feed.Lineage]bool{}
	for k, i := range a.fresh {
		d, o := &a.add.Drafts[i], &a.outcomes[i]
		time := d.VersionTime
		if feed.Undated(d.VersionKey) {
			o.Version, time = o.Added.String(), feed.UndatedTime(o.Added)
		}
		at := &feed.Standing{Place: o.Place, SpecVersion: d.SpecVersion, Time: time, Key: d.VersionKey, Level: o.Level}
		entries[k] = newEntry{Draft: d, version: o.Version, added: o.Added, at: at}
		l := a.lineage(d.ID)
		l.Join(at)
		touched[l] = true
	}
	for l := range touched {
		l.Settle()
	}
	if err := a.engine.insert(a.tx, a.add, entries); err != nil || !a.messages() {
		return err
	}
	return a.insertMessages()
}

// lower writes what the new versions did to those that were there.
func (a *appending) lower() error {
	var superseded []*feed.Standing
	outdone := map[[2]string]int64{}
	for s, row := range a.known {
		if s.Superseded != row.before.Superseded {
			superseded = append(superseded, s)
		}
		if s.Outdone != row.before.Outdone {
			outdone[[2]string{row.id, s.SpecVersion}] = s.Outdone
		}
	}
	if err := a.engine.supersede(a.tx, a.add.Feed, superseded); err != nil {
		return err
	}
	for name, level := range outdone {
		for _, table := range []string{"entries", "live"} {
			err := a.exec(`update `+table+` set outdone = $4 where feed = $1 and id = $2 and spec_version = $3`,
				a.add.Feed, name[0], name[1], level)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// record keeps the Status of an Add in the transaction of the Add.
func (a *appending) record() error {
	a.status = a.add.Status
	st := &a.status
	if a.messages() {
		if err := a.countClashes(); err != nil {
			return err
		}
	}
	if st.ID == "" {
		return nil
	}
	st.Feed, st.Account, st.Request = a.add.Feed, a.add.Account, a.add.Request
	st.Failures = slices.Clone(st.Failures) // a write may be carried out twice, the draft of its record stays
	if n := len(a.fresh); n > 0 {
		st.First, st.Last = a.outcomes[a.fresh[0]].Place, a.outcomes[a.fresh[n-1]].Place
	}
	if a.messages() {
		a.take()
	} else {
		a.list()
	}
	return a.exec(`insert into statuses (feed, id, root, account, request, at, first, last, duplicates, failures, notes, taken)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, st.Feed, st.ID, st.Root, st.Account, st.Request, st.At,
		st.First, st.Last, jsonList(st.Duplicates), jsonList(st.Failures), jsonList(st.Notes), jsonList(st.Taken))
}

// list fills the lists of the record of an Add to a Collection.
func (a *appending) list() {
	st := &a.status
	for k, i := range a.fresh {
		a.note(k, i)
	}
	for i := range a.outcomes {
		switch d, o := &a.add.Drafts[i], &a.outcomes[i]; o.Fate {
		case feed.Duplicate:
			a.note(len(a.fresh)+len(st.Duplicates), i)
			st.Duplicates = append(st.Duplicates, o.Place)
		case feed.Clash:
			st.Failures = append(st.Failures, feed.Failure{ID: d.ID, Version: d.Version, Message: clashMessage})
		}
	}
}

const clashMessage = "other content stands here under this id and version; nothing was changed: a changed object needs a later modified"

// note keeps the remark on draft i, which is success number index.
func (a *appending) note(index, i int) {
	if text := a.add.Drafts[i].Note; text != "" {
		a.status.Notes = append(a.status.Notes, feed.Note{Index: index, Message: text})
	}
}

// jsonList writes a list as JSON; strings and numbers cannot fail to be.
func jsonList(list any) string {
	text, _ := json.Marshal(list)
	if string(text) == "null" {
		return "[]"
	}
	return string(text)
}
