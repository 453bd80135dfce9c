package whole_test

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// attacked is the server of those attacks that leave nothing behind by which
// another would go wrong. It starts when the first of them asks for it: to start
// one for each costs more than most attacks.
var (
	process  = &lasting{}
	attacked = sync.OnceValue(func() *trial.Server {
		return trial.Start(process, trial.Settings(process, "admin_https: true", "push: true")...)
	})
)

func TestMain(m *testing.M) {
	code := m.Run()
	process.end()
	if process.failed {
		code = max(code, 1)
	}
	os.Exit(code)
}

// lasting stands for the process where something wants a test: what is started
// with it ends when the last test has ended.
type lasting struct {
	testing.TB

	mu     sync.Mutex // guards ends and failed
	ends   []func()
	failed bool
}

func (l *lasting) Helper() {}

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

func (l *lasting) TempDir() string {
	dir, err := os.MkdirTemp("", "hansom-") // short, so that a control socket fits below it
	if err != nil {
		panic(err)
	}
	l.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// end undoes in the reverse order.
func (l *lasting) end() {
	for i := len(l.ends) - 1; i >= 0; i-- {
		l.ends[i]()
	}
}
