package admin

import (
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestChannelsAreMadeShownChangedAndRemoved(t *testing.T) {
	p := open(t)
	p.stage(t)
	c, ctx := p.operator(), t.Context()
	from := "open"
	made := must(c.AddChannel(ctx, exchange.ChannelSetting{Root: "trust", Name: "news", Title: "News", From: &from, MaxMessages: 5}))(t)
	if !taxii.IsID(made.ID) || made.Root != "trust" || made.TTL != 604_800 || !taxii.IsID(made.FromCollection) || made.Messages != 0 || made.MaxMessages != 5 {
		t.Errorf("made %+v", made)
	}
	for _, name := range []string{"news", made.ID} {
		if got := must(c.Channel(ctx, "trust", name))(t); got.ID != made.ID || got.Title != "News" {
			t.Errorf("%s is %+v", name, got)
		}
	}
	changed := must(c.SetChannel(ctx, "trust", "news", map[string]any{"ttl": 60, "permitted_messages": []string{"indicator"}, "title": nil, "max_messages": nil}))(t)
	if changed.TTL != 60 || changed.Title != "" || changed.MaxMessages != 0 || changed.FromCollection != made.FromCollection || !slices.Equal(changed.PermittedMessages, []string{"indicator"}) {
		t.Errorf("changed to %+v", changed)
	}
	if again := must(c.SetChannel(ctx, "trust", "news", map[string]any{"ttl": nil}))(t); again.TTL != 604_800 {
		t.Errorf("set back to %+v", again)
	}
	for _, ended := range []any{nil, ""} {
		if c := must(c.SetChannel(ctx, "trust", "news", map[string]any{"from_collection": ended}))(t); c.FromCollection != "" {
			t.Errorf("ended with %v it is %+v", ended, c)
		}
	}
	for _, root := range []string{"", "trust"} {
		if list := must(c.Channels(ctx, root))(t); len(list) != 2 || list[0].Name != "alerts" || list[1].ID != made.ID {
			t.Errorf("the channels of %q are %+v", root, list)
		}
	}
	if err := c.RemoveChannel(ctx, "trust", "news"); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"removed": second(c.Channel(ctx, "trust", "news")), "to set": second(c.SetChannel(ctx, "trust", "news", nil)), "to remove": c.RemoveChannel(ctx, "trust", "news"),
		"its invitations": second(c.Invitations(ctx, "trust", "news")), "to invite": second(c.Invite(ctx, "trust", "news", exchange.InvitationSetting{})),
		"its subscriptions": second(c.Subscriptions(ctx, "trust", "news", 0, "")), "to revoke": c.RevokeInvitation(ctx, "trust", "news", "x"),
	} {
		wantKind(t, what, err, taxii.NotFound)
		if err == nil || !strings.Contains(err.Error(), `no channel "news" in "trust"`) {
			t.Errorf("%s: %v does not say what is not there", what, err)
		}
	}
	wantKind(t, "of no root", second(c.Channels(ctx, "none")), taxii.NotFound)
	wantKind(t, "in no root", second(c.AddChannel(ctx, exchange.ChannelSetting{Root: "none", Name: "a"})), taxii.NotFound)
	wantKind(t, "a name that is taken", second(c.AddChannel(ctx, exchange.ChannelSetting{Root: "trust", Name: "alerts"})), taxii.Conflict)
	wantKind(t, "another name", second(c.SetChannel(ctx, "trust", "alerts", map[string]any{"name": "other"})), taxii.Unprocessable)
	if resp, text := ask(t, p.control, "POST", "/admin/roots/trust/channels/", `{"root":"lab","name":"a"}`); resp.StatusCode != 422 {
		t.Errorf("another root than the path's: %d %s", resp.StatusCode, text)
	}
}

