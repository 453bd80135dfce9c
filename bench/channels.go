package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// The workloads of Channels, as -only names them.
const (
	onlyChannels  = "channels" // all of these
	onlyPublish   = "publish"
	onlyFanOut    = "fanout"
	onlyLatency   = "latency"
	onlyFollowers = "followers" // what they cost that do nothing
	onlyBehind    = "behind"
)

// wants tells whether a workload is to be measured.
func (s *settings) wants(workload string) bool {
	return s.only == "" || s.only == workload || s.only == onlyChannels && ofChannels(workload)
}

func ofChannels(workload string) bool {
	switch workload {
	case onlyChannels, onlyPublish, onlyFanOut, onlyLatency, onlyFollowers, onlyBehind:
		return true
	}
	return false
}

// mostRounds bounds the pairs of runs of each row of Channels, of which there are
// many kinds.
const mostRounds = 3

// rounds is how many pairs of runs each row of Channels has.
func (s *settings) rounds() int { return min(s.pairs, mostRounds) }

// channels measures what only Channels have.
func (c *conductor) channels(ctx context.Context) error {
	c.result.Channels = &channelled{About: c.aboutHere(ctx)}
	r := c.result.Channels
	r.About.Pairs = c.rounds()
	defer func() { r.About.Took = time.Since(r.About.Time).Round(time.Second).String() }()
	if err := c.syncs(); err != nil {
		return err
	}
	for _, part := range []struct {
		workload string
		measure  func(context.Context, engine) error
	}{
		{onlyPublish, c.publishes}, {onlyFanOut, c.fanOut}, {onlyLatency, c.latency}, {onlyFollowers, c.rests},
		{onlyBehind, c.lags},
	} {
		if !c.wants(part.workload) {
			continue
		}
		if err := part.measure(ctx, engine{Name: "sqlite"}); err != nil {
			return fmt.Errorf("channels, %s: %w", part.workload, err)
		}
	}
	return nil
}

// channelsOn measures of another engine what sets the two beside each other.
func (c *conductor) channelsOn(ctx context.Context, e engine) error {
	if c.wants(onlyPublish) {
		if err := c.publishes(ctx, e); err != nil {
			return err
		}
	}
	if !c.wants(onlyLatency) {
		return nil
	}
	return c.fans(ctx, e, []int{100}, []int{50})
}

// streamsEnv are the settings with which so many follow.
func streamsEnv() []string {
	return []string{"HANSOM_MAX_STREAMS_PER_ACCOUNT=30000", "HANSOM_MAX_STREAMS=30000", "HANSOM_MAX_CONNECTIONS=60000"}
}

// feeding starts a server with an empty Channel, which many may follow. end kills
// it.
func (c *conductor) feeding(ctx context.Context, e engine, change func(*server)) (s *server, end func() error, err error) {
	dir, err := os.MkdirTemp(c.dir, "channel-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() error { return os.RemoveAll(dir) }
	s, err = c.make(ctx, e, filepath.Join(dir, "data"))
	if err == nil {
		s.env = append(s.env, streamsEnv()...)
		if change != nil {
			change(s)
		}
		err = s.start(ctx)
	}
	if err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	return s, func() error { return errors.Join(s.kill(), remove()) }, nil
}

// syncs measures what it costs the disk to keep 1 KB.
func (c *conductor) syncs() error {
	rate, err := c.disk()
	c.result.Channels.Sync = 1000 / rate
	return err
}

// disk gives how many appends of 1 KB a second can be made to a file, if each is
// waited for until it is on the disk.
func (c *conductor) disk() (rate float64, err error) {
	f, err := os.CreateTemp(c.dir, "disk-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	var took []float64
	kilobyte := make([]byte, 1<<10)
	for began := time.Now(); len(took) < 10 || time.Since(began) < c.each/2; {
		at := time.Now()
		if _, err := f.Write(kilobyte); err != nil {
			return 0, err
		}
		if err := syncData(f); err != nil {
			return 0, err
		}
		took = append(took, time.Since(at).Seconds())
	}
	return 1 / median(took), nil
}
