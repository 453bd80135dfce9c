package outbound

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// TestMain runs more tests at a time than there are processors: they mostly wait.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// receiver is an HTTPS server on loopback with a certificate for some names.
type receiver struct {
	address netip.AddrPort
	ca      []byte
}

func certificate(t *testing.T, names ...string) (*tls.Config, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "receiver"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			form.IPAddresses = append(form.IPAddresses, ip)
		} else {
			form.DNSNames = append(form.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// receive starts a receiver for a name and for 127.0.0.1.
func receive(t *testing.T, name string, handler http.HandlerFunc) receiver {
	t.Helper()
	config, ca := certificate(t, name, "127.0.0.1")
	s := httptest.NewUnstartedServer(handler)
	s.TLS = config
	s.StartTLS()
	t.Cleanup(s.CloseClientConnections)
	t.Cleanup(func() { go s.Close() }) // who never ends answering is not waited for
	return receiver{address: netip.MustParseAddrPort(s.Listener.Addr().String()), ca: ca}
}

// raw starts a receiver that talks as it likes, over TLS.
func raw(t *testing.T, talk func(net.Conn)) receiver {
	t.Helper()
	config, ca := certificate(t, "host.example", "127.0.0.1")
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					talk(conn)
				}
			}()
		}
	}()
	return receiver{address: netip.MustParseAddrPort(l.Addr().String()), ca: ca}
}

func ok(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

// dialled is the Internet of a test: every connection goes to one receiver, and
// where it was to go is written down.
type dialled struct {
	mu sync.Mutex // guards to
	to []string
}

func (d *dialled) lead(c *Caller, r receiver) {
	c.dial = func(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
		d.mu.Lock()
		d.to = append(d.to, a.String())
		d.mu.Unlock()
		return dialTCP(ctx, r.address)
	}
}

func (d *dialled) want(t *testing.T, want ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.to, want) {
		t.Errorf("dialled %q, want %q", d.to, want)
	}
}

func post(t *testing.T, c *Caller, url string) (Answer, error) {
	t.Helper()
	return c.Post(t.Context(), url, nil, []byte("body"))
}

func wantRefused(t *testing.T, what string, err error) {
	t.Helper()
	var refused *Refused
	if !errors.As(err, &refused) {
		t.Errorf("%s: %v, want it refused", what, err)
	}
}

func TestANameServerThatChangesItsAnswerLeadsNowhere(t *testing.T) {
	t.Parallel()
	r := receive(t, "host.example", ok)
	ns := nameServer(t, func(n int, _ dnsmessage.Question) reply {
		if n == 1 {
			return reply{addresses: []string{"93.184.216.34"}}
		}
		return reply{addresses: []string{"127.0.0.1"}}
	})
	c, d := caller(t, Options{Authorities: r.ca, Resolver: ns.resolver()}), &dialled{}
	d.lead(c, r)
	if a, err := post(t, c, "https://host.example/"); err != nil || a.Status != 200 {
		t.Fatalf("first call: %v %v", a, err)
	}
	if a, aaaa := ns.questions(); a != 1 || aaaa != 1 {
		t.Errorf("one call asked %d times for A and %d times for AAAA, want once each", a, aaaa)
	}
	_, err := post(t, c, "https://host.example/")
	wantRefused(t, "second call", err)
	if a, aaaa := ns.questions(); a != 2 || aaaa != 2 {
		t.Errorf("two calls asked %d and %d times", a, aaaa)
	}
	d.want(t, "93.184.216.34:443") // the checked address, and nothing for the second call
	for _, name := range ns.names {
		if name != "host.example." {
			t.Errorf("%s was looked up: a search list", name)
		}
	}
}

