package conformance

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

func objectChecks() []Check {
	return slices.Concat(objectFormChecks(), objectFilterChecks(), objectRefusalChecks())
}

func objectFormChecks() []Check {
	same := func(name, what, rules, rows string) Check {
		return reading("object/same-"+name, "gives "+what+" by its id as it was added", rules, rows, func(p *probe) {
			o := p.seed().one(name)
			l := p.list(p.object1(o.id))
			p.want(len(l.items) == 1 && sameContent(l.items[0], o.raw), "the object that was added: %s", o.raw)
		})
	}
	return []Check{
		reading("object/envelope", "answers an id with an envelope that holds the object alone", "R038 R164 R247", "3.8.1", func(p *probe) {
			v := p.viewOf("identity")
			p.picks(v, v.own)
		}),
		reading("object/raw", "gives one object in an envelope, not bare and not in a bundle", "R164 K54", "", func(p *probe) {
			l := p.list(p.object1(p.seed().one("identity").id))
			_, bare := l.body["type"]
			p.want(!bare, "an envelope")
			for _, o := range p.stix(l.items) {
				p.want(o.Type == "identity", "the identity")
			}
			p.want(len(l.items) == 1, "one object")
		}),
		reading("object/more", "does not say that there is more of one object", "R142 R143", "", func(p *probe) {
			l := p.list(p.object1(p.seed().one("identity").id))
			p.want(len(l.items) == 1 && !l.more, "the object, and more false or absent")
		}),
		reading("object/latest", "gives the latest version alone unless more are asked for", "R126 R247", "3.8.1", func(p *probe) {
			v := p.viewOf("malware")
			p.picks(v, v.own[2:])
		}),
		reading("object/as-objects", "gives by id what the objects of the Collection give for that id", "R250", "", func(p *probe) {
			id := p.seed().one("pattern").id
			one, all := p.list(p.object1(id)), p.list(p.objects("match[id]", id))
			p.need(len(all.items) == 1, "one object")
			p.want(len(one.items) == 1 && sameContent(one.items[0], all.items[0]), "the same object: %s", all.items[0])
		}),
		same("indicator1", "an indicator", "R038 K55", "3.8.1"),
		same("address", "an observable, which has no dates", "R038 R278 K55", ""),
		same("marking", "a marking definition", "R038 R278 K55", ""),
		same("campaign", "a STIX 2.0 object", "R038 R125 K55", ""),
		same("custom", "an object of a custom type with custom properties", "R038 K55", "3.15.2"),
		same("revoked", "a revoked object", "R038 K55", ""),
	}
}

func objectFilterChecks() []Check {
	picks := func(id, title, rules, name string, from, to int, query ...string) Check {
		return reading("object/"+id, title, rules, "", func(p *probe) {
			v := p.viewOf(name)
			p.picks(v, v.own[from:to], query...)
		})
	}
	return []Check{
		picks("version-all", "gives every version of an object with match[version]=all", "R097 R127", "malware", 0, 3, "match[version]", "all"),
		picks("version-first", "gives the earliest version of an object with match[version]=first", "R097 R127 R136", "malware", 0, 1, "match[version]", "first"),
		picks("version-last", "gives the latest version of an object with match[version]=last", "R097 R127 R136", "malware", 2, 3, "match[version]", "last"),
		picks("version-date", "gives the version of an object that match[version] names", "R097 R131", "malware", 1, 2, "match[version]", later(1)),
		picks("version-dates", "gives each version of an object that match[version] names", "R097 R117 R128", "malware", 0, 2, "match[version]", seedTime+","+later(1)),
		picks("spec-20", "gives an object in STIX 2.0 with match[spec_version]=2.0", "R097 R124", "tool", 0, 1, "match[spec_version]", "2.0"),
		picks("spec-highest", "gives an object in the highest version of STIX unless another is asked for", "R097 R125", "tool", 1, 2),
		picks("spec-both", "gives an object in both versions of STIX with match[spec_version]=2.0,2.1", "R097 R117 R124",
			"tool", 0, 2, "match[spec_version]", "2.0,2.1", "match[version]", "all"),
		reading("object/version-no-such", "gives nothing, by an empty envelope or a 404, for a version that is not there", "R131 R251", "", func(p *probe) {
			p.nothing(p.viewOf("malware"), "match[version]", later(20))
		}),
		reading("object/spec-no-such", "gives nothing, by an empty envelope or a 404, in a version of STIX that the object is not in", "R124 R251", "", func(p *probe) {
			p.nothing(p.viewOf("identity"), "match[spec_version]", "2.0")
		}),
		reading("object/added-after", "gives with added_after the versions of an object that were added later", "R097 R102", "", func(p *probe) {
			v := p.viewOf("malware")
			at := v.own[1].added // the first to be added
			p.picks(v, p.later(v, at), "match[version]", "all", "added_after", at.String())
		}),
		reading("object/added-after-future", "gives nothing, by an empty envelope or a 404, where no version was added that late", "R097 R102 R251", "", func(p *probe) {
			p.nothing(p.viewOf("malware"), "match[version]", "all", "added_after", "9000-01-01T00:00:00.000000Z")
		}),
		reading("object/other-match", "ignores match[type] at one object, or answers 400", "R097 R118", "", func(p *probe) {
			p.status(p.get(p.object1(p.seed().one("identity").id, "match[type]", "identity")), http.StatusOK, http.StatusBadRequest)
		}),
	}
}

// later gives what stands in a view and was added after a date.
func (p *probe) later(v view, at taxii.Time) (list []*object) {
	for _, o := range v.own {
		if o.added > at {
			list = append(list, o)
		}
	}
	p.need(len(list) > 0 && len(list) < len(v.own), "versions that were added at several dates")
	return list
}

func objectRefusalChecks() []Check {
	refused := func(id, title, rules, rows string, query ...string) Check {
		return reading("object/"+id, title, rules, rows, func(p *probe) { p.badQuery(p.object1(p.seed().one("identity").id, query...)) })
	}
	return []Check{
		reading("object/unknown", "answers 404 to an id that nothing has", "R248", "3.8.1", func(p *probe) {
			p.seed()
			p.failure(p.get(p.object1("indicator--"+taxii.NewID())), http.StatusNotFound)
		}),
		reading("object/other-type", "answers 404 to the id of an object under another type", "R041 R248", "", func(p *probe) {
			p.failure(p.get(p.object1(strings.Replace(p.seed().one("identity").id, "identity--", "tool--", 1))), http.StatusNotFound)
		}),
		reading("object/no-id", "answers 404, or 400, to what is no id", "R248", "", func(p *probe) {
			p.seed()
			p.failure(p.get(p.object1("not-an-id")), http.StatusNotFound, http.StatusBadRequest)
		}),
		reading("object/wildcard", "answers 404, or 400, to an id with signs that some take for wildcards", "R248", "", func(p *probe) {
			p.seed()
			p.failure(p.get(p.object1("identity--%")), http.StatusNotFound, http.StatusBadRequest)
		}),
		refused("limit-zero", "answers 400 to a limit of zero at one object", "R093 R107", "", "limit", "0"),
		refused("malformed-date", "answers 400 to a malformed added_after at one object", "R093 R103", "", "added_after", "yesterday"),
		refused("repeated", "answers 400 to a repeated match field at one object", "R093 R115 R138 K32", "3.13.1.10", "match[version]", "last", "match[version]", "first"),
	}
}
