package signin

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

const own = "https://taxii.example.com"

// clock is the time of a test.
type clock struct {
	mu sync.Mutex // guards at
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// gate is an exchange with an account alice, who may read the API Root trust, an
// account bob, a group analysts, and a door that takes JWTs.
type gate struct {
	*JWTs
	*clock
	op   *exchange.Session
	door *Door
}

func buildGate(t *testing.T, issuers ...Issuer) *gate { return buildGateWith(t, nil, issuers...) }

func buildGateWith(t *testing.T, fetch Fetch, issuers ...Issuer) *gate {
	t.Helper()
	g := &gate{clock: &clock{at: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}}
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
		PublicURL: own, MasterKey: make([]byte, exchange.MasterKeySize), Now: g.now,
		HashPassword: func(password string) (string, error) { return "hash of " + password, nil },
		IsHash:       func(text string) bool { return strings.HasPrefix(text, "hash of ") },
	})
	if err != nil {
		t.Fatal(err)
	}
	if g.JWTs, err = NewJWTs(x, JWTOptions{PublicURL: own, Now: g.now, Issuers: issuers, Fetch: fetch}); err != nil {
		t.Fatal(err)
	}
	g.op = x.Operator()
	g.open(t)
	fine(t, g.op.AddAccount(t.Context(), exchange.AccountSetting{Name: "alice", Password: password}))
	fine(t, g.op.AddAccount(t.Context(), exchange.AccountSetting{Name: "bob", Password: password}))
	fine(t, g.op.AddGroup(t.Context(), exchange.GroupSetting{Name: "analysts"}))
	_, err = g.op.AddRoot(t.Context(), exchange.RootSetting{Name: "trust"})
	fine(t, err)
	fine(t, g.op.SetGrant(t.Context(), exchange.GrantSetting{Account: "alice", On: "trust", Rights: []string{"read", "write"}}))
	return g
}

func (g *gate) open(t *testing.T) {
	t.Helper()
	var err error
	g.door, err = NewDoor(g.x, DoorOptions{
		JWT: g.JWTs, Routes: g.Routes(), PublicURL: own,
		Fail: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), map[taxii.Kind]int{taxii.MethodNotAllowed: 405, taxii.Unavailable: 503}[taxii.KindOf(err)])
		},
		Body: func(_ http.ResponseWriter, r *http.Request, most int64) ([]byte, func(), error) {
			text := make([]byte, min(r.ContentLength, most))
			n, _ := r.Body.Read(text)
			return text[:n], func() {}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	g.door.basic.match = func(hash, password string) bool { return hash == "hash of "+password }
}

