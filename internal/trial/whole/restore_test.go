package whole_test

import (
	"os"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// TestACursorOfLaterThanABackupGoesOnAfterItWasRestored gives out a cursor,
// restores a backup that is older, and adds others at the places that the cursor
// had passed: whoever goes on with it gets all of them, and each once.
func TestACursorOfLaterThanABackupGoesOnAfterItWasRestored(t *testing.T) {
	trial.Covers(t, "K42", "K47")
	t.Parallel()
	trial.Engines(t, backupRestored)
}

func backupRestored(t *testing.T, e trial.Engine) {
	s := e.Start(t, "--empty")
	path := s.Collection(t, "indicators")
	fresh := func(group, n int) (objects [][]byte) {
		for i := range n {
			objects = append(objects, identity(group, i, 1))
			s.Load(t, "admin", path, 1<<20, objects[i])
		}
		return objects
	}
	before := fresh(95, 3)
	restore := backup(t, s)
	s.Run(t)
	lost := fresh(96, 4)

	followers := map[string]*trial.Follower{} // each is before the last object
	const limit = 6
	for _, what := range []string{"objects", "manifest"} {
		f := &trial.Follower{Server: s, Account: "admin", Path: path, What: what, Limit: limit, Query: trial.AllVersions}
		p, err := f.Page(t)
		if err != nil || !p.More || len(p.Objects) != limit {
			t.Fatalf("%s: %d items, more is %v, %v", what, len(p.Objects), p.More, err)
		}
		followers[what] = f
		if what == "objects" {
			trial.Same(t, "the first page", p.Objects, append(before[:3:3], lost[:3]...))
		}
	}

	s.Kill(t) // what it had is lost
	restore()
	s.Run(t)
	later := fresh(97, 5)
	trial.Same(t, "what comes after the cursor", trial.Walk(t, followers["objects"]), later)
	if rest := trial.Walk(t, followers["manifest"]); len(rest) != len(later) {
		t.Errorf("%d records come after the cursor, want %d: %s", len(rest), len(later), rest)
	}
	all := trial.Walk(t, &trial.Follower{Server: s, Account: "admin", Path: path, Query: trial.AllVersions})
	trial.Same(t, "all that is there", all, append(before, later...))
}

// backup saves what a server has, as docs/operate says, a database while it
// runs, and stops it; what it returns puts all of that back.
func backup(t *testing.T, s *trial.Server) (restore func()) {
	t.Helper()
	dump := ""
	if s.Store != "" {
		dump = trial.Dump(t, s.Store)
	}
	s.Stop(t)
	folder := copied(t, s.Dir)
	return func() {
		t.Helper()
		if err := os.RemoveAll(s.Dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(folder, s.Dir); err != nil {
			t.Fatal(err)
		}
		if dump != "" {
			trial.Restore(t, s.Store, dump)
		}
	}
}
