// Package store keeps feeds and the catalogue on a disk. It is the only room
// that knows SQL. One writer takes every write from one queue and joins what
// waits into one commit; nothing else begins a write transaction. Readers read
// what is committed, beside it.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Store is one database. It satisfies exchange.Store.
type Store struct {
	opened
	now  func() time.Time
	scan time.Duration // the most a read may take

	jobs    chan *job
	stopped chan struct{} // closed by Close: no job is taken any more
	done    chan struct{} // closed when the writer has ended

	mu    sync.RWMutex // guards heads
	heads map[feed.ID]feed.Head

	sinking sync.RWMutex // held by the writer from the commit that moves a floor until the heads say so

	bell feed.Bell // rings when a head has moved

	scanning  chan struct{} // one for each scan that is under way
	searching chan struct{} // one for each search through Messages

	stmts    sync.Map             // text -> *sql.Stmt of read
	compiled map[string]*sql.Stmt // of write; used by the writer alone
	pace     pace                 // of expiry; likewise
	ledger   ledger               // the end of the audit; likewise
	journal  *journal             // nil: records go to the table at once
	closing  chan struct{}        // closed by Close: the settler ends
	settled  chan struct{}        // closed when it has
	reserve  int64                // octets that are kept for the audit
}

// Options of a store. The zero value of each has a sane meaning.
type Options struct {
	Now func() time.Time // the machine's clock; nil: time.Now

	ScanTime   time.Duration // the most a read may take; 0: 2 s
	ScrubAfter time.Duration // from a deletion until it is out of every file; 0: 20 s
	ScrubRetry time.Duration // until that is tried again while a reader is in the way; 0: 1 s

	Reserve int64 // octets of the disk of a SQLite file that are left to the audit; 0: 64 MiB, negative: none
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.ScanTime == 0 {
		o.ScanTime = scanTime
	}
	if o.ScrubAfter == 0 {
		o.ScrubAfter = scrubAfter
	}
	if o.ScrubRetry == 0 {
		o.ScrubRetry = scrubRetry
	}
	if o.Reserve == 0 {
		o.Reserve = auditReserve
	}
	return o
}

// Open opens a database, brings its schema up to date and starts the writer.
// where is the URL of a PostgreSQL database that exists, postgres://... or
// postgresql://..., or else the path of a SQLite file, which is made if it is
// not there. No other process may write meanwhile: on PostgreSQL a lock on the
// database sees to it, of a file the caller holds the lock on its directory.
// No error shows the password of a URL.
func Open(ctx context.Context, where string, o Options) (*Store, error) {
	o = o.withDefaults()
	open := openSQLite
	if isPostgres(where) {
		open = openPostgres
	}
	db, err := open(ctx, where, o)
	if err != nil {
		return nil, err
	}
	s := &Store{
		opened: db, now: o.Now, scan: o.ScanTime, scanning: make(chan struct{}, maxScans), searching: make(chan struct{}, maxSearches),
		jobs: make(chan *job, maxJoined), stopped: make(chan struct{}), done: make(chan struct{}),
		compiled: map[string]*sql.Stmt{}, reserve: o.Reserve, closing: make(chan struct{}), settled: make(chan struct{}),
	}
	if err := errors.Join(s.loadHeads(ctx), s.loadLedger(ctx), s.openJournal(ctx)); err != nil {
		return nil, errors.Join(err, s.write.Close(), s.engine.close())
	}
	go s.writer()
	go s.settler()
	return s, nil
}

// Close ends the writer after the writes that it has taken and closes the
// database; a SQLite file is then whole without its write-ahead log.
func (s *Store) Close() error {
	settled := s.closeJournal()
	close(s.stopped)
	<-s.done
	for _, stmt := range s.compiled {
		_ = stmt.Close()
	}
	s.stmts.Range(func(_, stmt any) bool { _ = stmt.(*sql.Stmt).Close(); return true })
	err := s.write.Close()
	if errors.Is(err, sql.ErrConnDone) {
		err = nil // it was lost before
	}
	if s.journal != nil {
		err = errors.Join(err, s.journal.close())
	}
	return errors.Join(settled, err, s.engine.close())
}

