package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// relevelRows bounds a step of a Relevel: it holds the writer for about as long
	// as an Add of so many objects does.
	relevelRows = 500
	// leveled is why a place was taken that is that of no entry and of no withdrawal:
	// what was seen before it may be seen otherwise after it.
	leveled = "leveled"
)

// levelIn is the level of what goes into a feed.
func levelIn(h feed.Head, highest int64, unmarked bool) int64 {
	if unmarked {
		return max(highest, h.Unmarked)
	}
	return highest
}

// Relevel gives the entries of a feed the levels that level finds in them. Each is
// read once, beside the writer, and nothing but its level is kept of it; what has
// another one is written in steps, each with where the versions of its objects
// then stand. What is added meanwhile has its level from who adds it.
func (s *Store) Relevel(ctx context.Context, f feed.ID, level func(*feed.Entry) (highest int64, unmarked bool)) error {
	channel := false
	err := s.each(ctx, func(*sql.Rows) error { channel = true; return nil }, `select 1 from channels where feed = $1`, f)
	if err != nil {
		return err
	}
	for at := feed.Place(0); ; {
		found, err := s.levelsAfter(ctx, f, at, level)
		if err != nil {
			return named("relevel", err)
		}
		if len(found) == 0 {
			break
		}
		at = found[len(found)-1].place
		err = s.relevelStep(ctx, f, found, channel)
		if err != nil {
			return err
		}
	}
	return s.do(ctx, "relevel", func(t *tx) error { return t.releveled(f, channel) })
}

// foundLevel is what was read of an entry.
type foundLevel struct {
	place    feed.Place
	id       string
	was      int64
	highest  int64
	unmarked bool
}

// levelsAfter reads the next entries after a place.
func (s *Store) levelsAfter(ctx context.Context, f feed.ID, at feed.Place, level func(*feed.Entry) (int64, bool)) (list []foundLevel, err error) {
	head, err := s.Head(ctx, f)
	if err != nil || at >= head.Place {
		return nil, err
	}
	text := `select e.seq, e.id, e.type, e.level, m.media_type, e.content from entries e
		left join messages m on m.feed = e.feed and m.seq = e.seq where ` +
		s.engine.entriesBetween("$1", "$2", "$3") + ` order by ` + s.engine.order() + ` limit $4`
	var e feed.Entry
	var media sql.NullString
	var content sql.RawBytes
	err = s.each(ctx, func(r *sql.Rows) error {
		if err := r.Scan(&e.Place, &e.ID, &e.Type, &e.Level, &media, &content); err != nil {
			return err
		}
		if e.Message = nil; media.Valid {
			e.Message = &feed.Message{MediaType: media.String}
		}
		e.Content = content
		one := foundLevel{place: e.Place, id: e.ID, was: e.Level}
		one.highest, one.unmarked = level(&e)
		list = append(list, one)
		return nil
	}, text, f, at, head.Place, relevelRows)
	return list, err
}

// relevelStep writes those levels that are others than there were.
func (s *Store) relevelStep(ctx context.Context, f feed.ID, found []foundLevel, channel bool) error {
	head, err := s.Head(ctx, f)
	if err != nil || len(otherLevels(head, found, channel)) == 0 {
		return err
	}
	return s.do(ctx, "relevel", func(t *tx) error {
		head, err := t.lock(f)
		if err != nil {
			return err
		}
		others := otherLevels(head, found, channel)
		for _, level := range slices.Sorted(maps.Keys(others)) {
			places := t.engine.values(others[level])
			for _, table := range []string{"entries", "live"} {
				err := t.exec(`update `+table+` set level = $2 where feed = $1 and seq`+t.engine.oneOf("$3"), f, level, places)
				if err != nil {
					return err
				}
			}
		}
		return t.restandAll(f, changedIDs(head, found, channel))
	})
}

// become is the level that an entry gets. In a Channel it is at least the one that
// it was published with: what came from a Collection was leveled there.
func (l *foundLevel) become(head feed.Head, channel bool) int64 {
	level := levelIn(head, l.highest, l.unmarked)
	if channel {
		return max(l.was, level)
	}
	return level
}

