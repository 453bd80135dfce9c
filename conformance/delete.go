package conformance

import (
	"net/http"

	"github.com/hansom-taxii/hansom/taxii"
)

func deleteChecks() []Check {
	return []Check{
		{ID: "delete/done", Title: "answers 200 with the TAXII media type to the deletion of an object", Rules: []string{"R252"}, Interop: []string{"3.12.1"}, run: deleteDone},
		{ID: "delete/body", Title: "answers a deletion with JSON, or nothing", Rules: []string{"K67", "R252"}, run: deleteBody},
		{ID: "delete/gone", Title: "answers 404 for an object that was deleted", Rules: []string{"R255", "R260"}, run: deleteGone},
		{ID: "delete/gone-objects", Title: "does not show a deleted object among the objects", Rules: []string{"R256"}, run: deleteGoneObjects},
		{ID: "delete/gone-manifest", Title: "does not show a deleted object in the manifest", Rules: []string{"R256"}, run: deleteGoneManifest},
		{ID: "delete/gone-versions", Title: "does not show the versions of a deleted object", Rules: []string{"R256", "R262"}, run: deleteGoneVersions},
		{ID: "delete/others-stay", Title: "deletes no other object", Rules: []string{"R258"}, run: deleteOthersStay},
		{ID: "delete/all-versions", Title: "deletes all versions where none is named", Rules: []string{"R259"}, run: deleteAllVersions},
		{ID: "delete/one-version", Title: "deletes the version that is named, and no other", Rules: []string{"R258", "R098"}, run: deleteOneVersion},
		{ID: "delete/last", Title: "deletes the last version where match[version] says last, and shows the one before", Rules: []string{"R258"}, run: deleteLast},
		{ID: "delete/first", Title: "deletes the first version where match[version] says first", Rules: []string{"R258"}, run: deleteFirst},
		{ID: "delete/spec-version", Title: "deletes only what is of the spec_version that is named", Rules: []string{"R258", "R098"}, run: deleteSpec},
		{ID: "delete/again", Title: "answers 404 to the deletion of what is not there any more", Rules: []string{"R253"}, run: deleteAgain},
		{ID: "delete/unknown", Title: "answers 404 to the deletion of an object that never was", Rules: []string{"R253"}, run: deleteUnknown},
		{ID: "delete/unknown-version", Title: "answers 404 to the deletion of a version that is not there, and deletes nothing", Rules: []string{"R253", "R258"}, run: deleteUnknownVersion},
		{ID: "delete/malformed-version", Title: "answers 400 or 404 to a version that is none, and deletes nothing", Rules: []string{"R253", "R093"}, run: deleteMalformed},
		{ID: "delete/add-again", Title: "takes an object again after it was deleted, with a new date", Rules: []string{"R236", "R228"}, run: deleteAddAgain},
		{ID: "delete/anonymous", Title: "lets nobody without credentials delete", Rules: []string{"R253"}, run: deleteAnonymous},
		{ID: "delete/accept", Title: "answers a deletion that accepts only another type with 406, and deletes nothing, or carries it out", Rules: []string{"R253", "R053"}, run: deleteAccept},
		{ID: "delete/unknown-collection", Title: "answers 404 to a deletion in a collection that is not there", Rules: []string{"R253"}, run: deleteUnknownCollection},
		{ID: "delete/while-paging", Title: "goes on with a walk when objects before and behind its place are deleted", Rules: []string{"K48"}, run: deleteWhilePaging},
	}
}

// remove deletes an object, or the versions that a query names.
func (p *probe) remove(id string, query ...string) *answer {
	return p.do(http.MethodDelete, p.object1(id, query...), nil)
}

// removed is remove where only a 200 will do.
func (p *probe) removed(id string, query ...string) *answer {
	a := p.remove(id, query...)
	p.status(a, http.StatusOK)
	return a
}

// stored adds versions of one object, each in an Add of its own.
func (p *probe) stored(versions ...*object) {
	for _, o := range versions {
		p.need(p.added(o).SuccessCount == 1, "an object that is to be deleted can be added")
	}
}

func deleteDone(p *probe) {
	o := fresh()
	p.stored(o)
	p.taxii(p.removed(o.id))
}

func deleteBody(p *probe) {
	o := fresh()
	p.stored(o)
	if a := p.removed(o.id); len(a.body) > 0 {
		p.object(a)
	}
}

func deleteGone(p *probe) {
	o := fresh()
	p.stored(o)
	p.removed(o.id)
	p.failure(p.get(p.object1(o.id)), http.StatusNotFound)
}

func deleteGoneObjects(p *probe) {
	o, stays := fresh(), fresh()
	p.stored(o, stays)
	p.removed(o.id)
	_, v := p.page(p.objects("match[id]", o.id+","+stays.id))
	there, others := found([]*object{stays}, v.Objects)
	p.want(len(there) == 1 && others == 0, "the object that was not deleted, and it alone")
}

func deleteGoneManifest(p *probe) {
	o, stays := fresh(), fresh()
	p.stored(o, stays)
	p.removed(o.id)
	var m taxii.Manifest
	p.read(p.ok(p.manifest("match[id]", o.id+","+stays.id, "match[version]", "all")), &m)
	p.want(len(m.Objects) == 1 && m.Objects[0].ID == stays.id, "the record of the object that was not deleted, and it alone")
}

