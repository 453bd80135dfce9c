package conformance

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

func channelMakeChecks() []Check {
	return slices.Concat([]Check{
		following("create", "creates a Channel from the draft's five properties: 201, and the Channel", "CH3 CH4 S19 S22", channelCreate),
		following("create-location", "names the new Channel in Location", "CH3", channelLocation),
		following("create-defaults", "creates a Channel of Envelopes, to read and to write, with a ttl of seven days, where nothing else is said", "CH4 S23", channelDefaults),
		following("create-settings", "keeps each setting of a new Channel", "CH4 S30", channelSettings),
		following("create-rights", "gives who creates a Channel every right on it", "CH13", channelCreatorRights),
		following("create-grants", "takes grants with a new Channel, and lets its account have them", "CH4 Q8 Q12", channelCreateGrants),
		following("create-empty-permitted", "takes an empty permitted_messages for all, and leaves it out", "CH4 Q10", channelNoPermitted),
		following("create-taken", "answers 409 to the name of a Channel that is there", "CH2 CH3", func(p *probe) {
			c, _ := p.hall()
			p.failure(p.sends(http.MethodPost, p.channels(), draft{"name": c.name}), http.StatusConflict)
		}),
		following("create-unreadable", "refuses a new Channel that is no JSON object", "CH3 S19", func(p *probe) {
			p.creatable()
			for _, body := range []string{`{"name":"`, `[]`, `"x"`, ``} {
				p.failure(p.sends(http.MethodPost, p.channels(), []byte(body)), http.StatusBadRequest, http.StatusUnprocessableEntity)
			}
		}),
		following("create-media-type", "answers 415 to a new Channel that says to be text", "CH2", func(p *probe) {
			p.creatable()
			a := p.sends(http.MethodPost, p.channels(), draft{"name": freshName()}, header("Content-Type", "text/plain"))
			p.failure(a, http.StatusUnsupportedMediaType)
		}),
		following("create-forbidden", "answers 403 to an account without the right to create Channels", "CH3 CH10 S19", channelForbidden),
		following("create-anonymous", "lets nobody create a Channel without credentials", "CH2", func(p *probe) {
			p.creatable()
			name := freshName()
			a := p.do(http.MethodPost, p.channels(), compact(draft{"name": name}), p.stranger())
			p.status(a, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound)
			p.failure(p.get(p.channels()+name+"/"), http.StatusNotFound)
		}),
		following("id", "answers at a Channel's id as at its name", "CH2", func(p *probe) {
			c, h := p.hall()
			byID := *c
			byID.url = p.channels() + c.id + "/"
			p.want(byID.settings()["name"] == c.name, "the Channel %s at its id", c.name)
			p.sames(byID.read().ids(), h.all())
		}),
		following("shape", "shows a Channel with all that every Channel has", "CH4 S18", func(p *probe) {
			c, _ := p.hall()
			p.channelShape(c.settings())
		}),
		following("ends", "shows a reader the cursors before the oldest Message and after the newest", "CH4 CH5", func(p *probe) {
			c, h := p.hall()
			v := c.settings()
			p.sames(c.read("after", p.text(v, "earliest", true)).ids(), h.all())
			p.want(v["latest"] == h.parcels[len(h.parcels)-1].cursor, "latest as the cursor of the newest Message")
		}),
	}, channelBadChecks())
}

// creatable makes sure that the account may create Channels.
func (p *probe) creatable() { p.newRoom().gone() }

func channelCreate(p *probe) {
	p.channels()
	name := freshName()
	v := draft{"name": name, "description": "what is on it", "permitted_messages": []string{"indicator"}, "content_type": taxii.MediaType, "ttl": 3600}
	p.creatable()
	a := p.sends(http.MethodPost, p.channels(), v)
	defer (&room{p: p, url: p.channels() + name + "/", made: true}).gone()
	p.status(a, http.StatusCreated)
	p.taxii(a)
	c := p.object(a)
	p.channelShape(c)
	p.want(c["name"] == name && c["description"] == "what is on it" && c["content_type"] == taxii.MediaType, "the properties that were sent")
	p.want(p.object(p.ok(p.channels() + name + "/"))["id"] == c["id"], "the Channel at its name")
}

func channelLocation(p *probe) {
	p.creatable()
	name := freshName()
	a := p.sends(http.MethodPost, p.channels(), draft{"name": name})
	defer (&room{p: p, url: p.channels() + name + "/", made: true}).gone()
	p.status(a, http.StatusCreated)
	p.want(p.object(p.ok(p.resolve(p.located(a, "Location"))))["name"] == name, "the new Channel where Location leads")
}

// located reads a header that holds an address.
func (p *probe) located(a *answer, name string) string {
	value := a.header.Get(name)
	p.want(value != "", "the header %s", name)
	return value
}

