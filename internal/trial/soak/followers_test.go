package soak

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// The flags ask for the long forms (make soak).
var (
	followersFlag = flag.Int("followers", 500, "followers of a channel on which nothing happens, of which 1 in 20 more stop reading on another")
	steadyFlag    = flag.Duration("steady", 0, "how long to publish what expires as fast; 0: not at all")
)

// What a follower may make the server hold, in octets. The long form is held to
// what docs/channels.md promises; in the short one a few followers bear what
// opening them leaves behind.
const (
	idlePlainMost = 32 << 10
	idleTLSMost   = 56 << 10
	stuckMost     = 128 << 10
	shortMore     = 512 << 10
)

const (
	live       = 5        // followers that read at once, on each Channel that is published to
	filling    = 64 << 10 // octets of a Message that fills a Channel's memory, or a connection
	mostFilled = 16 << 20 / filling
	// How long a server is left alone before its memory is looked at.
	longSettle, shortSettle = 5 * time.Second, 1500 * time.Millisecond
)

func TestIdleAndStuckFollowersCostLittleAndSlowNobody(t *testing.T) {
	for _, c := range []struct {
		name     string
		settings []string
		idle     int
	}{
		{"with TLS", nil, idleTLSMost},
		{"without TLS", []string{"behind_proxy: [127.0.0.1]"}, idlePlainMost},
	} {
		t.Run(c.name, func(t *testing.T) { followers(t, c.settings, c.idle) })
	}
}

func followers(t *testing.T, settings []string, idleMost int) {
	idle := *followersFlag
	stuck := idle / 20
	more, settle := 0, longSettle
	if idle < 5000 {
		t.Parallel()
		more, settle = shortMore, shortSettle
	}
	trial.NeedFiles(t, uint64(idle+stuck+1000))
	settings = append(settings, fmt.Sprintf("max_streams: %d", idle+stuck+100), fmt.Sprintf("max_streams_per_account: %d", idle+stuck+100),
		fmt.Sprintf("max_connections: %d", idle+stuck+500), "stall_timeout: 10m")
	s := trial.Start(t, append(trial.Settings(t, settings...), "--empty")...)
	c := newCrowd(t, s)
	quiet, busy, calm := s.NewChannel(t, "quiet"), s.NewChannel(t, "busy"), s.NewChannel(t, "calm")
	c.follow(t, quiet, 20, false) // what the first ones make the server hold is no matter of how many there are
	quiet.Publish(t, body(1000))
	lively := map[*trial.Channel][]*follower{busy: c.follow(t, busy, live, false), calm: c.follow(t, calm, live, false)}
	fill(t, busy, lively[busy])
	fill(t, calm, lively[calm])

	before := resident(t, s, settle)
	resting := c.follow(t, quiet, idle, false)
	before = each(t, "an idle follower", before, resident(t, s, settle), idle, idleMost+more)
	stopped, first := c.follow(t, busy, stuck, true), len(busy.Sent)
	for n := 0; n < stuck; n = plugged(t, s) {
		fill(t, busy, lively[busy])
		if len(busy.Sent) > first+mostFilled {
			t.Fatalf("%d of %d are stuck", n, stuck)
		}
	}
	t.Logf("%d are stuck after %d KB", plugged(t, s), (len(busy.Sent)-first)*filling>>10)
	each(t, "a stuck follower", before, resident(t, s, settle), stuck, stuckMost+more)
	unhindered(t, busy, calm, lively)
	if n := plugged(t, s); n < stuck {
		t.Errorf("%d are stuck, and %d were", n, stuck)
	}
	quiet.Publish(t, body(1000))
	if err := many(idle, func(i int) error { return resting[i].reads(quiet, len(quiet.Sent)-1) }); err != nil {
		t.Errorf("a follower that was idle: %v", err)
	}
	if err := many(live, func(i int) error { return stopped[i].reads(busy, first) }); err != nil {
		t.Errorf("a follower that was stuck: %v", err)
	}
}

// body is an Envelope of about so many octets.
func body(octets int) []byte {
	return fmt.Appendf(nil, `{"objects":[{"type":"x-text","id":"x-text--00000000-0000-4000-8000-000000000000","x_text":"%s"}]}`, strings.Repeat("x", octets))
}

// fill publishes as much as a Channel keeps in memory, and lets those that read
// have it.
func fill(t *testing.T, c *trial.Channel, readers []*follower) {
	t.Helper()
	first := len(c.Sent)
	for range 1 << 20 / filling {
		c.Publish(t, body(filling))
	}
	for _, f := range readers {
		if err := f.reads(c, first); err != nil {
			t.Fatal(err)
		}
	}
}

// resident gives what the server holds once it has had time to collect.
func resident(t *testing.T, s *trial.Server, settle time.Duration) int64 {
	t.Helper()
	time.Sleep(settle)
	now, _ := trial.Memory(t, s.PID())
	return now
}

// each fails the test if what has come since before is too much for each of n.
func each(t *testing.T, what string, before, now int64, n, most int) int64 {
	t.Helper()
	octets := (now - before) / int64(n)
	t.Logf("%s: %.1f KB; resident: %d MB before, %d MB with %d of them", what, float64(octets)/1024, before>>20, now>>20, n)
	if octets > int64(most) {
		t.Errorf("%s makes the server hold %d octets, at most %d are promised", what, octets, most)
	}
	return now
}

// unhindered publishes in turns on a Channel with followers that are stuck and on
// one without.
func unhindered(t *testing.T, busy, calm *trial.Channel, lively map[*trial.Channel][]*follower) {
	t.Helper()
	const pairs = 200
	took := map[*trial.Channel][]time.Duration{}
	first := map[*trial.Channel]int{busy: len(busy.Sent), calm: len(calm.Sent)}
	for i := range pairs {
		for j := range 2 {
			c := []*trial.Channel{busy, calm}[(i+j)%2]
			began := time.Now()
			c.Publish(t, body(1000))
			took[c] = append(took[c], time.Since(began))
		}
	}
	for c, readers := range lively {
		for _, f := range readers {
			if err := f.reads(c, first[c]); err != nil {
				t.Error(err)
			}
		}
	}
	beside, alone := median(took[busy]), median(took[calm])
	t.Logf("to publish takes %v beside stuck followers, %v without", beside, alone)
	if beside > 2*alone+20*time.Millisecond {
		t.Errorf("stuck followers slow publishing: %v, without them %v", beside, alone)
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
