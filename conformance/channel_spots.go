package conformance

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// spot is an endpoint of a Channel. In a path {message}, {subscription} and
// {invitation} stand for ids; status is that of a request which is right.
type spot struct {
	name, what, method, path string
	body                     any
	status                   int
}

// spots gives the endpoints of a Channel. What is "" in path is the Channel itself.
func spots() []spot {
	message := holding(newObject("spot", "indicator"))
	return []spot{
		{"channel", "a Channel", http.MethodGet, "", nil, 200},
		{"messages", "its Messages", http.MethodGet, "messages/", nil, 200},
		{"message", "one Message", http.MethodGet, "messages/{message}/", nil, 200},
		{"content", "the content of a Message", http.MethodGet, "messages/{message}/content/", nil, 200},
		{"draft-read", "a read in the form of the draft", http.MethodGet, "?wait=0", nil, 204},
		{"subscriptions", "the Subscriptions", http.MethodGet, "subscriptions/", nil, 200},
		{"subscription", "one Subscription", http.MethodGet, "subscriptions/{subscription}/", nil, 200},
		{"subscription-messages", "the Messages of a Subscription", http.MethodGet, "subscriptions/{subscription}/messages/", nil, 200},
		{"grants", "the grants", http.MethodGet, "grants/", nil, 200},
		{"invitations", "the invitations", http.MethodGet, "invitations/", nil, 200},
		{"publish", "a publication", http.MethodPost, "messages/", draft{"messages": []draft{message}}, 202},
		{"draft-publish", "a publication in the form of the draft", http.MethodPost, "", draft{"messages": []draft{message}}, 202},
		{"subscribe", "a new Subscription", http.MethodPost, "subscriptions/", draft{"name": "another"}, 201},
		{"change-subscription", "the change of a Subscription", http.MethodPut, "subscriptions/{subscription}/", draft{"max_pending": 10}, 200},
		{"position", "an acknowledgement", http.MethodPut, "subscriptions/{subscription}/position/", draft{"cursor": taxii.Latest}, 200},
		{"unsubscribe", "the end of a Subscription", http.MethodDelete, "subscriptions/{subscription}/", nil, 204},
		{"set-grants", "a change of the grants", http.MethodPut, "grants/", nil, 200},
		{"invite", "a new invitation", http.MethodPost, "invitations/", draft{}, 201},
		{"revoke", "the end of an invitation", http.MethodDelete, "invitations/{invitation}/", nil, 204},
		{"change", "a change of the Channel", http.MethodPut, "", draft{"description": "spot"}, 200},
		{"delete", "the end of the Channel", http.MethodDelete, "", nil, 204},
	}
}

// spotless makes a Channel with one of everything, and gives what stands for the
// ids of it.
func (p *probe) spotless() (*room, *strings.Replacer) {
	c := p.newRoom()
	return c, c.spots(c.publish(holding(fresh()))[0])
}

func (c *room) spots(d detail) *strings.Replacer {
	s := c.subscribe(draft{"name": "spot", "start": taxii.Earliest})
	if d.Cursor != nil { // so that "latest" stands for a cursor
		c.start = *d.Cursor
	}
	i := c.invite(draft{})
	return strings.NewReplacer("{message}", d.ID, "{subscription}", s.ID, "{invitation}", i.ID)
}

// ask asks at a spot of the Channel at an address, which ends in a slash.
func (p *probe) ask(s spot, c *room, ids *strings.Replacer, change func(string) string, options ...option) *answer {
	address := change(c.url + ids.Replace(s.path))
	body := s.body
	switch s.name {
	case "position":
		body = draft{"cursor": c.start}
	case "set-grants":
		body = draft{"grants": []draft{grantTo(p.suite.target.Account.Name, "can_read", "can_write", "can_manage")}}
	}
	if body == nil {
		return p.do(s.method, address, nil, options...)
	}
	return p.sends(s.method, address, body, options...)
}

func asItIs(address string) string { return address }

// unslashed takes the last slash off a path.
func unslashed(address string) string {
	path, query, asked := strings.Cut(address, "?")
	path = strings.TrimSuffix(path, "/")
	if asked {
		return path + "?" + query
	}
	return path
}

func channelSpotChecks() (list []Check) {
	for _, s := range spots() {
		list = append(list,
			following("slash-"+s.name, "serves "+s.what+" without the final slash as with it", "CH2", func(p *probe) {
				c, ids := p.spotless()
				defer c.gone()
				p.status(p.ask(s, c, ids, unslashed), s.status)
			}),
			following("no-store-"+s.name, "lets nobody keep the answer to "+s.what, "CH2 Q9", func(p *probe) {
				c, ids := p.spotless()
				defer c.gone()
				p.unstored(p.ask(s, c, ids, asItIs), s.status)
			}),
			following("hidden-"+s.name, "answers "+s.what+" as if the Channel were not there to an account without a right on it", "CH2", func(p *probe) {
				p.hiddenSpot(s)
			}),
			following("anonymous-"+s.name, "turns away who would have "+s.what+" without credentials, whether the Channel is there or not", "CH2", func(p *probe) {
				p.anonymousSpot(s)
			}))
		if s.method == http.MethodGet && s.name != "draft-read" {
			list = append(list, following("head-"+s.name, "answers HEAD for "+s.what+" as GET, without a body", "CH3", func(p *probe) {
				p.headSpot(s)
			}))
		}
	}
	return slices.Concat(list, []Check{
		following("method", "answers 405 with Allow to a method that an endpoint does not have", "CH3", channelMethod),
		following("no-store-errors", "lets nobody keep an error", "CH2", channelErrorsUnstored),
		following("hidden-join", "answers to who would join as if the Channel were not there, whatever the token", "CH3", func(p *probe) {
			other := p.other()
			c, _ := p.hall()
			token := draft{"token": "none"}
			a := p.sends(http.MethodPost, c.at("join/"), token, other)
			unknown := freshName()
			p.limited(a)
			p.failure(a, http.StatusNotFound)
			b := p.sends(http.MethodPost, p.channels()+unknown+"/join/", token, other)
			p.limited(b)
			p.alike(a, b, c.name, unknown)
		}),
	})
}

