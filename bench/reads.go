package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hansom-taxii/hansom/bench/driver"
)

// mostTaped is the largest load for which the limit runs: it holds all answers
// in memory, which for a million objects are several gigabytes; and what it can
// do does not depend on how many objects there are.
const mostTaped = 100_000

// workloads are what is read of each load.
func workloads() []workload {
	return []workload{
		{driver.Pages, 100}, {driver.Pages, 1000}, {driver.Poll, 100}, {driver.Get, 0}, {driver.Type, 1000}, {driver.Manifest, 1000},
	}
}

// connections are how many ask at once.
func connections() []int { return []int{1, 16} }

// reads fills a server with a load, and measures all that is read of it.
func (c *conductor) reads(ctx context.Context, e engine, l load) (err error) {
	dir, err := os.MkdirTemp(c.dir, "read-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := c.make(ctx, e, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	if err := c.fill(ctx, e, s, l); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.kill()) }()
	var repeats *limit
	tape := ""
	if l.Number <= mostTaped {
		tape = filepath.Join(dir, "tape")
	}
	c.say("%s, %s: walking it, checking everything", e.Name, l.Name)
	if _, err := c.driver.do(order{Learn: &learning{At: s.place(), Path: loadPath, Load: l, Scripts: workloads(), Tape: tape}}); err != nil {
		return err
	}
	if tape != "" {
		if repeats, err = startLimit(ctx, s, tape); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, repeats.stop()) }()
	}
	if err := c.rows(e, l, s, repeats); err != nil || !l.cached() || c.only != "" && c.only != driver.Pages {
		return err
	}
	return c.anew(ctx, e, l, s)
}

// cached tells that all pages of a load may stand in the server's page cache.
func (l load) cached() bool { return l.Number > 0 && l.Number <= 10_000 }

// littleCache is the setting with which the page cache holds one page and a half.
const littleCache = "HANSOM_PAGES_BUDGET=8388608"

// anew measures pages of a small load that are read anew each time, as those of a
// large one are: so that the two can be compared.
func (c *conductor) anew(ctx context.Context, e engine, l load, s *server) error {
	if err := s.kill(); err != nil {
		return err
	}
	s.env = append(s.env, littleCache)
	if err := s.start(ctx); err != nil {
		return err
	}
	w := workload{driver.Pages, 1000}
	if _, err := c.driver.do(order{Learn: &learning{At: s.place(), Path: loadPath, Load: l, Scripts: []workload{w}}}); err != nil {
		return err
	}
	row := read{Engine: e.Name, Load: l.Name + ", read anew", Kind: w.Kind, Limit: w.Limit, Connections: 1}
	if err := c.row(&row, s, nil); err != nil {
		return err
	}
	c.result.Reads = append(c.result.Reads, row)
	c.say("  %s", row.line())
	return nil
}

// fill fills a server and notes how long that took.
func (c *conductor) fill(ctx context.Context, e engine, s *server, l load) error {
	c.say("%s, %s: filling", e.Name, l.Name)
	sums, err := l.sums()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.fill(ctx, l); err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	c.result.Fills = append(c.result.Fills, fill{e.Name, l.Name, len(sums), took, float64(len(sums)) / took})
	return nil
}

func (c *conductor) rows(e engine, l load, s *server, repeats *limit) error {
	for _, w := range workloads() {
		if c.only != "" && c.only != w.Kind {
			continue
		}
		for _, n := range connections() {
			row := read{Engine: e.Name, Load: l.Name, Kind: w.Kind, Limit: w.Limit, Connections: n}
			if err := c.row(&row, s, repeats); err != nil {
				return fmt.Errorf("%s, %s, %s of %d, %d connections: %w", e.Name, l.Name, w.Kind, w.Limit, n, err)
			}
			c.result.Reads = append(c.result.Reads, row)
			c.say("  %s", row.line())
		}
	}
	return nil
}

// row measures one row: pairs of runs, in which the server and the limit take
// turns in going first.
func (c *conductor) row(r *read, s *server, repeats *limit) error {
	script := workload{r.Kind, r.Limit}
	run := func(at place, to *[]driver.Figures) error {
		f, err := c.driver.do(order{Run: &running{at, script, driver.Load{Connections: r.Connections, For: c.each}}})
		*to = append(*to, f)
		time.Sleep(settle)
		return err
	}
	var ours, bound []driver.Figures
	for pair := range c.pairs {
		if pair%2 == 0 {
			if err := run(s.place(), &ours); err != nil {
				return err
			}
		}
		if repeats != nil {
			if err := run(repeats.at, &bound); err != nil {
				return fmt.Errorf("the limit: %w", err)
			}
		}
		if pair%2 == 1 {
			if err := run(s.place(), &ours); err != nil {
				return err
			}
		}
	}
	r.Server = summary(ours)
	if repeats != nil {
		f := summary(bound)
		r.Bound = &f
		r.Ratio = ratios(ours, bound, func(f driver.Figures) float64 { return f.RequestsPerSecond })
		r.CPURatio = ratios(bound, ours, func(f driver.Figures) float64 { return f.ServerCPU })
	}
	return nil
}
