package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/bench/driver"
)

// batches are how many objects a POST has.
func batches() []int { return []int{1, 100, 1000} }

// adds measures adding: each run has a new server with an empty Collection, and
// its counterpart an empty database, so that neither is slower for what is there
// already.
func (c *conductor) adds(ctx context.Context, e engine) error {
	for _, batch := range batches() {
		rows := []added{{Engine: e.Name, Batch: batch, Clients: 1}, {Engine: e.Name, Batch: batch, Clients: 16}}
		if err := c.addRows(ctx, e, rows); err != nil {
			return fmt.Errorf("%s, add %d: %w", e.Name, batch, err)
		}
		for _, row := range rows {
			c.say("  %s", row.line())
		}
		c.result.Adds = append(c.result.Adds, rows...)
	}
	return nil
}

// addRows measures the rows of one size of batch, which have one counterpart.
func (c *conductor) addRows(ctx context.Context, e engine, rows []added) error {
	runs := make([][]driver.Figures, len(rows))
	var straight []float64
	for pair := range c.pairs {
		for turn := range len(rows) + 1 {
			// Who goes first changes from pair to pair.
			i := (turn + pair) % (len(rows) + 1)
			if i == len(rows) {
				rate, err := c.straight(ctx, e, rows[0].Batch)
				if err != nil {
					return err
				}
				straight = append(straight, rate)
				continue
			}
			f, err := c.addRun(ctx, e, rows[i])
			if err != nil {
				return err
			}
			runs[i] = append(runs[i], f)
		}
	}
	for i := range rows {
		rows[i].Server, rows[i].Straight = summary(runs[i]), median(straight)
		var list []float64
		for pair, f := range runs[i] {
			if straight[pair] > 0 {
				list = append(list, f.ObjectsPerSecond/straight[pair])
			}
		}
		rows[i].Ratio = median(list)
	}
	return nil
}

func (c *conductor) addRun(ctx context.Context, e engine, row added) (f driver.Figures, err error) {
	dir, err := os.MkdirTemp(c.dir, "add-")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := c.make(ctx, e, filepath.Join(dir, "data"))
	if err != nil {
		return f, err
	}
	if err := s.start(ctx); err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, s.kill()) }()
	return c.driver.do(order{Add: &adding{At: s.place(), Root: rootPath, Path: loadPath, Batch: row.Batch, Load: driver.Load{Connections: row.Clients, For: 2 * c.each}}})
}

// straightPerSecond is about how many objects are written straight in a second,
// so that those runs take about as long as the others.
func straightPerSecond(batch int) float64 {
	switch {
	case batch < 10:
		return 1500
	case batch < 1000:
		return 15_000
	}
	return 20_000
}

// straight gives how many objects a second can be written straight into the
// tables; 0 where the program for it is not there.
func (c *conductor) straight(ctx context.Context, e engine, batch int) (rate float64, err error) {
	batches := max(1, int(straightPerSecond(batch)*2*c.each.Seconds())/batch)
	return c.straightly(ctx, e, straightOrder{Objects: batches * batch, Batch: batch})
}

// straightOrder is what the program of bench/straight is asked for.
type straightOrder struct {
	Dir, Store, Answer string
	Objects, Batch     int
	Feed               bool
}

func (c *conductor) straightly(ctx context.Context, e engine, said straightOrder) (rate float64, err error) {
	if c.direct == "" {
		return 0, nil
	}
	dir, err := os.MkdirTemp(c.dir, "straight-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	said.Dir, said.Answer = dir, filepath.Join(dir, "answer")
	if e.store != nil {
		if said.Store, err = e.store(ctx); err != nil {
			return 0, err
		}
	}
	text, err := json.Marshal(said)
	if err != nil {
		return 0, err
	}
	if err := c.directly(ctx, "Straight", "HANSOM_STRAIGHT="+string(text)); err != nil {
		return 0, fmt.Errorf("write straight into the tables: %w", err)
	}
	answer, err := os.ReadFile(said.Answer)
	if err != nil {
		return 0, err
	}
	seconds, err := strconv.ParseFloat(strings.TrimSpace(string(answer)), 64)
	time.Sleep(settle)
	return float64(said.Objects) / seconds, err
}

// directly lets the program of bench/straight do something.
func (c *conductor) directly(ctx context.Context, test, setting string) error {
	cmd := exec.CommandContext(ctx, c.direct, "-test.run", test, "-test.timeout", "0")
	cmd.Env = append(os.Environ(), setting)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
