package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Withdraw removes the chosen versions of one object. They are chosen under the
// feed's head, and the withdrawal takes a place of its own, so that the head
// moves with every deletion. A version that becomes the latest for some reader
// is moved behind it: new place, new date, same bytes.
func (s *Store) Withdraw(ctx context.Context, f feed.ID, which feed.Which, why feed.Tombstone) (removed int, err error) {
	err = s.do(ctx, "withdraw", func(t *tx) error {
		removed, err = t.withdraw(f, which, why, taxii.TimeOf(s.now()))
		return err
	})
	return removed, err
}

func (t *tx) withdraw(f feed.ID, which feed.Which, why feed.Tombstone, now taxii.Time) (int, error) {
	head, err := t.lock(f)
	if err != nil {
		return 0, err
	}
	gone, stay, err := t.choose(f, which)
	if err != nil || len(gone) == 0 {
		return 0, err
	}
	w := &withdrawal{tx: t, feed: f, place: head.Place + 1, at: now, why: why}
	for _, s := range gone {
		if err := w.remove(s); err != nil {
			return 0, err
		}
	}
	head.Place = w.place
	if err := w.reorder(&head, stay); err != nil {
		return 0, err
	}
	t.wiped = true
	if why.Record != nil {
		t.note(why.Record(len(gone), w.place))
	}
	return len(gone), t.advance(f, head)
}

// choose reads all versions of an object under the head, and parts them.
func (t *tx) choose(f feed.ID, which feed.Which) (gone, stay []*feed.Standing, err error) {
	var all []*feed.Standing
	err = t.rows(func(r *sql.Rows) error {
		s := new(feed.Standing)
		all = append(all, s)
		return r.Scan(&s.Place, &s.SpecVersion, &s.Time, &s.Key, &s.Level, &s.Superseded, &s.Outdone)
	}, `select seq, spec_version, version_time, version_key, level, superseded, outdone
		from entries where feed = $1 and id = $2 order by seq`, f, which.ID)
	gone, stay = which.Choose(all)
	return gone, stay, err
}

// withdrawal is one deletion under its feed's head.
type withdrawal struct {
	*tx
	feed  feed.ID
	place feed.Place // of the withdrawal
	at    taxii.Time
	why   feed.Tombstone
}

func (w *withdrawal) remove(s *feed.Standing) error {
	if err := w.bury(s, "deleted"); err != nil {
		return err
	}
	for _, table := range []string{"entries", "live"} {
		if err := w.exec(`delete from `+table+` where feed = $1 and seq = $2`, w.feed, s.Place); err != nil {
			return err
		}
	}
	return nil
}

// bury leaves a tombstone for an entry that leaves its place.
func (w *withdrawal) bury(s *feed.Standing, why string) error {
	return w.exec(`insert into tombstones
		(feed, old_seq, seq, id, type, spec_version, version, version_key, version_time, level, at, account, request, why)
		select feed, seq, $3, id, type, spec_version, version, version_key, version_time, level, $4, $5, $6, $7
		from entries where feed = $1 and seq = $2`, w.feed, s.Place, w.place, w.at, w.why.Account, w.why.Request, why)
}

// reorder recomputes where the versions that stay stand, and moves those that
// come back to view.
func (w *withdrawal) reorder(head *feed.Head, stay []*feed.Standing) error {
	before := make([]feed.Standing, len(stay))
	for i, s := range stay {
		before[i] = *s
	}
	feed.Recompute(stay)
	var back []*feed.Standing
	for i, s := range stay {
		if feed.Reappears(&before[i], s) {
			back = append(back, s)
		}
		if before[i] != *s {
			if err := w.restand(s); err != nil {
				return err
			}
		}
	}
	slices.SortFunc(back, func(a, b *feed.Standing) int { return cmp.Compare(a.Place, b.Place) })
	return w.bring(head, back)
}

// restand writes where an entry stands now.
func (w *withdrawal) restand(s *feed.Standing) error {
	err := w.exec(`update entries set superseded = $3, outdone = $4 where feed = $1 and seq = $2`, w.feed, s.Place, s.Superseded, s.Outdone)
	if err != nil {
		return err
	}
	if err := w.exec(`delete from live where feed = $1 and seq = $2`, w.feed, s.Place); err != nil || !s.Live() {
		return err
	}
	return w.exec(liveFromEntries, w.feed, s.Place, s.Place)
}

// bring moves entries to new places at the head, in their old order.
func (w *withdrawal) bring(head *feed.Head, back []*feed.Standing) error {
	if len(back) == 0 {
		return nil
	}
	last := feed.LastDate(head.Added, w.at, len(back))
	for i, s := range back {
		if err := w.bury(s, "moved"); err != nil {
			return err
		}
		place, added := head.Place+feed.Place(i+1), last-taxii.Time(len(back)-1-i)
		if err := w.exec(`update entries set `+w.engine.moved("$3")+`, added = $4 where feed = $1 and seq = $2`, w.feed, s.Place, place, added); err != nil {
			return err
		}
		if err := w.exec(`update live set seq = $3 where feed = $1 and seq = $2`, w.feed, s.Place, place); err != nil {
			return err
		}
	}
	head.Place, head.Added = head.Place+feed.Place(len(back)), last
	return nil
}
