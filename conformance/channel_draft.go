package conformance

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// asksNew asks as a client of the draft does, without waiting.
func (c *room) asksNew(query ...string) *answer {
	return c.p.get(c.at("", append([]string{"wait", "0"}, query...)...))
}

// none wants a read of the draft form to have brought nothing.
func (p *probe) none204(a *answer) {
	p.status(a, http.StatusNoContent)
	p.want(len(a.body) == 0, "no body")
}

// brought wants a read of the draft form to have brought Messages.
func (p *probe) brought(a *answer, ids ...string) (m messages) {
	p.status(a, http.StatusOK)
	p.taxii(a)
	p.read(a, &m)
	p.sames(m.ids(), ids)
	return m
}

// brings publishes a Message, which the next read must bring.
func (c *room) brings() messages {
	id := c.quietly()
	return c.p.brought(c.asksNew(), id)
}

func draftChecks() []Check {
	return []Check{
		following("draft-information", "answers a Channel's information where nothing is asked, and creates no Subscription", "CH7 S18 Q3", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.want(c.settings()["name"] == c.name, "the Channel")
			p.sames(c.subscriptions(), nil)
		}),
		following("draft-creates", "gets or creates the Subscription where anything is asked", "CH7 S21 S24 S25 S26", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.none204(c.asksNew())
			ids := c.subscriptions()
			p.want(len(ids) == 1, "one Subscription")
			p.none204(c.asksNew())
			p.sames(c.subscriptions(), ids)
			v := c.subscribed(p.get(c.at("subscriptions/" + ids[0] + "/")))
			p.want(v.Name == "" && len(v.Selector) == 0, "without name and Selector")
		}),
		following("draft-question-mark", "takes a bare question mark for a question", "CH7 Q3", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.none204(c.asksNew())
			id := c.quietly()
			p.brought(p.get(c.url+"?"), id)
		}),
		following("draft-latest", "starts a new Subscription at latest, so that what was there before does not come", "CH7", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			c.one()
			p.none204(c.asksNew())
			c.brings()
		}),
		following("draft-queued", "gives a Subscription that is there what came since", "CH7 S27", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.none204(c.asksNew())
			list := c.publish(drafts(3)...)
			m := p.brought(c.asksNew(), idsOf(list)...)
			p.want(!m.more() && m.Next == list[2].place(), "more false, and the cursor of the newest as next")
		}),
		following("draft-waits", "waits for new Messages where the Subscription was created", "CH7 S28 S21", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			began := time.Now()
			w := p.asks(c.at("", "wait", "20"))
			p.until("a Subscription that is created before the wait", func() bool { return len(c.subscriptions()) == 1 })
			p.want(!w.here(), "an answer that waits for a Message")
			id := c.quietly()
			p.came(w, id, began)
		}),
		following("draft-created", "says created in the first answer of a new Subscription, and in no other", "CH7 CH13", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.none204(c.asksNew())
			p.want(c.brings().created(), "created true")
			p.want(!c.brings().created(), "created true only once")
		}),
		following("draft-nothing", "answers 204 without a body after the time to wait", "CH7 S21", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			began := time.Now()
			p.none204(p.get(c.at("", "wait", "1")))
			p.want(time.Since(began) >= 900*time.Millisecond, "an answer after a second, not after %v", time.Since(began))
		}),
	}
}

// draftUntouchedChecks are about what creates and moves nothing.
func draftUntouchedChecks() []Check {
	return []Check{
		following("draft-wait-bounds", "answers 400 to a wait or a limit out of bounds, and creates nothing", "CH7 CH13", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			for _, query := range []string{"?wait=56", "?wait=-1", "?wait=long", "?wait=0&limit=0", "?wait=0&limit=1001"} {
				p.failure(p.get(c.url+query), http.StatusBadRequest)
			}
			p.sames(c.subscriptions(), nil)
		}),
		following("draft-foreign", "answers 400 to after, added_after, next and what it does not know, and creates nothing", "CH2 CH7 CH13 S21", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			for _, query := range [][]string{{"after", c.start}, {"added_after", "2024-01-01T00:00:00Z"}, {"next", c.start}, {"frobnicate", "1"}, {"type", "indicator"}} {
				p.failure(c.asksNew(query...), http.StatusBadRequest)
			}
			p.sames(c.subscriptions(), nil)
		}),
		following("draft-forbidden", "answers 403 to who may only publish", "CH3 S21", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_write")
			p.failure(p.get(c.at("?wait=0"), other), http.StatusForbidden)
		}),
		following("draft-head", "creates and moves nothing at HEAD, and answers with the headers of the Channel", "CH3 CH7 CH13", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			a := p.do(http.MethodHead, c.at("?wait=0"), nil)
			p.status(a, http.StatusOK)
			p.want(len(a.body) == 0, "no body")
			p.sames(c.subscriptions(), nil)
		}),
		following("draft-prefetch", "creates and moves nothing for a browser that fetches ahead", "CH7 CH13", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.status(p.get(c.at("?wait=0"), header("Sec-Purpose", "prefetch")), http.StatusOK)
			p.sames(c.subscriptions(), nil)
		}),
	}
}

