package exchange

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// GrantSetting is a grant as an operator states it. On is "server", the name of
// an API Root, or ROOT/collection/ALIAS or ID.
type GrantSetting struct {
	Account string   `json:"account" yaml:"account"`
	On      string   `json:"on" yaml:"on"`
	Rights  []string `json:"rights" yaml:"rights"`
}

// named reads the name of a resource.
func (s *snapshot) named(sess *Session, on string) (resource, error) {
	if on == string(OnServer) {
		return resource{scope: OnServer}, nil
	}
	if root, name, ok := strings.Cut(on, "/collection/"); ok {
		r := s.roots[root]
		if r == nil || !sess.seesRoot(s, r) {
			return resource{}, absent(sess, "no API Root %q", root)
		}
		c := s.collection(r.ID, name)
		if c == nil || sess.onCollection(s, r, c) == 0 {
			return resource{}, absent(sess, "no collection %q in %q", name, root)
		}
		return resource{OnCollection, r.ID, c.ID}, nil
	}
	r := s.roots[on]
	if r == nil || !sess.seesRoot(s, r) {
		return resource{}, absent(sess, "no API Root %q; a resource is server, ROOT, or ROOT/collection/NAME", on)
	}
	return resource{scope: OnRoot, root: r.ID}, nil
}

// name writes the name of a resource.
func (s *snapshot) name(r resource) string {
	root := s.rootByID[r.root]
	switch {
	case r.scope == OnServer:
		return string(OnServer)
	case root == nil:
		return ""
	case r.scope == OnRoot:
		return root.Name
	}
	name := r.collection
	if c := s.byID[r.collection]; c != nil && c.Alias != "" {
		name = c.Alias
	}
	return root.Name + "/collection/" + name
}

// Grants lists the grants on what the account may manage.
func (s *Session) Grants(context.Context) ([]GrantSetting, error) {
	snap, list := s.x.now.Load(), []GrantSetting{}
	if err := s.managesAny(snap); err != nil {
		return nil, err
	}
	for id, grants := range snap.grants {
		for r, rights := range grants {
			if s.manages(snap, r) == nil {
				list = append(list, GrantSetting{Account: snap.accounts[id].Name, On: snap.name(r), Rights: rights.List()})
			}
		}
	}
	slices.SortFunc(list, func(a, b GrantSetting) int { return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.On, b.On)) })
	return list, nil
}

// SetGrant gives an account exactly these rights on a resource; none ends the
// grant. A change holds from the next request on.
func (s *Session) SetGrant(ctx context.Context, set GrantSetting) error {
	rights, err := ParseRights(set.Rights)
	if err != nil {
		return err
	}
	return s.x.change(ctx, func(snap *snapshot) error {
		r, err := snap.named(s, set.On)
		if err != nil {
			return err
		}
		if err := s.manages(snap, r); err != nil {
			return err
		}
		a := snap.names[set.Account]
		switch {
		case a == nil:
			return absent(s, "no account %q", set.Account)
		case a.Name == OperatorName:
			return taxii.Errorf(taxii.Conflict, "operator has every right already")
		}
		return s.x.store.PutGrant(ctx, Grant{Account: a.ID, Scope: r.scope, Root: r.root, Collection: r.collection, Rights: rights})
	})
}

// RemoveGrant ends a grant.
func (s *Session) RemoveGrant(ctx context.Context, account, on string) error {
	snap := s.x.now.Load()
	r, err := snap.named(s, on)
	if err != nil {
		return err
	}
	if err := s.manages(snap, r); err != nil {
		return err
	}
	a := snap.names[account]
	if a == nil || snap.grants[a.ID][r] == 0 {
		return absent(s, "%q has no grant on %s", account, on)
	}
	return s.SetGrant(ctx, GrantSetting{Account: account, On: on})
}
