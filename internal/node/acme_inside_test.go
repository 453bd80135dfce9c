package node

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/mholt/acmez/v3/acme"
)

func TestNothingIsServedAfterAHandshakeForAnACMEServer(t *testing.T) {
	t.Parallel()
	k := &acmeKeeper{solver: newACMESolver()}
	challenge := acme.Challenge{
		Type: acme.ChallengeTypeTLSALPN01, Token: "token", KeyAuthorization: "token.thumbprint",
		Identifier: acme.Identifier{Type: "dns", Value: "taxii.example.com"},
	}
	if err := k.solver.Present(t.Context(), challenge); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(notOfACME(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "served") })))
	s.TLS = tlsConfig(k.get)
	s.TLS.NextProtos = []string{"http/1.1", "acme-tls/1"}
	s.StartTLS()
	t.Cleanup(s.Close)
	shake := func() (*tls.Conn, error) {
		return tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", s.Listener.Addr().String(), &tls.Config{
			InsecureSkipVerify: true, ServerName: "taxii.example.com", NextProtos: []string{"acme-tls/1"}, MinVersion: tls.VersionTLS12,
		})
	}
	conn, err := shake()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cert := conn.ConnectionState().PeerCertificates[0]
	if cert.Subject.CommonName != "ACME challenge" || cert.VerifyHostname("taxii.example.com") != nil {
		t.Errorf("the ACME server sees a certificate of %s", cert.Subject)
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, "GET /taxii2/ HTTP/1.1\r\nHost: taxii.example.com\r\n\r\n")
	if text, _ := io.ReadAll(conn); len(text) > 0 {
		t.Errorf("it was answered: %s", text)
	}
	if err := k.solver.CleanUp(t.Context(), challenge); err != nil {
		t.Fatal(err)
	}
	if _, err := shake(); err == nil {
		t.Error("a certificate is still shown once the ACME server has seen it")
	}
}

func TestACMEServersAskForAddressesByTheirNamesForReverseLookUps(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"Taxii.example.com": "taxii.example.com", "192.0.2.7": "7.2.0.192.in-addr.arpa",
		"2001:db8::1": "1." + strings.Repeat("0.", 23) + "8.b.d.0.1.0.0.2.ip6.arpa",
	} {
		if got := serverName(host); got != want {
			t.Errorf("%s: got %s, want %s", host, got, want)
		}
	}
}

func TestACertificateIsGotOnceTheACMEServerIsBack(t *testing.T) {
	t.Parallel()
	address := trial.Address(t)
	a := trial.NewACME(t, trial.ACMESetting{TLS: address, Lasts: 24 * time.Hour})
	n := &node{log: slog.New(slog.DiscardHandler)}
	n.conf.Data, n.conf.ACME, n.conf.ACMECA, n.conf.ACMEHosts = t.TempDir(), a.Directory, a.CAFile, []string{"taxii.example.com"}
	k, err := n.acmeKeeper(nil)
	if err != nil {
		t.Fatal(err)
	}
	k.first = 50 * time.Millisecond
	conf := tlsConfig(k.get)
	conf.NextProtos = []string{"acme-tls/1"}
	l, err := tls.Listen("tcp", address, conf)
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
			_ = c.(*tls.Conn).HandshakeContext(t.Context())
			_ = c.Close()
		}
	}()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); k.run(ctx) }()
	for range 2 { // the first tries have failed
		time.Sleep(100 * time.Millisecond)
		if k.held() != nil {
			t.Fatal("there is a certificate, and no ACME server")
		}
	}
	a.Start(t)
	for deadline := time.Now().Add(time.Minute); k.held() == nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no certificate comes")
		}
	}
	stop()
	<-ended
	again, err := n.acmeKeeper(nil)
	if err != nil || again.held() == nil || !again.held().Leaf.Equal(k.held().Leaf) {
		t.Errorf("it was not kept: %v", err)
	}
	n.conf.ACMEHosts = []string{"other.example.com"}
	if other, err := n.acmeKeeper(nil); err != nil || other.held() != nil {
		t.Errorf("for another host the same is shown: %v", err)
	}
}
