package whole_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// TestAnyServerIsMeasuredByTheVerb measures the demo, as an account that may add
// to the Collection that it reads.
func TestAnyServerIsMeasuredByTheVerb(t *testing.T) {
	t.Parallel()
	s := trial.Start(t)
	word := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(word, []byte(s.Password(t, "member")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--account", "member", "--password-file", word, "--ca", s.CAFile, "--collection", "indicators", "--connections", "1,3", "--for", "20ms"}
	text := hansom(t, s.Dir, "", append([]string{"bench", s.URL, "--writable", "indicators", "--json"}, flags...)...)
	var rows []struct {
		Workload    string
		Size        int
		Connections int
		Requests    int
		Objects     int
	}
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	seen := map[string]int{}
	for _, r := range rows {
		seen[r.Workload]++
		if r.Requests < r.Connections || (r.Workload == "poll") != (r.Objects == 0) {
			t.Errorf("got %+v", r)
		}
	}
	if len(rows) != 18 || seen["pages"] != 4 || seen["add"] != 6 || seen["manifest"] != 2 {
		t.Errorf("measured %v", seen)
	}
	text = hansom(t, s.Dir, "", append([]string{"bench", s.URL + "/" + strings.Trim(s.DefaultRoot, "/") + "/"}, flags...)...)
	if lines := strings.Split(strings.TrimSpace(text), "\n"); len(lines) != 13 || !strings.HasPrefix(lines[0], "WORKLOAD") || !strings.HasPrefix(lines[1], "pages of 100 ") {
		t.Errorf("got\n%s", text)
	}
	refused := exec.CommandContext(t.Context(), trial.Binary(t), append([]string{"bench", s.URL, "--writable", "reports"}, flags...)...)
	refused.Env = trial.Environ()
	if out, err := refused.CombinedOutput(); err == nil || !strings.Contains(string(out), "may not both read and write") {
		t.Errorf("got %v\n%s", err, out)
	}
}
