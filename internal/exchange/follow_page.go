package exchange

import (
	"context"
	"errors"
	"slices"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// mostExamined is how many Messages are looked at for one page: a Selector that
	// few pass is answered in time, with the cursor to go on from.
	mostExamined = 10_000
	// pageFrame is more than a page has around its Messages (more, next, gap and
	// created) and than an event has around its own.
	pageFrame = 256
	// streamBytes is what a stream is given at once, or one Message: it is what a
	// connection holds on to whose client has stopped reading.
	streamBytes = 64 << 10
	// pageTries is how often a page is begun anew because a purge went on meanwhile.
	pageTries = 5
)

// Page gives what there is now after the place that was reached, at most limit
// Messages, the size of a page and 10000 examined, and moves on behind it. What
// is not in memory is read from the store, for which the Session is asked for
// room first. Gone: what comes next was purged, for a reader by cursor; one of a
// Subscription, and a stream, is told of the gap and goes on behind it.
func (f *Follower) Page(ctx context.Context) (*MessagePage, error) {
	f.out = MessagePage{Next: f.next}
	if f.Ended() {
		return &f.out, nil
	}
	at, incarnation, floor := f.at, f.incarnation, feed.Place(0)
	for range pageTries {
		err := f.page(ctx, floor)
		if err == nil {
			return &f.out, nil
		}
		// Nothing of it goes out: the next page begins where this one did, with what
		// it had and with what it would have told of a gap.
		f.at, f.incarnation = at, incarnation
		var gone purged
		if !errors.As(err, &gone) {
			return nil, f.untold(err)
		}
		floor = gone.floor
	}
	return nil, taxii.Errorf(taxii.Unavailable, "messages are purged faster than they can be read")
}

// page does Page once; it is known that the feed has nothing up to floor.
func (f *Follower) page(ctx context.Context, floor feed.Place) error {
	f.out = MessagePage{}
	if err := f.Check(); err != nil {
		return err
	}
	f.under = f.ceiling
	f.touch(ctx)
	head, err := f.s.x.store.Head(ctx, f.channel.Feed)
	if err != nil {
		return f.s.gone(err)
	}
	head.Floor = min(max(head.Floor, floor), head.Place)
	if err := f.settle(ctx, head); err != nil {
		return err
	}
	end := head.Place
	if f.upto > 0 {
		end = min(end, f.upto)
	}
	if f.at < end {
		if err := f.collect(ctx, head, end); err != nil {
			return err
		}
	}
	f.out.More, f.begun = f.at < end, true
	f.next = f.cursorAfter(head)
	f.out.Next = f.next
	return nil
}

// cursorAfter gives the cursor of the place that was reached, made anew only
// where no Message has it.
func (f *Follower) cursorAfter(head feed.Head) string {
	if n := len(f.out.Frames); n > 0 && f.out.Frames[n-1].place == f.at {
		return f.out.Frames[n-1].Cursor
	}
	return f.checked.cursorAt(f.channel, head, f.at)
}

// settle brings the place to where there is something to read, and tells of what
// is stepped over.
func (f *Follower) settle(ctx context.Context, head feed.Head) error {
	if f.seat != nil {
		return f.settleSubscription(ctx, head)
	}
	whole := head
	whole.Floor = 0
	_, err := f.checked.placeIn(f.channel, whole, f.incarnation, f.at)
	behind := f.at < head.Floor
	mayStep := f.floats || f.stream && f.begun // over what was purged
	switch {
	case err != nil || behind && !mayStep:
		_, err = f.checked.placeIn(f.channel, head, f.incarnation, f.at)
		return err
	case behind && f.floats && !f.begun:
		f.at = head.Floor
	case behind:
		f.out.Gap = f.gap(head, gapSpan{from: f.at, to: head.Floor, missed: int64(head.Floor - f.at), reason: taxii.GapTTL})
		f.at = head.Floor
	}
	f.incarnation = len(head.Past)
	return nil
}

// collect fills the page up to a place from memory as far as that goes and, from
// the first Message on that is not there, from the store.
func (f *Follower) collect(ctx context.Context, head feed.Head, end feed.Place) error {
	for f.at < end && len(f.out.Frames) < f.limit {
		w, err := f.ring.window(ctx, f.channel, head, f.at)
		if err != nil {
			return err
		}
		stop := elsewhere
		if w != nil {
			stop = f.fromWindow(w, end)
		}
		switch stop {
		case elsewhere:
			return f.elsewhere(ctx, scribe{f.checked, f.channel, head}, end)
		case full:
			return nil
		}
	}
	return nil
}

