package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/outbound"
)

// desk stands for the exchange: a test says what is to be done for each
// Subscription, and sees what was asked.
type desk struct {
	mu     sync.Mutex // guards all of it
	jobs   []exchange.PushJob
	turned chan struct{}
	rights chan struct{}
	grew   map[string]chan struct{}
	lost   map[string]bool // may not have it any more
	next   func(id string) (exchange.PushTurn, error)
	sent   func(r *exchange.PushRequest, a exchange.PushAnswer) exchange.PushTurn
	asked  map[string]int
	total  int
	lists  int
}

func newDesk() *desk {
	return &desk{turned: make(chan struct{}), rights: make(chan struct{}), grew: map[string]chan struct{}{}, lost: map[string]bool{}, asked: map[string]int{}}
}

func (d *desk) Jobs(context.Context) ([]exchange.PushJob, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lists++
	return append([]exchange.PushJob(nil), d.jobs...), nil
}

func (d *desk) Turned() <-chan struct{} { d.mu.Lock(); defer d.mu.Unlock(); return d.turned }

func (d *desk) Rights() <-chan struct{} { d.mu.Lock(); defer d.mu.Unlock(); return d.rights }

func (d *desk) May(j exchange.PushJob) bool { d.mu.Lock(); defer d.mu.Unlock(); return !d.lost[j.ID] }

func (d *desk) Grew(channel string) (<-chan struct{}, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.grew[channel] == nil {
		d.grew[channel] = make(chan struct{})
	}
	return d.grew[channel], true
}

func (d *desk) Next(_ context.Context, id string) (exchange.PushTurn, error) {
	d.mu.Lock()
	d.asked[id]++
	d.total++
	next := d.next
	d.mu.Unlock()
	if next == nil {
		return exchange.PushTurn{}, nil
	}
	return next(id)
}

func (d *desk) Sent(_ context.Context, r *exchange.PushRequest, a exchange.PushAnswer) (exchange.PushTurn, error) {
	d.mu.Lock()
	sent := d.sent
	d.mu.Unlock()
	if sent == nil {
		return exchange.PushTurn{}, nil
	}
	return sent(r, a), nil
}

func (d *desk) ring(bell *chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(*bell)
	*bell = make(chan struct{})
}

func (d *desk) grow(channel string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if bell := d.grew[channel]; bell != nil {
		close(bell)
		delete(d.grew, channel)
	}
}

func (d *desk) set(change func()) { d.mu.Lock(); defer d.mu.Unlock(); change() }

func (d *desk) askedOf(id string) int { d.mu.Lock(); defer d.mu.Unlock(); return d.asked[id] }

// line stands for other hosts: a test says what a call does.
type line func(ctx context.Context, url string) (outbound.Answer, error)

func (l line) Host(url string) string {
	host, _, _ := strings.Cut(strings.TrimPrefix(url, "https://"), "/")
	return host
}

func (l line) Post(ctx context.Context, url string, _ http.Header, _ []byte) (outbound.Answer, error) {
	return l(ctx, url)
}

// run runs a Pusher until the test ends or stop is called, and stop returns when
// nothing of it runs any more.
func run(t *testing.T, d *desk, l line) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		(&Pusher{pushes: d, caller: l, log: slog.New(slog.DiscardHandler)}).Run(ctx)
		close(ended)
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return stop
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !done(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long until %s", what)
		}
	}
}

func jobs(n int, form string, args func(i int) []any) (list []exchange.PushJob) {
	for i := range n {
		list = append(list, exchange.PushJob{ID: fmt.Sprint(i), URL: fmt.Sprintf("https://"+form, args(i)...), Channel: fmt.Sprint("channel ", i%10)})
	}
	return list
}

