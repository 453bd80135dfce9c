package admin

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestRootsAreMadeShownChangedAndRemoved(t *testing.T) {
	c := open(t).operator()
	ctx := t.Context()
	if warnings := must(c.AddRoot(ctx, exchange.RootSetting{Name: "trust", Title: "Trust"}))(t); len(warnings) != 0 {
		t.Errorf("warnings %q", warnings)
	}
	if warnings := must(c.AddRoot(ctx, exchange.RootSetting{Name: "group/one"}))(t); len(warnings) != 1 {
		t.Errorf("a name of two segments: warnings %q, want one", warnings)
	}
	if got := must(c.Root(ctx, "group/one"))(t); !reflect.DeepEqual(got, exchange.RootSetting{Name: "group/one", Title: "group/one"}) {
		t.Errorf("group/one is %+v", got)
	}
	changed := must(c.SetRoot(ctx, "group/one", map[string]any{"title": "One", "default": true, "relative": true}))(t)
	if want := (exchange.RootSetting{Name: "group/one", Title: "One", Default: true, Relative: true}); !reflect.DeepEqual(changed, want) {
		t.Errorf("changed to %+v, want %+v", changed, want)
	}
	again := must(c.SetRoot(ctx, "group/one", map[string]any{"title": nil, "relative": nil}))(t)
	if want := (exchange.RootSetting{Name: "group/one", Title: "group/one", Default: true}); !reflect.DeepEqual(again, want) {
		t.Errorf("set back to %+v, want %+v", again, want)
	}
	if list := must(c.Roots(ctx))(t); len(list) != 2 || !reflect.DeepEqual(list[0], again) || list[1].Name != "trust" {
		t.Errorf("the roots are %+v", list)
	}
	if err := c.RemoveRoot(ctx, "group/one"); err != nil {
		t.Fatal(err)
	}
	_, err := c.Root(ctx, "group/one")
	wantKind(t, "a removed root", err, taxii.NotFound)
	_, err = c.AddRoot(ctx, exchange.RootSetting{Name: "trust"})
	wantKind(t, "a second root of one name", err, taxii.Conflict)
	_, err = c.SetRoot(ctx, "trust", map[string]any{"name": "other"})
	wantKind(t, "another name for a root", err, taxii.Unprocessable)
}

func TestCollectionsAreMadeShownChangedAndRemoved(t *testing.T) {
	trial.Covers(t, "K06")
	p := open(t)
	p.stage(t)
	c, ctx := p.operator(), t.Context()
	made := must(c.AddCollection(ctx, exchange.CollectionSetting{Root: "trust", Alias: "new", Title: "New", Types: []string{"indicator", "malware"}}))(t)
	if !taxii.IsID(made.ID) || made.Validation != "shape" {
		t.Errorf("made %+v, want a UUID and the default validation", made)
	}
	for _, name := range []string{"new", made.ID} {
		if got := must(c.Collection(ctx, "trust", name))(t); got.ID != made.ID || got.Title != "New" || got.Entries != 0 {
			t.Errorf("%s is %+v", name, got)
		}
	}
	changed := must(c.SetCollection(ctx, "trust", "new", map[string]any{"types": []string{"tool"}, "validation": "strict", "alias": nil}))(t)
	if !slices.Equal(changed.Types, []string{"tool"}) || changed.Validation != "strict" || changed.Alias != "" || changed.Title != "New" {
		t.Errorf("changed to %+v", changed)
	}
	if list := must(c.Collections(ctx, "trust"))(t); len(list) != 3 {
		t.Errorf("trust has %+v, want 3", list)
	}
	if list := must(c.Collections(ctx, ""))(t); len(list) != 4 {
		t.Errorf("all are %+v, want 4", list)
	}
	if err := c.RemoveCollection(ctx, "trust", made.ID); err != nil {
		t.Fatal(err)
	}
	_, err := c.Collection(ctx, "trust", made.ID)
	wantKind(t, "a removed collection", err, taxii.NotFound)
	_, err = c.Collections(ctx, "nowhere")
	wantKind(t, "the collections of no root", err, taxii.NotFound)
	_, err = c.SetCollection(ctx, "trust", "open", map[string]any{"title": "The closed"})
	wantKind(t, "the title of another", err, taxii.Conflict)
}

