package whole_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// hansom runs a verb on the data directory of a server, with what it reads from
// standard input, and gives what it prints.
func hansom(t *testing.T, dir, input string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out, complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, trial.Binary(t), append(args, "--data", dir)...)
	cmd.Env = trial.Environ()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewBufferString(input), &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("hansom %q: %v\n%s%s", args, err, &out, &complaints)
	}
	return out.String()
}

// copied copies the data directory of a server that has been stopped, as
// docs/operate says, and gives where the copy is.
func copied(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "backup")
	if text, err := exec.CommandContext(t.Context(), "cp", "-a", dir, to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return to
}

// basic is the header with which an account shows its password.
func basic(name, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// know makes a password known to a test's server, so that it can ask as this
// account.
func know(s *trial.Server, name, password string) {
	a := s.Accounts[0]
	a.Name, a.Password, a.Role = name, password, ""
	s.Accounts = append(s.Accounts, a)
}

// effective is how long a change of administration may take to be seen.
const effective = time.Second

// soon waits until an answer has the status that a change is to bring.
func soon(t *testing.T, what string, want int, ask func() trial.Answer) trial.Answer {
	t.Helper()
	for deadline := time.Now().Add(effective); ; {
		a := ask()
		if a.Status == want {
			return a
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %d after %v, want %d: %.300s", what, a.Status, effective, want, a.Body)
		}
	}
}

// bells wake those who wait for something to be there.
type bells struct {
	mu    sync.Mutex // guards rings and ended
	rings []chan struct{}
	ended bool
}

// listen gives a channel that has something in it after each ring, and is
// closed by end.
func (b *bells) listen() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := make(chan struct{}, 1)
	if b.ended {
		close(c)
	}
	b.rings = append(b.rings, c)
	return c
}

func (b *bells) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.rings {
		select {
		case c <- struct{}{}:
		default: // it has not yet looked at the last
		}
	}
}

func (b *bells) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	for _, c := range b.rings {
		close(c)
	}
}

// followed is what a follower saw until what it waited for had ended.
type followed struct {
	*trial.Follower
	name    string
	objects [][]byte
	err     error
}

// follow reads on, again after each ring, and once more after the end.
func (f *followed) follow(t *testing.T, ring <-chan struct{}) {
	for {
		_, going := <-ring
		objects, err := f.Rest(t)
		f.objects = append(f.objects, objects...)
		if err != nil || !going {
			f.err = err
			return
		}
	}
}

// identity is a small object of its own, in a version of its own.
func identity(group, number, version int) []byte {
	return fmt.Appendf(nil, `{"type":"identity", "spec_version":"2.1", "id":"identity--%08x-0000-4000-8000-%012x",`+
		` "created":"2020-01-01T00:00:00.000Z", "modified":"2021-01-01T00:%02d:%02d.000Z", "name":"n\u00e9 %d", "x_n": 1.50}`,
		group, number, version/60, version%60, version)
}

// identityID is the id of such an object.
func identityID(group, number int) string {
	return fmt.Sprintf("identity--%08x-0000-4000-8000-%012x", group, number)
}

// identityVersion is one of its versions.
func identityVersion(version int) string {
	return fmt.Sprintf("2021-01-01T00:%02d:%02d.000Z", version/60, version%60)
}

// status fails the test if an answer has another status than it should.
func status(t *testing.T, a trial.Answer, want int) trial.Answer {
	t.Helper()
	if a.Status != want {
		t.Fatalf("the answer is %d %s, want %d: %.300s", a.Status, http.StatusText(a.Status), want, a.Body)
	}
	return a
}
