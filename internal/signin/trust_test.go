package signin_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/signin"
	"github.com/hansom-taxii/hansom/internal/trial"
)

// bundle is the files of a Trust.
type bundle struct {
	ca, crl string
	log     lockedLog
}

type lockedLog struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func files(t *testing.T, crl []byte, authorities ...*trial.Authority) *bundle {
	t.Helper()
	dir := t.TempDir()
	b := &bundle{ca: filepath.Join(dir, "ca.pem"), crl: filepath.Join(dir, "list.crl")}
	var text []byte
	for _, a := range authorities {
		text = append(text, a.PEM()...)
	}
	put(t, b.ca, text)
	if crl != nil {
		put(t, b.crl, crl)
	}
	return b
}

func put(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) open(t *testing.T) (*signin.Trust, error) {
	t.Helper()
	var lists []string
	if _, err := os.Stat(b.crl); err == nil {
		lists = []string{b.crl}
	}
	return signin.OpenTrust(b.ca, lists, slog.New(slog.NewTextHandler(&b.log, nil)))
}

func (b *bundle) trust(t *testing.T) *signin.Trust {
	t.Helper()
	trust, err := b.open(t)
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

func soon() time.Time { return time.Now().Add(time.Hour) }

// says fails the test unless an error has these words; none for "".
func says(t *testing.T, what string, err error, words string) {
	t.Helper()
	switch {
	case words == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case words != "" && (err == nil || !strings.Contains(err.Error(), words)):
		t.Errorf("%s: got %v, want %q in it", what, err, words)
	}
}

func TestClientCertificatesAreOfATrustedAuthorityForClientsAndWithinTheirTime(t *testing.T) {
	t.Parallel()
	ours, other := trial.NewAuthority(t, "ours"), trial.NewAuthority(t, "other")
	trust := files(t, nil, ours).trust(t)
	for what, c := range map[string]struct {
		cert  *x509.Certificate
		words string
	}{
		"good":           {ours.Issue(t, "a", nil).Leaf, ""},
		"of another":     {other.Issue(t, "a", nil).Leaf, "unknown authority"},
		"over":           {ours.Issue(t, "a", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }).Leaf, "expired or is not yet valid"},
		"of the future":  {ours.Issue(t, "a", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }).Leaf, "expired or is not yet valid"},
		"for servers":    {ours.Issue(t, "a", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }).Leaf, "incompatible key usage"},
		"of a namesake":  {trial.NewAuthority(t, "ours").Issue(t, "a", nil).Leaf, "unknown authority"},
		"vouches itself": {other.Cert, "unknown authority"},
	} {
		says(t, what, trust.Check([]*x509.Certificate{c.cert}), c.words)
	}
	says(t, "none", trust.Check(nil), "no client certificate")
	many := make([]*x509.Certificate, 20)
	for i := range many {
		many[i] = ours.Cert
	}
	says(t, "a long chain", trust.Check(many), "and 9 are taken")
}

func TestTheIssuerOfAClientCertificateNeedsAListThatIsNotOutOfDate(t *testing.T) {
	t.Parallel()
	ours, second := trial.NewAuthority(t, "ours"), trial.NewAuthority(t, "second")
	bad, good := ours.Issue(t, "bad", nil).Leaf, ours.Issue(t, "good", nil).Leaf
	check := func(b *bundle, c *x509.Certificate) error { return b.trust(t).Check([]*x509.Certificate{c}) }

	current := files(t, ours.Revoke(t, soon(), nil, bad), ours, second)
	says(t, "not on the list", check(current, good), "")
	says(t, "on the list", check(current, bad), "was revoked on")
	says(t, "of an issuer without a list", check(current, second.Issue(t, "x", nil).Leaf), "no revocation list of its issuer")

	old := files(t, ours.Revoke(t, time.Now().Add(-time.Second), nil, bad), ours)
	says(t, "under an old list", check(old, good), "is out of date")
	says(t, "on an old list", check(old, bad), "was revoked on")
	if text := old.log.String(); !strings.Contains(text, "is out of date") {
		t.Errorf("the log says nothing of the old list: %s", text)
	}
	future := files(t, ours.Revoke(t, soon(), func(l *x509.RevocationList) { l.ThisUpdate = time.Now().Add(30 * time.Minute) }), ours)
	says(t, "under a list of the future", check(future, good), "is of the future")
}

