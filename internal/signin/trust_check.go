package signin

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"
	"time"
)

// trusted is one state of the files. Only what was checked changes in it.
type trusted struct {
	named         *x509.CertPool // all authorities
	roots, others *x509.CertPool // where chains end, and what may stand in between
	authorities   []*x509.Certificate
	lists         map[string]*revocations // newest first of each issuer and part
	count         int                     // of lists
	asked         bool                    // there are lists, so that an issuer without one vouches for nothing

	mu   sync.Mutex                      // guards good
	good map[[sha256.Size]byte]time.Time // certificates that were checked, and until when that holds
}

// addAuthorities takes a bundle apart: where the bundle has the issuer of an
// authority too, that is where the chain ends.
func (h *trusted) addAuthorities(text []byte) error {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("the file holds a %s, and only certificates belong there", block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return err
		}
		if !c.IsCA || !c.BasicConstraintsValid {
			return fmt.Errorf("%s is no authority", c.Subject)
		}
		h.authorities = append(h.authorities, c)
	}
	if len(h.authorities) == 0 {
		return errors.New("the file holds no certificate in PEM")
	}
	h.named, h.roots, h.others = x509.NewCertPool(), x509.NewCertPool(), x509.NewCertPool()
	for _, c := range h.authorities {
		h.named.AddCert(c)
		if h.hasIssuer(c) {
			h.others.AddCert(c)
		} else {
			h.roots.AddCert(c)
		}
	}
	return nil
}

func (h *trusted) hasIssuer(c *x509.Certificate) bool {
	if bytes.Equal(c.RawIssuer, c.RawSubject) {
		return false
	}
	for _, other := range h.authorities {
		if bytes.Equal(c.RawIssuer, other.RawSubject) && c.CheckSignatureFrom(other) == nil {
			return true
		}
	}
	return false
}

// check verifies a chain, unless that was done and still holds.
func (h *trusted) check(chain []*x509.Certificate, now time.Time) error {
	leaf := chain[0]
	key := sha256.Sum256(leaf.Raw)
	h.mu.Lock()
	until, ok := h.good[key]
	h.mu.Unlock()
	if ok && now.Before(until) {
		return nil
	}
	until, err := h.verify(chain, now)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.good) >= maxChecked {
		clear(h.good)
	}
	h.good[key] = until
	return nil
}

// verify finds a way to an authority on which nothing is revoked, and until when
// it holds.
func (h *trusted) verify(chain []*x509.Certificate, now time.Time) (until time.Time, err error) {
	between := h.others.Clone()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	found, err := chain[0].Verify(x509.VerifyOptions{
		Roots: h.roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("the client certificate of %s: %w", chain[0].Subject, err)
	}
	for _, way := range found {
		if until, err = h.walk(way, now); err == nil {
			return until, nil
		}
	}
	return time.Time{}, fmt.Errorf("the client certificate of %s: %w", chain[0].Subject, err)
}

// walk asks the lists of each issuer on a way, and gives the time until which
// neither a certificate nor a list of it ends.
func (h *trusted) walk(way []*x509.Certificate, now time.Time) (until time.Time, err error) {
	until = way[0].NotAfter
	for i, c := range way {
		if c.NotAfter.Before(until) {
			until = c.NotAfter
		}
		if i+1 == len(way) {
			break // whoever is trusted vouches for itself
		}
		next, err := h.revoked(c, way[i+1], now)
		switch {
		case err != nil:
			return until, err
		case next.IsZero() && i == 0 && h.asked:
			return until, fmt.Errorf("there is no revocation list of its issuer %s", way[1].Subject)
		case !next.IsZero() && next.Before(until):
			until = next
		}
	}
	return until, nil
}

// revoked looks a certificate up in all lists of an issuer, and gives the time
// at which the first of them is out of date; zero where there is none.
func (h *trusted) revoked(c, issuer *x509.Certificate, now time.Time) (next time.Time, err error) {
	for _, list := range h.lists {
		if !list.concerns(issuer, !c.IsCA) {
			continue
		}
		if since, ok := list.numbers[c.SerialNumber.String()]; ok {
			return next, fmt.Errorf("it was revoked on %s", since.UTC().Format(time.RFC3339))
		}
		if why := list.outdated(now); why != "" {
			return next, fmt.Errorf("the revocation list of %s %s", issuer.Subject, why)
		}
		if next.IsZero() || list.NextUpdate.Before(next) {
			next = list.NextUpdate
		}
	}
	return next, nil
}
