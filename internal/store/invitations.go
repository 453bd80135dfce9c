package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	invitationRows = `select v.id, v.channel, v.maker, v.rights, v.token_hash, v.created, v.expires, v.uses
		from invitations v where (select c.state from channels c where c.id = v.channel) = 'active' and `
	invitationsOn     = invitationRows + `v.channel = $1 order by v.id`
	invitationByToken = invitationRows + `v.token_hash = $2 and v.channel = $1`
)

func scanInvitation(r *sql.Rows) (v exchange.Invitation, err error) {
	err = r.Scan(&v.ID, &v.Channel, &v.Maker, &v.Rights, &v.TokenHash, &v.Created, &v.Expires, &v.Uses)
	return v, err
}

// PutInvitation keeps an invitation, in the place of the one with its id. NotFound:
// the Channel is not there.
func (s *Store) PutInvitation(ctx context.Context, v exchange.Invitation) error {
	return s.do(ctx, "put invitation", func(t *tx) error {
		n, err := t.changed(`insert into invitations (id, channel, maker, rights, token_hash, created, expires, uses)
			select cast($1 as text), cast($2 as text), cast($3 as bigint), cast($4 as bigint), cast($5 as text),
			cast($6 as bigint), cast($7 as bigint), cast($8 as bigint)
			where (select state from channels where id = $2) = 'active'
			on conflict (id) do update set rights = excluded.rights, expires = excluded.expires, uses = excluded.uses`,
			v.ID, v.Channel, v.Maker, v.Rights, v.TokenHash, v.Created, v.Expires, v.Uses)
		if err == nil && n == 0 {
			return taxii.Errorf(taxii.NotFound, "no such channel")
		}
		return err
	})
}

// Invitations lists those of a Channel by id, without those that are used up.
func (s *Store) Invitations(ctx context.Context, channel string) (list []exchange.Invitation, err error) {
	err = s.each(ctx, func(r *sql.Rows) error {
		v, err := scanInvitation(r)
		list = append(list, v)
		return err
	}, invitationsOn, channel)
	return list, named("read invitations", err)
}

// RemoveInvitation revokes an invitation (NotFound).
func (s *Store) RemoveInvitation(ctx context.Context, channel, id string) error {
	return s.do(ctx, "remove invitation", func(t *tx) error {
		n, err := t.changed(`delete from invitations where id = $2 and channel = $1`, channel, id)
		if err == nil && n == 0 {
			return noInvitation()
		}
		return err
	})
}

func noInvitation() error { return taxii.Errorf(taxii.NotFound, "no such invitation") }

// Redeem uses an invitation up by one and adds its rights to the account's grant
// on the Channel, in one transaction; it gives the invitation with the uses that
// are left. The last use ends it. NotFound: no such token, expired, used up, not
// good, or the account is not there. good may be called twice and changes nothing.
func (s *Store) Redeem(ctx context.Context, channel, tokenHash string, account int64, now taxii.Time, good func(exchange.Invitation) bool) (exchange.Invitation, error) {
	var v exchange.Invitation
	err := s.do(ctx, "redeem an invitation", func(t *tx) (err error) {
		v, err = t.redeem(channel, tokenHash, account, now, good)
		return err
	})
	if err != nil {
		return exchange.Invitation{}, err
	}
	return v, nil
}

func (t *tx) redeem(channel, tokenHash string, account int64, now taxii.Time, good func(exchange.Invitation) bool) (v exchange.Invitation, err error) {
	err = t.rows(func(r *sql.Rows) (err error) { v, err = scanInvitation(r); return err }, invitationByToken, channel, tokenHash)
	if err != nil {
		return v, err
	}
	if v.ID == "" || v.Uses < 1 || v.Expires <= now || !good(v) {
		return v, noInvitation()
	}
	var root int64
	err = t.row([]any{&root}, `select c.root from channels c, accounts a
		where c.id = $1 and a.id = $2 and a.state = 'active'`, channel, account)
	if errors.Is(err, sql.ErrNoRows) {
		return v, noInvitation()
	}
	if err != nil {
		return v, err
	}
	err = t.exec(`insert into grants (account, scope, root, item, rights) values ($1, 'channel', $2, $3, $4)
		on conflict (account, scope, root, item) do update set rights = grants.rights | excluded.rights`, account, root, channel, v.Rights)
	if err != nil {
		return v, err
	}
	if v.Uses--; v.Uses == 0 {
		return v, t.exec(`delete from invitations where id = $1`, v.ID)
	}
	return v, t.exec(`update invitations set uses = uses - 1 where id = $1`, v.ID)
}
