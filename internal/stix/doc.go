// Package stix reads what the server must know of one STIX object, and judges
// whether the object is well formed. It keeps no content and changes none:
// every function reads raw JSON, and the bytes that were read are the bytes
// that are stored and served (K55).
//
// There are three depths. Peek reads id, type, spec_version and version, and
// skips everything else. Check with Shape looks at the form of these few
// properties. Check with Strict reads the whole object and holds it against
// STIX 2.1: required properties, kinds, ranges, references, and the rules
// between properties. What STIX says of each type is data, in the strict_*
// files.
//
// Nothing here knows Collections, HTTP or SQL, and nothing here follows a
// reference: an object is judged alone.
package stix
