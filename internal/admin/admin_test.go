package admin

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// filled gives the path of a route with names that are there.
func filled(r route) string {
	return "/admin/" + strings.NewReplacer("{root}", "trust", "{collection}", "open", "{account}", "alice", "{key}", "none", "{channel}", "alerts", "{group}", "analysts", "{invitation}", "none", "{object}", "none").Replace(r.path)
}

func TestToWhoManagesNothingThereIsNoAdministration(t *testing.T) {
	p := open(t)
	p.stage(t)
	p.account(t, "reader", "read,write on server")
	for _, route := range append(routes(), route{method: "GET", path: "nowhere"}, route{method: "PUT", path: "roots"}) {
		r, err := http.NewRequest(route.method, p.remote.URL+filled(route), strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp, _ := ask(t, p.remote, route.method, filled(route)+"?x=y", "{}")
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s %s without credentials: %d, want 401", route.method, route.path, resp.StatusCode)
		}
		r.SetBasicAuth("reader", "password of reader")
		resp, text := ask(t, p.remote, route.method, filled(route), "{}", "Authorization", r.Header.Get("Authorization"))
		if resp.StatusCode != http.StatusNotFound || resp.Header.Get("Allow") != "" || !strings.Contains(text, "There is nothing at this address") {
			t.Errorf("%s %s to a reader: %d %s, want the answer of a path that does not exist", route.method, route.path, resp.StatusCode, text)
		}
		r.SetBasicAuth("reader", "wrong")
		resp, _ = ask(t, p.remote, route.method, filled(route), "{}", "Authorization", r.Header.Get("Authorization"))
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s %s with a wrong password: %d, want 401", route.method, route.path, resp.StatusCode)
		}
	}
}

