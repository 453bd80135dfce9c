package main

import (
	"context"
	"errors"

	"github.com/hansom-taxii/hansom/bench/driver"
)

// publishers are how many publish at once.
func publishers() []int { return []int{1, 16} }

// publishes measures publishing: each run has a new server with an empty Channel;
// its counterpart writes as many Messages in a commit as there are publishers.
func (c *conductor) publishes(ctx context.Context, e engine) error {
	for _, clients := range publishers() {
		row := publish{Engine: e.Name, Clients: clients}
		var runs []driver.Figures
		var straight, disk, ratio, ofDisk []float64
		for pair := range c.rounds() {
			var f driver.Figures
			var direct, bare float64
			measures := []func() error{
				func() (err error) { f, err = c.publishRun(ctx, e, clients); return err },
				func() (err error) { direct, err = c.straightMessages(ctx, e, clients); return err },
				func() (err error) { bare, err = c.disk(); return err },
			}
			for turn := range measures { // who goes first changes from pair to pair
				if err := measures[(turn+pair)%len(measures)](); err != nil {
					return err
				}
			}
			runs, straight, disk = append(runs, f), append(straight, direct), append(disk, bare)
			if direct > 0 {
				ratio = append(ratio, f.ObjectsPerSecond/direct)
			}
			ofDisk = append(ofDisk, f.ObjectsPerSecond/bare)
		}
		row.Server, row.Straight, row.Ratio = summary(runs), median(straight), median(ratio)
		row.Disk, row.OfDisk = median(disk), median(ofDisk)
		c.result.Channels.Published = append(c.result.Channels.Published, row)
		c.say("  publish: %s", row.line())
	}
	return nil
}

func (c *conductor) publishRun(ctx context.Context, e engine, clients int) (f driver.Figures, err error) {
	s, end, err := c.feeding(ctx, e, nil)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, end()) }()
	return c.driver.do(order{Publish: &publishing{s.place(), postPath, driver.Load{Connections: clients, For: 2 * c.each}}})
}

// straightMessages gives how many Messages a second can be written straight into
// the tables, so many in a commit.
func (c *conductor) straightMessages(ctx context.Context, e engine, batch int) (float64, error) {
	n := 1500
	if batch > 1 {
		n = 6000
	}
	batches := max(1, int(float64(n)*2*c.each.Seconds())/batch)
	return c.straightly(ctx, e, straightOrder{Objects: batches * batch, Batch: batch, Feed: true})
}
