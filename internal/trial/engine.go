package trial

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
)

// Engine is the database that a server keeps its content in.
type Engine string

// The engines.
const (
	SQLite     Engine = "SQLite"
	PostgreSQL Engine = "PostgreSQL"
)

// Engines runs a test on each engine, side by side. Where the machine has no
// PostgreSQL, that part ends as Need says.
func Engines(t *testing.T, run func(t *testing.T, e Engine)) {
	t.Helper()
	for _, e := range []Engine{SQLite, PostgreSQL} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			run(t, e)
		})
	}
}

// Start is Start on a fresh store of this engine.
func (e Engine) Start(t testing.TB, args ...string) *Server {
	t.Helper()
	if e == SQLite {
		return Start(t, args...)
	}
	return StartOn(t, Postgres(t), args...)
}

// StartOn is Start with this value of --store.
func StartOn(t testing.TB, store string, args ...string) *Server {
	t.Helper()
	s := Start(t, append([]string{"--store", store}, args...)...)
	s.Store = store
	return s
}

// Dump writes a database of PostgreSQL into a file, as docs/operate says.
func Dump(t testing.TB, database string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "hansom.dump")
	postgresTool(t, "pg_dump", "--format=custom", "--file="+file, "--dbname="+database)
	return file
}

// Restore puts such a file in the place of what a database holds.
func Restore(t testing.TB, database, file string) {
	t.Helper()
	postgresTool(t, "pg_restore", "--clean", "--if-exists", "--single-transaction", "--no-owner", "--dbname="+database, file)
}

func postgresTool(t testing.TB, name string, args ...string) {
	t.Helper()
	program := filepath.Join(postgresBinaries(), name)
	if _, err := exec.LookPath(program); err != nil {
		program, err = exec.LookPath(name)
		Need(t, err == nil, name)
	}
	ctx, cancel := context.WithTimeout(t.Context(), postgresWithin)
	defer cancel()
	if text, err := exec.CommandContext(ctx, program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, text)
	}
}
