package conformance

import (
	"net/http"

	"github.com/hansom-taxii/hansom/taxii"
)

// moves sends a position, and gives what came of it.
func (s *subscription) moves(v draft) (position string, pending int) {
	a := s.p.sends(http.MethodPut, s.url+"position/", v)
	s.p.status(a, http.StatusOK)
	s.p.taxii(a)
	answer := s.p.object(a)
	pending, ok := whole(answer["pending"])
	s.p.want(ok, "pending as a number, not %v", answer["pending"])
	return s.p.text(answer, "position", true), pending
}

// filled makes a Channel with Messages and a Subscription before them.
func (p *probe) filled(n int, set draft) (*room, *subscription, []detail) {
	c := p.newRoom()
	s := c.subscribe(set)
	return c, s, c.publish(drafts(n)...)
}

// idsOf gives the ids of details.
func idsOf(list []detail) (ids []string) {
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	return ids
}

func positionChecks() []Check {
	return []Check{
		following("position", "acknowledges a Message and all before it, and reads on after it", "CH3 CH6", func(p *probe) {
			c, s, list := p.filled(3, draft{})
			defer c.gone()
			position, pending := s.moves(draft{"cursor": list[1].place()})
			p.want(position == list[1].place() && pending == 1, "the cursor as position, and 1 pending, not %d", pending)
			p.sames(s.read().ids(), idsOf(list[2:]))
			p.want(s.now().Position == position, "the position in the Subscription")
		}),
		following("position-older", "changes nothing at an older cursor, and says where it is", "CH6", func(p *probe) {
			c, s, list := p.filled(3, draft{})
			defer c.gone()
			s.moves(draft{"cursor": list[1].place()})
			for _, old := range []detail{list[0], list[1]} {
				position, pending := s.moves(draft{"cursor": old.place()})
				p.want(position == list[1].place() && pending == 1, "the position as it was")
			}
		}),
		following("position-next", "takes the next of a page, also one in which the Selector left all out", "CH5.1 CH6", func(p *probe) {
			c, s, _ := p.filled(2, draft{"selector": draft{"type": []string{"tool"}}})
			defer c.gone()
			m := s.read()
			p.want(len(m.Messages) == 0, "no Message")
			_, pending := s.moves(draft{"cursor": m.Next})
			p.want(pending == 0, "0 pending, not %d", pending)
		}),
		following("position-seek-back", "goes back where it is told to seek, and gives everything again", "CH6", func(p *probe) {
			c, s, list := p.filled(3, draft{})
			defer c.gone()
			s.moves(draft{"cursor": list[2].place()})
			position, pending := s.moves(draft{"cursor": list[0].place(), "seek": true})
			p.want(position == list[0].place() && pending == 2, "the older cursor as position, and 2 pending")
			p.sames(s.read().ids(), idsOf(list[1:]))
		}),
		following("position-seek-on", "goes on where it is told to seek", "CH6", func(p *probe) {
			c, s, list := p.filled(3, draft{})
			defer c.gone()
			position, pending := s.moves(draft{"cursor": list[2].place(), "seek": true})
			p.want(position == list[2].place() && pending == 0, "the newest cursor as position, and nothing pending")
		}),
		following("position-fixed", "takes earliest and latest for cursors", "CH1 CH6", func(p *probe) {
			c, s, list := p.filled(3, draft{})
			defer c.gone()
			position, pending := s.moves(draft{"cursor": taxii.Latest})
			p.want(position == list[2].place() && pending == 0, "the newest cursor as position at latest")
			s.moves(draft{"cursor": taxii.Earliest, "seek": true})
			p.sames(s.read("limit", "1000").ids(), c.read("limit", "1000").ids())
		}),
		following("position-malformed", "answers 400 to a position without a cursor, or with one that is none", "CH3 CH5.2", func(p *probe) {
			c, s, _ := p.filled(1, draft{})
			defer c.gone()
			for _, v := range []any{draft{}, draft{"cursor": ""}, draft{"cursor": 7}, []byte(`{"cursor"`), []byte(`[]`)} {
				p.failure(p.sends(http.MethodPut, s.url+"position/", v), http.StatusBadRequest)
			}
			p.reason(p.sends(http.MethodPut, s.url+"position/", draft{"cursor": "none"}), http.StatusBadRequest, "malformed")
			p.want(s.now().Position == s.Position, "the position as it was")
		}),
		following("position-other-channel", "answers 400 malformed to the cursor of another Channel", "CH13", func(p *probe) {
			_, h := p.hall()
			c, s, _ := p.filled(1, draft{})
			defer c.gone()
			p.reason(p.sends(http.MethodPut, s.url+"position/", draft{"cursor": h.parcels[0].cursor}), http.StatusBadRequest, "malformed")
		}),
		following("pending", "counts what is pending in Messages and octets, Selector or not", "CH6", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			s := c.subscribe(draft{"selector": draft{"type": []string{"tool"}}})
			octets := 0
			for i := range 3 {
				body := envelope(fresh())
				octets += len(body)
				p.took(p.do(http.MethodPost, c.at("messages/"), body))
				v := s.now()
				p.want(v.Pending == i+1 && v.PendingBytes == octets, "%d Messages and %d octets pending, not %d and %d", i+1, octets, v.Pending, v.PendingBytes)
			}
		}),
	}
}

