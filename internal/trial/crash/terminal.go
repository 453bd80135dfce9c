package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// terminal lets a program use what tests use. It has only those methods of
// testing.TB that package trial calls; the embedded interface is nil.
type terminal struct {
	testing.TB
	dir string

	mu      sync.Mutex // guards failed and cleanup
	failed  bool
	cleanup []func()
}

// console runs a program as a test is run, and gives its exit code.
func console(program func(*terminal)) int {
	dir, err := os.MkdirTemp("", "hansom-crash-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	c := &terminal{dir: dir}
	done := make(chan struct{})
	go func() { // FailNow ends this goroutine
		defer close(done)
		defer c.clean()
		program(c)
	}()
	<-done
	if c.Failed() {
		fmt.Fprintln(os.Stderr, "what was recorded, and the server's data, are in", dir)
		return 1
	}
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return 0
}

func (c *terminal) clean() {
	for {
		c.mu.Lock()
		if len(c.cleanup) == 0 {
			c.mu.Unlock()
			return
		}
		last := len(c.cleanup) - 1
		f := c.cleanup[last]
		c.cleanup = slices.Delete(c.cleanup, last, last+1)
		c.mu.Unlock()
		f()
	}
}

// Helper has nothing to mark.
func (c *terminal) Helper() {}

// Cleanup has f called at the end.
func (c *terminal) Cleanup(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cleanup = append(c.cleanup, f)
}

// TempDir gives a new folder, which stays where the program fails.
func (c *terminal) TempDir() string {
	dir, err := os.MkdirTemp(c.dir, "")
	if err != nil {
		c.Fatal(err)
	}
	return dir
}

// Context never ends.
func (c *terminal) Context() context.Context { return context.Background() }

// Failed tells whether anything failed.
func (c *terminal) Failed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// Logf prints a line.
func (c *terminal) Logf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// Errorf prints a line and lets the program fail.
func (c *terminal) Errorf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = true
}

// Error is Errorf.
func (c *terminal) Error(args ...any) { c.Errorf("%s", fmt.Sprint(args...)) }

// Fatalf is Errorf, and ends the program.
func (c *terminal) Fatalf(format string, args ...any) {
	c.Errorf(format, args...)
	runtime.Goexit()
}

// Fatal is Fatalf.
func (c *terminal) Fatal(args ...any) { c.Fatalf("%s", fmt.Sprint(args...)) }

// Skip is Fatal: what the program needs and the machine lacks is an error.
func (c *terminal) Skip(args ...any) { c.Fatal(args...) }
