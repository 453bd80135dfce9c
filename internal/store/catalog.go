package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Catalog reads everything that is small, as of one moment.
func (s *Store) Catalog(ctx context.Context) (*exchange.Catalog, error) {
	ctx, cancel := s.reading(ctx)
	defer cancel()
	txn, err := s.read.BeginTx(ctx, s.engine.snapshot())
	if err != nil {
		return nil, s.engine.kind(err)
	}
	defer txn.Rollback() //nolint:errcheck // nothing was written
	c := new(exchange.Catalog)
	for _, part := range catalogParts(c) {
		if err := part.load(ctx, txn); err != nil {
			return nil, s.engine.kind(err)
		}
	}
	return c, nil
}

// catalogPart is one table of the catalogue: its text, and what takes a row.
type catalogPart struct {
	text string
	row  func(*sql.Rows) error
}

func (p catalogPart) load(ctx context.Context, txn *sql.Tx) error {
	return rowsOn(ctx, txn, p.row, p.text)
}

func catalogParts(c *exchange.Catalog) []catalogPart {
	return []catalogPart{
		{`select id, name, title, description, relative, advertise, is_default, sign_in from roots order by id`, func(r *sql.Rows) error {
			var v exchange.Root
			var ways string
			err := r.Scan(&v.ID, &v.Name, &v.Title, &v.Description, &v.Relative, &v.Advertise, &v.Default, &ways)
			for _, way := range words(ways) {
				v.SignIn = append(v.SignIn, exchange.Way(way))
			}
			c.Roots = append(c.Roots, v)
			return err
		}},
		{`select id, root, feed, alias, title, description, validation, types, unmarked from collections where state = 'active' order by id`,
			func(r *sql.Rows) error {
				var v exchange.Collection
				var types string
				err := r.Scan(&v.ID, &v.Root, &v.Feed, &v.Alias, &v.Title, &v.Description, &v.Validation, &types, &v.Unmarked)
				v.Types = words(types)
				c.Collections = append(c.Collections, v)
				return err
			}},
		{channelRows, func(r *sql.Rows) error {
			v, err := scanChannel(r)
			c.Channels = append(c.Channels, v)
			return err
		}},
		{`select id, name, state = 'removed', builtin, options, limits from accounts order by id`, func(r *sql.Rows) error {
			var v exchange.Account
			var options string
			err := r.Scan(&v.ID, &v.Name, &v.Removed, &v.Builtin, &options, fromJSON(&v.Limits))
			v.Options = words(options)
			c.Accounts = append(c.Accounts, v)
			return err
		}},
		groupPart(c),
		memberPart(c),
		{`select account, kind, name, secret, created, id, expires, scope, ceiling, maker from credentials order by account, kind, name`,
			func(r *sql.Rows) error {
				var v exchange.Credential
				err := r.Scan(&v.Account, &v.Kind, &v.Name, &v.Secret, &v.Created, &v.ID, &v.Expires, fromJSON(&v.Scope), &v.Ceiling, &v.Maker)
				c.Credentials = append(c.Credentials, v)
				return err
			}},
		{`select account, scope, root, item, rights, ceiling from grants order by account, scope, root, item`, func(r *sql.Rows) error {
			var v exchange.Grant
			err := r.Scan(&v.Account, &v.Scope, &v.Root, &v.Item, &v.Rights, &v.Ceiling)
			c.Grants = append(c.Grants, v)
			return err
		}},
		{`select id from feeds where unleveled = 1 and (id in (select feed from collections where state = 'active')
			or id in (select feed from channels where state = 'active')) order by id`, func(r *sql.Rows) error {
			var id feed.ID
			err := r.Scan(&id)
			c.Unleveled = append(c.Unleveled, id)
			return err
		}},
		{`select purpose, kid, state, created, signs, sealed from secrets order by purpose, created, kid`, func(r *sql.Rows) error {
			var v exchange.Secret
			err := r.Scan(&v.Purpose, &v.KID, &v.State, &v.Created, &v.Signs, &v.Sealed)
			c.Secrets = append(c.Secrets, v)
			return err
		}},
	}
}

