package conformance

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

func filterChecks() []Check {
	return slices.Concat(addedAfterChecks(), addedAfterFormChecks(), limitChecks(), matchIDChecks(), matchTypeChecks(),
		matchVersionChecks(), matchVersionFormChecks(), matchSpecChecks(), togetherChecks(), repeatedChecks(), queryFormChecks())
}

// after asks for every version of this run's objects that was added after a date.
func (p *probe) after(date string) []string {
	return set(p.view("objects").query, "added_after", date)
}

func addedAfterChecks() []Check {
	return []Check{
		reading("filter/added-after", "gives with added_after what was added later, and nothing else", "R095 R096 R102", "3.13.1.1", func(p *probe) {
			at, want := p.split()
			p.selects(want, p.after(at.String())...)
		}),
		reading("filter/added-after-alone", "gives with added_after alone all that was added later", "R102", "3.13.1.1", func(p *probe) {
			v, s := p.view("objects"), p.seed()
			at, _ := p.split()
			own, _ := v.ours(items(p.walk(v, "added_after", at.String())))
			for _, o := range own {
				p.want(o.added > at, "an answer without %v, which was added before", o)
			}
			for _, o := range s.adds()[3] { // these have one version each
				p.want(o.added <= at || slices.Contains(own, o), "%v, which is missing", o)
			}
		}),
		reading("filter/added-after-exclusive", "leaves out what was added at the very date of added_after", "R102", "", func(p *probe) {
			s := p.seed()
			p.selects(nil, p.after(last(s.objects).String())...)
		}),
		reading("filter/added-after-microsecond", "tells dates apart that differ by a microsecond", "R019 R102", "", func(p *probe) {
			s := p.seed()
			t := last(s.objects) - 1
			p.selects(s.since(t), p.after(t.String())...)
		}),
		reading("filter/added-after-added", "compares added_after with the date of adding, not with dates in the object", "R106", "", func(p *probe) {
			p.selects(p.seed().objects, p.after("2024-06-01T00:00:00.000000Z")...)
		}),
		reading("filter/added-after-future", "answers 200 and nothing where nothing is that late", "R102 R235", "", func(p *probe) {
			p.selects(nil, p.after("9000-01-01T00:00:00.000000Z")...)
		}),
		reading("filter/added-after-epoch", "takes a date long before anything", "R102 K51", "", func(p *probe) {
			p.selects(p.seed().objects, p.after("1970-01-01T00:00:00.000000Z")...)
		}),
	}
}

// sinceLast asks for what was added later than a date, just before the last of this
// run's objects was added, that is cut to a step and written in some form.
func (p *probe) sinceLast(step taxii.Time, write func(taxii.Time) string) {
	s := p.seed()
	t := (last(s.objects) - 1) / step * step
	p.selects(s.since(t), p.after(write(t))...)
}

func addedAfterFormChecks() []Check {
	zone := func(t taxii.Time) string {
		return t.Time().In(time.FixedZone("", 2*60*60)).Format("2006-01-02T15:04:05.000000-07:00")
	}
	malformed := func(id, what, value string) Check {
		return reading("filter/added-after-"+id, "answers 400 to an added_after that is "+what, "R093 R103", "", func(p *probe) {
			p.badQuery(p.objects("added_after", value))
		})
	}
	return []Check{
		reading("filter/added-after-seconds", "takes an added_after without a fraction", "K31", "", func(p *probe) {
			p.selects(p.seed().objects, p.after("2024-06-01T00:00:00Z")...)
		}),
		reading("filter/added-after-milliseconds", "takes an added_after with three digits of a second", "K31", "", func(p *probe) {
			p.sinceLast(1000, func(t taxii.Time) string { return t.Time().Format("2006-01-02T15:04:05.000Z") })
		}),
		reading("filter/added-after-nanoseconds", "takes an added_after with nine digits of a second, and does not round it up", "K31", "", func(p *probe) {
			p.sinceLast(1, func(t taxii.Time) string { return t.Time().Format("2006-01-02T15:04:05.000000") + "999Z" })
		}),
		reading("filter/added-after-stripped", "takes an added_after without the zeros at its end", "K31", "", func(p *probe) {
			p.sinceLast(10, func(t taxii.Time) string { return t.Time().Format("2006-01-02T15:04:05.999999Z") })
		}),
		reading("filter/added-after-offset", "takes an added_after with an offset from UTC", "K31", "", func(p *probe) { p.sinceLast(1, zone) }),
		reading("filter/added-after-space", "takes an offset whose plus sign was left unescaped", "K31", "", func(p *probe) {
			s := p.seed()
			t := last(s.objects) - 1
			v := p.view("objects")
			v.at = func(query ...string) string { return strings.ReplaceAll(p.objects(query...), "%2B", "+") }
			p.picks(v, s.since(t), p.after(zone(t))...)
		}),
		reading("filter/added-after-empty", "takes an empty added_after for none", "K30", "", func(p *probe) {
			p.selects(p.seed().objects, p.after("")...)
		}),
		malformed("text", "no date", "yesterday"),
		malformed("number", "a number of seconds", "1709287200"),
		malformed("day", "a day without a time", "2024-03-01"),
		malformed("impossible", "a date that does not exist", "2024-02-31T00:00:00.000000Z"),
		malformed("trailing", "a date with letters after it", "2024-03-01T00:00:00.000000Zulu"),
		malformed("list", "more than one date", "2024-03-01T00:00:00.000000Z,2024-03-02T00:00:00.000000Z"),
	}
}

