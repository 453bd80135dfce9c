package whole_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// answeredWithin is how long an attack waits for the server: it is patience, not
// an expectation.
const answeredWithin = 30 * time.Second

// sends puts octets on a connection of TLS, just as they are, and reads all
// answers until the server closes it. What is sent must end so that it does: by
// "Connection: close", or by what the server refuses.
func sends(t *testing.T, s *trial.Server, octets string) []trial.Answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), answeredWithin)
	defer cancel()
	c, err := s.Dial(ctx, trial.Line{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(answeredWithin))
	var sent sync.WaitGroup
	sent.Go(func() { _, _ = io.WriteString(c, octets) }) // the server may have had enough before the end
	var answers []trial.Answer
	for from := bufio.NewReader(c); ; {
		r, err := http.ReadResponse(from, nil)
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%.200q: the connection stayed open after %d answers", octets, len(answers))
			}
			_ = c.Close()
			sent.Wait()
			return answers
		}
		text, _ := io.ReadAll(r.Body) // what is cut off is judged by what there is
		answers = append(answers, trial.Answer{Status: r.StatusCode, Header: r.Header, Body: text})
	}
}

// statuses are those of answers, such as "200 404".
func statuses(answers []trial.Answer) string {
	var list []string
	for _, a := range answers {
		list = append(list, fmt.Sprint(a.Status))
	}
	return strings.Join(list, " ")
}

// lasts makes a head the last of its connection.
const lasts = "Connection: close"

// outcome fails the test unless the statuses of all answers are one of those
// wanted.
func outcome(t *testing.T, what string, answers []trial.Answer, wanted ...string) {
	t.Helper()
	if got := statuses(answers); !slices.Contains(wanted, got) {
		t.Errorf("%s: answered %q, want one of %q", what, got, wanted)
	}
}
