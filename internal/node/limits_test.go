package node_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/hansom-taxii/hansom/internal/trial"
)

// envelope is an envelope of exactly so many octets with one object.
func envelope(id, octets int) string {
	text := fmt.Sprintf(`{"objects":[{"type":"x-sized","spec_version":"2.1","id":"x-sized--%08d-0000-4000-8000-000000000000",`+
		`"created":"2024-01-01T00:00:00.000Z","modified":"2024-01-01T00:00:00.000Z","x_text":"`, id)
	return text + strings.Repeat("x", octets-len(text)-len(`"}]}`)) + `"}]}`
}

// wantObjects fails the test unless the Collection holds so many.
func (s *served) wantObjects(t *testing.T, n int) {
	t.Helper()
	if _, text := s.do(t, s.request(t, "GET", objects, "")); strings.Count(text, `"id":"`) != n {
		t.Errorf("want %d objects, got %.200s", n, text)
	}
}

func TestHeadersThatComeTooSlowlyEndTheConnection(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *node.Config) { c.HeaderTimeout = 300 * time.Millisecond })
	plain, err := net.Dial("tcp", s.address())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	for what, c := range map[string]net.Conn{"a handshake": plain, "a request": s.dial(t, nil)} {
		if what == "a request" {
			if _, err := io.WriteString(c, "GET /taxii2/ HTTP/1.1\r\nHost: te"); err != nil {
				t.Fatal(err)
			}
		}
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if text, err := io.ReadAll(c); err != nil || len(text) > 0 {
			t.Errorf("%s that stops half-way: %q %v, want the connection closed", what, text, err)
		}
	}
}

func TestAConnectionWithoutARequestIsEnded(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K71")
	s := serve(t, func(c *node.Config) { c.IdleTimeout = 300 * time.Millisecond })
	c := s.dial(t, nil)
	if r, _ := send(t, c, head("alice", "GET", "/taxii2/")); r.StatusCode != http.StatusOK {
		t.Fatal(r.Status)
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if text, err := io.ReadAll(c); err != nil || len(text) > 0 {
		t.Errorf("%q %v, want the connection closed", text, err)
	}
}

func TestHeadersAbove32KiBAre431(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K17")
	s := serve(t, nil)
	h2 := s.http.Transport.(*http.Transport).Clone()
	h2.ForceAttemptHTTP2 = true
	defer h2.CloseIdleConnections()
	for what, try := range map[string]struct {
		path, header string
		http2        bool
		status       int
	}{
		"a long header":              {"/taxii2/", strings.Repeat("x", 33<<10), false, 431},
		"a long header over HTTP/2":  {"/taxii2/", strings.Repeat("x", 33<<10), true, 431},
		"a long query":               {"/taxii2/?x=" + strings.Repeat("x", 33<<10), "", false, 431},
		"a long query over HTTP/2":   {"/taxii2/?x=" + strings.Repeat("x", 33<<10), "", true, 431},
		"nearly net/http's limit":    {"/taxii2/", strings.Repeat("x", 1<<20-1024), false, 431},
		"a header that is long":      {"/taxii2/", strings.Repeat("x", 31<<10), false, 200},
		"a query that is long":       {objects + "?long=" + strings.Repeat("x", 31<<10), "", false, 200},
		"both over HTTP/2":           {"/taxii2/?x=" + strings.Repeat("x", 15<<10), strings.Repeat("x", 15<<10), true, 200},
		"both are long together":     {"/taxii2/?x=" + strings.Repeat("x", 17<<10), strings.Repeat("x", 17<<10), false, 431},
		"without anything of length": {"/taxii2/", "", false, 200},
	} {
		r := s.request(t, "GET", try.path, "")
		r.Header.Set("X-Filler", try.header)
		client := *s.http
		if try.http2 {
			client.Transport = h2
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if (answer.ProtoMajor == 2) != try.http2 {
			t.Errorf("%s: %s", what, answer.Proto)
		}
		if try.status == http.StatusOK {
			if answer.StatusCode != try.status {
				t.Errorf("%s: %s %.200s", what, answer.Status, text)
			}
			continue
		}
		wantError(t, what, answer, string(text), try.status)
	}
}

func TestBodiesAreBoundedByMaxContentLength(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R190", "R238", "K64")
	const most = 200_000
	s := serve(t, func(c *node.Config) { c.MaxContentLength = most })
	if r, text := s.do(t, s.request(t, "POST", objects, envelope(1, most))); r.StatusCode != http.StatusAccepted {
		t.Errorf("a body of just the size: %s %s", r.Status, text)
	}
	r, text := s.do(t, s.request(t, "POST", objects, envelope(2, most+1)))
	wantError(t, "an octet more", r, text, http.StatusRequestEntityTooLarge)
	chunked := s.request(t, "POST", objects, "x")
	chunked.ContentLength, chunked.Body = -1, io.NopCloser(strings.NewReader(envelope(3, most+1)))
	r, text = s.do(t, chunked)
	wantError(t, "an octet more, in chunks", r, text, http.StatusRequestEntityTooLarge)
	s.wantObjects(t, 1)
}

func TestABodyThatIsCutShortIs422AndNothingIsStored(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	c := s.dial(t, nil)
	if _, err := io.WriteString(c, head("alice", "POST", objects, "Content-Length: 1000")+envelope(1, 900)); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	r, text := receive(t, c)
	wantError(t, "a body that is cut short", r, text, http.StatusUnprocessableEntity)
	s.wantObjects(t, 0)
}

func TestABodyOfWhichNothingComesIs408(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *node.Config) { c.BodyTimeout = 300 * time.Millisecond })
	r, text := send(t, s.dial(t, nil), head("alice", "POST", objects, "Content-Length: 1000")+`{"objects`)
	wantError(t, "a body that stops half-way", r, text, http.StatusRequestTimeout)
	// A body that no handler read was waited for without an end.
	r, text = send(t, s.dial(t, nil), head("nobody", "POST", objects, "Content-Length: 1000")+`{"objects`)
	wantError(t, "one that nobody may send", r, text, http.StatusUnauthorized)
	r, text = send(t, s.dial(t, nil), head("bob", "POST", objects, "Transfer-Encoding: chunked"))
	wantError(t, "one that this account may not send", r, text, http.StatusForbidden)
	s.wantObjects(t, 0)
}