func TestFourRequestsToAHostSixtyFourInAllAndOneForEachSubscription(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.jobs = jobs(400, "host%d/%d", func(i int) []any { return []any{i % 20, i} })
	d.next = func(id string) (exchange.PushTurn, error) {
		return exchange.PushTurn{Request: &exchange.PushRequest{URL: "https://" + hostOf(d, id) + "/" + id}}, nil
	}
	d.sent = func(*exchange.PushRequest, exchange.PushAnswer) exchange.PushTurn {
		return exchange.PushTurn{Now: true}
	}
	var mu sync.Mutex
	under, urls, all, mostAll, mostHost, done := map[string]int{}, map[string]int{}, 0, 0, 0, map[string]int{}
	var l line = func(_ context.Context, url string) (outbound.Answer, error) {
		host := line(nil).Host(url)
		mu.Lock()
		under[host]++
		urls[url]++
		all++
		mostAll, mostHost = max(mostAll, all), max(mostHost, under[host])
		if urls[url] > 1 {
			t.Errorf("%d requests for %s at once", urls[url], url)
		}
		mu.Unlock()
		time.Sleep(time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		under[host]--
		urls[url]--
		all--
		done[url]++
		return outbound.Answer{Status: 200}, nil
	}
	stop := run(t, d, l)
	until(t, "each was sent five times, in turns", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, n := range done {
			if n < 5 {
				return false
			}
		}
		return len(done) == 400
	})
	for range 20 { // woken while they run
		for i := range 10 {
			d.grow(fmt.Sprint("channel ", i))
		}
		d.ring(&d.turned)
		time.Sleep(time.Millisecond)
	}
	stop()
	if mostAll != perNode || mostHost != perHost {
		t.Errorf("%d at once, want %d; %d to a host, want %d", mostAll, perNode, mostHost, perHost)
	}
}

func hostOf(d *desk, id string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, j := range d.jobs {
		if j.ID == id {
			return line(nil).Host(j.URL)
		}
	}
	return ""
}

func TestASlowHostDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.jobs = jobs(300, "%s/%d", func(i int) []any {
		if i < 200 {
			return []any{"slow", i}
		}
		return []any{"quick", i}
	})
	d.next = func(id string) (exchange.PushTurn, error) {
		return exchange.PushTurn{Request: &exchange.PushRequest{URL: "https://" + hostOf(d, id) + "/" + id}}, nil
	}
	var mu sync.Mutex
	quick := map[string]bool{}
	run(t, d, func(ctx context.Context, url string) (outbound.Answer, error) {
		if strings.HasPrefix(url, "https://slow") {
			<-ctx.Done()
			return outbound.Answer{}, ctx.Err()
		}
		mu.Lock()
		defer mu.Unlock()
		quick[url] = true
		return outbound.Answer{Status: 200}, nil
	})
	until(t, "all of the quick host were sent", func() bool { mu.Lock(); defer mu.Unlock(); return len(quick) == 100 })
}

func TestIdlePushesCostNoGoroutineAndNoLook(t *testing.T) {
	d := newDesk()
	d.jobs = jobs(5000, "host%d/", func(i int) []any { return []any{i} })
	before := runtime.NumGoroutine()
	run(t, d, nil)
	until(t, "each was looked at", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return len(d.asked) == 5000 })
	total := func() int { d.mu.Lock(); defer d.mu.Unlock(); return d.total }
	until(t, "they rest", func() bool { n := total(); time.Sleep(2 * restTime); return n == total() })
	if now := runtime.NumGoroutine(); now > before+30 {
		t.Errorf("%d goroutines for 5000 idle pushes on 10 channels", now-before)
	}
	rested := total()
	time.Sleep(time.Second)
	if n := total(); n != rested {
		t.Errorf("%d looks in a second where nothing happened", n-rested)
	}
	d.grow("channel 3")
	until(t, "those of the channel that grew were looked at", func() bool { return total() >= rested+500 })
	if n := d.askedOf("4"); n > 2 {
		t.Errorf("one of another channel was looked at %d times", n)
	}
	if d.lists != 1 {
		t.Errorf("the list was read %d times", d.lists)
	}
}

func TestNothingIsSentBeforeItsTime(t *testing.T) {
	t.Parallel()
	d := newDesk()
	now := time.Now()
	d.jobs = []exchange.PushJob{{ID: "listed", URL: "https://a/", Channel: "c", At: now.Add(time.Second)}, {ID: "failed", URL: "https://b/", Channel: "c"}}
	var mu sync.Mutex
	first := map[string]time.Time{}
	d.next = func(id string) (exchange.PushTurn, error) {
		mu.Lock()
		defer mu.Unlock()
		if first[id].IsZero() {
			first[id] = time.Now()
			return exchange.PushTurn{Request: &exchange.PushRequest{URL: "https://x/"}}, nil
		}
		if since := time.Since(first[id]); since < 900*time.Millisecond {
			t.Errorf("%s was looked at again after %s", id, since)
		}
		return exchange.PushTurn{}, nil
	}
	d.sent = func(*exchange.PushRequest, exchange.PushAnswer) exchange.PushTurn {
		return exchange.PushTurn{Until: time.Now().Add(time.Second)}
	}
	run(t, d, func(context.Context, string) (outbound.Answer, error) { return outbound.Answer{Status: 500}, nil })
	until(t, "both were tried twice", func() bool {
		d.grow("c") // which changes nothing
		return d.askedOf("listed") > 1 && d.askedOf("failed") > 1
	})
	mu.Lock()
	defer mu.Unlock()
	if early := first["listed"].Sub(now); early < 900*time.Millisecond {
		t.Errorf("a retry due in a second was sent after %s", early)
	}
}