// loadHeads reads the heads as the writer's connection sees them, and wakes who
// waits for one that has moved.
func (s *Store) loadHeads(ctx context.Context) error {
	heads, err := readHeads(ctx, s.write)
	if err != nil {
		return fmt.Errorf("read the heads of the feeds: %w", err)
	}
	s.mu.Lock()
	before := s.heads
	s.heads = heads
	s.mu.Unlock()
	for id, was := range before {
		if h, ok := heads[id]; !ok || moved(was, h) {
			s.bell.Ring(id)
		}
	}
	return nil
}

// moved tells that there is something new for who follows a feed.
func moved(before, after feed.Head) bool {
	return before.Place != after.Place || before.Incarnation != after.Incarnation
}

// headColumns are what is kept of a head, in the order of headOf.
const headColumns = "seq, added, incarnation, floor, octets, floor_octets, unmarked"

func headOf(h *feed.Head) []any {
	return []any{&h.Place, &h.Added, &h.Incarnation, &h.Floor, &h.Octets, &h.FloorOctets, &h.Unmarked}
}

func readHeads(ctx context.Context, db *sql.Conn) (map[feed.ID]feed.Head, error) {
	heads := map[feed.ID]feed.Head{}
	err := rowsOn(ctx, db, func(r *sql.Rows) error {
		var id feed.ID
		var h feed.Head
		err := r.Scan(append([]any{&id}, headOf(&h)...)...)
		heads[id] = h
		return err
	}, `select id, `+headColumns+` from feeds`)
	if err != nil {
		return nil, err
	}
	err = rowsOn(ctx, db, func(r *sql.Rows) error {
		var id feed.ID
		var upto feed.Place
		err := r.Scan(&id, &upto)
		h := heads[id]
		h.Past = append(h.Past, upto)
		heads[id] = h
		return err
	}, `select feed, upto from incarnations where feed in (select id from feeds) order by feed, number`)
	return heads, err
}

// asker is what rows are asked of.
type asker interface {
	QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error)
}

// rowsOn visits the rows of a statement that is not kept prepared.
func rowsOn(ctx context.Context, db asker, visit func(*sql.Rows) error, text string, args ...any) error {
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := visit(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Head gives the end of a feed, from memory: an empty poll asks no disk.
//
// Its Past is not to be changed.
func (s *Store) Head(_ context.Context, id feed.ID) (feed.Head, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, ok := s.heads[id]
	if !ok {
		return feed.Head{}, taxii.Errorf(taxii.NotFound, "no feed %d", id)
	}
	return h, nil
}

// Grew gives a channel that is closed when the head of a feed moves, or the feed
// goes.
func (s *Store) Grew(id feed.ID) <-chan struct{} { return s.bell.Listen(id) }

// query runs a prepared read; again where the connection that it got had broken
// since its last use, as all of them have when the database was restarted.
func (s *Store) query(ctx context.Context, text string, args ...any) (rows *sql.Rows, err error) {
	for range 1 + postgresReaders {
		var stmt *sql.Stmt
		if stmt, err = s.prepared(ctx, text); err == nil {
			rows, err = stmt.QueryContext(ctx, args...) //nolint:sqlclosecheck // the caller closes them
		}
		if err == nil || ctx.Err() != nil || !s.engine.stale(err) {
			break
		}
	}
	return rows, err
}

func (s *Store) prepared(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt, ok := s.stmts.Load(text); ok {
		return stmt.(*sql.Stmt), nil
	}
	stmt, err := s.read.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if other, loaded := s.stmts.LoadOrStore(text, stmt); loaded {
		_ = stmt.Close() // another request was first; its statement serves both
		return other.(*sql.Stmt), nil
	}
	return stmt, nil
}

// reading is the context of a read. A server that is gone does not say so.
func (s *Store) reading(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.readTime == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.readTime)
}

// each runs a read and visits its rows.
func (s *Store) each(ctx context.Context, visit func(*sql.Rows) error, text string, args ...any) error {
	ctx, cancel := s.reading(ctx)
	defer cancel()
	rows, err := s.query(ctx, text, args...)
	if err != nil {
		return s.engine.kind(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := visit(rows); err != nil {
			return err
		}
	}
	return s.engine.kind(rows.Err())
}
