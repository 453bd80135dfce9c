package conformance

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

func accessChecks() []Check {
	return slices.Concat(kindsOfAccess(), hiddenChecks(), otherChecks())
}

// kindsOfAccess are about what the list says that the account may do.
func kindsOfAccess() []Check {
	return []Check{
		{ID: "access/read-write", Title: "lets who can read and write a Collection do both", Rules: []string{"R218", "R219"}, Interop: []string{"3.5.1.2"}, run: accessBoth},
		{ID: "access/can-read", Title: "lets an account read every Collection that it says can be read", Rules: []string{"R218", "R234"}, run: accessCanRead},
		{ID: "access/cannot-read", Title: "lets an account read no Collection that it says cannot be read", Rules: []string{"R218", "R234"}, run: accessCannotRead},
		{ID: "access/write-only", Title: "shows a Collection that can only be written", Rules: []string{"R218", "R219", "K66"}, Interop: []string{"3.5.1.1"},
			run: func(p *probe) { p.shows(p.writeOnly()) }},
		{ID: "access/write-only-objects", Title: "refuses the objects of a Collection that can only be written", Rules: []string{"R234"}, Interop: []string{"3.5.2.1"},
			run: func(p *probe) { p.closedTo("objects", p.writeOnly()) }},
		{ID: "access/write-only-manifest", Title: "refuses the manifest of a Collection that can only be written", Rules: []string{"R223"}, Interop: []string{"3.5.2.1"},
			run: func(p *probe) { p.closedTo("manifest", p.writeOnly()) }},
		{ID: "access/write-only-object", Title: "refuses an object of a Collection that can only be written", Rules: []string{"R249"}, Interop: []string{"3.5.2.1"},
			run: func(p *probe) { p.closedTo("object", p.writeOnly()) }},
		{ID: "access/write-only-versions", Title: "refuses the versions of an object of a Collection that can only be written", Rules: []string{"R263"}, Interop: []string{"3.5.2.1"},
			run: func(p *probe) { p.closedTo("versions", p.writeOnly()) }},
		{ID: "access/write-only-delete", Title: "answers 403 to a deletion in a Collection that can only be written", Rules: []string{"R254"}, Interop: []string{"3.5.2.3"},
			run: func(p *probe) {
				p.failure(p.visit(placeOf("delete"), p.collection(p.writeOnly().ID)), http.StatusForbidden)
			}},
		{ID: "access/read-only", Title: "shows a Collection that can only be read, and its objects", Rules: []string{"R218", "R219"}, Interop: []string{"3.5.1.3"}, run: accessReadOnly},
		{ID: "access/read-only-add", Title: "refuses an Add to a Collection that can only be read", Rules: []string{"R241"}, Interop: []string{"3.5.2.2"},
			run: func(p *probe) { p.closedTo("add", p.readOnly()) }},
		{ID: "access/read-only-delete", Title: "answers 403 to a deletion in a Collection that can only be read", Rules: []string{"R254"}, Interop: []string{"3.5.2.3"}, run: accessReadOnlyDelete},
		{ID: "access/neither", Title: "shows that a Collection can neither be read nor written, or does not show it", Rules: []string{"R218", "R219", "R211"}, Interop: []string{"3.5.1.4"}, run: accessNeither},
		{ID: "access/neither-objects", Title: "refuses the objects of a Collection that can neither be read nor written", Rules: []string{"R234"},
			run: func(p *probe) { p.denied(p.visit(placeOf("objects"), p.neither())) }},
		{ID: "access/neither-add", Title: "refuses an Add to a Collection that can neither be read nor written", Rules: []string{"R241"},
			run: func(p *probe) { p.denied(p.visit(placeOf("add"), p.neither())) }},
		{ID: "access/neither-delete", Title: "answers 404 to a deletion in a Collection that can neither be read nor written", Rules: []string{"R254"}, Interop: []string{"3.5.2.4"},
			run: func(p *probe) { p.failure(p.visit(placeOf("delete"), p.neither()), http.StatusNotFound) }},
	}
}

func placeOf(name string) place {
	list := places()
	return list[slices.IndexFunc(list, func(pl place) bool { return pl.name == name })]
}

// with finds a Collection that is listed with these rights.
func (p *probe) with(read, write bool) (c taxii.Collection, ok bool) {
	list := p.world().collections
	i := slices.IndexFunc(list, func(c taxii.Collection) bool { return c.CanRead == read && c.CanWrite == write })
	if i < 0 {
		return c, false
	}
	return list[i], true
}

