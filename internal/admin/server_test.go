package admin

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/taxii"
)

// place is a server of the administration: control acts as the operator, as a
// control socket does; remote asks for names and passwords, as HTTPS does.
type place struct {
	x               *exchange.Exchange
	control, remote *httptest.Server
}

func open(t *testing.T) *place {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "hansom.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	x, err := exchange.New(t.Context(), s, exchange.Options{
		PublicURL: "https://taxii.example.com", MasterKey: make([]byte, exchange.MasterKeySize),
		HashPassword:   func(password string) (string, error) { return "hash of " + password, nil },
		IsHash:         func(text string) bool { return strings.HasPrefix(text, "hash of ") },
		VerifyPassword: func(hash, password string) bool { return hash == "hash of "+password },
	})
	if err != nil {
		t.Fatal(err)
	}
	p := &place{x: x}
	p.control = serve(t, x, func(*http.Request) (*exchange.Session, error) { return x.Operator(), nil })
	p.remote = serve(t, x, func(r *http.Request) (*exchange.Session, error) {
		name, password, ok := r.BasicAuth()
		if !ok {
			return x.Anonymous(), nil
		}
		return x.Open(name, exchange.KindPassword, func(secret string) (bool, error) { return secret == "hash of "+password, nil })
	})
	return p
}

func serve(t *testing.T, x *exchange.Exchange, session func(*http.Request) (*exchange.Session, error)) *httptest.Server {
	server := httptest.NewServer(New(x, Options{Session: session, Fail: fail, Body: body, Version: "1.2.3"}))
	t.Cleanup(server.Close)
	return server
}

// fail answers as the real one does, with the statuses that the client knows.
func fail(w http.ResponseWriter, _ *http.Request, err error) {
	e := taxii.Errorf(taxii.Internal, "internal error")
	errors.As(err, &e)
	code := http.StatusInternalServerError
	for c := 400; c < 512; c++ {
		if taxii.KindOfStatus(c) == e.Kind && e.Kind != taxii.Internal {
			code = c
			break
		}
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(e.RetryAfter.Seconds())))
	}
	w.Header().Set("Content-Type", taxii.MediaType)
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(e)
}

func body(_ http.ResponseWriter, r *http.Request, most int64) ([]byte, func(), error) {
	text, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	if int64(len(text)) > most {
		err = taxii.Errorf(taxii.TooLarge, "the body is larger than %d octets", most)
	}
	// What is used after release would be seen.
	return text, func() { clear(text) }, err
}

func (p *place) operator() *Client { return &Client{HTTP: p.control.Client(), Base: p.control.URL} }

func (p *place) as(name string) *Client {
	return &Client{HTTP: &http.Client{Transport: basic{name}}, Base: p.remote.URL + "/"}
}

// basic sends the password that account gives an account.
type basic struct{ name string }

func (b basic) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth(b.name, "password of "+b.name)
	return http.DefaultTransport.RoundTrip(r)
}

// account makes an account with these grants, each "right,right on RESOURCE".
func (p *place) account(t *testing.T, name string, grants ...string) *Client {
	t.Helper()
	c := p.operator()
	if _, err := c.AddAccount(t.Context(), exchange.AccountSetting{Name: name, Password: "password of " + name}); err != nil {
		t.Fatal(err)
	}
	for _, g := range grants {
		rights, on, _ := strings.Cut(g, " on ")
		set := exchange.GrantSetting{Account: name, On: on, Rights: strings.Split(rights, ",")}
		if err := c.SetGrant(t.Context(), set); err != nil {
			t.Fatal(err)
		}
	}
	return p.as(name)
}

// stage makes two API Roots with three Collections and a Channel: trust has open
// and closed, and the Channel alerts; lab has drafts.
func (p *place) stage(t *testing.T) {
	t.Helper()
	c := p.operator()
	for _, root := range []string{"trust", "lab"} {
		if _, err := c.AddRoot(t.Context(), exchange.RootSetting{Name: root}); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"trust/open", "trust/closed", "lab/drafts"} {
		root, alias, _ := strings.Cut(path, "/")
		if _, err := c.AddCollection(t.Context(), exchange.CollectionSetting{Root: root, Alias: alias, Title: "The " + alias}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "alerts"}); err != nil {
		t.Fatal(err)
	}
}

// ask sends one raw request to a server and gives its answer.
func ask(t *testing.T, server *httptest.Server, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// wantKind fails unless err is of this Kind.
func wantKind(t *testing.T, what string, err error, want taxii.Kind) {
	t.Helper()
	if err == nil || taxii.KindOf(err) != want {
		t.Errorf("%s: %v (%s), want %s", what, err, taxii.KindOf(err), want)
	}
}

// must ends the test if an operation failed.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
