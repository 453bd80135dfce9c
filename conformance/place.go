package conformance

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/taxii"
)

// place is an endpoint of a Collection.
type place struct {
	name   string
	method string
	path   string // below the Collection; {object} stands for the id of an object
	rule   string // that lists its failures
}

// places gives the endpoints of a Collection.
func places() []place {
	return []place{
		{"collection", http.MethodGet, "", "R211"},
		{"manifest", http.MethodGet, "manifest/", "R222"},
		{"objects", http.MethodGet, "objects/", "R233"},
		{"object", http.MethodGet, "objects/{object}/", "R248"},
		{"versions", http.MethodGet, "objects/{object}/versions/", "R262"},
		{"add", http.MethodPost, "objects/", "R237"},
		{"delete", http.MethodDelete, "objects/{object}/", "R253"},
	}
}

// everyPlace makes a check for each endpoint of a Collection.
func everyPlace(id, title string, rules, interop []string, run func(*probe, place)) (list []Check) {
	for _, pl := range places() {
		list = append(list, Check{
			ID: id + "-" + pl.name, Title: strings.ReplaceAll(title, "{place}", pl.what()), Rules: append([]string{pl.rule}, rules...), Interop: interop,
			run: func(p *probe) { run(p, pl) },
		})
	}
	return list
}

// what names an endpoint in a title.
func (pl place) what() string {
	switch pl.name {
	case "collection":
		return "a Collection"
	case "manifest":
		return "a manifest"
	case "object":
		return "one object"
	case "versions":
		return "the versions of an object"
	case "add":
		return "an Add"
	case "delete":
		return "a deletion"
	}
	return "objects"
}

// never is a version that no object has: a deletion that a server grants by
// mistake deletes nothing.
const never = "1970-01-01T00:00:00.000Z"

// visit asks an endpoint of the Collection at an address, which ends in a slash.
// What it adds is in the seed already, and what it deletes is not there.
func (p *probe) visit(pl place, collection string, options ...option) *answer {
	o := p.seed().one("indicator0")
	return p.visitFor(o.id, pl, collection, options...)
}

// visitFor is visit for the object of an id.
func (p *probe) visitFor(object string, pl place, collection string, options ...option) *answer {
	address := collection + strings.ReplaceAll(pl.path, "{object}", url.PathEscape(object))
	var body []byte
	switch pl.method {
	case http.MethodPost:
		body = envelope(p.seed().one("indicator0"))
	case http.MethodDelete:
		address += asked([]string{"match[version]", never})
	}
	return p.do(pl.method, address, body, options...)
}

// unknown is the address of a Collection that is not there.
func (p *probe) unknown() string { return p.collection(taxii.NewID()) }

// text wants a property of a resource to be a text, if it is there or must be.
func (p *probe) text(v map[string]any, name string, required bool) string {
	value, there := v[name]
	if !there && !required {
		return ""
	}
	text, ok := value.(string)
	p.want(ok, "%s as a text, not %v", name, value)
	p.want(!required || text != "", "%s that is not empty", name)
	return text
}

// texts wants a property to be a list of texts, not empty, if it is there or must
// be (R012, R013).
func (p *probe) texts(v map[string]any, name string, required bool) (texts []string) {
	value, there := v[name]
	if !there && !required {
		return nil
	}
	list, ok := value.([]any)
	p.want(ok && len(list) > 0, "%s as a list that is not empty, not %v", name, value)
	for _, one := range list {
		text, ok := one.(string)
		p.want(ok && text != "", "texts in %s, not %v", name, one)
		texts = append(texts, text)
	}
	return texts
}

// withoutNull wants no null anywhere in a resource: clients take it for a
// property that is missing, or fail on it (K08).
func (p *probe) withoutNull(name string, v any) {
	p.want(v != nil, "no null, as %s has", name)
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			p.withoutNull(key, value)
		}
	case []any:
		for _, value := range v {
			p.withoutNull(name, value)
		}
	}
}

// iJSON wants a resource to be I-JSON: UTF-8, and no name twice in an object
// (R009).
func (p *probe) iJSON(a *answer) {
	text, err := a.unzipped()
	p.want(err == nil && jsontext.Value(text).IsValid(), "one JSON value in UTF-8, without a name that stands twice in an object")
}
