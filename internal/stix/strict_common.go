package stix

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// What all objects of a category share (STIX 2.1 section 3.2).
var (
	versioned = schema{
		required:   []string{"spec_version", "created", "modified"},
		properties: commonProperties,
		rules:      []rule{notBefore("created", "modified"), selectorsFound},
	}
	unversioned = schema{ // marking definitions (R278)
		required:   []string{"spec_version", "created"},
		properties: commonProperties,
		rules:      []rule{never("modified"), selectorsFound},
	}
	observed = schema{ // cyber-observables (R278)
		properties: commonProperties,
		rules:      []rule{never("created", "modified"), selectorsFound},
	}
)

var commonProperties = kinds{
	"type":                text,
	"id":                  text, // judged by Shape
	"spec_version":        text, // judged by Shape
	"created":             millis,
	"modified":            millis,
	"created_by_ref":      refTo("identity"),
	"revoked":             boolean,
	"labels":              texts,
	"confidence":          integer(0, 100),
	"lang":                text,
	"external_references": list(nested(externalReference)),
	"object_marking_refs": list(refTo("marking-definition")),
	"granular_markings":   list(nested(granularMarking)),
	"defanged":            boolean,
	"extensions":          extensions,
}

// commonSchema picks what the object shares with its category. A custom object
// tells by its extension what it is, else by having created or modified.
func commonSchema(typ string, o object) schema {
	switch categoryOf(typ) {
	case marking:
		return unversioned
	case observable:
		return observed
	case custom:
		if customObservable(o) {
			return observed
		}
	}
	return versioned
}

func customObservable(o object) bool {
	exts, _ := o["extensions"].(object)
	for _, ext := range exts {
		switch e, _ := ext.(object); e["extension_type"] {
		case "new-sco":
			return true
		case "new-sdo", "new-sro":
			return false
		}
	}
	return !has(o, "created") && !has(o, "modified")
}

var externalReference = schema{ // section 2.6
	name:     "external-reference",
	required: []string{"source_name"},
	properties: kinds{
		"source_name": text, "description": text, "external_id": text, "url": urlText, "hashes": hashes,
	},
	rules: []rule{anyOf("description", "url", "external_id")},
}

var killChainPhase = schema{ // section 2.11
	name:       "kill-chain-phase",
	required:   []string{"kill_chain_name", "phase_name"},
	properties: kinds{"kill_chain_name": text, "phase_name": text},
}

var granularMarking = schema{ // section 7.2.3
	name:     "granular-marking",
	required: []string{"selectors"},
	properties: kinds{
		"selectors": texts, "lang": text, "marking_ref": refTo("marking-definition"),
	},
	rules: []rule{oneOf("marking_ref", "lang")},
}

// extensions is the dictionary of section 3.2: the name is that of a predefined
// extension, or the id of an extension-definition.
func extensions(r *report, at string, v any) {
	o, _ := asObject(r, at, v)
	for _, name := range slices.Sorted(maps.Keys(o)) {
		here := at + "." + name
		ext, ok := asObject(r, here, o[name])
		typ, _, isID := cutID(name)
		switch known, predefined := predefinedExtensions[name]; {
		case predefined && ok:
			known.check(r, here, ext)
		case isID && typ == "extension-definition":
			definedExtension(r, here, ext)
		case !predefined && !strings.HasSuffix(name, "-ext"): // custom extensions as in STIX 2.0 end so
			r.add(place(here), "must be named by an extension-definition id or a name in -ext")
		}
	}
}

func definedExtension(r *report, at string, ext object) {
	if typ, ok := ext["extension_type"]; ok {
		extensionType(r, at+".extension_type", typ)
	} else if len(ext) > 0 {
		r.add(place(at+".extension_type"), "required by STIX 2.1 for an extension")
	}
}

var extensionType = enum("new-sdo", "new-sco", "new-sro", "property-extension", "toplevel-property-extension")

// selectorsFound says that every selector of a granular marking finds something
// in the object (section 7.2.3.1).
func selectorsFound(r *report, _ string, o object) {
	markings, _ := o["granular_markings"].([]any)
	for i, m := range markings {
		marking, _ := m.(object)
		selectors, _ := marking["selectors"].([]any)
		for j, s := range selectors {
			if selector, ok := s.(string); ok && !selects(o, selector) {
				r.add(fmt.Sprintf("granular_markings[%d].selectors[%d]", i, j), "%s is not in the object", quote(selector))
			}
		}
	}
}

// selects walks a selector such as "external_references.[0].url".
func selects(at any, selector string) bool {
	for step := range strings.SplitSeq(selector, ".") {
		switch v := at.(type) {
		case object:
			next, ok := v[step]
			if !ok {
				return false
			}
			at = next
		case []any:
			i, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(step, "["), "]"))
			if err != nil || step != fmt.Sprintf("[%d]", i) || i < 0 || i >= len(v) {
				return false
			}
			at = v[i]
		default:
			return false
		}
	}
	return true
}
