package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/signin"
)

// Whether clients are asked for certificates.
const (
	certificatesOff     = "off"
	certificatesRequest = "request"
	certificatesRequire = "require"
)

const (
	// sweepEvery is how often it is looked whether the certificates of open
	// connections are still good, after a change of the files. What ends by time
	// alone is looked for every sweepTimes.
	sweepEvery = time.Second
	sweepTimes = 10
)

// clients are connections with client certificates that were taken.
type clients struct {
	trust *signin.Trust
	log   *slog.Logger

	mu   sync.Mutex // guards open; never held while a connection is closed
	open map[*conn][]*x509.Certificate
}

// asking completes the configuration of TLS for listeners that ask for client
// certificates. Every handshake is checked, also one that goes on where another
// left off (session tickets), which crypto/tls itself does not check again.
func (c *clients) asking(base *tls.Config) {
	plain := base.Clone()
	base.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		from, ok := hello.Conn.(*conn)
		if !ok {
			return nil, errors.New("a connection of no listener") // is a mistake of ours, and must not pass
		}
		if from.from.certificates == certificatesOff || ofACME(hello) {
			return nil, nil
		}
		conf := plain.Clone()
		conf.ClientCAs, conf.ClientAuth = c.trust.Authorities(), tls.RequestClientCert
		if from.from.certificates == certificatesRequire {
			conf.ClientAuth = tls.RequireAnyClientCert
		}
		conf.VerifyConnection = func(state tls.ConnectionState) error { return c.take(from, state.PeerCertificates) }
		return conf, nil
	}
}

// take checks the certificate of a connection. No certificate is none to check.
func (c *clients) take(from *conn, chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return nil
	}
	if err := c.trust.Check(chain); err != nil {
		return err
	}
	c.mu.Lock()
	c.open[from] = chain
	c.mu.Unlock()
	gone := func() {
		c.mu.Lock()
		delete(c.open, from)
		c.mu.Unlock()
	}
	if !from.tell(gone) {
		gone()
	}
	return nil
}

// run closes connections, and with them all that is open on them, once their
// certificates are not good any more.
func (c *clients) run(ctx context.Context) {
	last, tick := c.trust.Changed(), 0
	for sleep(ctx, sweepEvery) {
		now := c.trust.Changed()
		if tick++; now == last && tick%sweepTimes != 0 {
			continue
		}
		last = now
		c.sweep(ctx)
	}
}

func (c *clients) sweep(ctx context.Context) {
	for from, err := range c.bad() {
		c.log.LogAttrs(ctx, slog.LevelInfo, "connection closed: its client certificate is not good any more",
			slog.String("remote", from.RemoteAddr().String()), slog.Any("error", err))
		_ = from.Close() // whoever is at the other end sees it
	}
}

func (c *clients) bad() map[*conn]error {
	c.mu.Lock()
	defer c.mu.Unlock()
	bad := map[*conn]error{}
	for from, chain := range c.open {
		if err := c.trust.Check(chain); err != nil {
			bad[from] = err
		}
	}
	return bad
}

// certificates makes the sign-in with client certificates, and what checks them in
// handshakes; nil where no listener asks for any.
func (n *node) certificates() (signin.Certificate, error) {
	if n.conf.ClientCA == "" {
		return nil, nil
	}
	trust, err := signin.OpenTrust(n.conf.ClientCA, n.conf.ClientCRL, n.log)
	if err != nil {
		return nil, err
	}
	n.clients = &clients{trust: trust, log: n.log, open: map[*conn][]*x509.Certificate{}}
	return signin.NewCertificates(n.x, trust), nil
}
