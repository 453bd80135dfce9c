package exchange

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Recall says who was sent a version of an object, and when, as far as there are
// records and the object, or what is left of it, is there.
type Recall struct {
	Object   string          `json:"object"`
	Found    []RecallPlace   `json:"found"`    // where versions of it are or were
	Receipts []RecallReceipt `json:"receipts"` // by account, resource and version
	Begins   *taxii.Time     `json:"begins,omitempty"`
	Notes    []string        `json:"notes,omitempty"`
}

// RecallPlace is where a version stands or stood: a Collection, or a Message of a
// Channel.
type RecallPlace struct {
	On      string `json:"on"`
	Version string `json:"version,omitempty"`
	Message string `json:"message,omitempty"` // of a Channel
	Place   int64  `json:"place"`
	Level   string `json:"level,omitempty"`
	Gone    bool   `json:"gone,omitempty"` // withdrawn, or moved to a later place
}

// RecallReceipt is that one account was sent one version or Message, with one
// credential.
type RecallReceipt struct {
	Account    string     `json:"account"`
	Number     int64      `json:"account_number"`
	Way        string     `json:"way,omitempty"`
	Credential string     `json:"credential,omitempty"`
	On         string     `json:"on"`
	Version    string     `json:"version,omitempty"`
	Message    string     `json:"message,omitempty"`
	Via        []string   `json:"via"` // endpoints, and push HOST
	First      taxii.Time `json:"first"`
	Last       taxii.Time `json:"last"`
	Times      int        `json:"times"`
	MayHave    bool       `json:"may_have,omitempty"` // the records do not say for certain
}

// RecallQuery names an object and, if they are not "", where it is looked for. Since
// 0 is as far back as there are records.
type RecallQuery struct {
	Object, On string
	Since      taxii.Time
}

const (
	// mostRecalled bounds the Messages with an object that are looked for in the
	// audit, and the receipts that are told, each of some hundred octets.
	mostRecalled = 100_000
	// searchedAtOnce is how many Messages are examined in one read.
	searchedAtOnce = 10_000
	// streamLife is more than a stream lasts: one that has no end by then was cut.
	streamLife = 2 * time.Hour
)

// Recall looks through the audit for whoever was sent an object, for who manages
// the server.
func (s *Session) Recall(ctx context.Context, q RecallQuery) (Recall, error) {
	snap := s.x.now.Load()
	if err := s.manages(snap, resource{scope: OnServer}); err != nil {
		return Recall{}, err
	}
	if q.Object == "" || strings.ContainsAny(q.Object, "/\t\n") {
		return Recall{}, taxii.Errorf(taxii.NotFound, "no object can have the id %.100q", q.Object)
	}
	s.consults(ctx, EventRecall, q.On, q.Object)
	r := &recalling{x: s.x, snap: snap, out: Recall{Object: q.Object, Found: []RecallPlace{}}, feeds: map[int64]*recalled{}, streams: map[string]*recorded{}, receipts: map[receiptKey]*RecallReceipt{}}
	if err := r.find(ctx, s, q); err != nil {
		return Recall{}, err
	}
	if err := r.begins(ctx); err != nil {
		return Recall{}, err
	}
	if err := s.x.walkAudit(ctx, 0, q.Since, int(^uint(0)>>1), func(b AuditBlock) bool { r.block(b, q.Since); return ctx.Err() == nil }); err != nil {
		return Recall{}, err
	}
	for _, open := range r.streams {
		r.cut(open)
	}
	return r.result(), ctx.Err()
}

// recalling is one search.
type recalling struct {
	x        *Exchange
	snap     *snapshot
	out      Recall
	feeds    map[int64]*recalled
	streams  map[string]*recorded // that have not ended, by request and feed
	receipts map[receiptKey]*RecallReceipt
}

// recalled is a feed in which the object is or was.
type recalled struct {
	on       string
	unmarked Level
	stays    []Stay       // of a Collection
	messages []feed.Entry // of a Channel, by place
	channel  *Channel
	needle   []byte // that is in every record of its deliveries
}

type receiptKey struct {
	account         int64
	way, credential string
	feed            int64
	place           feed.Place // of a Message; 0 in a Collection
	version         string
	may             bool
}

