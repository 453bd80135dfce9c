package conformance

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

func followChecks() []Check {
	return []Check{
		following("read", "gives all Messages that are kept, in their order, where no place is named", "CH5 CH1", func(p *probe) {
			c, h := p.hall()
			p.sames(c.read().ids(), h.all())
			p.sames(c.read("after", taxii.Earliest).ids(), h.all())
		}),
		following("read-shape", "gives each Message an id, a cursor, when it was published, a type, a media type, a size and its content", "CH4", readShape),
		following("read-after", "gives what comes after a cursor", "CH5 CH1", func(p *probe) {
			c, h := p.hall()
			for i, m := range h.parcels {
				p.sames(c.read("after", m.cursor).ids(), h.all()[i+1:])
			}
		}),
		following("read-next", "takes next for after", "CH5", func(p *probe) {
			c, h := p.hall()
			p.sames(c.read("next", h.parcels[2].cursor).ids(), h.all()[3:])
		}),
		following("read-latest", "gives nothing after latest", "CH5", func(p *probe) {
			c, h := p.hall()
			m := c.read("after", taxii.Latest)
			p.want(len(m.Messages) == 0 && !m.more(), "no Message, and more false")
			p.want(m.Next == h.parcels[len(h.parcels)-1].cursor, "the cursor of the newest Message as next")
		}),
		following("read-next-always", "says next and more also where there are no Messages", "CH5.1", func(p *probe) {
			c, _ := p.hall()
			for _, query := range [][]string{{}, {"after", taxii.Latest}, {"limit", "1"}, {"match[type]", "x-none"}} {
				v := p.object(p.ok(c.at("messages/", query...)))
				p.text(v, "next", true)
				p.boolean(v, "more")
				p.texts0(v, "messages")
			}
		}),
		following("read-pages", "gives all Messages in pages of any size, each once", "CH5 CH5.1", func(p *probe) {
			c, h := p.hall()
			for _, limit := range []string{"1", "2", "4", "1000"} {
				var ids []string
				for _, m := range c.walk(taxii.Earliest, "limit", limit) {
					ids = append(ids, m.ID)
				}
				p.sames(ids, h.all())
			}
		}),
		following("read-limit", "gives at most limit Messages, and says that there are more", "CH5", func(p *probe) {
			c, h := p.hall()
			m := c.read("limit", "2")
			p.sames(m.ids(), h.all()[:2])
			p.want(m.more() && m.Next == h.parcels[1].cursor, "more true, and the cursor of the second as next")
		}),
	}
}

// readBoundChecks are about parameters, and about who may read.
func readBoundChecks() []Check {
	return []Check{
		following("read-limit-default", "gives 100 Messages where no limit is named", "CH5", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			c.publish(drafts(101)...)
			m := c.read("after", c.start)
			p.want(len(m.Messages) == 100 && m.more(), "100 Messages of 101, and more true")
		}),
		following("read-limit-bounds", "answers 400 to a limit out of bounds", "CH5 CH13", func(p *probe) {
			p.badReads("limit", "0", "1001", "-1", "many")
		}),
		following("read-wait-bounds", "answers 400 to a wait out of bounds", "CH5 CH13", func(p *probe) {
			p.badReads("wait", "56", "-1", "long")
		}),
		following("read-added-after", "gives what was published strictly later than a date", "CH5", func(p *probe) {
			c, h := p.hall()
			p.sames(c.read("added_after", h.parcels[1].version).ids(), h.all()[2:])
			p.sames(c.read("added_after", "2001-01-01T00:00:00Z").ids(), h.all())
		}),
		following("read-added-after-alone", "answers 400 to added_after beside after or next", "CH5", func(p *probe) {
			c, h := p.hall()
			for _, name := range []string{"after", "next"} {
				p.failure(p.get(c.at("messages/", "added_after", h.parcels[1].version, name, h.parcels[1].cursor)), http.StatusBadRequest)
			}
		}),
		following("read-added-after-malformed", "answers 400 to an added_after that is no timestamp", "CH5", func(p *probe) {
			p.badReads("added_after", "yesterday", "2024-13-01T00:00:00Z")
		}),
		following("read-unknown-parameter", "ignores parameters that it does not know", "CH2", func(p *probe) {
			c, h := p.hall()
			p.sames(c.read("frobnicate", "1", "_", "123").ids(), h.all())
		}),
		following("read-nothing", "changes nothing when it is read", "CH1", func(p *probe) {
			c, h := p.hall()
			for range 3 {
				p.sames(c.read("limit", "3").ids(), h.all()[:3])
			}
		}),
		following("read-forbidden", "answers 403 to who may only publish", "CH3 CH10", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_write")
			id := c.publish(holding(fresh()))[0].ID
			for _, path := range []string{"messages/", "messages/" + id + "/", "messages/" + id + "/content/"} {
				p.failure(p.get(c.at(path), other), http.StatusForbidden)
			}
		}),
		following("read-write-only", "answers 501 to who would read a drop box, and takes what is published there", "CH3 CH4", readWriteOnly),
		following("message", "gives one Message as it stands in the feed", "CH3 CH4", readMessage),
		following("message-unknown", "answers 404 to a Message that is not there", "CH3", func(p *probe) {
			c, _ := p.hall()
			for _, id := range []string{taxii.NewID(), "none"} {
				p.failure(p.get(c.at("messages/"+id+"/")), http.StatusNotFound)
				p.failure(p.get(c.at("messages/"+id+"/content/")), http.StatusNotFound)
			}
		}),
	}
}

