package whole_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
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
	comesBack(t, trial.Objects(6, generated))
}

func TestRealContentComesBackByteForByte(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"attack-ics-21.json.gz", "attack-mobile-21.json.gz"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bundle, ok := trial.Shared(name)
			if !ok {
				trial.Lacks(t, name)
			}
			objects, err := taxii.SplitEnvelope(bundle)
			if err != nil {
				t.Fatal(err)
			}
			comesBack(t, objects)
		})
	}
}

// comesBack loads objects into one Collection over HTTP and into another with
// import, and reads both with every client in pages of several sizes.
func comesBack(t *testing.T, objects [][]byte) {
	s := trial.Start(t, "--empty")
	posted, imported := s.Collection(t, "indicators"), s.Collection(t, "reports")
	s.Load(t, "admin", posted, mostOctets(t, s)/8, objects...) // so that there are several envelopes
	importing(t, s, "trust/reports", objects)
	t.Run("read by Go", func(t *testing.T) {
		for i, limit := range []int{1, 7, 100, 1000} {
			for name, path := range map[string]string{"posted": posted, "imported": imported} {
				f := &trial.Follower{Server: s, Account: "admin", Path: path, Limit: limit, Query: trial.AllVersions}
				f.ByDate = i%2 == 0 == (name == "posted") // each size is read in both ways
				trial.Same(t, fmt.Sprintf("%s, limit %d, by date %v", name, limit, f.ByDate), trial.Walk(t, f), objects)
			}
		}
	})
	t.Run("read by curl", func(t *testing.T) {
		c := newCurl(t, s)
		trial.Same(t, "posted, limit 1", c.leap(t, posted, 1), objects)
		trial.Same(t, "imported, limit 7", c.leap(t, imported, 7), objects)
		trial.Same(t, "imported, limit 100", c.walk(t, imported, "objects", 100), objects)
		trial.Same(t, "posted, limit 1000", c.walk(t, posted, "objects", 1000), objects)
	})
}

// mostOctets is max_content_length of the default API Root.
func mostOctets(t *testing.T, s *trial.Server) int {
	t.Helper()
	var root taxii.APIRoot
	status(t, s.Get(t, "admin", s.DefaultRoot), 200).JSON(t, &root)
	return int(root.MaxContentLength)
}

// importing imports objects as a bundle, with gzip, in a file.
func importing(t *testing.T, s *trial.Server, to string, objects [][]byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bundle.json.gz")
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
	if err := os.WriteFile(file, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var summary struct {
		Objects, New, Failed int
		Already              int `json:"already_here"`
	}
	out := hansom(t, s.Dir, "", "import", file, "--to", to, "--json")
	if err := json.Unmarshal([]byte(out), &summary); err != nil {
		t.Fatalf("%v in the summary %.500s", err, out)
	}
	if n := len(objects); summary.Objects != n || summary.New != n || summary.Failed != 0 || summary.Already != 0 {
		t.Fatalf("the summary of an import of %d objects is %.500s", n, out)
	}
}
