package store

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hansom-taxii/hansom/internal/feed"
)

// A reader with a ceiling looks near by, place by place, before what it sees is
// looked up level by level: wherever that changes on the way its pages must not.
func TestWhatIsSeenBelowACeilingIsThereNearByAndFarAway(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *testStore{
		"SQLite":     func(t *testing.T) *testStore { t.Helper(); return openStore(t, Options{}) },
		"PostgreSQL": func(t *testing.T) *testStore { t.Helper(); return openPostgresStore(t, Options{}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			const entries, ceiling = 300, int64(2)
			var drafts []feed.Draft
			var seen []feed.Place
			for i := range entries { // all are seen, then one in fifty, then all, then none
				d := someDraft(fmt.Sprint("tool--", i), "1", "content")
				if d.Level = 3; i < 40 || i%50 == 0 || i >= 200 && i < 240 {
					d.Level = int64(i % 3)
					seen = append(seen, feed.Place(i+1))
				}
				drafts = append(drafts, d)
			}
			must(t, s.put(drafts...))
			for _, versions := range []feed.Versions{{Last: true}, {All: true}} {
				for _, limit := range []int{1, 2, 7, 30, 75, entries} {
					q := feed.Query{Versions: versions, Ceiling: ceiling, Upto: entries, Limit: limit}
					if got := pagesOf(t, s, q); !slices.Equal(got, seen) {
						t.Errorf("%+v, pages of %d: places %v, want %v", versions, limit, got, seen)
					}
				}
			}
		})
	}
}

// pagesOf gives the places of a whole walk.
func pagesOf(t *testing.T, s *testStore, q feed.Query) (list []feed.Place) {
	t.Helper()
	for {
		before := len(list)
		must(t, s.Read(t.Context(), s.feed, q, func(e *feed.Entry) bool { list = append(list, e.Place); return true }))
		switch n := len(list) - before; {
		case n == 0:
			return list
		case n > q.Limit:
			t.Fatalf("a page has %d entries, wanted %d", n, q.Limit)
		}
		q.After = list[len(list)-1]
	}
}

func TestOnlyWhatIsFarAwayIsLookedUpByLevel(t *testing.T) {
	q := feed.Query{Versions: feed.Versions{Last: true}, Ceiling: 2, Upto: 1000, Limit: 100}
	if near := feed.Place(1000 - nearBy*100); byLevel(q, near) || !byLevel(q, near-1) {
		t.Errorf("%d places are near by: %v, one more: %v", nearBy*100, !byLevel(q, near), !byLevel(q, near-1))
	}
	q.Limit = 1 << 62
	if q.Upto = 1 << 40; !byLevel(q, 0) {
		t.Error("with a large limit all is near by")
	}
}
