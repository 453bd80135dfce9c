package conformance

import (
	"net/http"

	"github.com/hansom-taxii/hansom/taxii"
)

// publishMoreChecks are about who publishes.
func publishMoreChecks() []Check {
	return []Check{
		following("publish-blind", "shows a publisher that may not read no cursor", "CH4 CH10", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_write")
			st := p.took(p.do(http.MethodPost, c.at("messages/"), envelope(fresh()), other))
			p.want(len(st.Successes) == 1 && st.Successes[0].Cursor == nil, "a success without cursor")
			v := c.settings(other)
			_, earliest := v["earliest"]
			_, latest := v["latest"]
			p.want(!earliest && !latest, "no earliest and no latest")
			var kept published
			p.read(p.ok(p.statusURL(st.ID), other), &kept)
			p.want(len(kept.Successes) == 1 && kept.Successes[0].Cursor == nil, "no cursor in the Status that is kept")
		}),
		following("publish-status-manager", "shows the Status of a publication to who manages the Channel", "CH4", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_write")
			st := p.took(p.do(http.MethodPost, c.at("messages/"), envelope(fresh()), other))
			p.ok(p.statusURL(st.ID))
		}),
		following("publish-other-clash", "rejects other content under an id that another publisher uses, and takes the same for a duplicate", "CH4", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_read", "can_write")
			d := holding(fresh())
			c.publish(d)
			st := p.took(p.sends(http.MethodPost, c.at("messages/"), draft{"messages": []draft{d}}, other))
			p.want(st.Success == 1 && st.Successes[0].Disposition == taxii.Duplicate, "duplicate")
			d["content"] = holding(fresh())["content"]
			p.rejected(p.sends(http.MethodPost, c.at("messages/"), draft{"messages": []draft{d}}, other), 1)
			p.want(len(c.read().Messages) == 1, "one Message")
		}),
		following("publisher", "shows who published only where the Channel shows it", "CH4 CH13", func(p *probe) {
			hidden, _ := p.hall()
			for _, m := range hidden.read().Messages {
				p.want(m.Publisher == "", "no publisher")
			}
			c := p.newRoom("show_publishers", true)
			defer c.gone()
			c.one()
			m := c.read().Messages
			p.want(len(m) == 1 && m[0].Publisher == p.suite.target.Account.Name, "the account that published as publisher")
		}),
		following("publish-message", "says in the Status that readers may get a content_url, where a Message is larger than the least X-Max-Size", "CH4 Q2", func(p *probe) {
			_, h := p.vast()
			told := func(name string) string {
				var st published
				p.read(p.ok(p.statusURL(h.parcel(name).status)), &st)
				p.want(len(st.Successes) == 1, "one success")
				return st.Successes[0].Message
			}
			p.want(told("vast") != "", "a message in the detail of a Message of more than 9437184 octets in JSON")
			p.want(told("small") == "", "none in that of a small one")
		}),
	}
}
