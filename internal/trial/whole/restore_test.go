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
	s := trial.Start(t, "--empty")
	path := s.Collection(t, "indicators")
	fresh := func(group, n int) (objects [][]byte) {
		for i := range n {
			objects = append(objects, identity(group, i, 1))
			s.Load(t, "admin", path, 1<<20, objects[i])
		}
		return objects
	}
	before := fresh(95, 3)
	s.Stop(t)
	backup := copied(t, s.Dir)
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
	if err := os.RemoveAll(s.Dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(backup, s.Dir); err != nil {
		t.Fatal(err)
	}
	s.Run(t)
	later := fresh(97, 5)
	trial.Same(t, "what comes after the cursor", trial.Walk(t, followers["objects"]), later)
	if rest := trial.Walk(t, followers["manifest"]); len(rest) != len(later) {
		t.Errorf("%d records come after the cursor, want %d: %s", len(rest), len(later), rest)
	}
	all := trial.Walk(t, &trial.Follower{Server: s, Account: "admin", Path: path, Query: trial.AllVersions})
	trial.Same(t, "all that is there", all, append(before, later...))
}
