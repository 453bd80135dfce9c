package conformance

import (
	"net/http"
	"slices"
	"strings"
)

// further is a match field of the interoperability document that a server may
// ignore (R118). Where it applies one, it does so rightly.
type further struct {
	name, field, row string
	title            string
	value, absent    string // what some of the seed have; what none has
	fits             func(*object) bool
}

func optionalChecks() (list []Check) {
	kind := func(k string) func(*object) bool { return func(o *object) bool { return o.kind == k } }
	for _, f := range []further{
		{"confidence", "confidence", "3.13.2.1", "the objects of a confidence", "85", "3", kind("indicator")},
		{"relationship-type", "relationship_type", "3.13.2.1", "the relationships of a type", "indicates", "none-such", kind("relationship")},
		{"labels", "labels", "3.13.2.2", "the objects that have a label among others", "conformance", "none-such", kind("indicator")},
		{"sectors", "sectors", "3.13.2.2", "the identities of a sector", "non-profit", "none-such", kind("identity")},
		{"hashes", "MD5", "3.13.2.3", "the files of a hash", "d41d8cd98f00b204e9800998ecf8427e", "00000000000000000000000000000000", kind("file")},
		{"confidence-gte", "confidence-gte", "3.13.2.5", "the objects of at least a confidence", "80", "99", kind("indicator")},
		{"confidence-lte", "confidence-lte", "3.13.2.5", "the objects of at most a confidence", "90", "3", kind("indicator")},
		{"modified-gte", "modified-gte", "3.13.2.5", "the objects that were modified at or after a time", later(2), "2199-01-01T00:00:00.000Z", kind("malware")},
	} {
		list = append(list, Check{
			ID: "optional/" + f.name, Title: "gives " + f.title + ", where it knows match[" + f.field + "]", Rules: []string{"R118", "R004"}, Interop: []string{f.row},
			run: func(p *probe) { p.further(f) },
		})
	}
	return append(list, Check{
		ID: "optional/relationships-all", Title: "gives the relationships of what matches, too, where it knows match[relationships-all]", Rules: []string{"R118", "R004"},
		Interop: []string{"3.13.2.4"}, run: optionalRelationships,
	})
}

// few gives so few of the seed that any server shows them in one page.
func (p *probe) few() (list []*object) {
	s := p.seed()
	for _, name := range []string{"indicator0", "malware", "identity", "file", "relationship"} {
		list = append(list, s.one(name))
	}
	return list
}

func (p *probe) further(f further) {
	all := p.few()
	p.need(p.matching(all, all), "the objects of which some should match are shown in one page")
	none, known := p.asking(all, f.field, f.absent)
	if !known || len(none) == len(all) {
		p.skip("the server does not offer match[%s]", f.field)
	}
	p.want(len(none) == 0, "nothing where match[%s] is %s", f.field, f.absent)
	want := slices.DeleteFunc(slices.Clone(all), func(o *object) bool { return !f.fits(o) })
	p.want(p.matching(all, want, "match["+f.field+"]", f.value), "%d objects where match[%s] is %s, and no others", len(want), f.field, f.value)
}

// matching tells whether these, and no others, are shown of some.
func (p *probe) matching(all, want []*object, query ...string) bool {
	_, v := p.page(p.objects(append([]string{"match[id]", strings.Join(ids(all), ",")}, query...)...))
	there, others := found(want, v.Objects)
	return len(there) == len(want) && others == 0
}

// asking asks with a further field; a server that does not know it may say so.
func (p *probe) asking(all []*object, field, value string) (there []*object, known bool) {
	a := p.get(p.objects("match[id]", strings.Join(ids(all), ","), "match["+field+"]", value))
	if a.status == http.StatusBadRequest {
		return nil, false
	}
	p.status(a, http.StatusOK)
	p.taxii(a)
	var v page
	p.read(a, &v)
	there, _ = found(all, v.Objects)
	return there, true
}

func optionalRelationships(p *probe) {
	from, to := newObject("from", "indicator"), newObject("to", "malware")
	relation := newObject("relation", "relationship").with("source_ref", from.id).with("target_ref", to.id)
	p.need(p.added(from, to, relation).SuccessCount == 3, "two objects and their relationship can be added")
	_, v := p.page(p.objects("match[id]", from.id))
	there, others := found([]*object{from}, v.Objects)
	p.need(len(there) == 1 && others == 0, "one object by its id")
	a := p.get(p.objects("match[id]", from.id, "match[relationships-all]", "true"))
	if a.status == http.StatusBadRequest {
		p.skip("the server does not offer match[relationships-all]")
	}
	p.status(a, http.StatusOK)
	p.taxii(a)
	v = page{}
	p.read(a, &v)
	there, others = found([]*object{from, relation}, v.Objects)
	if len(there) == 1 && there[0] == from && others == 0 {
		p.skip("the server does not offer match[relationships-all]")
	}
	p.want(len(there) == 2 && others == 0, "the object and its relationship, and no others")
}
