package stix

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// Equal reports whether a and b are the same content: the same RFC 8785
// canonical form. Neither is changed. What has no canonical form equals only
// the same bytes.
func Equal(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	ca, errA := Canonical(a)
	cb, errB := Canonical(b)
	return errA == nil && errB == nil && bytes.Equal(ca, cb)
}

// Canonical gives the RFC 8785 canonical form of raw in new memory: members in
// order, no spaces, one spelling for each string and number. RFC 8785 takes all
// numbers for IEEE doubles, so 9007199254740993 and 9007199254740992 have one
// form, and so have all numbers beyond the largest double. An error means that
// raw is not strict JSON.
func Canonical(raw []byte) ([]byte, error) {
	v := jsontext.Value(bytes.Clone(raw))
	if err := v.Canonicalize(); err != nil {
		return nil, fmt.Errorf("no canonical form: %w", err)
	}
	return v, nil
}

// contentKey is the version key of an object that has no version of its own.
func contentKey(raw []byte) (string, error) {
	canonical, err := Canonical(raw)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(canonical)
	return "#" + hex.EncodeToString(sum[:]), nil
}
