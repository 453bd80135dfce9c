package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// mostKeeps bounds how many ttls of one Channel are told apart.
const mostKeeps = 64

const channelRows = `select id, root, feed, name, title, description, permitted, content_type, ttl, keeps, mode,
	from_collection, to_collection, namer, max_message_size, max_messages, max_bytes, show_publishers, created, clashes, stopped,
	unmarked from channels where state = 'active' order by id`

// scanChannel reads a row of channelRows.
func scanChannel(r *sql.Rows) (exchange.Channel, error) {
	var v exchange.Channel
	var permitted, keeps string
	err := r.Scan(&v.ID, &v.Root, &v.Feed, &v.Name, &v.Title, &v.Description, &permitted, &v.ContentType, &v.TTL, &keeps, &v.Mode,
		&v.From, &v.To, &v.Namer, &v.MaxMessageSize, &v.MaxMessages, &v.MaxBytes, &v.ShowPublishers, &v.Created, &v.Clashes, &v.Stopped, &v.Unmarked)
	if err != nil {
		return v, err
	}
	if err := readList(permitted, &v.Permitted); err != nil {
		return v, fmt.Errorf("read the types of Channel %s: %w", v.ID, err)
	}
	if err := readList(keeps, &v.Keeps); err != nil {
		return v, fmt.Errorf("read the ttls of Channel %s: %w", v.ID, err)
	}
	return v, nil
}

// readList reads what jsonList wrote; a list without elements stays nil.
func readList(text string, list any) error {
	if text == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(text), list)
}

// PutChannel keeps a Channel; Feed 0 makes a new one with a feed. Its id, root,
// name, feed and date of creation never change, and what the store itself counts
// and notes of it stays. Another ttl holds from the head of the feed on
// (exchange.Keep). In the same commit it keeps grants, each as PutGrant does.
// Conflict: the name is taken, or one of this id is being removed.
func (s *Store) PutChannel(ctx context.Context, c exchange.Channel, grants ...exchange.Grant) error {
	return s.do(ctx, "put Channel", func(t *tx) error {
		if err := t.putChannel(c); err != nil {
			return err
		}
		return t.putGrants(grants)
	})
}

func (t *tx) putChannel(c exchange.Channel) error {
	f, keeps, err := t.keptOf(c)
	if err != nil {
		return err
	}
	head, err := t.lock(f)
	if err != nil {
		return err
	}
	n, err := t.changed(putChannel, c.ID, c.Root, f, c.Name, c.Title, c.Description, jsonList(c.Permitted), c.ContentType,
		c.TTL, jsonList(keepFrom(keeps, c.TTL, head)), c.Mode, c.From, c.To, c.Namer, c.MaxMessageSize, c.MaxMessages, c.MaxBytes,
		truth(c.ShowPublishers), c.Created, c.Stopped, c.Unmarked)
	if err == nil && n == 0 {
		return taxii.Errorf(taxii.Conflict, "channel %s is still being removed: use another id, or try again later", c.ID)
	}
	if err != nil {
		return t.engine.taken(err, "there is a channel %q already", c.Name)
	}
	return t.unmark(f, c.Unmarked)
}

const putChannel = `insert into channels (id, root, feed, name, title, description, permitted, content_type, ttl, keeps, mode,
	from_collection, to_collection, namer, max_message_size, max_messages, max_bytes, show_publishers, created, clashes, stopped,
	unmarked, state)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 0, $20, $21, 'active')
	on conflict (id) do update set title = excluded.title, description = excluded.description, permitted = excluded.permitted,
	content_type = excluded.content_type, ttl = excluded.ttl, keeps = excluded.keeps, mode = excluded.mode,
	from_collection = excluded.from_collection, to_collection = excluded.to_collection, namer = excluded.namer,
	max_message_size = excluded.max_message_size, max_messages = excluded.max_messages, max_bytes = excluded.max_bytes,
	show_publishers = excluded.show_publishers, unmarked = excluded.unmarked where channels.state = 'active'`

// keptOf gives the feed of a Channel and what it keeps how long; a new feed if
// there is no such Channel.
func (t *tx) keptOf(c exchange.Channel) (f feed.ID, keeps []exchange.Keep, err error) {
	var text string
	err = t.row([]any{&f, &text}, `select feed, keeps from channels where id = $1`, c.ID)
	switch {
	case err == nil:
		return f, keeps, readList(text, &keeps)
	case !errors.Is(err, sql.ErrNoRows):
		return 0, nil, err
	case c.Feed != 0:
		return c.Feed, nil, nil
	}
	f, err = t.newFeed()
	return f, nil, err
}

// keepFrom gives what a Channel keeps how long once its ttl is this. A shorter
// ttl holds for what comes after the head, a longer one for all that is kept.
// Above mostKeeps the two newest become one with the longer ttl: more is kept
// than was asked for, never less.
func keepFrom(keeps []exchange.Keep, ttl int64, head feed.Head) []exchange.Keep {
	var list []exchange.Keep
	for i, k := range keeps {
		if i+1 < len(keeps) && keeps[i+1].After <= head.Floor {
			continue // all of it is gone
		}
		k.TTL = max(k.TTL, ttl)
		if n := len(list); n == 0 || k.TTL < list[n-1].TTL {
			list = append(list, k)
		}
	}
	switch n := len(list); {
	case n == 0:
		return []exchange.Keep{{After: 0, TTL: ttl}}
	case list[n-1].TTL == ttl || n == mostKeeps:
		return list
	case list[n-1].After == head.Place: // nothing was published under it
		return keepFrom(list[:n-1], ttl, head)
	}
	return append(list, exchange.Keep{After: head.Place, TTL: ttl})
}

// RemoveChannel makes a Channel invisible, with all that hangs on it, and its
// name free: its Subscriptions and invitations are given only while it is active.
// PurgeStep removes what it holds.
func (s *Store) RemoveChannel(ctx context.Context, id string) error {
	return s.do(ctx, "remove Channel", func(t *tx) error {
		if err := t.exec(`delete from grants where scope = 'channel' and item = $1`, id); err != nil {
			return err
		}
		return t.exec(`update channels set state = 'removing' where id = $1`, id)
	})
}

// StopRelay notes why from_collection or to_collection of a Channel does not go
// on; "" ends the note.
func (s *Store) StopRelay(ctx context.Context, id, why string) error {
	return s.do(ctx, "note why a relay stops", func(t *tx) error {
		return t.exec(`update channels set stopped = $2 where id = $1`, id, why)
	})
}
