package node_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/node"
)

const channel = "/trust/channels/alerts/"

// tell publishes one Message of so many octets.
func (s *served) tell(t *testing.T, octets int) {
	t.Helper()
	r := s.request(t, "POST", channel+"messages/", strings.Repeat("x", octets))
	r.Header.Set("Content-Type", "text/plain")
	if answer, text := s.do(t, r); answer.StatusCode != http.StatusAccepted {
		t.Fatalf("%s %s", answer.Status, text)
	}
}

// follow opens an event stream as alice and gives its lines.
func (s *served) follow(t *testing.T, client *http.Client) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r := s.request(t, "GET", channel+"messages/", "").WithContext(ctx)
	r.Header.Set("Accept", "text/event-stream")
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
	lines := make(chan string, 1000)
	go func() {
		defer answer.Body.Close()
		defer close(lines)
		for text := bufio.NewReader(answer.Body); ; {
			line, err := text.ReadString('\n')
			if err != nil {
				return
			}
			lines <- strings.TrimSpace(line)
		}
	}()
	if line := nextLine(t, lines); line != "retry: 3000" {
		t.Fatalf("the first line is %q", line)
	}
	return lines
}

func nextLine(t *testing.T, lines <-chan string) string {
	t.Helper()
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return "(the end)"
			}
			if line != "" {
				return line
			}
		case <-time.After(30 * time.Second):
			t.Fatal("nothing comes")
		}
	}
}

// lineWith waits for a line that begins so.
func lineWith(t *testing.T, lines <-chan string, prefix string) string {
	t.Helper()
	for {
		line := nextLine(t, lines)
		if strings.HasPrefix(line, prefix) {
			return line
		}
		if line == "(the end)" {
			t.Fatalf("the stream ended before %q", prefix)
		}
	}
}

func (s *served) overHTTP2() *http.Client {
	transport := s.http.Transport.(*http.Transport).Clone()
	transport.ForceAttemptHTTP2 = true
	return &http.Client{Transport: transport}
}

func TestAStreamWithoutTrafficOutlivesTheTimeOfAWrite(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *node.Config) { c.StallTimeout, c.IdleTimeout = 200*time.Millisecond, 200*time.Millisecond })
	h2 := s.overHTTP2()
	t.Cleanup(h2.CloseIdleConnections)
	one, two := s.follow(t, &http.Client{Transport: s.http.Transport}), s.follow(t, h2)
	for range 3 {
		time.Sleep(500 * time.Millisecond) // longer than every time-out of the server
		s.tell(t, 10)
		lineWith(t, one, "event: message")
		lineWith(t, two, "event: message")
	}
}

func TestAStreamThatTakesNothingIsClosedAndHindersNobody(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *node.Config) { c.StallTimeout, c.MaxStreamsPerAccount = 500*time.Millisecond, 2 })
	c := s.dial(t, small)
	request := strings.Replace(head("alice", "GET", channel+"messages/"), "application/taxii+json;version=2.1", "text/event-stream", 1)
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	if err := begun(c); err != nil {
		t.Fatal(err)
	}
	lines := s.follow(t, &http.Client{Transport: s.http.Transport})
	closed := func() bool { return strings.Contains(s.log.String(), `"path":"`+channel+`messages/","status":200`) }
	for i := range 200 {
		if s.tell(t, 100_000); closed() {
			t.Logf("closed after %d messages", i+1)
			break
		}
		lineWith(t, lines, "event: message")
	}
	await(t, "the stream to be closed", 30*time.Second, closed)
	s.follow(t, &http.Client{Transport: s.http.Transport})
}

// Over HTTP/2 the connection goes on: the stream alone is ended, and with it what
// it holds.
func TestAStreamOverHTTP2ThatTakesNothingIsClosed(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *node.Config) { c.StallTimeout, c.MaxStreamsPerAccount = 500*time.Millisecond, 2 })
	client, _ := s.http2(t, 64<<10)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r := s.request(t, "GET", channel+"messages/", "").WithContext(ctx)
	r.Header.Set("Accept", "text/event-stream")
	answer, err := client.Do(r)
	if err != nil || answer.ProtoMajor != 2 {
		t.Fatal(err, answer)
	}
	defer answer.Body.Close()
	lines := s.follow(t, client) // over the same connection
	closed := func() bool { return strings.Contains(s.log.String(), `"path":"`+channel+`messages/","status":200`) }
	for range 10 {
		s.tell(t, 100_000)
		lineWith(t, lines, "event: message")
	}
	await(t, "the stream to be closed", 30*time.Second, closed)
	s.tell(t, 10)
	lineWith(t, lines, "event: message")
	s.follow(t, client)
}

func TestStreamsUseUpNoRequestsInWork(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *node.Config) { c.MaxRequests, c.MaxRequestsPerAccount = 3, 3 })
	var all []<-chan string
	for range 8 {
		all = append(all, s.follow(t, &http.Client{Transport: s.http.Transport}))
	}
	s.tell(t, 10)
	for _, lines := range all {
		lineWith(t, lines, "event: message")
	}
}

func TestAServerThatStopsEndsStreamsBeforeItDrains(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *node.Config) { c.DrainTimeout = node.Defaults().DrainTimeout })
	h2 := s.overHTTP2()
	t.Cleanup(h2.CloseIdleConnections)
	one, two := s.follow(t, &http.Client{Transport: s.http.Transport}), s.follow(t, h2)
	wait := make(chan string, 1)
	go func() {
		answer, err := s.http.Do(s.request(t, "GET", channel+"messages/?wait=55&after=latest", ""))
		if err != nil {
			wait <- err.Error()
			return
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		wait <- fmt.Sprint(answer.StatusCode, string(text))
	}()
	time.Sleep(100 * time.Millisecond) // so that it waits, most likely
	ended, began := s.ending()
	for _, lines := range []<-chan string{one, two} {
		lineWith(t, lines, "event: end")
		if line := nextLine(t, lines); !strings.Contains(line, `"http_status":"503"`) {
			t.Errorf("%q", line)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v", took)
	}
	if text := <-wait; !strings.HasPrefix(text, `200{"more":false,"next":`) {
		t.Errorf("the wait is answered %s", text)
	}
}

func TestAServerWithFewerOpenFilesThanStreamsSaysSo(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *node.Config) { c.MaxStreams = 1 << 24 })
	for _, want := range []string{"fewer files than max_streams", "max_streams leaves no connection"} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if quiet := serve(t, func(c *node.Config) { c.MaxStreams = 10 }); strings.Contains(quiet.log.String(), "max_streams") {
		t.Error("it warns without reason")
	}
}
