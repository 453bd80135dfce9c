package node_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/hansom-taxii/hansom/internal/trial"
)

// pair is a certificate that signs itself, and its key, as PEM.
func pair(t *testing.T, kind string, number int64) (cert, key []byte) {
	t.Helper()
	var private any
	var public any
	if kind == "RSA" {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		private, public = k, &k.PublicKey
	} else {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		private, public = k, &k.PublicKey
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(number), Subject: pkix.Name{CommonName: "taxii.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// given runs a node with a certificate of the operator's.
func given(t *testing.T, cert, key []byte) *served {
	t.Helper()
	dir := t.TempDir()
	s := serve(t, func(c *node.Config) {
		c.Certificate, c.CertificateKey = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
		write(t, c.Certificate, cert)
		write(t, c.CertificateKey, key)
	})
	s.ca.AppendCertsFromPEM(cert)
	return s
}

func handshake(t *testing.T, address string, conf *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", address, conf)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer c.Close()
	return c.ConnectionState(), nil
}

func TestTLS12And13AreTakenAndNothingOlder(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R078", "R079", "R080")
	s := serve(t, nil)
	for version, want := range map[uint16]bool{tls.VersionTLS13: true, tls.VersionTLS12: true, tls.VersionTLS11: false, tls.VersionTLS10: false} {
		state, err := handshake(t, s.address(), &tls.Config{RootCAs: s.ca, MinVersion: version, MaxVersion: version})
		if got := err == nil && state.Version == version; got != want {
			t.Errorf("%s: %v, %v", tls.VersionName(version), got, err)
		}
		if !want && err != nil && !strings.Contains(err.Error(), "protocol version") {
			t.Errorf("%s fails for another reason: %v", tls.VersionName(version), err)
		}
	}
}

// blackListed tells whether a suite of TLS 1.2 is on the list of RFC 7540,
// Appendix A, which holds all without an ephemeral key exchange and all that are
// no AEAD.
func blackListed(name string) bool {
	return strings.HasPrefix(name, "TLS_RSA_") || strings.Contains(name, "_CBC_") || strings.Contains(name, "_RC4_")
}

func TestNoSuiteOfTheBlackListIsNegotiated(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R082")
	ecdsaCert, ecdsaKey := pair(t, "ECDSA", 1)
	rsaCert, rsaKey := pair(t, "RSA", 2)
	suites := append(tls.CipherSuites(), tls.InsecureCipherSuites()...)
	taker := taker(t, suites, [2][]byte{ecdsaCert, ecdsaKey}, [2][]byte{rsaCert, rsaKey})
	ours := map[string]*served{"ECDSA": given(t, ecdsaCert, ecdsaKey), "RSA": given(t, rsaCert, rsaKey)}
	good, bad := 0, 0
	for _, suite := range suites {
		if suite.SupportedVersions[0] == tls.VersionTLS13 {
			continue
		}
		kind := "RSA"
		if strings.Contains(suite.Name, "_ECDSA_") {
			kind = "ECDSA"
		}
		conf := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}}
		if _, err := handshake(t, taker, conf); err != nil {
			t.Errorf("%s cannot be offered, so nothing is shown of it: %v", suite.Name, err)
		}
		state, err := handshake(t, ours[kind].address(), conf)
		if blackListed(suite.Name) {
			bad++
			if err == nil {
				t.Errorf("%s is taken", suite.Name)
			}
			continue
		}
		good++
		if err != nil || state.CipherSuite != suite.ID {
			t.Errorf("%s is not taken: %v", suite.Name, err)
		}
	}
	if good < 6 || bad < 10 {
		t.Errorf("%d suites that are good and %d that are not", good, bad)
	}
}

// taker is a server that takes every suite there is.
func taker(t *testing.T, suites []*tls.CipherSuite, pairs ...[2][]byte) string {
	t.Helper()
	conf := &tls.Config{MinVersion: tls.VersionTLS10}
	for _, s := range suites {
		conf.CipherSuites = append(conf.CipherSuites, s.ID)
	}
	for _, p := range pairs {
		cert, err := tls.X509KeyPair(p[0], p[1])
		if err != nil {
			t.Fatal(err)
		}
		conf.Certificates = append(conf.Certificates, cert)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = c.(*tls.Conn).HandshakeContext(context.Background())
				_ = c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func TestHTTP2IsSpokenWithThoseWhoAsk(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: s.ca, MinVersion: version, MaxVersion: version}}
		s.http = &http.Client{Transport: transport}
		if r, text := s.do(t, s.request(t, "GET", "/taxii2/", "")); r.ProtoMajor != 2 || r.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %s %s", tls.VersionName(version), r.Proto, r.Status, text)
		}
		if r, text := s.do(t, s.request(t, "POST", objects, envelope(1, 300))); r.ProtoMajor != 2 || r.StatusCode != http.StatusAccepted {
			t.Errorf("%s: %s %s %s", tls.VersionName(version), r.Proto, r.Status, text)
		}
		transport.CloseIdleConnections()
	}
}

