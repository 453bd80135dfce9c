package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// stepTime bounds what a purge holds the writer for at a time, so that no Add
// waits for it.
const stepTime = 5 * time.Millisecond

// PurgeStep removes a little of what is to go: the entries of removed
// Collections, then their tombstones, Statuses and heads, then Statuses of Adds
// before the given time. It tells whether more is left.
func (s *Store) PurgeStep(ctx context.Context, statusesBefore taxii.Time) (more bool, err error) {
	err = s.do(ctx, "purge", func(t *tx) error {
		more, err = t.purge(statusesBefore, time.Now())
		return err
	})
	return more, err
}

func (t *tx) purge(statusesBefore taxii.Time, began time.Time) (more bool, err error) {
	for time.Since(began) < stepTime {
		var f feed.ID
		err := t.row([]any{&f}, `select feed from collections where state = 'removing' order by feed limit 1`)
		var n int64
		switch {
		case errors.Is(err, sql.ErrNoRows):
			n, err = t.changed(`delete from statuses where (feed, id) in
				(select feed, id from statuses where at < $1 order by at limit $2)`, statusesBefore, t.engine.stepMost())
		case err == nil:
			n, err = t.purgeFeed(f)
		}
		if err != nil || n == 0 {
			return false, err
		}
	}
	return true, nil
}

// purgeFeed removes a few rows of a removed feed, or, when none are left, the
// feed itself.
func (t *tx) purgeFeed(f feed.ID) (int64, error) {
	for _, table := range []struct{ name, key string }{
		{"live", "seq"}, {"entries", "seq"}, {"tombstones", "old_seq"}, {"statuses", "id"},
	} {
		n, err := t.changed(`delete from `+table.name+` where feed = $1 and `+table.key+` in
			(select `+table.key+` from `+table.name+` where feed = $1 order by `+table.key+` limit $2)`, f, t.engine.stepMost())
		if err != nil || n > 0 {
			t.wiped = true
			return n, err
		}
	}
	t.heads[f] = feed.Head{Place: -1}
	if _, err := t.changed(`delete from feeds where id = $1`, f); err != nil {
		return 0, err
	}
	return t.changed(`delete from collections where feed = $1`, f)
}
