package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations
var migrations embed.FS

const (
	// readers bounds the connections that read: more than the cores of a small
	// machine add memory (each has a page cache) and no speed.
	readers = 8
	// pageSize: entries are about 1.3 KB, so that several share a page.
	pageSize = 8192
	// readCacheKiB is the page cache of each connection that reads: the inner pages
	// of the indexes. Pages that were read before are in the system's cache too; a
	// larger one here is the same memory twice.
	readCacheKiB = 3000
	// writeCacheKiB is that of the writer: what an Add of a thousand objects touches,
	// so that it is not written out before its commit.
	writeCacheKiB = 12_000
	// busyTimeout is how long a connection waits for another's lock: longer than
	// anything holds one, the scrubber's patience (scrubLong) included.
	busyTimeout = 15 * time.Second
	// checkpointPages: the write-ahead log is copied back at about 64 MB, seldom
	// enough to fill quickly, often enough to start quickly.
	checkpointPages = 8000
	// scrubAfter is when the write-ahead log is emptied after a deletion, so that
	// what is deleted is gone from the files within a minute, and scrubRetry how
	// soon it is tried again while a reader holds it.
	scrubAfter = 20 * time.Second
	scrubRetry = time.Second
	// While the log is being emptied no write can begin, and it waits for the
	// readers of the moment: at first no longer than a writer hardly notices, and
	// only after scrubTries in vain for as long as any read may take.
	scrubBrief = 50 * time.Millisecond
	scrubLong  = 5 * time.Second
	scrubTries = 15
)

// sqliteEngine is SQLite: one file, whose folder the caller has locked.
type sqliteEngine struct {
	read    *sql.DB
	writeDB *sql.DB
	scrubDB *sql.DB     // the connection that empties the log
	dirty   atomic.Bool // content was deleted since the log was last emptied
	scrub   chan struct{}
	ended   chan struct{} // closed by close
	done    chan struct{} // closed when the scrubber has ended
	after   time.Duration // Options.ScrubAfter
	retry   time.Duration // Options.ScrubRetry
}

func openSQLite(ctx context.Context, path string, o Options) (opened, error) {
	e := &sqliteEngine{
		scrub: make(chan struct{}, 1), ended: make(chan struct{}), done: make(chan struct{}),
		after: o.ScrubAfter, retry: o.ScrubRetry,
	}
	if err := private(path); err != nil {
		return opened{}, err
	}
	if err := e.open(ctx, path); err != nil {
		return opened{}, errors.Join(fmt.Errorf("open %s: %w", path, err), closeAll(e.writeDB, e.read, e.scrubDB))
	}
	write, err := e.connect(ctx)
	if err != nil {
		return opened{}, errors.Join(fmt.Errorf("open %s: %w", path, err), closeAll(e.writeDB, e.read, e.scrubDB))
	}
	e.deleted() // a log that a crash left may hold what was deleted before it
	go e.scrubber()
	return opened{engine: e, read: e.read, write: write, space: spaceOf(filepath.Dir(path)), journalPath: path}, nil
}

func (e *sqliteEngine) open(ctx context.Context, path string) (err error) {
	if e.writeDB, err = sql.Open("sqlite", dsn(path, writeCacheKiB, "")); err != nil {
		return err
	}
	e.writeDB.SetMaxOpenConns(1)
	if err = e.prepare(ctx); err != nil {
		return err
	}
	if e.read, err = sql.Open("sqlite", dsn(path, readCacheKiB, "query_only(on)")); err != nil {
		return err
	}
	e.read.SetMaxOpenConns(readers)
	e.read.SetMaxIdleConns(readers)
	if e.scrubDB, err = sql.Open("sqlite", dsn(path, readCacheKiB, "query_only(on)")); err != nil {
		return err
	}
	e.scrubDB.SetMaxOpenConns(1)
	return nil
}

// closeAll closes what was opened.
func closeAll(dbs ...*sql.DB) (err error) {
	for _, db := range dbs {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}

// private makes the file, if it is not there, so that only its owner can read
// it; SQLite makes the log and the index of the log in the image of it.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	return f.Close()
}

