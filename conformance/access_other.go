package conformance

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// hiddenChecks are about a Collection that the account may not see: it is as if it
// were not there.
func hiddenChecks() []Check {
	return append(everyPlace("access/hidden", "answers {place} of a Collection that the account may not see as if it were not there", []string{"R163"}, nil,
		func(p *probe, pl place) { p.asUnknown(pl, p.hidden()) }),
		Check{ID: "access/hidden-list", Title: "lists no Collection that the account may not see", Rules: []string{"R075", "R163"}, run: hiddenList},
		Check{ID: "access/hidden-malformed", Title: "answers a malformed query to a Collection that the account may not see as if it were not there", Rules: []string{"R163"},
			run: func(p *probe) { p.malformedAsUnknown(p.hidden()) }})
}

// hidden is the address of the hidden Collection. The caller names it by its id, if
// it is beside the one that is filled, else by its path.
func (p *probe) hidden() string {
	name := p.suite.target.Hidden
	switch {
	case name == "":
		p.skip("no Collection that the account may not see was given")
	case strings.Contains(name, "/"):
		return p.resolve(name)
	}
	return p.collection(name)
}

// asUnknown wants an endpoint of a Collection to answer as for a Collection that is
// not there.
func (p *probe) asUnknown(pl place, address string, options ...option) {
	id, unknown := lastOf(address), taxii.NewID()
	there := p.visit(pl, address, options...)
	p.failure(there, http.StatusNotFound)
	p.alike(there, p.visit(pl, strings.TrimSuffix(address, id+"/")+unknown+"/", options...), id, unknown)
}

// malformedAsUnknown wants a malformed query to be judged where a Collection is not
// there as where it may not be seen: which of the two it was must not show.
func (p *probe) malformedAsUnknown(address string, options ...option) {
	id, unknown := lastOf(address), taxii.NewID()
	there := p.get(address+"objects/?limit=0", options...)
	p.failure(there, http.StatusNotFound, http.StatusBadRequest)
	p.alike(there, p.get(strings.TrimSuffix(address, id+"/")+unknown+"/objects/?limit=0", options...), id, unknown)
}

func hiddenList(p *probe) {
	id := lastOf(p.hidden())
	for _, root := range p.world().roots {
		var list taxii.Collections
		p.read(p.ok(root+"collections/"), &list)
		p.want(!slices.ContainsFunc(list.Collections, func(c taxii.Collection) bool { return c.ID == id || c.Alias == id }), "no Collection %s in the list", id)
	}
}

// otherChecks are about a second account beside the first.
func otherChecks() []Check {
	return slices.Concat([]Check{
		{ID: "access/other-status", Title: "shows nobody the Status of another account's Add", Rules: []string{"R192", "R163"}, run: otherStatus},
		{ID: "access/other-reads", Title: "lets each account read what its own list says, and nothing else", Rules: []string{"R218", "R234"}, run: otherReads},
		{ID: "access/other-adds", Title: "refuses an Add of an account whose list says that it cannot write", Rules: []string{"R219", "R241"}, run: otherAdds},
		{ID: "access/other-deletes", Title: "refuses a deletion of an account whose list says that it cannot write", Rules: []string{"R254"}, run: otherDeletes},
		{ID: "access/other-malformed", Title: "answers a malformed query to a Collection of another account as if it were not there", Rules: []string{"R163"},
			run: func(p *probe) { p.malformedAsUnknown(p.beyond(), p.other()) }},
		{ID: "access/other-shows", Title: "says at a Collection what the list of the same account says", Rules: []string{"R218", "R219"}, run: otherShows},
	}, everyPlace("access/other", "answers {place} of a Collection that is there for another account as if it were not there", []string{"R163"}, nil, otherHidden))
}

// other gives the second account.
func (p *probe) other() option {
	account := p.suite.target.Other
	if account.Name == "" {
		p.skip("no second account was given")
	}
	return as(account)
}

func otherStatus(p *probe) {
	other := p.other()
	st := p.added(p.seed().one("indicator0"))
	a := p.get(p.statusURL(st.ID), other)
	p.denied(a)
	if a.status == http.StatusNotFound {
		unknown := taxii.NewID()
		p.alike(a, p.get(p.statusURL(unknown), other), st.ID, unknown)
	}
}

// otherReads asks for every Collection that either account is shown.
func otherReads(p *probe) {
	other := p.other()
	theirs := p.seen(other)
	all := p.seen()
	p.need(len(all) > 0, "the first account is shown Collections")
	for _, c := range all[:min(len(all), mostCollections)] {
		a := p.get(p.collection(c.ID)+"objects/?limit=1", other)
		if slices.ContainsFunc(theirs, func(t taxii.Collection) bool { return t.ID == c.ID && t.CanRead }) {
			p.status(a, http.StatusOK)
			p.taxii(a)
			continue
		}
		p.denied(a)
	}
}

// theirs gives the Collection that is filled as the second account is shown it.
func (p *probe) theirs() (c taxii.Collection, shown bool) {
	list := p.seen(p.other())
	i := slices.IndexFunc(list, func(c taxii.Collection) bool { return c.ID == p.world().writable.ID })
	if i < 0 {
		return c, false
	}
	return list[i], true
}

// unwritable skips where the second account may write, too.
func (p *probe) unwritable() (shown, readable bool) {
	c, shown := p.theirs()
	if shown && c.CanWrite {
		p.skip("the second account may write to the Collection, too")
	}
	return shown, c.CanRead
}

func otherAdds(p *probe) {
	p.unwritable()
	p.denied(p.visit(placeOf("add"), p.collection(p.world().writable.ID), p.other()))
}

func otherDeletes(p *probe) {
	_, readable := p.unwritable()
	a := p.visit(placeOf("delete"), p.collection(p.world().writable.ID), p.other())
	if readable {
		p.failure(a, http.StatusForbidden)
		return
	}
	p.failure(a, http.StatusNotFound)
}

func otherShows(p *probe) {
	other := p.other()
	list := p.seen(other)
	if len(list) == 0 {
		p.skip("the second account is shown no Collection")
	}
	for _, c := range list[:min(len(list), mostCollections)] {
		p.shows(c, other)
	}
}

// beyond is the address of a Collection that is there for the first account and
// not for the second.
func (p *probe) beyond() string {
	theirs := p.seen(p.other())
	for _, c := range p.world().collections {
		if !slices.ContainsFunc(theirs, func(t taxii.Collection) bool { return t.ID == c.ID }) {
			return p.collection(c.ID)
		}
	}
	p.skip("the second account is shown every Collection that the first is")
	return ""
}

func otherHidden(p *probe, pl place) { p.asUnknown(pl, p.beyond(), p.other()) }