// find looks where the object is.
func (r *recalling) find(ctx context.Context, s *Session, q RecallQuery) error {
	only := resource{scope: OnServer}
	if q.On != "" {
		var err error
		if only, err = r.snap.named(s, q.On); err != nil {
			return err
		}
	}
	in := func(at resource) bool {
		return only.scope == OnServer || only == at || only.scope == OnRoot && only.root == at.root
	}
	if only.scope != OnCollection {
		r.out.Notes = append(r.out.Notes, "channels are covered as far as their messages are kept")
	}
	for _, root := range r.snap.rootOrder {
		for _, c := range r.snap.collections[root.ID] {
			if at := (resource{OnCollection, root.ID, c.ID}); in(at) {
				if err := r.collection(ctx, at, c, q.Object); err != nil {
					return err
				}
			}
		}
		for _, c := range r.snap.channels[root.ID] {
			if at := (resource{OnChannel, root.ID, c.ID}); in(at) {
				if err := r.channel(ctx, at, c, q.Object); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func needleOf(f feed.ID) []byte {
	return append(strconv.AppendInt([]byte(`"feed":`), int64(f), 10), ',')
}

func (r *recalling) collection(ctx context.Context, at resource, c *Collection, object string) error {
	stays, err := r.x.store.Stays(ctx, c.Feed, object)
	if err != nil || len(stays) == 0 {
		return err
	}
	f := &recalled{on: r.snap.name(at), unmarked: c.Unmarked, stays: stays, needle: needleOf(c.Feed)}
	r.feeds[int64(c.Feed)] = f
	for _, v := range stays {
		r.out.Found = append(r.out.Found, RecallPlace{On: f.on, Version: v.Version, Place: int64(v.Place), Level: LevelName(v.Level), Gone: v.Gone > 0})
	}
	return nil
}

// channel looks through the Messages that are kept for those with the object.
func (r *recalling) channel(ctx context.Context, at resource, c *Channel, object string) error {
	head, err := r.x.store.Head(ctx, c.Feed)
	if err != nil {
		return err
	}
	f := &recalled{on: r.snap.name(at), unmarked: c.Unmarked, channel: c, needle: needleOf(c.Feed)}
	for after := head.Floor; after < head.Place && len(f.messages) < mostRecalled; {
		upto := min(head.Place, after+searchedAtOnce)
		err := r.x.store.Read(ctx, c.Feed, allMessages(after, upto, searchedAtOnce), func(e *feed.Entry) bool {
			if holds(e.Message.Marks, object) {
				f.messages = append(f.messages, feed.Entry{Place: e.Place, Added: e.Added, ID: e.ID, Type: e.Type, Account: e.Account, Level: e.Level, Message: e.Message})
			}
			return true
		})
		if err != nil {
			return err
		}
		after = upto
	}
	if head.Floor > 0 {
		r.out.Notes = append(r.out.Notes, f.on+": messages up to place "+strconv.FormatInt(int64(head.Floor), 10)+
			" have expired, and whether the object was in one of them is not known")
	}
	if len(f.messages) >= mostRecalled {
		r.out.Notes = append(r.out.Notes, f.on+": the object is in more messages than are looked for; the rest is left out")
	}
	for i := range f.messages {
		m := &f.messages[i]
		r.out.Found = append(r.out.Found, RecallPlace{On: f.on, Message: m.ID, Place: int64(m.Place), Level: LevelName(m.Level)})
	}
	if len(f.messages) > 0 {
		r.feeds[int64(c.Feed)] = f
	}
	return nil
}

// holds tells whether an Envelope has an object, by the marks of its Message.
func holds(marks, object string) bool {
	for line := range strings.SplitSeq(marks, "\n") {
		if strings.HasSuffix(line, "\t"+object) {
			return true
		}
	}
	return false
}

// begins says since when there are records: the earliest time in the first block,
// whose commit came later.
func (r *recalling) begins(ctx context.Context) error {
	return r.x.walkAudit(ctx, 0, 0, 1, func(b AuditBlock) bool {
		r.out.Begins = &b.At
		for line := range bytes.Lines(b.Records) {
			var v recorded
			if json.Unmarshal(line, &v) == nil && v.At < b.At {
				b.At = v.At
			}
		}
		return false
	})
}

func (r *recalling) block(b AuditBlock, since taxii.Time) {
	for _, f := range r.feeds {
		if !bytes.Contains(b.Records, f.needle) {
			continue
		}
		for line := range bytes.Lines(b.Records) {
			if bytes.Contains(line, f.needle) {
				r.line(f, line, since)
			}
		}
	}
}

// line looks at a record about one of the feeds.
func (r *recalling) line(f *recalled, text []byte, since taxii.Time) {
	var v recorded
	if json.Unmarshal(text, &v) != nil || v.At < since {
		return
	}
	key := v.Request + "\x00" + strconv.FormatInt(v.Feed, 10)
	switch v.Event {
	case EventStream:
		v.Last = v.First - 1
		r.streams[key] = &v
		return
	case EventDelivery, EventPush:
	default:
		return
	}
	if open := r.streams[key]; open != nil {
		open.Last = max(open.Last, v.Last)
		if v.End > 0 {
			delete(r.streams, key)
		}
	}
	if f.channel != nil {
		r.toChannel(f, &v, v.First, v.Last, false)
		return
	}
	r.toCollection(f, &v)
}

// cut is for a stream whose end is not recorded, because it goes on or the server
// was killed: what came after its last record may have been sent.
func (r *recalling) cut(open *recorded) {
	f := r.feeds[open.Feed]
	r.toChannel(f, open, open.Last+1, int64(f.messages[len(f.messages)-1].Place), true)
}

// toChannel notes the Messages between two places that a record says were sent.
func (r *recalling) toChannel(f *recalled, v *recorded, first, last int64, may bool) {
	selector, err := ParseSelector(v.Filter)
	ceiling := v.ceiling()
	from, _ := slices.BinarySearchFunc(f.messages, feed.Place(first), func(e feed.Entry, p feed.Place) int { return cmp.Compare(e.Place, p) })
	for i := range f.messages[from:] {
		m := &f.messages[from+i]
		if int64(m.Place) > last || may && m.Added > v.At+taxii.Time(streamLife/time.Microsecond) {
			return
		}
		doubt := may || err != nil
		if err == nil && !selector.passes(m, (scribe{snap: r.snap, c: f.channel}).publisher) {
			continue
		}
		switch {
		case m.Level <= ceiling:
		case v.unmarked() != f.unmarked && v.unmarked() <= ceiling: // it may have had another level then
			doubt = true
		default:
			continue
		}
		r.note(v, f, receiptKey{place: m.Place, may: doubt}, "", m.ID)
	}
}

// toCollection finds the versions that a page had.
func (r *recalling) toCollection(f *recalled, v *recorded) {
	if v.Endpoint != string(Objects) && v.Endpoint != string(Object) && v.Endpoint != string(Export) {
		return // ids and versions, without content
	}
	filter, err := taxii.ParseFilter(v.Filter, taxii.ObjectsFields)
	if v.Object != "" && v.Object != r.out.Object || len(filter.IDs) > 0 && !slices.Contains(filter.IDs, r.out.Object) {
		return
	}
	now := f.given(v, filter, r.out.Object, func(l Level) Level { return l })
	then := now
	if was := v.unmarked(); was != f.unmarked {
		then = f.given(v, filter, r.out.Object, func(l Level) Level {
			if l == f.unmarked { // it may have no marking
				return was
			}
			return l
		})
	}
	for i := range f.stays {
		if now[i] || then[i] {
			r.note(v, f, receiptKey{version: f.stays[i].Version, may: err != nil || now[i] != then[i]}, f.stays[i].Version, "")
		}
	}
}

// given tells which of the stays a page had, if their levels were what level makes
// of what they are: what stood at the head that was read, was visible and asked for.
func (f *recalled) given(v *recorded, filter taxii.Filter, object string, level func(Level) Level) []bool {
	which := feed.Which{ID: object, Versions: versions(filter.Versions), SpecVersions: filter.SpecVersions, Ceiling: v.ceiling()}
	if v.Endpoint == string(Export) {
		which.Versions, which.SpecVersions = feed.Versions{All: true}, nil
	}
	var stood []*feed.Standing
	at := map[*feed.Standing]int{}
	for i, s := range f.stays {
		if int64(s.Place) <= v.Head && (s.Gone == 0 || int64(s.Gone) > v.Head) {
			copied := s.Standing
			copied.Level = level(s.Level)
			stood, at[&copied] = append(stood, &copied), i
		}
	}
	feed.Recompute(stood)
	chosen, _ := which.Choose(stood)
	given := make([]bool, len(f.stays))
	for _, s := range chosen {
		older := len(filter.SpecVersions) == 0 && v.Endpoint != string(Export) && which.Ceiling >= s.Outdone
		typed := len(filter.Types) == 0 || slices.Contains(filter.Types, f.stays[at[s]].Type)
		given[at[s]] = !older && typed && int64(s.Place) >= v.First && int64(s.Place) <= v.Last
	}
	return given
}

func (r *recorded) ceiling() Level {
	level, err := ParseLevel(r.Ceiling)
	if err != nil {
		return NoCeiling
	}
	return level
}

func (r *recorded) unmarked() Level {
	level, err := ParseLevel(r.Unmarked)
	if err != nil {
		return TLPClear
	}
	return level
}

// note notes that an account was sent something.
func (r *recalling) note(v *recorded, f *recalled, key receiptKey, version, message string) {
	key.account, key.way, key.credential, key.feed = v.Number, v.Way, v.Credential, v.Feed
	one := r.receipts[key]
	if one == nil {
		if len(r.receipts) >= mostRecalled {
			return
		}
		one = &RecallReceipt{
			Account: v.Account, Number: v.Number, Way: v.Way, Credential: v.Credential, On: f.on, Version: version, Message: message,
			First: v.At, Last: v.At, MayHave: key.may,
		}
		r.receipts[key] = one
	}
	via := v.Endpoint
	if v.Event == EventPush {
		via = "push " + v.Host
	}
	if !slices.Contains(one.Via, via) {
		one.Via = append(one.Via, via)
	}
	one.First, one.Last = min(one.First, v.At), max(one.Last, v.At)
	one.Times++
}

func (r *recalling) result() Recall {
	list := make([]RecallReceipt, 0, len(r.receipts))
	for _, one := range r.receipts {
		list = append(list, *one)
	}
	slices.SortFunc(list, func(a, b RecallReceipt) int {
		return cmp.Or(cmp.Compare(a.First, b.First), strings.Compare(a.Account, b.Account), strings.Compare(a.On, b.On),
			strings.Compare(a.Version+a.Message, b.Version+b.Message), strings.Compare(a.Credential, b.Credential))
	})
	r.out.Receipts = list
	if len(list) >= mostRecalled {
		r.out.Notes = append(r.out.Notes, "there are more receipts than are told; ask for one resource at a time")
	}
	return r.out
}
