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
	least, most time.Duration // from a start to the dusk before the next kill
	down        time.Duration // the longest from a kill to the start
	dusk, dawn  time.Duration // before a kill and after the start: those that sleep then are away
	quiet       time.Duration // what followers have in the end to get what was published
	breath      time.Duration // between two requests of a publisher, on average
	absence     time.Duration // one of each kind is away for so long; 0: none is
	chosen      bool          // all read with a Selector, not only those that sleep
	alone       bool          // nothing is relayed
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
	// enough is how many Messages are acknowledged in every run.
	enough = 100
	// settled is how long all are there before one of each kind goes away.
	settled = 5 * time.Second
	// expiresWithin is how long it may take on a busy machine until what is too old
	// has gone.
	expiresWithin = time.Minute
)

// run is a run while it lasts.
type run struct {
	*History
	options
	server             target
	line               *line
	base               client // whose place and account all have
	published, stopped chan struct{}
	asleep             atomic.Bool // around each kill
	absent             atomic.Bool // once, for long
	relay              *relay
	sleepers           []*client
}

// torment lets publishers publish and followers follow, kills the server so many
// times, and gives what was recorded.
func torment(t testing.TB, server target, o options) *History {
	t.Helper()
	r := &run{
		History: &History{Sent: map[string]Sent{}}, options: o, server: server, line: newLine(t),
		published: make(chan struct{}), stopped: make(chan struct{}),
	}
	r.connect(t)
	if !o.alone {
		r.relay = newRelay(t, r)
	}
	follow := r.follow(t)
	var publish sync.WaitGroup
	for n := range publishers {
		p := &publisher{client: r.client(t, nil), number: n + 1, several: n%2 == 1, repeats: n%4 < 2 && !o.once}
		publish.Go(p.run)
	}
	if r.relay != nil {
		r.relay.start(t, &publish)
	}
	publish.Go(r.leave)
	for range o.kills {
		r.live(o.least + rand.N(o.most-o.least+1))
		r.restart(t)
	}
	r.live(o.least)
	r.until(func() bool { return r.acknowledged() >= enough })
	r.comeBack()
	close(r.published)
	publish.Wait()
	r.settle(o.quiet)
	close(r.stopped)
	follow.Wait()
	r.read(t)
	if r.relay != nil {
		r.relay.read(t, o.quiet)
	}
	return r.History
}

// restart kills the server and starts it again, while some sleep: what expires
// meanwhile they miss.
func (r *run) restart(t testing.TB) {
	t.Helper()
	r.asleep.Store(true)
	r.until(func() bool {
		return !slices.ContainsFunc(r.sleepers, func(c *client) bool { return !c.resting.Load() })
	})
	before := r.newest()
	r.until(func() bool { return r.newest() > before })
	r.live(r.dusk)
	last := r.newest()
	r.line.to("")
	r.server.kill(t)
	time.Sleep(rand.N(r.down + 1))
	r.server.run(t)
	r.line.to(host(r.server.asked()))
	if r.server.leapt() {
		c := r.client(t, nil)
		r.until(func() bool { return c.oldest() > last })
	}
	r.live(r.dawn)
	r.asleep.Store(false)
}

// until lets the server live until something is so.
func (r *run) until(so func() bool) {
	for end := time.Now().Add(expiresWithin); !so() && time.Now().Before(end); {
		r.live(again)
	}
}

// leave sends those away that are away for long, once.
func (r *run) leave() {
	if r.absence == 0 {
		return
	}
	r.base.pause(settled)
	r.absent.Store(true)
	r.base.pause(r.absence)
	r.absent.Store(false)
}

// comeBack waits until all are there again.
func (r *run) comeBack() {
	for r.absence > 0 && r.absent.Load() {
		r.live(cutEvery)
	}
}

// connect leads the line to the server.
func (r *run) connect(t testing.TB) {
	t.Helper()
	s := r.server.asked()
	r.line.to(host(s))
	scheme, _, _ := strings.Cut(s.URL, "://")
	root := fmt.Sprintf("%s://%s/trust/", scheme, r.line.address())
	r.base = client{
		root: root, base: root + "channels/" + broken.Channel + "/", account: account, password: s.Password(t, account),
		history: r.History, stopped: r.stopped, published: r.published,
	}
}

// client gives one with connections of its own, which is away while rests is set.
func (r *run) client(t testing.TB, rests *atomic.Bool) *client {
	t.Helper()
	c := &client{
		root: r.base.root, base: r.base.base, account: r.base.account, password: r.base.password, history: r.History,
		stopped: r.stopped, published: r.published, rests: rests, breath: r.breath, chooses: r.chosen || rests == &r.asleep,
	}
	transport := r.server.asked().HTTP.Transport.(*http.Transport).Clone()
	c.http = &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	if rests == &r.asleep {
		r.sleepers = append(r.sleepers, c)
	}
	return c
}

// rest gives when the n-th follower of a kind, of so many, is away: half of them
// around each kill, and of the others one for long.
func (r *run) rest(n, of int) *atomic.Bool {
	switch {
	case n == of-1 && r.absence > 0:
		return &r.absent
	case n%2 == 1 && of > drafters:
		return &r.asleep
	}
	return nil
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
		d := &reader{client: r.client(t, r.rest(n, drafters)), Follower: start(ByDraft, n)}
		// On a connection that is used again a request is sent again in silence, and
		// which answer was lost would not be known.
		d.http.Transport.(*http.Transport).DisableKeepAlives = true
		if d.read(); slices.ContainsFunc(d.list, func(e Entry) bool { return e.What != Came }) {
			t.Fatalf("the draft form: %+v", d.list)
		}
		all.Go(d.run)
	}
	if to := r.server.pushes(); to != nil {
		to.absent = &r.absent
		to.subscribe(t, r.client(t, nil))
		r.Followers = slices.AppendSeq(r.Followers, maps.Values(to.followers))
	}
	for n := range followers {
		one := func() *client { return r.client(t, r.rest(n, followers)) }
		all.Go((&reader{client: one(), Follower: start(ByCursor, n), at: taxii.Earliest}).run)
		all.Go((&reader{client: one(), Follower: start(BySubscription, n)}).run)
		all.Go((&stream{client: one(), Follower: start(ByStream, n)}).run)
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
	c := r.client(t, nil)
	for at := taxii.Earliest; ; {
		var page taxii.Messages
		status, problem, err := c.ask(http.MethodGet, "messages/?limit=1000&after="+at+c.selector(), nil, &page)
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
