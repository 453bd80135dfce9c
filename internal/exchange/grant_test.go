package exchange_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// deeds does everything that TAXII offers on a Collection, by what each needs.
func deeds(t *testing.T, s *exchange.Session, root, collection string) map[string]error {
	ctx := t.Context()
	return map[string]error{
		"see":    second(s.Collection(ctx, root, collection)),
		"read":   second(page(t, s, exchange.Objects, root, collection, taxii.Filter{})),
		"list":   second(page(t, s, exchange.Manifest, root, collection, taxii.Filter{})),
		"add":    second(s.Add(ctx, root, collection, trial.Envelope(trial.Objects(5, 1)...))),
		"delete": s.Delete(ctx, root, collection, "x--5d2ac5a8-94a6-4b1c-8d38-1a1b6f3c8f0e", taxii.Filter{}),
		"export": second(page(t, s, exchange.Export, root, collection, taxii.Filter{})),
		"set":    second(s.SetCollection(ctx, root, collection, func(*exchange.CollectionSetting) error { return nil })),
		"grant":  s.SetGrant(ctx, exchange.GrantSetting{Account: "other", On: root + "/collection/" + collection, Rights: []string{"read"}}),
	}
}

func TestEachRightLetsDoItsOwnAndNoRightImpliesAnother(t *testing.T) {
	trial.Covers(t, "R254", "K66")
	const yes, no, hidden = taxii.Kind(255), taxii.Forbidden, taxii.NotFound
	for rights, want := range map[string]map[string]taxii.Kind{
		"read":       {"see": yes, "read": yes, "list": yes, "add": no, "delete": no, "export": no, "set": hidden, "grant": hidden},
		"write":      {"see": yes, "read": no, "list": no, "add": yes, "delete": no, "export": no, "set": hidden, "grant": hidden},
		"manage":     {"see": yes, "read": no, "list": no, "add": no, "delete": hidden, "export": yes, "set": yes, "grant": yes},
		"read,write": {"see": yes, "read": yes, "list": yes, "add": yes, "delete": hidden, "export": no, "set": hidden, "grant": hidden},
		"all":        {"see": yes, "read": yes, "list": yes, "add": yes, "delete": hidden, "export": yes, "set": yes, "grant": yes},
	} {
		for _, on := range []string{"server", "trust", "trust/collection/open"} {
			t.Run(rights+" on "+on, func(t *testing.T) {
				h := build(t)
				h.root(t, "trust", "open", "closed")
				h.root(t, "lab", "drafts")
				h.account(t, "other")
				s := h.account(t, "alice", rights+" on "+on)
				for deed, err := range deeds(t, s, "trust", "open") {
					got := yes
					if err != nil {
						got = taxii.KindOf(err)
					}
					if got != want[deed] {
						t.Errorf("%s: %v, want %s", deed, err, want[deed])
					}
				}
				c, err := s.Collection(t.Context(), "trust", "open")
				if all := rights == "all"; err != nil || c.CanRead != (all || strings.Contains(rights, "read")) || c.CanWrite != (all || strings.Contains(rights, "write")) {
					t.Errorf("the collection is shown as %+v, %v", c, err)
				}
				if on != "server" {
					wantAllHidden(t, s, "lab", "drafts")
				}
				if on == "trust/collection/open" {
					wantAllHidden(t, s, "trust", "closed")
				}
			})
		}
	}
}

func wantAllHidden(t *testing.T, s *exchange.Session, root, collection string) {
	t.Helper()
	for deed, err := range deeds(t, s, root, collection) {
		wantKind(t, deed+" "+root+"/"+collection, err, taxii.NotFound)
	}
}

