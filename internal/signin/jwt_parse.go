package signin

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// maxJWT bounds a JWT, in octets: those of issuers that list hundreds of groups
	// are smaller, and none is worth more work.
	maxJWT = 8 << 10
	// maxKeyID bounds the id of a key, in octets: they are hashes or dates.
	maxKeyID = 256
	// maxSeconds bounds dates in claims: the year 5138.
	maxSeconds = 1e11
)

// joseHeader is the part of a JOSE header that counts. What names a key in another way
// than by its id, or asks for something that is not done here, is an error; what
// else stands there is hints.
type joseHeader struct {
	Algorithm string `json:"alg"`
	Type      string `json:"typ"`
	KeyID     string `json:"kid"`

	Critical       jsontext.Value `json:"crit"`
	Unencoded      jsontext.Value `json:"b64"`
	KeySetURL      jsontext.Value `json:"jku"`
	Key            jsontext.Value `json:"jwk"`
	CertificateURL jsontext.Value `json:"x5u"`
	Certificates   jsontext.Value `json:"x5c"`
	ContentType    jsontext.Value `json:"cty"` // of nested ones
	Encryption     jsontext.Value `json:"enc"`
	Compression    jsontext.Value `json:"zip"`
}

// check refuses what must not be there.
func (h *joseHeader) check() error {
	for name, value := range map[string]jsontext.Value{
		"crit": h.Critical, "b64": h.Unencoded, "jku": h.KeySetURL, "jwk": h.Key, "x5u": h.CertificateURL, "x5c": h.Certificates,
		"cty": h.ContentType, "enc": h.Encryption, "zip": h.Compression,
	} {
		if value != nil {
			return fmt.Errorf("the header has %s", name)
		}
	}
	if len(h.KeyID) > maxKeyID {
		return errors.New("the id of the key is too long")
	}
	return nil
}

// jwt is a JWT that has been taken apart. Nothing of it is known to be true.
type jwt struct {
	header joseHeader
	claims claims
}

// claims are what a JWT says. Dates are in microseconds; 0 where they are absent.
type claims struct {
	issuer                  string
	audience                []string
	subject                 string
	expires, begins, issued taxii.Time
	all                     map[string]any
}

// parseJWT takes a compact JWS apart (RFC 7515 3.1), more strictly than others do:
// what two readers could understand in two ways is an error. No error holds
// anything of the text.
func parseJWT(text string) (t jwt, err error) {
	parts := strings.Split(text, ".")
	if len(text) > maxJWT || len(parts) != 3 {
		return t, errors.New("it is no compact JWS of at most 8 KiB")
	}
	var octets [3][]byte
	for i, part := range parts {
		octets[i], err = base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || strings.ContainsAny(part, "\r\n") || len(octets[i]) == 0 { // which the decoder skips
			return t, errors.New("a part is empty or no base64url")
		}
	}
	if err := object(octets[0], &t.header); err != nil {
		return t, errors.New("the header is no JSON object, or says something twice")
	}
	if err := t.header.check(); err != nil {
		return t, err
	}
	if err := object(octets[1], &t.claims.all); err != nil {
		return t, errors.New("the claims are no JSON object, or say something twice")
	}
	return t, t.claims.read()
}

// object reads a JSON object in UTF-8 in which no name is there twice.
func object(text []byte, into any) error {
	if jsontext.Value(text).Kind() != '{' {
		return errors.New("no object")
	}
	return json.Unmarshal(text, into)
}

// read reads the claims that every JWT may have (RFC 7519 4.1). One of another
// form is an error.
func (c *claims) read() error {
	var ok [6]bool
	c.issuer, ok[0] = textOf(c.all["iss"])
	c.subject, ok[1] = textOf(c.all["sub"])
	c.audience, ok[2] = textsOf(c.all["aud"])
	c.expires, ok[3] = dateOf(c.all["exp"])
	c.begins, ok[4] = dateOf(c.all["nbf"])
	c.issued, ok[5] = dateOf(c.all["iat"])
	for i, name := range []string{"iss", "sub", "aud", "exp", "nbf", "iat"} {
		if _, there := c.all[name]; there && !ok[i] {
			return fmt.Errorf("the claim %s has a form of its own", name)
		}
	}
	return nil
}

func textOf(v any) (string, bool) {
	text, ok := v.(string)
	return text, ok && text != ""
}

// textsOf gives a text, or a list of nothing but texts.
func textsOf(v any) (list []string, ok bool) {
	switch v := v.(type) {
	case string:
		return []string{v}, true
	case []any:
		for _, element := range v {
			text, ok := element.(string)
			if !ok {
				return nil, false
			}
			list = append(list, text)
		}
		return list, true
	}
	return nil, false
}

// dateOf reads seconds since 1970, which may have a fraction.
func dateOf(v any) (taxii.Time, bool) {
	seconds, ok := v.(float64)
	if !ok || !(seconds > 0 && seconds < maxSeconds) {
		return 0, false
	}
	return taxii.Time(math.Floor(seconds * 1e6)), true
}