func TestEveryAddressOfANameIsChecked(t *testing.T) {
	t.Parallel()
	r := receive(t, "host.example", ok)
	for what, answer := range map[string]reply{
		"one bad among many":       {addresses: []string{"8.8.8.8", "1.1.1.1", "93.184.216.34", "10.0.0.1", "9.9.9.9"}},
		"a bad one last":           {addresses: []string{"8.8.8.8", "127.0.0.1"}},
		"a good A and a bad AAAA":  {addresses: []string{"8.8.8.8", "::1"}},
		"a good AAAA and a bad A":  {addresses: []string{"2606:4700::1111", "169.254.169.254"}},
		"loopback in IPv6 clothes": {addresses: []string{"::ffff:127.0.0.1"}},
		"behind a NAT64":           {addresses: []string{"64:ff9b::7f00:1"}},
		"behind 6to4":              {addresses: []string{"2002:7f00:1::1"}},
		"a chain to loopback":      {addresses: []string{"127.0.0.1"}, chain: []string{"good.example.", "cdn.example.", "localhost."}},
		"a bad one over TCP":       {addresses: []string{"8.8.8.8", "192.168.0.1"}, cut: true},
		"too many":                 {addresses: slices.Repeat([]string{"8.8.8.8"}, maxAddresses+1), cut: true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			ns := nameServer(t, func(int, dnsmessage.Question) reply { return answer })
			c, d := caller(t, Options{Authorities: r.ca, Resolver: ns.resolver()}), &dialled{}
			d.lead(c, r)
			_, err := post(t, c, "https://host.example/")
			wantRefused(t, what, err)
			d.want(t)
		})
	}
	for what, answer := range map[string]reply{
		"a chain to a public address": {addresses: []string{"8.8.8.8"}, chain: []string{"cdn.example."}},
		"an answer over TCP":          {addresses: []string{"8.8.8.8"}, cut: true},
	} {
		ns := nameServer(t, func(int, dnsmessage.Question) reply { return answer })
		c, d := caller(t, Options{Authorities: r.ca, Resolver: ns.resolver()}), &dialled{}
		d.lead(c, r)
		if _, err := post(t, c, "https://host.example/"); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		d.want(t, "8.8.8.8:443")
	}
}

func TestANameServerThatDoesNotAnswerOrAnswersSlowlyEndsTheCall(t *testing.T) {
	t.Parallel()
	for what, answer := range map[string]reply{
		"no answer": {silent: true}, "slow answer": {addresses: []string{"8.8.8.8"}, slow: time.Minute},
		"no such name": {code: dnsmessage.RCodeNameError}, "a failure": {code: dnsmessage.RCodeServerFailure}, "no address": {},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			ns := nameServer(t, func(int, dnsmessage.Question) reply { return answer })
			c, d := caller(t, Options{Resolver: ns.resolver()}), &dialled{}
			d.lead(c, receiver{})
			c.times.connect = 300 * time.Millisecond
			began := time.Now()
			if _, err := post(t, c, "https://host.example/"); err == nil {
				t.Error("the call was answered")
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
			d.want(t)
			ns.mu.Lock()
			defer ns.mu.Unlock()
			for _, name := range ns.names {
				if name != "host.example." {
					t.Errorf("%s was looked up: a search list", name)
				}
			}
		})
	}
}

func TestTheTimesAreThoseOfTheDocument(t *testing.T) {
	t.Parallel()
	c := caller(t, Options{})
	if c.times != (times{connect: 5 * time.Second, call: 15 * time.Second}) || maxAnswer != 4096 || perHost != 4 || perNode != 64 {
		t.Errorf("times %v, answer %d, %d per host, %d per node", c.times, maxAnswer, perHost, perNode)
	}
}

// allowed is a Caller that may call one receiver by its address.
func allowed(t *testing.T, r receiver) (*Caller, string) {
	t.Helper()
	return caller(t, Options{Authorities: r.ca, Allow: []netip.AddrPort{r.address}}), "https://" + r.address.String() + "/hook"
}

func TestASingleAllowedAddressIsCalledAndItsNeighboursAreNot(t *testing.T) {
	t.Parallel()
	r, other := receive(t, "host.example", ok), receive(t, "host.example", ok)
	c, hook := allowed(t, r)
	if a, err := post(t, c, hook); err != nil || a.Status != 200 {
		t.Errorf("the allowed one: %v %v", a, err)
	}
	_, err := post(t, c, "https://"+other.address.String()+"/")
	wantRefused(t, "another port of the same address", err)
	// A name that leads to the allowed address is as good, on that port alone.
	ns := nameServer(t, always("127.0.0.1"))
	c = caller(t, Options{Authorities: r.ca, Allow: []netip.AddrPort{r.address}, Resolver: ns.resolver()})
	if _, err := post(t, c, fmt.Sprintf("https://host.example:%d/", r.address.Port())); err != nil {
		t.Errorf("a name that leads to the allowed address: %v", err)
	}
	_, err = post(t, c, "https://host.example/")
	wantRefused(t, "the same name on another port", err)
	// The server itself is not called, though its address is allowed.
	c = caller(t, Options{Authorities: r.ca, Allow: []netip.AddrPort{r.address}, Self: []netip.AddrPort{r.address}, Resolver: ns.resolver()})
	_, err = post(t, c, fmt.Sprintf("https://host.example:%d/", r.address.Port()))
	wantRefused(t, "a name that leads to the server itself", err)
	// An allowed port opens no public address on it.
	ns = nameServer(t, always("8.8.8.8"))
	c = caller(t, Options{Authorities: r.ca, Allow: []netip.AddrPort{r.address}, Resolver: ns.resolver()})
	_, err = post(t, c, fmt.Sprintf("https://host.example:%d/", r.address.Port()))
	wantRefused(t, "a public address on the allowed port", err)
}