func TestWhatIsHiddenAnswersAsWhatIsNotThere(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "open", "closed")
	h.root(t, "lab", "drafts")
	h.account(t, "other")
	member := h.account(t, "alice", "read on trust/collection/open")
	nobody := h.account(t, "nobody")
	hidden := func(s *exchange.Session, root, collection string) map[string]error {
		all := deeds(t, s, root, collection)
		all["status"] = second(s.Status(t.Context(), root, taxii.NewID()))
		return all
	}
	for _, c := range []struct {
		what       string
		s          *exchange.Session
		root, name string
	}{
		{"a hidden collection", member, "trust", "closed"}, {"a collection of a hidden root", member, "lab", "drafts"},
		{"anything, to who has no grant", nobody, "trust", "open"}, {"anything, without credentials", h.Anonymous(), "trust", "open"},
	} {
		t.Run(c.what, func(t *testing.T) {
			there, absent := hidden(c.s, c.root, c.name), hidden(c.s, c.root, "nowhere")
			if c.root == "lab" || c.s != member {
				absent = hidden(c.s, "nowhere", c.name)
			}
			for deed, err := range there {
				// An administrator is told the name that was asked for; all else is equal.
				if err == nil || absent[deed] == nil || !sameWords(err, absent[deed], c.root, c.name) || taxii.KindOf(err) != taxii.KindOf(absent[deed]) {
					t.Errorf("%s: %v, where nothing is: %v", deed, err, absent[deed])
				}
			}
		})
	}
	for deed, err := range hidden(h.Anonymous(), "trust", "open") {
		wantKind(t, deed+" without credentials", err, taxii.Unauthenticated)
	}
	list, err := member.Collections(t.Context(), "trust")
	if err != nil || len(list) != 1 || list[0].Alias != "open" || !list[0].CanRead || list[0].CanWrite {
		t.Errorf("the member is shown %+v, %v", list, err)
	}
	d, err := member.Discovery(t.Context())
	if err != nil || !slices.Equal(d.APIRoots, []string{"https://taxii.example.com/trust/"}) {
		t.Errorf("the member is shown the roots %q, %v", d.APIRoots, err)
	}
	if nobody.MayAny() || !member.MayAny() {
		t.Error("who may see anything is told wrong")
	}
}

func sameWords(hidden, absent error, names ...string) bool {
	text := hidden.Error()
	for _, name := range names {
		if text == strings.ReplaceAll(absent.Error(), `"nowhere"`, strconv.Quote(name)) {
			return true
		}
	}
	return false
}

func TestWhatAnonymousMayEveryAccountMay(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "open", "closed")
	s := h.account(t, "alice", "write on trust/collection/open")
	h.grant(t, "anonymous", "trust/collection/open", "read")
	for _, reader := range []*exchange.Session{h.Anonymous(), s} {
		if _, err := page(t, reader, exchange.Objects, "trust", "open", taxii.Filter{}); err != nil {
			t.Error(err)
		}
	}
	wantKind(t, "anonymous, to add", h.Anonymous().MayAdd("trust", "open"), taxii.Forbidden)
	wantKind(t, "anonymous, what is closed", second(h.Anonymous().Collection(t.Context(), "trust", "closed")), taxii.Unauthenticated)
	if err := s.MayAdd("trust", "open"); err != nil {
		t.Errorf("a grant to anonymous took one from alice: %v", err)
	}
	wantKind(t, "the administration, anonymously", h.Anonymous().Administers(), taxii.Unauthenticated)
}

func TestAGrantHoldsFromTheNextCallOnAndEndsAtOnce(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "open")
	s := h.account(t, "alice")
	h.grant(t, "alice", "trust/collection/open", "read", "write")
	if err := s.MayAdd("trust", "open"); err != nil {
		t.Error(err)
	}
	h.grant(t, "alice", "trust/collection/open", "read")
	wantKind(t, "a right that was taken", s.MayAdd("trust", "open"), taxii.Forbidden)
	if err := h.op.RemoveGrant(t.Context(), "alice", "trust/collection/open"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "without a grant", s.MayAdd("trust", "open"), taxii.NotFound)
	wantKind(t, "a grant removed twice", h.op.RemoveGrant(t.Context(), "alice", "trust/collection/open"), taxii.NotFound)
	wantKind(t, "a grant of nobody", h.op.RemoveGrant(t.Context(), "nobody", "trust"), taxii.NotFound)
	h.grant(t, "alice", "trust", "all")
	h.grant(t, "alice", "trust")
	if list, err := h.op.Grants(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("the grants are %+v, %v: a grant without rights stayed", list, err)
	}
}

func TestGrantsAreNamedByAliasAndTakenByIDToo(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	made := h.collection(t, "trust", "open")
	h.account(t, "alice", "read on trust/collection/"+made.ID, "write on trust", "manage on server")
	list, err := h.op.Grants(t.Context())
	var on []string
	for _, g := range list {
		on = append(on, g.On+" "+g.Rights[0])
	}
	if want := []string{"server manage", "trust write", "trust/collection/open read"}; err != nil || !slices.Equal(on, want) {
		t.Errorf("the grants are on %q, %v, want %q", on, err, want)
	}
	if err := h.op.RemoveCollection(t.Context(), "trust", "open"); err != nil {
		t.Fatal(err)
	}
	if err := h.op.RemoveRoot(t.Context(), "trust"); err != nil {
		t.Fatal(err)
	}
	if list, err = h.op.Grants(t.Context()); err != nil || len(list) != 1 || list[0].On != "server" {
		t.Errorf("the grants are %+v, %v: what they were on is gone", list, err)
	}
}

