package conformance

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// versionsOf makes a check that a match[version] picks, of an object of the seed,
// the versions at these places, counted from the earliest.
func versionsOf(id, title, rules, rows, name, match string, want ...int) Check {
	return reading(id, title, rules, rows, func(p *probe) {
		own := p.seed().named(name)
		var list []*object
		for _, i := range want {
			list = append(list, own[i])
		}
		p.selects(list, "match[id]", own[0].id, "match[version]", match)
	})
}

func matchVersionChecks() []Check {
	return []Check{
		versionsOf("filter/version-last", "gives with match[version]=last the version with the latest modified", "R114 R127 R136", "3.13.1.5", "malware", "last", 2),
		versionsOf("filter/version-first", "gives with match[version]=first the version with the earliest modified", "R114 R127 R136", "3.13.1.5", "malware", "first", 0),
		versionsOf("filter/version-all", "gives with match[version]=all every version", "R114 R127", "3.13.1.5", "malware", "all", 0, 1, 2),
		versionsOf("filter/version-date", "gives with a date in match[version] that very version", "R127 R131", "3.13.1.5", "malware", later(1), 1),
		versionsOf("filter/version-old", "gives with a date in match[version] a version that is not the latest", "R127 R131", "3.13.1.5", "pattern", seedTime, 0),
		versionsOf("filter/version-dates", "gives with several dates in match[version] each of those versions", "R117 R128 R131", "3.13.1.7", "malware", seedTime+","+later(1), 0, 1),
		versionsOf("filter/version-first-last", "gives with first,last the earliest and the latest version", "R117 R128", "3.13.1.7", "malware", "first,last", 0, 2),
		versionsOf("filter/version-last-date", "gives with last and a date both versions", "R117 R128", "3.13.1.7", "malware", "last,"+seedTime, 0, 2),
		versionsOf("filter/version-same", "gives a version once that is the first and the last", "R127 R128", "", "identity", "first,last", 0),
		versionsOf("filter/version-no-such", "gives nothing for a version that is not there", "R131 R235", "", "malware", later(20)),
		versionsOf("filter/version-other-date", "takes match[version] for modified exactly, not for a date before it", "R131", "", "malware", "2024-03-02T10:00:00.001Z"),
		versionsOf("filter/version-created", "finds an object without modified by its created", "R133", "", "marking", seedTime, 0),
		versionsOf("filter/version-first-dateless", "gives an object without dates as its first version", "R127 R134", "", "address", "first", 0),
		versionsOf("filter/version-all-dateless", "gives an object without dates among all versions", "R127 R134", "", "file", "all", 0),
		reading("filter/version-dateless", "finds an object without dates by the version that its manifest names", "R127 R134", "", func(p *probe) {
			o := p.seed().one("address")
			p.selects([]*object{o}, "match[id]", o.id, "match[version]", o.version)
		}),
		reading("filter/version-alone", "keeps to match[version] where only a date stands beside it", "R127", "3.13.1.5", func(p *probe) {
			v, s := p.view("objects"), p.seed()
			own, _ := v.ours(items(p.walk(v, "match[version]", "first", "added_after", s.before.String())))
			p.want(len(ids(own)) == len(own), "each object in one version")
			for _, name := range []string{"malware", "pattern", "revoked"} {
				p.want(slices.Contains(own, s.named(name)[0]), "%v, which is missing", s.named(name)[0])
			}
		}),
	}
}

func matchVersionFormChecks() []Check {
	return []Check{
		reading("filter/version-malformed", "gives nothing, or an error 400, for what is no version", "R093 R132", "", func(p *probe) {
			p.none("match[id]", p.seed().one("malware").id, "match[version]", "newest")
		}),
		reading("filter/version-all-beside", "answers 400 to all beside another version, or gives all versions", "R129 R138", "", func(p *probe) {
			own := p.seed().named("malware")
			if a := p.get(p.objects("match[id]", own[0].id, "match[version]", "first,all")); a.status != http.StatusOK {
				p.failure(a, http.StatusBadRequest)
				return
			}
			p.selects(own, "match[id]", own[0].id, "match[version]", "first,all")
		}),
		reading("filter/version-twice", "answers 400 to a version that is named twice, or gives it once", "R130 R138", "", func(p *probe) {
			own := p.seed().named("malware")
			if a := p.get(p.objects("match[id]", own[0].id, "match[version]", "first,first")); a.status != http.StatusOK {
				p.failure(a, http.StatusBadRequest)
				return
			}
			p.selects(own[:1], "match[id]", own[0].id, "match[version]", "first,first")
		}),
	}
}

