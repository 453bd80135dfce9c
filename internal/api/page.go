package api

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// uncounted is the size below which an answer does not count against the
	// budget: keeping such a one waiting would cost more than its memory.
	uncounted = 64 << 10
	// stalled is how long a connection may take nothing while others wait for
	// the memory it holds.
	stalled = time.Second
	// portion is what is written at a time, one record of TLS: the connection's progress is seen,
	// and its deadline renewed, after each.
	portion = 16 << 10
)

// getPage answers with one page of what the endpoint reads.
func (a *Server) getPage(s *exchange.Session, w http.ResponseWriter, r *http.Request, at exchange.Endpoint, supports taxii.Fields) error {
	f, err := taxii.ParseFilter(r.URL.RawQuery, supports)
	if err != nil {
		return err
	}
	most, err := maxSize(r)
	if err != nil {
		return err
	}
	target := exchange.Target{Endpoint: at, Root: r.PathValue("root"), Collection: r.PathValue("id"), Object: r.PathValue("object")}
	v, err := a.view(s, w, r, target, f)
	if err == nil && most > 0 {
		err = v.Bound(most)
	}
	if err != nil {
		return err
	}
	account, _ := s.Account()
	h, err := a.pages.hold(r.Context(), account, v)
	if err != nil {
		return err
	}
	receipt, err := v.Deliver(r.Context(), h.page)
	if err != nil {
		h.abandon()
		return err
	}
	send(h, s, w, r, at, receipt)
	return nil
}

// send writes a held page, and gives its memory back as it goes.
// Its end goes out when it is recorded that it did.
func send(h *held, s *exchange.Session, w http.ResponseWriter, r *http.Request, at exchange.Endpoint, receipt *exchange.Receipt) {
	g := h.join(http.NewResponseController(w))
	defer g.leave()
	p := h.page
	w.Header().Set("X-TAXII-Date-Added-First", p.First.String())
	w.Header().Set("X-TAXII-Date-Added-Last", p.Last.String())
	head, tail := around(p, at, s.Is(exchange.OptionEmptyList))
	o := answer(w, r, http.StatusOK, len(head)+p.Size+len(tail))
	defer o.close()
	o.Write(head)
	for i := range p.Chunks {
		for chunk := h.chunk(i); len(chunk) > 0; {
			n := min(portion, len(chunk))
			o.Write(chunk[:n])
			chunk = chunk[n:]
			g.took()
		}
		g.done(i)
	}
	o.await(receipt)
	o.Write([]byte(tail))
}

// around gives what stands before and after the items of a page.
func around(p *exchange.Page, at exchange.Endpoint, emptyList bool) (head []byte, tail string) {
	switch {
	case at == exchange.Versions && p.Count == 0:
		return []byte(`{}`), ""
	case at == exchange.Versions:
		return taxii.AppendListHead(nil, p.More, p.Next, "versions"), taxii.EnvelopeTail
	case p.Count > 0:
		return taxii.AppendEnvelopeHead(nil, p.More, p.Next), taxii.EnvelopeTail
	case emptyList:
		return []byte(taxii.EmptyList), ""
	}
	return []byte(taxii.EmptyEnvelope), ""
}

// pages holds the pages that are being answered, within a budget; equal pages
// of one View are held once.
type pages struct {
	gate     *gate
	cache    *cache
	pageSize int64

	mu      sync.Mutex // guards held and going; never held while the store is asked
	held    map[string]*held
	sending map[*sending]struct{}
}

func newPages(budget, pageSize int64) *pages {
	p := &pages{pageSize: min(pageSize, budget), cache: newCache(budget / cacheShare), held: map[string]*held{}, sending: map[*sending]struct{}{}}
	p.gate = newGate(budget, func() {
		if p.cache.clear() < p.pageSize {
			p.closeStalled()
		}
	})
	return p
}

// held is one page and who still needs which of its chunks.
type held struct {
	pages   *pages
	key     string
	queued  chan struct{} // closed when it has to wait for memory
	sure    chan struct{} // closed when one user reads it, for all
	ready   chan struct{} // closed when page or err is there
	page    *exchange.Page
	err     error
	counted bool          // its octets are taken from the budget
	kept    *list.Element // of the cache that keeps it, or nil; the cache's lock guards it
	cost    int64         // what it takes of the cache

	collection, state string // see View.Of

	mu      sync.Mutex // guards all below
	claimed bool       // sure is closed
	users   int        // who asked for it and has not yet left
	needed  []int      // how many users have not yet written chunk i
	open    bool       // nothing is given back yet, so more may join
}

