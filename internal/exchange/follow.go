package exchange

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Reading says where a follower begins and what it wants.
type Reading struct {
	After, Next, LastEventID, Ack string // cursors; "": not given
	AddedAfter                    *taxii.Time
	Limit                         int // Messages of a page, 1 to 1000; 0: 100
	Selector                      Selector
	MaxSize                       int64 // octets of a page and of each event (X-Max-Size), at least 9437184; 0: that
	Stream                        bool  // of events; begins at the newest Message where nothing is said
}

const (
	defaultMessages = 100  // of a page, where the client sets no limit
	mostMessages    = 1000 // of a page

	// LeastMaxSize is the least and the default of X-Max-Size, in octets (S11).
	LeastMaxSize = 9437184
)

// check refuses what cannot be read, and fills in the defaults.
func (r *Reading) check() error {
	switch {
	case r.Limit < 0 || r.Limit > mostMessages:
		return taxii.Errorf(taxii.Malformed, "limit must be between 1 and %d", mostMessages)
	case r.AddedAfter != nil && (r.After != "" || r.Next != ""):
		return taxii.Errorf(taxii.Malformed, "added_after cannot go together with after or next")
	case r.After != "" && r.Next != "" && r.After != r.Next:
		return taxii.Errorf(taxii.Malformed, "after and next are two names of one parameter, and say different things here")
	case r.MaxSize != 0 && r.MaxSize < LeastMaxSize:
		return taxii.Errorf(taxii.Malformed, "X-Max-Size must be at least %d", LeastMaxSize)
	}
	if r.Limit == 0 {
		r.Limit = defaultMessages
	}
	if r.MaxSize == 0 {
		r.MaxSize = LeastMaxSize
	}
	if r.After == "" {
		r.After = r.Next
	}
	if r.Stream && r.LastEventID != "" {
		r.After, r.AddedAfter = r.LastEventID, nil
	}
	return nil
}

// Follower is one reader of a Channel at its place. It holds no Messages, and is
// not for concurrent use.
type Follower struct {
	s       *Session
	root    string
	channel *Channel  // as of checked
	checked *snapshot // the catalogue under which it was last allowed to read
	ceiling Level     // likewise
	under   Level     // what it was when the last page was read
	ring    *ring
	memo    *memo // nil: every Message passes

	at          feed.Place // all before it, and it, was looked at
	upto        feed.Place // it reads no further; 0: no such bound
	incarnation int        // of at
	since       taxii.Time // Messages up to this date do not pass
	maxSize     int64
	limit       int
	stream      bool
	begun       bool // a page was given
	pushes      bool // for a push, which alone may read then
	floats      bool // begins at the oldest Message kept, whichever that is
	next        string

	selector Selector
	sent     sent // for the audit

	seat  *seat // of a Subscription; nil: it reads by cursor
	draft *draft
	timer *time.Timer
	out   MessagePage
}

// MessagePage is what a follower is given at once. It is good until the next
// call. Next is always there.
type MessagePage struct {
	Frames   []*Frame
	More     bool // ask again at once
	Next     string
	Gap      *taxii.Gap
	Examined int // Messages that were looked at
	Size     int // octets of the frames' JSON
}

// Follow begins to read a Channel by cursor: after the cursor or date that r
// names; where it names none at the oldest Message, as a stream at the newest. A
// cursor that cannot be honoured is Gone or Malformed and says where to go on.
func (s *Session) Follow(ctx context.Context, root, channel string, r Reading) (*Follower, error) {
	f, head, err := s.follower(ctx, root, channel, &r)
	if err != nil {
		return nil, err
	}
	snap := f.checked
	switch {
	case r.AddedAfter != nil:
		f.since, f.floats = *r.AddedAfter, true
		f.at, err = s.x.store.DatedUpto(ctx, f.channel.Feed, f.since)
	case r.After != "":
		f.floats = r.After == taxii.Earliest
		f.at, err = snap.placeOf(f.channel, head, r.After)
	case r.Stream:
		f.at = head.Place
	default:
		f.at, f.floats = head.Floor, true
	}
	if err != nil {
		return nil, f.untold(err)
	}
	f.begin(snap, head, r.Selector)
	return f, nil
}

// capped tells that the account does not see every Message.
func (f *Follower) capped() bool { return f.ceiling != NoCeiling }

// passes tells whether a Message is for this reader, Selector aside.
func (f *Follower) passes(e *feed.Entry) bool { return e.Added > f.since && e.Level <= f.ceiling }

// untold is an error without how many Messages were missed, where that would tell
// of those that the account does not see.
func (f *Follower) untold(err error) error { return untold(err, f.ceiling) }

func untold(err error, ceiling Level) error {
	var e *taxii.Error
	if ceiling != NoCeiling && errors.As(err, &e) {
		delete(e.Details, "missed")
	}
	return err
}

func (s *Session) channelCeiling(snap *snapshot, c *Channel) Level {
	return s.ceiling(snap, resource{OnChannel, c.Root, c.ID})
}

