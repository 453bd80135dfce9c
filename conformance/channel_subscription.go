package conformance

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// subscription is a Subscription as it came.
type subscription struct {
	p   *probe
	url string // ends in a slash

	ID           string              `json:"id"`
	Name         string              `json:"name"`
	Selector     map[string][]string `json:"selector"`
	Position     string              `json:"position"`
	Pending      int                 `json:"pending"`
	PendingBytes int                 `json:"pending_bytes"`
	Gap          *gap                `json:"gap"`
}

// subscribe creates a Subscription.
func (c *room) subscribe(v draft, options ...option) *subscription {
	a := c.p.sends(http.MethodPost, c.at("subscriptions/"), v, options...)
	c.p.status(a, http.StatusCreated)
	c.p.taxii(a)
	return c.subscribed(a)
}

func (c *room) subscribed(a *answer) *subscription {
	s := &subscription{p: c.p}
	c.p.read(a, s)
	c.p.want(s.ID != "" && s.Position != "", "a Subscription with an id and a position")
	s.url = c.at("subscriptions/" + s.ID + "/")
	return s
}

// now reads the Subscription again.
func (s *subscription) now(options ...option) *subscription {
	v := &subscription{p: s.p, url: s.url}
	s.p.read(s.p.ok(s.url, options...), v)
	return v
}

// read reads on from the position.
func (s *subscription) read(query ...string) messages {
	return s.p.readAt(s.url + "messages/" + asked(query))
}

// subscriptions lists the Subscriptions that an account sees.
func (c *room) subscriptions(options ...option) (ids []string) {
	var v struct{ Subscriptions []subscription }
	c.p.read(c.p.ok(c.at("subscriptions/"), options...), &v)
	for _, s := range v.Subscriptions {
		ids = append(ids, s.ID)
	}
	return ids
}

func subscriptionChecks() []Check {
	return slices.Concat(badSubscriptions(), []Check{
		following("sub-create", "creates a Subscription with an id, a position, what is pending, when it ends unless it is used, and dates: 201", "CH3 CH6 S29", subscriptionShape),
		following("sub-latest", "starts a Subscription at latest where no start is named", "CH6", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			last := c.one()
			s := c.subscribe(draft{})
			p.want(s.Pending == 0 && s.PendingBytes == 0 && s.Position == last, "nothing pending, at the cursor of the newest Message")
			p.sames(s.read().ids(), nil)
		}),
		following("sub-start", "starts a Subscription at earliest, at a cursor or at a date, as it is told", "CH6", subscriptionStarts),
		following("sub-start-malformed", "answers 400 to a start that is none of these", "CH6", func(p *probe) {
			c, _ := p.hall()
			p.failure(p.sends(http.MethodPost, c.at("subscriptions/"), draft{"name": freshName(), "start": "somewhere"}), http.StatusBadRequest)
		}),
		following("sub-start-gone", "answers 410 to a start that cannot be honoured", "CH13 CH5.2", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			cursor := c.one()
			c.again()
			p.reason(p.sends(http.MethodPost, c.at("subscriptions/"), draft{"start": cursor}), http.StatusGone, "replaced")
		}),
		following("sub-exists", "gives the Subscription that is there to who creates it again: 200, and start is ignored", "CH6", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			c.one()
			first := c.subscribe(draft{"selector": draft{"type": []string{"indicator"}}, "start": taxii.Latest})
			a := p.sends(http.MethodPost, c.at("subscriptions/"), draft{"selector": draft{"type": []string{"indicator"}}, "start": taxii.Earliest})
			p.status(a, http.StatusOK)
			again := c.subscribed(a)
			p.want(again.ID == first.ID && again.Position == first.Position, "the same Subscription at its position")
		}),
		following("sub-key", "tells Subscriptions apart by name and Selector", "CH6 S24", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			one, two := c.subscribe(draft{}), c.subscribe(draft{"name": "second"})
			three := c.subscribe(draft{"selector": draft{"type": []string{"tool"}}})
			p.want(one.ID != two.ID && two.ID != three.ID && one.ID != three.ID, "three Subscriptions")
			p.want(two.Name == "second" && one.Name == "", "their names")
		}),
		following("sub-canonical", "takes Selectors for the same that differ in order and repetition", "CH6 CH8", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			one := c.subscribe(draft{"selector": draft{"type": []string{"tool", "malware", "tool"}, "message_type": []string{"envelope"}}})
			p.want(slices.Equal(one.Selector["type"], []string{"malware", "tool"}), "the values sorted, each once, not %v", one.Selector["type"])
			a := p.sends(http.MethodPost, c.at("subscriptions/"), draft{"selector": draft{"message_type": []string{"envelope"}, "type": []string{"malware", "tool"}}})
			p.status(a, http.StatusOK)
			p.want(c.subscribed(a).ID == one.ID, "the same Subscription")
		}),
	})
}