func TestWhoManagesOneCollectionSetsItAndGrantsOnItAndNothingElse(t *testing.T) {
	p := open(t)
	p.stage(t)
	p.account(t, "alice", "read on lab")
	c, ctx := p.account(t, "keeper", "manage on trust/collection/open"), t.Context()

	changed := must(c.SetCollection(ctx, "trust", "open", map[string]any{"description": "Kept by keeper."}))(t)
	if changed.Description == "" {
		t.Errorf("changed to %+v", changed)
	}
	if err := c.SetGrant(ctx, exchange.GrantSetting{Account: "alice", On: "trust/collection/open", Rights: []string{"read"}}); err != nil {
		t.Error(err)
	}
	if list := must(c.Collections(ctx, ""))(t); len(list) != 1 || list[0].Alias != "open" {
		t.Errorf("the collections are %+v, want open alone", list)
	}
	if list := must(c.Roots(ctx))(t); len(list) != 0 {
		t.Errorf("the roots are %+v, want none", list)
	}
	if list := must(c.Grants(ctx))(t); len(list) != 2 || slices.ContainsFunc(list, func(g exchange.GrantSetting) bool { return g.On != "trust/collection/open" }) {
		t.Errorf("the grants are %+v, want the two on open", list)
	}
	must(c.Export(ctx, "trust", "open", "", 0, ""))(t)

	for _, refused := range []struct {
		what string
		err  error
		want taxii.Kind
	}{
		{"to write", second(c.Import(ctx, "trust", "open", "", trial.Envelope(trial.Objects(1, 1)...))), taxii.Forbidden},
		{"to remove it", c.RemoveCollection(ctx, "trust", "open"), taxii.Forbidden},
		{"to set its root", second(c.SetRoot(ctx, "trust", map[string]any{"title": "Mine"})), taxii.Forbidden},
		{"to remove its root", c.RemoveRoot(ctx, "trust"), taxii.Forbidden},
		{"to remove another root", c.RemoveRoot(ctx, "nowhere"), taxii.Forbidden},
		{"to show its root", second(c.Root(ctx, "trust")), taxii.Forbidden},
		{"to add another", second(c.AddCollection(ctx, exchange.CollectionSetting{Root: "trust", Title: "Mine"})), taxii.Forbidden},
		{"to add a root", second(c.AddRoot(ctx, exchange.RootSetting{Name: "mine"})), taxii.Forbidden},
		{"to grant on its root", c.SetGrant(ctx, exchange.GrantSetting{Account: "keeper", On: "trust", Rights: []string{"all"}}), taxii.Forbidden},
		{"to grant on the server", c.SetGrant(ctx, exchange.GrantSetting{Account: "keeper", On: "server", Rights: []string{"all"}}), taxii.Forbidden},
		{"to list the accounts", second(c.Accounts(ctx)), taxii.Forbidden},
		{"to show an account", second(c.Account(ctx, "alice")), taxii.Forbidden},
		{"to set a password", second(c.SetAccount(ctx, "alice", map[string]any{"password": "new password"})), taxii.Forbidden},
		{"to add an account", second(c.AddAccount(ctx, exchange.AccountSetting{Name: "bob"})), taxii.Forbidden},
		{"to remove an account", c.RemoveAccount(ctx, "alice"), taxii.Forbidden},
		{"the keys", second(c.Keys(ctx)), taxii.Forbidden},
		{"to rotate a key", second(c.RotateKey(ctx, "cursor", true)), taxii.Forbidden},
		{"to retire a key", c.RetireKey(ctx, "none"), taxii.Forbidden},
		{"the state", second(c.State(ctx)), taxii.Forbidden},
		{"a plan", second(c.Plan(ctx, exchange.Declaration{}, false)), taxii.Forbidden},
		{"to apply", second(c.Apply(ctx, exchange.Declaration{}, true)), taxii.Forbidden},
		{"a hidden collection", second(c.Collection(ctx, "trust", "closed")), taxii.NotFound},
		{"to set a hidden collection", second(c.SetCollection(ctx, "trust", "closed", nil)), taxii.NotFound},
		{"to remove a hidden collection", c.RemoveCollection(ctx, "trust", "closed"), taxii.NotFound},
		{"to export a hidden collection", second(c.Export(ctx, "trust", "closed", "", 0, "")), taxii.NotFound},
		{"to grant on a hidden collection", c.SetGrant(ctx, exchange.GrantSetting{Account: "keeper", On: "trust/collection/closed", Rights: []string{"all"}}), taxii.NotFound},
		{"a hidden root", second(c.Root(ctx, "lab")), taxii.NotFound},
		{"to set a hidden root", second(c.SetRoot(ctx, "lab", map[string]any{"title": "Mine"})), taxii.NotFound},
		{"to grant on a hidden root", c.SetGrant(ctx, exchange.GrantSetting{Account: "keeper", On: "lab", Rights: []string{"all"}}), taxii.NotFound},
		{"the collections of a hidden root", second(c.Collections(ctx, "lab")), taxii.NotFound},
	} {
		wantKind(t, refused.what, refused.err, refused.want)
	}
	for _, pair := range [][2]error{
		{second(c.Root(ctx, "lab")), second(c.Root(ctx, "bal"))},
		{second(c.Collection(ctx, "lab", "drafts")), second(c.Collection(ctx, "bal", "drafts"))},
		{second(c.Collection(ctx, "trust", "closed")), second(c.Collection(ctx, "trust", "desolc"))},
		{second(c.Export(ctx, "trust", "closed", "", 0, "")), second(c.Export(ctx, "trust", "desolc", "", 0, ""))},
	} {
		hidden := strings.NewReplacer("lab", "bal", "closed", "desolc").Replace(pair[0].Error())
		if hidden != pair[1].Error() {
			t.Errorf("what is hidden answers %q, what is not there %q", hidden, pair[1])
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestEveryRouteAnswersWithAndWithoutSlashAndNeverRedirects(t *testing.T) {
	p := open(t)
	p.stage(t)
	p.account(t, "alice")
	p.group(t, "analysts", "alice")
	for _, route := range routes() {
		if route.method != "GET" {
			continue
		}
		path := filled(route)
		plain, text := ask(t, p.control, "GET", path, "")
		slashed, same := ask(t, p.control, "GET", path+"/", "")
		if plain.StatusCode != 200 || slashed.StatusCode != 200 || text != same || plain.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d and, with a slash, %d", path, plain.StatusCode, slashed.StatusCode)
		}
		head, none := ask(t, p.control, "HEAD", path+"/", "")
		if head.StatusCode != 200 || none != "" || head.ContentLength != int64(len(text)) || head.Header.Get("Content-Type") != "application/json" {
			t.Errorf("HEAD %s: %d, %d octets announced, want 200 and %d", path, head.StatusCode, head.ContentLength, len(text))
		}
		for _, wrong := range []string{path + "//", path + "/x/y", strings.Replace(path, "/admin/", "/admin//", 1), path + "%2F", path + "/..", path + "/./"} {
			if resp, _ := ask(t, p.control, "GET", wrong, ""); resp.StatusCode != http.StatusNotFound {
				t.Errorf("%s: %d, want 404", wrong, resp.StatusCode)
			}
		}
	}
	for _, path := range []string{"/admin", "/admin/", "/admin/roots/%zz", "/other/", "/", "/admin/nothing/"} {
		r, _ := http.NewRequest("GET", p.control.URL, nil)
		r.URL.Opaque = path // as it is, also where it is no good escape
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound && resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d, want 404", path, resp.StatusCode)
		}
	}
}

func TestAWrongMethodIsToldWhichAreRight(t *testing.T) {
	p := open(t)
	allowed := map[string][]string{}
	for _, route := range routes() {
		allowed[filled(route)] = append(allowed[filled(route)], route.method)
		if route.method == "GET" {
			allowed[filled(route)] = append(allowed[filled(route)], "HEAD")
		}
	}
	for path, methods := range allowed {
		slices.Sort(methods)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"} {
			if slices.Contains(methods, method) {
				continue
			}
			resp, _ := ask(t, p.control, method, path, "")
			if got := resp.Header.Get("Allow"); resp.StatusCode != http.StatusMethodNotAllowed || got != strings.Join(methods, ", ") {
				t.Errorf("%s %s: %d, Allow %q, want %q", method, path, resp.StatusCode, got, methods)
			}
		}
	}
}

