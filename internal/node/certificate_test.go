package node_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/hansom-taxii/hansom/internal/trial"
)

// certified is a node with three listeners, one for each way to ask for client
// certificates, and what its clients have.
type certified struct {
	*served
	ours, other *trial.Authority
	crl         string
	at          map[string]string // addresses by off, request and require
	x           *exchange.Exchange
}

func certifiedNode(t *testing.T) *certified {
	t.Helper()
	dir := t.TempDir()
	c := &certified{ours: trial.NewAuthority(t, "ours"), other: trial.NewAuthority(t, "ours"), crl: filepath.Join(dir, "list.pem"), at: map[string]string{}}
	ca := filepath.Join(dir, "ca.pem")
	write(t, ca, c.ours.PEM())
	write(t, c.crl, c.ours.Revoke(t, time.Now().Add(time.Hour), nil))
	c.at["request"], c.at["require"] = trial.Address(t), trial.Address(t)
	c.served = serveWith(t, func(conf *node.Config) {
		conf.ClientCA, conf.ClientCRL = ca, []string{c.crl}
		conf.Listeners = []string{c.at["request"] + " client_certificates=request", c.at["require"] + " client_certificates=require"}
	}, func(ctx context.Context, x *exchange.Exchange) error {
		c.x = x
		return furnish(ctx, x)
	})
	c.at["off"] = c.address()
	if want := `"msg":"serving here too","listen":"` + c.at["require"] + `","client_certificates":"require"`; !strings.Contains(c.log.String(), want) {
		t.Errorf("the log does not say where it listens besides: %s", c.log.String())
	}
	return c
}

