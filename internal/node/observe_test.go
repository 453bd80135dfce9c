package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/api"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// journal is a log that can be read while it is written.
type journal struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// watch is a server whose handler is observed.
func watch(t *testing.T, next http.HandlerFunc) (*httptest.Server, *journal) {
	t.Helper()
	j := &journal{}
	log := slog.New(slog.NewJSONHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o := &observer{next: next, fail: api.Failing(log, basicOnly), log: log, stall: time.Minute, body: time.Minute, most: 10}
	s := httptest.NewServer(o)
	t.Cleanup(s.Close)
	return s, j
}

func get(t *testing.T, s *httptest.Server) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer, string(text), err
}

const why = "the abacus has lost a bead"

func TestAPanicIsA500WhoseCauseIsInTheLogOnce(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K17", "R154", "R157", "R159")
	for _, failed := range []any{why, errors.New(why)} {
		s, j := watch(t, func(http.ResponseWriter, *http.Request) { panic(failed) })
		answer, text, err := get(t, s)
		if err != nil {
			t.Fatal(err)
		}
		var e taxii.Error
		if err := json.Unmarshal([]byte(text), &e); err != nil || answer.StatusCode != http.StatusInternalServerError ||
			e.HTTPStatus != "500" || e.ID == "" || answer.Header.Get("Content-Type") != taxii.MediaType {
			t.Errorf("%s %v %s", answer.Status, answer.Header, text)
		}
		if strings.Contains(text, "bead") || strings.Contains(text, "goroutine") {
			t.Errorf("the peer is told the cause: %s", text)
		}
		// It was there three times.
		if n := strings.Count(j.String(), why); n != 1 {
			t.Errorf("the cause is in the log %d times:\n%s", n, j)
		}
		wantLine(t, j, "request failed", map[string]any{"error_id": e.ID, "request_id": answer.Header.Get("X-Request-Id"), "status": 500.0})
		wantLine(t, j, "request", map[string]any{"request_id": answer.Header.Get("X-Request-Id"), "status": 500.0})
		if !strings.Contains(j.String(), "observe_test.go") {
			t.Error("the log does not say where it failed")
		}
	}
}

// wantLine fails the test unless the log has one line of this message, with
// these values.
func wantLine(t *testing.T, j *journal, message string, want map[string]any) {
	t.Helper()
	found := 0
	for text := range strings.Lines(j.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		if line["msg"] != message {
			continue
		}
		found++
		for key, value := range want {
			if line[key] != value {
				t.Errorf("%s: %s is %v, want %v", message, key, line[key], value)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d lines %q in the log:\n%s", found, message, j)
	}
}

func TestAPanicInTheMiddleOfAnAnswerCutsItOff(t *testing.T) {
	t.Parallel()
	s, j := watch(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, strings.Repeat("x", 10_000))
		panic(why)
	})
	if answer, text, err := get(t, s); err == nil {
		t.Errorf("%s with %d octets looks like a whole answer", answer.Status, len(text))
	}
	if n := strings.Count(j.String(), why); n != 1 {
		t.Errorf("the cause is in the log %d times:\n%s", n, j)
	}
}

func TestTheCauseOfAFailureIsInTheLogAndNotInTheAnswer(t *testing.T) {
	t.Parallel()
	for what, err := range map[string]error{
		"one that nobody named": errors.New(why),
		"one that has a name":   taxii.Errorf(taxii.Full, "the disk is full").Because(errors.New(why)),
	} {
		var fail func(http.ResponseWriter, *http.Request, error)
		s, j := watch(t, func(w http.ResponseWriter, r *http.Request) { fail(w, r, err) })
		fail = api.Failing(slog.New(slog.NewJSONHandler(j, nil)), basicOnly)
		_, text, failed := get(t, s)
		if failed != nil {
			t.Fatal(failed)
		}
		if n := strings.Count(j.String(), why); n != 1 || strings.Contains(text, why) {
			t.Errorf("%s: the cause is in the log %d times:\n%s\nthe answer is %s", what, n, j, text)
		}
	}
}

func TestTheSizeOfHeadersCountsAllOfThem(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, "/taxii2/?a=b", nil)
	r.Host = "taxii.example.com"
	r.Header = http.Header{"A": {"1", "22"}, "Bcd": {""}}
	want := len("GET") + len("/taxii2/?a=b") + len("taxii.example.com") + len("A: 1\r\n") + len("A: 22\r\n") + len("Bcd: \r\n")
	if got := headerSize(r); got != want {
		t.Errorf("%d, want %d", got, want)
	}
}

// basicOnly is what is offered where there is no door.
func basicOnly(*http.Request) []string { return []string{"Basic"} }