func limitChecks() []Check {
	malformed := func(id, what, value string) Check {
		return reading("filter/limit-"+id, "answers 400 to a limit that is "+what, "R093 R107", "", func(p *probe) {
			p.badQuery(p.objects("limit", value))
		})
	}
	return []Check{
		reading("filter/limit", "gives no more objects than limit", "R095 R096 R108", "3.13.1.2", func(p *probe) {
			p.want(len(p.cut(p.view("objects"), "3").items) <= 3, "at most 3 objects")
		}),
		reading("filter/limit-alone", "keeps to limit where it stands alone", "R108", "3.13.1.2", func(p *probe) {
			p.seed()
			p.want(len(p.list(p.objects("limit", "1")).items) == 1, "one object")
		}),
		reading("filter/limit-exact", "does not say that there is more where limit is just what there is", "R109 R142", "", func(p *probe) {
			want := p.indicators()
			l := p.list(p.objects("match[id]", joined(want), "limit", "5"))
			p.want(len(l.items) < len(want) || !l.more, "more false or absent with the last object")
			p.selects(want, "match[id]", joined(want), "limit", "5")
		}),
		reading("filter/limit-above", "gives all where limit is more than there is", "R109", "", func(p *probe) {
			p.selects(p.indicators(), "match[id]", joined(p.indicators()), "limit", "6")
		}),
		reading("filter/limit-high", "lowers a limit above its own, and does not refuse it", "R110 K34", "", func(p *probe) {
			s := p.seed()
			p.selects(s.objects, set(p.view("objects").query, "limit", "1000000")...)
		}),
		reading("filter/limit-huge", "does not break on a limit that no number holds", "R093 K34", "", func(p *probe) {
			a := p.get(p.objects("limit", "99999999999999999999"))
			p.status(a, http.StatusOK, http.StatusBadRequest)
		}),
		reading("filter/limit-empty", "takes an empty limit for none", "K30", "", func(p *probe) {
			p.selects(p.indicators(), "match[id]", joined(p.indicators()), "limit", "")
		}),
		malformed("zero", "zero", "0"),
		malformed("negative", "negative", "-1"),
		malformed("text", "no number", "many"),
		malformed("fraction", "no whole number", "1.5"),
		malformed("trailing", "a number with letters after it", "5x"),
	}
}

// indicators gives five objects of one Add, each in one version.
func (p *probe) indicators() []*object {
	return p.seed().which(func(o *object) bool { return o.kind == "indicator" && o.name != "revoked" })
}

// amongMany names the objects of this run among others that there are not, as
// match[id] does.
func (p *probe) amongMany() string {
	list := ids(p.seed().objects)
	for range 20 {
		list = append([]string{"indicator--" + taxii.NewID()}, append(list, "malware--"+taxii.NewID())...)
	}
	return strings.Join(list, ",")
}

