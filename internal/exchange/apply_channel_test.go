package exchange_test

import (
	"slices"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func declaredChannels() exchange.Declaration {
	return exchange.Declaration{
		Roots:       []exchange.RootSetting{{Name: "trust", Title: "Trust"}},
		Collections: []exchange.CollectionSetting{{Root: "trust", Alias: "open", Title: "Open"}},
		Channels: []exchange.ChannelSetting{
			{Root: "trust", Name: "alerts", Title: "Alerts", From: of("open")},
			{Root: "trust", Name: "drop-box", ContentType: "*/*", Mode: taxii.ModeWriteOnly, TTL: 3600},
		},
		Accounts: []exchange.AccountSetting{{Name: "alice", Password: "password of alice"}},
		Grants: []exchange.GrantSetting{
			{Account: "alice", On: "trust/channel/alerts", Rights: []string{"read"}}, {Account: "alice", On: "trust", Rights: []string{"create"}},
		},
	}
}

func TestChannelsAreDeclaredAndTheSecondTimeThereIsNothingToDo(t *testing.T) {
	h := build(t)
	wantSteps(t, "the first time", apply(t, h, declaredChannels(), true), "add root trust", "add collection trust/collection/open",
		"add channel trust/channel/alerts", "add channel trust/channel/drop-box", "add account alice",
		"add grant alice on trust/channel/alerts", "add grant alice on trust")
	for _, prune := range []bool{false, true} {
		wantSteps(t, "the second time", apply(t, h, declaredChannels(), prune))
	}
	alerts := seen(t, h.signIn(t, "alice"), "trust", "alerts")
	if !alerts.CanRead || alerts.Title != "Alerts" || alerts.TTL != 604_800 {
		t.Errorf("made %+v", alerts)
	}
	state, err := h.op.State(t.Context())
	if err != nil || len(state.Channels) != 2 {
		t.Fatalf("the state has %+v, %v", state.Channels, err)
	}
	wantSteps(t, "the state itself", apply(t, h, state, true))
	other := build(t)
	apply(t, other, state, true)
	again, err := other.op.State(t.Context())
	if err != nil || len(again.Channels) != 2 || *again.Channels[0].From != *state.Channels[0].From {
		t.Errorf("elsewhere it has %+v, %v", again.Channels, err)
	}
	wantSteps(t, "elsewhere, the second time", apply(t, other, state, true))
}

func TestAChangedDeclarationChangesChannelsAndPruningRemovesThem(t *testing.T) {
	h := build(t)
	apply(t, h, declaredChannels(), true)
	id := seen(t, h.op, "trust", "alerts").ID
	d := declaredChannels()
	d.Channels = []exchange.ChannelSetting{{Root: "trust", Name: "alerts", Title: "News", PermittedMessages: []string{"indicator"}}}
	wantSteps(t, "without pruning", apply(t, h, d, false), "set channel trust/channel/alerts")
	if c := seen(t, h.op, "trust", "alerts"); c.ID != id || c.Title != "News" || c.FromCollection != "" || !slices.Equal(c.PermittedMessages, []string{"indicator"}) {
		t.Errorf("changed to %+v", c)
	}
	wantSteps(t, "pruned", apply(t, h, d, true), "remove channel trust/channel/drop-box")
	d.Channels, d.Grants = nil, nil
	wantSteps(t, "pruned of all", apply(t, h, d, true), "remove grant alice on trust", "remove grant alice on trust/channel/alerts", "remove channel trust/channel/alerts")
	apply(t, h, declaredChannels(), true)
	wantSteps(t, "with its root", apply(t, h, exchange.Declaration{}, true), "remove grant alice on trust", "remove grant alice on trust/channel/alerts",
		"remove account alice", "remove root trust")
}

func TestDeclaredChannelsThatCannotBeAreRefusedInThePlan(t *testing.T) {
	h := build(t)
	apply(t, h, declaredChannels(), true)
	for what, edit := range map[string]func(d *exchange.Declaration){
		"a name":         func(d *exchange.Declaration) { d.Channels[0].Name = "Alerts" },
		"a root":         func(d *exchange.Declaration) { d.Channels[0].Root = "lab" },
		"twice":          func(d *exchange.Declaration) { d.Channels[1].Name = "alerts" },
		"a mode":         func(d *exchange.Declaration) { d.Channels[0].Mode = taxii.ModeReadOnly },
		"a content type": func(d *exchange.Declaration) { d.Channels[0].ContentType = "*/*" },
		"no collection":  func(d *exchange.Declaration) { d.Channels[0].From = of("none") },
		"a new source":   func(d *exchange.Declaration) { d.Channels[1].To = of("open") },
		"inner grants":   func(d *exchange.Declaration) { d.Channels[0].Grants = []taxii.ChannelGrant{{Account: "alice"}} },
		"a grant on it":  func(d *exchange.Declaration) { d.Grants[0].On = "trust/channel/none" },
		"a right on it":  func(d *exchange.Declaration) { d.Grants[0].Rights = []string{"create"} },
	} {
		d := declaredChannels()
		edit(&d)
		_, err := h.op.Plan(t.Context(), d, true)
		wantKind(t, what, err, taxii.Unprocessable)
	}
}
