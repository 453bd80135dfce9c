package signin

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// freeGuesses is how many passwords may be wrong before the next is delayed:
	// people mistype, and a tool with an old password tries more than once.
	freeGuesses = 5
	// firstDelay is that of the first guess that is delayed; each wrong one after it
	// doubles it, up to mostDelay. So a source has about 130 guesses an hour at an
	// account, where a hash alone would let it have 100,000.
	firstDelay = 250 * time.Millisecond
	mostDelay  = 30 * time.Second
	// guessedFor is how long a wrong password is held against an account and a
	// source, and guesses against a source.
	guessedFor = 15 * time.Minute
	// suspectFrom is the number of wrong passwords from which a source waits behind
	// others for its hashes, whatever the accounts.
	suspectFrom = 20
	// maxGuessed bounds the pairs, and the sources, that are remembered, at about 200
	// octets each. Whoever would fill it pays a hash for each pair: 10 minutes of all
	// of a core.
	maxGuessed = 20_000
	// maxDelayed bounds the sign-ins that are being delayed, so that they do not
	// take all requests that the server has in work. Who has no wrong password
	// behind it is not among them.
	maxDelayed = 256
)

// attempt is who says to be which account: its name, whether there is one or not,
// and the network it comes from.
type attempt struct {
	name   string
	source netip.Prefix
}

// network is what is taken for one source: an IPv4 address, or the /64 of an IPv6
// address, which is the least that one customer has.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // of what is no address it is the zero Prefix, which is one source
	return p
}

// pair stands for a name and a source, at a length that who asks does not choose.
type pair [16]byte

func (a attempt) pair() pair {
	text, _ := a.source.MarshalBinary() // of a Prefix it cannot fail
	sum := sha256.Sum256(append(append(text, byte(len(text))), a.name...))
	return pair(sum[:])
}

// guesses slows down who tries passwords: per name and source, and for wrong ones
// only. Whether there is an account of that name makes no difference.
type guesses struct {
	now func() time.Time

	mu      sync.Mutex // guards all below, and what is in the maps
	pairs   map[pair]*guessing
	sources map[netip.Prefix]*wrong
	delayed int
}

// wrong counts wrong passwords.
type wrong struct {
	times int
	last  time.Time
}

func (w *wrong) old(now time.Time) bool { return now.Sub(w.last) >= guessedFor }

// guessing is what is known of a pair. One password at a time is tried of it, so
// that what becomes of the first holds for the second.
type guessing struct {
	wrong
	using int           // requests that hold it
	turn  chan struct{} // of one: who has it tries
}

func newGuesses() *guesses {
	return &guesses{now: time.Now, pairs: map[pair]*guessing{}, sources: map[netip.Prefix]*wrong{}}
}

// try is a password that is being tried.
type try struct {
	g    *guesses
	a    attempt
	pair pair
	at   *guessing
}

// enter waits until a password may be tried. Where that would take longer than ctx
// it is TooMany, with the time to wait.
func (g *guesses) enter(ctx context.Context, a attempt) (*try, error) {
	t := &try{g: g, a: a, pair: a.pair()}
	if t.at = g.hold(t.pair); !t.takeTurn(ctx) {
		t.letGo()
		return nil, busy()
	}
	if err := t.wait(ctx); err != nil {
		<-t.at.turn
		t.letGo()
		return nil, err
	}
	return t, nil
}

// hold gives what is known of a pair, which stays until it is let go.
func (g *guesses) hold(p pair) *guessing {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := g.pairs[p]
	if at == nil {
		if len(g.pairs) >= maxGuessed {
			g.forget()
		}
		at = &guessing{turn: make(chan struct{}, 1)}
		g.pairs[p] = at
	}
	at.using++
	return at
}

func (t *try) letGo() {
	t.g.mu.Lock()
	defer t.g.mu.Unlock()
	if t.at.using--; t.at.using == 0 && t.at.times == 0 {
		delete(t.g.pairs, t.pair)
	}
}

// takeTurn waits for those who try a password of the same pair.
func (t *try) takeTurn(ctx context.Context) bool {
	select {
	case t.at.turn <- struct{}{}:
		return true
	default:
	}
	if !t.g.delay(1) {
		return false
	}
	defer t.g.delay(-1)
	select {
	case t.at.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// delay counts who is delayed, and tells whether there is room for one more.
func (g *guesses) delay(n int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n > 0 && g.delayed >= maxDelayed {
		return false
	}
	g.delayed += n
	return true
}

// wait waits for as long as the wrong passwords before this one ask for.
func (t *try) wait(ctx context.Context) error {
	wait := t.due()
	if wait <= 0 {
		return nil
	}
	by, bounded := ctx.Deadline()
	if bounded && wait > time.Until(by) || !t.g.delay(1) {
		return tooMany(wait)
	}
	defer t.g.delay(-1)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return busy().Because(ctx.Err())
	}
}

// due tells how long it is until a password may be tried.
func (t *try) due() time.Duration {
	t.g.mu.Lock()
	defer t.g.mu.Unlock()
	now := t.g.now()
	if t.at.times < freeGuesses || t.at.old(now) {
		return 0
	}
	return t.at.last.Add(delayAfter(t.at.times)).Sub(now)
}

// delayAfter is the time between the last of so many wrong passwords and the next.
func delayAfter(times int) time.Duration {
	const doublings = 7 // beyond which it is above mostDelay, and no shift overflows
	return min(mostDelay, firstDelay<<min(times-freeGuesses, doublings))
}

func tooMany(wait time.Duration) error {
	e := taxii.Errorf(taxii.TooMany, "too many sign-ins that failed; try again later").
		Describe("Names and passwords that were wrong came from where you are, under this name. It is not said whether there is such an account.")
	e.RetryAfter = wait
	return e
}

// leave says what became of a password. One that could not be looked at counts
// for nothing.
func (t *try) leave(good bool, err error) {
	t.g.mu.Lock()
	switch now := t.g.now(); {
	case err != nil:
	case good:
		t.at.wrong = wrong{}
	default:
		t.at.count(now)
		t.g.blame(t.a.source, now)
	}
	t.g.mu.Unlock()
	<-t.at.turn
	t.letGo()
}

func (w *wrong) count(now time.Time) {
	if w.old(now) {
		w.times = 0
	}
	w.times++
	w.last = now
}

// blame counts a wrong password against a source. mu is held.
func (g *guesses) blame(source netip.Prefix, now time.Time) {
	w := g.sources[source]
	if w == nil {
		if len(g.sources) >= maxGuessed {
			g.forget()
		}
		w = new(wrong)
		g.sources[source] = w
	}
	w.count(now)
}

// suspect tells whether so many wrong passwords came from a source that it waits
// behind others.
func (g *guesses) suspect(source netip.Prefix) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.sources[source]
	return w != nil && w.times >= suspectFrom && !w.old(g.now())
}

// forget makes room: it drops what is old and, of what is still too full, every
// other one. mu is held.
func (g *guesses) forget() {
	now := g.now()
	for p, at := range g.pairs {
		if at.using == 0 && at.old(now) {
			delete(g.pairs, p)
		}
	}
	for s, w := range g.sources {
		if w.old(now) {
			delete(g.sources, s)
		}
	}
	for p, at := range g.pairs {
		if len(g.pairs) <= maxGuessed/2 {
			break
		}
		if at.using == 0 {
			delete(g.pairs, p)
		}
	}
	for s := range g.sources {
		if len(g.sources) <= maxGuessed/2 {
			break
		}
		delete(g.sources, s)
	}
}
