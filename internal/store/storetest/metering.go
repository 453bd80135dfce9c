package storetest

import (
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

func metering() map[string]check {
	return map[string]check{
		"what accounts used up is added up by the day, also after a restart":                {"", usageAddsUp},
		"days that are too old are forgotten, and those of an account end with it":          {"", usageEnds},
		"an Add whose new drafts are not admitted is refused whole; what is there is asked": {"", admitted},
	}
}

func used(account, day, objects, octets int64) exchange.Usage {
	return exchange.Usage{Account: account, Day: day, Objects: objects, Octets: octets}
}

func usageAddsUp(r *rig) {
	ctx := r.Context()
	alice, bob := r.account("alice"), r.account("bob")
	r.must(r.AddUsage(ctx, []exchange.Usage{used(alice, 100, 5, 1<<40), used(bob, 100, 0, 7)}, 0))
	r.restart()
	r.must(r.AddUsage(ctx, []exchange.Usage{used(alice, 100, 1, 1), used(alice, 101, 2, 3), used(bob, 100, -1, 0), used(alice+bob+1000, 100, 9, 9)}, 0))
	for _, row := range []struct {
		account, since int64
		want           []exchange.Usage
	}{
		{0, 100, []exchange.Usage{used(alice, 100, 6, 1<<40+1), used(alice, 101, 2, 3), used(bob, 100, -1, 7)}},
		{0, 101, []exchange.Usage{used(alice, 101, 2, 3)}},
		{alice, 0, []exchange.Usage{used(alice, 100, 6, 1<<40+1), used(alice, 101, 2, 3)}},
		{bob, 101, nil},
		{alice + bob + 1000, 0, nil},
	} {
		got, err := r.Usage(ctx, row.account, row.since)
		r.must(err)
		r.same("usage", got, row.want)
	}
}

func usageEnds(r *rig) {
	ctx := r.Context()
	alice, bob := r.account("alice"), r.account("bob")
	r.must(r.AddUsage(ctx, []exchange.Usage{used(alice, 100, 1, 1), used(alice, 162, 2, 2), used(bob, 162, 3, 3)}, 0))
	r.must(r.AddUsage(ctx, nil, 101))
	r.must(r.RemoveAccount(ctx, bob))
	r.must(r.AddUsage(ctx, []exchange.Usage{used(bob, 162, 3, 3)}, 0))
	got, err := r.Usage(ctx, 0, 0)
	r.must(err)
	r.same("usage", got, []exchange.Usage{used(alice, 162, 2, 2)})
}

func admitted(r *rig) {
	a, b, c := draft("a", 1), draft("b", 1), draft("c", 1)
	r.put(a, b)
	was := r.head()
	add := r.add(b, c, a)
	var asked [][]int
	add.Admits = func(fresh []int) error {
		asked = append(asked, fresh)
		return taxii.Errorf(taxii.TooMany, "no more")
	}
	_, err := r.Append(r.Context(), []feed.Add{add})
	r.fails(err, taxii.TooMany)
	if len(asked) == 0 || len(asked[0]) != 1 || asked[0][0] != 1 {
		r.Errorf("it was asked for %v, of which the second is new", asked)
	}
	r.same("head", r.head(), was)
	again := r.add(b, a)
	again.Admits = func([]int) error { return taxii.Errorf(taxii.TooMany, "no more") }
	_, err = r.Append(r.Context(), []feed.Add{again})
	r.must(err)
	r.same("head", r.head(), was)
}
