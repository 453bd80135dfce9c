package conformance

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

func publishChecks() []Check {
	return []Check{
		following("publish-envelope", "takes an Envelope as one Message: 202 with a complete Status", "CH4 S20 Q15", publishEnvelope),
		following("publish-draft-form", "takes a publication at the Channel itself too", "CH3 S20", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			o := fresh()
			st := p.took(p.do(http.MethodPost, c.url, envelope(o)))
			p.want(st.Success == 1, "success_count 1")
			p.sames(c.read("after", c.start).ids(), []string{st.Successes[0].ID})
		}),
		following("publish-octets", "gives an Envelope back octet for octet", "CH1 CH5.4", publishOctets),
		following("publish-drafts", "takes several Messages in their order", "CH4 Q4", publishDrafts),
		following("publish-detail", "tells of each Message its id, when it was published, disposition and cursor", "CH4 Q4", publishDetail),
		following("publish-status", "keeps the Status of a publication for its publisher, and for nobody without a right", "CH4", publishStatus),
		following("publish-key", "gives a Message the id that Idempotency-Key names, in lower case", "CH4", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			key := taxii.NewID()
			st := p.took(p.do(http.MethodPost, c.at("messages/"), envelope(fresh()), header("Idempotency-Key", strings.ToUpper(key))))
			p.want(len(st.Successes) == 1 && st.Successes[0].ID == key, "the id %s", key)
			p.sames(c.read("after", c.start).ids(), []string{key})
		}),
		following("publish-key-version", "takes a UUID of any version as Idempotency-Key", "CH4", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			for _, version := range []string{"1", "5", "7"} {
				key := taxii.NewID()
				key = key[:14] + version + key[15:]
				st := p.took(p.do(http.MethodPost, c.at("messages/"), envelope(fresh()), header("Idempotency-Key", key)))
				p.want(st.Successes[0].ID == key, "the id %s", key)
			}
		}),
		following("publish-key-again", "takes a publication that is repeated with its key for a duplicate: a success, and no second Message", "CH4", publishAgain),
		following("publish-key-clash", "rejects other content under a key that is in use", "CH4", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			key := header("Idempotency-Key", taxii.NewID())
			p.took(p.do(http.MethodPost, c.at("messages/"), envelope(fresh()), key))
			p.rejected(p.do(http.MethodPost, c.at("messages/"), envelope(fresh()), key), 1)
			p.want(len(c.read("after", c.start).Messages) == 1, "one Message, the first")
		}),
		following("publish-key-drafts", "answers 400 to Idempotency-Key beside messages", "CH4", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			c.refuses(compact(draft{"messages": []draft{holding(fresh())}}), header("Idempotency-Key", taxii.NewID()))
		}),
		following("publish-key-malformed", "answers 400 to an Idempotency-Key that is no UUID", "CH4", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			c.refuses(envelope(fresh()), header("Idempotency-Key", "again"))
		}),
		following("publish-again", "takes a draft that is repeated with its id for a duplicate, with the cursor of the first", "CH4", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			d := holding(fresh())
			first, second := c.publish(d)[0], c.publish(d, holding(fresh()))[0]
			p.want(first.Disposition == taxii.Accepted && second.Disposition == taxii.Duplicate, "accepted, then duplicate, not %s and %s", first.Disposition, second.Disposition)
			p.want(first.place() == second.place() && first.Version == second.Version, "the cursor and the date of the first")
			p.want(len(c.read("after", c.start).Messages) == 2, "two Messages: the first, and the one that came with its repetition")
		}),
		following("publish-twice-inside", "judges an id that stands twice in one request as if the first were stored", "CH13 CH4", publishTwiceInside),
		following("publish-dates", "gives Messages dates of publication that rise strictly", "CH4 CH1", publishDates),
		following("publish-text", "takes content of another type as it is, where the Channel admits it", "CH4 Q5 S33", publishText),
		following("publish-json", "gives content back as JSON where its media type is JSON", "CH4", publishJSON),
		following("publish-base64", "takes content in base64, of octets where no type is named", "CH4 CH13", publishBase64),
		following("publish-type", "keeps the type that a draft names, and else calls it envelope or content", "CH4 Q10", publishType),
		following("publish-many", "takes 1000 Messages in one request", "CH4 CH10", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			p.want(len(c.publish(drafts(1000)...)) == 1000, "1000 successes")
		}),
		following("publish-deep", "takes content of 64 levels, counted from the body", "CH4 CH13", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			p.took(p.do(http.MethodPost, c.at("messages/"), deep(64)))
		}),
	}
}

