package node_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/hansom-taxii/hansom/internal/trial"
	"golang.org/x/sys/unix"
)

// fill adds so many objects of 16 KiB.
func (s *served) fill(t *testing.T, n int) {
	t.Helper()
	for from := 0; from < n; from += 100 {
		var list [][]byte
		for i := from; i < min(n, from+100); i++ {
			object := envelope(i, 16<<10)
			list = append(list, []byte(object[len(`{"objects":[`):len(object)-len(`]}`)]))
		}
		if r, text := s.do(t, s.request(t, "POST", objects, string(trial.Envelope(list...)))); r.StatusCode != http.StatusAccepted {
			t.Fatalf("%s %.200s", r.Status, text)
		}
	}
}

// small makes the client's side of a connection keep little, and take it in
// packets as they are on a network.
func small(d *net.Dialer, _ *tls.Config) { narrowed(d, 4<<10) }

func medium(d *net.Dialer, _ *tls.Config) { narrowed(d, 64<<10) }

func narrowed(d *net.Dialer, octets int) {
	d.Control = func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, octets)
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1400)
		})
	}
}

// stall asks for a page over a connection that keeps little of it.
func (s *served) stall(t *testing.T, account string, limit int, set func(*net.Dialer, *tls.Config)) *tls.Conn {
	t.Helper()
	c := s.dial(t, set)
	if _, err := io.WriteString(c, head(account, "GET", fmt.Sprintf("%s?limit=%d", objects, limit))); err != nil {
		t.Fatal(err)
	}
	return c
}

// begun waits for the beginning of an answer.
func begun(c net.Conn) error {
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	line := make([]byte, len("HTTP/1.1 200 OK"))
	if _, err := io.ReadFull(c, line); err != nil {
		return err
	}
	if string(line) != "HTTP/1.1 200 OK" {
		return fmt.Errorf("%q", line)
	}
	return nil
}

// wantPage fails the test unless bob gets his page within five seconds.
func (s *served) wantPage(t *testing.T, limit int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	r := s.request(t, "GET", fmt.Sprintf("%s?limit=%d", objects, limit), "").WithContext(ctx)
	r.SetBasicAuth("bob", password)
	began := time.Now()
	if answer, text := s.do(t, r); answer.StatusCode != http.StatusOK || strings.Count(text, `"id":"`) != limit {
		t.Errorf("bob's page: %s after %v, %d objects of %d", answer.Status, time.Since(began), strings.Count(text, `"id":"`), limit)
	}
	t.Logf("bob's page took %v", time.Since(began))
}

func narrow(c *node.Config) { c.PageBytes, c.PagesBudget = 256<<10, 1<<20 }

func TestClientsThatStopReadingDoNotStopOthers(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K71")
	s := serve(t, narrow)
	s.fill(t, 40)
	const stalled = 60
	began := make(chan error, stalled)
	for i := range stalled {
		c := s.stall(t, "alice", 10+i%6, small) // six pages, of 160 to 240 KiB: more than the budget holds
		go func() { began <- begun(c) }()
	}
	for range 4 { // so much of the budget is used up that who comes now must wait
		if err := <-began; err != nil {
			t.Fatal(err)
		}
	}
	s.wantPage(t, 9)
	s.wantPage(t, 2)  // which does not count
	s.wantPage(t, 12) // and one that is held, perhaps
}

// stuck is a client of HTTP/2 whose connection takes nothing once it is told to.
type stuck struct {
	net.Conn
	open chan struct{} // closed when it reads again
	mu   sync.Mutex    // guards shut
	shut bool
}

func (c *stuck) stop() { c.mu.Lock(); c.shut = true; c.mu.Unlock() }

func (c *stuck) Read(b []byte) (int, error) {
	c.mu.Lock()
	shut := c.shut
	c.mu.Unlock()
	if shut {
		<-c.open
	}
	return c.Conn.Read(b)
}

// http2 gives a client of HTTP/2 with one connection, which is returned once it
// is there. Where flow is not 0, a stream takes so many octets of an answer
// that nobody reads.
func (s *served) http2(t *testing.T, flow int) (*http.Client, func() *stuck) {
	t.Helper()
	conns := make(chan *stuck, 1)
	transport := &http.Transport{
		ForceAttemptHTTP2: true, DisableCompression: true,
		TLSClientConfig: &tls.Config{RootCAs: s.ca, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			d := &net.Dialer{}
			small(d, nil)
			c, err := d.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			k := &stuck{Conn: c, open: make(chan struct{})}
			t.Cleanup(func() { _ = c.Close(); close(k.open) })
			conns <- k
			return k, nil
		},
	}
	if flow > 0 {
		transport.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: flow}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}, func() *stuck { return <-conns }
}

// leave asks for a page over HTTP/2, says when the answer has begun, and reads
// no more of it.
func (s *served) leave(t *testing.T, client *http.Client, limit int, began chan<- error) {
	r := s.request(t, "GET", fmt.Sprintf("%s?limit=%d", objects, limit), "")
	ended := t.Context().Done()
	go func() {
		answer, err := client.Do(r)
		began <- err
		if err == nil {
			<-ended
			_ = answer.Body.Close()
		}
	}()
}

