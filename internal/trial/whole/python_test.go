package whole_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// TestTheDemosCommandsWorkAsPrinted copies what the demo prints into a shell.
func TestTheDemosCommandsWorkAsPrinted(t *testing.T) {
	trial.Covers(t, "K24")
	t.Parallel()
	_, err := exec.LookPath("curl")
	trial.Need(t, err == nil, "curl")
	printed, ready := demonstration(t)
	var calls [][]byte
	for line := range bytes.Lines(printed) {
		if bytes.HasPrefix(line, []byte("curl -sS -w ")) { // the one that follows a Channel does not end
			calls = append(calls, line)
		}
	}
	if len(calls) != 5 {
		t.Fatalf("%d calls of curl are printed:\n%s", len(calls), printed)
	}
	var discovery struct{ Title, Default string }
	shell(t, t.TempDir(), calls[0], &discovery)
	if discovery.Title == "" || discovery.Default != ready.URL+ready.DefaultRoot {
		t.Errorf("discovery is %+v", discovery)
	}
	var list struct{ Collections []struct{ ID string } }
	if shell(t, t.TempDir(), calls[1], &list); len(list.Collections) != 3 {
		t.Errorf("the member sees %d collections", len(list.Collections))
	}
	var page struct{ Objects []json.RawMessage }
	if shell(t, t.TempDir(), calls[2], &page); len(page.Objects) != 3 {
		t.Errorf("a page of %d objects", len(page.Objects))
	}
	var added struct {
		Status  string
		Success int `json:"success_count"`
	}
	if shell(t, t.TempDir(), calls[3], &added); added.Status != "complete" || added.Success != 1 {
		t.Errorf("the Status is %+v", added)
	}
	var published taxii.Status
	if shell(t, t.TempDir(), calls[4], &published); published.SuccessCount != 1 || published.Successes[0].Disposition != taxii.Accepted {
		t.Errorf("the Status of what was published is %+v", published)
	}
	t.Run("Python", func(t *testing.T) {
		python(t) // tells whether there is one that can install it
		at := bytes.Index(printed, []byte("\npython3 -m venv"))
		if at < 0 {
			t.Fatalf("nothing for Python is printed:\n%s", printed)
		}
		out := shell(t, t.TempDir(), printed[at:], nil)
		for _, c := range ready.Collections {
			if seen := bytes.Contains(out, []byte(c.Title)); seen != (c.Readable || c.Writable) {
				t.Errorf("that %q is listed is %v", c.Title, seen)
			}
		}
		if !bytes.Contains(out, []byte("--")) {
			t.Errorf("no ids are listed:\n%s", out)
		}
	})
}

// demonstration starts a demo of which all is kept that it prints.
func demonstration(t *testing.T) ([]byte, trial.Ready) {
	t.Helper()
	dir := t.TempDir()
	readyFile := filepath.Join(dir, "ready.json")
	out, err := os.Create(filepath.Join(dir, "printed"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }() // the demo has its own
	cmd := exec.Command(trial.Binary(t), "demo", "--data", filepath.Join(dir, "it's data"), "--listen", "127.0.0.1:0", "--ready-file", readyFile)
	cmd.Env, cmd.Stdout, cmd.Stderr = trial.Environ(), out, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-tick.C {
		printed, err := os.ReadFile(out.Name())
		if err == nil && bytes.HasSuffix(printed, []byte("\nEOF\n")) {
			return printed, readyAt(t, readyFile)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v; printed is %s", err, printed)
		}
	}
}

// readyAt reads a ready file, which only its owner may read.
func readyAt(t *testing.T, file string) (ready trial.Ready) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the ready file has mode %v", info.Mode())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&ready); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return ready
}

// shell runs text as it stands, and reads the JSON that it prints, if that is
// wanted.
func shell(t *testing.T, dir string, text []byte, into any) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, "sh")
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, bytes.NewReader(text), &out, &complaints
	err := cmd.Run()
	if err == nil && into != nil {
		if err = json.Unmarshal(out.Bytes(), into); err != nil {
			err = fmt.Errorf("%w in what it prints", err)
		}
	}
	if err != nil {
		t.Fatalf("%s\n%v: %s%s", text, err, &out, &complaints)
	}
	return out.Bytes()
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
