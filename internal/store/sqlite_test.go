package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// testStore is a store in a folder of its own, with one Collection.
type testStore struct {
	*Store
	testing.TB
	path string
	feed feed.ID
}

func openStore(t testing.TB, o Options) *testStore {
	t.Helper()
	return collected(openStoreAt(t, filepath.Join(t.TempDir(), "hansom.db"), o))
}

// collected makes the Collection of a test.
func collected(s *testStore) *testStore {
	s.Helper()
	id := taxii.NewID()
	must(s, s.PutCollection(s.Context(), exchange.Collection{ID: id, Root: 1, Title: id, Validation: "off"}))
	c, err := s.Catalog(s.Context())
	must(s, err)
	for _, v := range c.Collections {
		if v.ID == id {
			s.feed = v.Feed
		}
	}
	return s
}

// openStoreAt opens what is at path; the test's end closes it, if nobody has.
func openStoreAt(t testing.TB, path string, o Options) *testStore {
	t.Helper()
	s, err := Open(context.Background(), path, o)
	must(t, err)
	ts := &testStore{Store: s, TB: t, path: path, feed: 1}
	t.Cleanup(func() {
		if ts.Store != nil {
			ts.close()
		}
	})
	return ts
}

func (s *testStore) close() {
	s.Helper()
	open := s.Store
	s.Store = nil
	must(s, open.Close())
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func someDraft(id, version, content string) feed.Draft {
	typ, _, _ := strings.Cut(id, "--")
	return feed.Draft{ID: id, Type: typ, SpecVersion: "2.1", Version: version, VersionKey: version, VersionTime: int64(len(version)), Content: []byte(content)}
}

func (s *testStore) put(drafts ...feed.Draft) error {
	_, err := s.Append(context.Background(), []feed.Add{{
		Feed: s.feed, Drafts: drafts, Form: func(b []byte) []byte { return b }, Status: feed.Status{ID: taxii.NewID(), At: 1},
	}})
	return err
}

func (s *testStore) drop(id string) {
	s.Helper()
	n, err := s.Withdraw(context.Background(), s.feed, feed.Which{ID: id}, feed.Tombstone{})
	must(s, err)
	if n == 0 {
		s.Fatalf("nothing of %s was there to be withdrawn", id)
	}
}

// secret is content that can be found in a file.
func secret(i, size int) string {
	word := fmt.Sprintf("<secret-%06d>", i)
	return strings.Repeat(word, 1+size/len(word))
}

// found gives the names of the files beside the store that hold text.
func (s *testStore) found(text string) (names []string) {
	s.Helper()
	files, err := os.ReadDir(filepath.Dir(s.path))
	must(s, err)
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(filepath.Dir(s.path), f.Name()))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			s.Fatal(err)
		}
		if bytes.Contains(data, []byte(text)) {
			names = append(names, f.Name())
		}
	}
	return names
}

func TestEveryConnectionIsDurableAndErasesWhatIsDeleted(t *testing.T) {
	s := openStore(t, Options{})
	readers := make([]*sql.Conn, 3)
	for i := range readers { // held at once, so that they are three
		c, err := s.read.Conn(t.Context())
		must(t, err)
		defer c.Close()
		readers[i] = c
	}
	for _, conn := range append(readers, s.write) {
		for pragma, want := range map[string]string{
			"page_size": "8192", "journal_mode": "wal", "synchronous": "2", "secure_delete": "1", "busy_timeout": "15000",
			"foreign_keys": "1", "wal_autocheckpoint": "8000",
		} {
			var got string
			must(t, conn.QueryRowContext(t.Context(), "pragma "+pragma).Scan(&got))
			if got != want {
				t.Errorf("pragma %s is %s, want %s", pragma, got, want)
			}
		}
	}
	if _, err := readers[0].ExecContext(t.Context(), "delete from feeds"); err == nil {
		t.Error("a connection that reads could write")
	}
}

