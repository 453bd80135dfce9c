package whole_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

var b64 = base64.RawURLEncoding

// parts are those of a JWT, and the key that signed it, as a stranger has them.
type parts struct {
	head, claims map[string]any
	text         []string
	public       ed25519.PublicKey
	jwk          map[string]any
}

// takeApart takes a JWT apart, and looks its key up where it is published.
func takeApart(t *testing.T, s *trial.Server, compact string) (p parts) {
	t.Helper()
	p.text = strings.Split(compact, ".")
	for i, into := range []*map[string]any{&p.head, &p.claims} {
		text, err := b64.DecodeString(p.text[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
	var set struct{ Keys []map[string]any }
	status(t, s.Get(t, "", "/.well-known/jwks.json"), http.StatusOK).JSON(t, &set)
	for _, key := range set.Keys {
		if key["d"] != nil || key["k"] != nil {
			t.Errorf("the published key %v is no public one", key["kid"])
		}
		if key["kid"] == p.head["kid"] {
			x, err := b64.DecodeString(key["x"].(string))
			if err != nil {
				t.Fatal(err)
			}
			p.public, p.jwk = x, key
		}
	}
	if p.public == nil {
		t.Fatalf("the key %v is not among those published", p.head["kid"])
	}
	return p
}

// with gives a header or claims with other members; nil takes one out.
func with(all map[string]any, members ...any) map[string]any {
	all = maps.Clone(all)
	for i := 0; i < len(members); i += 2 {
		if all[members[i].(string)] = members[i+1]; members[i+1] == nil {
			delete(all, members[i].(string))
		}
	}
	return all
}

// signing puts a JWT together and signs it.
func signing(head, claims map[string]any, sign func([]byte) []byte) string {
	h, _ := json.Marshal(head) // maps of texts and numbers can be written
	c, _ := json.Marshal(claims)
	text := b64.EncodeToString(h) + "." + b64.EncodeToString(c)
	return text + "." + b64.EncodeToString(sign([]byte(text)))
}

func unsigned([]byte) []byte { return nil }

// confusions are JWTs that a stranger can make of one that is good, by what they try.
func confusions(p parts, own ed25519.PrivateKey) map[string]string {
	admin := with(p.claims, "sub", "admin")
	mine := func(text []byte) []byte { return ed25519.Sign(own, text) }
	old, _ := b64.DecodeString(p.text[2])
	theirs := func([]byte) []byte { return old }
	jwk := map[string]any{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "mine", "x": b64.EncodeToString(own.Public().(ed25519.PublicKey))}
	all := map[string]string{
		"other claims under the signature":  signing(p.head, admin, theirs),
		"another header":                    signing(with(p.head, "x", "y"), p.claims, theirs),
		"a key of one's own, its id":        signing(p.head, admin, mine),
		"a key of one's own, no id":         signing(with(p.head, "kid", nil), admin, mine),
		"a key of one's own, an unknown id": signing(with(p.head, "kid", "mine"), admin, mine),
		"a key that it brings":              signing(with(p.head, "jwk", jwk), admin, mine),
		"a key that it brings under its id": signing(with(p.head, "jwk", jwk, "kid", "mine"), admin, mine),
		"a key set that it names":           signing(with(p.head, "jku", "https://127.0.0.1:1/jwks.json", "kid", "mine"), admin, mine),
		"a certificate that it names":       signing(with(p.head, "x5u", "https://127.0.0.1:1/x.pem", "kid", "mine"), admin, mine),
		"a certificate that it brings":      signing(with(p.head, "x5c", []string{"MIIB"}, "kid", "mine"), admin, mine),
		"something critical":                signing(with(p.head, "crit", []string{"exp"}), p.claims, theirs),
		"text that is not encoded":          signing(with(p.head, "b64", false, "crit", []string{"b64"}), admin, mine),
		"a JWT in a JWT":                    signing(with(p.head, "cty", "JWT"), p.claims, theirs),
		"an issuer of one's own":            signing(p.head, with(admin, "iss", "https://evil.example"), mine),
		"no signature":                      p.text[0] + "." + p.text[1] + ".",
		"no dot for the signature":          p.text[0] + "." + p.text[1],
		"four parts":                        strings.Join(append(p.text[:3:3], p.text[2]), "."),
		"five parts":                        strings.Join(append(p.text[:3:3], p.text[2], p.text[2]), "."),
		"a dot at the end":                  strings.Join(p.text, ".") + ".",
		"padding":                           strings.Join(p.text, ".") + "==",
		"a space inside":                    p.text[0] + ". " + p.text[1] + "." + p.text[2],
		"the signature of another part":     p.text[0] + "." + p.text[1] + "." + p.text[1],
		"a signature of zeros":              p.text[0] + "." + p.text[1] + "." + b64.EncodeToString(make([]byte, 64)),
		"a signature that is too long":      p.text[0] + "." + p.text[1] + "." + b64.EncodeToString(append(old[:64:64], 0)),
		"a signature in other numbers":      p.text[0] + "." + p.text[1] + "." + b64.EncodeToString(malleable(old)),
		"more than it may have":             p.text[0] + "." + b64.EncodeToString([]byte(`{"x":"`+strings.Repeat("x", 20_000)+`"}`)) + "." + p.text[2],
		"the general form":                  `{"payload":"` + p.text[1] + `","signatures":[{"protected":"` + p.text[0] + `","signature":"` + p.text[2] + `"}]}`,
	}
	const signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(p.text[2]) - 1 // 86 signs hold 516 bits, of which 512 count
	all["the same signature, spelt differently"] = p.text[0] + "." + p.text[1] + "." + p.text[2][:last] + string(signs[strings.IndexByte(signs, p.text[2][last])|1])
	for _, none := range []string{"none", "None", "NONE", "nOnE", "", "none ", "null"} {
		all["the algorithm "+none] = signing(with(p.head, "alg", none), admin, unsigned)
		all["the algorithm "+none+", the signature as it was"] = signing(with(p.head, "alg", none), p.claims, theirs)
	}
	spki := append([]byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00}, p.public...)
	text, _ := json.Marshal(p.jwk)
	for what, secret := range map[string][]byte{
		"the public key": p.public, "the public key in DER": spki, "the public key in PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}),
		"the public key as text": []byte(b64.EncodeToString(p.public)), "the JWK": text, "nothing": {},
	} {
		all["HMAC with "+what] = signing(with(p.head, "alg", "HS256"), admin, func(text []byte) []byte {
			mac := hmac.New(sha256.New, secret)
			mac.Write(text)
			return mac.Sum(nil)
		})
		all["longer HMAC with "+what] = signing(with(p.head, "alg", "HS512"), admin, func(text []byte) []byte {
			mac := hmac.New(sha512.New, secret)
			mac.Write(text)
			return mac.Sum(nil)
		})
	}
	for _, kid := range []any{"../../../../dev/null", "/dev/null", "' or 1=1 --", "x\x00y", "https://evil.example/key", strings.Repeat("k", 4000), 1, []string{"x"}, map[string]string{}} {
		all[fmt.Sprintf("the key %.20v", kid)] = signing(with(p.head, "kid", kid), admin, mine)
	}
	twice := func(one, other string, sign func([]byte) []byte) string { // names that are there twice
		head, claims := p.text[0], b64.EncodeToString([]byte(one+other))
		return head + "." + claims + "." + b64.EncodeToString(sign([]byte(head+"."+claims)))
	}
	all["a subject twice"] = twice(`{"sub":"reader",`, `"sub":"admin"}`, mine)
	return all
}

// malleable adds the order of the group to the second half of an Ed25519
// signature: who verifies sloppily takes it for another good one.
func malleable(signature []byte) []byte {
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	reverse := func(b []byte) []byte {
		out := make([]byte, len(b))
		for i := range b {
			out[len(b)-1-i] = b[i]
		}
		return out
	}
	s := new(big.Int).Add(new(big.Int).SetBytes(reverse(signature[32:64])), order)
	return append(signature[:32:32], reverse(s.FillBytes(make([]byte, 32)))...)
}

func TestNoJWTThatAStrangerCanMakeIsTaken(t *testing.T) {
	t.Parallel()
	s := attacked()
	jwt := newJWT(t, s, "reader")
	status(t, s.Get(t, "", "/trust/", bearer(jwt)), http.StatusOK)
	p := takeApart(t, s, jwt)
	if err := expiresSoon(p.claims); err != nil {
		t.Error(err)
	}
	_, own, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := status(t, s.Get(t, "", "/trust/", bearer(p.text[0]+"."+p.text[1]+"."+b64.EncodeToString(make([]byte, 64)))), http.StatusUnauthorized)
	for what, forged := range confusions(p, own) {
		for _, header := range []string{bearer(forged), "Authorization: Token " + forged} {
			a := s.Get(t, "", "/trust/", header)
			if a.Status != http.StatusUnauthorized {
				t.Errorf("%s as %.20q: %d %s", what, header, a.Status, a.Body)
			}
			if strings.Count(forged, ".") == 2 && string(a.Body) != string(want.Body) {
				t.Errorf("%s is answered with words of its own: %s", what, a.Body)
			}
		}
	}
	for _, header := range []string{basic("admin", p.text[2]), basic("reader", jwt)} { // a JWT is no password
		if a := s.Get(t, "", "/trust/", header); a.Status == http.StatusOK {
			t.Errorf("%.20q: %d", header, a.Status)
		}
	}
	status(t, s.Get(t, "", "/trust/", bearer(jwt)), http.StatusOK)
}

// expiresSoon tells what is wrong with the dates and names of a JWT of this server.
func expiresSoon(claims map[string]any) error {
	exp, _ := claims["exp"].(float64)
	iat, _ := claims["iat"].(float64)
	if life := time.Duration(exp-iat) * time.Second; life <= 0 || life > time.Hour {
		return fmt.Errorf("it lives for %v", life)
	}
	for _, name := range []string{"iss", "aud", "sub", "jti"} {
		if claims[name] == nil {
			return fmt.Errorf("it has no %s: %v", name, claims)
		}
	}
	return nil
}
