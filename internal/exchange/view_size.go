package exchange

import (
	"context"
	"math"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// aroundItems is what an answer has around its items beside the cursor, or less:
// {"more":false,"next":"","objects":[]}, with versions in the place of objects.
const aroundItems = 64

// Bound lets no answer have more octets than so many, its cursor and what stands
// around the items included, counted before compression. It is to be called
// before the View is asked for anything.
func (v *View) Bound(octets int64) error {
	longest, err := v.cursor(&Page{LastPlace: math.MaxInt64})
	if err != nil {
		return err
	}
	v.most = octets
	v.items = int(min(octets, math.MaxInt32)) - len(longest) - aroundItems
	return nil
}

// pageBytes is the size of a page in octets, unless one item is larger.
func (v *View) pageBytes() int {
	if v.most == 0 {
		return v.s.x.opt.PageBytes
	}
	return min(v.s.x.opt.PageBytes, v.items)
}

// itemSize is about what an item takes or, where that matters to who asks, no
// less: in a record every octet of an id or a version may be escaped.
func (v *View) itemSize(e *feed.Entry) int {
	switch {
	case v.most == 0:
		return itemSize(e)
	case v.query.Bare:
		return len(e.Content) + 1
	}
	return len(e.Content) + 6*(len(e.ID)+len(e.Version)) + recordFrame
}

// tooLarge is the answer to who takes no answer as large as an item alone. It
// names the item and tells how to go on after it, so that nothing is skipped
// unasked.
func (v *View) tooLarge(ctx context.Context, e *feed.Entry) error {
	next, err := v.cursor(&Page{LastPlace: e.Place, Last: e.Added})
	if err != nil {
		return err
	}
	q := v.query // with what a page of objects does not read, so that its reading is cheap
	q.AfterAdded, q.After, q.Upto, q.Limit, q.Content, q.Bare = nil, e.Place-1, e.Place, 1, false, false
	var id, version string
	err = v.s.x.store.Read(ctx, v.coll.Feed, q, func(named *feed.Entry) bool {
		id, version = named.ID, named.Version
		return false
	})
	if err != nil {
		return err
	}
	failure := taxii.Errorf(taxii.Malformed, "the object %.256s is larger than X-Max-Size allows", id).
		Describe("Get it by its id without X-Max-Size, and go on after it with details.next.")
	failure.Details = map[string]any{"id": id, "version": version, "size": e.Size, "max_size": v.most, "next": next}
	return failure
}