func TestTheFilesOfTheStoreAreForTheirOwnerAlone(t *testing.T) {
	s := openStore(t, Options{})
	must(t, s.put(someDraft("tool--1", "1", "content")))
	for _, name := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(s.path + name)
		must(t, err)
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("hansom.db%s has mode %o, want 600", name, mode)
		}
	}
}

func TestAFolderThatIsNotThereIsAnError(t *testing.T) {
	if s, err := Open(t.Context(), filepath.Join(t.TempDir(), "absent", "hansom.db"), Options{}); err == nil {
		_ = s.Close()
		t.Error("a store was opened in a folder that is not there")
	}
}

func TestAPathWithSpacesAndSignsIsTakenAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c#d%20é&_pragma=x.db")
	s := openStoreAt(t, path, Options{})
	s.close()
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestWhatIsDeletedIsInNoFileAfterTheStop(t *testing.T) {
	trial.Covers(t, "R256")
	s := openStore(t, Options{})
	random := rand.New(rand.NewPCG(1, 2))
	const objects = 600
	for i := range objects {
		must(t, s.put(someDraft(fmt.Sprintf("tool--%d", i), "1", secret(i, random.IntN(3000)))))
		if i%50 == 0 {
			must(t, s.put(someDraft(fmt.Sprintf("malware--%d", i), "1", secret(1000+i, 50_000))))
		}
	}
	gone := map[int]bool{}
	for i := range objects {
		switch {
		case random.IntN(2) == 0:
			s.drop(fmt.Sprintf("tool--%d", i))
			gone[i] = true
		case i%50 == 0:
			s.drop(fmt.Sprintf("malware--%d", i))
			gone[1000+i] = true
		}
		if random.IntN(4) == 0 { // others come into the room that was left
			must(t, s.put(someDraft(fmt.Sprintf("campaign--%d", i), "1", strings.Repeat("x", random.IntN(2000)))))
		}
	}
	s2 := *s
	s.close()
	for i := range gone {
		if files := s2.found(secret(i, 0)); len(files) > 0 {
			t.Errorf("secret %d is still in %v", i, files)
		}
	}
}

func TestWhatIsDeletedIsOutOfEveryFileSoonAfter(t *testing.T) {
	trial.Covers(t, "R256")
	s := openStore(t, Options{ScrubAfter: 30 * time.Millisecond, ScrubRetry: 10 * time.Millisecond})
	for i := range 3 { // also the second and the third time
		must(t, s.put(someDraft("tool--1", "1", secret(i, 1300)), someDraft("tool--2", fmt.Sprint(i), "stays")))
		files := s.found(secret(i, 0))
		if len(files) == 0 { // it may have moved from a file to one that was looked at before
			files = s.found(secret(i, 0))
		}
		if len(files) == 0 {
			t.Fatal("the content is nowhere")
		}
		s.drop("tool--1")
		s.untilGone(secret(i, 0))
	}
}

// untilGone waits until no file holds text; a minute is what the documents say.
func (s *testStore) untilGone(text string) {
	s.Helper()
	for end := time.Now().Add(20 * time.Second); len(s.found(text)) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("the deleted content is still in %v", s.found(text))
		}
	}
}

func TestAReaderInTheWayDelaysTheErasureAndNoWriter(t *testing.T) {
	s := openStore(t, Options{ScrubAfter: time.Millisecond, ScrubRetry: 5 * time.Millisecond})
	must(t, s.put(someDraft("tool--1", "1", secret(1, 1300)), someDraft("tool--2", "1", "stays")))
	rows, err := s.read.QueryContext(t.Context(), `select id from entries`)
	must(t, err)
	if !rows.Next() {
		t.Fatal("no rows")
	}
	s.drop("tool--1")
	// While a reader stood in the way of the erasure, writers used to wait for it
	// up to 5 s.
	for i := range 10 {
		began := time.Now()
		must(t, s.put(someDraft("tool--2", fmt.Sprint("later", i), "stays")))
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("a write took %v", took)
		}
	}
	if len(s.found(secret(1, 0))) == 0 {
		t.Error("nothing was in the way")
	}
	must(t, rows.Close())
	s.untilGone(secret(1, 0))
}

