package store

import (
	"database/sql"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/pressly/goose/v3"
)

// before is a store as it was made before there were Channels, with content.
// SQLite has a column of entries besides, which is computed from others.
func before(place string, values ...string) []string {
	return []string{
		`update counters set value = 1`,
		`insert into roots (id, name, title, description, relative, advertise, is_default) values (1, 'trust', 'Trust', '', 0, '', 1)`,
		`insert into feeds (id, seq, added, incarnation) values (1, 2, 1700000000000002, 'i')`,
		`insert into collections (id, root, feed, alias, title, description, validation, types, state)
			values ('c', 1, 1, 'first', 'First', '', 'off', '', 'active')`,
		`insert into accounts (id, name, state, builtin, options) values (1, 'member', 'active', 0, '')`,
		`insert into grants (account, scope, root, collection, rights) values (1, 'collection', 1, 'c', 3), (1, 'server', 0, '', 1)`,
		`insert into entries (` + place + `feed, seq, added, version_time, level, superseded, outdone, account, id, type, spec_version, version,
			version_key, request, content) values
			(` + values[0] + `1, 1, 1700000000000001, 1, 0, 9223372036854775807, 9223372036854775807, 1, 'tool--1', 'tool', '2.1', 'v', 'v', 'r', 'one'),
			(` + values[1] + `1, 2, 1700000000000002, 1, 0, 9223372036854775807, 9223372036854775807, 1, 'tool--2', 'tool', '2.1', 'v', 'v', 'r', 'two')`,
		`insert into live (feed, seq, id, type, spec_version, version_key, version_time, level, superseded, outdone)
			select feed, seq, id, type, spec_version, version_key, version_time, level, superseded, outdone from entries`,
		`insert into statuses (feed, id, root, account, request, at, first, last, duplicates, failures, notes)
			values (1, 's', 1, 1, 'r', 1700000000000001, 1, 2, '[1]', '[]', '[]')`,
	}
}

// made makes a store of an older version of the schema.
func made(t *testing.T, driver, where string, dialect goose.Dialect, folder string, version int64, texts []string) {
	t.Helper()
	db, err := sql.Open(driver, where)
	must(t, err)
	defer db.Close()
	files, err := fs.Sub(migrations, folder)
	must(t, err)
	provider, err := goose.NewProvider(dialect, db, files)
	must(t, err)
	_, err = provider.UpTo(t.Context(), version)
	must(t, err)
	for _, text := range texts {
		if _, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
}

func TestAStoreFromBeforeChannelsKeepsItsContent(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "hansom.db")
		made(t, "sqlite", path, goose.DialectSQLite3, "migrations/sqlite", 1, before("place, ", placeOf("1", "1")+", ", placeOf("1", "2")+", "))
		carriesOn(t, path)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		where := trial.Postgres(t)
		made(t, "pgx", where, goose.DialectPostgres, "migrations/postgres", 2, before("", "", ""))
		carriesOn(t, where)
	})
}

// carriesOn looks whether all is there, twice, and goes on with it.
func carriesOn(t *testing.T, where string) {
	t.Helper()
	for range 2 {
		s := openStoreAt(t, where, Options{})
		h, err := s.Head(t.Context(), 1)
		must(t, err)
		if h.Place != 2 || h.Incarnation != "i" || h.Floor != 0 || h.Octets != 0 || len(h.Past) != 0 {
			t.Errorf("the head is %+v", h)
		}
		cat, err := s.Catalog(t.Context())
		must(t, err)
		want := exchange.Grant{Account: 1, Scope: exchange.OnCollection, Root: 1, Item: "c", Rights: 3}
		if len(cat.Grants) != 2 || cat.Grants[0] != want || len(cat.Collections) != 1 || len(cat.Channels) != 0 {
			t.Errorf("the catalogue is %+v", cat)
		}
		var content string
		must(t, s.Read(t.Context(), 1, feed.Query{Upto: 9, Limit: 9, Content: true, Versions: feed.Versions{Last: true}},
			func(e *feed.Entry) bool { content += string(e.Content); return true }))
		st, err := s.Status(t.Context(), "s")
		must(t, err)
		if content != "onetwo" || st.Last != 2 || len(st.Duplicates) != 1 || st.Taken != nil {
			t.Errorf("content %q, Status %+v", content, st)
		}
		faults, err := s.Check(t.Context())
		must(t, err)
		if len(faults) > 0 {
			t.Errorf("faults %q", faults)
		}
		s.close()
	}
	s := openStoreAt(t, where, Options{})
	must(t, s.put(someDraft("tool--2", "1", "three")))
	c, _ := s.channel()
	s.publish(c.Feed, 1, someMessage("a", "a"))
	faults, err := s.Check(t.Context())
	must(t, err)
	if c.Feed != 2 || len(faults) > 0 {
		t.Errorf("feed %d, faults %q", c.Feed, faults)
	}
}

// An older hansom served what a newer one had written, without the bounds that it
// does not know.
func TestAStoreOfANewerHansomIsRefused(t *testing.T) {
	refused := func(t *testing.T, driver, where string) {
		t.Helper()
		openStoreAt(t, where, Options{}).close()
		db, err := sql.Open(driver, where)
		must(t, err)
		defer db.Close()
		_, err = db.ExecContext(t.Context(), "insert into goose_db_version (version_id, is_applied) values (999, true)")
		must(t, err)
		if s, err := Open(t.Context(), where, Options{}); err == nil || !strings.Contains(err.Error(), "written by a newer hansom") {
			t.Errorf("opened as %v: %v", s, err)
		}
		_, err = db.ExecContext(t.Context(), "delete from goose_db_version where version_id = 999")
		must(t, err)
		openStoreAt(t, where, Options{})
	}
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		refused(t, "sqlite", filepath.Join(t.TempDir(), "hansom.db"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		refused(t, "pgx", trial.Postgres(t))
	})
}