func (p *probe) writeOnly() taxii.Collection {
	c, ok := p.with(false, true)
	if !ok {
		p.skip("the account is shown no Collection that can only be written")
	}
	return c
}

func (p *probe) readOnly() taxii.Collection {
	c, ok := p.with(true, false)
	if !ok {
		p.skip("the account is shown no Collection that can only be read")
	}
	return c
}

// neither is the address of a Collection that the account can neither read nor
// write: one that is listed so, else the hidden one.
func (p *probe) neither() string {
	if c, ok := p.with(false, false); ok {
		return p.collection(c.ID)
	}
	return p.hidden()
}

// denied wants what the standard has for who may not: 403, or 404.
func (p *probe) denied(a *answer) { p.failure(a, http.StatusForbidden, http.StatusNotFound) }

// closedTo wants an endpoint of a Collection to be refused.
func (p *probe) closedTo(name string, c taxii.Collection) {
	p.denied(p.visit(placeOf(name), p.collection(c.ID)))
}

// shows wants a Collection to say at its own address what the list says.
func (p *probe) shows(listed taxii.Collection, options ...option) {
	var c taxii.Collection
	p.read(p.ok(p.collection(listed.ID), options...), &c)
	p.want(c.ID == listed.ID && c.CanRead == listed.CanRead && c.CanWrite == listed.CanWrite,
		"the Collection %s with can_read %t and can_write %t, as it is listed", listed.ID, listed.CanRead, listed.CanWrite)
}

func accessBoth(p *probe) {
	o := p.seed().one("indicator0")
	p.shows(p.world().writable)
	p.want(p.added(o).SuccessCount == 1, "success_count 1")
	_, v := p.page(p.object1(o.id))
	there, _ := found([]*object{o}, v.Objects)
	p.want(len(there) == 1, "the object that was added")
}

// accessCanRead looks into what is listed now, as it is listed now.
func accessCanRead(p *probe) {
	for _, c := range p.upTo(mostCollections, func(c taxii.Collection) bool { return c.CanRead }) {
		p.ok(p.collection(c.ID) + "objects/?limit=1")
		p.ok(p.collection(c.ID) + "manifest/?limit=1")
	}
}

func accessCannotRead(p *probe) {
	list := p.upTo(mostCollections, func(c taxii.Collection) bool { return !c.CanRead })
	if len(list) == 0 {
		p.skip("the account is shown no Collection that it cannot read")
	}
	for _, c := range list {
		p.denied(p.get(p.collection(c.ID) + "objects/?limit=1"))
		p.denied(p.get(p.collection(c.ID) + "manifest/?limit=1"))
	}
}

// upTo gives the first n Collections of the list that pass.
func (p *probe) upTo(n int, pass func(taxii.Collection) bool) (list []taxii.Collection) {
	all := p.seen()
	p.need(len(all) > 0, "the account is shown Collections")
	for _, c := range all {
		if pass(c) && len(list) < n {
			list = append(list, c)
		}
	}
	return list
}

func accessReadOnly(p *probe) {
	c := p.readOnly()
	p.shows(c)
	_, v := p.page(p.collection(c.ID) + "objects/?limit=1")
	p.want(len(v.Objects) <= 1, "at most one object")
}

// accessReadOnlyDelete asks for an object that is there, if there is one, and for
// a version of it that is not: whoever lets that pass deletes nothing.
func accessReadOnlyDelete(p *probe) {
	address := p.collection(p.readOnly().ID)
	var m taxii.Manifest
	p.read(p.ok(address+"manifest/?limit=1"), &m)
	id := p.seed().one("indicator0").id
	if len(m.Objects) > 0 {
		id = m.Objects[0].ID
	}
	p.failure(p.visitFor(id, placeOf("delete"), address), http.StatusForbidden)
}

func accessNeither(p *probe) {
	if c, ok := p.with(false, false); ok {
		p.shows(c)
		return
	}
	address := p.hidden()
	p.failure(p.get(address), http.StatusNotFound)
	id := lastOf(address)
	p.want(!slices.ContainsFunc(p.seen(), func(c taxii.Collection) bool { return c.ID == id }), "no Collection %s in the list", id)
}

// lastOf gives the last segment of an address that ends in a slash.
func lastOf(address string) string {
	address = strings.TrimSuffix(address, "/")
	return address[strings.LastIndexByte(address, '/')+1:]
}
