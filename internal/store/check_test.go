package store

import (
	"cmp"
	"errors"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/feed"
)

// checkable is a store in which versions are superseded, outdone, deleted and
// brought back. Of its feed tool--1 is in the places 1, 2 and, brought back, 8;
// tool--2 in 3 and 4, tool--3 was in 5 and is in 9, and 6 and 7 are withdrawals.
func checkable(t *testing.T, open func(testing.TB, Options) *testStore) *testStore {
	t.Helper()
	s := open(t, Options{})
	fill(t, s)
	return s
}

// onEach runs a test on each engine.
func onEach(t *testing.T, run func(*testing.T, func(testing.TB, Options) *testStore)) {
	t.Helper()
	for engine, open := range map[string]func(testing.TB, Options) *testStore{"SQLite": openStore, "PostgreSQL": openPostgresStore} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			run(t, open)
		})
	}
}

func fill(t *testing.T, s *testStore) {
	t.Helper()
	old := someDraft("tool--2", "1", "2 of STIX 2.0")
	old.SpecVersion = "2.0"
	must(t, s.put(someDraft("tool--1", "1", "a"), someDraft("tool--1", "22", "b"), old, someDraft("tool--2", "1", "c")))
	must(t, s.put(someDraft("tool--3", "1", "d")))
	s.drop("tool--3")
	n, err := s.Withdraw(t.Context(), s.feed, feed.Which{ID: "tool--1", Versions: feed.Versions{Last: true}}, feed.Tombstone{})
	must(t, err)
	if n != 1 {
		t.Fatalf("%d versions were withdrawn", n)
	}
	must(t, s.put(someDraft("tool--3", "1", "d")))
}

func TestACheckFindsNothingInAGoodStore(t *testing.T) {
	onEach(t, func(t *testing.T, open func(testing.TB, Options) *testStore) {
		s := checkable(t, open)
		must(t, s.put())
		faults, err := s.Check(t.Context())
		must(t, err)
		if len(faults) > 0 {
			t.Errorf("faults: %q", faults)
		}
	})
}

func TestACheckFindsWhatIsWrong(t *testing.T) { onEach(t, findsWhatIsWrong) }

func findsWhatIsWrong(t *testing.T, open func(testing.TB, Options) *testStore) {
	s := checkable(t, open)
	for _, c := range []struct{ what, change, want string }{
		{"a place is lost", `delete from entries where seq = 4`, "places from 1 to 9 are taken, and the head is at 9"},
		{"a place is taken twice", `update tombstones set old_seq = 4 where id = 'tool--3'`, "are in 8 places"},
		{"the head is behind", `update feeds set seq = 7`, "and the head is at 7"},
		{"the head is ahead", `update feeds set seq = 12`, "and the head is at 12"},
		{"dates do not rise", `update entries set added = 5 where seq = 4`, "place 4 has the date 1970-01-01T00:00:00.000005Z, place 3 before it"},
		{"the head's date is behind", `update feeds set added = 5`, "the head has the date 1970-01-01T00:00:00.000005Z"},
		{"a version is said to be superseded", `update entries set superseded = 0 where id = 'tool--3'`, "tool--3 in place 9 is kept as superseded at 0"},
		{"a version is not said to be outdone", `update entries set outdone = 9223372036854775807 where seq = 3`, "tool--2 in place 3 is kept as"},
		{"live lacks a version", `delete from live where seq = 9`, "the table of those does not have it so"},
		{"live has a version too many", `insert into live (feed, seq, id, type, spec_version, version_key, version_time, level, superseded, outdone)
			select 1, 7, id, type, spec_version, version_key, version_time, level, superseded, outdone from live where seq = 9`,
			"tool--3 in place 7 is in the table of the latest"},
		{"live has another standing", `update live set outdone = 1 where seq = 9`, "tool--3 in place 9 is in the table of the latest"},
		{"a Status is of places to come", `update statuses set last = 10 where last = 9`, "of places 9 to 10, and the head is at 9"},
		{"a feed is not there", `delete from feeds`, "entries has 4 rows of feed 1, which is not there"},
	} {
		t.Run(c.what, func(t *testing.T) {
			check := &checking{ctx: t.Context(), db: s.write}
			err := s.do(t.Context(), "break", func(t *tx) error {
				if err := t.exec(c.change); err != nil {
					return err
				}
				return cmp.Or(check.all(), errUndo)
			})
			if !errors.Is(err, errUndo) {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(check.faults, "\n"), c.want) {
				t.Errorf("faults %q, want %q", check.faults, c.want)
			}
		})
	}
}

// errUndo has the writer undo what a test did to a store that it goes on with.
var errUndo = errors.New("it was only tried")

// found fails the test unless a check finds a fault with this text.
func found(t *testing.T, s *testStore, want string) {
	t.Helper()
	faults, err := s.Check(t.Context())
	must(t, err)
	if !strings.Contains(strings.Join(faults, "\n"), want) {
		t.Errorf("faults %q, want %q", faults, want)
	}
}

func TestACheckAsksSQLiteForItsOwnFaults(t *testing.T) {
	s := checkable(t, openStore)
	must(t, s.do(t.Context(), "break", func(t *tx) error {
		if err := t.exec(`pragma writable_schema = on`); err != nil {
			return err
		}
		return t.exec(`update sqlite_schema set sql = replace(sql, 'origin       text,', 'origin text not null,') where name = 'entries'`)
	}))
	s.close()
	found(t, openStoreAt(t, s.path, Options{}), "SQLite says: NULL value in entries.origin")
}

func TestACheckEndsWhenItHasFoundEnough(t *testing.T) {
	s := openStore(t, Options{})
	drafts := make([]feed.Draft, 3*mostFaults)
	for i := range drafts {
		drafts[i] = someDraft("tool--1", strings.Repeat("1", i+1), "a")
	}
	must(t, s.put(drafts...))
	must(t, s.do(t.Context(), "break", func(t *tx) error { return t.exec(`update entries set outdone = 1`) }))
	faults, err := s.Check(t.Context())
	must(t, err)
	if len(faults) != mostFaults {
		t.Errorf("%d faults", len(faults))
	}
}
