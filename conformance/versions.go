package conformance

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/hansom-taxii/hansom/taxii"
)

func versionsChecks() []Check {
	return slices.Concat(versionsFormChecks(), versionsFilterChecks(), versionsRefusalChecks())
}

// versionsOn reads a list of versions.
func (p *probe) versionsOn(pages []*listing) (list []string) {
	for _, raw := range items(pages) {
		var s string
		p.want(json.Unmarshal(raw, &s) == nil && s != "", "versions that are text, not %s", raw)
		list = append(list, s)
	}
	return list
}

func versionsFormChecks() []Check {
	return []Check{
		reading("versions/all", "lists every version of an object, and no other", "R040 R261 R266", "3.9.1", func(p *probe) {
			v := p.listOf("malware")
			p.picks(v, v.own)
		}),
		reading("versions/text", "lists versions as text under versions", "R007 R265", "3.9.1", func(p *probe) {
			l := p.list(p.versions(p.seed().one("malware").id))
			_, there := l.body["versions"]
			p.want(there && len(p.versionsOn([]*listing{l})) > 0, "versions with a list of text")
		}),
		reading("versions/ascending", "lists versions in the order in which they were added", "R092 R141 K47", "", func(p *probe) {
			v := p.listOf("malware")
			own, _ := v.ours(items(p.walk(v)))
			p.need(len(own) == 3, "three versions")
			p.want(slices.IsSortedFunc(own, byDate), "no version before one that was added earlier")
		}),
		reading("versions/one", "lists the one version of an object that has one", "R265 R266", "", func(p *probe) {
			v := p.listOf("identity")
			p.picks(v, v.own)
		}),
		reading("versions/created", "lists the created of an object without modified", "R266", "", func(p *probe) {
			v := p.listOf("marking")
			p.picks(v, v.own)
		}),
		reading("versions/dateless", "lists for an object without dates the version that its manifest names", "R134 R207", "", func(p *probe) {
			o := p.seed().one("address")
			p.want(slices.Equal(p.versionsOn(p.walk(p.listOf("address"))), []string{o.version}), "the one version %s", o.version)
		}),
		reading("versions/custom", "lists the versions of an object of a custom type", "R040 R266", "", func(p *probe) {
			v := p.listOf("custom")
			p.picks(v, v.own)
		}),
		reading("versions/usable", "lists versions that match[version] finds", "R127 R131", "", func(p *probe) {
			v := p.viewOf("malware")
			list := p.versionsOn(p.walk(p.listOf("malware")))
			p.need(len(list) > 1, "several versions")
			for _, text := range list {
				own, _ := v.ours(p.list(v.at("match[version]", text)).items)
				p.want(len(own) == 1 && sameTime(own[0].version, text), "the version %s by match[version]", text)
			}
		}),
		reading("versions/as-manifest", "lists the versions that the manifest has", "R226 R266", "", func(p *probe) {
			m, o := p.view("manifest"), p.seed().one("pattern")
			want, _ := m.ours(items(p.walk(m, "match[id]", o.id, "match[version]", "all")))
			p.need(len(want) == 2, "two records")
			p.picks(p.listOf("pattern"), want)
		}),
		reading("versions/more", "does not say that there is more than all versions", "R143 R264", "", func(p *probe) {
			l := p.list(p.versions(p.seed().one("malware").id))
			p.want(len(l.items) > 0 && !l.more, "the versions, and more false or absent")
		}),
		reading("versions/more-boolean", "writes more of a list of versions as a boolean", "R010 R264", "", func(p *probe) {
			p.want(p.cut(p.view("versions"), "1").body["more"].Kind() == 't', "more that is true")
		}),
		reading("versions/property-names", "names properties of its own in a list of versions in small letters, digits and underscores", "R268 R269", "", func(p *probe) {
			for name := range p.cut(p.view("versions"), "1").body {
				p.want(propertyName.MatchString(name), "no property named %q", name)
			}
		}),
	}
}

func versionsFilterChecks() []Check {
	return []Check{
		reading("versions/spec-20", "lists the versions in STIX 2.0 with match[spec_version]=2.0", "R099 R124", "", func(p *probe) {
			v := p.listOf("tool")
			p.picks(v, v.own[:1], "match[spec_version]", "2.0")
		}),
		reading("versions/spec-21", "lists the versions in STIX 2.1 with match[spec_version]=2.1", "R099 R124", "", func(p *probe) {
			v := p.listOf("tool")
			p.picks(v, v.own[1:], "match[spec_version]", "2.1")
		}),
		reading("versions/spec-both", "lists the versions in both with match[spec_version]=2.0,2.1", "R099 R117 R124", "", func(p *probe) {
			v := p.listOf("tool")
			p.picks(v, v.own, "match[spec_version]", "2.0,2.1")
		}),
		reading("versions/added-after", "lists with added_after the versions that were added later", "R099 R102", "", func(p *probe) {
			v := p.listOf("malware")
			p.picks(v, p.later(v, v.own[1].added), "added_after", v.own[1].added.String())
		}),
		reading("versions/empty", "leaves versions out where none matches", "R013 R265", "", func(p *probe) {
			_, there := p.list(p.versions(p.seed().one("malware").id, "added_after", "9000-01-01T00:00:00.000000Z")).body["versions"]
			p.want(!there, "an answer without versions, not with an empty list")
		}),
		reading("versions/match-version", "ignores match[version] in a list of versions, or answers 400", "R099 R118", "", func(p *probe) {
			v := p.listOf("malware")
			if a := p.get(v.at("match[version]", "first")); a.status != http.StatusOK {
				p.failure(a, http.StatusBadRequest)
			}
		}),
	}
}

func versionsRefusalChecks() []Check {
	refused := func(id, title, rules, rows string, query ...string) Check {
		return reading("versions/"+id, title, rules, rows, func(p *probe) { p.badQuery(p.versions(p.seed().one("identity").id, query...)) })
	}
	return []Check{
		reading("versions/unknown", "answers 404 to the versions of an id that nothing has", "R262", "3.9.1", func(p *probe) {
			p.seed()
			p.failure(p.get(p.versions("indicator--"+taxii.NewID())), http.StatusNotFound)
		}),
		refused("limit-text", "answers 400 to a limit that is no number in a list of versions", "R093 R107", "", "limit", "many"),
		refused("malformed-date", "answers 400 to a malformed added_after in a list of versions", "R093 R103", "", "added_after", "yesterday"),
		refused("repeated", "answers 400 to a repeated parameter in a list of versions", "R093 R115 R138 K32", "3.13.1.10", "match[spec_version]", "2.1", "match[spec_version]", "2.0"),
	}
}
