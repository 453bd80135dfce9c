package exchange_test

import (
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// A token that lets less through than the account may do must not show more.
func TestATokenThatDoesNotReadLiftsNoCeilingOfItsAccount(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "all")
	h.account(t, "alice")
	grant := exchange.GrantSetting{Account: "alice", On: "trust/collection/all", Rights: []string{"read", "write", "manage"}, Ceiling: "green"}
	if err := h.op.SetGrant(t.Context(), grant); err != nil {
		t.Fatal(err)
	}
	must[taxii.Status](t)(h.op.Add(t.Context(), "trust", "all", trial.Envelope([]byte(marked(1, 0, 0)), []byte(marked(2, 0, 4)))))
	token := func(rights string) *exchange.Session {
		text, _ := h.token(t, exchange.TokenSetting{Account: "alice", Name: rights, Scope: scope(rights + " on trust/collection/all")})
		return h.by(t, text)
	}
	manage, write := token("manage"), token("write")
	if p := must[*exchange.Page](t)(page(t, manage, exchange.Export, "trust", "all", taxii.Filter{})); p.Count != 1 {
		t.Errorf("an export has %d objects, and the account sees 1", p.Count)
	}
	if _, n, err := manage.CollectionSetting(t.Context(), "trust", "all"); err != nil || n != 1 {
		t.Errorf("it counts %d objects, %v, and the account sees 1", n, err)
	}
	again := must[taxii.Status](t)(write.Add(t.Context(), "trust", "all", trial.Envelope([]byte(marked(1, 0, 0)), []byte(marked(2, 0, 4)))))
	for _, v := range again.Successes {
		if seen := v.ID == toolID(1); seen != strings.Contains(v.Message, exchange.AlreadyHere) {
			t.Errorf("of %s it is said: %q", v.ID, v.Message)
		}
	}
	theirs := must[taxii.Status](t)(h.op.Add(t.Context(), "trust", "all", trial.Envelope([]byte(marked(3, 0, 4)))))
	wantKind(t, "another's Status", second(manage.Status(t.Context(), "trust", theirs.ID)), taxii.NotFound)
}

// Who manages and was never granted to read keeps what it could do before.
func TestWhoManagesAndIsNotGrantedToReadHasNoCeiling(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "all")
	alice := h.account(t, "alice", "manage on trust/collection/all")
	must[taxii.Status](t)(h.op.Add(t.Context(), "trust", "all", trial.Envelope([]byte(marked(1, 0, 4)))))
	if p := must[*exchange.Page](t)(page(t, alice, exchange.Export, "trust", "all", taxii.Filter{})); p.Count != 1 {
		t.Errorf("an export has %d objects, want 1", p.Count)
	}
}

func TestATokenIsNotToldOfAStatusBeyondItsScope(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "one", "two")
	alice := h.account(t, "alice", "read,write on trust")
	text, _ := h.token(t, exchange.TokenSetting{Account: "alice", Name: "one", Scope: scope("read on trust/collection/one")})
	one := h.by(t, text)
	for collection, want := range map[string]bool{"one": true, "two": false} {
		st := must[taxii.Status](t)(alice.Add(t.Context(), "trust", collection, trial.Envelope(trial.Objects(1, 1)...)))
		if _, err := one.Status(t.Context(), "trust", st.ID); want != (err == nil) {
			t.Errorf("the Status of an Add to %s, with a token for one: %v", collection, err)
		} else if !want {
			wantKind(t, collection, err, taxii.NotFound)
		}
	}
}

func TestInvitationsAreRecordedWithoutTheirTokens(t *testing.T) {
	t.Parallel()
	h, _, open := party(t)
	alice := open("alice")
	v := invite(t, alice, exchange.InvitationSetting{})
	if err := alice.RevokeInvitation(t.Context(), "trust", "alerts", v.ID); err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{"channel.invite", "channel.uninvite"} {
		r := h.one(t, event)
		has(t, r, map[string]any{"account": "alice", "on": "trust/channel/alerts", "change": v.ID + ": read", "outcome": "done"})
	}
}

func TestADeliveryIsRecordedUnderTheCeilingThatItWasReadWith(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	h.made(t, "trust", "alerts")
	alice := h.account(t, "alice")
	ceiling := func(name string) {
		err := h.op.SetGrant(t.Context(), exchange.GrantSetting{Account: "alice", On: "trust/channel/alerts", Rights: []string{"read"}, Ceiling: name})
		if err != nil {
			t.Fatal(err)
		}
	}
	ceiling("green")
	f := open(t, alice, exchange.Reading{})
	for i, level := range []int{0, 4} {
		must[taxii.Status](t)(publish(t, h.op, "alerts", `{"content":{"objects":[`+marked(i+1, 0, level)+`]}}`))
	}
	if p := must[*exchange.MessagePage](t)(f.Page(t.Context())); len(p.Frames) != 1 {
		t.Fatalf("%d messages, want 1", len(p.Frames))
	}
	ceiling("") // meanwhile
	receipt, err := f.Deliver(t.Context())
	if err == nil {
		err = receipt.Wait()
	}
	if err != nil {
		t.Fatal(err)
	}
	has(t, h.one(t, "delivery"), map[string]any{"account": "alice", "ceiling": "green", "count": 1})
}
