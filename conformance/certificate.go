package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"time"
)

// withMadeUp asks with a certificate that this check has just made, and without an
// account. It tells whether the server asked for one at all; the answer is nil
// where it let nobody in who showed it.
func (p *probe) withMadeUp(address string) (a *answer, asked bool) {
	made, err := madeUp(p.suite.target.Account.Name)
	p.need(err == nil, "a certificate can be made: %v", err)
	p.through(false, func(t *http.Transport) {
		t.TLSClientConfig.Certificates = nil
		t.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return made, nil
		}
	}, func(c *http.Client) {
		r := usual(http.MethodGet, address, Account{}, nil)
		r.host = c
		a, err = p.suite.target.send(p.ctx, r)
		p.exchanges = append(p.exchanges, a.Exchange)
	})
	if err != nil {
		return nil, asked
	}
	return a, asked
}

// madeUp makes a certificate for a name, signed by nobody else.
func madeUp(name string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

func authenticationMadeUp(p *probe) {
	a, _ := p.withMadeUp(p.closed())
	if a != nil {
		p.shut(a)
	}
}

// authenticationCertificate uses the certificate that the caller gave. Without
// one there is only this to see: a server that asks for certificates looks at them.
func authenticationCertificate(p *probe) {
	address := p.closed()
	if p.suite.target.Certificates {
		p.ok(address, anonymous())
		return
	}
	a, asked := p.withMadeUp(address)
	if !asked {
		p.skip("the server asks for no client certificate")
	}
	p.want(a == nil || a.status != http.StatusOK, "a server that looks at the certificates it asks for")
	p.skip("no client certificate was given")
}
