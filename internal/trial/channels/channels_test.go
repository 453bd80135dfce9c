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

func short(kills int) options {
	return options{kills: kills, least: 500 * time.Millisecond, most: 2 * time.Second, down: 500 * time.Millisecond, quiet: 30 * time.Second}
}

// brief gives options for a server that is found out: followers wait in the end
// for what cannot come, though not for 15 s, after which a stream is written to
// whatever happens.
func brief(kills int) options {
	o := short(kills)
	o.quiet = 5 * time.Second
	return o
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
	if len(h.Told) < 20 {
		t.Errorf("too little to look at: %d acknowledged", len(h.Told))
	}
}

// bad fails the test unless a run found one of these.
func bad(t *testing.T, h *History, want ...Fault) {
	t.Helper()
	t.Log(h)
	found := Judge(h)
	if !slices.ContainsFunc(found, func(b Breach) bool { return slices.Contains(want, b.Fault) }) {
		t.Errorf("none of %q was found, but %q", want, found)
	}
}

func TestEveryFollowerGetsWhatWasAcknowledgedAcrossKills(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		store := ""
		if e == trial.PostgreSQL {
			store = trial.Postgres(t)
		}
		good(t, torment(t, startReal(t, store), short(kills(t))))
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
	o := short(3)
	o.once = true
	h := torment(t, startSmall(t, "", broken.None, clock()...), o)
	good(t, h)
	gaps := 0
	for _, f := range h.Followers {
		for _, e := range f.list {
			if e.What == Gap {
				gaps++
			}
		}
	}
	if gaps == 0 {
		t.Error("nobody was told of a gap")
	}
}

func TestALostWakeUpIsFound(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	bad(t, torment(t, startSmall(t, "", broken.Deaf), brief(0)), Missing)
}

func TestAPositionThatIsMovedEarlyIsFound(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	bad(t, torment(t, startSmall(t, "", broken.Hasty), brief(1)), Missing)
}

func TestAnEventBeforeItsCommitIsFound(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	bad(t, torment(t, startSmall(t, "", broken.Eager), brief(1)), Disorder, Lost)
}

func TestAPurgeWithoutFloorIsFound(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	o := brief(2)
	o.once = true
	bad(t, torment(t, startSmall(t, "", broken.Floorless, clock()...), o), Missing, WrongGap, Disorder)
}
