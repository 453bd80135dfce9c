package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

func channels() map[string]check {
	return map[string]check{
		"a Channel keeps what it is given, and a change keeps what never changes":     {"", channelKept},
		"a name is that of one Channel of an API Root":                                {"", channelNames},
		"a Channel and its first grants are one commit":                               {"", channelWithGrants},
		"a shorter ttl holds from the head on, a longer one for all that is kept":     {"", channelKeeps},
		"a ttl that changes often keeps no more than is bounded, and never too short": {"", manyKeeps},
		"an invitation is kept, listed, used up and revoked":                          {"", invitationLife},
		"of many who redeem one invitation as many join as it has uses":               {"", redeemedAtOnce},
		"invitations that ended are purged with the Statuses of their time":           {"", oldInvitations},
	}
}

func channelKept(r *rig) {
	c := exchange.Channel{
		ID: taxii.NewID(), Root: r.root, Name: "alerts", Title: "Ä", Description: "d", Permitted: []string{"chat", "tool,\"x"}, ContentType: "*/*",
		TTL: 60, Mode: taxii.ModeReadOnly, From: taxii.NewID(), To: taxii.NewID(), Namer: 5, MaxMessageSize: 6, MaxMessages: 7, MaxBytes: 8,
		ShowPublishers: true, Created: 9,
	}
	r.must(r.PutChannel(r.Context(), c))
	got := r.channelNow(c.ID)
	c.Feed, c.Keeps = got.Feed, []exchange.Keep{{After: 0, TTL: 60}}
	r.same("Channel", got, c)
	r.must(r.StopRelay(r.Context(), c.ID, "the right ended"))
	changed := c
	changed.Name, changed.Root, changed.Created, changed.Clashes, changed.Stopped, changed.Feed = "other", 99, 1, 1, "", 0
	changed.Title, changed.Permitted, changed.Mode, changed.From, changed.ShowPublishers = "new", nil, taxii.ModeBoth, "", false
	r.must(r.PutChannel(r.Context(), changed))
	c.Title, c.Permitted, c.Mode, c.From, c.ShowPublishers, c.Stopped = "new", nil, taxii.ModeBoth, "", false, "the right ended"
	for range 2 {
		r.same("changed", r.channelNow(c.ID), c)
		r.restart()
	}
	r.must(r.StopRelay(r.Context(), c.ID, ""))
	r.same("stopped", r.channelNow(c.ID).Stopped, "")
}

func channelNames(r *rig) {
	c := r.channel("alerts")
	again := c
	again.ID, again.Feed = taxii.NewID(), 0
	r.fails(r.PutChannel(r.Context(), again), taxii.Conflict)
	root, err := r.PutRoot(r.Context(), exchange.Root{Name: "second"})
	r.must(err)
	again.Root = root
	r.must(r.PutChannel(r.Context(), again))
	r.same("Channels", len(r.catalog().Channels), 2)
}

func channelWithGrants(r *rig) {
	c := exchange.Channel{ID: taxii.NewID(), Root: r.root, Name: "alerts", ContentType: "*/*", TTL: 60, Mode: taxii.ModeBoth}
	grants := []exchange.Grant{
		{Account: 1, Scope: exchange.OnChannel, Root: r.root, Item: c.ID, Rights: exchange.Read},
		{Account: 2, Scope: exchange.OnChannel, Root: r.root, Item: c.ID, Rights: exchange.Manage | exchange.Push},
	}
	r.must(r.PutChannel(r.Context(), c, grants...))
	r.same("grants", r.catalog().Grants, grants)
	other := c
	other.ID = taxii.NewID()
	r.fails(r.PutChannel(r.Context(), other, exchange.Grant{Account: 3, Scope: exchange.OnChannel, Root: r.root, Item: other.ID, Rights: exchange.Read}), taxii.Conflict)
	grants[0].Rights, grants[1].Rights = 0, exchange.Read
	r.must(r.PutGrant(r.Context(), grants...))
	r.same("grants after a change", r.catalog().Grants, grants[1:])
}

func channelKeeps(r *rig) {
	c := r.channel("alerts")
	set := func(ttl int64, want ...exchange.Keep) {
		r.Helper()
		c.TTL = ttl
		r.must(r.PutChannel(r.Context(), c))
		r.same(fmt.Sprint("keeps with the ttl ", ttl), r.channelNow(c.ID).Keeps, want)
	}
	keep := func(after feed.Place, ttl int64) exchange.Keep { return exchange.Keep{After: after, TTL: ttl} }
	set(600, keep(0, 600))
	set(300, keep(0, 300)) // nothing was published under the longer one
	set(600, keep(0, 600))
	r.flow(c.Feed, 0, 10, 1)
	set(300, keep(0, 600), keep(10, 300))
	set(300, keep(0, 600), keep(10, 300))
	set(100, keep(0, 600), keep(10, 100)) // in the same place again
	r.flow(c.Feed, 10, 10, 1)
	set(60, keep(0, 600), keep(10, 100), keep(20, 60))
	r.flow(c.Feed, 20, 10, 1)
	set(200, keep(0, 600), keep(10, 200))
	set(70, keep(0, 600), keep(10, 200), keep(30, 70))
	r.expire(c.Feed, 10)
	r.flow(c.Feed, 30, 1, 1)
	set(50, keep(10, 200), keep(30, 70), keep(31, 50)) // of the first nothing is left
	set(9999, keep(10, 9999))
	r.restart()
	r.same("keeps after a restart", r.channelNow(c.ID).Keeps, []exchange.Keep{keep(10, 9999)})
}

