package api_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// update rewrites the golden files in testdata with what the server answers.
var update = flag.Bool("update", false, "rewrite the golden files")

// The servers that the tests of this package share; each starts when the first
// test asks for it. Nobody writes to the one with content, but to Collections of
// their own; the empty one is for tests of writing, each in a Collection that it
// makes.
var (
	whole       = &lasting{}
	withContent = sync.OnceValue(func() *world { return open(whole, trial.Start(whole)) })
	writable    = sync.OnceValue(func() *world { return open(whole, trial.Start(whole, "--empty")) })
)

func TestMain(m *testing.M) {
	code := m.Run()
	whole.end()
	if whole.failed {
		code = max(code, 1)
	}
	os.Exit(code)
}

// lasting stands for the whole package where something wants a test: what is
// started with it ends when the last test has ended.
type lasting struct {
	testing.TB

	mu     sync.Mutex // guards ends and failed
	ends   []func()
	failed bool
}

func (l *lasting) Helper() {}

func (l *lasting) Name() string { return "the whole package" }

func (l *lasting) Context() context.Context { return context.Background() }

func (l *lasting) Cleanup(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ends = append(l.ends, f)
}

func (l *lasting) Error(args ...any) {
	l.mu.Lock()
	l.failed = true
	l.mu.Unlock()
	fmt.Fprintln(os.Stderr, args...)
}

func (l *lasting) Errorf(format string, args ...any) { l.Error(fmt.Sprintf(format, args...)) }

// Fatal panics: there is no test that it could end.
func (l *lasting) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func (l *lasting) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// TempDir has a short path, so that a control socket fits below it.
func (l *lasting) TempDir() string {
	dir, err := os.MkdirTemp("", "hansom-")
	if err != nil {
		panic(err)
	}
	l.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (l *lasting) end() {
	for _, f := range slices.Backward(l.ends) {
		f()
	}
}
