package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// shared is output that is read while it is written.
type shared struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// until waits for a text.
func (s *shared) until(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !strings.Contains(s.String(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%q did not come: %s", text, s)
		}
	}
}

func TestAFollowerGoesOnOverARestartOfTheServer(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	server := trial.Start(t, "--empty", "--listen", address)
	publish := func(id string) {
		body := []byte(`{"objects":[{"type":"x-a","id":"` + id + `"}]}`)
		if got := server.Request(t, "member", http.MethodPost, "/trust/channels/alerts/messages/", body); got.Status != http.StatusAccepted {
			t.Fatalf("got %d %s", got.Status, got.Body)
		}
	}
	publish("x-a--1")
	state, password := filepath.Join(t.TempDir(), "place.json"), server.Password(t, "member")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, errs, code := &shared{}, &shared{}, make(chan int)
	follow := func(out *shared, more ...string) int {
		a := &app{in: strings.NewReader(password), out: out, err: errs}
		return a.run(ctx, append([]string{"follow", server.URL + "/trust/channels/alerts/", "--account", "member", "--ca", server.CAFile, "--state", state}, more...))
	}
	go func() { code <- follow(out, "--from", "earliest") }()
	out.until(t, "x-a--1")
	server.Kill(t)
	errs.until(t, "again in")
	server.Run(t)
	publish("x-a--2")
	out.until(t, "x-a--2")
	stop()
	if got := <-code; got != exitDone {
		t.Errorf("exit code %d, %s", got, errs)
	}
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 2 || !strings.Contains(lines[0], "x-a--1") {
		t.Errorf("got %s", out)
	}

	// And the next one goes on where that stopped, and nobody beside it from the same place.
	publish("x-a--3")
	ctx = t.Context()
	again := &shared{}
	if got := follow(again, "--once"); got != exitDone || strings.Count(again.String(), "\n") != 1 || !strings.Contains(again.String(), "x-a--3") {
		t.Errorf("exit code %d, %s%s", got, again, errs)
	}
	p, err := (&following{state: state}).openState(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	if got := follow(again, "--once"); got != exitFailed || !strings.Contains(errs.String(), "another hansom follow keeps its place in") {
		t.Errorf("exit code %d, %s", got, errs)
	}
}

func TestALineOfJSONHasTheContentAsItWasPublished(t *testing.T) {
	m := taxii.Message{
		ID: "1", Cursor: "c", Type: "envelope", MediaType: "application/json", Size: 9,
		Content: jsontext.Value("{ \"a\":\r\n \"<&>\\u00e9\\n\", \"n\":1.0}"),
	}
	line, err := messageLine(m)
	want := `{"id":"1","cursor":"c","published":"1970-01-01T00:00:00.000000Z","type":"envelope","media_type":"application/json","size":9,"content":{ "a":   "<&>\u00e9\n", "n":1.0}}` + "\n"
	if err != nil || string(line) != want || string(m.Content[:8]) != "{ \"a\":\r\n" {
		t.Errorf("got %s, %v", line, err)
	}
	m.Content, m.ContentBase64 = nil, []byte("abc")
	line, err = messageLine(m)
	if err != nil || !json.Valid(line) || !strings.HasSuffix(string(line), `,"content_base64":"YWJj"}`+"\n") {
		t.Errorf("got %s, %v", line, err)
	}
}

func TestALineForPeopleSaysWhatIsInside(t *testing.T) {
	for content, want := range map[string]string{
		`{"objects":[{"type":"indicator","id":"i--1","name":"A"},{"type":"ipv4-addr","id":"a--1","value":"v"},{"type":"x","id":"x--1"},{},{}]}`: `indicator "A", ipv4-addr "v", x--1, 2 more`,
		`null`: "",
	} {
		if got := inside(taxii.Message{MediaType: taxii.MediaType, Content: jsontext.Value(content)}); got != want {
			t.Errorf("got %s", got)
		}
	}
	var out bytes.Buffer
	f := &following{reach: reach{a: &app{out: &out}}}
	m := taxii.Message{ID: "1", Type: "chat\x1b[2J\n", MediaType: "text/plain", Size: 7, Publisher: "alice"}
	if err := f.printText(t.Context(), m); err != nil || out.String() != "1970-01-01 00:00:00Z  chat\ufffd[2J   by alice  7 octets of text/plain  1\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

func TestAPlaceIsOfOneChannelAccountAndSelection(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range []state{
		{URL: "a"}, {URL: "b"}, {URL: "a", Account: "x"}, {URL: "a", Selector: map[string][]string{"type": {"x"}}},
		{URL: "a", Selector: map[string][]string{"type": {"x", "y"}}}, {URL: "a", Selector: map[string][]string{"id": {"x"}}},
	} {
		seen[s.key()] = true
	}
	if len(seen) != 6 {
		t.Errorf("%d keys for 6 places", len(seen))
	}
}
