package trial

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Settings gives the arguments of Start for a server with lines of
// configuration, such as "idle_timeout: 1s".
func Settings(t testing.TB, lines ...string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hansom.yaml")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--config", file}
}

// StartIn is Start with a data directory that the test names.
func StartIn(t testing.TB, dir string, args ...string) *Server {
	t.Helper()
	s := &Server{Dir: dir, args: args}
	s.Run(t)
	t.Cleanup(func() { s.Stop(t) })
	return s
}