// otherLevels gives the places of what gets another level, by that level.
func otherLevels(head feed.Head, found []foundLevel, channel bool) map[int64][]int64 {
	others := map[int64][]int64{}
	for i := range found {
		if level := found[i].become(head, channel); level != found[i].was {
			others[level] = append(others[level], int64(found[i].place))
		}
	}
	return others
}

func changedIDs(head feed.Head, found []foundLevel, channel bool) []string {
	ids := map[string]bool{}
	for i := range found {
		if found[i].become(head, channel) != found[i].was {
			ids[found[i].id] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// restandAll computes anew where the versions of some objects stand.
func (t *tx) restandAll(f feed.ID, ids []string) error {
	versions, live := map[string][]*feed.Standing{}, map[feed.Place]bool{}
	err := t.rows(func(r *sql.Rows) error {
		var id string
		var isLive bool
		s := new(feed.Standing)
		err := r.Scan(&id, &s.Place, &s.SpecVersion, &s.Time, &s.Key, &s.Level, &s.Superseded, &s.Outdone, &isLive)
		versions[id] = append(versions[id], s)
		if isLive {
			live[s.Place] = true
		}
		return err
	}, `select e.id, e.seq, e.spec_version, e.version_time, e.version_key, e.level, e.superseded, e.outdone, l.seq is not null
		from entries e left join live l on l.feed = e.feed and l.seq = e.seq
		where e.feed = $1 and e.id`+t.engine.oneOf("$2"), f, t.engine.values(ids))
	if err != nil {
		return err
	}
	w := &withdrawal{tx: t, feed: f}
	for _, id := range ids {
		all := versions[id]
		before := standingsOf(all)
		feed.Recompute(all)
		for i, s := range all {
			if before[i] == *s && live[s.Place] == s.Live() {
				continue
			}
			if err := w.restand(s); err != nil {
				return err
			}
		}
	}
	return nil
}

func standingsOf(all []*feed.Standing) []feed.Standing {
	list := make([]feed.Standing, len(all))
	for i, s := range all {
		list[i] = *s
	}
	return list
}

// releveled notes that a feed has its levels. In a Collection that takes a place,
// so that no page and no tag that was made before is taken for one of now; in a
// Channel, whose places are those of Messages alone, it does not.
func (t *tx) releveled(f feed.ID, channel bool) error {
	head, err := t.lock(f)
	if err != nil {
		return err
	}
	if !channel && head.Place > 0 {
		head.Place++
		err := t.exec(`insert into tombstones
			(feed, old_seq, seq, id, type, spec_version, version, version_key, version_time, level, at, account, request, why)
			values ($1, $2, $2, '', '', '', '', '', 0, 0, $3, 0, '', $4)`, f, head.Place, taxii.TimeOf(t.now()), leveled)
		if err != nil {
			return err
		}
		if err := t.advance(f, head); err != nil {
			return err
		}
	}
	return t.exec(`update feeds set unleveled = 0 where id = $1`, f)
}

// unmark notes, under the head of a feed, what counts as the level of what has no
// marking. Where that is another than before, the feed is to be leveled.
func (t *tx) unmark(f feed.ID, level int64) error {
	head, err := t.lock(f)
	if err != nil || head.Unmarked == level {
		return err
	}
	head.Unmarked = level
	t.heads[f] = head
	return t.exec(`update feeds set unmarked = $2, unleveled = case when seq > floor then 1 else unleveled end where id = $1`, f, level)
}

// Levels counts the entries of a feed by their levels.
func (s *Store) Levels(ctx context.Context, f feed.ID) (map[int64]int64, error) {
	counts := map[int64]int64{}
	err := s.each(ctx, func(r *sql.Rows) error {
		var level, n int64
		err := r.Scan(&level, &n)
		counts[level] = n
		return err
	}, `select level, count(*) from entries where feed = $1 group by level`, f)
	return counts, err
}