// stop is why no more is taken out of memory.
type stop uint8

const (
	ended     stop = iota // the window, or what is asked for
	full                  // the page is
	elsewhere             // what comes next is in the store alone
)

// fromWindow takes Messages out of memory, up to one that is too large to be
// there.
func (f *Follower) fromWindow(w *window, upto feed.Place) stop {
	size := f.room()
	for f.at < min(upto, w.last()) && len(f.out.Frames) < f.limit {
		next := w.slots[f.at+1-w.first]
		if f.passes(&next.about) && f.memo.passesAt(w, f.at+1) {
			if next.frame == nil {
				return elsewhere
			}
			if f.out.Size+len(next.frame.JSON) > size && len(f.out.Frames) > 0 {
				return full
			}
			f.out.Size += len(next.frame.JSON)
			f.out.Frames = append(f.out.Frames, next.frame)
		}
		f.at++
		f.out.Examined++
	}
	return ended
}

// elsewhere goes on in the store. Where that fails, what came from memory goes out
// alone, and the next page meets the error.
func (f *Follower) elsewhere(ctx context.Context, pen scribe, end feed.Place) error {
	before, at := f.out, f.at
	err := f.fromStore(ctx, pen, end)
	if err != nil && len(before.Frames) > 0 && ctx.Err() == nil {
		f.out, f.at = before, at
		return nil
	}
	return err
}

// room is how many octets of Messages a page may have, unless it has one alone.
func (f *Follower) room() int {
	size := int64(f.s.x.opt.PageBytes)
	if f.stream {
		size = min(size, streamBytes)
	}
	return int(min(size, f.maxSize-pageFrame))
}

// choice is a Message that a page from the store will have.
type choice struct {
	id      string
	place   feed.Place
	room    int64 // it takes
	content bool  // it goes out with its content
}

// plan is what a page from the store will have, known before any content is read.
type plan struct {
	choices  []choice
	room     int64      // all take
	contents int        // of them are to be read
	at       feed.Place // up to which was examined
	examined int
}

// fromStore reads a page of a follower that is behind the ring, for it alone.
func (f *Follower) fromStore(ctx context.Context, pen scribe, end feed.Place) error {
	quick, err := f.quick(ctx, pen, end)
	if err != nil || quick {
		return err
	}
	p, err := f.choose(ctx, pen, end)
	if err != nil {
		return err
	}
	if err := f.s.take(p.room); err != nil {
		return err
	}
	if err := f.write(ctx, pen, &p); err != nil {
		return err
	}
	f.at, f.out.Examined = p.at, f.out.Examined+p.examined
	return f.asEvents()
}

const (
	// quickRoom is what a Message takes beside its content, or more.
	quickRoom = frameRoom + 400
	// quickLargest is the size, on the average, up to which what quick asks for
	// beyond need is little.
	quickLargest = 32 << 10
)

// quick reads a page of small Messages at once, where every one passes and their
// octets, which the store knows without reading them, fit.
func (f *Follower) quick(ctx context.Context, pen scribe, end feed.Place) (done bool, err error) {
	if f.memo != nil || f.since != 0 || f.capped() {
		return false, nil
	}
	end, room, err := f.fitting(ctx, min(end, f.at+feed.Place(f.limit-len(f.out.Frames))))
	if err != nil || room == 0 {
		return false, err
	}
	if err := f.s.take(room); err != nil {
		return false, err
	}
	q := allMessages(f.at, end, int(end-f.at))
	q.Content, q.Lean = true, true
	f.out.Frames = slices.Grow(f.out.Frames, q.Limit)
	err = f.s.x.readMessages(ctx, f.channel.Feed, q, func(e *feed.Entry) bool {
		frame := f.frame(pen, e, f.fits(pen, e))
		if len(f.out.Frames) > 0 && f.out.Size+len(frame.JSON) > f.room() {
			return false
		}
		f.out.Size += len(frame.JSON)
		f.out.Frames = append(f.out.Frames, frame)
		f.at++
		f.out.Examined++
		return true
	})
	if err != nil {
		return false, err
	}
	return true, f.asEvents()
}

