package exchange

import (
	"context"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// ViewLive is View for who waits for items: it gives one whose page has some as
// soon as there are any, and when the time is over, or the server stops, one that
// has none. Rights are asked for again whenever the catalogue changes.
func (s *Session) ViewLive(ctx context.Context, t Target, f taxii.Filter, wait time.Duration) (*View, error) {
	over := time.NewTimer(s.before(wait))
	defer over.Stop()
	var looked *feed.Head // up to here there are none, for this ceiling
	ceiling := Level(NoCeiling)
	for {
		_, c, err := s.may(s.x.now.Load(), Read, t.Root, t.Collection)
		if err != nil {
			return nil, err
		}
		// Listen first, then look: nothing falls between.
		grew, turned := s.x.store.Grew(c.Feed), s.x.turned.Listen(0)
		if err := s.stands(s.x.now.Load()); err != nil {
			return nil, err
		}
		v, err := s.View(ctx, t, f)
		if err != nil {
			return nil, err
		}
		if v.coll.Feed != c.Feed {
			continue // it was removed and made anew
		}
		if v.query.Ceiling != ceiling {
			looked, ceiling = nil, v.query.Ceiling
		}
		if some, err := v.some(ctx, looked); err != nil || some {
			return v, err
		}
		looked = &v.head
		select {
		case <-grew:
		case <-turned:
		case <-over.C:
			return v, nil
		case <-s.x.stopping.listen():
			return v, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// some tells whether the page of a View has items. Up to the head that was looked
// at before there are none: what has come to view since is in new places.
func (v *View) some(ctx context.Context, looked *feed.Head) (some bool, err error) {
	if v.Empty() {
		return false, nil
	}
	q := v.query
	q.Limit, q.Content, q.Bare = 1, false, false
	if looked != nil && (q.AfterAdded == nil || *q.AfterAdded <= looked.Added) {
		q.AfterAdded, q.After = nil, max(q.After, looked.Place)
	}
	err = v.s.x.store.Read(ctx, v.coll.Feed, q, func(*feed.Entry) bool { some = true; return false })
	return some, err
}
