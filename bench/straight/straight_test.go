package straight

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/bench/driver"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/stix"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/internal/trial"
)

// order is what the conductor asks for, as JSON in the variable HANSOM_STRAIGHT.
type order struct {
	Dir     string // an empty folder for the database
	Store   string // URL of an empty database of PostgreSQL; "": SQLite
	Objects int
	Batch   int    // objects in a transaction
	Feed    bool   // they are Messages, each a publication of its own
	Answer  string // the file to write the seconds to
}

// row is one object with what is kept of it.
type row struct {
	stix.Facts
	content []byte
}

func TestRowsAreWrittenStraightIntoTheTables(t *testing.T) {
	if text := os.Getenv("HANSOM_STRAIGHT"); text != "" {
		var o order
		must(t, json.Unmarshal([]byte(text), &o))
		seconds := write(t, o)
		must(t, os.WriteFile(o.Answer, fmt.Append(nil, seconds), 0o600))
		return
	}
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		o := order{Dir: t.TempDir(), Objects: 25, Batch: 10}
		if e == trial.PostgreSQL {
			o.Store = trial.Postgres(t)
		}
		if write(t, o) <= 0 {
			t.Error("it took no time")
		}
		feed := order{Dir: t.TempDir(), Objects: 25, Batch: 10, Feed: true}
		if e == trial.PostgreSQL {
			feed.Store = trial.Postgres(t)
		}
		if write(t, feed) <= 0 {
			t.Error("messages took no time")
		}
	})
}

// write gives the seconds that writing took.
func write(t *testing.T, o order) float64 {
	if o.Feed {
		return writeMessages(t, o)
	}
	rows := rows(t, o.Objects)
	if o.Store != "" {
		return postgres(t, o, rows)
	}
	return sqlite(t, o, rows)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rows are of the same objects as those that are posted, under ids of their own.
func rows(t *testing.T, n int) []row {
	o, list := driver.NewObjects(uint64(time.Now().UnixNano())), make([]row, n)
	for i := range list {
		content := o.Append(nil, uint64(i))
		facts, err := stix.Peek(content)
		must(t, err)
		list[i] = row{facts, content}
	}
	return list
}

// The statements of internal/store, here without anything around them.
const (
	insertEntry = `insert into entries
		(feed, seq, added, id, type, spec_version, version, version_key, version_time, level, superseded, outdone, account, request, content)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`
	insertLive = `insert into live
		(feed, seq, id, type, spec_version, version_key, version_time, level, superseded, outdone) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
)

// sqlite gives the seconds that writing took.
func sqlite(t *testing.T, o order, rows []row) float64 {
	db, prepare := emptyFile(t, filepath.Join(o.Dir, "hansom.db"))
	begin, commit, entry, live := prepare("begin immediate"), prepare("commit"), prepare(insertEntry), prepare(insertLive)
	began := time.Now()
	for from := 0; from < len(rows); from += o.Batch {
		begin()
		for i, r := range rows[from:min(from+o.Batch, len(rows))] {
			seq := from + i + 1
			entry(1, seq, seq, r.ID, r.Type, r.SpecVersion, r.Version, r.VersionKey, r.VersionTime, 0, feed.Never, feed.Never, 0, "", r.content)
			live(1, seq, r.ID, r.Type, r.SpecVersion, r.VersionKey, r.VersionTime, 0, feed.Never, feed.Never)
		}
		commit()
	}
	took := time.Since(began).Seconds()
	var entries, lives int
	must(t, db.QueryRowContext(t.Context(), `select (select count(*) from entries), (select count(*) from live)`).Scan(&entries, &lives))
	if entries != len(rows) || lives != len(rows) {
		t.Fatalf("%d entries and %d live of %d rows", entries, lives, len(rows))
	}
	return took
}

// emptyFile makes a database with the tables of a store, and gives a way to
// statements that are compiled once.
func emptyFile(t *testing.T, file string) (*sql.DB, func(text string) func(args ...any)) {
	s, err := store.Open(t.Context(), file, store.Options{})
	must(t, err)
	must(t, s.Close())
	return opened(t, file)
}

func opened(t *testing.T, file string) (*sql.DB, func(text string) func(args ...any)) {
	db, err := sql.Open("sqlite", dsn(file))
	must(t, err)
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	return db, func(text string) func(args ...any) {
		stmt, err := db.PrepareContext(t.Context(), text)
		must(t, err)
		t.Cleanup(func() { stmt.Close() })
		return func(args ...any) {
			_, err := stmt.ExecContext(context.Background(), args...)
			must(t, err)
		}
	}
}

// dsn has the settings of internal/store that concern writing: each commit is on
// the disk. The size of a page and the log are those that the store has set.
func dsn(file string) string {
	pragmas := url.Values{"_pragma": {
		"synchronous(full)", "secure_delete(on)", "foreign_keys(on)", "temp_store(memory)", "cache_size(-12000)", "wal_autocheckpoint(8000)",
	}}
	return (&url.URL{Scheme: "file", Opaque: file, RawQuery: pragmas.Encode()}).String()
}
