package exchange

import (
	"cmp"
	"context"
	"slices"

	"github.com/hansom-taxii/hansom/taxii"
)

// maxGrants bounds the grants of one Channel, which are in the memory of every
// node.
const maxGrants = 10_000

// channelGrants gives the grants on a Channel itself, by account.
func (s *snapshot) channelGrants(c *Channel) []taxii.ChannelGrant {
	list := []taxii.ChannelGrant{}
	at := resource{OnChannel, c.Root, c.ID}
	for id, grants := range s.grants {
		if rights := grants[at]; rights != 0 {
			list = append(list, taxii.ChannelGrant{
				Account: s.accounts[id].Name, CanRead: rights.Has(Read), CanWrite: rights.Has(Write), CanManage: rights.Has(Manage),
			})
		}
	}
	slices.SortFunc(list, func(a, b taxii.ChannelGrant) int { return cmp.Compare(a.Account, b.Account) })
	return list
}

// ChannelGrants gives the grants on a Channel itself, by account, and their tag;
// what is granted on its API Root or on the server is not among them. It needs
// the right to manage the Channel.
func (s *Session) ChannelGrants(_ context.Context, root, name string) (taxii.ChannelGrants, string, error) {
	snap := s.x.now.Load()
	_, c, err := s.managedChannel(snap, root, name)
	if err != nil {
		return taxii.ChannelGrants{}, "", err
	}
	list := snap.channelGrants(c)
	tag := tagOf(c.ID, list)
	return taxii.ChannelGrants{Grants: list, ETag: tag}, tag, nil
}

// SetChannelGrants replaces the whole list of grants on a Channel. Who is not
// listed any more has none; an account that is listed keeps the right to push,
// which only an operator gives.
func (s *Session) SetChannelGrants(ctx context.Context, root, name string, cond Condition, g taxii.ChannelGrants) (taxii.ChannelGrants, error) {
	id := ""
	err := s.x.change(ctx, func(snap *snapshot) error {
		r, c, err := s.managedChannel(snap, root, name)
		if err != nil {
			return err
		}
		was := snap.channelGrants(c)
		if err := cond.check(tagOf(c.ID, was)); err != nil {
			return err
		}
		grants, err := snap.granting(r, c, g.Grants)
		if err != nil {
			return err
		}
		id = c.ID
		return s.x.store.PutGrant(ctx, append(grants, snap.ending(r, c, grants)...)...)
	})
	if err != nil {
		return taxii.ChannelGrants{}, err
	}
	snap := s.x.now.Load()
	now := snap.channelByID[id]
	if now == nil {
		return taxii.ChannelGrants{}, s.Missing() // removed in the meantime
	}
	list := snap.channelGrants(now)
	return taxii.ChannelGrants{Grants: list, ETag: tagOf(now.ID, list)}, s.x.endInvitations(ctx, now)
}

// granting turns a list of grants on a Channel into what the store keeps.
func (s *snapshot) granting(r *Root, c *Channel, list []taxii.ChannelGrant) ([]Grant, error) {
	if len(list) > maxGrants {
		return nil, invalid("grants", "has more than 10,000 accounts")
	}
	grants, seen := []Grant{}, map[int64]bool{}
	for _, g := range list {
		a := s.names[g.Account]
		switch {
		case a == nil || a.Name == OperatorName:
			return nil, taxii.Errorf(taxii.Unprocessable, "grants names %.128q, to which nothing can be granted", g.Account)
		case seen[a.ID]:
			return nil, taxii.Errorf(taxii.Unprocessable, "grants names %.128q twice", g.Account)
		}
		seen[a.ID] = true
		at := resource{OnChannel, r.ID, c.ID}
		rights := s.grants[a.ID][at]&Push | rightsOf(g.CanRead, g.CanWrite, g.CanManage)
		if err := meant(a.Name, OnChannel, rights); err != nil {
			return nil, err
		}
		grants = append(grants, Grant{Account: a.ID, Scope: at.scope, Root: at.root, Item: at.item, Rights: rights})
	}
	return grants, nil
}

func anonymousManages() error {
	return taxii.Errorf(taxii.Unprocessable, "anonymous can be granted read and write on a channel, and no more")
}

// rightsOf gives the rights that truths of a resource stand for.
func rightsOf(read, write, manage bool) (rights Rights) {
	for i, has := range []bool{read, write, manage} {
		if has {
			rights |= 1 << i // in the order of Read, Write, Manage
		}
	}
	return rights
}

// ending gives what ends the grants on a Channel that a new list has not.
func (s *snapshot) ending(r *Root, c *Channel, list []Grant) (grants []Grant) {
	at := resource{OnChannel, r.ID, c.ID}
	for id := range s.grants {
		if s.grants[id][at] != 0 && !slices.ContainsFunc(list, func(g Grant) bool { return g.Account == id }) {
			grants = append(grants, Grant{Account: id, Scope: at.scope, Root: at.root, Item: at.item})
		}
	}
	return grants
}

// firstGrants gives the grants of a new Channel: those that are stated, and every
// right on it to who makes it.
func (s *Session) firstGrants(snap *snapshot, r *Root, c *Channel, list []taxii.ChannelGrant) ([]Grant, error) {
	grants, err := snap.granting(r, c, list)
	if err != nil || s.operator {
		return grants, err
	}
	grants = slices.DeleteFunc(grants, func(g Grant) bool { return g.Account == s.account.ID })
	return append(grants, Grant{Account: s.account.ID, Scope: OnChannel, Root: r.ID, Item: c.ID, Rights: Read | Write | Manage}), nil
}

// actor gives the Session of who did something before, for what is still done in
// that name; nil if the account was removed.
func (x *Exchange) actor(snap *snapshot, account int64) *Session {
	a := snap.accounts[account]
	if a == nil || a.Removed {
		return nil
	}
	return &Session{x: x, account: a, operator: a.Name == OperatorName}
}
