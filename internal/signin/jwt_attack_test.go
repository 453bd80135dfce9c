package signin

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"hash"
	"maps"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
)

// parts of a JWT, as a forger writes them.
type parts map[string]any

func (p parts) with(name string, value any) parts {
	p = maps.Clone(p)
	if p[name] = value; value == nil {
		delete(p, name)
	}
	return p
}

func (p parts) text(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(p)
	fine(t, err)
	return string(text)
}

// encode makes the parts of a compact JWS of texts.
func encode(texts ...string) string {
	list := make([]string, len(texts))
	for i, text := range texts {
		list[i] = base64.RawURLEncoding.EncodeToString([]byte(text))
	}
	return strings.Join(list, ".")
}

// forger knows a good JWT, and can sign with the key of the server whatever it
// likes: so a test sees that it is not the signature that is refused.
type forger struct {
	*gate
	good         string
	head, claims parts
	sign         func([]byte) []byte
}

func forge(t *testing.T) *forger {
	t.Helper()
	f := &forger{gate: buildGate(t)}
	f.good = f.token(t, "alice", password)
	parsed, err := parseJWT(f.good)
	fine(t, err)
	f.claims = parsed.claims.all
	f.head = parts{"alg": parsed.header.Algorithm, "kid": parsed.header.KeyID, "typ": parsed.header.Type}
	_, f.sign = f.x.JWTSigner()
	f.wantName(t, "what it was made of", f.signed(f.head.text(t), f.claims.text(t)), "alice")
	return f
}

func (f *forger) signed(head, claims string) string {
	text := encode(head, claims)
	return text + "." + encode(string(f.sign([]byte(text))))
}

func TestAForgedHeaderIsRefused(t *testing.T) {
	t.Parallel()
	f := forge(t)
	_, stranger, err := ed25519.GenerateKey(nil)
	fine(t, err)
	strangersKey := map[string]string{"kty": "OKP", "crv": "Ed25519", "x": encode(string(stranger.Public().(ed25519.PublicKey)))}
	cursors, err := f.op.Keys(t.Context())
	fine(t, err)
	for name, value := range map[string]any{
		"jwk": strangersKey, "jku": "https://evil.example/jwks.json", "x5u": "https://evil.example/cert.pem", "x5c": []string{"MAAA"},
		"crit": []string{"exp"}, "b64": false, "cty": "JWT", "zip": "DEF", "enc": "A256GCM",
	} {
		f.wantNone(t, "a header with "+name, f.signed(f.head.with(name, value).text(t), f.claims.text(t)))
		f.wantNone(t, "a header with an empty "+name, f.signed(strings.Replace(f.head.text(t), "{", `{"`+name+`":null,`, 1), f.claims.text(t)))
	}
	for what, head := range map[string]parts{
		"no typ": f.head.with("typ", nil), "the typ of others": f.head.with("typ", "JWT"), "a typ that is no text": f.head.with("typ", 1),
		"no alg": f.head.with("alg", nil), "an alg that is no text": f.head.with("alg", []string{"EdDSA"}), "another alg": f.head.with("alg", "ES256"),
		"an alg in capitals": f.head.with("alg", "EDDSA"), "no kid": f.head.with("kid", nil), "an empty kid": f.head.with("kid", ""),
		"a kid of nobody": f.head.with("kid", "00000000"), "a kid that is a path": f.head.with("kid", "../../../../dev/null"),
		"a kid that is SQL": f.head.with("kid", "x' union select '"), "a kid that is a number": f.head.with("kid", 1),
		"a long kid": f.head.with("kid", strings.Repeat("k", 300)), "the kid of a key of cursors": f.head.with("kid", cursors[0].ID),
	} {
		f.wantNone(t, what, f.signed(head.text(t), f.claims.text(t)))
	}
	for what, text := range map[string]string{
		"two algorithms":     strings.Replace(f.head.text(t), "{", `{"alg":"none",`, 1),
		"two keys":           strings.Replace(f.head.text(t), "{", `{"kid":"00000000",`, 1),
		"no object":          `["EdDSA"]`,
		"nothing":            `{}`,
		"no JSON":            `EdDSA`,
		"two objects":        f.head.text(t) + "{}",
		"no UTF-8":           strings.Replace(f.head.text(t), "{", "{\"a\":\"\xff\",", 1),
		"a name in capitals": strings.ReplaceAll(f.head.text(t), `"alg"`, `"ALG"`),
	} {
		f.wantNone(t, what, f.signed(text, f.claims.text(t)))
	}
	text := encode(f.head.with("jwk", strangersKey).text(t), f.claims.text(t))
	f.wantNone(t, "a key that it brings", text+"."+encode(string(ed25519.Sign(stranger, []byte(text)))))
	text = encode(f.head.text(t), f.claims.text(t))
	f.wantNone(t, "the key of a stranger", text+"."+encode(string(ed25519.Sign(stranger, []byte(text)))))
}