// subscriptionLifeChecks are about Subscriptions that are there.
func subscriptionLifeChecks() []Check {
	return []Check{
		following("sub-list", "lists the account's own Subscriptions", "CH3 CH6 CH13", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			one, two := c.subscribe(draft{}), c.subscribe(draft{"name": "second"})
			ids := c.subscriptions()
			p.want(slices.Contains(ids, one.ID) && slices.Contains(ids, two.ID), "both Subscriptions in the list")
		}),
		following("sub-list-empty", "leaves the list out where there is no Subscription", "CH2", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.texts0(p.object(p.ok(c.at("subscriptions/"))), "subscriptions")
		}),
		following("sub-change", "changes the bounds of a Subscription and leaves the rest", "CH3 CH6 CH13", subscriptionChange),
		following("sub-if-match", "changes and ends a Subscription only under the ETag that it has", "CH3", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			s := c.subscribe(draft{})
			old := header("If-Match", `"none-such"`)
			p.failure(p.sends(http.MethodPut, s.url, draft{"max_pending": 5}, old), http.StatusPreconditionFailed)
			p.failure(p.do(http.MethodDelete, s.url, nil, old), http.StatusPreconditionFailed)
			p.status(p.sends(http.MethodPut, s.url, draft{"max_pending": 5}, header("If-Match", p.tag(s.url))), http.StatusOK)
			p.status(p.do(http.MethodDelete, s.url, nil, header("If-Match", p.tag(s.url))), http.StatusNoContent)
		}),
		following("sub-delete", "ends a Subscription: 204 without a body, and it is there no more", "CH3 CH6", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			s := c.subscribe(draft{})
			a := p.do(http.MethodDelete, s.url, nil)
			p.status(a, http.StatusNoContent)
			p.want(len(a.body) == 0, "no body")
			for _, address := range []string{s.url, s.url + "messages/"} {
				p.failure(p.get(address), http.StatusNotFound)
			}
			p.failure(p.sends(http.MethodPut, s.url+"position/", draft{"cursor": taxii.Latest}), http.StatusNotFound)
			p.want(!slices.Contains(c.subscriptions(), s.ID), "the Subscription in no list")
		}),
		following("sub-unknown", "answers 404 to a Subscription that is not there", "CH3", func(p *probe) {
			c, _ := p.hall()
			for _, id := range []string{taxii.NewID(), "none"} {
				p.failure(p.get(c.at("subscriptions/"+id+"/")), http.StatusNotFound)
				p.failure(p.get(c.at("subscriptions/"+id+"/messages/")), http.StatusNotFound)
				p.failure(p.do(http.MethodDelete, c.at("subscriptions/"+id+"/"), nil), http.StatusNotFound)
			}
		}),
		following("sub-other", "answers 404 to another account that can read the Channel", "CH6", subscriptionOther),
		following("sub-manager", "lets who manages the Channel see and end the Subscriptions of others, and not read by them", "CH6 CH10", subscriptionManager),
		following("sub-forbidden", "answers 403 to a Subscription of who may only publish", "CH3 CH10", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_write")
			p.failure(p.sends(http.MethodPost, c.at("subscriptions/"), draft{}, other), http.StatusForbidden)
		}),
		following("sub-right-ended", "discards the Subscriptions of an account that loses the right to read", "CH6", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_read")
			s := c.subscribe(draft{}, other)
			c.grant("can_write")
			other = c.grant("can_read")
			p.failure(p.get(s.url, other), http.StatusNotFound)
		}),
		following("sub-push-inside", "sends no Message to an address of its own network for who asks it to", "CH9", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			a := p.sends(http.MethodPost, c.at("subscriptions/"), draft{"push": draft{"url": "https://127.0.0.1:9/hook"}})
			p.failure(a, http.StatusBadRequest, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusNotImplemented)
			p.sames(c.subscriptions(), nil)
		}),
	}
}

