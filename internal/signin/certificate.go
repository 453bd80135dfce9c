package signin

import (
	"crypto/sha256"
	"crypto/x509"
	"net/http"
	"sync"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// Certificates signs in with client certificates (K25). Safe for concurrent use.
type Certificates struct {
	x     *exchange.Exchange
	trust *Trust

	mu    sync.Mutex // guards names
	names map[[sha256.Size]byte][]string
}

// NewCertificates makes the sign-in of an exchange with the certificates of
// authorities that are trusted.
func NewCertificates(x *exchange.Exchange, trust *Trust) *Certificates {
	return &Certificates{x: x, trust: trust, names: map[[sha256.Size]byte][]string{}}
}

// Session gives the Session of the account that the client certificate of a
// request's connection is the sign of. Present is false where there was none, or
// one that no account has: such a certificate counts as none. One that was good
// when the connection began and is not any more is Unauthenticated. Certificates
// come out of the handshake alone, never out of a header.
func (c *Certificates) Session(r *http.Request) (s *exchange.Session, present bool, err error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil, false, nil
	}
	if err := c.trust.Check(r.TLS.PeerCertificates); err != nil {
		return nil, true, taxii.Errorf(taxii.Unauthenticated, "the client certificate is not valid").Because(err)
	}
	s, err = c.open(r.TLS.PeerCertificates[0])
	if taxii.KindOf(err) == taxii.NotFound && err != nil {
		return nil, false, nil
	}
	return s, err == nil, err
}

func (c *Certificates) open(leaf *x509.Certificate) (*exchange.Session, error) {
	return c.x.OpenCertificate(c.namesOf(leaf))
}

// namesOf gives the names of a certificate, which are put together once: to do it
// for each request would cost as much as an empty poll.
func (c *Certificates) namesOf(leaf *x509.Certificate) []string {
	key := sha256.Sum256(leaf.Raw)
	c.mu.Lock()
	defer c.mu.Unlock()
	names, known := c.names[key]
	if !known {
		if len(c.names) >= maxChecked {
			clear(c.names)
		}
		names = exchange.CertificateNames(leaf)
		c.names[key] = names
	}
	return names
}
