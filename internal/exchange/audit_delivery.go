package exchange

import (
	"context"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
)

// delivery is content on its way to an account: what was asked for, and which
// places of a feed were given.
type delivery struct {
	event, on, endpoint string
	feed                feed.ID
	first, last         feed.Place
	head                feed.Place // up to which the feed was looked at
	count, octets       int
	object              string // the id that was asked for
	filter              string // as a query
	ceiling             Level
	unmarked            Level // of what had no marking then
	subscription        string
	ends                bool // of a stream: nothing follows
}

// endsStream is the member of the last record of a stream.
const endsStream = "end"

func (d *delivery) record(r auditLine) []byte {
	r = r.text("on", d.on).number("feed", int64(d.feed)).text("endpoint", d.endpoint).text("object", d.object).text("subscription", d.subscription)
	r = r.number("first", int64(d.first)).number("last", int64(d.last)).number("head", int64(d.head))
	r = r.number("count", int64(d.count)).number("octets", int64(d.octets)).text("filter", d.filter)
	if d.ceiling != NoCeiling {
		r = r.text("ceiling", LevelName(d.ceiling))
	}
	r = r.text("unmarked", unmarkedName(d.unmarked))
	if d.ends {
		r = r.number(endsStream, 1)
	}
	return r.end(outcomeDone)
}

// Deliver records that a page goes to the account. The Receipt is to be waited for
// before its last octet goes out; an error says that it is not to go out. A page
// with nothing on it is counted.
func (v *View) Deliver(ctx context.Context, p *Page) (*Receipt, error) {
	s := v.s
	if p.Count == 0 || s.bare() {
		return nil, nil
	}
	d := delivery{
		event: EventDelivery, on: s.x.now.Load().name(resource{OnCollection, v.coll.Root, v.coll.ID}), endpoint: string(v.target.Endpoint),
		feed: v.coll.Feed, first: p.FirstPlace, last: p.LastPlace, head: v.head.Place, count: p.Count, octets: p.Size,
		object: v.target.Object, filter: v.filter.Encode(), ceiling: v.query.Ceiling, unmarked: v.coll.Unmarked,
	}
	return s.x.before(d.record(s.begin(ctx, d.event)))
}

// sent is what a Follower has given and what of it is not recorded yet.
type sent struct {
	opened      bool   // the stream is recorded
	request     string // then its id
	first, last feed.Place
	count       int
	octets      int
	ceiling     Level
	at          time.Time // when the last record was made
	receipt     *Receipt  // of it
}

// streamRecords is how often a stream is recorded that goes on and on. That it was
// opened, and where it began, is recorded before its first Message goes out, so
// that after a crash it is known what it may have delivered.
const streamRecords = time.Minute

// Deliver records that the page goes to the account, as View.Deliver does. A stream
// is recorded before its first Message, then once a minute, and when it ends.
func (f *Follower) Deliver(ctx context.Context) (*Receipt, error) {
	if len(f.out.Frames) == 0 || f.s.bare() {
		return nil, nil
	}
	v := &f.sent
	if v.count > 0 && f.under != v.ceiling {
		f.flush(ctx, false)
	}
	if v.ceiling = f.under; v.count == 0 { // it may be another by now
		v.first = f.out.Frames[0].place
	}
	v.last = f.out.Frames[len(f.out.Frames)-1].place
	v.count, v.octets = v.count+len(f.out.Frames), v.octets+f.out.Size
	switch now := f.s.x.opt.Now(); {
	case !f.stream:
		d := f.delivery(EventDelivery)
		v.count, v.octets = 0, 0
		return f.s.x.before(d.record(f.s.begin(ctx, d.event)))
	case !v.opened:
		v.opened, v.at, v.request = true, now, RequestOf(ctx)
		d := f.delivery(EventStream)
		d.last, d.count, d.octets = 0, 0, 0
		return f.s.x.before(d.record(f.s.begin(ctx, d.event)))
	case now.Sub(v.at) >= streamRecords:
		f.flush(ctx, false)
	}
	if f.s.x.audit.failing.Load() {
		return v.receipt, nil
	}
	return nil, nil
}

