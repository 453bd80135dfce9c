package signin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

var (
	here  = network(netip.MustParseAddr("198.51.100.7"))
	there = network(netip.MustParseAddr("203.0.113.9"))
)

// guessed is a sign-in in a bubble, whose clock moves when nothing can run. It
// counts hashes, and takes none of the time of one.
type guessed struct {
	*Basic
	hashes atomic.Int64
}

func newGuessed(t *testing.T, d *door) *guessed {
	t.Helper()
	b, err := NewBasic(d.x)
	if err != nil {
		t.Fatal(err)
	}
	g := &guessed{Basic: b}
	b.match = func(hash, password string) bool {
		g.hashes.Add(1)
		return hash == "hash of "+password
	}
	return g
}

// try tries a password against a hash, "" for an account that is not there, and
// gives how long it took.
func (g *guessed) try(name string, from netip.Prefix, hash, password string) (ok bool, took time.Duration, err error) {
	began := time.Now()
	ok, err = g.verify(context.Background(), attempt{name, from}, hash, password)
	return ok, time.Since(began), err
}

func TestOnlyWrongPasswordsAreDelayedAndEachMoreThanTheOneBefore(t *testing.T) {
	d := open(t)
	synctest.Test(t, func(t *testing.T) {
		g := newGuessed(t, d)
		var took []time.Duration
		for range freeGuesses + 5 {
			ok, wait, err := g.try("alice", here, "hash of secret", "guess")
			if ok || err != nil {
				t.Fatalf("%v, %v", ok, err)
			}
			took = append(took, wait)
		}
		want := append(make([]time.Duration, freeGuesses), 250*time.Millisecond, 500*time.Millisecond, time.Second, 2*time.Second, 4*time.Second)
		if !slices.Equal(took, want) {
			t.Errorf("delayed by %v, want %v", took, want)
		}
		hashes := g.hashes.Load()
		_, wait, err := g.try("alice", here, "hash of secret", "guess")
		var e *taxii.Error
		if !errors.As(err, &e) || e.Kind != taxii.TooMany || e.RetryAfter != 8*time.Second || wait != 0 || g.hashes.Load() != hashes {
			t.Errorf("the next: %v after %v, %d hashes more; want that to come again in 8 s", err, wait, g.hashes.Load()-hashes)
		}
		time.Sleep(8 * time.Second)
		if ok, wait, err := g.try("alice", here, "hash of secret", "secret"); !ok || err != nil || wait != 0 {
			t.Errorf("the good one, in its time: %v, %v after %v", ok, err, wait)
		}
		if ok, wait, err := g.try("alice", here, "hash of secret", "guess"); ok || err != nil || wait != 0 {
			t.Errorf("a wrong one after a good one: %v, %v after %v", ok, err, wait)
		}
	})
}

func TestTheDelayHasABoundAndIsForgotten(t *testing.T) {
	d := open(t)
	synctest.Test(t, func(t *testing.T) {
		g := newGuessed(t, d)
		for range 100 {
			if _, _, err := g.try("alice", here, "hash of secret", "guess"); err != nil {
				time.Sleep(mostDelay)
			}
		}
		if got := delayAfter(1 << 40); got != mostDelay {
			t.Errorf("the longest delay is %v, want %v", got, mostDelay)
		}
		time.Sleep(guessedFor)
		for range freeGuesses {
			if _, wait, err := g.try("alice", here, "hash of secret", "guess"); wait != 0 || err != nil {
				t.Errorf("after %v: delayed by %v, %v", guessedFor, wait, err)
			}
		}
	})
}

// K73: many come from one address, and one account from many.
func TestAPasswordThatWasVerifiedInTheLastDayIsNeverDelayed(t *testing.T) {
	trial.Covers(t, "K73")
	d := open(t)
	synctest.Test(t, func(t *testing.T) {
		g := newGuessed(t, d)
		if ok, _, err := g.try("alice", there, "hash of secret", "secret"); !ok || err != nil {
			t.Fatal(ok, err)
		}
		time.Sleep(24 * time.Hour)
		var guessing sync.WaitGroup
		stop := make(chan struct{})
		for _, from := range []netip.Prefix{here, there} {
			for range 50 {
				guessing.Go(func() {
					for range 40 {
						_, _, _ = g.try("alice", from, "hash of secret", "guess")
						select {
						case <-stop:
							return
						case <-time.After(time.Second):
						}
					}
				})
			}
		}
		time.Sleep(30 * time.Second)
		hashes := g.hashes.Load()
		for _, from := range []netip.Prefix{here, there} {
			if ok, wait, err := g.try("alice", from, "hash of secret", "secret"); !ok || err != nil || wait != 0 {
				t.Errorf("from %v: %v, %v, delayed by %v", from, ok, err, wait)
			}
		}
		if n := g.hashes.Load() - hashes; n != 1 {
			t.Errorf("%d hashes: after a day one is made, and then it is fresh", n)
		}
		close(stop)
		guessing.Wait()
	})
}

