package api_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// world is a running server, known by its URL alone, and the operator's way to
// make what a test needs of its own.
type world struct {
	*trial.Server
	control *admin.Client
}

// open gives the world of a server, with its control socket. The path goes
// through the open directory, which is as short as a socket's must be.
func open(t testing.TB, s *trial.Server) *world {
	dir, err := os.Open(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join("/proc/self/fd", fmt.Sprint(dir.Fd()), "control.sock")
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = dir.Close()
	})
	return &world{s, &admin.Client{HTTP: &http.Client{Transport: transport}, Base: "http://control"}}
}

// actor is an account that asks, or nobody where it has no name.
type actor struct {
	w              *world
	name, password string
}

// as gives an account of the demo: admin, member, reader, or "" for nobody.
func (w *world) as(t testing.TB, name string) actor {
	t.Helper()
	if name == "" {
		return actor{w: w}
	}
	return actor{w, name, w.Password(t, name)}
}

// account makes an account of the test's own, with these options.
func (w *world) account(t testing.TB, options ...string) actor {
	t.Helper()
	a := actor{w, "a-" + taxii.NewID(), taxii.NewID()}
	_, err := w.control.AddAccount(t.Context(), exchange.AccountSetting{Name: a.name, Password: a.password, Options: options})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// root makes an API Root of the test's own and gives its name.
func (w *world) root(t testing.TB, set exchange.RootSetting) string {
	t.Helper()
	if set.Name == "" {
		set.Name = "r-" + taxii.NewID()
	}
	if set.Title == "" {
		set.Title = t.Name()
	}
	if _, err := w.control.AddRoot(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	return set.Name
}

// collection makes a Collection of the test's own, which the demo's member reads
// and writes and its reader reads, and gives its path without a final slash.
func (w *world) collection(t testing.TB, sets ...exchange.CollectionSetting) string {
	t.Helper()
	set := exchange.CollectionSetting{}
	if len(sets) > 0 {
		set = sets[0]
	}
	if set.Root == "" {
		set.Root = "trust"
	}
	set.ID = taxii.NewID()
	if set.Title == "" {
		set.Title = t.Name() + " " + set.ID
	}
	if _, err := w.control.AddCollection(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	path := "/" + set.Root + "/collections/" + set.ID
	w.grant(t, "member", path, "read", "write")
	w.grant(t, "reader", path, "read")
	return path
}

// grant gives an account exactly these rights on a Collection, by its path, or
// on an API Root or the server, by name.
func (w *world) grant(t testing.TB, account, on string, rights ...string) {
	t.Helper()
	on = strings.Replace(strings.TrimPrefix(on, "/"), "/collections/", "/collection/", 1)
	if err := w.control.SetGrant(t.Context(), exchange.GrantSetting{Account: account, On: on, Rights: rights}); err != nil {
		t.Fatal(err)
	}
}

func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// ask sends a request and reads the answer.
func (a actor) ask(t testing.TB, method, path, body string, headers ...string) trial.Answer {
	t.Helper()
	if a.name != "" {
		headers = append([]string{"Authorization: " + basic(a.name, a.password)}, headers...)
	}
	var octets []byte
	if body != "" {
		octets = []byte(body)
	}
	return a.w.Request(t, "", method, path, octets, headers...)
}

func (a actor) get(t testing.TB, path string, headers ...string) trial.Answer {
	t.Helper()
	return a.ask(t, http.MethodGet, path, "", headers...)
}

// post sends a body to the objects of a Collection.
func (a actor) post(t testing.TB, collection, body string, headers ...string) trial.Answer {
	t.Helper()
	return a.ask(t, http.MethodPost, collection+"/objects/", body, headers...)
}

// add adds objects, and fails the test unless each is a success.
func (a actor) add(t testing.TB, collection string, objects ...string) taxii.Status {
	t.Helper()
	st := status(t, a.post(t, collection, envelopeOf(objects...)), http.StatusAccepted)
	if st.SuccessCount != len(objects) {
		t.Fatalf("added %d of %d: %+v", st.SuccessCount, len(objects), st.Failures)
	}
	return st
}

func (a actor) delete(t testing.TB, path string) trial.Answer {
	t.Helper()
	return a.ask(t, http.MethodDelete, path, "")
}

func envelopeOf(objects ...string) string { return `{"objects":[` + strings.Join(objects, ",") + `]}` }

// page is an answer of an endpoint that is read in pages.
type page struct {
	trial.Answer
	More        bool
	Next        string
	First, Last string
	Items       []string // objects, records or versions, as raw JSON
}

// ids gives the ids of objects or records.
func (p page) ids(t testing.TB) (ids []string) {
	t.Helper()
	for _, item := range p.Items {
		ids = append(ids, field(t, item, "id"))
	}
	return ids
}

// versions gives what modified, else created, or in a record version says.
func (p page) versions(t testing.TB) (list []string) {
	t.Helper()
	for _, item := range p.Items {
		list = append(list, version(t, item))
	}
	return list
}

func version(t testing.TB, item string) string {
	t.Helper()
	for _, name := range []string{"version", "modified", "created"} {
		if v := field(t, item, name); v != "" {
			return v
		}
	}
	return ""
}

// field gives a text member of a JSON object, or "".
func field(t testing.TB, object, name string) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		t.Fatalf("%v in %s", err, object)
	}
	var text string
	if raw, ok := members[name]; ok {
		if err := json.Unmarshal(raw, &text); err != nil {
			t.Fatalf("%s: %v in %s", name, err, object)
		}
	}
	return text
}

// page gets a page, and holds it against all that every page must keep.
func (a actor) page(t testing.TB, path string) page {
	t.Helper()
	p := readPage(t, a.get(t, path))
	p.check(t, path)
	return p
}

func readPage(t testing.TB, answer trial.Answer) page {
	t.Helper()
	good(t, answer, http.StatusOK)
	var body struct {
		More     *bool
		Next     *string
		Objects  []jsontext.Value
		Versions []jsontext.Value
	}
	answer.JSON(t, &body)
	p := page{Answer: answer, First: answer.Header.Get("X-TAXII-Date-Added-First"), Last: answer.Header.Get("X-TAXII-Date-Added-Last")}
	if body.More != nil {
		p.More = *body.More
	} else if string(answer.Body) != "{}" {
		t.Errorf("more is absent in %s", answer.Body)
	}
	if body.Next != nil {
		p.Next = *body.Next
	}
	for _, item := range append(body.Objects, body.Versions...) {
		p.Items = append(p.Items, string(item))
	}
	if (body.Objects != nil || body.Versions != nil) && len(p.Items) == 0 {
		t.Errorf("an empty list instead of none: %s", answer.Body)
	}
	return p
}

func (p page) check(t testing.TB, path string) {
	t.Helper()
	if p.More != (p.Next != "") || p.More && len(p.Items) == 0 {
		t.Errorf("%s: more is %v with next %q and %d items", path, p.More, p.Next, len(p.Items))
	}
	if strings.Trim(p.Next, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("%s: next is not URL-safe: %q", path, p.Next)
	}
	for _, date := range []string{p.First, p.Last} {
		if _, err := time.Parse("2006-01-02T15:04:05.000000Z", date); err != nil || len(date) != len("2006-01-02T15:04:05.000000Z") {
			t.Errorf("%s: a date of the page is %q: %v", path, date, err)
		}
	}
}

// walk reads all pages by next, with parameters in front, and gives the items.
func (a actor) walk(t testing.TB, path, query string) (items []string) {
	t.Helper()
	next := ""
	for range 10_000 {
		p := a.page(t, path+"?"+query+"&next="+next)
		items = append(items, p.Items...)
		if next = p.Next; !p.More {
			return items
		}
	}
	t.Fatalf("%s?%s has no end", path, query)
	return nil
}

// walkByDate reads all pages by added_after alone.
func (a actor) walkByDate(t testing.TB, path, query string) (items []string) {
	t.Helper()
	after := ""
	for range 10_000 {
		p := a.page(t, path+"?"+query+"&added_after="+after)
		items = append(items, p.Items...)
		if after = p.Last; !p.More {
			return items
		}
	}
	t.Fatalf("%s?%s has no end", path, query)
	return nil
}

// good holds an answer against what every success keeps.
func good(t testing.TB, a trial.Answer, status int) {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status %d, wanted %d: %s", a.Status, status, a.Body)
	}
	if got := a.Header.Values("Content-Type"); len(got) != 1 || got[0] != "application/taxii+json;version=2.1" {
		t.Errorf("Content-Type is %q", got)
	}
}

