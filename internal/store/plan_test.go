package store

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// step is one line of a plan; it is part of the step under.
type step struct {
	id, under int
	what      string
}

// arguments counts the arguments of a statement.
func arguments(text string) (most int) {
	for _, m := range regexp.MustCompile(`\$(\d+)`).FindAllStringSubmatch(text, -1) {
		n, _ := strconv.Atoi(m[1])
		most = max(most, n)
	}
	return most
}

// statements gives what the store has prepared, without what begins and ends
// transactions.
func (s *testStore) statements() (texts []string) {
	all := map[string]bool{}
	for text := range s.compiled {
		all[text] = true
	}
	s.stmts.Range(func(text, _ any) bool { all[text.(string)] = true; return true })
	for text := range all {
		if !regexp.MustCompile(`^(begin|commit|savepoint|release|rollback)`).MatchString(text) {
			texts = append(texts, text)
		}
	}
	return texts
}

// plan asks SQLite how it would carry out a statement.
func (s *testStore) plan(text string) (steps []step) {
	s.Helper()
	rows, err := s.read.QueryContext(s.Context(), "explain query plan "+text, make([]any, arguments(text))...)
	if err != nil {
		s.Fatalf("%v in %s", err, text)
	}
	defer rows.Close()
	for rows.Next() {
		var p step
		var unused int
		must(s, rows.Scan(&p.id, &p.under, &unused, &p.what))
		steps = append(steps, p)
	}
	must(s, rows.Err())
	return steps
}

func planText(steps []step) string {
	var b strings.Builder
	for _, p := range steps {
		fmt.Fprintf(&b, "\n  %s", p.what)
	}
	return b.String()
}

// With an index for every read by default or by added_after a page costs the
// same in a Collection of a million objects.
func TestEveryReadIsServedByItsIndex(t *testing.T) {
	trial.Covers(t, "K49")
	s := openStore(t, Options{})
	last, all, first := feed.Versions{Last: true}, feed.Versions{All: true}, feed.Versions{First: true}
	key := feed.Versions{Keys: []feed.VersionKey{{Key: "v", Dated: true}}}
	const (
		byPlace   = "SEARCH e USING INTEGER PRIMARY KEY (rowid=?)"
		fromPlace = "SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"
		byVersion = "SEARCH v USING INDEX entries_version (feed=? AND id=?)"
		liveByID  = "SEARCH v USING INDEX live_id (feed=? AND id=?"
	)
	one, two := []string{"tool"}, []string{"tool", "malware"}
	for name, c := range map[string]struct {
		q    feed.Query
		want []string
	}{
		"the default page":          {feed.Query{Versions: last}, []string{"SEARCH v USING PRIMARY KEY (feed=? AND seq>? AND seq<?)", byPlace}},
		"of a spec_version":         {feed.Query{Versions: last, SpecVersions: two}, []string{"SEARCH v USING PRIMARY KEY (feed=? AND seq>? AND seq<?)", byPlace}},
		"all versions":              {feed.Query{Versions: all}, []string{fromPlace}},
		"first versions":            {feed.Query{Versions: first}, []string{fromPlace, "SEARCH f USING INDEX entries_version (feed=? AND id=? AND spec_version=?)"}},
		"a version":                 {feed.Query{Versions: key}, []string{fromPlace}},
		"a type":                    {feed.Query{Versions: last, Types: one}, []string{"SEARCH v USING INDEX live_type (feed=? AND type=? AND seq>? AND seq<?)", byPlace}},
		"types":                     {feed.Query{Versions: last, Types: two}, []string{"SEARCH v USING INDEX live_type (feed=? AND type=? AND seq>? AND seq<?)", byPlace}},
		"all versions of types":     {feed.Query{Versions: all, Types: two}, []string{"SEARCH v USING INDEX entries_type (feed=? AND type=? AND seq>? AND seq<?)", byPlace}},
		"an object":                 {feed.Query{Versions: last, IDs: one}, []string{liveByID, byPlace}},
		"objects":                   {feed.Query{Versions: last, IDs: two}, []string{liveByID, byPlace}},
		"all versions of an object": {feed.Query{Versions: all, IDs: one}, []string{byVersion, byPlace}},
		"a version of an object":    {feed.Query{Versions: key, IDs: one}, []string{byVersion, byPlace}},
		"first and last of objects": {feed.Query{Versions: feed.Versions{First: true, Last: true}, IDs: two}, []string{byVersion, byPlace}},
		"below a ceiling":           {feed.Query{Versions: last, Ceiling: 1}, []string{"SEARCH v USING INDEX live_level (feed=? AND level=? AND seq>? AND seq<?)", byPlace}},
		"all below a ceiling":       {feed.Query{Versions: all, Ceiling: 1}, []string{"SEARCH v USING INDEX entries_level (feed=? AND level=? AND seq>? AND seq<?)", byPlace}},
		"objects of a type":         {feed.Query{Versions: last, IDs: two, Types: one}, []string{liveByID, byPlace}},
	} {
		t.Run(name, func(t *testing.T) {
			c.q.Upto, c.q.Limit, c.q.Content = 1000, 101, true
			if !strings.HasSuffix(name, "below a ceiling") {
				c.q.Ceiling = feed.NoCeiling
			}
			text, _ := readText(s.engine, 1, 0, c.q)
			steps := s.plan(text)
			for _, want := range c.want {
				if !strings.Contains(planText(steps), want) {
					t.Errorf("the plan has no %q:%s", want, planText(steps))
				}
			}
			for _, p := range steps { // what is not part of another step carries the content
				if p.under == 0 && strings.Contains(p.what, "TEMP B-TREE") {
					t.Errorf("content is sorted:%s", planText(steps))
				}
			}
		})
	}
}

