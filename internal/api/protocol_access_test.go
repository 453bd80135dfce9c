package api_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/api"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/signin"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// The table of who gets which answer where. A route without a row fails the test;
// go test ./internal/api -run TestEveryRoute -update writes the table anew, and its
// diff is to be read like code.
const accessTable = "testdata/access.txt"

// others are routes that stand in no table of routes.
var others = []string{"GET /taxii2", "GET /healthz", "GET /readyz", "GET /nothing", "GET /{root}/nothing", "GET /admin/nothing", "GET /auth/nothing"}

// everyRoute gives every route of the server: of TAXII, of the door and of
// administration.
func everyRoute() []string {
	var list []string
	for _, r := range api.Routes() {
		method, path, _ := strings.Cut(r, " ")
		list = append(list, strings.TrimSuffix(method+" /{root}/"+path, "/"))
	}
	return slices.Concat(others, list, signin.Routes(), admin.Routes())
}

// walkers are the kinds of accounts, and what each was granted on its own two API
// Roots, of which each has all that is in a path: one for TAXII and one for
// administration.
var walkers = []struct {
	name    string
	rights  []string // of the account
	ceiling string
	group   []string // of a group that it is in
	scope   []string // of a token with which it asks
}{
	{name: "anonymous"},
	{name: "nobody"},
	{name: "elsewhere"},
	{name: "reader", rights: []string{"read"}},
	{name: "writer", rights: []string{"read", "write"}},
	{name: "dropper", rights: []string{"write"}},
	{name: "manager", rights: []string{"manage"}},
	{name: "creator", rights: []string{"create", "push"}},
	{name: "member", group: []string{"read"}},
	{name: "token", rights: []string{"all"}, scope: []string{"read"}},
	{name: "ceiling", rights: []string{"read"}, ceiling: "clear"},
	{name: "admin"},    // all on the server
	{name: "operator"}, // on the control socket
}

// walker is one of them at work.
type walker struct {
	w             *world
	name          string
	authorization string // "" without
	operator      bool
	taxii, admin  map[string]string
}

