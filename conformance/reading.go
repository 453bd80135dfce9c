package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/taxii"
)

// mostPages bounds a walk: what a check reads fits into far fewer, and a server
// whose pages never end must not hold the run up.
const mostPages = 200

// reading makes a check; rules and rows are words with spaces between them.
func reading(id, title, rules, rows string, run func(*probe)) Check {
	return Check{ID: id, Title: title, Rules: strings.Fields(rules), Interop: strings.Fields(rows), run: run}
}

// view is one of the four endpoints that have pages.
type view struct {
	name  string
	at    func(query ...string) string
	query []string  // asks for every version of own
	own   []*object // what this run has added there
}

// viewNames are those of the four, each with what it gives, for titles.
func viewNames() [][2]string {
	return [][2]string{{"objects", "the objects of a Collection"}, {"manifest", "a manifest"},
		{"object", "one object in its versions"}, {"versions", "the list of an object's versions"}}
}

// view gives one of the four: of the Collection, or of an object that was added in
// three versions.
func (p *probe) view(name string) view {
	s := p.seed()
	all := []string{"match[id]", joined(s.objects), "match[version]", "all", "match[spec_version]", "2.0,2.1"}
	switch name {
	case "objects":
		return view{name, p.objects, all, s.objects}
	case "manifest":
		return view{name, p.manifest, all, s.objects}
	case "object":
		return p.viewOf("malware")
	default:
		return p.listOf("malware")
	}
}

// viewOf gives the endpoint of one object.
func (p *probe) viewOf(name string) view {
	own := p.seed().named(name)
	at := func(query ...string) string { return p.object1(own[0].id, query...) }
	return view{"object", at, []string{"match[version]", "all"}, own}
}

// listOf gives the endpoint of an object's versions.
func (p *probe) listOf(name string) view {
	own := p.seed().named(name)
	at := func(query ...string) string { return p.versions(own[0].id, query...) }
	return view{"versions", at, nil, own}
}

// joined gives the ids of objects as one value of match[id].
func joined(objects []*object) string { return strings.Join(ids(objects), ",") }

// set gives a query with one parameter set anew.
func set(query []string, name, value string) []string {
	return append(without(query, name), name, value)
}

// without gives a query that lacks one parameter.
func without(query []string, name string) (rest []string) {
	for i := 0; i+1 < len(query); i += 2 {
		if query[i] != name {
			rest = append(rest, query[i], query[i+1])
		}
	}
	return rest
}

// listing is a page of any of the four endpoints, read with lenience: single
// checks look at the form.
type listing struct {
	*answer
	body  map[string]jsontext.Value
	items []jsontext.Value // objects, records or versions
	more  bool
	next  string // "" if there is none
}

// list reads a page.
func (p *probe) list(address string, options ...option) *listing {
	l := &listing{answer: p.ok(address, options...)}
	p.read(l.answer, &l.body)
	p.want(l.body != nil, "a JSON object")
	for _, name := range []string{"objects", "versions"} {
		if raw, there := l.body[name]; there {
			p.want(json.Unmarshal(raw, &l.items) == nil, "%s that is a list", name)
		}
	}
	l.more = strings.Trim(string(l.body["more"]), `"`) == "true"
	if raw := string(l.body["next"]); raw != "null" {
		l.next = strings.Trim(raw, `"`)
	}
	return l
}

// date gives one of the two date headers.
func (p *probe) date(l *listing, which string) taxii.Time {
	name := "X-TAXII-Date-Added-" + which
	t, err := taxii.ParseTime(l.header.Get(name))
	p.want(err == nil, "%s with a timestamp, not %q", name, l.header.Get(name))
	return t
}

// onward gives the query of the page after this one, as the standard has it (R145,
// R146): by next where there is one, else by date, and with the same parameters.
func (p *probe) onward(l *listing, query []string) []string {
	if l.next != "" {
		return set(query, "next", l.next)
	}
	return set(query, "added_after", p.date(l, "Last").String())
}

// walk reads all pages of a query.
func (p *probe) walk(v view, query ...string) []*listing {
	return p.walkBy(v, query, func(l *listing) []string { return p.onward(l, query) })
}

// walkBy reads all pages, going on from each as onward says.
func (p *probe) walkBy(v view, query []string, onward func(*listing) []string) (pages []*listing) {
	asked := map[string]bool{}
	for ask := query; ; {
		address := v.at(ask...)
		p.want(!asked[address] && len(pages) < mostPages, "pages that come to an end; these go round, or are more than %d", mostPages)
		asked[address] = true
		l := p.list(address)
		pages = append(pages, l)
		if !l.more {
			return pages
		}
		ask = onward(l)
	}
}