func fine(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// standing tells whether a Session that lasts is still good.
func standing(t *testing.T, s *exchange.Session) error {
	t.Helper()
	_, err := s.Tokens(t.Context(), "")
	return err
}

// ask sends a request to the door.
func (g *gate) ask(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, own+path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	g.door.ServeHTTP(w, r)
	return w
}

// token gives a JWT for who has this name and password.
func (g *gate) token(t *testing.T, name, password string) string {
	t.Helper()
	w := g.ask(http.MethodPost, "/auth/token", "", "Authorization", header("Basic", name, password))
	var answer grant
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK || answer.Type != "Bearer" {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return answer.Token
}

func (g *gate) wantName(t *testing.T, what, compact, name string) {
	t.Helper()
	s, err := g.Session(t.Context(), compact)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if _, got := s.Account(); got != name {
		t.Errorf("%s: the session is that of %s, want %s", what, got, name)
	}
}

// wantNone wants a JWT refused, in the same words as every other and without any
// of its own.
func (g *gate) wantNone(t *testing.T, what, compact string) {
	t.Helper()
	s, err := g.Session(t.Context(), compact)
	if err == nil {
		_, name := s.Account()
		t.Errorf("%s: it is good for %s", what, name)
		return
	}
	want := notGood(nil)
	told, _ := json.Marshal(err)
	same, _ := json.Marshal(want)
	if taxii.KindOf(err) != taxii.Unauthenticated || string(told) != string(same) {
		t.Errorf("%s: %s, want %s", what, told, same)
	}
	for _, part := range strings.Split(compact, ".") {
		if len(part) > 8 && strings.Contains(fmt.Sprintf("%v %+v", err, err), part) {
			t.Errorf("%s: the error holds some of it: %v", what, err)
		}
	}
}

func TestPasswordsAndTokensGetJWTs(t *testing.T) {
	t.Parallel()
	g := buildGate(t)
	key, _, err := g.op.CreateToken(t.Context(), exchange.TokenSetting{Account: "bob", Name: "feed"})
	fine(t, err)
	g.wantName(t, "of a password", g.token(t, "alice", password), "alice")
	g.wantName(t, "of a token", g.token(t, "anything", key), "bob")
	r := httptest.NewRequest(http.MethodGet, own+"/taxii2/", nil)
	r.Header.Set("Authorization", "bearer "+g.token(t, "alice", password))
	s, err := g.door.Session(r)
	fine(t, err)
	if _, name := s.Account(); name != "alice" {
		t.Errorf("signed in as %s", name)
	}
}

func TestWhoHasUsedUpItsRequestsGetsNoJWT(t *testing.T) {
	t.Parallel()
	g := buildGate(t)
	asked := ""
	g.door.opt.Admit = func(s *exchange.Session, _ http.ResponseWriter, _ *http.Request) error {
		_, asked = s.Account()
		return taxii.Errorf(taxii.Unavailable, "not now")
	}
	w := g.ask(http.MethodPost, "/auth/token", "", "Authorization", header("Basic", "alice", password))
	if w.Code != http.StatusServiceUnavailable || asked != "alice" || strings.Contains(w.Body.String(), "access_token") {
		t.Errorf("%d %s, and %q was counted", w.Code, w.Body, asked)
	}
}

func TestTheAnswerIsThatOfRFC6749(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K26")
	g := buildGate(t)
	alice := []string{"Authorization", header("Basic", "alice", password)}
	form := append([]string{"Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"}, alice...)
	jwt := g.token(t, "alice", password)
	for _, c := range []struct {
		what, path, body string
		headers          []string
		code             int
		want             string
	}{
		{"no body", "/auth/token", "", alice, 200, `"expires_in":900`},
		{"a final slash", "/auth/token/", "", alice, 200, `"token_type":"Bearer"`},
		{"the grant", "/auth/token", "grant_type=client_credentials", form, 200, `"access_token":"`},
		{"another grant", "/auth/token", "grant_type=password", form, 400, `"error":"unsupported_grant_type"`},
		{"no grant", "/auth/token", "a=b", form, 400, `"error":"invalid_request"`},
		{"a grant twice", "/auth/token", "grant_type=client_credentials&grant_type=client_credentials", form, 400, `"error":"invalid_request"`},
		{"a scope", "/auth/token", "grant_type=client_credentials&scope=read", form, 400, `"error":"invalid_scope"`},
		{"a secret in the body", "/auth/token", "grant_type=client_credentials&client_secret=x", form, 400, `"error":"invalid_request"`},
		{"no form", "/auth/token", `{"grant_type":"client_credentials"}`, append([]string{"Content-Type", "application/json"}, alice...), 400, `"error":"invalid_request"`},
		{"a query", "/auth/token?grant_type=client_credentials", "", alice, 400, `"error":"invalid_request"`},
		{"no credentials", "/auth/token", "", nil, 401, `"error":"invalid_client"`},
		{"credentials in the query", "/auth/token?client_id=alice&client_secret=" + url.QueryEscape(password), "", nil, 401, `"error":"invalid_client"`},
		{"a wrong password", "/auth/token", "", []string{"Authorization", header("Basic", "alice", "wrong")}, 401, `"error":"invalid_client"`},
		{"an unknown name", "/auth/token", "", []string{"Authorization", header("Basic", "nobody", password)}, 401, `"error":"invalid_client"`},
		{"a wrong password and another grant", "/auth/token", "grant_type=password", append([]string{"Content-Type", mediaForm}, "Authorization", header("Basic", "alice", "wrong")), 401, `"error":"invalid_client"`},
		{"a JWT for a JWT", "/auth/token", "", []string{"Authorization", "Bearer " + jwt}, 401, `"error":"invalid_client"`},
	} {
		w := g.ask(http.MethodPost, c.path, c.body, c.headers...)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d %s, want %d %s", c.what, w.Code, w.Body, c.code, c.want)
		}
		if challenged := w.Header().Get("WWW-Authenticate") != ""; challenged != (c.code == 401) {
			t.Errorf("%s: WWW-Authenticate is %q", c.what, w.Header().Values("WWW-Authenticate"))
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", c.what, w.Header())
		}
	}
	if w := g.ask(http.MethodGet, "/auth/token", "", alice...); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
		t.Errorf("GET: %d %v", w.Code, w.Header())
	}
}

