package conformance

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/hansom-taxii/hansom/taxii"
)

func pagingChecks() []Check {
	list := slices.Concat(nextFormChecks(), walkChecks(), limitedWalkChecks(), cursorChecks(), foreignCursorChecks(), movingChecks())
	for _, v := range viewNames() {
		list = append(list, pagesOf(v[0], v[1])...)
	}
	return list
}

// urlSafe are the characters that no client and no proxy escapes (K43).
var urlSafe = regexp.MustCompile(`\A[A-Za-z0-9._~-]+\z`)

// paged asks for the first page of this run's objects, and has nothing to check
// where it comes without the next that the standard leaves free (R112); that the
// clients need one is a check of its own (K44).
func (p *probe) paged(v view, limit string) *listing {
	l := p.cut(v, limit)
	if l.next == "" {
		p.skip("the server gives no next")
	}
	return l
}

func nextFormChecks() []Check {
	return []Check{
		reading("paging/next-is-text", "writes next as a string", "R007 R166 K43", "", func(p *probe) {
			p.want(p.cut(p.view("objects"), "1").body["next"].Kind() == '"', "next in quotes")
		}),
		reading("paging/next-not-empty", "does not write an empty next", "K43 K44", "", func(p *probe) {
			l := p.cut(p.view("objects"), "1")
			p.want(l.next != "", "next with a value, not %s", l.body["next"])
		}),
		reading("paging/next-url-safe", "writes next in characters that need no escape in a URL", "K43", "", func(p *probe) {
			next := p.paged(p.view("objects"), "1").next
			p.want(urlSafe.MatchString(next), "letters, digits and the signs . _ ~ - alone in next, not %q", next)
		}),
		reading("paging/next-empty", "takes an empty next for none", "K30", "", func(p *probe) {
			v := p.view("objects")
			p.picks(v, v.own, set(v.query, "next", "")...)
		}),
	}
}

// pagesOf gives the checks that are the same for each of the four endpoints.
func pagesOf(name, what string) []Check {
	rows := ""
	if name == "objects" || name == "manifest" {
		rows = "3.14.1"
	}
	return []Check{
		reading("paging/"+name+"-limit", "keeps every page of "+what+" to limit", "R108", "", func(p *probe) {
			v := p.view(name)
			p.cut(v, "2")
			for _, l := range p.walk(v, set(v.query, "limit", "2")...) {
				p.want(len(l.items) <= 2, "at most 2 in a page")
			}
		}),
		reading("paging/"+name+"-more", "says that there is more with a page of "+what+" that limit has cut", "R111 R142", rows, func(p *probe) {
			v := p.view(name)
			p.want(p.list(v.at(set(v.query, "limit", "1")...)).more, "more true: limit is 1 and %d match", len(v.own))
		}),
		reading("paging/"+name+"-next", "gives next with every page of "+what+" after which there is more", "R112 K44 K45", "", func(p *probe) {
			v := p.view(name)
			p.cut(v, v.few())
			for _, l := range p.walk(v, set(v.query, "limit", v.few())...) {
				p.want(!l.more || l.next != "", "next beside more true")
			}
		}),
		reading("paging/"+name+"-last", "gives no next with the last page of "+what, "R144 K44", "", func(p *probe) {
			v := p.view(name)
			p.cut(v, v.few())
			pages := p.walk(v, set(v.query, "limit", v.few())...)
			_, there := pages[len(pages)-1].body["next"]
			p.want(!there, "a last page without next")
		}),
		reading("paging/"+name+"-alone", "goes on in "+what+" with next alone, limit beside it", "K40", rows, func(p *probe) {
			v := p.view(name)
			p.cut(v, v.few())
			p.exactly(v, p.walkBy(v, set(v.query, "limit", v.few()), func(l *listing) []string {
				p.want(l.next != "", "next beside more true")
				return []string{"next", l.next, "limit", v.few()}
			}), v.own)
		}),
		reading("paging/"+name+"-repeated", "goes on in "+what+" with next and the same parameters", "R113 R145 K40", rows, func(p *probe) {
			v := p.view(name)
			p.cut(v, v.few())
			p.picks(v, v.own, set(v.query, "limit", v.few())...)
		}),
		reading("paging/"+name+"-dates", "loses nothing of "+what+" where a client goes on by X-TAXII-Date-Added-Last", "R146 R147", "3.14.2", func(p *probe) {
			p.byDates(p.view(name))
		}),
		reading("paging/"+name+"-ascending", "gives the pages of "+what+" in the order of adding", "R141 K47", "", func(p *probe) {
			v := p.view(name)
			p.cut(v, v.few())
			own, _ := v.ours(items(p.walk(v, set(v.query, "limit", v.few())...)))
			p.want(slices.IsSortedFunc(own, byDate), "nothing before what was added earlier")
		}),
		reading("paging/"+name+"-garbage", "answers 400 to a next that it never gave, in "+what, "R093 R150", "", func(p *probe) {
			v := p.view(name)
			p.badQuery(v.at(set(v.query, "next", "no-such-page")...))
		}),
	}
}

