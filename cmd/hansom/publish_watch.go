package main

import (
	"context"
	"crypto/sha1" //nolint:gosec // UUID version 5 is made of it; nothing is kept safe by it
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

const (
	lookEvery = 500 * time.Millisecond
	// settled is how long a file must not have changed; what was renamed into the
	// folder is usually older.
	settled = 2 * time.Second

	publishedDir = "published"
	failedDir    = "failed"
)

// watching publishes the files that appear in a folder, until it is stopped.
func (p *publishing) watching(ctx context.Context) error {
	for _, dir := range []string{p.watch, filepath.Join(p.watch, publishedDir), filepath.Join(p.watch, failedDir)} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return tried(err, "watch %s", p.watch)
		}
	}
	p.warn("watching %s for files to publish on %s", p.watch, p.address)
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	for {
		if err := p.look(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look publishes what is ready, in the order of names.
func (p *publishing) look(ctx context.Context) error {
	list, err := os.ReadDir(p.watch)
	if err != nil {
		return tried(err, "watch %s", p.watch)
	}
	for _, entry := range list {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || strings.HasPrefix(entry.Name(), ".") || time.Since(info.ModTime()).Abs() < settled {
			continue // gone again, not ours, or not written yet
		}
		if err := p.file(ctx, entry.Name()); errors.Is(err, errLater) {
			return nil // the others would fare no better
		} else if err != nil {
			return err
		}
	}
	return nil
}

// errLater says that a file stays for a later look.
var errLater = errors.New("later")

// file publishes one file and puts it away. What is the server's fault and not
// the file's ends the watch, or leaves the file for a later look.
func (p *publishing) file(ctx context.Context, name string) error {
	p.done = published{}
	b, n, sending := &parcel{p: p}, 0, error(nil)
	err := p.read(filepath.Join(p.watch, name), func(d draft) error {
		d.ID = idOf(name, n, d.raw)
		n++
		sending = b.add(ctx, d)
		return sending
	})
	if err == nil {
		sending = b.flush(ctx)
		err = sending
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		return nil // whoever put it there has taken it away
	case sending != nil && mayPass(sending):
		p.warn("%s stays where it is for now: %v", filepath.Join(p.watch, name), sending)
		return errLater
	case sending != nil && !itsFault(sending):
		return sending
	case err == nil:
		err = p.rejected()
	}
	return errors.Join(p.tell(), p.putAway(name, err))
}

// mayPass tells whether a server may take later what it does not take now.
func mayPass(err error) bool {
	var e *taxii.Error
	if !errors.As(err, &e) {
		return true // nothing came from it
	}
	switch e.Kind {
	case taxii.Unavailable, taxii.TooMany, taxii.TimedOut, taxii.Full, taxii.Internal:
		return true
	}
	return false
}

// itsFault tells whether a server refuses just this content, and will again.
func itsFault(err error) bool {
	switch taxii.KindOf(err) {
	case taxii.Malformed, taxii.TooLarge, taxii.UnsupportedMedia, taxii.Unprocessable, taxii.Conflict:
		return true
	}
	return false
}

// putAway moves a file to where it belongs after it was published, or refused
// for a reason.
func (p *publishing) putAway(name string, why error) error {
	dir := publishedDir
	if why != nil {
		dir = failedDir
		p.warn("%s is not published: %v", filepath.Join(p.watch, name), why)
	}
	to := filepath.Join(p.watch, dir, name)
	if _, err := os.Lstat(to); err == nil { // another file of this name was here before
		to += "." + taxii.NewID()[:8]
	}
	if why != nil {
		text := []string{why.Error()}
		for _, m := range p.done.Messages {
			text = append(text, fmt.Sprintf("%s: %s: %s", m.Source, m.Disposition, m.Message))
		}
		if err := os.WriteFile(to+".error", []byte(strings.Join(text, "\n")+"\n"), 0o600); err != nil {
			return tried(err, "put %s away", name)
		}
	}
	return tried(os.Rename(filepath.Join(p.watch, name), to), "put %s away", name)
}

// idSpace is the name space of these ids, a random UUID. Another would publish
// every file again.
const idSpace = "7d0c2a526f0e4c3b9f0a3a1be6f3c1d4"

// idOf derives the id of a Message from where it comes from and what it is: a UUID
// of version 5, so that the same file is the same Message.
func idOf(name string, index int, content []byte) string {
	space, _ := hex.DecodeString(idSpace) // is hexadecimal
	h := sha1.New()                       //nolint:gosec // see above
	_, _ = h.Write(space)                 // never fails, nor do those below
	fmt.Fprintf(h, "%s\x00%d\x00", name, index)
	_, _ = h.Write(content)
	u := h.Sum(nil)[:16]
	u[6], u[8] = u[6]&0x0f|0x50, u[8]&0x3f|0x80
	x := hex.EncodeToString(u)
	return strings.Join([]string{x[:8], x[8:12], x[12:16], x[16:20], x[20:]}, "-")
}