// hold reads the page of a View, or shares one that is held already. The user
// that it counts must join.
//
// A page that has to wait for memory is read by the first of its users whose
// turn it is: each waits under its own account, so that who shares a page with
// an account that asks for much waits no longer than for one that nobody shares.
func (p *pages) hold(ctx context.Context, account int64, v *exchange.View) (*held, error) {
	if v.Empty() {
		page, err := v.Page(ctx)
		return &held{pages: p, page: page, users: 1}, err
	}
	h, first := p.find(v)
	stays := false
	defer func() {
		if !stays {
			h.abandon()
		}
	}()
	if first {
		h.begin(ctx, v)
	}
	if err := h.await(ctx, account, v); err != nil {
		return nil, err
	}
	stays = h.err == nil
	return h, h.err
}

// find gives the page that is held of a View, or a new one to be read.
func (p *pages) find(v *exchange.View) (h *held, first bool) {
	key := v.Key()
	p.mu.Lock()
	defer p.mu.Unlock()
	if h := p.held[key]; h != nil && h.use() {
		p.cache.touch(h)
		return h, false
	}
	h = &held{
		pages: p, key: key, users: 1, open: true,
		queued: make(chan struct{}), sure: make(chan struct{}), ready: make(chan struct{}),
	}
	h.collection, h.state = v.Of()
	p.held[key] = h
	return h, true
}

// use counts one more user, if the page still has all its chunks.
func (h *held) use() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.open {
		return false
	}
	h.users++
	for i := range h.needed {
		h.needed[i]++
	}
	return true
}

// begin is for the first user: it reads the page if that needs no waiting. A
// small page needs none of the budget.
func (h *held) begin(ctx context.Context, v *exchange.View) {
	waits := true
	defer func() {
		if waits {
			close(h.queued)
		}
	}()
	if h.pages.gate.now(h.pages.pageSize) || h.pages.cache.clear() > 0 && h.pages.gate.now(h.pages.pageSize) {
		waits = false
		h.claim()
		h.readCounted(ctx, v)
		return
	}
	small, err := v.PageWithin(context.WithoutCancel(ctx), uncounted-1)
	if small != nil || err != nil {
		waits = false
		h.claim()
		h.read(func() (*exchange.Page, error) { return small, err })
	}
}

// await waits until the page is there, or its reading has failed. While it has
// to wait for memory, this user waits for it too, and reads the page for all if
// it is the first to have its turn.
func (h *held) await(ctx context.Context, account int64, v *exchange.View) error {
	select {
	case <-h.queued:
		entered, err := h.pages.gate.enterUnless(ctx, account, h.pages.pageSize, h.sure)
		switch {
		case err != nil:
			return err
		case entered && h.claim():
			h.readCounted(ctx, v)
		case entered:
			h.pages.gate.leave(h.pages.pageSize)
		}
	case <-h.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-h.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// claim tells one user, and no other, to read the page.
func (h *held) claim() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.claimed {
		return false
	}
	h.claimed = true
	close(h.sure)
	return true
}

// abandon counts a user out who does not send the page. One that nobody waits
// for any more is forgotten.
func (h *held) abandon() {
	h.leaveFrom(0)
	h.mu.Lock()
	unwanted := h.users == 0 && !h.claimed
	h.mu.Unlock()
	if unwanted {
		h.shut()
	}
}

// readCounted reads the page into memory of a whole page, which has been taken,
// and keeps of it what the page needs.
func (h *held) readCounted(ctx context.Context, v *exchange.View) {
	p := h.pages
	defer p.gate.leave(p.pageSize)
	h.read(func() (*exchange.Page, error) {
		page, err := v.Page(context.WithoutCancel(ctx)) // who shares the page has not given up
		if err == nil && page.Size >= uncounted {
			p.gate.overdraw(int64(page.Size))
		}
		return page, err
	})
}

// read reads the page for all who share it.
func (h *held) read(from func() (*exchange.Page, error)) {
	defer close(h.ready)
	h.err = errUnread // whatever happens, nobody takes it for a page before it is one
	defer func() {
		if h.err != nil {
			h.shut()
		}
	}()
	page, err := from()
	if err != nil {
		h.err = err
		return
	}
	h.counted = page.Size >= uncounted
	h.mu.Lock()
	h.page = page
	h.needed = make([]int, len(page.Chunks))
	for i := range h.needed {
		h.needed[i] = h.users
	}
	h.mu.Unlock()
	h.err = nil
	if len(page.Chunks) == 0 {
		h.shut()
	} else if !h.pages.gate.crowd() { // what others wait for is not kept
		h.pages.cache.keep(h)
	}
}

var errUnread = errors.New("the page was not read")

// shut lets nobody join any more.
func (h *held) shut() {
	h.mu.Lock()
	h.open = false
	h.mu.Unlock()
	h.pages.forget(h)
}

func (p *pages) forget(h *held) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[h.key] == h {
		delete(p.held, h.key)
	}
}

