package trial

import (
	"os"
	"testing"
)

// The variables that ask for tests which CI runs always, and others only on
// demand: those that wait for a minute, and those that need clients of others.
const (
	LongVariable    = "HANSOM_LONG"
	ClientsVariable = "HANSOM_CLIENTS"
)

// Asked skips a test unless this is CI or the variable is set.
func Asked(t testing.TB, variable string) {
	t.Helper()
	if os.Getenv("CI") == "" && os.Getenv(variable) == "" {
		t.Skip("SKIPPED: neither CI nor " + variable + " is set")
	}
}

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
