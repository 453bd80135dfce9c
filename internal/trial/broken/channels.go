package broken

import (
	"context"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// The faults of Channels.
const (
	Deaf      Fault = "deaf"      // a wake-up is lost
	Hasty     Fault = "hasty"     // reading moves a position, not the acknowledgement
	Eager     Fault = "eager"     // a Message is delivered before its commit
	Floorless Fault = "floorless" // what expires goes without the floor
)

// wrapChannels breaks a store as Channels see it; nil: it knows no such fault.
func wrapChannels(s exchange.Store, f Fault) exchange.Store {
	switch f {
	case Deaf:
		return deaf{s}
	case Hasty:
		return hasty{s}
	case Eager:
		return &eager{Store: s, shown: map[feed.ID][]feed.Entry{}}
	case Floorless:
		return floorless{s}
	}
	return nil
}

// deaf never wakes anybody.
type deaf struct{ exchange.Store }

func (deaf) Grew(feed.ID) <-chan struct{} { return nil }

// hasty moves a Subscription to the end of its feed whenever it is changed, as if
// all that was sent had arrived.
type hasty struct{ exchange.Store }

func (h hasty) ChangeSubscription(ctx context.Context, id string, edit func(*exchange.Subscription) error) (exchange.Subscription, error) {
	catalog, err := h.Catalog(ctx)
	if err != nil {
		return exchange.Subscription{}, err
	}
	return h.Store.ChangeSubscription(ctx, id, func(s *exchange.Subscription) error {
		if err := edit(s); err != nil {
			return err
		}
		for _, c := range catalog.Channels {
			if head, err := h.Head(ctx, c.Feed); c.ID == s.Channel && err == nil {
				s.Place = head.Place
			}
		}
		return nil
	})
}

// eagerness is how long a Message is seen before it is committed.
const eagerness = 15 * time.Millisecond

// eager shows Messages to followers before their commit, at the places and dates
// that they may well get.
type eager struct {
	exchange.Store
	bell feed.Bell

	append sync.Mutex   // held for one Append after the other
	mu     sync.RWMutex // guards shown
	shown  map[feed.ID][]feed.Entry
}

func (e *eager) Append(ctx context.Context, adds []feed.Add) ([]feed.Result, error) {
	if len(adds) != 1 || len(adds[0].Drafts) == 0 || adds[0].Drafts[0].Message == nil {
		return e.Store.Append(ctx, adds)
	}
	e.append.Lock()
	defer e.append.Unlock()
	head, err := e.Store.Head(ctx, adds[0].Feed)
	if err != nil {
		return nil, err
	}
	e.show(adds[0].Feed, foreseen(head, &adds[0]))
	time.Sleep(eagerness)
	results, err := e.Store.Append(ctx, adds)
	e.show(adds[0].Feed, nil)
	return results, err
}

func (e *eager) show(id feed.ID, list []feed.Entry) {
	e.mu.Lock()
	e.shown[id] = list
	e.mu.Unlock()
	e.bell.Ring(id)
}

// foreseen is what an Add will probably become.
func foreseen(head feed.Head, add *feed.Add) (list []feed.Entry) {
	octets := head.Octets
	for i, d := range add.Drafts {
		octets += int64(len(d.Content))
		m := *d.Message
		m.Octets = octets
		added := head.Added + taxii.Time(i+1)
		list = append(list, feed.Entry{
			Place: head.Place + feed.Place(i+1), Added: added, ID: d.ID, Type: d.Type, Version: added.String(), Content: d.Content,
			Account: add.Account, Message: &m, Size: int64(len(d.Content)),
		})
	}
	return list
}

func (e *eager) Grew(id feed.ID) <-chan struct{} { return e.bell.Listen(id) }

func (e *eager) Head(ctx context.Context, id feed.ID) (feed.Head, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	head, err := e.Store.Head(ctx, id)
	if n := len(e.shown[id]); n > 0 && err == nil && e.shown[id][n-1].Place > head.Place {
		last := e.shown[id][n-1]
		head.Place, head.Added, head.Octets = last.Place, last.Added, last.Message.Octets
	}
	return head, err
}

func (e *eager) Read(ctx context.Context, id feed.ID, q feed.Query, visit func(*feed.Entry) bool) error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	last, wanted := q.After, true
	err := e.Store.Read(ctx, id, q, func(entry *feed.Entry) bool {
		last, wanted = entry.Place, visit(entry)
		return wanted
	})
	for i := range e.shown[id] {
		if entry := e.shown[id][i]; err == nil && wanted && entry.Place > last && entry.Place <= q.Upto && len(q.IDs) == 0 {
			wanted = visit(&entry)
		}
	}
	return err
}

// floorless says of no feed that anything of it has expired.
type floorless struct{ exchange.Store }

func (f floorless) Head(ctx context.Context, id feed.ID) (feed.Head, error) {
	head, err := f.Store.Head(ctx, id)
	head.Floor, head.FloorOctets = 0, 0
	return head, err
}

// Read fills the places of what has expired with what no reader is given who
// chooses by type: so none of them finds that they are empty.
func (f floorless) Read(ctx context.Context, id feed.ID, q feed.Query, visit func(*feed.Entry) bool) error {
	head, err := f.Store.Head(ctx, id)
	if err != nil || !q.Messages || q.AfterAdded != nil || len(q.IDs) > 0 {
		return f.Store.Read(ctx, id, q, visit)
	}
	for ; q.After < min(head.Floor, q.Upto) && q.Limit > 0; q.Limit-- {
		q.After++
		if !visit(&feed.Entry{Place: q.After, Type: "expired", Message: &feed.Message{}}) {
			return nil
		}
	}
	return f.Store.Read(ctx, id, q, visit)
}