func TestRedirectsAreAnsweredNotFollowed(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	next := receive(t, "host.example", func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	for _, status := range []int{300, 301, 302, 303, 307, 308} {
		r := receive(t, "host.example", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://"+next.address.String()+"/")
			w.Header().Set("Refresh", "0; url=https://"+next.address.String()+"/")
			w.WriteHeader(status)
		})
		c := caller(t, Options{Authorities: append(r.ca, next.ca...), Allow: []netip.AddrPort{r.address, next.address}})
		if a, err := post(t, c, "https://"+r.address.String()+"/"); err != nil || a.Status != status {
			t.Errorf("%d: %v %v", status, a.Status, err)
		}
	}
	if reached.Load() != 0 {
		t.Errorf("%d redirects were followed", reached.Load())
	}
}

func TestARequestCarriesWhatItIsGivenAndNothingOfOurs(t *testing.T) {
	t.Parallel()
	var got []http.Header
	var bodies []string
	r := receive(t, "host.example", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, bodies = append(got, r.Header.Clone()), append(bodies, r.Method+" "+r.URL.RequestURI()+" "+string(body))
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b", Path: "/"})
		w.Header().Set("WWW-Authenticate", "Basic")
		w.WriteHeader(http.StatusUnauthorized)
	})
	c, hook := allowed(t, r)
	for range 2 {
		if _, err := c.Post(t.Context(), hook+"?a=%2F&b", http.Header{"Content-Type": {"application/json"}}, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	for i, h := range got {
		if len(h) != 3 || h.Get("Content-Type") != "application/json" || h.Get("Content-Length") != "2" || h.Get("Connection") != "close" {
			t.Errorf("headers %v", h)
		}
		if bodies[i] != "POST /hook?a=%2F&b {}" {
			t.Errorf("request %q", bodies[i])
		}
	}
	if len(got) != 2 {
		t.Errorf("%d requests", len(got))
	}
}

func TestAnAnswerIsReadTo4096OctetsAndThenTheConnectionIsClosed(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	r := receive(t, "host.example", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				close(closed)
				return
			}
		}
	})
	c, hook := allowed(t, r)
	a, err := post(t, c, hook)
	if err != nil || a.Status != 200 || len(a.Body) != 4096 {
		t.Errorf("%d with %d octets: %v", a.Status, len(a.Body), err)
	}
	select {
	case <-closed:
	case <-time.After(30 * time.Second):
		t.Error("the connection stays open")
	}
}