func TestSettingsThatAreNotUnderstoodAreRefusedByName(t *testing.T) {
	p := open(t)
	p.stage(t)
	p.account(t, "alice")
	for _, c := range []struct{ method, path, body, want string }{
		{"POST", "roots", `{"name":"x","colour":"red"}`, `no member \"colour\"`},
		{"POST", "roots", `{"Name":"x"}`, `no member \"Name\"`},
		{"POST", "roots", `{"name":"x","name":"y"}`, `\"name\" is there twice`},
		{"POST", "roots", `{"name":7}`, "name cannot be this JSON number"},
		{"POST", "roots", `{"name":"x"`, "no JSON"},
		{"POST", "roots", `{"name":"x"} {}`, "no JSON"},
		{"POST", "roots", `[]`, "must be a JSON object"},
		{"POST", "roots", `null`, "must be a JSON object"},
		{"POST", "roots", ``, "must be a JSON object"},
		{"POST", "roots", "{\"name\":\"\xff\"}", "no JSON"},
		{"POST", "roots", `{"name":"admin"}`, "hide a path"},
		{"POST", "roots", `{"name":"a/collections"}`, "hide"},
		{"PATCH", "roots/trust", `{"colour":null}`, `no member \"colour\"`},
		{"PATCH", "roots/trust", `{"title":["x"]}`, "title cannot be a JSON array"},
		{"POST", "roots/trust/collections", `{"root":"lab","title":"x"}`, "another than the one in the path"},
		{"POST", "roots/trust/collections", `{"title":"x","id":"x"}`, "UUID"},
		{"PATCH", "roots/trust/collections/open", `{"entries":1}`, `no member \"entries\"`},
		{"PATCH", "roots/trust/collections/open", `{"root":"lab"}`, "keeps its id and its API Root"},
		{"POST", "accounts", `{"name":"bob","password":"short"}`, "shorter than 8"},
		{"POST", "accounts", `{"name":"bob","password_hash":"plain"}`, "hash"},
		{"POST", "accounts", `{"name":"b:b"}`, "name must begin"},
		{"PATCH", "accounts/alice", `{"options":["unheard_of"]}`, "unheard_of"},
		{"PATCH", "accounts/alice", `{"name":"bob"}`, "cannot be renamed"},
		{"PUT", "grants", `{"account":"alice","on":"server","rights":["rule"]}`, "unknown right"},
		{"POST", "plan", `{"roots":[{"name":"x"},{"nam":"y"}]}`, `no member \"roots/1/nam\"`},
		{"POST", "apply", `{"links":[]}`, `no member \"links\"`},
	} {
		resp, text := ask(t, p.control, c.method, "/admin/"+c.path, c.body)
		if resp.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, c.want) {
			t.Errorf("%s %s %s: %d %s, want 422 with %s", c.method, c.path, c.body, resp.StatusCode, text, c.want)
		}
	}
	for path, want := range map[string]int{"roots?x=1": 400, "plan?prune=yes": 400, "apply?prune=true&prune=true": 400, "plan?prune=%zz": 400, "plan?prune=false": 200} {
		if resp, text := ask(t, p.control, "POST", "/admin/"+path, "{}"); resp.StatusCode != want {
			t.Errorf("POST %s: %d %s, want %d", path, resp.StatusCode, text, want)
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	p := open(t)
	p.stage(t)
	long := `{"name":"x","title":"` + strings.Repeat("x", maxSettings) + `"}`
	if resp, _ := ask(t, p.control, "POST", "/admin/roots/", long); resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("settings of more than 1 MiB: %d, want 413", resp.StatusCode)
	}
	object := `{"objects":[{"type":"x-big","id":"x-big--5d2ac5a8-94a6-4b1c-8d38-1a1b6f3c8f0e","v":"` + strings.Repeat("x", 12<<20) + `"}]}`
	if resp, text := ask(t, p.control, "POST", "/admin/roots/trust/collections/open/objects/", object); resp.StatusCode != http.StatusAccepted {
		t.Errorf("an import of 12 MiB: %d %s, want 202", resp.StatusCode, text)
	}
}

