package exchange

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// GrantSetting is a grant as an operator states it. On is "server", the name of
// an API Root, ROOT/collection/ALIAS or ID, or ROOT/channel/NAME or ID.
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
	for _, scope := range []Scope{OnCollection, OnChannel} {
		if root, name, ok := strings.Cut(on, "/"+string(scope)+"/"); ok {
			return s.item(sess, scope, root, name)
		}
	}
	r := s.roots[on]
	if r == nil || !sess.seesRoot(s, r) {
		return resource{}, absent(sess, "no API Root %q; a resource is server, ROOT, ROOT/collection/NAME or ROOT/channel/NAME", on)
	}
	return resource{scope: OnRoot, root: r.ID}, nil
}

// item finds a Collection or a Channel by its name.
func (s *snapshot) item(sess *Session, scope Scope, root, name string) (resource, error) {
	r := s.roots[root]
	if r == nil || !sess.seesRoot(s, r) {
		return resource{}, absent(sess, "no API Root %q", root)
	}
	if scope == OnChannel {
		if c := s.channel(r.ID, name); c != nil && sess.onChannel(s, r, c) != 0 {
			return resource{scope, r.ID, c.ID}, nil
		}
	} else if c := s.collection(r.ID, name); c != nil && sess.onCollection(s, r, c) != 0 {
		return resource{scope, r.ID, c.ID}, nil
	}
	return resource{}, absent(sess, "no %s %q in %q", string(scope), name, root)
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
	name := r.item
	if c := s.byID[r.item]; c != nil && c.Alias != "" {
		name = c.Alias
	}
	if c := s.channelByID[r.item]; c != nil {
		name = c.Name
	}
	return root.Name + "/" + string(r.scope) + "/" + name
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
	var lost []*Channel // on which somebody may not manage any more
	err = s.x.change(ctx, func(snap *snapshot) error {
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
		was := snap.grants[a.ID][r]
		if err := s.mayGive(snap, a, r, rights, was); err != nil {
			return err
		}
		if was.Has(Manage) && !rights.Has(Manage) {
			lost = snap.channelsIn(r)
		}
		return s.x.store.PutGrant(ctx, Grant{Account: a.ID, Scope: r.scope, Root: r.root, Item: r.item, Rights: rights})
	})
	if err != nil {
		return err
	}
	return s.x.endInvitations(ctx, lost...)
}

// mayGive tells whether an account can have these rights on a resource, and
// whether who manages that may give them.
func (s *Session) mayGive(snap *snapshot, a *Account, r resource, rights, was Rights) error {
	if err := meant(a.Name, r.scope, rights); err != nil {
		return err
	}
	if (rights &^ was).Has(Push) && s.manages(snap, resource{scope: OnServer}) != nil {
		return taxii.Errorf(taxii.Forbidden, "giving the right to push needs the right to manage the server: it lets the server call others")
	}
	return nil
}

// meant refuses rights that have no meaning on a resource.
func meant(account string, scope Scope, rights Rights) error {
	switch {
	case rights.Has(Create) && scope != OnServer && scope != OnRoot:
		return invalid("create", "can only be granted on an API Root or the server")
	case rights.Has(Push) && scope == OnCollection:
		return invalid("push", "can only be granted on a channel, an API Root or the server")
	case account == AnonymousName && scope == OnChannel && rights&^(Read|Write) != 0:
		return anonymousManages()
	}
	return nil
}

// channelsIn gives the Channels of which a resource is one or has some in it.
func (s *snapshot) channelsIn(r resource) (list []*Channel) {
	for _, c := range s.channelByID {
		if r.scope == OnServer || r.scope == OnRoot && c.Root == r.root || r.scope == OnChannel && c.ID == r.item {
			list = append(list, c)
		}
	}
	return list
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
