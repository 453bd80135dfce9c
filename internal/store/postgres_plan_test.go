package store

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/jackc/pgx/v5/stdlib"
)

// openPostgresStore is openStore on PostgreSQL.
func openPostgresStore(t testing.TB, o Options) *testStore {
	t.Helper()
	return collected(openStoreAt(t, trial.Postgres(t), o))
}

// planOnPostgres asks PostgreSQL how it would carry out a statement, under the
// settings of the store, whatever the arguments are.
func (s *testStore) planOnPostgres(text string) string {
	s.Helper()
	conn, err := s.read.Conn(s.Context())
	must(s, err)
	defer conn.Close()
	execute := "explain (costs off) execute plan"
	if n := arguments(text); n > 0 {
		execute += "(" + strings.Repeat("null, ", n-1) + "null)"
	}
	var lines []string
	must(s, conn.Raw(func(c any) error {
		all := "prepare plan as " + text + "; " + execute + "; deallocate plan"
		answers, err := c.(*stdlib.Conn).Conn().PgConn().Exec(context.Background(), all).ReadAll()
		for _, a := range answers {
			for _, row := range a.Rows {
				lines = append(lines, string(row[0]))
			}
		}
		return err
	}))
	return "\n" + strings.Join(lines, "\n")
}

// Statistics of a small table, or none, used to give plans that walk through a
// feed, and they stay until somebody looks again.
func TestNoStatementOfPostgreSQLWalksThroughAFeed(t *testing.T) {
	s := openPostgresStore(t, Options{})
	s.everything()
	s.everythingOfChannels()
	s.plansHold("of few entries")
	collected(s)
	s.flood(5000)
	s.analyze()
	s.plansHold("of one feed")
	for range 20 {
		collected(s)
		s.flood(100)
	}
	s.analyze()
	s.plansHold("of many feeds")
}

func (s *testStore) analyze() {
	s.Helper()
	must(s, s.engine.(*postgresEngine).analyst.analyze(s.Context()))
}

// plansHold looks at the plan of every statement that the store has prepared.
func (s *testStore) plansHold(when string) {
	s.Helper()
	walks := regexp.MustCompile(`Seq Scan|Bitmap|Cond: \(feed = \$1\)(\n|$)`)
	texts := s.statements()
	if len(texts) < 40 {
		s.Errorf("only %d statements were looked at", len(texts))
	}
	for _, text := range texts {
		plan := s.planOnPostgres(text)
		few := strings.Contains(text, "collections") || strings.Contains(text, "incarnations") || strings.Contains(text, "channels") || strings.Contains(text, "count(*)") || strings.Contains(text, "limit $2")
		if walks.MatchString(plan) && !few || strings.Contains(plan, "Seq Scan") {
			s.Errorf("%s: %s\nwalks through a feed:%s", when, text, plan)
		}
		if strings.HasPrefix(text, "select e.") && contentSorted(plan) {
			s.Errorf("%s: %s\nsorts content:%s", when, text, plan)
		}
	}
}

// contentSorted tells that a plan sorts what it has read of e.
func contentSorted(plan string) bool {
	sorting := -1
	for line := range strings.Lines(plan) {
		depth := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case sorting >= 0 && depth <= sorting:
			sorting = -1
		case strings.Contains(line, "Sort  ") || strings.HasSuffix(line, "Sort\n"):
			sorting = depth
		}
		if sorting >= 0 && strings.HasSuffix(line, " on entries e\n") {
			return true
		}
	}
	return false
}

func TestPostgreSQLReadsByTheIndexOfTheFilter(t *testing.T) {
	trial.Covers(t, "K49")
	s := openPostgresStore(t, Options{})
	const (
		byPlace   = `on entries e\n +Index Cond: \(\(feed = \$1\) AND \(seq = \w+\.seq\)\)`
		fromPlace = `using entries_pkey on entries e\n +Index Cond: \(\(feed = \$1\) AND \(seq > \$2\) AND \(seq <= \$3\)\)`
		fromLive  = `using live_pkey on live v\n +Index Cond: \(\(feed = \$1\) AND \(seq > \$2\) AND \(seq <= \$3\)\)`
		ofType    = `_type on (live|entries) v\n +Index Cond: \(\(feed = \$1\) AND \(type = \$5\) AND \(seq > \$2\) AND \(seq <= \$3\)\)`
		liveByID  = `using live_id on live v\n +Index Cond: \(\(feed = \$1\) AND \(id = (ANY \(\$5\)|\$5)\)\)`
		byID      = `using entries_version on entries v\n +Index Cond: \(\(feed = \$1\) AND \(id = (ANY \(\$5\)|\$5)\)\)`
	)
	for name, c := range map[string]struct {
		q    feed.Query
		want []string
	}{
		"the default page":      {feed.Query{Versions: feed.Versions{Last: true}}, []string{fromLive, byPlace}},
		"all versions":          {feed.Query{Versions: feed.Versions{All: true}}, []string{fromPlace}},
		"first versions":        {feed.Query{Versions: feed.Versions{First: true}}, []string{fromPlace, `using entries_version on entries f`}},
		"types":                 {feed.Query{Versions: feed.Versions{Last: true}, Types: []string{"a", "b"}}, []string{ofType, byPlace}},
		"all versions of types": {feed.Query{Versions: feed.Versions{All: true}, Types: []string{"a", "b"}}, []string{ofType, byPlace}},
		"objects":               {feed.Query{Versions: feed.Versions{Last: true}, IDs: []string{"a", "b"}}, []string{liveByID, byPlace}},
		"below a ceiling":       {feed.Query{Versions: feed.Versions{Last: true}, Ceiling: 1}, []string{`using live_level on live v(_1)?\n +Index Cond: \(\(feed = \$1\) AND \(level <= \$5\) AND \(level = 1\) AND \(seq > \$2\) AND \(seq <= \$3\)\)`, byPlace}},
		"all below a ceiling":   {feed.Query{Versions: feed.Versions{All: true}, Ceiling: 1}, []string{`using entries_level on entries v\n +Index Cond: \(\(feed = \$1\) AND \(level <= \$5\) AND \(level = 0\) AND`, byPlace}},
		"versions of an object": {feed.Query{Versions: feed.Versions{All: true}, IDs: []string{"a"}}, []string{byID, byPlace}},
	} {
		c.q.Upto, c.q.Limit, c.q.Content = 1000, 101, true
		if !strings.HasSuffix(name, "below a ceiling") {
			c.q.Ceiling = feed.NoCeiling
		}
		text, _ := readText(s.engine, 1, 0, c.q)
		plan := s.planOnPostgres(text)
		for _, want := range c.want {
			if !regexp.MustCompile(want).MatchString(plan) {
				t.Errorf("%s: the plan has no %s:%s", name, want, plan)
			}
		}
	}
}
