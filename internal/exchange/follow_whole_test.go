package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/taxii"
)

// sized publishes one Message with about so many octets of content.
func sized(t *testing.T, h *house, n, octets int, end string) {
	t.Helper()
	body := fmt.Sprintf(`{"objects":[{"type":"a","id":"a--%d","x":%q}]}`, n, strings.Repeat("x", octets)) + end
	must[taxii.Status](t)(h.op.Publish(t.Context(), "trust", "alerts", exchange.Publication{ContentType: taxii.MediaType, Key: id(n), Body: []byte(body)}))
}

// A page used to end where the Messages in memory end: three small ones came on
// two pages.
func TestAPageGoesOnWhereMemoryAndTheStoreMeet(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	whole := func(what string, want int) {
		t.Helper()
		p := must[*exchange.MessagePage](t)(open(t, h.op, exchange.Reading{Limit: 1000}).Page(t.Context()))
		if wantNumbers(t, what, numbered(t, p.Frames), upTo(want)...); p.More {
			t.Errorf("%s: more", what)
		}
	}
	say(t, h.op, 1, 2)
	whole("two", 2)
	say(t, h.op, 3)
	whole("one more than there is in memory", 3)
	sized(t, h, 4, 300<<10, "")
	say(t, h.op, 5, 6)
	whole("a large one between small ones", 6)
	for n := 7; n <= 300; n++ {
		say(t, h.op, n)
	}
	whole("more than memory keeps", 300)
	p := must[*exchange.MessagePage](t)(open(t, h.op, exchange.Reading{Limit: 5}).Page(t.Context()))
	if wantNumbers(t, "no more than its limit", numbered(t, p.Frames), upTo(5)...); !p.More {
		t.Error("nothing more")
	}
	selector := must[exchange.Selector](t)(exchange.ParseSelector("match[type]=t1,a"))
	p = must[*exchange.MessagePage](t)(open(t, h.op, exchange.Reading{Limit: 4, Selector: selector}).Page(t.Context()))
	wantNumbers(t, "those that pass", numbered(t, p.Frames), 1, 4, 7, 10)
}

// Small Messages in front of large ones, for which a ring had no room, each made
// a page of their own.
func TestAPageOfSmallMessagesIsReadThoughLargeOnesFillTheMemory(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	var small []int
	for n := range 100 {
		small = append(small, n+1)
	}
	say(t, h.op, small...)
	for n := 101; n <= 106; n++ {
		sized(t, h, n, 240<<10, "")
	}
	f := open(t, h.op, exchange.Reading{Limit: 1000})
	p := must[*exchange.MessagePage](t)(f.Page(t.Context()))
	wantNumbers(t, "the first page", numbered(t, p.Frames), upTo(106)...)
	wantNumbers(t, "the second", read(t, open(t, h.op, exchange.Reading{Limit: 1000})), upTo(106)...)
}

