package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	authorityLasts   = 10 * 365 * 24 * time.Hour
	certificateLasts = 397 * 24 * time.Hour // what browsers take at most
	renewBefore      = 30 * 24 * time.Hour
	// lookAgain is how often the files of the certificate are looked at.
	lookAgain = time.Second
)

// tlsConfig is TLS 1.2 and 1.3 without any suite of the black list of RFC 7540
// (R079, R080, R082). Early data is not offered by crypto/tls over TCP (R081).
func tlsConfig(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: certificate,
		NextProtos:     []string{"h2", "http/1.1"},
		CipherSuites: []uint16{ // of TLS 1.2; those of 1.3 are all good
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
}

// certificates serves a certificate from two files and reads them again when
// they change. Files that cannot be used leave the last good one in place.
type certificates struct {
	certFile, keyFile string
	log               *slog.Logger

	mu     sync.Mutex // guards all below
	cert   *tls.Certificate
	looked time.Time
	seen   [2]fileState
}

type fileState struct {
	size int64
	time time.Time
}

func openCertificates(certFile, keyFile string, log *slog.Logger) (*certificates, error) {
	c := &certificates{certFile: certFile, keyFile: keyFile, log: log}
	return c, c.load(c.state())
}

func (c *certificates) state() (s [2]fileState) {
	for i, file := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(file); err == nil {
			s[i] = fileState{info.Size(), info.ModTime()}
		}
	}
	return s
}

func (c *certificates) load(state [2]fileState) error {
	c.seen = state
	cert, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	c.cert = &cert
	return nil
}

func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= lookAgain {
		c.looked = now
		if state := c.state(); state != c.seen {
			if err := c.load(state); err != nil {
				c.log.Error("the changed certificate cannot be used; the one before stays", slog.Any("error", err))
			} else {
				c.log.Info("certificate read again", slog.String("file", c.certFile))
			}
		}
	}
	return c.cert, nil
}

// own is a certificate of the server's own, for servers that are given none: a
// small authority, which clients can be told to trust, and a certificate by it.
type own struct{ dir string }

func ownCertificate(data string) own { return own{filepath.Join(data, "tls")} }

func (o own) caFile() string   { return filepath.Join(o.dir, "ca.pem") }
func (o own) certFile() string { return filepath.Join(o.dir, "cert.pem") }
func (o own) keyFile() string  { return filepath.Join(o.dir, "key.pem") }

// ensure makes what is missing, and a new certificate where the one there does
// not fit the hosts or ends soon.
func (o own) ensure(hosts []string, now time.Time) error {
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	ca, caKey, err := o.authority(now)
	if err != nil {
		return fmt.Errorf("make an authority: %w", err)
	}
	if leaf, err := readCertificate(o.certFile()); err == nil && fits(leaf, ca, hosts, now) {
		return nil
	}
	return o.issue(ca, caKey, hosts, now)
}

func fits(leaf, ca *x509.Certificate, hosts []string, now time.Time) bool {
	return leaf.CheckSignatureFrom(ca) == nil && now.Before(leaf.NotAfter.Add(-renewBefore)) &&
		!slices.ContainsFunc(hosts, func(h string) bool { return leaf.VerifyHostname(h) != nil })
}

func readCertificate(file string) (*x509.Certificate, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM", file)
	}
	return x509.ParseCertificate(block.Bytes)
}

func (o own) authority(now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	file := filepath.Join(o.dir, "ca-key.pem")
	pair, err := tls.LoadX509KeyPair(o.caFile(), file)
	if err == nil {
		key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
		if !ok {
			return nil, nil, fmt.Errorf("%s is no ECDSA key", file)
		}
		return pair.Leaf, key, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "hansom authority of this server"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(authorityLasts),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if err := writePair(o.caFile(), file, template, template, key, key); err != nil {
		return nil, nil, err
	}
	ca, err := readCertificate(o.caFile())
	return ca, key, err
}

func (o own) issue(ca *x509.Certificate, caKey *ecdsa.PrivateKey, hosts []string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: hosts[0]},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLasts),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return writePair(o.certFile(), o.keyFile(), template, ca, key, caKey)
}

// writePair signs a certificate and writes it with its key, the key first: a
// certificate without its key is of no use.
func writePair(certFile, keyFile string, template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writeNew(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})); err != nil {
		return err
	}
	return writeNew(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // the system has no random numbers
	}
	return n.Add(n, big.NewInt(1))
}
