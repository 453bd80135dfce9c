package exchange

import (
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
)

func TestItIsLookedMoreOftenForWhatExpiresWhereMuchDoes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		every time.Duration
		steps int
		rows  feed.Place
		want  time.Duration
	}{
		{"a burst", time.Second, 8, 1400, time.Second / 2},
		{"a burst of a few large Messages", time.Second, 3, 3, time.Second / 2},
		{"a burst where it is looked as often as it may be", purgeOften, 2, 400, purgeOften},
		{"a step", 200 * time.Millisecond, 1, 150, 200 * time.Millisecond},
		{"a few", 200 * time.Millisecond, 1, 3, 400 * time.Millisecond},
		{"nothing", 800 * time.Millisecond, 0, 0, time.Second},
	} {
		e := &expirer{every: c.every, steps: c.steps, rows: c.rows}
		if got := e.idle(); got != c.want {
			t.Errorf("%s: it is looked again after %v, want %v", c.name, got, c.want)
		}
		if e.steps != 0 || e.rows != 0 {
			t.Errorf("%s: what was done counts again", c.name)
		}
	}
}
