package exchange

import (
	"context"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Delete removes an object: all its versions of every spec_version, or those
// that the filter names (R252-R260). It needs the rights to read and to write;
// who has neither is told that there is nothing (R254).
func (s *Session) Delete(ctx context.Context, root, collection, object string, f taxii.Filter) error {
	snap := s.x.now.Load()
	r, c, rights, err := s.find(snap, root, collection)
	if err != nil {
		return err
	}
	switch {
	case rights&(Read|Write) == 0:
		return s.Missing()
	case !rights.Has(Read | Write):
		return taxii.Errorf(taxii.Forbidden, "deleting needs the rights to read and to write here")
	}
	which := feed.Which{ID: object, SpecVersions: f.SpecVersions, Ceiling: s.ceiling(snap, resource{OnCollection, r.ID, c.ID})}
	if len(f.Versions) > 0 {
		which.Versions = versions(f.Versions)
	}
	why := feed.Tombstone{Account: s.account.ID, Request: RequestOf(ctx)}
	why.Record = s.deleted(ctx, snap.name(resource{OnCollection, r.ID, c.ID}), c.Feed, which, f.Encode())
	removed, err := s.x.store.Withdraw(ctx, c.Feed, which, why)
	if err == nil && removed == 0 {
		return orMissing(nil)
	}
	return s.gone(err)
}