// unstored wants an answer that nobody may keep.
func (p *probe) unstored(a *answer, code int) {
	p.status(a, code)
	p.want(a.header.Get("Cache-Control") == "no-store", "Cache-Control: no-store, not %q", a.header.Get("Cache-Control"))
}

func channelErrorsUnstored(p *probe) {
	c, h := p.hall()
	p.unstored(p.get(p.channels()+freshName()+"/"), http.StatusNotFound)
	p.unstored(p.get(c.at("messages/", "limit", "0")), http.StatusBadRequest)
	p.unstored(p.get(c.at("messages/"), p.stranger(), header("Authorization", basic(nobody(), wrongPassword))), http.StatusUnauthorized)
	p.unstored(p.do(http.MethodPut, c.at("messages/"), []byte("{}")), http.StatusMethodNotAllowed)
	p.unstored(p.get(c.at("messages/"), header("Accept", "text/html;q=0, image/png")), http.StatusNotAcceptable)
	p.unstored(p.get(c.at("messages/"+h.parcel("text").id+"/content/"), header("Range", "bytes=9000-")), http.StatusRequestedRangeNotSatisfiable)
}

// hiddenSpot wants an endpoint to answer the other account as that of a Channel
// which is not there.
func (p *probe) hiddenSpot(s spot) {
	other := p.other()
	c, h := p.hall()
	ids := strings.NewReplacer("{message}", h.parcels[0].id, "{subscription}", taxii.NewID(), "{invitation}", taxii.NewID())
	unknown := *c
	unknown.name = freshName()
	unknown.url = p.channels() + unknown.name + "/"
	there := p.ask(s, c, ids, asItIs, other)
	p.failure(there, http.StatusNotFound)
	p.alike(there, p.ask(s, &unknown, ids, asItIs, other), c.name, unknown.name)
}

func (p *probe) anonymousSpot(s spot) {
	c, h := p.hall()
	ids := strings.NewReplacer("{message}", h.parcels[0].id, "{subscription}", taxii.NewID(), "{invitation}", taxii.NewID())
	unknown := *c
	unknown.name = freshName()
	unknown.url = p.channels() + unknown.name + "/"
	there, not := p.ask(s, c, ids, asItIs, p.stranger()), p.ask(s, &unknown, ids, asItIs, p.stranger())
	p.status(there, http.StatusUnauthorized)
	p.challenged(there)
	p.failure(there, http.StatusUnauthorized)
	p.alike(there, not, c.name, unknown.name)
}

func (p *probe) headSpot(s spot) {
	c, ids := p.spotless()
	defer c.gone()
	with := p.ask(s, c, ids, asItIs)
	s.method = http.MethodHead
	head := p.ask(s, c, ids, asItIs)
	p.status(head, with.status)
	p.want(len(head.body) == 0, "no body")
	for _, name := range []string{"Content-Type", "Cache-Control", "ETag"} {
		p.want(head.header.Get(name) == with.header.Get(name), "%s as GET has it, not %q", name, head.header.Get(name))
	}
}

func channelMethod(p *probe) {
	c, h := p.hall()
	for _, one := range []struct{ method, address string }{
		{http.MethodDelete, p.channels()},
		{http.MethodPatch, c.url},
		{http.MethodPut, c.at("messages/")},
		{http.MethodDelete, c.at("messages/" + h.parcels[0].id + "/")},
		{http.MethodPost, c.at("messages/" + h.parcels[0].id + "/content/")},
		{http.MethodDelete, c.at("subscriptions/")},
		{http.MethodGet, c.at("join/")},
	} {
		a := p.do(one.method, one.address, nil)
		p.failure(a, http.StatusMethodNotAllowed)
		p.want(a.header.Get("Allow") != "", "Allow with the methods of %s", one.address)
	}
}

// limited ends a check that the server asks to come later: the attempts to join are
// counted (section 10).
func (p *probe) limited(a *answer) {
	if a.status == http.StatusTooManyRequests {
		p.want(a.header.Get("Retry-After") != "", "Retry-After with a 429")
		p.skip("the server takes no more attempts to join for now: Retry-After %s", a.header.Get("Retry-After"))
	}
}

// nap is between two looks at something that should soon have changed.
const nap = 20 * time.Millisecond

// until looks until something is so, for as long as an event may take.
func (p *probe) until(what string, so func() bool) {
	for end := time.Now().Add(eventTime); !so(); time.Sleep(nap) {
		p.want(time.Now().Before(end), "%s within %v", what, eventTime)
	}
}
