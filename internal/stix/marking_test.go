package stix_test

import (
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/stix"
)

const (
	white1  = "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"
	green1  = "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"
	amber1  = "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"
	red1    = "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"
	clear2  = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"
	green2  = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
	amber2  = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421"
	strict2 = "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003"
	red2    = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
	strictO = "marking-definition--826578e1-40ad-459f-bc73-ede076f81f37"
	other   = "marking-definition--fa42a846-8d90-4e51-bc29-71d5b4802168"
)

func TestTheMarkingOfAnObjectIsTheHighestThatItNames(t *testing.T) {
	for _, c := range []struct {
		name, members string
		want          stix.TLP
	}{
		{"none", ``, stix.Unmarked},
		{"white of TLP 1", `"object_marking_refs":["` + white1 + `"]`, stix.Clear},
		{"green of TLP 1", `"object_marking_refs":["` + green1 + `"]`, stix.Green},
		{"amber of TLP 1", `"object_marking_refs":["` + amber1 + `"]`, stix.Amber},
		{"red of TLP 1", `"object_marking_refs":["` + red1 + `"]`, stix.Red},
		{"clear", `"object_marking_refs":["` + clear2 + `"]`, stix.Clear},
		{"green", `"object_marking_refs":["` + green2 + `"]`, stix.Green},
		{"amber", `"object_marking_refs":["` + amber2 + `"]`, stix.Amber},
		{"amber+strict", `"object_marking_refs":["` + strict2 + `"]`, stix.AmberStrict},
		{"amber+strict of OpenCTI", `"object_marking_refs":["` + strictO + `"]`, stix.AmberStrict},
		{"red", `"object_marking_refs":["` + red2 + `"]`, stix.Red},
		{"another alone", `"object_marking_refs":["` + other + `"]`, stix.Unmarked},
		{"another beside", `"object_marking_refs":["` + other + `","` + green2 + `"]`, stix.Green},
		{"several", `"object_marking_refs":["` + green2 + `","` + red1 + `","` + clear2 + `","` + red1 + `"]`, stix.Red},
		{"granular alone", `"granular_markings":[{"selectors":["name"],"marking_ref":"` + amber2 + `"}]`, stix.Amber},
		{"granular above", `"object_marking_refs":["` + green2 + `"],"granular_markings":[{"marking_ref":"` + red2 + `","selectors":["name"]}]`, stix.Red},
		{"granular below", `"object_marking_refs":["` + amber2 + `"],"granular_markings":[{"marking_ref":"` + clear2 + `","selectors":["name"]}]`, stix.Amber},
		{"a language in granular markings", `"granular_markings":[{"lang":"fr","selectors":["name"]}]`, stix.Unmarked},
		{"capital letters", `"object_marking_refs":["` + strings.ToUpper(red2) + `"]`, stix.Red},
		{"escapes in the text", `"object_marking_refs":["\u006darking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"]`, stix.Red},
		{"escapes in the name", `"object_m\u0061rking_refs":["` + red2 + `"]`, stix.Red},
		{"a text in the place of a list", `"object_marking_refs":"` + red2 + `"`, stix.Red},
		{"lists in a list", `"object_marking_refs":[["` + red2 + `"]]`, stix.Red},
		{"an object in the place of a list", `"granular_markings":{"marking_ref":"` + red2 + `"}`, stix.Red},
		{"white space", "\"object_marking_refs\" : [ \n \"" + red2 + "\" ]", stix.Red},
		{"quotes before it", `"object_marking_refs":["\\\"","` + red2 + `"]`, stix.Red},
		{"elsewhere", `"x_marking":"` + red2 + `","external_references":[{"object_marking_refs":["` + red2 + `"]}]`, stix.Unmarked},
		{"longer", `"object_marking_refs":["` + red2 + `0"]`, stix.Unmarked},
		{"null", `"object_marking_refs":null,"granular_markings":7`, stix.Unmarked},
	} {
		raw := `{"type":"tool","id":"tool--1","modified":"2020-01-01T00:00:00Z"` + map[bool]string{true: ","}[c.members != ""] + c.members + `}`
		facts, err := stix.Peek([]byte(raw))
		if err != nil || facts.TLP != c.want || stix.Marking([]byte(raw)) != c.want {
			t.Errorf("%s: %d and %d, want %d (%v)", c.name, facts.TLP, stix.Marking([]byte(raw)), c.want, err)
		}
	}
}

func TestTheDefinitionOfATLPMarkingIsClearUnlessItIsMarked(t *testing.T) {
	for raw, want := range map[string]stix.TLP{
		`{"type":"marking-definition","id":"` + red1 + `"}`:                                           stix.Clear,
		`{"type":"marking-definition","id":"` + strings.ToUpper(red2[20:]) + `"}`:                     stix.Unmarked,
		`{"type":"marking-definition","id":"` + red2[:20] + strings.ToUpper(red2[20:]) + `"}`:         stix.Clear,
		`{"type":"marking-definition","id":"` + other + `"}`:                                          stix.Unmarked,
		`{"type":"marking-definition","id":"` + other + `","object_marking_refs":["` + amber2 + `"]}`: stix.Amber,
		`{"type":"marking-definition","id":"` + clear2 + `","object_marking_refs":["` + red2 + `"]}`:  stix.Red,
		`{"type":"tool","id":"` + red2 + `"}`:                                                         stix.Unmarked,
		`[]`:                                                                                          stix.Unmarked,
		`{"object_marking_refs":["`:                                                                   stix.Unmarked,
	} {
		if got := stix.Marking([]byte(raw)); got != want {
			t.Errorf("%s is %d, want %d", raw, got, want)
		}
	}
}