func status(t testing.TB, a trial.Answer, code int) (st taxii.Status) {
	t.Helper()
	good(t, a, code)
	a.JSON(t, &st)
	if !taxii.IsID(st.ID) || st.Status != "complete" {
		t.Errorf("the Status has id %q and is %q", st.ID, st.Status)
	}
	if st.TotalCount != st.SuccessCount+st.FailureCount+st.PendingCount || len(st.Successes) != st.SuccessCount ||
		len(st.Failures) != st.FailureCount || len(st.Pendings) != st.PendingCount {
		t.Errorf("the counts of the Status do not agree: %s", a.Body)
	}
	for _, f := range st.Failures {
		if f.ID == "" || f.Version == "" || f.Message == "" {
			t.Errorf("a failure lacks something: %+v", f)
		}
	}
	for _, s := range st.Successes {
		if s.ID == "" || s.Version == "" {
			t.Errorf("a success lacks something: %+v", s)
		}
	}
	return st
}

// refusal holds an answer against what every error keeps, and gives the error.
func refusal(t testing.TB, a trial.Answer, status int) (e taxii.Error) {
	t.Helper()
	if a.Status != status {
		t.Fatalf("status %d, wanted %d: %s", a.Status, status, a.Body)
	}
	checkError(t, a)
	a.JSON(t, &e)
	return e
}

