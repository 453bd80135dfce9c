package exchange

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/hansom-taxii/hansom/taxii"
)

// CreateToken makes an API token and gives it, this once. An account makes tokens
// for itself; for another one it must manage the server. By a credential with a
// scope, a ceiling or an end it makes none that goes beyond them, and a token that
// was made with a token ends with it.
func (s *Session) CreateToken(ctx context.Context, set TokenSetting) (token string, record TokenRecord, err error) {
	token = newAPIToken()
	name := cmp.Or(set.Account, s.account.Name)
	err = s.change(ctx, act{"token.create", name + "/" + set.Name}, func(snap *snapshot) error {
		a, own, err := s.owner(snap, set.Account)
		if err != nil {
			return err
		}
		c, err := set.credential(s, snap, a)
		if err != nil {
			return err
		}
		if own {
			if err := s.mayMake(snap, &c); err != nil {
				return err
			}
		}
		c.Secret = tokenHash(token)
		record = s.tokenRecord(snap, &c, 0)
		return s.x.store.PutCredential(ctx, c)
	})
	if err != nil {
		return "", TokenRecord{}, err
	}
	return token, record, nil
}

// owner finds the account whose credentials are meant: the one that asks for "", or
// another one for who manages the server.
func (s *Session) owner(snap *snapshot, account string) (a *Account, own bool, err error) {
	if account != "" && account != s.account.Name {
		a, err = s.managedAccount(snap, account, false)
		return a, false, err
	}
	switch {
	case s.anonymous:
		return nil, false, s.Missing()
	case s.account.Builtin:
		return nil, false, taxii.Errorf(taxii.Conflict, "%q is built in and has no credentials", s.account.Name)
	}
	return s.account, true, s.stands(snap)
}

// mayMake cuts a new credential of the own account to what the request's own let
// through.
func (s *Session) mayMake(snap *snapshot, c *Credential) error {
	proofs := s.proofs()
	if len(proofs) == 0 {
		return taxii.Errorf(taxii.Forbidden, "this account was signed in by another issuer, and has no credential here that could make others").
			Describe("Whoever runs the server can make a token for it.")
	}
	return c.within(proofs)
}