// drafts gives so many drafts of small Envelopes.
func drafts(n int) (list []draft) {
	for range n {
		list = append(list, draft{"content": json.RawMessage(`{"objects":[{"type":"x-check","id":"x-check--` + taxii.NewID() + `"}]}`)})
	}
	return list
}

// deep gives an Envelope that is so many levels deep: itself, objects, an object,
// and lists inside.
func deep(levels int) []byte {
	n := levels - 3
	return []byte(`{"objects":[{"type":"x-check","id":"x-check--` + taxii.NewID() + `","x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}]}`)
}

func publishEnvelope(p *probe) {
	c := p.usualRoom()
	defer c.gone()
	st := p.took(p.do(http.MethodPost, c.at("messages/"), envelope(fresh(), fresh())))
	p.want(st.Total == 1 && st.Success == 1 && st.Failure == 0 && st.Pending == 0, "counts of one success")
	p.want(len(st.Successes) == 1 && st.Successes[0].Disposition == taxii.Accepted, "one detail, accepted")
	p.want(len(c.read("after", c.start).Messages) == 1, "one Message")
}

func publishOctets(p *probe) {
	c := p.usualRoom()
	defer c.gone()
	body := []byte("{ \"objects\" :\t[ {\"type\":\"x-check\", \"id\":\"x-check--" + taxii.NewID() + "\",\r\n \"n\":1.50e2, \"big\":123456789012345678901234567890, \"s\":\"\\u00fc\\/ü <&>\"} ], \"x_more\" : [null,true] }\n")
	st := p.took(p.do(http.MethodPost, c.at("messages/"), body))
	a := p.get(c.at("messages/" + st.Successes[0].ID + "/content/"))
	p.status(a, http.StatusOK)
	p.want(bytes.Equal(a.body, body), "the %d octets that were published", len(body))
	m := c.read("after", c.start).Messages
	p.want(len(m) == 1 && bytes.Equal(bytes.TrimSpace(m[0].Content), bytes.TrimSpace(body)), "the same octets as content")
}

func publishDrafts(p *probe) {
	c := p.usualRoom()
	defer c.gone()
	list := []draft{holding(fresh()), holding(fresh()), holding(fresh())}
	var want, told []string
	for _, d := range list {
		want = append(want, d["id"].(string))
	}
	for _, d := range c.publish(list...) {
		told = append(told, d.ID)
	}
	p.sames(told, want)
	p.sames(c.read("after", c.start).ids(), want)
}

func publishDetail(p *probe) {
	c := p.usualRoom()
	defer c.gone()
	d := c.publish(drafts(1)...)[0]
	p.want(d.Disposition == taxii.Accepted, "disposition accepted, not %q", d.Disposition)
	p.want(taxii.IsID(d.ID), "a UUID as id, not %q", d.ID)
	m := c.read("after", c.start).Messages
	p.want(len(m) == 1 && m[0].ID == d.ID, "the Message under the id of its detail")
	p.want(taxiiTime.MatchString(d.Version) && m[0].Published == d.Version, "version %q as published", d.Version)
	p.want(m[0].Cursor != "" && m[0].Cursor == d.place(), "the cursor of the Message in its detail")
}

func publishStatus(p *probe) {
	c := p.usualRoom()
	defer c.gone()
	st := p.took(c.post(holding(fresh())))
	var kept published
	p.read(p.ok(p.statusURL(st.ID)), &kept)
	p.want(kept.ID == st.ID && kept.Success == 1 && len(kept.Successes) == 1 && kept.Successes[0].ID == st.Successes[0].ID, "the Status that was the answer")
	p.want(kept.Successes[0].Disposition == taxii.Accepted, "its dispositions too")
	if p.suite.target.Other.Name != "" {
		p.failure(p.get(p.statusURL(st.ID), p.other()), http.StatusNotFound)
	}
}

