package conformance

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

func addChecks() []Check {
	return []Check{
		{ID: "add/accepted", Title: "answers 202 with a Status to an envelope", Rules: []string{"R236", "R021"}, Interop: []string{"3.10.1"}, run: addAccepted},
		{ID: "add/there", Title: "serves what it took, as soon as the Status is complete", Rules: []string{"R198", "R232"}, run: addThere},
		{ID: "add/many", Title: "takes many objects in one envelope, and each of them", Rules: []string{"R200", "R201"}, run: addMany},
		{ID: "add/again", Title: "takes an object that it has as a success", Rules: []string{"R243", "K61"}, run: addAgain},
		{ID: "add/again-once", Title: "keeps an object that is sent twice once", Rules: []string{"R245", "K61"}, run: addAgainOnce},
		{ID: "add/twice-inside", Title: "keeps an object that an envelope holds twice once, and fails neither", Rules: []string{"R243", "R200"}, run: addTwiceInside},
		{ID: "add/new-version", Title: "takes a later version beside the earlier", Rules: []string{"R226", "R279"}, run: addNewVersion},
		{ID: "add/older-version", Title: "takes an earlier version without showing it as the latest", Rules: []string{"R137", "R279"}, run: addOlderVersion},
		{ID: "add/date-rises", Title: "dates what is added later than everything before it", Rules: []string{"R090", "K46"}, run: addDateRises},
		{ID: "add/followed", Title: "shows what is added to one who asks after the last date", Rules: []string{"R103", "K47"}, run: addFollowed},
		{ID: "add/bundle", Title: "takes a STIX bundle for an envelope", Rules: []string{"K60"}, run: addBundle},
		{ID: "add/extra-property", Title: "takes an envelope with a property of its sender's, or answers 422", Rules: []string{"R272", "K60"}, run: addExtra},
		{ID: "add/without-objects", Title: "answers an envelope without objects with a Status or an error, and does not fail", Rules: []string{"R240", "R236"}, run: addEmpty},
		{ID: "add/bare-object", Title: "refuses an object without an envelope", Rules: []string{"R240", "K60"}, run: addBare},
		{ID: "add/no-json", Title: "refuses a body that is no JSON", Rules: []string{"R240"}, run: addNoJSON},
		{ID: "add/cut-json", Title: "refuses a body that ends too early, and keeps nothing of it", Rules: []string{"R240"}, run: addCut},
		{ID: "add/after-json", Title: "refuses a body with something behind the envelope", Rules: []string{"R009", "R240"}, run: addBehind},
		{ID: "add/list", Title: "refuses a JSON list in place of an envelope", Rules: []string{"R240"}, run: addList},
		{ID: "add/no-body", Title: "refuses an Add without a body", Rules: []string{"R240"}, run: addNoBody},
		{ID: "add/objects-no-list", Title: "refuses an envelope whose objects are no list", Rules: []string{"R240"}, run: addNoList},
		{ID: "add/invalid-utf8", Title: "refuses text that is not UTF-8", Rules: []string{"R009", "R240"}, run: addInvalidUTF8},
		{ID: "add/bad-one-among-good", Title: "fails an object that is none alone, or the whole Add, and says so", Rules: []string{"R202", "R240", "K62"}, run: addBadAmongGood},
		{ID: "add/unknown-collection", Title: "answers 404 to an Add to a collection that is not there", Rules: []string{"R237", "K30"}, run: addUnknown},
		{ID: "add/anonymous", Title: "answers 401 to an Add without credentials", Rules: []string{"R237"}, run: addAnonymous},
		{ID: "add/accept", Title: "answers an Add that accepts only another type with 406, and keeps nothing of it, or with 202", Rules: []string{"R237", "R053"}, run: addAccept},
		{ID: "add/content-type", Title: "answers a body that says to be of another type with 415, and keeps nothing of it, or takes it", Rules: []string{"R239", "R054"}, run: addType},
		{ID: "add/too-large", Title: "answers 413 to a body above max_content_length", Rules: []string{"R238", "K64"}, run: addTooLarge},
		{ID: "add/large", Title: "takes an object of a megabyte, where max_content_length allows, and gives it back whole", Rules: []string{"R190", "K64"}, run: addLarge},
		{ID: "add/gzip", Title: "takes a compressed body, or answers 415", Rules: []string{"R239", "K72"}, run: addGzip},
		{ID: "add/kept-connection", Title: "takes one object a request over a kept connection", Rules: []string{"K65"}, run: addKept},
	}
}

// fresh makes an object that nobody has.
func fresh() *object { return newObject("fresh", "indicator") }

// post sends a body to the Collection that is filled.
func (p *probe) post(body []byte, options ...option) *answer {
	return p.do(http.MethodPost, p.objects(), body, options...)
}