func channelDefaults(p *probe) {
	c := p.newRoom()
	defer c.gone()
	v := c.settings()
	p.want(v["mode"] == taxii.ModeBoth, "mode both, not %v", v["mode"])
	p.want(v["content_type"] == taxii.MediaType, "content_type %s, not %v", taxii.MediaType, v["content_type"])
	ttl, _ := whole(v["ttl"])
	p.want(ttl == 604800, "ttl 604800, not %v", v["ttl"])
	var root taxii.APIRoot
	p.read(p.ok(p.world().root), &root)
	size, _ := whole(v["max_message_size"])
	p.want(size == min(8388608, int(root.MaxContentLength)), "max_message_size 8388608, or the API Root's max_content_length if that is less, not %v", v["max_message_size"])
	for _, name := range []string{"permitted_messages", "max_messages", "max_bytes", "from_collection", "to_collection"} {
		_, there := v[name]
		p.want(!there, "no %s", name)
	}
}

func channelSettings(p *probe) {
	settings := []any{"title", "Grüße", "description", "d", "permitted_messages", []string{"indicator", "chat"}, "content_type", "*/*", "ttl", 60,
		"max_message_size", 1000, "max_messages", 10, "max_bytes", 100000}
	c := p.newRoom(settings...)
	defer c.gone()
	shown := string(compact(p.picked(c.settings(), settings)))
	p.want(shown == string(compact(properties(settings))), "the settings as they were sent, not %s", shown)
}

// picked gives the properties of a resource that settings name.
func (p *probe) picked(v map[string]any, settings []any) map[string]any {
	some := map[string]any{}
	for name := range properties(settings) {
		some[name] = v[name]
	}
	return some
}

func channelCreatorRights(p *probe) {
	c := p.newRoom()
	defer c.gone()
	v := c.settings()
	p.want(v["can_read"] == true && v["can_write"] == true && v["can_manage"] == true, "can_read, can_write and can_manage true")
	c.one()
	p.want(len(c.read().Messages) == 1, "a Message that it published there itself")
}

func channelCreateGrants(p *probe) {
	other := p.other()
	c := p.newRoom("grants", []draft{grantTo(p.suite.target.Other.Name, "can_read")})
	defer c.gone()
	p.want(p.object(p.ok(c.url, other))["can_read"] == true, "can_read true for the account that was granted it")
}

func channelNoPermitted(p *probe) {
	c := p.newRoom("permitted_messages", []string{})
	defer c.gone()
	_, there := c.settings()["permitted_messages"]
	p.want(!there, "no permitted_messages")
	c.one()
}

func channelForbidden(p *probe) {
	p.creatable()
	other := p.other()
	p.status(p.get(p.world().root, other), http.StatusOK) // it sees the API Root
	name := freshName()
	a := p.sends(http.MethodPost, p.channels(), draft{"name": name}, other)
	if a.status == http.StatusCreated {
		p.do(http.MethodDelete, p.channels()+name+"/", nil, other)
		p.skip("the second account may create Channels")
	}
	p.failure(a, http.StatusForbidden)
	p.failure(p.get(p.channels()+name+"/"), http.StatusNotFound)
}

// channelBadChecks are about Channels that nobody can have.
func channelBadChecks() (list []Check) {
	for _, c := range []struct {
		name, what, rules string
		set               draft
	}{
		{"name-missing", "without a name", "CH4", draft{"title": "x"}},
		{"name-empty", "with an empty name", "CH2", draft{"name": ""}},
		{"name-upper", "with capitals in its name", "CH2", draft{"name": "Check-Upper"}},
		{"name-start", "whose name begins with a dot", "CH2", draft{"name": ".check"}},
		{"name-slash", "with a slash in its name", "CH2", draft{"name": "check/slash"}},
		{"name-long", "with a name of 129 characters", "CH2", draft{"name": strings.Repeat("c", 129)}},
		{"name-uuid", "whose name is a UUID", "CH2", draft{"name": "5d7b2c1e-7c4f-4a51-8a0b-0c9a5d3f2e11"}},
		{"ttl-short", "with a ttl of 59 seconds", "CH4", draft{"ttl": 59}},
		{"ttl-long", "with a ttl above 31536000 seconds", "CH4", draft{"ttl": 31536001}},
		{"ttl-text", "with a ttl in words", "CH4", draft{"ttl": "a week"}},
		{"mode", "of a mode that is none", "CH4", draft{"mode": "sideways"}},
		{"content-type", "of a content_type that is no media type", "CH4", draft{"content_type": "no type"}},
		{"message-size", "whose Messages may hold nothing", "CH4", draft{"max_message_size": -1}},
	} {
		list = append(list, following("create-bad-"+c.name, "refuses a Channel "+c.what, c.rules, func(p *probe) {
			p.creatable()
			set := draft{"name": freshName()}
			for name, value := range c.set {
				set[name] = value
			}
			if _, named := c.set["title"]; named {
				delete(set, "name")
			}
			a := p.sends(http.MethodPost, p.channels(), set)
			if name, _ := set["name"].(string); a.status == http.StatusCreated && channelName.MatchString(name) {
				defer (&room{p: p, url: p.channels() + name + "/", made: true}).gone()
			}
			p.failure(a, http.StatusBadRequest, http.StatusUnprocessableEntity)
		}))
	}
	return list
}