// few is a limit that cuts what a view gives into five or six pages, or pages of one.
func (v view) few() string { return strconv.Itoa(max(1, len(v.own)/5)) }

// byDates walks by date alone. Where a page ends between objects of one date and
// gives a next, the standard lets a client lose the others of that date (R147).
func (p *probe) byDates(v view) {
	limit := strconv.Itoa(min(3, len(v.own)-1))
	p.cut(v, limit)
	ends := map[taxii.Time]bool{}
	pages := p.walkBy(v, set(v.query, "limit", limit), func(l *listing) []string {
		at := p.date(l, "Last")
		ends[at] = ends[at] || l.next != ""
		return set(set(v.query, "limit", limit), "added_after", at.String())
	})
	p.need(len(pages) > 1, "several pages")
	got, _ := v.ours(items(pages))
	want := slices.DeleteFunc(slices.Clone(v.own), func(o *object) bool { return ends[o.added] && !slices.Contains(got, o) })
	p.same(got, want)
}

func walkChecks() (list []Check) {
	for _, limit := range []string{"1", "3", "100"} {
		list = append(list, reading("paging/walk-"+limit, "gives every object once in pages of "+limit, "R094 R110 R145", "3.14.1", func(p *probe) {
			v := p.view("objects")
			p.picks(v, v.own, set(v.query, "limit", limit)...)
		}))
	}
	return append(list,
		reading("paging/walk-without-limit", "gives every object once in pages of its own size", "R094 R145 K34", "3.14.1", func(p *probe) {
			v, s := p.view("objects"), p.seed()
			own, _ := v.ours(items(p.walk(v, "added_after", s.before.String(), "match[version]", "all", "match[spec_version]", "2.0,2.1")))
			p.same(own, s.objects)
		}),
		reading("paging/walk-latest", "gives each object once, in its latest version, in pages of 3", "R126 R145", "3.14.1", func(p *probe) {
			p.selects(p.seed().latest(), "limit", "3")
		}),
		reading("paging/walk-after", "keeps to added_after in every page", "R102 R145", "3.14.1", func(p *probe) {
			at, want := p.split()
			p.selects(want, set(p.after(at.String()), "limit", "2")...)
		}),
		reading("paging/walk-type", "keeps to match[type] in every page", "R121 R145", "3.14.1", func(p *probe) {
			p.selects(append(p.indicators(), p.seed().one("revoked")), "match[type]", "indicator", "limit", "2")
		}),
		reading("paging/walk-type-alone", "keeps to match[type] in every page where next stands alone", "R121 K40", "", func(p *probe) {
			v, s := p.view("objects"), p.seed()
			query := []string{"match[id]", joined(s.objects), "match[type]", "indicator", "limit", "2"}
			p.need(p.list(v.at(query...)).more, "several pages")
			p.exactly(v, p.walkBy(v, query, func(l *listing) []string {
				p.want(l.next != "", "next beside more true")
				return []string{"next", l.next, "limit", "2"}
			}), append(p.indicators(), s.one("revoked")))
		}),
		reading("paging/more-leads-on", "gives an object at least in every page, and does not lead to an empty one", "R142 K44", "", func(p *probe) {
			v := p.view("objects")
			for limit := 2; limit < len(v.own); limit++ {
				if len(v.own)%limit != 0 {
					continue // the last page would not be full
				}
				for _, l := range p.walk(v, set(v.query, "limit", strconv.Itoa(limit))...) {
					p.want(len(l.items) > 0, "an object")
				}
			}
		}),
		reading("paging/filter-first", "fills a page after it has filtered, not before", "R109 K44", "", func(p *probe) {
			o := p.seed().one("note")
			l := p.list(p.objects(p.mine([]string{"match[type]", "note", "limit", "2"})...))
			own, _ := p.view("objects").ours(l.items)
			p.same(own, []*object{o})
		}),
	)
}

