package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations/sqlite/*.sql
var migrations embed.FS

const (
	// readers bounds the connections that read: more than the cores of a small
	// machine add memory (each has a page cache) and no speed.
	readers = 8
	// pageSize: entries are about 1.3 KB, so that several share a page.
	pageSize = 8192
	// cacheKiB is the page cache of each connection. Pages that were read before
	// are in the system's cache too; a larger one here is the same memory twice.
	cacheKiB = 4000
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

// engine is what differs between databases.
type engine struct {
	read  *sql.DB
	write *sql.Conn

	writeDB *sql.DB
	scrubDB *sql.DB      // the connection that empties the log
	dirty   *atomic.Bool // content was deleted since the log was last emptied
	scrub   chan struct{}
	ended   chan struct{} // closed by close
	done    chan struct{} // closed when the scrubber has ended
	after   time.Duration // Options.ScrubAfter
	retry   time.Duration // Options.ScrubRetry
}

func openSQLite(ctx context.Context, path string, o Options) (engine, error) {
	e := engine{
		dirty: new(atomic.Bool), scrub: make(chan struct{}, 1), ended: make(chan struct{}), done: make(chan struct{}),
		after: o.ScrubAfter, retry: o.ScrubRetry,
	}
	err := private(path)
	if err != nil {
		return e, err
	}
	if e.writeDB, err = sql.Open("sqlite", dsn(path, "")); err != nil {
		return e, fmt.Errorf("open %s: %w", path, err)
	}
	e.writeDB.SetMaxOpenConns(1)
	if err = e.prepare(ctx); err != nil {
		return e, errors.Join(fmt.Errorf("open %s: %w", path, err), e.writeDB.Close())
	}
	if e.read, err = sql.Open("sqlite", dsn(path, "query_only(on)")); err != nil {
		return e, errors.Join(fmt.Errorf("open %s for reading: %w", path, err), e.writeDB.Close())
	}
	e.read.SetMaxOpenConns(readers)
	e.read.SetMaxIdleConns(readers)
	if e.write, err = e.writeDB.Conn(ctx); err != nil {
		return e, errors.Join(fmt.Errorf("open %s: %w", path, err), e.read.Close(), e.writeDB.Close())
	}
	if e.scrubDB, err = sql.Open("sqlite", dsn(path, "query_only(on)")); err != nil {
		return e, errors.Join(fmt.Errorf("open %s: %w", path, err), e.read.Close(), e.write.Close(), e.writeDB.Close())
	}
	e.scrubDB.SetMaxOpenConns(1)
	e.deleted() // a log that a crash left may hold what was deleted before it
	go e.scrubber()
	return e, nil
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

func dsn(path string, more string) string {
	pragmas := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "synchronous(full)", "secure_delete(on)", "foreign_keys(on)",
		fmt.Sprintf("cache_size(-%d)", cacheKiB), fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages),
	}}
	if more != "" {
		pragmas.Add("_pragma", more)
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: pragmas.Encode()}).String()
}

// prepare sets what must be set once, in this order: the size of a page before
// the first page is written, then the log, then the schema.
func (e *engine) prepare(ctx context.Context) error {
	for _, text := range []string{fmt.Sprintf("pragma page_size = %d", pageSize), "pragma journal_mode = wal"} {
		if _, err := e.writeDB.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	files, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, e.writeDB, files)
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("bring the schema up to date: %w", err)
	}
	// The connection that made the schema read its statistics before they were there.
	if _, err := e.writeDB.ExecContext(ctx, "analyze sqlite_schema"); err != nil {
		return fmt.Errorf("read the statistics: %w", err)
	}
	return nil
}

// begin starts the transaction of the writer.
func (e *engine) begin() string { return "begin immediate" }

// list gives the text for "one of the values of this argument" and the argument.
func (e *engine) list(placeholder string) string {
	return "(select value from json_each(" + placeholder + "))"
}

// deleted notes that content was removed and is still in the log.
func (e *engine) deleted() {
	if e.dirty.CompareAndSwap(false, true) {
		select {
		case e.scrub <- struct{}{}:
		default: // the scrubber has been told and has not looked yet
		}
	}
}

// scrubber empties the write-ahead log within a minute of a deletion. The
// database file itself is overwritten at once (secure_delete).
func (e *engine) scrubber() {
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
func (e *engine) truncate(patience time.Duration) bool {
	ctx := context.Background() // what is deleted must go, whoever has hung up
	if _, err := e.scrubDB.ExecContext(ctx, fmt.Sprintf("pragma busy_timeout = %d", patience.Milliseconds())); err != nil {
		return false
	}
	var busy, log, done int
	err := e.scrubDB.QueryRowContext(ctx, "pragma wal_checkpoint(truncate)").Scan(&busy, &log, &done)
	return err == nil && busy == 0
}

func (e *engine) close() error {
	close(e.ended)
	<-e.done
	e.truncate(scrubLong)
	return errors.Join(e.scrubDB.Close(), e.read.Close(), e.write.Close(), e.writeDB.Close())
}

// kind names an error of the driver; nil stays nil.
func (e *engine) kind(err error) error {
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

// noTransaction tells that a rollback found nothing to roll back: SQLite ends a
// transaction itself when the disk is full.
func (e *engine) noTransaction(err error) bool {
	var failed *sqlite.Error
	return errors.As(err, &failed) && failed.Code() == sqlite3.SQLITE_ERROR
}

// taken gives a violated unique index the name that the caller has for it; any
// other error, and nil, stays.
func (e *engine) taken(err error, format string, args ...any) error {
	var failed *sqlite.Error
	if errors.As(err, &failed) && failed.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE {
		return taxii.Errorf(taxii.Conflict, format, args...).Because(err)
	}
	return err
}

func full(err error) error {
	return taxii.Errorf(taxii.Full, "the server's disk is full: nothing of this request was stored; try again later").Because(err)
}

// keptVersions is the text that finds entries by a list of [id, spec_version,
// version_key].
func (e *engine) keptVersions() string {
	return `select e.id, e.spec_version, e.version_key, e.seq, e.version
		from json_each($2) j cross join entries e
		where e.feed = $1 and e.id = j.value ->> 0 and e.spec_version = j.value ->> 1 and e.version_key = j.value ->> 2`
}
