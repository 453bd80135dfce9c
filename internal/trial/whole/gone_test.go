package whole_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// goneWithin is how long what was deleted may stay in the files of a server
// that goes on running.
const goneWithin = time.Minute

// secretive gives objects that have a text in many places: short ones, and one
// that fills pages of its own.
func secretive(group int, text string) (objects [][]byte) {
	for n, times := range []int{1, 3, 40, 5000} {
		objects = append(objects, fmt.Appendf(nil, `{"type":"note","spec_version":"2.1","id":"note--%08x-0000-4000-8000-%012x",`+
			`"created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z","content":%q,"object_refs":["identity--%08x-0000-4000-8000-%012x"]}`,
			group, n, strings.Repeat(text+" ", times), group, n))
	}
	return objects
}

func noteID(group, number int) string {
	return fmt.Sprintf("note--%08x-0000-4000-8000-%012x", group, number)
}

func TestWhatWasDeletedIsGoneFromTheFilesAfterAStop(t *testing.T) {
	trial.Covers(t, "R039", "R252", "R255", "R256", "R258", "R259", "K67")
	t.Parallel()
	s := trial.Start(t)
	path, markers := s.Collection(t, "reports"), deleteMarked(t, s)
	s.Stop(t)
	holding := holders(t, s.Dir, markers)
	for marker, files := range holding {
		t.Errorf("after a stop %q is in %q", marker, files)
	}
	if bytes.Contains(s.Log.Bytes(), []byte("marked-")) {
		t.Error("the log has content")
	}
	s.Run(t)
	status(t, s.Get(t, "admin", path+"/objects/"+noteID(50, 0)+"/"), 404)
	kept := trial.Walk(t, &trial.Follower{Server: s, Account: "admin", Path: path, Query: trial.AllVersions})
	if !bytes.Contains(bytes.Join(kept, nil), []byte("stays-here")) {
		t.Error("what was not deleted is gone, too")
	}
}

func TestWhatWasDeletedIsGoneFromTheFilesWithinAMinute(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED: it waits for up to a minute")
	}
	trial.Asked(t, trial.LongVariable)
	s := trial.Start(t)
	hansom(t, s.Dir, "", "collection", "add", "trust", "--alias", "extra", "--title", "For a while")
	s.Load(t, "admin", s.DefaultRoot+"collections/extra", 1<<20, secretive(52, "marked-collection")...)
	markers := append(deleteMarked(t, s), "marked-collection")
	hansom(t, s.Dir, "", "collection", "remove", "trust/extra")
	deadline, tick := time.After(goneWithin), time.NewTicker(250*time.Millisecond)
	defer tick.Stop()
	for {
		holding := holders(t, s.Dir, markers)
		if len(holding) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after %v: %q", goneWithin, holding)
		}
	}
}

// deleteMarked adds objects with marks of their own, sees the marks in the
// files, deletes them in several ways, and gives the marks that must be gone.
func deleteMarked(t *testing.T, s *trial.Server) (markers []string) {
	t.Helper()
	path := s.Collection(t, "reports")
	s.Load(t, "admin", path, 1<<20, secretive(50, "marked-object")...)
	s.Load(t, "admin", path, 1<<20, secretive(51, "stays-here")...)
	first := bytes.Replace(secretive(53, "marked-first")[0], []byte(`"modified":"2020`), []byte(`"modified":"2021`), 1)
	second := bytes.Replace(secretive(53, "stays-second")[0], []byte(`"modified":"2020`), []byte(`"modified":"2022`), 1)
	s.Load(t, "admin", path, 1<<20, first, second)
	markers = []string{"marked-object", "marked-first"}
	if holding := holders(t, s.Dir, markers); len(holding) != len(markers) {
		t.Fatalf("before they are deleted the marks are in %q", holding)
	}
	for n := range 4 {
		a := status(t, s.Request(t, "admin", "DELETE", path+"/objects/"+noteID(50, n)+"/", nil), 200)
		if string(a.Body) != "{}" || a.Header.Get("Content-Type") != taxii.MediaType {
			t.Errorf("a deletion answers %s of type %s", a.Body, a.Header.Get("Content-Type"))
		}
	}
	status(t, s.Request(t, "admin", "DELETE", path+"/objects/"+noteID(53, 0)+"/?match[version]=2021-01-01T00:00:00Z", nil), 200)
	status(t, s.Get(t, "admin", path+"/objects/"+noteID(50, 0)+"/"), 404)
	status(t, s.Get(t, "admin", path+"/objects/"+noteID(53, 0)+"/"), 200)
	return markers
}

// holders gives the files below a data directory that hold a mark.
func holders(t *testing.T, dir string, markers []string) map[string][]string {
	t.Helper()
	holding := map[string][]string{}
	for file, content := range filesBelow(t, dir) {
		for _, marker := range markers {
			if bytes.Contains(content, []byte(marker)) {
				holding[marker] = append(holding[marker], file)
			}
		}
	}
	return holding
}
