package conformance

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/taxii"
)

// compactRaw takes the white space out of JSON.
func compactRaw(raw []byte) []byte {
	v := jsontext.Value(bytes.Clone(raw))
	_ = v.Compact() // what is no JSON stays as it is
	return v
}

func channelContentChecks() []Check {
	return []Check{
		following("content", "serves the octets of a Message under its media type", "CH3 CH5.4", func(p *probe) {
			_, h := p.hall()
			for _, m := range h.parcels {
				a := p.contentOf(m)
				p.status(a, http.StatusOK)
				p.want(bytes.Equal(a.body, m.content), "the %d octets of %s as published", len(m.content), m.name)
				p.want(mediaOf(a.header.Get("Content-Type")) == mediaOf(m.media), "Content-Type %s, not %q", m.media, a.header.Get("Content-Type"))
			}
		}),
		following("content-length", "tells the length of content", "CH5.4", func(p *probe) {
			_, h := p.hall()
			m := h.parcel("text")
			p.want(p.contentOf(m).header.Get("Content-Length") == strconv.Itoa(len(m.content)), "Content-Length %d", len(m.content))
		}),
		following("content-ranges", "says that content can be had in parts", "CH5.4 Q1", func(p *probe) {
			_, h := p.hall()
			p.want(p.contentOf(h.parcel("text")).header.Get("Accept-Ranges") == "bytes", "Accept-Ranges: bytes")
		}),
		following("content-etag", "gives content a strong ETag, the same each time", "CH5.4", func(p *probe) {
			_, h := p.hall()
			a, b := p.contentOf(h.parcel("text")), p.contentOf(h.parcel("chat"))
			tag := a.header.Get("ETag")
			p.want(len(tag) > 2 && strings.HasPrefix(tag, `"`), "a strong ETag, not %q", tag)
			p.want(p.contentOf(h.parcel("text")).header.Get("ETag") == tag && b.header.Get("ETag") != tag, "the same ETag each time, and another for another Message")
		}),
		following("content-attachment", "has content saved and not shown", "CH5.4", func(p *probe) {
			_, h := p.hall()
			disposition := p.contentOf(h.parcel("text")).header.Get("Content-Disposition")
			p.want(strings.HasPrefix(disposition, "attachment"), "Content-Disposition: attachment, not %q", disposition)
		}),
		following("content-part", "serves a part of content", "CH3 CH5.4 Q1", func(p *probe) {
			_, h := p.hall()
			m := h.parcel("text")
			n := len(m.content)
			for _, part := range []struct{ first, last int }{{0, 0}, {3, 9}, {0, n - 1}} {
				p.part(m, fmt.Sprintf("bytes=%d-%d", part.first, part.last), part.first, part.last)
			}
			p.part(m, "bytes=5-", 5, n-1)
			p.part(m, "bytes=-4", n-4, n-1)
			p.part(m, "bytes=5-9999", 5, n-1)
		}),
		following("content-part-if", "serves a part only of the content that If-Range names, else the whole", "CH5.4", func(p *probe) {
			_, h := p.hall()
			m := h.parcel("text")
			tag := p.contentOf(m).header.Get("ETag")
			p.status(p.contentOf(m, header("Range", "bytes=0-3"), header("If-Range", tag)), http.StatusPartialContent)
			p.status(p.contentOf(m, header("Range", "bytes=0-3"), header("If-Range", `"other"`)), http.StatusOK)
		}),
		following("content-416", "answers 416 with a TAXII error to a part that there is not, and tells the length", "CH3 CH5.4 CH13", func(p *probe) {
			_, h := p.hall()
			m := h.parcel("text")
			a := p.contentOf(m, header("Range", "bytes=9000-"))
			p.failure(a, http.StatusRequestedRangeNotSatisfiable)
			p.want(a.header.Get("Content-Range") == fmt.Sprintf("bytes */%d", len(m.content)), "Content-Range bytes */%d, not %q", len(m.content), a.header.Get("Content-Range"))
		}),
		following("content-accept", "serves content to a client that accepts anything, and names TAXII in Accept or not", "CH5.4", func(p *probe) {
			_, h := p.hall()
			for _, accept := range []string{"*/*", "text/plain", taxii.MediaType} {
				p.status(p.contentOf(h.parcel("text"), header("Accept", accept)), http.StatusOK)
			}
		}),
	}
}

