package exchange_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func declared() exchange.Declaration {
	return exchange.Declaration{
		Roots: []exchange.RootSetting{{Name: "trust", Title: "Trust", Default: true}, {Name: "lab"}},
		Collections: []exchange.CollectionSetting{
			{Root: "trust", Alias: "open", Title: "Open", Types: []string{"indicator", "malware"}},
			{Root: "trust", Title: "No alias", Validation: "strict"},
			{Root: "lab", ID: "91a7b528-80eb-42ed-a74d-c6fbd5a26116", Alias: "drafts", Title: "Drafts"},
		},
		Accounts: []exchange.AccountSetting{
			{Name: "alice", Password: "password of alice", Options: []string{exchange.OptionEmptyList}},
			{Name: "bob", PasswordHash: "hash of password of bob"},
		},
		Grants: []exchange.GrantSetting{
			{Account: "alice", On: "trust/collection/open", Rights: []string{"write", "read"}},
			{Account: "bob", On: "lab/collection/91a7b528-80eb-42ed-a74d-c6fbd5a26116", Rights: []string{"read"}},
			{Account: "anonymous", On: "lab", Rights: []string{"read"}},
		},
	}
}

func apply(t *testing.T, h *house, d exchange.Declaration, prune bool) []exchange.Step {
	t.Helper()
	planned, err := h.op.Plan(t.Context(), d, prune)
	if err != nil {
		t.Fatal(err)
	}
	done, err := h.op.Apply(t.Context(), d, prune)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(names(done)) != fmt.Sprint(names(planned)) {
		t.Errorf("planned %q, done %q", names(planned), names(done))
	}
	return done
}

func TestApplyingTwiceDoesNothingTheSecondTime(t *testing.T) {
	h := build(t)
	wantSteps(t, "the first time", apply(t, h, declared(), false),
		"add root trust", "add root lab",
		"add collection trust/collection/open", "add collection trust/collection/No alias", "add collection lab/collection/drafts",
		"add account alice", "add account bob",
		"add grant alice on trust/collection/open", "add grant bob on lab/collection/91a7b528-80eb-42ed-a74d-c6fbd5a26116", "add grant anonymous on lab")
	for _, prune := range []bool{false, true} {
		wantSteps(t, "again", apply(t, h, declared(), prune))
	}
	h.signIn(t, "alice")
	h.signIn(t, "bob")
	if c, err := h.op.Collection(t.Context(), "lab", "drafts"); err != nil || c.ID != "91a7b528-80eb-42ed-a74d-c6fbd5a26116" {
		t.Errorf("the collection with an id of its own is %+v, %v", c, err)
	}
}

