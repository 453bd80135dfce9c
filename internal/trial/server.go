package trial

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// readyWithin is how long a server may take to serve; stopWithin how long to
	// end.
	readyWithin = 60 * time.Second
	stopWithin  = 35 * time.Second
)

// binary builds the program once for each process that tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "hansom-trial-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "hansom")
	build := exec.Command("go", "build", "-o", file, "github.com/hansom-taxii/hansom/cmd/hansom")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build hansom: %w\n%s", err, text)
	}
	return file, nil
})

// Binary gives the path of the built program.
func Binary(t testing.TB) string {
	t.Helper()
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// Environ is the environment without what steers tests: the program refuses
// variables HANSOM_... that are no settings of its own.
func Environ() []string {
	return slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return name == dataVariable || name == LongVariable || name == ClientsVariable || name == PostgresVariable
	})
}

// Ready is the ready file of `hansom demo`.
type Ready struct {
	URL         string `json:"url"`
	Discovery   string `json:"discovery"`
	CAFile      string `json:"ca_file"`
	DefaultRoot string `json:"default_root"`
	Accounts    []struct {
		Name     string `json:"name"`
		Password string `json:"password"`
		Role     string `json:"role"`
	} `json:"accounts"`
	Collections []struct {
		Root     string `json:"root"`
		ID       string `json:"id"`
		Alias    string `json:"alias"`
		Title    string `json:"title"`
		Readable bool   `json:"readable"`
		Writable bool   `json:"writable"`
	} `json:"collections"`
	Channels []struct {
		Root     string `json:"root"`
		Name     string `json:"name"`
		Readable bool   `json:"readable"`
		Writable bool   `json:"writable"`
	} `json:"channels"`
}

// Server is a demo server that a test started: the real binary, over TLS.
type Server struct {
	Ready
	Dir   string // its data directory
	Store string // its --store; "" in the data directory
	HTTP  *http.Client
	Log   *bytes.Buffer // what it wrote; read it after Stop

	args []string
	cmd  *exec.Cmd
	done chan error
}

// Start starts `hansom demo` on a free port and a new data directory, with
// further arguments, and stops it when the test ends.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := &Server{Dir: filepath.Join(t.TempDir(), "data"), args: args}
	s.Run(t)
	t.Cleanup(func() { s.Stop(t) })
	return s
}

// Run starts the server again on its data, after Stop or Kill.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready.json")
	args := append([]string{"demo", "--data", s.Dir, "--listen", "127.0.0.1:0", "--ready-file", ready}, s.args...)
	s.Log, s.done = new(bytes.Buffer), make(chan error, 1)
	s.cmd = exec.Command(Binary(t), args...)
	s.cmd.Env = Environ()
	s.cmd.Stdout, s.cmd.Stderr = s.Log, s.Log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.done <- s.cmd.Wait() }()
	s.await(t, ready)
	s.trust(t)
}

// await waits for the ready file. It is written whole or not at all.
func (s *Server) await(t testing.TB, file string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(readyWithin); ; <-tick.C {
		text, err := os.ReadFile(file)
		if err == nil {
			if err := json.Unmarshal(text, &s.Ready); err != nil {
				t.Fatalf("ready file: %v\n%s", err, text)
			}
			return
		}
		select {
		case err := <-s.done:
			s.cmd = nil
			t.Fatalf("the server ended before it served: %v\n%s", err, s.Log)
		default:
		}
		if time.Now().After(deadline) {
			s.Kill(t)
			t.Fatalf("the server does not serve after %v\n%s", readyWithin, s.Log)
		}
	}
}

func (s *Server) trust(t testing.TB) {
	t.Helper()
	if s.CAFile == "" { // it serves plain HTTP, as behind a proxy
		s.URL = strings.Replace(s.URL, "https:", "http:", 1)
		s.HTTP = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}, Timeout: 2 * time.Minute}
		return
	}
	ca, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	s.HTTP = &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 64, ForceAttemptHTTP2: false, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       2 * time.Minute,
	}
}

// Stop ends the server as an operator does, and fails the test if it does not
// end well within its time.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	select {
	case err := <-s.done:
		s.cmd = nil
		if err != nil {
			t.Errorf("the server ended with %v\n%s", err, s.Log)
		}
	case <-time.After(stopWithin):
		s.Kill(t)
		t.Errorf("the server did not end within %v", stopWithin)
	}
}

// Kill ends the server as a crash does.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	<-s.done
	s.cmd = nil
}

// PID is the number of the server's process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Password gives the password of an account of the demo.
func (s *Server) Password(t testing.TB, account string) string {
	t.Helper()
	for _, a := range s.Accounts {
		if a.Name == account {
			return a.Password
		}
	}
	t.Fatalf("the demo has no account %q", account)
	return ""
}

// Collection gives the path of a Collection of the demo by its alias, without a
// final slash.
func (s *Server) Collection(t testing.TB, alias string) string {
	t.Helper()
	for _, c := range s.Collections {
		if c.Alias == alias {
			return c.Root + "collections/" + c.ID
		}
	}
	t.Fatalf("the demo has no collection %q", alias)
	return ""
}

// Answer is an answer, read whole.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON reads the body of an answer.
func (a Answer) JSON(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal(a.Body, into); err != nil {
		t.Fatalf("%v in the answer %d %s", err, a.Status, a.Body)
	}
}

// Request sends a request as an account ("" for none) with the headers given as
// "Name: value", and reads the answer. Without an Accept header it sends the
// TAXII media type, and with a body the same as Content-Type.
func (s *Server) Request(t testing.TB, account, method, path string, body []byte, headers ...string) Answer {
	t.Helper()
	a, err := s.Try(t, account, method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// Get is Request with GET and no body.
func (s *Server) Get(t testing.TB, account, path string, headers ...string) Answer {
	t.Helper()
	return s.Request(t, account, http.MethodGet, path, nil, headers...)
}

// Post adds objects: a body to the objects of a path of a Collection.
func (s *Server) Post(t testing.TB, account, collection string, body []byte) Answer {
	t.Helper()
	return s.Request(t, account, http.MethodPost, collection+"/objects/", body)
}

// Try is Request for servers that may go away.
func (s *Server) Try(t testing.TB, account, method, path string, body []byte, headers ...string) (Answer, error) {
	t.Helper()
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	r, err := http.NewRequestWithContext(context.Background(), method, s.URL+path, reader)
	if err != nil {
		return Answer{}, err
	}
	r.Header.Set("Accept", "application/taxii+json;version=2.1")
	if body != nil {
		r.Header.Set("Content-Type", "application/taxii+json;version=2.1")
	}
	for _, h := range headers {
		name, value, _ := bytes.Cut([]byte(h), []byte(":"))
		r.Header.Del(string(name))
		if v := string(bytes.TrimSpace(value)); v != "" {
			r.Header.Set(string(name), v)
		}
	}
	if account != "" {
		r.SetBasicAuth(account, s.Password(t, account))
	}
	response, err := s.HTTP.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return Answer{response.StatusCode, response.Header, text}, err
}
