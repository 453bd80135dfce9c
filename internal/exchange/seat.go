package exchange

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// desk has the Subscriptions that are read or changed in this node now.
type desk struct {
	mu    sync.Mutex // guards seats and their users
	seats map[string]*seat
}

// seat is one Subscription for all who read it in this node: who changes it tells
// them, and those of the draft form take turns.
type seat struct {
	id    string
	users int                          // guarded by the desk's lock
	row   atomic.Pointer[Subscription] // as last seen; nil: it has ended

	change sync.Mutex // held while the row is read or changed, so that row never goes back

	mu     sync.Mutex    // guards what follows
	bell   chan struct{} // closed when row changes
	latest *draft        // the newest read in the draft form
	turn   chan struct{} // holds one while a read in the draft form is at work
}

// enter gives the seat of a Subscription; leave gives it back.
func (d *desk) enter(id string) *seat {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.seats[id]
	if s == nil {
		s = &seat{id: id, turn: make(chan struct{}, 1)}
		if d.seats == nil {
			d.seats = map[string]*seat{}
		}
		d.seats[id] = s
	}
	s.users++
	return s
}

func (d *desk) leave(s *seat) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.users--; s.users == 0 {
		delete(d.seats, s.id)
	}
}

// listen gives a channel that is closed when the Subscription changes; nil for no
// Subscription.
func (s *seat) listen() <-chan struct{} {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bell == nil {
		s.bell = make(chan struct{})
	}
	return s.bell
}

// put makes a change known to who reads.
func (s *seat) put(row *Subscription) {
	s.row.Store(row)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bell != nil {
		close(s.bell)
		s.bell = nil
	}
}

// check tells whether the Subscription can be read.
func (s *seat) check(f *Follower) error {
	row := s.row.Load()
	switch {
	case row == nil:
		return f.s.Missing()
	case !f.pushes && pushing(row.Push):
		return errPushing()
	}
	return nil
}

func errPushing() error {
	return taxii.Errorf(taxii.Conflict, "the messages of this subscription are pushed to a URL").
		Describe("End the push to read it here, or follow the channel by cursor.")
}

// change edits a Subscription in the store, and tells its readers.
func (x *Exchange) changeSubscription(ctx context.Context, id string, edit func(*Subscription) error) (Subscription, error) {
	seat := x.desk.enter(id)
	defer x.desk.leave(seat)
	seat.change.Lock()
	defer seat.change.Unlock()
	row, err := x.store.ChangeSubscription(ctx, id, edit)
	switch {
	case err == nil:
		seat.put(&row)
	case taxii.KindOf(err) == taxii.NotFound:
		seat.put(nil)
	}
	return row, err
}

// endSubscription ends a Subscription, and tells its readers.
func (x *Exchange) endSubscription(ctx context.Context, id string) error {
	seat := x.desk.enter(id)
	defer x.desk.leave(seat)
	seat.change.Lock()
	defer seat.change.Unlock()
	err := x.store.RemoveSubscription(ctx, id)
	if err == nil {
		seat.put(nil)
	}
	return err
}

// look reads the row of a Subscription anew.
func (x *Exchange) look(ctx context.Context, seat *seat) (Subscription, error) {
	seat.change.Lock()
	defer seat.change.Unlock()
	row, err := x.store.Subscription(ctx, seat.id)
	if err != nil {
		return row, err
	}
	seat.row.Store(&row)
	return row, nil
}

// seenEvery is how often it is written down that a Subscription is used: often
// enough for times of idleness, which are days, and seldom enough to cost nothing.
const seenEvery = taxii.Time(5 * time.Minute / time.Microsecond)

// touch writes down that the Subscription is used. That it could not be is no
// reason not to read; it is tried again.
func (f *Follower) touch(ctx context.Context) {
	if f.seat == nil {
		return
	}
	row, now := f.seat.row.Load(), taxii.TimeOf(f.s.x.opt.Now())
	if row == nil || now < row.Seen+seenEvery {
		return
	}
	_, _ = f.s.x.changeSubscription(ctx, f.seat.id, func(v *Subscription) error {
		v.Seen = max(v.Seen, now)
		return nil
	})
}

