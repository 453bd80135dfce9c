package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
	"github.com/jackc/pgx/v5"
)

// beside connects to a database past the store.
func beside(t testing.TB, where string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), where)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// cut ends all connections of the store.
func (s *testStore) cut() {
	s.Helper()
	_, err := beside(s, s.path).Exec(s.Context(), `select pg_terminate_backend(pid) from pg_stat_activity
		where datname = current_database() and pid <> pg_backend_pid()`)
	must(s, err)
}

// cutWriter ends the connection of the writer.
func (s *testStore) cutWriter() {
	s.Helper()
	_, err := beside(s, s.path).Exec(s.Context(), `select pg_terminate_backend(l.pid) from pg_locks l join pg_database d on d.oid = l.database
		where d.datname = current_database() and l.locktype = 'advisory' and l.granted`)
	must(s, err)
}

// untilWaits waits until somebody waits for a lock in the store's database.
func (s *testStore) untilWaits() {
	s.Helper()
	db := beside(s, s.path)
	for end := time.Now().Add(20 * time.Second); ; {
		var waits bool
		must(s, db.QueryRow(s.Context(), `select exists (select 1 from pg_stat_activity
			where datname = current_database() and wait_event_type = 'Lock')`).Scan(&waits))
		if waits {
			return
		}
		if time.Now().After(end) {
			s.Fatal("nobody waits")
		}
	}
}

func (s *testStore) place() feed.Place {
	s.Helper()
	h, err := s.Head(s.Context(), s.feed)
	must(s, err)
	return h.Place
}

func TestAWriteAfterTheConnectionWasLostGoesThrough(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t, Options{})
	for i := range 3 {
		must(t, s.put(someDraft(fmt.Sprint("tool--", i), "1", "content")))
		s.cut()
	}
	must(t, s.put(someDraft("tool--3", "1", "content")))
	s.stands(feed.Head{Place: 4}, 4)
}

// The reads of the first second after a restart of PostgreSQL used to fail.
func TestAReadAfterTheConnectionsWereLostGoesThrough(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t, Options{})
	must(t, s.put(someDraft("tool--1", "1", "content")))
	var held []*sql.Conn
	for range postgresReaders { // at once, so that they are as many
		c, err := s.read.Conn(t.Context())
		must(t, err)
		held = append(held, c)
	}
	for _, c := range held {
		must(t, c.Close())
	}
	s.cut()
	for range 3 {
		seen, err := s.Exists(t.Context(), s.feed, "tool--1", 0)
		if err != nil || !seen {
			t.Errorf("seen %v, %v", seen, err)
		}
	}
}

func TestAWriteWhoseConnectionIsLostHalfWayIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t, Options{})
	tries := 0
	err := s.do(t.Context(), "test", func(x *tx) error {
		tries++
		n, err := x.number("root")
		if err != nil || n != 1 {
			t.Errorf("number %d, %v in try %d", n, err, tries)
		}
		if tries == 1 {
			s.cut()
		}
		return x.exec(`insert into roots (id, name, title, description, relative, advertise, is_default) values ($1, 'a', '', '', 0, '', 0)`, n)
	})
	must(t, err)
	c, err := s.Catalog(t.Context())
	must(t, err)
	if tries != 2 || len(c.Roots) != 1 {
		t.Errorf("%d roots after %d tries", len(c.Roots), tries)
	}
}

// A transaction whose time was over used to be left open, and the next became
// part of it.
func TestAWriteThatTakesTooLongIsGivenUpAndTheNextBeginsAnew(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t, Options{})
	most := s.writeTime
	s.writeTime = 500 * time.Millisecond
	err := s.do(t.Context(), "test", func(x *tx) error {
		if _, err := x.number("root"); err != nil {
			return err
		}
		return x.rows(func(*sql.Rows) error { return nil }, `select 1 from pg_sleep(60)`)
	})
	if taxii.KindOf(err) != taxii.Unavailable {
		t.Errorf("error %v, want one of kind %v", err, taxii.Unavailable)
	}
	s.writeTime = most
	must(t, s.put(someDraft("tool--1", "1", "content")))
	s.stands(feed.Head{Place: 1}, 1)
	var n int
	must(t, s.read.QueryRow(`select value from counters where name = 'root'`).Scan(&n))
	if n != 0 {
		t.Errorf("the counter is %d after a write that was given up", n)
	}
}

// wire is a connection to PostgreSQL that a test can break.
type wire struct {
	where  string       // the URL of the database by this way
	answer atomic.Int64 // this many more answers go through and then none; below 0: all do
}

// wired puts a wire before the database of a URL.
func wired(t *testing.T, where string) *wire {
	t.Helper()
	u, err := url.Parse(where)
	must(t, err)
	server := u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	u.Host = l.Addr().String()
	w := &wire{where: u.String()}
	w.answer.Store(-1)
	var all sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { w.carry(client, server) })
		}
	})
	return w
}

// ready is what PostgreSQL ends each answer with, but for one letter.
var ready = []byte{'Z', 0, 0, 0, 5}

func (w *wire) carry(client net.Conn, server string) {
	defer client.Close()
	to, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		_, _ = io.Copy(to, client)
		_ = to.Close()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := to.Read(buffer)
		if bytes.Contains(buffer[:n], ready) && w.answer.Load() >= 0 && w.answer.Add(-1) < 0 {
			return // the answer is there, and nobody hears it
		}
		if _, writes := client.Write(buffer[:n]); err != nil || writes != nil {
			return
		}
	}
}

