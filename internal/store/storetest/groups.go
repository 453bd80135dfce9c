package storetest

import (
	"reflect"
	"slices"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func groups() map[string]check {
	return map[string]check{
		"a group keeps its members, limits and grants, also after a restart":               {"", groupKeeps},
		"an account and a group never have one name, or one number":                        {"", sharedNames},
		"the end of a group ends its grants, the end of an account its being a member":     {"", groupEnds},
		"a grant keeps its ceiling until it is put without one, and through an invitation": {"", ceilingsOfGrants},
		"an API Root keeps the ways to sign in that it takes":                              {"R030", signIn},
	}
}

// group makes a group and gives it as it should be kept.
func (r *rig) group(name string, members ...int64) exchange.Group {
	g := exchange.Group{Name: name, Members: members}
	id, err := r.PutGroup(r.Context(), g)
	r.must(err)
	g.ID = id
	return g
}

// sameGrants compares grants with their ceilings.
func (r *rig) sameGrants(what string, got []exchange.Grant, want ...exchange.Grant) {
	r.Helper()
	if !reflect.DeepEqual(got, want) {
		r.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func groupKeeps(r *rig) {
	ctx := r.Context()
	alice, bob := r.account("alice"), r.account("bob")
	first, second := r.group("first", alice, bob), r.group("second", bob)
	empty := r.group("empty")
	red := exchange.TLPRed
	grant := exchange.Grant{Account: first.ID, Scope: exchange.OnRoot, Root: r.root, Rights: exchange.Read, Ceiling: &red}
	r.must(r.PutGrant(ctx, grant))
	for range 2 {
		got := r.catalog()
		r.same("groups", got.Groups, []exchange.Group{first, second, empty})
		r.sameGrants("grants", got.Grants, grant)
		r.restart()
	}
	first.Members, first.Limits = []int64{bob}, exchange.Limits{Requests: 2.5, Burst: 9, Octets: 1 << 40}
	_, err := r.PutGroup(ctx, first)
	r.must(err)
	r.same("groups", r.catalog().Groups, []exchange.Group{first, second, empty})
	r.sameGrants("grants", r.catalog().Grants, grant)
}

func sharedNames(r *rig) {
	ctx := r.Context()
	alice, group := r.account("alice"), r.group("analysts")
	if alice == group.ID {
		r.Errorf("an account and a group have the number %d", alice)
	}
	put := func(name string) (account, group error) {
		_, account = r.PutAccount(ctx, exchange.Account{Name: name})
		_, group = r.PutGroup(ctx, exchange.Group{Name: name})
		return account, group
	}
	for _, name := range []string{"alice", "analysts"} {
		account, group := put(name)
		r.fails(account, taxii.Conflict)
		r.fails(group, taxii.Conflict)
	}
	r.must(r.RemoveAccount(ctx, alice))
	r.must(r.RemoveGroup(ctx, group.ID))
	r.account("analysts")
	if again := r.group("alice"); again.ID <= group.ID {
		r.Errorf("a group has the number %d after %d", again.ID, group.ID)
	}
}

func groupEnds(r *rig) {
	ctx := r.Context()
	alice, bob := r.account("alice"), r.account("bob")
	gone, left := r.group("gone", alice, bob), r.group("left", alice, bob)
	for _, g := range []exchange.Group{gone, left} {
		r.must(r.PutGrant(ctx, exchange.Grant{Account: g.ID, Scope: exchange.OnServer, Rights: exchange.Read}))
	}
	r.must(r.RemoveGroup(ctx, gone.ID))
	r.must(r.RemoveAccount(ctx, alice))
	left.Members = []int64{bob}
	for range 2 {
		got := r.catalog()
		r.same("groups", got.Groups, []exchange.Group{left})
		r.same("grants", got.Grants, []exchange.Grant{{Account: left.ID, Scope: exchange.OnServer, Rights: exchange.Read}})
		r.restart()
	}
	left.Members = []int64{alice, bob} // as of a node that has not seen yet that alice was removed
	_, err := r.PutGroup(ctx, left)
	r.must(err)
	r.same("members", r.catalog().Groups[0].Members, []int64{bob})
}

func ceilingsOfGrants(r *rig) {
	ctx := r.Context()
	alice, c := r.account("alice"), r.channel("alerts")
	green := exchange.TLPGreen
	grant := exchange.Grant{Account: alice, Scope: exchange.OnChannel, Root: r.root, Item: c.ID, Rights: exchange.Read, Ceiling: &green}
	r.must(r.PutGrant(ctx, grant))
	v := r.invitation(c, "hash")
	v.Rights = exchange.Write
	r.must(r.PutInvitation(ctx, v))
	_, err := r.Redeem(ctx, c.ID, "hash", alice, v.Created, func(exchange.Invitation) bool { return true })
	r.must(err)
	grant.Rights |= v.Rights
	r.sameGrants("grant after an invitation", r.catalog().Grants, grant)
	grant.Ceiling = nil
	r.must(r.PutGrant(ctx, grant))
	r.sameGrants("grant without a ceiling", r.catalog().Grants, grant)
}

func signIn(r *rig) {
	root := exchange.Root{Name: "closed", Title: "C", SignIn: []exchange.Way{exchange.ByToken, exchange.ByCertificate}}
	kept := func() exchange.Root {
		id, err := r.PutRoot(r.Context(), root)
		r.must(err)
		root.ID = id
		r.restart()
		roots := r.catalog().Roots
		return roots[slices.IndexFunc(roots, func(v exchange.Root) bool { return v.ID == id })]
	}
	r.same("API Root", kept(), root)
	root.SignIn = nil
	r.same("API Root", kept(), root)
}
