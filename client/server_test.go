package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// script is a server whose answers are written down: each request gets the next.
type script struct {
	mu      sync.Mutex // guards what follows
	answers []answering
	asked   []string // "METHOD PATH?QUERY", and of the headers those that matter
	bodies  []string
	waits   []time.Duration // of the client
}

type answering func(w http.ResponseWriter, r *http.Request)

// play starts the script, and gives a client for it, which does not really wait.
func play(t *testing.T, o Options, answers ...answering) (*Client, *script) {
	t.Helper()
	s := &script{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := New(server.URL+"/trust/", o)
	if err != nil {
		t.Fatal(err)
	}
	c.sleep = func(ctx context.Context, d time.Duration) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waits = append(s.waits, d)
		return ctx.Err()
	}
	return c, s
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	line := r.Method + " " + r.URL.RequestURI()
	for _, name := range []string{"Last-Event-ID", "Range", "Idempotency-Key", "X-Max-Size"} {
		if v := r.Header.Get(name); v != "" {
			line += " " + name + ":" + v
		}
	}
	s.mu.Lock()
	s.asked, s.bodies = append(s.asked, line), append(s.bodies, string(body))
	next := tell(http.StatusTeapot, "the script is at its end")
	if len(s.answers) > 0 {
		next, s.answers = s.answers[0], s.answers[1:]
	}
	s.mu.Unlock()
	next(w, r)
}

// saw compares the requests.
func (s *script) saw(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.asked, want) {
		t.Errorf("asked\n  %s\nwant\n  %s", strings.Join(s.asked, "\n  "), strings.Join(want, "\n  "))
	}
}

// tell answers with an error resource, or with a status alone.
func tell(status int, title string, headers ...string) answering {
	text := ""
	if title != "" {
		text = fmt.Sprintf(`{"title":%q,"http_status":"%d"}`, title, status)
	}
	return say(status, text, headers...)
}

// say answers with JSON and headers "Name: value".
func say(status int, text string, headers ...string) answering {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", taxii.MediaType)
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// stream answers with an event stream, and breaks it off or closes it.
func stream(text string, broken bool) answering {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, text)
		w.(http.Flusher).Flush()
		if broken {
			panic(http.ErrAbortHandler)
		}
	}
}

// message is a Message as a resource, and as an event.
func message(id, cursor string) string {
	return fmt.Sprintf(`{"id":%q,"cursor":%q,"published":"2026-03-01T10:00:00.000001Z","type":"envelope","media_type":%q,"size":14,"content":{"objects":[]}}`,
		id, cursor, taxii.MediaType)
}

func happening(id, cursor string) string {
	return "id: " + cursor + "\nevent: message\ndata: " + message(id, cursor) + "\n\n"
}

// followed runs a follower until it has so many Messages, or ends, and gives what
// it got, a word for each.
func followed(t *testing.T, c *Client, o Following, most int) (got []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	o.Progress = func(at string) { got = append(got, "at "+at) }
	n := 0
	for m, err := range c.Follow(ctx, "alerts", o) {
		if err != nil {
			got = append(got, "error "+err.Error())
			continue
		}
		got = append(got, m.ID)
		if n++; n == most {
			break
		}
	}
	return got
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
