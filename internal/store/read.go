package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// scanTime bounds a read whose filter no index serves (K44): longer would
	// hold a reader from others for an answer that the client may not wait for.
	scanTime = 2 * time.Second
	// maxScans bounds the reads of that kind at a time, well below the readers, and
	// scanWait how long one waits for its turn.
	maxScans = 2
	scanWait = 5 * time.Second
	// maxSearches bounds the reads at a time that look through many Messages for the
	// few that a Selector passes, each long enough to be worth it: above searchLimit.
	// They take a processor each, and are not to take all, nor all readers.
	maxSearches = 2
	searchLimit = 1000
	// maxArms bounds the types that are looked up one by one; above it the types
	// are a condition of a scan.
	maxArms = 32
	// firstPart is how many places a scan looks at before it looks at its time; a
	// default page is found in them. The parts grow to mostPart, about 50 ms.
	firstPart = 4096
	mostPart  = 65536
	// nearBy is how many places a reader with a ceiling looks at, for each entry that
	// is wanted, before what is seen is looked up level by level. Who sees one in four
	// has found a page then, at what it costs who sees all; to put levels together
	// costs half as much again.
	nearBy = 4
)

// Read visits the entries of a query in order, until visit answers false. A
// scan that runs out of time ends with feed.ErrCut after the entries it found,
// or, where it found none, with Unavailable.
func (s *Store) Read(ctx context.Context, id feed.ID, q feed.Query, visit func(*feed.Entry) bool) error {
	head, err := s.Head(ctx, id)
	if err != nil {
		return err
	}
	after, err := s.after(ctx, id, head, q)
	if err != nil {
		return err
	}
	q = settled(q, head)
	if after >= q.Upto {
		return nil // a poll with nothing new waits for nobody
	}
	if q.Messages {
		dense, end := s.dense(after, visit)
		defer end()
		visit = dense
	}
	if q.Messages && !q.Content && q.Limit > searchLimit {
		return s.search(ctx, id, after, q, visit)
	}
	if !scans(q) {
		return named(fmt.Sprintf("read feed %d", id), s.parts(ctx, id, after, q, visit))
	}
	return s.scanFor(ctx, id, after, q, visit)
}

// settled gives a query as it is to be read.
func settled(q feed.Query, head feed.Head) feed.Query {
	if q.Messages || q.Fresh {
		q.Versions = feed.Versions{All: true} // the table of the latest is not for these
	}
	if q.Fresh {
		q.IDs, q.SpecVersions = nil, nil
	}
	if q.Messages && len(q.IDs) > 0 {
		q.Upto, q.Limit = cmp.Or(q.Upto, head.Place), cmp.Or(q.Limit, len(q.IDs))
	}
	q.Upto = min(q.Upto, head.Place)
	return q
}

// scans tells that no index serves a query, so that entries may be passed over
// without end before one matches.
func scans(q feed.Query) bool {
	if len(q.IDs) > 0 {
		return false // an object has as many versions as it has
	}
	plain := len(q.SpecVersions) == 0 && (q.Versions.OnlyLast() || q.Versions.All || q.Versions.IsZero())
	return !plain || len(q.Types) > 0 && (!indexed(q) || capped(q) && !q.Messages && !q.Fresh)
}

// mostLevels is above every level that there is, with room for some more.
const mostLevels = 8

// capped tells that a reader does not see all levels.
func capped(q feed.Query) bool { return q.Ceiling >= 0 && q.Ceiling < mostLevels }

// levelled tells that what a reader sees is looked up level by level where it lies
// far apart, so that what it does not see is not passed over, however much that is.
func levelled(q feed.Query) bool {
	return capped(q) && !q.Messages && !q.Fresh && len(q.IDs)+len(q.Types) == 0 && !scans(q)
}

// byLevel tells that a part of such a query is read so: it is more than near by.
func byLevel(q feed.Query, after feed.Place) bool { return levelled(q) && q.Upto-after > near(q) }

func near(q feed.Query) feed.Place { return nearBy * feed.Place(min(q.Limit, mostPart)) }