func TestSlowAndEndlessAnswersEndWithTheTimeOfTheCall(t *testing.T) {
	t.Parallel()
	hang := func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }
	drip := func(conn net.Conn, text string) {
		for {
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	flood := func(conn net.Conn, text string) {
		for {
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
		}
	}
	for what, row := range map[string]struct {
		talk   func(net.Conn)
		status int // 0: no answer
	}{
		"headers of 64 KB": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: "+strings.Repeat("b", 64<<10)+"\r\n\r\n")
		}, 0},
		"nothing":                  {hang, 0},
		"half a status line":       {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 20"); hang(c) }, 0},
		"headers drop by drop":     {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"); drip(c, "A: b\r\n") }, 0},
		"headers without end":      {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"); flood(c, "A: b\r\n") }, 0},
		"one header without end":   {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nA: "); flood(c, "bbbbbbbb") }, 0},
		"a status line of its own": {func(c net.Conn) { flood(c, "HTTP/1.1 200 OK") }, 0},
		"interim answers":          {func(c net.Conn) { flood(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n") }, 0},
		"interim answers, slowly":  {func(c net.Conn) { drip(c, "HTTP/1.1 100 Continue\r\n\r\n") }, 0},
		"not HTTP":                 {func(c net.Conn) { flood(c, "\x00\x01\x02") }, 0},
		"a body drop by drop": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
			drip(c, "x")
		}, 200},
		"a body that never comes": {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 500 No\r\nContent-Length: 4000\r\n\r\n"); hang(c) }, 500},
		"chunks drop by drop": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			drip(c, "1\r\nx\r\n")
		}, 200},
		"chunk extensions": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;")
			flood(c, "abcdefgh")
		}, 200},
		"another protocol": {func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			hang(c)
		}, 101},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c, hook := allowed(t, raw(t, row.talk))
			c.times.call = 2 * time.Second
			began := time.Now()
			a, err := post(t, c, hook)
			if a.Status != row.status || (err == nil) != (row.status != 0) {
				t.Errorf("status %d, want %d: %v", a.Status, row.status, err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
			if err != nil && strings.Contains(err.Error(), "hook") {
				t.Errorf("the error holds the URL: %v", err)
			}
		})
	}
}

func TestAHandshakeAndAConnectionThatDoNotEndAreCut(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // it accepts and says nothing
	r := receiver{address: netip.MustParseAddrPort(l.Addr().String())}
	c := caller(t, Options{Allow: []netip.AddrPort{r.address}})
	c.times.connect = 200 * time.Millisecond
	if _, err := post(t, c, "https://"+r.address.String()+"/"); err == nil {
		t.Error("a handshake without an answer was answered")
	}
	ns := nameServer(t, always("8.8.8.8", "1.1.1.1"))
	c = caller(t, Options{Resolver: ns.resolver()})
	c.times.connect = 2 * time.Second
	var tried atomic.Int32
	c.dial = func(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
		tried.Add(1)
		<-ctx.Done() // a host that takes no connection
		return nil, ctx.Err()
	}
	if _, err := post(t, c, "https://host.example/"); err == nil || tried.Load() != 2 {
		t.Errorf("%d addresses were tried: %v", tried.Load(), err)
	}
}

func TestTheCertificateMustBeForTheNameAndFromATrustedAuthority(t *testing.T) {
	t.Parallel()
	r := receive(t, "host.example", ok)
	ns := nameServer(t, always("8.8.8.8"))
	call := func(o Options, url string) error {
		o.Resolver = ns.resolver()
		c, d := caller(t, o), &dialled{}
		d.lead(c, r)
		_, err := post(t, c, url)
		return err
	}
	if err := call(Options{Authorities: r.ca}, "https://host.example/"); err != nil {
		t.Errorf("the right name: %v", err)
	}
	var wrong x509.HostnameError
	if err := call(Options{Authorities: r.ca}, "https://other.example/"); !errors.As(err, &wrong) {
		t.Errorf("another name: %v", err)
	}
	var unknown x509.UnknownAuthorityError
	if err := call(Options{}, "https://host.example/"); !errors.As(err, &unknown) {
		t.Errorf("an authority that nobody trusts: %v", err)
	}
	if _, err := New(Options{Authorities: []byte("no PEM")}); err == nil {
		t.Error("authorities without a certificate are taken")
	}
}

func TestTLSBelow12IsRefused(t *testing.T) {
	t.Parallel()
	config, ca := certificate(t, "127.0.0.1")
	config.MinVersion, config.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	s := httptest.NewUnstartedServer(http.HandlerFunc(ok))
	s.TLS, s.Config.ErrorLog = config, nil
	s.StartTLS()
	t.Cleanup(s.Close)
	c, hook := allowed(t, receiver{address: netip.MustParseAddrPort(s.Listener.Addr().String()), ca: ca})
	if _, err := post(t, c, hook); err == nil {
		t.Error("TLS 1.1 is good enough")
	}
}