func TestAJWTSaysWhoseItIsAndHowLongItIsGood(t *testing.T) {
	t.Parallel()
	g := buildGate(t)
	parsed, err := parseJWT(g.token(t, "alice", password))
	fine(t, err)
	now := taxii.TimeOf(g.now())
	c := parsed.claims
	if c.issuer != own || len(c.audience) != 1 || c.audience[0] != own || c.subject != "alice" || c.issued != now || c.begins != now ||
		c.expires != taxii.TimeOf(g.now().Add(DefaultJWTLifetime)) || c.all["jti"] == "" {
		t.Errorf("the claims are %+v", c)
	}
	if h := parsed.header; h.Algorithm != "EdDSA" || h.Type != "at+jwt" || h.KeyID == "" {
		t.Errorf("the header is %+v", h)
	}
	again, err := parseJWT(g.token(t, "alice", password))
	fine(t, err)
	if again.claims.all["jti"] == c.all["jti"] {
		t.Error("two JWTs have one jti")
	}
}

func TestAJWTEndsInTime(t *testing.T) {
	t.Parallel()
	g := buildGate(t)
	key, _, err := g.op.CreateToken(t.Context(), exchange.TokenSetting{Account: "bob", Name: "soon", Expires: taxii.TimeOf(g.now().Add(5 * time.Minute))})
	fine(t, err)
	alice, bob := g.token(t, "alice", password), g.token(t, "", key)
	g.pass(5*time.Minute - time.Second)
	g.wantName(t, "before its token expires", bob, "bob")
	g.pass(time.Second)
	g.wantNone(t, "of a token that has expired", bob)
	g.pass(10*time.Minute - time.Second)
	g.wantName(t, "a second before the end", alice, "alice")
	g.pass(time.Second)
	g.wantNone(t, "at its end", alice)
	if len(g.known) != 0 {
		t.Errorf("%d ended JWTs are kept", len(g.known))
	}
}

func TestAJWTDiesWithWhatItWasHadWith(t *testing.T) {
	t.Parallel()
	g := buildGate(t)
	ctx := t.Context()
	key, rec, err := g.op.CreateToken(ctx, exchange.TokenSetting{Account: "bob", Name: "feed"})
	fine(t, err)
	alice, bob, other := g.token(t, "alice", password), g.token(t, "", key), g.token(t, "bob", password)
	s, err := g.Session(ctx, bob)
	fine(t, err)
	fine(t, standing(t, s))
	fine(t, g.op.RevokeToken(ctx, rec.ID))
	g.wantNone(t, "of a token that was revoked", bob)
	wantRefused(t, "a session that lasts", standing(t, s))
	g.wantName(t, "of the same account with its password", other, "bob")

	g.pass(time.Second)
	fine(t, g.op.SetAccount(ctx, "alice", func(a *exchange.AccountSetting) error { a.Password = password; return nil }))
	g.wantNone(t, "of a password that was set anew, to the same", alice)
	alice = g.token(t, "alice", password)
	g.wantName(t, "of the new one", alice, "alice")
	fine(t, g.op.RemoveAccount(ctx, "alice"))
	g.wantNone(t, "of an account that was removed", alice)
	fine(t, g.op.AddAccount(ctx, exchange.AccountSetting{Name: "alice", Password: password}))
	g.wantNone(t, "of the account before one of the same name", alice)
}