func TestWhatIsImportedIsExportedByteForByte(t *testing.T) {
	p := open(t)
	p.stage(t)
	c, ctx := p.operator(), t.Context()
	p.account(t, "alice", "write on trust/collection/open")
	objects := trial.Objects(7, 60)
	objects[0] = []byte("{ \"type\":\t\"x-odd\",\r\n \"id\" : \"x-odd--5d2ac5a8-94a6-4b1c-8d38-1a1b6f3c8f0e\" , \"n\": 1.50e+01, \"s\":\"\\u003c<&>\\/\" }")
	st := must(c.Import(ctx, "trust", "open", "", trial.Envelope(objects[:30]...)))(t)
	if st.SuccessCount != 30 || st.FailureCount != 0 {
		t.Fatalf("the Status is %+v", st)
	}
	must(c.Import(ctx, "trust", "open", "alice", trial.Envelope(objects[30:]...)))(t)
	ids := map[string]int64{}
	for _, a := range must(c.Accounts(ctx))(t) {
		ids[a.Name] = a.ID
	}
	var got []ExportEntry
	for next, more := "", true; more; {
		page := must(c.Export(ctx, "trust", "open", next, 7, ""))(t)
		got, next, more = append(got, page.Entries...), page.Next, page.More
	}
	if len(got) != len(objects) {
		t.Fatalf("%d entries, want %d", len(got), len(objects))
	}
	for i, e := range got {
		who := ids[exchange.OperatorName]
		if i >= 30 {
			who = ids["alice"]
		}
		if !bytes.Equal(e.Object, objects[i]) || e.Place != int64(i+1) || e.Account != who || e.Record.Version == "" {
			t.Errorf("entry %d is %+v, want\n%s", i, e, objects[i])
		}
	}
	if record := must(c.Collection(ctx, "trust", "open"))(t); record.Entries != 60 {
		t.Errorf("%d entries are counted, want 60", record.Entries)
	}
	since := must(c.Export(ctx, "trust", "open", "", 0, got[49].Record.DateAdded.String()))(t)
	if len(since.Entries) != 10 || since.Entries[0].Place != 51 || since.More || since.Next != "" {
		t.Errorf("since entry 50: %d entries, more %t", len(since.Entries), since.More)
	}
	if empty := must(c.Export(ctx, "lab", "drafts", "", 0, ""))(t); empty.Entries == nil || len(empty.Entries) != 0 || empty.More {
		t.Errorf("the export of nothing is %+v, want an empty list", empty)
	}
}

func TestAnImportThatCannotBeDoneSaysWhy(t *testing.T) {
	p := open(t)
	p.stage(t)
	c, ctx := p.operator(), t.Context()
	p.account(t, "alice", "read on trust")
	body := trial.Envelope(trial.Objects(1, 1)...)
	_, err := c.Import(ctx, "trust", "nowhere", "", body)
	wantKind(t, "into no collection", err, taxii.NotFound)
	if err != nil && !strings.Contains(err.Error(), `"nowhere"`) {
		t.Errorf("%v does not name the collection", err)
	}
	_, err = c.Import(ctx, "trust", "open", "nobody", body)
	wantKind(t, "as nobody", err, taxii.NotFound)
	_, err = c.Import(ctx, "trust", "open", "operator", body)
	wantKind(t, "as a built-in account", err, taxii.NotFound)
	_, err = c.Import(ctx, "trust", "open", "alice", body)
	wantKind(t, "as who may not write", err, taxii.Forbidden)
	_, err = c.Import(ctx, "trust", "open", "", []byte(`{"objects":[]}`))
	wantKind(t, "nothing", err, taxii.Unprocessable)
	bob := p.account(t, "bob", "write,manage on trust")
	must(bob.Import(ctx, "trust", "open", "", body))(t)
	_, err = bob.Import(ctx, "trust", "open", "alice", body)
	wantKind(t, "as another, by who is not the operator", err, taxii.Forbidden)
	for _, path := range []string{"?limit=0", "?limit=x", "?limit=3000000000", "?since=yesterday", "?next=abc", "?other=1", "?limit=1&limit=1"} {
		if resp, _ := ask(t, p.control, "GET", "/admin/roots/trust/collections/open/objects/"+path, ""); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("an export with %s: %d, want 400", path, resp.StatusCode)
		}
	}
}

