package exchange_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestARootThatWouldHideAPathIsRefused(t *testing.T) {
	trial.Covers(t, "K04")
	h := build(t)
	h.root(t, "taken")
	for _, name := range []string{
		"taxii", "taxii2", "console", "auth", "admin", "lists", "healthz", "readyz", "metrics", "docs", ".well-known", "server",
		"TAXII2", "admin/x", "Docs/y", "a.b", "a//b", "/a", "a/", "", "..", "a b", "a%2Fb", "ä", strings.Repeat("x", 129),
		"a/collections", "a/Collections/b", "a/status", "a/collection/b", "a/channel/b",
	} {
		wantKind(t, name, second(h.op.AddRoot(t.Context(), exchange.RootSetting{Name: name})), taxii.Unprocessable)
	}
	wantKind(t, "taken", second(h.op.AddRoot(t.Context(), exchange.RootSetting{Name: "taken"})), taxii.Conflict)
	for _, name := range []string{"a", "collections", "x/admin", "A-1_~", "group/one"} {
		warnings, err := h.op.AddRoot(t.Context(), exchange.RootSetting{Name: name})
		if err != nil || (len(warnings) > 0) != strings.Contains(name, "/") {
			t.Errorf("%s: %v, warnings %q", name, err, warnings)
		}
	}
}

func TestARootOnAnotherServerIsListedAndHoldsNothing(t *testing.T) {
	trial.Covers(t, "R181")
	h := build(t)
	for _, address := range []string{"http://other.example.com/a/", "other", "https:///a/", "https://x/?a=b", "https://u@x/", "https://x/#f"} {
		wantKind(t, address, second(h.op.AddRoot(t.Context(), exchange.RootSetting{Name: "far", Advertise: address})), taxii.Unprocessable)
	}
	if _, err := h.op.AddRoot(t.Context(), exchange.RootSetting{Name: "far", Advertise: "https://other.example.com/a"}); err != nil {
		t.Fatal(err)
	}
	d, err := h.op.Discovery(t.Context())
	if err != nil || !slices.Contains(d.APIRoots, "https://other.example.com/a/") {
		t.Errorf("discovery has %q, %v", d.APIRoots, err)
	}
	wantKind(t, "a collection in it", second(h.op.AddCollection(t.Context(), exchange.CollectionSetting{Root: "far", Title: "x"})), taxii.Unprocessable)
	wantKind(t, "it here", second(h.op.Root(t.Context(), "far")), taxii.NotFound)
	if h.RootNames()["far"] {
		t.Error("it is among the roots that are served here")
	}
	h.root(t, "near", "open")
	advertise := func(r *exchange.RootSetting) error { r.Advertise = "https://other.example.com/b/"; return nil }
	wantKind(t, "a root with collections, elsewhere", second(h.op.SetRoot(t.Context(), "near", advertise)), taxii.Conflict)
}

func TestAnEmptyTitleIsTheName(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	changed, err := h.op.SetRoot(t.Context(), "trust", func(r *exchange.RootSetting) error { r.Title = ""; return nil })
	// What SetRoot returned used to lack what was filled in.
	if kept, _ := h.op.RootSetting(t.Context(), "trust"); err != nil || changed.Title != "trust" || !reflect.DeepEqual(kept, changed) {
		t.Errorf("returned %+v, kept %+v, %v", changed, kept, err)
	}
}

func TestOneRootAtMostIsTheDefault(t *testing.T) {
	trial.Covers(t, "R175")
	h := build(t)
	h.root(t, "a")
	h.root(t, "b")
	for _, name := range []string{"b", "a"} {
		if _, err := h.op.SetRoot(t.Context(), name, func(r *exchange.RootSetting) error { r.Default = true; return nil }); err != nil {
			t.Fatal(err)
		}
		if d, err := h.op.Discovery(t.Context()); err != nil || d.Default != "https://taxii.example.com/"+name+"/" || !slices.Contains(d.APIRoots, d.Default) {
			t.Errorf("the default is %q, %v", d.Default, err)
		}
	}
	list, err := h.op.Roots(t.Context())
	if err != nil || !list[0].Default || list[1].Default {
		t.Errorf("the roots are %+v, %v", list, err)
	}
}

