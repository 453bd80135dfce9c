package exchange_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestTheGrantsOfAChannelAreReplacedWhole(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	h.made(t, "trust", "alerts")
	alice := h.account(t, "alice", "manage on trust/channel/alerts")
	bob := h.account(t, "bob", "read,push on trust/channel/alerts")
	carol := h.account(t, "carol", "read,push on trust/channel/alerts", "write on trust")
	ctx := t.Context()
	was, tag, err := alice.ChannelGrants(ctx, "trust", "alerts")
	want := []taxii.ChannelGrant{{Account: "alice", CanManage: true}, {Account: "bob", CanRead: true}, {Account: "carol", CanRead: true}}
	if err != nil || !slices.Equal(was.Grants, want) {
		t.Errorf("the grants are %+v, %v, want those on the channel alone: %+v", was, err, want)
	}
	list := []taxii.ChannelGrant{{Account: "alice", CanManage: true, CanRead: true}, {Account: "anonymous", CanRead: true}, {Account: "bob", CanWrite: true}}
	now, err := alice.SetChannelGrants(ctx, "trust", "alerts", func(have string) error {
		if have != tag {
			t.Errorf("the condition is given %s, want %s", have, tag)
		}
		return nil
	}, taxii.ChannelGrants{Grants: list})
	if err != nil || !slices.Equal(now.Grants, list) {
		t.Errorf("replaced by %+v, %v", now, err)
	}
	if _, moved, _ := alice.ChannelGrants(ctx, "trust", "alerts"); moved == tag {
		t.Error("the tag did not move")
	}
	if v := seen(t, bob, "trust", "alerts"); !v.CanRead || !v.CanWrite { // read through anonymous
		t.Errorf("bob sees %+v", v)
	}
	grants, _ := h.op.Grants(ctx)
	for _, g := range grants {
		if rights := strings.Join(g.Rights, ","); g.Account == "bob" && rights != "write,push" || g.Account == "carol" && g.On != "trust" {
			t.Errorf("%s has %s on %s: who is listed keeps push, and who is not keeps nothing on the channel", g.Account, rights, g.On)
		}
	}
	if !seen(t, carol, "trust", "alerts").CanWrite {
		t.Error("carol lost a right on the root")
	}
	stale := errors.New("stale")
	if err := second(alice.SetChannelGrants(ctx, "trust", "alerts", func(string) error { return stale }, taxii.ChannelGrants{})); !errors.Is(err, stale) {
		t.Errorf("under a condition that does not hold: %v", err)
	}
	if now, err := alice.SetChannelGrants(ctx, "trust", "alerts", nil, taxii.ChannelGrants{Grants: []taxii.ChannelGrant{}}); err != nil || len(now.Grants) != 0 {
		t.Errorf("without any: %+v, %v", now, err)
	}
	wantKind(t, "who gave away the right to manage", channelErr(alice.Channel(ctx, "trust", "alerts")), taxii.NotFound)
}

func TestGrantsOfAChannelThatMeanNothingAreRefusedWhole(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	h.made(t, "trust", "alerts")
	h.account(t, "bob")
	h.account(t, "gone")
	if err := h.op.RemoveAccount(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	alice := h.account(t, "alice", "manage on trust/channel/alerts", "create on trust")
	good := taxii.ChannelGrant{Account: "bob", CanRead: true}
	words := map[string]string{}
	for what, g := range map[string]taxii.ChannelGrant{
		"unknown": {Account: "nobody", CanRead: true}, "removed": {Account: "gone", CanRead: true}, "operator": {Account: "operator", CanRead: true},
		"twice": good, "anonymous manages": {Account: "anonymous", CanManage: true},
	} {
		list := []taxii.ChannelGrant{good, g}
		err := second(alice.SetChannelGrants(t.Context(), "trust", "alerts", nil, taxii.ChannelGrants{Grants: list}))
		wantKind(t, what, err, taxii.Unprocessable)
		if err != nil {
			words[what] = strings.ReplaceAll(err.Error(), `"`+g.Account+`"`, "X")
		}
		wantKind(t, what+", in a new channel", second(alice.AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "new", Grants: list})), taxii.Unprocessable)
	}
	if words["unknown"] != words["removed"] || words["unknown"] != words["operator"] {
		t.Errorf("the words tell accounts apart: %q", words)
	}
	if list, _, err := alice.ChannelGrants(t.Context(), "trust", "alerts"); err != nil || len(list.Grants) != 1 {
		t.Errorf("the grants are %+v, %v: some were changed", list, err)
	}
	many := make([]taxii.ChannelGrant, 10_001)
	wantKind(t, "too many", second(alice.SetChannelGrants(t.Context(), "trust", "alerts", nil, taxii.ChannelGrants{Grants: many})), taxii.Unprocessable)
}

