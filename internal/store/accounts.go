package store

import (
	"context"
	"strings"

	"github.com/hansom-taxii/hansom/internal/exchange"
)

// PutAccount keeps an account; ID 0 makes a new one, and the number, which was
// never given before, is returned. In the same commit it keeps credentials of
// it, each in the place of one of the same kind and name.
func (s *Store) PutAccount(ctx context.Context, a exchange.Account, credentials ...exchange.Credential) (int64, error) {
	id := a.ID
	err := s.do(ctx, "put account", func(t *tx) (err error) {
		if id = a.ID; id == 0 {
			if id, err = t.newParty(a.Name); err != nil {
				return err
			}
		}
		err = t.exec(`insert into accounts (id, name, state, builtin, options, limits) values ($1, $2, 'active', $3, $4, $5)
			on conflict (id) do update set name = excluded.name, options = excluded.options, limits = excluded.limits`,
			id, a.Name, truth(a.Builtin), strings.Join(a.Options, ","), asJSON(a.Limits))
		if err != nil {
			return t.engine.taken(err, "there is an account %q already", a.Name)
		}
		for _, c := range credentials {
			if err := t.putCredential(id, c); err != nil {
				return err
			}
		}
		return nil
	})
	return id, err
}

// RemoveAccount ends all that hangs on an account; its number and name stay for
// the records. Its Subscriptions, of which there may be many, are out of reach at
// once, as those of every account that is removed, and PurgeStep purges them.
func (s *Store) RemoveAccount(ctx context.Context, id int64) error {
	return s.do(ctx, "remove account", func(t *tx) error {
		for _, text := range []string{
			`delete from credentials where account = $1`,
			`delete from credential_uses where account = $1`,
			`delete from members where account = $1`,
			`delete from usage where account = $1`,
			`delete from grants where account = $1`,
			`update accounts set state = 'removed', options = '' where id = $1`,
			`insert into departed (account) select cast($1 as bigint)
				where exists (select 1 from subscriptions where account = $1) on conflict (account) do nothing`,
		} {
			if err := t.exec(text, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// RemoveCredential ends a credential.
func (s *Store) RemoveCredential(ctx context.Context, account int64, kind, name string) error {
	return s.do(ctx, "remove credential", func(t *tx) error {
		if err := t.exec(`delete from credential_uses where account = $1 and kind = $2 and name = $3`, account, kind, name); err != nil {
			return err
		}
		return t.exec(`delete from credentials where account = $1 and kind = $2 and name = $3`, account, kind, name)
	})
}

// PutGrant keeps grants in one commit, each in the place of the one on the same
// resource; without rights it is removed.
func (s *Store) PutGrant(ctx context.Context, grants ...exchange.Grant) error {
	return s.do(ctx, "put grant", func(t *tx) error { return t.putGrants(grants) })
}

func (t *tx) putGrants(grants []exchange.Grant) error {
	for _, g := range grants {
		if err := t.putGrant(g); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) putGrant(g exchange.Grant) error {
	if g.Rights == 0 {
		return t.exec(`delete from grants where account = $1 and scope = $2 and root = $3 and item = $4`,
			g.Account, g.Scope, g.Root, g.Item)
	}
	return t.exec(`insert into grants (account, scope, root, item, rights, ceiling) values ($1, $2, $3, $4, $5, $6)
		on conflict (account, scope, root, item) do update set rights = excluded.rights, ceiling = excluded.ceiling`,
		g.Account, g.Scope, g.Root, g.Item, g.Rights, g.Ceiling)
}

// PutSecrets keeps secrets, in one commit; of those that are there, their states.
// One that is retired stays so, whatever another node takes it for.
func (s *Store) PutSecrets(ctx context.Context, secrets ...exchange.Secret) error {
	return s.do(ctx, "put secrets", func(t *tx) error {
		for _, v := range secrets {
			if err := t.exec(`insert into secrets (purpose, kid, state, created, signs, sealed) values ($1, $2, $3, $4, $5, $6)
				on conflict (purpose, kid) do update set state = excluded.state, signs = excluded.signs where secrets.state <> 'retired'`,
				v.Purpose, v.KID, v.State, v.Created, v.Signs, v.Sealed); err != nil {
				return err
			}
		}
		return nil
	})
}