func TestTheNumberOfAnAccountIsNeverUsedAgainAndItsNameMayBe(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "open")
	first := h.account(t, "alice", "read,write on trust/collection/open")
	add(t, first, "trust", "open", 1, 2)
	if err := h.op.RemoveAccount(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "to sign in as who was removed", second(h.open("alice", "password of alice")), taxii.Unauthenticated)
	wantKind(t, "a session of who was removed", second(first.Add(t.Context(), "trust", "open", trial.Envelope(trial.Objects(9, 1)...))), taxii.NotFound)
	h.restart(t)

	second := h.account(t, "alice")
	wantKind(t, "the rights of the one before", second.MayAdd("trust", "open"), taxii.NotFound)
	h.grant(t, "alice", "trust/collection/open", "write")
	add(t, second, "trust", "open", 2, 1)
	ids := h.numbers(t, "alice")
	if len(ids) != 2 || ids[0] == ids[1] {
		t.Fatalf("alice has been %v, want two numbers", ids)
	}
	p, err := page(t, h.op, exchange.Export, "trust", "open", taxii.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	text := bytes.Join(p.Chunks, nil)
	for i, id := range ids {
		if got, want := bytes.Count(text, fmt.Appendf(nil, `,"account":%d,"request":`, id)), 2-i; got != want {
			t.Errorf("%d records are of number %d, want %d", got, id, want)
		}
	}
	if err := h.op.RemoveAccount(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	h.account(t, "bob")
	if bob := h.numbers(t, "bob")[0]; slices.Contains(ids, bob) {
		t.Errorf("bob got the number %d of an account before", bob)
	}
}

func TestAccountsAreChecked(t *testing.T) {
	h := build(t)
	h.account(t, "alice")
	for _, c := range []struct {
		what string
		set  exchange.AccountSetting
		want taxii.Kind
	}{
		{"a taken name", exchange.AccountSetting{Name: "alice"}, taxii.Conflict},
		{"a built-in name", exchange.AccountSetting{Name: "operator"}, taxii.Conflict},
		{"the other built-in name", exchange.AccountSetting{Name: "anonymous"}, taxii.Conflict},
		{"no name", exchange.AccountSetting{}, taxii.Unprocessable},
		{"a colon, which Basic cannot send", exchange.AccountSetting{Name: "a:b"}, taxii.Unprocessable},
		{"a slash", exchange.AccountSetting{Name: "a/b"}, taxii.Unprocessable},
		{"a short password", exchange.AccountSetting{Name: "bob", Password: "1234567"}, taxii.Unprocessable},
		{"a long password", exchange.AccountSetting{Name: "bob", Password: strings.Repeat("x", 1025)}, taxii.Unprocessable},
		{"a hash that is none", exchange.AccountSetting{Name: "bob", PasswordHash: "secret"}, taxii.Unprocessable},
		{"both", exchange.AccountSetting{Name: "bob", Password: "12345678", PasswordHash: "hash of x"}, taxii.Unprocessable},
		{"an unknown option", exchange.AccountSetting{Name: "bob", Options: []string{"x"}}, taxii.Unprocessable},
	} {
		wantKind(t, c.what, h.op.AddAccount(t.Context(), c.set), c.want)
	}
	if ids := h.numbers(t, "bob"); len(ids) != 0 {
		t.Errorf("bob was made: %v", ids)
	}
}

func TestAPasswordCanBeChangedAndOptionsSet(t *testing.T) {
	h := build(t)
	h.account(t, "alice")
	set := func(edit func(*exchange.AccountSetting)) error {
		return h.op.SetAccount(t.Context(), "alice", func(a *exchange.AccountSetting) error { edit(a); return nil })
	}
	if err := set(func(a *exchange.AccountSetting) { a.Options = []string{exchange.OptionEmptyList} }); err != nil {
		t.Fatal(err)
	}
	if !h.signIn(t, "alice").Is(exchange.OptionEmptyList) {
		t.Error("the option does not hold")
	}
	if err := set(func(a *exchange.AccountSetting) { a.Password = "another password" }); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "the old password", second(h.open("alice", "password of alice")), taxii.Unauthenticated)
	s, err := h.open("alice", "another password")
	if err != nil || !s.Is(exchange.OptionEmptyList) {
		t.Errorf("the new password: %v", err)
	}
	wantKind(t, "another name", set(func(a *exchange.AccountSetting) { a.Name = "bob" }), taxii.Unprocessable)
	for _, name := range []string{"operator", "anonymous"} {
		wantKind(t, "to remove "+name, h.op.RemoveAccount(t.Context(), name), taxii.Conflict)
		wantKind(t, "a password for "+name, h.op.SetAccount(t.Context(), name, func(a *exchange.AccountSetting) error {
			a.Password = "another password"
			return nil
		}), taxii.Conflict)
		wantKind(t, "to sign in as "+name, second(h.open(name, "another password")), taxii.Unauthenticated)
	}
}

