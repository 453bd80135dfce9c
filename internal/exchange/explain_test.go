package exchange_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// line writes an explanation as one text.
func line(e exchange.Access) string {
	out := []string{fmt.Sprintf("%s up to %q", strings.Join(e.Rights, ","), e.Ceiling)}
	for _, g := range e.Grants {
		decides := strings.Join(g.Decides, ",")
		if decides == "" {
			decides = "none"
		}
		out = append(out, fmt.Sprintf("%s%s on %s: %s up to %q decides %s", g.By, g.Group, g.On, strings.Join(g.Rights, ","), g.Ceiling, decides))
	}
	return strings.Join(out, "\n")
}

func TestAnExplanationNamesTheGrantThatDecides(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "open", "closed")
	h.made(t, "trust", "alerts")
	h.account(t, "alice", "write on trust/collection/open", "create,push on trust")
	h.account(t, "bob", "manage on server")
	h.group(t, "analysts", []string{"alice"}, "read on trust/collection/open up to green", "read on trust/channel/alerts")
	h.group(t, "members", []string{"alice", "bob"}, "read,write on trust up to amber")
	h.grant(t, exchange.AnonymousName, "trust/collection/open", "read")
	everyone := exchange.GrantSetting{Account: exchange.AnonymousName, On: "trust/collection/open", Rights: []string{"read"}, Ceiling: "clear"}
	if err := h.op.SetGrant(t.Context(), everyone); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ account, on, want string }{
		{"alice", "trust/collection/open", `read,write up to "amber"
account on trust/collection/open: write up to "" decides write
groupanalysts on trust/collection/open: read up to "green" decides read
everyone on trust/collection/open: read up to "clear" decides none
groupmembers on trust: read,write up to "amber" decides ceiling`},
		{"alice", "trust/channel/alerts", `read,write,push up to ""
groupanalysts on trust/channel/alerts: read up to "" decides read
account on trust: push up to "" decides push
groupmembers on trust: read,write up to "amber" decides write`},
		{"alice", "trust", `read,write,create,push up to "amber"
account on trust: create,push up to "" decides create,push
groupmembers on trust: read,write up to "amber" decides read,write,ceiling`},
		{"alice", "server", ` up to ""`},
		{"bob", "server", `manage up to ""
account on server: manage up to "" decides manage`},
		{"bob", "trust/collection/closed", `read,write,manage up to "amber"
groupmembers on trust: read,write up to "amber" decides read,write,ceiling
account on server: manage up to "" decides manage`},
		{"anonymous", "trust/collection/open", `read up to "clear"
everyone on trust/collection/open: read up to "clear" decides read,ceiling`},
		{"anonymous", "trust/collection/closed", ` up to ""`},
		{"operator", "trust/collection/closed", `read,write,manage,create,push up to ""`},
	} {
		e, err := h.op.Explain(t.Context(), c.account, c.on)
		if err != nil || line(e) != c.want {
			t.Errorf("%s on %s: %v\n%s\nwant\n%s", c.account, c.on, err, line(e), c.want)
		}
	}
	h.account(t, "carol", "read on trust/collection/open")
	for on, sees := range map[string]bool{"trust": true, "server": true, "trust/collection/open": true, "trust/collection/closed": false, "trust/channel/alerts": false} {
		// An API Root that carol sees for what is in it was said not to exist for her.
		if e, err := h.op.Explain(t.Context(), "carol", on); err != nil || e.Sees != sees {
			t.Errorf("carol sees %s: %v (%v)", on, e.Sees, err)
		}
	}
	wantKind(t, "nobody", second(h.op.Explain(t.Context(), "nobody", "trust")), taxii.NotFound)
	wantKind(t, "nothing", second(h.op.Explain(t.Context(), "alice", "trust/collection/none")), taxii.NotFound)
}

// What is explained is compared with what happens: every right that is shown, and no
// other, is there, and goes when all the grants that are named for it are ended.
func TestAnExplanationSaysWhatHolds(t *testing.T) {
	h := build(t)
	ctx := t.Context()
	h.root(t, "trust", "open")
	h.made(t, "trust", "alerts")
	alice := h.account(t, "alice")
	h.group(t, "analysts", []string{"alice"})
	h.group(t, "others", nil)
	resources := []string{"server", "trust", "trust/collection/open", "trust/channel/alerts"}
	rights := []string{"read", "write", "manage"}
	random := rand.New(rand.NewPCG(5, 2))
	for round := range 30 {
		for _, to := range []exchange.GrantSetting{{Account: "alice"}, {Group: "analysts"}, {Group: "others"}, {Account: exchange.AnonymousName}} {
			to.On = resources[random.IntN(4)]
			to.Rights = []string{rights[random.IntN(3)], rights[random.IntN(3)]}
			if to.Account == exchange.AnonymousName {
				to.Rights = []string{"read"}
			}
			if slices.Contains(to.Rights, "read") && random.IntN(2) == 0 {
				to.Ceiling = []string{"clear", "green", "red"}[random.IntN(3)]
			}
			if err := h.op.SetGrant(ctx, to); err != nil {
				t.Fatal(err)
			}
		}
		e, err := h.op.Explain(ctx, "alice", "trust/collection/open")
		if err != nil {
			t.Fatal(err)
		}
		c, _ := alice.Collection(ctx, "trust", "open")
		if c.CanRead != slices.Contains(e.Rights, "read") || c.CanWrite != slices.Contains(e.Rights, "write") {
			t.Errorf("round %d: %+v is seen, and explained is\n%s", round, c, line(e))
		}
		for _, g := range e.Grants {
			name := map[string]string{"account": "alice", "everyone": exchange.AnonymousName, "group": g.Group}[g.By]
			if err := h.op.RemoveGrant(ctx, name, g.On); err != nil {
				t.Errorf("round %d: %+v is no grant: %v", round, g, err)
			}
		}
		wantKind(t, "without those grants", second(alice.Collection(ctx, "trust", "open")), taxii.NotFound)
	}
}