// number is the serial number of the certificate that a server shows now.
func (s *served) number(t *testing.T) int64 {
	t.Helper()
	state, err := handshake(t, s.address(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	return state.PeerCertificates[0].SerialNumber.Int64()
}

func TestACertificateIsReadAgainWhenItsFilesChange(t *testing.T) {
	t.Parallel()
	cert, key := pair(t, "ECDSA", 1)
	s := given(t, cert, key)
	if n := s.number(t); n != 1 {
		t.Fatalf("certificate %d", n)
	}
	newer, newerKey := pair(t, "RSA", 2)
	write(t, s.conf.CertificateKey, newerKey)
	write(t, s.conf.Certificate, newer)
	await(t, "the new certificate", 5*time.Second, func() bool { return s.number(t) == 2 })

	write(t, s.conf.Certificate, []byte("this is no certificate"))
	await(t, "the complaint", 5*time.Second, func() bool {
		if n := s.number(t); n != 2 {
			t.Fatalf("certificate %d while the files are broken", n)
		}
		return strings.Contains(s.log.String(), "the changed certificate cannot be used; the one before stays")
	})
	if err := os.Remove(s.conf.CertificateKey); err != nil {
		t.Fatal(err)
	}
	write(t, s.conf.Certificate, cert)
	write(t, s.conf.CertificateKey, key)
	await(t, "a good certificate again", 5*time.Second, func() bool { return s.number(t) == 1 })
}

func TestACertificateThatCannotBeUsedIsRefusedAtStart(t *testing.T) {
	t.Parallel()
	cert, _ := pair(t, "ECDSA", 1)
	_, key := pair(t, "ECDSA", 2)
	dir := t.TempDir()
	c := fresh(t)
	if _, err := node.Init(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	c.Certificate, c.CertificateKey = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for _, step := range []func(){func() {}, func() { write(t, c.Certificate, cert) }, func() { write(t, c.CertificateKey, key) }} {
		step()
		if err := node.Serve(t.Context(), c, node.Options{}); err == nil || !strings.Contains(err.Error(), "read the certificate") {
			t.Error(err)
		}
	}
}

func TestAServerMakesACertificateOfItsOwnAndKeepsIt(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	names := func(s *served, hosts ...string) {
		t.Helper()
		for _, host := range hosts {
			if _, err := handshake(t, s.address(), &tls.Config{RootCAs: s.ca, ServerName: host, MinVersion: tls.VersionTLS12}); err != nil {
				t.Errorf("%s: %v", host, err)
			}
		}
		_, err := handshake(t, s.address(), &tls.Config{RootCAs: s.ca, ServerName: "other.example.com", MinVersion: tls.VersionTLS12})
		if !errors.As(err, new(x509.HostnameError)) {
			t.Errorf("another name: %v", err)
		}
	}
	names(s, "localhost", "127.0.0.1", "::1")
	for _, file := range []string{"ca-key.pem", "key.pem"} {
		info, err := os.Stat(filepath.Join(s.conf.Data, "tls", file))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info, err)
		}
	}
	authority := read(t, filepath.Join(s.conf.Data, "tls", "ca.pem"))
	cert := read(t, filepath.Join(s.conf.Data, "tls", "cert.pem"))
	again := func(publicURL string) *served {
		t.Helper()
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		s = serve(t, func(c *node.Config) { c.Data, c.PublicURL = s.conf.Data, publicURL })
		if !bytes.Equal(read(t, filepath.Join(s.conf.Data, "tls", "ca.pem")), authority) {
			t.Error("the authority is another, which clients do not trust")
		}
		return s
	}
	again("")
	if !bytes.Equal(read(t, filepath.Join(s.conf.Data, "tls", "cert.pem")), cert) {
		t.Error("the second start made another certificate")
	}
	// It has another name now, and its clients come by it.
	renamed := again("https://taxii.example.com")
	renamed.URL = "https://" + listening(t, renamed)
	names(renamed, "taxii.example.com", "localhost", "127.0.0.1")
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