func TestAJWTHasTheScopeOfItsToken(t *testing.T) {
	t.Parallel()
	g := buildGate(t)
	ctx := t.Context()
	_, err := g.op.AddCollection(ctx, exchange.CollectionSetting{Root: "trust", Alias: "all", Title: "All"})
	fine(t, err)
	key, _, err := g.op.CreateToken(ctx, exchange.TokenSetting{Account: "alice", Name: "reads",
		Scope: []exchange.ScopeSetting{{On: "trust", Rights: []string{"read"}}}})
	fine(t, err)
	for what, c := range map[string]struct {
		token  string
		writes bool
	}{
		"of a token that lets read": {g.token(t, "", key), false},
		"of the password":           {g.token(t, "alice", password), true},
	} {
		s, err := g.Session(ctx, c.token)
		fine(t, err)
		if got, err := s.Collection(ctx, "trust", "all"); err != nil || !got.CanRead || got.CanWrite != c.writes {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
		if _, err := s.Add(ctx, "trust", "all", trial.Envelope(trial.Objects(1, 1)...)); (err == nil) != c.writes {
			t.Errorf("%s: to add: %v", what, err)
		}
	}
}

func TestKeysTurnWhileJWTsAreUsed(t *testing.T) {
	t.Parallel()
	g := buildGate(t)
	ctx := t.Context()
	before := g.token(t, "alice", password)
	g.wantName(t, "with the first key", before, "alice")
	first := g.x.JWTKeys()[0].ID
	coming, err := g.op.RotateKey(ctx, "jwt", false)
	fine(t, err)
	if coming.State != exchange.Coming || len(g.x.JWTKeys()) != 2 {
		t.Fatalf("%+v, and %d keys are published", coming, len(g.x.JWTKeys()))
	}
	parsed, err := parseJWT(g.token(t, "alice", password))
	fine(t, err)
	if parsed.header.KeyID != first {
		t.Error("a key that is coming signs")
	}
	_, err = g.op.RotateKey(ctx, "jwt", true)
	fine(t, err)
	after := g.token(t, "alice", password)
	if parsed, err = parseJWT(after); err != nil || parsed.header.KeyID != coming.ID {
		t.Errorf("%s signs, want %s; %v", parsed.header.KeyID, coming.ID, err)
	}
	g.wantName(t, "with the key before", before, "alice")
	g.wantName(t, "with the new key", after, "alice")
	s, err := g.Session(ctx, before)
	fine(t, err)
	fine(t, g.op.RetireKey(ctx, first))
	g.wantNone(t, "with a retired key", before)
	wantRefused(t, "a session that lasts", standing(t, s))
	g.wantName(t, "with the new key, after the old one was retired", after, "alice")
	if keys := g.x.JWTKeys(); len(keys) != 1 || keys[0].ID != coming.ID {
		t.Errorf("%+v are published", keys)
	}
}

func TestPublicKeysArePublished(t *testing.T) {
	t.Parallel()
	g := buildGate(t)
	w := g.ask(http.MethodGet, "/.well-known/jwks.json", "")
	keys, err := parseKeySet(w.Body.Bytes())
	if err != nil || w.Code != http.StatusOK || len(keys) != 1 || w.Header().Get("Content-Type") != "application/jwk-set+json" {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	parsed, err := parseJWT(g.token(t, "alice", password))
	fine(t, err)
	if !keys[0].fits(parsed.header.KeyID, "EdDSA") {
		t.Errorf("%+v is not the key %s", keys[0], parsed.header.KeyID)
	}
	fine(t, signed(g.token(t, "alice", password), ownAlgorithm, keys[0].public))
	if strings.Contains(w.Body.String(), `"d"`) || w.Header().Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	tag := w.Header().Get("ETag")
	if w := g.ask(http.MethodGet, "/.well-known/jwks.json/", "", "If-None-Match", tag); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("with the tag: %d %s", w.Code, w.Body)
	}
	if w := g.ask(http.MethodHead, "/.well-known/jwks.json", ""); w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d %s", w.Code, w.Body)
	}
	_, err = g.op.RotateKey(t.Context(), "jwt", false)
	fine(t, err)
	if w := g.ask(http.MethodGet, "/.well-known/jwks.json", "", "If-None-Match", tag); w.Code != http.StatusOK || strings.Count(w.Body.String(), `"kid"`) != 2 {
		t.Errorf("with a key that is coming: %d %s", w.Code, w.Body)
	}
}

func TestAVerifiedJWTIsNotVerifiedAgain(t *testing.T) {
	t.Parallel()
	g := buildGate(t)
	token := g.token(t, "alice", password)
	g.wantName(t, "the first time", token, "alice")
	id := sha256.Sum256([]byte(token))
	known := g.find(id)
	if known == nil {
		t.Fatal("it is not kept")
	}
	g.wantName(t, "the second time", token, "alice")
	if g.find(id) != known {
		t.Error("it was verified again")
	}
	for i := range maxKnown + 10 {
		g.remember(sha256.Sum256(fmt.Append(nil, i)), known)
	}
	if len(g.known) > maxKnown {
		t.Errorf("%d JWTs are kept", len(g.known))
	}
	g.wantName(t, "after it was forgotten", token, "alice")
}

func TestSessionsOfManyAtOnceAreRight(t *testing.T) {
	t.Parallel()
	g := buildGate(t)
	tokens := map[string]string{"alice": g.token(t, "alice", password), "bob": g.token(t, "bob", password)}
	var all sync.WaitGroup
	for name, token := range tokens {
		for range 8 {
			all.Go(func() {
				for range 50 {
					s, err := g.Session(context.Background(), token)
					if err != nil {
						t.Error(err)
						return
					}
					if _, got := s.Account(); got != name {
						t.Errorf("%s for %s", got, name)
					}
				}
			})
		}
	}
	all.Wait()
}