// What was being committed when the connection broke used to be guessed at by no
// test: it is answered with an error, and what the database says counts.
func TestACommitWhoseAnswerIsLostIsAnErrorAndIsKnownSoonAfter(t *testing.T) {
	t.Parallel()
	w := wired(t, trial.Postgres(t))
	s := collected(openStoreAt(t, w.where, Options{}))
	must(t, s.put(someDraft("tool--1", "1", "content")))
	draft := someDraft("tool--2", "1", "content")
	runs := 0
	err := s.do(t.Context(), "test", func(x *tx) error {
		runs++
		_, err := x.append(&feed.Add{Feed: s.feed, Drafts: []feed.Draft{draft}}, compareInside(&feed.Add{}), 1)
		w.answer.Store(0) // to the commit
		return err
	})
	if taxii.KindOf(err) != taxii.Unavailable || !errors.Is(err, errCut) || runs != 1 {
		t.Errorf("after %d runs: %v, want one error of kind %v", runs, err, taxii.Unavailable)
	}
	for end := time.Now().Add(20 * time.Second); s.place() != 2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the head in memory is %d, what was committed stands at 2", s.place())
		}
	}
	must(t, s.put(draft, someDraft("tool--3", "1", "content")))
	s.stands(feed.Head{Place: 3}, 3)
}

func TestACommitThatFailsWithItsConnectionIsAnErrorAndStoresNothing(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t, Options{})
	db := beside(t, s.path)
	for _, text := range []string{
		`create function quit() returns trigger language plpgsql as $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$`,
		`create constraint trigger quit after insert on entries deferrable initially deferred for each row when (new.id = 'tool--bad') execute function quit()`,
	} {
		_, err := db.Exec(t.Context(), text)
		must(t, err)
	}
	if err := s.put(someDraft("tool--bad", "1", "content")); taxii.KindOf(err) != taxii.Unavailable {
		t.Errorf("error %v, want one of kind %v", err, taxii.Unavailable)
	}
	must(t, s.put(someDraft("tool--good", "1", "content")))
	s.stands(feed.Head{Place: 1}, 1)
}

func TestNobodyWritesWhileAnotherHoldsTheDatabase(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t, Options{})
	must(t, s.put(someDraft("tool--1", "1", "content")))
	db := beside(t, s.path)
	waiting := make(chan error, 1)
	go func() { // gets the lock as soon as the store has lost it
		_, err := db.Exec(t.Context(), `select pg_advisory_lock($1, hashtext(current_schema()))`, lockKey)
		waiting <- err
	}()
	s.untilWaits()
	s.cutWriter()
	must(t, <-waiting)
	err := s.put(someDraft("tool--2", "1", "content"))
	if taxii.KindOf(err) != taxii.Unavailable || !errors.Is(err, errHeld) {
		t.Errorf("error %v, want one of kind %v because of %v", err, taxii.Unavailable, errHeld)
	}
	must(t, db.Close(t.Context()))
	must(t, s.put(someDraft("tool--3", "1", "content")))
	s.stands(feed.Head{Place: 2}, 2)
}

func TestASecondProcessIsToldThatTheDatabaseIsInUse(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t, Options{})
	if other, err := Open(t.Context(), s.path, Options{}); !errors.Is(err, errHeld) {
		if err == nil {
			_ = other.Close()
		}
		t.Errorf("error %v, want %v", err, errHeld)
	}
	must(t, s.put(someDraft("tool--1", "1", "content")))
	path := s.path
	s.close()
	must(t, openStoreAt(t, path, Options{}).put(someDraft("tool--2", "1", "content")))
}

// Where the head was only read and not taken, the place was given twice.
func TestAnAddWaitsForWhoeverHasTheHeadAndTakesThePlacesAfterThem(t *testing.T) {
	t.Parallel()
	s := openPostgresStore(t, Options{})
	other, err := beside(t, s.path).Begin(t.Context())
	must(t, err)
	_, err = other.Exec(t.Context(), `update feeds set seq = seq + 5, added = added + 5000 where id = $1`, s.feed)
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- s.put(someDraft("tool--1", "1", "content")) }()
	s.untilWaits()
	must(t, other.Commit(t.Context()))
	must(t, <-done)
	if p := s.place(); p != 6 {
		t.Errorf("the Add took place %d, want 6", p)
	}
}

// Several nodes are to share a database one day: what keeps places dense and in
// the order of the commits is the head's row alone, not that there is one writer.
func TestSeveralWritersOfOneDatabaseTakeNoPlaceTwiceAndAReaderMissesNone(t *testing.T) {
	t.Parallel()
	const nodes, each = 4, 50
	first := openPostgresStore(t, Options{})
	stores := []*testStore{first}
	for len(stores) < nodes { // each gives up the lock, so that the next one opens
		_, err := stores[len(stores)-1].write.ExecContext(t.Context(), `select pg_advisory_unlock_all()`)
		must(t, err)
		next := openStoreAt(t, first.path, Options{})
		next.feed = first.feed
		stores = append(stores, next)
	}
	var wait sync.WaitGroup
	for n, s := range stores {
		wait.Go(func() {
			for i := range each {
				if err := s.put(someDraft(fmt.Sprintf("tool--%d-%d", n, i), "1", "content"), someDraft(fmt.Sprintf("malware--%d-%d", n, i), "1", "content")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wait.Wait(); close(done) }()
	db, met := beside(t, first.path), 0
	for over := false; !over; {
		select {
		case <-done:
			over = true // and once more
		default:
		}
		rows, err := db.Query(t.Context(), `select seq from entries where feed = $1 and seq > $2 order by seq`, first.feed, met)
		must(t, err)
		places, err := pgx.CollectRows(rows, pgx.RowTo[int])
		must(t, err)
		for _, p := range places {
			if p != met+1 {
				t.Fatalf("the reader meets place %d after %d", p, met)
			}
			met = p
		}
	}
	if met != nodes*each*2 {
		t.Errorf("the reader met %d entries, want %d", met, nodes*each*2)
	}
}
