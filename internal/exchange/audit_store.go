package exchange

import (
	"context"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// AuditStore keeps the audit: a feed of its own, of blocks, each the records of
// one commit. It is only ever added to; PurgeAudit alone removes, from the front.
type AuditStore interface {
	// Record puts records, each a JSON object on one line, at the end of the audit,
	// with the next commit, whoever's that is. It returns at once; written waits
	// until they are on stable storage. Where the disk is nearly full they are
	// written when nothing else is any more.
	Record(records ...[]byte) (written func() error)
	// Audit visits the blocks with records after a place and, with since, those that
	// were written then or later, in order, until visit answers false. It visits so
	// many at the most.
	Audit(ctx context.Context, after int64, since taxii.Time, most int, visit func(AuditBlock) bool) error
	// PurgeAudit does one bounded step of removing the blocks that were written
	// before, and tells whether more is left.
	PurgeAudit(ctx context.Context, before taxii.Time) (more bool, err error)
	// Stays gives every place in which a version of an object stands or stood.
	Stays(ctx context.Context, f feed.ID, id string) ([]Stay, error)
}

// AuditBlock is the records of one commit. The place of each is First and how
// many came before it in the block.
type AuditBlock struct {
	First   int64
	At      taxii.Time // of the commit, about; never before that of an earlier block
	Records []byte     // each with a line feed behind it; not to be kept
}

// Stay is an entry, or one that was withdrawn: of a Collection.
type Stay struct {
	feed.Standing
	Gone          feed.Place // of the withdrawal that took it away; 0: it is there
	Type, Version string
}