// contentOf asks for the content of a Message of the hall.
func (p *probe) contentOf(m *parcel, options ...option) *answer {
	c, _ := p.hall()
	return p.get(c.at("messages/"+m.id+"/content/"), options...)
}

// part wants a range of content to be these octets, the last included.
func (p *probe) part(m *parcel, asked string, first, last int) {
	a := p.contentOf(m, header("Range", asked))
	p.status(a, http.StatusPartialContent)
	want := fmt.Sprintf("bytes %d-%d/%d", first, last, len(m.content))
	p.want(a.header.Get("Content-Range") == want, "Content-Range %s, not %q", want, a.header.Get("Content-Range"))
	p.want(bytes.Equal(a.body, m.content[first:last+1]), "these %d octets", last+1-first)
	p.want(a.header.Get("Content-Length") == strconv.Itoa(last+1-first), "Content-Length %d", last+1-first)
}

// leastMaxSize is what X-Max-Size is at the least, and where it is not sent.
const leastMaxSize = 9437184

// vast gives a Channel with Messages that do not fit into one answer: one too large
// alone, a small one, and two that fit each and not together.
func (p *probe) vast() (*room, *hall) {
	s := p.suite.common
	if s.vast != nil {
		return p.roomOf(s.vast), s.vast
	}
	const large = leastMaxSize + 1000
	var root taxii.APIRoot
	p.read(p.ok(p.world().root), &root)
	if root.MaxContentLength < large {
		p.skip("no Message is larger than X-Max-Size here: max_content_length is %d octets", root.MaxContentLength)
	}
	c := p.newRoom("content_type", "*/*", "max_message_size", large)
	h := &hall{name: c.name, id: c.id, earliest: c.start}
	for _, one := range []struct {
		name string
		size int
	}{{"vast", large}, {"small", 100}, {"half", 4_000_000}, {"other half", 4_000_000}} {
		m := &parcel{name: one.name, id: taxii.NewID(), kind: taxii.TypeContent, media: "text/plain", content: bytes.Repeat([]byte("0123456789"), one.size/10)}
		st := p.took(p.do(http.MethodPost, c.at("messages/"), m.content, header("Content-Type", m.media), header("Idempotency-Key", m.id)))
		p.need(st.Success == 1, "a Message of %d octets is taken", one.size)
		m.cursor, m.version, m.status = st.Successes[0].place(), st.Successes[0].Version, st.ID
		h.parcels = append(h.parcels, m)
	}
	s.vast = h
	return c, h
}

