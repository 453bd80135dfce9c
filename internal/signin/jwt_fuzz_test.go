package signin

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// FuzzJWT holds the parser to what it promises: three parts, each in the one way in
// which it can be written; a header without what is refused; and no octet of the
// text in an error. The library takes apart what it took apart.
func FuzzJWT(f *testing.F) {
	for _, seed := range []string{
		"", "..", "a.b.c", "....",
		encode(`{"alg":"EdDSA","kid":"0a1b2c3d","typ":"at+jwt"}`, `{"iss":"https://taxii.example.com","aud":"https://taxii.example.com","sub":"alice","exp":1795435200,"nbf":1795434300,"iat":1795434300,"prf":"AAAAAAAAAAAAAAAAAAAAAA"}`, strings.Repeat("s", 64)),
		encode(`{"alg":"RS256","kid":"r"}`, `{"iss":"https://idp.example","aud":["a","b"],"sub":"x","exp":1.5e9,"realm_access":{"roles":["taxii"]}}`, "signature"),
		encode(`{"alg":"none"}`, `{"iss":"a"}`, "x"), encode(`{"alg":"EdDSA","alg":"none"}`, `{}`, "x"),
		encode(`{"alg":"EdDSA","jwk":{}}`, `{}`, "x"), encode(`{"alg":"EdDSA","crit":["b64"],"b64":false}`, `{}`, "x"),
		encode(`{"alg":"EdDSA"}`, `{"sub":"a","sub":"b"}`, "x"), encode(`{"alg":"EdDSA"}`, `{"exp":1e400}`, "x"), encode(`[]`, `null`, "x"),
		encode(`{"alg":"EdDSA"}`, "{\"a\":\"\xff\"}", "x"), "e30.e30.AB", "e30=.e30.AA", "e30.\ne30.AA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseJWT(text)
		if err != nil {
			for part := range strings.SplitSeq(text, ".") {
				if len(part) > 16 && strings.Contains(err.Error(), part) {
					t.Errorf("the error holds some of it: %v", err)
				}
			}
			return
		}
		list := strings.Split(text, ".")
		if len(list) != 3 || len(text) > maxJWT {
			t.Fatalf("%d parts in %d octets", len(list), len(text))
		}
		for _, part := range list {
			octets, err := base64.RawURLEncoding.DecodeString(part)
			if err != nil || base64.RawURLEncoding.EncodeToString(octets) != part {
				t.Errorf("%q can be written in another way", part)
			}
		}
		if c := parsed.claims; c.expires < 0 || c.begins < 0 || c.issued < 0 || c.expires > maxSeconds*1e6 {
			t.Errorf("the dates are %d, %d, %d", c.expires, c.begins, c.issued)
		}
		jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(parsed.header.Algorithm)})
		if err == nil && jws.Signatures[0].Header.KeyID != parsed.header.KeyID {
			t.Errorf("the library reads the key %q, here it is %q", jws.Signatures[0].Header.KeyID, parsed.header.KeyID)
		}
	})
}