func subscriptionShape(p *probe) {
	c := p.newRoom()
	defer c.gone()
	c.one()
	a := p.sends(http.MethodPost, c.at("subscriptions/"), draft{"selector": draft{"type": []string{"indicator"}}, "start": c.start})
	p.status(a, http.StatusCreated)
	v := p.object(a)
	p.uuid(v)
	p.text(v, "position", true)
	for _, name := range []string{"pending", "pending_bytes", "idle_timeout"} {
		n, ok := whole(v[name])
		p.want(ok && n > 0, "%s as a number above 0, not %v", name, v[name])
	}
	idle, _ := whole(v["idle_timeout"])
	p.want(idle >= 7776000, "an idle_timeout of 90 days at the least, not %d", idle)
	for _, name := range []string{"last_seen", "expires", "created"} {
		p.want(taxiiTime.MatchString(p.text(v, name, true)), "%s with six digits of a second and Z", name)
	}
	_, gap := v["gap"]
	_, push := v["push"]
	p.want(!gap && !push && (v["name"] == nil || v["name"] == ""), "no gap, no push and no name")
	p.want(p.text(v, "expires", true) > p.text(v, "created", true), "expires after created")
}

func subscriptionStarts(p *probe) {
	c := p.newRoom()
	defer c.gone()
	one, two := c.publish(holding(fresh()))[0], c.publish(holding(fresh()))[0]
	for _, start := range []struct {
		at   string
		want []string
	}{{c.start, []string{one.ID, two.ID}}, {one.place(), []string{two.ID}}, {one.Version, []string{two.ID}}, {taxii.Latest, nil}} {
		s := c.subscribe(draft{"name": freshName(), "start": start.at})
		p.want(s.Pending == len(start.want), "%d pending from start %s, not %d", len(start.want), start.at, s.Pending)
		p.sames(s.read().ids(), start.want)
	}
	s := c.subscribe(draft{"name": "all", "start": taxii.Earliest})
	p.sames(s.read("limit", "1000").ids(), c.read("limit", "1000").ids())
}

func subscriptionChange(p *probe) {
	c := p.newRoom()
	defer c.gone()
	s := c.subscribe(draft{"name": "n", "selector": draft{"type": []string{"tool"}}, "max_pending": 5})
	a := p.sends(http.MethodPut, s.url, draft{"max_pending_bytes": 9000, "idle_timeout": 86400 * 100})
	p.status(a, http.StatusOK)
	for _, v := range []map[string]any{p.object(a), p.object(p.ok(s.url))} {
		most, _ := whole(v["max_pending"])
		bytes, _ := whole(v["max_pending_bytes"])
		idle, _ := whole(v["idle_timeout"])
		p.want(most == 5 && bytes == 9000 && idle == 86400*100, "max_pending as it was, max_pending_bytes and idle_timeout as they were sent")
		p.want(v["id"] == s.ID && v["name"] == "n" && v["position"] == s.Position, "id, name and position as they were")
	}
}

func subscriptionOther(p *probe) {
	c := p.newRoom()
	defer c.gone()
	other := c.grant("can_read", "can_write")
	s := c.subscribe(draft{})
	p.failure(p.get(s.url, other), http.StatusNotFound)
	p.failure(p.get(s.url+"messages/", other), http.StatusNotFound)
	p.failure(p.sends(http.MethodPut, s.url, draft{"max_pending": 5}, other), http.StatusNotFound)
	p.failure(p.sends(http.MethodPut, s.url+"position/", draft{"cursor": taxii.Latest}, other), http.StatusNotFound)
	p.failure(p.do(http.MethodDelete, s.url, nil, other), http.StatusNotFound)
	p.want(!slices.Contains(c.subscriptions(other), s.ID), "the Subscription in no list of another account")
	p.want(s.now().ID == s.ID, "the Subscription as it was")
}

func subscriptionManager(p *probe) {
	c := p.newRoom()
	defer c.gone()
	other := c.grant("can_read")
	s := c.subscribe(draft{}, other)
	p.ok(s.url)
	a := p.get(s.url + "messages/")
	p.want(a.status == http.StatusNotFound || a.status == http.StatusForbidden, "no Messages by the Subscription of another account, and 404 or 403, not %d", a.status)
	p.status(p.do(http.MethodDelete, s.url, nil), http.StatusNoContent)
	p.failure(p.get(s.url, other), http.StatusNotFound)
}

