package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// audited gives the records of a store with their places.
func audited(t *testing.T, s *Store) (lines []string) {
	t.Helper()
	err := s.Audit(t.Context(), 0, 0, 1<<30, func(b exchange.AuditBlock) bool {
		place := b.First
		for line := range strings.Lines(string(b.Records)) {
			lines = append(lines, fmt.Sprint(place, " ", strings.TrimSpace(line)))
			place++
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// crashed copies the files of a store that runs, as a crash would leave them, and
// opens the copy.
func crashed(t *testing.T, path string) *Store {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy.db")
	for _, end := range []string{"", "-wal", "-audit0", "-audit1"} {
		content, err := os.ReadFile(path + end)
		if err == nil {
			err = os.WriteFile(to+end, content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(t.Context(), to, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// holdSettling keeps the journal from being settled until the end of the test or
// until release.
func holdSettling(s *Store) (release func()) {
	s.journal.settling.Lock()
	return sync.OnceFunc(s.journal.settling.Unlock)
}

func openedAt(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, Options{})
	must(t, err)
	return s
}

func TestWhatIsInTheJournalIsThereAfterACrashOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	s := openedAt(t, path)
	var want []string
	for round := range 3 { // each leaves a generation in the other file
		release := holdSettling(s)
		for i := range 3 {
			n := round*3 + i
			must(t, s.Record(fmt.Appendf(nil, `{"n":%d}`, n))())
			want = append(want, fmt.Sprintf(`%d {"n":%d}`, n+1, n))
		}
		for range 2 { // a second time nothing is left to be settled
			if got := audited(t, crashed(t, path)); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("round %d: after a crash got %v, want %v", round, got, want)
			}
		}
		release()
		if got := audited(t, s); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("round %d: got %v, want %v", round, got, want)
		}
	}
	must(t, s.Close())
}

func TestAHalfWrittenFrameEndsTheJournal(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	s := openedAt(t, path)
	release := holdSettling(s)
	for i := range 3 {
		must(t, s.Record(fmt.Appendf(nil, `{"n":%d}`, i))())
	}
	file := s.journal.files[s.journal.gen%2]
	if _, err := file.WriteAt([]byte("?"), 2*sector+frameHead+2); err != nil { // of the third, as a disk that wrote half of it
		t.Fatal(err)
	}
	if got, want := audited(t, crashed(t, path)), []string{`1 {"n":0}`, `2 {"n":1}`}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	release()
	must(t, s.Close())
}

func TestAFullJournalIsSettledByWhoRecords(t *testing.T) {
	t.Parallel()
	s := openedAt(t, filepath.Join(t.TempDir(), "store.db"))
	record := []byte(`{"x":"` + strings.Repeat("x", 100_000) + `"}`)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 25 { // five times what one file holds
				if err := s.Record(record)(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := len(audited(t, s)); n != 100 {
		t.Errorf("%d records, want 100", n)
	}
	must(t, s.Close())
}

func TestADiskThatTakesNoRecordsHoldsNoMoreOfThemInMemoryThanSome(t *testing.T) {
	t.Parallel()
	s := openedAt(t, filepath.Join(t.TempDir(), "store.db"))
	change := func(text string) {
		must(t, s.do(t.Context(), "change the table", func(tx *tx) error { return tx.exec(text) }))
	}
	change(`alter table audit rename to away`) // nothing is settled any more
	record := []byte(`{"x":"` + strings.Repeat("x", 1<<19) + `"}`)
	refused := 0
	for range 100 { // 50 MiB, of which the journal takes 2 or 4
		if s.Record(record)() != nil {
			refused++
		}
	}
	s.journal.mu.Lock()
	octets, held := s.journal.octets, octetsIn(s.journal.waiting)
	s.journal.mu.Unlock()
	if refused < 90 || octets != held || held > waitingMost+len(record) {
		t.Errorf("%d refused, %d octets are held and %d counted, want at most %d", refused, held, octets, waitingMost+len(record))
	}
	change(`alter table away rename to audit`)
	must(t, s.Record([]byte(`{"last":1}`))())
	lines := audited(t, s)
	if last := lines[len(lines)-1]; !strings.HasSuffix(last, `{"last":1}`) {
		t.Errorf("once it is settled again the last record is %.40s", last)
	}
	must(t, s.Close())
}

func TestAGenerationThatWasSettledUnknownToItsWriterIsNotSettledAgain(t *testing.T) {
	t.Parallel()
	s := openedAt(t, filepath.Join(t.TempDir(), "store.db"))
	release := holdSettling(s)
	must(t, s.Record([]byte(`{"n":1}`))())
	records, gen := s.journal.turn()
	must(t, s.do(t.Context(), "settle", func(tx *tx) error { // and the answer that it was done is lost
		tx.records = append(tx.records, records...)
		return tx.exec(`update counters set value = $1 where name = 'audit_journal'`, int64(gen))
	}))
	release()
	if got, want := audited(t, s), []string{`1 {"n":1}`}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	must(t, s.Close())
}

func TestTheReserveIsLeftToRecordsAndToShuttingOut(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	var free, all atomic.Int64
	disk := func(f, a int64) { free.Store(f); all.Store(a) }
	disk(1<<40, 1<<40)
	s.space = func() (int64, int64, error) { return free.Load(), all.Load(), nil } // nothing is written before
	id, err := s.PutAccount(t.Context(), exchange.Account{Name: "alice"})
	must(t, err)
	disk(auditReserve-1, 1<<40)
	if _, err := s.PutRoot(t.Context(), exchange.Root{Name: "trust"}); taxii.KindOf(err) != taxii.Full {
		t.Errorf("a write that is no record: %v, want Full", err)
	}
	must(t, s.RemoveAccount(t.Context(), id))
	for _, purge := range []func(context.Context, taxii.Time) (bool, error){s.PurgeStep, s.PurgeAudit} { // which used to wait for room too
		_, err := purge(t.Context(), 1)
		must(t, err)
	}
	must(t, s.Record([]byte(`{}`))())
	if n := len(audited(t, s.Store)); n != 1 {
		t.Errorf("%d records, want 1", n)
	}
	disk(auditReserve, 1<<40)
	_, err = s.PutRoot(t.Context(), exchange.Root{Name: "trust"})
	must(t, err)
	disk(1<<20, 8<<20) // of a small disk an eighth is kept
	_, err = s.PutRoot(t.Context(), exchange.Root{Name: "other"})
	must(t, err)
}
