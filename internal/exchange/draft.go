package exchange

import (
	"context"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// draft is one read in the draft form (section 7): of a Subscription that it may
// have made, one at a time.
type draft struct {
	over    chan struct{} // closed when a newer read came
	created bool          // no Messages were answered since the Subscription was made
	turn    bool          // it has the turn
	from    feed.Place    // where it began
}

// ended is closed when a newer read has come; nil for no draft form.
func (d *draft) ended() <-chan struct{} {
	if d == nil {
		return nil
	}
	return d.over
}

// FollowDraft begins a read in the draft form: of the Subscription with this
// account, Channel, Selector and name, which is made if there is none, at the
// newest Message. What the read before was answered is acknowledged, unless
// r.Ack says what is, or an acknowledgement ever did. The read before, if it still
// waits, is ended; if it is being answered, this one waits for what becomes of that.
// Delivered or Close must follow.
func (s *Session) FollowDraft(ctx context.Context, root, channel, name string, r Reading) (*Follower, error) {
	if r.After != "" || r.Next != "" || r.AddedAfter != nil {
		return nil, taxii.Errorf(taxii.Malformed, "after, next and added_after are not supported here").
			Describe("Read channels/{channel}/messages/ to choose the place yourself.")
	}
	f, head, err := s.follower(ctx, root, channel, &r)
	if err != nil {
		return nil, err
	}
	row, err := s.getOrCreate(ctx, f, head, name, r.Selector)
	if err != nil {
		return nil, err
	}
	f.seat, f.draft = s.x.desk.enter(row.ID), &draft{over: make(chan struct{})}
	if err := s.takeTurn(ctx, f, &r); err != nil {
		f.Close()
		return nil, f.untold(err)
	}
	return f, nil
}

// getOrCreate gives the Subscription of a read in the draft form. A negative
// Offered says that it was never answered with Messages: -1 less the place up to
// which it looked.
func (s *Session) getOrCreate(ctx context.Context, f *Follower, head feed.Head, name string, selector Selector) (Subscription, error) {
	if err := checkName(name); err != nil {
		return Subscription{}, err
	}
	wanted := taxii.NewSubscription{Name: name}
	row, _, err := s.subscribe(ctx, f.checked, f.root, f.channel, selector, &wanted, func(v *Subscription) error {
		v.Place, v.Incarnation, v.Offered = head.Place, len(head.Past), -1
		return nil
	})
	if err == nil && pushing(row.Push) {
		err = errPushing()
	}
	return row, err
}

// takeTurn ends the read before, waits for what becomes of it, and begins.
func (s *Session) takeTurn(ctx context.Context, f *Follower, r *Reading) error {
	seat, d := f.seat, f.draft
	seat.mu.Lock()
	if seat.latest != nil {
		close(seat.latest.over)
	}
	seat.latest = d
	seat.mu.Unlock()
	select {
	case seat.turn <- struct{}{}:
		d.turn = true
	case <-d.over: // a newer read came while this one waited for its turn
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	head, err := s.x.store.Head(ctx, f.channel.Feed)
	if err != nil {
		return s.gone(err)
	}
	row, err := s.x.look(ctx, seat)
	if err == nil {
		err = s.acknowledgeDraft(ctx, f, &row, head, r)
	}
	if err != nil {
		return s.gone(err)
	}
	begin := Reading{Limit: r.Limit, Stream: r.Stream}
	if err := s.sitDown(ctx, f, head, &begin); err != nil {
		return err
	}
	d.created, d.from = row.Offered < 0, f.at
	return nil
}

// acknowledgeDraft moves the position to what is acknowledged by this read.
func (s *Session) acknowledgeDraft(ctx context.Context, f *Follower, row *Subscription, head feed.Head, r *Reading) error {
	var acknowledged feed.Place
	explicit, err := r.Ack != "", error(nil)
	switch {
	case explicit:
		acknowledged, err = f.checked.placeUnlessPurged(f.channel, head, r.Ack)
	case r.Stream && r.LastEventID != "":
		acknowledged, err = f.checked.placeUnlessPurged(f.channel, head, r.LastEventID)
	}
	if err != nil {
		return err
	}
	edit := func(v *Subscription) error {
		if explicit {
			v.Explicit = true
		} else if !v.Explicit {
			v.acknowledge(v.answered(), head)
		}
		if acknowledged > 0 {
			v.acknowledge(acknowledged, head)
		}
		v.Seen = max(v.Seen, taxii.TimeOf(s.x.opt.Now()))
		return nil
	}
	next := *row
	if _ = edit(&next); next.Place == row.Place && next.Incarnation == row.Incarnation && next.Explicit == row.Explicit {
		return nil
	}
	*row, err = s.x.changeSubscription(ctx, row.ID, edit)
	return err
}

// answered is the place up to which the last answer went that was written whole.
func (v *Subscription) answered() feed.Place {
	if v.Offered < 0 {
		return -1 - v.Offered
	}
	return v.Offered
}

const (
	// outcomeTime bounds how long the outcome of a read may take to be written: by
	// then its request may be over.
	outcomeTime = 10 * time.Second
	// worthNoting is past how many Messages that did not pass a read without any
	// that did has to have looked for that to be written down.
	worthNoting = 1000
)

// Delivered records what became of the last page in the draft form: whether it
// was written whole, to a connection still open. Until it is called, the next
// read waits. For other followers, and streams, it does nothing.
func (f *Follower) Delivered(ctx context.Context, ok bool) error {
	d := f.draft
	if d == nil || !d.turn {
		return nil
	}
	defer d.end(f)
	row := f.seat.row.Load()
	if !ok || f.stream || !f.begun || row == nil {
		return nil
	}
	offered := f.at
	switch messages := len(f.out.Frames) > 0; {
	case messages && row.Explicit:
		offered = 0
	case messages:
	case row.Explicit, f.out.Gap != nil, f.at < d.from+worthNoting:
		return nil // nothing was answered, and a gap is told with Messages
	case row.Offered < 0:
		offered = -1 - f.at
	}
	if offered == row.Offered {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), outcomeTime)
	defer cancel()
	_, err := f.s.x.changeSubscription(ctx, f.seat.id, func(v *Subscription) error {
		v.Offered = offered
		return nil
	})
	return err
}

// end gives the turn to the next read.
func (d *draft) end(f *Follower) {
	f.seat.mu.Lock()
	if f.seat.latest == d {
		f.seat.latest = nil
	}
	f.seat.mu.Unlock()
	if d.turn {
		d.turn = false
		<-f.seat.turn
	}
}
