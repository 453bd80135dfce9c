package stix

import (
	"slices"
	"strings"
)

const notUUID = "must end in an RFC 9562 UUID (version 1 to 8)"

// uuidVersion reports whether a UUID of the right form has a version and a
// variant of RFC 9562.
func uuidVersion(uuid string) bool {
	return uuid[14] >= '1' && uuid[14] <= '8' && strings.IndexByte("89ab", uuid[19]) >= 0
}

// reference is the identifier of an object whose type passes a test; want says
// which types those are.
func reference(want string, test func(typ string) bool) kind {
	return func(r *report, at string, v any) {
		id, ok := asString(r, at, v)
		if !ok {
			return
		}
		typ, uuid, ok := cutID(id)
		switch {
		case !ok || !uuidVersion(uuid):
			r.add(place(at), "must be an identifier: the type, two hyphens and a lower-case UUID, not %s", quote(id))
		case !test(typ):
			r.add(place(at), "must refer to %s, not %s", want, quote(typ))
		}
	}
}

// refTo is a reference to one of these types.
func refTo(types ...string) kind {
	return reference(strings.Join(types, ", "), func(typ string) bool { return slices.Contains(types, typ) })
}

// refIn is a reference to a type of one of these categories. A custom type
// passes: its name does not tell what it is.
func refIn(want string, categories ...category) kind {
	return reference(want, func(typ string) bool {
		c := categoryOf(typ)
		return c == custom || slices.Contains(categories, c)
	})
}

var (
	refToAny        = refIn("a STIX object", domain, relating, observable, meta, marking)
	refToObservable = refIn("a cyber-observable object", observable)
	refToAddress    = refTo("ipv4-addr", "ipv6-addr", "mac-addr", "domain-name")
)