// TestNoStatementWalksThroughAFeed runs every verb and then looks at the plan of
// every statement that the store has prepared for it.
func TestNoStatementWalksThroughAFeed(t *testing.T) {
	s := openStore(t, Options{})
	s.everything()
	s.everythingOfChannels()
	large := regexp.MustCompile(`^SCAN (entries|live|tombstones|statuses|feeds|messages|subscriptions|invitations|e|v|f|l|t|m|s|g|d)\b`)
	texts := s.statements()
	for _, text := range texts {
		steps := s.plan(text)
		if text == allFeeds {
			continue // a restore begins a new incarnation of each
		}
		if text == subscriptionsPush {
			continue // all that push: an index holds them and no others
		}
		for _, p := range steps {
			if large.MatchString(p.what) || strings.Contains(p.what, "AUTOMATIC") || strings.HasSuffix(p.what, "(feed=?)") &&
				!strings.Contains(text, "collections") && !strings.Contains(text, "incarnations") && !strings.Contains(text, "channels") && !strings.Contains(text, "count(*)") && !strings.Contains(text, "limit $2") {
				t.Errorf("%s\nwalks through a feed:%s", text, planText(steps))
			}
		}
	}
	if len(texts) < 40 {
		t.Errorf("only %d statements were looked at", len(texts))
	}
}

