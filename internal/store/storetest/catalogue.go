package storetest

import (
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func catalogue() map[string]check {
	return map[string]check{
		"the catalogue gives back what was put, also after a restart":                        {"", catalogKeeps},
		"an alias or a title is held by one Collection of an API Root, its id by one at all": {"R217 K07", namesAreUnique},
		"a changed Collection keeps its feed, whether the feed is named or not":              {"", changedCollection},
		"the number of an account is never given again, the name of a removed one may be":    {"", accountNumbers},
		"an API Root that becomes the default ends another's being so":                       {"R175", oneDefault},
		"Collections are listed in one order, by id":                                         {"R091", collectionOrder},
		"a secret changes its state and keeps its value":                                     {"", secretStates},
	}
}

func catalogKeeps(r *rig) {
	ctx := r.Context()
	root := exchange.Root{Name: "other", Title: "Ö", Description: "d", Relative: true, Advertise: "https://taxii.example/r/"}
	id, err := r.PutRoot(ctx, root)
	r.must(err)
	root.ID = id
	c := exchange.Collection{ID: taxii.NewID(), Root: id, Alias: "a", Title: "t", Description: "d", Validation: "strict", Types: []string{"tool", "x-a"}}
	r.must(r.PutCollection(ctx, c))
	account := exchange.Account{Name: "member", Options: []string{"empty-list", "ignore-foreign-cursor"}}
	credential := exchange.Credential{Kind: "password", Name: "p", Secret: "hash", Created: 5}
	account.ID, err = r.PutAccount(ctx, account, credential)
	r.must(err)
	credential.Account = account.ID
	grant := exchange.Grant{Account: account.ID, Scope: exchange.OnCollection, Root: id, Item: c.ID, Rights: exchange.Read | exchange.Write}
	r.must(r.PutGrant(ctx, grant))
	secret := exchange.Secret{Purpose: "cursor", KID: "1", State: exchange.Coming, Created: 6, Signs: 7, Sealed: []byte{0, 1, 255}}
	r.must(r.PutSecrets(ctx, secret))
	for range 2 {
		got := r.catalog()
		r.same("API Root", got.Roots[1], root)
		for _, v := range got.Collections {
			if v.ID == c.ID {
				c.Feed = v.Feed
				r.same("Collection", v, c)
			}
		}
		r.same("accounts", got.Accounts, []exchange.Account{account})
		r.same("credentials", got.Credentials, []exchange.Credential{credential})
		r.same("grants", got.Grants, []exchange.Grant{grant})
		r.same("secrets", got.Secrets, []exchange.Secret{secret})
		r.restart()
	}
	grant.Rights = 0
	r.must(r.PutGrant(ctx, grant))
	r.must(r.RemoveCredential(ctx, account.ID, "password", "p"))
	got := r.catalog()
	r.same("grants and credentials", []int{len(got.Grants), len(got.Credentials)}, []int{0, 0})
}

func namesAreUnique(r *rig) {
	ctx := r.Context()
	put := func(root int64, alias, title string) error {
		return r.PutCollection(ctx, exchange.Collection{ID: taxii.NewID(), Root: root, Alias: alias, Title: title, Validation: "off"})
	}
	r.must(put(r.root, "alias", "title"))
	// A name that is taken used to be an error that no room had named.
	r.fails(put(r.root, "alias", "title 2"), taxii.Conflict)
	r.fails(put(r.root, "alias 2", "title"), taxii.Conflict)
	r.must(put(r.root, "", "title 3"))
	r.must(put(r.root, "", "title 4"))
	second, err := r.PutRoot(ctx, exchange.Root{Name: "second", Title: "S"})
	r.must(err)
	r.must(put(second, "alias", "title"))
	_, err = r.PutRoot(ctx, exchange.Root{Name: "second", Title: "S"})
	r.fails(err, taxii.Conflict)
	r.same("Collections", len(r.catalog().Collections), 5)
}

func changedCollection(r *rig) {
	r.put(draft("tool--1", 1))
	c := r.catalog().Collections[0]
	for _, f := range []int{0, 1} {
		if c.Title = "changed"; f == 0 {
			c.Feed = 0
		} else {
			c.Feed, c.Title = r.feed, "changed again"
		}
		r.must(r.PutCollection(r.Context(), c))
		got := r.catalog().Collections[0]
		r.same("feed and title", []any{got.Feed, got.Title}, []any{r.feed, c.Title})
	}
	_, next := r.collection("second")
	r.same("the next feed: none was made in vain", next, r.feed+1)
}

func accountNumbers(r *rig) {
	ctx := r.Context()
	first, err := r.PutAccount(ctx, exchange.Account{Name: "a", Options: []string{"x"}}, exchange.Credential{Kind: "password", Secret: "s"})
	r.must(err)
	_, err = r.PutAccount(ctx, exchange.Account{Name: "a"}, exchange.Credential{Kind: "password", Secret: "t"})
	r.fails(err, taxii.Conflict)
	r.same("credentials", len(r.catalog().Credentials), 1)
	r.must(r.PutGrant(ctx, exchange.Grant{Account: first, Scope: exchange.OnServer, Rights: exchange.Manage}))
	r.must(r.RemoveAccount(ctx, first))
	r.restart()
	second, err := r.PutAccount(ctx, exchange.Account{Name: "a"})
	r.must(err)
	if second <= first {
		r.Errorf("account %d after %d", second, first)
	}
	got := r.catalog()
	r.same("accounts", got.Accounts, []exchange.Account{{ID: first, Name: "a", Removed: true}, {ID: second, Name: "a"}})
	r.same("credentials and grants", []int{len(got.Credentials), len(got.Grants)}, []int{0, 0})
}

func oneDefault(r *rig) {
	ctx := r.Context()
	for _, name := range []string{"b", "c"} {
		_, err := r.PutRoot(ctx, exchange.Root{Name: name, Title: name, Default: true})
		r.must(err)
	}
	var defaults []string
	for _, v := range r.catalog().Roots {
		if v.Default {
			defaults = append(defaults, v.Name)
		}
	}
	r.same("default", defaults, []string{"c"})
}

func collectionOrder(r *rig) {
	for _, alias := range []string{"c", "a", "b", "d"} {
		r.collection(alias)
	}
	before := ""
	for _, c := range r.catalog().Collections {
		if c.ID <= before {
			r.Errorf("%s comes after %s", c.ID, before)
		}
		before = c.ID
	}
}

func secretStates(r *rig) {
	ctx := r.Context()
	r.must(r.PutSecrets(ctx, exchange.Secret{Purpose: "cursor", KID: "1", State: exchange.Active, Created: 1, Sealed: []byte("one")}))
	r.must(r.PutSecrets(ctx,
		exchange.Secret{Purpose: "cursor", KID: "1", State: exchange.Accepted, Created: 9, Sealed: []byte("other")},
		exchange.Secret{Purpose: "cursor", KID: "2", State: exchange.Active, Created: 2, Sealed: []byte("two")}))
	r.same("secrets", r.catalog().Secrets, []exchange.Secret{
		{Purpose: "cursor", KID: "1", State: exchange.Accepted, Created: 1, Sealed: []byte("one")},
		{Purpose: "cursor", KID: "2", State: exchange.Active, Created: 2, Sealed: []byte("two")},
	})
	r.must(r.PutSecrets(ctx, exchange.Secret{Purpose: "cursor", KID: "1", State: exchange.Retired, Sealed: []byte("one")}))
	r.must(r.PutSecrets(ctx, // by a node that has not heard of it
		exchange.Secret{Purpose: "cursor", KID: "1", State: exchange.Active, Signs: 3, Sealed: []byte("one")},
		exchange.Secret{Purpose: "cursor", KID: "2", State: exchange.Accepted, Signs: 3, Sealed: []byte("two")}))
	r.same("secrets", r.catalog().Secrets, []exchange.Secret{
		{Purpose: "cursor", KID: "1", State: exchange.Retired, Created: 1, Sealed: []byte("one")},
		{Purpose: "cursor", KID: "2", State: exchange.Accepted, Created: 2, Signs: 3, Sealed: []byte("two")},
	})
}
