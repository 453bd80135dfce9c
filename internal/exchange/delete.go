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
	_, c, rights, err := s.find(s.x.now.Load(), root, collection)
	if err != nil {
		return err
	}
	switch {
	case rights&(Read|Write) == 0:
		return s.Missing()
	case !rights.Has(Read | Write):
		return taxii.Errorf(taxii.Forbidden, "deleting needs the rights to read and to write here")
	}
	which := feed.Which{ID: object, SpecVersions: f.SpecVersions, Ceiling: s.ceiling()}
	if len(f.Versions) > 0 {
		which.Versions = versions(f.Versions)
	}
	removed, err := s.x.store.Withdraw(ctx, c.Feed, which, feed.Tombstone{Account: s.account.ID, Request: RequestOf(ctx)})
	if err == nil && removed == 0 {
		return orMissing(nil)
	}
	return s.gone(err)
}
