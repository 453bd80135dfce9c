package trial

import (
	"os"
	"testing"
)

// Need ends a test that cannot run here because what it needs is not there:
// under CI (the variable CI is set) it fails, since CI has everything;
// elsewhere it is skipped, and the summary says SKIPPED and what is missing.
func Need(t testing.TB, ok bool, what string) {
	t.Helper()
	if ok {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("CI lacks %s", what)
	}
	t.Skip("SKIPPED: " + what)
}

// Lacks skips a test everywhere, CI included, because what it reads may be
// absent from any machine: the real data sets, which the repository does not
// carry. Such a test must not call Covers, or docs/conformance.md would
// depend on the machine that wrote it.
func Lacks(t testing.TB, what string) {
	t.Helper()
	t.Skip("SKIPPED: " + what)
}
