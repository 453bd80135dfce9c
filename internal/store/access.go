package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// jsonColumn reads a column of JSON; "" is the zero value.
type jsonColumn struct{ to any }

func fromJSON(to any) jsonColumn { return jsonColumn{to} }

// Scan implements sql.Scanner.
func (c jsonColumn) Scan(from any) error {
	text, ok := from.(string)
	if octets, is := from.([]byte); is {
		text, ok = string(octets), true
	}
	switch {
	case !ok:
		return fmt.Errorf("a column of JSON holds a %T", from)
	case text == "":
		return nil
	}
	return json.Unmarshal([]byte(text), c.to)
}

// asJSON gives what fromJSON reads.
func asJSON(v any) string {
	if reflect.ValueOf(v).IsZero() {
		return ""
	}
	text, _ := json.Marshal(v) // lists and structs of strings and numbers cannot fail to be JSON
	return string(text)
}

func ways(list []exchange.Way) string {
	texts := make([]string, len(list))
	for i, way := range list {
		texts[i] = string(way)
	}
	return strings.Join(texts, ",")
}

func groupPart(c *exchange.Catalog) catalogPart {
	return catalogPart{`select id, name, limits from account_groups order by id`, func(r *sql.Rows) error {
		var v exchange.Group
		err := r.Scan(&v.ID, &v.Name, fromJSON(&v.Limits))
		c.Groups = append(c.Groups, v)
		return err
	}}
}

// memberPart is read after groupPart, in the same order.
func memberPart(c *exchange.Catalog) catalogPart {
	at := 0
	return catalogPart{`select grp, account from members order by grp, account`, func(r *sql.Rows) error {
		var group, account int64
		if err := r.Scan(&group, &account); err != nil {
			return err
		}
		for at < len(c.Groups) && c.Groups[at].ID < group {
			at++
		}
		if at == len(c.Groups) || c.Groups[at].ID != group {
			return fmt.Errorf("account %d is a member of group %d, which is not there", account, group)
		}
		c.Groups[at].Members = append(c.Groups[at].Members, account)
		return nil
	}}
}

// PutGroup keeps a group with the whole list of its members; ID 0 makes a new
// one, and the number, which no account or group ever had, is returned.
func (s *Store) PutGroup(ctx context.Context, g exchange.Group) (int64, error) {
	id := g.ID
	err := s.do(ctx, "put group", func(t *tx) (err error) {
		if id = g.ID; id == 0 {
			if id, err = t.newParty(g.Name); err != nil {
				return err
			}
		}
		err = t.exec(`insert into account_groups (id, name, limits) values ($1, $2, $3)
			on conflict (id) do update set name = excluded.name, limits = excluded.limits`, id, g.Name, asJSON(g.Limits))
		if err != nil {
			return t.engine.taken(err, "there is a group %q already", g.Name)
		}
		if err := t.exec(`delete from members where grp = $1`, id); err != nil {
			return err
		}
		for _, account := range g.Members {
			err := t.exec(`insert into members (grp, account) select cast($1 as bigint), id from accounts
				where id = $2 and state = 'active'`, id, account)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return id, err
}

// newParty gives the number of a new account or group, unless one of the other kind
// has its name: a grant names either. Taking the number locks the counter, so that
// no other node can be making the other at the same time.
func (t *tx) newParty(name string) (int64, error) {
	id, err := t.number("account")
	if err != nil {
		return 0, err
	}
	taken := int64(0)
	err = t.row([]any{&taken}, `select (select count(*) from account_groups where name = $1)
		+ (select count(*) from accounts where name = $1 and state = 'active')`, name)
	if err == nil && taken > 0 {
		err = taxii.Errorf(taxii.Conflict, "there is an account or a group %q already", name)
	}
	return id, err
}

// RemoveGroup ends a group and its grants.
func (s *Store) RemoveGroup(ctx context.Context, id int64) error {
	return s.do(ctx, "remove group", func(t *tx) error {
		for _, text := range []string{
			`delete from members where grp = $1`,
			`delete from grants where account = $1`,
			`delete from account_groups where id = $1`,
		} {
			if err := t.exec(text, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// PutCredential keeps a credential in the place of one of the same account, kind
// and name.
func (s *Store) PutCredential(ctx context.Context, c exchange.Credential) error {
	return s.do(ctx, "put credential", func(t *tx) error { return t.putCredential(c.Account, c) })
}

func (t *tx) putCredential(account int64, c exchange.Credential) error {
	return t.exec(`insert into credentials (account, kind, name, secret, created, id, expires, scope, ceiling, maker)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (account, kind, name) do update set secret = excluded.secret, created = excluded.created, id = excluded.id,
		expires = excluded.expires, scope = excluded.scope, ceiling = excluded.ceiling, maker = excluded.maker`,
		account, c.Kind, c.Name, c.Secret, c.Created, c.ID, c.Expires, asJSON(c.Scope), c.Ceiling, c.Maker)
}

// PutCredentialUses keeps when credentials were last used, of those that are still
// there; what is known already to be later stays.
func (s *Store) PutCredentialUses(ctx context.Context, list ...exchange.CredentialUse) error {
	return s.do(ctx, "put uses of credentials", func(t *tx) error {
		for _, u := range list {
			if err := t.exec(`insert into credential_uses (account, kind, name, used)
				select account, kind, name, cast($4 as bigint) from credentials where account = $1 and kind = $2 and name = $3
				on conflict (account, kind, name) do update set used =
				case when excluded.used > credential_uses.used then excluded.used else credential_uses.used end`,
				u.Account, u.Kind, u.Name, u.Used); err != nil {
				return err
			}
		}
		return nil
	})
}

// CredentialUses gives when the credentials of an account were last used, of those
// of which that is known.
func (s *Store) CredentialUses(ctx context.Context, account int64) (list []exchange.CredentialUse, err error) {
	err = s.each(ctx, func(r *sql.Rows) error {
		u := exchange.CredentialUse{Account: account}
		err := r.Scan(&u.Kind, &u.Name, &u.Used)
		list = append(list, u)
		return err
	}, `select kind, name, used from credential_uses where account = $1 order by kind, name`, account)
	return list, err
}