// scanFor reads what no index serves, a few such reads at a time, so that there
// are always connections for others, and each for its time.
func (s *Store) scanFor(ctx context.Context, id feed.ID, after feed.Place, q feed.Query, visit func(*feed.Entry) bool) error {
	select {
	case s.scanning <- struct{}{}:
		defer func() { <-s.scanning }()
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(scanWait):
		return taxii.Errorf(taxii.Unavailable, "too many searches that no index serves are under way; try again").Describe(scanAdvice)
	}
	scan, cancel := context.WithTimeout(ctx, s.scan)
	defer cancel()
	found := 0
	err := s.parts(scan, id, after, q, func(e *feed.Entry) bool { found++; return visit(e) })
	if err != nil && ctx.Err() == nil && errors.Is(scan.Err(), context.DeadlineExceeded) {
		if found > 0 {
			return feed.ErrCut
		}
		return taxii.Errorf(taxii.Unavailable, "no object that matches was found within %v", s.scan).Describe(scanAdvice).Because(err)
	}
	return named(fmt.Sprintf("read feed %d", id), err)
}

// search reads Messages without their contents, a few such reads at a time. Each
// has an end that is near, so that one waits for its turn as long as its request
// does.
func (s *Store) search(ctx context.Context, id feed.ID, after feed.Place, q feed.Query, visit func(*feed.Entry) bool) error {
	select {
	case s.searching <- struct{}{}:
		defer func() { <-s.searching }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return named(fmt.Sprintf("read feed %d", id), s.parts(ctx, id, after, q, visit))
}

const scanAdvice = "No index serves this filter. Add match[id] to it, or a later added_after, or leave out match[version] and match[spec_version]."

// parts reads what an index serves at once, and anything else part by part:
// once a statement has found its first row the driver does not interrupt it any
// more, so that its time is looked at between statements.
func (s *Store) parts(ctx context.Context, id feed.ID, after feed.Place, q feed.Query, visit func(*feed.Entry) bool) error {
	upto, part := q.Upto, feed.Place(firstPart)
	switch {
	case levelled(q):
		part = near(q)
	case indexed(q) && !scans(q):
		part = upto
	}
	wanted := true
	once := func(e *feed.Entry) bool {
		q.Limit--
		wanted = visit(e)
		return wanted
	}
	for wanted && after < upto && q.Limit > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		q.Upto = min(upto, after+part)
		if err := s.visit(ctx, id, after, q, once); err != nil {
			return err
		}
		if after, part = q.Upto, min(2*part, mostPart); levelled(q) {
			part = upto // what is not near by is looked up at once
		}
	}
	return nil
}

// after gives the place after which to read.
func (s *Store) after(ctx context.Context, id feed.ID, head feed.Head, q feed.Query) (feed.Place, error) {
	if q.AfterAdded == nil || q.Fresh {
		return q.After, nil
	}
	if *q.AfterAdded >= head.Added {
		return head.Place, nil // nothing is later than the last date: no disk is asked
	}
	place := q.After
	err := s.each(ctx, func(r *sql.Rows) error { return r.Scan(&place) },
		`select seq from entries where feed = $1 and added <= $2 order by added desc limit 1`, id, *q.AfterAdded)
	return max(place, q.After), err
}

// visit reads one part.
func (s *Store) visit(ctx context.Context, id feed.ID, after feed.Place, q feed.Query, visit func(*feed.Entry) bool) error {
	ctx, cancel := s.reading(ctx)
	defer cancel()
	text, args := readText(s.engine, id, after, q)
	rows, err := s.query(ctx, text, args...)
	if err != nil {
		return s.engine.kind(err)
	}
	defer rows.Close()
	var e feed.Entry
	var m feed.Message
	var content sql.RawBytes
	dest := []any{&e.Place, &e.Added}
	switch {
	case q.Lean:
		dest = append(dest, &e.ID, &e.Type, &e.Account, &m.Origin, &m.MediaType)
	case !q.Bare:
		dest = append(dest, &e.ID, &e.Type, &e.SpecVersion, &e.Version, &e.Level)
	}
	if q.Records {
		dest = append(dest, &e.Account, &e.Request)
	}
	if q.Messages && !q.Lean {
		dest = append(dest, &e.Account, &m.Origin, &e.Size, &m.Octets, &m.MediaType, &m.Marks)
	}
	if q.Content {
		dest = append(dest, &content)
	}
	for rows.Next() {
		place := e.Place
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if e.Place <= place {
			return fmt.Errorf("place %d was read after place %d", e.Place, place)
		}
		if q.Messages {
			of := m // who visits may keep it
			e.Message = &of
		}
		if q.Lean {
			e.Size = int64(len(content))
		}
		if e.Content = content; !visit(&e) {
			return nil
		}
	}
	return s.engine.kind(rows.Err())
}

