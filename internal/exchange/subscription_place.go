package exchange

import (
	"context"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// standing is where a Subscription is on its Channel as that is now. It is
// computed of the saved place, the floor and the bounds; of gaps nothing is saved.
type standing struct {
	position feed.Place // all up to it is acknowledged
	start    feed.Place // where it reads on: behind the gap, if there is one
	gap      gapSpan    // reason "": none
}

// gapSpan is a Gap by places.
type gapSpan struct {
	from, to feed.Place
	missed   int64
	reason   string
}

// gap is a gapSpan as it is told. After a restore nobody knows what was missed.
func (f *Follower) gap(head feed.Head, g gapSpan) *taxii.Gap {
	return uncounted(g.show(f.checked, f.channel, head), f.ceiling)
}

// uncounted is a gap without how many Messages were missed, for who does not see all.
func uncounted(g *taxii.Gap, ceiling Level) *taxii.Gap {
	if g != nil && ceiling != NoCeiling {
		g.Missed = nil
	}
	return g
}

func (g gapSpan) show(snap *snapshot, c *Channel, head feed.Head) *taxii.Gap {
	if g.reason == "" {
		return nil
	}
	told := &taxii.Gap{From: snap.cursorAt(c, head, g.from), To: snap.cursorAt(c, head, g.to), Reason: g.reason}
	if g.reason != taxii.GapRestored {
		told.Missed = &g.missed
	}
	return told
}

// line tells where the saved place is on the line that the feed has now. After a
// restore it may have to be lowered to the last place in common, or was set back
// to before that by a seek since; both is a gap until that place is acknowledged.
func (v *Subscription) line(head feed.Head) (place, common feed.Place, restored bool) {
	was := v.Incarnation
	if was < 0 { // see seek
		was = -1 - was
	}
	common = min(head.Common(was), head.Place)
	switch {
	case v.Incarnation < 0:
		return min(v.Place, common), common, true
	case v.Place > common:
		return common, common, true
	}
	return v.Place, common, false
}

// stand tells where a Subscription is, for a reader with this ceiling. What bounds
// its queue counts every Message, and where it cuts would tell how many the reader
// does not see: it is not in force for who has a ceiling.
func (x *Exchange) stand(ctx context.Context, c *Channel, v *Subscription, head feed.Head, ceiling Level) (standing, error) {
	place, common, restored := v.line(head)
	now := standing{position: place, start: max(place, head.Floor)}
	start, err := now.start, error(nil)
	if ceiling == NoCeiling {
		start, err = x.bounded(ctx, c, v, head, now.start)
	}
	switch {
	case restored:
		now.gap = gapSpan{from: common, to: max(common, start), reason: taxii.GapRestored}
	case start > now.start:
		now.gap = gapSpan{from: place, to: start, missed: int64(start - place), reason: taxii.GapBound}
	case start > place:
		now.gap = gapSpan{from: place, to: start, missed: int64(start - place), reason: taxii.GapTTL}
	}
	now.start = start
	return now, err
}

// bounded gives the place behind what the queue bounds of a Subscription leave
// out: the oldest, so that what is left is within them. The newest Message is
// never left out, however large.
func (x *Exchange) bounded(ctx context.Context, c *Channel, v *Subscription, head feed.Head, start feed.Place) (feed.Place, error) {
	if v.MaxPending > 0 && int64(head.Place-start) > v.MaxPending {
		start = head.Place - feed.Place(v.MaxPending)
	}
	if v.MaxPendingBytes == 0 || start >= head.Place-1 {
		return start, nil
	}
	within := func(place feed.Place) (bool, error) {
		before, err := x.store.OctetsUpto(ctx, c.Feed, place)
		return head.Octets-before <= v.MaxPendingBytes, err
	}
	if fits, err := within(start); fits || err != nil {
		return start, err
	}
	low, high := start, head.Place-1 // what is after low does not fit
	for low+1 < high {
		middle := low + (high-low)/2
		fits, err := within(middle)
		if err != nil {
			return start, err
		}
		if fits {
			high = middle
		} else {
			low = middle
		}
	}
	return high, nil
}

// acknowledge moves the position on to a place of the Channel as it is now; an
// older one changes nothing.
func (v *Subscription) acknowledge(place feed.Place, head feed.Head) {
	at, common, restored := v.line(head)
	if place > at || restored && place >= common {
		v.set(place, head)
	}
}

// seek sets the position, backward or forward.
func (v *Subscription) seek(place feed.Place, head feed.Head) {
	v.set(place, head)
	v.Moves++
}

// set sets the position. A gap by a restore that it does not go past is kept by a
// negative incarnation: -1 for the first that was restored, -2 for the second.
func (v *Subscription) set(place feed.Place, head feed.Head) {
	_, common, restored := v.line(head)
	before := v.Incarnation
	v.Place, v.Incarnation = place, len(head.Past)
	if restored && place < common {
		if v.Incarnation = before; before >= 0 {
			v.Incarnation = -1 - before
		}
	}
}