func TestANewChannelHasTheGrantsThatItsMakerStates(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	bob := h.account(t, "bob")
	c, err := h.account(t, "alice", "create on trust").AddChannel(t.Context(), exchange.ChannelSetting{
		Root: "trust", Name: "alerts", Grants: []taxii.ChannelGrant{{Account: "bob", CanRead: true, CanWrite: true}, {Account: "alice", CanRead: true}},
	})
	want := []taxii.ChannelGrant{{Account: "alice", CanRead: true, CanWrite: true, CanManage: true}, {Account: "bob", CanRead: true, CanWrite: true}}
	if err != nil || !slices.Equal(c.Grants, want) {
		t.Errorf("made %+v, %v", c, err)
	}
	if v := seen(t, bob, "trust", "alerts"); !v.CanRead || !v.CanWrite || v.CanManage {
		t.Errorf("bob sees %+v", v)
	}
}

func TestOperatorsGrantOnChannelsAsOnCollections(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "open")
	c := h.made(t, "trust", "alerts")
	alice := h.account(t, "alice", "read on trust/channel/"+c.ID)
	h.account(t, "keeper", "manage on trust/channel/alerts")
	list, err := h.op.Grants(t.Context())
	if err != nil || len(list) != 2 || list[0].On != "trust/channel/alerts" {
		t.Errorf("the grants are %+v, %v, want them by the channel's name", list, err)
	}
	keeper := h.signIn(t, "keeper")
	if list, err := keeper.Grants(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("who manages the channel is shown %+v, %v", list, err)
	}
	give := func(s *exchange.Session, account, on string, rights ...string) error {
		return s.SetGrant(t.Context(), exchange.GrantSetting{Account: account, On: on, Rights: rights})
	}
	for what, err := range map[string]error{
		"create on a channel": give(h.op, "alice", "trust/channel/alerts", "create"), "create on a collection": give(h.op, "alice", "trust/collection/open", "create"),
		"push on a collection": give(h.op, "alice", "trust/collection/open", "push"), "manage to anonymous": give(h.op, "anonymous", "trust/channel/alerts", "manage"),
		"push to anonymous": give(h.op, "anonymous", "trust/channel/alerts", "push"),
	} {
		wantKind(t, what, err, taxii.Unprocessable)
	}
	wantKind(t, "push, by who manages the channel alone", give(keeper, "alice", "trust/channel/alerts", "read", "push"), taxii.Forbidden)
	wantKind(t, "on no channel", give(h.op, "alice", "trust/channel/none", "read"), taxii.NotFound)
	if err := give(keeper, "alice", "trust/channel/alerts", "read", "write"); err != nil {
		t.Error(err)
	}
	for _, on := range []string{"server", "trust", "trust/channel/alerts"} {
		if err := give(h.op, "alice", on, "push"); err != nil {
			t.Errorf("push on %s: %v", on, err)
		}
	}
	if err := give(keeper, "alice", "trust/channel/alerts", "read", "push"); err != nil {
		t.Errorf("push that is there already: %v", err)
	}
	if err := h.op.RemoveGrant(t.Context(), "alice", "trust/channel/alerts"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "without a grant on it", channelErr(alice.Channel(t.Context(), "trust", "alerts")), taxii.NotFound)
}
