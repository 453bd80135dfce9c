package conformance

import (
	"net/http"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

func channelChangeChecks() []Check {
	return []Check{
		following("change", "changes description, ttl and limits of a Channel, and answers with it", "CH3 CH4 Q6", channelChange),
		following("change-keeps", "leaves what a change does not name as it is", "CH13", channelChangeKeeps),
		following("change-etag", "shows a Channel with a strong ETag, another after a change", "CH3", channelChangeTag),
		following("change-if-match", "changes a Channel under the ETag that it has", "CH3", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			a := p.sends(http.MethodPut, c.url, draft{"description": "new"}, header("If-Match", p.tag(c.url)))
			p.status(a, http.StatusOK)
		}),
		following("change-if-match-old", "answers 412 to a change under an ETag that it has no more, and changes nothing", "CH3", func(p *probe) {
			c := p.newRoom("description", "old")
			defer c.gone()
			a := p.sends(http.MethodPut, c.url, draft{"description": "new"}, header("If-Match", `"none-such"`))
			p.failure(a, http.StatusPreconditionFailed)
			p.want(c.settings()["description"] == "old", "the description as it was")
		}),
		following("change-name", "never changes the name of a Channel", "CH2 CH3 Q6", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.status(p.sends(http.MethodPut, c.url, draft{"name": freshName()}), http.StatusOK, http.StatusBadRequest, http.StatusUnprocessableEntity)
			p.want(c.settings()["name"] == c.name, "the name as it was")
		}),
		following("change-bounds", "refuses a ttl out of bounds in a change, and changes nothing", "CH4", func(p *probe) {
			c := p.newRoom("ttl", 3600)
			defer c.gone()
			p.failure(p.sends(http.MethodPut, c.url, draft{"ttl": 1}), http.StatusBadRequest, http.StatusUnprocessableEntity)
			ttl, _ := whole(c.settings()["ttl"])
			p.want(ttl == 3600, "the ttl as it was")
		}),
		following("change-unreadable", "refuses a change that is no JSON object", "CH3", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.failure(p.sends(http.MethodPut, c.url, []byte(`{"ttl"`)), http.StatusBadRequest, http.StatusUnprocessableEntity)
		}),
		following("change-forbidden", "answers 403 to a change by an account that can read and write, and not manage", "CH3 CH10", func(p *probe) {
			c := p.newRoom("description", "old")
			defer c.gone()
			other := c.grant("can_read", "can_write")
			p.failure(p.sends(http.MethodPut, c.url, draft{"description": "new"}, other), http.StatusForbidden)
			p.want(c.settings()["description"] == "old", "the description as it was")
		}),
		following("delete", "ends a Channel: 204 without a body, and it is there no more", "CH3 Q6", channelDelete),
		following("delete-if-match", "ends a Channel under the ETag that it has", "CH3", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.status(p.do(http.MethodDelete, c.url, nil, header("If-Match", p.tag(c.url))), http.StatusNoContent)
		}),
		following("delete-if-match-old", "answers 412 to the end of a Channel under an ETag that it has no more", "CH3", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.failure(p.do(http.MethodDelete, c.url, nil, header("If-Match", `"none-such"`)), http.StatusPreconditionFailed)
			p.ok(c.url)
		}),
		following("delete-forbidden", "answers 403 to who would end a Channel without the right to manage it", "CH3 CH10", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_read", "can_write")
			p.failure(p.do(http.MethodDelete, c.url, nil, other), http.StatusForbidden)
			p.ok(c.url)
		}),
		following("delete-messages", "has none of a Channel's Messages when it is ended and made anew under its name", "CH2 CH3", channelAnew),
		following("delete-cursor", "answers 410 replaced to a cursor of a Channel that was made anew, and says where to go on", "CH2 CH5.2", channelReplaced),
		following("delete-subscription", "has no Subscription of a Channel that was made anew", "CH6", channelAnewSubscription),
	}
}

// tag reads the ETag of a resource.
func (p *probe) tag(address string, options ...option) string {
	tag := p.ok(address, options...).header.Get("ETag")
	p.want(len(tag) > 2 && strings.HasPrefix(tag, `"`) && strings.HasSuffix(tag, `"`), "a strong ETag, not %q", tag)
	return tag
}

func channelChange(p *probe) {
	c := p.newRoom()
	defer c.gone()
	settings := []any{"description", "new", "ttl", 7200, "max_message_size", 2000, "max_messages", 20, "max_bytes", 30000}
	a := p.sends(http.MethodPut, c.url, properties(settings))
	p.status(a, http.StatusOK)
	p.taxii(a)
	for _, v := range []map[string]any{p.object(a), c.settings()} {
		shown := string(compact(p.picked(v, settings)))
		p.want(shown == string(compact(properties(settings))), "the settings as they were sent, not %s", shown)
	}
}

func channelChangeKeeps(p *probe) {
	c := p.newRoom("title", "t", "description", "d", "ttl", 3600, "content_type", "*/*", "max_messages", 7)
	defer c.gone()
	p.status(p.sends(http.MethodPut, c.url, draft{"ttl": 7200}), http.StatusOK)
	v := c.settings()
	most, _ := whole(v["max_messages"])
	p.want(v["title"] == "t" && v["description"] == "d" && v["content_type"] == "*/*" && most == 7, "title, description, content_type and max_messages as they were")
}

func channelChangeTag(p *probe) {
	c := p.newRoom()
	defer c.gone()
	before := p.tag(c.url)
	p.status(p.sends(http.MethodPut, c.url, draft{"description": "new"}), http.StatusOK)
	p.want(p.tag(c.url) != before, "another ETag than %s after the change", before)
}

func channelDelete(p *probe) {
	c := p.newRoom()
	defer c.gone()
	c.one()
	a := p.do(http.MethodDelete, c.url, nil)
	p.status(a, http.StatusNoContent)
	p.want(len(a.body) == 0, "no body")
	p.failure(p.get(c.url), http.StatusNotFound)
	p.failure(p.get(c.at("messages/")), http.StatusNotFound)
	_, there := inList(p.listedChannels(), c.name)
	p.want(!there, "the Channel in no list")
}

// again ends the Channel and makes it anew under its name.
func (c *room) again() *room {
	c.p.status(c.p.do(http.MethodDelete, c.url, nil), http.StatusNoContent)
	return c.p.newRoom("name", c.name)
}

func channelAnew(p *probe) {
	c := p.newRoom()
	defer c.gone()
	c.one()
	anew := c.again()
	p.want(anew.id != c.id, "another id for another Channel")
	p.want(len(anew.read("after", taxii.Earliest).Messages) == 0, "no Message of the Channel before")
}

func channelReplaced(p *probe) {
	c := p.newRoom()
	defer c.gone()
	cursor := c.one()
	anew := c.again()
	id := anew.publish(holding(fresh()))[0].ID
	a := p.get(c.at("messages/", "after", cursor))
	earliest := p.text(p.reason(a, http.StatusGone, "replaced"), "earliest", true)
	p.sames(anew.read("after", earliest).ids(), []string{id})
}

// reason wants an error about a cursor, and gives its details.
func (p *probe) reason(a *answer, code int, reason string) map[string]any {
	details, _ := p.failure(a, code)["details"].(map[string]any)
	p.want(details["reason"] == reason, "details.reason %s, not %v", reason, details["reason"])
	return details
}

func channelAnewSubscription(p *probe) {
	c := p.newRoom()
	defer c.gone()
	s := c.subscribe(draft{})
	c.again()
	p.failure(p.get(s.url), http.StatusNotFound)
}