func TestTheStateAppliedElsewhereMakesTheSame(t *testing.T) {
	one, two := build(t), build(t)
	apply(t, one, declared(), false)
	if err := one.op.SetAccount(t.Context(), "anonymous", func(a *exchange.AccountSetting) error {
		a.Options = []string{exchange.OptionForeignCursor}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	state, err := one.op.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantSteps(t, "the state where it is", apply(t, one, state, true))
	apply(t, two, state, true)
	copied, err := two.op.State(t.Context())
	if err != nil || fmt.Sprint(copied) != fmt.Sprint(state) {
		t.Errorf("copied\n%+v, %v, from\n%+v", copied, err, state)
	}
	two.signIn(t, "alice")
}

func TestWhatDiffersIsSetAndNothingElse(t *testing.T) {
	h := build(t)
	apply(t, h, declared(), false)
	d := declared()
	d.Roots[1].Description = "A lab."
	d.Collections[0].Types = []string{"malware"}
	d.Collections[1].Description = "Still without an alias."
	d.Accounts[0].Password = "another password"
	d.Accounts[1].Options = []string{exchange.OptionForeignCursor}
	d.Grants[0].Rights = []string{"read"}
	unnamed := noAlias(t, h)
	done := apply(t, h, d, false)
	wantSteps(t, "changes", done, "set root lab", "set collection trust/collection/open", "set collection trust/collection/"+unnamed,
		"set account alice", "set account bob", "set grant alice on trust/collection/open")
	if text := fmt.Sprint(done); strings.Contains(text, "another password") {
		t.Errorf("the steps tell a password: %s", text)
	}
	wantSteps(t, "again", apply(t, h, d, true))
	if _, err := h.open("alice", "another password"); err != nil {
		t.Error(err)
	}
	h.signIn(t, "bob")
}

func TestWhatIsNotDeclaredGoesOnlyWithPrune(t *testing.T) {
	h := build(t)
	apply(t, h, declared(), false)
	d := declared()
	d.Roots, d.Collections, d.Accounts, d.Grants = d.Roots[:1], d.Collections[:1], d.Accounts[:1], nil
	unnamed := noAlias(t, h)
	wantSteps(t, "without prune", apply(t, h, d, false))
	wantSteps(t, "with prune", apply(t, h, d, true),
		"remove grant alice on trust/collection/open", "remove grant anonymous on lab", "remove grant bob on lab/collection/drafts",
		"remove account bob", "remove collection trust/collection/"+unnamed, "remove root lab")
	wantSteps(t, "again", apply(t, h, d, true))
	wantKind(t, "to sign in as who was pruned", second(h.open("bob", "password of bob")), taxii.Unauthenticated)
}

// noAlias gives the id of the collection without alias, by which plans call it.
func noAlias(t *testing.T, h *house) string {
	t.Helper()
	list, err := h.op.CollectionSettings(t.Context(), "trust")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if c.Alias == "" {
			return c.ID
		}
	}
	return ""
}

func TestACollectionCanTakeThePlaceOfOneThatIsPruned(t *testing.T) {
	h := build(t)
	apply(t, h, declared(), false)
	d := declared()
	d.Collections[2].ID = "2f0c3f5e-1f0a-4d8c-9f0e-6a1d1a7d3b11"
	d.Grants[1].On = "lab/collection/drafts"
	// The new one used to be added before the old one went, and its alias was taken.
	apply(t, h, d, true)
	if c, err := h.op.Collection(t.Context(), "lab", "drafts"); err != nil || c.ID != d.Collections[2].ID {
		t.Errorf("the collection is %+v, %v", c, err)
	}
	if _, err := page(t, h.signIn(t, "bob"), exchange.Objects, "lab", "drafts", taxii.Filter{}); err != nil {
		t.Errorf("the grant ended with the collection before: %v", err)
	}
	wantSteps(t, "again", apply(t, h, d, true))
}

func TestAPlanRefusesWhatCannotBe(t *testing.T) {
	h := build(t)
	for _, c := range []struct {
		what string
		edit func(*exchange.Declaration)
		want string
	}{
		{"a root twice", func(d *exchange.Declaration) { d.Roots[1].Name = "trust" }, "declared twice"},
		{"a reserved root", func(d *exchange.Declaration) { d.Roots[1].Name = "admin" }, `root "admin": name would hide`},
		{"two defaults", func(d *exchange.Declaration) { d.Roots[1].Default = true }, "at most one"},
		{"a collection twice", func(d *exchange.Declaration) { d.Collections[1] = d.Collections[0] }, "declared twice"},
		{"a collection by two names", func(d *exchange.Declaration) {
			d.Collections[1] = d.Collections[2]
			d.Collections[1].Alias = ""
		}, "declared twice"},
		{"a collection without title", func(d *exchange.Declaration) { d.Collections[0].Title = "" }, "collection trust/collection/open: title is needed"},
		{"a collection in no root", func(d *exchange.Declaration) { d.Collections[0].Root = "nowhere" }, `no API Root "nowhere"`},
		{"an account twice", func(d *exchange.Declaration) { d.Accounts[1].Name = "alice" }, "declared twice"},
		{"an account without name", func(d *exchange.Declaration) { d.Accounts[1].Name = "" }, "name must begin"},
		{"a weak password", func(d *exchange.Declaration) { d.Accounts[0].Password = "short" }, `account "alice": password is shorter`},
		{"an unknown option", func(d *exchange.Declaration) { d.Accounts[0].Options = []string{"x"} }, `account "alice"`},
		{"a grant twice", func(d *exchange.Declaration) { d.Grants[1] = d.Grants[0] }, "declared twice"},
		{"a grant of nothing", func(d *exchange.Declaration) { d.Grants[1].Rights = nil }, "has no rights"},
		{"a grant of what is no right", func(d *exchange.Declaration) { d.Grants[1].Rights = []string{"own"} }, `grant to "bob"`},
		{"a grant to nobody", func(d *exchange.Declaration) { d.Grants[1].Account = "nobody" }, `no account "nobody"`},
		{"a grant to the operator", func(d *exchange.Declaration) { d.Grants[1].Account = "operator" }, "every right already"},
		{"a grant on nothing", func(d *exchange.Declaration) { d.Grants[1].On = "lab/collection/nothing" }, "there is no lab/collection/nothing"},
	} {
		d := declared()
		c.edit(&d)
		for _, prune := range []bool{false, true} {
			_, err := h.op.Apply(t.Context(), d, prune)
			if err == nil || !strings.Contains(err.Error(), c.want) || taxii.KindOf(err) == taxii.Internal {
				t.Errorf("%s: %v (%s), want %q", c.what, err, taxii.KindOf(err), c.want)
			}
		}
	}
	if roots, err := h.op.Roots(t.Context()); err != nil || len(roots) != 0 {
		t.Errorf("a plan that was refused made %+v, %v", roots, err)
	}
}

func TestPruningNeverTakesTheGroundFromUnderWhoPrunes(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "open")
	s := h.account(t, "admin", "all on server")
	d := exchange.Declaration{Accounts: []exchange.AccountSetting{{Name: "admin"}}}
	wantKind(t, "without its grant", second(s.Apply(t.Context(), d, true)), taxii.Conflict)
	d.Accounts, d.Grants = nil, []exchange.GrantSetting{{Account: "admin", On: "server", Rights: []string{"all"}}}
	wantKind(t, "without its account", second(s.Apply(t.Context(), d, true)), taxii.Unprocessable)
	wantKind(t, "without both", second(s.Apply(t.Context(), exchange.Declaration{}, true)), taxii.Conflict)
	d.Accounts = []exchange.AccountSetting{{Name: "admin"}}
	steps, err := s.Apply(t.Context(), d, true)
	if err != nil {
		t.Fatal(err)
	}
	wantSteps(t, "with both", steps, "remove root trust")
	h.signIn(t, "admin")
}