// A browser that knows the password sends it with whatever a strange page asks for.
func TestAPageOfAnotherSiteMayChangeNothing(t *testing.T) {
	p := open(t)
	resp, _ := ask(t, p.control, "POST", "/admin/keys/rotate/", "", "Sec-Fetch-Site", "cross-site")
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("a request of another site: %d, want 403", resp.StatusCode)
	}
	if keys := must(p.operator().Keys(t.Context()))(t); len(keys) != 2 {
		t.Errorf("the keys are %+v: one was made", keys)
	}
}

func TestAnswersAreNotKeptByCachesAndNeverHoldASecret(t *testing.T) {
	p := open(t)
	p.account(t, "alice")
	resp, text := ask(t, p.control, "GET", "/admin/state/", "")
	if resp.Header.Get("Cache-Control") != "no-store" || !strings.Contains(text, `"password_hash":"hash of password of alice"`) {
		t.Errorf("Cache-Control %q, %s", resp.Header.Get("Cache-Control"), text)
	}
	for _, path := range []string{"accounts", "accounts/alice", "keys"} {
		if _, text := ask(t, p.control, "GET", "/admin/"+path, ""); strings.Contains(text, "password of") {
			t.Errorf("%s tells %s", path, text)
		}
	}
}

func TestAChangeHoldsFromTheNextRequestOn(t *testing.T) {
	p := open(t)
	p.stage(t)
	c, ctx := p.account(t, "keeper", "manage on trust"), t.Context()
	must(c.Root(ctx, "trust"))(t)
	if err := p.operator().RemoveGrant(ctx, "keeper", "trust"); err != nil {
		t.Fatal(err)
	}
	_, err := c.Root(ctx, "trust")
	wantKind(t, "without the grant", err, taxii.NotFound)
	if err := p.operator().RemoveAccount(ctx, "keeper"); err != nil {
		t.Fatal(err)
	}
	_, err = c.Root(ctx, "trust")
	wantKind(t, "without the account", err, taxii.Unauthenticated)
}
