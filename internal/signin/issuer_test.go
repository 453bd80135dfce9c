package signin

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// web is what other hosts publish, and how often they were asked for it.
type web struct {
	mu    sync.Mutex // guards what follows
	pages map[string]string
	asked map[string]int
	wait  chan struct{} // nil: answers come at once
}

func publish(pages ...string) *web {
	w := &web{pages: map[string]string{}, asked: map[string]int{}}
	for i := 0; i < len(pages); i += 2 {
		w.pages[pages[i]] = pages[i+1]
	}
	return w
}

func (w *web) put(url, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pages[url] = text; text == "" {
		delete(w.pages, url)
	}
}

func (w *web) count(url string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[url]
}

// hold keeps answers back until free is called.
func (w *web) hold() (free func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wait := make(chan struct{})
	w.wait = wait
	return func() { close(wait) }
}

func (w *web) Check(url string) error {
	if strings.Contains(url, "10.0.0.1") {
		return errors.New("the host must be a name, not an address")
	}
	return nil
}

func (w *web) Get(ctx context.Context, url, _ string, most int64) ([]byte, error) {
	w.mu.Lock()
	wait := w.wait
	w.asked[url]++
	text, ok := w.pages[url]
	w.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if !ok || int64(len(text)) > most {
		return nil, errors.New("the host answered 404")
	}
	return []byte(text), nil
}

// provider is an outside issuer with keys.
type provider struct {
	issuer string
	rsa    *rsa.PrivateKey
	ec     *ecdsa.PrivateKey
	ed     ed25519.PrivateKey
}

const idp, idpKeys = "https://idp.example/realms/soc", "https://keys.idp.example/jwks"

// rsaKey is made once: it takes long.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newProvider(t *testing.T, issuer string) *provider {
	t.Helper()
	p := &provider{issuer: issuer}
	var err error
	p.rsa, err = rsaKey()
	fine(t, err)
	p.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	fine(t, err)
	_, p.ed, err = ed25519.GenerateKey(nil)
	fine(t, err)
	return p
}

func keySet(t *testing.T, keys ...any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	fine(t, err)
	return string(text)
}

func (p *provider) keys() []any {
	return []any{
		jose.JSONWebKey{Key: p.rsa.Public(), KeyID: "r", Use: "sig", Algorithm: "RS256"}, jose.JSONWebKey{Key: p.ec.Public(), KeyID: "e"},
		jose.JSONWebKey{Key: p.ed.Public(), KeyID: "d", Use: "sig"},
	}
}

func discovery(issuer, keys string) string {
	return `{"issuer":"` + issuer + `","jwks_uri":"` + keys + `","authorization_endpoint":"https://idp.example/login"}`
}

// claims are those of a good JWT for alice.
func (p *provider) claims(now time.Time) parts {
	return parts{"iss": p.issuer, "aud": "taxii", "sub": "f81d4fae", "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "preferred_username": "alice",
		"groups": []string{"/soc/analysts", "/soc/nowhere"}, "realm_access": parts{"roles": []string{"taxii"}}}
}

// sign signs with the key that the algorithm needs.
func (p *provider) sign(t *testing.T, alg, kid string, claims parts) string {
	t.Helper()
	key := map[byte]any{'R': p.rsa, 'P': p.rsa, 'E': p.ec}[alg[0]]
	if alg == "EdDSA" {
		key = p.ed
	}
	return signWith(t, jose.SignatureAlgorithm(alg), key, parts{"typ": "JWT", "kid": kid}, claims.text(t))
}

func signWith(t *testing.T, alg jose.SignatureAlgorithm, key any, head parts, claims string) string {
	t.Helper()
	o := &jose.SignerOptions{}
	for name, value := range head {
		o = o.WithHeader(jose.HeaderKey(name), value)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o)
	fine(t, err)
	jws, err := s.Sign([]byte(claims))
	fine(t, err)
	text, err := jws.CompactSerialize()
	fine(t, err)
	return text
}

