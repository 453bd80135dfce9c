package store

import (
	"fmt"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// What was stored before levels were read gets them when an exchange is made of
// the store, before anything is served; so does what a crash left half done.
func TestWhatWasStoredBeforeThereWereLevelsIsLeveledAtTheStart(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *testStore{
		"SQLite":     func(t *testing.T) *testStore { t.Helper(); return openStore(t, Options{}) },
		"PostgreSQL": func(t *testing.T) *testStore { t.Helper(); return openPostgresStore(t, Options{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			const versions = 3
			for n := range 2*relevelRows + 7 {
				marking := ""
				switch n % 3 {
				case 1:
					marking = `,"object_marking_refs":["marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"]`
				case 2:
					marking = `,"granular_markings":[{"marking_ref":"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1","selectors":["name"]}]`
				}
				id, version := fmt.Sprint("tool--", n/versions), fmt.Sprint(1+n%versions)
				must(t, s.put(someDraft(id, version, `{"type":"tool","id":"`+id+`"`+marking+`}`)))
			}
			before, err := s.Head(t.Context(), s.feed)
			must(t, err)
			must(t, s.do(t.Context(), "forget the levels", func(tx *tx) error {
				return tx.exec(`update feeds set unleveled = 1 where id = $1`, s.feed)
			}))
			_, err = exchange.New(t.Context(), s.Store, exchange.Options{MasterKey: make([]byte, exchange.MasterKeySize)})
			must(t, err)
			levels, err := s.Levels(t.Context(), s.feed)
			must(t, err)
			third := int64(2*relevelRows+7) / 3
			if levels[0]+levels[1]+levels[4] != 2*relevelRows+7 || levels[1] != third && levels[1] != third+1 || levels[4] != third {
				t.Errorf("levels %v", levels)
			}
			c, err := s.Catalog(t.Context())
			if err != nil || len(c.Unleveled) != 0 {
				t.Errorf("still to be leveled: %v, %v", c.Unleveled, err)
			}
			faults, err := s.Check(t.Context())
			if err != nil || len(faults) > 0 {
				t.Errorf("faults %q, %v", faults, err)
			}
			if after, err := s.Head(t.Context(), s.feed); err != nil || after.Place != before.Place+1 || after.Added != before.Added {
				t.Errorf("the head went from %+v to %+v, %v", before, after, err)
			}
			for ceiling, want := range map[int64]string{0: "1", 1: "2", 4: "3"} { // the last version that each sees
				q := feed.Query{IDs: []string{"tool--5"}, Versions: feed.Versions{Last: true}, Ceiling: ceiling, Upto: before.Place, Limit: 9}
				var got []string
				must(t, s.Read(t.Context(), s.feed, q, func(e *feed.Entry) bool { got = append(got, e.Version); return true }))
				if fmt.Sprint(got) != "["+want+"]" {
					t.Errorf("below %d version %v is the last, want %s", ceiling, got, want)
				}
			}
		})
	}
}

// Who adds and who changes what counts as unmarked cannot pass each other: the
// level is given under the head.
func TestAnAddHasTheLevelThatHoldsWhenItIsCommitted(t *testing.T) {
	s := openStore(t, Options{})
	c, err := s.Catalog(t.Context())
	must(t, err)
	of := c.Collections[0]
	of.Unmarked = 3
	must(t, s.PutCollection(t.Context(), of))
	d := someDraft("tool--1", "1", "content")
	d.Unmarked = true
	must(t, s.put(d))
	if levels, err := s.Levels(t.Context(), s.feed); err != nil || levels[3] != 1 {
		t.Errorf("levels %v, %v", levels, err)
	}
	if head, err := s.Head(t.Context(), s.feed); err != nil || head.Unmarked != 3 {
		t.Errorf("head %+v, %v", head, err)
	}
	_, err = s.Append(t.Context(), []feed.Add{{Feed: of.Feed + 100}})
	if taxii.KindOf(err) != taxii.NotFound {
		t.Errorf("a feed that is not there: %v", err)
	}
}