func draftReadChecks() []Check {
	return []Check{
		following("draft-acknowledges", "takes the next read for an acknowledgement of the one before", "CH7 Q14", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.none204(c.asksNew())
			c.brings()
			c.brings()
			p.none204(c.asksNew())
		}),
		following("draft-limit", "gives at most limit Messages, then the others", "CH7 CH5", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.none204(c.asksNew())
			list := c.publish(drafts(3)...)
			p.want(p.brought(c.asksNew("limit", "2"), idsOf(list[:2])...).more(), "more true")
			p.brought(c.asksNew("limit", "2"), list[2].ID)
			p.want(len(c.subscriptions()) == 1, "one Subscription: limit is no part of the Selector")
		}),
		following("draft-selector", "has a Subscription for each Selector, whatever the order of its values", "CH7 CH8 S24", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			tools := []string{"match[type]", "tool,malware"}
			p.none204(c.asksNew(tools...))
			p.none204(c.asksNew())
			list := c.publish(holding(fresh()), holding(newObject("a", "tool")))
			p.brought(c.asksNew("match[type]", "malware,tool"), list[1].ID)
			p.brought(c.asksNew(), idsOf(list)...)
			p.want(len(c.subscriptions()) == 2, "two Subscriptions")
		}),
		following("draft-name", "has a Subscription for each name in subscription=", "CH7 S24", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.none204(c.asksNew("subscription", "one"))
			p.none204(c.asksNew("subscription", "two"))
			id := c.quietly()
			p.brought(c.asksNew("subscription", "one"), id)
			p.brought(c.asksNew("subscription", "two"), id)
			p.want(len(c.subscriptions()) == 2, "two Subscriptions")
		}),
		following("draft-accounts", "has a Subscription for each account", "CH7 S24", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_read")
			p.none204(c.asksNew())
			p.none204(p.get(c.at("?wait=0"), other))
			id := c.quietly()
			p.brought(c.asksNew(), id)
			p.brought(p.get(c.at("?wait=0"), other), id)
		}),
		following("draft-location", "names the Subscription in Content-Location, with Messages and without", "CH7 CH13", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			first := p.resolve(p.located(c.asksNew(), "Content-Location"))
			c.one()
			second := p.resolve(p.located(c.asksNew(), "Content-Location"))
			p.want(first == second && strings.Contains(first, "/subscriptions/"), "the Subscription, in both answers")
			p.want(slices.Contains(c.subscriptions(), c.subscribed(p.get(first)).ID), "the Subscription where Content-Location leads")
		}),
	}
}

// draftAckChecks are about acknowledgements and streams of the draft form.
func draftAckChecks() []Check {
	return []Check{
		following("draft-ack", "moves by ack alone once it was sent, so that nothing can be lost", "CH7 CH13 Q14", draftAck),
		following("draft-position", "moves by PUT position alone once it was used", "CH7 Q14", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			s := &subscription{p: p, url: strings.TrimSuffix(p.resolve(p.located(c.asksNew(), "Content-Location")), "/") + "/"}
			one := c.publish(holding(fresh()))[0]
			p.brought(c.asksNew(), one.ID)
			s.moves(draft{"cursor": one.place()})
			two := c.quietly()
			p.brought(c.asksNew(), two)
			p.brought(c.asksNew(), two)
		}),
		following("draft-ack-malformed", "answers 400 to an ack that is no cursor", "CH5.2 CH7", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.none204(c.asksNew())
			p.reason(c.asksNew("ack", "none"), http.StatusBadRequest, "malformed")
		}),
		following("draft-readable", "leaves Messages that were acknowledged by the next read to be read by cursor", "CH7 Q14", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.none204(c.asksNew())
			id := c.quietly()
			p.brought(c.asksNew(), id)
			p.none204(c.asksNew())
			p.sames(c.read().ids(), []string{id})
		}),
		following("draft-one", "ends the older of two reads with 204", "CH7", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.none204(c.asksNew())
			began := time.Now()
			older := p.asks(c.at("", "wait", "20"))
			time.Sleep(10 * nap)
			newer := p.asks(c.at("", "wait", "20"))
			p.none204(older.came())
			p.want(time.Since(began) < promptTime && !newer.here(), "the older ended by the newer, which goes on")
			id := c.quietly()
			p.came(newer, id, began)
		}),
		following("draft-stream", "streams to who accepts an event stream", "CH7 Q7", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.none204(c.asksNew())
			s := p.follow(c.at("?wait=0"))
			defer s.end()
			s.next()
			for range 2 {
				id := c.quietly()
				s.sends(id)
			}
		}),
		following("draft-stream-acknowledges", "takes the Last-Event-ID of the next connection for an acknowledgement, and nothing else", "CH7", draftStream),
		following("draft-not-found", "answers 404 to who reads a Channel that is not there, and creates nothing", "CH2 S21", func(p *probe) {
			p.failure(p.get(p.channels()+freshName()+"/?wait=0"), http.StatusNotFound)
		}),
	}
}

func draftAck(p *probe) {
	c := p.newRoom()
	defer c.gone()
	p.none204(c.asksNew())
	one := c.publish(holding(fresh()))[0]
	p.brought(c.asksNew(), one.ID)
	p.none204(c.asksNew("ack", one.place()))
	two := c.publish(holding(fresh()))[0]
	p.brought(c.asksNew(), two.ID)
	p.brought(c.asksNew(), two.ID)
	p.brought(c.asksNew("ack", one.place()), two.ID)
	p.none204(c.asksNew("ack", two.place()))
}

func draftStream(p *probe) {
	c := p.newRoom()
	defer c.gone()
	p.none204(c.asksNew())
	list := c.publish(drafts(3)...)
	first := p.follow(c.at("?wait=0"))
	first.sends(idsOf(list)...)
	first.end()
	second := p.follow(c.at("?wait=0"))
	second.sends(idsOf(list)...) // nobody has named an id
	second.end()
	third := p.follow(c.at("?wait=0"), header("Last-Event-ID", list[1].place()))
	third.sends(list[2].ID)
	third.end()
	s := c.subscribed(p.get(c.at("subscriptions/" + c.subscriptions()[0] + "/")))
	p.want(s.Position == list[1].place(), "the position at what Last-Event-ID named")
}
