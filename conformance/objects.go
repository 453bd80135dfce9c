package conformance

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/taxii"
)

func objectsChecks() []Check {
	return slices.Concat(objectsFormChecks(), objectsEmptyChecks(), objectsSameChecks(), objectsDefaultChecks(), objectsOrderChecks())
}

// propertyName is the form of every property of a resource (R268, R269).
var propertyName = regexp.MustCompile(`\A[a-z0-9_]{3,250}\z`)

func objectsFormChecks() []Check {
	return []Check{
		reading("objects/envelope", "answers the objects of a Collection with an envelope whose objects is a list", "R036 R164 R232", "3.7.1", func(p *probe) {
			p.want(len(p.cut(p.view("objects"), "5").items) > 0, "objects in the envelope")
		}),
		reading("objects/i-json", "writes an envelope as I-JSON: UTF-8, and no name twice in an object", "R009", "", func(p *probe) {
			v := p.view("objects")
			l := p.list(v.at(v.query...))
			text, err := l.unzipped()
			p.want(err == nil && jsontext.Value(text).IsValid(), "one JSON value in UTF-8 without a name that stands twice in an object")
		}),
		reading("objects/more-boolean", "writes more as a boolean", "R010 R165", "", func(p *probe) {
			v := p.view("objects")
			for _, l := range []*listing{p.cut(v, "1"), p.list(v.at("match[id]", v.own[0].id))} {
				kind := l.body["more"].Kind()
				p.want(kind == 't' || kind == 'f' || len(l.body["more"]) == 0, "more that is true or false, not %s", l.body["more"])
			}
		}),
		reading("objects/more-true", "says that there is more where limit has cut the answer", "R111 R142", "", func(p *probe) {
			v := p.view("objects")
			p.want(p.list(v.at(set(v.query, "limit", "1")...)).more, "more true: limit is 1 and %d match", len(v.own))
		}),
		reading("objects/more-false", "does not say that there is more where everything has come", "R142 R143", "", func(p *probe) {
			id := p.seed().one("note").id
			l := p.list(p.objects("match[id]", id))
			p.want(len(l.items) == 1 && !l.more, "the one object, and more false or absent")
		}),
		reading("objects/next-only-with-more", "gives no next where there is no more", "R144 K44", "", func(p *probe) {
			l := p.list(p.objects("match[id]", p.seed().one("note").id))
			_, there := l.body["next"]
			p.want(!l.more && !there, "an envelope without next")
		}),
		reading("objects/no-bundle", "gives an envelope and no STIX bundle", "R164 R281", "", func(p *probe) {
			l := p.cut(p.view("objects"), "5")
			p.want(string(l.body["type"]) != `"bundle"`, "an envelope, not a bundle")
		}),
		reading("objects/raw-objects", "gives objects themselves, not a bundle that holds them", "R168 K54", "", func(p *probe) {
			for _, o := range p.stix(p.cut(p.view("objects"), "5").items) {
				p.want(o.Type != "bundle", "STIX objects, not a bundle among them")
			}
		}),
		reading("objects/stix", "gives nothing in objects but STIX objects, each with its type and id", "R167 R168", "", func(p *probe) {
			for _, o := range p.stix(p.cut(p.view("objects"), "5").items) {
				p.want(o.Type != "" && strings.HasPrefix(o.ID, o.Type+"--"), "objects with a type, and an id of that type")
			}
		}),
		reading("objects/property-names", "names properties of its own in small letters, digits and underscores", "R268 R269", "", func(p *probe) {
			for name := range p.cut(p.view("objects"), "1").body {
				p.want(propertyName.MatchString(name), "no property named %q", name)
			}
		}),
		reading("objects/without-limit", "answers without limit with a page, and not with an error", "R094 K34", "", func(p *probe) {
			p.want(len(p.list(p.objects()).items) > 0, "objects")
		}),
	}
}

// stix reads the type and id of objects.
func (p *probe) stix(list []jsontext.Value) (read []struct{ Type, ID string }) {
	for _, raw := range list {
		var o struct{ Type, ID string }
		p.want(json.Unmarshal(raw, &o) == nil, "objects that are JSON objects")
		read = append(read, o)
	}
	return read
}

func objectsEmptyChecks() []Check {
	// An id that nobody has.
	empty := func(p *probe) *listing { p.seed(); return p.list(p.objects("match[id]", "malware--"+taxii.NewID())) }
	return []Check{
		reading("objects/empty", "answers 200 where nothing matches", "R235", "3.7.2", func(p *probe) {
			p.seed()
			p.status(p.get(p.objects("match[id]", "malware--"+taxii.NewID())), http.StatusOK)
		}),
		reading("objects/empty-list", "leaves objects out where nothing matches", "R013 R169 K52", "3.7.2", func(p *probe) {
			_, there := empty(p).body["objects"]
			p.want(!there, "an envelope without objects, not with an empty list")
		}),
		reading("objects/empty-more", "does not say that there is more where nothing matches", "R142 K44", "3.7.2", func(p *probe) {
			p.want(!empty(p).more, "more false or absent")
		}),
		reading("objects/empty-next", "gives no next where nothing matches", "R144 K44", "", func(p *probe) {
			_, there := empty(p).body["next"]
			p.want(!there, "an envelope without next")
		}),
	}
}

