package whole_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// scripts holds one Python program for each client, and the versions of all.
const scripts = "testdata/python"

const (
	// installWithin bounds the making of the environment, with all that is loaded.
	installWithin = 3 * time.Minute
	// talkWithin bounds what one client does: a wrong answer makes some ask for ever.
	talkWithin = 3 * time.Minute
)

// environment makes the Python environment of the clients once for each process
// that tests.
var environment = sync.OnceValues(func() (string, error) {
	requirements, err := os.ReadFile(filepath.Join(scripts, "requirements.txt"))
	if err != nil {
		return "", err
	}
	version, err := exec.Command("python3", "-VV").Output()
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	key := sha256.Sum256(append(version, requirements...))
	dir := filepath.Join(cache, "hansom-ci", fmt.Sprintf("clients-%x", key[:8]))
	if usable(dir) {
		return dir, nil
	}
	return dir, install(dir)
})

// install makes the environment beside where it is to be, so that what is there
// is whole, whoever else makes it at the same time.
func install(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), installWithin)
	defer cancel()
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		return err
	}
	beside, err := os.MkdirTemp(filepath.Dir(dir), "clients-new-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(beside) }() // gone, if it has been moved
	for _, args := range [][]string{
		{"python3", "-m", "venv", beside},
		{filepath.Join(beside, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
			"--requirement", filepath.Join(scripts, "requirements.txt")},
		{filepath.Join(beside, "bin", "python"), "-m", "pip", "check", "--disable-pip-version-check"},
	} {
		if text, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%q: %w\n%s", args, err, text)
		}
	}
	if os.Rename(beside, dir) == nil || usable(dir) {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil { // it was left behind by a Python that is no longer there
		return err
	}
	return os.Rename(beside, dir)
}

// usable tells whether there is an environment that has the clients.
func usable(dir string) bool {
	return exec.Command(filepath.Join(dir, "bin", "python"), "-c", "import cytaxii2, stix2, taxii2client").Run() == nil
}

// python gives a Python that has the clients, kept from run to run.
func python(t *testing.T) string {
	t.Helper()
	trial.Asked(t, trial.ClientsVariable)
	dir, err := environment()
	if err != nil {
		t.Log(err)
	}
	trial.Need(t, err == nil, "Python 3 with venv, and a pip that reaches what "+scripts+"/requirements.txt names")
	return filepath.Join(dir, "bin", "python")
}

// The clients of others that can be had as packages, each against a server of
// its own. They trust the server's own CA and nothing else.
func TestClientsOfOthersReadAndWriteAllThatTheyCan(t *testing.T) {
	t.Parallel()
	for _, client := range []struct {
		script  string
		objects int // that it is to add
	}{
		{"taxii2_client.py", 400}, {"cytaxii2_client.py", 400}, {"stix2_client.py", 0},
	} {
		t.Run(client.script, func(t *testing.T) {
			t.Parallel()
			program := python(t)
			s := trial.Start(t)
			ctx, cancel := context.WithTimeout(t.Context(), talkWithin)
			defer cancel()
			cmd := exec.CommandContext(ctx, program, filepath.Join(scripts, client.script), about(t, s, client.objects))
			// One client has no setting for a CA, and takes the variable; nothing is written beside the scripts.
			cmd.Env = append(trial.Environ(), "REQUESTS_CA_BUNDLE="+s.CAFile, "CURL_CA_BUNDLE=", "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
		})
	}
}

// about writes what a script is told (testdata/python/wanted.py) into a file.
func about(t *testing.T, s *trial.Server, objects int) string {
	t.Helper()
	dir := t.TempDir()
	about := map[string]any{
		"url": s.URL, "ca": s.CAFile, "user": "member", "password": s.Password(t, "member"), "default_root": s.DefaultRoot,
		"content": filepath.Join(dir, "content.json"),
	}
	visible := [][]any{}
	for _, c := range s.Collections {
		if c.Readable || c.Writable {
			visible = append(visible, []any{c.ID, c.Title, c.Alias, c.Readable, c.Writable})
		}
		switch {
		case c.Readable && c.Writable:
			about["collection"] = c.ID
		case c.Readable:
			about["readonly"] = c.ID
		case c.Writable:
			about["writeonly"] = c.ID
		}
	}
	about["collections"] = visible
	write(t, filepath.Join(dir, "content.json"), trial.Envelope(trial.Objects(21, objects)...))
	text, err := json.Marshal(about)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "about.json"), text)
	return filepath.Join(dir, "about.json")
}
