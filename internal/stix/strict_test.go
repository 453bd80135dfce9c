package stix_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/stix"
	"github.com/hansom-taxii/hansom/internal/trial"
)

// strictCase is one type: members that STIX 2.1 asks for, members that it
// allows, and changes that break it with the reasons they give.
type strictCase struct {
	typ string
	min string // the least members of a good object, beyond the common ones
	max string // all that it may have, laid over min
	bad []badCase
}

// badCase is a change to the object with all members. A member that is null
// here is taken away.
type badCase struct{ change, want string }

func allCases() []strictCase {
	return slices.Concat(domainCases, relationshipCases, metaCases, observableCases, moreObservableCases)
}

// refs writes the identifiers of test data out: "@malware" is malware--UUID.
func refs(s string) string {
	var b strings.Builder
	for {
		at := strings.Index(s, `"@`)
		if at < 0 {
			return b.String() + s
		}
		end := at + 2 + strings.IndexByte(s[at+2:], '"')
		b.WriteString(s[:at+1] + s[at+2:end] + "--" + uuid)
		s = s[end:]
	}
}

// build lays members over the common members of the type's category.
func build(t testing.TB, typ string, layers ...string) []byte {
	t.Helper()
	o := map[string]any{"type": typ, "spec_version": "2.1", "id": typ + "--" + uuid}
	if !stix.IsSCO(typ) {
		o["created"] = "2020-01-20T12:34:56.000Z"
		if typ != "marking-definition" {
			o["modified"] = "2020-01-21T12:34:56.789Z"
		}
	}
	for _, layer := range layers {
		var members map[string]any
		if err := json.Unmarshal([]byte("{"+refs(layer)+"}"), &members); err != nil {
			t.Fatalf("test data %s: %v", layer, err)
		}
		maps.Copy(o, members)
	}
	maps.DeleteFunc(o, func(_ string, v any) bool { return v == nil })
	raw, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestStrictKnowsEveryTypeOfSTIX21(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range allCases() {
		seen[c.typ] = true
		t.Run(c.typ, func(t *testing.T) {
			trial.Covers(t, "R122", "R168", "R278")
			for _, good := range [][]byte{build(t, c.typ, c.min), build(t, c.typ, c.min, c.max)} {
				if got := check(string(good), stix.Strict); got != "" {
					t.Errorf("refused: %s\n%s", got, good)
				}
			}
			for _, bad := range c.bad {
				raw := build(t, c.typ, c.min, c.max, bad.change)
				if got := check(string(raw), stix.Strict); got != bad.want {
					t.Errorf("%s:\ngot  %s\nwant %s", bad.change, got, bad.want)
				}
				if got := check(string(raw), stix.Shape); got != "" {
					t.Errorf("%s: refused by shape: %s", bad.change, got)
				}
			}
		})
	}
	if len(seen) != 19+2+3+18 {
		t.Errorf("%d types have a case, STIX 2.1 has 42", len(seen))
	}
}

func TestEveryRequiredPropertyIsAskedFor(t *testing.T) {
	trial.Covers(t, "R168", "R277", "R278")
	required := map[string]string{
		"attack-pattern": "name", "campaign": "name", "course-of-action": "name", "grouping": "context object_refs",
		"identity": "name", "incident": "name", "indicator": "pattern pattern_type valid_from", "infrastructure": "name",
		"intrusion-set": "name", "malware": "is_family", "malware-analysis": "product", "note": "content object_refs",
		"observed-data": "first_observed last_observed number_observed", "opinion": "opinion object_refs",
		"report": "name published object_refs", "threat-actor": "name", "tool": "name", "vulnerability": "name",
		"relationship": "relationship_type source_ref target_ref", "sighting": "sighting_of_ref",
		"language-content":     "object_ref contents",
		"extension-definition": "created_by_ref name schema version extension_types",
		"marking-definition":   "created", "autonomous-system": "number", "directory": "path", "domain-name": "value",
		"email-addr": "value", "email-message": "is_multipart", "ipv4-addr": "value", "ipv6-addr": "value",
		"mac-addr": "value", "mutex": "name", "network-traffic": "protocols", "software": "name", "url": "value",
	}
	for _, c := range allCases() {
		names := strings.Fields(required[c.typ])
		if !stix.IsSCO(c.typ) && c.typ != "marking-definition" {
			names = append(names, "created", "modified")
		}
		for _, name := range names {
			raw := build(t, c.typ, c.min, fmt.Sprintf(`%q:null,"spec_version":"2.1"`, name))
			want := name + ": required by STIX 2.1 for " + c.typ
			if got := check(string(raw), stix.Strict); !strings.Contains(got, want) {
				t.Errorf("%s without %s: %q", c.typ, name, got)
			}
		}
	}
}

func TestStrictHoldsTheCommonProperties(t *testing.T) {
	trial.Covers(t, "R276", "R277")
	tool := strictCase{typ: "tool", min: `"name":"a"`, max: `"created_by_ref":"@identity","revoked":false,"labels":["a"],
		"confidence":100,"lang":"en","object_marking_refs":["@marking-definition"],"x_acme_any":[{"A b":null}],
		"external_references":[{"source_name":"cve","external_id":"CVE-2020-1234","url":"https://example.com/a?b#c",
			"description":"d","hashes":{"SHA-256":"` + strings.Repeat("0a", 32) + `","my-own":"x"}}],
		"granular_markings":[{"lang":"fr","selectors":["name","labels.[0]","external_references.[0].source_name","id"]},
			{"marking_ref":"@marking-definition","selectors":["labels"]}],
		"extensions":{"extension-definition--` + uuid + `":{"extension_type":"property-extension","rank":5},"my-own-ext":{"a":1}}`}
	if got := check(string(build(t, tool.typ, tool.min, tool.max)), stix.Strict); got != "" {
		t.Errorf("refused: %s", got)
	}
	const identifier = "must be an identifier: the type, two hyphens and a lower-case UUID, not "
	const nameRule = "a property name must have 3 to 250 characters of a-z, 0-9 and _"
	for _, bad := range []badCase{
		{`"created":"2020-01-20T12:34:56Z"`, "created: must have exactly three fractional digits"},
		{`"created":"2020-01-20T12:34:56.0000Z"`, "created: must have exactly three fractional digits"},
		{`"modified":"2020-01-21T12:34:56.12Z"`, "modified: must have exactly three fractional digits"},
		{`"modified":"2020-01-20T12:34:55.999Z"`, "modified: must not be before created"},
		{`"id":"tool--31b940d4-6f7f-059a-80ea-9c1f17b58abc"`, "id: must end in an RFC 9562 UUID (version 1 to 8)"},
		{`"id":"tool--31b940d4-6f7f-459a-c0ea-9c1f17b58abc"`, "id: must end in an RFC 9562 UUID (version 1 to 8)"},
		{`"created_by_ref":"@malware"`, `created_by_ref: must refer to identity, not "malware"`},
		{`"created_by_ref":"me"`, "created_by_ref: " + identifier + `"me"`},
		{`"created_by_ref":{}`, "created_by_ref: must be a string"},
		{`"object_marking_refs":["@identity"]`, `object_marking_refs[0]: must refer to marking-definition, not "identity"`},
		{`"object_marking_refs":"@marking-definition"`, "object_marking_refs: must be a list"},
		{`"object_marking_refs":[]`, "object_marking_refs: must not be an empty list"},
		{`"revoked":"true"`, "revoked: must be true or false"},
		{`"confidence":101`, "confidence: must be an integer from 0 to 100"},
		{`"confidence":-1`, "confidence: must be an integer from 0 to 100"},
		{`"confidence":50.5`, "confidence: must be an integer from 0 to 100"},
		{`"confidence":"50"`, "confidence: must be an integer from 0 to 100"},
		{`"confidence":1e2`, ""}, // an integer all the same
		{`"lang":1`, "lang: must be a string"},
		{`"external_references":[{}],"granular_markings":null`, "external_references[0]: must not be empty"},
		{`"external_references":[{"url":"https://a"}]`, "external_references[0].source_name: required by STIX 2.1 for external-reference; " +
			`granular_markings[0].selectors[2]: "external_references.[0].source_name" is not in the object`},
		{`"external_references":[{"source_name":"a"}]`, "external_references[0].description: at least one of description, url, external_id is required"},
		{`"external_references":[{"source_name":"a","url":"example.com"}]`, "external_references[0].url: must be an RFC 3986 URL"},
		{`"external_references":[{"source_name":"a","url":"https://a/%zz"}]`, "external_references[0].url: must be an RFC 3986 URL"},
		{`"external_references":[{"source_name":"a","url":"urn:a","hashes":{"MD5":"0g"}}]`, "external_references[0].hashes.MD5: must have 32 hexadecimal digits"},
		{`"granular_markings":[{"selectors":["name"]}]`, "granular_markings[0].marking_ref: marking_ref or lang is required"},
		{`"granular_markings":[{"selectors":["name"],"lang":"en","marking_ref":"@marking-definition"}]`, "granular_markings[0].lang: not allowed together with marking_ref"},
		{`"granular_markings":[{"lang":"en"}]`, "granular_markings[0].selectors: required by STIX 2.1 for granular-marking"},
		{`"granular_markings":[{"lang":"en","selectors":["labels.[1]"]}]`, `granular_markings[0].selectors[0]: "labels.[1]" is not in the object`},
		{`"granular_markings":[{"lang":"en","selectors":["labels.0"]}]`, `granular_markings[0].selectors[0]: "labels.0" is not in the object`},
		{`"granular_markings":[{"lang":"en","selectors":["name.first"]}]`, `granular_markings[0].selectors[0]: "name.first" is not in the object`},
		{`"extensions":{"rank":{"a":1}}`, "extensions.rank: must be named by an extension-definition id or a name in -ext"},
		{`"extensions":{"extension-definition--` + uuid + `":{"rank":5}}`, "extensions.extension-definition--" + uuid + ".extension_type: required by STIX 2.1 for an extension"},
		{`"extensions":{"extension-definition--` + uuid + `":{"extension_type":"other"}}`, "extensions.extension-definition--" + uuid +
			`.extension_type: must be one of new-sdo, new-sco, new-sro, property-extension, toplevel-property-extension, not "other"`},
		{`"extensions":{"my-own-ext":{}}`, "extensions.my-own-ext: must not be empty"},
		{`"extensions":{}`, "extensions: must not be empty"},
		{`"X_acme":1`, "X_acme: " + nameRule},
		{`"ab":1`, "ab: " + nameRule},
		{`"with-hyphen":1`, "with-hyphen: " + nameRule},
		{`"spec_version":null`, ""}, // then it is an object of STIX 2.0
	} {
		raw := build(t, tool.typ, tool.min, tool.max, bad.change)
		if got := check(string(raw), stix.Strict); got != bad.want {
			t.Errorf("%s:\ngot  %s\nwant %s", bad.change, got, bad.want)
		}
	}
	null := strings.Replace(string(build(t, "tool", `"name":"a"`)), `"name":"a"`, `"name":null,"x_any":null`, 1)
	if got := check(null, stix.Strict); got != "name: must not be null; x_any: must not be null" {
		t.Errorf("null: %s", got)
	}
}

func TestCustomTypesNeedOnlyWhatAllObjectsNeed(t *testing.T) {
	trial.Covers(t, "R122", "R277")
	times := `"created":"2020-01-20T12:34:56.000Z","modified":"2020-01-20T12:34:56.000Z"`
	ext := func(typ string) string {
		return `"extensions":{"extension-definition--` + uuid + `":{"extension_type":"` + typ + `"}}`
	}
	tests := []struct{ members, want string }{
		{`"spec_version":"2.1",` + times, ""},
		{`"spec_version":"2.1","x_acme_b":[]`, ""}, // without created and modified it may be an observable
		{`"value":"a"`, ""},
		{ext("new-sco"), ""},
		{ext("new-sdo"), "spec_version: required by STIX 2.1 for x-acme; created: required by STIX 2.1 for x-acme; modified: required by STIX 2.1 for x-acme"},
		{`"spec_version":"2.1",` + ext("new-sco") + `,` + times, "created: not allowed by STIX 2.1 for x-acme; modified: not allowed by STIX 2.1 for x-acme"},
		{`"spec_version":"2.1","created":"2020-01-20T12:34:56.000Z"`, "modified: required by STIX 2.1 for x-acme"},
		{`"spec_version":"2.1","modified":"2020-01-20T12:34:56.000Z"`, "created: required by STIX 2.1 for x-acme"},
		{`"modified":"2020-01-20T12:34:56.000Z"`, "spec_version: required by STIX 2.1 for x-acme; created: required by STIX 2.1 for x-acme"},
	}
	for _, tt := range tests {
		raw := `{"type":"x-acme","id":"x-acme--` + uuid + `",` + tt.members + `}`
		if got := check(raw, stix.Strict); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.members, got, tt.want)
		}
	}
	if got := check(`{"type":"x","id":"x--`+uuid+`"}`, stix.Strict); got != "type: must have 3 to 250 characters" {
		t.Errorf("a type of one letter: %s", got)
	}
}

