package exchange

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hansom-taxii/hansom/internal/feed"
)

// What a node keeps in memory of Channels, so that a Message is read and written
// out once for all who follow.
const (
	ringMessages = 256       // of one Channel: what a follower that stops for a moment falls behind
	ringBytes    = 1 << 20   // of one Channel: 256 Messages of 4 KB
	ringsBytes   = 64 << 20  // of all Channels: 64 busy ones at once
	ringLargest  = 256 << 10 // of one Message: a larger one would push out all others, and followers read it for themselves
)

// ring has the last Messages of one Channel, written as they go out. Followers
// fill it as they read; who publishes does not know of it.
type ring struct {
	x     *Exchange
	feed  feed.ID
	rings *rings

	now  atomic.Pointer[window] // nil: empty
	used atomic.Int64           // when it was filled, in fills of all rings

	mu     sync.Mutex    // guards what follows, and is held while now is changed; never while the store is asked
	flight chan struct{} // closed when the filling that is under way ends; nil: none is
	epoch  int           // counts how often all was forgotten
	memos  map[string]*memo
}

// window is what a ring holds at one time, dense in places. It is never changed.
type window struct {
	snap   *snapshot
	flavor flavor
	gen    int64      // of the flavor: answers of Selectors are good for one
	first  feed.Place // of slots[0]
	slots  []*slot
	octets int
}

// flavor is what goes into a Frame beside the Message.
type flavor struct {
	key         string // that seals cursors
	incarnation int
	publishers  bool
}

// slot is one Message of a window.
type slot struct {
	frame     *Frame // nil: it is too large to be kept here
	cursor    string
	about     feed.Entry // without content
	publisher string
}

func (s *slot) octets() int {
	n := len(s.about.Message.Marks) + slotRoom
	if s.frame != nil {
		n += s.frame.octets()
	}
	return n
}

// leftOut tells that there was no room for it though it is not too large.
func (s *slot) leftOut() bool { return s.frame == nil && s.about.Size <= ringLargest }

// slotRoom is about what a slot takes beside its frame and its marks.
const slotRoom = 512

func flavorOf(snap *snapshot, c *Channel, head feed.Head) flavor {
	return flavor{key: snap.active, incarnation: len(head.Past), publishers: c.ShowPublishers}
}

// last is the place of the last Message, or the one before the first.
func (w *window) last() feed.Place { return w.first + feed.Place(len(w.slots)) - 1 }

// still tells whether a window is as it would be made of this catalogue.
func (w *window) still(snap *snapshot, c *Channel, head feed.Head) bool {
	if w.flavor != flavorOf(snap, c, head) {
		return false
	}
	if w.snap == snap || !c.ShowPublishers {
		return true
	}
	pen := scribe{snap, c, head}
	return !slices.ContainsFunc(w.slots, func(s *slot) bool { return s.publisher != pen.publisher(s.about.Account) })
}

// purged says that the feed has nothing any more up to a place.
type purged struct{ floor feed.Place }

func (p purged) Error() string { return fmt.Sprintf("purged up to place %d", p.floor) }

