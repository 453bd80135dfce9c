package straight

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
	"github.com/jackc/pgx/v5"
)

// The statements of an Add in internal/store for PostgreSQL, here by plain pgx,
// with all that is to be written known beforehand.
const (
	insertEntries = `insert into entries
		(feed, account, request, seq, added, version_time, level, superseded, outdone, id, type, spec_version, version, version_key, content)
		select 1, 0, '', x.* from unnest(cast($1 as bigint[]), cast($2 as bigint[]), cast($3 as bigint[]), cast($4 as bigint[]),
			cast($5 as bigint[]), cast($6 as bigint[]), cast($7 as text[]), cast($8 as text[]), cast($9 as text[]), cast($10 as text[]),
			cast($11 as text[]), cast($12 as bytea[])) as x`
	liveFromEntries = `insert into live
		(feed, seq, id, type, spec_version, version_key, version_time, level, superseded, outdone)
		select feed, seq, id, type, spec_version, version_key, version_time, level, superseded, outdone
		from entries where feed = $1 and seq between $2 and $3 and level < superseded`
	insertStatus = `insert into statuses (feed, id, root, account, request, at, first, last, duplicates, failures, notes)
		values (1, $1, 0, 0, '', 1, $2, $3, '[]', '[]', '[]')`
	known = `select id, seq, spec_version, version_time, version_key, level, superseded, outdone from live where feed = 1 and id = any($1)`
)

// postgres gives the seconds that writing took.
func postgres(t *testing.T, o order, rows []row) float64 {
	s, err := store.Open(t.Context(), o.Store, store.Options{})
	must(t, err)
	must(t, s.Close())
	conn, err := pgx.Connect(t.Context(), o.Store)
	must(t, err)
	defer conn.Close(context.Background())
	exec := func(text string, args ...any) {
		_, err := conn.Exec(t.Context(), text, args...)
		must(t, err)
	}
	// As in the store: with the plans of a small table a grown one is walked through.
	exec(`set enable_seqscan = off`)
	exec(`set plan_cache_mode = force_generic_plan`)
	exec(`insert into feeds (id, seq, added, incarnation) values (1, 0, 0, 'x')`)
	began := time.Now()
	for from := 0; from < len(rows); from += o.Batch {
		part := rows[from:min(from+o.Batch, len(rows))]
		ids, columns := columns(part, int64(from))
		first, last := int64(from+1), int64(from+len(part))
		exec(`begin`)
		exec(`update feeds set seq = seq where id = 1 returning seq, added, incarnation`)
		exec(known, ids)
		exec(insertEntries, columns...)
		exec(liveFromEntries, 1, first, last)
		exec(`update feeds set seq = $1, added = $2 where id = 1`, last, last)
		exec(insertStatus, taxii.NewID(), first, last)
		exec(`commit`)
	}
	took := time.Since(began).Seconds()
	var entries, lives int
	must(t, conn.QueryRow(t.Context(), `select (select count(*) from entries), (select count(*) from live)`).Scan(&entries, &lives))
	if entries != len(rows) || lives != len(rows) {
		t.Fatalf("%d entries and %d live of %d rows", entries, lives, len(rows))
	}
	return took
}

// columns are the arguments of insertEntries, and the ids alone.
func columns(rows []row, from int64) ([]string, []any) {
	n := len(rows)
	var numbers [6][]int64 // seq, added, version_time, level, superseded, outdone
	var texts [5][]string  // id, type, spec_version, version, version_key
	content := make([][]byte, n)
	for i, r := range rows {
		seq := from + int64(i) + 1
		for k, value := range []int64{seq, seq, r.VersionTime, 0, feed.Never, feed.Never} {
			numbers[k] = append(numbers[k], value)
		}
		for k, value := range []string{r.ID, r.Type, r.SpecVersion, r.Version, r.VersionKey} {
			texts[k] = append(texts[k], value)
		}
		content[i] = r.content
	}
	args := make([]any, 0, len(numbers)+len(texts)+1)
	for _, list := range numbers {
		args = append(args, list)
	}
	for _, list := range texts {
		args = append(args, list)
	}
	return texts[0], append(args, content)
}

// TestDatabasesAreLent makes an empty database for each line of its input,
// prints its URL, and drops it when the next line comes. The conductor of bench
// has no other way to a PostgreSQL of its own; where HANSOM_LEND is not set, two
// are lent to nobody.
func TestDatabasesAreLent(t *testing.T) {
	if os.Getenv("HANSOM_LEND") == "" {
		var out strings.Builder
		lend(t, trial.Postgres, strings.NewReader("\n\n"), &out)
		if first, second, _ := strings.Cut(out.String(), "\n"); !strings.HasPrefix(first, lent) || !strings.HasPrefix(second, lent) || first+"\n" == second {
			t.Errorf("got %q", out.String())
		}
		return
	}
	database := trial.Postgres
	if os.Getenv(trial.PostgresVariable) == "" {
		database = trial.PostgresDurable(t).Database // one that waits for its disk, as SQLite does
	}
	lend(t, database, os.Stdin, os.Stdout)
}

// lent stands before the URL: go test prints lines of its own.
const lent = "lent "

func lend(t *testing.T, database func(testing.TB) string, in io.Reader, out io.Writer) {
	lines := bufio.NewScanner(in)
	for more := lines.Scan(); more; {
		t.Run("a database", func(t *testing.T) {
			where := database(t)
			fmt.Fprintln(out, lent+where)
			more = lines.Scan()
			drop(t, where)
		})
	}
}

// drop drops a database, as the role that owns it, from another one.
func drop(t *testing.T, where string) {
	u, err := url.Parse(where)
	must(t, err)
	name := strings.TrimPrefix(u.Path, "/")
	u.Path = "/postgres"
	conn, err := pgx.Connect(t.Context(), u.String())
	must(t, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), "drop database "+pgx.Identifier{name}.Sanitize()+" with (force)")
	must(t, err)
}
