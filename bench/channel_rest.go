package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/hansom-taxii/hansom/bench/driver"
)

// mostStuck is how many followers stop reading: each may keep megabytes in the
// system's buffers.
const mostStuck = 500

// rested is how long a server is left alone before its memory is looked at: opening
// many connections leaves garbage, which it collects meanwhile.
func (s *settings) rested() time.Duration { return 4 * s.each }

// rests measures what followers cost that do nothing.
func (c *conductor) rests(ctx context.Context, e engine) error {
	n := slices.Max(c.crowds)
	for _, tls := range []bool{false, true} {
		if len(c.possible([]int{n})) == 0 {
			break
		}
		row := rest{TLS: tls, Followers: n}
		if err := c.rest(ctx, e, &row); err != nil {
			return err
		}
		c.result.Channels.Rests = append(c.result.Channels.Rests, row)
		c.say("  idle: %s", row.line())
	}
	if err := c.stuck(ctx, e); err != nil {
		return err
	}
	if c.direct == "" {
		return nil
	}
	return c.stored(ctx)
}

// rest measures followers to whom nothing happens.
func (c *conductor) rest(ctx context.Context, e engine, row *rest) (err error) {
	s, end, err := c.feeding(ctx, e, func(s *server) {
		if !row.TLS {
			s.bare, s.env = true, append(s.env, "HANSOM_BEHIND_PROXY=127.0.0.1")
		}
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	leave := order{Gather: &gathering{}}
	defer func() { _, gone := c.driver.ask(leave); err = errors.Join(err, gone) }()
	// As much as one follower makes the server hold is no matter of how many there are.
	if _, err := c.gathered(s, 1, learnt); err != nil {
		return err
	}
	before, err := c.gathered(s, 0, 0)
	if err != nil {
		return err
	}
	idle, err := c.gathered(s, row.Followers, 0)
	if err != nil {
		return err
	}
	if _, err := c.driver.deliver(delivering{Messages: driver.Batch}); err != nil {
		return err
	}
	time.Sleep(c.rested())
	after := driver.Resident(s.cmd.Process.Pid)
	row.Idle, row.After = float64(idle-before)/float64(row.Followers), float64(after-before)/float64(row.Followers)
	return nil
}

// gathered opens a crowd, lets it have Messages, and gives what the server holds
// some time later.
func (c *conductor) gathered(s *server, followers, messages int) (int64, error) {
	if _, err := c.driver.ask(order{Gather: &gathering{At: s.place(), Path: postPath, Followers: followers}}); err != nil {
		return 0, err
	}
	if messages > 0 {
		if _, err := c.driver.deliver(delivering{Messages: messages}); err != nil {
			return 0, err
		}
	}
	time.Sleep(c.rested())
	return driver.Resident(s.cmd.Process.Pid), nil
}

// stuck measures followers that have stopped reading, and what one publisher
// loses beside them.
func (c *conductor) stuck(ctx context.Context, e engine) (err error) {
	s, end, err := c.feeding(ctx, e, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	other, err := startDriver(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, other.stop()) }()
	row := stuckness{Followers: min(mostStuck, slices.Max(c.crowds))}
	burst := delivering{Messages: max(driver.Batch, int(8192*c.each.Seconds()))}
	if _, err := c.gathered(s, 1, learnt); err != nil {
		return err
	}
	leave := order{Gather: &gathering{}}
	defer func() { _, gone := c.driver.ask(leave); err = errors.Join(err, gone) }()
	alone, err := c.driver.deliver(burst)
	if err != nil {
		return err
	}
	before := driver.Resident(s.cmd.Process.Pid)
	if _, err := other.ask(order{Gather: &gathering{At: s.place(), Path: postPath, Followers: row.Followers, Silent: true}}); err != nil {
		return err
	}
	if _, err := c.driver.deliver(burst); err != nil { // until they are stuck
		return err
	}
	time.Sleep(c.rested())
	beside, err := c.driver.deliver(burst)
	if err != nil {
		return err
	}
	time.Sleep(c.rested())
	row.Octets = float64(driver.Resident(s.cmd.Process.Pid)-before) / float64(row.Followers)
	row.Before, row.Beside = alone.PerSecond, beside.PerSecond
	c.result.Channels.Stuck = &row
	c.say("  stuck: %s", row.line())
	return nil
}

// fillOrder is what the program of bench/straight is asked to put into a store.
type fillOrder struct {
	Store         string
	Series        uint64
	Messages      int
	Subscriptions int
}

// fillDirectly puts content into the store of a server that does not run.
func (c *conductor) fillDirectly(ctx context.Context, s *server, o fillOrder) error {
	o.Store = s.file()
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := c.directly(ctx, "StoresAreFilled", "HANSOM_FILL="+string(text)); err != nil {
		return fmt.Errorf("fill a store: %w", err)
	}
	return nil
}

// file is the database of a server with SQLite.
func (s *server) file() string { return filepath.Join(s.dir, "hansom.db") }

// stored measures Subscriptions that nobody uses: what the same server needs with
// them and without.
func (c *conductor) stored(ctx context.Context) (err error) {
	row := stored{Subscriptions: c.far}
	dir, err := os.MkdirTemp(c.dir, "stored-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := c.make(ctx, engine{Name: "sqlite"}, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	if row.StartBefore, row.Before, err = c.started(ctx, s); err != nil {
		return err
	}
	if err := c.fillDirectly(ctx, s, fillOrder{}); err != nil { // what it had not put into the file yet
		return err
	}
	small, err := os.Stat(s.file())
	if err != nil {
		return err
	}
	if err := c.fillDirectly(ctx, s, fillOrder{Subscriptions: row.Subscriptions}); err != nil {
		return err
	}
	large, err := os.Stat(s.file())
	if err != nil {
		return err
	}
	row.Disk = float64(large.Size()-small.Size()) / float64(row.Subscriptions)
	if row.StartAfter, row.After, err = c.started(ctx, s); err != nil {
		return err
	}
	c.result.Channels.Stored = &row
	c.say("  subscriptions: %s", row.line())
	return nil
}

// started starts a server, lets one follower have some Messages, and gives how long
// it took until it served and what it holds in the end, when it is killed.
func (c *conductor) started(ctx context.Context, s *server) (seconds float64, resident int64, err error) {
	began := time.Now()
	if err := s.start(ctx); err != nil {
		return 0, 0, err
	}
	seconds = time.Since(began).Seconds()
	defer func() { err = errors.Join(err, s.kill()) }()
	if _, err := c.gathered(s, 1, learnt); err != nil {
		return 0, 0, err
	}
	// Signing in has taken memory that is given back in time: the least counts.
	for range 3 {
		now, err := c.gathered(s, 0, 0)
		if err != nil {
			return 0, 0, err
		}
		if resident == 0 || now < resident {
			resident = now
		}
	}
	return seconds, resident, nil
}
