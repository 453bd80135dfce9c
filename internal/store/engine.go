package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// engine is what differs between databases; all other SQL is written once.
type engine interface {
	// connect gives the writer its connection, which keeps every other process
	// from writing as long as it lives.
	connect(ctx context.Context) (*sql.Conn, error)
	// lost tells that the writer's connection cannot be used any more.
	lost(*sql.Conn) bool
	// discard closes a connection that must not be used any more.
	discard(*sql.Conn)
	close() error

	// begin starts the transaction of the writer, and snapshot those that read
	// several tables as of one moment.
	begin() string
	snapshot() *sql.TxOptions

	// oneOf is the condition of being among the values of an argument, which
	// values makes of a list.
	oneOf(argument string) string
	values(list any) any
	// at gives the entries of a feed in the places of a SELECT, which gives them
	// in order and each once, with what is joined to them; content is not sorted.
	at(feed, places, join string) string
	// fresh gives the entries in the places p.seq of a SELECT, in its order, which is
	// that of p.at; content is not sorted.
	fresh(feed, places string) string
	// entryOf is the condition that e is the entry in the place of the row v, and
	// entriesBetween that it lies between two places of a feed, to be had in this order.
	entryOf(v string) string
	entriesBetween(feed, after, upto string) string
	order() string
	// moved sets the place of an entry that is moved within its feed.
	moved(seq string) string
	// kept finds entries by their names: id, spec_version, version_key, seq, version,
	// added, account, level.
	kept(f feed.ID, names []versionName) (text string, args []any)
	// insert writes new entries, insertMessages what is kept of them besides, and
	// supersede what became of older ones.
	insert(t *tx, add *feed.Add, entries []newEntry) error
	insertMessages(t *tx, f feed.ID, list []newMessage) error
	supersede(t *tx, f feed.ID, older []*feed.Standing) error
	// stepMost bounds the rows that one statement of a purge removes.
	stepMost() int

	// committed notes that content was removed, whose traces may still be in
	// files, and how many places were taken.
	committed(wiped bool, places feed.Place)

	// kind names an error of the driver; nil stays nil.
	kind(err error) error
	// taken gives a violated unique index the name that the caller has for it; any
	// other error, and nil, stays.
	taken(err error, format string, args ...any) error
	// again tells that a transaction failed for no fault of its own and is to be
	// carried out again.
	again(err error) bool
	// stale tells that a read failed because its connection had been ended.
	stale(err error) bool
	// noTransaction tells that a rollback found nothing to roll back.
	noTransaction(err error) bool
}

// opened is a database that has been opened.
type opened struct {
	engine engine
	read   *sql.DB
	write  *sql.Conn // of the writer
	// writeTime bounds a transaction of the writer; 0: it takes its time.
	writeTime time.Duration
	// readTime bounds a read; 0: it takes its time.
	readTime time.Duration
	// space gives the octets of the disk that are free, and all that it has; nil:
	// the disk cannot be seen.
	space func() (free, all int64, err error)
	// journalPath is before which the journal of the audit lies; "": there is none.
	journalPath string
}

// newEntry is a draft that has got its place.
type newEntry struct {
	*feed.Draft
	version string // that it is shown under
	added   taxii.Time
	at      *feed.Standing
}

// origin gives that of a Message; nil where there is none.
func (e *newEntry) origin() any {
	if e.Message == nil || e.Message.Origin == "" {
		return nil
	}
	return e.Message.Origin
}

// full is the error of a disk without room.
func full(err error) error {
	return taxii.Errorf(taxii.Full, "the server's disk is full: nothing of this request was stored; try again later").Because(err)
}
