package exchange_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// grouped declares accounts, a group of them, and its grant.
func grouped() exchange.Declaration {
	return exchange.Declaration{
		Roots:    []exchange.RootSetting{{Name: "trust", Title: "Trust", SignIn: []string{"token", "password"}}},
		Accounts: []exchange.AccountSetting{{Name: "alice"}, {Name: "bob"}},
		Groups:   []exchange.GroupSetting{{Name: "analysts", Members: []string{"bob", "alice"}, Limits: exchange.Limits{Streams: 3}}},
		Grants:   []exchange.GrantSetting{{Group: "analysts", On: "trust", Rights: []string{"read"}, Ceiling: "green"}},
	}
}

func TestGroupsAreDeclaredWithTheirMembersLimitsAndGrants(t *testing.T) {
	h := build(t)
	steps := apply(t, h, grouped(), true)
	wantSteps(t, "at first", steps, "add root trust", "add account alice", "add account bob", "add group analysts", "add grant group analysts on trust")
	if text := fmt.Sprint(steps); !strings.Contains(text, "read up to green") || !strings.Contains(text, "bob, alice") {
		t.Errorf("the steps do not tell what they give: %s", text)
	}
	wantSteps(t, "again", apply(t, h, grouped(), true))
	state, err := h.op.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantSteps(t, "the state where it is", apply(t, h, state, true))
	d := grouped()
	d.Groups[0].Members, d.Groups[0].Limits, d.Grants[0].Ceiling = []string{"alice"}, exchange.Limits{}, ""
	d.Roots[0].SignIn = nil
	steps = apply(t, h, d, false)
	wantSteps(t, "changed", steps, "set root trust", "set group analysts", "set grant group analysts on trust")
	if text := fmt.Sprint(steps); !strings.Contains(text, "without bob, limits") {
		t.Errorf("the steps do not tell what changes: %s", text)
	}
	d.Groups, d.Grants, d.Accounts = nil, nil, d.Accounts[:1]
	wantSteps(t, "without prune", apply(t, h, d, false))
	wantSteps(t, "with prune", apply(t, h, d, true), "remove grant group analysts on trust", "remove group analysts", "remove account bob")
	d.Accounts, d.Groups = nil, []exchange.GroupSetting{{Name: "alice"}}
	wantSteps(t, "a group of a pruned account's name", apply(t, h, d, true), "remove account alice", "add group alice")
}

func TestAPlanRefusesGroupsThatCannotBe(t *testing.T) {
	h := build(t)
	h.group(t, "there", nil)
	for _, c := range []struct {
		what string
		edit func(*exchange.Declaration)
		want string
	}{
		{"a group twice", func(d *exchange.Declaration) { d.Groups = append(d.Groups, d.Groups[0]) }, "declared twice"},
		{"a group of an account's name", func(d *exchange.Declaration) { d.Groups[0].Name, d.Grants = "alice", nil }, "share their names"},
		{"an account of a group's name", func(d *exchange.Declaration) { d.Accounts[0].Name, d.Groups = "there", nil }, "share their names"},
		{"an unknown member", func(d *exchange.Declaration) { d.Groups[0].Members = []string{"nobody"} }, `there is no account "nobody"`},
		{"a member twice", func(d *exchange.Declaration) { d.Groups[0].Members = []string{"bob", "bob"} }, "twice"},
		{"a grant to an unknown group", func(d *exchange.Declaration) { d.Grants[0].Group = "nobody" }, `there is no group "nobody"`},
		{"a grant to both", func(d *exchange.Declaration) { d.Grants[0].Account = "alice" }, "one of both"},
		{"a grant to neither", func(d *exchange.Declaration) { d.Grants[0].Group = "" }, "one of both"},
		{"an unknown ceiling", func(d *exchange.Declaration) { d.Grants[0].Ceiling = "white" }, "unknown marking level"},
		{"a ceiling without read", func(d *exchange.Declaration) { d.Grants[0].Rights = []string{"write"} }, "goes with the right to read"},
		{"an unknown way to sign in", func(d *exchange.Declaration) { d.Roots[0].SignIn = []string{"x"} }, `root "trust"`},
	} {
		d := grouped()
		c.edit(&d)
		if err := second(h.op.Apply(t.Context(), d, false)); err == nil || !strings.Contains(err.Error(), c.want) || taxii.KindOf(err) == taxii.Internal {
			t.Errorf("%s: %v, want %q", c.what, err, c.want)
		}
	}
	if list, err := h.op.Groups(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("a plan that was refused made %+v, %v", list, err)
	}
}

func TestPruningNeverTakesTheGroupFromUnderWhoPrunes(t *testing.T) {
	h := build(t)
	s := h.account(t, "admin")
	h.group(t, "admins", []string{"admin"}, "all on server")
	d := exchange.Declaration{
		Accounts: []exchange.AccountSetting{{Name: "admin"}}, Groups: []exchange.GroupSetting{{Name: "admins", Members: []string{"admin"}}},
		Grants: []exchange.GrantSetting{{Group: "admins", On: "server", Rights: []string{"all"}}},
	}
	wantSteps(t, "as it is", second1(s.Plan(t.Context(), d, true)))
	without := d
	without.Grants = nil
	wantKind(t, "without its grant", second(s.Plan(t.Context(), without, true)), taxii.Conflict)
	without = d
	without.Groups, without.Grants = nil, nil
	wantKind(t, "without the group", second(s.Plan(t.Context(), without, true)), taxii.Conflict)
}
