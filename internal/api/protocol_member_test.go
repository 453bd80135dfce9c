package api_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// standard holds the members of every TAXII resource as the tables of the
// standard have them (sections 3.6.1, 3.7, 4.1.1 to 5.8.1), each with the type
// of its value. What follows a type is the resource of which it is a list.
func standard() map[string]map[string]string {
	return map[string]map[string]string{
		"discovery":       {"title": "string", "description": "string", "contact": "string", "default": "string", "api_roots": "list of string"},
		"api-root":        {"title": "string", "description": "string", "versions": "list of string", "max_content_length": "integer"},
		"collections":     {"collections": "list of collection"},
		"collection":      {"id": "string", "title": "string", "description": "string", "alias": "string", "can_read": "boolean", "can_write": "boolean", "media_types": "list of string"},
		"manifest":        {"more": "boolean", "objects": "list of manifest-record"},
		"manifest-record": {"id": "string", "date_added": "string", "version": "string", "media_type": "string"},
		"envelope":        {"more": "boolean", "next": "string", "objects": "list of object"},
		"versions":        {"more": "boolean", "versions": "list of string"},
		"status": {"id": "string", "status": "string", "request_timestamp": "string", "total_count": "integer", "success_count": "integer",
			"successes": "list of status-details", "failure_count": "integer", "failures": "list of status-details", "pending_count": "integer",
			"pendings": "list of status-details"},
		"status-details": {"id": "string", "version": "string", "message": "string"},
		"error": {"title": "string", "description": "string", "error_id": "string", "error_code": "string", "http_status": "string",
			"external_details": "string", "details": "dictionary"},
	}
}

// own are the members that we add, of the type that the standard gives that name
// elsewhere: no resource has one for how a client of it pages on (K45).
func own() map[string]string {
	return map[string]string{"manifest next": "string", "versions next": "string"}
}

// members is what the resources of many answers have.
type members struct {
	seen   map[string]bool // "resource member"
	custom map[string]bool // the same, of those that are not the standard's
}

// take looks at a value as a resource of that kind.
func (m *members) take(t *testing.T, kind string, value any) {
	t.Helper()
	resource, ok := value.(map[string]any)
	if !ok {
		t.Errorf("a resource %s is %v", kind, value)
	}
	for name, value := range resource {
		if name != "id" && !regexp.MustCompile(`\A[a-z0-9_]{3,250}\z`).MatchString(name) {
			t.Errorf("%s has a member %q", kind, name)
		}
		want := standard()[kind][name]
		if want == "" {
			m.custom[kind+" "+name] = true
			want = own()[kind+" "+name]
		}
		m.seen[kind+" "+name] = true
		m.typed(t, kind+" "+name, want, value)
	}
}

// typed holds the value of a member against its type.
func (m *members) typed(t *testing.T, what, want string, value any) {
	t.Helper()
	ok := false
	switch value := value.(type) {
	case string:
		ok = want == "string"
	case bool:
		ok = want == "boolean"
	case json.Number:
		ok = want == "integer" && !strings.ContainsAny(value.String(), ".eE")
	case map[string]any:
		ok = want == "dictionary"
	case []any:
		of, list := strings.CutPrefix(want, "list of ")
		ok = list && len(value) > 0
		for _, item := range value {
			switch _, resource := standard()[of]; {
			case resource:
				m.take(t, of, item)
			case of == "string":
				m.typed(t, what, of, item)
			}
		}
	}
	if !ok {
		t.Errorf("%s is %v, wanted a %s", what, value, want)
	}
}

func TestTheMembersOfOurResourcesAreTheStandardsAndNextInTwoMore(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R267", "R268", "R269", "R271", "K57")
	m := &members{map[string]bool{}, map[string]bool{}}
	read := func(kind string, status int, a trial.Answer) {
		t.Helper()
		good(t, a, status)
		d := json.NewDecoder(strings.NewReader(string(a.Body)))
		d.UseNumber()
		var value any
		if err := d.Decode(&value); err != nil {
			t.Fatalf("%v in %s", err, a.Body)
		}
		m.take(t, kind, value)
	}
	w := withContent()
	for _, account := range []string{"admin", "member"} {
		a, c := w.as(t, account), w.Collection(t, "indicators")
		one := c + "/objects/" + indicator + "/"
		read("discovery", 200, a.get(t, "/taxii2/"))
		read("api-root", 200, a.get(t, "/trust/"))
		read("collections", 200, a.get(t, "/trust/collections/"))
		read("collection", 200, a.get(t, c+"/"))
		for _, query := range []string{"", "?limit=1", "?match[version]=all&limit=1", "?match[spec_version]=7"} {
			read("manifest", 200, a.get(t, c+"/manifest/"+query))
			read("envelope", 200, a.get(t, c+"/objects/"+query))
			read("envelope", 200, a.get(t, one+query))
			read("versions", 200, a.get(t, one+"versions/"+query))
		}
	}
	m.writing(t, read)
	for want := range own() {
		if !m.custom[want] {
			t.Errorf("%s was never sent", want)
		}
		delete(m.custom, want)
	}
	for other := range m.custom {
		t.Errorf("%s is not of the standard", other)
	}
	m.complete(t)
}

// writing looks at Statuses and errors.
func (m *members) writing(t *testing.T, read func(kind string, status int, a trial.Answer)) {
	t.Helper()
	w := writable()
	member, c := w.as(t, "member"), w.collection(t, exchange.CollectionSetting{Description: "One that is described.", Alias: "m-" + taxii.NewID()[:8]})
	read("collection", 200, member.get(t, c+"/"))
	first := member.post(t, c, envelopeOf(observable(1), `{"bad":1}`, observable(1)))
	read("status", http.StatusAccepted, first)
	read("status", 200, member.get(t, "/trust/status/"+status(t, first, http.StatusAccepted).ID+"/"))
	for path, code := range map[string]int{"/nowhere/": 404, c + "/objects/?limit=0": 400, c + "/objects/?next=x": 400} {
		read("error", code, member.get(t, path))
	}
	read("error", http.StatusUnauthorized, w.as(t, "").get(t, "/trust/"))
	read("error", http.StatusForbidden, w.as(t, "reader").post(t, c, envelopeOf(observable(2))))
	read("error", http.StatusMethodNotAllowed, member.ask(t, "PUT", c+"/", ""))
	read("error", http.StatusNotAcceptable, member.get(t, c+"/", "Accept: text/html"))
	read("error", http.StatusUnsupportedMediaType, member.post(t, c, envelopeOf(observable(2)), "Content-Type: text/html"))
	read("error", http.StatusUnprocessableEntity, member.post(t, c, `{}`))
	read("error", http.StatusRequestEntityTooLarge, member.post(t, c, strings.Repeat(" ", 11<<20)))
}

// complete tells whether all was looked at: what the standard has and was not
// seen is what we do not send, or only where an operator has set it.
func (m *members) complete(t *testing.T) {
	t.Helper()
	never := map[string]bool{ // optional, each
		"discovery description": true, "discovery contact": true, "status pendings": true, "error error_id": true, "error error_code": true, "error external_details": true,
	}
	for kind, names := range standard() {
		for name := range names {
			if what := kind + " " + name; !m.seen[what] && !never[what] {
				t.Errorf("%s was never seen", what)
			}
		}
	}
}
