package node_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/hansom-taxii/hansom/taxii"
)

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
	password   = "correct horse battery"
)

// serve runs a node with one API Root, one Collection and an account alice who
// reads and writes it.
func serve(t *testing.T, set func(*node.Config)) *served {
	t.Helper()
	s := &served{conf: node.Defaults(), log: new(lockedBuffer)}
	s.conf.Data, s.conf.Listen = t.TempDir(), "127.0.0.1:0"
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
			Log: slog.New(slog.NewJSONHandler(s.log, nil)), Prepare: furnish,
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
	return o.SetGrant(ctx, exchange.GrantSetting{Account: "alice", On: "trust/collection/all", Rights: []string{"read", "write"}})
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

func TestSmoke(t *testing.T) {
	s := serve(t, nil)
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/taxii2/", ""}, {"GET", "/trust/", ""}, {"GET", "/trust/collections/", ""}, {"GET", "/trust/collections/all/", ""},
		{"GET", "/trust/collections/all/objects/", ""},
		{"POST", "/trust/collections/all/objects/", `{"objects":[{"type":"indicator","id":"indicator--11111111-1111-4111-8111-111111111111","spec_version":"2.1","created":"2024-01-01T00:00:00.000Z","modified":"2024-01-01T00:00:00.000Z"}, {"type":"ipv4-addr","id":"ipv4-addr--11111111-1111-4111-8111-111111111111","spec_version":"2.1","value":"192.0.2.1"},{"a":1}]}`},
		{"GET", "/trust/collections/all/objects/", ""}, {"GET", "/trust/collections/all/manifest/?limit=1", ""},
		{"GET", "/trust/collections/all/objects/indicator--11111111-1111-4111-8111-111111111111/versions/", ""},
		{"GET", "/trust/collections/all/objects/indicator--11111111-1111-4111-8111-111111111111/", ""},
		{"DELETE", "/trust/collections/all/objects/indicator--11111111-1111-4111-8111-111111111111/", ""},
		{"GET", "/trust/collections/all/objects/indicator--11111111-1111-4111-8111-111111111111/", ""},
		{"GET", "/trust/collections/nope/objects/", ""}, {"GET", "/nope/", ""}, {"PUT", "/trust/", ""},
		{"GET", "/trust/collections/all/objects/?match[type]=ipv4-addr,url&match[version]=first", ""},
	} {
		r, text := s.do(t, s.request(t, c.method, c.path, c.body))
		t.Log(c.method, c.path, r.Status, r.Header, text)
	}
}