// follower makes one that has no place yet.
func (s *Session) follower(ctx context.Context, root, channel string, r *Reading) (*Follower, feed.Head, error) {
	snap := s.x.now.Load()
	_, c, _, err := s.mayChannel(snap, Read, root, channel)
	if err == nil {
		err = r.check()
	}
	if err == nil {
		err = r.Selector.fits(c)
	}
	if err != nil {
		return nil, feed.Head{}, err
	}
	head, err := s.x.store.Head(ctx, c.Feed)
	if err != nil {
		return nil, feed.Head{}, s.gone(err)
	}
	return s.followerOf(snap, root, c, r), head, nil
}

func (s *Session) followerOf(snap *snapshot, root string, c *Channel, r *Reading) *Follower {
	return &Follower{
		s: s, root: root, channel: c, checked: snap, ceiling: s.channelCeiling(snap, c), ring: s.x.ringOf(c),
		maxSize: r.MaxSize, limit: r.Limit, stream: r.Stream,
	}
}

// begin is called once, when the place is known.
func (f *Follower) begin(snap *snapshot, head feed.Head, selector Selector) {
	f.incarnation = len(head.Past)
	f.next = snap.cursorAt(f.channel, head, f.at)
	f.memo, f.selector = f.ring.memo(selector), selector
}

// Close lets go of what a Follower shares with others.
func (f *Follower) Close() {
	if f.sent.opened { // whoever reads has hung up; nobody is kept waiting
		f.sent.opened = false
		f.flush(context.Background(), true)
	}
	f.ring.leave(f.memo)
	f.memo = nil
	if f.draft != nil {
		f.draft.end(f)
	}
	if f.seat != nil {
		f.s.x.desk.leave(f.seat)
		f.seat = nil
	}
	if f.timer != nil {
		f.timer.Stop()
	}
}

// Cursor is how far it has looked.
func (f *Follower) Cursor() string { return f.next }

// SubscriptionID is the id of the Subscription that is read, or "".
func (f *Follower) SubscriptionID() string {
	if f.seat == nil {
		return ""
	}
	return f.seat.id
}

// Created tells, in the draft form, that its Subscription was made and has not
// been answered with Messages since.
func (f *Follower) Created() bool { return f.draft != nil && f.draft.created }

// Check tells whether it may go on reading: the credential stands, the account
// may read, the Channel is there, and so is the Subscription. It costs nothing
// where the catalogue has not changed.
func (f *Follower) Check() error {
	if f.seat != nil {
		if err := f.seat.check(f); err != nil {
			return err
		}
	}
	snap := f.s.x.now.Load()
	if snap == f.checked && !f.s.over() {
		return nil
	}
	if err := f.s.stands(snap); err != nil {
		return err
	}
	_, c, _, err := f.s.mayChannel(snap, Read, f.root, f.channel.ID)
	if err != nil {
		return err
	}
	if f.seat != nil && f.s.x.noted(c, f.s.account.ID) {
		return f.s.Missing()
	}
	if f.memo != nil {
		if err := f.memo.fits(c); err != nil {
			return err
		}
	}
	f.channel, f.checked, f.ceiling = c, snap, f.s.channelCeiling(snap, c)
	return nil
}

// Wait returns when there may be more to read, when the time is over (nil too), or
// with an error when it may not go on. Meanwhile it holds no memory of Messages.
func (f *Follower) Wait(ctx context.Context, most time.Duration) error {
	f.out = MessagePage{}
	f.touch(ctx)
	x, over := f.s.x, f.after(f.s.before(most))
	for {
		// Listen first, then look: nothing falls between.
		grew, turned, changed := x.store.Grew(f.channel.Feed), x.turned.Listen(0), f.seat.listen()
		if f.Ending() || f.Ended() {
			return nil
		}
		if err := f.Check(); err != nil {
			return err
		}
		head, err := x.store.Head(ctx, f.channel.Feed)
		if err != nil || head.Place > f.at {
			return f.s.gone(err)
		}
		select {
		case <-grew:
		case <-turned:
		case <-changed:
		case <-f.draft.ended():
		case <-x.stopping.listen():
		case <-over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// after rings when the time is over. One timer does for the life of a Follower.
func (f *Follower) after(most time.Duration) <-chan time.Time {
	if f.timer == nil {
		f.timer = time.NewTimer(most)
	} else {
		f.timer.Reset(most)
	}
	return f.timer.C
}

// Ending tells that the server stops.
func (f *Follower) Ending() bool { return f.s.x.stopping.rang() }

// Ended tells, in the draft form, that a newer read of the Subscription took its
// place.
func (f *Follower) Ended() bool {
	select {
	case <-f.draft.ended():
		return true
	default:
		return false
	}
}

// stopping is rung once, when the server stops: waits return at once. The zero
// value is ready.
type stopping struct {
	mu   sync.Mutex // guards bell
	bell chan struct{}
	once sync.Once
}

func (s *stopping) listen() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bell == nil {
		s.bell = make(chan struct{})
	}
	return s.bell
}

func (s *stopping) rang() bool {
	select {
	case <-s.listen():
		return true
	default:
		return false
	}
}

// Stop makes every wait return at once, and those that begin from now on.
func (x *Exchange) Stop() { x.stopping.once.Do(func() { close(x.stopping.listen()) }) }