// maps makes a certificate the sign of an account, and gives the id of that.
func (c *certified) maps(t *testing.T, account, name string) string {
	t.Helper()
	made, err := c.x.Operator().AddCertificate(t.Context(), exchange.CertificateSetting{Account: account, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return made.ID
}

// client makes a client with a certificate, or without for nil, whose connections
// are its own.
func (c *certified) client(t *testing.T, cert *tls.Certificate, two bool, set func(*tls.Config)) *http.Client {
	t.Helper()
	conf := &tls.Config{RootCAs: c.ca, MinVersion: tls.VersionTLS12}
	if cert != nil { // also where the server names other authorities
		conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	if set != nil {
		set(conf)
	}
	transport := &http.Transport{TLSClientConfig: conf, ForceAttemptHTTP2: two}
	if !two {
		transport.Protocols = new(http.Protocols)
		transport.Protocols.SetHTTP1(true)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// asks gets a page of objects at an address and gives the status, or 0 where the
// handshake fails. Basic is the account whose password is sent, "" for none.
func (c *certified) asks(t *testing.T, client *http.Client, address, basic string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+objects, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/taxii+json;version=2.1")
	if basic != "" {
		r.SetBasicAuth(basic, password)
	}
	resp, err := client.Do(r)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s fails for another reason than its certificate: %v", address, err)
		}
		return 0
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Error(err)
	}
	return resp.StatusCode
}

func TestClientCertificatesSignInAloneAndBesideBasicAsEachListenerAsks(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R083", "K25")
	c := certifiedNode(t)
	mapped, revoked := c.ours.Issue(t, "alice", nil), c.ours.Issue(t, "alice", nil)
	unmapped := c.ours.Issue(t, "nobody", nil)
	expired := c.ours.Issue(t, "alice", func(l *x509.Certificate) { l.NotAfter = time.Now().Add(-time.Minute) })
	foreign := c.other.Issue(t, "alice", nil)
	c.maps(t, "alice", "subject:CN=alice")
	write(t, c.crl, c.ours.Revoke(t, time.Now().Add(time.Hour), nil, revoked.Leaf))
	await(t, "the revocation", 20*time.Second, func() bool { return c.asks(t, c.client(t, &revoked, false, nil), c.at["request"], "") == 0 })

	for _, row := range []struct {
		listener, what string
		cert           *tls.Certificate
		alone          int // the status without Basic; 0: no handshake
		beside, bob    int // with the password of alice, and of bob
	}{
		{"off", "none", nil, 401, 200, 200},
		{"off", "mapped", &mapped, 401, 200, 200},
		{"off", "revoked", &revoked, 401, 200, 200},
		{"off", "foreign", &foreign, 401, 200, 200},
		{"request", "none", nil, 401, 200, 200},
		{"request", "mapped", &mapped, 200, 200, 401},
		{"request", "unmapped", &unmapped, 401, 200, 200},
		{"request", "revoked", &revoked, 0, 0, 0},
		{"request", "expired", &expired, 0, 0, 0},
		{"request", "foreign", &foreign, 0, 0, 0},
		{"require", "none", nil, 0, 0, 0},
		{"require", "mapped", &mapped, 200, 200, 401},
		{"require", "unmapped", &unmapped, 401, 200, 200},
		{"require", "revoked", &revoked, 0, 0, 0},
		{"require", "expired", &expired, 0, 0, 0},
		{"require", "foreign", &foreign, 0, 0, 0},
	} {
		for _, two := range []bool{false, true} {
			client := c.client(t, row.cert, two, nil)
			for basic, want := range map[string]int{"": row.alone, "alice": row.beside, "bob": row.bob} {
				if got := c.asks(t, client, c.at[row.listener], basic); got != want {
					t.Errorf("%s, certificate %s, Basic %q, HTTP/2 %t: got %d, want %d", row.listener, row.what, basic, two, got, want)
				}
			}
		}
	}
}

func TestAnAccountThatNeedsACertificateIsLetInWithNothingElse(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K25")
	c := certifiedNode(t)
	mine := c.ours.Issue(t, "alice", func(l *x509.Certificate) { l.EmailAddresses = []string{"alice@Example.COM"} })
	nobodys := c.ours.Issue(t, "nobody", nil)
	c.maps(t, "alice", "email:alice@example.com")
	token, _, err := c.x.Operator().CreateToken(t.Context(), exchange.TokenSetting{Account: "alice", Name: "siem"})
	if err != nil {
		t.Fatal(err)
	}
	err = c.x.Operator().SetAccount(t.Context(), "alice", func(a *exchange.AccountSetting) error {
		a.Options = []string{exchange.OptionCertificate}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	with := func(client *http.Client, address, header string) int {
		r := c.request(t, "GET", objects, "")
		r.URL.Host = address
		r.Header.Set("Authorization", header)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	none, beside, other := c.client(t, nil, false, nil), c.client(t, &mine, false, nil), c.client(t, &nobodys, false, nil)
	for what, got := range map[string]int{
		"a password alone":                        c.asks(t, none, c.at["off"], "alice"),
		"a password alone, asked for one":         c.asks(t, none, c.at["request"], "alice"),
		"a password beside a certificate of none": c.asks(t, other, c.at["require"], "alice"),
		"a token alone":                           with(none, c.at["off"], "Bearer "+token),
		"a certificate where none is asked for":   c.asks(t, beside, c.at["off"], "alice"),
	} {
		if got != http.StatusUnauthorized {
			t.Errorf("%s: %d", what, got)
		}
	}
	for what, got := range map[string]int{
		"the certificate alone":             c.asks(t, beside, c.at["request"], ""),
		"a password beside the certificate": c.asks(t, beside, c.at["require"], "alice"),
		"a token beside the certificate":    with(beside, c.at["request"], "Bearer "+token),
		"another account, which needs none": c.asks(t, none, c.at["off"], "bob"),
	} {
		if got != http.StatusOK {
			t.Errorf("%s: %d", what, got)
		}
	}
}

// remembers keeps the last session of TLS, and counts how often it was used.
type remembers struct {
	tls.ClientSessionCache
	got int
}

func (r *remembers) Get(key string) (*tls.ClientSessionState, bool) {
	s, ok := r.ClientSessionCache.Get(key)
	if ok {
		r.got++
	}
	return s, ok
}

func TestAHandshakeThatGoesOnWhereAnotherLeftOffDoesNotOutliveARevocation(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		c := certifiedNode(t)
		cert := c.ours.Issue(t, "alice", nil)
		c.maps(t, "alice", "subject:CN=alice")
		sessions := &remembers{ClientSessionCache: tls.NewLRUClientSessionCache(4)}
		client := c.client(t, &cert, false, func(conf *tls.Config) { conf.ClientSessionCache, conf.MaxVersion = sessions, version })
		resumed := func() int {
			client.CloseIdleConnections() // the next request shakes hands again
			return c.asks(t, client, c.at["request"], "")
		}
		if a, b := resumed(), resumed(); a != 200 || b != 200 || sessions.got == 0 {
			t.Fatalf("%s: before: %d and %d, %d sessions went on", tls.VersionName(version), a, b, sessions.got)
		}
		before := sessions.got
		write(t, c.crl, c.ours.Revoke(t, time.Now().Add(time.Hour), nil, cert.Leaf))
		await(t, "the revocation", 20*time.Second, func() bool { return resumed() == 0 })
		if sessions.got == before {
			t.Errorf("%s: no session was tried again", tls.VersionName(version))
		}
	}
}

func TestWhatIsOpenByACertificateEndsWithItAndWithTheAccountsNameForIt(t *testing.T) {
	t.Parallel()
	c := certifiedNode(t)
	cert, second := c.ours.Issue(t, "alice", nil), c.ours.Issue(t, "alice", func(l *x509.Certificate) { l.DNSNames = []string{"second.example.com"} })
	id := c.maps(t, "alice", "subject:CN=alice")
	c.maps(t, "bob", "dns:second.example.com")
	mapped, revoked := c.stream(t, &cert, "alice"), c.stream(t, &second, "bob")
	if err := c.x.Operator().RemoveCertificate(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	ends(t, "the stream of a certificate that is nobody's any more", mapped)
	write(t, c.crl, c.ours.Revoke(t, time.Now().Add(time.Hour), nil, second.Leaf))
	ends(t, "the stream of a certificate that was revoked", revoked)
}

// stream opens an event stream with a certificate, and gives what it reads.
func (c *certified) stream(t *testing.T, cert *tls.Certificate, account string) *bufio.Reader {
	t.Helper()
	client := c.client(t, cert, false, nil)
	client.Timeout = 0
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+c.at["request"]+"/trust/channels/alerts/messages/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the stream of %s: %s", account, resp.Status)
	}
	return bufio.NewReader(resp.Body)
}

func ends(t *testing.T, what string, stream *bufio.Reader) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, stream)
	}()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Errorf("%s goes on", what)
	}
}

