package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/hansom-taxii/hansom/bench/driver"
)

// An order is a line for the driver: one of these.
type order struct {
	Learn *learning `json:",omitempty"`
	Run   *running  `json:",omitempty"`
	Add   *adding   `json:",omitempty"`

	Publish *publishing `json:",omitempty"`
	Gather  *gathering  `json:",omitempty"`
	Deliver *delivering `json:",omitempty"`
	Behind  *behind     `json:",omitempty"`
	Once    *once       `json:",omitempty"`
}

// place is a server as an order names it.
type place struct {
	Base, Account, Password, CAFile string
	Bearer                          string `json:",omitempty"` // in the place of Account and Password
	PID                             int
}

// learning lets the driver walk a Collection that holds a load, and learn
// scripts for it. What was learnt before is forgotten.
type learning struct {
	At      place
	Path    string
	Load    load
	Scripts []workload
	Tape    string // the file to record answers in; "": none

	Series   uint64 // in the place of Load: the objects of so many Messages
	Messages int
}

// running lets it run a script that it has learnt.
type running struct {
	At     place
	Script workload
	Load   driver.Load
}

// adding lets it add to an empty Collection.
type adding struct {
	At         place
	Root, Path string
	Batch      int
	Load       driver.Load
	Marked     bool `json:",omitempty"` // objects with TLP markings
}

// workload names a script.
type workload struct {
	Kind  string
	Limit int
}

// done is the answer to an order, a line.
type done struct {
	Figures   driver.Figures
	Delivered driver.Delivered
	Error     string `json:",omitempty"`
}

func (p place) target() (*driver.Target, error) {
	text, err := os.ReadFile(p.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return &driver.Target{
		Base: p.Base, Account: p.Account, Password: p.Password, Bearer: p.Bearer, PID: p.PID,
		TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}, nil
}

// drives is what a driver keeps from order to order.
type drives struct {
	learnt map[workload]*driver.Script
	crowd  *driver.Crowd
	sent   *driver.Content // what the Channel holds that is read from behind
}

// drive does what it is ordered until there are no more orders.
func drive(ctx context.Context, in io.Reader, out io.Writer) error {
	var d drives
	defer d.leave()
	orders, answers := json.NewDecoder(bufio.NewReader(in)), json.NewEncoder(out)
	for {
		var o order
		err := orders.Decode(&o)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer, err := d.do(ctx, &o)
		if err != nil {
			answer.Error = err.Error()
		}
		if err := answers.Encode(answer); err != nil {
			return err
		}
	}
}

func (d *drives) do(ctx context.Context, o *order) (answer done, err error) {
	switch {
	case o.Learn != nil:
		d.learnt, err = o.Learn.do(ctx)
	case o.Run != nil:
		answer.Figures, err = o.Run.do(ctx, d.learnt)
	case o.Add != nil:
		answer.Figures, err = o.Add.do(ctx)
	case o.Publish != nil:
		answer.Figures, err = o.Publish.do(ctx)
	case o.Gather != nil:
		err = o.Gather.do(ctx, d)
	case o.Deliver != nil:
		answer.Delivered, err = o.Deliver.do(d)
	case o.Once != nil:
		answer.Figures, err = o.Once.do(ctx, d.learnt)
	case o.Behind != nil:
		answer.Figures, err = o.Behind.do(ctx, d)
	}
	return answer, err
}

func (l *learning) do(ctx context.Context) (scripts map[workload]*driver.Script, err error) {
	t, err := l.At.target()
	if err != nil {
		return nil, err
	}
	want, err := l.sums()
	if err != nil {
		return nil, err
	}
	content, err := driver.Learn(ctx, t, l.Path, want)
	if err != nil {
		return nil, err
	}
	if l.Tape != "" {
		tape, err := newTape(l.Tape)
		if err != nil {
			return nil, err
		}
		t.Heard = tape.heard
		defer func() { err = errors.Join(err, tape.close()) }()
	}
	scripts = map[workload]*driver.Script{}
	for _, w := range l.Scripts {
		if scripts[w], err = content.Script(ctx, t, w.Kind, w.Limit); err != nil {
			return nil, err
		}
	}
	return scripts, nil
}

// sums are those of what must be there.
func (l *learning) sums() (sums []uint32, err error) {
	if l.Messages == 0 {
		return l.Load.sums()
	}
	m, raw := driver.NewMessages(l.Series), []byte(nil)
	for i := range uint64(l.Messages) {
		raw = m.Object(raw[:0], i)
		sums = append(sums, driver.Sum(raw))
	}
	return sums, nil
}

// once lets it run a script once, from the beginning to the end.
type once struct {
	At     place
	Script workload
}

func (o *once) do(ctx context.Context, learnt map[workload]*driver.Script) (driver.Figures, error) {
	t, err := o.At.target()
	if err != nil {
		return driver.Figures{}, err
	}
	return learnt[o.Script].Once(ctx, t)
}

func (r *running) do(ctx context.Context, learnt map[workload]*driver.Script) (driver.Figures, error) {
	s := learnt[r.Script]
	if s == nil {
		return driver.Figures{}, fmt.Errorf("%v has not been learnt", r.Script)
	}
	t, err := r.At.target()
	if err != nil {
		return driver.Figures{}, err
	}
	return s.Run(ctx, t, r.Load)
}

func (a *adding) do(ctx context.Context) (driver.Figures, error) {
	t, err := a.At.target()
	if err != nil {
		return driver.Figures{}, err
	}
	adding, err := driver.NewAdding(ctx, t, a.Root, a.Path)
	if err != nil {
		return driver.Figures{}, err
	}
	if a.Marked {
		adding.Marked()
	}
	return adding.Run(ctx, t, a.Batch, a.Load)
}

// A child is the driver's process, seen from the conductor.
type child struct {
	cmd     *exec.Cmd
	orders  *json.Encoder
	answers *json.Decoder
	in      io.Closer
}

func startDriver(ctx context.Context) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.CommandContext(ctx, self, "drive")}
	c.cmd.Stderr = os.Stderr
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.in, c.orders, c.answers = in, json.NewEncoder(in), json.NewDecoder(out)
	return c, c.cmd.Start()
}

// do gives an order and waits for the answer.
func (c *child) do(o order) (driver.Figures, error) {
	d, err := c.ask(o)
	return d.Figures, err
}

// deliver is do for a crowd.
func (c *child) deliver(d delivering) (driver.Delivered, error) {
	got, err := c.ask(order{Deliver: &d})
	return got.Delivered, err
}

func (c *child) ask(o order) (d done, err error) {
	if err := c.orders.Encode(o); err != nil {
		return d, fmt.Errorf("order the driver: %w", err)
	}
	if err := c.answers.Decode(&d); err != nil {
		return d, fmt.Errorf("hear the driver: %w", err)
	}
	if d.Error != "" {
		return done{}, errors.New(d.Error)
	}
	return d, nil
}

func (c *child) stop() error { return errors.Join(c.in.Close(), c.cmd.Wait()) }

// settle is a pause in which a server that was asked collects its garbage, so
// that it does not do so at another's expense.
const settle = 100 * time.Millisecond