// proxy is an HTTP proxy that connects to one receiver, whatever is asked for.
func proxy(t *testing.T, to netip.AddrPort, answer string) (*url.URL, func() []string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	var asked []string
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				mu.Lock()
				asked = append(asked, r.Method+" "+r.RequestURI+" "+r.Header.Get("Proxy-Authorization"))
				mu.Unlock()
				_, _ = io.WriteString(conn, answer)
				if !strings.Contains(answer, " 200 ") {
					return
				}
				there, err := net.Dial("tcp", to.String())
				if err != nil {
					return
				}
				defer there.Close()
				go func() { _, _ = io.Copy(there, conn) }()
				_, _ = io.Copy(conn, there)
			}()
		}
	}()
	return &url.URL{Scheme: "http", Host: l.Addr().String()}, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(asked)
	}
}

func TestAConfiguredProxyConnectsToTheCheckedAddressAndNoOther(t *testing.T) {
	t.Parallel()
	r := receive(t, "host.example", ok)
	at, asked := proxy(t, r.address, "HTTP/1.1 200 OK\r\nX: y\r\n\r\n")
	at.User = url.UserPassword("us", "secret")
	ns := nameServer(t, always("8.8.8.8"))
	c := caller(t, Options{Authorities: r.ca, Resolver: ns.resolver(), Proxy: at})
	if a, err := post(t, c, "https://host.example/"); err != nil || a.Status != 200 {
		t.Errorf("%v %v", a, err)
	}
	if got := asked(); !slices.Equal(got, []string{"CONNECT 8.8.8.8:443 Basic dXM6c2VjcmV0"}) {
		t.Errorf("the proxy was asked %q", got)
	}
	bad := nameServer(t, always("10.0.0.1"))
	_, err := post(t, caller(t, Options{Resolver: bad.resolver(), Proxy: at}), "https://host.example/")
	wantRefused(t, "a private address through the proxy", err)
	refusing, _ := proxy(t, r.address, "HTTP/1.1 403 Forbidden\r\n\r\n")
	if _, err := post(t, caller(t, Options{Resolver: ns.resolver(), Proxy: refusing}), "https://host.example/"); err == nil {
		t.Error("a proxy that refuses was taken for the host")
	}
	if _, err := New(Options{Proxy: &url.URL{Scheme: "socks5", Host: "proxy:1"}}); err == nil {
		t.Error("a proxy of another kind is taken")
	}
}

func TestTheProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	r := receive(t, "host.example", ok)
	at, asked := proxy(t, r.address, "HTTP/1.1 200 OK\r\n\r\n")
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"} {
		t.Setenv(name, at.String())
	}
	ns := nameServer(t, always("8.8.8.8"))
	c, d := caller(t, Options{Authorities: r.ca, Resolver: ns.resolver()}), &dialled{}
	d.lead(c, r)
	if _, err := post(t, c, "https://host.example/"); err != nil {
		t.Error(err)
	}
	d.want(t, "8.8.8.8:443")
	if got := asked(); len(got) != 0 {
		t.Errorf("the proxy was asked %q", got)
	}
}

func TestAtMostFourCallsToAHostAndSixtyFourInAllAreUnderWay(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ calls, hosts, most int }{{12, 1, perHost}, {100, 25, perNode}} {
		s := newSlots()
		var under, most atomic.Int32
		let := make(chan struct{})
		var all sync.WaitGroup
		for i := range row.calls {
			all.Go(func() {
				free, err := s.take(t.Context(), fmt.Sprint(i%row.hosts))
				if err != nil {
					t.Error(err)
					return
				}
				most.Store(max(most.Load(), under.Add(1)))
				<-let
				under.Add(-1)
				free()
			})
		}
		for deadline := time.Now().Add(30 * time.Second); int(under.Load()) < row.most && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := s.take(ctx, "0"); err == nil {
			t.Errorf("%d calls to %d hosts: there is room for one more", row.calls, row.hosts)
		}
		cancel()
		close(let)
		all.Wait()
		if int(most.Load()) != row.most || len(s.hosts) != 0 || len(s.node) != 0 {
			t.Errorf("%d calls to %d hosts: %d were under way, want %d; %d hosts are kept", row.calls, row.hosts, most.Load(), row.most, len(s.hosts))
		}
	}
}

func TestRetryAfterIsReadAsSecondsOrADate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "0": 0, "-5": 0, "1.5": 0, "soon": 0, "99999999999999": 0,
		"Sun, 01 Mar 2026 10:00:30 GMT": 30 * time.Second, "Sun, 01 Mar 2026 09:00:00 GMT": 0,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
