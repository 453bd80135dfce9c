package trial

import (
	"fmt"
	"testing"
)

// end remembers how a test ended; the rest of testing.TB is not there.
type end struct {
	testing.TB
	how string
}

func (e *end) Helper()          {}
func (e *end) Skip(args ...any) { e.how = "skip " + fmt.Sprint(args...) }
func (e *end) Fatalf(format string, args ...any) {
	e.how = "fail " + fmt.Sprintf(format, args...)
	panic(e)
}

func TestWhatIsMissingFailsInCIAndIsSkippedElsewhere(t *testing.T) {
	for _, c := range []struct {
		ci   string
		call func(testing.TB)
		want string
	}{
		{"", func(t testing.TB) { Need(t, true, "curl") }, ""},
		{"true", func(t testing.TB) { Need(t, true, "curl") }, ""},
		{"", func(t testing.TB) { Need(t, false, "curl") }, "skip SKIPPED: curl"},
		{"true", func(t testing.TB) { Need(t, false, "curl") }, "fail CI lacks curl"},
		{"", func(t testing.TB) { Lacks(t, "the data") }, "skip SKIPPED: the data"},
		{"true", func(t testing.TB) { Lacks(t, "the data") }, "skip SKIPPED: the data"},
	} {
		t.Setenv("CI", c.ci)
		if got := ending(c.call); got != c.want {
			t.Errorf("CI=%q: %q, want %q", c.ci, got, c.want)
		}
	}
}

func ending(call func(testing.TB)) string {
	e := &end{}
	func() {
		defer func() { _ = recover() }()
		call(e)
	}()
	return e.how
}
