package store

import (
	"database/sql"

	"github.com/hansom-taxii/hansom/internal/feed"
)

// messages: in a Channel every place from the floor to the head is that of one
// Message, and the octets add up: each total is the one before and the content
// between. A Collection has none of it.
func (c *checking) messages(id feed.ID, head feed.Head) error {
	if !c.channels[id] {
		return c.noMessages(id, head)
	}
	if head.Floor > head.Place {
		return c.fault("feed %d: the floor is at %d, and the head at %d", id, head.Floor, head.Place)
	}
	before, total := head.Floor, head.FloorOctets
	err := c.each(func(r *sql.Rows) error {
		var place feed.Place
		var size int64
		var octets sql.NullInt64
		if err := r.Scan(&place, &size, &octets); err != nil {
			return err
		}
		defer func() { before, total = place, octets.Int64 }()
		switch {
		case !octets.Valid:
			return c.fault("feed %d: the entry in place %d is not in the table of Messages", id, place)
		case place != before+1:
			return c.fault("feed %d: place %d comes after place %d", id, place, before)
		case octets.Int64 != total+size:
			return c.fault("feed %d: %d octets are counted up to place %d, and it is %d and %d", id, octets.Int64, place, total, size)
		}
		return nil
	}, `select e.seq, octet_length(e.content), m.octets from entries e left join messages m on m.feed = e.feed and m.seq = e.seq
		where e.feed = $1 order by e.seq`, id)
	if err == nil && (before != head.Place || total != head.Octets) {
		err = c.fault("feed %d: the last Message is in place %d with %d octets up to it, and the head has %d and %d",
			id, before, total, head.Place, head.Octets)
	}
	if err != nil {
		return err
	}
	return c.strayMessages(id)
}

func (c *checking) strayMessages(id feed.ID) error {
	return c.each(func(r *sql.Rows) error {
		var place feed.Place
		if err := r.Scan(&place); err != nil {
			return err
		}
		return c.fault("feed %d: the table of Messages has place %d, which is that of no entry", id, place)
	}, `select m.seq from messages m where m.feed = $1
		and not exists (select 1 from entries e where e.feed = m.feed and e.seq = m.seq) order by m.seq`, id)
}

func (c *checking) noMessages(id feed.ID, head feed.Head) error {
	n := 0
	err := c.each(func(r *sql.Rows) error { return r.Scan(&n) }, `select count(*) from messages where feed = $1`, id)
	if err == nil && (n > 0 || head.Floor != 0 || head.Octets != 0 || head.FloorOctets != 0) {
		return c.fault("feed %d is of no Channel, and has %d Messages, the floor %d and %d octets", id, n, head.Floor, head.Octets)
	}
	return err
}

// incarnations are numbered from 0, and none ended after the head or before the
// one before it.
func (c *checking) incarnations(id feed.ID, head feed.Head) error {
	next, least := 0, feed.Place(0)
	return c.each(func(r *sql.Rows) error {
		var number int
		var upto feed.Place
		if err := r.Scan(&number, &upto); err != nil {
			return err
		}
		defer func() { next, least = number+1, upto }()
		if number != next || upto < least || upto > head.Place {
			return c.fault("feed %d: incarnation %d, after %d, ended at place %d, the one before at %d, and the head is at %d",
				id, number, next-1, upto, least, head.Place)
		}
		return nil
	}, `select number, upto from incarnations where feed = $1 order by number`, id)
}

// subscriptions are of a Channel that there is or was until now, at a place that
// it has.
func (c *checking) subscriptions() error {
	return c.each(func(r *sql.Rows) error {
		var id string
		var place, head sql.NullInt64
		if err := r.Scan(&id, &place, &head); err != nil {
			return err
		}
		if !head.Valid {
			return c.fault("the Subscription %s is on no Channel", id)
		}
		return c.fault("the Subscription %s is at place %d, and the head of its Channel at %d", id, place.Int64, head.Int64)
	}, `select s.id, s.place, f.seq from subscriptions s left join channels c on c.id = s.channel left join feeds f on f.id = c.feed
		where c.id is null or f.id is not null and (s.place > f.seq or s.place < 0) order by s.id`)
}
