package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/hansom-taxii/hansom/bench/driver"
)

// onlyAccess is the workload of who may do what, as -only names it.
const onlyAccess = "access"

// apart tells whether a workload has a table of its own.
func apart(workload string) bool { return ofChannels(workload) || workload == onlyAccess }

// tolled are the rows of who may do what that read one filled server. Those of
// pages count twice: out of the page cache, and with a cache that holds none.
func tolled() []toll {
	return []toll{
		{Kind: driver.Pages, Limit: 1000, Connections: 1, Most: mostToll}, {Kind: driver.Pages, Limit: 1000, Connections: 16, Most: mostToll},
		{Kind: driver.Poll, Limit: 100, Connections: 1, Most: mostToll}, {Kind: driver.Poll, Limit: 100, Connections: 16, Most: mostToll},
		{Kind: driver.Poll, Limit: 100, Connections: 16, On: byJWT, Most: mostToll},
		{Kind: driver.Get, Connections: 1}, {Kind: driver.Get, Connections: 16},
		{Kind: driver.Get, Connections: 1, Off: byToken}, {Kind: driver.Get, Connections: 16, Off: byToken},
	}
}

// mostToll is what a request may cost with everything on, to what it costs without.
const mostToll = 1.1

// access measures what it costs to know who may do what, and to keep who did. Two
// servers with the same content take turns; see docs/performance.md.
func (c *conductor) access(ctx context.Context) (err error) {
	r := &accessed{About: c.aboutHere(ctx)}
	c.result.Access, r.About.Pairs = r, c.turns
	defer func() { r.About.Took = time.Since(r.About.Time).Round(time.Second).String() }()
	dir, err := os.MkdirTemp(c.dir, "access-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if r.Check, err = checkOfLimits(ctx, dir, c.each); err != nil {
		return err
	}
	f, err := c.members(ctx, dir)
	if err != nil {
		return err
	}
	if err := c.tollAdds(ctx, f); err != nil {
		return err
	}
	c.say("%s marked objects: filling", c.marked.Name)
	if err := f.fill(ctx, c.marked); err != nil {
		return err
	}
	if err := c.tollReads(ctx, f, "", tolled()); err != nil {
		return err
	}
	return c.tollReads(ctx, f, littleCache, []toll{
		{Kind: driver.Pages, Limit: 1000, Anew: true, Connections: 1, Most: mostToll}, {Kind: driver.Pages, Limit: 1000, Anew: true, Connections: 16, Most: mostToll},
	})
}

// tollReads measures rows of reading with a further setting, or "".
func (c *conductor) tollReads(ctx context.Context, f *founded, setting string, rows []toll) (err error) {
	b, err := c.both(ctx, f, setting)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.end()) }()
	for _, s := range []*side{b.off, b.on} {
		if _, err := s.driver.do(order{Learn: &learning{At: s.at, Path: loadPath, Load: c.marked, Scripts: workloadsOf(rows)}}); err != nil {
			return err
		}
	}
	for _, row := range rows {
		if err := c.tollRow(ctx, b, &row); err != nil {
			return fmt.Errorf("%s, %s: %w", row.what(), plural(row.Connections, "connection"), err)
		}
		c.noteToll(row)
	}
	return nil
}

func workloadsOf(rows []toll) (list []workload) {
	for _, row := range rows {
		if w := row.workload(); !slices.Contains(list, w) {
			list = append(list, w)
		}
	}
	return list
}

func (t *toll) workload() workload { return workload{t.Kind, t.Limit} }

func (c *conductor) noteToll(row toll) {
	c.result.Access.Tolls = append(c.result.Access.Tolls, row)
	c.say("  %s", row.line())
}

// tollRow measures a row of reading.
func (c *conductor) tollRow(ctx context.Context, b *sides, row *toll) error {
	load := driver.Load{Connections: row.Connections, For: c.each}
	run := func(s *side, p proof) (func() (driver.Figures, error), error) {
		at, err := s.proven(ctx, p)
		return func() (driver.Figures, error) {
			return s.driver.do(order{Run: &running{at, row.workload(), load}})
		}, err
	}
	off, err := run(b.off, row.Off)
	if err != nil {
		return err
	}
	on, err := run(b.on, row.On)
	if err != nil {
		return err
	}
	return c.alternate(row, off, on)
}

// tollAdds measures rows of adding: each run has new servers.
func (c *conductor) tollAdds(ctx context.Context, f *founded) error {
	for _, clients := range []int{1, 16} {
		row := toll{Kind: driver.Add, Limit: 1000, Connections: clients, Most: mostToll}
		run := func(on bool) func() (driver.Figures, error) {
			return func() (driver.Figures, error) { return c.tollAdd(ctx, f, on, clients) }
		}
		if err := c.alternate(&row, run(false), run(true)); err != nil {
			return fmt.Errorf("%s, %s: %w", row.what(), plural(clients, "client"), err)
		}
		c.noteToll(row)
	}
	return nil
}

func (c *conductor) tollAdd(ctx context.Context, f *founded, on bool, clients int) (_ driver.Figures, err error) {
	s, err := c.side(ctx, f, on, "")
	if err != nil {
		return driver.Figures{}, err
	}
	defer func() { err = errors.Join(err, s.end()) }()
	load := driver.Load{Connections: clients, For: 2 * c.each}
	return c.driver.do(order{Add: &adding{At: s.at, Root: rootPath, Path: loadPath, Batch: 1000, Load: load, Marked: true}})
}

// alternate runs the two sides of a row, which take turns in going first.
func (c *conductor) alternate(row *toll, off, on func() (driver.Figures, error)) error {
	var runs [2][]driver.Figures
	for turn := range 2 * c.turns {
		i := (turn/2 + turn) % 2
		f, err := [...]func() (driver.Figures, error){off, on}[i]()
		if err != nil {
			return err
		}
		runs[i] = append(runs[i], f)
		time.Sleep(settle)
	}
	row.took(runs[0], runs[1])
	return nil
}
