package exchange

import (
	"cmp"
	"context"
	"slices"

	"github.com/hansom-taxii/hansom/taxii"
)

// GroupSetting is a group as an operator states it: accounts that are granted
// rights together. Members is the whole list of names; anonymous and operator
// cannot be members.
type GroupSetting struct {
	Name    string   `json:"name" yaml:"name"`
	Members []string `json:"members,omitempty" yaml:"members,omitempty"`
	Limits  Limits   `json:"limits,omitzero" yaml:"limits,omitempty"` // of each member that has none of its own
}

const (
	// maxGroups and maxMembers bound what every node holds in memory and what one
	// change writes.
	maxGroups  = 10_000
	maxMembers = 100_000
)

// Groups lists the groups with their members, by name. It needs the right to
// manage the server, as all that concerns groups.
func (s *Session) Groups(context.Context) ([]GroupSetting, error) {
	snap := s.x.now.Load()
	if err := s.manages(snap, resource{scope: OnServer}); err != nil {
		return nil, err
	}
	list := []GroupSetting{}
	for _, g := range snap.groups {
		list = append(list, snap.groupSetting(g))
	}
	slices.SortFunc(list, func(a, b GroupSetting) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// GroupSetting gives one group.
func (s *Session) GroupSetting(_ context.Context, name string) (GroupSetting, error) {
	snap := s.x.now.Load()
	g, err := s.managedGroup(snap, name)
	if err != nil {
		return GroupSetting{}, err
	}
	return snap.groupSetting(g), nil
}

func (s *snapshot) groupSetting(g *Group) GroupSetting {
	set := GroupSetting{Name: g.Name, Limits: g.Limits}
	for _, id := range g.Members {
		if a := s.accounts[id]; a != nil && !a.Removed {
			set.Members = append(set.Members, a.Name)
		}
	}
	slices.Sort(set.Members)
	return set
}

func (s *Session) managedGroup(snap *snapshot, name string) (*Group, error) {
	if err := s.manages(snap, resource{scope: OnServer}); err != nil {
		return nil, err
	}
	g := snap.groupNames[name]
	if g == nil {
		return nil, taxii.Errorf(taxii.NotFound, "no group %q", name)
	}
	return g, nil
}

// AddGroup makes a group. Accounts and groups share their names, so that a grant
// names one or the other: a name that either has is a Conflict.
func (s *Session) AddGroup(ctx context.Context, set GroupSetting) error {
	words := groupChanges(&GroupSetting{}, &set)
	return s.changeTo(ctx, act{"group.add", set.Name}, &words, func(snap *snapshot) error {
		if err := s.manages(snap, resource{scope: OnServer}); err != nil {
			return err
		}
		if err := set.check(); err != nil {
			return err
		}
		if err := snap.free(set.Name); err != nil {
			return err
		}
		if len(snap.groups) >= maxGroups {
			return taxii.Errorf(taxii.Conflict, "there are %d groups, and can be no more", len(snap.groups))
		}
		return s.putGroup(ctx, snap, Group{}, &set)
	})
}

// SetGroup changes the members or limits of a group: edit is given its settings.
// Who is no member any more loses what only the group gave, from the next request
// on.
func (s *Session) SetGroup(ctx context.Context, name string, edit func(*GroupSetting) error) (set GroupSetting, err error) {
	var lost []*Channel
	words := ""
	err = s.changeTo(ctx, act{"group.set", name}, &words, func(snap *snapshot) error {
		g, err := s.managedGroup(snap, name)
		if err != nil {
			return err
		}
		was := snap.groupSetting(g)
		set = was
		set.Members = slices.Clone(was.Members)
		if err := edit(&set); err != nil {
			return err
		}
		words = groupChanges(&was, &set)
		if set.Name != name {
			return taxii.Errorf(taxii.Unprocessable, "a group cannot be renamed: records know it by its name")
		}
		if err := set.check(); err != nil {
			return err
		}
		lost = snap.managedBy(g.ID)
		return s.putGroup(ctx, snap, *g, &set)
	})
	if err != nil {
		return GroupSetting{}, err
	}
	return set, s.x.endInvitations(ctx, lost...)
}

// putGroup keeps a group as it is set.
func (s *Session) putGroup(ctx context.Context, snap *snapshot, g Group, set *GroupSetting) error {
	members, err := snap.members(set.Members)
	if err != nil {
		return err
	}
	_, err = s.x.store.PutGroup(ctx, Group{ID: g.ID, Name: set.Name, Limits: set.Limits, Members: members})
	return err
}

// members gives the numbers of accounts, each of which is there and can sign in.
func (s *snapshot) members(names []string) ([]int64, error) {
	list := make([]int64, 0, len(names))
	for _, name := range names {
		a := s.names[name]
		if a == nil {
			return nil, taxii.Errorf(taxii.Unprocessable, "members names %.128q, which is no account", name)
		}
		list = append(list, a.ID)
	}
	slices.Sort(list)
	return list, nil
}

// RemoveGroup ends a group with its grants and limits. Its members stay.
func (s *Session) RemoveGroup(ctx context.Context, name string) error {
	var lost []*Channel
	err := s.change(ctx, act{"group.remove", name}, func(snap *snapshot) error {
		g, err := s.managedGroup(snap, name)
		if err != nil {
			return err
		}
		lost = snap.managedBy(g.ID)
		return s.x.store.RemoveGroup(ctx, g.ID)
	})
	if err != nil {
		return err
	}
	return s.x.endInvitations(ctx, lost...)
}

// managedBy gives the Channels that a group lets its members manage.
func (s *snapshot) managedBy(group int64) (list []*Channel) {
	for r, rights := range s.grants[group] {
		if rights.Has(Manage) {
			list = append(list, s.channelsIn(r)...)
		}
	}
	return list
}

func (set *GroupSetting) check() error {
	switch {
	case !accountForm.MatchString(set.Name):
		return invalid("name", "must begin with a letter, a digit or _ and have only letters, digits and . _ @ + -, at most 128")
	case builtin(set.Name):
		return invalid("name", "is that of a built-in account")
	case len(set.Members) > maxMembers:
		return invalid("members", "has more than 100,000 accounts")
	}
	seen := map[string]bool{}
	for _, name := range set.Members {
		if builtin(name) {
			return invalid("members", "cannot have "+name+": what everyone may do is granted to anonymous")
		}
		if seen[name] {
			return taxii.Errorf(taxii.Unprocessable, "members names %.128q twice", name)
		}
		seen[name] = true
	}
	return set.Limits.check()
}

// free tells whether neither an account nor a group has a name.
func (s *snapshot) free(name string) error {
	switch {
	case s.names[name] != nil:
		return taxii.Errorf(taxii.Conflict, "there is an account %q already", name)
	case s.groupNames[name] != nil:
		return taxii.Errorf(taxii.Conflict, "there is a group %q already, and accounts and groups share their names", name)
	}
	return nil
}

// partyName gives the name of an account or a group by its number, and whether it
// is a group.
func (s *snapshot) partyName(id int64) (name string, group bool) {
	if g := s.groups[id]; g != nil {
		return g.Name, true
	}
	if a := s.accounts[id]; a != nil {
		return a.Name, false
	}
	return "", false
}

// lasting is the answer to who asks for something that outlives the sign-in, but
// has the right only by a group that an outside issuer put it in: nobody would
// know when that ends.
func lasting(verb string) error {
	return taxii.Errorf(taxii.Forbidden, "this account may not %s here by the word of the issuer that signed it in", verb).
		Describe("What outlives a sign-in needs a grant to the account itself, or to a group of this server that it is in.")
}