// badReads wants 400 for each of these values of a parameter.
func (p *probe) badReads(name string, values ...string) {
	c, _ := p.hall()
	for _, value := range values {
		p.failure(p.get(c.at("messages/", name, value)), http.StatusBadRequest)
	}
}

func readShape(p *probe) {
	c, h := p.hall()
	for i, m := range c.read().Messages {
		want := h.parcels[i]
		p.want(m.ID == want.id, "the id %s", want.id)
		p.want(m.Cursor != "" && m.Cursor == want.cursor, "the cursor that its publisher was told")
		p.want(taxiiTime.MatchString(m.Published) && m.Published == want.version, "published %s, as its publisher was told", want.version)
		p.want(mediaOf(m.MediaType) == mediaOf(want.media) && m.Size == int64(len(want.content)), "media_type %s and size %d", want.media, len(want.content))
		p.want(bytes.Equal(m.Content, want.content) || bytes.Equal(m.Base64, want.content), "its content")
		p.want(m.ContentURL == "", "no content_url beside the content")
	}
}

func readWriteOnly(p *probe) {
	c := p.newRoom("mode", taxii.ModeWriteOnly)
	defer c.gone()
	st := p.took(c.post(holding(fresh())))
	p.want(st.Success == 1, "success_count 1")
	for _, path := range []string{"messages/", "messages/" + st.Successes[0].ID + "/", "subscriptions/", "?wait=0"} {
		p.failure(p.get(c.at(path)), http.StatusNotImplemented)
	}
	p.failure(p.sends(http.MethodPost, c.at("subscriptions/"), draft{}), http.StatusNotImplemented)
}

func readMessage(p *probe) {
	c, h := p.hall()
	list, _ := p.object(p.ok(c.at("messages/")))["messages"].([]any)
	for i, m := range h.parcels {
		alone := p.object(p.ok(c.at("messages/" + m.id + "/")))
		p.want(slices.Equal(compact(alone), compact(list[i])), "the Message %s as it stands in the feed", m.id)
	}
}

