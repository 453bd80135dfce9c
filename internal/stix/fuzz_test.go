package stix_test

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hansom-taxii/hansom/internal/stix"
)

// objectSeeds are what is no object, and objects that are hard to read. More
// seeds are in testdata/fuzz; FuzzCheck also begins with an object of each type.
var objectSeeds = []string{
	`{}`, `[]`, `null`, `{"id":`, "{\"id\":\"\xff\"}", `{"id":"\ud800","type":"x"}`, `{"id":"1","id":"2","type":"x"}`,
	`{"type":"tool","spec_version":"2.1","id":"tool--31b940d4-6f7f-459a-80ea-9c1f17b58abc","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","name":"a"}`,
	`{"type":"ipv4-addr","id":"ipv4-addr--ff26c055-6336-5bc5-b98d-13d6226742dd","value":"192.0.2.1","x_n":[1e400,-0,9007199254740993]}`,
	`{"\u0069d":"a\u0000","t\u0079pe":"x","modified":"2016-12-31T23:59:60Z","a":{"b":[{"c":null}]}}`,
	`{"type":"file","id":"file--31b940d4-6f7f-459a-80ea-9c1f17b58abc","hashes":{"MD5":"x"},"extensions":{"pdf-ext":{"version":1},"a":[]},"granular_markings":[{"selectors":["hashes.MD5","a.[0].[-1]"],"lang":"en"}]}`,
	`{"type":"observed-data","spec_version":"2.1","id":"observed-data--31b940d4-6f7f-459a-80ea-9c1f17b58abc","objects":{"0":7},"object_refs":[null,"a","relationship--"],"number_observed":1e-400}`,
	`{"type":"marking-definition","spec_version":"2.1","id":"marking-definition--31b940d4-6f7f-459a-80ea-9c1f17b58abc","created":"2020-01-01T00:00:00.000Z","definition_type":"tlp","definition":{"tlp":[]}}`,
	`{"type":"tool","id":"tool--1","object_marking_refs":["marking-definition--E828B379-4e03-4974-9ac4-e53a884c97c1"],"granular_markings":[{"selectors":["name"],"marking_ref":"\u006darking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"}]}`,
}

func addObjects(f *testing.F) {
	for _, seed := range objectSeeds {
		f.Add([]byte(seed))
	}
}

// FuzzPeek: what is read keeps its bounds, does not change the bytes, and does
// not depend on how the object is spelt.
func FuzzPeek(f *testing.F) {
	addObjects(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := string(raw)
		facts, err := stix.Peek(raw)
		stix.IsBundle(raw)
		if string(raw) != before {
			t.Fatalf("the bytes changed to %s", raw)
		}
		if len(facts.ID) > 256 || len(facts.Type) > 250 || len(facts.Version) > 64 || len(facts.SpecVersion) > 16 {
			t.Fatalf("out of bounds: %+v", facts)
		}
		canonical, cerr := stix.Canonical(raw)
		if cerr != nil {
			return // not strict JSON: only no panic is asked
		}
		again, aerr := stix.Peek(canonical)
		if facts != again || (err == nil) != (aerr == nil) {
			t.Fatalf("%+v, %v; in canonical form %+v, %v", facts, err, again, aerr)
		}
		if err == nil && (facts.ID == "" || facts.Type == "" || facts.VersionKey == "" || facts.SpecVersion == "") {
			t.Fatalf("facts are missing: %+v", facts)
		}
	})
}

// FuzzVersionKey: a normal form is its own normal form, and the standard library
// reads the same time.
func FuzzVersionKey(f *testing.F) {
	for _, seed := range []string{
		"", "2020-01-01T00:00:00Z", "2020-01-01t00:00:00.000z", "2020-02-29T23:59:59.123456789123+23:59",
		"0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "1969-12-31T23:59:59.9999999Z", "2016-12-31T23:59:60Z",
		"2020-01-01T00:00:00.", "2020-01-01T00:00:00,5Z", "2020-01-01 00:00:00Z",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key, micros, ok := stix.VersionKey(text)
		if again, m, k := stix.VersionKey(key); again != key || m != micros || k != ok {
			t.Fatalf("%q: %q, %d, %t becomes %q, %d, %t", text, key, micros, ok, again, m, k)
		}
		if !ok && (key != text || micros != stix.NoTime) {
			t.Fatalf("%q is no time but %q, %d", text, key, micros)
		}
		if want, err := time.Parse(time.RFC3339, key); ok && err == nil && want.UnixMicro() != micros {
			t.Fatalf("%q is %d, time.Parse says %d", text, micros, want.UnixMicro())
		} else if ok && err != nil && key[17:19] != "60" {
			t.Fatalf("%q: time.Parse refuses %q: %v", text, key, err)
		}
	})
}

// FuzzCheck: a stricter validation never takes what a laxer one refuses, and the
// spelling of an object does not matter.
func FuzzCheck(f *testing.F) {
	addObjects(f)
	for _, c := range allCases() {
		f.Add(build(f, c.typ, c.min, c.max))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !jsontext.Value(raw).IsValid() {
			return
		}
		facts, err := stix.Peek(raw)
		if err != nil {
			return
		}
		canonical, err := stix.Canonical(raw)
		if err != nil {
			t.Fatal(err)
		}
		before := true
		for _, v := range []stix.Validation{stix.Off, stix.Shape, stix.Strict} {
			reason := stix.Check(raw, facts, v)
			if reason == nil && !before {
				t.Fatalf("%s takes what a laxer validation refuses: %s", v, raw)
			}
			if before = reason == nil; before != (stix.Check(canonical, facts, v) == nil) {
				t.Fatalf("%s judges the canonical form otherwise: %v", v, reason)
			}
			if reason != nil && len(reason.Error()) > 8<<10 {
				t.Fatalf("a reason of %d octets", len(reason.Error()))
			}
		}
	})
}

// FuzzEqual: equality goes both ways, holds for the canonical form, and leaves
// the bytes alone.
func FuzzEqual(f *testing.F) {
	for i, a := range objectSeeds {
		f.Add([]byte(a), []byte(objectSeeds[(i+1)%len(objectSeeds)]))
	}
	f.Add([]byte(`{"a":1.0,"b":"\u00e9"}`), []byte(`{ "b":"é", "a":1 }`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		beforeA, beforeB := string(a), string(b)
		if stix.Equal(a, b) != stix.Equal(b, a) {
			t.Fatalf("equal one way only: %s and %s", a, b)
		}
		if !stix.Equal(a, a) {
			t.Fatalf("not equal to itself: %s", a)
		}
		if canonical, err := stix.Canonical(a); err == nil && !stix.Equal(a, canonical) {
			t.Fatalf("not equal to its canonical form: %s", a)
		}
		if string(a) != beforeA || string(b) != beforeB {
			t.Fatal("the bytes changed")
		}
	})
}