func checkError(t testing.TB, a trial.Answer) {
	t.Helper()
	if got := a.Header.Values("Content-Type"); len(got) != 1 || got[0] != "application/taxii+json;version=2.1" {
		t.Errorf("Content-Type of an error is %q", got)
	}
	if a.Header.Get("Location") != "" || a.Status < 400 {
		t.Errorf("a redirect: %d %v", a.Status, a.Header)
	}
	var members map[string]any
	a.JSON(t, &members)
	if title, _ := members["title"].(string); title == "" {
		t.Errorf("an error without title: %s", a.Body)
	}
	if members["http_status"] != fmt.Sprint(a.Status) {
		t.Errorf("http_status is %v in an answer with %d", members["http_status"], a.Status)
	}
	for name, value := range members {
		_, text := value.(string)
		_, dictionary := value.(map[string]any)
		switch name {
		case "title", "description", "error_id", "error_code", "http_status", "external_details":
			if !text {
				t.Errorf("%s is no string: %s", name, a.Body)
			}
		case "details":
			if !dictionary {
				t.Errorf("details is no dictionary: %s", a.Body)
			}
		default:
			t.Errorf("an error has %q: %s", name, a.Body)
		}
	}
	if a.Status == http.StatusUnauthorized && !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Basic ") {
		t.Errorf("a 401 without challenge: %v", a.Header)
	}
}

// same fails the test unless two lists are equal.
func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// sameSet fails the test unless two lists hold the same values.
func sameSet(t testing.TB, what string, got, want []string) {
	t.Helper()
	same(t, what, slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want)))
}

// id gives the n-th id of a type.
func id(typ string, n int) string { return fmt.Sprintf("%s--%08x-0000-4000-8000-000000000000", typ, n) }

// object writes a STIX object of a type with versions. More are further members,
// as raw JSON.
func object(typ string, n int, modified string, more ...string) string {
	created := "2020-01-01T00:00:00.000Z"
	return fmt.Sprintf(`{"type":%q,"id":%q,"spec_version":"2.1","created":%q,"modified":%q%s}`,
		typ, id(typ, n), created, modified, joined(more))
}

// object20 is the same in STIX 2.0, which has no spec_version on objects.
func object20(typ string, n int, modified string, more ...string) string {
	return fmt.Sprintf(`{"type":%q,"id":%q,"created":"2020-01-01T00:00:00.000Z","modified":%q%s}`, typ, id(typ, n), modified, joined(more))
}

// observable is an object without versions.
func observable(n int, more ...string) string {
	return fmt.Sprintf(`{"type":"domain-name","id":%q,"spec_version":"2.1","value":"h%d.example"%s}`, id("domain-name", n), n, joined(more))
}

func joined(more []string) string {
	var b bytes.Buffer
	for _, m := range more {
		b.WriteString("," + m)
	}
	return b.String()
}

// day is a version on the n-th day of 2024.
func day(n int) string {
	return time.Date(2024, 1, n, 0, 0, 0, 0, time.UTC).Format("2006-01-02T15:04:05.000Z")
}
