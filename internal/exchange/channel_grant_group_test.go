package exchange_test

import (
	"slices"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestAListOfGrantsThatIsSentBackLiftsNoCeilingAndEndsNoGroup(t *testing.T) {
	h := build(t)
	ctx := t.Context()
	h.root(t, "trust")
	h.made(t, "trust", "alerts")
	keeper := h.account(t, "keeper", "manage on trust/channel/alerts")
	h.account(t, "alice")
	h.group(t, "analysts", []string{"alice"}, "read,push on trust/channel/alerts up to green")
	send := func(list ...taxii.ChannelGrant) ([]taxii.ChannelGrant, error) {
		now, err := keeper.SetChannelGrants(ctx, "trust", "alerts", nil, taxii.ChannelGrants{Grants: list})
		return now.Grants, err
	}
	own := taxii.ChannelGrant{Account: "keeper", CanManage: true}
	group := taxii.ChannelGrant{Group: "analysts", CanRead: true, Ceiling: "green"}
	with := func(ceiling string, read bool) taxii.ChannelGrant {
		g := group
		g.Ceiling, g.CanRead = ceiling, read
		return g
	}
	list, _, err := keeper.ChannelGrants(ctx, "trust", "alerts")
	if err != nil || !slices.Equal(list.Grants, []taxii.ChannelGrant{own, group}) {
		t.Fatalf("the grants are %+v, %v", list.Grants, err)
	}
	for _, c := range []struct {
		what       string
		sent, want taxii.ChannelGrant
	}{
		{"as it came", group, group},
		{"by who knows no ceilings", with("", true), group},
		{"with another ceiling", with("red", true), with("red", true)},
		{"without any", with("none", true), with("", true)},
		{"without any again", with("", true), with("", true)},
		{"with one again", with("clear", true), with("clear", true)},
		{"without read", with("", false), with("", false)},
		{"with read again", with("", true), with("", true)},
	} {
		if now, err := send(own, c.sent); err != nil || !slices.Equal(now, []taxii.ChannelGrant{own, c.want}) {
			t.Errorf("%s: %+v, %v, want %+v", c.what, now, err, c.want)
		}
	}
	all, err := h.op.Grants(ctx)
	if i := slices.IndexFunc(all, func(g exchange.GrantSetting) bool { return g.Group == "analysts" }); err != nil || i < 0 || !slices.Equal(all[i].Rights, []string{"read", "push"}) {
		t.Errorf("the grants are %+v, %v: who is listed keeps push", all, err)
	}
	for what, wrong := range map[string]taxii.ChannelGrant{
		"an unknown group": {Group: "nobody", CanRead: true}, "an account as a group": {Group: "alice", CanRead: true},
		"a group as an account": {Account: "analysts", CanRead: true}, "both": {Account: "alice", Group: "analysts", CanRead: true},
		"neither": {CanRead: true}, "twice": group, "an unknown ceiling": {Account: "alice", CanRead: true, Ceiling: "white"},
		"a ceiling without read": {Account: "alice", CanWrite: true, Ceiling: "red"},
	} {
		wantKind(t, what, second(send(own, group, wrong)), taxii.Unprocessable)
	}
	if now, err := send(own); err != nil || !slices.Equal(now, []taxii.ChannelGrant{own}) {
		t.Errorf("without the group: %+v, %v", now, err)
	}
	wantKind(t, "its member", channelErr(h.signIn(t, "alice").Channel(ctx, "trust", "alerts")), taxii.NotFound)
}