func TestAnApplyThatFailsSaysWhereAndTheNextGoesOn(t *testing.T) {
	h := build(t)
	d := declared()
	d.Collections[1].Title = "Open"
	steps, err := h.op.Apply(t.Context(), d, false)
	wantKind(t, "two titles alike", err, taxii.Conflict)
	if len(steps) != 3 || !strings.HasPrefix(err.Error(), "add collection trust/collection/Open: ") {
		t.Errorf("took %q and failed with %v", names(steps), err)
	}
	if done := apply(t, h, declared(), false); len(done) != 7 {
		t.Errorf("went on with %q, want the 7 that were left", names(done))
	}
}

func TestNeitherStateNorPlanNorRecordsTellASecret(t *testing.T) {
	h := build(t)
	apply(t, h, declared(), false)
	d := declared()
	d.Accounts[0].Password = "a fresh password"
	plan, err := h.op.Plan(t.Context(), d, true)
	if err != nil {
		t.Fatal(err)
	}
	state, err := h.op.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	accounts, _ := h.op.Accounts(t.Context())
	keys, _ := h.op.Keys(t.Context())
	text, err := json.Marshal([]any{plan, accounts, keys})
	if err != nil || strings.Contains(string(text), "fresh") || strings.Contains(string(text), "hash of") || strings.Contains(string(text), "sealed") {
		t.Errorf("%s, %v", text, err)
	}
	for _, a := range state.Accounts {
		if a.Password != "" || a.PasswordHash != "hash of password of "+a.Name {
			t.Errorf("the state has %+v, want the hash alone", a)
		}
	}
}
