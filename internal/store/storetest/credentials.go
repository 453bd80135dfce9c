package storetest

import (
	"reflect"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func credentials() map[string]check {
	return map[string]check{
		"a credential keeps its scope, its ceiling, its end and its maker":          {"", credentialKeeps},
		"the last use of a credential is kept, and only of one that is there":       {"", usesOfCredentials},
		"a credential that is put again takes the place of the one of its name":     {"", credentialAgain},
		"with an account go its credentials of every kind, and when they were used": {"", credentialsEnd},
	}
}

// token is a credential as a token has it.
func token(account int64, name string) exchange.Credential {
	return exchange.Credential{Account: account, Kind: exchange.KindToken, Name: name, Secret: "hash of " + name, Created: 5, ID: "id of " + name}
}

// sameCredentials tells nil from a list of nothing, and looks behind pointers.
func (r *rig) sameCredentials(want ...exchange.Credential) {
	r.Helper()
	if got := r.catalog().Credentials; !reflect.DeepEqual(got, want) {
		r.Errorf("credentials: got %+v, want %+v", got, want)
	}
}

func credentialKeeps(r *rig) {
	ctx, green := r.Context(), exchange.TLPGreen
	all := token(r.account("alice"), "all")
	none, some := token(all.Account, "none"), token(all.Account, "some")
	none.Scope = []exchange.Grant{} // lets nothing through, where nil lets all
	some.Scope = []exchange.Grant{
		{Scope: exchange.OnServer, Rights: exchange.Read},
		{Scope: exchange.OnCollection, Root: r.root, Item: taxii.NewID(), Rights: exchange.Read | exchange.Write},
	}
	some.Ceiling, some.Expires, some.Maker = &green, 1<<60, all.ID
	for _, c := range []exchange.Credential{all, none, some} {
		r.must(r.PutCredential(ctx, c))
	}
	for range 2 {
		r.sameCredentials(all, none, some)
		r.restart()
	}
}

func usesOfCredentials(r *rig) {
	ctx, alice, bob := r.Context(), r.account("alice"), r.account("bob")
	used := func(account int64, name string, at taxii.Time) exchange.CredentialUse {
		return exchange.CredentialUse{Account: account, Kind: exchange.KindToken, Name: name, Used: at}
	}
	want := func(what string, account int64, list ...exchange.CredentialUse) {
		r.Helper()
		got, err := r.CredentialUses(ctx, account)
		r.must(err)
		r.same(what, got, list)
	}
	for _, c := range []exchange.Credential{token(alice, "a"), token(alice, "b"), token(bob, "c")} {
		r.must(r.PutCredential(ctx, c))
	}
	want("before any use", alice)
	r.must(r.PutCredentialUses(ctx, used(alice, "b", 7), used(alice, "a", 9), used(bob, "c", 8), used(alice, "not there", 9)))
	r.must(r.PutCredentialUses(ctx, used(alice, "a", 8), used(alice, "b", 1<<50)))
	r.restart()
	want("the latest", alice, used(alice, "a", 9), used(alice, "b", 1<<50))
	want("of another account", bob, used(bob, "c", 8))
	r.must(r.RemoveCredential(ctx, alice, exchange.KindToken, "a"))
	r.must(r.PutCredential(ctx, token(alice, "a")))
	want("of another credential of the name", alice, used(alice, "b", 1<<50))
}

func credentialAgain(r *rig) {
	ctx, green := r.Context(), exchange.TLPGreen
	c := token(r.account("alice"), "name")
	c.Scope, c.Ceiling, c.Expires, c.Maker = []exchange.Grant{{Scope: exchange.OnServer, Rights: exchange.Read}}, &green, 9, "maker"
	r.must(r.PutCredential(ctx, c))
	again := token(c.Account, "name")
	again.ID, again.Secret = "another id", "another hash"
	r.must(r.PutCredential(ctx, again))
	r.sameCredentials(again)
}

func credentialsEnd(r *rig) {
	ctx, alice := r.Context(), r.account("alice")
	certificate := token(alice, "b")
	certificate.Kind = exchange.KindCertificate
	for _, c := range []exchange.Credential{token(alice, "a"), certificate} {
		r.must(r.PutCredential(ctx, c))
		r.must(r.PutCredentialUses(ctx, exchange.CredentialUse{Account: alice, Kind: c.Kind, Name: c.Name, Used: 7}))
	}
	r.must(r.RemoveAccount(ctx, alice))
	uses, err := r.CredentialUses(ctx, alice)
	r.must(err)
	r.same("credentials and uses", []int{len(r.catalog().Credentials), len(uses)}, []int{0, 0})
}
