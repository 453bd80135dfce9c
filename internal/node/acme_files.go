package node

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// acmeFolder is where the account with an ACME server and its certificate are
// kept; each server has its own, by its name.
func acmeFolder(data, directory string) string {
	name := "server"
	if u, err := url.Parse(directory); err == nil && u.Hostname() != "" {
		name = strings.ToLower(u.Hostname())
	}
	sum := sha256.Sum256([]byte(directory))
	return filepath.Join(data, "acme", filepath.Base(name)+"-"+hex.EncodeToString(sum[:4]))
}

// acmeHosts gives names as they stand in certificates.
func acmeHosts(list []string) []string {
	hosts := make([]string, len(list))
	for i, host := range list {
		hosts[i] = strings.ToLower(strings.TrimSuffix(host, "."))
	}
	return hosts
}

func (k *acmeKeeper) certFile() string { return filepath.Join(k.dir, "certificate.pem") }

// load reads the certificate that was kept; nil: there is none for these hosts.
func (k *acmeKeeper) load() (*tls.Certificate, error) {
	text, err := os.ReadFile(k.certFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, err
	}
	for _, host := range k.hosts {
		if err := cert.Leaf.VerifyHostname(host); err != nil {
			return nil, nil // the hosts in the configuration are others now
		}
	}
	return &cert, nil
}

// keep writes a certificate with its key, in one file so that they always fit.
func (k *acmeKeeper) keep(chain []byte, key *ecdsa.PrivateKey) (*tls.Certificate, error) {
	secret, err := keyPEM(key)
	if err != nil {
		return nil, err
	}
	text := append(bytes.Clone(secret), chain...)
	cert, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return nil, err
	}
	return &cert, writeNew(k.certFile(), text)
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// accountKey reads the key of the account with the ACME server, or makes it.
func (k *acmeKeeper) accountKey() (crypto.Signer, error) {
	file := filepath.Join(k.dir, "account-key.pem")
	text, err := os.ReadFile(file)
	if err == nil {
		return readKey(file, text)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if text, err = keyPEM(key); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return nil, err
	}
	return key, writeNew(file, text)
}

func readKey(file string, text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s is no key that signs", file)
	}
	return signer, nil
}

// trustedBeside gives the authorities of the system and those of a file.
func trustedBeside(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without any
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return pool, nil
}