// kept wants the server to have exactly these objects under an id, all versions.
func (p *probe) kept(id string, objects ...*object) {
	a := p.get(p.object1(id, "match[version]", "all"))
	if len(objects) == 0 {
		p.want(a.status == http.StatusNotFound, "404: nothing of %s is there", id)
		return
	}
	p.status(a, http.StatusOK)
	var v page
	p.read(a, &v)
	there, others := found(objects, v.Objects)
	p.want(len(there) == len(objects) && others == 0 && len(v.Objects) == len(objects),
		"the %d versions of %s as they were added, each once; %d came", len(objects), id, len(v.Objects))
}

func addAccepted(p *probe) {
	a := p.post(envelope(fresh()))
	p.status(a, http.StatusAccepted)
	p.taxii(a)
	st := p.object(a)
	p.want(st["id"] != nil && st["status"] != nil, "a Status with id and status")
}

func addThere(p *probe) {
	o := fresh()
	p.added(o)
	p.kept(o.id, o)
}

func addMany(p *probe) {
	var list []*object
	for range 50 {
		list = append(list, fresh())
	}
	st := p.added(list...)
	p.want(st.SuccessCount == len(list), "success_count %d", len(list))
	_, v := p.page(p.objects("match[id]", strings.Join(ids(list), ","), "limit", "100"))
	there, _ := found(list, v.Objects)
	p.want(len(there) == len(list) || v.Next != nil, "%d objects under their ids", len(list))
}

func addAgain(p *probe) {
	o := fresh()
	p.added(o)
	st := p.added(o)
	p.want(st.SuccessCount == 1 && st.FailureCount == 0, "success_count 1 and failure_count 0 for an object that is there already")
}

func addAgainOnce(p *probe) {
	o := fresh()
	p.added(o)
	first := p.records(o.id)
	p.added(o)
	p.kept(o.id, o)
	again := p.records(o.id)
	p.want(len(again) == 1 && len(first) == 1 && again[0].DateAdded == first[0].DateAdded, "one record of it, with the date at which it was first added")
}

// records gives the manifest of one object, all versions.
func (p *probe) records(id string) []taxii.ManifestRecord {
	var m taxii.Manifest
	p.read(p.ok(p.manifest("match[id]", id, "match[version]", "all")), &m)
	return m.Objects
}

func addTwiceInside(p *probe) {
	o := fresh()
	st := p.added(o, o)
	p.want(st.TotalCount == 2 && st.FailureCount == 0, "total_count 2 and failure_count 0")
	p.kept(o.id, o)
}

func addNewVersion(p *probe) {
	o := fresh()
	next := o.at(later(1))
	p.added(o)
	p.added(next)
	p.kept(o.id, o, next)
	_, v := p.page(p.object1(o.id))
	there, _ := found([]*object{next}, v.Objects)
	p.want(len(there) == 1 && len(v.Objects) == 1, "the later version alone where no version is asked for")
}

func addOlderVersion(p *probe) {
	o := fresh()
	newer := o.at(later(5))
	p.added(newer)
	p.added(o)
	p.kept(o.id, o, newer)
	_, v := p.page(p.object1(o.id))
	there, _ := found([]*object{newer}, v.Objects)
	p.want(len(there) == 1 && len(v.Objects) == 1, "the version with the latest modified, not the one added last")
}

func addDateRises(p *probe) {
	first, second := fresh(), fresh()
	p.added(first)
	p.added(second)
	p.dated(first)
	p.dated(second)
	p.want(second.added > first.added, "a date_added later than %s for what was added later", first.added)
}

func addFollowed(p *probe) {
	mark, o := fresh(), fresh()
	p.added(mark)
	p.dated(mark)
	p.added(o)
	_, v := p.page(p.objects("added_after", mark.added.String()))
	there, _ := found([]*object{mark, o}, v.Objects)
	p.want(len(there) == 1 && there[0] == o, "the object added after that date, and not the one added at it")
}

func addBundle(p *probe) {
	o := fresh()
	body := fmt.Sprintf(`{"type":"bundle","id":"bundle--%s","objects":[%s]}`, taxii.NewID(), o.raw)
	st := p.settled(p.post([]byte(body)))
	p.want(st.TotalCount == 1 && st.SuccessCount == 1, "a Status with the one object of the bundle as a success")
	p.kept(o.id, o)
}

func addExtra(p *probe) {
	o := fresh()
	a := p.post([]byte(fmt.Sprintf(`{"x_example_com_note":{"a":[1]},"objects":[%s],"more":false}`, o.raw)))
	if a.status == http.StatusUnprocessableEntity {
		p.failure(a, http.StatusUnprocessableEntity)
		return
	}
	p.want(p.settled(a).SuccessCount == 1, "success_count 1, or a 422 for the property")
	p.kept(o.id, o)
}

func addEmpty(p *probe) {
	a := p.post([]byte(`{}`))
	if a.status == http.StatusAccepted {
		p.want(p.settled(a).TotalCount == 0, "total_count 0")
		return
	}
	p.failure(a, http.StatusBadRequest, http.StatusUnprocessableEntity)
}

func (p *probe) unprocessable(body []byte) {
	p.failure(p.post(body), http.StatusBadRequest, http.StatusUnprocessableEntity)
}

