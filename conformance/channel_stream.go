package conformance

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// acceptStreamChecks are about who gets an event stream.
func acceptStreamChecks() (list []Check) {
	for _, c := range []struct {
		name, what, accept string
		stream             bool
	}{
		{"only", "a stream to who accepts nothing else", "text/event-stream", true},
		{"first", "a stream where it is listed before a TAXII type of the same weight", "text/event-stream, application/taxii+json;version=2.1", true},
		{"second", "a page where a TAXII type of the same weight is listed before the stream", "application/taxii+json;version=2.1, text/event-stream", false},
		{"less", "a page where the stream weighs less", "text/event-stream;q=0.5, application/taxii+json;version=2.1;q=0.9", false},
		{"more", "a stream where a TAXII type weighs less", "application/taxii+json;version=2.1;q=0.5, text/event-stream;q=0.9", true},
		{"zero", "a page where the stream weighs nothing", "text/event-stream;q=0, application/taxii+json;version=2.1", false},
		{"any", "a page to who accepts anything", "*/*", false},
	} {
		list = append(list, following("accept-"+c.name, "gives "+c.what, "CH5.3 CH2", func(p *probe) {
			room, _ := p.hall()
			s := p.open(room.at("messages/"), header("Accept", c.accept))
			defer s.end()
			p.status(s.answer, http.StatusOK)
			if !c.stream {
				p.taxii(s.answer)
				return
			}
			p.want(s.blocks != nil, "Content-Type text/event-stream, not %q", s.header.Get("Content-Type"))
		}))
	}
	return append(list, following("accept-neither", "answers 406 to who accepts neither a page nor a stream", "CH3 CH5.3", func(p *probe) {
		c, _ := p.hall()
		p.failure(p.get(c.at("messages/"), header("Accept", "image/png")), http.StatusNotAcceptable)
	}))
}

func streamChecks() []Check {
	return []Check{
		following("stream-start", "begins a stream at once, with the time to wait before coming back", "CH5.3", func(p *probe) {
			c, _ := p.hall()
			s := p.follow(c.at("messages/"))
			defer s.end()
			b, ok := s.next()
			p.want(ok && b.retry == "3000", "retry: 3000 as the first line, not %q", b.retry)
		}),
		following("stream-headers", "lets nobody keep, compress or hold back a stream", "CH5.3 CH2", func(p *probe) {
			c, _ := p.hall()
			s := p.follow(c.at("messages/"), header("Accept-Encoding", "identity"))
			defer s.end()
			p.want(s.header.Get("X-Accel-Buffering") == "no", "X-Accel-Buffering: no")
			p.want(s.header.Get("Content-Encoding") == "" && s.header.Get("Content-Length") == "", "no Content-Encoding and no Content-Length")
			p.unstored(s.answer, http.StatusOK)
		}),
		following("stream-live", "sends a Message as an event when it is published", "CH5.3 CH1 Q7", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			s := p.follow(c.at("messages/"))
			defer s.end()
			s.next()
			for range 3 {
				id := c.quietly()
				s.sends(id)
			}
		}),
		following("stream-events", "sends each Message as JSON in an event of its own, named message, whose id is its cursor", "CH5.3", streamEvents),
		following("stream-latest", "begins a stream at latest where no place is named", "CH5 CH5.3", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			c.one()
			s := p.follow(c.at("messages/"))
			defer s.end()
			s.next()
			id := c.quietly()
			s.sends(id)
		}),
		following("stream-after", "begins a stream after the cursor that is named", "CH5", func(p *probe) {
			c, h := p.hall()
			s := p.follow(c.at("messages/", "after", h.parcels[1].cursor))
			defer s.end()
			s.sends(h.all()[2:]...)
		}),
		following("stream-last-id", "goes on after Last-Event-ID, which wins over after", "CH5.3 G3", func(p *probe) {
			c, h := p.hall()
			s := p.follow(c.at("messages/", "after", taxii.Earliest), header("Last-Event-ID", h.parcels[3].cursor))
			defer s.end()
			s.sends(h.all()[4:]...)
		}),
	}
}

