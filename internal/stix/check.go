package stix

import (
	"errors"
	"fmt"
	"strings"
)

// Validation is how closely a Collection looks at what is added to it.
type Validation uint8

const (
	// Off asks only what Peek asks.
	Off Validation = iota
	// Shape asks that id, type, spec_version, created and modified are well
	// formed, and that the type in the id is the type.
	Shape
	// Strict asks Shape, and of a STIX 2.1 object what STIX 2.1 says of its
	// type; of a STIX 2.0 object only created and modified.
	Strict
)

var validationNames = [...]string{Off: "off", Shape: "shape", Strict: "strict"}

// String gives "off", "shape" or "strict".
func (v Validation) String() string {
	if int(v) < len(validationNames) {
		return validationNames[v]
	}
	return fmt.Sprintf("validation(%d)", uint8(v))
}

// ParseValidation reads "off", "shape" or "strict".
func ParseValidation(s string) (Validation, error) {
	for v, name := range validationNames {
		if s == name {
			return Validation(v), nil
		}
	}
	return Off, fmt.Errorf("validation must be off, shape or strict, not %s", quote(s))
}

// Check holds the object raw, whose Facts are f, against the validation. It
// gives nil, or up to five reasons in one line, each naming the property, fit
// for a Status message: "valid_from: required by STIX 2.1 for indicator".
func Check(raw []byte, f Facts, v Validation) error {
	if v == Off {
		return nil
	}
	var m members
	if err := m.scan(raw); err != nil {
		return err
	}
	r := &report{typ: f.Type}
	r.shape(f, &m)
	if v == Strict {
		r.strict(raw, f)
	}
	return r.err()
}

// shape is the validation that every STIX object of any version passes.
func (r *report) shape(f Facts, m *members) {
	if f.Type == "bundle" {
		r.add("type", "a bundle is no STIX object; send its objects (TAXII 2.1 section 3.7)")
	} else if !typeForm(f.Type) {
		r.add("type", "must have only lower-case letters, digits and hyphens")
	}
	switch typ, _, ok := cutID(f.ID); {
	case !ok:
		r.add("id", "must be the type, two hyphens and a lower-case UUID")
	case typ != f.Type:
		r.add("id", "begins with %s but the type is %s", quote(typ), quote(f.Type))
	}
	if !m.specVersion.absent() && f.SpecVersion != "2.0" && f.SpecVersion != "2.1" {
		r.add("spec_version", "must be 2.0 or 2.1, not %s", quote(f.SpecVersion))
	}
	r.shapeTime("created", m.created)
	r.shapeTime("modified", m.modified)
}

func (r *report) shapeTime(name string, v member) {
	if v.absent() {
		return
	}
	s, err := v.text(name, maxVersion)
	if err != nil {
		r.problem(err.Error())
	} else if _, ok := parseTimestamp(s); !ok {
		r.add(name, notTimestamp)
	}
}

const notTimestamp = "must be an RFC 3339 time in UTC, such as 2020-01-20T12:34:56.000Z"

// parseTimestamp reads a timestamp of STIX: RFC 3339 with an upper-case T, in
// UTC with an upper-case Z (STIX 2.1 section 2.13).
func parseTimestamp(s string) (instant, bool) {
	t, ok := parseTime(s)
	return t, ok && s[10] == 'T' && s[len(s)-1] == 'Z'
}

// typeForm reports whether s has only the characters that a type may have.
func typeForm(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= maxType
}

// cutID splits an identifier into its type and its UUID in lower case (any
// version).
func cutID(id string) (typ, uuid string, ok bool) {
	const uuidLen = len("00000000-0000-0000-0000-000000000000")
	at := len(id) - uuidLen
	if at < 3 || id[at-2:at] != "--" {
		return "", "", false
	}
	typ, uuid = id[:at-2], id[at:]
	return typ, uuid, typeForm(typ) && uuidForm(uuid)
}

func uuidForm(s string) bool {
	for i := range len(s) {
		c := s[i]
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		if hyphen != (c == '-') || !hyphen && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// maxProblems bounds one reason: a Status carries it, and a sender mends the
// first problems first.
const maxProblems = 5

// report gathers what is wrong with one object.
type report struct {
	typ      string
	root     object // the whole object, while strict looks at it
	problems []string
	more     int // problems beyond maxProblems
}

func (r *report) add(at, format string, args ...any) {
	r.problem(at + ": " + fmt.Sprintf(format, args...))
}

func (r *report) problem(text string) {
	if len(r.problems) == maxProblems {
		r.more++
		return
	}
	r.problems = append(r.problems, text)
}

func (r *report) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	text := strings.Join(r.problems, "; ")
	if r.more > 0 {
		text += fmt.Sprintf("; and %d more", r.more)
	}
	return errors.New(text)
}

// quote shows a sent text in a message: quoted, and cut where it is long.
func quote(s string) string {
	const most = 64
	if len(s) > most {
		return fmt.Sprintf("%.*q...", most, s)
	}
	return fmt.Sprintf("%q", s)
}
