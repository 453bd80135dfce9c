package main

import (
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/node"
)

// linesMost bounds the log that waits to be written: about 3,000 requests. Who
// logs more than can be written waits.
const linesMost = 1 << 20

// flushTime is how long the last lines may take to be written.
const flushTime = 5 * time.Second

// logger writes the log in the form and from the level that are configured; flush
// writes what is left of it in the end.
func logger(c node.Config, w io.Writer) (log *slog.Logger, flush func()) {
	level := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}[c.LogLevel]
	options := &slog.HandlerOptions{Level: level}
	lines := newLines(w)
	if c.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(lines, options)), lines.flush
	}
	return slog.New(slog.NewJSONHandler(lines, options)), lines.flush
}

// lines writes behind the back of those who log: at once while there is little to
// write, and under load many lines at a time, so that a request does not pay for a
// write of its own. Safe for concurrent use.
type lines struct {
	to   io.Writer
	done chan struct{} // closed when all is written after flush

	mu      sync.Mutex // guards all below
	changed *sync.Cond
	waiting []byte
	ending  bool
}

func newLines(to io.Writer) *lines {
	l := &lines{to: to, done: make(chan struct{})}
	l.changed = sync.NewCond(&l.mu)
	go l.run()
	return l
}

// Write takes a line. What cannot be written later there is nobody to tell.
func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.waiting) > linesMost && !l.ending {
		l.changed.Wait()
	}
	if l.ending { // after the last: nobody else will write it
		l.mu.Unlock()
		<-l.done
		l.mu.Lock()
		return l.to.Write(line)
	}
	l.waiting = append(l.waiting, line...)
	l.changed.Broadcast()
	return len(line), nil
}

func (l *lines) run() {
	defer close(l.done)
	var batch []byte
	for {
		l.mu.Lock()
		for len(l.waiting) == 0 && !l.ending {
			l.changed.Wait()
		}
		if len(l.waiting) == 0 {
			l.mu.Unlock()
			return
		}
		batch, l.waiting = l.waiting, batch[:0]
		l.changed.Broadcast()
		l.mu.Unlock()
		_, _ = l.to.Write(batch) // a log that cannot be written cannot say so
	}
}

// flush writes what waits and ends.
func (l *lines) flush() {
	l.mu.Lock()
	l.ending = true
	l.changed.Broadcast()
	l.mu.Unlock()
	select {
	case <-l.done:
	case <-time.After(flushTime): // where nobody reads the log
	}
}