// A page that failed after it had moved lost what it had: a stream goes on after
// such an error, and went on behind it.
func TestAPageThatFailsLosesNothing(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	for n := 1; n <= 4; n++ {
		sized(t, h, n, 300<<10, strings.Repeat("\n", n)) // line ends: the event is written apart, and takes room of its own
	}
	none := errors.New("no room")
	for fails := range 12 {
		asked := 0
		s := h.op.Within(func(int64) error {
			if asked++; asked == fails+1 {
				return none
			}
			return nil
		})
		f, all, failed := open(t, s, exchange.Reading{Stream: true, After: taxii.Earliest}), []int(nil), 0
		for more := true; more; {
			p, err := f.Page(t.Context())
			if errors.Is(err, none) {
				failed++
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, frame := range p.Frames {
				if len(frame.Event) == 0 {
					t.Error("a message without its event")
				}
			}
			all, more = append(all, numbered(t, p.Frames)...), p.More
		}
		if wantNumbers(t, fmt.Sprintf("failing at %d", fails), all, upTo(4)...); failed != 1 && fails < 8 {
			t.Errorf("%d pages failed of those that ask %d times", failed, asked)
		}
	}
}

// What is in memory goes out though there is no room for what comes after it.
func TestMessagesInMemoryDoNotWaitForRoom(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	say(t, h.op, 1, 2)
	sized(t, h, 3, 300<<10, "")
	wantNumbers(t, "with room", read(t, open(t, h.op, exchange.Reading{})), 1, 2, 3)
	full := errors.New("no room")
	f := open(t, h.op.Within(func(int64) error { return full }), exchange.Reading{})
	p := must[*exchange.MessagePage](t)(f.Page(t.Context()))
	if wantNumbers(t, "without", numbered(t, p.Frames), 1, 2); !p.More {
		t.Error("nothing more")
	}
	if _, err := f.Page(t.Context()); !errors.Is(err, full) {
		t.Errorf("the next page: %v", err)
	}
}

// purging is a store that purges, once, just before Messages are read.
type purging struct {
	*store.Store
	t    *testing.T
	upto atomic.Int64
}

func (p *purging) Read(ctx context.Context, id feed.ID, q feed.Query, visit func(*feed.Entry) bool) error {
	for upto, more := feed.Place(p.upto.Swap(0)), true; upto > 0 && more; { // on a busy machine a step is short
		var err error
		if more, err = p.Expire(ctx, id, upto); err != nil {
			p.t.Error(err)
		}
	}
	return p.Store.Read(ctx, id, q, visit)
}

// A stream whose next Messages were purged, and some more while it read, was told
// of the second gap alone.
func TestAStreamIsToldOfTheWholeGapThoughThePurgeGoesOn(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	p := &purging{Store: h.store, t: t}
	x := must[*exchange.Exchange](t)(exchange.New(t.Context(), p, options()))
	said := say(t, h.op, 1)
	f := open(t, x.Operator(), exchange.Reading{Stream: true, After: taxii.Earliest})
	wantNumbers(t, "before", read(t, f), 1)
	for n := 2; n <= 400; n++ { // more than memory keeps
		said = append(said, say(t, h.op, n)...)
	}
	purge := func(upto feed.Place) {
		t.Helper()
		for more := true; more; {
			var err error
			if more, err = h.store.Expire(t.Context(), h.feedOf(t, "alerts"), upto); err != nil {
				t.Fatal(err)
			}
		}
	}
	purge(20)
	p.upto.Store(25)
	page := must[*exchange.MessagePage](t)(f.Page(t.Context()))
	if page.Gap == nil || page.Gap.From != said[0].Cursor || page.Gap.To != said[24].Cursor || *page.Gap.Missed != 24 {
		t.Errorf("gap %+v", page.Gap)
	}
	if n := numbered(t, page.Frames); len(n) == 0 || n[0] != 26 {
		t.Errorf("it goes on with %v", n)
	}
}

// A Message up to a kilobyte below X-Max-Size went out without its content though
// it fits.
func TestAMessageThatJustFitsGoesOutWithItsContent(t *testing.T) {
	t.Parallel()
	h := alerts(t, anyMedia)
	say := func(n, octets int) {
		t.Helper()
		must[taxii.Status](t)(h.op.Publish(t.Context(), "trust", "alerts", exchange.Publication{ContentType: "text/plain", Key: id(n), Body: make([]byte, octets)}))
	}
	const probe = 3_000_000 // as many digits, and octets that base64 need not fill up
	say(1, probe)
	around := len(must[[]byte](t)(h.op.Message(t.Context(), "trust", "alerts", id(1), 0))) - probe/3*4
	fits := (exchange.LeastMaxSize - around) / 4 * 3
	say(2, fits)
	say(3, fits+1)
	for n, want := range map[int]bool{2: true, 3: false} {
		one := must[[]byte](t)(h.op.Message(t.Context(), "trust", "alerts", id(n), 0))
		if with := len(one) > 1000; with != want || len(one) > exchange.LeastMaxSize {
			t.Errorf("message %d: %d octets", n, len(one))
		}
	}
	const beside = 256 // that a page or an event has around it
	say(4, fits-beside/4*3)
	say(5, fits-beside/4*3+4)
	for _, stream := range []bool{false, true} {
		f := open(t, h.op, exchange.Reading{After: taxii.Earliest, Stream: stream})
		for n, frame := range frames(t, f) {
			with := []bool{true, false, false, true, false}[n]
			if size := max(len(frame.JSON)+beside, len(frame.Event)); (size > 1000) != with || size > exchange.LeastMaxSize {
				t.Errorf("message %d, stream %v: %d octets", n+1, stream, size)
			}
		}
	}
}