// Tokens lists the API tokens of an account, by name: those of the one that asks
// for "", of another one for who manages the server. Who asks with a token, or with
// another credential that does not let all through, finds itself and what it made.
func (s *Session) Tokens(ctx context.Context, account string) ([]TokenRecord, error) {
	snap := s.x.now.Load()
	a, _, err := s.owner(snap, account)
	if err != nil {
		return nil, err
	}
	used, err := s.lastUses(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	list := []TokenRecord{}
	for i := range snap.credentials[a.ID] {
		if c := &snap.credentials[a.ID][i]; c.Kind == KindToken && s.handles(snap, c) {
			list = append(list, s.tokenRecord(snap, c, used[c.Name]))
		}
	}
	slices.SortFunc(list, func(a, b TokenRecord) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// AllTokens lists the API tokens of all accounts, by account and name, for who
// manages the server.
func (s *Session) AllTokens(ctx context.Context) ([]TokenRecord, error) {
	snap := s.x.now.Load()
	if err := s.manages(snap, resource{scope: OnServer}); err != nil {
		return nil, err
	}
	all := []TokenRecord{}
	for _, name := range slices.Sorted(maps.Keys(snap.names)) {
		if !slices.ContainsFunc(snap.credentials[snap.names[name].ID], func(c Credential) bool { return c.Kind == KindToken }) {
			continue
		}
		list, err := s.Tokens(ctx, name)
		if err != nil && taxii.KindOf(err) != taxii.NotFound { // it was removed a moment ago
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// lastUses gives when the tokens of an account were used last, by their names.
func (s *Session) lastUses(ctx context.Context, account int64) (map[string]taxii.Time, error) {
	uses, err := s.x.store.CredentialUses(ctx, account)
	if err != nil {
		return nil, err
	}
	last := map[string]taxii.Time{}
	for _, u := range uses {
		if u.Kind == KindToken {
			last[u.Name] = u.Used
		}
	}
	return last, nil
}

// RevokeToken ends an API token, and those that were made with it, at once: for
// requests that are under way too, where they last.
func (s *Session) RevokeToken(ctx context.Context, id string) error {
	return s.change(ctx, act{"token.revoke", id}, func(snap *snapshot) error {
		c := snap.credential[id]
		if c == nil || c.Kind != KindToken || !s.handles(snap, c) {
			return s.noToken(snap, id)
		}
		if err := s.stands(snap); err != nil {
			return err
		}
		for _, end := range append(snap.madeWith(c), c) {
			if err := s.x.store.RemoveCredential(ctx, end.Account, end.Kind, end.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Session) noToken(snap *snapshot, id string) error {
	if s.manages(snap, resource{scope: OnServer}) != nil {
		return s.Missing()
	}
	return taxii.Errorf(taxii.NotFound, "no token %.64q", id)
}

// handles tells whether s may see and end a credential: who manages the server any,
// an account its own. By a token, or by what does not let all through, only itself
// and what was made with it: or who finds a token could end all others.
func (s *Session) handles(snap *snapshot, c *Credential) bool {
	if s.manages(snap, resource{scope: OnServer}) == nil {
		return true
	}
	if s.anonymous || s.account.Builtin || c.Account != s.account.ID {
		return false
	}
	return !slices.ContainsFunc(s.proofs(), func(p *Credential) bool {
		return (p.Kind == KindToken || p.Scope != nil || p.Ceiling != nil) && p.ID != c.ID && !snap.descends(c, p.ID)
	})
}

// descends tells whether a credential was made with that of an id, or with one that
// was.
func (s *snapshot) descends(c *Credential, id string) bool {
	for c != nil && c.Maker != "" {
		if c.Maker == id {
			return true
		}
		c = s.credential[c.Maker]
	}
	return false
}

// madeWith gives the credentials that were made with one, and with those, the last
// first.
func (s *snapshot) madeWith(c *Credential) (list []*Credential) {
	for _, other := range s.credential {
		if s.descends(other, c.ID) {
			list = append(list, other)
		}
	}
	slices.SortFunc(list, func(a, b *Credential) int { return cmp.Compare(b.Created, a.Created) })
	return list
}

// ChangePassword gives the account that asks a new password, if verify accepts the
// one that it has; what was signed in with that ends. By a credential that does not
// let all through it is Forbidden.
func (s *Session) ChangePassword(ctx context.Context, fresh string, verify func(secret string) (bool, error)) error {
	was, err := s.changeable(fresh)
	if err != nil {
		return err
	}
	switch ok, err := verify(was.Secret); {
	case err != nil:
		return err
	case !ok:
		return taxii.Errorf(taxii.Forbidden, "the old password is not the one of this account")
	}
	hash, err := s.x.opt.HashPassword(fresh)
	if err != nil {
		return err
	}
	made := s.x.passwords(hash)[0]
	made.Account = s.account.ID
	return s.change(ctx, act{"account.password", s.account.Name}, func(snap *snapshot) error {
		if err := s.stands(snap); err != nil {
			return err
		}
		now := snap.password(s.account.ID)
		if now == nil || !now.same(*was) {
			return taxii.Errorf(taxii.Conflict, "the password was changed by somebody else meanwhile")
		}
		return s.x.store.PutCredential(ctx, made)
	})
}

// changeable tells whether who asks may change its password to this one, and gives
// the one that it has.
func (s *Session) changeable(fresh string) (*Credential, error) {
	snap := s.x.now.Load()
	if s.anonymous || s.account.Builtin {
		return nil, s.Missing()
	}
	if slices.ContainsFunc(s.proofs(), func(p *Credential) bool { return p.Scope != nil || p.Ceiling != nil }) {
		return nil, taxii.Errorf(taxii.Forbidden, "a credential with a scope or a ceiling may not change the password")
	}
	was := snap.password(s.account.ID)
	if was == nil {
		return nil, taxii.Errorf(taxii.Conflict, "this account has no password; whoever runs the server can give it one")
	}
	if fresh == "" {
		return nil, invalid("new_password", "is missing")
	}
	return was, s.x.checkAccount(&AccountSetting{Name: s.account.Name, Password: fresh})
}

// password gives the password of an account; nil: it has none.
func (s *snapshot) password(account int64) *Credential {
	for i := range s.credentials[account] {
		if c := &s.credentials[account][i]; c.Kind == KindPassword {
			return c
		}
	}
	return nil
}