// FollowSubscription begins to read a Subscription at its position, or at the
// cursor After, or Last-Event-ID, if that is later. It moves nothing. NotFound;
// Forbidden for who only manages the Channel; Conflict: a push is active.
func (s *Session) FollowSubscription(ctx context.Context, root, channel, sid string, r Reading) (*Follower, error) {
	f, head, err := s.follower(ctx, root, channel, &r)
	if err != nil {
		return nil, err
	}
	row, err := s.ownSubscription(ctx, f.checked, f.channel, sid)
	if err == nil && pushing(row.Push) {
		err = errPushing()
	}
	if err == nil && r.AddedAfter != nil {
		err = taxii.Errorf(taxii.Malformed, "a subscription is read from its position on, not from a date")
	}
	if err != nil {
		return nil, err
	}
	f.seat = s.x.desk.enter(row.ID)
	if err := s.sitDown(ctx, f, head, &r); err != nil {
		f.Close()
		return nil, f.untold(err)
	}
	return f, nil
}

// sitDown puts a follower where its Subscription is, or further where r says so.
func (s *Session) sitDown(ctx context.Context, f *Follower, head feed.Head, r *Reading) error {
	row, err := s.x.look(ctx, f.seat)
	if err != nil {
		return s.gone(err)
	}
	selector, err := ParseSelector(row.Selector)
	if err == nil {
		err = selector.fits(f.channel)
	}
	if err != nil {
		return err
	}
	if r.Selector.selector != nil && r.Selector.String() != row.Selector {
		return taxii.Errorf(taxii.Malformed, "this subscription has another selector; to read with this one, make another subscription")
	}
	now, err := s.x.stand(ctx, f.channel, &row, head, f.ceiling)
	if err != nil {
		return err
	}
	if f.at = now.start; r.After != "" {
		ahead, err := f.checked.placeUnlessPurged(f.channel, head, r.After)
		if err != nil {
			return err
		}
		if ahead < now.position && !r.Stream {
			return taxii.Errorf(taxii.Malformed, "after is before the position of the subscription").
				Describe("To read again what was acknowledged, set the position back with seek.")
		}
		f.at = max(f.at, ahead)
	}
	f.begin(f.checked, head, selector)
	f.touch(ctx)
	return nil
}

// placeUnlessPurged is placeOf, but for a cursor behind which Messages were purged
// it gives the place: who asks tells of the gap.
func (s *snapshot) placeUnlessPurged(c *Channel, head feed.Head, cursor string) (feed.Place, error) {
	whole := head
	whole.Floor = 0
	if cursor == taxii.Earliest {
		return head.Floor, nil
	}
	place, err := s.placeOf(c, whole, cursor)
	if err != nil {
		return s.placeOf(c, head, cursor) // its answer names the oldest Message kept
	}
	return place, nil
}

// followFor reads a Subscription for a push, in the name of its account: after a
// place, or its own where that is later, and not past upto (0: no bound). r says
// Limit and MaxSize, which may be less than a client can ask for.
func (s *Session) followFor(ctx context.Context, snap *snapshot, root *Root, c *Channel, sub Subscription, after, upto feed.Place, r Reading) (*Follower, error) {
	f := s.followerOf(snap, root.Name, c, &Reading{Limit: r.Limit, MaxSize: r.MaxSize})
	f.seat, f.pushes, f.upto = s.x.desk.enter(sub.ID), true, upto
	head, err := s.x.store.Head(ctx, c.Feed)
	if err == nil {
		err = s.sitDown(ctx, f, head, &Reading{})
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	f.at = max(f.at, after)
	return f, nil
}

// settleSubscription brings the place behind what the Subscription steps over. On
// a page the gap is told until it is acknowledged; on a stream at the beginning
// and where there is a further one.
func (f *Follower) settleSubscription(ctx context.Context, head feed.Head) error {
	row := f.seat.row.Load()
	if row == nil {
		return f.s.Missing()
	}
	now, err := f.s.x.stand(ctx, f.channel, row, head, f.ceiling)
	if err != nil {
		return err
	}
	from := f.at
	f.at = min(max(f.at, now.start), head.Place)
	f.incarnation = len(head.Past)
	switch {
	case !f.stream || !f.begun:
		f.out.Gap = f.gap(head, now.gap)
	case from < f.at:
		now.gap.from, now.gap.missed = from, int64(f.at-from)
		f.out.Gap = f.gap(head, now.gap)
	}
	return nil
}
