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
	// cacheMost bounds the pages in the cache: small ones are mostly what stands
	// around them, about 1 KiB each.
	cacheMost = 4096
)

// cache keeps pages for who asks for the same View later. To a page it is one
// more user, who needs all of it until it is thrown out: the page that was asked
// for least recently first, and all of them where somebody would have to wait for
// memory. The head of the feed is part of a View, so that a page is never stale.
type cache struct {
	most int64

	mu     sync.Mutex // guards all below, and held.kept
	octets int64
	pages  *list.List // of *held, the most recently asked for first
}

func newCache(most int64) *cache { return &cache{most: most, pages: list.New()} }

// keep keeps a page that has been read.
func (c *cache) keep(h *held) {
	size := int64(h.page.Size)
	if size > c.most || !h.use() {
		return
	}
	c.mu.Lock()
	h.kept = c.pages.PushFront(h)
	c.octets += size
	var out []*held
	for c.octets > c.most || c.pages.Len() > cacheMost {
		out = append(out, c.oldest())
	}
	c.mu.Unlock()
	leaveAll(out)
}

// touch notes that a page was asked for again.
func (c *cache) touch(h *held) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.kept != nil {
		c.pages.MoveToFront(h.kept)
	}
}

// clear throws everything out, and tells whether there was anything.
func (c *cache) clear() bool {
	c.mu.Lock()
	var out []*held
	for c.pages.Len() > 0 {
		out = append(out, c.oldest())
	}
	c.mu.Unlock()
	leaveAll(out)
	return len(out) > 0
}

// oldest takes the page out that was asked for least recently. mu is held.
func (c *cache) oldest() *held {
	h := c.pages.Remove(c.pages.Back()).(*held)
	h.kept = nil
	c.octets -= int64(h.page.Size)
	return h
}

// leaveAll is for after the lock: to leave a page may let others in.
func leaveAll(out []*held) {
	for _, h := range out {
		h.leaveFrom(0)
	}
}
