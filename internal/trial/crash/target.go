package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/internal/trial/broken"
)

// target is a server that is killed and started again on the same data. It runs
// when it is made.
type target interface {
	asked() *trial.Server // for requests
	run(t testing.TB)     // returns once it serves
	kill(t testing.TB)
	stop(t testing.TB)
	stillborn(t testing.TB, life time.Duration) // starts it and kills it so soon after that
	place() string                              // of its database, for store.Open
	complaints() []string                       // of its log, once it has ended
	// operate runs a verb of the command line on it; nil where it has none.
	operate() func(ctx context.Context, input string, args ...string) error
}

// demo is the real binary.
type demo struct {
	*trial.Server
	store  string // as --store takes it; "" for the file in its data directory
	binary string
	said   []string
}

func startDemo(t testing.TB, place string) *demo {
	t.Helper()
	d := &demo{store: place, binary: trial.Binary(t)} // built before the first start is timed
	d.Server = trial.Start(t, d.args()...)
	return d
}

func (d *demo) args() []string {
	if d.store == "" {
		return []string{"--empty"}
	}
	return []string{"--empty", "--store", d.store}
}

func (d *demo) asked() *trial.Server { return d.Server }
func (d *demo) run(t testing.TB)     { d.Run(t) }
func (d *demo) kill(t testing.TB)    { d.Kill(t); d.listen() }
func (d *demo) stop(t testing.TB)    { d.Stop(t); d.listen() }

func (d *demo) stillborn(t testing.TB, life time.Duration) {
	t.Helper()
	args := append([]string{"demo", "--data", d.Dir, "--listen", "127.0.0.1:0", "--ready-file", filepath.Join(t.TempDir(), "ready.json")}, d.args()...)
	killed(t, exec.Command(d.binary, args...), life)
}

// killed starts a program, and ends it a while later with SIGKILL.
func killed(t testing.TB, cmd *exec.Cmd, life time.Duration) {
	t.Helper()
	cmd.Env = trial.Environ()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(life)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatalf("it ended before it was killed: %v", err)
	}
	_ = cmd.Wait() // says that it was killed
}

func (d *demo) place() string {
	if d.store != "" {
		return d.store
	}
	return filepath.Join(d.Dir, "hansom.db")
}

// listen keeps the lines of the log in which the server speaks of a failure of
// its own.
func (d *demo) listen() { d.said = append(d.said, failures(d.Log)...) }

func failures(log *bytes.Buffer) (lines []string) {
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, "level=ERROR") || strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func (d *demo) complaints() []string { return d.said }

func (d *demo) operate() func(ctx context.Context, input string, args ...string) error {
	return func(ctx context.Context, input string, args ...string) error {
		cmd := exec.CommandContext(ctx, d.binary, append(args, "--data", d.Dir)...)
		cmd.Env, cmd.Stdin = trial.Environ(), strings.NewReader(input)
		text, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, text)
		}
		return nil
	}
}

// brokenServer is the server of package broken: this program, started again.
type brokenServer struct {
	*trial.Server
	database string
	fault    broken.Fault
	back     []time.Duration // by how much the clock is behind, start after start
	starts   int
	log      *bytes.Buffer
	cmd      *exec.Cmd
	hold     io.Closer // it ends when this is closed
	said     []string
}

func startBroken(t testing.TB, place string, fault broken.Fault, back []time.Duration) *brokenServer {
	t.Helper()
	b := &brokenServer{Server: &trial.Server{HTTP: &http.Client{Timeout: time.Minute}}, database: place, fault: fault, back: back}
	if place == "" {
		b.database = filepath.Join(t.TempDir(), "hansom.db")
	}
	b.run(t)
	t.Cleanup(func() { b.stop(t) })
	return b
}

func (b *brokenServer) asked() *trial.Server { return b.Server }
func (b *brokenServer) place() string        { return b.database }
func (b *brokenServer) complaints() []string { return b.said }

func (b *brokenServer) operate() func(context.Context, string, ...string) error { return nil }

func (b *brokenServer) command(t testing.TB, ready string) (*exec.Cmd, io.Closer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{broken.Verb, "-store", b.database, "-ready", ready, "-fault", string(b.fault)}
	if len(b.back) > 0 {
		args = append(args, "-back", b.back[b.starts%len(b.back)].String())
		b.starts++
	}
	cmd := exec.Command(self, args...)
	hold, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	return cmd, hold
}

func (b *brokenServer) run(t testing.TB) {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready.json")
	b.cmd, b.hold = b.command(t, ready)
	b.log = new(bytes.Buffer)
	b.cmd.Env, b.cmd.Stderr = trial.Environ(), b.log
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b.Accounts, b.Collections = nil, nil
	b.await(t, ready)
}

// end waits until the server has ended.
func (b *brokenServer) end() error {
	err := b.cmd.Wait()
	b.said = append(b.said, failures(b.log)...)
	b.cmd = nil
	b.HTTP.CloseIdleConnections()
	return err
}

func (b *brokenServer) kill(t testing.TB) {
	t.Helper()
	if err := b.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = b.end() // says that it was killed
}

func (b *brokenServer) stop(t testing.TB) {
	t.Helper()
	if b.cmd == nil {
		return
	}
	if err := b.hold.Close(); err != nil {
		t.Error(err)
	}
	if err := b.end(); err != nil {
		t.Errorf("the server ended with %v\n%s", err, b.log)
	}
}

func (b *brokenServer) stillborn(t testing.TB, life time.Duration) {
	t.Helper()
	cmd, _ := b.command(t, filepath.Join(t.TempDir(), "ready.json"))
	killed(t, cmd, life)
}

// faultsOf lets a store check itself, once its server has ended.
func faultsOf(t testing.TB, place string) []string {
	t.Helper()
	s, err := store.Open(context.Background(), place, store.Options{})
	if err != nil {
		return []string{"the store does not open: " + err.Error()}
	}
	faults, err := s.Check(context.Background())
	if err != nil {
		faults = append(faults, err.Error())
	}
	if err := s.Close(); err != nil {
		faults = append(faults, err.Error())
	}
	return faults
}