func TestASTIX20ObjectNeedsOnlyToBeVersioned(t *testing.T) {
	trial.Covers(t, "R122", "R277")
	times := `,"created":"2017-01-20T00:00:00.000Z","modified":"2017-01-20T00:00:00.000Z"`
	tests := []struct{ typ, members, want string }{
		{"indicator", `,"labels":["a"],"pattern":"[file:name='a']","valid_from":"2017-01-20T00:00:00Z"` + times, ""},
		{"observed-data", `,"objects":{"0":{"type":"file"}}` + times, ""},
		{"marking-definition", `,"created":"2017-01-20T00:00:00.000Z","definition_type":"tlp","definition":{"tlp":"white"}`, ""},
		{"indicator", `,"spec_version":"2.0"`, "created: required by STIX 2.0 for indicator; modified: required by STIX 2.0 for indicator"},
		{"indicator", `,"created":"2017-01-20T00:00:00.000Z"`, "modified: required by STIX 2.0 for indicator"},
		{"indicator", `,"created":"2017-01-20","modified":"2017-01-20T00:00:00.000Z"`, "created: must be an RFC 3339 time in UTC, such as 2020-01-20T12:34:56.000Z"},
	}
	for _, tt := range tests {
		raw := `{"type":"` + tt.typ + `","id":"` + tt.typ + "--" + uuid + `"` + tt.members + `}`
		if got := check(raw, stix.Strict); got != tt.want {
			t.Errorf("%s %s:\ngot  %s\nwant %s", tt.typ, tt.members, got, tt.want)
		}
	}
}

func TestStrictLeavesTheBytesAlone(t *testing.T) {
	trial.Covers(t, "K55")
	raw := build(t, "tool", `"name":"a"`)
	before := string(raw)
	if got := check(before, stix.Strict); got != "" || string(raw) != before {
		t.Errorf("%s; the bytes are now %s", got, raw)
	}
}