func deleteGoneVersions(p *probe) {
	o := fresh()
	p.stored(o)
	p.removed(o.id)
	p.failure(p.get(p.versions(o.id)), http.StatusNotFound)
}

func deleteOthersStay(p *probe) {
	o, stays := fresh(), fresh()
	p.stored(o, stays)
	p.removed(o.id)
	p.kept(stays.id, stays)
}

func deleteAllVersions(p *probe) {
	o := fresh()
	p.stored(o, o.at(later(1)), o.at(later(2)))
	p.removed(o.id)
	p.kept(o.id)
}

// three stores an object in three versions.
func (p *probe) three() (one, two, three *object) {
	one = fresh()
	two, three = one.at(later(1)), one.at(later(2))
	p.stored(one, two, three)
	return one, two, three
}

func deleteOneVersion(p *probe) {
	one, two, three := p.three()
	p.removed(one.id, "match[version]", two.version)
	p.kept(one.id, one, three)
}

func deleteLast(p *probe) {
	one, two, _ := p.three()
	p.removed(one.id, "match[version]", "last")
	p.kept(one.id, one, two)
	_, v := p.page(p.object1(one.id))
	there, _ := found([]*object{two}, v.Objects)
	p.want(len(there) == 1 && len(v.Objects) == 1, "the version before it as the latest")
}

func deleteFirst(p *probe) {
	one, two, three := p.three()
	p.removed(one.id, "match[version]", "first")
	p.kept(one.id, two, three)
}

func deleteSpec(p *probe) {
	old := newObject("both", "tool").in20()
	newer := old.at(later(1))
	p.stored(old, newer)
	p.removed(old.id, "match[spec_version]", "2.0")
	_, v := p.page(p.object1(old.id, "match[version]", "all", "match[spec_version]", "2.0,2.1"))
	there, others := found([]*object{newer}, v.Objects)
	p.want(len(there) == 1 && others == 0, "what is of STIX 2.1, and it alone")
}

func deleteAgain(p *probe) {
	o := fresh()
	p.stored(o)
	p.removed(o.id)
	p.failure(p.remove(o.id), http.StatusNotFound)
}

func deleteUnknown(p *probe) { p.failure(p.remove(fresh().id), http.StatusNotFound) }

func deleteUnknownVersion(p *probe) {
	o := fresh()
	p.stored(o)
	p.failure(p.remove(o.id, "match[version]", later(9)), http.StatusNotFound)
	p.kept(o.id, o)
}

func deleteMalformed(p *probe) {
	o := fresh()
	p.stored(o)
	p.failure(p.remove(o.id, "match[version]", "latest"), http.StatusBadRequest, http.StatusNotFound)
	p.kept(o.id, o)
}

func deleteAddAgain(p *probe) {
	o := fresh()
	p.stored(o)
	p.dated(o)
	before := o.added
	p.removed(o.id)
	p.want(p.added(o).SuccessCount == 1, "success_count 1")
	p.kept(o.id, o)
	p.dated(o)
	p.want(o.added > before, "a date_added after %s, when it was first added", before)
}

func deleteAnonymous(p *probe) {
	if _, _, may := p.strangers(); may {
		p.skip("strangers may delete here, as the list of Collections tells them")
	}
	o := fresh()
	p.stored(o)
	a := p.do(http.MethodDelete, p.object1(o.id), nil, p.stranger())
	p.status(a, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound)
	p.kept(o.id, o)
}

func deleteAccept(p *probe) {
	o := fresh()
	p.stored(o)
	a := p.do(http.MethodDelete, p.object1(o.id), nil, header("Accept", "application/xml"))
	p.status(a, http.StatusNotAcceptable, http.StatusOK)
	if a.status == http.StatusOK {
		p.kept(o.id)
	} else {
		p.kept(o.id, o)
	}
}

func deleteUnknownCollection(p *probe) {
	address := p.collection(taxii.NewID()) + "objects/" + fresh().id + "/"
	p.failure(p.do(http.MethodDelete, address, nil), http.StatusNotFound)
}

func deleteWhilePaging(p *probe) {
	mark := fresh()
	p.stored(mark)
	p.dated(mark)
	var list []*object
	for range 6 {
		o := fresh()
		p.stored(o)
		list = append(list, o)
	}
	_, first := p.page(p.objects("added_after", mark.added.String(), "limit", "2"))
	p.need(first.Next != nil, "there is a second page")
	p.removed(list[0].id)
	p.removed(list[4].id)
	var rest []*object
	next := first.Next
	for pages := 0; next != nil; pages++ {
		p.want(pages < 20, "a walk that ends")
		_, v := p.page(p.objects("added_after", mark.added.String(), "limit", "2", "next", *next))
		there, _ := found(list, v.Objects)
		rest, next = append(rest, there...), v.Next
	}
	p.want(len(rest) == 3 && rest[0] == list[2] && rest[1] == list[3] && rest[2] == list[5], "the third, fourth and sixth object after the first page: what was left, each once")
}
