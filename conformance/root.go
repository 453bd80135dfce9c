package conformance

import (
	"encoding/json"
	"mime"
	"net/http"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

func rootChecks() []Check {
	each := func(run func(*probe, map[string]any)) func(*probe) {
		return func(p *probe) {
			for _, root := range p.world().roots {
				run(p, p.object(p.ok(root)))
			}
		}
	}
	return []Check{
		{ID: "root/resource", Title: "gives an api-root resource at the address of each API Root", Rules: []string{"R031", "R183", "R022"}, Interop: []string{"3.3.1"},
			run: each(func(p *probe, v map[string]any) {
				for _, name := range []string{"title", "versions", "max_content_length"} {
					p.want(v[name] != nil, "the property %s", name)
				}
			})},
		{ID: "root/title", Title: "gives each API Root a title", Rules: []string{"R185", "K08"},
			run: each(func(p *probe, v map[string]any) { p.text(v, "title", true) })},
		{ID: "root/description", Title: "writes the description of an API Root, if it does, as a text", Rules: []string{"R186"},
			run: each(func(p *probe, v map[string]any) { p.text(v, "description", false) })},
		{ID: "root/versions", Title: "lists the versions of an API Root as TAXII media types with their version", Rules: []string{"R187", "K08"}, run: each(rootVersions)},
		{ID: "root/version21", Title: "lists " + taxii.MediaType + " among the versions of an API Root", Rules: []string{"R188", "K08"}, run: each(rootVersion21)},
		{ID: "root/max-content-length", Title: "gives max_content_length as a whole number above zero", Rules: []string{"R189", "R011"}, run: each(rootLength)},
		{ID: "root/no-null", Title: "leaves out what an API Root does not have", Rules: []string{"R007", "K08"},
			run: each(func(p *probe, v map[string]any) { p.withoutNull("the API Root", v) })},
		{ID: "root/i-json", Title: "writes an API Root as I-JSON: UTF-8, and no name twice", Rules: []string{"R009"},
			run: func(p *probe) { p.iJSON(p.ok(p.world().root)) }},
		{ID: "root/custom-names", Title: "names the properties that it adds to an API Root with a-z, 0-9 and _ alone, 3 to 250 of them", Rules: []string{"R268", "R269"},
			run: each(func(p *probe, v map[string]any) { p.wellNamed(v) })},
		{ID: "root/accept", Title: "answers who accepts only what an API Root does not have in TAXII, or 406", Rules: []string{"R184", "R053"},
			run: func(p *probe) {
				p.orError(p.get(p.world().root, header("Accept", "application/xml")), http.StatusOK, http.StatusNotAcceptable)
			}},
	}
}

func rootVersions(p *probe, v map[string]any) {
	for _, text := range p.texts(v, "versions", true) {
		kind, params, err := mime.ParseMediaType(text)
		p.want(err == nil && (kind == "application/taxii+json" || kind == "application/vnd.oasis.taxii+json") && params["version"] != "",
			"a TAXII media type with its version, not %q", text)
	}
}

func rootVersion21(p *probe, v map[string]any) {
	versions := p.texts(v, "versions", true)
	for _, text := range versions {
		if text == taxii.MediaType {
			return
		}
	}
	p.want(false, "versions with %s among them, not %q", taxii.MediaType, versions)
}

func rootLength(p *probe, v map[string]any) {
	number, ok := v["max_content_length"].(json.Number)
	p.want(ok, "max_content_length as a number, not %v", v["max_content_length"])
	octets, err := number.Int64()
	p.want(err == nil && octets > 0 && octets < 1<<53, "max_content_length as a whole number above 0 and below 2^53, not %s", number)
}

// wellNamed wants names of properties as the standard has them for its own and for
// custom ones.
func (p *probe) wellNamed(v map[string]any) {
	for name := range v {
		p.want((len(name) >= 3 || name == "id") && len(name) <= 250 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == "",
			"names of properties of a-z, 0-9 and _, not %q", name)
	}
}