// ofSpec gives what is in one version of STIX.
func (s *seed) ofSpec(spec string) []*object {
	return s.which(func(o *object) bool { return o.spec == spec })
}

func matchSpecChecks() []Check {
	return []Check{
		reading("filter/spec-20", "gives with match[spec_version]=2.0 STIX 2.0 alone", "R095 R114 R124", "3.13.1.6", func(p *probe) {
			p.selects(p.seed().ofSpec("2.0"), "match[spec_version]", "2.0")
		}),
		reading("filter/spec-21", "gives with match[spec_version]=2.1 STIX 2.1 alone", "R095 R114 R124", "3.13.1.6", func(p *probe) {
			p.selects(p.seed().ofSpec("2.1"), "match[spec_version]", "2.1", "match[version]", "all")
		}),
		reading("filter/spec-both", "gives with match[spec_version]=2.0,2.1 objects of either", "R117 R124", "3.13.1.6 3.13.1.7", func(p *probe) {
			p.selects(p.seed().objects, "match[spec_version]", "2.0,2.1", "match[version]", "all")
		}),
		reading("filter/spec-latest", "gives the latest version in STIX 2.0 of an object that is there in 2.1, too", "R124 R126", "", func(p *probe) {
			own := p.seed().named("tool")
			p.selects(own[:1], "match[id]", own[0].id, "match[spec_version]", "2.0")
		}),
		reading("filter/spec-only-21", "gives nothing in STIX 2.1 of an object that is there in 2.0 alone", "R124", "", func(p *probe) {
			p.selects(nil, "match[id]", p.seed().one("campaign").id, "match[spec_version]", "2.1")
		}),
		reading("filter/spec-of-observable", "takes an observable without spec_version for STIX 2.1", "R124 R277", "", func(p *probe) {
			o := newObject("bare", "ipv4-addr").with("spec_version", nil)
			p.need(p.added(o).SuccessCount == 1, "an observable without spec_version that was added")
			v := view{"objects", p.objects, nil, []*object{o}}
			p.picks(v, []*object{o}, "match[id]", o.id, "match[spec_version]", "2.1")
			p.picks(v, nil, "match[id]", o.id, "match[spec_version]", "2.0")
		}),
		reading("filter/spec-unknown", "gives nothing, or an error 400, in a version of STIX that there is not", "R093 R124", "", func(p *probe) {
			p.none("match[id]", p.seed().one("malware").id, "match[spec_version]", "9.9")
		}),
	}
}

// ofKinds gives what is of any of the types.
func ofKinds(list []*object, kinds ...string) (some []*object) {
	for _, o := range list {
		if slices.Contains(kinds, o.kind) {
			some = append(some, o)
		}
	}
	return some
}

func togetherChecks() []Check {
	return []Check{
		reading("filter/and", "gives what passes match[id] and match[type] both", "R116", "3.13.1.8", func(p *probe) {
			s := p.seed()
			o := s.one("indicator1")
			p.selects([]*object{o}, "match[id]", o.id+","+s.one("malware").id, "match[type]", "indicator")
		}),
		reading("filter/and-nothing", "gives nothing where no object passes both filters", "R116 R235", "3.13.1.8", func(p *probe) {
			p.selects(nil, "match[id]", p.seed().one("malware").id, "match[type]", "indicator")
		}),
		reading("filter/and-version", "gives what passes match[type] and match[version] both", "R116", "3.13.1.8", func(p *probe) {
			s := p.seed()
			p.selects(s.named("pattern"), "match[type]", "attack-pattern", "match[version]", "all")
		}),
		reading("filter/and-date", "gives what passes added_after and match[type] both", "R102 R116", "3.13.1.8", func(p *probe) {
			at, later := p.split()
			want := ofKinds(later, "identity", "file", "note")
			p.selects(want, "match[type]", "identity,file,note", "added_after", at.String())
		}),
		reading("filter/and-spec", "gives what passes match[type] and match[spec_version] both", "R116 R124", "3.13.1.8", func(p *probe) {
			p.selects(p.seed().named("tool")[:1], "match[type]", "tool", "match[spec_version]", "2.0")
		}),
		reading("filter/and-or", "combines values with OR and fields with AND", "R116 R117", "3.13.1.9", func(p *probe) {
			s := p.seed()
			malware := s.named("malware")
			want := []*object{malware[0], malware[2], s.one("identity")}
			p.selects(want, "match[id]", joined(append([]*object{s.one("note")}, want...)), "match[type]", "malware,identity,tool", "match[version]", "first,last")
		}),
		reading("filter/and-or-date", "combines values with OR and fields with AND, added_after and limit among them", "R102 R108 R116 R117", "3.13.1.9", func(p *probe) {
			at, later := p.split()
			want := ofKinds(later, "note", "file", "indicator")
			p.selects(want, "match[type]", "note,file,indicator", "match[version]", "all", "match[spec_version]", "2.0,2.1", "added_after", at.String(), "limit", "2")
		}),
	}
}

