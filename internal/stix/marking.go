package stix

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// TLP is a marking of the Traffic Light Protocol, the higher the more
// restricted. The zero value is none.
type TLP uint8

// The markings of TLP 2.0. Of TLP 1, white is clear, and the others are those of
// the same name.
const (
	Unmarked TLP = iota
	Clear
	Green
	Amber
	AmberStrict
	Red
)

// tlpOf tells which TLP marking the id of a marking definition stands for. The
// ids are fixed, so that nothing has to be looked up: those of TLP 1 by STIX 2.1
// section 7.2.1.4, those of TLP 2.0 by OASIS (cti-stix-common-objects,
// extension-definition-specifications/tlp-2.0). The last of amber+strict is that
// of OpenCTI, which gave the level an id before OASIS did and still sends it.
func tlpOf(id string) TLP {
	switch id {
	case "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", // TLP 1 white
		"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487":
		return Clear
	case "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da", // TLP 1
		"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb":
		return Green
	case "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", // TLP 1
		"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421":
		return Amber
	case "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
		"marking-definition--826578e1-40ad-459f-bc73-ede076f81f37": // OpenCTI
		return AmberStrict
	case "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed", // TLP 1
		"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1":
		return Red
	}
	return Unmarked
}

// tlpIDSize is the length of every id that tlpOf knows.
const tlpIDSize = len("marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9")

// Markings gives the highest TLP marking that the value of object_marking_refs or
// of granular_markings names; Unmarked where it is empty or names none. raw is one
// JSON value, already known to be valid. Any text in it counts, wherever it
// stands: what is in the wrong form must not pass for unmarked. Ids are compared
// without case, as UUIDs are (RFC 4122 section 3).
func Markings(raw []byte) (highest TLP) {
	for at := 0; at < len(raw); at++ {
		if raw[at] != '"' {
			continue
		}
		end, escaped := endOfString(raw, at+1)
		highest = max(highest, markingIn(raw[at:end], escaped))
		at = end - 1
	}
	return highest
}

// endOfString gives where a JSON string ends, behind its quote, whose text begins
// at a place, and whether it has escapes.
func endOfString(raw []byte, at int) (end int, escaped bool) {
	for ; at < len(raw); at++ {
		switch raw[at] {
		case '"':
			return at + 1, escaped
		case '\\':
			at++
			escaped = true
		}
	}
	return len(raw), escaped
}

// markingIn tells which marking a JSON string names.
func markingIn(quoted []byte, escaped bool) TLP {
	text := quoted
	switch {
	case escaped:
		text, _ = jsontext.AppendUnquote(nil, quoted)
	case len(quoted) >= 2:
		text = quoted[1 : len(quoted)-1]
	}
	if len(text) != tlpIDSize {
		return Unmarked
	}
	if tlp := tlpOf(string(text)); tlp != Unmarked {
		return tlp
	}
	return tlpOf(string(bytes.ToLower(text)))
}

// MarkingOf gives the marking of an object of this type and id, in which the
// highest that is named is this. The definition of a TLP marking is known to
// everybody: unless it is itself marked it is clear.
func MarkingOf(typ, id string, highest TLP) TLP {
	if highest == Unmarked && typ == "marking-definition" && tlpOf(strings.ToLower(id)) != Unmarked {
		return Clear
	}
	return highest
}

// Marking is TLP of the Facts of one object, without the others. What is no object
// is Unmarked.
func Marking(raw []byte) TLP {
	var m members
	if m.scan(raw) != nil {
		return Unmarked
	}
	typ, _ := m.typ.text("type", maxType)
	id, _ := m.id.text("id", maxID)
	return m.tlp(typ, id)
}

func (m *members) tlp(typ, id string) TLP {
	return MarkingOf(typ, id, max(Markings(m.markingRefs.Value), Markings(m.granular.Value)))
}