// streamMessageChecks are about what a stream carries.
func streamMessageChecks() []Check {
	return []Check{
		following("stream-resumed", "loses nothing and repeats nothing when a stream is taken up again at its last id", "CH5.3 G3 G4", streamResumed),
		following("stream-order", "gives a stream the Messages of a page, in the same order and with the same cursors", "CH1 CH5.3 G2", func(p *probe) {
			c, _ := p.hall()
			s := p.follow(c.at("messages/", "after", taxii.Earliest))
			defer s.end()
			for _, m := range c.read().Messages {
				got := s.message()
				p.want(got.ID == m.ID && got.Cursor == m.Cursor && got.Published == m.Published, "the Message %s as on the page", m.ID)
			}
		}),
		following("stream-selector", "sends a stream only what its Selector passes", "CH5.3 CH8", func(p *probe) {
			c, h := p.hall()
			s := p.follow(c.at("messages/", "after", taxii.Earliest, "match[type]", "malware"))
			defer s.end()
			s.sends(h.named("old", "pair")...)
		}),
		following("stream-progress", "sends the id of how far it looked past Messages that the Selector left out, without data", "CH5.3", streamProgress),
		following("stream-lines", "sends line ends in JSON as further lines of data, which a reader takes for the same value", "CH5.3 CH1", streamLines),
		following("stream-malformed", "answers 400 to a stream from a cursor that is none", "CH5.2 CH5.3", func(p *probe) {
			c, _ := p.hall()
			p.reason(p.refusedStream(c.at("messages/", "after", "none")), http.StatusBadRequest, "malformed")
			p.reason(p.refusedStream(c.at("messages/"), header("Last-Event-ID", "none")), http.StatusBadRequest, "malformed")
		}),
		following("stream-gone", "answers 410 before a stream begins where its cursor cannot be honoured", "CH5.2 CH5.3", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			cursor := c.one()
			c.again()
			p.reason(p.refusedStream(c.at("messages/"), header("Last-Event-ID", cursor)), http.StatusGone, "replaced")
		}),
	}
}

// refusedStream asks for a stream that should not begin.
func (p *probe) refusedStream(address string, options ...option) *answer {
	s := p.open(address, append([]option{header("Accept", "text/event-stream")}, options...)...)
	defer s.end()
	return s.answer
}

// quietly publishes one Message and gives its id.
func (c *room) quietly() string { return c.publish(holding(fresh()))[0].ID }

// sends wants the next Messages of a stream to be these.
func (s *stream) sends(ids ...string) {
	for i, id := range ids {
		m := s.message()
		s.p.want(m.ID == id, "%s as Message %d of the stream, not %s", id, i+1, m.ID)
	}
}

func streamEvents(p *probe) {
	c, h := p.hall()
	s := p.follow(c.at("messages/", "after", taxii.Earliest))
	defer s.end()
	for _, want := range h.parcels {
		b := s.event("message")
		var m message
		err := json.Unmarshal([]byte(b.text()), &m)
		p.want(err == nil, "a Message as data: %v", err)
		p.want(b.id != nil && *b.id == want.cursor && m.Cursor == want.cursor, "its cursor as id")
		p.want(m.ID == want.id && m.Type == want.kind && m.Published == want.version, "the Message %s", want.id)
	}
}

func streamResumed(p *probe) {
	c := p.usualRoom()
	defer c.gone()
	var want, got []string
	last := c.start
	for range 3 {
		s := p.follow(c.at("messages/"), header("Last-Event-ID", last))
		for _, d := range c.publish(drafts(2)...) {
			want = append(want, d.ID)
		}
		m := s.message() // and the second is taken up by the next stream
		got, last = append(got, m.ID), m.Cursor
		s.end()
	}
	s := p.follow(c.at("messages/"), header("Last-Event-ID", last))
	defer s.end()
	for range len(want) - len(got) {
		got = append(got, s.message().ID)
	}
	p.sames(got, want)
}

