package exchange

import (
	"sync"
	"sync/atomic"

	"github.com/hansom-taxii/hansom/internal/feed"
)

// rings has the ring of every Channel that is followed.
type rings struct {
	octets atomic.Int64 // of all windows
	clock  atomic.Int64

	mu     sync.Mutex // guards byFeed
	byFeed map[feed.ID]*ring
}

// FramesHeld tells how many octets of Messages are in memory for all who follow.
func (x *Exchange) FramesHeld() int64 { return x.rings.octets.Load() }

// ringOf gives the ring of a Channel. Making one is the time to forget those of
// Channels that are no more.
func (x *Exchange) ringOf(c *Channel) *ring {
	g := &x.rings
	g.mu.Lock()
	defer g.mu.Unlock()
	if r := g.byFeed[c.Feed]; r != nil {
		return r
	}
	kept := map[feed.ID]bool{}
	for _, c := range x.now.Load().channelByID {
		kept[c.Feed] = true
	}
	for id, r := range g.byFeed {
		if !kept[id] {
			r.empty()
			delete(g.byFeed, id)
		}
	}
	if g.byFeed == nil {
		g.byFeed = map[feed.ID]*ring{}
	}
	r := &ring{x: x, rings: g, feed: c.Feed, memos: map[string]*memo{}}
	g.byFeed[c.Feed] = r
	return r
}

// empty lets go of what a ring holds.
func (r *ring) empty() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.now.Load(); w != nil {
		r.put(w, nil)
	}
}

// forget is empty, also for a filling that is under way.
func (r *ring) forget() {
	r.mu.Lock()
	r.epoch++
	r.mu.Unlock()
	r.empty()
}

// evict empties the rings that were filled longest ago, as long as all together
// hold too much; but not this one.
func (g *rings) evict(but *ring) {
	for g.octets.Load() > ringsBytes {
		var oldest *ring
		g.mu.Lock()
		for _, r := range g.byFeed {
			if r != but && r.now.Load() != nil && (oldest == nil || r.used.Load() < oldest.used.Load()) {
				oldest = r
			}
		}
		g.mu.Unlock()
		if oldest == nil {
			return
		}
		oldest.empty()
	}
}

// memo is a Selector as the followers of one Channel use it: each Message is
// judged once for all of them.
type memo struct {
	Selector
	users int // guarded by the ring's lock

	mu         sync.Mutex // guards what follows
	gen        int64      // of the window that was judged
	from, upto feed.Place // judged are the places after from, up to upto
	bits       [ringMessages / 64]uint64
}

// memo gives the one memo of a Selector, nil for one that passes all; leave
// gives it back.
func (r *ring) memo(s Selector) *memo {
	if s.selector == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.memos[s.text]
	if m == nil {
		m = &memo{Selector: s}
		r.memos[s.text] = m
	}
	m.users++
	return m
}

func (r *ring) leave(m *memo) {
	if m == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if m.users--; m.users == 0 {
		delete(r.memos, m.text)
	}
}

// passesAt tells whether the Message in this place of a window passes.
func (m *memo) passesAt(w *window, place feed.Place) bool {
	if m == nil {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gen != w.gen {
		m.gen, m.from, m.upto = w.gen, place-1, place-1
	}
	if place <= m.from {
		return m.judge(w, place) // so far back that its answer is forgotten
	}
	if m.upto < w.first-1 {
		m.from, m.upto = w.first-1, w.first-1
	}
	for m.upto < place {
		m.upto++
		word, bit := &m.bits[m.upto%ringMessages/64], uint64(1)<<(m.upto%64)
		if *word &^= bit; m.judge(w, m.upto) {
			*word |= bit
		}
	}
	m.from = max(m.from, m.upto-ringMessages)
	return m.bits[place%ringMessages/64]&(1<<(place%64)) != 0
}

func (m *memo) judge(w *window, place feed.Place) bool {
	s := w.slots[place-w.first]
	return m.passes(&s.about, func(int64) string { return s.publisher })
}
