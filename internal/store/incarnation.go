package store

import (
	"context"
	"database/sql"
	"slices"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Reincarnate says that the store was restored from an older copy: every feed
// begins a new incarnation at its present head, all in one commit.
func (s *Store) Reincarnate(ctx context.Context) error {
	return s.do(ctx, "begin new incarnations", func(t *tx) error {
		var all []feed.ID
		err := t.rows(func(r *sql.Rows) error {
			var id feed.ID
			err := r.Scan(&id)
			all = append(all, id)
			return err
		}, allFeeds)
		if err != nil {
			return err
		}
		for _, id := range all {
			if err := t.reincarnate(id); err != nil {
				return err
			}
		}
		return nil
	})
}

const allFeeds = `select id from feeds order by id`

func (t *tx) reincarnate(id feed.ID) error {
	h, err := t.lock(id)
	if err != nil {
		return err
	}
	err = t.exec(`insert into incarnations (feed, number, upto) values ($1, $2, $3)`, id, len(h.Past), h.Place)
	if err != nil {
		return err
	}
	h.Past, h.Incarnation = append(slices.Clone(h.Past), h.Place), taxii.NewID()
	t.heads[id] = h
	return t.exec(`update feeds set incarnation = $2 where id = $1`, id, h.Incarnation)
}