func limitedWalkChecks() []Check {
	return []Check{
		reading("paging/limit-lowered", "takes a smaller limit in the middle of a walk", "R108 K35", "", func(p *probe) { p.changing("5", "2") }),
		reading("paging/limit-raised", "takes a larger limit in the middle of a walk", "R108 K35", "", func(p *probe) { p.changing("2", "7") }),
		reading("paging/limit-left-out", "takes next without limit after a page with one", "K35 K40", "", func(p *probe) {
			v := p.view("objects")
			p.paged(v, "4")
			p.exactly(v, p.walkBy(v, set(v.query, "limit", "4"), func(l *listing) []string { return set(v.query, "next", l.next) }), v.own)
		}),
	}
}

// changing walks with another limit from the second page on.
func (p *probe) changing(first, then string) {
	v := p.view("objects")
	p.paged(v, first)
	most, _ := strconv.Atoi(then)
	pages := p.walkBy(v, set(v.query, "limit", first), func(l *listing) []string { return p.onward(l, set(v.query, "limit", then)) })
	for _, l := range pages[1:] {
		p.want(len(l.items) <= most, "at most %d in a page from the second on", most)
	}
	p.exactly(v, pages, v.own)
}

func cursorChecks() []Check {
	return []Check{
		reading("paging/again", "gives the same page again for the same next", "K42", "", func(p *probe) {
			v := p.view("objects")
			address := v.at(p.onward(p.paged(v, "2"), set(v.query, "limit", "2"))...)
			once, _ := v.ours(p.list(address).items)
			p.need(len(once) > 0, "a page after the first")
			again, _ := v.ours(p.list(address).items)
			p.want(slices.Equal(once, again), "the page that came before: %v", once)
		}),
		reading("paging/again-later", "takes the first next again when the walk has ended", "K42", "", func(p *probe) {
			v := p.view("objects")
			query := set(v.query, "limit", "5")
			p.paged(v, "5")
			pages := p.walk(v, query...)
			p.need(len(pages) > 2, "several pages")
			want, _ := v.ours(pages[1].items)
			got, _ := v.ours(p.list(v.at(p.onward(pages[0], query)...)).items)
			p.same(got, want)
		}),
		reading("paging/tampered", "does not break on a next that was changed, and gives nothing outside the query for it", "R150 R151", "", func(p *probe) {
			v := p.view("objects")
			next := []byte(p.paged(v, "2").next)
			next[len(next)/2] ^= 1
			a := p.get(v.at(set(set(v.query, "limit", "2"), "next", string(next))...))
			p.status(a, http.StatusOK, http.StatusBadRequest)
			if a.status == http.StatusOK {
				var given page
				p.read(a, &given)
				_, others := v.ours(given.Objects)
				p.want(others == 0, "nothing but what the query asks for")
			}
		}),
		reading("paging/contradicted", "gives nothing outside the query for a next that was given for another one", "R151 K40", "", func(p *probe) {
			v := p.view("objects")
			v.query = p.mine([]string{"match[type]", "indicator"})
			first := p.paged(v, "1")
			a := p.get(p.objects(p.mine([]string{"match[type]", "malware", "limit", "1", "next", first.next})...))
			p.status(a, http.StatusOK, http.StatusBadRequest)
			if a.status == http.StatusOK {
				var given page
				p.read(a, &given)
				there, others := v.ours(given.Objects)
				p.want(others == 0 && !slices.ContainsFunc(there, func(o *object) bool { return o.kind != "malware" }), "malware alone, or an error 400")
			}
		}),
		reading("paging/next-grants-nothing", "gives nobody more for a next that was given to another account", "R075 R150 R151", "", func(p *probe) {
			if p.suite.target.Account.Name == "" {
				p.skip("the checks have no account: there is nobody who may see less")
			}
			v := p.view("objects")
			address := v.at(p.onward(p.paged(v, "2"), set(v.query, "limit", "2"))...)
			if p.get(p.objects("limit", "1"), anonymous()).status == http.StatusOK {
				p.skip("anyone may read the Collection %s", p.suite.target.Writable)
			}
			p.status(p.get(address, anonymous()), http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound)
		}),
	}
}
