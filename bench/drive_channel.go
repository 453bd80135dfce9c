package main

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hansom-taxii/hansom/bench/driver"
)

// publishing lets the driver publish to an empty Channel.
type publishing struct {
	At   place
	Path string // of the Messages
	Load driver.Load
}

// gathering lets it open a crowd of followers, in the place of the one before.
type gathering struct {
	At        place
	Path      string // to follow, and to publish to
	Followers int    // 0: only the crowd before leaves
	Tape      string // the file with the events that are published, for the limit; "": a Channel is followed
	Silent    bool   // the followers read nothing, and nothing is published
}

// delivering lets the crowd have Messages.
type delivering struct {
	Messages int
	Every    time.Duration // between two; 0: as fast as it goes
	Tape     string        // the file to record the events in; "": none
}

// behind lets it read a Channel from its beginning.
type behind struct {
	At     place
	Path   string // of the Channel
	Series uint64
	Learn  int  // walk it, and check that it holds so many Messages of the series
	Stream bool // by event stream, or else by pages
	Limit  int  // Messages on a page
}

func (p *publishing) do(ctx context.Context) (driver.Figures, error) {
	t, err := p.At.target()
	if err != nil {
		return driver.Figures{}, err
	}
	return driver.Publishing(ctx, t, p.Path, p.Load)
}

// leave lets the crowd go.
func (d *drives) leave() {
	if d.crowd != nil {
		d.crowd.Leave()
		d.crowd = nil
	}
}

func (g *gathering) do(ctx context.Context, d *drives) error {
	d.leave()
	if g.Followers == 0 {
		return nil
	}
	t, err := g.At.target()
	if err != nil {
		return err
	}
	feed := driver.ChannelFeed(g.Path, driver.NewMessages(uint64(time.Now().UnixNano())))
	if g.Tape != "" {
		tape, err := loadEvents(g.Tape)
		if err != nil {
			return err
		}
		feed = tape.Feed(g.Path)
	}
	gather := driver.Gather
	if g.Silent {
		gather = driver.Stuck
	}
	d.crowd, err = gather(ctx, t, feed, g.Followers)
	return err
}

func (o *delivering) do(d *drives) (driver.Delivered, error) {
	if d.crowd == nil {
		return driver.Delivered{}, errors.New("there is no crowd")
	}
	if o.Every > 0 {
		return d.crowd.Beat(o.Messages, o.Every)
	}
	if o.Tape == "" {
		return d.crowd.Burst(o.Messages, nil)
	}
	var tape driver.Tape
	got, err := d.crowd.Burst(o.Messages, tape.Heard)
	if err != nil {
		return got, err
	}
	return got, saveEvents(o.Tape, &tape)
}

func saveEvents(name string, tape *driver.Tape) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(gob.NewEncoder(f).Encode(tape), f.Close())
}

func loadEvents(name string) (tape driver.Tape, err error) {
	f, err := os.Open(name)
	if err != nil {
		return tape, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	if err := gob.NewDecoder(f).Decode(&tape); err != nil || len(tape.Events) == 0 {
		return tape, fmt.Errorf("read %s: no events (%w)", name, err)
	}
	return tape, nil
}

func (b *behind) do(ctx context.Context, d *drives) (driver.Figures, error) {
	t, err := b.At.target()
	if err != nil {
		return driver.Figures{}, err
	}
	w := workload{driver.Behind, b.Limit}
	if b.Learn > 0 {
		if d.sent, err = driver.LearnChannel(ctx, t, b.Path, driver.NewMessages(b.Series), b.Learn); err != nil {
			return driver.Figures{}, err
		}
		script, err := d.sent.Script(ctx, t, w.Kind, w.Limit)
		d.learnt = map[workload]*driver.Script{w: script}
		return driver.Figures{}, err
	}
	if b.Stream {
		return d.sent.CatchUp(ctx, t)
	}
	return d.learnt[w].Once(ctx, t)
}
