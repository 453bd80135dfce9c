package whole_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

const (
	readers = 16
	// mostMemory is what a server may ever have used: 64 MiB of pages and 10 MiB of
	// a body, what the database keeps for itself, and the collector's share.
	mostMemory = 400_000_000
)

func TestManyReadersOfTheLargestPagesLeaveMemoryFree(t *testing.T) {
	trial.Covers(t, "R111", "R152", "R190", "K64")
	t.Parallel()
	trial.Need(t, runtime.GOOS == "linux", "Linux, which tells what a process has used")
	s := trial.Start(t, "--empty")
	path := s.Collection(t, "indicators")
	some := slices.DeleteFunc(trial.Objects(12, 2300), func(object []byte) bool { return len(object) > 8<<10 })[:2000]
	for part := range 10 { // the same content under other ids
		objects := make([][]byte, len(some))
		for i, object := range some {
			objects[i] = another(object, part)
		}
		s.Load(t, "admin", path, mostOctets(t, s), objects...)
	}
	t.Logf("when it had been loaded the server had used %d MB", peak(t, s.PID())/1_000_000)
	var all sync.WaitGroup
	ends, errs := make([]string, readers), make([]error, readers)
	for i := range readers {
		all.Go(func() { ends[i], errs[i] = skim(t, s, path, 10_000-i) }) // pages that nobody else reads: equal ones are held once
	}
	all.Wait()
	careful := &trial.Follower{Server: s, Account: "admin", Path: path, Limit: 10_000, Query: trial.AllVersions}
	if n := len(trial.Walk(t, careful)); n != 20_000 {
		t.Errorf("%d objects are there", n)
	}
	for i := range readers {
		if errs[i] != nil || ends[i] != careful.Since {
			t.Errorf("reader %d came to %s of %s: %v", i, ends[i], careful.Since, errs[i])
		}
	}
	used := peak(t, s.PID())
	t.Logf("at its peak the server used %d MB", used/1_000_000)
	if used > mostMemory {
		t.Errorf("at its peak the server used %d MB, at most %d are allowed", used/1_000_000, mostMemory/1_000_000)
	}
}

// skim reads all pages of a Collection by date, without a look at the objects:
// many at once are to be as fast as they can. It gives the last date.
func skim(t *testing.T, s *trial.Server, path string, limit int) (since string, err error) {
	since = "1970-01-01T00:00:00Z"
	for {
		a, err := s.Try(t, "admin", http.MethodGet, fmt.Sprintf("%s/objects/?%s&limit=%d&added_after=%s", path, trial.AllVersions, limit, since), nil)
		if err != nil || a.Status != http.StatusOK {
			return since, fmt.Errorf("%d, %w", a.Status, err)
		}
		since = a.Header.Get("X-TAXII-Date-Added-Last")
		if !bytes.HasPrefix(a.Body, []byte(`{"more":true`)) {
			return since, nil
		}
	}
}

// another gives an object another id, of the same length.
func another(object []byte, part int) []byte {
	id := regexp.MustCompile(`"id"\s*:\s*"[a-z0-9-]+--[0-9a-f]{8}-[0-9a-f]{3}`)
	return id.ReplaceAllFunc(object, func(found []byte) []byte {
		return append(found[:len(found)-3:len(found)-3], fmt.Sprintf("%03x", 0xa00+part)...)
	})
}

// peak gives how many octets of memory a process has ever held.
func peak(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	if line == nil {
		t.Fatalf("no VmHWM in %s", text)
	}
	kilo, err := strconv.Atoi(string(line[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kilo << 10
}