// objectsSameChecks want that what comes is what was added.
func objectsSameChecks() []Check {
	same := func(name, what, rules, rows string) Check {
		return reading("objects/same-"+name, "gives "+what+" as it was added", rules, rows, func(p *probe) {
			o := p.seed().one(name)
			l := p.list(p.objects("match[id]", o.id, "match[spec_version]", o.spec))
			p.want(len(l.items) == 1 && sameContent(l.items[0], o.raw), "the object that was added: %s", o.raw)
		})
	}
	return []Check{
		same("indicator0", "an object with numbers, lists, quotes and letters outside ASCII", "R015 R168 K55", ""),
		same("identity", "a STIX Domain Object", "R168 K55", "3.7.1"),
		same("relationship", "a relationship", "R168 K55", ""),
		same("address", "an observable, which has no dates", "R168 R278 K55", ""),
		same("file", "an observable with a dictionary", "R016 R168 K55", ""),
		same("marking", "a marking definition", "R168 R278 K55", ""),
		same("note", "an object with control characters", "R015 R168 K55", ""),
		same("campaign", "a STIX 2.0 object, without a spec_version", "R168 R277 K55", ""),
		same("custom", "an object of a custom type with nested custom properties", "R168 K55", "3.15.2"),
		same("revoked", "a revoked object", "R168 K55", ""),
	}
}

func objectsDefaultChecks() []Check {
	return []Check{
		reading("objects/latest", "gives the version with the latest modified, though another was added after it", "R126 R136", "", func(p *probe) {
			o := p.seed().one("malware")
			p.selects([]*object{o}, "match[id]", o.id)
		}),
		reading("objects/one-version", "gives each object in one version unless more are asked for", "R126", "", func(p *probe) {
			own, _ := p.view("objects").ours(items(p.walk(p.view("objects"), p.mine(nil)...)))
			p.need(len(own) > 0, "objects of this run")
			p.want(len(ids(own)) == len(own), "each id once")
		}),
		reading("objects/highest-spec", "gives an object that is there in STIX 2.0 and 2.1 in 2.1 alone", "R125", "", func(p *probe) {
			o := p.seed().one("tool")
			p.selects([]*object{o}, "match[id]", o.id)
		}),
		reading("objects/only-20", "gives an object that is there in STIX 2.0 alone", "R125", "", func(p *probe) {
			o := p.seed().one("campaign")
			p.selects([]*object{o}, "match[id]", o.id)
		}),
		reading("objects/without-modified", "gives objects that have no modified", "R133 R134 K55", "", func(p *probe) {
			s := p.seed()
			want := []*object{s.one("address"), s.one("file"), s.one("marking")}
			p.selects(want, "match[id]", joined(want))
		}),
		reading("objects/revoked", "gives revoked objects like others", "R094", "", func(p *probe) {
			o := p.seed().one("revoked")
			p.selects([]*object{o}, "match[id]", o.id)
		}),
		reading("objects/all", "gives all that was added, each object once", "R094 R126", "3.7.1", func(p *probe) {
			v, s := p.view("objects"), p.seed()
			own, _ := v.ours(items(p.walk(v, "added_after", s.before.String())))
			p.same(own, s.latest())
		}),
		reading("objects/again", "gives the same when it is asked again", "R094", "", func(p *probe) {
			v := p.view("objects")
			first, _ := v.ours(items(p.walk(v, v.query...)))
			p.need(len(first) > 1, "several objects")
			p.picks(v, first, v.query...)
		}),
	}
}

func objectsOrderChecks() []Check {
	return []Check{
		reading("objects/ascending", "gives objects in the order in which they were added", "R090 R141", "", func(p *probe) {
			v := p.view("objects")
			own, _ := v.ours(items(p.walk(v, v.query...)))
			p.need(len(own) > 1, "several objects")
			p.want(slices.IsSortedFunc(own, byDate), "no object before one that was added earlier")
		}),
		reading("objects/ascending-latest", "gives the latest versions in the order in which they were added", "R090 R126", "", func(p *probe) {
			v := p.view("objects")
			own, _ := v.ours(items(p.walk(v, p.mine(nil)...)))
			p.need(len(own) > 1, "several objects")
			p.want(slices.IsSortedFunc(own, byDate), "no object before one that was added earlier")
		}),
		reading("objects/order-of-adds", "gives what one Add brought before what the next one did", "R090 R106", "", func(p *probe) {
			v := p.view("objects")
			own, _ := v.ours(items(p.walk(v, v.query...)))
			adds := p.seed().adds()
			for i, group := range adds[1:] {
				end := slices.MaxFunc(adds[i], func(a, b *object) int { return slices.Index(own, a) - slices.Index(own, b) })
				for _, o := range group {
					inOrder := slices.Index(own, o) > slices.Index(own, end) || o.added == end.added // one date leaves the order free
					p.want(inOrder, "%v after %v, which was added before", o, end)
				}
			}
		}),
		reading("objects/oldest-first", "begins with the oldest where no date is given", "R105", "", func(p *probe) {
			s := p.seed()
			old, young := s.one("indicator0"), s.one("note")
			v := p.view("objects")
			own, _ := v.ours(p.list(p.objects("match[id]", young.id+","+old.id, "limit", "1")).items)
			p.same(own, []*object{old})
		}),
	}
}