func TestWhoGuessesDelaysNobodyElse(t *testing.T) {
	d := open(t)
	synctest.Test(t, func(t *testing.T) {
		g := newGuessed(t, d)
		for range 30 {
			_, _, _ = g.try("alice", here, "hash of secret", "guess")
		}
		for what, a := range map[string]attempt{"the account from elsewhere": {"alice", there}, "another account from there": {"bob", here}} {
			if ok, wait, err := g.try(a.name, a.source, "hash of fresh", "fresh"); !ok || err != nil || wait != 0 {
				t.Errorf("%s, with a password that was never verified: %v, %v, delayed by %v", what, ok, err, wait)
			}
		}
	})
}

func TestANameThatNobodyHasIsTreatedAsOneThatSomebodyHas(t *testing.T) {
	d := open(t)
	synctest.Test(t, func(t *testing.T) {
		g := newGuessed(t, d)
		story := func(name, hash string) (story []string) {
			for i := range 14 {
				before := g.hashes.Load()
				ok, took, err := g.try(name, here, hash, fmt.Sprint("guess ", i))
				story = append(story, fmt.Sprint(ok, took, err, g.hashes.Load()-before))
			}
			return story
		}
		known, unknown := story("alice", "hash of secret"), story("nobody", "")
		if !slices.Equal(known, unknown) {
			t.Errorf("an account:  %q\nno account: %q", known, unknown)
		}
		if len(g.guesses.pairs) != 2 {
			t.Errorf("%d names are remembered, want both", len(g.guesses.pairs))
		}
	})
}

func TestPasswordsOfOneNameAreTriedOneAfterTheOther(t *testing.T) {
	d := open(t)
	synctest.Test(t, func(t *testing.T) {
		g := newGuessed(t, d)
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() { _, _, _ = g.try("alice", here, "hash of secret", fmt.Sprint("guess ", i)) })
		}
		all.Wait()
		// Free are five, and four more are due within the five seconds for which a
		// request waits. They used to be as many as could wait for a hash.
		if n := g.hashes.Load(); n > freeGuesses+5 {
			t.Errorf("%d of 1000 guesses at once were tried", n)
		}
		g.guesses.mu.Lock()
		defer g.guesses.mu.Unlock()
		if g.guesses.delayed != 0 || g.guesses.pairs[attempt{"alice", here}.pair()].using != 0 {
			t.Errorf("%d are still delayed", g.guesses.delayed)
		}
	})
}

func TestAClientThatComesWithManyConnectionsIsNotDelayed(t *testing.T) {
	d := open(t)
	synctest.Test(t, func(t *testing.T) {
		g := newGuessed(t, d)
		var all sync.WaitGroup
		for range maxDelayed {
			all.Go(func() {
				if ok, took, err := g.try("alice", here, "hash of secret", "secret"); !ok || err != nil || took != 0 {
					t.Errorf("%v, %v after %v", ok, err, took)
				}
			})
		}
		all.Wait()
		if n := g.hashes.Load(); n != 1 {
			t.Errorf("%d hashes for one password", n)
		}
		if len(g.guesses.pairs) != 0 {
			t.Errorf("%d pairs are remembered for which nothing was wrong", len(g.guesses.pairs))
		}
	})
}

