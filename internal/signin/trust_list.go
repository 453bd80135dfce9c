package signin

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// clocksDiffer is how far the clock of an authority may be ahead of ours.
const clocksDiffer = 5 * time.Minute

// revocations is one revocation list (RFC 5280, section 5).
type revocations struct {
	*x509.RevocationList
	numbers map[string]time.Time // serial numbers that are revoked, and since when
	part    part                 // of its issuer's certificates that it is for
	key     string               // the same as octets; "" for all
}

// distributionPoint is the extension that says for which part of its issuer's
// certificates a list is. No other that is critical is understood.
var distributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}

// addLists reads the lists of one file.
func (h *trusted) addLists(text []byte) error {
	if h.lists == nil {
		h.lists = map[string]*revocations{}
	}
	if !bytes.Contains(text, []byte("-----BEGIN")) {
		return h.addList(text)
	}
	found := false
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "X509 CRL" {
			return fmt.Errorf("the file holds a %s, and only revocation lists belong there", block.Type)
		}
		if err := h.addList(block.Bytes); err != nil {
			return err
		}
		found = true
	}
	if !found {
		return errors.New("the file holds no revocation list in PEM or DER")
	}
	return nil
}

// addList takes one list, if an authority signed it. Of several for the same
// certificates the newest counts.
func (h *trusted) addList(der []byte) error {
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return err
	}
	if err := h.signed(list); err != nil {
		return err
	}
	r := &revocations{RevocationList: list, numbers: make(map[string]time.Time, len(list.RevokedCertificateEntries))}
	if err := r.understand(); err != nil {
		return err
	}
	for _, e := range list.RevokedCertificateEntries {
		r.numbers[e.SerialNumber.String()] = e.RevocationTime
	}
	h.count++
	key := string(list.RawIssuer) + "\x00" + string(list.AuthorityKeyId) + "\x00" + r.key
	if before := h.lists[key]; before == nil || before.ThisUpdate.Before(list.ThisUpdate) {
		h.lists[key] = r
	}
	return nil
}

// signed tells why a list is none of the authorities'.
func (h *trusted) signed(list *x509.RevocationList) error {
	err := errors.New("none of the authorities of clients has this name")
	for _, c := range h.authorities {
		if bytes.Equal(c.RawSubject, list.RawIssuer) {
			if err = list.CheckSignatureFrom(c); err == nil {
				return nil
			}
		}
	}
	return fmt.Errorf("the list of %s: %w", list.Issuer, err)
}

// part is what the extension says (RFC 5280, section 5.2.5).
type part struct {
	Point     asn1.RawValue  `asn1:"optional,tag:0"`
	Leaves    bool           `asn1:"optional,tag:1"` // not for authorities
	CAs       bool           `asn1:"optional,tag:2"` // for authorities alone
	Reasons   asn1.BitString `asn1:"optional,tag:3"`
	Indirect  bool           `asn1:"optional,tag:4"`
	Attribute bool           `asn1:"optional,tag:5"`
}

// understand finds out for which part of its issuer's certificates a list is, and
// refuses lists that mean something else than they seem to: those that only add
// to another, and those that are for other issuers or for some reasons alone.
func (r *revocations) understand() error {
	for _, e := range r.Extensions {
		switch {
		case e.Id.Equal(distributionPoint):
			rest, err := asn1.Unmarshal(e.Value, &r.part)
			if err != nil || len(rest) > 0 || r.part.Indirect || r.part.Attribute || r.part.Reasons.BitLength > 0 {
				return fmt.Errorf("the list of %s is for other than all certificates that its authority made, and is not understood", r.Issuer)
			}
			r.key = string(e.Value)
		case e.Critical:
			return fmt.Errorf("the list of %s has the critical extension %s, which is not understood", r.Issuer, e.Id)
		}
	}
	for _, entry := range r.RevokedCertificateEntries {
		for _, e := range entry.Extensions {
			if e.Critical {
				return fmt.Errorf("the list of %s has an entry with the critical extension %s, which is not understood", r.Issuer, e.Id)
			}
		}
	}
	return nil
}

// concerns tells whether a list is for certificates of this kind of an issuer.
func (r *revocations) concerns(issuer *x509.Certificate, leaf bool) bool {
	if leaf && r.part.CAs || !leaf && r.part.Leaves {
		return false
	}
	return bytes.Equal(r.RawIssuer, issuer.RawSubject) && r.CheckSignatureFrom(issuer) == nil
}

// outdated tells why a list does not say what is revoked now.
func (r *revocations) outdated(now time.Time) string {
	switch {
	case r.NextUpdate.IsZero():
		return "does not say until when it is good"
	case !now.Before(r.NextUpdate):
		return "is out of date"
	case r.ThisUpdate.After(now.Add(clocksDiffer)):
		return "is of the future"
	}
	return ""
}
