package exchange_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/taxii"
)

// meeting is a store in which something happens at the worst moment, once: when
// a head has been looked at, or before entries are read.
type meeting struct {
	*store.Store
	looked, reads atomic.Pointer[func()]
}

func once(at *atomic.Pointer[func()]) {
	if do := at.Swap(nil); do != nil {
		(*do)()
	}
}

func (m *meeting) Head(ctx context.Context, id feed.ID) (feed.Head, error) {
	head, err := m.Store.Head(ctx, id)
	once(&m.looked)
	return head, err
}

func (m *meeting) Read(ctx context.Context, id feed.ID, q feed.Query, visit func(*feed.Entry) bool) error {
	once(&m.reads)
	return m.Store.Read(ctx, id, q, visit)
}

// meet builds a house whose followers meet what others do at the worst moment.
func meet(t *testing.T) (*house, *meeting, *exchange.Session) {
	t.Helper()
	h := alerts(t)
	m := &meeting{Store: h.store}
	x, err := exchange.New(t.Context(), m, options())
	if err != nil {
		t.Fatal(err)
	}
	return h, m, x.Operator()
}

func TestNoWakeUpIsLostBetweenLookingAndWaiting(t *testing.T) {
	t.Parallel()
	h, m, op := meet(t)
	f := open(t, op, exchange.Reading{Stream: true})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	publish := func() { say(t, h.op, 1) }
	m.looked.Store(&publish)
	if err := f.Wait(ctx, time.Hour); err != nil {
		t.Fatalf("a message that came after the look at the head woke nobody: %v", err)
	}
	wantNumbers(t, "it", read(t, f), 1)
}

// A purge between the look at the head and the read left out Messages without a
// word.
func TestWhatIsPurgedWhileItIsReadIsNotSteppedOverInSilence(t *testing.T) {
	t.Parallel()
	for what, r := range map[string]exchange.Reading{
		"memory": {Limit: 2}, "store": {Limit: 2, Selector: selector(t, "match[type]=t0,t1,t2")}, "stream": {Stream: true, Limit: 2},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h, m, op := meet(t)
			said := say(t, h.op, upTo(600)...)
			begin, upto := 0, 200
			if what == "memory" {
				begin, upto = 400, 500
			}
			r.After = said[begin].Cursor
			f := open(t, op, r)
			if p := must[*exchange.MessagePage](t)(f.Page(t.Context())); len(p.Frames) != 2 || p.Gap != nil {
				t.Fatalf("%+v", p)
			}
			sub := subscribe(t, op, taxii.NewSubscription{Start: said[begin].Cursor})
			g := resume(t, op, sub.ID, exchange.Reading{Limit: 2})
			expire := func() {
				for more := true; more; {
					var err error
					if more, err = h.store.Expire(t.Context(), h.feedOf(t, "alerts"), feed.Place(upto)); err != nil {
						t.Error(err)
						return
					}
				}
			}
			if what == "memory" { // another ring, which is empty
				f, g = open(t, fresh(t, m), r), resume(t, fresh(t, m), sub.ID, exchange.Reading{Limit: 2})
			}
			m.reads.Store(&expire)
			p, err := f.Page(t.Context())
			switch what {
			case "stream":
				if err != nil || p.Gap == nil || *p.Gap.Missed != int64(upto-begin-3) || numbered(t, p.Frames)[0] != upto+1 {
					t.Errorf("%v: %+v", err, p)
				}
			case "memory":
				wantGone(t, what, err, "expired", int64(upto-begin-1))
			default:
				wantGone(t, what, err, "expired", int64(upto-begin-3))
			}
			if p := must[*exchange.MessagePage](t)(g.Page(t.Context())); p.Gap == nil || p.Gap.To != said[upto-1].Cursor || numbered(t, p.Frames)[0] != upto+1 {
				t.Errorf("a subscription: gap %+v", p.Gap)
			}
		})
	}
}

// fresh gives the operator of another exchange on the same store.
func fresh(t *testing.T, s exchange.Store) *exchange.Session {
	t.Helper()
	x, err := exchange.New(t.Context(), s, options())
	if err != nil {
		t.Fatal(err)
	}
	return x.Operator()
}