func TestAnAuthorityThatIsRevokedVouchesForNobody(t *testing.T) {
	t.Parallel()
	root := trial.NewAuthority(t, "root")
	sub := root.Sub(t, "sub")
	leaf := sub.Issue(t, "a", nil).Leaf
	lists := func(revoked ...*x509.Certificate) []byte {
		text := pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: sub.Revoke(t, soon(), nil)})
		return append(text, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: root.Revoke(t, soon(), nil, revoked...)})...)
	}
	says(t, "a good chain", files(t, lists(), root, sub).trust(t).Check([]*x509.Certificate{leaf}), "")
	says(t, "a revoked one", files(t, lists(sub.Cert), root, sub).trust(t).Check([]*x509.Certificate{leaf}), "was revoked on")
	says(t, "a chain that the client sends", files(t, nil, root).trust(t).Check([]*x509.Certificate{leaf, sub.Cert}), "")
	says(t, "a chain that it does not send", files(t, nil, root).trust(t).Check([]*x509.Certificate{leaf}), "unknown authority")
}

func TestFilesOfAuthoritiesAndListsThatCannotBeUsedAreRefused(t *testing.T) {
	t.Parallel()
	ours, other := trial.NewAuthority(t, "ours"), trial.NewAuthority(t, "other")
	leaf := ours.Issue(t, "a", nil)
	critical := func(l *x509.RevocationList) {
		l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}}
	}
	indirect := func(l *x509.RevocationList) {
		l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 3, 0x84, 1, 0xff}}}
	}
	for what, c := range map[string]struct {
		b     *bundle
		words string
	}{
		"no authority":          {files(t, nil), "no certificate in PEM"},
		"a key":                 {&bundle{ca: written(t, trial.KeyPEM(t, leaf))}, "only certificates belong there"},
		"no authority's":        {&bundle{ca: written(t, trial.CertificatePEM(leaf.Leaf.Raw))}, "is no authority"},
		"a list of others":      {files(t, other.Revoke(t, soon(), nil), ours), "none of the authorities"},
		"a forged list":         {files(t, trial.NewAuthority(t, "ours").Revoke(t, soon(), nil), ours), "ours"},
		"no list":               {files(t, []byte("nothing"), ours), "revocation list"},
		"something else in PEM": {files(t, ours.PEM(), ours), "only revocation lists belong there"},
		"a list of differences": {files(t, ours.Revoke(t, soon(), critical), ours), "is not understood"},
		"a list for others too": {files(t, ours.Revoke(t, soon(), indirect), ours), "is not understood"},
	} {
		_, err := c.b.open(t)
		says(t, what, err, c.words)
	}
}

func written(t *testing.T, text []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, text)
	return file
}

func TestAListThatIsForAuthoritiesAloneSaysNothingOfClients(t *testing.T) {
	t.Parallel()
	ours := trial.NewAuthority(t, "ours")
	part := func(l *x509.RevocationList) {
		l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 3, 0x82, 1, 0xff}}}
	}
	trust := files(t, ours.Revoke(t, soon(), part), ours).trust(t)
	says(t, "a client", trust.Check([]*x509.Certificate{ours.Issue(t, "a", nil).Leaf}), "no revocation list of its issuer")
}

func TestListsAreReadAgainWhenTheyChange(t *testing.T) {
	t.Parallel()
	ours := trial.NewAuthority(t, "ours")
	leaf := ours.Issue(t, "a", nil).Leaf
	b := files(t, ours.Revoke(t, soon(), nil), ours)
	trust := b.trust(t)
	chain := []*x509.Certificate{leaf}
	says(t, "at first", trust.Check(chain), "")
	before := trust.Changed()

	put(t, b.crl, []byte("this is no list"))
	until(t, "the complaint", func() bool {
		says(t, "while the list is broken", trust.Check(chain), "")
		return strings.Contains(b.log.String(), "those before stay")
	})
	put(t, b.crl, ours.Revoke(t, soon(), nil, leaf))
	until(t, "the revocation", func() bool { return trust.Check(chain) != nil })
	if trust.Changed() == before {
		t.Error("nothing seems to have changed")
	}
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come", what)
		}
	}
}
