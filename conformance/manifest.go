package conformance

import (
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

func manifestChecks() []Check {
	return slices.Concat(manifestFormChecks(), recordChecks(), manifestOrderChecks(), manifestFilterChecks())
}

// record is a manifest record as it stands there: what is not text is "".
type record struct{ ID, DateAdded, Version, MediaType string }

// recordsOn reads the manifest records of pages.
func (p *probe) recordsOn(pages []*listing) (list []record) {
	for _, raw := range items(pages) {
		var v map[string]any
		p.want(json.Unmarshal(raw, &v) == nil, "records that are JSON objects")
		text := func(name string) string { s, _ := v[name].(string); return s }
		list = append(list, record{text("id"), text("date_added"), text("version"), text("media_type")})
	}
	return list
}

// allRecords reads the manifest of this run's objects, in all versions.
func (p *probe) allRecords() []record {
	v := p.view("manifest")
	list := p.recordsOn(p.walk(v, v.query...))
	p.need(len(list) > 0, "manifest records")
	return list
}

// recordOf reads the record of one version.
func (p *probe) recordOf(o *object) record {
	list := p.recordsOn(p.walk(p.view("manifest"), "match[id]", o.id, "match[spec_version]", o.spec))
	p.want(len(list) == 1, "one record for %s", o.id)
	return list[0]
}

// endOf gives the latest date of an Add, as the manifest has it now.
func (p *probe) endOf(group []*object) taxii.Time {
	v := p.view("manifest")
	pages := p.walk(v, set(v.query, "match[id]", joined(group))...)
	own, others := v.ours(items(pages))
	p.need(others == 0 && len(own) >= len(group), "records of an Add")
	var latest taxii.Time
	for i, r := range p.recordsOn(pages) {
		at, err := taxii.ParseTime(r.DateAdded)
		p.want(err == nil, "date_added that is a timestamp, not %q", r.DateAdded)
		if slices.Contains(group, own[i]) {
			latest = max(latest, at)
		}
	}
	return latest
}

func manifestFormChecks() []Check {
	return []Check{
		reading("manifest/records", "answers a manifest with a list of records, one for each version", "R035 R221 R226", "3.6.1", func(p *probe) {
			v := p.view("manifest")
			p.picks(v, v.own, v.query...)
		}),
		reading("manifest/envelope-none", "gives records and no STIX objects in a manifest", "R100 R226", "", func(p *probe) {
			for _, raw := range p.cut(p.view("manifest"), "5").items {
				var v map[string]any
				p.want(json.Unmarshal(raw, &v) == nil && v["date_added"] != nil && v["type"] == nil, "records, not objects")
			}
		}),
		reading("manifest/more-boolean", "writes more of a manifest as a boolean", "R010 R224", "", func(p *probe) {
			kind := p.cut(p.view("manifest"), "1").body["more"].Kind()
			p.want(kind == 't', "more that is true")
		}),
		reading("manifest/empty", "answers 200 without objects where no record matches", "R013 R225", "", func(p *probe) {
			p.seed()
			_, there := p.list(p.manifest("match[id]", "malware--"+taxii.NewID())).body["objects"]
			p.want(!there, "a manifest without objects, not with an empty list")
		}),
		reading("manifest/property-names", "names properties of its own in a manifest in small letters, digits and underscores", "R268 R269", "", func(p *probe) {
			l := p.cut(p.view("manifest"), "1")
			for name := range l.body {
				p.want(propertyName.MatchString(name), "no property named %q", name)
			}
			// id is the standard's own, and shorter than others may be.
			var r map[string]any
			p.want(json.Unmarshal(l.items[0], &r) == nil, "a record")
			for name := range r {
				p.want(name == "id" || propertyName.MatchString(name), "no property named %q", name)
			}
		}),
		reading("manifest/accept-stix", "does not answer 406 where Accept names the STIX type beside the TAXII type", "R051", "", func(p *probe) {
			p.seed()
			a := p.get(p.manifest("limit", "1"), header("Accept", taxii.MediaType+", application/stix+json;version=2.1"))
			p.status(a, http.StatusOK)
		}),
	}
}

func recordChecks() []Check {
	return []Check{
		reading("manifest/id", "names in each record the id of the object", "R227", "3.6.1", func(p *probe) {
			list := ids(p.seed().objects)
			for _, r := range p.allRecords() {
				p.want(slices.Contains(list, r.ID), "the id of an object that matches, not %q", r.ID)
			}
		}),
		reading("manifest/date-form", "writes date_added with six digits of a second and Z", "R018 R019 R020 R228", "3.6.1", func(p *probe) {
			for _, r := range p.allRecords() {
				p.want(taxiiTime.MatchString(r.DateAdded), "date_added in the form YYYY-MM-DDTHH:MM:SS.ssssssZ, not %q", r.DateAdded)
			}
		}),
		reading("manifest/date-of-adding", "dates each version by when it was added, not by a date in it", "R106 R228", "", func(p *probe) {
			now := time.Now()
			l := p.list(p.manifest("match[id]", p.seed().one("note").id))
			if said, err := http.ParseTime(l.header.Get("Date")); err == nil {
				now = said
			}
			at, err := taxii.ParseTime(p.recordsOn([]*listing{l})[0].DateAdded)
			p.want(err == nil && at.Time().After(now.Add(-24*time.Hour)) && at.Time().Before(now.Add(time.Hour)), "the time of the Add, within a day of %s", now.UTC())
		}),
		reading("manifest/date-kept", "keeps the date of a version", "R228", "", func(p *probe) {
			v := p.view("manifest")
			pages := p.walk(v, v.query...)
			own, others := v.ours(items(pages))
			p.need(len(own) > 0 && others == 0, "records of this run's objects")
			for i, r := range p.recordsOn(pages) {
				p.want(sameTime(r.DateAdded, own[i].added.String()), "%s again as date_added of %v", own[i].added, own[i])
			}
		}),
		reading("manifest/version-modified", "names as version the modified of the object", "R229", "3.6.1", func(p *probe) {
			o := p.seed().one("malware")
			p.want(sameTime(p.recordOf(o).Version, o.version), "version %s", o.version)
		}),
		reading("manifest/version-created", "names as version the created of an object without modified", "R229", "", func(p *probe) {
			o := p.seed().one("marking")
			p.want(sameTime(p.recordOf(o).Version, seedTime), "version %s", seedTime)
		}),
		reading("manifest/version-dateless", "names a version, always the same, of an object without dates", "R134 R230", "", func(p *probe) {
			o := p.seed().one("address")
			v := p.recordOf(o).Version
			p.want(v != "" && v == o.version, "version %q, as before", o.version)
		}),
		reading("manifest/media-type", "names in a record no media type that its Collection does not have", "R231", "", func(p *probe) {
			v := p.view("manifest")
			for _, raw := range items(p.walk(v, v.query...)) {
				var r map[string]any
				p.want(json.Unmarshal(raw, &r) == nil, "records")
				if said, there := r["media_type"]; there {
					p.want(stored(p.world().writable.MediaTypes, said), "a media type of the Collection (%v), not %v", p.world().writable.MediaTypes, said)
				}
			}
		}),
		reading("manifest/media-version", "names in a record's media type the version of STIX that the object is in", "R231 R277", "", func(p *probe) {
			for _, name := range []string{"campaign", "identity"} {
				o := p.seed().one(name)
				_, params, _ := mime.ParseMediaType(p.recordOf(o).MediaType)
				p.want(params["version"] == "" || params["version"] == o.spec, "version=%s, or none", o.spec)
			}
		}),
	}
}

// stored tells whether a Collection stores a media type (R220, R231). A type that
// it names without a version stands for all of them.
func stored(types []string, said any) bool {
	text, _ := said.(string)
	kind, params, err := mime.ParseMediaType(text)
	if len(types) == 0 {
		types = []string{"application/stix+json"}
	}
	return err == nil && slices.ContainsFunc(types, func(one string) bool {
		k, p, err := mime.ParseMediaType(one)
		return err == nil && k == kind && (p["version"] == "" || p["version"] == params["version"])
	})
}

func manifestOrderChecks() []Check {
	return []Check{
		reading("manifest/ascending", "gives records in the order of date_added", "R090 R141", "3.6.1", func(p *probe) {
			var before taxii.Time
			for _, r := range p.allRecords() {
				at, err := taxii.ParseTime(r.DateAdded)
				p.want(err == nil && at >= before, "no date before %s; %q stands after it", before, r.DateAdded)
				before = at
			}
		}),
		reading("manifest/dates-rise", "dates nothing that a later Add brought before the Add before it", "R090 R228", "", func(p *probe) {
			var before taxii.Time
			for _, group := range p.seed().adds() {
				for _, o := range group {
					r := p.recordsOn(p.walk(p.view("manifest"), "match[id]", o.id, "match[version]", o.version, "match[spec_version]", o.spec))
					p.want(len(r) == 1, "one record of %v", o)
					at, err := taxii.ParseTime(r[0].DateAdded)
					p.want(err == nil && at >= before, "date_added not before %s, when the Add before it was over; not %q", before, r[0].DateAdded)
				}
				before = last(group)
			}
		}),
		reading("manifest/as-objects", "gives the records of the objects that the same query gives", "R096 R100", "", func(p *probe) {
			m, o := p.view("manifest"), p.view("objects")
			want, _ := o.ours(items(p.walk(o, p.mine(nil)...)))
			p.need(len(want) > 1, "several objects")
			p.picks(m, want, p.mine(nil)...)
		}),
	}
}

func manifestFilterChecks() []Check {
	picks := func(id, title, rules, rows string, query func(*seed) ([]*object, []string)) Check {
		return reading("manifest/"+id, title, rules, rows, func(p *probe) {
			want, q := query(p.seed())
			p.picks(p.view("manifest"), want, p.mine(q)...)
		})
	}
	return []Check{
		picks("latest", "gives the record of the latest version alone unless more are asked for", "R096 R126", "", func(s *seed) ([]*object, []string) { return s.latest(), nil }),
		picks("match-id", "gives with match[id] the records of that object", "R096 R100 R120", "", func(s *seed) ([]*object, []string) {
			return []*object{s.one("file")}, []string{"match[id]", s.one("file").id}
		}),
		picks("match-type", "gives with match[type] the records of objects of that type", "R096 R100 R121", "", func(s *seed) ([]*object, []string) {
			return []*object{s.one("malware"), s.one("marking")}, []string{"match[type]", "malware,marking-definition"}
		}),
		picks("version-first", "gives with match[version]=first the records of first versions", "R096 R127", "", func(s *seed) ([]*object, []string) {
			return s.named("malware")[:1], []string{"match[id]", s.one("malware").id, "match[version]", "first"}
		}),
		picks("version-date", "gives with a date in match[version] the record of that version", "R096 R131", "", func(s *seed) ([]*object, []string) {
			return s.named("malware")[1:2], []string{"match[id]", s.one("malware").id, "match[version]", later(1)}
		}),
		picks("version-all", "gives with match[version]=all a record for each version", "R096 R127 R226", "", func(s *seed) ([]*object, []string) {
			return s.named("malware"), []string{"match[id]", s.one("malware").id, "match[version]", "all"}
		}),
		picks("spec", "gives with match[spec_version] the records of objects in that version of STIX", "R096 R124", "", func(s *seed) ([]*object, []string) {
			return s.ofSpec("2.0"), []string{"match[spec_version]", "2.0"}
		}),
		picks("highest-spec", "gives the record in STIX 2.1 of an object that is there in 2.0, too", "R096 R125", "", func(s *seed) ([]*object, []string) {
			return []*object{s.one("tool")}, []string{"match[id]", s.one("tool").id}
		}),
		picks("added-after", "gives with added_after the records of what was added later", "R096 R102", "", func(s *seed) ([]*object, []string) {
			at := last(s.adds()[0])
			return s.since(at), []string{"match[version]", "all", "match[spec_version]", "2.0,2.1", "added_after", at.String()}
		}),
		picks("and", "combines filters of a manifest with AND", "R096 R116", "", func(s *seed) ([]*object, []string) {
			return []*object{s.one("note")}, []string{"match[id]", joined([]*object{s.one("note"), s.one("file")}), "match[type]", "note,tool"}
		}),
		reading("manifest/malformed", "answers 400 to a malformed limit in a manifest", "R093 R107", "", func(p *probe) {
			p.seed()
			p.badQuery(p.manifest("limit", "0"))
		}),
		reading("manifest/malformed-date", "answers 400 to a malformed added_after in a manifest", "R093 R103", "", func(p *probe) {
			p.seed()
			p.badQuery(p.manifest("added_after", "yesterday"))
		}),
		reading("manifest/repeated", "answers 400 to a repeated match field in a manifest", "R093 R115 R138 K32", "3.13.1.10", func(p *probe) {
			p.seed()
			p.badQuery(p.manifest("match[type]", "indicator", "match[type]", "malware"))
		}),
		reading("manifest/unknown", "ignores in a manifest a match field that it does not know, or answers 400", "R118", "", func(p *probe) {
			p.seed()
			p.status(p.get(p.manifest("match[x_nobody_knows]", "1", "limit", "1")), http.StatusOK, http.StatusBadRequest)
		}),
	}
}
