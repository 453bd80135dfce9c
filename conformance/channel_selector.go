package conformance

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

func selectorChecks() []Check {
	return slices.Concat(passingChecks(), refusedSelectors(), []Check{
		following("match-id", "passes Messages that hold an object of an id", "CH8", func(p *probe) {
			c, h := p.hall()
			id := p.objectsIn(h.parcel("pair"))[0]
			p.sames(c.read("match[id]", id).ids(), h.named("pair"))
			p.sames(c.read("match[id]", "indicator--"+taxii.NewID()+","+id).ids(), h.named("pair"))
		}),
		following("match-same-object", "wants type, id and spec_version of one and the same object", "CH8", func(p *probe) {
			c, h := p.hall()
			ids := p.objectsIn(h.parcel("pair"))
			p.sames(c.read("match[type]", "malware", "match[id]", ids[0]).ids(), nil)
			p.sames(c.read("match[type]", "malware", "match[id]", ids[1]).ids(), h.named("pair"))
			p.sames(c.read("match[type]", "indicator", "match[spec_version]", "2.0").ids(), nil)
			p.sames(c.read("match[type]", "malware", "match[spec_version]", "2.0").ids(), h.named("old"))
		}),
		following("match-publisher", "passes Messages by their publisher, where publishers are shown", "CH8", func(p *probe) {
			c := p.newRoom("show_publishers", true)
			defer c.gone()
			other := c.grant("can_read", "can_write")
			own := c.quietly()
			st := p.took(p.do(http.MethodPost, c.at("messages/"), envelope(fresh()), other))
			p.sames(c.read("match[publisher]", p.suite.target.Account.Name).ids(), []string{own})
			p.sames(c.read("match[publisher]", p.suite.target.Other.Name).ids(), []string{st.Successes[0].ID})
		}),
		following("match-next", "says as next how far it looked, also where the Selector passed nothing", "CH5.1 CH8", func(p *probe) {
			c, h := p.hall()
			m := c.read("match[type]", "x-none")
			p.want(len(m.Messages) == 0 && m.Next == h.parcels[len(h.parcels)-1].cursor, "no Message, and the cursor of the newest as next")
		}),
		following("match-pages", "gives what a Selector passes in pages, each once", "CH5.1 CH8", func(p *probe) {
			c, h := p.hall()
			var ids []string
			for _, m := range c.walk(taxii.Earliest, "limit", "1", "match[type]", "indicator,malware") {
				ids = append(ids, m.ID)
			}
			p.sames(ids, h.named("indicator", "old", "pair"))
		}),
		following("match-encoded", "reads Selectors as clients write them", "CH8", func(p *probe) {
			c, h := p.hall()
			for _, query := range []string{"match[type]=tool,malware", "match%5Btype%5D=tool%2Cmalware", "match%5btype%5d=%6dalware", "match[type]=malware,malware"} {
				p.sames(p.readAt(c.at("messages/")+"?"+query).ids(), h.named("old", "pair"))
			}
		}),
		following("match-100", "takes 100 values of a Selector", "CH8", func(p *probe) {
			c, h := p.hall()
			p.sames(c.read("match[type]", manyTypes(99)+",indicator").ids(), h.named("indicator", "pair"))
		}),
	})
}

// manyTypes gives so many types that no object has.
func manyTypes(n int) string {
	var list []string
	for i := range n {
		list = append(list, "x-"+strings.Repeat("a", i/26)+string(rune('a'+i%26)))
	}
	return strings.Join(list, ",")
}

// objectsIn gives the ids of the objects of a Message.
func (p *probe) objectsIn(m *parcel) (ids []string) {
	var e struct{ Objects []struct{ ID string } }
	err := json.Unmarshal(m.content, &e)
	p.need(err == nil, "an Envelope: %v", err)
	for _, o := range e.Objects {
		ids = append(ids, o.ID)
	}
	return ids
}

// passingChecks are about what a Selector passes of the hall.
func passingChecks() (list []Check) {
	for _, c := range []struct {
		name, title string
		query, want []string
	}{
		{"type", "passes Messages that hold an object of a type", []string{"match[type]", "indicator"}, []string{"indicator", "pair"}},
		{"or", "passes what has any of the values of a field", []string{"match[type]", "file,malware"}, []string{"old", "pair", "file"}},
		{"and", "passes only what every field passes", []string{"match[type]", "indicator", "match[message_type]", "chat"}, nil},
		{"spec-version", "passes Messages that hold an object of a spec_version", []string{"match[spec_version]", "2.0"}, []string{"old"}},
		{"spec-version-both", "passes all Envelopes where all versions of STIX are named", []string{"match[spec_version]", "2.0,2.1"}, []string{"indicator", "old", "pair", "file"}},
		{"message-type", "passes Messages by their type", []string{"match[message_type]", "chat"}, []string{"chat"}},
		{"message-type-envelope", "passes Messages of the types that nobody named", []string{"match[message_type]", "envelope,content"}, []string{"indicator", "old", "pair", "text", "file"}},
		{"version-all", "takes match[version]=all, which a feed has", []string{"match[version]", "all"}, []string{"indicator", "old", "pair", "chat", "text", "file"}},
		{"no-envelope", "passes content that is no Envelope only where no object is asked for", []string{"match[spec_version]", "2.1"}, []string{"indicator", "pair", "file"}},
		{"none", "passes nothing where nothing matches", []string{"match[message_type]", "none"}, nil},
	} {
		list = append(list, following("match-"+c.name, c.title, "CH8", func(p *probe) {
			room, h := p.hall()
			p.sames(room.read(c.query...).ids(), h.named(c.want...))
		}))
	}
	return list
}

// refusedSelectors are about Selectors that would deliver too much if they were
// ignored.
func refusedSelectors() (list []Check) {
	for _, c := range []struct{ name, what, field, value string }{
		{"unknown", "a field that it does not know", "match[colour]", "red"},
		{"unknown-case", "a field in capitals", "match[Type]", "indicator"},
		{"bare", "match without a field", "match[]", "indicator"},
		{"version", "a version other than all", "match[version]", "last"},
		{"version-date", "a version by its date", "match[version]", "2024-03-01T10:00:00.000Z"},
		{"publisher-hidden", "a publisher where publishers are not shown", "match[publisher]", "someone"},
		{"101", "101 values", "match[type]", manyTypes(101)},
		{"4096", "more than 4096 octets", "match[id]", strings.Repeat("i", 2100) + "," + strings.Repeat("j", 2100)},
	} {
		list = append(list, following("match-bad-"+c.name, "answers 400 to a Selector with "+c.what, "CH2 CH8", func(p *probe) {
			room, _ := p.hall()
			p.failure(p.get(room.at("messages/", c.field, c.value)), http.StatusBadRequest)
			p.failure(p.get(room.at("", "wait", "0", c.field, c.value)), http.StatusBadRequest)
			p.failure(p.refusedStream(room.at("messages/", c.field, c.value)), http.StatusBadRequest)
		}))
	}
	return list
}
