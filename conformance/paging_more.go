package conformance

import (
	"net/http"
	"slices"
)

func foreignCursorChecks() []Check {
	return []Check{
		reading("paging/foreign-collection", "answers 400 to a next of another Collection", "R151 K41", "", func(p *probe) {
			next := p.paged(p.view("objects"), "2").next
			w := p.world()
			for _, c := range w.collections {
				if c.CanRead && c.ID != w.writable.ID {
					p.badQuery(p.collection(c.ID) + "objects/" + asked([]string{"limit", "2", "next", next}))
					return
				}
			}
			p.skip("the account sees no second Collection in that API Root that can be read")
		}),
		reading("paging/foreign-endpoint", "answers 400 to a next of the objects in the manifest", "R151 K41", "", func(p *probe) {
			v := p.view("objects")
			p.badQuery(p.manifest(set(set(v.query, "limit", "2"), "next", p.paged(v, "2").next)...))
		}),
		reading("paging/foreign-manifest", "answers 400 to a next of the manifest in the objects", "R151 K41", "", func(p *probe) {
			v := p.view("manifest")
			p.badQuery(p.objects(set(set(v.query, "limit", "2"), "next", p.paged(v, "2").next)...))
		}),
		reading("paging/foreign-object", "gives nothing of an object for its next at another object", "R151", "", func(p *probe) {
			next := p.paged(p.view("object"), "1").next
			other := p.viewOf("pattern")
			a := p.get(other.at(set(set(other.query, "limit", "1"), "next", next)...))
			p.status(a, http.StatusOK, http.StatusBadRequest)
			if a.status == http.StatusOK {
				var given page
				p.read(a, &given)
				_, others := other.ours(given.Objects)
				p.want(others == 0, "versions of %s alone, or an error 400", other.own[0].id)
			}
		}),
	}
}

func movingChecks() []Check {
	return []Check{
		reading("paging/added-meanwhile", "gives what is added during a walk at its end, or to who asks on from there", "R090 K47", "", func(p *probe) {
			v := p.view("objects")
			fresh := newObject("fresh", "indicator")
			query := set(set(v.query, "match[id]", joined(v.own)+","+fresh.id), "limit", "9")
			p.cut(v, "9")
			added := false
			pages := p.walkBy(v, query, func(l *listing) []string {
				if !added {
					p.need(p.added(fresh).SuccessCount == 1, "an object that is added during the walk")
					added = true
				}
				return p.onward(l, query)
			})
			p.need(len(pages) > 1, "several pages")
			end := pages[len(pages)-1]
			pages = append(pages, p.walk(v, set(query, "added_after", p.date(end, "Last").String())...)...)
			v.own = append(slices.Clone(v.own), fresh)
			p.exactly(v, pages, v.own)
			own, _ := v.ours(items(pages))
			p.want(own[len(own)-1] == fresh, "%v after all others", fresh)
		}),
		reading("paging/followed", "gives a client that asks on by date just what was added since", "R102 R105", "3.14.2", func(p *probe) {
			v := p.view("objects")
			fresh := newObject("fresh", "tool")
			query := set(v.query, "match[id]", joined(v.own)+","+fresh.id)
			pages := p.walk(v, query...)
			p.exactly(v, pages, v.own)
			at := p.date(pages[len(pages)-1], "Last").String()
			p.need(p.added(fresh).SuccessCount == 1, "an object that is added after the walk")
			v.own = append(slices.Clone(v.own), fresh)
			p.picks(v, []*object{fresh}, set(query, "added_after", at)...)
		}),
		reading("paging/long-query", "takes next beside a query of many ids", "R145 K40", "", func(p *probe) {
			v := p.view("objects")
			query := set(set(v.query, "match[id]", p.amongMany()), "limit", "11")
			p.need(p.list(v.at(query...)).more, "several pages")
			p.picks(v, v.own, query...)
		}),
	}
}
