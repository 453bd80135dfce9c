package stix_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/stix"
	"github.com/hansom-taxii/hansom/internal/trial"
)

const (
	uuid   = "31b940d4-6f7f-459a-80ea-9c1f17b58abc"
	noTime = stix.NoTime
	y2020  = 1577836800000000 // 2020-01-01T00:00:00Z in microseconds
)

func TestPeekReadsTheFactsOfAnObject(t *testing.T) {
	trial.Covers(t, "R133", "R279")
	tests := []struct {
		name, raw string
		want      stix.Facts
	}{
		{"modified is the version", `{"type":"tool","spec_version":"2.1","id":"tool--1","created":"2019-01-01T00:00:00Z","modified":"2020-01-01T00:00:00.000Z"}`,
			stix.Facts{ID: "tool--1", Type: "tool", SpecVersion: "2.1", Version: "2020-01-01T00:00:00.000Z", VersionKey: "2020-01-01T00:00:00Z", VersionTime: y2020}},
		{"created is the version where modified is absent", `{"id":"x","created":"2020-01-01T00:00:00.000001Z","type":"marking-definition","spec_version":"2.1"}`,
			stix.Facts{ID: "x", Type: "marking-definition", SpecVersion: "2.1", Version: "2020-01-01T00:00:00.000001Z", VersionKey: "2020-01-01T00:00:00.000001Z", VersionTime: y2020 + 1}},
		{"a text that is no time is a version", `{"type":"x-a","id":"1","modified":"yesterday"}`,
			stix.Facts{ID: "1", Type: "x-a", SpecVersion: "2.1", Version: "yesterday", VersionKey: "yesterday", VersionTime: noTime}},
		{"members inside values do not count", `{"a":{"id":"no","type":"no"},"id":"yes","b":[{"modified":"no"}],"type":"y","created":"2020-01-01T00:00:00Z"}`,
			stix.Facts{ID: "yes", Type: "y", SpecVersion: "2.0", Version: "2020-01-01T00:00:00Z", VersionKey: "2020-01-01T00:00:00Z", VersionTime: y2020}},
		{"names and values may be escaped", `{"\u0069d":"caf\u00e9 \"1\"","t\u0079pe":"x\u002dy","modified":"2020-01-01T00:00:00\u005a"}`,
			stix.Facts{ID: `café "1"`, Type: "x-y", SpecVersion: "2.1", Version: "2020-01-01T00:00:00Z", VersionKey: "2020-01-01T00:00:00Z", VersionTime: y2020}},
		{"spaces do not matter", " { \"id\" : \"1\" ,\n\t\"type\" : \"y\" , \"modified\" : \"2020-01-01T00:00:00Z\" } \n",
			stix.Facts{ID: "1", Type: "y", SpecVersion: "2.1", Version: "2020-01-01T00:00:00Z", VersionKey: "2020-01-01T00:00:00Z", VersionTime: y2020}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := stix.Peek([]byte(tt.raw))
			if err != nil || got != tt.want {
				t.Errorf("Peek = %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func TestSpecVersionIsInferredWhereItIsAbsent(t *testing.T) {
	trial.Covers(t, "R277", "R278")
	created := `,"created":"2020-01-01T00:00:00.000Z"`
	tests := []struct{ typ, more, want string }{
		{"indicator", created, "2.0"},
		{"marking-definition", created, "2.0"},
		{"x-custom", created, "2.0"},
		{"ipv4-addr", "", "2.1"},
		{"ipv4-addr", created, "2.1"}, // an SCO, although no SCO has created
		{"x-custom", "", "2.1"},
		{"indicator", created + `,"spec_version":"2.1"`, "2.1"},
		{"ipv4-addr", `,"spec_version":"2.0"`, "2.0"},
		{"indicator", `,"spec_version":"3.7"`, "3.7"},
	}
	for _, tt := range tests {
		f, err := stix.Peek([]byte(`{"id":"1","type":"` + tt.typ + `"` + tt.more + `}`))
		if err != nil || f.SpecVersion != tt.want {
			t.Errorf("%s with %s: spec_version %q, %v; want %q", tt.typ, tt.more, f.SpecVersion, err, tt.want)
		}
	}
}

func TestAnObjectWithoutVersionIsKnownByItsContent(t *testing.T) {
	trial.Covers(t, "R134", "R207", "R230", "K55")
	peek := func(raw string) stix.Facts {
		f, err := stix.Peek([]byte(raw))
		if err != nil {
			t.Fatalf("Peek(%s): %v", raw, err)
		}
		return f
	}
	one := peek(`{"type":"ipv4-addr","id":"ipv4-addr--1","value":"192.0.2.1"}`)
	same := peek(`{ "value":"192.0.2.\u0031", "id":"ipv4-addr--1", "type":"ipv4-addr" }`)
	other := peek(`{"type":"ipv4-addr","id":"ipv4-addr--1","value":"192.0.2.2"}`)
	sum := sha256.Sum256([]byte(`{"id":"ipv4-addr--1","type":"ipv4-addr","value":"192.0.2.1"}`))
	if want := "#" + hex.EncodeToString(sum[:]); one.VersionKey != want {
		t.Errorf("version key %q, want %q", one.VersionKey, want)
	}
	if one.Version != "" || one.VersionTime != stix.NoTime {
		t.Errorf("an object without a version has %q and %d", one.Version, one.VersionTime)
	}
	if same.VersionKey != one.VersionKey {
		t.Error("the same content in another spelling is another version")
	}
	if other.VersionKey == one.VersionKey {
		t.Error("other content is the same version")
	}
}

func TestPeekSaysWhyAnObjectCannotBeKept(t *testing.T) {
	ok := `"id":"1","type":"y","modified":"2020-01-01T00:00:00Z"`
	tests := []struct{ raw, want string }{
		{`[]`, "not a JSON object"},
		{`"id"`, "not a JSON object"},
		{`null`, "not a JSON object"},
		{``, "not a JSON object"},
		{`{"id":"1"`, "not a JSON object"},
		{`{"type":"y"}`, "id: missing"},
		{`{"id":1,"type":"y"}`, "id: must be a string"},
		{`{"id":null,"type":"y"}`, "id: must be a string"},
		{`{"id":"","type":"y"}`, "id: must have 1 to 256 octets"},
		{`{"id":"` + strings.Repeat("é", 129) + `","type":"y"}`, "id: must have 1 to 256 octets"},
		{`{"id":"a\u0000b","type":"y"}`, "id: must not have control characters"},
		{`{"id":"a\u0085b","type":"y"}`, "id: must not have control characters"},
		{`{"id":"1"}`, "type: missing"},
		{`{"id":"1","type":{}}`, "type: must be a string"},
		{`{"id":"1","type":"` + strings.Repeat("t", 251) + `"}`, "type: must have 1 to 250 octets"},
		{`{"id":"1","type":"\n"}`, "type: must not have control characters"},
		{`{"id":"1","type":"y","modified":1}`, "modified: must be a string"},
		{`{"id":"1","type":"y","modified":null}`, "modified: must be a string"},
		{`{"id":"1","type":"y","modified":""}`, "modified: must have 1 to 64 octets"},
		{`{"id":"1","type":"y","modified":"` + strings.Repeat("0", 65) + `"}`, "modified: must have 1 to 64 octets"},
		{`{"id":"1","type":"y","modified":"\u001f"}`, "modified: must not have control characters"},
		{`{` + ok + `,"created":false}`, "created: must be a string"},
		{`{` + ok + `,"created":"\u007f"}`, "created: must not have control characters"},
		{`{` + ok + `,"spec_version":2.1}`, "spec_version: must be a string"},
		{`{` + ok + `,"spec_version":"` + strings.Repeat("2", 17) + `"}`, "spec_version: must have 1 to 16 octets"},
	}
	for _, tt := range tests {
		if _, err := stix.Peek([]byte(tt.raw)); err == nil || err.Error() != tt.want {
			t.Errorf("Peek(%s) = %v, want %s", tt.raw, err, tt.want)
		}
	}
}

func TestPeekTakesTheLongestIDTypeAndVersion(t *testing.T) {
	id, typ, version := strings.Repeat("é", 128), strings.Repeat("t", 250), strings.Repeat("v", 64)
	f, err := stix.Peek([]byte(`{"id":"` + id + `","type":"` + typ + `","modified":"` + version + `"}`))
	if err != nil || f.ID != id || f.Type != typ || f.Version != version {
		t.Errorf("Peek = %+v, %v", f, err)
	}
}

func TestAFailureStillCarriesWhatWasUsable(t *testing.T) {
	f, err := stix.Peek([]byte(`{"type":7,"modified":"2020-01-01T00:00:00Z","id":"tool--1"}`))
	if err == nil || f.ID != "tool--1" || f.Version != "2020-01-01T00:00:00Z" || f.VersionTime != y2020 {
		t.Errorf("Peek = %+v, %v; want id and version", f, err)
	}
	f, err = stix.Peek([]byte(`{"id":"","type":"tool","created":"2020-01-01T00:00:00Z"}`))
	if err == nil || f.ID != "" || f.Type != "tool" || f.Version != "2020-01-01T00:00:00Z" {
		t.Errorf("Peek = %+v, %v; want type and version", f, err)
	}
	// created does not stand in for a modified that is there and broken
	f, err = stix.Peek([]byte(`{"id":"1","type":"tool","created":"2020-01-01T00:00:00Z","modified":[]}`))
	if err == nil || f.Version != "" || f.VersionTime != stix.NoTime {
		t.Errorf("Peek = %+v, %v; want no version", f, err)
	}
}

func TestPeekLeavesTheBytesAlone(t *testing.T) {
	trial.Covers(t, "K55")
	raw := " {\"z\":1.0,\"id\":\"1\",\n\"type\":\"ipv4-addr\",\"a\":\"\\u0041\"}"
	b := []byte(raw)
	if _, err := stix.Peek(b); err != nil || string(b) != raw {
		t.Errorf("%v; the bytes are now %s", err, b)
	}
}

func TestABundleIsKnownByTypeAndObjects(t *testing.T) {
	trial.Covers(t, "K60")
	tests := []struct {
		raw  string
		want bool
	}{
		{`{"type":"bundle","id":"bundle--1","objects":[]}`, true},
		{`{"objects":[{"type":"tool"}],"\u0074ype":"bundle"}`, true},
		{`{"type":"bundle","id":"bundle--1"}`, false},
		{`{"type":"bundle","objects":{}}`, false},
		{`{"type":"observed-data","objects":[]}`, false},
		{`{"objects":[]}`, false},
		{`{"type":["bundle"],"objects":[]}`, false},
		{`["bundle"]`, false},
	}
	for _, tt := range tests {
		if got := stix.IsBundle([]byte(tt.raw)); got != tt.want {
			t.Errorf("IsBundle(%s) = %t", tt.raw, got)
		}
	}
}

func TestOnlyTheTypesOfSectionSixAreSCOs(t *testing.T) {
	trial.Covers(t, "R278")
	n := 0
	for typ := range strings.FieldsSeq(`artifact autonomous-system directory domain-name email-addr email-message file
		ipv4-addr ipv6-addr mac-addr mutex network-traffic process software url user-account windows-registry-key
		x509-certificate`) {
		if n++; !stix.IsSCO(typ) {
			t.Errorf("%s is no SCO", typ)
		}
	}
	if n != 18 {
		t.Errorf("%d types, want 18", n)
	}
	for _, typ := range []string{"indicator", "relationship", "marking-definition", "bundle", "x-file", "File", ""} {
		if stix.IsSCO(typ) {
			t.Errorf("%q is an SCO", typ)
		}
	}
}

// A version called all, or one with a comma, could be kept: a DELETE that named
// it then chose others.
func TestAVersionThatAQueryCouldNotNameIsRefused(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"all", "first", "last", "v,0", ",", "#1"} {
		if _, err := stix.Peek([]byte(`{"type":"x-a","id":"x-a--1","modified":"` + version + `"}`)); err == nil {
			t.Errorf("%q is taken for a version", version)
		}
	}
}
