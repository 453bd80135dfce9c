package channels

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial/broken"
	"github.com/hansom-taxii/hansom/taxii"
)

// options of a run.
type options struct {
	kills       int
	least, most time.Duration // from a start to the kill
	down        time.Duration // the longest from a kill to the start
	quiet       time.Duration // what followers have in the end to get what was published
	once        bool          // nobody repeats a publication: where the clock goes ahead it may have expired, and be another Message
}

// How many there are of each.
const (
	publishers = 8
	followers  = 4 // of those by cursor, by Subscription and by stream
	drafters   = 2
)

const (
	// cutEvery is how often some connections are cut, and cutPart which part.
	cutEvery = 150 * time.Millisecond
	cutPart  = 0.1
	// dusk is how long before a kill the followers that sleep fall asleep, and dawn
	// how long after the next start they wake: what expired meanwhile they missed.
	dusk = time.Second
	dawn = 1500 * time.Millisecond
)

// run is a run while it lasts.
type run struct {
	*History
	server             target
	line               *line
	base               client // of which each has a copy
	published, stopped chan struct{}
	asleep             atomic.Bool
}

// torment lets publishers publish and followers follow, kills the server so many
// times, and gives what was recorded.
func torment(t testing.TB, server target, o options) *History {
	t.Helper()
	r := &run{
		History: &History{Sent: map[string]Sent{}}, server: server, line: newLine(t),
		published: make(chan struct{}), stopped: make(chan struct{}),
	}
	r.connect(t)
	follow := r.follow(t)
	var publish sync.WaitGroup
	for n := range publishers {
		p := &publisher{client: r.client(t), number: n + 1, several: n%2 == 1, repeats: n%4 < 2 && !o.once}
		publish.Go(p.run)
	}
	for range o.kills {
		r.live(o.least + rand.N(o.most-o.least+1))
		r.asleep.Store(true)
		r.live(dusk)
		r.line.to("")
		server.kill(t)
		time.Sleep(rand.N(o.down + 1))
		server.run(t)
		r.line.to(host(server.asked()))
		r.live(dawn)
		r.asleep.Store(false)
	}
	r.live(o.least)
	close(r.published)
	publish.Wait()
	r.settle(o.quiet)
	close(r.stopped)
	follow.Wait()
	r.read(t)
	return r.History
}

// connect leads the line to the server.
func (r *run) connect(t testing.TB) {
	t.Helper()
	s := r.server.asked()
	r.line.to(host(s))
	scheme, _, _ := strings.Cut(s.URL, "://")
	r.base = client{
		base: fmt.Sprintf("%s://%s/trust/channels/%s/", scheme, r.line.address(), broken.Channel), account: account, password: s.Password(t, account),
		history: r.History, stopped: r.stopped, published: r.published, asleep: &r.asleep,
	}
}

// client gives one with connections of its own.
func (r *run) client(t testing.TB) *client {
	t.Helper()
	c := r.base
	transport := r.server.asked().HTTP.Transport.(*http.Transport).Clone()
	c.http = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	return &c
}

// follow starts the followers. Those in the draft form begin at the newest
// Message, so that they must be there before there is one.
func (r *run) follow(t testing.TB) *sync.WaitGroup {
	t.Helper()
	var all sync.WaitGroup
	start := func(kind Kind, n int) *Follower {
		f := &Follower{Name: fmt.Sprintf("%s %d", kind, n+1), Kind: kind}
		r.Followers = append(r.Followers, f)
		return f
	}
	for n := range drafters {
		d := &reader{client: r.client(t), Follower: start(ByDraft, n)}
		// On a connection that is used again a request is sent again in silence, and
		// which answer was lost would not be known.
		d.http.Transport.(*http.Transport).DisableKeepAlives = true
		if !d.read() {
			t.Fatalf("the draft form: %+v", d.list)
		}
		all.Go(d.run)
	}
	if to := r.server.pushes(); to != nil {
		to.subscribe(t, r.client(t))
		r.Followers = slices.AppendSeq(r.Followers, maps.Values(to.followers))
	}
	for n := range followers {
		sleepy := n%2 == 1
		all.Go((&reader{client: r.client(t), Follower: start(ByCursor, n), sleepy: sleepy, at: taxii.Earliest}).run)
		all.Go((&reader{client: r.client(t), Follower: start(BySubscription, n), sleepy: sleepy}).run)
		all.Go((&stream{client: r.client(t), Follower: start(ByStream, n), sleepy: sleepy}).run)
	}
	return &all
}

// live lets the server live for a while, and cuts connections.
func (r *run) live(life time.Duration) {
	for end := time.Now().Add(life); time.Now().Before(end); {
		time.Sleep(min(cutEvery, max(0, time.Until(end))))
		r.line.cut(cutPart)
	}
}

// settle waits until all followers have what was published.
func (r *run) settle(quiet time.Duration) {
	newest := r.newest()
	behind := func(f *Follower) bool { return f.Reached() < newest }
	for end := time.Now().Add(quiet); time.Now().Before(end) && slices.ContainsFunc(r.Followers, behind); {
		time.Sleep(10 * time.Millisecond)
	}
}

// read reads what is there at last.
func (r *run) read(t testing.TB) {
	t.Helper()
	c := r.client(t)
	for at := taxii.Earliest; ; {
		var page taxii.Messages
		status, problem, err := c.ask(http.MethodGet, "messages/?limit=1000&after="+at, nil, &page)
		if status == http.StatusGone { // it expires while it is read: all that was read has gone
			r.End, at = nil, taxii.Earliest
			continue
		}
		if err != nil || status != http.StatusOK {
			t.Fatalf("the end: %d, %v, %v", status, problem, err)
		}
		for _, m := range page.Messages {
			r.End = append(r.End, seen(m))
		}
		if at = page.Next; !page.More {
			return
		}
	}
}

// Slow names the followers that did not get the last Message in time.
func (h *History) Slow() (names []string) {
	newest := h.newest()
	for _, f := range h.Followers {
		if f.Reached() < newest {
			names = append(names, f.Name)
		}
	}
	return names
}

func (h *History) String() string {
	gaps, came := 0, 0
	for _, f := range h.Followers {
		for _, e := range f.list {
			switch e.What {
			case Gap:
				gaps++
			case Came:
				came++
			}
		}
	}
	return fmt.Sprintf("%d messages sent, %d acknowledgements, %d deliveries, %d gaps, %d there in the end; slow: %q", len(h.Sent), len(h.Told), came, gaps, len(h.End), h.Slow())
}