func setting() Issuer {
	return Issuer{Issuer: idp, Audience: []string{"taxii", "taxii-test"}, Rules: []Rule{
		{Claim: "/realm_access/roles", Equals: "taxii", Account: "{preferred_username}"},
		{Claim: "groups", Matches: "/soc/*", Groups: []string{"analysts", "{groups}"}},
	}}
}

// outside is a gate with one issuer, whose keys it has.
func outside(t *testing.T, set Issuer) (*gate, *provider, *web) {
	t.Helper()
	p := newProvider(t, set.Issuer)
	w := publish(idp+discoveryPath, discovery(idp, idpKeys), idpKeys, keySet(t, p.keys()...))
	g := buildGateWith(t, w, set)
	g.running(t)
	return g, p, w
}

// running keeps the keys until the test ends, and waits until they were asked for.
func (g *gate) running(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	turned := []chan struct{}{}
	for _, i := range g.issuers {
		_, next, _ := i.keys.look("", "")
		turned = append(turned, next)
	}
	go func() {
		defer close(done)
		g.Run(ctx, func(string, error) {})
	}()
	t.Cleanup(func() { stop(); <-done })
	for _, next := range turned {
		<-next
	}
}

func TestJWTsOfAnIssuerAreTaken(t *testing.T) {
	t.Parallel()
	set := setting()
	set.Algorithms = []string{"RS256", "PS256", "ES256", "EdDSA"}
	g, p, w := outside(t, set)
	g.wantNone(t, "a key that its set keeps for another algorithm", p.sign(t, "PS256", "r", p.claims(g.now())))
	for alg, kid := range map[string]string{"RS256": "r", "ES256": "e", "EdDSA": "d"} {
		g.wantName(t, alg, p.sign(t, alg, kid, p.claims(g.now())), "alice")
	}
	claims := p.claims(g.now())
	now := g.now().Unix()
	for what, c := range map[string]parts{
		"for several audiences": claims.with("aud", []string{"other", "taxii-test"}), "ended 59 s ago": claims.with("exp", now-59),
		"good in 59 s": claims.with("nbf", now+59), "issued in 59 s": claims.with("iat", now+59), "without iat": claims.with("iat", nil),
	} {
		g.wantName(t, what, p.sign(t, "RS256", "r", c), "alice")
	}
	for what, kind := range map[string]string{"an access token": "at+jwt", "in full": "application/at+jwt", "in capitals": "JWT"} {
		g.wantName(t, what, signWith(t, jose.RS256, p.rsa, parts{"typ": kind, "kid": "r", "x5t": "hint"}, claims.text(t)), "alice")
	}
	noID := signWith(t, jose.ES256, p.ec, nil, claims.text(t))
	g.wantName(t, "without the id of the key, where one fits", noID, "alice")

	known := p.sign(t, "EdDSA", "d", claims)
	g.wantName(t, "before its key is taken back", known, "alice")
	w.put(idpKeys, keySet(t, append(p.keys()[:2], jose.JSONWebKey{Key: newProvider(t, idp).ec.Public(), KeyID: "f"})...))
	fine(t, g.issuers[idp].keys.refresh(t.Context()))
	g.wantNone(t, "known to be good, after its key was taken back", known)
	g.wantNone(t, "without the id of the key, where two fit", signWith(t, jose.ES256, p.ec, parts{"x": 1}, claims.text(t)))
}