func manyKeeps(r *rig) {
	c := r.channel("alerts")
	for i := range 100 {
		r.flow(c.Feed, i, 1, 1)
		c.TTL = int64(10_000 - i)
		r.must(r.PutChannel(r.Context(), c))
	}
	keeps := r.channelNow(c.ID).Keeps
	if len(keeps) != 64 {
		r.Fatalf("%d ttls are told apart", len(keeps))
	}
	if end := keeps[63]; end.TTL < c.TTL {
		r.Errorf("the newest are kept for %d s, and the ttl is %d", end.TTL, c.TTL)
	}
	for i, k := range keeps[1:] {
		if k.TTL >= keeps[i].TTL || k.After <= keeps[i].After {
			r.Errorf("%+v comes after %+v", k, keeps[i])
		}
	}
}

func (r *rig) invitation(c exchange.Channel, hash string) exchange.Invitation {
	return exchange.Invitation{
		ID: taxii.NewID(), Channel: c.ID, Maker: 3, Rights: exchange.Read, TokenHash: hash, Created: noon, Expires: noon + 1_000_000, Uses: 2,
	}
}

func invitationLife(r *rig) {
	c, other, account := r.channel("alerts"), r.channel("other"), r.account("reader")
	v := r.invitation(c, "hash")
	r.must(r.PutInvitation(r.Context(), v))
	r.must(r.PutGrant(r.Context(), exchange.Grant{Account: account, Scope: exchange.OnChannel, Root: r.root, Item: c.ID, Rights: exchange.Write}))
	list := func(of exchange.Channel) []exchange.Invitation {
		r.Helper()
		l, err := r.Invitations(r.Context(), of.ID)
		r.must(err)
		return l
	}
	r.same("invitations", list(c), []exchange.Invitation{v})
	r.same("of the other Channel", len(list(other)), 0)
	good := func(exchange.Invitation) bool { return true }
	redeem := func(of exchange.Channel, hash string, who int64, now taxii.Time, good func(exchange.Invitation) bool) error {
		_, err := r.Redeem(r.Context(), of.ID, hash, who, now, good)
		return err
	}
	r.fails(redeem(c, "hush", account, noon, good), taxii.NotFound)
	r.fails(redeem(other, "hash", account, noon, good), taxii.NotFound)
	r.fails(redeem(c, "hash", account, v.Expires, good), taxii.NotFound)
	r.fails(redeem(c, "hash", 9999, noon, good), taxii.NotFound)
	r.fails(redeem(c, "hash", account, noon, func(seen exchange.Invitation) bool { r.same("judged", seen, v); return false }), taxii.NotFound)
	r.same("invitations after what was refused", list(c), []exchange.Invitation{v})
	got, err := r.Redeem(r.Context(), c.ID, "hash", account, noon, good)
	r.must(err)
	v.Uses = 1
	r.same("redeemed", got, v)
	r.same("left", list(c), []exchange.Invitation{v})
	want := exchange.Grant{Account: account, Scope: exchange.OnChannel, Root: r.root, Item: c.ID, Rights: exchange.Read | exchange.Write}
	r.same("grants", r.catalog().Grants, []exchange.Grant{want})
	r.restart()
	r.must(redeem(c, "hash", r.account("second"), noon, good))
	r.same("left of a used up one", len(list(c)), 0)
	r.fails(redeem(c, "hash", account, noon, good), taxii.NotFound)
	r.same("grants of two", len(r.catalog().Grants), 2)
	spent := r.invitation(c, "spent")
	spent.Uses = 0
	r.must(r.PutInvitation(r.Context(), spent))
	r.fails(redeem(c, "spent", account, noon, good), taxii.NotFound)
	second := r.invitation(c, "second")
	r.must(r.PutInvitation(r.Context(), second))
	r.fails(r.RemoveInvitation(r.Context(), other.ID, second.ID), taxii.NotFound)
	r.must(r.RemoveInvitation(r.Context(), c.ID, second.ID))
	r.fails(r.RemoveInvitation(r.Context(), c.ID, second.ID), taxii.NotFound)
	r.fails(redeem(c, "second", account, noon, good), taxii.NotFound)
}

func redeemedAtOnce(r *rig) {
	c := r.channel("alerts")
	v := r.invitation(c, "hash")
	v.Uses = 5
	r.must(r.PutInvitation(r.Context(), v))
	var accounts []int64
	for i := range 20 {
		accounts = append(accounts, r.account(fmt.Sprint("a", i)))
	}
	var joined atomic.Int64
	var wait sync.WaitGroup
	for _, account := range accounts {
		wait.Go(func() {
			_, err := r.Redeem(r.Context(), c.ID, "hash", account, noon, func(exchange.Invitation) bool { return true })
			if err == nil {
				joined.Add(1)
			} else if taxii.KindOf(err) != taxii.NotFound {
				r.Error(err)
			}
		})
	}
	wait.Wait()
	r.same("joined, and grants", []int{int(joined.Load()), len(r.catalog().Grants)}, []int{5, 5})
}

func oldInvitations(r *rig) {
	c := r.channel("alerts")
	for i := range 3 {
		v := r.invitation(c, fmt.Sprint(i))
		v.Expires = noon + taxii.Time(i)*taxii.Time(time.Hour/time.Microsecond)
		r.must(r.PutInvitation(r.Context(), v))
	}
	r.purge(noon + taxii.Time(time.Hour/time.Microsecond))
	list, err := r.Invitations(r.Context(), c.ID)
	r.must(err)
	r.same("left", len(list), 2)
}