func gapChecks() []Check {
	return []Check{
		following("gap", "skips the oldest beyond max_pending for this Subscription, and says so with a gap", "CH6 CH5.1 S30 G3", func(p *probe) {
			c, s, list := p.filled(5, draft{"max_pending": 2})
			defer c.gone()
			m := s.read()
			p.sames(m.ids(), idsOf(list[3:]))
			p.gapped(m.Gap, s.Position, list[2].place(), 3)
			p.sames(c.read("after", s.Position).ids(), idsOf(list)) // for others all is there
		}),
		following("gap-kept", "says so in every read, and in the Subscription, until it is acknowledged past", "CH6 CH13", func(p *probe) {
			c, s, list := p.filled(5, draft{"max_pending": 2})
			defer c.gone()
			for range 2 {
				p.gapped(s.read().Gap, s.Position, list[2].place(), 3)
			}
			p.gapped(s.now().Gap, s.Position, list[2].place(), 3)
			s.moves(draft{"cursor": list[3].place()})
			p.want(s.read().Gap == nil && s.now().Gap == nil, "no gap any more")
		}),
		following("gap-bytes", "skips the oldest beyond max_pending_bytes likewise", "CH6 S30", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			bodies := []draft{holding(fresh()), holding(fresh()), holding(fresh())}
			most := len(compact(bodies[2]["content"])) + 10
			s := c.subscribe(draft{"max_pending_bytes": most})
			list := c.publish(bodies...)
			m := s.read()
			p.sames(m.ids(), idsOf(list[2:]))
			p.gapped(m.Gap, s.Position, list[1].place(), 2)
		}),
		following("gap-stream", "sends a gap as an event before the Message that follows it", "CH5.3 CH6", func(p *probe) {
			c, s, list := p.filled(5, draft{"max_pending": 2})
			defer c.gone()
			live := p.follow(s.url + "messages/")
			defer live.end()
			v := new(gap)
			live.reads(live.event("gap"), v)
			p.gapped(v, s.Position, list[2].place(), 3)
			live.sends(idsOf(list[3:])...)
		}),
		following("gap-seek", "keeps a gap where a seek goes back before its end", "CH13", func(p *probe) {
			c, s, list := p.filled(5, draft{"max_pending": 2})
			defer c.gone()
			s.moves(draft{"cursor": s.Position, "seek": true})
			p.want(s.read().Gap != nil, "a gap")
			s.moves(draft{"cursor": list[4].place(), "seek": true})
			p.want(s.read().Gap == nil, "no gap past its end")
		}),
	}
}

// gapped wants a gap between two cursors that a queue bound has made.
func (p *probe) gapped(g *gap, from, to string, missed int) {
	p.want(g != nil, "a gap")
	p.want(g.Reason == taxii.GapBound, "reason bound, not %q", g.Reason)
	p.want(g.Missed != nil && *g.Missed == missed, "missed %d", missed)
	p.want(g.From == from && g.To == to, "from the position to the cursor of the last Message that was skipped")
}
