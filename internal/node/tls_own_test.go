package node

import (
	"os"
	"slices"
	"testing"
	"time"
)

func TestTheServersOwnCertificateIsMadeAgainBeforeItEnds(t *testing.T) {
	t.Parallel()
	o := ownCertificate(t.TempDir())
	now := time.Now()
	hosts := []string{"localhost", "127.0.0.1"}
	var before []byte
	ensure := func(what string, at time.Time, hosts []string, another bool) {
		t.Helper()
		if err := o.ensure(hosts, at); err != nil {
			t.Fatal(err)
		}
		cert, err := os.ReadFile(o.certFile())
		if err != nil {
			t.Fatal(err)
		}
		if slices.Equal(cert, before) == another {
			t.Errorf("%s: another certificate was made: %v, want %v", what, !another, another)
		}
		before = cert
		leaf, err := readCertificate(o.certFile())
		if err != nil {
			t.Fatal(err)
		}
		ca, err := readCertificate(o.caFile())
		if err != nil {
			t.Fatal(err)
		}
		if !fits(leaf, ca, hosts, at) {
			t.Errorf("%s: it does not fit", what)
		}
	}
	ensure("first", now, hosts, true)
	ensure("at once again", now, hosts, false)
	ensure("long before its end", now.Add(certificateLasts-renewBefore-24*time.Hour), hosts, false)
	ensure("a month before its end", now.Add(certificateLasts-renewBefore+time.Hour), hosts, true)
	ensure("with another host", now, append(hosts, "taxii.example.com"), true)
	ensure("with one host less", now, hosts, false)
	if err := os.WriteFile(o.certFile(), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	ensure("a broken file", now, hosts, true)
	if err := os.Remove(o.caFile()); err != nil {
		t.Fatal(err)
	}
	ensure("an authority that is gone", now, hosts, true)
}

func TestANewCertificateOfTheServersOwnIsServedAtOnce(t *testing.T) {
	t.Parallel()
	o := ownCertificate(t.TempDir())
	if err := o.ensure([]string{"localhost"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	c, err := openCertificates(o.certFile(), o.keyFile(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	one, err := c.get(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.ensure([]string{"localhost", "taxii.example.com"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	c.looked = time.Time{} // a second later
	two, err := c.get(nil)
	if err != nil {
		t.Fatal(err)
	}
	if one == two || two.Leaf.VerifyHostname("taxii.example.com") != nil {
		t.Error("the certificate from before is served")
	}
}
