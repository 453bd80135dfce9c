package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// mostFaults bounds the faults that a check lists: who has so many needs no more.
const mostFaults = 100

// Check reads the whole database, as of one moment, and gives every fault in
// words, at most a hundred: a place that is taken twice or by nobody, a date
// that does not rise, a version whose standing is not what its times say, a
// table of live versions that holds others than the live ones, a Status of
// places that were never taken, Messages that are not dense above the floor of
// their Channel or whose octets do not add up, and whatever the engine itself finds. A good
// database has none. It takes time in proportion to all that is kept, and
// changes nothing; an error says that it could not be read.
func (s *Store) Check(ctx context.Context) (faults []string, err error) {
	txn, err := s.read.BeginTx(ctx, s.engine.snapshot())
	if err != nil {
		return nil, s.engine.kind(err)
	}
	defer txn.Rollback() //nolint:errcheck // it only read
	_, ownCheck := s.engine.(*sqliteEngine)
	c := &checking{ctx: ctx, db: txn, ownCheck: ownCheck}
	err = c.all()
	return c.faults, named("check the store", s.engine.kind(err))
}

// errEnough ends a check that has found enough.
var errEnough = errors.New("enough faults")

// checking is one check.
type checking struct {
	ctx      context.Context
	db       asker
	ownCheck bool             // the database can check itself
	channels map[feed.ID]bool // feeds of Channels
	faults   []string
}

func (c *checking) all() error {
	for _, step := range []func() error{c.own, c.strays, c.subscriptions, c.feeds} {
		if err := step(); err != nil {
			if errors.Is(err, errEnough) {
				return nil
			}
			return err
		}
	}
	return nil
}

func (c *checking) fault(format string, args ...any) error {
	if len(c.faults) >= mostFaults {
		return errEnough
	}
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
	return nil
}

// each visits the rows of a statement.
func (c *checking) each(visit func(*sql.Rows) error, text string, args ...any) error {
	return rowsOn(c.ctx, c.db, visit, text, args...)
}

// own is what the database can say of itself: SQLite looks at its pages and
// indexes. PostgreSQL has no such question for an ordinary user.
func (c *checking) own() error {
	if !c.ownCheck {
		return nil
	}
	return c.each(func(r *sql.Rows) error {
		var text string
		if err := r.Scan(&text); err != nil || text == "ok" {
			return err
		}
		return c.fault("SQLite says: %s", text)
	}, "pragma integrity_check")
}

// strays looks for rows of feeds that are not there.
func (c *checking) strays() error {
	for _, table := range []string{"entries", "live", "tombstones", "statuses", "messages", "incarnations"} {
		err := c.each(func(r *sql.Rows) error {
			var f feed.ID
			var n int64
			if err := r.Scan(&f, &n); err != nil {
				return err
			}
			return c.fault("%s has %d rows of feed %d, which is not there", table, n, f)
		}, `select feed, count(*) from `+table+` where feed not in (select id from feeds) group by feed order by feed`)
		if err != nil {
			return err
		}
	}
	return nil
}

// feeds checks each feed that is not being removed.
func (c *checking) feeds() error {
	heads := map[feed.ID]feed.Head{}
	var order []feed.ID
	c.channels = map[feed.ID]bool{}
	err := c.each(func(r *sql.Rows) error {
		var id feed.ID
		var h feed.Head
		var channel bool
		err := r.Scan(append([]any{&id, &channel}, headOf(&h)...)...)
		heads[id], order, c.channels[id] = h, append(order, id), channel
		return err
	}, `select id, id in (select feed from channels), `+headColumns+` from feeds
		where id not in (select feed from collections where state = 'removing')
		and id not in (select feed from channels where state = 'removing') order by id`)
	if err != nil {
		return err
	}
	for _, id := range order {
		for _, step := range []func(feed.ID, feed.Head) error{c.places, c.dates, c.standings, c.live, c.statuses, c.messages, c.incarnations} {
			if err := step(id, heads[id]); err != nil {
				return err
			}
		}
	}
	return nil
}