func TestASourceThatGuessesWaitsBehindOthersForItsHashes(t *testing.T) {
	t.Parallel()
	q := &turns{most: 1}
	leave, err := q.enter(t.Context(), rank{})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var order []string
	var all sync.WaitGroup
	enter := func(name string, r rank) {
		n := len(q.waiting)
		all.Go(func() {
			leave, err := q.enter(context.Background(), r)
			mu.Lock()
			if err != nil {
				name += " is busy"
			}
			order = append(order, name)
			mu.Unlock()
			if err == nil {
				leave()
			}
		})
		for waits := false; !waits; runtime.Gosched() {
			q.mu.Lock()
			waits = len(q.waiting) > n
			q.mu.Unlock()
		}
	}
	other := network(netip.MustParseAddr("192.0.2.1"))
	enter("guesser", rank{suspect: true, source: here})
	enter("crowd 1", rank{source: there})
	enter("crowd 2", rank{source: there})
	enter("crowd 3", rank{source: there})
	enter("single", rank{source: other})
	enter("familiar", rank{familiar: true, source: here})
	leave()
	all.Wait()
	want := []string{"familiar", "crowd 1", "single", "crowd 2", "crowd 3", "guesser"}
	if !slices.Equal(order, want) {
		t.Errorf("served %q, want %q", order, want)
	}
	if q.running != 0 || len(q.waiting) != 0 {
		t.Errorf("%d run, %d wait", q.running, len(q.waiting))
	}
}

func TestWhoIsLastLosesItsPlaceToWhoHasABetterClaim(t *testing.T) {
	t.Parallel()
	q := &turns{most: 1, running: 1}
	ask := func(r rank) *waiter {
		w, err := q.ask(r)
		if err != nil {
			return nil
		}
		return w
	}
	var crowd []*waiter
	for range maxWaiting {
		crowd = append(crowd, ask(rank{source: there}))
	}
	if ask(rank{source: there}) != nil {
		t.Error("one more of those who are many has a place")
	}
	if ask(rank{source: here, suspect: true}) != nil {
		t.Error("who guesses has the place of who does not")
	}
	for _, r := range []rank{{source: here}, {source: there, familiar: true}} {
		last := crowd[len(crowd)-1]
		if ask(r) == nil || <-last.told {
			t.Errorf("%+v has no place, or nobody was told that it lost its own", r)
		}
		crowd = crowd[:len(crowd)-1]
	}
	if len(q.waiting) != maxWaiting {
		t.Errorf("%d wait", len(q.waiting))
	}
}

func TestASourceIsAnAddressOrTheNetworkOfACustomer(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"198.51.100.7": "198.51.100.7/32", "::ffff:198.51.100.7": "198.51.100.7/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := network(netip.MustParseAddr(text)).String(); got != want {
			t.Errorf("%s is of %s, want %s", text, got, want)
		}
	}
	if got := network(netip.Addr{}); got != (netip.Prefix{}) {
		t.Errorf("no address is of %v", got)
	}
}

func TestWhatIsRememberedOfGuessesIsBounded(t *testing.T) {
	t.Parallel()
	g := newGuesses()
	now := time.Now()
	g.now = func() time.Time { return now }
	fail := func(i int) {
		a := attempt{fmt.Sprint(i), netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)}
		try, err := g.enter(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		try.leave(false, nil)
	}
	for i := range 2*maxGuessed + 10 {
		fail(i)
		if len(g.pairs) > maxGuessed || len(g.sources) > maxGuessed {
			t.Fatalf("%d names and %d sources are remembered", len(g.pairs), len(g.sources))
		}
	}
	now = now.Add(guessedFor)
	g.forget()
	if len(g.pairs) != 0 || len(g.sources) != 0 {
		t.Errorf("%d names and %d sources are remembered for ever", len(g.pairs), len(g.sources))
	}
}

// What an account costs and what nobody costs are told apart by their time alone
// where the hash is left out, or made at another cost: by a factor of thousands, or
// of two. The machine is busy: only a difference that shows every time counts.
func TestWhetherThereIsAnAccountDoesNotShowInTheTime(t *testing.T) {
	d := open(t)
	median := func(name string, round int) time.Duration {
		var took []time.Duration
		for i := range 5 {
			r := httptest.NewRequest(http.MethodGet, "/taxii2/", nil)
			r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1", len(name), round, i) // of whom none is delayed
			r.Header.Set("Authorization", header("Basic", name, "not the password"))
			began := time.Now()
			_, err := d.Session(r)
			took = append(took, time.Since(began))
			wantRefused(t, name, err)
		}
		slices.Sort(took)
		return took[len(took)/2]
	}
	var last string
	for round := range 5 {
		known, unknown := median("alice", round), median("nobody", round)
		last = fmt.Sprintf("%v for an account, %v for none", known, unknown)
		if known < 3*unknown/2 && unknown < 3*known/2 {
			return
		}
	}
	t.Errorf("they differ every time: %s", last)
}
