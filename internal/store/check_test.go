package store

import (
	"cmp"
	"errors"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
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
	s.tried([]breakage{
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
	})
}

// tried breaks a store in each way, looks whether the check finds it, and undoes it.
func (s *testStore) tried(ways []breakage) {
	s.Helper()
	for _, c := range ways {
		check := &checking{ctx: s.Context(), db: s.write}
		err := s.do(s.Context(), "break", func(t *tx) error {
			if err := t.exec(c.change); err != nil {
				return err
			}
			return cmp.Or(check.all(), errUndo)
		})
		if !errors.Is(err, errUndo) {
			s.Fatalf("%s: %v", c.what, err)
		}
		if !strings.Contains(strings.Join(check.faults, "\n"), c.want) {
			s.Errorf("%s: faults %q, want %q", c.what, check.faults, c.want)
		}
	}
}

// channelled is a store with a Collection (feed 1) and a Channel (feed 2), of which
// the places 1 and 2 have expired and 3 to 6 are there, 10 octets each; 4 was the
// end of incarnation 0. One Subscription is at place 5.
func channelled(t *testing.T, open func(testing.TB, Options) *testStore) *testStore {
	t.Helper()
	s := open(t, Options{})
	must(t, s.put(someDraft("tool--1", "1", "a")))
	c, account := s.channel()
	for i, id := range []string{"a", "b", "c", "d", "e", "f"} {
		if i == 4 {
			must(t, s.Reincarnate(t.Context()))
		}
		s.publish(c.Feed, 1, someMessage(id, "0123456789"))
	}
	_, err := s.Expire(t.Context(), c.Feed, 2)
	must(t, err)
	_, _, err = s.Subscribe(t.Context(), exchange.Subscription{
		SubscriptionKey: exchange.SubscriptionKey{Channel: c.ID, Account: account}, ID: "sub", Place: 5,
	}, exchange.SubscriptionBounds{})
	must(t, err)
	return s
}

func TestACheckFindsNothingInAGoodChannel(t *testing.T) {
	onEach(t, func(t *testing.T, open func(testing.TB, Options) *testStore) {
		s := channelled(t, open)
		faults, err := s.Check(t.Context())
		must(t, err)
		if len(faults) > 0 {
			t.Errorf("faults: %q", faults)
		}
	})
}

func TestACheckFindsWhatIsWrongWithAChannel(t *testing.T) { onEach(t, findsWhatIsWrongWithAChannel) }

func findsWhatIsWrongWithAChannel(t *testing.T, open func(testing.TB, Options) *testStore) {
	s := channelled(t, open)
	s.tried([]breakage{
		{"an entry is lost", `delete from entries where feed = 2 and seq = 4`, "place 5 comes after place 3"},
		{"an entry is lost and its Message is not", `delete from entries where feed = 2 and seq = 4`, "the table of Messages has place 4, which is that of no entry"},
		{"a Message is lost", `delete from messages where seq = 4`, "the entry in place 4 is not in the table of Messages"},
		{"the floor is too low", `update feeds set floor = 1 where id = 2`, "places from 3 to 6 are taken"},
		{"the floor is too high", `update feeds set floor = 3 where id = 2`, "place 3 comes after place 3"},
		{"the floor is above the head", `update feeds set floor = 9 where id = 2`, "the floor is at 9, and the head at 6"},
		{"the octets of the floor are wrong", `update feeds set floor_octets = 21 where id = 2`, "30 octets are counted up to place 3, and it is 21 and 10"},
		{"the octets of the head are wrong", `update feeds set octets = 61 where id = 2`, "60 octets up to it, and the head has 6 and 61"},
		{"a running total is wrong", `update messages set octets = octets + 1 where seq = 5`, "51 octets are counted up to place 5, and it is 40 and 10"},
		{"content has another size", `update entries set content = '' where feed = 2 and seq = 5`, "50 octets are counted up to place 5, and it is 40 and 0"},
		{"a Collection has Messages", `insert into messages (feed, seq, octets, media_type, marks) values (1, 1, 0, '', '')`, "feed 1 is of no Channel, and has 1 Messages"},
		{"a Collection has a floor", `update feeds set floor = 1, octets = 5 where id = 1`, "feed 1 is of no Channel"},
		{"an incarnation is lost", `update incarnations set number = 1 where feed = 2`, "feed 2: incarnation 1, after -1, ended at place 4"},
		{"an incarnation ended after the head", `update incarnations set upto = 7 where feed = 2`, "feed 2: incarnation 0, after -1, ended at place 7"},
		{"Messages of a feed that is not there", `update messages set feed = 9`, "messages has 4 rows of feed 9, which is not there"},
		{"an incarnation of a feed that is not there", `update incarnations set feed = 9 where feed = 2`, "incarnations has 1 rows of feed 9"},
		{"a Subscription is ahead", `update subscriptions set place = 7`, "the Subscription sub is at place 7, and the head of its Channel at 6"},
		{"a Subscription is of nothing", `update subscriptions set channel = 'x'`, "the Subscription sub is on no Channel"},
	})
}

// breakage is what a test breaks in a store, and the fault that is to be found.
type breakage struct{ what, change, want string }

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
