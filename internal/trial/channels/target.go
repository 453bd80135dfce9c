package channels

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/internal/trial/broken"
)

// target is a server that is killed and started again on the same data.
type target interface {
	asked() *trial.Server
	run(t testing.TB) // returns once it serves
	kill(t testing.TB)
	pushes() *receiver // what it pushes Messages to; nil: nothing
	leapt() bool       // its clock went ahead with the last start, by more than the ttl
}

// account is who does everything: it may publish and follow.
const account = "member"

// real is the real binary.
type real struct {
	*trial.Server
	receiver *receiver
}

func startReal(t testing.TB, store string) target {
	t.Helper()
	r := real{receiver: newReceiver(t)}
	args := append([]string{"--empty"}, trial.Settings(t, r.receiver.settings(t)...)...)
	if store != "" {
		args = append(args, "--store", store)
	}
	r.Server = trial.Start(t, args...)
	body := []byte(`{"name":"` + broken.Channel + `","content_type":"*/*","ttl":60}`)
	if a := r.Request(t, account, http.MethodPost, "/trust/channels/", body); a.Status != http.StatusCreated {
		t.Fatalf("the channel: %d %s", a.Status, a.Body)
	}
	cmd := exec.Command(trial.Binary(t), "grant", "add", account, "push", "--on", "trust/channel/"+broken.Channel, "--data", r.Dir)
	cmd.Env = trial.Environ()
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the right to push: %v\n%s", err, text)
	}
	return r
}

func (r real) pushes() *receiver    { return r.receiver }
func (r real) leapt() bool          { return false }
func (r real) asked() *trial.Server { return r.Server }
func (r real) run(t testing.TB)     { t.Helper(); r.Run(t) }
func (r real) kill(t testing.TB)    { t.Helper(); r.Kill(t) }

// small is the server of package broken: this program, started again.
type small struct {
	trial.Server
	store string
	fault broken.Fault
	clock []time.Duration // by how much its clock is behind, start after start
	next  int
	cmd   *exec.Cmd
}

// serveWithin is how long it may take to serve on a busy machine.
const serveWithin = time.Minute

func startSmall(t testing.TB, store string, fault broken.Fault, clock ...time.Duration) target {
	t.Helper()
	s := &small{store: store, fault: fault, clock: clock}
	s.HTTP = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	if store == "" {
		s.store = filepath.Join(t.TempDir(), "hansom.db")
	}
	s.run(t)
	t.Cleanup(func() { s.kill(t) })
	return s
}

func (s *small) pushes() *receiver { return nil }

func (s *small) leapt() bool {
	n := len(s.clock)
	return n > 1 && s.next > 1 && s.clock[(s.next-1)%n] < s.clock[(s.next-2)%n]
}

func (s *small) asked() *trial.Server { return &s.Server }

func (s *small) run(t testing.TB) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ready := filepath.Join(t.TempDir(), "ready.json")
	args := []string{broken.Verb, "-store", s.store, "-ready", ready, "-fault", string(s.fault)}
	if len(s.clock) > 0 {
		args = append(args, "-back", s.clock[s.next%len(s.clock)].String())
		s.next++
	}
	s.cmd, s.Log = exec.Command(self, args...), new(bytes.Buffer)
	s.cmd.Env, s.cmd.Stderr = trial.Environ(), s.Log
	if _, err := s.cmd.StdinPipe(); err != nil { // it ends when this process does
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.await(t, ready)
}

// await waits for the ready file, which is written whole or not at all.
func (s *small) await(t testing.TB, file string) {
	t.Helper()
	for deadline := time.Now().Add(serveWithin); ; time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(file)
		if err == nil {
			s.Ready = trial.Ready{}
			if err := json.Unmarshal(text, &s.Ready); err != nil {
				t.Fatal(err)
			}
			return
		}
		if time.Now().After(deadline) {
			s.kill(t)
			t.Fatalf("the server does not serve after %v\n%s", serveWithin, s.Log)
		}
	}
}

func (s *small) kill(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Errorf("it ended before it was killed: %v\n%s", err, s.Log)
	}
	_ = s.cmd.Wait() // says that it was killed
	s.cmd = nil
}

// host is the address of a server.
func host(s *trial.Server) string {
	_, address, _ := strings.Cut(s.URL, "://")
	return strings.TrimSuffix(address, "/")
}