// messageColumns are what a Message has besides; the size is that of content
// which is not read for it.
const messageColumns = ", e.account, coalesce(e.origin, ''), octet_length(e.content), m.octets, m.media_type, m.marks"

// leanColumns are those of a lean read.
const leanColumns = ", e.id, e.type, e.account, coalesce(e.origin, ''), m.media_type"

const joinMessages = " join messages m on m.feed = e.feed and m.seq = e.seq"

// statement builds a text and its arguments together.
type statement struct {
	strings.Builder
	args []any
}

func (b *statement) arg(v any) string {
	b.args = append(b.args, v)
	return "$" + strconv.Itoa(len(b.args))
}

// readText gives the SELECT of a query, in which e is the entry that is given
// and v, where it is another row, the one that meets the conditions. The latest versions alone, the
// default, are found in live; a few objects or types by their index, places
// first, so that no content is sorted.
func readText(e engine, id feed.ID, after feed.Place, q feed.Query) (string, []any) {
	var b statement
	r := &reading{engine: e, b: &b, q: q, table: "entries"}
	r.feed, r.after, r.upto, r.limit = b.arg(id), b.arg(after), b.arg(q.Upto), b.arg(q.Limit)
	if q.Versions.OnlyLast() {
		r.table = "live"
	}
	place := "e.seq"
	if q.Fresh {
		place = "p.at"
	}
	b.WriteString("select " + place + ", e.added")
	switch {
	case q.Lean:
		b.WriteString(leanColumns)
	case !q.Bare:
		b.WriteString(", e.id, e.type, e.spec_version, e.version, e.level")
	}
	if q.Records {
		b.WriteString(", e.account, e.request")
	}
	if q.Messages {
		r.join = joinMessages
	}
	if q.Messages && !q.Lean {
		b.WriteString(messageColumns)
	}
	if q.Content {
		b.WriteString(", e.content")
	}
	switch {
	case q.Fresh:
		r.fresh()
	case len(q.IDs) > 0:
		r.places("+v.seq", "v.id"+among(r, q.IDs)+r.types("v")) // with a sign no index by place is taken
	case indexed(q):
		r.places("v.seq", r.arms()...)
	case byLevel(q, after):
		r.places("v.seq", r.levels()...)
	case q.Lean: // entries lie in the order of their places: the next is found at once
		b.WriteString(" from messages m cross join entries e where m.feed = " + r.feed + r.between("m.seq") + " and " + e.entryOf("m") +
			r.visible("e") + r.types("e") + " order by m.seq limit " + r.limit)
	case q.Versions.OnlyLast():
		b.WriteString(" from live v cross join entries e where v.feed = " + r.feed + r.conditions("v") + r.types("v") +
			" and " + e.entryOf("v") + " order by v.seq limit " + r.limit)
	default:
		b.WriteString(" from entries e" + r.join + " where " + e.entriesBetween(r.feed, r.after, r.upto) + r.visible("e") + r.types("e") +
			" order by " + e.order() + " limit " + r.limit)
	}
	return b.String(), b.args
}

// indexed tells that a query's objects or types are looked up.
func indexed(q feed.Query) bool {
	return len(q.IDs) > 0 || len(q.Types) > 0 && len(q.Types) <= maxArms
}

// reading is one query while its text is built.
type reading struct {
	engine
	b                        *statement
	q                        feed.Query
	table                    string // of v: entries or live
	feed, after, upto, limit string // placeholders
	join                     string // what is joined to e
}

// arms gives one condition for each type, so that each is walked through in the
// order of its places. Their number is a power of two, so that there are few
// texts to be kept prepared; no entry has the type that fills it up.
func (r *reading) arms() (arms []string) {
	types := slices.Compact(slices.Sorted(slices.Values(r.q.Types))) // an arm twice would give its places twice
	for len(types)&(len(types)-1) != 0 {
		types = append(types, "")
	}
	for _, t := range types {
		arms = append(arms, "v.type = "+r.b.arg(t))
	}
	return arms
}

// levels gives one condition for each level that the reader sees.
func (r *reading) levels() (arms []string) {
	for level := range r.q.Ceiling + 1 {
		arms = append(arms, "v.level = "+strconv.FormatInt(level, 10))
	}
	return arms
}

