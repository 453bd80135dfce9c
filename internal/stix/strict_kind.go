package stix

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxInteger is the largest integer that STIX lets JSON carry (section 2.8).
const maxInteger = 1<<53 - 1

// text is the string kind.
func text(r *report, at string, v any) { asString(r, at, v) }

func asString(r *report, at string, v any) (string, bool) {
	s, ok := v.(string)
	if !ok {
		r.add(place(at), "must be a string")
	}
	return s, ok
}

func boolean(r *report, at string, v any) {
	if _, ok := v.(bool); !ok {
		r.add(place(at), "must be true or false")
	}
}

// integer is a whole number from lo to hi.
func integer(lo, hi int64) kind {
	return func(r *report, at string, v any) {
		n, ok := asNumber(v)
		if !ok || n != math.Trunc(n) || n < float64(lo) || n > float64(hi) {
			r.add(place(at), "must be an integer from %d to %d", lo, hi)
		}
	}
}

// number is a number from lo to hi.
func number(lo, hi float64) kind {
	return func(r *report, at string, v any) {
		if n, ok := asNumber(v); !ok || n < lo || n > hi {
			r.add(place(at), "must be a number from %g to %g", lo, hi)
		}
	}
}

func asNumber(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(n), 64)
	return f, err == nil
}

// timestamp is a time with any number of fractional digits.
func timestamp(r *report, at string, v any) {
	if s, ok := v.(string); !ok {
		r.add(place(at), "must be a string")
	} else if _, ok := parseTimestamp(s); !ok {
		r.add(place(at), notTimestamp)
	}
}

// millis is what created and modified are: exactly three fractional digits
// (R276). That they are timestamps at all is judged by Shape.
func millis(r *report, at string, v any) {
	s, _ := v.(string)
	if _, ok := parseTimestamp(s); ok && len(s) != len("2006-01-02T15:04:05.000Z") {
		r.add(place(at), "must have exactly three fractional digits")
	}
}

// enum is one of a closed list of STIX (an -enum, not an -ov).
func enum(values ...string) kind {
	return func(r *report, at string, v any) {
		if s, ok := asString(r, at, v); ok && !slices.Contains(values, s) {
			r.add(place(at), "must be one of %s, not %s", strings.Join(values, ", "), quote(s))
		}
	}
}

// matching is a string that passes a test; want says which.
func matching(want string, test func(string) bool) kind {
	return func(r *report, at string, v any) {
		if s, ok := asString(r, at, v); ok && !test(s) {
			r.add(place(at), "must be %s", want)
		}
	}
}

// list is a list of one kind, which STIX never lets be empty (section 2.9).
func list(of kind) kind {
	return func(r *report, at string, v any) {
		values, ok := v.([]any)
		if !ok {
			r.add(place(at), "must be a list")
			return
		}
		if len(values) == 0 {
			r.add(place(at), "must not be an empty list")
		}
		for i, value := range values {
			of(r, fmt.Sprintf("%s[%d]", at, i), value)
		}
	}
}

func texts(r *report, at string, v any) { list(text)(r, at, v) }

// nested is an object with a schema of its own.
func nested(s schema) kind {
	return func(r *report, at string, v any) {
		if o, ok := asObject(r, at, v); ok {
			s.check(r, at, o)
		}
	}
}

func asObject(r *report, at string, v any) (object, bool) {
	o, ok := v.(object)
	if !ok {
		r.add(place(at), "must be an object")
	} else if len(o) == 0 {
		r.add(place(at), "must not be empty")
	}
	return o, ok && len(o) > 0
}

// dictionary is an object whose names the sender chooses (section 2.5).
func dictionary(of kind) kind {
	return func(r *report, at string, v any) {
		o, _ := asObject(r, at, v)
		for _, key := range slices.Sorted(maps.Keys(o)) {
			if !dictionaryKey(key) {
				r.add(place(at), "key %s must have 1 to 250 characters of a-z, A-Z, 0-9, - and _", quote(key))
			}
			of(r, at+"."+key, o[key])
		}
	}
}

func dictionaryKey(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20 // letters to lower case; - and digits stay, _ becomes DEL
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 250
}

// anything but null, which STIX does not have.
func anything(r *report, at string, v any) {
	if v == nil {
		r.add(place(at), "must not be null")
	}
}

var (
	hexBytes = matching("hexadecimal digits in pairs", func(s string) bool {
		_, err := hex.DecodeString(s)
		return err == nil
	})
	base64Bytes = matching("base64", func(s string) bool {
		_, err := base64.StdEncoding.DecodeString(s)
		return err == nil
	})
)

// hashDigits are the lengths of the hashes that STIX names; others are the
// sender's (section 10.7).
var hashDigits = map[string]int{
	"MD5": 32, "SHA-1": 40, "SHA-256": 64, "SHA-512": 128, "SHA3-256": 64, "SHA3-512": 128,
}

// hashes is a dictionary of hash values by algorithm (section 2.7).
func hashes(r *report, at string, v any) {
	dictionary(text)(r, at, v)
	o, _ := v.(object)
	for _, name := range slices.Sorted(maps.Keys(o)) {
		digits, known := hashDigits[name]
		s, isText := o[name].(string)
		if !known || !isText {
			continue
		}
		if _, err := hex.DecodeString(s); err != nil || len(s) != digits {
			r.add(place(at+"."+name), "must have %d hexadecimal digits", digits)
		}
	}
}
