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

// PurgeStep removes a little of what is to go: what removed Collections and
// Channels hold, the Subscriptions of removed accounts, then Statuses of Adds
// before the given time and invitations that ended before it. It tells whether
// more is left.
func (s *Store) PurgeStep(ctx context.Context, before taxii.Time) (more bool, err error) {
	err = s.do(ctx, "purge", func(t *tx) error {
		more, err = t.purge(before, time.Now())
		return err
	})
	return more, err
}

func (t *tx) purge(before taxii.Time, began time.Time) (more bool, err error) {
	for time.Since(began) < stepTime {
		n, err := t.purgeSome(before)
		if err != nil || n == 0 {
			return false, err
		}
	}
	return true, nil
}

// purgeSome removes a few rows of the first kind of which there are any.
func (t *tx) purgeSome(before taxii.Time) (n int64, err error) {
	for _, some := range []func() (int64, error){
		t.purgeCollection, t.purgeChannel, t.purgeAccount,
		func() (int64, error) {
			return t.changed(`delete from statuses where (feed, id) in
				(select feed, id from statuses where at < $1 order by at limit $2)`, before, t.engine.stepMost())
		},
		func() (int64, error) {
			return t.changed(`delete from invitations where id in
				(select id from invitations where expires < $1 order by expires limit $2)`, before, lightMost)
		},
	} {
		if n, err = some(); err != nil || n > 0 {
			return n, err
		}
	}
	return 0, nil
}

// purgeCollection removes a few rows of a removed Collection or, when none are
// left, the Collection itself.
func (t *tx) purgeCollection() (int64, error) {
	var f feed.ID
	err := t.row([]any{&f}, `select feed from collections where state = 'removing' order by feed limit 1`)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if n, err := t.purgeFeed(f, "live", "entries", "tombstones", "statuses"); err != nil || n > 0 {
		return n, err
	}
	return t.changed(`delete from collections where feed = $1`, f)
}

// purgeChannel likewise, with what hangs on a Channel.
func (t *tx) purgeChannel() (int64, error) {
	var f feed.ID
	var id string
	err := t.row([]any{&f, &id}, `select feed, id from channels where state = 'removing' order by feed limit 1`)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := t.changed(`delete from subscriptions where id in
		(select id from subscriptions where channel = $1 order by id limit $2)`, id, lightMost)
	if err == nil && n == 0 {
		n, err = t.changed(`delete from invitations where channel = $1`, id)
	}
	if err == nil && n == 0 {
		n, err = t.purgeFeed(f, "live", "entries", "messages", "statuses")
	}
	if err != nil || n > 0 {
		return n, err
	}
	if err := t.exec(`delete from workers where name in ($1, $2)`, "from:"+id, "to:"+id); err != nil {
		return 0, err
	}
	return t.changed(`delete from channels where feed = $1`, f)
}

// purgeFeed removes a few rows of a removed feed from one of its tables, or, when
// none are left, the feed itself.
func (t *tx) purgeFeed(f feed.ID, tables ...string) (int64, error) {
	for _, table := range tables {
		key, most := "seq", t.engine.stepMost()
		switch table {
		case "live":
			most = lightMost
		case "tombstones":
			key, most = "old_seq", lightMost
		case "statuses":
			key = "id"
		}
		n, err := t.changed(`delete from `+table+` where feed = $1 and `+key+` in
			(select `+key+` from `+table+` where feed = $1 order by `+key+` limit $2)`, f, most)
		if err != nil || n > 0 {
			t.wiped = true
			return n, err
		}
	}
	t.heads[f] = feed.Head{Place: -1}
	if err := t.exec(`delete from incarnations where feed = $1`, f); err != nil {
		return 0, err
	}
	return 0, t.exec(`delete from feeds where id = $1`, f)
}

// purgeAccount removes a few Subscriptions of a removed account, or notes that
// there are none left.
func (t *tx) purgeAccount() (int64, error) {
	var account int64
	err := t.row([]any{&account}, `select account from departed order by account limit 1`)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := t.changed(`delete from subscriptions where id in
		(select id from subscriptions where account = $1 limit $2)`, account, lightMost)
	if err != nil || n > 0 {
		return n, err
	}
	return t.changed(`delete from departed where account = $1`, account)
}