func dsn(path string, cacheKiB int, more string) string {
	pragmas := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "synchronous(full)", "secure_delete(on)", "foreign_keys(on)",
		"temp_store(memory)", fmt.Sprintf("cache_size(-%d)", cacheKiB), fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages),
	}}
	if more != "" {
		pragmas.Add("_pragma", more)
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: pragmas.Encode()}).String()
}

// prepare sets what must be set once, in this order: the size of a page before
// the first page is written, then the log, then the schema.
func (e *sqliteEngine) prepare(ctx context.Context) error {
	for _, text := range []string{fmt.Sprintf("pragma page_size = %d", pageSize), "pragma journal_mode = wal"} {
		if _, err := e.writeDB.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	if err := bringUp(ctx, goose.DialectSQLite3, e.writeDB, "migrations/sqlite"); err != nil {
		return err
	}
	// The connection that made the schema read its statistics before they were there.
	if _, err := e.writeDB.ExecContext(ctx, "analyze sqlite_schema"); err != nil {
		return fmt.Errorf("read the statistics: %w", err)
	}
	return nil
}

func (e *sqliteEngine) connect(ctx context.Context) (*sql.Conn, error) { return e.writeDB.Conn(ctx) }

func (*sqliteEngine) lost(*sql.Conn) bool { return false }

func (*sqliteEngine) discard(*sql.Conn) {}

func (*sqliteEngine) begin() string { return "begin immediate" }

// snapshot: every transaction reads as of one moment.
func (*sqliteEngine) snapshot() *sql.TxOptions { return &sql.TxOptions{ReadOnly: true} }

func (*sqliteEngine) oneOf(argument string) string {
	return " in (select value from json_each(" + argument + "))"
}

func (*sqliteEngine) values(list any) any { return jsonList(list) }

func (*sqliteEngine) at(feed, places, join string) string {
	return " from entries e" + join + " where e.place in (select " + placeOf(feed, "seq") + " from (" + places + ")) order by e.place"
}

// fresh is not told to sort, since it would sort content. It walks through the
// places, which are sorted and cut, in their order; who reads sees to it.
func (*sqliteEngine) fresh(feed, places string) string {
	return " from (" + places + ") p cross join entries e where e.place = " + placeOf(feed, "p.seq")
}

// placeOf is where SQLite keeps an entry, in the order of its key: rows that are
// read together lie together, and one is found without an index.
func placeOf(feed, seq string) string { return feed + " * 1099511627776 + " + seq }

func (*sqliteEngine) entryOf(v string) string {
	return "e.place = " + placeOf(v+".feed", v+".seq")
}

func (*sqliteEngine) entriesBetween(feed, after, upto string) string {
	return "e.place > " + placeOf(feed, after) + " and e.place <= " + placeOf(feed, upto)
}

func (*sqliteEngine) order() string { return "e.place" }

func (*sqliteEngine) moved(seq string) string {
	return "place = " + placeOf("feed", seq) + ", seq = " + seq
}

func (*sqliteEngine) kept(f feed.ID, names []versionName) (string, []any) {
	list := make([][]string, len(names))
	for i, n := range names {
		list[i] = []string{n.id, n.spec, n.key}
	}
	return `select e.id, e.spec_version, e.version_key, e.seq, e.version, e.added, e.account, e.level
		from json_each($2) j cross join entries e
		where e.feed = $1 and e.id = j.value ->> 0 and e.spec_version = j.value ->> 1 and e.version_key = j.value ->> 2`,
		[]any{f, jsonList(list)}
}

const insertEntry = `insert into entries
	(place, feed, seq, added, id, type, spec_version, version, version_key, version_time, level, superseded, outdone, account, request, origin, content)
	values ($1 * 1099511627776 + $2, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`

// insert writes one after the other: a statement costs no way to a server.
func (*sqliteEngine) insert(t *tx, add *feed.Add, entries []newEntry) error {
	for i := range entries {
		e := &entries[i]
		err := t.exec(insertEntry, add.Feed, e.at.Place, e.added, e.ID, e.Type, e.SpecVersion, e.version, e.VersionKey,
			e.at.Time, e.at.Level, e.at.Superseded, e.at.Outdone, add.Account, add.Request, e.origin(), e.Content)
		if err != nil {
			return err
		}
	}
	return nil
}

func (*sqliteEngine) insertMessages(t *tx, f feed.ID, list []newMessage) error {
	for _, m := range list {
		if err := t.exec(insertMessage, f, m.place, m.octets, m.MediaType, m.Marks); err != nil {
			return err
		}
	}
	return nil
}

const insertMessage = `insert into messages (feed, seq, octets, media_type, marks) values ($1, $2, $3, $4, $5)`

func (*sqliteEngine) supersede(t *tx, f feed.ID, older []*feed.Standing) error {
	for _, s := range older {
		if err := t.exec(`update entries set superseded = $3 where feed = $1 and seq = $2`, f, s.Place, s.Superseded); err != nil {
			return err
		}
		var err error
		if s.Live() {
			err = t.exec(`update live set superseded = $3 where feed = $1 and seq = $2`, f, s.Place, s.Superseded)
		} else {
			err = t.exec(`delete from live where feed = $1 and seq = $2`, f, s.Place)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stepMost: a row may hold 10 MB that are overwritten, so the clock is looked at
// after each.
func (*sqliteEngine) stepMost() int { return 1 }

func (e *sqliteEngine) committed(wiped bool, _ feed.Place) {
	if wiped {
		e.deleted()
	}
}

// deleted notes that content was removed and is still in the log.
func (e *sqliteEngine) deleted() {
	if e.dirty.CompareAndSwap(false, true) {
		select {
		case e.scrub <- struct{}{}:
		default: // the scrubber has been told and has not looked yet
		}
	}
}

// scrubber empties the write-ahead log within a minute of a deletion. The
// database file itself is overwritten at once (secure_delete).
func (e *sqliteEngine) scrubber() {
	defer close(e.done)
	for {
		select {
		case <-e.ended:
			return
		case <-e.scrub:
		}
		wait, tries := e.after, 0
		for e.dirty.Load() {
			select {
			case <-e.ended:
				return
			case <-time.After(wait):
			}
			patience := scrubBrief
			if tries >= scrubTries {
				patience = scrubLong
			}
			e.dirty.Store(false) // before, so that a deletion meanwhile is not forgotten
			if e.truncate(patience) {
				wait, tries = e.after, 0
				continue
			}
			e.dirty.Store(true)
			wait, tries = e.retry, tries+1
		}
	}
}

// truncate empties the log into the database, and tells whether all of it. It
// waits so long for those who read or write.
func (e *sqliteEngine) truncate(patience time.Duration) bool {
	ctx := context.Background() // what is deleted must go, whoever has hung up
	if _, err := e.scrubDB.ExecContext(ctx, fmt.Sprintf("pragma busy_timeout = %d", patience.Milliseconds())); err != nil {
		return false
	}
	var busy, log, done int
	err := e.scrubDB.QueryRowContext(ctx, "pragma wal_checkpoint(truncate)").Scan(&busy, &log, &done)
	return err == nil && busy == 0
}

func (e *sqliteEngine) close() error {
	close(e.ended)
	<-e.done
	e.truncate(scrubLong)
	return closeAll(e.scrubDB, e.read, e.writeDB)
}

func (e *sqliteEngine) kind(err error) error {
	var failed *sqlite.Error
	if err == nil || !errors.As(err, &failed) {
		return err
	}
	switch failed.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return full(err)
	case sqlite3.SQLITE_IOERR:
		if failed.Code() == sqlite3.SQLITE_IOERR_WRITE { // some file systems say so when they are full
			return full(err)
		}
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return taxii.Errorf(taxii.Unavailable, "the store is busy; try again").Because(err)
	}
	return err
}

// again: who must wait waits inside of SQLite.
func (*sqliteEngine) again(error) bool { return false }

func (*sqliteEngine) stale(error) bool { return false }

// noTransaction: SQLite ends a transaction itself when the disk is full.
func (e *sqliteEngine) noTransaction(err error) bool {
	var failed *sqlite.Error
	return errors.As(err, &failed) && failed.Code() == sqlite3.SQLITE_ERROR
}

func (e *sqliteEngine) taken(err error, format string, args ...any) error {
	var failed *sqlite.Error
	if errors.As(err, &failed) && failed.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE {
		return taxii.Errorf(taxii.Conflict, format, args...).Because(err)
	}
	return err
}
