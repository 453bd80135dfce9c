package exchange

import (
	"context"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// mostPreviewed bounds the objects of a preview: it is an example, no export.
const mostPreviewed = 100

// Preview is a Collection as one account sees it, whatever it signs in with: the
// scope and the ceiling of a credential can only take away from it.
type Preview struct {
	Collection string           `json:"collection"`        // ROOT/collection/ALIAS or ID
	Reads      bool             `json:"reads"`             // the account may read it
	Ceiling    string           `json:"ceiling,omitempty"` // the highest marking level that it reads; "": none, or nothing is read
	Visible    map[string]int64 `json:"visible,omitempty"` // object versions at levels that it sees, by level
	Hidden     map[string]int64 `json:"hidden,omitempty"`  // and at those that it does not
	Objects    []PreviewObject  `json:"objects,omitempty"` // the first that it gets, the latest versions
}

// PreviewObject is one object as a preview names it.
type PreviewObject struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Version string `json:"version"`
	Level   string `json:"level"`
}

// Preview shows a Collection, named as in a GrantSetting, as an account sees it,
// with its first objects (at most limit; 0 to 100); for "" it shows every
// Collection of this server. It needs the right to manage the server. What is
// marked above the ceiling of who asks is in none of it.
func (s *Session) Preview(ctx context.Context, account, on string, limit int) ([]Preview, error) {
	snap := s.x.now.Load()
	if err := s.manages(snap, resource{scope: OnServer}); err != nil {
		return nil, err
	}
	a := snap.names[account]
	if a == nil {
		return nil, taxii.Errorf(taxii.NotFound, "no account %q", account)
	}
	items, err := snap.previewed(s, on)
	if err != nil {
		return nil, err
	}
	who := &Session{x: s.x, account: a, operator: a.Builtin && a.Name == OperatorName}
	list := make([]Preview, 0, len(items))
	for _, item := range items {
		own := s.reach(snap, item)
		one, err := who.preview(ctx, snap, item, own, min(max(limit, 0), mostPreviewed))
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// previewed gives the Collection that is named, or all.
func (s *snapshot) previewed(sess *Session, on string) (items []resource, err error) {
	if on != "" {
		item, err := s.named(sess, on)
		if err == nil && item.scope != OnCollection {
			err = taxii.Errorf(taxii.Unprocessable, "%q is no collection: previews are of collections", on)
		}
		return []resource{item}, err
	}
	for _, r := range s.rootOrder {
		for _, c := range s.collections[r.ID] {
			items = append(items, resource{OnCollection, r.ID, c.ID})
		}
	}
	return items, nil
}

// preview is one Collection as this account sees it, told to who sees levels up to
// own.
func (s *Session) preview(ctx context.Context, snap *snapshot, item resource, own Level, limit int) (Preview, error) {
	p := Preview{Collection: snap.name(item), Visible: map[string]int64{}, Hidden: map[string]int64{}}
	ceiling := Level(-1)
	if p.Reads = s.rightsOn(snap, item).Has(Read); p.Reads {
		ceiling = s.ceiling(snap, item)
		p.Ceiling = LevelName(ceiling)
	}
	id := snap.byID[item.item].Feed
	levels, err := s.x.store.Levels(ctx, id)
	if err != nil {
		return p, s.gone(err)
	}
	for level, n := range levels {
		switch {
		case level > own:
		case level <= ceiling:
			p.Visible[LevelName(level)] = n
		default:
			p.Hidden[LevelName(level)] = n
		}
	}
	if p.Reads && limit > 0 {
		p.Objects, err = s.firstObjects(ctx, id, min(ceiling, own), limit)
	}
	return p, err
}

func (s *Session) firstObjects(ctx context.Context, id feed.ID, ceiling Level, limit int) (list []PreviewObject, err error) {
	head, err := s.x.store.Head(ctx, id)
	if err != nil {
		return nil, s.gone(err)
	}
	q := feed.Query{Upto: head.Place, Limit: limit, Versions: feed.Versions{Last: true}, Ceiling: ceiling}
	err = s.x.store.Read(ctx, id, q, func(e *feed.Entry) bool {
		list = append(list, PreviewObject{ID: e.ID, Type: e.Type, Version: e.Version, Level: LevelName(e.Level)})
		return true
	})
	return list, err
}
