package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// firstExpired is how many Messages the first step of an expiry removes; the
	// steps grow and shrink with the time that they take, up to mostExpired.
	firstExpired = 20
	mostExpired  = 5_000
	// expiredOctets bounds the content that a step removes, unless it is that of one
	// Message: SQLite overwrites it all, which takes time in its size.
	expiredOctets = 4 << 20
)

// Expire purges the oldest Messages of a feed up to a place, for about 5 ms, and
// moves its floor in the same commit, so that rows and floor never disagree. It
// tells whether more of them are left.
//
// The pages of what expires are overwritten (secure_delete), but the log is not
// emptied for it: nobody asked for the deletion, and a Channel expires all the
// time.
func (s *Store) Expire(ctx context.Context, f feed.ID, upto feed.Place) (more bool, err error) {
	err = s.do(ctx, "expire", func(t *tx) error {
		more, err = t.expire(f, upto)
		return err
	})
	return more, err
}

func (t *tx) expire(f feed.ID, upto feed.Place) (more bool, err error) {
	began := time.Now()
	head, err := t.lock(f)
	if err != nil {
		return false, err
	}
	if upto = min(upto, head.Place); upto <= head.Floor {
		return false, nil
	}
	from := head.Floor
	if head.Floor, head.FloorOctets, err = t.oldest(f, head, upto); err != nil {
		return false, err
	}
	for _, text := range []string{
		`delete from entries as e where ` + t.engine.entriesBetween("$1", "$2", "$3"),
		`delete from live where feed = $1 and seq > $2 and seq <= $3`,
		`delete from messages where feed = $1 and seq > $2 and seq <= $3`,
	} {
		if err := t.exec(text, f, from, head.Floor); err != nil {
			return false, err
		}
	}
	t.heads[f], t.sunk = head, true
	err = t.exec(`update feeds set floor = $2, floor_octets = $3 where id = $1`, f, head.Floor, head.FloorOctets)
	t.pace.took(int64(head.Floor-from), time.Since(began))
	return head.Floor < upto, err
}

// oldest gives the last of the oldest Messages that one step removes, and the
// octets up to it.
func (t *tx) oldest(f feed.ID, head feed.Head, upto feed.Place) (last feed.Place, octets int64, err error) {
	last = head.Floor
	err = t.rows(func(r *sql.Rows) error {
		var place feed.Place
		var total int64
		if err := r.Scan(&place, &total); err != nil {
			return err
		}
		if last == head.Floor || last == place-1 && total-head.FloorOctets <= expiredOctets {
			last, octets = place, total
		}
		return nil
	}, oldestMessages, f, head.Floor, upto, t.pace.rows())
	if err == nil && last == head.Floor {
		return 0, 0, fmt.Errorf("feed %d has no Messages up to place %d", f, upto)
	}
	return last, octets, err
}

const oldestMessages = `select seq, octets from messages where feed = $1 and seq > $2 and seq <= $3 order by seq limit $4`

// pace is how many rows take about stepTime. It is used by the writer alone.
type pace struct{ most int64 }

func (p *pace) rows() int64 {
	if p.most == 0 {
		p.most = firstExpired
	}
	return p.most
}

// took learns from a step: too long a one makes the next shorter in proportion, a
// full one that took less than half the time lets it be twice as long.
func (p *pace) took(rows int64, took time.Duration) {
	switch {
	case took > stepTime:
		p.most = max(1, rows*int64(stepTime)/int64(took))
	case took < stepTime/2 && rows >= p.most:
		p.most = min(2*p.most, mostExpired)
	}
}

// dense visits Messages so that whoever meets a gap, or nothing, and then asks for
// the head finds the floor above it: not even for the moment between the commit
// that moves a floor and the head in memory.
func (s *Store) dense(after feed.Place, visit func(*feed.Entry) bool) (dense func(*feed.Entry) bool, end func()) {
	met := false
	return func(e *feed.Entry) bool {
			if met = true; e.Place != after+1 {
				s.known()
			}
			after = e.Place
			return visit(e)
		}, func() {
			if !met {
				s.known()
			}
		}
}

// known returns when the heads say what has been committed of floors.
func (s *Store) known() {
	s.sinking.RLock()
	defer s.sinking.RUnlock()
}

// DatedUpto gives the last place whose date is at or before the given one, at
// least the floor.
func (s *Store) DatedUpto(ctx context.Context, f feed.ID, date taxii.Time) (feed.Place, error) {
	head, err := s.Head(ctx, f)
	if err != nil {
		return 0, err
	}
	return s.after(ctx, f, head, feed.Query{After: head.Floor, AfterAdded: &date})
}

// OctetsUpto gives Message.Octets of a place between floor and head; of the floor
// where it has passed the place meanwhile.
func (s *Store) OctetsUpto(ctx context.Context, f feed.ID, place feed.Place) (octets int64, err error) {
	head, err := s.Head(ctx, f)
	switch {
	case err != nil:
		return 0, err
	case place <= head.Floor:
		return head.FloorOctets, nil
	case place >= head.Place:
		return head.Octets, nil
	}
	found := false
	err = s.each(ctx, func(r *sql.Rows) error { found = true; return r.Scan(&octets) }, octetsUpto, f, place)
	if err == nil && !found {
		err = fmt.Errorf("feed %d has none in place %d", f, place)
	}
	return octets, named("read the octets of a Message", err)
}

// octetsUpto asks the floor too, which may have moved since the look at the head.
const octetsUpto = `select octets from messages where feed = $1 and seq = $2
	union all select floor_octets from feeds where id = $1 and floor >= $2`
