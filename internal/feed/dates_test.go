package feed_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	micro  = taxii.Time(1)
	milli  = 1000 * micro
	second = 1000 * milli
	noon   = taxii.Time(1_700_000_000) * second // some whole second
)

func TestTheLastDateOfAnAddFollowsTheRule(t *testing.T) {
	trial.Covers(t, "K46")
	for _, c := range []struct {
		name             string
		clock, now, want taxii.Time
		n                int
	}{
		{"a new feed takes the machine's millisecond", 0, noon + 1234*micro, noon + 1*milli, 1},
		{"a whole millisecond stays", 0, noon, noon, 1},
		{"an Add that just fits before the millisecond", noon, noon + milli, noon + milli, 1000},
		{"an Add one too large for it goes to the next", noon, noon + milli, noon + 2*milli, 1001},
		{"a second Add in one millisecond goes to the next", noon, noon + 999*micro, noon + milli, 1},
		{"a clock set back goes on by milliseconds", noon, noon - 999*milli, noon + milli, 3},
		{"exactly a second ahead is still a whole millisecond", noon + 999*milli, noon, noon + second, 1},
		{"further ahead than a second the dates move by microseconds", noon + second, noon, noon + second + 7, 7},
		{"a clock set back by a day", noon, noon - 86400*second, noon + 1, 1},
		{"an Add that alone spans more than a second", noon, noon, noon + 1_500_000, 1_500_000},
		{"before 1970 a millisecond is cut downwards", -10 * second, -5*second - 1, -5*second - milli, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := feed.LastDate(c.clock, c.now, c.n); got != c.want {
				t.Errorf("LastDate(%d, %d, %d) = %d, want %d", c.clock, c.now, c.n, got, c.want)
			}
		})
	}
}

// TestDatesRiseStrictlyWhateverTheClockDoes holds the rule against its own
// words, with a clock that stands, runs and is set back.
func TestDatesRiseStrictlyWhateverTheClockDoes(t *testing.T) {
	trial.Covers(t, "K46")
	r := rand.New(rand.NewPCG(1, 2))
	clock, now := noon, noon
	for i := range 200_000 {
		now += jump(r)
		n := 1 + r.IntN(1+r.IntN(3000))
		last := feed.LastDate(clock, now, n)
		if first := last - taxii.Time(n-1); first <= clock {
			t.Fatalf("Add %d: first date %d is not after the last one %d (now %d, n %d)", i, first, clock, now, n)
		}
		if last%milli != 0 {
			next := (clock + taxii.Time(n) + milli - 1) / milli * milli
			if next <= now+second {
				t.Fatalf("Add %d: %d is on no whole millisecond, and %d is at most a second ahead of %d", i, last, next, now)
			}
			if last != clock+taxii.Time(n) {
				t.Fatalf("Add %d: %d gives way and yet is not the earliest, %d", i, last, clock+taxii.Time(n))
			}
		} else if ahead := last - now; ahead > second && last != clock+taxii.Time(n) {
			t.Fatalf("Add %d: %d µs ahead of the clock for the sake of a millisecond", i, ahead)
		}
		clock = last
	}
}

func jump(r *rand.Rand) taxii.Time {
	switch r.IntN(50) {
	case 0:
		return -taxii.Time(r.Int64N(int64(3 * second)))
	case 1:
		return taxii.Time(r.Int64N(int64(3 * second)))
	case 2, 3, 4, 5, 6, 7, 8, 9, 10:
		return 0
	}
	return taxii.Time(r.IntN(4000))
}

func TestTenAddsASecondAlwaysEndOnAWholeMillisecond(t *testing.T) {
	trial.Covers(t, "K46")
	r := rand.New(rand.NewPCG(3, 4))
	var clock taxii.Time
	for i := range 100_000 {
		now := noon + taxii.Time(i)*100*milli + taxii.Time(r.IntN(int(milli)))
		last := feed.LastDate(clock, now, 1+r.IntN(10_000))
		if last%milli != 0 {
			t.Fatalf("Add %d at %d ends at %d", i, now, last)
		}
		clock = last
	}
}

func TestThousandsOfAddsASecondStayWithinASecondAndOneAdd(t *testing.T) {
	trial.Covers(t, "K46")
	for _, rate := range []int{1000, 2000, 5000, 9000} {
		for _, most := range []int{1, 100, 1_000_000 / rate} { // more would outrun a microsecond each
			t.Run(fmt.Sprintf("%d Adds of up to %d", rate, most), func(t *testing.T) {
				r := rand.New(rand.NewPCG(uint64(rate), uint64(most)))
				clock := noon
				for i := range 30 * rate {
					now := noon + taxii.Time(i)*second/taxii.Time(rate)
					last := feed.LastDate(clock, now, 1+r.IntN(most))
					if ahead := last - now; ahead > second+taxii.Time(most) {
						t.Fatalf("Add %d is %d µs ahead", i, ahead)
					}
					clock = last
				}
			})
		}
	}
}

func TestAClockThatStandsStillIsOutrunByMillisecondsForOneSecondThenByMicroseconds(t *testing.T) {
	clock := noon
	for i := range 1000 {
		if clock = feed.LastDate(clock, noon, 7); clock != noon+taxii.Time(i+1)*milli {
			t.Fatalf("Add %d ends at %d", i, clock-noon)
		}
	}
	for i := range 5000 {
		if clock = feed.LastDate(clock, noon, 7); clock != noon+second+taxii.Time(7*(i+1)) {
			t.Fatalf("Add %d after the second ends at %d", i, clock-noon)
		}
	}
}