func TestJWTsThatAnIssuerDidNotMeanForUsAreRefused(t *testing.T) {
	t.Parallel()
	set := setting()
	set.Algorithms = []string{"RS256", "ES256"}
	g, p, _ := outside(t, set)
	stranger := newProvider(t, idp)
	claims, now := p.claims(g.now()), g.now().Unix()
	for what, c := range map[string]parts{
		"of another issuer": claims.with("iss", "https://idp.example"), "of the issuer with a slash": claims.with("iss", idp+"/"), "of us": claims.with("iss", own).with("aud", own),
		"for nobody": claims.with("aud", nil), "for another": claims.with("aud", "taxii2"), "for no list of texts": claims.with("aud", []any{"taxii", 1}),
		"ended": claims.with("exp", now-60), "without an end": claims.with("exp", nil), "not good yet": claims.with("nbf", now+61), "of the future": claims.with("iat", now+61),
		"of nobody": claims.with("sub", nil), "bound to a key": claims.with("cnf", parts{"jkt": "x"}),
		"whose account is not here": claims.with("preferred_username", "mallory"), "of the operator": claims.with("preferred_username", "operator"),
		"of anonymous": claims.with("preferred_username", "anonymous"), "without a name": claims.with("preferred_username", nil),
		"with two names": claims.with("preferred_username", []string{"alice", "bob"}), "with a name that is a number": claims.with("preferred_username", 1),
		"that fits no rule": claims.with("realm_access", parts{"roles": []string{"other"}}), "without the claim of the rule": claims.with("realm_access", nil),
		"whose claim is of another form": claims.with("realm_access", "taxii"),
	} {
		g.wantNone(t, what, p.sign(t, "RS256", "r", c))
	}
	for what, compact := range map[string]string{
		"an algorithm that is not listed":     p.sign(t, "EdDSA", "d", claims),
		"another algorithm of the same key":   p.sign(t, "PS256", "r", claims),
		"the key of a stranger":               stranger.sign(t, "ES256", "e", claims),
		"the id of another key":               p.sign(t, "ES256", "r", claims),
		"an id of nobody":                     p.sign(t, "RS256", "R", claims),
		"a logout token":                      signWith(t, jose.RS256, p.rsa, parts{"typ": "logout+jwt", "kid": "r"}, claims.text(t)),
		"a nested one":                        signWith(t, jose.RS256, p.rsa, parts{"cty": "JWT", "kid": "r"}, claims.text(t)),
		"a key that it brings":                signWith(t, jose.ES256, stranger.ec, parts{"jwk": jose.JSONWebKey{Key: stranger.ec.Public()}, "kid": "e"}, claims.text(t)),
		"a place of keys that it brings":      signWith(t, jose.RS256, p.rsa, parts{"jku": idpKeys, "kid": "r"}, claims.text(t)),
		"without an id, where two keys could": signWith(t, jose.RS512, p.rsa, nil, claims.text(t)),
	} {
		g.wantNone(t, what, compact)
	}
	der, err := x509.MarshalPKIXPublicKey(p.rsa.Public())
	fine(t, err)
	set1 := x509.MarshalPKCS1PublicKey(&p.rsa.PublicKey)
	for what, secret := range map[string][]byte{
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "DER": der, "PKCS1": set1,
		"PKCS1 in PEM": pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: set1}), "nothing": {},
	} {
		for _, kid := range []string{"r", "e", ""} {
			text := encode(parts{"alg": "HS256", "kid": kid}.text(t), claims.text(t))
			mac := hmac.New(sha256.New, secret)
			mac.Write([]byte(text))
			g.wantNone(t, "HS256 with the public key as "+what, text+"."+encode(string(mac.Sum(nil))))
		}
	}
	_, sign := g.x.JWTSigner()
	text := encode(parts{"alg": "EdDSA", "typ": "at+jwt", "kid": g.x.JWTKeys()[0].ID}.text(t), claims.text(t))
	g.wantNone(t, "our own key in the issuer's name", text+"."+encode(string(sign([]byte(text)))))
}

