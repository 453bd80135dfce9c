package whole_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// certified is a demo that asks its clients for certificates.
type certified struct {
	*trial.Server
	authority *trial.Authority
	lists     string // its revocation list
}

func certifiedServer(t *testing.T, e trial.Engine) *certified {
	t.Helper()
	dir := t.TempDir()
	c := &certified{authority: trial.NewAuthority(t, "authority of clients"), lists: filepath.Join(dir, "list.crl")}
	write(t, filepath.Join(dir, "ca.pem"), c.authority.PEM())
	c.revoke(t)
	c.Server = e.Start(t, trial.Settings(t, "client_certificates: request", "client_ca: "+filepath.Join(dir, "ca.pem"), "client_crl: ["+c.lists+"]")...)
	return c
}

func (c *certified) revoke(t *testing.T, certs ...*x509.Certificate) {
	t.Helper()
	write(t, c.lists, c.authority.Revoke(t, time.Now().Add(time.Hour), nil, certs...))
}

// as gives the same server as a client with a certificate sees it.
func (c *certified) as(t *testing.T, cert tls.Certificate) *trial.Server {
	t.Helper()
	s := *c.Server
	transport, ok := c.HTTP.Transport.(*http.Transport)
	if !ok {
		t.Fatalf("the transport is a %T", c.HTTP.Transport)
	}
	transport = transport.Clone()
	transport.TLSClientConfig.Certificates = []tls.Certificate{cert}
	t.Cleanup(transport.CloseIdleConnections)
	s.HTTP = &http.Client{Transport: transport, Timeout: time.Minute}
	return &s
}

func TestAClientCertificateIsAnAccountUntilItIsTakenAway(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K25")
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		c := certifiedServer(t, e)
		cert := c.authority.Issue(t, "sensor", func(l *x509.Certificate) { l.DNSNames = []string{"sensor.example.com"} })
		sensor, path := c.as(t, cert), c.Collection(t, "indicators")+"/objects/"
		get := func() trial.Answer { return sensor.Get(t, "", path) }
		status(t, get(), http.StatusUnauthorized)

		hansom(t, c.Dir, "", "certificate", "add", "member", "--san", "dns:sensor.example.com")
		soon(t, "the certificate of the member", http.StatusOK, get)
		status(t, sensor.Get(t, "reader", path), http.StatusUnauthorized)
		status(t, sensor.Get(t, "member", path), http.StatusOK)

		hansom(t, c.Dir, "", "account", "set", "member", "--option", "certificate_required")
		soon(t, "the member without its certificate", http.StatusUnauthorized, func() trial.Answer { return c.Get(t, "member", path) })
		status(t, sensor.Get(t, "member", path), http.StatusOK)

		c.Stop(t)
		c.Run(t)
		sensor = c.as(t, cert)
		status(t, get(), http.StatusOK)

		hansom(t, c.Dir, "", "account", "remove", "member")
		soon(t, "the certificate of an account that was removed", http.StatusUnauthorized, get)
	})
}

func TestTaxii2ClientSignsInWithACertificate(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K25")
	program := python(t)
	c := certifiedServer(t, trial.SQLite)
	hansom(t, c.Dir, "", "certificate", "add", "member", "--subject", "CN=member")
	cert, dir := c.authority.Issue(t, "member", nil), t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, certFile, trial.CertificatePEM(cert.Leaf.Raw))
	write(t, keyFile, trial.KeyPEM(t, cert))
	const script = `
import sys
from taxii2client.v21 import Server
url, ca, cert, key = sys.argv[1:]
found = [c for root in Server(url, verify=ca, cert=(cert, key)).api_roots for c in root.collections if c.can_read]
sys.exit(0 if found and any(c.get_objects().get("objects") for c in found) else "nothing is there to read")
`
	ctx, cancel := context.WithTimeout(t.Context(), talkWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-c", script, c.URL+c.Discovery, c.CAFile, certFile, keyFile)
	cmd.Env = append(trial.Environ(), "REQUESTS_CA_BUNDLE="+c.CAFile, "CURL_CA_BUNDLE=") // or those of the machine go before
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
