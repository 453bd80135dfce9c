package exchange_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestTheAuditSaysToWhomWhatWasGrantedAndWhoCameAndWent(t *testing.T) {
	t.Parallel()
	h := build(t)
	ctx := t.Context()
	h.root(t, "trust")
	h.made(t, "trust", "alerts")
	h.account(t, "alice")
	h.account(t, "bob")
	h.group(t, "analysts", []string{"alice"}, "read,write on trust up to green")
	h.members(t, "analysts", "bob")
	if err := h.op.RemoveGrant(ctx, "analysts", "trust"); err != nil {
		t.Fatal(err)
	}
	send := func(list ...taxii.ChannelGrant) {
		t.Helper()
		if err := second(h.op.SetChannelGrants(ctx, "trust", "alerts", nil, taxii.ChannelGrants{Grants: list})); err != nil {
			t.Fatal(err)
		}
	}
	alice := taxii.ChannelGrant{Account: "alice", CanRead: true, Ceiling: "amber"}
	send(alice)
	send(alice, taxii.ChannelGrant{Group: "analysts", CanWrite: true})
	send()
	want := []string{
		"group analysts: read,write up to green", "group analysts: none",
		"alice: read up to amber", "group analysts: write", "alice: none; group analysts: none",
	}
	got := changes(h.records(t, "grant"))
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("grants: %q, want %q", got, want)
	}
	if got := changes(h.records(t, "group")); fmt.Sprint(got) != "[with alice with bob, without alice]" {
		t.Errorf("groups: %q", got)
	}
}

// changes gives what records say was changed.
func changes(records []map[string]any) (list []string) {
	for _, r := range records {
		text, _ := r["change"].(string)
		list = append(list, text)
	}
	return list
}

func TestTheAuditKeepsAHundredNamesOfAChangeAndNotAHundredThousand(t *testing.T) {
	t.Parallel()
	h := build(t)
	var names []string
	for i := range 60 {
		name := fmt.Sprintf("%s-%d", strings.Repeat("a", 100), i)
		h.account(t, name)
		names = append(names, name)
	}
	if err := h.op.AddGroup(t.Context(), exchange.GroupSetting{Name: "many", Members: names}); err != nil {
		t.Fatal(err)
	}
	got := changes(h.records(t, "group"))
	if len(got) != 1 || len(got[0]) > 5000 || !strings.HasSuffix(got[0], " and more") {
		t.Errorf("recorded %q", got)
	}
}