func TestOneIssuerCannotSpeakForAnother(t *testing.T) {
	t.Parallel()
	const second = "https://second.example"
	p, q := newProvider(t, idp), newProvider(t, second)
	other := setting()
	other.Issuer, other.JWKSURL = second, "https://second.example/keys"
	w := publish(idp+discoveryPath, discovery(idp, idpKeys), idpKeys, keySet(t, p.keys()...), other.JWKSURL, keySet(t, q.keys()...))
	g := buildGateWith(t, w, setting(), other)
	g.running(t)
	g.wantName(t, "the first", p.sign(t, "ES256", "e", p.claims(g.now())), "alice")
	g.wantName(t, "the second", q.sign(t, "ES256", "e", q.claims(g.now())), "alice")
	g.wantNone(t, "the second in the name of the first", q.sign(t, "ES256", "e", p.claims(g.now())))
}

func TestRulesLeadToAnAccountAndGroups(t *testing.T) {
	t.Parallel()
	claims := claims{all: map[string]any{
		"email": "ann@soc.example", "groups": []any{"/soc/analysts", "/soc/leads"}, "verified": true, "level": 3.0, "https://x.example/team": "red",
		"empty": "", "mixed": []any{"a", 1.0}, "resource": map[string]any{"taxii/a": map[string]any{"roles": []any{"reader"}}},
	}}
	for what, c := range map[string]struct {
		rules   []Rule
		account string
		groups  string
	}{
		"always":                    {[]Rule{{Account: "guest"}}, "guest", ""},
		"equals":                    {[]Rule{{Claim: "email", Equals: "ann@soc.example", Account: "ann"}}, "ann", ""},
		"equals in part":            {[]Rule{{Claim: "email", Equals: "ann@soc", Account: "ann"}}, "", ""},
		"equals in other case":      {[]Rule{{Claim: "email", Equals: "Ann@soc.example", Account: "ann"}}, "", ""},
		"ends":                      {[]Rule{{Claim: "email", Matches: "*@soc.example", Account: "soc"}}, "soc", ""},
		"begins":                    {[]Rule{{Claim: "email", Matches: "ann@*", Account: "soc"}}, "soc", ""},
		"around":                    {[]Rule{{Claim: "email", Matches: "*n@*.example", Account: "soc"}}, "soc", ""},
		"too little between":        {[]Rule{{Claim: "email", Matches: "ann@soc.example*ann@soc.example", Account: "soc"}}, "", ""},
		"a star is not needed":      {[]Rule{{Claim: "email", Matches: "ann", Account: "soc"}}, "", ""},
		"the first decides":         {[]Rule{{Account: "{email}"}, {Account: "guest"}}, "ann@soc.example", ""},
		"the first that holds":      {[]Rule{{Claim: "email", Equals: "x", Account: "x"}, {Account: "guest"}}, "guest", ""},
		"one that leads nowhere":    {[]Rule{{Account: "{nothing}"}, {Account: "guest"}}, "guest", ""},
		"several texts":             {[]Rule{{Account: "{groups}"}}, "", ""},
		"an empty text":             {[]Rule{{Account: "{empty}"}}, "", ""},
		"not all texts":             {[]Rule{{Account: "{mixed}"}}, "", ""},
		"a number":                  {[]Rule{{Claim: "level", Equals: "3", Account: "x"}}, "", ""},
		"true":                      {[]Rule{{Claim: "verified", Equals: "true", Account: "x"}}, "x", ""},
		"around a claim":            {[]Rule{{Account: "team-{https://x.example/team}-1"}}, "team-red-1", ""},
		"nested":                    {[]Rule{{Claim: "/resource/taxii~1a/roles", Equals: "reader", Account: "x"}}, "x", ""},
		"nested into nothing":       {[]Rule{{Claim: "/email/x", Matches: "*", Account: "x"}}, "", ""},
		"the groups of all":         {[]Rule{{Account: "x", Groups: []string{"all"}}, {Claim: "groups", Matches: "/soc/*", Groups: []string{"soc{groups}", "all"}}}, "x", "all soc/soc/analysts soc/soc/leads"},
		"no groups of another rule": {[]Rule{{Account: "x"}, {Claim: "email", Equals: "x", Groups: []string{"no"}}}, "x", ""},
	} {
		i := &issuer{set: Issuer{Rules: c.rules}}
		if got := i.account(claims); got != c.account {
			t.Errorf("%s: the account is %q, want %q", what, got, c.account)
		}
		if got := strings.Join(i.groups(claims), " "); got != c.groups {
			t.Errorf("%s: the groups are %q, want %q", what, got, c.groups)
		}
	}
}

