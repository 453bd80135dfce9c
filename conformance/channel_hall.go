package conformance

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/taxii"
)

// message is a Message as it came.
type message struct {
	ID         string         `json:"id"`
	Cursor     string         `json:"cursor"`
	Published  string         `json:"published"`
	Publisher  string         `json:"publisher"`
	Type       string         `json:"type"`
	MediaType  string         `json:"media_type"`
	Size       int64          `json:"size"`
	Content    jsontext.Value `json:"content"`
	Base64     []byte         `json:"content_base64"`
	ContentURL string         `json:"content_url"`
}

// gap is what a Subscription says that it has missed.
type gap struct {
	Missed *int   `json:"missed"`
	From   string `json:"from"`
	To     string `json:"to"`
	Reason string `json:"reason"`
}

// messages is a page of a Channel as it came.
type messages struct {
	Messages []message `json:"messages"`
	More     *bool     `json:"more"`
	Next     string    `json:"next"`
	Gap      *gap      `json:"gap"`
	Created  *bool     `json:"created"`
}

func (m messages) more() bool    { return m.More != nil && *m.More }
func (m messages) created() bool { return m.Created != nil && *m.Created }

// ids gives the ids of the Messages of a page in their order.
func (m messages) ids() (list []string) {
	for _, one := range m.Messages {
		list = append(list, one.ID)
	}
	return list
}

// readAt reads a page at an address.
func (p *probe) readAt(address string, options ...option) (m messages) {
	p.read(p.ok(address, options...), &m)
	return m
}

// read reads a page of the Channel with a query.
func (c *room) read(query ...string) messages { return c.p.readAt(c.at("messages/", query...)) }

// walk reads on to the end by next, in pages that a query describes.
func (c *room) walk(from string, query ...string) (list []message) {
	for pages := 0; ; pages++ {
		c.p.want(pages < mostPages, "a walk by next that ends")
		m := c.read(append([]string{"after", from}, query...)...)
		list = append(list, m.Messages...)
		if !m.more() {
			return list
		}
		c.p.want(m.Next != from, "a next that leads on where more is true")
		from = m.Next
	}
}

// sames wants a page to have these Messages in this order, and no others.
func (p *probe) sames(got, want []string) {
	p.want(slices.Equal(got, want), "the %d Messages %q in this order and no others, not the %d of %q", len(want), short(want), len(got), short(got))
}

// short shows the beginnings of ids.
func short(ids []string) (list []string) {
	for _, id := range ids {
		list = append(list, id[:min(len(id), 8)])
	}
	return list
}

// parcel is a Message that the run has published.
type parcel struct {
	name    string
	id      string
	kind    string // message type
	media   string
	content []byte
	cursor  string
	version string // when it was published
	status  string // the id of the Status of its publication
}

// hall is a Channel that checks share, which only read it, and what is in it.
type hall struct {
	name     string
	id       string
	earliest string
	parcels  []*parcel
}

// named gives the Messages with these names, in the order of publishing.
func (h *hall) named(names ...string) (ids []string) {
	for _, m := range h.parcels {
		if slices.Contains(names, m.name) {
			ids = append(ids, m.id)
		}
	}
	return ids
}

func (h *hall) all() (ids []string) {
	for _, m := range h.parcels {
		ids = append(ids, m.id)
	}
	return ids
}

func (h *hall) parcel(name string) *parcel {
	return h.parcels[slices.IndexFunc(h.parcels, func(m *parcel) bool { return m.name == name })]
}

// plainText is content that is no Envelope and no JSON.
const plainText = "line one\r\nline two\n\x00\xff"

// hallParcels are what the reading checks read.
func hallParcels() []*parcel {
	enveloped := func(name string, objects ...*object) *parcel {
		return &parcel{name: name, id: taxii.NewID(), kind: taxii.TypeEnvelope, media: taxii.MediaType, content: envelope(objects...)}
	}
	return []*parcel{
		enveloped("indicator", newObject("a", "indicator")),
		enveloped("old", newObject("b", "malware").in20()),
		enveloped("pair", newObject("c", "indicator"), newObject("d", "malware")),
		{name: "chat", id: taxii.NewID(), kind: "chat", media: "application/json", content: []byte(`{"text": "hi", "n": 1.50, "s":"Gr\u00fc\u00dfe <&>"}`)},
		{name: "text", id: taxii.NewID(), kind: taxii.TypeContent, media: "text/plain", content: []byte(plainText)},
		enveloped("file", newObject("e", "file")),
	}
}

// asDraft gives the draft of a Message.
func (m *parcel) asDraft() draft {
	d := draft{"id": m.id, "media_type": m.media}
	if m.kind == "chat" {
		d["type"] = m.kind
	}
	if m.media == "text/plain" {
		d["content_base64"] = m.content
	} else {
		d["content"] = json.RawMessage(m.content)
	}
	return d
}

// hall gives the shared Channel, made once in a run.
func (p *probe) hall() (*room, *hall) {
	s := p.suite.common
	if s.hall == nil {
		c := p.newRoom("content_type", "*/*", "description", "for checks alone")
		h := &hall{name: c.name, id: c.id, parcels: hallParcels()}
		for _, m := range h.parcels { // JSON with its white space goes as it is
			p.fill(c, m)
		}
		h.earliest = c.start
		s.hall = h
	}
	return p.roomOf(s.hall), s.hall
}

// roomOf gives a shared Channel as the checks use it.
func (p *probe) roomOf(h *hall) *room {
	return &room{p: p, name: h.name, url: p.channels() + h.name + "/", id: h.id, start: h.earliest}
}

// fill publishes one Message of a shared Channel, written by hand so that its
// content keeps every octet.
func (p *probe) fill(c *room, m *parcel) {
	var a *answer
	if m.media == "text/plain" {
		a = c.post(m.asDraft())
	} else {
		head := `{"messages":[{"id":"` + m.id + `","media_type":"` + m.media + `",`
		if m.kind == "chat" {
			head += `"type":"chat",`
		}
		a = p.sends(http.MethodPost, c.at("messages/"), slices.Concat([]byte(head+`"content":`), m.content, []byte("}]}")))
	}
	st := p.took(a)
	p.need(len(st.Successes) == 1, "the Channel of the reading checks takes their Messages")
	m.cursor, m.version = st.Successes[0].place(), st.Successes[0].Version
}

// end ends the shared Channels of a run.
func (s *Suite) end(p *probe) {
	for _, h := range []*hall{s.common.hall, s.common.vast} {
		if h != nil {
			(&room{p: p, url: s.world.root + "channels/" + h.name + "/", made: true}).gone()
		}
	}
	s.common.hall, s.common.vast = nil, nil
}