func TestGrantsThatMeanNothingAreRefused(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "open")
	h.account(t, "alice")
	for _, c := range []struct {
		what string
		set  exchange.GrantSetting
		want taxii.Kind
	}{
		{"to the operator", exchange.GrantSetting{Account: "operator", On: "server", Rights: []string{"read"}}, taxii.Conflict},
		{"to nobody", exchange.GrantSetting{Account: "nobody", On: "server", Rights: []string{"read"}}, taxii.NotFound},
		{"on no root", exchange.GrantSetting{Account: "alice", On: "nowhere", Rights: []string{"read"}}, taxii.NotFound},
		{"on no collection", exchange.GrantSetting{Account: "alice", On: "trust/collection/nothing", Rights: []string{"read"}}, taxii.NotFound},
		{"on what is no resource", exchange.GrantSetting{Account: "alice", On: "trust/open", Rights: []string{"read"}}, taxii.NotFound},
		{"of an unknown right", exchange.GrantSetting{Account: "alice", On: "server", Rights: []string{"own"}}, taxii.Unprocessable},
	} {
		wantKind(t, c.what, h.op.SetGrant(t.Context(), c.set), c.want)
	}
}

func TestOnlyTheOperatorActsAsAnother(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "open")
	admin := h.account(t, "admin", "all on server")
	h.account(t, "alice", "write on trust")
	s, err := h.op.As("alice")
	if err != nil {
		t.Fatal(err)
	}
	add(t, s, "trust", "open", 1, 1)
	wantKind(t, "to read as alice", second(page(t, s, exchange.Objects, "trust", "open", taxii.Filter{})), taxii.Forbidden)
	wantKind(t, "as alice, as another", second(s.As("admin")), taxii.Forbidden)
	wantKind(t, "an administrator", second(admin.As("alice")), taxii.Forbidden)
	wantKind(t, "as the operator", second(h.op.As("operator")), taxii.NotFound)
	wantKind(t, "as nobody", second(h.op.As("nobody")), taxii.NotFound)
	wantKind(t, "to remove itself", admin.RemoveAccount(t.Context(), "admin"), taxii.Conflict)
}

func TestTheManagerOfACollectionLearnsOfNoOther(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "open", "closed")
	s := h.account(t, "keeper", "manage on trust/collection/open")
	set := func(edit func(*exchange.CollectionSetting)) error {
		return second(s.SetCollection(t.Context(), "trust", "open", func(c *exchange.CollectionSetting) error { edit(c); return nil }))
	}
	// A name that is taken and one that is free used to be answered differently.
	taken := set(func(c *exchange.CollectionSetting) { c.Title = "The closed" })
	free := set(func(c *exchange.CollectionSetting) { c.Title = "Something else" })
	wantKind(t, "a title that is taken", taken, taxii.Forbidden)
	if free == nil || taken == nil || free.Error() != taken.Error() {
		t.Errorf("a title that is taken: %v, one that is free: %v", taken, free)
	}
	wantKind(t, "an alias that is taken", set(func(c *exchange.CollectionSetting) { c.Alias = "closed" }), taxii.Forbidden)
	if err := set(func(c *exchange.CollectionSetting) { c.Description, c.Validation = "Kept.", "strict" }); err != nil {
		t.Error(err)
	}
}

func TestTheManagerOfARootRulesInItAndNotBesideIt(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "open")
	h.root(t, "lab", "drafts")
	h.account(t, "other")
	s := h.account(t, "keeper", "manage on trust")
	ctx := t.Context()
	if _, err := s.AddCollection(ctx, exchange.CollectionSetting{Root: "trust", Title: "Mine", Alias: "mine"}); err != nil {
		t.Error(err)
	}
	if err := s.SetGrant(ctx, exchange.GrantSetting{Account: "other", On: "trust/collection/mine", Rights: []string{"all"}}); err != nil {
		t.Error(err)
	}
	if err := s.RemoveCollection(ctx, "trust", "mine"); err != nil {
		t.Error(err)
	}
	if _, err := s.SetRoot(ctx, "trust", func(r *exchange.RootSetting) error { r.Title = "Mine"; return nil }); err != nil {
		t.Error(err)
	}
	wantKind(t, "to remove it", s.RemoveRoot(ctx, "trust"), taxii.Forbidden)
	wantKind(t, "a collection beside it", second(s.AddCollection(ctx, exchange.CollectionSetting{Root: "lab", Title: "x"})), taxii.NotFound)
	wantKind(t, "a grant on the server", s.SetGrant(ctx, exchange.GrantSetting{Account: "keeper", On: "server", Rights: []string{"all"}}), taxii.Forbidden)
	wantKind(t, "an account", s.AddAccount(ctx, exchange.AccountSetting{Name: "x"}), taxii.Forbidden)
	wantKind(t, "the state", second(s.State(ctx)), taxii.Forbidden)
}
