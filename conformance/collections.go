package conformance

import (
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

func collectionsChecks() []Check {
	each := func(run func(*probe, map[string]any)) func(*probe) {
		return func(p *probe) {
			for _, c := range p.listed() {
				run(p, c)
			}
		}
	}
	return []Check{
		{ID: "collections/list", Title: "lists the Collections of an API Root", Rules: []string{"R033", "R210"}, Interop: []string{"3.4.1"}, run: collectionsList},
		{ID: "collections/sorted", Title: "lists Collections sorted by id", Rules: []string{"R091"}, Interop: []string{"3.4.1"}, run: collectionsSorted},
		{ID: "collections/order", Title: "lists Collections in the same order each time", Rules: []string{"R091"}, run: collectionsOrder},
		{ID: "collections/no-empty-list", Title: "leaves the list out where there are no Collections", Rules: []string{"R212", "R013"}, run: collectionsNoEmptyList},
		{ID: "collections/no-null", Title: "leaves out what a Collection does not have", Rules: []string{"R007", "K08"},
			run: func(p *probe) { p.withoutNull("the list", p.object(p.ok(p.small()))) }},
		{ID: "collections/i-json", Title: "writes a list of Collections as I-JSON: UTF-8, and no name twice", Rules: []string{"R009"},
			run: func(p *probe) { p.iJSON(p.ok(p.small())) }},
		{ID: "collections/id", Title: "gives each Collection a UUID of version 4, in lower case, as its id", Rules: []string{"R214", "R017", "K06"},
			run: each(func(p *probe, c map[string]any) { p.uuid(c) })},
		{ID: "collections/ids-differ", Title: "gives no two Collections one id", Rules: []string{"R214"}, run: collectionsDiffer("id")},
		{ID: "collections/title", Title: "gives each Collection a title", Rules: []string{"R215", "K08"},
			run: each(func(p *probe, c map[string]any) { p.text(c, "title", true) })},
		{ID: "collections/titles-differ", Title: "gives no two Collections of an API Root one title", Rules: []string{"K07"}, run: collectionsDiffer("title")},
		{ID: "collections/description", Title: "writes the description of a Collection, if it does, as a text", Rules: []string{"R216"},
			run: each(func(p *probe, c map[string]any) { p.text(c, "description", false) })},
		{ID: "collections/alias", Title: "writes the alias of a Collection, if it does, as a text that no other has", Rules: []string{"R217"}, run: collectionsAlias},
		{ID: "collections/can-read", Title: "says of each Collection by true or false whether it can be read", Rules: []string{"R218", "R010", "K08"},
			run: each(func(p *probe, c map[string]any) { p.boolean(c, "can_read") })},
		{ID: "collections/can-write", Title: "says of each Collection by true or false whether it can be written", Rules: []string{"R219", "R010", "K08"},
			run: each(func(p *probe, c map[string]any) { p.boolean(c, "can_write") })},
		{ID: "collections/media-types", Title: "lists the media types of a Collection, if it does, at least one", Rules: []string{"R220", "R012"},
			run: each(func(p *probe, c map[string]any) { p.mediaTypes(c) })},
		{ID: "collections/custom-names", Title: "names the properties that it adds to a Collection with a-z, 0-9 and _ alone, 3 to 250 of them", Rules: []string{"R268", "R269"},
			run: each(func(p *probe, c map[string]any) { p.wellNamed(c) })},
		{ID: "collections/accept", Title: "answers who accepts only what a list of Collections does not have in TAXII, or 406", Rules: []string{"R211", "R053"},
			run: func(p *probe) {
				p.orError(p.get(p.small(), header("Accept", "application/xml")), http.StatusOK, http.StatusNotAcceptable)
			}},
	}
}

// listed gives the Collections as they are listed now.
func (p *probe) listed(options ...option) (list []map[string]any) {
	all, there := p.object(p.ok(p.small(), options...))["collections"].([]any)
	p.want(there && len(all) > 0, "collections as a list that is not empty")
	for _, one := range all {
		c, ok := one.(map[string]any)
		p.want(ok, "objects in collections, not %v", one)
		list = append(list, c)
	}
	return list
}

func collectionsList(p *probe) {
	id := p.world().writable.ID
	p.want(slices.ContainsFunc(p.listed(), func(c map[string]any) bool { return c["id"] == id }), "the Collection %s in the list", id)
}

// listedIDs gives the ids in the order of the list.
func (p *probe) listedIDs() (ids []string) {
	for _, c := range p.listed() {
		ids = append(ids, p.text(c, "id", true))
	}
	return ids
}

func collectionsSorted(p *probe) {
	ids := p.listedIDs()
	p.want(slices.IsSorted(ids), "Collections sorted by id, not %q", ids)
}

func collectionsOrder(p *probe) {
	first := p.listedIDs()
	for range 2 {
		again := p.listedIDs()
		p.want(slices.Equal(first, again), "the order of before, %q, not %q", first, again)
	}
}

func collectionsNoEmptyList(p *probe) {
	for _, root := range p.world().roots {
		v := p.object(p.ok(root + "collections/"))
		list, there := v["collections"]
		all, ok := list.([]any)
		p.want(!there || ok && len(all) > 0, "no property collections, or one that is not empty, not %v", list)
	}
}

// uuid4 is the form of version 4. It is never written to.
var uuid4 = regexp.MustCompile(`\A[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\z`)

func (p *probe) uuid(c map[string]any) {
	id := p.text(c, "id", true)
	p.want(uuid4.MatchString(id), "a UUID of version 4 in lower case, not %q", id)
}

func (p *probe) boolean(c map[string]any, name string) {
	_, ok := c[name].(bool)
	p.want(ok, "%s true or false, not %v", name, c[name])
}

// mediaTypes wants what a Collection can hold: with none named it is STIX.
func (p *probe) mediaTypes(c map[string]any) {
	for _, text := range p.texts(c, "media_types", false) {
		kind, _, err := mime.ParseMediaType(text)
		p.want(err == nil && strings.Contains(kind, "/"), "media types, not %q", text)
	}
}

func collectionsDiffer(name string) func(*probe) {
	return func(p *probe) {
		seen := map[string]bool{}
		for _, c := range p.listed() {
			value := p.text(c, name, true)
			p.want(!seen[value], "a %s of its own for each Collection; %q is there twice", name, value)
			seen[value] = true
		}
	}
}

func collectionsAlias(p *probe) {
	seen := map[string]bool{}
	for _, c := range p.listed() {
		if _, there := c["alias"]; !there {
			continue
		}
		alias := p.text(c, "alias", true)
		p.want(!seen[alias], "aliases that differ; %q is there twice", alias)
		seen[alias] = true
	}
	if len(seen) == 0 {
		p.skip("no Collection has an alias")
	}
}

// seen gives the Collections that an account is shown beside the one that is
// filled; none where it is shown no list.
func (p *probe) seen(options ...option) []taxii.Collection {
	a := p.get(p.small(), options...)
	if a.status != http.StatusOK {
		p.failure(a, http.StatusNotFound, http.StatusForbidden)
		return nil
	}
	var list taxii.Collections
	p.read(a, &list)
	return list.Collections
}
