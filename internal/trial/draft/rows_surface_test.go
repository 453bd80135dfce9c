package draft

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// bases is what discovery tells.
type bases struct {
	Default string
	Roots   []string `json:"api_roots"`
	Bases   []string `json:"api_bases"`
}

// zone has the SRV record of the server, as an operator writes it.
type zone struct {
	owner string
	port  uint16
}

func (z zone) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if asked := "_" + service + "._" + proto + "." + name + "."; asked != z.owner {
		return "", nil, &net.DNSError{Err: "no such host", Name: asked, IsNotFound: true}
	}
	return z.owner, []*net.SRV{{Target: "localhost.", Port: z.port, Weight: 5}}, nil
}

// zone is that of a record of a service of the server's.
func (w *world) zone(t *testing.T, service string) zone {
	t.Helper()
	_, text, err := net.SplitHostPort(w.Host())
	if err != nil {
		t.Fatal(err)
	}
	port, err := net.LookupPort("tcp", text)
	if err != nil {
		t.Fatal(err)
	}
	return zone{"_" + service + "._tcp.example.com.", uint16(port)}
}

func (w *world) discover(t *testing.T, address string) (found bases) {
	t.Helper()
	a, err := w.as(t, "member").Get(t.Context(), address)
	want(t, a, err, 200)
	if err := json.Unmarshal(a.Body, &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func serviceName(t *testing.T, w *world) {
	discovery, _, err := Locate(t.Context(), w.zone(t, "taxii2"), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	if found := w.discover(t, discovery); len(found.Bases) == 0 {
		t.Error("the server of the record lists no API-Base")
	}
}

// Another version has another name, in DNS and in paths: this server is found
// under its own alone.
func oneServicePerVersion(t *testing.T, w *world) {
	for _, other := range []string{"taxii", "taxii1", "taxii3"} {
		if _, _, err := Locate(t.Context(), w.zone(t, other), "example.com"); err == nil {
			t.Errorf("a record of %s is taken", other)
		}
		for _, path := range []string{"/api-bases/", "/default/channels/"} {
			w.status(t, 404, "member", "GET", "/"+other+path, "")
		}
	}
}

func exampleRecord(t *testing.T, w *world) {
	_, place, err := Locate(t.Context(), w.zone(t, "taxii2"), "example.com")
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(place, "member", w.Password(t, "member"), w.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	a, channels, err := c.List(t.Context())
	want(t, a, err, 200)
	if !slices.ContainsFunc(channels, func(c Channel) bool { return c.Name == "alerts" }) {
		t.Errorf("no channel alerts below the base of the record: %s", a.Body)
	}
}

// The draft discovers at another path than TAXII 2.1: both answer, and alike.
func discovery(t *testing.T, w *world) {
	var here, standard map[string]any
	w.status(t, 200, "member", "GET", "/taxii2/api-bases/", "").JSON(t, &here)
	w.status(t, 200, "member", "GET", "/taxii2/", "").JSON(t, &standard)
	listed := here["api_bases"]
	if delete(here, "api_bases"); fmt.Sprint(here) != fmt.Sprint(standard) {
		t.Errorf("%v, but at /taxii2/ %v", here, standard)
	}
	if _, there := standard["api_bases"]; there || fmt.Sprint(listed) != fmt.Sprint(standard["api_roots"]) {
		t.Errorf("api_bases %v, api_roots %v", listed, standard["api_roots"])
	}
	a := w.status(t, 401, "", "GET", "/taxii2/api-bases/", "")
	same(t, "without credentials", string(a.Body), string(w.status(t, 401, "", "GET", "/taxii2/", "").Body))
}

// The client follows no redirect, so 200 is the answer of the path itself.
func defaultBase(t *testing.T, w *world) {
	name := w.channel(t, `"ttl":600`)
	for _, path := range []string{"", "channels/" + name + "/", "channels/" + name, "collections/"} {
		here := w.status(t, 200, "member", "GET", base+path, "")
		there := w.status(t, 200, "member", "GET", w.DefaultRoot+path, "")
		same(t, path, string(here.Body), string(there.Body))
	}
	w.post(t, "member", name, envelope("tool", 1)) // below the alias
	there := w.status(t, 200, "member", "GET", w.DefaultRoot+"channels/"+name+"/messages/", "")
	if !strings.Contains(string(there.Body), "tool--1") {
		t.Errorf("what was posted below the alias is not below the root: %s", there.Body)
	}
}

func authentication(t *testing.T, w *world) {
	basic := w.as(t, "member")
	a, _, err := basic.List(t.Context())
	want(t, a, err, 200)
	basic.password = "wrong"
	a, _, err = basic.List(t.Context())
	want(t, a, err, 401)
	basic.user = ""
	a, _, err = basic.List(t.Context())
	want(t, a, err, 401)
	if challenge := strings.Join(a.Header.Values("Www-Authenticate"), ","); !strings.Contains(challenge, "Basic") {
		t.Errorf("no Basic in the challenge %q", challenge)
	}
	basic.Headers = http.Header{"Authorization": {"Bearer not.a.token"}} // optional, and never a way around
	a, _, err = basic.List(t.Context())
	want(t, a, err, 401)
}

func httpsOnly(t *testing.T, w *world) {
	plain := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, path := range []string{"/taxii2/api-bases/", base + "channels/"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.Host()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := plain.Do(r)
		if err != nil {
			continue // it does not even answer
		}
		text, _ := io.ReadAll(a.Body)
		a.Body.Close()
		if a.StatusCode != 400 || strings.Contains(string(text), "alerts") {
			t.Errorf("%s without TLS: %d %s", path, a.StatusCode, text)
		}
	}
}

func httpsAloneIsListed(t *testing.T, w *world) {
	found := w.discover(t, w.URL+"/taxii2/api-bases/")
	for _, listed := range append(found.Bases, append(found.Roots, found.Default)...) {
		if !strings.HasPrefix(listed, "https://") {
			t.Errorf("%q is listed", listed)
		}
	}
	name := w.channel(t, "")
	w.open(t, "member", name, "")
	a, _, err := w.as(t, "member").Read(t.Context(), name, query(t, ""))
	want(t, a, err, 204)
	if place := a.Header.Get("Content-Location"); !strings.HasPrefix(place, "https://") {
		t.Errorf("Content-Location is %q", place)
	}
}

func rateLimit(t *testing.T, w *world) {
	path := w.DefaultRoot + "channels/alerts/join/"
	for range 30 { // 10 attempts in a minute are allowed: one begins at most in between
		a := w.Request(t, "admin", http.MethodPost, path, []byte(`{"token":"no such token"}`))
		if a.Status == http.StatusTooManyRequests {
			if a.Header.Get("Retry-After") == "" || a.Header.Get("X-Rate-Limit") != "10" {
				t.Errorf("Retry-After %q, X-Rate-Limit %q", a.Header.Get("Retry-After"), a.Header.Get("X-Rate-Limit"))
			}
			return
		}
		if a.Status != http.StatusNotFound {
			t.Fatalf("an attempt to join: %d %s", a.Status, a.Body)
		}
	}
	t.Error("no limit to attempts to join")
}

func basesAreListedOnly(t *testing.T, w *world) {
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		for _, path := range []string{"/taxii2/api-bases/", "/taxii2/default/"} {
			if a := w.Request(t, "admin", method, path, []byte("{}")); a.Status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d %s", method, path, a.Status, a.Body)
			}
		}
	}
}

func basesAreHTTPS(t *testing.T, w *world) {
	found := w.discover(t, w.URL+"/taxii2/api-bases/")
	for _, listed := range found.Bases {
		u, err := url.Parse(listed)
		if err != nil || u.Scheme != "https" || u.Host != w.Host() || u.RawQuery != "" || u.User != nil {
			t.Errorf("%q is no base: %v", listed, err)
		}
	}
	if len(found.Bases) == 0 || !slices.Contains(found.Bases, found.Default) {
		t.Errorf("the default is not among the bases: %+v", found)
	}
}

func pathsBelowABase(t *testing.T, w *world) {
	name := w.channel(t, "")
	for _, listed := range w.discover(t, w.URL+"/taxii2/api-bases/").Bases {
		for _, one := range []string{listed, strings.TrimSuffix(listed, "/")} {
			c, err := New(one, "member", w.Password(t, "member"), w.HTTP)
			if err != nil {
				t.Fatal(err)
			}
			a, _, err := c.List(t.Context())
			want(t, a, err, 200)
			if listed != w.URL+w.DefaultRoot {
				continue
			}
			a, _, err = c.Info(t.Context(), name)
			want(t, a, err, 200)
		}
	}
}

func listOfChannels(t *testing.T, w *world) {
	hidden := w.channel(t, "") // the member's alone
	for account, sees := range map[string]bool{"member": true, "reader": false} {
		a, channels, err := w.as(t, account).List(t.Context())
		want(t, a, err, 200)
		is := func(name string) bool {
			return slices.ContainsFunc(channels, func(c Channel) bool { return c.Name == name })
		}
		if !is("alerts") || is(hidden) != sees {
			t.Errorf("the list of %s: %s", account, a.Body)
		}
	}
	a, err := w.as(t, "member").ask(t.Context(), "GET", w.URL+base+"channels/?limit=none", nil, "", listStatuses)
	want(t, a, err, 400)
	a, _, err = client(t, w.barred, "member").List(t.Context())
	want(t, a, err, 403)
	w.status(t, 404, "member", "GET", "/no-such-root/channels/", "") // beyond the draft
	w.status(t, 401, "", "GET", base+"channels/", "")
}

// 403 is about who sees a Channel and may not do a thing; its information is for
// all who see it. To others there is no such Channel.
func channelInformation(t *testing.T, w *world) {
	name := w.channel(t, `"description":"d","ttl":600`)
	a, channel, err := w.as(t, "member").Info(t.Context(), name)
	want(t, a, err, 200)
	if channel.Name != name || channel.Description != "d" || channel.TTL != 600 {
		t.Errorf("%+v", channel)
	}
	w.malformed(t, base+"channels/%zz/")
	a, _, err = w.as(t, "reader").Info(t.Context(), name)
	want(t, a, err, 404)
	a, _, err = w.as(t, "member").Info(t.Context(), "no-such-channel")
	want(t, a, err, 404)
}

// malformed fails the test unless a target that no URL can have is answered
// with 400.
func (w *world) malformed(t *testing.T, target string) {
	t.Helper()
	c := w.as(t, "member")
	r, err := c.request(t.Context(), http.MethodGet, w.URL+"/", nil, "")
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = target
	a, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusBadRequest {
		t.Errorf("%s: %d", target, a.StatusCode)
	}
}