func streamProgress(p *probe) {
	c := p.usualRoom()
	defer c.gone()
	s := p.follow(c.at("messages/", "match[type]", "tool"))
	defer s.end()
	s.next()
	last := c.one()
	for {
		b, ok := s.next()
		p.want(ok && b.data == nil, "no Message that the Selector does not pass")
		p.want(b.id != nil, "an id")
		if *b.id == last {
			break
		}
	}
	p.want(len(c.read("after", last).Messages) == 0, "an id that is behind what was left out")
}

func streamLines(p *probe) {
	c := p.newRoom("content_type", "*/*")
	defer c.gone()
	want := "{\r\n\t\"text\":\r\"hi\",\n\n  \"list\": [1,\r\n2]\n}"
	p.took(p.do(http.MethodPost, c.at("messages/"), []byte(want), header("Content-Type", "application/json")))
	s := p.follow(c.at("messages/", "after", taxii.Earliest))
	defer s.end()
	m := s.message()
	p.want(string(compactRaw(m.Content)) == `{"text":"hi","list":[1,2]}`, "the value that was published, not %s", m.Content)
	p.want(m.Size == int64(len(want)), "the size as published")
	a := p.get(c.at("messages/" + m.ID + "/content/"))
	p.want(string(a.body) == want, "the octets as published at content/")
}

func streamEndChecks() []Check {
	return []Check{
		following("end-deleted", "ends a stream with the reason when the Channel is ended", "CH5.3 CH13", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			s := p.follow(c.at("messages/"))
			defer s.end()
			s.next()
			p.status(p.do(http.MethodDelete, c.url, nil), http.StatusNoContent)
			p.ended(s, "404")
		}),
		following("end-revoked", "ends a stream when the right to read ends", "CH5.3 CH10 CH13", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_read")
			s := p.follow(c.at("messages/"), other)
			defer s.end()
			s.next()
			c.grant()
			p.ended(s, "404")
		}),
		following("end-revoked-visible", "ends a stream with 403 when the right to read ends and another stays", "CH5.3 CH13", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_read", "can_write")
			s := p.follow(c.at("messages/"), other)
			defer s.end()
			s.next()
			c.grant("can_write")
			p.ended(s, "403")
		}),
		following("end-wait-deleted", "answers a wait when the Channel is ended", "CH13", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			w := p.asks(c.at("messages/", "after", taxii.Latest, "wait", "20"))
			time.Sleep(10 * nap)
			p.status(p.do(http.MethodDelete, c.url, nil), http.StatusNoContent)
			began := time.Now()
			p.failure(w.came(), http.StatusNotFound)
			p.want(time.Since(began) < promptTime, "an answer when the Channel ends")
		}),
		following("end-wait-revoked", "answers a wait when the right to read ends", "CH10 CH13", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_read", "can_write")
			w := p.asks(c.at("messages/", "after", taxii.Latest, "wait", "20"), other)
			time.Sleep(10 * nap)
			c.grant("can_write")
			began := time.Now()
			p.failure(w.came(), http.StatusForbidden)
			p.want(time.Since(began) < promptTime, "an answer when the right ends")
		}),
	}
}

// ended wants the next event of a stream to be its end, with an error of a status.
func (p *probe) ended(s *stream, status string) {
	b := s.event("end")
	var v map[string]any
	err := json.Unmarshal([]byte(b.text()), &v)
	p.want(err == nil && v["title"] != "" && v["title"] != nil, "a TAXII error as data: %v", err)
	p.want(v["http_status"] == status, "http_status %q, not %v", status, v["http_status"])
	_, more := s.next()
	p.want(!more, "nothing after the end")
}
