package node_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/hansom-taxii/hansom/taxii"
)

// TestMain runs more tests at a time than there are processors: they mostly wait.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// served is a node that a test runs in its own process, to set what the demo
// does not.
type served struct {
	URL  string
	conf node.Config
	ca   *x509.CertPool
	http *http.Client
	log  *lockedBuffer
	stop func() error // asks it to stop, and waits
}

const (
	collection = "d0c1a2b3-0000-4000-8000-000000000001"
	objects    = "/trust/collections/all/objects/"
	password   = "correct horse battery"
)

// serve runs a node with one API Root, one Collection and one Channel, an account
// alice who reads and writes both and an account bob who reads them.
func serve(t *testing.T, set func(*node.Config)) *served {
	t.Helper()
	return serveWith(t, set, furnish)
}

// serveWith is serve with another way to furnish it.
func serveWith(t *testing.T, set func(*node.Config), furnish func(context.Context, *exchange.Exchange) error) *served {
	t.Helper()
	s := &served{conf: node.Defaults(), log: new(lockedBuffer)}
	s.conf.Data, s.conf.Listen, s.conf.DrainTimeout = t.TempDir(), "127.0.0.1:0", time.Second
	if set != nil {
		set(&s.conf)
	}
	if _, err := node.Init(t.Context(), s.conf); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan node.Info, 1), make(chan error, 1)
	go func() {
		ended <- node.Serve(ctx, s.conf, node.Options{
			Log: slog.New(slog.NewJSONHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Prepare: furnish,
			Ready: func(i node.Info) error { ready <- i; return nil },
		})
	}()
	stopped := false
	s.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	select {
	case info := <-ready:
		s.trust(t, info)
	case err := <-ended:
		stopped = true
		t.Fatal(err)
	case <-time.After(30 * time.Second):
		t.Fatal("the node does not serve")
	}
	return s
}

func (s *served) trust(t *testing.T, info node.Info) {
	t.Helper()
	s.URL, s.ca = info.URL, x509.NewCertPool()
	if info.CAFile != "" {
		text, err := os.ReadFile(info.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		s.ca.AppendCertsFromPEM(text)
	}
	s.http = &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.ca, MinVersion: tls.VersionTLS12}}}
	t.Cleanup(s.http.CloseIdleConnections)
}

func furnish(ctx context.Context, x *exchange.Exchange) error {
	o := x.Operator()
	if roots, err := o.Roots(ctx); err != nil || len(roots) > 0 {
		return err
	}
	if _, err := o.AddRoot(ctx, exchange.RootSetting{Name: "trust", Title: "Trust"}); err != nil {
		return err
	}
	if _, err := o.AddCollection(ctx, exchange.CollectionSetting{Root: "trust", ID: collection, Alias: "all", Title: "All"}); err != nil {
		return err
	}
	if err := o.AddAccount(ctx, exchange.AccountSetting{Name: "alice", Password: password}); err != nil {
		return err
	}
	if err := o.SetGrant(ctx, exchange.GrantSetting{Account: "alice", On: "trust/collection/all", Rights: []string{"read", "write"}}); err != nil {
		return err
	}
	if err := o.AddAccount(ctx, exchange.AccountSetting{Name: "bob", Password: password}); err != nil {
		return err
	}
	if err := o.SetGrant(ctx, exchange.GrantSetting{Account: "bob", On: "trust/collection/all", Rights: []string{"read"}}); err != nil {
		return err
	}
	_, err := o.AddChannel(ctx, exchange.ChannelSetting{
		Root: "trust", Name: "alerts", ContentType: "*/*",
		Grants: []taxii.ChannelGrant{{Account: "alice", CanRead: true, CanWrite: true}, {Account: "bob", CanRead: true}},
	})
	return err
}

// request builds a request as alice.
func (s *served) request(t *testing.T, method, path, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", taxii.MediaType)
	if body != "" {
		r.Header.Set("Content-Type", taxii.MediaType)
	}
	r.SetBasicAuth("alice", password)
	return r
}

// do sends a request and reads the answer whole.
func (s *served) do(t *testing.T, r *http.Request) (*http.Response, string) {
	t.Helper()
	response, err := s.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// lockedBuffer is a buffer that a log may be written to while it is read.
type lockedBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// address is where it listens.
func (s *served) address() string { return strings.TrimPrefix(s.URL, "https://") }

// dial opens a connection with TLS, for what no HTTP client would do.
func (s *served) dial(t *testing.T, set func(*net.Dialer, *tls.Config)) *tls.Conn {
	t.Helper()
	dialer, conf := &net.Dialer{Timeout: 10 * time.Second}, &tls.Config{RootCAs: s.ca, MinVersion: tls.VersionTLS12}
	if set != nil {
		set(dialer, conf)
	}
	c, err := tls.DialWithDialer(dialer, "tcp", s.address(), conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.NetConn().Close() })
	return c
}

// basic is an Authorization header.
func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// head is the beginning of a request over HTTP/1.1, as an account.
func head(account, method, path string, headers ...string) string {
	lines := append([]string{
		method + " " + path + " HTTP/1.1", "Host: test", "Authorization: " + basic(account, password),
		"Accept: " + taxii.MediaType, "Content-Type: " + taxii.MediaType,
	}, headers...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// send writes to a connection and reads the answer, whole.
func send(t *testing.T, c net.Conn, text string) (*http.Response, string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return receive(t, c)
}

func receive(t *testing.T, c net.Conn) (*http.Response, string) {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(text)
}

// wantError fails the test unless the answer is this error, as a resource of
// the protocol.
func wantError(t *testing.T, what string, answer *http.Response, text string, status int) {
	t.Helper()
	var e taxii.Error
	err := json.Unmarshal([]byte(text), &e)
	if answer.StatusCode != status || err != nil || e.Title == "" || e.HTTPStatus != strconv.Itoa(status) || answer.Header.Get("Content-Type") != taxii.MediaType {
		t.Errorf("%s: got %s %q, want %d as a TAXII error", what, answer.Status, text, status)
	}
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		if n, err := strconv.Atoi(answer.Header.Get("Retry-After")); err != nil || n < 1 {
			t.Errorf("%s: Retry-After is %q", what, answer.Header.Get("Retry-After"))
		}
	}
}

// await waits for something that is to come true by itself.
func await(t *testing.T, what string, within time.Duration, ready func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); !ready(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for " + what)
		}
	}
}

// control opens the control socket.
func (s *served) control(t *testing.T) net.Conn {
	t.Helper()
	dir, err := os.Open(s.conf.Data) // its path may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	c, err := net.Dial("unix", fmt.Sprintf("/proc/self/fd/%d/control.sock", dir.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// listening is the address from the log, where the URL is another.
func listening(t *testing.T, s *served) string {
	t.Helper()
	for text := range strings.Lines(s.log.String()) {
		var l struct {
			Message string `json:"msg"`
			Listen  string `json:"listen"`
		}
		if err := json.Unmarshal([]byte(text), &l); err == nil && l.Message == "serving" {
			return l.Listen
		}
	}
	t.Fatal("the log does not say where it listens")
	return ""
}
