package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// slow keeps its writer until it is let go.
type slow struct {
	mu     sync.Mutex
	text   bytes.Buffer
	writes int
	gate   chan struct{}
}

func (s *slow) Write(b []byte) (int, error) {
	<-s.gate
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	return s.text.Write(b)
}

func TestEveryLineOfTheLogIsWrittenOnceAndInOrderAndManyAtATime(t *testing.T) {
	t.Parallel()
	to := &slow{gate: make(chan struct{})}
	l := newLines(to)
	const each = 500
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range each {
				fmt.Fprintf(l, "%d %d\n", w, i)
			}
		})
	}
	writers.Wait() // nothing was written yet, and nobody waited for it
	close(to.gate)
	l.flush()
	next := map[string]int{}
	for line := range strings.Lines(to.text.String()) {
		who, i, _ := strings.Cut(strings.TrimSpace(line), " ")
		if i != fmt.Sprint(next[who]) {
			t.Fatalf("writer %s: %s after %d", who, i, next[who]-1)
		}
		next[who]++
	}
	for _, n := range next {
		if n != each {
			t.Errorf("%d lines of a writer", n)
		}
	}
	if len(next) != 4 || to.writes > each {
		t.Errorf("%d writers in %d writes", len(next), to.writes)
	}
	if _, err := l.Write([]byte("the last word\n")); err != nil || !strings.HasSuffix(to.text.String(), "the last word\n") {
		t.Errorf("after the end: %v", err)
	}
}

func TestTheLogThatWaitsIsBounded(t *testing.T) {
	t.Parallel()
	to := &slow{gate: make(chan struct{})}
	l := newLines(to)
	line := bytes.Repeat([]byte("x"), 64<<10)
	written := make(chan struct{})
	go func() {
		defer close(written)
		for range 3 * linesMost / len(line) {
			_, _ = l.Write(line)
		}
	}()
	for waits := 0; waits <= linesMost; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		waits = len(l.waiting)
		l.mu.Unlock()
		if waits > linesMost+len(line) {
			t.Fatalf("%d octets wait", waits)
		}
	}
	select {
	case <-written:
		t.Error("three times as much as may wait was taken before any of it was written")
	default:
	}
	close(to.gate)
	<-written
	l.flush()
	if want := 3 * linesMost / len(line) * len(line); to.text.Len() != want {
		t.Errorf("%d octets, want %d", to.text.Len(), want)
	}
}