// begin sends a POST whose body does not end, and waits until it is in work.
func (s *served) begin(t *testing.T, body string) *tls.Conn {
	t.Helper()
	c := s.dial(t, nil)
	_, err := io.WriteString(c, head("alice", "POST", objects, fmt.Sprintf("Content-Length: %d", len(body)), "Expect: 100-continue"))
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	line := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n")) // it comes when the body is read
	if _, err := io.ReadFull(c, line); err != nil || !strings.Contains(string(line), "100 Continue") {
		t.Fatalf("%q %v", line, err)
	}
	return c
}

func TestMoreRequestsInWorkThanAllowedAre503(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K70")
	s := serve(t, func(c *node.Config) { c.MaxRequests = 2 })
	body := envelope(1, 500)
	one, two := s.begin(t, body), s.begin(t, body)
	r, text := s.do(t, s.request(t, "GET", "/taxii2/", ""))
	wantError(t, "a third request", r, text, http.StatusServiceUnavailable)
	for _, c := range []*tls.Conn{one, two} {
		if r, text := send(t, c, body); r.StatusCode != http.StatusAccepted {
			t.Errorf("a request in work: %s %s", r.Status, text)
		}
	}
	await(t, "the requests to end", 5*time.Second, func() bool {
		r, _ := s.do(t, s.request(t, "GET", "/taxii2/", ""))
		return r.StatusCode == http.StatusOK
	})
}

func TestMoreRequestsOfOneAccountThanAllowedAre429(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K70", "K73")
	s := serve(t, func(c *node.Config) { c.MaxRequestsPerAccount = 1 })
	body := envelope(1, 500)
	one := s.begin(t, body)
	r, text := s.do(t, s.request(t, "GET", "/taxii2/", ""))
	wantError(t, "a second request", r, text, http.StatusTooManyRequests)
	other := s.request(t, "GET", "/taxii2/", "")
	other.SetBasicAuth("bob", password)
	if r, text := s.do(t, other); r.StatusCode != http.StatusOK {
		t.Errorf("another account from the same address: %s %s", r.Status, text)
	}
	if r, text := send(t, one, body); r.StatusCode != http.StatusAccepted {
		t.Errorf("the request in work: %s %s", r.Status, text)
	}
	await(t, "the request to end", 5*time.Second, func() bool {
		r, _ := s.do(t, s.request(t, "GET", "/taxii2/", ""))
		return r.StatusCode == http.StatusOK
	})
}

func TestConnectionsAboveTheirLimitWaitUntilOneIsClosed(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *node.Config) { c.MaxConnections = 2 })
	one, two := s.dial(t, nil), s.dial(t, nil)
	plain, err := net.Dial("tcp", s.address()) // the system takes it
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	third := tls.Client(plain, &tls.Config{RootCAs: s.ca, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12})
	_ = plain.SetReadDeadline(time.Now().Add(500 * time.Millisecond))
	hello := make([]byte, 1)
	if n, err := plain.Read(hello); n != 0 || err == nil {
		t.Fatalf("%d %v", n, err)
	}
	for _, c := range []*tls.Conn{one, two} {
		if r, text := send(t, c, head("alice", "GET", "/taxii2/")); r.StatusCode != http.StatusOK {
			t.Errorf("one within the limit: %s %s", r.Status, text)
		}
	}
	greeted := make(chan error, 1)
	_ = plain.SetReadDeadline(time.Now().Add(20 * time.Second))
	go func() { greeted <- third.HandshakeContext(t.Context()) }()
	select {
	case err := <-greeted:
		t.Fatalf("a third connection is served: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	_ = one.Close()
	if err := <-greeted; err != nil {
		t.Fatalf("after one was closed: %v", err)
	}
	if r, text := send(t, third, head("alice", "GET", "/taxii2/")); r.StatusCode != http.StatusOK {
		t.Errorf("after one was closed: %s %s", r.Status, text)
	}
}

func TestBodiesShareABudget(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K70")
	const most = 512 << 10
	s := serve(t, func(c *node.Config) { c.MaxContentLength, c.BodiesBudget = most, 2*most })
	body := envelope(1, most)
	var slow []*tls.Conn
	// Most of so small a budget is for the one at a time that goes beyond what all
	// may take: four that have sent nothing yet hold the rest.
	for range 4 {
		slow = append(slow, s.begin(t, body))
	}
	began := time.Now()
	r, text := s.do(t, s.request(t, "POST", objects, envelope(2, most/2)))
	wantError(t, "a body for which there is no memory", r, text, http.StatusServiceUnavailable)
	if took := time.Since(began); took < 4900*time.Millisecond || took > 10*time.Second {
		t.Errorf("it waited %v, want 5s", took)
	}
	for _, c := range slow {
		if r, text := send(t, c, body); r.StatusCode != http.StatusAccepted {
			t.Errorf("a slow body: %s %s", r.Status, text)
		}
	}
	if r, text := s.do(t, s.request(t, "POST", objects, envelope(2, most))); r.StatusCode != http.StatusAccepted {
		t.Errorf("afterwards: %s %s", r.Status, text)
	}
}
