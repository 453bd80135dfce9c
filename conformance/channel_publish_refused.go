package conformance

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

func publishRefusedChecks() []Check {
	return slices.Concat(unreadableChecks(), malformedChecks(), []Check{
		following("publish-mixed", "takes what it can of several, tells which were rejected and why", "CH4 Q4", publishMixed),
		following("publish-all-rejected", "answers 422 where all is rejected, with the Status in details.status", "CH4 CH13", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			d := holding(fresh())
			d["type"] = "No Type"
			st := p.rejected(c.post(d), 1)
			p.want(st.Failures[0].ID == d["id"], "the id of the draft in its detail")
			p.want(len(c.read("after", c.start).Messages) == 0, "no Message")
		}),
		following("publish-other-type", "answers 415 to a type that the Channel does not admit, and keeps nothing of it", "CH4 CH3", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			p.failure(p.do(http.MethodPost, c.at("messages/"), []byte("text"), header("Content-Type", "text/plain")), http.StatusUnsupportedMediaType)
			p.want(len(c.read("after", c.start).Messages) == 0, "no Message")
		}),
		following("publish-other-type-draft", "rejects a draft of a type that the Channel does not admit", "CH4", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			p.rejected(c.post(draft{"media_type": "text/plain", "content_base64": []byte("text")}), 1)
		}),
		following("publish-not-permitted", "rejects a Message whose type is not permitted, and takes one whose type is", "CH4 Q10", func(p *probe) {
			c := p.newRoom("content_type", "*/*", "permitted_messages", []string{"chat"})
			defer c.gone()
			chat := func(kind string) draft {
				return draft{"type": kind, "media_type": "application/json", "content": draft{"text": "hi"}}
			}
			st := p.took(c.post(chat("chat"), chat("talk")))
			p.want(st.Success == 1 && st.Failure == 1 && st.Failures[0].Version == "1", "the first accepted, the second rejected")
		}),
		following("publish-not-permitted-stix", "takes an Envelope if the type of every object in it is permitted", "CH4 Q10", func(p *probe) {
			c := p.newRoom("permitted_messages", []string{"indicator", "malware"})
			defer c.gone()
			good := holding(newObject("a", "indicator"), newObject("b", "malware"))
			st := p.took(c.post(good, holding(newObject("a", "indicator"), newObject("c", "tool"))))
			p.want(st.Success == 1 && st.Failure == 1, "one success and one failure")
			p.sames(c.read().ids(), []string{good["id"].(string)})
		}),
		following("publish-too-large", "rejects a Message above max_message_size, and takes one of exactly so many octets", "CH4", publishTooLarge),
		following("publish-413", "answers 413 to a body above max_content_length", "CH4 CH3", publishAboveContentLength),
		following("publish-read-only", "answers 501 to a publication on a Channel that the server alone publishes to", "CH3 CH4 S20", func(p *probe) {
			c := p.newRoom("mode", taxii.ModeReadOnly)
			defer c.gone()
			p.failure(c.post(holding(fresh())), http.StatusNotImplemented)
			p.failure(p.do(http.MethodPost, c.url, envelope(fresh())), http.StatusNotImplemented)
			p.want(len(c.read().Messages) == 0, "no Message")
		}),
		following("publish-forbidden", "answers 403 to a publication by who may only read", "CH3 CH10 S20", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_read")
			for _, address := range []string{c.at("messages/"), c.url} {
				p.failure(p.do(http.MethodPost, address, envelope(fresh()), other), http.StatusForbidden)
			}
			p.want(len(c.read().Messages) == 0, "no Message")
		}),
		following("publish-full", "answers 507 where a Channel holds max_messages, and purges nothing", "CH4 CH10", publishFull),
		following("publish-full-bytes", "answers 507 where a Channel would hold more than max_bytes", "CH4 CH10", func(p *probe) {
			d := holding(fresh())
			c := p.newRoom("max_bytes", len(d["content"].(json.RawMessage))+100)
			defer c.gone()
			c.publish(d)
			p.failure(c.post(holding(fresh())), http.StatusInsufficientStorage)
			p.sames(c.read().ids(), []string{d["id"].(string)})
		}),
	})
}

