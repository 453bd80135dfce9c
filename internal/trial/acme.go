package trial

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	octets "encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Pebble is how the ACME server of Let's Encrypt for tests is got.
const Pebble = "go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1"

// ACME is a real ACME server (Pebble) on loopback. It looks for what it checks at
// 127.0.0.1, whatever the name, and keeps nothing when it is stopped.
type ACME struct {
	Directory string // URL
	CAFile    string // the authority of its own certificate
	Log       *bytes.Buffer

	dir, dns string
	config   map[string]any
	http     *http.Client
	cmd      *exec.Cmd
	done     chan error
}

// ACMESetting says where an ACME server looks, and how long its certificates are
// good.
type ACMESetting struct {
	TLS, HTTP string // addresses of the server that is looked at; "" for a port where nothing is
	Lasts     time.Duration
}

// StartACME starts an ACME server, and stops it when the test ends. It needs Pebble.
func StartACME(t testing.TB, set ACMESetting) *ACME {
	t.Helper()
	a := NewACME(t, set)
	a.Start(t)
	return a
}

// NewACME prepares an ACME server that does not run yet.
func NewACME(t testing.TB, set ACMESetting) *ACME {
	t.Helper()
	_, err := exec.LookPath("pebble")
	Need(t, err == nil, "pebble ("+Pebble+")")
	a := &ACME{dir: t.TempDir(), dns: serveNames(t)}
	authority := NewAuthority(t, "authority of the ACME server")
	own := authority.Issue(t, "localhost", func(c *x509.Certificate) {
		c.IPAddresses, c.ExtKeyUsage = []net.IP{net.IPv4(127, 0, 0, 1)}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	a.CAFile = a.file(t, "ca.pem", authority.PEM())
	address := Address(t)
	a.Directory = "https://" + address + "/dir"
	a.config = map[string]any{
		"listenAddress": address, "managementListenAddress": Address(t),
		"certificate": a.file(t, "cert.pem", CertificatePEM(own.Leaf.Raw)), "privateKey": a.file(t, "key.pem", KeyPEM(t, own)),
		"tlsPort": portOf(t, set.TLS), "httpPort": portOf(t, set.HTTP),
		"retryAfter":   map[string]int{"authz": 1, "order": 1},
		"keyAlgorithm": "ecdsa",
		"profiles":     map[string]any{"default": map[string]any{"description": "of a test", "validityPeriod": int(set.Lasts.Seconds())}},
	}
	pool := x509.NewCertPool()
	pool.AddCert(authority.Cert)
	a.http = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}}
	t.Cleanup(func() { a.Stop(t) })
	return a
}

func (a *ACME) file(t testing.TB, name string, text []byte) string {
	t.Helper()
	file := filepath.Join(a.dir, name)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func portOf(t testing.TB, address string) int {
	t.Helper()
	if address == "" {
		address = Address(t)
	}
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// Start starts the ACME server, also again.
func (a *ACME) Start(t testing.TB) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"pebble": a.config})
	if err != nil {
		t.Fatal(err)
	}
	a.Log, a.done = new(bytes.Buffer), make(chan error, 1)
	a.cmd = exec.Command("pebble", "-config", a.file(t, "config.json", text), "-dnsserver", a.dns)
	a.cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	a.cmd.Stdout, a.cmd.Stderr = a.Log, a.Log
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { a.done <- a.cmd.Wait() }()
	for deadline := time.Now().Add(readyWithin); ; time.Sleep(20 * time.Millisecond) {
		if resp, err := a.http.Get(a.Directory); err == nil {
			_ = resp.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the ACME server does not serve")
		}
	}
}

// Stop stops the ACME server, if it runs.
func (a *ACME) Stop(t testing.TB) {
	t.Helper()
	if a.cmd == nil {
		return
	}
	_ = a.cmd.Process.Kill() // it is gone, or goes now
	<-a.done
	a.cmd = nil
}

// Roots gives the authority under which the ACME server issues; each run has
// another one.
func (a *ACME) Roots(t testing.TB) *x509.CertPool {
	t.Helper()
	resp, err := a.http.Get(fmt.Sprintf("https://%s/roots/0", a.config["managementListenAddress"]))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatalf("no authority in %s", text)
	}
	return pool
}

// serveNames answers every question for an IPv4 address with 127.0.0.1, and any
// other with nothing, over TCP, as Pebble asks. It gives its address.
func serveNames(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerNames(conn)
		}
	}()
	return l.Addr().String()
}

// answerNames answers what comes over one connection, each message behind its
// length.
func answerNames(conn net.Conn) {
	defer conn.Close()
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		question := make([]byte, octets.BigEndian.Uint16(head))
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		answer := named(question)
		if answer == nil {
			return
		}
		if _, err := conn.Write(append(octets.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

func named(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
			Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	answer, err := m.Pack()
	if err != nil {
		return nil
	}
	return answer
}