func repeatedChecks() (list []Check) {
	for _, c := range [][3]string{{"added-after", "added_after", "2024-03-01T00:00:00.000000Z"}, {"limit", "limit", "5"}, {"id", "match[id]", "identity--" + taxii.NewID()},
		{"type", "match[type]", "indicator"}, {"version", "match[version]", "last"}, {"spec", "match[spec_version]", "2.1"}} {
		rules := "R093 R115 R138 K32"
		if !strings.HasPrefix(c[1], "match") {
			rules = "R093 R104 R138 K32"
		}
		list = append(list, reading("filter/repeated-"+c[0], "answers 400 to a query with two of "+c[1], rules, "3.13.1.10", func(p *probe) {
			p.badQuery(p.objects(c[1], c[2], c[1], c[2]))
		}))
	}
	return list
}

// asWritten asks with a query that stands in the URL as it is given.
func (p *probe) asWritten(query string) []*object {
	own, _ := p.view("objects").ours(p.list(p.objects() + "?" + query).items)
	return own
}

func queryFormChecks() []Check {
	return []Check{
		reading("filter/plain-brackets", "takes brackets that are not escaped", "K32", "", func(p *probe) {
			o := p.seed().one("identity")
			p.same(p.asWritten("match[id]="+o.id), []*object{o})
		}),
		reading("filter/escaped", "takes names and values that are escaped, in small letters too", "R095 K32", "", func(p *probe) {
			s := p.seed()
			p.same(p.asWritten("match%5bid%5d="+s.one("identity").id+"%2c"+s.one("note").id), []*object{s.one("identity"), s.one("note")})
		}),
		reading("filter/plain-comma", "takes commas that are not escaped", "R117 K32", "", func(p *probe) {
			s := p.seed()
			p.same(p.asWritten("match%5Bid%5D="+s.one("identity").id+","+s.one("note").id), []*object{s.one("identity"), s.one("note")})
		}),
		reading("filter/plain-colons", "takes colons in a date that are not escaped", "R095", "", func(p *probe) {
			s := p.seed()
			at := last(s.objects) - 1
			p.same(p.asWritten("added_after="+at.String()), s.since(at))
		}),
		reading("filter/bad-escape", "answers 400 to a percent sign without two digits after it", "R093", "", func(p *probe) {
			p.badQuery(p.objects() + "?match%5Btype%5D=%zz")
		}),
		reading("filter/empty-match", "takes an empty match field for none", "K30", "", func(p *probe) {
			o := p.seed().one("identity")
			p.selects([]*object{o}, "match[id]", o.id, "match[type]", "", "match[version]", "", "match[spec_version]", "")
		}),
		reading("filter/unknown-match", "ignores a match field that it does not know, or answers 400", "R118 R119", "", func(p *probe) {
			o := p.seed().one("identity")
			query := []string{"match[id]", o.id, "match[x_nobody_knows]", "1"}
			if a := p.get(p.objects(query...)); a.status != http.StatusOK {
				p.failure(a, http.StatusBadRequest)
				return
			}
			p.selects([]*object{o}, query...)
		}),
		reading("filter/unknown-parameter", "ignores a parameter that it does not know", "R139 K33", "", func(p *probe) {
			o := p.seed().one("identity")
			p.selects([]*object{o}, "match[id]", o.id, "modified_after", "2030-01-01T00:00:00.000Z", "x_nobody_knows", "1")
		}),
		reading("filter/elsewhere", "ignores filters where a resource has none", "R101 K33", "", func(p *probe) {
			w := p.world()
			for _, address := range []string{p.discoveryURL(), w.root, w.root + "collections/", p.collection(w.writable.ID)} {
				p.ok(address + asked([]string{"limit", "1", "match[type]", "indicator", "added_after", later(1)}))
			}
		}),
	}
}