func words(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// PutRoot keeps an API Root; ID 0 makes a new one, and the number is returned.
func (s *Store) PutRoot(ctx context.Context, r exchange.Root) (int64, error) {
	id := r.ID
	err := s.do(ctx, "put API Root", func(t *tx) (err error) { // may run twice: what came in stays as it is
		if id = r.ID; id == 0 {
			if id, err = t.number("root"); err != nil {
				return err
			}
		}
		if r.Default {
			if err := t.exec(`update roots set is_default = 0`); err != nil {
				return err
			}
		}
		err = t.exec(`insert into roots (id, name, title, description, relative, advertise, is_default, sign_in)
			values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (id) do update set
			name = excluded.name, title = excluded.title, description = excluded.description,
			relative = excluded.relative, advertise = excluded.advertise, is_default = excluded.is_default,
			sign_in = excluded.sign_in`,
			id, r.Name, r.Title, r.Description, truth(r.Relative), r.Advertise, truth(r.Default), ways(r.SignIn))
		return t.engine.taken(err, "there is an API Root %q already", r.Name)
	})
	return id, err
}

// RemoveRoot ends an API Root, its grants, and begins the removal of its
// Collections and Channels.
func (s *Store) RemoveRoot(ctx context.Context, id int64) error {
	return s.do(ctx, "remove API Root", func(t *tx) error {
		if err := t.exec(`update collections set state = 'removing' where root = $1`, id); err != nil {
			return err
		}
		if err := t.exec(`update channels set state = 'removing' where root = $1`, id); err != nil {
			return err
		}
		if err := t.exec(`delete from grants where root = $1`, id); err != nil {
			return err
		}
		return t.exec(`delete from roots where id = $1`, id)
	})
}

// PutCollection keeps a Collection; Feed 0 makes a new one with a feed.
func (s *Store) PutCollection(ctx context.Context, c exchange.Collection) error {
	return s.do(ctx, "put Collection", func(t *tx) (err error) {
		f := c.Feed
		if f == 0 {
			if f, err = t.feedOf(c.ID); err != nil {
				return err
			}
		}
		n, err := t.changed(`insert into collections (id, root, feed, alias, title, description, validation, types, unmarked, state)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'active') on conflict (id) do update set
			alias = excluded.alias, title = excluded.title, description = excluded.description,
			validation = excluded.validation, types = excluded.types, unmarked = excluded.unmarked where collections.state = 'active'`,
			c.ID, c.Root, f, c.Alias, c.Title, c.Description, c.Validation, strings.Join(c.Types, ","), c.Unmarked)
		if err == nil && n == 0 {
			return taxii.Errorf(taxii.Conflict, "collection %s is still being removed: use another id, or try again later", c.ID)
		}
		if err != nil {
			return t.engine.taken(err, "there is a collection with the alias %q or the title %q already", c.Alias, c.Title)
		}
		return t.unmark(f, c.Unmarked)
	})
}

// feedOf gives the feed of a Collection, a new one if there is no such
// Collection.
func (t *tx) feedOf(collection string) (f feed.ID, err error) {
	err = t.row([]any{&f}, `select feed from collections where id = $1`, collection)
	if errors.Is(err, sql.ErrNoRows) {
		return t.newFeed()
	}
	return f, err
}

func (t *tx) newFeed() (feed.ID, error) {
	n, err := t.number("feed")
	if err != nil {
		return 0, err
	}
	h := feed.Head{Incarnation: taxii.NewID()}
	t.heads[feed.ID(n)] = h
	return feed.ID(n), t.exec(`insert into feeds (id, seq, added, incarnation) values ($1, 0, 0, $2)`, n, h.Incarnation)
}

// RemoveCollection makes a Collection invisible and its name and alias free;
// PurgeStep removes what it holds.
func (s *Store) RemoveCollection(ctx context.Context, id string) error {
	return s.do(ctx, "remove Collection", func(t *tx) error {
		if err := t.exec(`delete from grants where scope = 'collection' and item = $1`, id); err != nil {
			return err
		}
		return t.exec(`update collections set state = 'removing' where id = $1`, id)
	})
}

// Count gives the number of entries of a feed.
func (s *Store) Count(ctx context.Context, f feed.ID) (n int64, err error) {
	err = s.each(ctx, func(r *sql.Rows) error { return r.Scan(&n) }, `select count(*) from entries where feed = $1`, f)
	return n, err
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}