func waitChecks() []Check {
	return []Check{
		following("wait-empty", "waits for as long as it is told, and answers 200 with next alone", "CH5 CH5.1", func(p *probe) {
			c, h := p.hall()
			began := time.Now()
			m := c.read("after", taxii.Latest, "wait", "1")
			p.want(time.Since(began) >= 900*time.Millisecond, "an answer after a second, not after %v", time.Since(began))
			p.want(len(m.Messages) == 0 && !m.more() && m.Next == h.parcels[len(h.parcels)-1].cursor, "no Message, more false, and next")
		}),
		following("wait-message", "answers a wait when a Message comes", "CH5 Q7", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			began := time.Now()
			w := p.asks(c.at("messages/", "after", c.start, "wait", "20"))
			time.Sleep(10 * nap)
			p.want(!w.here(), "an answer that waits for a Message")
			id := c.publish(holding(fresh()))[0].ID
			p.came(w, id, began)
		}),
		following("wait-there", "answers at once where there are Messages", "CH5", func(p *probe) {
			c, h := p.hall()
			began := time.Now()
			p.sames(c.read("wait", "20").ids(), h.all())
			p.want(time.Since(began) < promptTime, "an answer at once, not after %v", time.Since(began))
		}),
		following("wait-selector", "waits for the first Message that matches", "CH5 CH8", func(p *probe) {
			c := p.usualRoom()
			defer c.gone()
			began := time.Now()
			w := p.asks(c.at("messages/", "after", c.start, "wait", "20", "match[type]", "tool"))
			time.Sleep(10 * nap)
			c.one()
			id := c.publish(holding(newObject("a", "tool")))[0].ID
			p.came(w, id, began)
		}),
	}
}

// came wants a wait to have ended with one Message, before its time.
func (p *probe) came(w *reply, id string, began time.Time) {
	a := w.came()
	p.status(a, http.StatusOK)
	var m messages
	p.read(a, &m)
	p.sames(m.ids(), []string{id})
	p.want(time.Since(began) < promptTime, "an answer with the Message, not after %v", time.Since(began))
}

func placeChecks() []Check {
	return []Check{
		following("cursor-malformed", "answers 400 malformed to a cursor that is none", "CH5.2", func(p *probe) {
			c, _ := p.hall()
			for _, cursor := range []string{"none", "1", "c1.AAAA", strings.Repeat("x", 300)} {
				p.reason(p.get(c.at("messages/", "after", cursor)), http.StatusBadRequest, "malformed")
				p.reason(p.get(c.at("messages/", "next", cursor)), http.StatusBadRequest, "malformed")
			}
		}),
		following("cursor-changed", "answers 400 malformed to a cursor in which a character was changed", "CH5.2", func(p *probe) {
			c, h := p.hall()
			cursor := h.parcels[0].cursor
			for _, i := range []int{len(cursor) / 2, len(cursor) * 3 / 4} {
				other := "A"
				if cursor[i] == 'A' {
					other = "B"
				}
				p.reason(p.get(c.at("messages/", "after", cursor[:i]+other+cursor[i+1:])), http.StatusBadRequest, "malformed")
			}
		}),
		following("cursor-sealed", "writes cursors of neighbours so that nothing can be counted from them", "CH5.2", func(p *probe) {
			c, _ := p.hall()
			m := c.read().Messages
			p.want(len(m) > 1, "Messages")
			a, b := m[0].Cursor, m[1].Cursor
			differ := 0
			for i := range min(len(a), len(b)) {
				if a[i] != b[i] {
					differ++
				}
			}
			p.want(differ >= 8, "cursors that differ in more than %d characters, %s and %s", differ, a, b)
		}),
		following("cursor-other-channel", "answers 400 malformed to a cursor of another Channel", "CH13", func(p *probe) {
			_, h := p.hall()
			c := p.newRoom()
			defer c.gone()
			p.reason(p.get(c.at("messages/", "after", h.parcels[0].cursor)), http.StatusBadRequest, "malformed")
		}),
		following("cursor-shared", "gives every reader the same cursors, and takes them from each", "CH5.2 CH1", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_read")
			one, two := c.one(), c.publish(holding(fresh()))[0]
			m := p.readAt(c.at("messages/"), other).Messages
			p.want(len(m) == 2 && m[0].Cursor == one && m[1].Cursor == two.place(), "the same cursors for both accounts")
			p.sames(p.readAt(c.at("messages/", "after", one), other).ids(), []string{two.ID})
		}),
		following("cursor-grants-nothing", "lets nobody in for a cursor", "CH5.2", func(p *probe) {
			c, h := p.hall()
			p.failure(p.get(c.at("messages/", "after", h.parcels[0].cursor), p.other()), http.StatusNotFound)
		}),
	}
}
