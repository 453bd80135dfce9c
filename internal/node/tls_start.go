package node

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/mholt/acmez/v3"
)

// tls makes the configuration of TLS: with a certificate by ACME and, while there
// is none, the one that show shows; and with client certificates where they are
// asked for.
func (n *node) tls(show func(*tls.ClientHelloInfo) (*tls.Certificate, error)) (*tls.Config, error) {
	var err error
	if len(n.conf.ACMEHosts) > 0 {
		if n.acme, err = n.acmeKeeper(show); err != nil {
			return nil, err
		}
		show = n.acme.get
	}
	conf := tlsConfig(show)
	if n.acme != nil {
		conf.NextProtos = append(conf.NextProtos, acmez.ACMETLS1Protocol)
	}
	if n.clients != nil {
		n.clients.asking(conf)
	}
	return conf, nil
}

// startTLS starts what looks after certificates, ours and those of clients, and the
// server on the plain address, if there is one.
func (n *node) startTLS(work context.Context, plain *httpServer, failed chan<- error) {
	if n.clients != nil {
		n.start(func() { n.clients.run(work) })
	}
	if n.acme != nil {
		n.start(func() { n.acme.run(work) })
	}
	if plain != nil {
		n.start(func() { failed <- plain.runAll([]net.Listener{plain.opened}) })
	}
}
