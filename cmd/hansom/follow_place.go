package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hansom-taxii/hansom/client"
	"github.com/hansom-taxii/hansom/taxii"
	"golang.org/x/sys/unix"
)

const (
	// saveEvery joins the places of many Messages into one write: so much may come
	// twice after a crash.
	saveEvery = time.Second
	// saveWithin is how long the last write may take when we are to stop.
	saveWithin = 10 * time.Second
)

// place is where a follower keeps how far it has come.
type place interface {
	move(ctx context.Context, cursor string, now bool) error // all before it is done; now: saves at once
	save(ctx context.Context) error                          // if there is something to save
	close() error
}

// keep opens the place that the flags name, and says where to begin.
func (f *following) keep(ctx context.Context, o *client.Following) (place, error) {
	if f.subscription != "" {
		return f.subscribe(ctx, o)
	}
	if o.After = f.from; f.state == "-" {
		return nowhere{}, nil
	}
	p, err := f.openState(o.Selector)
	if err != nil {
		return nil, err
	}
	if err := p.recall(f.restart); err != nil {
		return nil, errors.Join(err, p.close())
	}
	if p.kept.Cursor != "" {
		o.After = p.kept.Cursor
		f.warn("going on where it stopped, as kept in %s; --restart forgets that, and begins at --from", p.file)
	}
	return p, nil
}

// nowhere keeps nothing.
type nowhere struct{}

func (nowhere) move(context.Context, string, bool) error { return nil }
func (nowhere) save(context.Context) error               { return nil }
func (nowhere) close() error                             { return nil }

// subscribed keeps the place at the server.
type subscribed struct {
	f          *following
	id, cursor string // cursor: what is to be acknowledged; "": nothing
}

func (f *following) subscribe(ctx context.Context, o *client.Following) (place, error) {
	s, err := f.c.Subscribe(ctx, f.channel, taxii.NewSubscription{Name: f.subscription, Selector: o.Selector, Start: f.from})
	if err != nil {
		return nil, f.failed(err, "subscribe to")
	}
	if f.restart {
		if _, err := f.c.SetPosition(ctx, f.channel, s.ID, taxii.Position{Cursor: f.from, Seek: true}); err != nil {
			return nil, f.failed(err, "move the Subscription "+f.subscription+" on")
		}
	}
	o.Subscription, o.Selector = s.ID, nil // it has one
	return &subscribed{f: f, id: s.ID}, nil
}

func (s *subscribed) move(ctx context.Context, cursor string, now bool) error {
	s.cursor = cursor
	if now {
		return s.save(ctx)
	}
	return nil
}

func (s *subscribed) save(ctx context.Context) error {
	if s.cursor == "" {
		return nil
	}
	if _, err := s.f.c.Acknowledge(ctx, s.f.channel, s.id, s.cursor); err != nil {
		return s.f.failed(err, "acknowledge on")
	}
	s.cursor = ""
	return nil
}

func (s *subscribed) close() error { return nil }

// stateFile keeps the place in a file of ours.
type stateFile struct {
	file string
	kept state
	new  bool // not written yet
	lock *os.File
}

// state is what stands in the file.
type state struct {
	URL      string              `json:"url"` // of the Channel
	Account  string              `json:"account,omitempty"`
	Selector map[string][]string `json:"selector,omitempty"`
	Cursor   string              `json:"cursor"`
}

// openState takes the state file for this process alone: two that follow would
// each move past what the other has not done.
func (f *following) openState(selector map[string][]string) (*stateFile, error) {
	p := &stateFile{file: f.state, kept: state{URL: f.address, Account: f.account, Selector: selector}}
	if p.file == "" {
		dir := f.a.getenv("XDG_STATE_HOME")
		if home := f.a.getenv("HOME"); dir == "" && home != "" {
			dir = filepath.Join(home, ".local", "state")
		}
		if dir == "" {
			return nil, errors.New("there is no home to keep the place in: name a file with --state, or - for none")
		}
		p.file = filepath.Join(dir, "hansom", "follow", p.kept.key()+".json")
		if err := os.MkdirAll(filepath.Dir(p.file), 0o700); err != nil {
			return nil, fmt.Errorf("keep the place: %w; name a file with --state, or - for none", err)
		}
	}
	var err error
	if p.lock, err = os.OpenFile(p.file+".lock", os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, tried(err, "keep the place in %s", p.file)
	}
	if err := unix.Flock(int(p.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = p.lock.Close() // nothing was written
		return nil, fmt.Errorf("another hansom follow keeps its place in %s: name another file with --state", p.file)
	}
	return p, nil
}

// key is the name of the state file where none is given.
func (s state) key() string {
	text, _ := json.Marshal(s) // keys are sorted; nothing in it can fail
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:12])
}

// recall reads the place, unless it is to be forgotten. One of another Channel or
// another Selector is refused: it would skip what this one has not seen.
func (p *stateFile) recall(forget bool) error {
	text, err := os.ReadFile(p.file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && forget {
		return nil
	}
	var old state
	if err == nil {
		err = json.Unmarshal(text, &old)
	}
	if err != nil {
		return fmt.Errorf("read the place in %s: %w; --restart begins anew", p.file, err)
	}
	want := p.kept
	want.Cursor, p.kept.Cursor = old.Cursor, old.Cursor
	if old.key() != want.key() {
		return fmt.Errorf("%s keeps the place of %s, account %q, with another selection or account than this: name another file with --state, or begin anew with --restart",
			p.file, old.URL, cmp.Or(old.Account, "none"))
	}
	return nil
}

func (p *stateFile) move(ctx context.Context, cursor string, now bool) error {
	p.new = p.new || cursor != p.kept.Cursor
	p.kept.Cursor = cursor
	if now {
		return p.save(ctx)
	}
	return nil
}

func (p *stateFile) save(context.Context) error {
	if !p.new {
		return nil
	}
	if err := replaceWithJSON(p.file, p.kept); err != nil {
		return tried(err, "keep the place in %s", p.file)
	}
	p.new = false
	return nil
}

func (p *stateFile) close() error { return p.lock.Close() }