func TestWhatIsListedNoMoreIsForgottenAndWhatChangedIsLookedAt(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.jobs = jobs(3, "host/%d", func(i int) []any { return []any{i} })
	run(t, d, nil)
	until(t, "all were looked at", func() bool { return d.askedOf("0") > 0 && d.askedOf("1") > 0 && d.askedOf("2") > 0 })
	once := d.askedOf("1") // before: it may be looked at as soon as the bell rings
	d.set(func() { d.jobs = d.jobs[:2]; d.jobs[1].URL = "https://other/" })
	d.ring(&d.turned)
	until(t, "the changed one was looked at", func() bool { return d.askedOf("1") > once })
	time.Sleep(3 * restTime) // what had begun to look at it before is done
	gone := d.askedOf("2")
	d.grow("channel 2")
	d.grow("channel 0")
	until(t, "another was looked at", func() bool { return d.askedOf("0") > 1 })
	if n := d.askedOf("2"); n != gone {
		t.Errorf("the one that is gone was looked at %d times more", n-gone)
	}
	time.Sleep(3 * restTime) // it has no other reason to be looked at
	d.set(func() { d.lost["0"] = true })
	before := d.askedOf("0")
	d.ring(&d.rights)
	until(t, "the one whose right ended was looked at", func() bool { return d.askedOf("0") > before })
	d.set(func() { d.lost["0"] = false })
}

func TestOneThatIsOverIsForgottenUntilItIsListedAnew(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.jobs = jobs(1, "host/%d", func(i int) []any { return []any{i} })
	d.next = func(string) (exchange.PushTurn, error) { return exchange.PushTurn{Over: true}, nil }
	run(t, d, nil)
	until(t, "it was looked at", func() bool { return d.askedOf("0") > 0 })
	time.Sleep(2 * restTime)
	before := d.askedOf("0")
	d.grow("channel 0")
	time.Sleep(2 * restTime)
	if n := d.askedOf("0"); n != before {
		t.Errorf("it was looked at %d times more", n-before)
	}
	d.ring(&d.turned)
	until(t, "it was looked at anew", func() bool { return d.askedOf("0") > before })
}

func TestOneThatIsWokenWhileItRunsIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	for _, woken := range []bool{false, true} {
		b, now := newBoard(time.Now), time.Now()
		list := jobs(1, "host/%d", func(i int) []any { return []any{i} })
		b.list(list, line(nil).Host)
		j := b.next()
		if woken {
			b.wake(j)
		}
		b.done(j, exchange.PushTurn{}, line(nil).Host)
		if again := b.due(); again.IsZero() == woken || woken && again.Before(now) || again.After(time.Now().Add(restTime)) {
			t.Errorf("woken %v: it is looked at again at %v", woken, again)
		}
		b.list(list, line(nil).Host)
		if b.next() != nil {
			t.Error("one that has not changed is looked at before its rest is over")
		}
	}
}

func TestTroubleOnOurSideIsWaitedOut(t *testing.T) {
	t.Parallel()
	b := newBoard(time.Now)
	b.list(jobs(1, "host/%d", func(i int) []any { return []any{i} }), line(nil).Host)
	r := &runner{Pusher: &Pusher{caller: line(nil), log: slog.New(slog.DiscardHandler)}, board: b}
	j := b.next()
	r.finish(t.Context(), finished{job: j, err: errors.New("the disk is lost")})
	if wait := time.Until(b.due()); j.state != waiting || wait < troubleTime-2*time.Second || wait > troubleTime {
		t.Errorf("it is tried again in %s", wait)
	}
}