func matchIDChecks() []Check {
	return []Check{
		reading("filter/id", "gives with match[id] that object alone", "R095 R096 R114 R120", "3.13.1.3", func(p *probe) {
			o := p.seed().one("identity")
			p.selects([]*object{o}, "match[id]", o.id)
		}),
		reading("filter/id-several", "gives with several ids in match[id] each of those objects", "R117 R120", "3.13.1.3 3.13.1.7", func(p *probe) {
			s := p.seed()
			want := []*object{s.one("identity"), s.one("marking"), s.one("address"), s.one("note")}
			p.selects(want, "match[id]", joined(want))
		}),
		reading("filter/id-many", "takes many ids in match[id]", "R117 R120", "3.13.1.7", func(p *probe) {
			p.selects(p.seed().latest(), "match[id]", p.amongMany())
		}),
		reading("filter/id-unknown", "gives nothing for an id that nothing has", "R120 R235", "", func(p *probe) {
			p.seed()
			p.selects(nil, "match[id]", "indicator--"+taxii.NewID())
		}),
		reading("filter/id-some-unknown", "gives what it has where it does not have all ids", "R117 R120", "3.13.1.7", func(p *probe) {
			o := p.seed().one("identity")
			p.selects([]*object{o}, "match[id]", "indicator--"+taxii.NewID()+","+o.id)
		}),
		reading("filter/id-malformed", "gives nothing, or an error 400, for what is no id", "R093 R120", "", func(p *probe) { p.none("match[id]", "not-an-id") }),
		reading("filter/id-part", "does not take the beginning of an id for the id", "R120", "", func(p *probe) {
			id := p.seed().one("identity").id
			p.none("match[id]", id[:len(id)-1])
		}),
		reading("filter/id-wildcard", "does not take signs in an id for wildcards", "R120", "", func(p *probe) {
			p.seed()
			p.none("match[id]", "identity--%")
			p.none("match[id]", "*")
		}),
	}
}

// none wants that a query gives no object: an empty page or a 400.
func (p *probe) none(query ...string) {
	a := p.get(p.objects(query...))
	p.status(a, http.StatusOK, http.StatusBadRequest)
	if a.status == http.StatusOK {
		var v page
		p.read(a, &v)
		p.want(len(v.Objects) == 0, "no objects")
	}
}

// stixTypes are the types that STIX 2.1 defines.
const stixTypes = "attack-pattern,campaign,course-of-action,grouping,identity,indicator,infrastructure,intrusion-set,location,malware," +
	"malware-analysis,note,observed-data,opinion,report,threat-actor,tool,vulnerability,relationship,sighting,language-content," +
	"marking-definition,extension-definition,artifact,autonomous-system,directory,domain-name,email-addr,email-message,file,ipv4-addr," +
	"ipv6-addr,mac-addr,mutex,network-traffic,process,software,url,user-account,windows-registry-key,x509-certificate"

func matchTypeChecks() []Check {
	return []Check{
		reading("filter/type", "gives with match[type] objects of that type, and no others", "R095 R096 R114 R121", "3.13.1.4", func(p *probe) {
			p.selects(append(p.indicators(), p.seed().one("revoked")), "match[type]", "indicator")
		}),
		reading("filter/type-alone", "keeps to match[type] where it stands alone", "R121", "3.13.1.4", func(p *probe) {
			p.seed()
			l := p.list(p.objects("match[type]", "relationship"))
			p.need(len(l.items) > 0, "objects")
			for _, raw := range l.items {
				var o struct{ Type string }
				p.want(json.Unmarshal(raw, &o) == nil && o.Type == "relationship", "relationships, and nothing else")
			}
		}),
		reading("filter/type-several", "gives with several types in match[type] objects of each", "R117 R121", "3.13.1.4 3.13.1.7", func(p *probe) {
			s := p.seed()
			p.selects([]*object{s.one("malware"), s.one("tool"), s.one("note")}, "match[type]", "malware,tool,note")
		}),
		reading("filter/type-without-modified", "finds by type what has no modified", "R121 K55", "", func(p *probe) {
			s := p.seed()
			p.selects([]*object{s.one("marking"), s.one("address"), s.one("file")}, "match[type]", "ipv4-addr,marking-definition,file")
		}),
		reading("filter/type-custom", "gives objects of a custom type, or says with an error that it may not be asked for", "R121 R123", "", func(p *probe) {
			o := p.seed().one("custom")
			if a := p.get(p.objects(p.mine([]string{"match[type]", o.kind})...)); a.status != http.StatusOK {
				p.failure(a, http.StatusBadRequest)
				return
			}
			p.selects([]*object{o}, "match[type]", o.kind)
		}),
		reading("filter/type-stix", "takes every type that STIX 2.1 defines", "R122", "", func(p *probe) {
			o := p.seed().one("identity")
			p.selects([]*object{o}, "match[id]", o.id, "match[type]", stixTypes)
		}),
		reading("filter/type-absent", "gives nothing, and no error, for a type of STIX 2.1 that it has no such object of", "R122 R235", "", func(p *probe) {
			p.seed()
			p.selects(nil, "match[type]", "infrastructure")
		}),
		reading("filter/type-quotes", "gives nothing, or an error 400, for what is no type", "R093 R121", "", func(p *probe) {
			p.seed()
			p.none("match[type]", "indicator' OR '1'='1")
		}),
	}
}