// everything makes the store prepare all that it ever asks a feed.
func (s *testStore) everything() {
	s.Helper()
	ctx := s.Context()
	old := someDraft("tool--1", "1", "content")
	old.SpecVersion = "2.0"
	must(s, s.put(old, someDraft("tool--1", "1", "content"), someDraft("tool--2", "1", "content")))
	must(s, s.put(someDraft("tool--1", "22", "content"), someDraft("tool--1", "1", "other"), someDraft("malware--1", "1", "content")))
	level := someDraft("tool--2", "22", "content")
	level.Level = 3
	must(s, s.put(level))
	for _, v := range []feed.Versions{{Last: true}, {All: true}, {First: true}, {Keys: []feed.VersionKey{{Key: "1", Dated: true}}}} {
		for _, q := range []feed.Query{{}, {IDs: []string{"tool--1"}}, {Types: []string{"tool", "malware"}}, {SpecVersions: []string{"2.0"}}, {AfterAdded: new(taxii.Time)}} {
			q.Versions, q.Upto, q.Limit, q.Content = v, 9, 9, true
			must(s, s.Read(ctx, s.feed, q, func(*feed.Entry) bool { return true }))
		}
	}
	which := feed.Which{ID: "tool--1", SpecVersions: []string{"2.1"}, Versions: feed.Versions{Keys: []feed.VersionKey{{Key: "1", Dated: true}}}}
	_, err := s.Deleted(ctx, s.feed, which)
	must(s, err)
	_, err = s.Exists(ctx, s.feed, "tool--1", 0)
	must(s, err)
	_, err = s.Count(ctx, s.feed)
	must(s, err)
	_, err = s.Levels(ctx, s.feed)
	must(s, err)
	for _, highest := range []int64{2, 0} {
		must(s, s.Relevel(ctx, s.feed, func(e *feed.Entry) (int64, bool) { return min(highest, int64(e.Place)%3), true }))
	}
	must(s, s.Read(ctx, s.feed, feed.Query{Versions: feed.Versions{Last: true}, Upto: 9, Limit: 9, Ceiling: feed.NoCeiling}, func(*feed.Entry) bool { return true }))
	_, err = s.Withdraw(ctx, s.feed, feed.Which{ID: "tool--1", SpecVersions: []string{"2.1"}, Versions: feed.Versions{Last: true}}, feed.Tombstone{})
	must(s, err)
	s.drop("tool--1")
	_, err = s.StatusVersions(ctx, feed.Status{Feed: s.feed, First: 1, Last: 2, Duplicates: []feed.Place{3}})
	must(s, err)
	_, _ = s.Status(ctx, taxii.NewID())
	id := taxii.NewID()
	must(s, s.PutCollection(ctx, exchange.Collection{ID: id, Root: 1, Title: "Another", Validation: "off"}))
	must(s, s.RemoveCollection(ctx, id))
	for more := true; more; {
		more, err = s.PurgeStep(ctx, 1)
		must(s, err)
	}
}

// Each text is kept prepared on each connection; one for each number of types
// let a stranger fill the memory.
func TestFewTextsServeAnyNumberOfTypes(t *testing.T) {
	s := openStore(t, Options{})
	texts := map[string]bool{}
	var types []string
	for i := range 200 {
		types = append(types, fmt.Sprint("x-", i))
		text, _ := readText(s.engine, 1, 0, feed.Query{Types: types, Versions: feed.Versions{Last: true}, Upto: 9, Limit: 9})
		texts[text] = true
	}
	if len(texts) > 7 { // 1, 2, 4, 8, 16 and 32 types, and any more
		t.Errorf("%d texts", len(texts))
	}
}

func TestAScanGoesOnOverTheEndsOfItsParts(t *testing.T) {
	s := openStore(t, Options{})
	const entries = 3*firstPart + 5
	s.flood(entries)
	for _, v := range []feed.Versions{{Last: true}, {All: true}} {
		for _, limit := range []int{1000, firstPart, entries} {
			q := feed.Query{Upto: entries, Limit: limit, Versions: v}
			for q.After < entries {
				before := q.After
				must(t, s.Read(t.Context(), s.feed, q, func(e *feed.Entry) bool {
					if e.Place != q.After+1 {
						t.Fatalf("place %d comes after %d", e.Place, q.After)
					}
					q.After = e.Place
					return true
				}))
				if want := min(before+feed.Place(limit), entries); q.After != want {
					t.Fatalf("a page of %d after %d ends at %d", limit, before, q.After)
				}
			}
		}
	}
	q := feed.Query{Upto: entries, Limit: 9, Versions: feed.Versions{Keys: []feed.VersionKey{{Key: fmt.Sprint(entries)}, {Key: fmt.Sprint(firstPart + 1)}}}}
	var met []feed.Place
	must(t, s.Read(t.Context(), s.feed, q, func(e *feed.Entry) bool { met = append(met, e.Place); return true }))
	if fmt.Sprint(met) != fmt.Sprint([]int{firstPart + 1, entries}) {
		t.Errorf("met %v", met)
	}
}