// places: every place from the floor to the head is that of one entry, of one
// entry that was, or of one withdrawal.
func (c *checking) places(id feed.ID, head feed.Head) error {
	var entries, graves, withdrawals, distinct, least, most int64
	err := c.each(func(r *sql.Rows) error {
		return r.Scan(&entries, &graves, &withdrawals, &distinct, &least, &most)
	}, `select
		(select count(*) from entries where feed = $1), (select count(*) from tombstones where feed = $1 and why <> 'leveled'),
		(select count(distinct seq) from tombstones where feed = $1),
		count(*), coalesce(min(place), $2 + 1), coalesce(max(place), $2)
		from (select seq as place from entries where feed = $1 union select old_seq from tombstones where feed = $1
			union select seq from tombstones where feed = $1) taken`, id, head.Floor)
	if err != nil {
		return err
	}
	if taken := entries + graves + withdrawals; taken != distinct {
		if err := c.fault("feed %d: %d entries, tombstones and withdrawals are in %d places", id, taken, distinct); err != nil {
			return err
		}
	}
	if distinct != int64(head.Place-head.Floor) || least != int64(head.Floor)+1 || most != int64(head.Place) {
		return c.fault("feed %d: %d places from %d to %d are taken, and the head is at %d", id, distinct, least, most, head.Place)
	}
	return nil
}

// dates rise strictly with the places, up to that of the head.
func (c *checking) dates(id feed.ID, head feed.Head) error {
	var before feed.Head
	err := c.each(func(r *sql.Rows) error {
		var e feed.Head
		if err := r.Scan(&e.Place, &e.Added); err != nil {
			return err
		}
		defer func() { before = e }()
		if before.Place > 0 && e.Added <= before.Added {
			return c.fault("feed %d: place %d has the date %s, place %d before it %s", id, e.Place, e.Added, before.Place, before.Added)
		}
		return nil
	}, `select seq, added from entries where feed = $1 order by seq`, id)
	if err == nil && before.Added > head.Added {
		return c.fault("feed %d: the head has the date %s, place %d has %s", id, head.Added, before.Place, before.Added)
	}
	return err
}

// standings: what each version is superseded and outdone by follows from the
// versions of its object that are there.
func (c *checking) standings(id feed.ID, _ feed.Head) error {
	var object string
	var all []*feed.Standing
	err := c.each(func(r *sql.Rows) error {
		var of string
		s := new(feed.Standing)
		if err := r.Scan(&of, &s.Place, &s.SpecVersion, &s.Time, &s.Key, &s.Level, &s.Superseded, &s.Outdone); err != nil {
			return err
		}
		if of != object {
			if err := c.object(id, object, all); err != nil {
				return err
			}
			object, all = of, nil
		}
		all = append(all, s)
		return nil
	}, `select id, seq, spec_version, version_time, version_key, level, superseded, outdone from entries where feed = $1 order by id`, id)
	return errors.Join(err, c.object(id, object, all))
}

// object recomputes the standings of one object. What nobody sees as the latest
// any more may keep a Superseded that is too high, as long as that is still so.
func (c *checking) object(id feed.ID, object string, all []*feed.Standing) error {
	kept := make([]feed.Standing, len(all))
	for i, s := range all {
		kept[i] = *s
	}
	feed.Recompute(all)
	for i, s := range all {
		k := kept[i]
		if !k.Live() && !s.Live() {
			k.Superseded = s.Superseded
		}
		if k == *s {
			continue
		}
		err := c.fault("feed %d: %s in place %d is kept as superseded at %d and outdone at %d, and it is at %d and %d",
			id, object, s.Place, kept[i].Superseded, kept[i].Outdone, s.Superseded, s.Outdone)
		if err != nil {
			return err
		}
	}
	return nil
}

// live holds the entries that some reader sees as the latest, and no others.
func (c *checking) live(id feed.ID, _ feed.Head) error {
	const columns = `seq, id, type, spec_version, version_key, version_time, level, superseded, outdone`
	const latest = `select ` + columns + ` from entries where feed = $1 and level < superseded`
	const kept = `select ` + columns + ` from live where feed = $1`
	for _, different := range []struct{ text, how string }{
		{latest + ` except ` + kept, "is the latest of its spec_version, and the table of those does not have it so"},
		{kept + ` except ` + latest, "is in the table of the latest, and is not the latest, or not so"},
	} {
		err := c.each(func(r *sql.Rows) error {
			var place feed.Place
			var object string
			if err := r.Scan(&place, &object); err != nil {
				return err
			}
			return c.fault("feed %d: %s in place %d %s", id, object, place, different.how)
		}, `select seq, id from (`+different.text+`) different order by seq`, id)
		if err != nil {
			return err
		}
	}
	return nil
}

// statuses speak of places that were taken.
func (c *checking) statuses(id feed.ID, head feed.Head) error {
	return c.each(func(r *sql.Rows) error {
		var status string
		var first, last feed.Place
		var at taxii.Time
		if err := r.Scan(&status, &first, &last, &at); err != nil {
			return err
		}
		return c.fault("feed %d: the Status %s of %s is of places %d to %d, and the head is at %d", id, status, at, first, last, head.Place)
	}, `select id, first, last, at from statuses where feed = $1 and (last > $2 or first > last or first < 0) order by at`, id, head.Place)
}
