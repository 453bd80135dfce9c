package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/bench/driver"
	"github.com/hansom-taxii/hansom/internal/trial"
)

// startedLimit serves a tape with the certificate of a server, in this process.
func startedLimit(t *testing.T, s *trial.Server, tape string) string {
	t.Helper()
	r, w := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	dir := filepath.Join(s.Dir, "tls")
	go func() {
		ended <- serveLimit(ctx, []string{"-tape", tape, "-cert", filepath.Join(dir, "cert.pem"), "-key", filepath.Join(dir, "key.pem")}, w)
	}()
	t.Cleanup(func() {
		stop()
		must(t, <-ended)
	})
	address, err := bufio.NewReader(r).ReadString('\n')
	must(t, err)
	return "https://" + strings.TrimSpace(address)
}

func authority(t *testing.T, s *trial.Server) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(s.CAFile)
	must(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

func TestTheLimitRepeatsWhatTheServerAnswers(t *testing.T) {
	t.Parallel()
	s := trial.Start(t)
	target := driver.Target{
		Base: s.URL, Account: "admin", Password: s.Password(t, "admin"), TLS: &tls.Config{RootCAs: authority(t, s), MinVersion: tls.VersionTLS12},
	}
	path := s.Collection(t, "indicators") + "/"
	content, err := driver.Learn(t.Context(), &target, path, nil)
	must(t, err)
	file := filepath.Join(t.TempDir(), "tape")
	tape, err := newTape(file)
	must(t, err)
	var heard []recorded
	target.Heard = func(uri string, h driver.Header, body []byte) {
		heard = append(heard, recorded{uri, h, bytes.Clone(body)})
		tape.heard(uri, h, body)
	}
	script, err := content.Script(t.Context(), &target, driver.Pages, 10)
	must(t, err)
	must(t, tape.close())
	base := startedLimit(t, s, file)
	for _, want := range heard {
		got := ask(t, s, base+want.URI)
		if got.StatusCode != http.StatusOK || got.ContentLength != int64(len(want.Body)) || got.Header.Get("X-TAXII-Date-Added-Last") != want.Header.Last {
			t.Errorf("%s: got %d %v", want.URI, got.StatusCode, got.Header)
		}
		if body, err := io.ReadAll(got.Body); err != nil || !bytes.Equal(body, want.Body) {
			t.Errorf("%s: the body is another (%v)", want.URI, err)
		}
	}
	if got := ask(t, s, base+"/elsewhere"); len(heard) < 2 || got.StatusCode != http.StatusNotFound {
		t.Errorf("%d answers were heard, elsewhere there is %d", len(heard), got.StatusCode)
	}
	// What was learnt from the one holds for the other.
	target.Base, target.Heard = base, nil
	if _, err := script.Run(t.Context(), &target, driver.Load{Connections: 2, For: 1}); err != nil {
		t.Error(err)
	}
}

func ask(t *testing.T, s *trial.Server, url string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	got, err := s.HTTP.Do(r)
	must(t, err)
	t.Cleanup(func() { got.Body.Close() })
	return got
}

func TestTheLimitHasTheTLSOfTheServer(t *testing.T) {
	t.Parallel()
	s := trial.Start(t, "--empty")
	file := filepath.Join(t.TempDir(), "tape")
	tape, err := newTape(file)
	must(t, err)
	must(t, tape.close())
	limit := strings.TrimPrefix(startedLimit(t, s, file), "https://")
	server := strings.TrimPrefix(s.URL, "https://")
	var suites []uint16
	for _, c := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		suites = append(suites, c.ID)
	}
	pool := authority(t, s)
	for _, offer := range []*tls.Config{
		{MinVersion: tls.VersionTLS13}, {MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}}, {MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"}},
		{MaxVersion: tls.VersionTLS12, CipherSuites: suites}, {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, CipherSuites: suites},
	} {
		offer.RootCAs = pool
		if a, b := agreed(t, server, offer), agreed(t, limit, offer); a != b {
			t.Errorf("the server agrees on %+v, the limit on %+v", a, b)
		}
	}
	for _, suite := range suites {
		offer := &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}, RootCAs: pool}
		if a, b := agreed(t, server, offer), agreed(t, limit, offer); a != b {
			t.Errorf("of %s the server makes %+v, the limit %+v", tls.CipherSuiteName(suite), a, b)
		}
	}
}

// agreement is what a server made of an offer; all zero if nothing came of it.
type agreement struct {
	version, suite uint16
	protocol       string
}

func agreed(t *testing.T, address string, offer *tls.Config) agreement {
	t.Helper()
	c, err := (&tls.Dialer{Config: offer}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		return agreement{}
	}
	defer c.Close()
	s := c.(*tls.Conn).ConnectionState()
	return agreement{s.Version, s.CipherSuite, s.NegotiatedProtocol}
}