// items gives what stands in pages.
func items(pages []*listing) (list []jsontext.Value) {
	for _, l := range pages {
		list = append(list, l.items...)
	}
	return list
}

// identify tells which object of this run an item stands for; nil for none.
func (v view) identify(item jsontext.Value) *object {
	var stands struct{ ID, Version, Modified, Created string }
	if v.name == "versions" {
		stands.ID = v.own[0].id
		if json.Unmarshal(item, &stands.Version) != nil {
			return nil
		}
	} else if json.Unmarshal(item, &stands) != nil {
		return nil
	}
	version := stands.Version
	if v.name == "objects" || v.name == "object" {
		version = stands.Modified
		if version == "" {
			version = stands.Created
		}
	}
	for _, o := range v.own {
		if o.id == stands.ID && (version == "" || o.version == version || sameTime(o.version, version)) {
			return o
		}
	}
	return nil
}

// ours gives the objects of this run for which items stand, in the order of the
// items, and how many items stand for none.
func (v view) ours(list []jsontext.Value) (own []*object, others int) {
	for _, item := range list {
		if o := v.identify(item); o != nil {
			own = append(own, o)
		} else {
			others++
		}
	}
	return own, others
}

// picks wants that a query gives exactly these, each once, over all its pages.
func (p *probe) picks(v view, want []*object, query ...string) {
	p.exactly(v, p.walk(v, query...), want)
}

// exactly wants that pages hold these, each once, and nothing else.
func (p *probe) exactly(v view, pages []*listing, want []*object) {
	got, others := v.ours(items(pages))
	p.same(got, want)
	p.want(others == 0, "nothing beside what was asked for; %d came that is", others)
}

// same wants that got has each of want once, in any order, and no others.
func (p *probe) same(got, want []*object) {
	for _, o := range want {
		n := 0
		for _, g := range got {
			if g == o {
				n++
			}
		}
		p.want(n > 0, "%v, which is missing", o)
		p.want(n == 1, "%v once, not %d times", o, n)
	}
	for _, o := range got {
		p.want(slices.Contains(want, o), "an answer without %v", o)
	}
}

// String names an object for people.
func (o *object) String() string {
	return fmt.Sprintf("%s of version %s (%s, STIX %s)", o.id, o.version, o.name, o.spec)
}

// selects wants that the objects of this run which pass a query are these.
func (p *probe) selects(want []*object, query ...string) {
	v := p.view("objects")
	p.picks(v, want, p.mine(query)...)
}

// mine confines a query to objects of this run, unless it names ids itself.
func (p *probe) mine(query []string) []string {
	if slices.Contains(query, "match[id]") {
		return query
	}
	return append([]string{"match[id]", joined(p.seed().objects)}, query...)
}

// nothing wants that no version of an object passes a query: an empty page or, the
// standard leaves it open (R251), a 404.
func (p *probe) nothing(v view, query ...string) {
	a := p.get(v.at(query...))
	p.status(a, http.StatusOK, http.StatusNotFound)
	if a.status == http.StatusOK {
		p.want(len(p.list(v.at(query...)).items) == 0, "a page without objects")
	}
}

// badQuery wants a 400 with a TAXII error.
func (p *probe) badQuery(address string) {
	p.failure(p.get(address), http.StatusBadRequest)
}

// cut gives the first page of a view, of so many at most, and wants that there are
// more.
func (p *probe) cut(v view, limit string) *listing {
	l := p.list(v.at(set(v.query, "limit", limit)...))
	p.need(l.more && len(l.items) > 0, "a first page that is not the last: limit is %s and %d were added", limit, len(v.own))
	return l
}

// adds gives the objects of the seed, an element for each Add.
func (s *seed) adds() (list [][]*object) {
	rest := s.objects
	for _, group := range seedObjects() {
		list = append(list, rest[:len(group)])
		rest = rest[len(group):]
	}
	return list
}

// last gives the latest date on which any of the objects was added.
func last(objects []*object) taxii.Time {
	return slices.MaxFunc(objects, byDate).added
}

// byDate compares by when versions were added.
func byDate(a, b *object) int { return int(a.added - b.added) }

// since gives what was added later than t.
func (s *seed) since(t taxii.Time) []*object {
	return s.which(func(o *object) bool { return o.added > t })
}

// split gives a date with objects of this run at and before it, and others after.
func (p *probe) split() (at taxii.Time, after []*object) {
	s := p.seed()
	at = last(s.adds()[1])
	after = s.since(at)
	p.need(len(after) > 0 && len(after) < len(s.objects), "dates that tell one Add from the next")
	return at, after
}
