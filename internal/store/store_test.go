package store

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/store/storetest"
)

func TestSQLiteKeepsTheContractOfAStore(t *testing.T) {
	storetest.Run(t, storetest.Engine{Empty: emptySQLite, Tables: tablesOf})
}

func emptySQLite(t *testing.T) storetest.Open {
	path := filepath.Join(t.TempDir(), "hansom.db")
	return func(now func() time.Time) (storetest.Store, error) {
		s, err := Open(t.Context(), path, Options{Now: now})
		if err != nil {
			return nil, err // a nil *Store would be a Store
		}
		return s, nil
	}
}

// tablesOf reads the tables of a feed, past all that the store says of them.
func tablesOf(t *testing.T, of storetest.Store, f feed.ID) storetest.Tables {
	t.Helper()
	s := of.(*Store)
	var all storetest.Tables
	rowsOf(t, s, `select seq, added, id, type, spec_version, version, version_key, version_time, level, superseded, outdone,
		account, request, content from entries where feed = $1 order by seq`, f, func(r *sql.Rows) error {
		var e storetest.Row
		err := r.Scan(&e.Place, &e.Added, &e.ID, &e.Type, &e.Spec, &e.Version, &e.Key, &e.Time, &e.Level, &e.Superseded, &e.Outdone,
			&e.Account, &e.Request, &e.Content)
		all.Entries = append(all.Entries, e)
		return err
	})
	rowsOf(t, s, `select seq, id, type, spec_version, version_key, version_time, level, superseded, outdone
		from live where feed = $1 order by seq`, f, func(r *sql.Rows) error {
		var e storetest.Row
		err := r.Scan(&e.Place, &e.ID, &e.Type, &e.Spec, &e.Key, &e.Time, &e.Level, &e.Superseded, &e.Outdone)
		all.Live = append(all.Live, e)
		return err
	})
	rowsOf(t, s, `select old_seq, seq, id, type, spec_version, version, level, at, account, request, why
		from tombstones where feed = $1 order by old_seq`, f, func(r *sql.Rows) error {
		var g storetest.Grave
		err := r.Scan(&g.Old, &g.Place, &g.ID, &g.Type, &g.Spec, &g.Version, &g.Level, &g.At, &g.Account, &g.Request, &g.Why)
		all.Graves = append(all.Graves, g)
		return err
	})
	return all
}

func rowsOf(t *testing.T, s *Store, text string, f feed.ID, row func(*sql.Rows) error) {
	t.Helper()
	rows, err := s.read.QueryContext(t.Context(), text, f)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