func TestCurlSignsInWithACertificate(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K25")
	curl, err := exec.LookPath("curl")
	trial.Need(t, err == nil, "curl")
	c := certifiedNode(t)
	cert := c.ours.Issue(t, "alice", func(l *x509.Certificate) { l.DNSNames = []string{"sensor.example.com"} })
	c.maps(t, "alice", "dns:sensor.example.com")
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, certFile, trial.CertificatePEM(cert.Leaf.Raw))
	write(t, keyFile, trial.KeyPEM(t, cert))
	out, err := exec.CommandContext(t.Context(), curl, "-sS", "--cacert", filepath.Join(c.conf.Data, "tls", "ca.pem"), "--cert", certFile, "--key", keyFile,
		"-H", "Accept: application/taxii+json;version=2.1", "-w", "%{http_code}", "https://"+c.at["require"]+objects).CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "200") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAServerWithoutItsAuthoritiesDoesNotStart(t *testing.T) {
	t.Parallel()
	c := fresh(t)
	if _, err := node.Init(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	c.ClientCA, c.ClientCertificates = filepath.Join(t.TempDir(), "ca.pem"), "request"
	if err := node.Serve(t.Context(), c, node.Options{}); err == nil || !strings.Contains(err.Error(), "read the authorities of clients") {
		t.Error(err)
	}
	if err := os.WriteFile(c.ClientCA, trial.NewAuthority(t, "ours").PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	c.ClientCRL = []string{filepath.Join(t.TempDir(), "none.crl")}
	if err := node.Serve(t.Context(), c, node.Options{}); err == nil || !strings.Contains(err.Error(), "read the revocation list") {
		t.Error(err)
	}
}
