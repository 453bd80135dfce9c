package node_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/hansom-taxii/hansom/internal/trial"
)

const acmeHost = "taxii.example.com"

// acmeNode runs a node that gets its certificate from an ACME server.
func acmeNode(t *testing.T, a *trial.ACME, set func(*node.Config)) *served {
	t.Helper()
	return serve(t, func(c *node.Config) {
		c.ACME, c.ACMECA, c.ACMEHosts, c.ACMEAgree, c.ACMEEmail = a.Directory, a.CAFile, []string{acmeHost}, true, "operator@example.com"
		set(c)
	})
}

// shows gives the certificate that is shown to who asks for a name.
func (s *served) shows(t *testing.T, address, name string) *x509.Certificate {
	t.Helper()
	state, err := handshake(t, address, &tls.Config{InsecureSkipVerify: true, ServerName: name, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	return state.PeerCertificates[0]
}

// byACME waits until a certificate by ACME is shown, and gives it.
func (s *served) byACME(t *testing.T, address string, other *x509.Certificate) (cert *x509.Certificate) {
	t.Helper()
	await(t, "the certificate by ACME", time.Minute, func() bool {
		cert = s.shows(t, address, acmeHost)
		return strings.Contains(cert.Issuer.CommonName, "Pebble") && (other == nil || !cert.Equal(other))
	})
	return cert
}

func TestACertificateIsGotByACMEOverTheListenerItselfAndKept(t *testing.T) {
	t.Parallel()
	address := trial.Address(t)
	a := trial.StartACME(t, trial.ACMESetting{TLS: address, Lasts: 24 * time.Hour})
	set := func(c *node.Config) { c.Listen = address }
	s := acmeNode(t, a, set)
	cert := s.byACME(t, address, nil)
	if _, err := handshake(t, address, &tls.Config{RootCAs: a.Roots(t), ServerName: acmeHost, MinVersion: tls.VersionTLS12}); err != nil {
		t.Errorf("who trusts the ACME server does not trust this one: %v", err)
	}
	if _, err := handshake(t, address, &tls.Config{RootCAs: s.ca, ServerName: "localhost", MinVersion: tls.VersionTLS12}); err != nil {
		t.Errorf("for another name its own certificate is not shown: %v", err)
	}
	if r, text := s.do(t, s.request(t, "GET", "/taxii2/", "")); r.StatusCode != http.StatusOK {
		t.Errorf("%s %s", r.Status, text)
	}
	list, err := filepath.Glob(filepath.Join(s.conf.Data, "acme", "*", "*.pem"))
	if err != nil || len(list) != 2 {
		t.Fatalf("got the files %v, %v", list, err)
	}
	for _, file := range list {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}

	// With the ACME server away it starts with what it has.
	a.Stop(t)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	again := acmeNode(t, a, func(c *node.Config) { c.Data, c.Listen = s.conf.Data, address })
	if !again.shows(t, address, acmeHost).Equal(cert) {
		t.Error("after a new start another certificate is shown")
	}
}

func TestACertificateByACMEIsRenewedInTime(t *testing.T) {
	t.Parallel()
	address := trial.Address(t)
	a := trial.StartACME(t, trial.ACMESetting{TLS: address, Lasts: 6 * time.Second})
	s := acmeNode(t, a, func(c *node.Config) { c.Listen = address })
	first := s.byACME(t, address, nil)
	second := s.byACME(t, address, first)
	if !second.NotAfter.After(first.NotAfter) || bytes.Equal(first.RawSubjectPublicKeyInfo, second.RawSubjectPublicKeyInfo) {
		t.Errorf("the second is good until %s, after %s, and its key is another: %t", second.NotAfter, first.NotAfter,
			!bytes.Equal(first.RawSubjectPublicKeyInfo, second.RawSubjectPublicKeyInfo))
	}
}

func TestACertificateIsGotByACMEOverPlainHTTPWhereNothingElseIsServed(t *testing.T) {
	t.Parallel()
	plain := trial.Address(t)
	a := trial.StartACME(t, trial.ACMESetting{HTTP: plain, Lasts: 24 * time.Hour})
	s := acmeNode(t, a, func(c *node.Config) { c.ACMEHTTP = plain })
	s.byACME(t, s.address(), nil)
	for _, path := range []string{"/", "/taxii2/", "/.well-known/acme-challenge/guess", objects} {
		resp, err := http.Get("http://" + plain + path)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound || !strings.Contains(string(text), "https") {
			t.Errorf("%s: %s %s", path, resp.Status, text)
		}
	}
}

func TestWhileTheACMEServerIsAwayOrRefusesTheOwnCertificateIsShownAndTheLogSaysWhy(t *testing.T) {
	t.Parallel()
	address := trial.Address(t)
	a := trial.NewACME(t, trial.ACMESetting{TLS: address, Lasts: 24 * time.Hour})
	away := acmeNode(t, a, func(c *node.Config) { c.Listen = address })
	complains := func(s *served, words ...string) {
		t.Helper()
		await(t, "the complaint", time.Minute, func() bool { return strings.Contains(s.log.String(), "no certificate by ACME; it is tried again") })
		for _, word := range append(words, "the server's own certificate is shown", acmeHost) {
			if !strings.Contains(s.log.String(), word) {
				t.Errorf("the log lacks %q: %s", word, s.log.String())
			}
		}
	}
	complains(away, "connection refused")
	if cert := away.shows(t, address, acmeHost); !strings.Contains(cert.Issuer.CommonName, "hansom authority") {
		t.Errorf("a certificate of %s is shown", cert.Issuer)
	}
	if r, text := away.do(t, away.request(t, "GET", "/taxii2/", "")); r.StatusCode != http.StatusOK {
		t.Errorf("%s %s", r.Status, text)
	}

	elsewhere := trial.StartACME(t, trial.ACMESetting{Lasts: 24 * time.Hour}) // it looks where nothing is
	refused := acmeNode(t, elsewhere, func(*node.Config) {})
	complains(refused, "urn:ietf:params:acme:error:", "Failed to connect to 127.0.0.1")
}

func TestAHandshakeForAnACMEServerLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	address := trial.Address(t)
	a := trial.NewACME(t, trial.ACMESetting{TLS: address, Lasts: 24 * time.Hour})
	ca := filepath.Join(t.TempDir(), "ca.pem")
	write(t, ca, trial.NewAuthority(t, "ours").PEM())
	s := acmeNode(t, a, func(c *node.Config) { c.Listen, c.ClientCA, c.ClientCertificates = address, ca, "require" })
	for name, words := range map[string]string{acmeHost: "internal error", "": "internal error"} {
		_, err := handshake(t, address, &tls.Config{InsecureSkipVerify: true, ServerName: name, NextProtos: []string{"acme-tls/1"}, MinVersion: tls.VersionTLS12})
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("a handshake for %q while nothing is asked for: %v", name, err)
		}
	}
	both := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.ca, NextProtos: []string{"http/1.1", "acme-tls/1"}, MinVersion: tls.VersionTLS12}}}
	if resp, err := both.Get("https://" + address + "/taxii2/"); err == nil {
		_ = resp.Body.Close()
		t.Errorf("who needs a certificate got in without one: %s", resp.Status)
	}
}
