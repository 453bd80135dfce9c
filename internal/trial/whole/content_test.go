package whole_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// generated is how many objects of all types and sizes go through the server.
const generated = 5000

func TestGeneratedContentComesBackByteForByte(t *testing.T) {
	trial.Covers(t, "R036", "R037", "R090", "R105", "R108", "R111", "R141", "R142", "R144", "R145", "R146", "R147", "R148", "R164", "R168",
		"R232", "R236", "K40", "K44", "K45", "K50", "K54", "K55", "K62")
	t.Parallel()
	objects := trial.Objects(6, generated)
	comesBack(t, objects, bundled(t, objects), 60)
}

func TestRealContentComesBackByteForByte(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"attack-ics-21.json.gz", "attack-mobile-21.json.gz"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, there := trial.SharedFile(name)
			bundle, ok := trial.Shared(name)
			if !there || !ok {
				trial.Lacks(t, name)
			}
			objects, err := taxii.SplitEnvelope(bundle)
			if err != nil {
				t.Fatal(err)
			}
			comesBack(t, objects, file, 20)
		})
	}
}

// comesBack loads objects into one Collection over HTTP and into another with
// import, from a file that holds the same, and reads both with every client in
// pages of several sizes.
//
// curl reads by next with a process for each page, so that thousands of small
// ones would take longer than all else: of pages of 1 and of 7 objects it reads
// so many by next, from the beginning on, and the whole by date, in one process.
func comesBack(t *testing.T, objects [][]byte, file string, small int) {
	s := trial.Start(t, "--empty")
	posted, imported := s.Collection(t, "indicators"), s.Collection(t, "reports")
	s.Load(t, "admin", posted, mostOctets(t, s)/8, objects...) // so that there are several envelopes
	importFile(t, s, "trust/reports", file, len(objects))
	both := map[string]string{"posted": posted, "imported": imported}
	t.Run("read by Go", func(t *testing.T) {
		t.Parallel()
		for i, limit := range []int{1, 7, 100, 1000} {
			for name, path := range both {
				f := &trial.Follower{Server: s, Account: "admin", Path: path, Limit: limit, Query: trial.AllVersions}
				f.ByDate = i%2 == 0 == (name == "posted") // each size is read in both ways
				trial.Same(t, fmt.Sprintf("%s, limit %d, by date %v", name, limit, f.ByDate), trial.Walk(t, f), objects)
			}
		}
	})
	for name, path := range both {
		t.Run(name+", read by curl", func(t *testing.T) {
			t.Parallel()
			readByCurl(t, s, path, objects, small)
		})
	}
	t.Run("read by curl, by date", func(t *testing.T) {
		t.Parallel()
		c := newCurl(t, s)
		for name, path := range both {
			for _, limit := range []int{1, 7} {
				trial.Same(t, fmt.Sprintf("%s, limit %d", name, limit), c.leap(t, path, limit), objects)
			}
		}
	})
}

// readByCurl reads a Collection by next: so many of the small pages, and all of
// the larger ones.
func readByCurl(t *testing.T, s *trial.Server, path string, objects [][]byte, pages int) {
	c := newCurl(t, s)
	for _, limit := range []int{1, 7} {
		trial.Same(t, fmt.Sprintf("limit %d", limit), c.walk(t, path, "objects", limit, pages*limit), objects[:pages*limit])
	}
	for _, limit := range []int{100, 1000} {
		trial.Same(t, fmt.Sprintf("limit %d", limit), c.walk(t, path, "objects", limit, math.MaxInt), objects)
	}
}

// mostOctets is max_content_length of the default API Root.
func mostOctets(t *testing.T, s *trial.Server) int {
	t.Helper()
	var root taxii.APIRoot
	status(t, s.Get(t, "admin", s.DefaultRoot), 200).JSON(t, &root)
	return int(root.MaxContentLength)
}

// importing imports objects as a bundle.
func importing(t *testing.T, s *trial.Server, to string, objects [][]byte) {
	t.Helper()
	importFile(t, s, to, bundled(t, objects), len(objects))
}

// bundled writes objects as a bundle, with gzip, into a file.
func bundled(t *testing.T, objects [][]byte) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "bundle.json.gz")
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	_, err = z.Write(bytes.Replace(trial.Envelope(objects...), []byte("{"), []byte(`{"type":"bundle","id":"bundle--44444444-4444-4444-8444-444444444444",`), 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, file, packed.Bytes())
	return file
}

// importFile imports a file of so many objects, all of which must be new.
func importFile(t *testing.T, s *trial.Server, to, file string, n int) {
	t.Helper()
	var summary struct {
		Objects, New, Failed int
		Already              int `json:"already_here"`
	}
	out := hansom(t, s.Dir, "", "import", file, "--to", to, "--json")
	if err := json.Unmarshal([]byte(out), &summary); err != nil {
		t.Fatalf("%v in the summary %.500s", err, out)
	}
	if summary.Objects != n || summary.New != n || summary.Failed != 0 || summary.Already != 0 {
		t.Fatalf("the summary of an import of %d objects is %.500s", n, out)
	}
}