// places reads the entries whose places one of the arms finds, in the order of
// the arms' index where it is by place.
func (r *reading) places(place string, arms ...string) {
	conditions := r.between(place) + r.visible("v")
	var parts []string
	for _, arm := range arms {
		parts = append(parts, "select seq from (select v.seq from "+r.table+" v where v.feed = "+r.feed+" and "+arm+
			conditions+" order by "+place+" limit "+r.limit+") arm")
	}
	r.b.WriteString(r.at(r.feed, "select seq from ("+strings.Join(parts, " union all ")+") arms order by seq limit "+r.limit, r.join))
}

// among is the condition of being one of a list. That a list has one value is the
// usual case, and costs half as much where it is said so.
func among[T any](r *reading, list []T) string {
	if len(list) == 1 {
		return " = " + r.b.arg(list[0])
	}
	return r.oneOf(r.b.arg(r.values(list)))
}

func (r *reading) types(t string) string {
	if len(r.q.Types) == 0 {
		return ""
	}
	return " and " + t + ".type" + among(r, r.q.Types)
}

// conditions: between the places, visible to this reader, and asked for.
func (r *reading) conditions(t string) string {
	return r.between(t+".seq") + r.visible(t)
}

func (r *reading) between(place string) string {
	return " and " + place + " > " + r.after + " and " + place + " <= " + r.upto
}

// visible is the condition that this reader sees the version and asked for it.
func (r *reading) visible(t string) string {
	c := r.b.arg(r.q.Ceiling)
	text := " and " + t + ".level <= " + c
	if len(r.q.SpecVersions) > 0 {
		text += " and " + t + ".spec_version" + among(r, r.q.SpecVersions)
	} else {
		text += " and " + c + " < " + t + ".outdone"
	}
	v := r.q.Versions
	if v.All || v.IsZero() {
		return text
	}
	var any []string
	if v.Last {
		any = append(any, c+" < "+t+".superseded")
	}
	if v.First {
		any = append(any, `not exists (select 1 from entries f where f.feed = `+t+`.feed and f.id = `+t+`.id
			and f.spec_version = `+t+`.spec_version and f.level <= `+c+`
			and (f.version_time < `+t+`.version_time or f.version_time = `+t+`.version_time and f.version_key < `+t+`.version_key))`)
	}
	if len(v.Keys) > 0 {
		any = append(any, r.keys(t, v.Keys))
	}
	return text + " and (" + strings.Join(any, " or ") + ")"
}

// keys is the condition that the version is one of those named: by its normal
// form, or by the date under which a version without one of its own is shown.
func (r *reading) keys(t string, keys []feed.VersionKey) string {
	names, times := []string{}, []int64{}
	for _, k := range keys {
		names = append(names, k.Key)
		if k.Dated {
			times = append(times, feed.UndatedTime(taxii.Time(k.Time)))
		}
	}
	text := t + ".version_key" + among(r, names)
	if len(times) > 0 {
		text += " or (" + t + ".version_key like '#%' and " + t + ".version_time" + among(r, times) + ")"
	}
	return text
}

// Exists tells whether a reader with this ceiling can see any version.
func (s *Store) Exists(ctx context.Context, f feed.ID, id string, ceiling int64) (bool, error) {
	found := false
	err := s.each(ctx, func(*sql.Rows) error { found = true; return nil },
		`select 1 from live where feed = $1 and id = $2 and level <= $3 limit 1`, f, id, ceiling)
	return found, err
}

// Deleted tells whether a version that which names stood here, was deleted, and
// has not been added again.
func (s *Store) Deleted(ctx context.Context, f feed.ID, which feed.Which) (bool, error) {
	if len(which.Versions.Keys) == 0 {
		return false, nil
	}
	var b statement
	r := &reading{engine: s.engine, b: &b}
	text := `select 1 from tombstones t where t.why = 'deleted' and t.feed = ` + b.arg(f) + ` and t.id = ` + b.arg(which.ID) +
		` and t.level <= $3`
	b.arg(which.Ceiling)
	if len(which.SpecVersions) > 0 {
		text += " and t.spec_version" + among(r, which.SpecVersions)
	}
	text += " and (" + r.keys("t", which.Versions.Keys) + `) and not exists (select 1 from entries e where e.feed = t.feed
		and e.id = t.id and e.spec_version = t.spec_version and e.version_key = t.version_key
		and e.version_time = t.version_time and e.level <= $3) limit 1`
	found := false
	err := s.each(ctx, func(*sql.Rows) error { found = true; return nil }, text, b.args...)
	return found, err
}