func TestTheNamesOfARemovedCollectionAreFreeAtOnce(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "other")
	reader := h.account(t, "alice", "read on trust/collection/other")
	old := h.collection(t, "trust", "open")
	h.grant(t, "alice", "trust/collection/open", "read")
	add(t, h.op, "trust", "open", 1, 20)
	wantKind(t, "the alias twice", second(h.op.AddCollection(t.Context(), exchange.CollectionSetting{Root: "trust", Alias: "open", Title: "x"})), taxii.Conflict)
	wantKind(t, "the title twice", second(h.op.AddCollection(t.Context(), exchange.CollectionSetting{Root: "trust", Title: "The open"})), taxii.Conflict)
	if err := h.op.RemoveCollection(t.Context(), "trust", "open"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"open", old.ID} {
		wantKind(t, name, second(h.op.Collection(t.Context(), "trust", name)), taxii.NotFound)
	}
	wantKind(t, "its id while it is being removed", second(h.op.AddCollection(t.Context(), exchange.CollectionSetting{
		Root: "trust", ID: old.ID, Title: "x",
	})), taxii.Conflict)
	fresh := h.collection(t, "trust", "open")
	if fresh.ID == old.ID {
		t.Error("the new collection has the id of the old one")
	}
	if record, n, err := h.op.CollectionSetting(t.Context(), "trust", "open"); err != nil || n != 0 || record.ID != fresh.ID {
		t.Errorf("the new one is %+v with %d entries, %v", record, n, err)
	}
	wantKind(t, "the grant on the old one", second(reader.Collection(t.Context(), "trust", "open")), taxii.NotFound)
	for more := true; more; {
		var err error
		if more, err = h.store.PurgeStep(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.op.AddCollection(t.Context(), exchange.CollectionSetting{Root: "trust", ID: old.ID, Title: "x"}); err != nil {
		t.Errorf("its id after it was removed: %v", err)
	}
}

func TestCollectionsAreChecked(t *testing.T) {
	trial.Covers(t, "K06", "K07")
	h := build(t)
	h.root(t, "trust", "open")
	for _, c := range []struct {
		what string
		set  exchange.CollectionSetting
		want taxii.Kind
	}{
		{"no title", exchange.CollectionSetting{Alias: "x"}, taxii.Unprocessable},
		{"an id in upper case", exchange.CollectionSetting{Title: "x", ID: strings.ToUpper(taxii.NewID())}, taxii.Unprocessable},
		{"an id of version 1", exchange.CollectionSetting{Title: "x", ID: "91a7b528-80eb-11ed-a74d-c6fbd5a26116"}, taxii.Unprocessable},
		{"an alias that is an id", exchange.CollectionSetting{Title: "x", Alias: taxii.NewID()}, taxii.Unprocessable},
		{"an alias with a slash", exchange.CollectionSetting{Title: "x", Alias: "a/b"}, taxii.Unprocessable},
		{"an unknown validation", exchange.CollectionSetting{Title: "x", Validation: "hard"}, taxii.Unprocessable},
		{"a type that is none", exchange.CollectionSetting{Title: "x", Types: []string{"a,b"}}, taxii.Unprocessable},
		{"a title that is there", exchange.CollectionSetting{Title: "The open"}, taxii.Conflict},
		{"an alias that is there", exchange.CollectionSetting{Title: "x", Alias: "open"}, taxii.Conflict},
	} {
		c.set.Root = "trust"
		wantKind(t, c.what, second(h.op.AddCollection(t.Context(), c.set)), c.want)
	}
}

func TestACursorLivesAsLongAsItsKey(t *testing.T) {
	trial.Covers(t, "K42")
	h := build(t)
	h.root(t, "trust", "open")
	reader := h.account(t, "alice", "read on trust")
	add(t, h.op, "trust", "open", 1, 6)
	first, err := page(t, reader, exchange.Objects, "trust", "open", taxii.Filter{Limit: 2})
	if err != nil || !first.More {
		t.Fatalf("%+v, %v", first, err)
	}
	keys, err := h.op.Keys(t.Context())
	if err != nil || len(keys) != 2 || keys[0].State != exchange.Active || keys[0].Purpose != "cursor" {
		t.Fatalf("the keys are %+v, %v", keys, err)
	}
	wantKind(t, "to retire the key in use", h.op.RetireKey(t.Context(), keys[0].ID), taxii.Conflict)
	wantKind(t, "to retire no key", h.op.RetireKey(t.Context(), "nothing"), taxii.NotFound)
	fresh, err := h.op.RotateKey(t.Context(), "cursor", true)
	if err != nil {
		t.Fatal(err)
	}
	h.restart(t)
	reader = h.signIn(t, "alice")
	next, err := page(t, reader, exchange.Objects, "trust", "open", taxii.Filter{Next: first.Next, Limit: 2})
	if err != nil || next.Count != 2 {
		t.Fatalf("with a cursor of an accepted key: %+v, %v", next, err)
	}
	if err := h.op.RetireKey(t.Context(), keys[0].ID); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "a cursor of a retired key", second(page(t, reader, exchange.Objects, "trust", "open", taxii.Filter{Next: first.Next})), taxii.Malformed)
	if _, err := page(t, reader, exchange.Objects, "trust", "open", taxii.Filter{Next: next.Next}); err != nil {
		t.Errorf("a cursor of the new key: %v", err)
	}
	h.restart(t)
	keys, err = h.op.Keys(t.Context())
	if err != nil || len(keys) != 3 || keys[0].State != exchange.Retired || keys[1].ID != fresh.ID || keys[1].State != exchange.Active {
		t.Errorf("the keys are %+v, %v", keys, err)
	}
}

func TestAnotherMasterKeyRefusesTheStart(t *testing.T) {
	h := build(t)
	h.stop(t)
	s, err := store.Open(t.Context(), h.path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	wrong := options()
	wrong.MasterKey = bytes.Repeat([]byte{1}, exchange.MasterKeySize)
	if _, err := exchange.New(t.Context(), s, wrong); err == nil || !strings.Contains(err.Error(), "not the master key") {
		t.Errorf("started with another master key: %v", err)
	}
	wrong.MasterKey = nil
	if _, err := exchange.New(t.Context(), s, wrong); err == nil {
		t.Error("started without a master key")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	h.start(t)
}