func TestAccountsAndGrantsAreMadeShownChangedAndRemoved(t *testing.T) {
	p := open(t)
	p.stage(t)
	c, ctx := p.operator(), t.Context()
	made := must(c.AddAccount(ctx, exchange.AccountSetting{Name: "alice@example.com", Password: "password of alice@example.com"}))(t)
	if made.Name != "alice@example.com" || !slices.Equal(made.SignIn, []string{exchange.KindPassword}) || made.Removed || made.Builtin {
		t.Errorf("made %+v", made)
	}
	if got := must(c.Account(ctx, made.Name))(t); got.ID != made.ID {
		t.Errorf("shown as %+v", got)
	}
	changed := must(c.SetAccount(ctx, made.Name, map[string]any{"options": []string{exchange.OptionEmptyList}}))(t)
	if !slices.Equal(changed.Options, []string{exchange.OptionEmptyList}) {
		t.Errorf("changed to %+v", changed)
	}
	grant := exchange.GrantSetting{Account: made.Name, On: "trust/collection/open", Rights: []string{"read", "write"}}
	if err := c.SetGrant(ctx, grant); err != nil {
		t.Fatal(err)
	}
	if list := must(c.Grants(ctx))(t); len(list) != 1 || list[0].Account != grant.Account || list[0].On != grant.On || !slices.Equal(list[0].Rights, grant.Rights) {
		t.Errorf("the grants are %+v, want %+v", list, grant)
	}
	if err := c.RemoveGrant(ctx, grant.Account, grant.On); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "a grant removed twice", c.RemoveGrant(ctx, grant.Account, grant.On), taxii.NotFound)
	if err := c.RemoveAccount(ctx, made.Name); err != nil {
		t.Fatal(err)
	}
	_, err := c.Account(ctx, made.Name)
	wantKind(t, "a removed account", err, taxii.NotFound)
	list := must(c.Accounts(ctx))(t)
	if i := slices.IndexFunc(list, func(a exchange.AccountRecord) bool { return a.ID == made.ID }); i < 0 || !list[i].Removed {
		t.Errorf("the accounts are %+v, want the removed one among them", list)
	}
	if resp, _ := ask(t, p.control, "DELETE", "/admin/grants/?account=x&group=y&on=trust", ""); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a grant of two: %d, want 400", resp.StatusCode)
	}
	if resp, _ := ask(t, p.control, "DELETE", "/admin/grants/?account=x", ""); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a grant on nothing: %d, want 400", resp.StatusCode)
	}
}

func TestKeysAreListedRotatedAndRetired(t *testing.T) {
	p := open(t)
	p.stage(t)
	c, ctx := p.operator(), t.Context()
	must(c.Import(ctx, "trust", "open", "", trial.Envelope(trial.Objects(3, 4)...)))(t)
	first := must(c.Keys(ctx))(t)[0]
	page := must(c.Export(ctx, "trust", "open", "", 2, ""))(t)
	wantKind(t, "the key in use", c.RetireKey(ctx, first.ID), taxii.Conflict)
	fresh := must(c.RotateKey(ctx, "cursor", true))(t)
	if fresh.ID == first.ID || fresh.State != exchange.Active {
		t.Errorf("rotated to %+v", fresh)
	}
	must(c.Export(ctx, "trust", "open", page.Next, 2, ""))(t)
	if err := c.RetireKey(ctx, first.ID); err != nil {
		t.Fatal(err)
	}
	_, err := c.Export(ctx, "trust", "open", page.Next, 2, "")
	wantKind(t, "a cursor of a retired key", err, taxii.Malformed)
	wantKind(t, "no key", c.RetireKey(ctx, "none"), taxii.NotFound)
}

