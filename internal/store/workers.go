package store

import (
	"context"
	"database/sql"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// WorkerAt gives the saved cursor of a Worker.
func (s *Store) WorkerAt(ctx context.Context, name string) (place feed.Place, found bool, err error) {
	err = s.each(ctx, func(r *sql.Rows) error { found = true; return r.Scan(&place) }, `select place from workers where name = $1`, name)
	return place, found, named("read the cursor of "+name, err)
}

// SetWorker puts a cursor in the place of a Worker's, whatever it was.
func (s *Store) SetWorker(ctx context.Context, name string, place feed.Place) error {
	return s.do(ctx, "set the cursor of "+name, func(t *tx) error {
		return t.exec(`insert into workers (name, place) values ($1, $2)
			on conflict (name) do update set place = excluded.place`, name, place)
	})
}

// move moves the cursor of a Worker in the commit of its effect. One that has
// none yet is at 0.
func (t *tx) move(w *feed.Worker) error {
	if w == nil {
		return nil
	}
	n, err := t.changed(`update workers set place = $3 where name = $1 and place = $2`, w.Name, w.From, w.To)
	if err == nil && n == 0 && w.From == 0 {
		n, err = t.changed(`insert into workers (name, place) values ($1, $2) on conflict (name) do nothing`, w.Name, w.To)
	}
	if err == nil && n == 0 {
		return taxii.Errorf(taxii.Conflict, "%s is not at place %d any more", w.Name, w.From)
	}
	return err
}
