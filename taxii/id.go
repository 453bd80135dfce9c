package taxii

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// NewID returns a new identifier: a random UUID of version 4 in lower case
// (R017, K06), such as "91a7b528-80eb-42ed-a74d-c6fbd5a26116".
func NewID() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails: crypto/rand ends the program instead
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80

	b := make([]byte, 0, 36)
	for i, part := range [][]byte{u[:4], u[4:6], u[6:8], u[8:10], u[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return string(b)
}

// IsID tells whether s has the form that [NewID] gives: a UUID of version 4 and
// of the variant of RFC 4122, in lower case, without braces or prefix.
func IsID(s string) bool {
	return hasShape(s, "xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx") && strings.IndexByte("89ab", s[19]) >= 0
}

// hasShape tells whether s looks like shape, byte by byte: d stands for a
// decimal digit, x for a hexadecimal digit in lower case, anything else for itself.
func hasShape(s, shape string) bool {
	if len(s) != len(shape) {
		return false
	}
	for i := range len(s) {
		digit := '0' <= s[i] && s[i] <= '9'
		switch shape[i] {
		case 'd':
			if !digit {
				return false
			}
		case 'x':
			if !digit && (s[i] < 'a' || s[i] > 'f') {
				return false
			}
		default:
			if s[i] != shape[i] {
				return false
			}
		}
	}
	return true
}
