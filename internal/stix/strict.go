package stix

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// object is a decoded JSON object; its numbers are json.Number.
type object = map[string]any

// schema is what STIX 2.1 says of one kind of object, as data.
type schema struct {
	name       string // as messages name it; "" is the type of the whole object
	required   []string
	properties kinds
	rules      []rule
}

// kinds are the known properties of an object and what their values must be.
type kinds map[string]kind

// kind judges one value; at is its place in the whole object.
type kind func(r *report, at string, v any)

// rule judges the properties of one object together; at is what comes before
// their names: "" in the whole object, else a place with a final point.
type rule func(r *report, at string, o object)

// strict adds what breaks the version of STIX that the object has.
func (r *report) strict(raw []byte, f Facts) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&r.root); err != nil {
		r.problem(errNotObject.Error())
		return
	}
	switch f.SpecVersion {
	case "2.0":
		r.strict20()
	case "2.1":
		r.strict21(f)
	}
}

// strict20 asks of a STIX 2.0 object only that it is versioned.
func (r *report) strict20() {
	names := []string{"created", "modified"}
	if categoryOf(r.typ) == marking {
		names = names[:1]
	}
	for _, name := range names {
		if _, ok := r.root[name]; !ok {
			r.add(name, "required by STIX 2.0 for %s", r.typ)
		}
	}
}

// strict21 holds the object against what all objects of its category share, and
// then against its type.
func (r *report) strict21(f Facts) {
	if _, uuid, ok := cutID(f.ID); ok && !uuidVersion(uuid) {
		r.add("id", notUUID)
	}
	if len(r.typ) < 3 {
		r.add("type", "must have 3 to 250 characters")
	}
	common, own := commonSchema(r.typ, r.root), typeSchema(r.typ)
	common.require(r, "", r.root)
	own.require(r, "", r.root)
	for _, name := range slices.Sorted(maps.Keys(r.root)) {
		judge, known := own.properties[name]
		if !known {
			judge, known = common.properties[name]
		}
		r.property(name, name, r.root[name], judge, known)
	}
	common.apply(r, "", r.root)
	own.apply(r, "", r.root)
}

// property judges one property: a known one by its kind, any other by its name.
func (r *report) property(at, name string, v any, judge kind, known bool) {
	switch {
	case v == nil:
		r.add(place(at), "must not be null")
	case known:
		judge(r, at, v)
	case !propertyName(name):
		r.add(place(at), "a property name must have 3 to 250 characters of a-z, 0-9 and _")
	}
}

// check judges an object inside the whole object. at is its place.
func (s schema) check(r *report, at string, o object) {
	at += "."
	s.require(r, at, o)
	for _, name := range slices.Sorted(maps.Keys(o)) {
		judge, known := s.properties[name]
		r.property(at+name, name, o[name], judge, known)
	}
	s.apply(r, at, o)
}

func (s schema) require(r *report, at string, o object) {
	for _, name := range s.required {
		if _, ok := o[name]; !ok {
			r.add(at+name, "required by STIX 2.1 for %s", s.title(r))
		}
	}
}

func (s schema) apply(r *report, at string, o object) {
	for _, judge := range s.rules {
		judge(r, at, o)
	}
}

func (s schema) title(r *report) string {
	if s.name == "" {
		return r.typ
	}
	return s.name
}

// place bounds a place that has sent names in it, for use in a message.
func place(at string) string {
	if len(at) <= 128 && !hasControl(at) {
		return at
	}
	return quote(at)
}

// propertyName is the rule for names that STIX does not define (section 11.1).
func propertyName(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return len(s) >= 3 && len(s) <= 250
}

// typeSchema is what STIX 2.1 says of a type beyond what is common to all; it is
// empty for custom types.
func typeSchema(typ string) schema {
	switch categoryOf(typ) {
	case domain:
		return domainObjects[typ]
	case relating:
		return relationshipObjects[typ]
	case observable:
		return observableObjects[typ]
	case meta, marking:
		return metaObjects[typ]
	}
	return schema{}
}
