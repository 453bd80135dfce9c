package conformance

import "strings"

// contentChecks look at single objects: what goes in comes back.
func contentChecks() []Check {
	custom := []string{"3.15.1"}
	list := []Check{
		content("sco", "an object without created and modified", "R278", "ipv4-addr", nil),
		content("marking", "a marking definition, which has no modified", "R278", "marking-definition", nil),
		content("relationship", "a relationship", "R278", "relationship", nil),
		content("custom-type", "an object of a custom type", "R267", "x-hansom-check", nil),
		content("custom-properties", "custom properties of every JSON type", "R267", "indicator", map[string]any{
			"x_example_com_text": "text", "x_example_com_number": 1.5, "x_example_com_true": true, "x_example_com_null": nil,
			"x_example_com_list": []any{1, "a", []any{}}, "x_example_com_object": map[string]any{"a": map[string]any{"b": []any{}}},
		}),
		content("extension", "an extension", "R267", "indicator", map[string]any{"extensions": map[string]any{
			"extension-definition--04b3b7fd-0b8e-4a3f-8f8e-2a4f1c2e7d11": map[string]any{"extension_type": "property-extension", "rank": 5}}}),
		content("unicode", "text beyond the basic plane, and characters that are escaped", "R015", "indicator",
			map[string]any{"name": "\U0001F696 \u0001 \u2028 \\ \" / \u00e9 e\u0301 \U00020000"}),
		content("empty-text", "an empty text and an empty object", "R015", "x-hansom-check", map[string]any{"x_empty": "", "x_none": map[string]any{}}),
		content("long-text", "a text of 100,000 characters", "R015", "indicator", map[string]any{"description": strings.Repeat("tactic ", 15_000)}),
		content("revoked", "a revoked object", "R279", "indicator", map[string]any{"revoked": true}),
		content("markings", "object markings and granular markings", "R267", "indicator", map[string]any{
			"object_marking_refs": []string{"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"},
			"granular_markings":   []any{map[string]any{"lang": "en", "selectors": []string{"name"}}},
		}),
		{ID: "content/stix20", Title: "takes and gives back an object of STIX 2.0", Rules: []string{"R277"}, run: func(p *probe) { p.roundTrip(newObject("old", "campaign").in20()) }},
		{ID: "content/numbers", Title: "gives numbers back with all their digits", Rules: []string{"R011", "K55"}, run: contentNumbers},
		{ID: "content/bytes", Title: "gives an object back as it came, byte for byte", Rules: []string{"K55"}, run: contentBytes},
		{ID: "content/uuid5", Title: "takes an object whose id holds a version 5 UUID", Rules: []string{"R205"}, run: contentUUID5},
	}
	for i := range list {
		if strings.HasPrefix(list[i].ID, "content/custom-") {
			list[i].Interop = custom
		}
	}
	return list
}

// content makes the check that an object of a type, with further properties, comes
// back as it went in.
func content(name, what, rule, kind string, more map[string]any) Check {
	return Check{
		ID: "content/" + name, Title: "takes and gives back " + what, Rules: []string{rule, "K55"},
		run: func(p *probe) {
			o := newObject("content", kind)
			for property, value := range more {
				if value == nil {
					continue // with takes nil for none
				}
				o = o.with(property, value)
			}
			p.roundTrip(o)
		},
	}
}

// roundTrip adds an object and wants it back.
func (p *probe) roundTrip(o *object) {
	st := p.added(o)
	p.want(st.SuccessCount == 1, "success_count 1 for the object")
	p.kept(o.id, o)
}

func contentNumbers(p *probe) {
	o := newObject("numbers", "x-hansom-check")
	text := `,"x_small":1e-7,"x_large":9007199254740991,"x_fraction":0.1,"x_negative":-0.5}`
	o.raw = append(o.raw[:len(o.raw)-1:len(o.raw)-1], text...)
	p.roundTrip(o)
}

func contentBytes(p *probe) {
	o := newObject("bytes", "x-hansom-check")
	text := ` , "x_later" : [ 1.0 , 1E2, "\u00e9\/" ] , "a_first":{ } }`
	o.raw = append(o.raw[:len(o.raw)-1:len(o.raw)-1], text...)
	p.want(p.added(o).SuccessCount == 1, "success_count 1 for the object")
	_, v := p.page(p.object1(o.id))
	p.want(len(v.Objects) == 1 && string(v.Objects[0]) == string(o.raw), "the octets that were sent:\n%s", o.raw)
}

func contentUUID5(p *probe) {
	o := newObject("address", "ipv4-addr")
	before := o.id
	o.id = "ipv4-addr--ff26c055-6336-5bc5-b98d-" + before[len(before)-12:]
	o.raw = []byte(strings.Replace(string(o.raw), before, o.id, 1))
	p.roundTrip(o)
}