func TestWhatWasDeletedBeforeACrashIsErasedAfterIt(t *testing.T) {
	s := openStore(t, Options{ScrubAfter: time.Hour})
	must(t, s.put(someDraft("tool--1", "1", secret(1, 1300))))
	s.drop("tool--1")
	path := filepath.Join(t.TempDir(), "hansom.db")
	for _, name := range []string{"", "-wal"} { // what a crash leaves
		data, err := os.ReadFile(s.path + name)
		must(t, err)
		must(t, os.WriteFile(path+name, data, 0o600))
	}
	after := openStoreAt(t, path, Options{ScrubAfter: 100 * time.Millisecond})
	after.untilGone(secret(1, 0))
	if h, err := after.Head(t.Context(), s.feed); err != nil || h.Place != 2 {
		t.Errorf("head %+v, %v after the crash", h, err)
	}
}

func TestAPurgedCollectionIsErasedAsWell(t *testing.T) {
	s := openStore(t, Options{ScrubAfter: 10 * time.Millisecond, ScrubRetry: 10 * time.Millisecond})
	must(t, s.put(someDraft("tool--1", "1", secret(1, 1300))))
	c, err := s.Catalog(t.Context())
	must(t, err)
	must(t, s.RemoveCollection(t.Context(), c.Collections[0].ID))
	for more := true; more; {
		more, err = s.PurgeStep(t.Context(), 0)
		must(t, err)
	}
	s.untilGone(secret(1, 0))
}

func TestAFullDiskRefusesAnAddWholeAndHealsWhenThereIsRoom(t *testing.T) {
	s := openStore(t, Options{})
	must(t, s.put(someDraft("tool--0", "1", "content")))
	var pages int
	must(t, s.write.QueryRowContext(t.Context(), "pragma page_count").Scan(&pages))
	s.pages(pages + 20)
	head, err := s.Head(t.Context(), s.feed)
	must(t, err)
	err = s.put(someDraft("tool--1", "1", "small"), someDraft("tool--2", "1", strings.Repeat("x", 1_000_000)))
	if taxii.KindOf(err) != taxii.Full {
		t.Fatalf("error %v, want one of kind %v", err, taxii.Full)
	}
	s.stands(head, 1)
	// Small writes beside a large one still succeed.
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			large := s.put(someDraft(fmt.Sprintf("malware--%d", i), "1", strings.Repeat("x", 1_000_000)))
			if taxii.KindOf(large) != taxii.Full {
				t.Errorf("a large Add: %v", large)
			}
		})
		wait.Go(func() {
			if err := s.put(someDraft(fmt.Sprintf("campaign--%d", i), "1", "small")); err != nil {
				t.Errorf("a small Add: %v", err)
			}
		})
	}
	wait.Wait()
	s.pages(1 << 30)
	must(t, s.put(someDraft("tool--1", "1", "small"), someDraft("tool--2", "1", strings.Repeat("x", 1_000_000))))
	s.stands(feed.Head{Place: head.Place + 22}, 23)
}

func (s *testStore) pages(most int) {
	s.Helper()
	var is int
	must(s, s.write.QueryRowContext(context.Background(), fmt.Sprintf("pragma max_page_count = %d", most)).Scan(&is))
}

// stands holds that the feed has this head, in memory and on the disk, and so
// many entries and live rows.
func (s *testStore) stands(head feed.Head, entries int) {
	s.Helper()
	got, err := s.Head(context.Background(), s.feed)
	must(s, err)
	var kept feed.Place
	var n, live int
	must(s, s.read.QueryRow(`select (select seq from feeds where id = $1), (select count(*) from entries), (select count(*) from live)`,
		s.feed).Scan(&kept, &n, &live))
	if got.Place != head.Place || kept != head.Place || n != entries || live != entries {
		s.Errorf("head %d in memory, %d on the disk, %d entries and %d live, want head %d and %d", got.Place, kept, n, live, head.Place, entries)
	}
}