// A pattern with many stars took exponential time in other servers.
func TestAPatternTakesNoLongerThanTheText(t *testing.T) {
	t.Parallel()
	began := time.Now()
	if matches(strings.Repeat("*a", 2000)+"b", strings.Repeat("a", 8000)) {
		t.Error("it matches")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestTheGroupsOfAJWTGrant(t *testing.T) {
	t.Parallel()
	g, p, _ := outside(t, setting())
	ctx := t.Context()
	_, err := g.op.AddRoot(ctx, exchange.RootSetting{Name: "lab"})
	fine(t, err)
	_, err = g.op.AddCollection(ctx, exchange.CollectionSetting{Root: "lab", Alias: "all", Title: "All"})
	fine(t, err)
	fine(t, g.op.SetGrant(ctx, exchange.GrantSetting{Group: "analysts", On: "lab", Rights: []string{"read"}}))
	token := p.sign(t, "RS256", "r", p.claims(g.now()))
	s, err := g.Session(ctx, token)
	fine(t, err)
	if c, err := s.Collection(ctx, "lab", "all"); err != nil || !c.CanRead || c.CanWrite {
		t.Errorf("by the issuer's word: %+v, %v", c, err)
	}
	other, err := g.Session(ctx, p.sign(t, "RS256", "r", p.claims(g.now()).with("groups", []string{"/it/analysts"})))
	fine(t, err)
	if _, err := other.Collection(ctx, "lab", "all"); taxii.KindOf(err) != taxii.NotFound {
		t.Errorf("without its word: %v", err)
	}
	fine(t, g.op.RemoveGroup(ctx, "analysts"))
	if _, err := s.Collection(ctx, "lab", "all"); taxii.KindOf(err) != taxii.NotFound {
		t.Errorf("after the group was removed: %v", err)
	}
	fine(t, standing(t, s))
	fine(t, g.op.RemoveAccount(ctx, "alice"))
	wantRefused(t, "after the account was removed", standing(t, s))
	g.wantNone(t, "after the account was removed", token)
	fine(t, g.op.AddAccount(ctx, exchange.AccountSetting{Name: "alice"}))
	wantRefused(t, "a session of the account before", standing(t, s))
}

func TestASessionOfAnIssuersWordEnds(t *testing.T) {
	t.Parallel()
	g, p, _ := outside(t, setting())
	token := p.sign(t, "RS256", "r", p.claims(g.now()))
	s, err := g.Session(t.Context(), token)
	fine(t, err)
	g.pass(time.Hour + 59*time.Second)
	fine(t, standing(t, s))
	g.wantName(t, "within the leeway", token, "alice")
	g.pass(time.Second)
	wantRefused(t, "at its end", standing(t, s))
	g.wantNone(t, "at its end", token)
}

func TestKeysThatCannotVerifyAreLeftOut(t *testing.T) {
	t.Parallel()
	p := newProvider(t, idp)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	fine(t, err)
	many := make([]any, maxKeys+1)
	for i := range many {
		many[i] = jose.JSONWebKey{Key: p.ed.Public(), KeyID: "d"}
	}
	for what, c := range map[string]struct {
		set  string
		want int // -1: it is none
	}{
		"of all kinds":       {keySet(t, p.keys()...), 3},
		"none":               {`{"keys":[]}`, 0},
		"a short RSA key":    {keySet(t, jose.JSONWebKey{Key: small.Public(), KeyID: "r"}), 0},
		"for encryption":     {keySet(t, jose.JSONWebKey{Key: p.rsa.Public(), KeyID: "r", Use: "enc"}), 0},
		"a symmetric key":    {keySet(t, jose.JSONWebKey{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "s"}), 0},
		"a private key":      {keySet(t, jose.JSONWebKey{Key: p.ec, KeyID: "e"}), 0},
		"of kinds to come":   {`{"keys":[{"kty":"AKP","kid":"m","alg":"ML-DSA-44"},{"kty":"OKP","crv":"Ed448","x":"AA"},7,"x",null]}`, 0},
		"a point elsewhere":  {`{"keys":[{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"}]}`, 0},
		"a key of low order": {`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}`, 0},
		"a long id":          {keySet(t, jose.JSONWebKey{Key: p.ed.Public(), KeyID: strings.Repeat("k", 300)}), 0},
		"too many":           {keySet(t, many...), -1}, "no set": {`{}`, -1}, "no object": {`[]`, -1}, "no JSON": {`<html>`, -1},
		"two sets": {`{"keys":[],"keys":[]}`, -1}, "another form": {`{"keys":{}}`, -1},
	} {
		keys, err := parseKeySet([]byte(c.set))
		if err == nil && len(keys) != c.want || (err != nil) != (c.want < 0) {
			t.Errorf("%s: %d keys, %v, want %d", what, len(keys), err, c.want)
		}
		for _, k := range keys {
			if _, secret := k.public.(crypto.Signer); secret {
				t.Errorf("%s: a private key is kept", what)
			}
		}
	}
}

func TestAnIssuerThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	good := setting()
	fine(t, CheckIssuers([]Issuer{good}))
	for what, change := range map[string]func(*Issuer){
		"no issuer": func(i *Issuer) { i.Issuer = "" }, "http": func(i *Issuer) { i.Issuer = "http://idp.example" }, "no URL": func(i *Issuer) { i.Issuer = "idp" },
		"keys over http": func(i *Issuer) { i.JWKSURL = "http://idp.example/keys" }, "no audience": func(i *Issuer) { i.Audience = nil },
		"an empty audience": func(i *Issuer) { i.Audience = []string{""} }, "none": func(i *Issuer) { i.Algorithms = []string{"none"} },
		"HS256": func(i *Issuer) { i.Algorithms = []string{"RS256", "HS256"} }, "no rules": func(i *Issuer) { i.Rules = nil },
		"no account":         func(i *Issuer) { i.Rules = i.Rules[1:] },
		"a rule of nothing":  func(i *Issuer) { i.Rules = append(i.Rules, Rule{Claim: "a", Equals: "b"}) },
		"equals and matches": func(i *Issuer) { i.Rules = append(i.Rules, Rule{Claim: "a", Equals: "b", Matches: "c", Account: "x"}) },
		"equals no claim":    func(i *Issuer) { i.Rules = append(i.Rules, Rule{Equals: "b", Account: "x"}) },
		"a claim alone":      func(i *Issuer) { i.Rules = append(i.Rules, Rule{Claim: "a", Account: "x"}) },
		"an open brace":      func(i *Issuer) { i.Rules = append(i.Rules, Rule{Account: "{a"}) },
		"two claims":         func(i *Issuer) { i.Rules = append(i.Rules, Rule{Account: "{a}{b}"}) },
		"an empty claim":     func(i *Issuer) { i.Rules = append(i.Rules, Rule{Groups: []string{"{}"}}) },
	} {
		bad := setting()
		change(&bad)
		if err := CheckIssuers([]Issuer{good, bad}); err == nil || !strings.HasPrefix(err.Error(), "issuer 2: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := CheckIssuers([]Issuer{good, good}); err == nil {
		t.Error("twice")
	}
	g := buildGate(t)
	self, inside := setting(), setting()
	self.Issuer, inside.JWKSURL = own, "https://10.0.0.1/keys"
	for what, set := range map[string]Issuer{"this server itself": self, "keys at an address that may not be called": inside} {
		if _, err := NewJWTs(g.x, JWTOptions{PublicURL: own, Issuers: []Issuer{set}, Fetch: publish()}); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}