func maxSizeChecks() []Check {
	return []Check{
		following("size-least", "answers 400 to an X-Max-Size below 9437184", "CH5.4 S9 S10 S11 S12", func(p *probe) {
			p.maxSizes("9437183", "1", "0")
		}),
		following("size-number", "answers 400 to an X-Max-Size that is no decimal number", "CH5.4 S9 S10 S11 S12", func(p *probe) {
			p.maxSizes("-9437184", "9MB", "1e9", "9437184.0", "0x900000")
		}),
		following("size-given", "takes an X-Max-Size of 9437184 and more, and never sends one", "CH5.4 S9 S10 S11 S12", func(p *probe) {
			c, h := p.hall()
			for _, size := range []string{"9437184", "99999999999"} {
				a := p.ok(c.at("messages/"), header("X-Max-Size", size))
				p.want(a.header.Get("X-Max-Size") == "", "no X-Max-Size in an answer")
				var m messages
				p.read(a, &m)
				p.sames(m.ids(), h.all())
			}
		}),
		following("size-large", "delivers a Message that alone is larger than X-Max-Size by its content_url, in its place", "CH5.4 Q2", func(p *probe) {
			c, h := p.vast()
			m := c.walk(taxii.Earliest)
			p.want(len(m) == len(h.parcels) && m[0].ID == h.parcel("vast").id, "all %d Messages, the large one first", len(h.parcels))
			p.referred(m[0], h.parcel("vast"))
		}),
		following("size-pages", "ends a page at the size bound, and goes on with the next", "CH5.1 CH5.4", func(p *probe) {
			c, h := p.vast()
			a := p.ok(c.at("messages/"))
			p.want(len(a.body) <= leastMaxSize, "at most %d octets, not %d", leastMaxSize, len(a.body))
			var m messages
			p.read(a, &m)
			p.want(m.more() && len(m.Messages) > 0, "some Messages, and more true")
			var ids []string
			for _, one := range append(m.Messages, c.walk(m.Next)...) {
				ids = append(ids, one.ID)
				p.want(one.ContentURL == "" || one.ID == h.parcel("vast").id, "the content of each Message that fits alone")
			}
			p.sames(ids, h.all())
		}),
		following("size-more", "delivers a large Message with its content to who takes so much", "CH5.4", func(p *probe) {
			c, h := p.vast()
			m := p.readAt(c.at("messages/", "limit", "1"), header("X-Max-Size", "20000000"))
			p.want(len(m.Messages) == 1 && bytes.Equal(m.Messages[0].Base64, h.parcel("vast").content), "the content itself")
		}),
		following("size-message", "gives one large Message by its content_url too", "CH5.4", func(p *probe) {
			c, h := p.vast()
			var m message
			p.read(p.ok(c.at("messages/"+h.parcel("vast").id+"/")), &m)
			p.referred(m, h.parcel("vast"))
		}),
		following("size-url", "serves the content where content_url leads, relative to the API Root", "CH4 CH5.4 Q1", func(p *probe) {
			c, h := p.vast()
			m := c.read("limit", "1").Messages
			p.want(len(m) == 1 && m[0].ContentURL != "", "a content_url")
			a := p.get(p.under(m[0].ContentURL))
			p.status(a, http.StatusOK)
			p.want(bytes.Equal(a.body, h.parcel("vast").content), "the octets as published")
		}),
		following("size-stream", "sends a large Message by its content_url in a stream", "CH5.3 CH5.4", func(p *probe) {
			c, h := p.vast()
			s := p.follow(c.at("messages/", "after", taxii.Earliest))
			defer s.end()
			p.referred(s.message(), h.parcel("vast"))
			p.want(s.message().ID == h.parcel("small").id, "the next Message after it")
		}),
		following("size-content", "answers 400 to content larger than an X-Max-Size that was sent, and names Range; a part of it is served", "CH5.4 CH13 Q1", func(p *probe) {
			c, h := p.vast()
			address, size := c.at("messages/"+h.parcel("vast").id+"/content/"), header("X-Max-Size", strconv.Itoa(leastMaxSize))
			a := p.get(address, size)
			p.failure(a, http.StatusBadRequest)
			p.want(strings.Contains(string(a.body), "Range"), "Range named as the way")
			p.status(p.get(address, size, header("Range", "bytes=0-99")), http.StatusPartialContent)
		}),
	}
}

// under resolves an address that is relative to the API Root.
func (p *probe) under(address string) string {
	if strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "/") {
		return p.resolve(address)
	}
	return p.world().root + address
}

// referred wants a Message to be delivered by reference.
func (p *probe) referred(m message, want *parcel) {
	p.want(m.ID == want.id && m.Cursor == want.cursor, "the Message %s with its cursor", want.id)
	p.want(m.ContentURL != "" && m.Content == nil && m.Base64 == nil, "content_url, and no content")
	p.want(m.Size == int64(len(want.content)), "size %d, not %d", len(want.content), m.Size)
}

// maxSizes wants 400 for each of these.
func (p *probe) maxSizes(values ...string) {
	c, _ := p.hall()
	for _, value := range values {
		p.failure(p.get(c.at("messages/"), header("X-Max-Size", value)), http.StatusBadRequest)
	}
}