// refuses wants 400 for a body, and nothing kept of it.
func (c *room) refuses(body []byte, options ...option) {
	c.p.failure(c.p.do(http.MethodPost, c.at("messages/"), body, options...), http.StatusBadRequest)
	c.p.want(len(c.read("after", c.start).Messages) == 0, "no Message")
}

// rejected wants a 422 with the Status of a publication of which all was rejected.
func (p *probe) rejected(a *answer, n int) (st published) {
	details, _ := p.failure(a, http.StatusUnprocessableEntity)["details"].(map[string]any)
	raw, there := details["status"]
	p.want(there, "the Status in details.status")
	err := json.Unmarshal(compact(raw), &st)
	p.want(err == nil, "a Status in details.status: %v", err)
	p.want(st.Success == 0 && st.Failure == n && len(st.Failures) == n, "%d failures and no success", n)
	for _, f := range st.Failures {
		p.want(f.Disposition == taxii.Rejected && f.Message != "", "disposition rejected, and a message that says why")
	}
	return st
}

// unreadableChecks are about bodies that cannot be read.
func unreadableChecks() (list []Check) {
	o := `{"type":"x-check","id":"x-check--5d7b2c1e-7c4f-4a51-8a0b-0c9a5d3f2e11"`
	for _, c := range []struct{ name, what, body string }{
		{"empty", "an empty body", ""},
		{"json", "a body that is no JSON", `{"objects":[` + o + `}]`},
		{"behind", "something behind the JSON", `{"objects":[` + o + `}]} x`},
		{"list", "a list", `[` + o + `}]`},
		{"twice", "a name that stands twice in an object", `{"objects":[` + o + `,"x":1,"x":2}]}`},
		{"utf8", "octets that are no UTF-8", `{"objects":[` + o + `,"x":"` + "\xff" + `"}]}`},
		{"surrogate", "half a surrogate", `{"objects":[` + o + `,"x":"\ud800"}]}`},
		{"levels", "65 levels", string(deep(65))},
		{"neither", "neither objects nor messages", `{"object":[` + o + `}]}`},
		{"both", "messages beside objects", `{"objects":[` + o + `}],"messages":[{"content":{"objects":[` + o + `}]}}]}`},
		{"no-objects", "an Envelope without objects", `{"objects":[]}`},
		{"no-messages", "no Message among messages", `{"messages":[]}`},
		{"many", "1001 Messages in one request", string(compact(draft{"messages": drafts(1001)}))},
	} {
		list = append(list, following("publish-bad-"+c.name, "answers 400 to "+c.what+", and keeps nothing of it", "CH4 CH13 S20", func(p *probe) {
			r := p.usualRoom()
			defer r.gone()
			r.refuses([]byte(c.body))
		}))
	}
	return list
}

