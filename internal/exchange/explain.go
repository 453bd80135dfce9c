package exchange

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/hansom-taxii/hansom/taxii"
)

// Access says what an account may do on a resource, whatever it signs in with, and
// which grants decide that. The scope and the ceiling of a credential can only take
// away from it.
type Access struct {
	Account string        `json:"account"`
	On      string        `json:"on"`
	Rights  []string      `json:"rights"`            // that hold
	Sees    bool          `json:"sees"`              // the resource exists for the account: there are rights on it or, of an API Root and the server, on something in it
	Ceiling string        `json:"ceiling,omitempty"` // the highest marking level that is read; "": none, or nothing is read
	SignIn  []string      `json:"sign_in,omitempty"` // the ways to sign in that the API Root takes; none: all
	Grants  []AccessGrant `json:"grants,omitempty"`  // that give any of it, the nearest first
}

// AccessGrant is a grant that gives some of what an account may do on a resource.
type AccessGrant struct {
	By      string   `json:"by"`                // account, group or everyone
	Group   string   `json:"group,omitempty"`   // its name, where it is one
	On      string   `json:"on"`                // the resource, or what it is in
	Rights  []string `json:"rights"`            // those that hold by it
	Ceiling string   `json:"ceiling,omitempty"` // of it
	Decides []string `json:"decides,omitempty"` // the rights that no nearer grant gives, and ceiling where it is the highest
}

// Explain says what an account may do on a resource, which is named as in a
// GrantSetting. It needs the right to manage the server.
func (s *Session) Explain(_ context.Context, account, on string) (Access, error) {
	snap := s.x.now.Load()
	if err := s.manages(snap, resource{scope: OnServer}); err != nil {
		return Access{}, err
	}
	a := snap.names[account]
	if a == nil {
		return Access{}, taxii.Errorf(taxii.NotFound, "no account %q", account)
	}
	r, err := snap.named(s, on)
	if err != nil {
		return Access{}, err
	}
	who := &Session{x: s.x, account: a, operator: a.Name == OperatorName}
	rights, ceiling := who.rightsOn(snap, r), who.ceiling(snap, r)
	e := Access{Account: a.Name, On: snap.name(r), Rights: append([]string{}, rights.List()...), Sees: who.sees(snap, r, rights)}
	if root := snap.rootByID[r.root]; root != nil {
		e.SignIn = root.signIn()
	}
	if rights.Has(Read) {
		e.Ceiling = LevelName(ceiling)
	}
	if !who.operator {
		e.Grants = who.deciding(snap, r, rights, ceiling)
	}
	return e, nil
}

// sees tells whether a resource on which the Session has these rights exists for it.
func (s *Session) sees(snap *snapshot, r resource, rights Rights) bool {
	switch {
	case rights != 0:
		return true
	case r.scope == OnRoot:
		return s.seesRoot(snap, snap.rootByID[r.root])
	case r.scope == OnServer:
		return slices.ContainsFunc(slices.Collect(maps.Values(snap.rootByID)), func(root *Root) bool { return s.seesRoot(snap, root) })
	}
	return false
}

// rightsOn gives the rights of the Session on a resource.
func (s *Session) rightsOn(snap *snapshot, r resource) Rights {
	root := snap.rootByID[r.root]
	switch r.scope {
	case OnServer:
		return s.onServer(snap)
	case OnCollection:
		return s.onCollection(snap, root, snap.byID[r.item])
	case OnChannel:
		return s.onChannel(snap, root, snap.channelByID[r.item])
	}
	return s.onRoot(snap, root)
}

// deciding gives the grants by which rights on a resource hold, the nearest first:
// on the resource before what it is in, to the account before its groups before
// everyone. Of each right the first decides; of the ceiling the first with the
// highest.
func (s *Session) deciding(snap *snapshot, r resource, rights Rights, ceiling Level) (list []AccessGrant) {
	left, capped := rights, !rights.Has(Read) || ceiling == NoCeiling
	for _, at := range r.within() {
		for _, party := range s.nearest(snap) {
			gives := snap.grants[party][at] & rights
			if gives == 0 {
				continue
			}
			g := s.accessGrant(snap, party, at, gives)
			g.Decides = (gives & left).List()
			left &^= gives
			if level, limited := snap.ceilings[party][at]; !capped && gives.Has(Read) && limited && level == ceiling {
				g.Decides, capped = append(g.Decides, "ceiling"), true
			}
			list = append(list, g)
		}
	}
	return list
}

// within gives a resource and what it is in, from the inside.
func (r resource) within() (list []resource) {
	for _, at := range []resource{r, {scope: OnRoot, root: r.root}, {scope: OnServer}} {
		if (at.scope != OnRoot || at.root != 0) && !slices.Contains(list, at) {
			list = append(list, at)
		}
	}
	return list
}

// nearest gives the numbers under which the Session is granted something: the
// account, its groups by name, everyone.
func (s *Session) nearest(snap *snapshot) []int64 {
	list := slices.Collect(s.parties(snap))
	slices.SortStableFunc(list, func(a, b int64) int {
		nameA, groupA := snap.partyName(a)
		nameB, groupB := snap.partyName(b)
		return cmp.Or(cmp.Compare(s.distance(a, groupA), s.distance(b, groupB)), cmp.Compare(nameA, nameB))
	})
	return slices.Compact(list)
}

// distance puts an account before its groups before everyone.
func (s *Session) distance(party int64, group bool) int {
	switch {
	case party == s.account.ID:
		return 0
	case group:
		return 1
	}
	return 2
}

func (s *Session) accessGrant(snap *snapshot, party int64, at resource, gives Rights) AccessGrant {
	g := AccessGrant{By: "account", On: snap.name(at), Rights: gives.List(), Ceiling: snap.ceilingName(party, at)}
	name, group := snap.partyName(party)
	switch {
	case group:
		g.By, g.Group = "group", name
	case name == AnonymousName:
		g.By = "everyone"
	}
	return g
}