// freeze makes a connection that takes nothing any more, although what is asked
// over it reaches the server.
func (s *served) freeze(t *testing.T) *http.Client {
	t.Helper()
	client, conn := s.http2(t, 0)
	answer, err := client.Do(s.request(t, "GET", objects+"?limit=1", ""))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	conn().stop()
	return client
}

func TestStreamsThatStopReadingDoNotStopOthers(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K71")
	s := serve(t, narrow)
	s.fill(t, 40)
	client, _ := s.http2(t, 64<<10)
	began := make(chan error, 60)
	for i := range cap(began) {
		s.leave(t, client, 10+i%6, began)
	}
	for range 4 {
		if err := <-began; err != nil {
			t.Fatal(err)
		}
	}
	s.wantPage(t, 9)
}

func TestHTTP2ConnectionsThatStopReadingDoNotStopOthers(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K71")
	s := serve(t, narrow)
	s.fill(t, 40)
	began := make(chan error, 12)
	for range 2 {
		client := s.freeze(t)
		for i := range 6 {
			s.leave(t, client, 10+i, began)
		}
	}
	await(t, "the budget to be used up", 10*time.Second, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		r := s.request(t, "GET", objects+"?limit=8", "").WithContext(ctx)
		r.SetBasicAuth("bob", password)
		answer, err := s.http.Do(r)
		if err == nil {
			answer.Body.Close()
		}
		return err != nil
	})
	s.wantPage(t, 9)
}

// lines gives the access lines of pages so far.
func (s *served) lines(t *testing.T) (list []accessLine) {
	t.Helper()
	for text := range strings.Lines(s.log.String()) {
		var l accessLine
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%v in the log: %s", err, text)
		}
		if l.Message == "request" {
			list = append(list, l)
		}
	}
	return list
}

type accessLine struct {
	Message   string `json:"msg"`
	RequestID string `json:"request_id"`
	Method    string `json:"method"`
	Path      string `json:"path"`
	Status    int    `json:"status"`
	Bytes     int64  `json:"bytes"`
	Took      int64  `json:"took_us"`
	Account   string `json:"account"`
	Remote    string `json:"remote"`
}

func TestAConnectionThatTakesNothingIsClosed(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K71")
	s := serve(t, func(c *node.Config) { c.StallTimeout = time.Second })
	s.fill(t, 200)
	c := s.stall(t, "bob", 200, small)
	if err := begun(c); err != nil {
		t.Fatal(err)
	}
	stream, _ := s.http2(t, 64<<10)
	began := make(chan error, 2)
	s.leave(t, s.freeze(t), 199, began)
	s.leave(t, stream, 198, began)
	await(t, "three answers to be cut off", 10*time.Second, func() bool {
		n := 0
		for _, l := range s.lines(t) {
			if l.Method == http.MethodGet && l.Took > time.Second.Microseconds() && l.Bytes < 3<<20 {
				n++
			}
		}
		return n == 3
	})
	if _, err := io.Copy(io.Discard, c); err == nil {
		t.Error("half an answer ends like a whole one")
	}
}

// steady reads an answer slowly: so much at a time, ten times a second.
func steady(c *tls.Conn, octets int) (n int64, err error) {
	pace := time.NewTicker(100 * time.Millisecond)
	defer pace.Stop()
	_ = c.SetReadDeadline(time.Now().Add(time.Minute))
	answer, err := http.ReadResponse(bufio.NewReaderSize(c, 4096), nil)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s", answer.Status)
	}
	for {
		got, err := io.CopyN(io.Discard, answer.Body, int64(octets))
		n += got
		if err == io.EOF && n == answer.ContentLength {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		<-pace.C
	}
}

// The system took megabytes at a time for a slow client, and then nothing for so
// long that the client looked like one that had stopped.
func TestASlowButSteadyReaderIsNeverCut(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K71")
	s := serve(t, func(c *node.Config) { c.StallTimeout = time.Second })
	s.fill(t, 240)
	if n, err := steady(s.stall(t, "bob", 240, medium), 64<<10); err != nil {
		t.Errorf("cut after %d octets: %v", n, err)
	}
}

func TestAPageForWhichThereIsNoMemoryIs503(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K70")
	s := serve(t, func(c *node.Config) { c.PageBytes, c.PagesBudget = 4<<20, 8<<20 })
	s.fill(t, 253)
	for i := range 3 { // they go on taking a little, so they are not closed for others
		c := s.stall(t, "alice", 250+i, medium)
		go func() { _, _ = steady(c, 30<<10) }()
	}
	var answer *http.Response
	var text string
	await(t, "a page to be refused", 20*time.Second, func() bool {
		began := time.Now()
		r := s.request(t, "GET", objects+"?limit=249", "")
		r.SetBasicAuth("bob", password)
		if answer, text = s.do(t, r); answer.StatusCode == http.StatusOK {
			return false
		}
		if took := time.Since(began); took < 4900*time.Millisecond || took > 10*time.Second {
			t.Errorf("it waited %v, want 5s", took)
		}
		return true
	})
	wantError(t, "a page for which there is no memory", answer, text, http.StatusServiceUnavailable)
	s.wantPage(t, 2) // it needs none
}
