package stix

import "slices"

// metaObjects are the meta objects (STIX 2.1 section 7).
var metaObjects = map[string]schema{
	"language-content": {
		required: []string{"object_ref", "contents"},
		properties: kinds{
			"object_ref": refToAny, "object_modified": timestamp,
			"contents": dictionary(dictionary(anything)),
		},
	},
	"extension-definition": {
		required: []string{"created_by_ref", "name", "schema", "version", "extension_types"},
		properties: kinds{
			"name": text, "description": text, "schema": text, "version": text,
			"extension_types": list(extensionType), "extension_properties": texts,
		},
		rules: []rule{propertiesAtTop},
	},
	"marking-definition": {
		properties: kinds{"name": text, "definition_type": text, "definition": definition},
		rules: []rule{
			needs("definition_type", "definition"), needs("definition", "definition_type"), marks, tlpMarks, statementMarks,
		},
	},
}

// propertiesAtTop says that only an extension at the top level lists its
// properties (section 7.3).
func propertiesAtTop(r *report, at string, o object) {
	types, _ := o["extension_types"].([]any)
	if has(o, "extension_properties") && !slices.Contains(types, any("toplevel-property-extension")) {
		r.add(at+"extension_properties", "allowed only for toplevel-property-extension")
	}
}

func definition(r *report, at string, v any) { asObject(r, at, v) }

// marks says that a marking has a definition or, as TLP 2.0 has, an extension.
func marks(r *report, at string, o object) {
	if !hasAny(o, []string{"definition_type", "definition", "extensions"}) {
		r.add(at+"definition_type", "required where there are no extensions")
	}
}

// tlpIDs are the only four markings of type tlp that STIX 2.1 lets exist
// (section 7.2.1.4).
var tlpIDs = map[string]string{
	"white": "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9",
	"green": "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
	"amber": "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82",
	"red":   "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
}

func tlpMarks(r *report, at string, o object) {
	def, _ := o["definition"].(object)
	if o["definition_type"] != "tlp" || len(def) == 0 {
		return
	}
	level, _ := def["tlp"].(string)
	id, known := tlpIDs[level]
	switch {
	case !known:
		r.add(at+"definition.tlp", "must be one of white, green, amber, red")
	case o["id"] != id:
		r.add(at+"id", "must be %s for TLP %s", id, level)
	}
}

func statementMarks(r *report, at string, o object) {
	def, _ := o["definition"].(object)
	if o["definition_type"] != "statement" || len(def) == 0 {
		return
	}
	if _, ok := def["statement"].(string); !ok {
		r.add(at+"definition.statement", "must be a string")
	}
}
