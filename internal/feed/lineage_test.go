package feed_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/trial"
)

const (
	rounds   = 20_000
	ceilings = 6 // 0 to 5 and one that sees all
)

// TestAVersionThatJoinsStandsAsIfAllHadBeenComputedAnew adds versions of one
// object in any order, keeping what a store keeps: the live ones with their
// numbers, the others as they were when they went out of live.
func TestAVersionThatJoinsStandsAsIfAllHadBeenComputedAnew(t *testing.T) {
	trial.Covers(t, "R125", "R126", "R136")
	for _, levels := range []int64{1, 2, 6} {
		t.Run(fmt.Sprintf("levels below %d", levels), func(t *testing.T) {
			r := rand.New(rand.NewPCG(5, uint64(levels)))
			for range rounds {
				versions := someVersions(r, levels)
				joined := joinAll(r, versions)
				agree(t, joined, levels == 1)
				if t.Failed() {
					return
				}
			}
		})
	}
}

func someVersions(r *rand.Rand, levels int64) []*feed.Standing {
	specs := []string{"2.0", "2.1", "2.1", "2.10", "x"}
	seen := map[string]bool{}
	var list []*feed.Standing
	for range 1 + r.IntN(9) {
		s := &feed.Standing{
			SpecVersion: specs[r.IntN(len(specs))], Time: int64(r.IntN(4)), Key: string(rune('a' + r.IntN(3))), Level: r.Int64N(levels),
		}
		if name := fmt.Sprint(s.SpecVersion, s.Time, s.Key); !seen[name] {
			seen[name] = true
			list = append(list, s)
		}
	}
	return list
}

// joinAll carries the versions in, some of them several in one Add.
func joinAll(r *rand.Rand, versions []*feed.Standing) []*feed.Standing {
	var stored []*feed.Standing
	for len(versions) > 0 {
		n := 1 + r.IntN(len(versions))
		var l feed.Lineage
		for _, s := range stored {
			if s.Live() {
				l.Known(s)
			}
		}
		for _, s := range versions[:n] {
			l.Join(s)
		}
		l.Settle()
		stored, versions = append(stored, versions[:n]...), versions[n:]
		spread(stored)
	}
	return stored
}

// spread does what a store does with a changed Outdone: it is one for all
// versions of a spec_version, live or not.
func spread(stored []*feed.Standing) {
	for _, s := range stored {
		for _, other := range stored {
			if other.Live() && other.SpecVersion == s.SpecVersion {
				s.Outdone = other.Outdone
			}
		}
	}
}

// agree compares what each reader sees with the definition, and with Recompute.
func agree(t *testing.T, stored []*feed.Standing, exactly bool) {
	t.Helper()
	anew := make([]*feed.Standing, len(stored))
	for i, s := range stored {
		c := *s
		anew[i] = &c
	}
	feed.Recompute(anew)
	for i, s := range stored {
		if exactly && *s != *anew[i] {
			t.Errorf("joined %+v, computed anew %+v", *s, *anew[i])
		}
		if s.Live() != anew[i].Live() || s.Live() && *s != *anew[i] {
			t.Errorf("joined %+v, computed anew %+v: not the same in live", *s, *anew[i])
		}
		wantSuperseded, wantOutdone := defined(stored, s)
		if anew[i].Superseded != wantSuperseded || anew[i].Outdone != wantOutdone {
			t.Errorf("%+v: by definition superseded %d, outdone %d", *anew[i], wantSuperseded, wantOutdone)
		}
		for c := range int64(ceilings + 1) {
			for name, got := range map[string]bool{
				"latest of its spec_version":  s.Level <= c && c < s.Superseded,
				"of the highest spec_version": s.Level <= c && c < s.Outdone,
			} {
				want := s.Level <= c && c < wantSuperseded
				if name[0] == 'o' {
					want = s.Level <= c && c < wantOutdone
				}
				if got != want {
					t.Errorf("ceiling %d, %s: %v, want %v for %+v", c, name, got, want, *s)
				}
			}
		}
	}
}

// defined gives Superseded and Outdone as the words define them.
func defined(all []*feed.Standing, s *feed.Standing) (superseded, outdone int64) {
	superseded, outdone = feed.Never, feed.Never
	for _, other := range all {
		later := other.Time > s.Time || other.Time == s.Time && other.Key > s.Key
		if other.SpecVersion == s.SpecVersion && later {
			superseded = min(superseded, other.Level)
		}
		if feed.CompareSpec(other.SpecVersion, s.SpecVersion) > 0 {
			outdone = min(outdone, other.Level)
		}
	}
	return superseded, outdone
}

// TestAVersionReappearsExactlyWhereSomeReaderSeesItAnew removes some versions
// and asks, for every reader, who sees what that he did not see before.
func TestAVersionReappearsExactlyWhereSomeReaderSeesItAnew(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range rounds {
		stored := joinAll(r, someVersions(r, 1+r.Int64N(6)))
		stay := slices.DeleteFunc(slices.Clone(stored), func(*feed.Standing) bool { return r.IntN(3) == 0 })
		before := make([]feed.Standing, len(stay))
		for i, s := range stay {
			before[i] = *s
		}
		feed.Recompute(stay)
		for i, s := range stay {
			if got, want := feed.Reappears(&before[i], s), newToSomeone(stored, stay, s); got != want {
				t.Fatalf("Reappears(%+v, %+v) = %v, want %v", before[i], *s, got, want)
			}
		}
	}
}

func newToSomeone(stored, stay []*feed.Standing, s *feed.Standing) bool {
	oldSuperseded, oldOutdone := defined(stored, s)
	superseded, outdone := defined(stay, s)
	for c := s.Level; c <= ceilings; c++ {
		if c < superseded && c >= oldSuperseded || c < outdone && c >= oldOutdone {
			return true
		}
	}
	return false
}

func TestSpecVersionsAreOrderedByTheirNumbers(t *testing.T) {
	trial.Covers(t, "R125")
	ordered := []string{"", "draft", "x.1", "1", "1.9", "2", "2.0", "2.1", "2.9", "2.10", "10.0"}
	for i, a := range ordered {
		for j, b := range ordered {
			got := feed.CompareSpec(a, b)
			if want := min(1, max(-1, i-j)); min(1, max(-1, got)) != want {
				t.Errorf("CompareSpec(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
	}
}
