package conformance

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
)

// mostCollections bounds how many Collections one check looks into.
const mostCollections = 8

func collectionChecks() []Check {
	its := func(run func(*probe, map[string]any)) func(*probe) {
		return func(p *probe) { run(p, p.object(p.ok(p.collection(p.world().writable.ID)))) }
	}
	return []Check{
		{ID: "collection/resource", Title: "gives a collection resource at the id of a Collection", Rules: []string{"R034", "R210"}, run: collectionResource},
		{ID: "collection/as-listed", Title: "says of a Collection what the list says of it", Rules: []string{"R034", "R218", "R219"}, run: collectionAsListed},
		{ID: "collection/id", Title: "gives a Collection a UUID of version 4, in lower case, as its id", Rules: []string{"R214", "R017", "K06"},
			run: its(func(p *probe, c map[string]any) { p.uuid(c) })},
		{ID: "collection/title", Title: "gives a Collection a title", Rules: []string{"R215", "K08"},
			run: its(func(p *probe, c map[string]any) { p.text(c, "title", true) })},
		{ID: "collection/texts", Title: "writes description and alias of a Collection, if it does, as texts", Rules: []string{"R216", "R217"},
			run: its(func(p *probe, c map[string]any) { p.text(c, "description", false); p.text(c, "alias", false) })},
		{ID: "collection/rights", Title: "says by true or false whether a Collection can be read and written", Rules: []string{"R218", "R219", "R010", "K08"},
			run: its(func(p *probe, c map[string]any) { p.boolean(c, "can_read"); p.boolean(c, "can_write") })},
		{ID: "collection/media-types", Title: "lists the media types of one Collection, if it does, at least one", Rules: []string{"R220", "R012"},
			run: its(func(p *probe, c map[string]any) { p.mediaTypes(c) })},
		{ID: "collection/no-null", Title: "leaves out what one Collection does not have", Rules: []string{"R007", "K08"},
			run: its(func(p *probe, c map[string]any) { p.withoutNull("the Collection", c) })},
		{ID: "collection/i-json", Title: "writes a Collection as I-JSON: UTF-8, and no name twice", Rules: []string{"R009"},
			run: func(p *probe) { p.iJSON(p.ok(p.collection(p.world().writable.ID))) }},
		{ID: "collection/alias", Title: "finds a Collection by its alias, under its id, or answers 404", Rules: []string{"R042", "K06"}, run: collectionAlias},
		{ID: "collection/accept", Title: "answers who accepts only what a Collection does not have in TAXII, or 406", Rules: []string{"R211", "R053"},
			run: func(p *probe) {
				p.orError(p.get(p.collection(p.world().writable.ID), header("Accept", "application/xml")), http.StatusOK, http.StatusNotAcceptable)
			}},
	}
}

func collectionResource(p *probe) {
	id := p.world().writable.ID
	got := p.object(p.ok(p.collection(id)))["id"]
	p.want(got == id, "the id %s, not %v", id, got)
}

func collectionAsListed(p *probe) {
	list := p.listed()
	for _, listed := range list[:min(len(list), mostCollections)] {
		alone := p.object(p.ok(p.collection(p.text(listed, "id", true))))
		for _, name := range slices.Sorted(maps.Keys(listed)) {
			p.want(reflect.DeepEqual(listed[name], alone[name]), "%s as in the list, %v, not %v", name, listed[name], alone[name])
		}
	}
}

// collectionAlias follows the example of the standard, which shows an alias in the
// place of the id and obliges nobody to take it (R042).
func collectionAlias(p *probe) {
	shown := false
	for _, c := range p.listed() {
		if _, there := c["alias"]; !there {
			continue
		}
		shown = true
		a := p.get(p.collection(p.text(c, "alias", true)))
		if a.status == http.StatusNotFound {
			p.failure(a, http.StatusNotFound)
			continue
		}
		p.status(a, http.StatusOK)
		got := p.object(a)["id"]
		p.want(got == c["id"], "the Collection %v, whose alias it is, not %v", c["id"], got)
	}
	if !shown {
		p.skip("no Collection has an alias")
	}
}