func TestWhoManagesAChannelSetsItAndInvitesAndNothingElse(t *testing.T) {
	p := open(t)
	p.stage(t)
	ctx := t.Context()
	if _, err := p.operator().AddChannel(ctx, exchange.ChannelSetting{Root: "trust", Name: "closed"}); err != nil {
		t.Fatal(err)
	}
	c := p.account(t, "keeper", "manage on trust/channel/alerts")
	if list := must(c.Channels(ctx, ""))(t); len(list) != 1 || list[0].Name != "alerts" {
		t.Errorf("the channels are %+v, want alerts alone", list)
	}
	must(c.SetChannel(ctx, "trust", "alerts", map[string]any{"title": "Kept by keeper"}))(t)
	must(c.Subscriptions(ctx, "trust", "alerts", 10, ""))(t)
	if err := c.SetGrant(ctx, exchange.GrantSetting{Account: "anonymous", On: "trust/channel/alerts", Rights: []string{"read"}}); err != nil {
		t.Error(err)
	}
	uses := 3
	made := must(c.Invite(ctx, "trust", "alerts", exchange.InvitationSetting{Uses: &uses}))(t)
	if made.Token == "" || made.Uses != 3 {
		t.Errorf("made %+v", made)
	}
	if list := must(c.Invitations(ctx, "trust", "alerts"))(t); len(list) != 1 || list[0].ID != made.ID || list[0].Token != "" {
		t.Errorf("the invitations are %+v", list)
	}
	if err := c.RevokeInvitation(ctx, "trust", "alerts", made.ID); err != nil {
		t.Error(err)
	}
	if list := must(c.Invitations(ctx, "trust", "alerts"))(t); list == nil || len(list) != 0 {
		t.Errorf("after that they are %+v, want an empty list", list)
	}
	err := c.RevokeInvitation(ctx, "trust", "alerts", made.ID)
	wantKind(t, "revoked twice", err, taxii.NotFound)
	if err == nil || !strings.Contains(err.Error(), "no invitation") {
		t.Errorf("revoked twice: %v", err)
	}
	for what, err := range map[string]error{
		"to add one": second(c.AddChannel(ctx, exchange.ChannelSetting{Root: "trust", Name: "mine"})), "after a restore": c.Restored(ctx),
		"to set its root": second(c.SetRoot(ctx, "trust", map[string]any{"title": "Mine"})),
	} {
		wantKind(t, what, err, taxii.Forbidden)
	}
	hidden := map[string]error{
		"show": second(c.Channel(ctx, "trust", "closed")), "set": second(c.SetChannel(ctx, "trust", "closed", nil)), "remove": c.RemoveChannel(ctx, "trust", "closed"),
		"invite": second(c.Invite(ctx, "trust", "closed", exchange.InvitationSetting{})), "lag": second(c.Subscriptions(ctx, "trust", "closed", 0, "")),
		"add to a hidden root": second(c.AddChannel(ctx, exchange.ChannelSetting{Root: "lab", Name: "closed"})),
	}
	absent := map[string]error{
		"show": second(c.Channel(ctx, "trust", "desolc")), "set": second(c.SetChannel(ctx, "trust", "desolc", nil)), "remove": c.RemoveChannel(ctx, "trust", "desolc"),
		"invite": second(c.Invite(ctx, "trust", "desolc", exchange.InvitationSetting{})), "lag": second(c.Subscriptions(ctx, "trust", "desolc", 0, "")),
		"add to a hidden root": second(c.AddChannel(ctx, exchange.ChannelSetting{Root: "bal", Name: "closed"})),
	}
	for what, err := range hidden {
		wantKind(t, what+" what is hidden", err, taxii.NotFound)
		if err == nil || strings.NewReplacer("closed", "desolc", "lab", "bal").Replace(err.Error()) != strings.ReplaceAll(absent[what].Error(), "closed", "desolc") {
			t.Errorf("%s: what is hidden answers %v, what is not there %v", what, err, absent[what])
		}
	}
	reader := p.account(t, "reader", "read on trust/channel/alerts", "manage on lab")
	for what, err := range map[string]error{
		"show": second(reader.Channel(ctx, "trust", "alerts")), "lag": second(reader.Subscriptions(ctx, "trust", "alerts", 0, "")), "set": second(reader.SetChannel(ctx, "trust", "alerts", nil)),
	} {
		wantKind(t, what+", by a reader who manages something else", err, taxii.Forbidden)
	}
}

func TestRestoredBeginsEveryChannelAnew(t *testing.T) {
	p := open(t)
	p.stage(t)
	c, ctx := p.operator(), t.Context()
	before := must(c.Channel(ctx, "trust", "alerts"))(t)
	if err := c.Restored(ctx); err != nil {
		t.Fatal(err)
	}
	if after := must(c.Channel(ctx, "trust", "alerts"))(t); after.Latest == before.Latest {
		t.Error("the cursors are those of before")
	}
}
