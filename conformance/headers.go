package conformance

import (
	"regexp"
	"slices"
	"strconv"

	"github.com/hansom-taxii/hansom/taxii"
)

// taxiiTime is the one form of a TAXII timestamp (R018 to R020).
var taxiiTime = regexp.MustCompile(`\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\z`)

func headerChecks() (list []Check) {
	for _, v := range viewNames() {
		list = append(list, datesOf(v[0], v[1])...)
	}
	return slices.Concat(list, emptyDatesChecks(), cutDatesChecks())
}

// datesOf gives the checks that are the same for each of the four endpoints.
func datesOf(name, what string) []Check {
	rule := map[string]string{"objects": "R232", "manifest": "R221", "object": "R247", "versions": "R261"}[name]
	return []Check{
		reading("headers/"+name+"-there", "sends both date headers once with "+what, "R059 R060 K50 "+rule, "", func(p *probe) {
			l := p.cut(p.view(name), "2")
			for _, which := range []string{"First", "Last"} {
				values := l.header.Values("X-TAXII-Date-Added-" + which)
				p.want(len(values) == 1, "one X-TAXII-Date-Added-%s, not %d", which, len(values))
			}
		}),
		reading("headers/"+name+"-form", "writes both date headers of "+what+" with six digits of a second and Z", "R018 R019 R020 R061 K50", "", func(p *probe) {
			l := p.cut(p.view(name), "2")
			for _, which := range []string{"First", "Last"} {
				value := l.header.Get("X-TAXII-Date-Added-" + which)
				p.want(taxiiTime.MatchString(value), "X-TAXII-Date-Added-%s in the form YYYY-MM-DDTHH:MM:SS.ssssssZ, not %q", which, value)
			}
		}),
		reading("headers/"+name+"-first", "says in X-TAXII-Date-Added-First when the first in a page of "+what+" was added", "R062", "", func(p *probe) {
			p.eachPage(name, func(l *listing, own []*object) {
				p.want(p.date(l, "First") == own[0].added, "X-TAXII-Date-Added-First %s, the date of %v", own[0].added, own[0])
			})
		}),
		reading("headers/"+name+"-last", "says in X-TAXII-Date-Added-Last when the last in a page of "+what+" was added", "R062", "3.14.2", func(p *probe) {
			p.eachPage(name, func(l *listing, own []*object) {
				end := own[len(own)-1]
				p.want(p.date(l, "Last") == end.added, "X-TAXII-Date-Added-Last %s, the date of %v", end.added, end)
			})
		}),
	}
}

// eachPage looks at the pages of a walk, of several each.
func (p *probe) eachPage(name string, look func(*listing, []*object)) {
	v := p.view(name)
	limit := strconv.Itoa(max(2, len(v.own)/5))
	p.cut(v, limit)
	for _, l := range p.walk(v, set(v.query, "limit", limit)...) {
		own, others := v.ours(l.items)
		p.need(len(own) > 0 && others == 0, "pages of what this run has added")
		look(l, own)
	}
}

func emptyDatesChecks() (list []Check) {
	for _, v := range viewNames() {
		if v[0] == "object" { // it may be a 404 (R251)
			continue
		}
		list = append(list, reading("headers/"+v[0]+"-empty", "keeps a client at the date it asked with where a page of "+v[1]+" is empty", "R059 R060 R063 K51", "", func(p *probe) {
			v := p.view(v[0])
			at := last(p.seed().objects)
			l := p.list(v.at(set(v.query, "added_after", at.String())...))
			p.want(len(l.items) == 0, "an empty page")
			p.want(p.date(l, "First") == at && p.date(l, "Last") == at, "both date headers with the date of added_after, %s", at)
		}))
	}
	return append(list, reading("headers/empty-without-date", "sends timestamps in both date headers of an empty page without a date", "R059 R060 R061 R063 K51", "", func(p *probe) {
		p.seed()
		l := p.list(p.objects("match[id]", "malware--"+taxii.NewID()))
		for _, which := range []string{"First", "Last"} {
			value := l.header.Get("X-TAXII-Date-Added-" + which)
			p.want(taxiiTime.MatchString(value), "X-TAXII-Date-Added-%s with a timestamp, not %q", which, value)
		}
	}))
}

func cutDatesChecks() []Check {
	return []Check{
		reading("headers/end", "gives nothing again to a client that asks on from X-TAXII-Date-Added-Last of the last page", "R062 R102", "3.14.2", func(p *probe) {
			v := p.view("objects")
			pages := p.walk(v, v.query...)
			p.exactly(v, pages, v.own)
			p.picks(v, nil, set(v.query, "added_after", p.date(pages[len(pages)-1], "Last").String())...)
		}),
		reading("headers/end-cut", "gives nothing again to a client that cuts X-TAXII-Date-Added-Last to milliseconds", "K46", "", func(p *probe) {
			v := p.view("objects")
			pages := p.walk(v, v.query...)
			p.exactly(v, pages, v.own)
			at := p.date(pages[len(pages)-1], "Last").Time().Format("2006-01-02T15:04:05.000Z")
			p.picks(v, nil, set(v.query, "added_after", at)...)
		}),
		reading("headers/whole-milliseconds", "dates the last object of every Add on a whole millisecond", "K46", "", func(p *probe) {
			for _, group := range p.seed().adds() {
				at := p.endOf(group)
				p.want(at%1000 == 0, "a last date on a whole millisecond, not %s", at)
			}
		}),
		reading("headers/distinct", "gives no two versions the same date", "K46", "", func(p *probe) {
			seen := map[taxii.Time]bool{}
			for _, r := range p.allRecords() {
				at, err := taxii.ParseTime(r.DateAdded)
				p.want(err == nil && !seen[at], "one version for each date; %s has two", r.DateAdded)
				seen[at] = true
			}
			p.need(len(seen) == len(p.seed().objects), "a record for each version")
		}),
	}
}
