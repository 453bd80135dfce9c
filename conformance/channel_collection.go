package conformance

import (
	"bytes"
	"net/http"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// collectionFeedChecks are about Channels beside Collections.
func collectionFeedChecks() []Check {
	return []Check{
		following("from-collection", "publishes what is added to a Collection, in the same order", "CH4", fromCollection),
		following("to-collection", "adds what is published to a Collection", "CH4", toCollection),
		following("collection-unknown", "answers 422 to a Collection that is not there", "CH4", func(p *probe) {
			p.creatable()
			for _, name := range []string{"from_collection", "to_collection"} {
				a := p.sends(http.MethodPost, p.channels(), draft{"name": freshName(), name: taxii.NewID()})
				p.failure(a, http.StatusUnprocessableEntity)
			}
		}),
		following("collection-circle", "answers 422 to a Channel from and to the same Collection", "CH4", func(p *probe) {
			p.creatable()
			id := p.world().writable.ID
			a := p.sends(http.MethodPost, p.channels(), draft{"name": freshName(), "from_collection": id, "to_collection": id})
			p.failure(a, http.StatusUnprocessableEntity)
		}),
		following("collection-hidden", "answers 422 to a Collection without the right to read it, in the words of one that is not there", "CH4 CH2", func(p *probe) {
			p.creatable()
			var hidden string
			for _, c := range p.world().collections {
				if !c.CanRead {
					hidden = c.ID
				}
			}
			if hidden == "" {
				p.skip("the account can read every Collection that it is shown")
			}
			unknown := taxii.NewID()
			a := p.sends(http.MethodPost, p.channels(), draft{"name": freshName(), "from_collection": hidden})
			p.failure(a, http.StatusUnprocessableEntity)
			p.alike(a, p.sends(http.MethodPost, p.channels(), draft{"name": freshName(), "from_collection": unknown}), hidden, unknown)
		}),
		following("live-objects", "answers Prefer: wait at the objects of a Collection when one is added", "CH5 Q7", func(p *probe) {
			p.live(func(query ...string) string { return p.objects(query...) })
		}),
		following("live-manifest", "answers Prefer: wait at the manifest of a Collection when an object is added", "CH5 Q7", func(p *probe) {
			p.live(func(query ...string) string { return p.manifest(query...) })
		}),
		following("live-empty", "answers Prefer: wait after its time where nothing was added", "CH5", func(p *probe) {
			p.channels()
			o := fresh()
			p.stored(o)
			p.dated(o)
			began := time.Now()
			_, v := p.page(p.objects("added_after", o.added.String(), "match[id]", o.id), header("Prefer", "wait=1"))
			p.want(time.Since(began) >= 900*time.Millisecond, "an answer after a second, not after %v", time.Since(began))
			p.want(len(v.Objects) == 0, "no object")
		}),
		following("live-there", "answers Prefer: wait at once where there are objects", "CH5", func(p *probe) {
			p.channels()
			o := fresh()
			p.stored(o)
			began := time.Now()
			_, v := p.page(p.objects("match[id]", o.id), header("Prefer", "wait=20"))
			p.want(len(v.Objects) == 1 && time.Since(began) < promptTime, "the object at once")
		}),
	}
}

func fromCollection(p *probe) {
	c := p.newRoom("from_collection", p.world().writable.ID, "mode", taxii.ModeReadOnly)
	defer c.gone()
	from := c.settings()["latest"]
	var list []*object
	for range 3 {
		list = append(list, fresh())
		p.stored(list[len(list)-1])
	}
	after, _ := from.(string)
	var content []byte
	p.until("the objects that were added, as Messages", func() bool {
		m := c.read("after", after, "wait", "2")
		for _, one := range m.Messages {
			p.want(one.Type == taxii.TypeEnvelope && one.MediaType == taxii.MediaType, "Envelopes")
			content = append(content, one.Content...)
		}
		after = m.Next
		return bytes.Contains(content, []byte(list[2].id))
	})
	last := -1
	for _, o := range list {
		at := bytes.Index(content, []byte(o.id))
		p.want(at > last, "the objects in the order in which they were added")
		p.want(bytes.Count(content, []byte(`"id":"`+o.id)) == 1, "each object once")
		last = at
	}
}

func toCollection(p *probe) {
	c := p.newRoom("to_collection", p.world().writable.ID)
	defer c.gone()
	o := fresh()
	c.publish(holding(o))
	p.until("the object in the Collection", func() bool { return p.get(p.object1(o.id)).status == http.StatusOK })
	p.kept(o.id, o)
}

// live wants a wait at a Collection to end with what is added while it waits.
func (p *probe) live(at func(query ...string) string) {
	p.channels()
	o := fresh()
	w := p.asks(at("match[id]", o.id), header("Prefer", "wait=20"))
	began := time.Now()
	time.Sleep(10 * nap)
	p.want(!w.here(), "an answer that waits for an object")
	p.stored(o)
	a := w.came()
	p.status(a, http.StatusOK)
	p.want(bytes.Contains(a.body, []byte(o.id)) && time.Since(began) < promptTime, "the object when it is added, not after %v", time.Since(began))
}