func TestAForgedSignatureIsRefused(t *testing.T) {
	t.Parallel()
	f := forge(t)
	public := f.x.JWTKeys()[0].Public
	der, err := x509.MarshalPKIXPublicKey(public)
	fine(t, err)
	jwks := f.ask("GET", "/.well-known/jwks.json", "").Body.String()
	for _, alg := range []string{"none", "None", "NONE", "nOnE", ""} {
		head := f.head.with("alg", alg).text(t)
		f.wantNone(t, "no signature with "+alg, encode(head, f.claims.text(t))+".")
		f.wantNone(t, "a signature with "+alg, f.signed(head, f.claims.text(t)))
	}
	for what, secret := range map[string][]byte{
		"the public key": public, "its text": []byte(encode(string(public))), "its DER": der, "nothing": {},
		"its PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "the key set": []byte(jwks), "its id": []byte(f.head["kid"].(string)),
	} {
		text := encode(f.head.with("alg", "HS256").text(t), f.claims.text(t))
		mac := hmac.New(func() hash.Hash { return sha256.New() }, secret)
		mac.Write([]byte(text))
		f.wantNone(t, "HS256 with "+what, text+"."+encode(string(mac.Sum(nil))))
	}
	head, rest, _ := strings.Cut(f.good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	octets, err := base64.RawURLEncoding.DecodeString(signature)
	fine(t, err)
	changed := append([]byte{octets[0] ^ 1}, octets[1:]...)
	other := encode(f.claims.with("sub", "bob").text(t))
	for what, compact := range map[string]string{
		"none": head + "." + body + ".", "half": head + "." + body + "." + encode(string(octets[:32])), "more": head + "." + body + "." + encode(string(octets)+"x"),
		"zeros": head + "." + body + "." + encode(string(make([]byte, 64))), "changed": head + "." + body + "." + encode(string(changed)),
		"of other claims": head + "." + other + "." + signature,
	} {
		f.wantNone(t, "signature: "+what, compact)
	}
}

func TestForgedClaimsAreRefused(t *testing.T) {
	t.Parallel()
	f := forge(t)
	now := f.now().Unix()
	for what, claims := range map[string]parts{
		"of nobody": f.claims.with("iss", nil), "of another issuer": f.claims.with("iss", "https://evil.example"), "of us with a slash": f.claims.with("iss", own+"/"),
		"of several issuers": f.claims.with("iss", []string{own, "https://evil.example"}),
		"for nobody":         f.claims.with("aud", nil), "for another": f.claims.with("aud", "https://other.example"), "for others": f.claims.with("aud", []string{"a", own + "/"}),
		"for no texts": f.claims.with("aud", []any{own, 1}), "for an object": f.claims.with("aud", parts{own: own}),
		"without an end": f.claims.with("exp", nil), "at its end": f.claims.with("exp", now), "after its end": f.claims.with("exp", now-1),
		"long after its end": f.claims.with("exp", 1), "with an end that is a text": f.claims.with("exp", "2999-01-01"), "with a number as text": f.claims.with("exp", "32472144000"),
		"with an end before 1970": f.claims.with("exp", -1), "with an end that is true": f.claims.with("exp", true), "with an end beyond time": f.claims.with("exp", 1e300),
		"not good yet": f.claims.with("nbf", now+61), "issued in the future": f.claims.with("iat", now+61), "issued at no time": f.claims.with("iat", "now"),
		"of no account": f.claims.with("sub", nil), "of another account": f.claims.with("sub", "bob"), "of an unknown account": f.claims.with("sub", "nobody"),
		"of the operator": f.claims.with("sub", "operator"), "of anonymous": f.claims.with("sub", "anonymous"), "of a list": f.claims.with("sub", []string{"alice"}),
		"of no credential": f.claims.with("prf", nil), "of another credential": f.claims.with("prf", encode("0123456789abcdef")), "of an empty credential": f.claims.with("prf", ""),
	} {
		f.wantNone(t, what, f.signed(f.head.text(t), claims.text(t)))
	}
	for what, claims := range map[string]parts{
		"for us among others": f.claims.with("aud", []string{"other", own}), "good in 59 s": f.claims.with("nbf", now+59).with("iat", now+59),
		"with parts of seconds": f.claims.with("exp", float64(now)+0.5), "with more claims": f.claims.with("https://example.com/x", parts{"a": 1}),
	} {
		f.wantName(t, what, f.signed(f.head.text(t), claims.text(t)), "alice")
	}
	text := f.claims.text(t)
	for what, text := range map[string]string{
		"two accounts": strings.Replace(text, "{", `{"sub":"bob",`, 1), "two ends": strings.Replace(text, "{", `{"exp":32472144000,`, 1),
		"two names inside": strings.Replace(text, "{", `{"a":{"b":1,"b":2},`, 1), "a list": "[" + text + "]", "null": "null", "nothing": "",
		"a JWT": f.good, "two objects": text + text, "no UTF-8": strings.Replace(text, "{", "{\"a\":\"\xff\",", 1),
	} {
		f.wantNone(t, what, f.signed(f.head.text(t), text))
	}
}

func TestWhatIsNoCompactJWSIsRefused(t *testing.T) {
	t.Parallel()
	f := forge(t)
	head, rest, _ := strings.Cut(f.good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	flat, err := json.Marshal(map[string]string{"protected": head, "payload": body, "signature": signature})
	fine(t, err)
	for what, compact := range map[string]string{
		"nothing": "", "dots": "..", "two parts": head + "." + body, "four parts": f.good + "." + signature, "a JWE": f.good + ".." + signature,
		"a dot more": f.good + ".", "padding": head + "." + body + "=." + signature, "a space": head + ". " + body + "." + signature,
		"a line end": head + "." + body + ".\n" + signature, "a space before": " " + f.good, "in JSON": string(flat),
		"no payload": head + ".." + signature, "no header": "." + body + "." + signature, "another alphabet": head + "." + strings.Replace(body, body[4:8], "ab+/", 1) + "." + signature,
		"bits that nobody reads": f.good[:len(f.good)-1] + string(f.good[len(f.good)-1]+1),
		"too long":               f.signed(f.head.text(t), f.claims.with("x", strings.Repeat("x", maxJWT)).text(t)),
		"dots alone":             strings.Repeat(".", 2*maxJWT),
	} {
		f.wantNone(t, what, compact)
	}
}

func TestNobodySignsInWithAKeyThatIsNotOfJWTs(t *testing.T) {
	t.Parallel()
	f := forge(t)
	_, err := f.op.RotateKey(t.Context(), "jwt", true)
	fine(t, err)
	fine(t, f.op.RetireKey(t.Context(), f.head["kid"].(string)))
	f.wantNone(t, "with a key that was retired", f.signed(f.head.text(t), f.claims.text(t)))
	f.wantNone(t, "with the id of the new one", f.signed(f.head.with("kid", f.x.JWTKeys()[0].ID).text(t), f.claims.text(t)))
	if _, err := f.x.OpenJWT(exchange.Voucher{Account: "alice"}, "", 1<<60); err == nil {
		t.Error("without a key")
	}
}