// malformedChecks are about Envelopes and drafts that are read and are none.
func malformedChecks() (list []Check) {
	object := func(pairs ...any) draft { return draft{"content": draft{"objects": []any{properties(pairs)}}} }
	id := "x-check--5d7b2c1e-7c4f-4a51-8a0b-0c9a5d3f2e11"
	for _, c := range []struct {
		name, what string
		draft      draft
	}{
		{"object-id", "an object without an id", object("type", "x-check")},
		{"object-type", "an object without a type", object("id", id)},
		{"object-id-number", "an object whose id is a number", object("type", "x-check", "id", 7)},
		{"object-id-long", "an object with an id of 257 octets", object("type", "x-check", "id", strings.Repeat("i", 257))},
		{"object-type-long", "an object with a type of 251 octets", object("type", strings.Repeat("t", 251), "id", id)},
		{"object-control", "an object with a control character in its id", object("type", "x-check", "id", "x-check--\n")},
		{"bundle", "a bundle among the objects", object("type", "bundle", "id", "bundle--5d7b2c1e-7c4f-4a51-8a0b-0c9a5d3f2e11", "objects", []any{})},
		{"no-objects", "an Envelope without objects", draft{"content": draft{"more": false}}},
		{"draft-type", "a type in capitals", draft{"type": "Chat", "content": json.RawMessage(envelope(fresh()))}},
		{"draft-id", "an id that is no UUID", draft{"id": "one", "content": json.RawMessage(envelope(fresh()))}},
		{"draft-nothing", "no content", draft{"type": "chat"}},
	} {
		list = append(list, following("publish-malformed-"+c.name, "refuses a draft with "+c.what+", and takes the one beside it or neither", "CH4", func(p *probe) {
			r := p.usualRoom()
			defer r.gone()
			good := holding(fresh())
			a := r.post(good, c.draft)
			if a.status == http.StatusBadRequest {
				p.failure(a, http.StatusBadRequest)
				p.want(len(r.read("after", r.start).Messages) == 0, "no Message")
				return
			}
			st := p.took(a)
			p.want(st.Success == 1 && st.Failure == 1 && st.Failures[0].Disposition == taxii.Rejected, "one accepted and one rejected")
			p.sames(r.read("after", r.start).ids(), []string{good["id"].(string)})
		}))
	}
	return list
}

func publishMixed(p *probe) {
	c := p.usualRoom()
	defer c.gone()
	bad := draft{"content": draft{"objects": []any{draft{"type": "x-check"}}}}
	good := holding(fresh())
	st := p.took(c.post(bad, good, bad))
	p.want(st.Total == 3 && st.Success == 1 && st.Failure == 2 && st.Pending == 0, "three drafts, one success and two failures")
	p.want(len(st.Failures) == 2 && st.Failures[0].Version == "0" && st.Failures[1].Version == "2", "the places 0 and 2 of the request as their versions")
	for _, f := range st.Failures {
		p.want(f.Disposition == taxii.Rejected && f.Message != "" && f.Cursor == nil, "rejected, with a message that says why and no cursor")
		p.want(taxii.IsID(f.ID), "a fresh id for a draft without one, not %q", f.ID)
	}
	p.want(st.Failures[0].ID != st.Failures[1].ID, "another id for each")
	p.sames(c.read("after", c.start).ids(), []string{good["id"].(string)})
}

func publishTooLarge(p *probe) {
	o := fresh()
	body := envelope(o)
	c := p.newRoom("max_message_size", len(body))
	defer c.gone()
	p.took(p.do(http.MethodPost, c.at("messages/"), body))
	p.rejected(p.do(http.MethodPost, c.at("messages/"), envelope(o.with("x", "y"))), 1)
	p.want(len(c.read().Messages) == 1, "one Message, the smaller")
}

func publishAboveContentLength(p *probe) {
	var root taxii.APIRoot
	p.read(p.ok(p.world().root), &root)
	if root.MaxContentLength > mostSent {
		p.skip("max_content_length is %d octets; the check sends at most %d", root.MaxContentLength, mostSent)
	}
	c := p.usualRoom()
	defer c.gone()
	body := envelope(fresh().with("description", strings.Repeat("a", int(root.MaxContentLength))))
	p.failure(p.do(http.MethodPost, c.at("messages/"), body), http.StatusRequestEntityTooLarge)
	p.want(len(c.read("after", c.start).Messages) == 0, "no Message")
}

func publishFull(p *probe) {
	c := p.newRoom("max_messages", 3)
	defer c.gone()
	one, two := holding(fresh()), holding(fresh())
	c.publish(one, two)
	p.failure(c.post(holding(fresh()), holding(fresh())), http.StatusInsufficientStorage) // one of them would fit
	p.sames(c.read().ids(), []string{one["id"].(string), two["id"].(string)})
	c.publish(holding(fresh()))
	p.failure(c.post(holding(fresh())), http.StatusInsufficientStorage)
	p.want(len(c.read().Messages) == 3, "three Messages, and none purged")
}
