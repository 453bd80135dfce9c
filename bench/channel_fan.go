package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/hansom-taxii/hansom/bench/driver"
)

// paces are how many Messages a second are published where it is measured how
// long they take.
func (s *settings) paces() []int {
	if s.quick {
		return []int{50}
	}
	return []int{10, 50}
}

func (c *conductor) fanOut(ctx context.Context, e engine) error {
	return c.fans(ctx, e, c.crowds, []int{0})
}

// mostTimed is the largest crowd in which deliveries are timed: at 50 Messages a
// second a larger one would be all that the machine can do.
const mostTimed = 1000

func (c *conductor) latency(ctx context.Context, e engine) error {
	few := slices.DeleteFunc(slices.Clone(c.crowds), func(n int) bool { return n > mostTimed })
	return c.fans(ctx, e, few, c.paces())
}

// fans measures delivery to crowds of these sizes, at these paces (0: as fast as
// it goes). The server and the plain server each have a crowd of their own, in a
// driver of its own; both stay while the runs alternate.
func (c *conductor) fans(ctx context.Context, e engine, sizes, paces []int) (err error) {
	sizes = c.possible(sizes)
	s, end, err := c.feeding(ctx, e, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	other, err := startPlain(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, other.stop()) }()
	drives, err := startDriver(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drives.stop()) }()
	for _, n := range sizes {
		both := pair{c.driver, drives, s.place(), other.at, filepath.Join(s.dir, "events")}
		if err := c.crowd(ctx, e, both, n, paces); err != nil {
			return fmt.Errorf("%s, %d followers: %w", e.Name, n, err)
		}
	}
	return nil
}

// possible are the sizes for which processes that are started from now on may open
// files enough.
func (c *conductor) possible(sizes []int) (may []int) {
	for _, n := range sizes {
		if err := openFiles(n); err != nil {
			c.result.Channels.Skipped = append(c.result.Channels.Skipped, fmt.Sprintf("%d followers: %v", n, err))
			continue
		}
		may = append(may, n)
	}
	return may
}

// pair is the server and the plain server, each with its driver.
type pair struct {
	driver, other   *child
	server, another place
	tape            string
}

// learnt is how many Messages the plain server's publisher learns from the server.
const learnt = 2 * driver.Batch

// crowd measures one size of crowd.
func (c *conductor) crowd(ctx context.Context, e engine, p pair, n int, paces []int) error {
	if _, err := p.driver.ask(order{Gather: &gathering{At: p.server, Path: postPath, Followers: n}}); err != nil {
		return err
	}
	if _, err := p.driver.deliver(delivering{Messages: learnt, Tape: p.tape}); err != nil {
		return err
	}
	if _, err := p.other.ask(order{Gather: &gathering{At: p.another, Path: "/", Followers: n, Tape: p.tape}}); err != nil {
		return fmt.Errorf("the plain server: %w", err)
	}
	if _, err := p.other.deliver(delivering{Messages: learnt}); err != nil { // as warm as the server is
		return fmt.Errorf("the plain server: %w", err)
	}
	for _, pace := range paces {
		row := fan{Engine: e.Name, Followers: n, Pace: pace}
		if err := c.fan(ctx, &row, p); err != nil {
			return err
		}
		c.result.Channels.Fans = append(c.result.Channels.Fans, row)
		c.say("  follow: %s", row.line())
	}
	leave := order{Gather: &gathering{}}
	_, err := p.driver.ask(leave)
	if err == nil {
		_, err = p.other.ask(leave)
	}
	time.Sleep(settle)
	return err
}

// fan measures one row.
func (c *conductor) fan(ctx context.Context, row *fan, p pair) error {
	d := c.deliveries(row)
	var ours, theirs []driver.Delivered
	one := func(who *child, to *[]driver.Delivered) error {
		got, err := who.deliver(d)
		*to = append(*to, got)
		time.Sleep(settle)
		return err
	}
	for round := range c.rounds() {
		if err := ctx.Err(); err != nil {
			return err
		}
		turns := []func() error{
			func() error { return one(p.driver, &ours) },
			func() error {
				if err := one(p.other, &theirs); err != nil {
					return fmt.Errorf("the plain server: %w", err)
				}
				return nil
			},
		}
		for i := range turns {
			if err := turns[(i+round)%2](); err != nil {
				return err
			}
		}
	}
	row.Server, row.Plain = middleOf(ours, row.Pace), middleOf(theirs, row.Pace)
	row.Ratio = ratios(ours, theirs, func(d driver.Delivered) float64 { return d.PerSecond })
	row.CPURatio = ratios(theirs, ours, func(d driver.Delivered) float64 { return d.ServerCPU })
	return nil
}

// deliveries is what a run of a row publishes: for about the time of a run.
func (c *conductor) deliveries(row *fan) delivering {
	if row.Pace > 0 {
		return delivering{Messages: max(2, int(2*c.each.Seconds()*float64(row.Pace))), Every: time.Second / time.Duration(row.Pace)}
	}
	n := 16384
	switch {
	case row.Followers >= 10_000:
		n = 64
	case row.Followers >= 1000:
		n = 512
	case row.Followers > 1:
		n = 2560
	}
	return delivering{Messages: max(driver.Batch, int(float64(n)*c.each.Seconds()))}
}
