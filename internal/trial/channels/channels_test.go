package channels

import (
	"flag"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/internal/trial/broken"
)

// killsFlag is how often the real binary is killed: `make crash` asks for 30.
const killsFlag = "kills"

// TestMain lets the tests start themselves as a server with a broken store.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == broken.Verb {
		os.Exit(broken.Main(os.Args[2:]))
	}
	flag.Int(killsFlag, 3, "how often the real binary is killed")
	flag.Parse()
	os.Exit(m.Run())
}

func kills(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(flag.Lookup(killsFlag).Value.String())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// short is a run that CI has time for.
func short(kills int) options {
	return options{
		kills: kills, least: 200 * time.Millisecond, most: 800 * time.Millisecond, down: 300 * time.Millisecond,
		dusk: 200 * time.Millisecond, dawn: 400 * time.Millisecond, quiet: time.Minute, breath: 40 * time.Millisecond,
	}
}

// brief gives options for a server that is found out: followers wait in the end
// for what cannot come, though not for 15 s, after which a stream is written to
// whatever happens.
func brief(kills int) options {
	o := short(kills)
	o.quiet, o.alone = 3*time.Second, true
	return o
}

// long is a run in which Messages expire by the true clock, which one follower of
// each kind is away for.
func long(kills int) options {
	return options{
		kills: kills, least: 500 * time.Millisecond, most: 2 * time.Second, down: 500 * time.Millisecond,
		dusk: time.Second, dawn: 1500 * time.Millisecond, quiet: 4 * time.Minute, breath: 8 * time.Millisecond, absence: 70 * time.Second,
	}
}

// longFrom is the number of kills from which a run is a long one.
const longFrom = 10

func length(kills int) options {
	if kills < longFrom {
		return short(kills)
	}
	return long(kills)
}

// good fails the test unless a run found nothing, and had something to look at.
func good(t *testing.T, h *History) {
	t.Helper()
	t.Log(h)
	for _, b := range Judge(h) {
		t.Error(b)
	}
	for _, f := range h.Followers {
		if f.Reached() == 0 {
			t.Errorf("%s: nothing came", f.Name)
		}
	}
	if len(h.Told) < enough || len(h.Relayed) < 4 {
		t.Errorf("too little to look at: %d acknowledged, %d relayed", len(h.Told), len(h.Relayed))
	}
}

// finding is a fault that is found in what followers of a kind got; a Kind "" is
// any.
type finding struct {
	Fault Fault
	Kind  Kind
}

func (f finding) is(b Breach) bool { return b.Fault == f.Fault && (f.Kind == "" || b.Kind == f.Kind) }

// bad fails the test unless a run found one of what is wanted, and nothing besides
// but what may follow from it.
func bad(t *testing.T, h *History, want, besides []finding) {
	t.Helper()
	t.Log(h)
	list := Judge(h)
	if !slices.ContainsFunc(list, func(b Breach) bool { return slices.ContainsFunc(want, func(f finding) bool { return f.is(b) }) }) {
		t.Errorf("none of %q was found, but %q", want, list)
	}
	for _, b := range list {
		if !slices.ContainsFunc(slices.Concat(want, besides), func(f finding) bool { return f.is(b) }) {
			t.Errorf("not of this fault: %s", b)
		}
	}
}

func TestEveryFollowerGetsWhatWasAcknowledgedAcrossKills(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		store, o := "", length(kills(t))
		if e == trial.PostgreSQL {
			store = trial.Postgres(t)
		}
		h := torment(t, startReal(t, store), o)
		good(t, h)
		for _, k := range []Kind{ByCursor, BySubscription, ByStream, ByDraft, ByPush} {
			if o.absence > 0 && h.count(Gap, k) == 0 {
				t.Errorf("no follower by %s that was away was told of a gap", k)
			}
		}
	})
}

// clock is by how much the clock of a server is behind, start after start: it is
// set ahead, so that all that there is expires, and set back.
func clock() []time.Duration {
	return []time.Duration{time.Hour, 50 * time.Minute, 55 * time.Minute, 30 * time.Minute}
}

func TestWhatExpiresIsToldOfExactlyWhateverTheClockSays(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	n := kills(t)
	if n < longFrom {
		n = 2 // once ahead and once back
	}
	o := short(n)
	o.once = true
	h := torment(t, startSmall(t, "", broken.None, clock()...), o)
	good(t, h)
	for _, k := range []Kind{ByCursor, BySubscription, ByStream} {
		if h.count(Gap, k) == 0 {
			t.Errorf("no follower by %s was told of a gap", k)
		}
	}
}

// Who waits comes again after a while; only a stream, which waits without end, is
// passed over for good.
func TestALostWakeUpIsFound(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	bad(t, torment(t, startSmall(t, "", broken.Deaf), brief(0)), []finding{{Missing, ByStream}}, nil)
}

func TestAPositionThatIsMovedEarlyIsFound(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	bad(t, torment(t, startSmall(t, "", broken.Hasty), brief(0)), []finding{{Missing, BySubscription}}, []finding{{Missing, ByDraft}})
}

// Who got what was never committed has what nobody else gets, or got it in
// another place; and passes over what takes its place.
func TestAnEventBeforeItsCommitIsFound(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	bad(t, torment(t, startSmall(t, "", broken.Eager), brief(1)), []finding{{Disorder, ""}, {Lost, ""}}, []finding{{Missing, ""}, {Refused, ""}})
}

func TestAPurgeWithoutFloorIsFound(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	o := brief(1)
	o.once, o.chosen = true, true
	bad(t, torment(t, startSmall(t, "", broken.Floorless, clock()...), o), []finding{{Missing, ""}}, nil)
}