func TestADeclarationIsPlannedAndApplied(t *testing.T) {
	p := open(t)
	c, ctx := p.operator(), t.Context()
	d := exchange.Declaration{
		Roots:       []exchange.RootSetting{{Name: "trust", Title: "Trust"}},
		Collections: []exchange.CollectionSetting{{Root: "trust", Alias: "open", Title: "Open"}},
		Accounts:    []exchange.AccountSetting{{Name: "alice", Password: "password of alice"}},
		Grants:      []exchange.GrantSetting{{Account: "alice", On: "trust/collection/open", Rights: []string{"read"}}},
	}
	planned := must(c.Plan(ctx, d, false))(t)
	if len(planned) != 4 || fmt.Sprint(planned[:1]) != fmt.Sprint([]exchange.Step{{Do: "add", What: "root", Name: "trust", Detail: "Trust"}}) {
		t.Errorf("the plan is %+v", planned)
	}
	if roots := must(c.Roots(ctx))(t); len(roots) != 0 {
		t.Errorf("a plan made %+v", roots)
	}
	if done := must(c.Apply(ctx, d, false))(t); fmt.Sprint(done) != fmt.Sprint(planned) {
		t.Errorf("done %+v, planned %+v", done, planned)
	}
	if again := must(c.Apply(ctx, d, true))(t); again == nil || len(again) != 0 {
		t.Errorf("done again: %+v, want nothing", again)
	}
	state := must(c.State(ctx))(t)
	if len(state.Roots) != 1 || len(state.Collections) != 1 || len(state.Grants) != 1 || state.Accounts[0].PasswordHash == "" || state.Accounts[0].Password != "" {
		t.Errorf("the state is %+v", state)
	}
	if gone := must(c.Apply(ctx, exchange.Declaration{}, true))(t); len(gone) != 3 {
		t.Errorf("pruned %+v, want the grant, the account and the root", gone)
	}
}

func TestAnApplyThatFailsHalfWayTellsTheStepsItTook(t *testing.T) {
	p := open(t)
	p.stage(t)
	c, ctx := p.operator(), t.Context()
	steps, err := c.Apply(ctx, exchange.Declaration{
		Roots: []exchange.RootSetting{{Name: "fresh", Title: "Fresh"}},
		Collections: []exchange.CollectionSetting{
			{Root: "fresh", Alias: "a", Title: "Same"}, {Root: "fresh", Alias: "b", Title: "Same"},
		},
	}, false)
	wantKind(t, "two titles alike", err, taxii.Conflict)
	if len(steps) != 2 || steps[1].Name != "fresh/collection/a" {
		t.Errorf("the steps taken are %+v, want two", steps)
	}
	if err != nil && !strings.Contains(err.Error(), "add collection fresh/collection/b") {
		t.Errorf("%v does not name the step that failed", err)
	}
}

func TestTheVersionIsTold(t *testing.T) {
	if v := must(open(t).operator().Version(t.Context()))(t); v != "1.2.3" {
		t.Errorf("version %q", v)
	}
}

func TestErrorsComeBackWithTheKindThatTheServerMeant(t *testing.T) {
	want := taxii.Errorf(taxii.Internal, "no")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fail(w, r, want) }))
	defer server.Close()
	c := &Client{Base: server.URL}
	for _, kind := range taxii.Kinds() {
		want = taxii.Errorf(kind, "%s happened", kind).Describe("Do something else.")
		want.RetryAfter = 7 * time.Second
		_, err := c.Version(t.Context())
		got, ok := err.(*taxii.Error)
		if !ok || got.Kind != kind || got.Title != want.Title || got.Description != want.Description || got.RetryAfter != want.RetryAfter {
			t.Errorf("%s came back as %#v", kind, err)
		}
	}
}

func TestAnAnswerThatIsNoErrorResourceStillSaysItsStatus(t *testing.T) {
	code, text := http.StatusBadGateway, "<html>bad gateway</html>"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		fmt.Fprint(w, text)
	}))
	c := &Client{Base: server.URL}
	_, err := c.Version(t.Context())
	if err == nil || !strings.Contains(err.Error(), "502 Bad Gateway") {
		t.Errorf("%v does not say 502", err)
	}
	code = http.StatusOK
	if _, err := c.Version(t.Context()); err == nil {
		t.Error("an answer that is no JSON was taken")
	}
	server.Close()
	if _, err := c.Version(t.Context()); err == nil {
		t.Error("no server, and no error")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.RemoveRoot(ended, "x"); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("%v, want that it was cancelled", err)
	}
}
