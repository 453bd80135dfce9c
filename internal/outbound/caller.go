package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// The bounds of one call.
const (
	// connectTimeout is for the TCP connection, and again for the TLS handshake
	// and for each question to the resolver: who needs longer will not answer in
	// time either.
	connectTimeout = 5 * time.Second
	// callTimeout is for a whole call, from the question to the resolver to the
	// last octet of the answer.
	callTimeout = 15 * time.Second
	// maxAnswer is how many octets of an answer are read; then the connection is
	// closed.
	maxAnswer = 4096
	// maxAnswerHeaders bounds the headers of an answer, all interim answers
	// included, in octets.
	maxAnswerHeaders = 16 << 10
	// perHost and perNode are how many calls run at once: a host is not flooded,
	// and slow hosts do not hold all memory and sockets.
	perHost, perNode = 4, 64
	// maxAddresses bounds the addresses of a name; each is checked. Of those
	// dialAddresses are tried.
	maxAddresses, dialAddresses = 64, 4
)

// Options say which hosts may be called. The zero value: names that lead to
// public addresses, port 443, no proxy.
type Options struct {
	// Allow lists single addresses and ports of the refused kinds that may be
	// called all the same, as names that lead there and as literals.
	Allow []netip.AddrPort
	// Ports may be called beside 443.
	Ports []uint16
	// Hosts, where there are any, are the only ones: names, or *.example.com for
	// all names below one. What Allow lists as a literal needs no name.
	Hosts []string
	// Literals lets a URL name a public address.
	Literals bool
	// Own are this server's own public names, and Self the addresses it listens
	// on (an unspecified one stands for all of this machine): never called.
	Own  []string
	Self []netip.AddrPort
	// Authorities are trusted besides those of the system; PEM.
	Authorities []byte
	// Proxy is the http URL of a proxy that connects (CONNECT) to the checked
	// address; nil: none. The environment is never asked.
	Proxy *url.URL
	// Agent is the User-Agent; "" sends none.
	Agent string
	// Resolver is asked for the addresses of names; nil: the system's.
	Resolver *net.Resolver
}

// Caller calls other hosts. It is safe for concurrent use.
type Caller struct {
	opt      Options
	allow    map[netip.AddrPort]bool
	ports    map[uint16]bool
	own      map[string]bool
	trusted  *x509.CertPool // nil: the system's
	resolver *net.Resolver
	slots    *slots
	dial     func(ctx context.Context, address netip.AddrPort) (net.Conn, error) // one TCP connection
	times    times
}

type times struct{ connect, call time.Duration }

// New makes a Caller. It fails where Authorities holds no certificate or Proxy
// is no http URL.
func New(o Options) (*Caller, error) {
	c := &Caller{
		opt: o, allow: map[netip.AddrPort]bool{}, ports: map[uint16]bool{webPort: true}, own: map[string]bool{},
		resolver: o.Resolver, slots: newSlots(), dial: dialTCP, times: times{connectTimeout, callTimeout},
	}
	for _, a := range o.Allow {
		c.allow[netip.AddrPortFrom(a.Addr().Unmap(), a.Port())] = true
	}
	for _, p := range o.Ports {
		c.ports[p] = true
	}
	for _, name := range o.Own {
		c.own[strings.ToLower(strings.TrimSuffix(name, "."))] = true
	}
	if c.resolver == nil {
		c.resolver = net.DefaultResolver
	}
	if p := o.Proxy; p != nil && (p.Scheme != "http" || p.Hostname() == "") {
		return nil, fmt.Errorf("the proxy needs a URL such as http://proxy.example.com:3128")
	}
	return c, c.trust(o.Authorities)
}

func (c *Caller) trust(authorities []byte) error {
	if len(authorities) == 0 {
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(authorities) {
		return fmt.Errorf("the authorities hold no certificate in PEM")
	}
	c.trusted = pool
	return nil
}

// transport makes what carries one call: a connection of its own, which ends
// with it, so that no call goes over a connection whose address was checked for
// another. Nothing is followed, remembered or decoded. Whatever becomes of the
// call, the connection is dead at until.
func (c *Caller) transport(t target, until time.Time) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            func(ctx context.Context, _, _ string) (net.Conn, error) { return c.connect(ctx, t, until) },
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.trusted, ServerName: t.host},
		TLSHandshakeTimeout:    c.times.connect,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxAnswerHeaders,
		Protocols:              protocols,
	}
}
