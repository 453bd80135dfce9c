package exchange_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestNamesOfClientCertificatesHaveOneForm(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("ab", 32)
	for text, want := range map[string]string{
		"sha256:" + strings.ToUpper(sum):                               "sha256:" + sum,
		"sha256:" + strings.TrimSuffix(strings.Repeat("AB:", 32), ":"): "sha256:" + sum,
		"DNS:Sensor.Example.com.":                                      "dns:sensor.example.com",
		"email:Alice@Example.COM":                                      "email:Alice@example.com",
		"uri:spiffe://Example.com/Sensor":                              "uri:spiffe://example.com/Sensor",
		"uri:urn:example:sensor":                                       "uri:urn:example:sensor",
		"ip:::ffff:192.0.2.7":                                          "ip:192.0.2.7",
		"ip:2001:DB8:0::1":                                             "ip:2001:db8::1",
		"subject:CN=alice,O=Example Org,C=DE":                          "subject:C=DE,CN=alice,O=Example Org",
		"subject: C = DE, O = Example Org, CN = alice":                 "subject:C=DE,CN=alice,O=Example Org",
		"subject:cn=alice+2.5.4.11=ops":                                "subject:CN=alice,OU=ops",
		`subject:CN=Smith\, Jane,O=a\2Cb`:                              `subject:CN=Smith\, Jane,O=a\,b`,
		"subject:OID.1.2.3.4=x,E=a@b.example":                          "subject:EMAILADDRESS=a@b.example,OID.1.2.3.4=x",
	} {
		got, err := exchange.ParseCertificateName(text)
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", text, got, err, want)
		}
		if again, err := exchange.ParseCertificateName(got); err != nil || again != got {
			t.Errorf("%s: its own form is read as %q, %v", got, again, err)
		}
	}
	for _, text := range []string{
		"", "alice", "cn:alice", "sha256:abcd", "sha256:" + sum + "00", "dns:", "dns:*.example.com", "dns:a b", "email:alice", "email:@example.com",
		"uri:sensor", "ip:sensor", "ip:fe80::1%eth0", "subject:", "subject:alice", "subject:CN=", "subject:CN=a,,O=b", `subject:CN=a\`, "subject:C N=a",
		"dns:a\x00b.example.com", "subject:CN=" + strings.Repeat("a", 1100),
	} {
		if got, err := exchange.ParseCertificateName(text); taxii.KindOf(err) != taxii.Unprocessable || err == nil {
			t.Errorf("%q is read as %q, %v", text, got, err)
		}
	}
}

func TestTheMostSpecificNameOfAClientCertificateComesFirst(t *testing.T) {
	t.Parallel()
	uri, err := url.Parse("spiffe://example.com/sensor")
	if err != nil {
		t.Fatal(err)
	}
	cert := trial.NewAuthority(t, "ours").Issue(t, "", func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "Smith, Jane", Organization: []string{"Example = Org"}, Country: []string{"DE"}}
		c.EmailAddresses, c.URIs, c.DNSNames = []string{"jane@Example.com"}, []*url.URL{uri}, []string{"Sensor.example.com", "*.example.com"}
		c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 7)}
	}).Leaf
	names := exchange.CertificateNames(cert)
	if len(names) == 0 || !strings.HasPrefix(names[0], "sha256:") {
		t.Fatalf("the first of %v is no fingerprint", names)
	}
	want := []string{"email:jane@example.com", "uri:spiffe://example.com/sensor", "dns:sensor.example.com", "ip:192.0.2.7", `subject:C=DE,CN=Smith\, Jane,O=Example \= Org`}
	if !slices.Equal(names[1:], want) {
		t.Errorf("got %q, want %q", names[1:], want)
	}
	for _, name := range names {
		if again, err := exchange.ParseCertificateName(name); err != nil || again != name {
			t.Errorf("%s is read as %q, %v", name, again, err)
		}
	}
}

func TestAClientCertificateSignsInTheAccountOfItsMostSpecificName(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "a", "b")
	h.account(t, "alice", "read on trust")
	h.account(t, "bob", "read on trust")
	add := func(account, name string, scope ...exchange.ScopeSetting) exchange.CertificateRecord {
		t.Helper()
		made, err := h.op.AddCertificate(t.Context(), exchange.CertificateSetting{Account: account, Name: name, Scope: scope})
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	add("alice", "subject:CN=sensor,O=Example")
	specific := add("bob", "dns:Sensor.example.com", exchange.ScopeSetting{On: "trust/collection/a", Rights: []string{"read"}})
	opened := func(names ...string) (string, error) {
		s, err := h.OpenCertificate(names)
		if err != nil {
			return "", err
		}
		_, name := s.Account()
		return name, nil
	}
	if name, err := opened("sha256:00", "subject:CN=sensor,O=Example"); name != "alice" {
		t.Errorf("by its subject: %s, %v", name, err)
	}
	if name, err := opened("dns:sensor.example.com", "subject:CN=sensor,O=Example"); name != "bob" {
		t.Errorf("by its alternative name: %s, %v", name, err)
	}
	if _, err := opened("dns:other.example.com"); taxii.KindOf(err) != taxii.NotFound {
		t.Errorf("nobody's: %v", err)
	}
	s, err := h.OpenCertificate([]string{"dns:sensor.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := s.Collections(t.Context(), "trust"); err != nil || len(list) != 1 || list[0].Alias != "a" {
		t.Errorf("through its scope %v is seen, %v", list, err)
	}
	if _, err := h.op.AddCertificate(t.Context(), exchange.CertificateSetting{Account: "alice", Name: "dns:sensor.example.com"}); taxii.KindOf(err) != taxii.Conflict {
		t.Errorf("a name of two accounts: %v", err)
	}
	if again := add("bob", "dns:sensor.example.com"); again.ID != specific.ID || again.Scope != nil {
		t.Errorf("set anew it is %+v", again)
	}
	h.restart(t)
	if name, err := opened("dns:sensor.example.com"); name != "bob" {
		t.Errorf("after a new start: %s, %v", name, err)
	}
	if err := h.op.RemoveCertificate(t.Context(), specific.ID); err != nil {
		t.Fatal(err)
	}
	if name, err := opened("dns:sensor.example.com"); taxii.KindOf(err) != taxii.NotFound {
		t.Errorf("once removed: %s, %v", name, err)
	}
	if err := h.op.RemoveCertificate(t.Context(), specific.ID); taxii.KindOf(err) != taxii.NotFound {
		t.Errorf("removed twice: %v", err)
	}
	if err := h.op.RemoveAccount(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if name, err := opened("subject:CN=sensor,O=Example"); taxii.KindOf(err) != taxii.NotFound {
		t.Errorf("of a removed account: %s, %v", name, err)
	}
	add("bob", "subject:CN=sensor,O=Example") // the name is free again
}

func TestWhoDoesNotManageTheServerHasNothingToDoWithClientCertificates(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	h.account(t, "carol", "manage on trust")
	carol := h.signIn(t, "carol")
	_, adds := carol.AddCertificate(t.Context(), exchange.CertificateSetting{Account: "carol", Name: "dns:a.example.com"})
	_, lists := carol.Certificates(t.Context(), "")
	for what, err := range map[string]error{"add": adds, "list": lists, "remove": carol.RemoveCertificate(t.Context(), "0")} {
		if taxii.KindOf(err) != taxii.Forbidden {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := h.op.AddCertificate(t.Context(), exchange.CertificateSetting{Account: exchange.AnonymousName, Name: "dns:a.example.com"}); taxii.KindOf(err) != taxii.Conflict {
		t.Errorf("of everyone: %v", err)
	}
}

func TestAnAccountHasNoMoreThanItsShareOfClientCertificates(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.account(t, "alice")
	var err error
	for i := range 101 {
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.op.AddCertificate(t.Context(), exchange.CertificateSetting{Account: "alice", Name: "ip:" + net.IPv4(192, 0, 2, byte(i)).String()})
	}
	if taxii.KindOf(err) != taxii.Unprocessable || err == nil {
		t.Errorf("the 101st: %v", err)
	}
}

func TestClientCertificatesAreDeclaredChangedMovedAndPruned(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "a")
	h.account(t, "alice", "read on trust")
	h.account(t, "bob", "read on trust")
	state := func() exchange.Declaration {
		t.Helper()
		d, err := h.op.State(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	apply := func(prune bool, want []string, list ...exchange.CertificateSetting) {
		t.Helper()
		d := state()
		d.Certificates = list
		steps, err := h.op.Apply(t.Context(), d, prune)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range steps {
			got = append(got, s.Do+" "+s.What+" "+s.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("the steps are %q, want %q", got, want)
		}
	}
	plain := exchange.CertificateSetting{Account: "alice", Name: "dns:Sensor.Example.com"}
	cut := plain
	cut.Scope = []exchange.ScopeSetting{{On: "trust/collection/a", Rights: []string{"read"}}}
	moved := cut
	moved.Account = "bob"
	apply(false, []string{"add certificate dns:sensor.example.com"}, plain)
	apply(false, nil, plain)
	apply(false, []string{"set certificate dns:sensor.example.com"}, cut)
	apply(false, nil, cut)
	apply(false, []string{"set certificate dns:sensor.example.com"}, moved)
	apply(false, nil)
	if got := state().Certificates; len(got) != 1 || got[0].Account != "bob" || len(got[0].Scope) != 1 {
		t.Errorf("the state has %+v", got)
	}
	apply(true, []string{"remove certificate dns:sensor.example.com"})
	for what, list := range map[string][]exchange.CertificateSetting{
		"twice": {plain, plain}, "of nobody": {{Account: "nobody", Name: "dns:a.example.com"}}, "without a form": {{Account: "alice", Name: "alice"}},
		"on nothing":      {{Account: "alice", Name: "dns:a.example.com", Scope: []exchange.ScopeSetting{{On: "nowhere", Rights: []string{"read"}}}}},
		"of the operator": {{Account: exchange.OperatorName, Name: "dns:a.example.com"}},
	} {
		d := state()
		d.Certificates = list
		if steps, err := h.op.Plan(t.Context(), d, false); err == nil {
			t.Errorf("declared %s it leads to %v", what, steps)
		}
	}
}

func TestAStreamEndsOnceItsAccountNeedsACertificateThatItDoesNotHave(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	password := h.account(t, "member", "read on trust/channel/alerts")
	if _, err := h.op.AddCertificate(t.Context(), exchange.CertificateSetting{Account: "member", Name: "dns:member.example.com"}); err != nil {
		t.Fatal(err)
	}
	certificate, err := h.OpenCertificate([]string{"dns:member.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	both, err := password.Beside(certificate)
	if err != nil {
		t.Fatal(err)
	}
	waits := func(s *exchange.Session) <-chan error {
		f := open(t, s, exchange.Reading{Stream: true})
		done := make(chan error, 1)
		go func() {
			for {
				if err := f.Wait(t.Context(), time.Hour); err != nil {
					done <- err
					return
				}
			}
		}()
		return done
	}
	alone, together := waits(password), waits(both)
	err = h.op.SetAccount(t.Context(), "member", func(a *exchange.AccountSetting) error {
		a.Options = []string{exchange.OptionCertificate}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, "a stream by the password alone", <-alone, taxii.Unauthenticated)
	wantKind(t, "the password alone", password.Suffices(), taxii.Unauthenticated)
	for what, s := range map[string]*exchange.Session{"the certificate": certificate, "both": both, "nobody": h.Anonymous(), "the operator": h.op} {
		if err := s.Suffices(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	list, err := h.op.Certificates(t.Context(), "member")
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	select {
	case err := <-together:
		t.Fatalf("the stream by both ended: %v", err)
	default:
	}
	if err := h.op.RemoveCertificate(t.Context(), list[0].ID); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "a stream by both, without the certificate", <-together, taxii.Unauthenticated)
}