func TestAScanThatNoIndexServesEndsInTime(t *testing.T) {
	trial.Covers(t, "K44")
	n := 300_000
	if trial.Race { // scans are many times slower, and so is the filling
		n = 30_000
	}
	s := openStore(t, Options{ScanTime: 20 * time.Millisecond})
	s.flood(n)
	q := feed.Query{Upto: feed.Place(n), Limit: 10, Versions: feed.Versions{Keys: []feed.VersionKey{{Key: "absent"}}}}
	began := time.Now()
	err := s.Read(t.Context(), s.feed, q, func(*feed.Entry) bool { return true })
	if took := time.Since(began); taxii.KindOf(err) != taxii.Unavailable || took > 5*time.Second {
		t.Errorf("error %v after %v, want one of kind %v", err, took, taxii.Unavailable)
	}
	q.Types = []string{"tool"} // all of them are; this used to be read without an end
	if err := s.Read(t.Context(), s.feed, q, func(*feed.Entry) bool { return true }); taxii.KindOf(err) != taxii.Unavailable {
		t.Errorf("with a type: %v, want one of kind %v", err, taxii.Unavailable)
	}
	q.Types = nil
	q.Versions.Keys = append(q.Versions.Keys, feed.VersionKey{Key: "1"}) // the first entry's
	var met []feed.Place
	err = s.Read(t.Context(), s.feed, q, func(e *feed.Entry) bool { met = append(met, e.Place); return true })
	if !errors.Is(err, feed.ErrCut) || len(met) != 1 || met[0] != 1 {
		t.Errorf("met %v, error %v; want the first entry and %v", met, err, feed.ErrCut)
	}
	q.Limit = 1
	must(t, s.Read(t.Context(), s.feed, q, func(*feed.Entry) bool { return true }))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err = s.Read(ctx, s.feed, q, func(*feed.Entry) bool { return true }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// flood fills the feed with entries of one object each, past the store.
func (s *testStore) flood(n int) {
	s.Helper()
	column, place := "", ""
	if _, ok := s.engine.(*sqliteEngine); ok {
		column, place = "place, ", placeOf("$1", "i")+", "
	}
	for _, text := range []string{
		`with recursive n(i) as (select 1 union all select i + 1 from n where i < $2)
		insert into entries (` + column + `feed, seq, added, id, type, spec_version, version, version_key, version_time, level, superseded, outdone,
			account, request, content)
		select ` + place + `$1, i, i * 1000, 'tool--' || i, 'tool', '2.1', '' || i, '' || i, i, 0, 9223372036854775807, 9223372036854775807, 1, 'r', 'content'
		from n`,
		`insert into live (feed, seq, id, type, spec_version, version_key, version_time, level, superseded, outdone)
		select feed, seq, id, type, spec_version, version_key, version_time, level, superseded, outdone from entries
		where feed = $1 and seq <= $2`,
		`update feeds set seq = cast($2 as bigint), added = cast($2 as bigint) * 1000 where id = $1`,
	} {
		if _, err := s.write.ExecContext(context.Background(), text, s.feed, n); err != nil {
			s.Fatal(err)
		}
	}
	must(s, s.loadHeads(context.Background()))
}

func TestAStoreThatStopsRefusesWritesAndLosesNoneThatItTook(t *testing.T) {
	s := openStore(t, Options{})
	var wait sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	begun := make(chan struct{}, 16)
	for w := range 16 {
		wait.Go(func() {
			for i := range 1000 {
				err := s.put(someDraft(fmt.Sprintf("tool--%d-%d", w, i), "1", "content"))
				if err != nil {
					if taxii.KindOf(err) != taxii.Unavailable {
						t.Errorf("error %v, want one of kind %v", err, taxii.Unavailable)
					}
					return
				}
				mu.Lock()
				taken++
				mu.Unlock()
				if i == 0 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range 16 {
		<-begun
	}
	must(t, s.Close())
	wait.Wait()
	path := s.path
	s.Store = nil
	again := openStoreAt(t, path, Options{})
	n, err := again.Count(t.Context(), 1)
	must(t, err)
	if int(n) != taken {
		t.Errorf("%d writes were taken, %d are there", taken, n)
	}
}
