package signin

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// keySetAge is for how long others may keep the list of our keys, in seconds: a
	// new key is listed twice as long before it signs.
	keySetAge = 300
	// maxKeys bounds the keys of an issuer that are looked at.
	maxKeys = 100
	// leastRSA and mostRSA bound keys of RSA, in bits: below, they can be broken;
	// above, verifying is work for who sends nonsense.
	leastRSA, mostRSA = 2048, 8192
)

// mediaKeySet is the media type of a key set (RFC 7517 8.5.2).
const mediaKeySet = "application/jwk-set+json"

// ownKey is one of our public keys, as it is published.
type ownKey struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	Use       string `json:"use"`
}

// publish answers with the public keys of our JWTs: those that sign, will sign or
// have signed what is still good.
func (j *JWTs) publish(_ *Door, w http.ResponseWriter, r *http.Request) error {
	keys := []ownKey{}
	for _, k := range j.x.JWTKeys() {
		keys = append(keys, ownKey{"OKP", "Ed25519", base64.RawURLEncoding.EncodeToString(k.Public), k.ID, string(ownAlgorithm), "sig"})
	}
	text, err := json.Marshal(map[string][]ownKey{"keys": keys})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	head, tag := w.Header(), `"`+hex.EncodeToString(sum[:8])+`"`
	head.Set("Cache-Control", "public, max-age="+strconv.Itoa(keySetAge))
	head.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	answer(w, r, http.StatusOK, mediaKeySet, text)
	return nil
}

// outsideKey is a key of an issuer.
type outsideKey struct {
	id, algorithm string // "" where the set does not say
	print         string // its thumbprint (RFC 7638)
	public        crypto.PublicKey
}

// parseKeySet reads the key set of an issuer. Keys of kinds that are not taken here
// are left out, as RFC 7517 5 says; a set that is none is an error.
func parseKeySet(text []byte) ([]outsideKey, error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := object(text, &set); err != nil || set.Keys == nil {
		return nil, errors.New("the answer is no key set")
	}
	if len(set.Keys) > maxKeys {
		return nil, errors.New("the key set has more than 100 keys")
	}
	var list []outsideKey
	for _, raw := range set.Keys {
		if k, ok := parseKey(raw); ok {
			list = append(list, k)
		}
	}
	return list, nil
}

// parseKey reads a public key that can verify signatures.
func parseKey(raw jsontext.Value) (k outsideKey, ok bool) {
	var parsed jose.JSONWebKey
	if err := parsed.UnmarshalJSON(raw); err != nil || !parsed.IsPublic() || !parsed.Valid() {
		return k, false
	}
	if parsed.Use != "" && parsed.Use != "sig" || len(parsed.KeyID) > maxKeyID {
		return k, false
	}
	print, err := parsed.Thumbprint(crypto.SHA256)
	if err != nil || familyOf(parsed.Key) == "" {
		return k, false
	}
	return outsideKey{parsed.KeyID, parsed.Algorithm, string(print), parsed.Key}, true
}

// familyOf names the algorithms that a key is for; "": none that is taken here.
func familyOf(key crypto.PublicKey) string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits >= leastRSA && bits <= mostRSA {
			return "RSA"
		}
	case *ecdsa.PublicKey:
		return map[elliptic.Curve]string{elliptic.P256(): "ES256", elliptic.P384(): "ES384", elliptic.P521(): "ES512"}[k.Curve]
	case ed25519.PublicKey:
		return "EdDSA"
	}
	return ""
}

// families says what kind of key an algorithm needs: all that are taken, and none
// that is symmetric. Never written to.
var families = map[string]string{
	"RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "PS256": "RSA", "PS384": "RSA", "PS512": "RSA",
	"ES256": "ES256", "ES384": "ES384", "ES512": "ES512", "EdDSA": "EdDSA",
}

// fits tells whether a key may have signed with this id and algorithm.
func (k *outsideKey) fits(id, algorithm string) bool {
	return k.id == id && (k.algorithm == "" || k.algorithm == algorithm) && families[algorithm] == familyOf(k.public)
}
