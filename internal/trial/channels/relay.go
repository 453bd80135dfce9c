package channels

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// relay is a second Channel, which publishes what is added to one Collection and
// adds it to another: each object is to come out of both once, and in order.
type relay struct {
	*run
	from, to string // the Collections, by id
	channel  *client
}

const (
	// relayChannel is the name of its Channel.
	relayChannel = "relay"
	// adders is how many add objects to its Collection.
	adders = 2
)

// newRelay makes the Channel, before anything is added.
func newRelay(t testing.TB, r *run) *relay {
	t.Helper()
	ids := map[string]string{}
	for _, c := range r.server.asked().Collections {
		if c.Root == "/trust/" {
			ids[c.Alias] = c.ID
		}
	}
	l := &relay{run: r, from: ids["indicators"], to: ids["dropbox"], channel: r.client(t, nil)}
	if l.to == "" {
		l.to = ids["operations"]
	}
	l.channel.base = r.base.root + "channels/" + relayChannel + "/"
	made := r.client(t, nil)
	made.base = r.base.root
	body := map[string]any{"name": relayChannel, "from_collection": l.from, "to_collection": l.to}
	if status, problem, err := made.ask(http.MethodPost, "channels/", body, nil); err != nil || status != http.StatusCreated {
		t.Fatalf("the channel that relays: %d, %v, %v", status, problem, err)
	}
	return l
}

// start lets objects be added until nothing more is published.
func (l *relay) start(t testing.TB, all *sync.WaitGroup) {
	t.Helper()
	for n := range adders {
		c := l.client(t, nil)
		c.base = c.root + "collections/" + l.from + "/"
		all.Go(func() { l.add(c, n+1) })
	}
}

// add adds Envelopes, one after the other, each until there is an answer.
func (l *relay) add(c *client, number int) {
	for made := 0; !over(c.published); {
		var objects []json.RawMessage
		var ids []string
		for range 1 + rand.IntN(4) {
			made++
			id := fmt.Sprintf("x-torment--%08x-0000-4000-8000-%012x", number, made)
			ids = append(ids, id)
			objects = append(objects, fmt.Appendf(nil, `{"type":"x-torment","spec_version":"2.1","id":%q,"created":"2026-01-01T00:00:00.000Z",`+
				`"modified":"2026-01-01T00:00:00.000Z","x":"%0*d"}`, id, 1+rand.IntN(300), 0))
		}
		for !over(c.stopped) {
			status, problem, err := c.ask(http.MethodPost, "objects/", map[string]any{"objects": objects}, nil)
			if err == nil && status == http.StatusAccepted {
				l.added(ids...)
				break
			}
			if err == nil && !passing(status) {
				l.wrong(fmt.Sprintf("an Add: %d %v", status, problem))
				break
			}
			c.pause(again)
		}
		c.pause(rand.N(2 * c.breath))
	}
}

// read reads what came out, in its order, and waits for what is still to come.
func (l *relay) read(t testing.TB, quiet time.Duration) {
	t.Helper()
	var source, target collected
	source.read(t, l.reading(t, l.from))
	l.Source = source.ids
	reading := l.reading(t, l.to)
	for end := time.Now().Add(quiet); ; time.Sleep(again) {
		if target.read(t, reading); len(target.ids) >= len(source.ids) || time.Now().After(end) {
			break
		}
	}
	time.Sleep(again) // for what should not come
	target.read(t, reading)
	l.Target = target.ids
	l.readChannel(t)
}

// reading gives who may read a Collection.
func (l *relay) reading(t testing.TB, id string) *client {
	t.Helper()
	c := l.client(t, nil)
	c.account, c.password = reads, l.server.asked().Password(t, reads)
	c.base = c.root + "collections/" + id + "/"
	return c
}

// reads is who may read every Collection.
const reads = "admin"

// collected is what was read of a Collection.
type collected struct {
	ids   []string
	after string
}

// read reads what has been added since.
func (k *collected) read(t testing.TB, c *client) {
	t.Helper()
	for {
		var page taxii.Manifest
		path := "manifest/?limit=1000&match[version]=all"
		if k.after != "" {
			path += "&added_after=" + url.QueryEscape(k.after)
		}
		status, problem, err := c.ask(http.MethodGet, path, nil, &page)
		if err != nil || status != http.StatusOK {
			t.Fatalf("a collection that is relayed: %d, %v, %v", status, problem, err)
		}
		for _, o := range page.Objects {
			k.ids, k.after = append(k.ids, o.ID), o.DateAdded.String()
		}
		if !page.More {
			return
		}
	}
}

// readChannel reads the objects of all Messages.
func (l *relay) readChannel(t testing.TB) {
	t.Helper()
	for at := taxii.Earliest; ; {
		var page taxii.Messages
		status, problem, err := l.channel.ask(http.MethodGet, "messages/?limit=1000&after="+at, nil, &page)
		if err != nil || status != http.StatusOK {
			t.Fatalf("the channel that relays: %d, %v, %v", status, problem, err)
		}
		for _, m := range page.Messages {
			var e struct{ Objects []struct{ ID string } }
			if err := json.Unmarshal(m.Content, &e); err != nil {
				t.Fatal(err)
			}
			for _, o := range e.Objects {
				l.Relayed = append(l.Relayed, o.ID)
			}
		}
		if at = page.Next; !page.More {
			return
		}
	}
}