func addBare(p *probe) {
	o := fresh()
	p.unprocessable(o.raw)
	p.kept(o.id)
}

func addNoJSON(p *probe) { p.unprocessable([]byte("objects: none")) }

func addCut(p *probe) {
	o := fresh()
	body := envelope(o, fresh())
	p.unprocessable(body[:len(body)-20])
	p.kept(o.id)
}

func addBehind(p *probe) {
	o := fresh()
	p.unprocessable(append(envelope(o), `{"objects":[]}`...))
	p.kept(o.id)
}

func addList(p *probe) { p.unprocessable([]byte("[" + string(fresh().raw) + "]")) }

func addNoBody(p *probe) { p.unprocessable([]byte{}) }

func addNoList(p *probe) { p.unprocessable([]byte(`{"objects":` + string(fresh().raw) + `}`)) }

func addInvalidUTF8(p *probe) {
	o := fresh()
	body := envelope(o.with("name", "marker"))
	a := p.post(bytes.Replace(body, []byte("marker"), []byte("mark\xff\xfe"), 1))
	if a.status == http.StatusAccepted { // the object alone may be refused
		p.want(p.settled(a).FailureCount == 1, "an error, or a Status with the object as a failure")
	} else {
		p.failure(a, http.StatusBadRequest, http.StatusUnprocessableEntity)
	}
	p.kept(o.id)
}

func addBadAmongGood(p *probe) {
	good := fresh()
	a := p.post([]byte(`{"objects":[` + string(good.raw) + `,{"no":"object"}]}`))
	if a.status != http.StatusAccepted {
		p.failure(a, http.StatusUnprocessableEntity)
		p.kept(good.id)
		return
	}
	st := p.settled(a)
	p.want(st.TotalCount == 2 && st.SuccessCount == 1 && st.FailureCount == 1, "one success and one failure in the Status")
	p.kept(good.id, good)
}

func addUnknown(p *probe) {
	p.failure(p.do(http.MethodPost, p.collection(taxii.NewID())+"objects/", envelope(fresh())), http.StatusNotFound)
}

func addAnonymous(p *probe) {
	if _, _, may := p.strangers(); may {
		p.skip("strangers may add here, as the list of Collections tells them")
	}
	o := fresh()
	a := p.post(envelope(o), p.stranger())
	p.status(a, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound)
	p.kept(o.id)
}

func addAccept(p *probe) {
	o := fresh()
	p.refusedOrTaken(o, p.post(envelope(o), header("Accept", "application/xml")), http.StatusNotAcceptable)
}

// refusedOrTaken wants an Add to be refused with this status, or taken; and what it
// says to be true.
func (p *probe) refusedOrTaken(o *object, a *answer, code int) {
	if a.status == http.StatusAccepted {
		p.kept(o.id, o)
		return
	}
	p.status(a, code)
	p.kept(o.id)
}

func addType(p *probe) {
	o := fresh()
	p.refusedOrTaken(o, p.post(envelope(o), header("Content-Type", "text/plain")), http.StatusUnsupportedMediaType)
}

// mostSent bounds what the check of max_content_length sends: a server that
// allows more is not asked to prove it.
const mostSent = 128 << 20

func addTooLarge(p *probe) {
	var root taxii.APIRoot
	p.read(p.ok(p.world().root), &root)
	if root.MaxContentLength > mostSent {
		p.skip("max_content_length is %d octets; the check sends at most %d", root.MaxContentLength, mostSent)
	}
	o := fresh()
	body := envelope(o.with("description", strings.Repeat("a", int(root.MaxContentLength))))
	p.failure(p.post(body), http.StatusRequestEntityTooLarge)
	p.kept(o.id)
}

func addLarge(p *probe) {
	var root taxii.APIRoot
	p.read(p.ok(p.world().root), &root)
	o := fresh()
	room := min(1_000_000, int(root.MaxContentLength)-len(envelope(o))-100)
	p.need(room > 0, "max_content_length leaves room for an object")
	o = o.with("description", strings.Repeat("b", room))
	p.want(p.added(o).SuccessCount == 1, "success_count 1 for a body below max_content_length")
	p.kept(o.id, o)
}

func addGzip(p *probe) {
	o := fresh()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(envelope(o)) // into memory
	_ = z.Close()
	a := p.post(b.Bytes(), header("Content-Encoding", "gzip"))
	if a.status == http.StatusUnsupportedMediaType {
		p.failure(a, http.StatusUnsupportedMediaType)
		return
	}
	p.want(p.settled(a).SuccessCount == 1, "success_count 1")
	p.kept(o.id, o)
}

func addKept(p *probe) {
	var list []*object
	for range 20 {
		o := fresh()
		p.want(p.added(o).SuccessCount == 1, "success_count 1 for each of many single objects")
		list = append(list, o)
	}
	_, v := p.page(p.objects("match[id]", strings.Join(ids(list), ",")))
	there, _ := found(list, v.Objects)
	p.want(len(there) == len(list), "all %d objects", len(list))
}