func TestEveryRouteGivesEveryKindOfAccountTheAnswerOfTheTable(t *testing.T) {
	trial.Covers(t, "R254", "R068", "R069")
	t.Parallel()
	w := open(t, trial.Start(t, append([]string{"--empty"}, trial.Settings(t, "admin_https: true")...)...))
	routes := everyRoute()
	columns := make([]map[string]string, len(walkers)) // of each, by route
	walk := func(t *testing.T, i int) {
		v := w.walker(t, i)
		columns[i] = map[string]string{}
		for _, route := range inOrder(routes) {
			columns[i][route] = v.answer(t, route)
		}
	}
	t.Run("who changes nothing of others", func(t *testing.T) {
		for i, kind := range walkers[:len(walkers)-2] {
			t.Run(kind.name, func(t *testing.T) {
				t.Parallel()
				walk(t, i)
			})
		}
	})
	for i := len(walkers) - 2; i < len(walkers); i++ { // who can restore the store
		walk(t, i)
	}
	got := tableOf(routes, columns)
	if *update {
		if err := os.WriteFile(accessTable, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	text, err := os.ReadFile(accessTable)
	if err != nil {
		t.Fatal(err)
	}
	compareRows(t, got, string(text))
}

// inOrder puts what takes away behind everything else, what is in something before
// it, and what changes who the account is at the end.
func inOrder(routes []string) []string {
	late := func(route string) int {
		switch {
		case route == "DELETE /admin/grants":
			return 1
		case route == "DELETE /admin/accounts/{account}": // whose tokens and certificates go with it
			return 100
		case strings.HasPrefix(route, "DELETE"):
			return 50 - strings.Count(route, "/")
		case strings.HasSuffix(route, "/join"), route == "POST /admin/restored":
			return 101
		case route == "POST /auth/password":
			return 102
		}
		return 0
	}
	return slices.SortedStableFunc(slices.Values(routes), func(a, b string) int { return cmp.Compare(late(a), late(b)) })
}

func tableOf(routes []string, columns []map[string]string) string {
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	head := []string{"ROUTE"}
	for _, kind := range walkers {
		head = append(head, kind.name)
	}
	fmt.Fprintln(table, strings.Join(head, "\t"))
	for _, route := range routes {
		row := []string{route}
		for _, answers := range columns {
			row = append(row, answers[route])
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	_ = table.Flush() // to memory
	return out.String()
}

// compareRows names each row that differs, and each route that has none.
func compareRows(t *testing.T, got, want string) {
	t.Helper()
	rows := func(text string) map[string]string {
		all := map[string]string{}
		for line := range strings.Lines(text) {
			if fields := strings.Fields(line); len(fields) > 1 {
				n := len(fields) - len(walkers)
				all[strings.Join(fields[:n], " ")] = strings.Join(fields[n:], " ")
			}
		}
		return all
	}
	is, should := rows(got), rows(want)
	for route, answers := range is {
		switch row, there := should[route]; {
		case !there:
			t.Errorf("%s has no row in %s: it answers %s", route, accessTable, answers)
		case row != answers:
			t.Errorf("%s\n  to %s\nanswers %s\n wanted %s", route, is["ROUTE"], answers, row)
		}
		delete(should, route)
	}
	for route := range should {
		t.Errorf("%s has a row in %s, and is no route", route, accessTable)
	}
}

// walker makes the account of one of the walkers with its two API Roots.
func (w *world) walker(t *testing.T, i int) walker {
	t.Helper()
	kind, ctx := walkers[i], t.Context()
	name := kind.name
	v := walker{w: w, name: name, operator: name == "operator"}
	if name != "anonymous" && !v.operator {
		account := exchange.AccountSetting{Name: "walker-" + name, Password: "password of " + name}
		if _, err := w.control.AddAccount(ctx, account); err != nil {
			t.Fatal(err)
		}
		v.authorization = basic(account.Name, account.Password)
	}
	if kind.group != nil {
		set := exchange.GroupSetting{Name: "walkers-" + name, Members: []string{"walker-" + name}}
		if _, err := w.control.AddGroup(ctx, set); err != nil {
			t.Fatal(err)
		}
	}
	v.taxii, v.admin = v.place(t, "taxii-"+name), v.place(t, "admin-"+name)
	grant := func(set exchange.GrantSetting) {
		if err := w.control.SetGrant(ctx, set); err != nil {
			t.Fatal(err)
		}
	}
	for _, root := range []string{"taxii-" + name, "admin-" + name} {
		switch {
		case kind.group != nil:
			grant(exchange.GrantSetting{Group: "walkers-" + name, On: root, Rights: kind.group})
		case kind.rights != nil:
			grant(exchange.GrantSetting{Account: "walker-" + name, On: root, Rights: kind.rights, Ceiling: kind.ceiling})
		}
	}
	switch name {
	case "admin":
		grant(exchange.GrantSetting{Account: "walker-admin", On: "server", Rights: []string{"all"}})
	case "elsewhere":
		w.root(t, exchange.RootSetting{Name: "elsewhere"})
		grant(exchange.GrantSetting{Account: "walker-elsewhere", On: "elsewhere", Rights: []string{"all"}})
	}
	if kind.scope != nil {
		lets := []exchange.ScopeSetting{{On: "taxii-" + name, Rights: kind.scope}, {On: "admin-" + name, Rights: kind.scope}}
		made, err := w.control.CreateToken(ctx, exchange.TokenSetting{Account: "walker-" + name, Name: "scoped", Scope: lets})
		if err != nil {
			t.Fatal(err)
		}
		v.authorization = "Bearer " + made.Token
	}
	if !v.operator {
		v.own(t)
	}
	return v
}

const amber = `"object_marking_refs":["marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"]`

// place makes an API Root with everything that a path can name.
func (v walker) place(t *testing.T, root string) map[string]string {
	t.Helper()
	c, ctx := v.w.control, t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	v.w.root(t, exchange.RootSetting{Name: root})
	_, err := c.AddCollection(ctx, exchange.CollectionSetting{Root: root, Alias: "all", Title: "All"})
	check(err)
	for _, name := range []string{"alerts", "door"} {
		_, err = c.AddChannel(ctx, exchange.ChannelSetting{Root: root, Name: name})
		check(err)
	}
	added, err := c.Import(ctx, root, "all", "", []byte(envelopeOf(object("tool", 1, day(1), amber))))
	check(err)
	boss := v.w.as(t, "admin")
	said := status(t, boss.ask(t, "POST", "/"+root+"/channels/alerts/messages/", envelopeOf(object("tool", 1, day(1), amber))), http.StatusAccepted)
	_, sub := boss.subscribe(t, "/"+root+"/channels/alerts", `{}`)
	invited, err := c.Invite(ctx, root, "alerts", exchange.InvitationSetting{})
	check(err)
	joining, err := c.Invite(ctx, root, "door", exchange.InvitationSetting{})
	check(err)
	_, err = c.AddAccount(ctx, exchange.AccountSetting{Name: "victim-" + root})
	check(err)
	_, err = c.AddGroup(ctx, exchange.GroupSetting{Name: "victims-" + root})
	check(err)
	token, err := c.CreateToken(ctx, exchange.TokenSetting{Account: "victim-" + root, Name: "one"})
	check(err)
	certificate, err := c.AddCertificate(ctx, exchange.CertificateSetting{Account: "victim-" + root, Name: "dns:" + root + ".example.com"})
	check(err)
	return map[string]string{
		"{root}": root, "{id}": "all", "{collection}": "all", "{object}": id("tool", 1), "{channel}": "alerts", "{status}": added.ID,
		"{message}": said.Successes[0].ID, "{subscription}": sub.ID, "{invitation}": invited.ID, "{account}": "victim-" + root,
		"{group}": "victims-" + root, "{token}": token.ID, "{certificate}": certificate.ID, "{key}": "none", "JOIN": joining.Token,
	}
}

// own puts in the place of some of that what the account itself has, if it may have
// any: a Status, a Subscription, a token.
func (v walker) own(t *testing.T) {
	t.Helper()
	at := "/" + v.taxii["{root}"]
	var made struct{ ID string }
	if a := v.send(t, "POST", at+"/collections/all/objects/", envelopeOf(object("tool", 2, day(1)))); a.Status == http.StatusAccepted {
		a.JSON(t, &made)
		v.taxii["{status}"] = made.ID
	}
	if a := v.send(t, "POST", at+"/channels/alerts/subscriptions/", `{"name":"own"}`); a.Status == http.StatusCreated {
		a.JSON(t, &made)
		v.taxii["{subscription}"] = made.ID
	}
	if v.authorization == "" {
		return
	}
	token, err := v.w.control.CreateToken(t.Context(), exchange.TokenSetting{Account: "walker-" + v.name, Name: "spare"})
	if err != nil {
		t.Fatal(err)
	}
	v.taxii["{own}"] = token.ID
}

// send asks as the account. What administration takes is JSON.
func (v walker) send(t *testing.T, method, path, body string) trial.Answer {
	t.Helper()
	headers := []string{"Authorization: " + v.authorization}
	if strings.HasPrefix(path, "/admin/") || strings.HasPrefix(path, "/auth/") {
		headers = append(headers, "Accept: application/json", "Content-Type: application/json")
	}
	var octets []byte
	if body != "" {
		octets = []byte(body)
	}
	return v.w.Request(t, "", method, path, octets, headers...)
}

// onSocket asks on the control socket, where everybody is the operator.
func (v walker) onSocket(t *testing.T, method, path, body string) trial.Answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, v.w.control.Base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := v.w.control.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return trial.Answer{Status: response.StatusCode, Header: response.Header, Body: text}
}

// answer asks for a route, and gives the status of the answer, or - where the
// account has no way to ask. A server that fails fails the test.
func (v walker) answer(t *testing.T, route string) string {
	t.Helper()
	method, path, _ := strings.Cut(route, " ")
	names := v.taxii
	if strings.HasPrefix(path, "/admin/") {
		names = v.admin
	}
	switch {
	case strings.HasSuffix(path, "/join"):
		path = strings.Replace(path, "{channel}", "door", 1)
	case path == "/auth/tokens/{id}":
		path = strings.Replace(path, "{id}", cmp.Or(names["{own}"], names["{token}"]), 1)
	}
	for name, value := range names {
		path = strings.ReplaceAll(path, name, value)
	}
	ask := v.send
	if v.operator && !strings.HasPrefix(path, "/admin/") {
		return "-"
	} else if v.operator {
		ask = v.onSocket
	}
	a := ask(t, method, path+"/"+v.query(route), v.body(t, route))
	if a.Status >= http.StatusInternalServerError && a.Status != http.StatusNotImplemented {
		t.Errorf("%s to %s: %d %s", route, v.name, a.Status, a.Body)
	}
	return fmt.Sprint(a.Status)
}

// query is what some routes need to be asked.
func (v walker) query(route string) string {
	switch route {
	case "DELETE /admin/grants":
		return "?account=victim-" + v.admin["{root}"] + "&on=" + v.admin["{root}"]
	case "GET /admin/audit/recall":
		return "?object=" + id("tool", 1)
	}
	return ""
}

// body is one that is good, so that who is let in succeeds.
func (v walker) body(t *testing.T, route string) string {
	t.Helper()
	method, path, _ := strings.Cut(route, " ")
	bodies := map[string]any{
		"POST /{root}/channels":                                                map[string]any{"name": "new"},
		"PUT /{root}/channels/{channel}":                                       map[string]any{"title": "New"},
		"POST /{root}/channels/{channel}/subscriptions":                        map[string]any{"name": "new"},
		"PUT /{root}/channels/{channel}/subscriptions/{subscription}/position": map[string]any{"cursor": taxii.Latest},
		"PUT /{root}/channels/{channel}/grants":                                map[string]any{"grants": []any{}},
		"POST /{root}/channels/{channel}/join":                                 map[string]any{"token": v.taxii["JOIN"]},
		"POST /auth/password":                                                  map[string]any{"old_password": "password of " + v.name, "new_password": "another one of " + v.name},
		"POST /auth/tokens":                                                    map[string]any{"name": "new"},
		"POST /admin/roots":                                                    map[string]any{"name": "new-" + v.name},
		"POST /admin/roots/{root}/channels":                                    map[string]any{"name": "new"},
		"POST /admin/roots/{root}/collections":                                 map[string]any{"title": "New"},
		"POST /admin/roots/{root}/channels/{channel}/invitations":              map[string]any{},
		"POST /admin/accounts":                                                 map[string]any{"name": "new-" + v.name},
		"POST /admin/groups":                                                   map[string]any{"name": "news-" + v.name},
		"POST /admin/tokens":                                                   map[string]any{"account": "victim-" + v.admin["{root}"], "name": "new"},
		"POST /admin/certificates":                                             map[string]any{"account": "victim-" + v.admin["{root}"], "name": "dns:new.example.com"},
		"PUT /admin/grants":                                                    map[string]any{"account": "victim-" + v.admin["{root}"], "on": v.admin["{root}"], "rights": []string{"read"}},
		"POST /{root}/collections/{id}/objects":                                nil,
		"POST /{root}/channels/{channel}":                                      nil,
		"POST /{root}/channels/{channel}/messages":                             nil,
		"POST /admin/roots/{root}/collections/{collection}/objects":            nil,
	}
	value, named := bodies[route]
	switch {
	case named && value == nil:
		return envelopeOf(object("tool", 3, day(1)))
	case !named && (method == "GET" || method == "DELETE" || path == "/auth/token"):
		return ""
	case !named:
		return "{}"
	}
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
