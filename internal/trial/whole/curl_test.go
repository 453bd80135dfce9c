package whole_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// curl is the program, which asks a server as the admin.
type curl struct {
	server *trial.Server
	common string // the part of its configuration that is the same for every call
}

func newCurl(t *testing.T, s *trial.Server) *curl {
	t.Helper()
	_, err := exec.LookPath("curl")
	trial.Need(t, err == nil, "curl")
	return &curl{s, fmt.Sprintf("silent\nshow-error\nfail\ngloboff\ncacert = %q\nuser = %q\nheader = %q\n",
		s.CAFile, "admin:"+s.Password(t, "admin"), "Accept: "+taxii.MediaType)}
}

// run calls curl once with further lines of configuration: passwords do not
// belong on a command line.
func (c *curl) run(t *testing.T, config []byte) []byte {
	t.Helper()
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "curl", "--config", "-")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(append([]byte(c.common), config...)), &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("curl: %v: %s%.300s", err, &complaints, &out)
	}
	return out.Bytes()
}

// walk reads objects or manifest by next, one call for each page: what the next
// page is called stands in the one before, and curl reads its configuration
// whole before it begins. It ends after most items, or with the last one.
func (c *curl) walk(t *testing.T, path, what string, limit, most int) (items [][]byte) {
	t.Helper()
	for next := ""; ; {
		page := c.run(t, fmt.Appendf(nil, "url = %q\n", fmt.Sprintf("%s%s/%s/?%s&limit=%d&next=%s", c.server.URL, path, what, trial.AllVersions, limit, next)))
		part, more, after, err := trial.SplitBody(page)
		if err != nil || len(part) > limit || more != (after != "") {
			t.Fatalf("a page of %d with more %v, next %q: %v", len(part), more, after, err)
		}
		items = append(items, part...)
		if next = after; !more || len(items) >= most {
			return items
		}
	}
}

// leap reads objects by date, all pages in one call, from the dates that the
// manifest gives.
func (c *curl) leap(t *testing.T, path string, limit int) (objects [][]byte) {
	t.Helper()
	records := c.walk(t, path, "manifest", 1000, math.MaxInt)
	dir, since := t.TempDir(), "1970-01-01T00:00:00Z"
	var config bytes.Buffer
	w := bufio.NewWriter(&config)
	file := func(i int) string { return filepath.Join(dir, fmt.Sprintf("%d.json", i)) }
	for i := 0; i < len(records); i += limit {
		fmt.Fprintf(w, "url = %q\noutput = %q\n", fmt.Sprintf("%s%s/objects/?%s&limit=%d&added_after=%s", c.server.URL, path, trial.AllVersions, limit, since), file(i))
		var last taxii.ManifestRecord
		if err := json.Unmarshal(records[min(i+limit, len(records))-1], &last); err != nil {
			t.Fatal(err)
		}
		since = last.DateAdded.String()
	}
	_ = w.Flush() // into memory
	c.run(t, config.Bytes())
	for i := 0; i < len(records); i += limit {
		page, err := os.ReadFile(file(i))
		if err != nil {
			t.Fatal(err)
		}
		part, more, _, err := trial.SplitBody(page)
		if err != nil || more != (i+limit < len(records)) {
			t.Fatalf("page at %d of %d: more is %v, %v", i, len(records), more, err)
		}
		objects = append(objects, part...)
	}
	return objects
}
