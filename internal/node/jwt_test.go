package node_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/hansom-taxii/hansom/internal/signin"
	"github.com/hansom-taxii/hansom/taxii"
)

// jwt gets a JWT for alice.
func (s *served) jwt(t *testing.T) string {
	t.Helper()
	r := s.request(t, "POST", "/auth/token", "grant_type=client_credentials")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, text := s.do(t, r)
	var answer struct {
		Token   string `json:"access_token"`
		Type    string `json:"token_type"`
		Expires int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || response.StatusCode != http.StatusOK || answer.Type != "Bearer" || answer.Expires != 900 {
		t.Fatalf("%s %s", response.Status, text)
	}
	return answer.Token
}

// bears sends a request that bears a JWT, and gives its status.
func (s *served) bears(t *testing.T, token, path string) (int, string) {
	t.Helper()
	r := s.request(t, "GET", path, "")
	r.Header.Set("Authorization", "Bearer "+token)
	response, text := s.do(t, r)
	return response.StatusCode, text
}

func TestAJWTOpensWhatItsAccountMay(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	token := s.jwt(t)
	for path, want := range map[string]int{"/taxii2/": 200, "/trust/collections/": 200, objects: 200, "/trust/collections/none/": 404} {
		if got, text := s.bears(t, token, path); got != want {
			t.Errorf("%s: %d %s, want %d", path, got, text, want)
		}
	}
	if got, text := s.bears(t, token[:len(token)-4]+"AAAA", "/taxii2/"); got != http.StatusUnauthorized || strings.Contains(text, token[:20]) {
		t.Errorf("with another signature: %d %s", got, text)
	}
	response, text := s.do(t, s.request(t, "GET", "/.well-known/jwks.json", ""))
	if response.StatusCode != http.StatusOK || !strings.Contains(text, `"crv":"Ed25519"`) || response.Header.Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("the keys: %s %s", response.Status, text)
	}
	for _, secret := range []string{token, password} {
		if strings.Contains(s.log.String(), secret) {
			t.Error("the log holds a secret")
		}
	}
}

// A stream that was opened with a JWT of a token ends when the token is revoked.
func TestAStreamEndsWithTheTokenOfItsJWT(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	control, end, err := node.Control(t.Context(), s.conf)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	made, err := control.CreateToken(t.Context(), exchange.TokenSetting{Account: "alice", Name: "stream"})
	if err != nil {
		t.Fatal(err)
	}
	r := s.request(t, "POST", "/auth/token", "")
	r.SetBasicAuth("token", made.Token)
	_, text := s.do(t, r)
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r = s.request(t, "GET", "/trust/channels/alerts/messages/", "").WithContext(ctx)
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Authorization", "Bearer "+answer.Token)
	stream, err := s.http.Do(r)
	if err != nil || stream.StatusCode != http.StatusOK {
		t.Fatal(stream, err)
	}
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	if !lines.Scan() {
		t.Fatal("the stream has no first line")
	}
	if err := control.RevokeToken(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	if got, _ := s.bears(t, answer.Token, objects); got != http.StatusUnauthorized {
		t.Errorf("a request after the token was revoked: %d", got)
	}
	for lines.Scan() { // until it ends
	}
	if ctx.Err() != nil {
		t.Error("the stream does not end")
	}
}

// idp is an outside issuer on loopback.
type idp struct {
	*httptest.Server
	mu   sync.Mutex // guards keys
	keys map[string]*ecdsa.PrivateKey
	down atomic.Bool
}

func startIDP(t *testing.T) *idp {
	t.Helper()
	p := &idp{keys: map[string]*ecdsa.PrivateKey{}}
	p.make(t, "first")
	mux := http.NewServeMux()
	mux.HandleFunc("/soc/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": p.URL + "/soc", "jwks_uri": p.URL + "/keys"})
	})
	mux.HandleFunc("/keys", p.publish)
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *idp) publish(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	set := jose.JSONWebKeySet{}
	for kid, key := range p.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: kid, Use: "sig", Algorithm: "ES256"})
	}
	_ = json.NewEncoder(w).Encode(set)
}