// window gives the Messages after a place, if they are among the last: nil tells
// a follower to read them from the store. It is filled by one of those who ask.
func (r *ring) window(ctx context.Context, c *Channel, head feed.Head, at feed.Place) (*window, error) {
	for {
		w := r.valid(c, head)
		if w != nil && (at+1 < w.first || at < w.last()) {
			return w.from(at), nil
		}
		if at < head.Place-ringMessages || at >= head.Place {
			return nil, nil
		}
		r.mu.Lock()
		if r.now.Load() != w {
			r.mu.Unlock()
			continue
		}
		flight := r.flight
		if flight == nil {
			r.flight = make(chan struct{})
			epoch := r.epoch
			r.mu.Unlock()
			filled, err := r.fill(ctx, c, head, w, at)
			r.land(w, filled, epoch)
			if err != nil {
				return nil, err
			}
			return filled.from(at), nil
		}
		r.mu.Unlock()
		select {
		case <-flight:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// from gives the window if it holds what is after a place.
func (w *window) from(at feed.Place) *window {
	if w == nil || at+1 < w.first || at >= w.last() {
		return nil
	}
	return w
}

// valid gives the window as far as it is good for the catalogue as it is now.
func (r *ring) valid(c *Channel, head feed.Head) *window {
	w, snap := r.now.Load(), r.x.now.Load()
	if w == nil || w.snap == snap && w.flavor.incarnation == len(head.Past) {
		return w
	}
	next := (*window)(nil)
	if now := snap.channelByID[c.ID]; now != nil && w.still(snap, now, head) {
		same := *w
		same.snap, next = snap, &same
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now.Load() == w {
		r.put(w, next)
	}
	return r.now.Load()
}

// land ends a filling that began in an epoch.
func (r *ring) land(before, filled *window, epoch int) {
	r.mu.Lock()
	if filled != nil && r.now.Load() == before && r.epoch == epoch {
		r.put(before, filled)
	}
	close(r.flight)
	r.flight = nil
	r.mu.Unlock()
	r.used.Store(r.rings.clock.Add(1))
	r.rings.evict(r)
}

// put changes the window. The lock is held.
func (r *ring) put(before, next *window) {
	size := func(w *window) int64 {
		if w == nil {
			return 0
		}
		return int64(w.octets)
	}
	r.now.Store(next)
	r.rings.octets.Add(size(next) - size(before))
}

// fill reads on to the head of the feed: from where w ends, if that is near, or
// else from the place.
func (r *ring) fill(ctx context.Context, c *Channel, head feed.Head, w *window, at feed.Place) (*window, error) {
	snap := r.x.now.Load()
	if now := snap.channelByID[c.ID]; now != nil {
		c = now
	}
	pen := scribe{snap, c, head}
	if f := flavorOf(snap, c, head); w != nil && w.flavor == f && len(w.slots) > 0 && w.last() <= at && head.Place-w.last() <= ringMessages {
		fresh, err := r.read(ctx, pen, w.last(), w.slots[len(w.slots)-1].about.Message.Octets)
		if err == nil {
			return (&window{snap: snap, flavor: f, gen: w.gen, first: w.first, slots: w.slots, octets: w.octets}).add(fresh), nil
		}
		if _, gone := err.(purged); !gone { //nolint:errorlint // read gives it as it is
			return nil, err
		}
	}
	before, err := r.x.store.OctetsUpto(ctx, r.feed, at)
	if err != nil {
		return nil, err
	}
	fresh, err := r.read(ctx, pen, at, before)
	if err != nil {
		return nil, err
	}
	return (&window{snap: snap, flavor: flavorOf(snap, c, head), gen: r.rings.clock.Add(1), first: at + 1}).add(fresh), nil
}

// add appends Messages, in an array of its own, and drops the oldest beyond the
// bounds.
func (w *window) add(fresh []*slot) *window {
	w.slots = slices.Concat(w.slots, fresh)
	for _, s := range fresh {
		w.octets += s.octets()
	}
	drop := 0
	for ; len(w.slots)-drop > ringMessages || w.octets > ringBytes && drop < len(w.slots); drop++ {
		w.octets -= w.slots[drop].octets()
	}
	for i, s := range slices.Backward(w.slots[drop:]) {
		if s.leftOut() { // followers that are so far back read pages from the store, and not this one alone
			for ; i >= 0; i-- {
				w.octets -= w.slots[drop].octets()
				drop++
			}
			break
		}
	}
	w.first += feed.Place(drop)
	if w.slots = w.slots[drop:]; drop > 0 {
		w.slots = slices.Clone(w.slots) // lets go of the others
	}
	return w
}

// read reads the Messages between a place and the head, and the contents of
// those that a ring keeps. before is the octets up to the place.
func (r *ring) read(ctx context.Context, pen scribe, at feed.Place, before int64) ([]*slot, error) {
	q := allMessages(at, pen.head.Place, ringMessages)
	q.Content = pen.head.Octets-before <= ringBytes
	var fresh []*slot
	if err := r.x.readMessages(ctx, r.feed, q, func(e *feed.Entry) bool {
		fresh = append(fresh, pen.slot(e, q.Content && e.Size <= ringLargest))
		return true
	}); err != nil || q.Content {
		return fresh, err
	}
	return fresh, r.load(ctx, pen, fresh)
}

// load reads the contents of the newest Messages, as many as a ring keeps.
func (r *ring) load(ctx context.Context, pen scribe, fresh []*slot) error {
	byID, octets := map[string]int{}, int64(0)
	for i, s := range slices.Backward(fresh) {
		if octets += s.about.Size; octets > ringBytes {
			break
		}
		if s.about.Size <= ringLargest {
			byID[s.about.ID] = i
		} else {
			octets -= s.about.Size
		}
	}
	if len(byID) == 0 {
		return nil
	}
	q := allMessages(fresh[0].about.Place-1, fresh[len(fresh)-1].about.Place, len(byID))
	q.Content, q.IDs = true, slices.Collect(maps.Keys(byID))
	return r.x.store.Read(ctx, r.feed, q, func(e *feed.Entry) bool {
		if i, ok := byID[e.ID]; ok {
			fresh[i] = pen.slot(e, true)
		}
		return true
	})
}

// allMessages asks for the Messages after a place.
func allMessages(after, upto feed.Place, limit int) feed.Query {
	return feed.Query{
		After: after, Upto: upto, Limit: limit, Ceiling: feed.NoCeiling, Versions: feed.Versions{All: true}, Messages: true,
	}
}

// readMessages visits Messages that follow each other without a hole. If there is
// one, what is missing was purged since the head was asked for: the error is
// purged.
func (x *Exchange) readMessages(ctx context.Context, id feed.ID, q feed.Query, visit func(*feed.Entry) bool) error {
	next, gone := q.After+1, error(nil)
	err := x.store.Read(ctx, id, q, func(e *feed.Entry) bool {
		if e.Place != next {
			gone = purged{e.Place - 1}
			return false
		}
		next++
		return visit(e)
	})
	switch {
	case errors.Is(err, feed.ErrCut) && next > q.After+1:
		return nil
	case err != nil:
		return err
	case gone == nil && next == q.After+1 && q.After < q.Upto:
		return purged{q.Upto}
	}
	return gone
}

// slot keeps what a follower needs of a Message, its frame with its content.
func (s scribe) slot(e *feed.Entry, content bool) *slot {
	k := &slot{about: *e, publisher: s.publisher(e.Account)}
	k.about.Content = nil
	message := *e.Message
	k.about.Message = &message
	if content {
		k.frame = s.frame(e, true)
		k.frame.inLines()
		k.cursor = k.frame.Cursor
	} else {
		k.cursor = s.snap.cursorAt(s.c, s.head, e.Place)
	}
	return k
}
