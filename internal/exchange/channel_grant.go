package exchange

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// maxGrants bounds the grants of one Channel, which are in the memory of every
// node.
const maxGrants = 10_000

// channelGrants gives the grants on a Channel itself, by account, then by group.
func (s *snapshot) channelGrants(c *Channel) []taxii.ChannelGrant {
	list := []taxii.ChannelGrant{}
	at := resource{OnChannel, c.Root, c.ID}
	for id, grants := range s.grants {
		if rights := grants[at]; rights != 0 {
			set := s.grantSetting(id, at)
			list = append(list, taxii.ChannelGrant{
				Account: set.Account, Group: set.Group, Ceiling: set.Ceiling,
				CanRead: rights.Has(Read), CanWrite: rights.Has(Write), CanManage: rights.Has(Manage),
			})
		}
	}
	slices.SortFunc(list, func(a, b taxii.ChannelGrant) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Account, b.Account))
	})
	return list
}

// ChannelGrants gives the grants on a Channel itself, of accounts and then of
// groups, each by name, and their tag;
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
// listed any more has none; who is listed keeps the right to push, which only an
// operator gives, and the ceiling, unless another is named.
func (s *Session) SetChannelGrants(ctx context.Context, root, name string, cond Condition, g taxii.ChannelGrants) (taxii.ChannelGrants, error) {
	id, words := "", ""
	err := s.changeTo(ctx, act{"grant.set", root + "/channel/" + name}, &words, func(snap *snapshot) error {
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
		grants = append(grants, snap.ending(r, c, grants)...)
		words = snap.regrants(grants)
		return s.x.store.PutGrant(ctx, grants...)
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

// regrants says, for the audit, which of some grants change what there is, and how.
func (s *snapshot) regrants(grants []Grant) string {
	var words []string
	for _, g := range grants {
		at := resource{g.Scope, g.Root, g.Item}
		set := s.grantSetting(g.Account, at)
		was := set.detail(s.grants[g.Account][at])
		set.Ceiling = ""
		if g.Ceiling != nil {
			set.Ceiling = LevelName(*g.Ceiling)
		}
		if now := set.detail(g.Rights); now != was {
			words = append(words, set.To()+": "+now)
		}
	}
	slices.Sort(words)
	return strings.Join(words, "; ")
}

// granting turns a list of grants on a Channel into what the store keeps.
func (s *snapshot) granting(r *Root, c *Channel, list []taxii.ChannelGrant) ([]Grant, error) {
	if len(list) > maxGrants {
		return nil, invalid("grants", "has more than 10,000 accounts and groups")
	}
	grants, seen := []Grant{}, map[int64]bool{}
	for _, g := range list {
		grant, err := s.grantingOne(resource{OnChannel, r.ID, c.ID}, &g)
		switch {
		case err != nil:
			return nil, err
		case seen[grant.Account]:
			return nil, taxii.Errorf(taxii.Unprocessable, "grants names %.128q twice", g.Account+g.Group)
		}
		seen[grant.Account] = true
		grants = append(grants, grant)
	}
	return grants, nil
}

// grantingOne turns one grant on a Channel into what the store keeps.
func (s *snapshot) grantingOne(at resource, g *taxii.ChannelGrant) (Grant, error) {
	grant := Grant{Scope: at.scope, Root: at.root, Item: at.item}
	a, group := s.names[g.Account], s.groupNames[g.Group]
	switch {
	case g.Account != "" && g.Group != "":
		return grant, taxii.Errorf(taxii.Unprocessable, "grants names an account and a group in one: each has a grant of its own")
	case group != nil:
		grant.Account = group.ID
	case a == nil || a.Name == OperatorName:
		return grant, taxii.Errorf(taxii.Unprocessable, "grants names %.128q, to which nothing can be granted", g.Account+g.Group)
	default:
		grant.Account = a.ID
	}
	grant.Rights = s.grants[grant.Account][at]&Push | rightsOf(g.CanRead, g.CanWrite, g.CanManage)
	if err := meant(g.Account, OnChannel, grant.Rights); err != nil {
		return grant, err
	}
	var err error
	grant.Ceiling, err = s.ceilingOf(at, grant.Account, g)
	return grant, err
}

// noCeiling is the word that lifts a ceiling.
const noCeiling = "none"

// ceilingOf gives the ceiling of a grant on a Channel: the one that is named, or
// the one that there is.
func (s *snapshot) ceilingOf(at resource, party int64, g *taxii.ChannelGrant) (*Level, error) {
	switch g.Ceiling {
	case noCeiling:
		return nil, nil
	case "":
		level, limited := s.ceilings[party][at]
		if !limited || !g.CanRead {
			return nil, nil
		}
		return &level, nil
	}
	level, err := ParseLevel(g.Ceiling)
	if err == nil && !g.CanRead {
		err = invalid("ceiling", "goes with can_read, which this grant does not give")
	}
	return &level, err
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
