package stix

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// NoTime is the VersionTime of what is no time; it lies before all times.
const NoTime = math.MinInt64

// What the server itself asks of an object, whatever the validation: these
// values become keys, and parts of URLs, Status messages and log lines. All
// are counted in octets of UTF-8.
const (
	maxID          = 256
	maxType        = 250 // STIX 2.1 section 3.1
	maxVersion     = 64
	maxSpecVersion = 16
)

// Facts are what the server reads of one raw object. Nothing else is decoded.
type Facts struct {
	// ID is 1 to 256 octets, Type 1 to 250; neither has control characters.
	ID, Type string
	// SpecVersion is the text as sent. Where it is absent it is "2.1" if the
	// type is an SCO of STIX 2.1 or the object has no created, else "2.0"
	// (R277).
	SpecVersion string
	// Version is the text of modified, else of created, as sent, 1 to 64
	// octets; "" where the object has neither (R133, R278).
	Version string
	// VersionKey is the normal form of Version (see VersionKey). For an
	// object with neither modified nor created it is "#" and the SHA-256 of
	// its canonical form in hex, so that the same content is the same version
	// (R134).
	VersionKey string
	// VersionTime is Version in microseconds since 1970-01-01T00:00:00Z, cut,
	// not rounded; NoTime where Version is no time or absent.
	VersionTime int64
	// TLP is the highest TLP marking in object_marking_refs and
	// granular_markings; Unmarked where there is none, whatever other markings
	// the object has.
	TLP TLP
}

// Peek reads the facts of one object. raw is one JSON value already known to
// be strict JSON (UTF-8, no duplicate names). The error is a reason fit for a
// Status message; Facts then still carry what was usable of id, type and
// version, so that the failure can be reported under them.
func Peek(raw []byte) (Facts, error) {
	var m members
	if err := m.scan(raw); err != nil {
		return Facts{VersionTime: NoTime}, err
	}
	f, err := m.facts()
	f.TLP = m.tlp(f.Type, f.ID)
	if err != nil || f.VersionKey != "" {
		return f, err
	}
	f.VersionKey, err = contentKey(raw)
	return f, err
}

// IsBundle reports whether raw is a STIX bundle with a list of objects, which
// is no STIX object itself (R168, K60). It decodes nothing else.
func IsBundle(raw []byte) bool {
	var m members
	if m.scan(raw) != nil || m.objects.Kind() != '[' {
		return false
	}
	typ, err := m.typ.text("type", maxType)
	return err == nil && typ == "bundle"
}

// member is the raw value of one top-level member; empty where it is absent.
type member struct{ jsontext.Value }

// members are the raw values of the top-level members that matter; they alias
// the object.
type members struct {
	id, typ, created, modified, specVersion, objects member
	markingRefs, granular                            member
}

var errNotObject = errors.New("not a JSON object")

// scan finds the members in one pass. Values are skipped, not decoded. Names
// and UTF-8 are not checked again: raw is known to be strict.
func (m *members) scan(raw []byte) error {
	d := jsontext.NewDecoder(bytes.NewBuffer(raw),
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if d.PeekKind() != '{' {
		return errNotObject
	}
	if _, err := d.ReadToken(); err != nil {
		return errNotObject
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadValue()
		if err != nil {
			return errNotObject
		}
		slot := m.slot(name)
		value, err := d.ReadValue()
		if err != nil {
			return errNotObject
		}
		if slot != nil {
			slot.Value = value
		}
	}
	return nil
}

// slot is where the value of the member with this quoted name goes, nil for
// what does not matter.
func (m *members) slot(quoted []byte) *member {
	name := quoted
	if bytes.IndexByte(quoted, '\\') >= 0 { // "\u0069d" is id too
		name, _ = jsontext.AppendUnquote(nil, quoted)
	} else if len(quoted) >= 2 {
		name = quoted[1 : len(quoted)-1]
	}
	switch string(name) {
	case "id":
		return &m.id
	case "type":
		return &m.typ
	case "created":
		return &m.created
	case "modified":
		return &m.modified
	case "spec_version":
		return &m.specVersion
	case "objects":
		return &m.objects
	case "object_marking_refs":
		return &m.markingRefs
	case "granular_markings":
		return &m.granular
	}
	return nil
}

// facts reads the members. Of several errors the first in the order id, type,
// modified, created, spec_version is given; all are read in any case.
func (m *members) facts() (Facts, error) {
	f := Facts{VersionTime: NoTime}
	var errs [6]error
	f.ID, errs[0] = m.id.required("id", maxID)
	f.Type, errs[1] = m.typ.required("type", maxType)
	f.Version, errs[2] = m.modified.text("modified", maxVersion)
	created, err := m.created.text("created", maxVersion)
	if m.modified.absent() {
		f.Version = created
	}
	errs[3] = err
	f.SpecVersion, errs[4] = m.specVersion.text("spec_version", maxSpecVersion)
	if f.SpecVersion == "" {
		f.SpecVersion = inferSpecVersion(f.Type, !m.created.absent())
	}
	if f.Version != "" {
		f.VersionKey, f.VersionTime, _ = VersionKey(f.Version)
	}
	errs[5] = nameable(f.Version)
	for _, err := range errs {
		if err != nil {
			return f, err
		}
	}
	return f, nil
}

// nameable refuses versions that match[version] could not name: it would take
// them for a list or for one of its words, and a DELETE would then choose others.
func nameable(version string) error {
	switch {
	case version == "all" || version == "first" || version == "last":
		return fmt.Errorf("modified: %q is a word of match[version], not a version", version)
	case strings.HasPrefix(version, "#"):
		return errors.New("modified: a version cannot begin with #, which stands for content without one")
	case strings.Contains(version, ","):
		return errors.New("modified: a version cannot have a comma")
	}
	return nil
}

func inferSpecVersion(typ string, hasCreated bool) string {
	if hasCreated && !IsSCO(typ) {
		return "2.0"
	}
	return "2.1"
}

func (v member) absent() bool { return len(v.Value) == 0 }

func (v member) required(name string, most int) (string, error) {
	if v.absent() {
		return "", fmt.Errorf("%s: missing", name)
	}
	return v.text(name, most)
}

// text is the value as a string of 1 to most octets without control
// characters; "" where the member is absent or the error is not nil.
func (v member) text(name string, most int) (string, error) {
	if v.absent() {
		return "", nil
	}
	if v.Kind() != '"' {
		return "", fmt.Errorf("%s: must be a string", name)
	}
	s, err := unquote(v.Value)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: must be a string", name)
	case len(s) == 0 || len(s) > most:
		return "", fmt.Errorf("%s: must have 1 to %d octets", name, most)
	case hasControl(s):
		return "", fmt.Errorf("%s: must not have control characters", name)
	}
	return s, nil
}

func unquote(quoted []byte) (string, error) {
	if bytes.IndexByte(quoted, '\\') < 0 && len(quoted) >= 2 {
		return string(quoted[1 : len(quoted)-1]), nil
	}
	b, err := jsontext.AppendUnquote(nil, quoted)
	return string(b), err
}

func hasControl(s string) bool {
	for _, c := range s {
		if unicode.IsControl(c) {
			return true
		}
	}
	return false
}