func (f *Follower) delivery(event string) delivery {
	v := &f.sent
	return delivery{
		event: event, on: f.s.x.now.Load().name(resource{OnChannel, f.channel.Root, f.channel.ID}), endpoint: "messages",
		feed: f.channel.Feed, first: v.first, last: v.last, head: f.at, count: v.count, octets: v.octets,
		filter: f.selector.String(), ceiling: v.ceiling, unmarked: f.channel.Unmarked, subscription: f.SubscriptionID(),
	}
}

// flush records what a stream has given since its last record.
func (f *Follower) flush(ctx context.Context, ends bool) {
	v := &f.sent
	if v.count == 0 {
		v.first, v.last = 0, 0
	}
	d := f.delivery(EventDelivery)
	d.ends = ends
	ctx, v.count, v.octets = WithRequest(ctx, v.request), 0, 0
	v.receipt, v.at = f.s.x.record(d.record(f.s.begin(ctx, d.event))), f.s.x.opt.Now()
}

// Ends records the end of a stream, before its last octet. It waits for the record.
func (f *Follower) Ends(ctx context.Context) error {
	if !f.stream || !f.sent.opened {
		return nil
	}
	f.sent.opened = false
	f.flush(ctx, true)
	return f.sent.receipt.Wait()
}

// deliverOne records that one Message goes to the account, and waits for that.
func (s *Session) deliverOne(ctx context.Context, m *found, endpoint string, octets int) error {
	if s.bare() {
		return nil
	}
	c := m.pen.c
	d := delivery{
		event: EventDelivery, on: m.pen.snap.name(resource{OnChannel, c.Root, c.ID}), endpoint: endpoint, feed: c.Feed,
		first: m.about.Place, last: m.about.Place, head: m.pen.head.Place, count: 1, octets: octets, object: m.about.ID,
		ceiling: s.ceiling(m.pen.snap, resource{OnChannel, c.Root, c.ID}), unmarked: c.Unmarked,
	}
	return s.x.record(d.record(s.begin(ctx, d.event))).Wait()
}

// added gives what the audit keeps of an Add or a publication.
func (s *Session) added(ctx context.Context, event, on string, f feed.ID) func(*feed.Result) []byte {
	if !s.x.audits() {
		return nil
	}
	begun := s.begin(ctx, event).text("on", on).number("feed", int64(f))
	return func(r *feed.Result) []byte {
		var fates [3]int64
		for _, o := range r.Outcomes {
			fates[o.Fate]++
		}
		first, last := r.Status.First, r.Status.Last
		line := append(auditLine(nil), begun...).text("status_id", r.Status.ID).number("first", int64(first)).number("last", int64(last))
		line = line.number("count", fates[feed.Appended]).number("duplicates", fates[feed.Duplicate])
		return line.number("failures", int64(len(r.Status.Failures))).end(outcomeDone)
	}
}

// deleted gives what the audit keeps of a deletion.
func (s *Session) deleted(ctx context.Context, on string, f feed.ID, which feed.Which, filter string) func(int, feed.Place) []byte {
	if !s.x.audits() {
		return nil
	}
	begun := s.begin(ctx, EventDelete).text("on", on).number("feed", int64(f)).text("object", which.ID).text("filter", filter)
	return func(removed int, place feed.Place) []byte {
		return append(auditLine(nil), begun...).number("first", int64(place)).number("count", int64(removed)).end(outcomeDone)
	}
}

// readsOn notes that the request reads a Collection or a Channel.
func (s *Session) readsOn() {
	if s.trail != nil {
		s.trail.reads = true
	}
}

// bare tells that no delivery is recorded of this Session's request.
func (s *Session) bare() bool { return !s.x.audits() || s.trail != nil && s.trail.Bare }