// badSubscriptions are about Subscriptions that nobody can have.
func badSubscriptions() (list []Check) {
	for _, c := range []struct {
		name, what string
		v          any
	}{
		{"unreadable", "that is no JSON object", []byte(`["type"]`)},
		{"field", "whose Selector has a field that it does not know", draft{"selector": draft{"colour": []string{"red"}}}},
		{"version", "whose Selector wants another version than all", draft{"selector": draft{"version": []string{"last"}}}},
		{"values", "whose Selector has 101 values", draft{"selector": draft{"type": strings.Split(manyTypes(101), ",")}}},
		{"max-pending", "with a max_pending below 0", draft{"max_pending": -1}},
		{"idle", "with an idle_timeout below 0", draft{"idle_timeout": -1}},
	} {
		list = append(list, following("sub-bad-"+c.name, "refuses a Subscription "+c.what, "CH3 CH6 CH8", func(p *probe) {
			r, _ := p.hall()
			p.failure(p.sends(http.MethodPost, r.at("subscriptions/"), c.v), http.StatusBadRequest, http.StatusUnprocessableEntity)
		}))
	}
	return list
}

func subscriptionReadChecks() []Check {
	return []Check{
		following("sub-read", "reads on from the position, moves nothing, and repeats what was not acknowledged", "CH6 CH1", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			s := c.subscribe(draft{})
			id := c.quietly()
			for range 3 {
				m := s.read()
				p.sames(m.ids(), []string{id})
				p.want(m.Gap == nil && !m.created(), "no gap and no created")
			}
			p.want(s.now().Position == s.Position, "the position as it was")
		}),
		following("sub-read-pages", "reads in pages of limit Messages", "CH6", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			s := c.subscribe(draft{})
			list := c.publish(drafts(3)...)
			m := s.read("limit", "2")
			p.sames(m.ids(), []string{list[0].ID, list[1].ID})
			p.want(m.more() && m.Next == list[1].place(), "more true, and the cursor of the second as next")
		}),
		following("sub-ahead", "reads ahead of the position after a cursor, and acknowledges nothing by it", "CH6", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			s := c.subscribe(draft{})
			list := c.publish(drafts(3)...)
			p.sames(s.read("after", list[0].place()).ids(), []string{list[1].ID, list[2].ID})
			p.want(s.now().Position == s.Position, "the position as it was")
		}),
		following("sub-selector", "reads only what the Selector of the Subscription passes", "CH6 CH8", func(p *probe) {
			c, h := p.hall()
			s := c.subscribe(draft{"name": freshName(), "start": taxii.Earliest, "selector": draft{"type": []string{"malware"}}})
			m := s.read()
			p.sames(m.ids(), h.named("old", "pair"))
			p.want(m.Next == h.parcels[len(h.parcels)-1].cursor, "the cursor of the newest Message as next")
		}),
		following("sub-wait", "answers at once without Messages, and waits where it is told to", "CH6", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			s := c.subscribe(draft{})
			p.want(len(s.read().Messages) == 0, "no Message")
			began := time.Now()
			w := p.asks(s.url + "messages/?wait=20")
			time.Sleep(10 * nap)
			p.want(!w.here(), "an answer that waits for a Message")
			id := c.quietly()
			p.came(w, id, began)
		}),
		following("sub-readers", "gives each of several readers everything", "CH6", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			s := c.subscribe(draft{})
			one, two := p.asks(s.url+"messages/?wait=20"), p.asks(s.url+"messages/?wait=20")
			began := time.Now()
			time.Sleep(10 * nap)
			id := c.quietly()
			p.came(one, id, began)
			p.came(two, id, began)
		}),
	}
}

// subscriptionStreamChecks are about streams by a Subscription.
func subscriptionStreamChecks() []Check {
	return []Check{
		following("sub-stream", "streams from the position, and moves nothing", "CH6 CH5.3", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			s := c.subscribe(draft{})
			list := c.publish(drafts(2)...)
			live := p.follow(s.url + "messages/")
			defer live.end()
			live.sends(idsOf(list)...)
			id := c.quietly()
			live.sends(id)
			p.want(s.now().Position == s.Position, "the position as it was")
		}),
		following("sub-stream-last-id", "streams from Last-Event-ID where that is later than the position", "CH6 CH5.3", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			s := c.subscribe(draft{})
			list := c.publish(drafts(3)...)
			live := p.follow(s.url+"messages/", header("Last-Event-ID", list[1].place()))
			defer live.end()
			live.sends(list[2].ID)
		}),
	}
}
