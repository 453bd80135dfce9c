package exchange_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// group makes a group with these members and these grants, each "right,right on
// RESOURCE" and perhaps " up to LEVEL".
func (h *house) group(t *testing.T, name string, members []string, grants ...string) {
	t.Helper()
	if err := h.op.AddGroup(t.Context(), exchange.GroupSetting{Name: name, Members: members}); err != nil {
		t.Fatal(err)
	}
	for _, text := range grants {
		set := granting(text)
		set.Group = name
		if err := h.op.SetGrant(t.Context(), set); err != nil {
			t.Fatal(err)
		}
	}
}

// granting reads "right,right on RESOURCE up to LEVEL".
func granting(text string) exchange.GrantSetting {
	rights, on, _ := strings.Cut(text, " on ")
	on, ceiling, _ := strings.Cut(on, " up to ")
	return exchange.GrantSetting{On: on, Rights: strings.Split(rights, ","), Ceiling: ceiling}
}

// members sets the members of a group.
func (h *house) members(t *testing.T, group string, names ...string) {
	t.Helper()
	if _, err := h.op.SetGroup(t.Context(), group, func(g *exchange.GroupSetting) error { g.Members = names; return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestAMemberHasWhatItsGroupsWereGrantedOnEveryKindOfResource(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "open", "closed")
	h.made(t, "trust", "alerts")
	alice, bob := h.account(t, "alice"), h.account(t, "bob")
	h.group(t, "readers", []string{"alice"}, "read on trust/collection/open", "read on trust/channel/alerts")
	h.group(t, "writers", []string{"alice"}, "write on trust/collection/open")
	ctx := t.Context()
	if c, err := alice.Collection(ctx, "trust", "open"); err != nil || !c.CanRead || !c.CanWrite {
		t.Errorf("the member of both sees %+v, %v", c, err)
	}
	if v := seen(t, alice, "trust", "alerts"); !v.CanRead || v.CanWrite {
		t.Errorf("the member sees %+v", v)
	}
	wantKind(t, "what no group has", second(alice.Collection(ctx, "trust", "closed")), taxii.NotFound)
	wantAllHidden(t, bob, "trust", "open")
	for on, right := range map[string]string{"trust": "manage", "server": "create"} {
		h.group(t, "of-"+on, []string{"bob"}, right+" on "+on)
	}
	if err := second(bob.SetCollection(ctx, "trust", "closed", func(*exchange.CollectionSetting) error { return nil })); err != nil {
		t.Errorf("who manages the root by a group: %v", err)
	}
	if _, err := bob.AddChannel(ctx, exchange.ChannelSetting{Root: "trust", Name: "bobs"}); err != nil {
		t.Errorf("who may create by a group: %v", err)
	}
}

func TestWhoLeavesAGroupLosesWhatItGaveAtOnce(t *testing.T) {
	for what, leave := range map[string]func(t *testing.T, h *house) error{
		"the members change":   func(t *testing.T, h *house) error { h.members(t, "analysts", "bob"); return nil },
		"the group is removed": func(t *testing.T, h *house) error { return h.op.RemoveGroup(t.Context(), "analysts") },
		"its grant ends":       func(t *testing.T, h *house) error { return h.op.RemoveGrant(t.Context(), "analysts", "trust") },
		"its grant is less": func(t *testing.T, h *house) error {
			return h.op.SetGrant(t.Context(), exchange.GrantSetting{Group: "analysts", On: "trust", Rights: []string{"create"}})
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h := build(t)
			h.root(t, "trust", "open")
			h.channel(t, "trust", "alerts")
			alice := h.account(t, "alice")
			h.account(t, "bob")
			h.account(t, "carol", "read on trust")
			h.group(t, "analysts", []string{"alice", "bob", "carol"}, "read,manage on trust")
			sub := subscribe(t, alice, taxii.NewSubscription{})
			kept := subscribe(t, h.signIn(t, "carol"), taxii.NewSubscription{})
			invited, err := alice.Invite(t.Context(), "trust", "alerts", exchange.InvitationSetting{})
			if err != nil {
				t.Fatal(err)
			}
			stream := resume(t, alice, sub.ID, exchange.Reading{Stream: true})
			if err := leave(t, h); err != nil {
				t.Fatal(err)
			}
			wantAllHidden(t, alice, "trust", "open")
			wantKind(t, "a stream of before", stream.Check(), taxii.NotFound)
			// A right given again brings neither the Subscription nor the invitation back.
			h.grant(t, "alice", "trust", "read", "manage")
			wantKind(t, "the subscription", subscriptionErr(alice.Subscription(t.Context(), "trust", "alerts", sub.ID)), taxii.NotFound)
			wantKind(t, "the invitation", second(h.account(t, "dave").Join(t.Context(), "trust", "alerts", invited.Token)), taxii.NotFound)
			shown(t, h.signIn(t, "carol"), kept.ID)
		})
	}
}

func TestAMemberWhoComesLaterLosesNothing(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts")
	alice := h.account(t, "alice", "read on trust/channel/alerts")
	sub := subscribe(t, alice, taxii.NewSubscription{})
	h.group(t, "analysts", nil, "read on trust")
	h.members(t, "analysts", "alice")
	if err := h.op.RemoveGrant(t.Context(), "alice", "trust/channel/alerts"); err != nil {
		t.Fatal(err)
	}
	h.restart(t)
	alice = h.signIn(t, "alice") // reads by the group alone
	housekeep(t, h.Exchange)
	shown(t, alice, sub.ID)
}

func TestAccountsAndGroupsShareTheirNames(t *testing.T) {
	h := build(t)
	ctx := t.Context()
	h.root(t, "trust")
	h.account(t, "alice")
	h.group(t, "analysts", nil)
	add := func(set exchange.GroupSetting) error { return h.op.AddGroup(ctx, set) }
	for _, c := range []struct {
		what string
		err  error
		want taxii.Kind
	}{
		{"a group of an account's name", add(exchange.GroupSetting{Name: "alice"}), taxii.Conflict},
		{"a group that is there", add(exchange.GroupSetting{Name: "analysts"}), taxii.Conflict},
		{"an account of a group's name", h.op.AddAccount(ctx, exchange.AccountSetting{Name: "analysts"}), taxii.Conflict},
		{"a group called anonymous", add(exchange.GroupSetting{Name: "anonymous"}), taxii.Unprocessable},
		{"a group without a name", add(exchange.GroupSetting{}), taxii.Unprocessable},
		{"a member that is nobody", add(exchange.GroupSetting{Name: "g", Members: []string{"nobody"}}), taxii.Unprocessable},
		{"a member that is a group", add(exchange.GroupSetting{Name: "g", Members: []string{"analysts"}}), taxii.Unprocessable},
		{"everyone as a member", add(exchange.GroupSetting{Name: "g", Members: []string{"anonymous"}}), taxii.Unprocessable},
		{"a member twice", add(exchange.GroupSetting{Name: "g", Members: []string{"alice", "alice"}}), taxii.Unprocessable},
		{"a grant to both", h.op.SetGrant(ctx, exchange.GrantSetting{Account: "alice", Group: "analysts", On: "trust", Rights: []string{"read"}}), taxii.Unprocessable},
		{"a grant to neither", h.op.SetGrant(ctx, exchange.GrantSetting{On: "trust", Rights: []string{"read"}}), taxii.Unprocessable},
		{"a grant to a group as an account", h.op.SetGrant(ctx, exchange.GrantSetting{Account: "analysts", On: "trust", Rights: []string{"read"}}), taxii.NotFound},
		{"a grant to an account as a group", h.op.SetGrant(ctx, exchange.GrantSetting{Group: "alice", On: "trust", Rights: []string{"read"}}), taxii.NotFound},
		{"a group that is not there", second(h.op.GroupSetting(ctx, "nobody")), taxii.NotFound},
		{"another name", second(h.op.SetGroup(ctx, "analysts", func(g *exchange.GroupSetting) error { g.Name = "x"; return nil })), taxii.Unprocessable},
		{"the end of what is not there", h.op.RemoveGroup(ctx, "nobody"), taxii.NotFound},
		{"the end of an account as a group", h.op.RemoveGroup(ctx, "alice"), taxii.NotFound},
	} {
		wantKind(t, c.what, c.err, c.want)
	}
	if list, err := h.op.Groups(ctx); err != nil || len(list) != 1 || list[0].Name != "analysts" {
		t.Errorf("the groups are %+v, %v", list, err)
	}
}

func TestTheEndOfAGroupOrAMemberLeavesNoTrace(t *testing.T) {
	h := build(t)
	ctx := t.Context()
	h.root(t, "trust", "open")
	h.account(t, "alice")
	h.account(t, "bob")
	h.group(t, "analysts", []string{"alice", "bob"}, "read on trust up to green")
	if err := h.op.RemoveAccount(ctx, "alice"); err != nil {
		t.Fatal(err)
	}
	if g, err := h.op.GroupSetting(ctx, "analysts"); err != nil || !slices.Equal(g.Members, []string{"bob"}) {
		t.Errorf("the group is %+v, %v", g, err)
	}
	wantAllHidden(t, h.account(t, "alice"), "trust", "open") // another account of the name
	if err := h.op.RemoveGroup(ctx, "analysts"); err != nil {
		t.Fatal(err)
	}
	h.group(t, "analysts", []string{"bob"})
	if list, err := h.op.Grants(ctx); err != nil || len(list) != 0 {
		t.Errorf("the grants are %+v, %v", list, err)
	}
	h.restart(t)
	wantAllHidden(t, h.signIn(t, "bob"), "trust", "open")
}

func TestOnlyWhoManagesTheServerChangesGroups(t *testing.T) {
	h := build(t)
	ctx := t.Context()
	h.root(t, "trust")
	h.group(t, "analysts", nil)
	stay := func(*exchange.GroupSetting) error { return nil }
	for name, want := range map[string]taxii.Kind{"nobody": taxii.NotFound, "keeper": taxii.Forbidden} {
		s := h.account(t, name)
		if name == "keeper" {
			h.grant(t, "keeper", "trust", "all", "create")
		}
		for what, err := range map[string]error{
			"list": second(s.Groups(ctx)), "show": second(s.GroupSetting(ctx, "analysts")), "show none": second(s.GroupSetting(ctx, "none")),
			"add": s.AddGroup(ctx, exchange.GroupSetting{Name: "new"}), "set": second(s.SetGroup(ctx, "analysts", stay)), "remove": s.RemoveGroup(ctx, "analysts"),
			"explain": second(s.Explain(ctx, name, "trust")),
		} {
			wantKind(t, name+" "+what, err, want)
		}
	}
	// Who manages an API Root grants on it to groups that it cannot look into.
	keeper := h.signIn(t, "keeper")
	set := exchange.GrantSetting{Group: "analysts", On: "trust", Rights: []string{"read"}, Ceiling: "amber"}
	if err := keeper.SetGrant(ctx, set); err != nil {
		t.Error(err)
	}
	if list, err := keeper.Grants(ctx); err != nil || len(list) != 2 || fmt.Sprint(list[0]) != fmt.Sprint(set) {
		t.Errorf("the keeper is shown %+v, %v", list, err)
	}
}

func TestACeilingStandsInAGrantAndGoesWithReading(t *testing.T) {
	h := build(t)
	ctx := t.Context()
	h.root(t, "trust")
	h.account(t, "alice")
	set := func(rights, ceiling string) error {
		return h.op.SetGrant(ctx, exchange.GrantSetting{Account: "alice", On: "trust", Rights: strings.Split(rights, ","), Ceiling: ceiling})
	}
	for _, ceiling := range []string{"clear", "green", "amber", "amber+strict", "red", ""} {
		if err := set("read,write", ceiling); err != nil {
			t.Error(err)
		}
		if list, err := h.op.Grants(ctx); err != nil || len(list) != 1 || list[0].Ceiling != ceiling {
			t.Errorf("with the ceiling %q: %+v, %v", ceiling, list, err)
		}
	}
	for _, wrong := range []string{"white", "RED", "none", "4"} {
		wantKind(t, "the ceiling "+wrong, set("read", wrong), taxii.Unprocessable)
	}
	wantKind(t, "a ceiling without read", set("write", "green"), taxii.Unprocessable)
}