func publishAgain(p *probe) {
	c := p.usualRoom()
	defer c.gone()
	body, key := envelope(fresh()), header("Idempotency-Key", taxii.NewID())
	first := p.took(p.do(http.MethodPost, c.at("messages/"), body, key))
	second := p.took(p.do(http.MethodPost, c.at("messages/"), body, key))
	p.want(second.Success == 1 && second.Successes[0].Disposition == taxii.Duplicate, "a success, duplicate")
	p.want(second.Successes[0].place() == first.Successes[0].place(), "the cursor of the first")
	p.want(len(c.read("after", c.start).Messages) == 1, "one Message")
}

func publishTwiceInside(p *probe) {
	c := p.usualRoom()
	defer c.gone()
	d := holding(fresh())
	other := holding(fresh())
	other["id"] = d["id"]
	st := p.took(c.post(d, d, other))
	p.want(st.Success == 2 && st.Failure == 1, "two successes and a failure")
	p.want(st.Successes[0].Disposition == taxii.Accepted && st.Successes[1].Disposition == taxii.Duplicate, "accepted, then duplicate")
	p.want(len(c.read("after", c.start).Messages) == 1, "one Message")
}

func publishDates(p *probe) {
	c := p.usualRoom()
	defer c.gone()
	c.publish(drafts(5)...)
	c.publish(drafts(1)...)
	c.publish(drafts(2)...)
	last, list := taxii.Time(0), c.read("after", c.start).Messages
	p.want(len(list) == 8, "8 Messages, not %d", len(list))
	for _, m := range list {
		p.want(taxiiTime.MatchString(m.Published), "published with six digits of a second and Z, not %q", m.Published)
		at, err := taxii.ParseTime(m.Published)
		p.want(err == nil && at > last, "a date after that of the Message before, not %s", m.Published)
		last = at
	}
}

func publishText(p *probe) {
	c := p.newRoom("content_type", "*/*")
	defer c.gone()
	st := p.took(p.do(http.MethodPost, c.at("messages/"), []byte(plainText), header("Content-Type", "text/plain")))
	m := c.read().Messages
	p.want(len(m) == 1 && m[0].ID == st.Successes[0].ID, "the Message")
	p.want(string(m[0].Base64) == plainText && m[0].Content == nil, "its octets in content_base64, and no content")
	p.want(mediaOf(m[0].MediaType) == "text/plain" && m[0].Size == int64(len(plainText)) && m[0].Type == taxii.TypeContent, "media type, size and type content")
}

// mediaOf is a media type without its parameters.
func mediaOf(text string) string {
	kind, _, _ := strings.Cut(text, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

func publishJSON(p *probe) {
	c, h := p.hall()
	m := c.read().Messages
	chat := slices.IndexFunc(m, func(m message) bool { return m.ID == h.parcel("chat").id })
	p.want(chat >= 0, "the Message")
	want := h.parcel("chat").content
	p.want(bytes.Equal(m[chat].Content, want) && m[chat].Base64 == nil, "content %s as it was published, and no content_base64", want)
	p.want(mediaOf(m[chat].MediaType) == "application/json" && m[chat].Size == int64(len(want)), "its media type, and its size in octets")
}

func publishBase64(p *probe) {
	c := p.newRoom("content_type", "*/*")
	defer c.gone()
	c.publish(draft{"content_base64": []byte(plainText)})
	m := c.read().Messages
	p.want(len(m) == 1 && string(m[0].Base64) == plainText, "the octets in content_base64")
	p.want(m[0].MediaType == "application/octet-stream", "media_type application/octet-stream, not %q", m[0].MediaType)
}

func publishType(p *probe) {
	c, h := p.hall()
	for i, m := range c.read().Messages {
		p.want(m.Type == h.parcels[i].kind, "the type %s, not %q", h.parcels[i].kind, m.Type)
	}
}
