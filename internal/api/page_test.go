package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// table is the face's side of the pages: an exchange with one Collection, and a
// budget of four pages of 256 KiB.
type table struct {
	x     *exchange.Exchange
	pages *pages
}

const pageOctets = 256 << 10

// desk lays a table with so many objects of 16 KiB.
func desk(t *testing.T, objects int) *table {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "hansom.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	x, err := exchange.New(t.Context(), s, exchange.Options{
		PublicURL: "https://taxii.example.com", MasterKey: make([]byte, exchange.MasterKeySize), PageBytes: pageOctets,
		HashPassword: func(string) (string, error) { return "", nil }, IsHash: func(string) bool { return false },
		VerifyPassword: func(string, string) bool { return false },
	})
	if err != nil {
		t.Fatal(err)
	}
	d := &table{x: x, pages: newPages(4*pageOctets, pageOctets)}
	d.pages.cache.most = 0 // who keeps pages for later says so
	o := x.Operator()
	if _, err := o.AddRoot(t.Context(), exchange.RootSetting{Name: "trust", Title: "Trust"}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.AddCollection(t.Context(), exchange.CollectionSetting{Root: "trust", Alias: "all", Title: "All"}); err != nil {
		t.Fatal(err)
	}
	if objects > 0 {
		if _, err := o.Add(t.Context(), "trust", "all", trial.Envelope(large(objects)...)); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// large makes objects of 16 KiB.
func large(n int) (list [][]byte) {
	for i := range n {
		list = append(list, fmt.Appendf(nil, `{"type":"x-large","spec_version":"2.1","id":"x-large--%08d-0000-4000-8000-000000000000",`+
			`"created":"2024-01-01T00:00:00.000Z","modified":"2024-01-01T00:00:00.000Z","x_text":"%s"}`, i, strings.Repeat("x", 16<<10-200)))
	}
	return list
}

func (d *table) view(t *testing.T, limit int) *exchange.View {
	t.Helper()
	target := exchange.Target{Endpoint: exchange.Objects, Root: "trust", Collection: "all"}
	v, err := d.x.Operator().View(t.Context(), target, taxii.Filter{Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (d *table) hold(t *testing.T, limit int) *held {
	t.Helper()
	h, err := d.pages.hold(t.Context(), 1, d.view(t, limit))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// taken is how much of the budget is taken.
func (p *pages) taken() int64 {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	return p.gate.size - p.gate.free
}

// line is a connection that can only be closed.
type line struct {
	http.ResponseWriter
	closed atomic.Bool
}

func (l *line) SetWriteDeadline(at time.Time) error {
	l.closed.Store(at.Before(time.Now()))
	return nil
}

// join begins to send a page to a client who took something so long ago.
func join(h *held, ago time.Duration) (*sending, *line) {
	l := &line{}
	g := h.join(http.NewResponseController(l))
	g.last.Store(time.Now().Add(-ago).UnixNano())
	return g, l
}

func TestEqualPagesOfOneViewAreHeldOnce(t *testing.T) {
	t.Parallel()
	d := desk(t, 20)
	one, two := d.hold(t, 10), d.hold(t, 10)
	if one != two {
		t.Error("two requests for the same page hold it twice")
	}
	if got := d.pages.taken(); got != int64(one.page.Size) {
		t.Errorf("%d octets are taken for a page of %d", got, one.page.Size)
	}
	if other := d.hold(t, 9); other == one {
		t.Error("another limit shares the page")
	}
	if _, err := d.x.Operator().Add(t.Context(), "trust", "all", trial.Envelope(trial.Objects(1, 1)...)); err != nil {
		t.Fatal(err)
	}
	if later := d.hold(t, 10); later == one {
		t.Error("a page that may have changed is shared")
	}
}

func TestThePageIsReadOnceForAllWhoComeWhileItIsRead(t *testing.T) {
	t.Parallel()
	d := desk(t, 20)
	d.pages.gate.overdraw(4 * pageOctets) // so that the first must wait
	const users = 8
	got := make(chan *held, users)
	for range users {
		v := d.view(t, 10)
		go func() {
			h, err := d.pages.hold(context.Background(), 1, v)
			if err != nil {
				t.Error(err)
			}
			got <- h
		}()
	}
	await(t, "all to share one page", func() bool {
		d.pages.mu.Lock()
		defer d.pages.mu.Unlock()
		for _, h := range d.pages.held {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.users == users
		}
		return false
	})
	d.pages.gate.leave(4 * pageOctets)
	first := <-got
	for range users - 1 {
		if h := <-got; h != first {
			t.Error("one of them holds a page of its own")
		}
	}
	if n := d.pages.taken(); n != int64(first.page.Size) {
		t.Errorf("%d octets are taken for a page of %d", n, first.page.Size)
	}
}

func TestWhoSharesAPageDoesNotFailWithTheFirst(t *testing.T) {
	t.Parallel()
	d := desk(t, 20)
	d.pages.gate.overdraw(4 * pageOctets)
	ctx, hangUp := context.WithCancel(t.Context())
	failed, got := make(chan error, 1), make(chan error, 1)
	v := d.view(t, 10)
	go func() {
		_, err := d.pages.hold(ctx, 1, v)
		failed <- err
	}()
	await(t, "the first to wait", func() bool { return d.pages.waiting() == 1 })
	again := d.view(t, 10)
	go func() {
		h, err := d.pages.hold(context.Background(), 2, again)
		if err == nil && h.page.Count != 10 {
			err = fmt.Errorf("%d objects", h.page.Count)
		}
		got <- err
	}()
	await(t, "the second to share", func() bool {
		d.pages.mu.Lock()
		h := d.pages.held[again.Key()]
		d.pages.mu.Unlock()
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.users == 2
	})
	hangUp()
	if err := <-failed; taxii.KindOf(err) != taxii.Unavailable {
		t.Errorf("the first: %v", err)
	}
	await(t, "the second to wait itself", func() bool { return d.pages.waiting() == 1 })
	d.pages.gate.leave(4 * pageOctets)
	if err := <-got; err != nil {
		t.Errorf("the second: %v", err)
	}
}

func (p *pages) waiting() (n int) {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	for _, list := range p.gate.waiting {
		n += len(list)
	}
	return n
}

func await(t *testing.T, what string, ready func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); !ready(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for " + what)
		}
	}
}

func TestMemoryIsGivenBackAsItIsWritten(t *testing.T) {
	t.Parallel()
	d := desk(t, 20)
	h := d.hold(t, 12)
	g, _ := join(h, 0)
	left := int64(h.page.Size)
	if len(h.page.Chunks) < 3 {
		t.Fatalf("a page of %d octets has %d chunks", h.page.Size, len(h.page.Chunks))
	}
	for i, chunk := range h.page.Chunks {
		left -= int64(len(chunk))
		g.done(i)
		if h.page.Chunks[i] != nil {
			t.Errorf("chunk %d is still held after it was written", i)
		}
		if got := d.pages.taken(); got != left {
			t.Errorf("%d octets are taken after chunk %d, want %d", got, i, left)
		}
	}
	g.leave()
	if len(d.pages.sending) != 0 || len(d.pages.held) != 0 {
		t.Errorf("%d pages and %d answers are left", len(d.pages.held), len(d.pages.sending))
	}
}

func TestASharedChunkIsGivenBackByTheLastWhoNeedsIt(t *testing.T) {
	t.Parallel()
	d := desk(t, 20)
	h := d.hold(t, 12)
	one, _ := join(h, 0)
	two, _ := join(d.hold(t, 12), 0)
	one.done(0)
	if h.page.Chunks[0] == nil {
		t.Fatal("a chunk is gone before the second has written it")
	}
	first := int64(len(h.page.Chunks[0]))
	three, _ := join(d.hold(t, 12), 0) // nothing is gone yet, so more may share
	if three.held != h {
		t.Fatal("a page that is whole is not shared")
	}
	two.leave() // hung up
	three.done(0)
	if h.page.Chunks[0] != nil || d.pages.taken() != int64(h.page.Size)-first {
		t.Errorf("%d octets are taken after the first chunk of %d was written by all", d.pages.taken(), h.page.Size)
	}
	if d.hold(t, 12) == h {
		t.Fatal("a page of which a part is gone is shared")
	}
	three.leave()
	one.leave()
	for i, chunk := range h.page.Chunks {
		if chunk != nil {
			t.Errorf("chunk %d is held for nobody", i)
		}
	}
}

func TestAnswersBelow64KiBDoNotCount(t *testing.T) {
	t.Parallel()
	d := desk(t, 20)
	h := d.hold(t, 3)
	if h.counted || d.pages.taken() != 0 {
		t.Errorf("%d octets are taken for a page of %d", d.pages.taken(), h.page.Size)
	}
	// They were made to wait for the memory of a whole page when the budget was
	// used up.
	d.pages.gate.overdraw(4 * pageOctets)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if h, err := d.pages.hold(ctx, 1, d.view(t, 2)); err != nil || h.page.Count != 2 || !h.page.More || h.page.Next == "" {
		t.Errorf("a small page while the budget is used up: %v", err)
	}
	if _, err := d.pages.hold(ctx, 1, d.view(t, 5)); taxii.KindOf(err) != taxii.Unavailable {
		t.Errorf("a large one: %v", err)
	}
}

func TestWhoTookNothingForASecondIsClosedTheLongestFirst(t *testing.T) {
	t.Parallel()
	d := desk(t, 60)
	var lines []*line
	ago := []time.Duration{1500 * time.Millisecond, 10 * time.Second, 0, 900 * time.Millisecond, 5 * time.Second}
	for i, a := range ago { // four pages and a little more
		_, l := join(d.hold(t, 13+i%3), a)
		lines = append(lines, l)
	}
	// Three pages are held; the second by two clients, of whom one is alive.
	d.pages.closeStalled()
	for i, want := range []bool{true, true, false, false, true} {
		if got := lines[i].closed.Load(); got != want {
			t.Errorf("the one that took something %v ago: closed %v, want %v", ago[i], got, want)
		}
	}
}

func TestNoMoreAreClosedThanIsNeeded(t *testing.T) {
	t.Parallel()
	d := desk(t, 60)
	_, younger := join(d.hold(t, 16), 2*time.Second)
	_, older := join(d.hold(t, 15), 3*time.Second)
	for _, g := range d.pages.worst() {
		if g.held.page.Count == 16 && g.held.page.Size >= int(d.pages.pageSize) {
			t.Fatal("the pages of this test are too large")
		}
	}
	d.pages.pageSize = 200 << 10 // what either of them holds
	d.pages.closeStalled()
	if !older.closed.Load() || younger.closed.Load() {
		t.Errorf("closed: the older %v, the younger %v", older.closed.Load(), younger.closed.Load())
	}
	d.pages.closeStalled() // its memory is on its way
	if younger.closed.Load() {
		t.Error("the younger was closed before the older had time to go")
	}
}

// One connection was closed at a time, every 50 ms: a page that many stalled
// clients shared outlived those who waited for its memory.
func TestAPageThatManyStalledClientsShareComesFreeAtOnce(t *testing.T) {
	t.Parallel()
	d := desk(t, 20)
	var lines []*line
	for i := range 1000 {
		_, l := join(d.hold(t, 15), time.Duration(i+1001)*time.Millisecond)
		lines = append(lines, l)
	}
	if len(d.pages.held) != 1 {
		t.Fatalf("%d pages", len(d.pages.held))
	}
	d.pages.closeStalled()
	for i, l := range lines {
		if !l.closed.Load() {
			t.Fatalf("client %d still holds the page", i)
		}
	}
}

func TestAnAnswerWithoutItemsHoldsNothing(t *testing.T) {
	t.Parallel()
	d := desk(t, 0)
	d.pages.gate.overdraw(4 * pageOctets)
	h := d.hold(t, 10)
	w := httptest.NewRecorder()
	send(h, d.x.Operator(), w, httptest.NewRequest(http.MethodGet, "/", nil), exchange.Objects, nil)
	if !bytes.Equal(w.Body.Bytes(), []byte(taxii.EmptyEnvelope)) || d.pages.taken() != 4*pageOctets {
		t.Errorf("%s, %d octets taken", w.Body, d.pages.taken())
	}
}
