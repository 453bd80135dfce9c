package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/hansom-taxii/hansom/bench/driver"
)

// lags measures how fast a follower catches up, beside the same objects read from
// a Collection: three rounds of each.
func (c *conductor) lags(ctx context.Context, e engine) (err error) {
	if c.direct == "" {
		return nil
	}
	row := lag{Messages: c.far}
	dir, err := os.MkdirTemp(c.dir, "behind-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := c.make(ctx, e, filepath.Join(dir, "data"))
	if err != nil {
		return err
	}
	c.say("  behind: filling")
	if err := c.fillDirectly(ctx, s, fillOrder{Series: series, Messages: row.Messages}); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.kill()) }()
	pages := workload{driver.Pages, mostOfAPage}
	collection := learning{At: s.place(), Path: loadPath, Scripts: []workload{pages}, Series: series, Messages: row.Messages}
	feed := behind{At: s.place(), Path: feedPath, Series: series, Limit: mostOfAPage}
	if err := c.lag(ctx, &row, collection, feed); err != nil {
		return err
	}
	c.result.Channels.Behinds = append(c.result.Channels.Behinds, row)
	c.say("  behind: %s", row.line())
	return nil
}

// mostOfAPage is the limit with which both are read.
const mostOfAPage = 1000

// lag takes turns; each of the two has a driver of its own.
func (c *conductor) lag(ctx context.Context, row *lag, collection learning, feed behind) (err error) {
	other, err := startDriver(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, other.stop()) }()
	if _, err := other.ask(order{Learn: &collection}); err != nil {
		return err
	}
	learn := feed
	learn.Learn = row.Messages
	if _, err := c.driver.ask(order{Behind: &learn}); err != nil {
		return err
	}
	stream := feed
	stream.Stream = true
	var objects, pages, flow []driver.Figures
	turns := []struct {
		who *child
		o   order
		to  *[]driver.Figures
	}{
		{other, order{Once: &once{collection.At, collection.Scripts[0]}}, &objects},
		{c.driver, order{Behind: &feed}, &pages},
		{c.driver, order{Behind: &stream}, &flow},
	}
	for round := range 3 {
		for i := range turns {
			t := turns[(i+round)%len(turns)]
			f, err := t.who.do(t.o)
			if err != nil {
				return err
			}
			*t.to = append(*t.to, f)
		}
	}
	rate := func(f driver.Figures) float64 { return f.ObjectsPerSecond }
	row.Collection, row.Pages, row.Stream = medianOf(objects, rate), medianOf(pages, rate), medianOf(flow, rate)
	row.PageRatio, row.FlowRatio = ratios(pages, objects, rate), ratios(flow, objects, rate)
	return nil
}