func (h *held) chunk(i int) []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.page.Chunks[i]
}

// leaveFrom says that a user needs no chunk from i on. A chunk that nobody
// needs is given back at once.
func (h *held) leaveFrom(i int) {
	for ; h.release(i); i++ {
	}
}

// release says that a user is done with chunk i; false where there is none.
func (h *held) release(i int) bool {
	h.mu.Lock()
	if h.needed == nil { // not read yet: the user is simply not counted
		h.users--
	}
	if i >= len(h.needed) {
		h.mu.Unlock()
		return false
	}
	h.needed[i]--
	free := h.needed[i] == 0
	closing := free && h.open
	size := 0
	if free {
		size = len(h.page.Chunks[i])
		h.page.Chunks[i], h.open = nil, false
	}
	h.mu.Unlock()
	if closing {
		h.pages.forget(h)
	}
	if free && h.counted {
		h.pages.gate.leave(int64(size))
	}
	return true
}

// sending is one page on its way to one client.
type sending struct {
	held    *held // nil: nobody shares it
	alone   int64 // then the octets of the budget that it has until it has ended
	control *http.ResponseController
	next    atomic.Int64 // the first chunk that is not yet written
	last    atomic.Int64 // when the client last took something, nanoseconds since 1970
}

// join begins to send a held page.
func (h *held) join(control *http.ResponseController) *sending {
	g := &sending{held: h, control: control}
	g.took()
	if h.counted {
		h.pages.mu.Lock()
		defer h.pages.mu.Unlock()
		h.pages.sending[g] = struct{}{}
	}
	return g
}

// alone begins to send what nobody shares and what has so many octets of the
// budget, which its request gives back.
func (p *pages) alone(octets int64, control *http.ResponseController) *sending {
	g := &sending{alone: octets, control: control}
	g.took()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sending[g] = struct{}{}
	return g
}

// ended ends what alone began.
func (p *pages) ended(g *sending) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.sending, g)
}

func (g *sending) took() { g.last.Store(time.Now().UnixNano()) }

// done gives chunk i back.
func (g *sending) done(i int) {
	g.next.Store(int64(i) + 1)
	g.held.release(i)
}

// leave gives back all that was not written.
func (g *sending) leave() {
	if g.held.counted {
		g.held.pages.mu.Lock()
		delete(g.held.pages.sending, g)
		g.held.pages.mu.Unlock()
	}
	g.held.leaveFrom(int(g.next.Load()))
}

// closeStalled closes connections that have taken nothing for a second, the
// longest first, until the memory of one page comes free for those who wait.
//
// They are touched while they are in sending: once a request has ended its
// connection is another's.
func (p *pages) closeStalled() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.worst() {
		_ = g.control.SetWriteDeadline(time.Unix(1, 0)) // where it cannot be closed its time-out does it
	}
}

// worst lists the connections to close. One that was closed stays in sending
// until its request has ended, so its memory is not counted as more to come. mu
// is held.
func (p *pages) worst() []*sending {
	var list []*sending
	for g := range p.sending {
		if time.Since(time.Unix(0, g.last.Load())) >= stalled {
			list = append(list, g)
		}
	}
	slices.SortFunc(list, func(a, b *sending) int { return cmp.Compare(a.last.Load(), b.last.Load()) })
	needed, free := map[*held][]int{}, int64(0)
	for i, g := range list {
		if free >= p.pageSize {
			return list[:i]
		}
		free += g.wouldFree(needed)
	}
	return list
}

// wouldFree counts one user less in needed and tells how many octets then come
// free.
func (g *sending) wouldFree(needed map[*held][]int) (octets int64) {
	h := g.held
	if h == nil {
		return g.alone
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if needed[h] == nil {
		needed[h] = slices.Clone(h.needed)
	}
	for i := int(g.next.Load()); i < len(h.page.Chunks); i++ {
		if needed[h][i]--; needed[h][i] == 0 {
			octets += int64(len(h.page.Chunks[i]))
		}
	}
	return octets
}
