package exchange

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// GrantSetting is a grant as an operator states it, to an account or to a group:
// one of both is named. On is "server", the name of an API Root,
// ROOT/collection/ALIAS or ID, or ROOT/channel/NAME or ID. Ceiling is the name of
// the highest marking level that is read by this grant, clear, green, amber,
// amber+strict or red; "" is no ceiling.
type GrantSetting struct {
	Account string   `json:"account,omitempty" yaml:"account,omitempty"`
	Group   string   `json:"group,omitempty" yaml:"group,omitempty"`
	On      string   `json:"on" yaml:"on"`
	Rights  []string `json:"rights" yaml:"rights"`
	Ceiling string   `json:"ceiling,omitempty" yaml:"ceiling,omitempty"`
}

// To names who is granted something, for people.
func (g *GrantSetting) To() string {
	if g.Group != "" {
		return "group " + g.Group
	}
	return g.Account
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
	if r == nil || !sess.findsRoot(s, r) {
		return resource{}, absent(sess, "no API Root %q; a resource is server, ROOT, ROOT/collection/NAME or ROOT/channel/NAME", on)
	}
	return resource{scope: OnRoot, root: r.ID}, nil
}

// item finds a Collection or a Channel by its name.
func (s *snapshot) item(sess *Session, scope Scope, root, name string) (resource, error) {
	r := s.roots[root]
	if r == nil || !sess.findsRoot(s, r) {
		return resource{}, absent(sess, "no API Root %q", root)
	}
	if scope == OnChannel {
		if c := s.channel(r.ID, name); c != nil && (sess.onChannel(s, r, c) != 0 || sess.managesItem(s, scope, r, c.ID)) {
			return resource{scope, r.ID, c.ID}, nil
		}
	} else if c := s.collection(r.ID, name); c != nil && (sess.onCollection(s, r, c) != 0 || sess.managesItem(s, scope, r, c.ID)) {
		return resource{scope, r.ID, c.ID}, nil
	}
	return resource{}, absent(sess, "no %s %q in %q", string(scope), name, root)
}

// managesItem tells whether the account manages a Collection or Channel, from
// above too.
func (s *Session) managesItem(snap *snapshot, scope Scope, r *Root, id string) bool {
	return s.managing(snap, resource{scope, r.ID, id}).Has(Manage)
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
		for r := range grants {
			if s.manages(snap, r) == nil {
				list = append(list, snap.grantSetting(id, r))
			}
		}
	}
	slices.SortFunc(list, func(a, b GrantSetting) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Group, b.Group), cmp.Compare(a.On, b.On))
	})
	return list, nil
}

// grantSetting writes down what an account or a group was granted on a resource.
func (s *snapshot) grantSetting(party int64, r resource) GrantSetting {
	set := GrantSetting{On: s.name(r), Rights: s.grants[party][r].List(), Ceiling: s.ceilingName(party, r)}
	if name, group := s.partyName(party); group {
		set.Group = name
	} else {
		set.Account = name
	}
	return set
}

// ceilingName gives the name of the ceiling of a grant, or "" for none.
func (s *snapshot) ceilingName(party int64, r resource) string {
	if level, limited := s.ceilings[party][r]; limited {
		return LevelName(level)
	}
	return ""
}

// parse reads the rights and the ceiling of a grant. A ceiling is of what is
// read: without that right it would mean nothing.
func (g *GrantSetting) parse() (rights Rights, ceiling *Level, err error) {
	if rights, err = ParseRights(g.Rights); err != nil || g.Ceiling == "" {
		return rights, nil, err
	}
	if rights != 0 && !rights.Has(Read) {
		return 0, nil, invalid("ceiling", "goes with the right to read, which this grant does not give")
	}
	level, err := ParseLevel(g.Ceiling)
	return rights, &level, err
}

// party finds to whom something is granted.
func (s *snapshot) party(sess *Session, g *GrantSetting) (int64, error) {
	a, group := s.names[g.Account], s.groupNames[g.Group]
	switch {
	case (g.Account == "") == (g.Group == ""):
		return 0, taxii.Errorf(taxii.Unprocessable, "a grant is to an account or to a group: one of both has to be named")
	case g.Group != "" && group == nil:
		return 0, absent(sess, "no group %q", g.Group)
	case g.Group != "":
		return group.ID, nil
	case a == nil && s.groupNames[g.Account] != nil:
		return 0, absent(sess, "no account %q: it is a group", g.Account)
	case a == nil:
		return 0, absent(sess, "no account %q", g.Account)
	case a.Name == OperatorName:
		return 0, taxii.Errorf(taxii.Conflict, "operator has every right already")
	}
	return a.ID, nil
}

// SetGrant gives an account or a group exactly these rights on a resource, with
// this ceiling; no rights end the grant. A change holds from the next request on.
func (s *Session) SetGrant(ctx context.Context, set GrantSetting) error {
	rights, ceiling, err := set.parse()
	if err != nil {
		return err
	}
	var lost []*Channel // on which somebody may not manage any more
	words := set.To() + ": " + set.detail(rights)
	err = s.changeTo(ctx, act{"grant.set", set.On}, &words, func(snap *snapshot) error {
		r, err := snap.named(s, set.On)
		if err != nil {
			return err
		}
		if err := s.manages(snap, r); err != nil {
			return err
		}
		party, err := snap.party(s, &set)
		if err != nil {
			return err
		}
		was := snap.grants[party][r]
		if err := s.mayGive(snap, set.Account, r, rights, was); err != nil {
			return err
		}
		if was.Has(Manage) && !rights.Has(Manage) {
			lost = snap.channelsIn(r)
		}
		return s.x.store.PutGrant(ctx, Grant{Account: party, Scope: r.scope, Root: r.root, Item: r.item, Rights: rights, Ceiling: ceiling})
	})
	if err != nil {
		return err
	}
	return s.x.endInvitations(ctx, lost...)
}

// mayGive tells whether an account, or for "" a group, can have these rights on a
// resource, and whether who manages that may give them.
func (s *Session) mayGive(snap *snapshot, account string, r resource, rights, was Rights) error {
	if err := meant(account, r.scope, rights); err != nil {
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

// RemoveGrant ends the grant of an account or a group, which share their names.
func (s *Session) RemoveGrant(ctx context.Context, name, on string) error {
	snap := s.x.now.Load()
	r, err := snap.named(s, on)
	if err != nil {
		return err
	}
	if err := s.manages(snap, r); err != nil {
		return err
	}
	set := GrantSetting{Account: name, On: on}
	if snap.groupNames[name] != nil {
		set = GrantSetting{Group: name, On: on}
	}
	party, err := snap.party(s, &set)
	if err != nil || snap.grants[party][r] == 0 {
		return absent(s, "%q has no grant on %s", name, on)
	}
	return s.SetGrant(ctx, set)
}