// fitting gives a place, this one or one before it, up to which the Messages take
// at most twice the room of a page, and what they take; 0: that of none is known,
// or they are large.
func (f *Follower) fitting(ctx context.Context, end feed.Place) (feed.Place, int64, error) {
	most := 2 * int64(f.room()-f.out.Size)
	before, err := f.s.x.store.OctetsUpto(ctx, f.channel.Feed, f.at)
	for range 3 {
		if err != nil || end == f.at {
			break
		}
		var upto int64
		upto, err = f.s.x.store.OctetsUpto(ctx, f.channel.Feed, end)
		count := int64(end - f.at)
		room := (upto-before)*4/3 + count*quickRoom
		if err == nil && upto-before > count*quickLargest {
			return end, 0, nil
		}
		if err == nil && room <= most {
			return end, room, nil
		}
		end = f.at + feed.Place(count*most/room)
	}
	return end, 0, err
}

// choose examines Messages without reading their contents.
func (f *Follower) choose(ctx context.Context, pen scribe, end feed.Place) (p plan, err error) {
	size, have := int64(f.room()-f.out.Size), len(f.out.Frames)
	most := mostExamined - f.out.Examined
	if f.memo == nil && f.since == 0 && !f.capped() {
		most = f.limit - have
	}
	p.at = f.at
	err = f.s.x.readMessages(ctx, f.channel.Feed, allMessages(f.at, end, most), func(e *feed.Entry) bool {
		if f.passes(e) && (f.memo == nil || f.memo.passes(e, pen.publisher)) {
			c := f.choice(pen, e)
			if have+len(p.choices) > 0 && p.room+c.room > size {
				return false
			}
			p.choices = append(p.choices, c)
			p.room += c.room
			if c.content {
				p.contents++
			}
		}
		p.at = e.Place
		p.examined++
		return have+len(p.choices) < f.limit
	})
	return p, err
}

// choice tells how a Message goes out: one that does not fit even alone is named
// in its place, so that it is neither dropped nor in the way of others (S12).
func (f *Follower) choice(pen scribe, e *feed.Entry) choice {
	bare, whole := pen.roomFor(e)
	if !f.fits(pen, e) {
		return choice{id: e.ID, place: e.Place, room: bare}
	}
	return choice{id: e.ID, place: e.Place, room: whole, content: true}
}

// fits tells whether a Message, alone, goes out with its content.
func (f *Follower) fits(pen scribe, e *feed.Entry) bool { return pen.fits(e, f.maxSize-pageFrame) }

// write reads the contents of what was chosen and writes the frames.
func (f *Follower) write(ctx context.Context, pen scribe, p *plan) error {
	if len(p.choices) == 0 {
		return nil
	}
	first, last := p.choices[0].place, p.choices[len(p.choices)-1].place
	q := allMessages(first-1, last, int(last-first)+1)
	if len(p.choices)*2 < q.Limit { // few of many: by name
		q.Limit = len(p.choices)
		for _, c := range p.choices {
			q.IDs = append(q.IDs, c.id)
		}
	}
	q.Content = p.contents > 0
	frames := make([]*Frame, 0, len(p.choices))
	err := f.s.x.store.Read(ctx, f.channel.Feed, q, func(e *feed.Entry) bool {
		if c := p.choices[len(frames)]; c.place == e.Place {
			frames = append(frames, f.frame(pen, e, c.content))
			f.out.Size += len(frames[len(frames)-1].JSON)
		}
		return len(frames) < len(p.choices)
	})
	switch cut := errors.Is(err, feed.ErrCut) && len(frames) > 0; {
	case cut:
		p.at = frames[len(frames)-1].place
	case err != nil:
		return err
	case len(frames) < len(p.choices):
		return purged{p.choices[len(frames)].place}
	}
	f.out.Frames = append(f.out.Frames, frames...)
	return nil
}

// frame writes a Message for this follower alone. One whose event is too large,
// by what its line ends become, goes out without content too.
func (f *Follower) frame(pen scribe, e *feed.Entry, content bool) *Frame {
	frame := pen.frame(e, content)
	if f.stream && frame.lines && int64(linesRoom(frame)) > f.maxSize {
		return pen.frame(e, false)
	}
	return frame
}

// asEvents gives the frames for a stream that have line ends their events.
func (f *Follower) asEvents() error {
	for _, frame := range f.out.Frames {
		if !f.stream || frame.Event != nil {
			continue
		}
		if err := f.s.take(int64(linesRoom(frame))); err != nil {
			return err
		}
		frame.inLines()
	}
	return nil
}