func (p *idp) make(t *testing.T, kid string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys[kid] = key
}

// token gives a JWT for alice with some claims changed.
func (p *idp) token(t *testing.T, kid string, change map[string]any) string {
	t.Helper()
	claims := map[string]any{"iss": p.URL + "/soc", "aud": "taxii", "sub": "1", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "name": "alice"}
	for name, value := range change {
		claims[name] = value
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.keys[kid], KeyID: kid}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func (p *idp) trusted(t *testing.T) func(*node.Config) {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *node.Config) {
		c.OutboundAllow, c.OutboundCA = []string{p.Listener.Addr().String()}, ca
		c.Issuers = []signin.Issuer{{Issuer: p.URL + "/soc", Audience: []string{"taxii"}, Rules: []signin.Rule{{Account: "{name}"}}}}
	}
}

// soon waits for what comes by itself.
func (s *served) soon(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func TestJWTsOfAnOutsideIssuerSignIn(t *testing.T) {
	t.Parallel()
	p := startIDP(t)
	s := serve(t, p.trusted(t))
	s.soon(t, "the keys are there", func() bool { // on a busy machine they come late
		got, _ := s.bears(t, p.token(t, "first", nil), objects)
		return got != http.StatusServiceUnavailable
	})
	if got, text := s.bears(t, p.token(t, "first", nil), objects); got != http.StatusOK {
		t.Errorf("%d %s", got, text)
	}
	for what, change := range map[string]map[string]any{
		"of somebody unknown": {"name": "mallory"}, "for another": {"aud": "other"}, "of another issuer": {"iss": p.URL}, "ended": {"exp": time.Now().Add(-time.Hour).Unix()},
	} {
		if got, text := s.bears(t, p.token(t, "first", change), objects); got != http.StatusUnauthorized || strings.Contains(text, "mallory") {
			t.Errorf("%s: %d %s", what, got, text)
		}
	}
	p.down.Store(true)
	if got, text := s.bears(t, p.token(t, "first", nil), objects); got != http.StatusOK {
		t.Errorf("while the issuer is away: %d %s", got, text)
	}
}

func TestAnIssuerThatIsAwayAtTheStartKeepsNobodyElseOut(t *testing.T) {
	t.Parallel()
	p := startIDP(t)
	p.down.Store(true)
	s := serve(t, p.trusted(t))
	if got, text := s.bears(t, p.token(t, "first", nil), objects); got != http.StatusServiceUnavailable {
		t.Errorf("of the issuer: %d %s", got, text)
	}
	if got, text := s.bears(t, s.jwt(t), objects); got != http.StatusOK {
		t.Errorf("of our own: %d %s", got, text)
	}
	s.soon(t, "the log says so", func() bool { return strings.Contains(s.log.String(), "the keys of an issuer cannot be had") })
}

const issuersFile = `jwt_lifetime: 5m
issuers:
  - issuer: https://login.example.com/realms/soc
    audience: [taxii.example.com]
    algorithms: [ES256]
    rules:
      - claim: /realm_access/roles
        equals: taxii
        account: "{preferred_username}"
      - {claim: groups, matches: "/soc/*", groups: [analysts, "{groups}"]}
`

func TestIssuersAreConfigured(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "hansom.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(issuersFile)
	want := []signin.Issuer{{
		Issuer: "https://login.example.com/realms/soc", Audience: []string{"taxii.example.com"}, Algorithms: []string{"ES256"},
		Rules: []signin.Rule{{Claim: "/realm_access/roles", Equals: "taxii", Account: "{preferred_username}"}, {Claim: "groups", Matches: "/soc/*", Groups: []string{"analysts", "{groups}"}}},
	}}
	c, err := node.Load(file, nil, nil)
	if err != nil || !reflect.DeepEqual(c.Issuers, want) || c.JWTLifetime != 5*time.Minute {
		t.Fatalf("%+v, %v", c.Issuers, err)
	}
	var printed strings.Builder
	if err := c.Print(&printed); err != nil {
		t.Fatal(err)
	}
	write(printed.String())
	if again, err := node.Load(file, nil, nil); err != nil || !reflect.DeepEqual(again.Issuers, want) {
		t.Errorf("what is printed: %+v, %v\n%s", again.Issuers, err, &printed)
	}
	text := `[{"issuer":"https://login.example.com/realms/soc","audience":["taxii.example.com"],"rules":[{"account":"guest"}]}]`
	if c, err = node.Load("", []string{"HANSOM_ISSUERS=" + text}, nil); err != nil || len(c.Issuers) != 1 || c.Issuers[0].Rules[0].Account != "guest" {
		t.Errorf("by a variable: %+v, %v", c.Issuers, err)
	}
	for _, bad := range []string{
		`issuers: https://login.example.com`, `issuers: [{issuer: "https://a.example", audience: [a]}]`, `issuers: [{issuer: "http://a.example", audience: [a], rules: [{account: x}]}]`,
		`issuers: [{issuer: "https://a.example", audience: [a], rules: [{account: x}], secret: y}]`, `issuers: [{issuer: "https://a.example", audience: [a], algorithms: [none], rules: [{account: x}]}]`,
		`jwt_lifetime: 25h`, `jwt_lifetime: 30s`, `issuers: [{issuer: "https://a.example", audience: a}]`,
	} {
		write(bad)
		if _, err := node.Load(file, nil, nil); err == nil || !strings.Contains(err.Error(), strings.SplitN(bad, ":", 2)[0]) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestAnIssuerThatMayNotBeCalledRefusesTheStart(t *testing.T) {
	t.Parallel()
	c := node.Defaults()
	c.Data, c.Listen = t.TempDir(), "127.0.0.1:0"
	c.Issuers = []signin.Issuer{{Issuer: "https://127.0.0.1:1", Audience: []string{"taxii"}, Rules: []signin.Rule{{Account: "alice"}}}}
	if _, err := node.Init(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	err := node.Serve(t.Context(), c, node.Options{})
	if err == nil || !strings.Contains(err.Error(), "issuers") || taxii.KindOf(err) != taxii.Internal {
		t.Errorf("%v", err)
	}
}

func TestGivingAndUsingJWTsIsOnRecord(t *testing.T) {
	t.Parallel()
	p := startIDP(t)
	s := serve(t, p.trusted(t))
	token := s.jwt(t)
	s.bears(t, token, objects)
	s.soon(t, "the keys are there", func() bool {
		got, _ := s.bears(t, p.token(t, "first", nil), objects)
		return got == http.StatusOK
	})
	r := s.request(t, "POST", "/auth/token", "")
	r.SetBasicAuth("alice", "wrong password")
	if response, text := s.do(t, r); response.StatusCode != http.StatusUnauthorized || !strings.Contains(text, `"error":"invalid_client"`) || response.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("a wrong password: %s %s", response.Status, text)
	}
	control, end, err := node.Control(t.Context(), s.conf)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	page, err := control.Audit(t.Context(), exchange.AuditQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, line := range page.Records {
		all.Write(line)
		all.WriteByte('\n')
	}
	for _, want := range []string{`"event":"token.jwt"`, `"way":"jwt"`, `"issuer":"` + p.URL + `/soc"`, `"asked":"POST /auth/token"`} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("there is no %s in\n%s", want, &all)
		}
	}
	for _, secret := range []string{token, token[strings.LastIndex(token, ".")+1:], password, "wrong password"} {
		if strings.Contains(all.String(), secret) {
			t.Error("a secret is on record")
		}
	}
}
