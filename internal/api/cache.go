package api

import (
	"container/list"
	"sync"
)

const (
	// cacheShare is which part of the budget of all pages the cache may hold, at
	// most: what is new in a Collection is asked for by all who follow it, one
	// after the other.
	cacheShare = 4
	// keptBeside is what a page takes in memory beside its chunks, its name and its
	// cursor, about.
	keptBeside = 1 << 10
)

// cache keeps pages for who asks for the same View later. To a page it is one
// more user, who needs all of it until it is thrown out: the page that was asked
// for least recently first, those of a Collection that has changed since, and all
// of them where somebody would have to wait for memory. The head of the feed is
// part of a View, so that a page is never stale.
type cache struct {
	most int64

	mu     sync.Mutex // guards all below, and held.kept
	octets int64
	pages  *list.List        // of *held, the most recently asked for first
	states map[string]string // of the Collections whose pages are here
}

func newCache(most int64) *cache {
	return &cache{most: most, pages: list.New(), states: map[string]string{}}
}

// keep keeps a page that has been read.
func (c *cache) keep(h *held) {
	h.cost = h.memory()
	if h.cost > c.most || !h.use() {
		return
	}
	c.mu.Lock()
	var out []*held
	if c.states[h.collection] != h.state {
		out = c.changed(h)
	}
	h.kept = c.pages.PushFront(h)
	c.octets += h.cost
	for c.octets > c.most {
		out = append(out, c.take(c.pages.Back()))
	}
	c.mu.Unlock()
	leaveAll(out)
}

// memory is about what a page takes.
func (h *held) memory() int64 {
	octets := keptBeside + len(h.key) + len(h.page.Next)
	for _, chunk := range h.page.Chunks {
		octets += cap(chunk)
	}
	return int64(octets)
}

// changed takes the pages of a Collection out that nobody can ask for any more. mu
// is held.
func (c *cache) changed(h *held) (out []*held) {
	for e := c.pages.Front(); e != nil; {
		next := e.Next()
		if e.Value.(*held).collection == h.collection {
			out = append(out, c.take(e))
		}
		e = next
	}
	c.states[h.collection] = h.state
	return out
}

// touch notes that a page was asked for again.
func (c *cache) touch(h *held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.kept != nil {
		c.pages.MoveToFront(h.kept)
	}
}

// clear throws everything out, and tells how many octets of the budget it had.
func (c *cache) clear() (octets int64) {
	c.mu.Lock()
	var out []*held
	for c.pages.Len() > 0 {
		h := c.take(c.pages.Back())
		if out = append(out, h); h.counted {
			octets += int64(h.page.Size)
		}
	}
	clear(c.states)
	c.mu.Unlock()
	leaveAll(out)
	return octets
}

// take takes a page out. mu is held.
func (c *cache) take(e *list.Element) *held {
	h := c.pages.Remove(e).(*held)
	h.kept = nil
	c.octets -= h.cost
	return h
}

// leaveAll is for after the lock: to leave a page may let others in.
func leaveAll(out []*held) {
	for _, h := range out {
		h.leaveFrom(0)
	}
}
