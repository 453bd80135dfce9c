package node

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

const (
	// acmeOrder bounds one try to get a certificate, and acmeCall one call of the
	// ACME server: it looks whether this server has the names before it answers.
	acmeOrder = 5 * time.Minute
	acmeCall  = time.Minute
	// acmeFirst and acmeMost are how long after a try that failed comes the next:
	// twice as long each time. Let's Encrypt lets five fail in an hour.
	acmeFirst = 2 * time.Minute
	acmeMost  = time.Hour
	// acmeAsk is how often the ACME server is asked whether it wants a certificate
	// renewed early (RFC 9773), where it does not say how often.
	acmeAsk = 6 * time.Hour
)

// acmeKeeper gets the server's certificate by ACME (RFC 8555), keeps it below the
// data directory and renews it. While there is none, another one is shown.
type acmeKeeper struct {
	dir     string   // of what it keeps, for this ACME server
	hosts   []string // names and addresses that the certificate is for
	contact []string
	client  *acmez.Client
	other   func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	log     *slog.Logger
	first   time.Duration // see acmeFirst

	solver *acmeSolver

	mu   sync.Mutex // guards both
	cert *tls.Certificate
	got  time.Time // when; zero where it was there before
}

// acmeKeeper makes the keeper of a node, with the certificate that it has had
// before. Other shows a certificate where there is none by ACME.
func (n *node) acmeKeeper(other func(*tls.ClientHelloInfo) (*tls.Certificate, error)) (*acmeKeeper, error) {
	caller, err := n.conf.acmeHTTP()
	if err != nil {
		return nil, err
	}
	k := &acmeKeeper{
		dir: acmeFolder(n.conf.Data, n.conf.ACME), hosts: acmeHosts(n.conf.ACMEHosts), other: other, log: n.log, first: acmeFirst, solver: newACMESolver(),
	}
	if n.conf.ACMEEmail != "" {
		k.contact = []string{"mailto:" + n.conf.ACMEEmail}
	}
	solvers := map[string]acmez.Solver{acme.ChallengeTypeTLSALPN01: k.solver}
	if n.conf.ACMEHTTP != "" {
		solvers[acme.ChallengeTypeHTTP01] = k.solver
	}
	k.client = &acmez.Client{
		Client:           &acme.Client{Directory: n.conf.ACME, HTTPClient: caller, UserAgent: "hansom/" + n.opt.Version},
		ChallengeSolvers: solvers,
	}
	if k.cert, err = k.load(); err != nil {
		n.log.Warn("the certificate got by ACME before cannot be used; another one is asked for", slog.Any("error", err))
	}
	return k, nil
}

// acmeHTTP makes what calls the ACME server. The operator names it, and it may well
// be in a private network, so that what outbound refuses is not refused here.
func (c *Config) acmeHTTP() (*http.Client, error) {
	t := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: acmeCall, IdleConnTimeout: acmeCall}
	if proxy, err := proxyURL(c.OutboundProxy); err != nil {
		return nil, err
	} else if proxy != nil {
		t.Proxy = http.ProxyURL(proxy)
	}
	if c.ACMECA != "" {
		pool, err := trustedBeside(c.ACMECA)
		if err != nil {
			return nil, fmt.Errorf("acme_ca: %w", err)
		}
		t.TLSClientConfig.RootCAs = pool
	}
	return &http.Client{Transport: t, Timeout: acmeCall}, nil
}

// get shows the certificate: by ACME for its own names, another one for other names,
// such as localhost. Who asks for no name came by an address, or is too old to ask:
// on this machine the first, from elsewhere the second.
func (k *acmeKeeper) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if ofACME(hello) {
		return k.solver.shown(hello)
	}
	k.mu.Lock()
	cert := k.cert
	k.mu.Unlock()
	name := hello.ServerName
	if at, ok := hello.Conn.LocalAddr().(*net.TCPAddr); name == "" && ok && at.IP.IsLoopback() {
		name = at.IP.String()
	}
	if cert == nil || name != "" && cert.Leaf.VerifyHostname(name) != nil {
		return k.other(hello)
	}
	return cert, nil
}

// run gets a certificate, and another one in time, until ctx ends.
func (k *acmeKeeper) run(ctx context.Context) {
	wait := k.first
	for {
		due := k.due(ctx)
		if !sleep(ctx, time.Until(due)) {
			return
		}
		if k.early(ctx) {
			continue // the time was only that to ask again
		}
		err := k.obtain(ctx)
		if err == nil {
			wait = k.first
			continue
		}
		if ctx.Err() != nil {
			return
		}
		k.log.LogAttrs(ctx, slog.LevelError, "no certificate by ACME; it is tried again", slog.Any("error", err), slog.Duration("in", wait),
			slog.Any("hosts", k.hosts), slog.String("until_then", k.state()))
		if !sleep(ctx, wait) {
			return
		}
		wait = min(2*wait, acmeMost)
	}
}

// state says for the log what is shown meanwhile.
func (k *acmeKeeper) state() string {
	cert := k.held()
	if cert == nil {
		return "the server's own certificate is shown"
	}
	return "the one is shown that is good until " + cert.Leaf.NotAfter.UTC().Format(time.RFC3339)
}

func (k *acmeKeeper) held() *tls.Certificate {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.cert
}

// renewal is when a certificate is renewed where the ACME server has no wish: when
// two thirds of its time have gone.
func renewal(leaf *x509.Certificate) time.Time {
	return leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) * 2 / 3)
}

// early tells whether it is too early to renew.
func (k *acmeKeeper) early(ctx context.Context) bool {
	return ctx.Err() == nil && time.Until(k.due(ctx)) > 0
}

// due gives when something is to be done: to renew or, before that, to ask the
// ACME server again when it wants that.
func (k *acmeKeeper) due(ctx context.Context) time.Time {
	cert := k.held()
	if cert == nil {
		return time.Now()
	}
	at := renewal(cert.Leaf)
	if time.Until(at) < acmeAsk {
		return at // it is renewed before an answer would be of use
	}
	k.mu.Lock()
	got := k.got
	k.mu.Unlock()
	if time.Since(got) < acmeAsk {
		return got.Add(acmeAsk) // who gave it a moment ago does not want it back
	}
	again := time.Now().Add(acmeAsk)
	wish, err := k.wish(ctx, cert.Leaf)
	if err == nil && wish.Before(at) {
		at = wish
	}
	if again.Before(at) {
		return again
	}
	return at
}

// wish asks when the ACME server wants a certificate renewed.
func (k *acmeKeeper) wish(ctx context.Context, leaf *x509.Certificate) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, acmeCall)
	defer cancel()
	info, err := k.client.GetRenewalInfo(ctx, leaf)
	if err != nil || !info.HasWindow() {
		return time.Time{}, errors.Join(err, acme.ErrUnsupported)
	}
	return info.SelectedTime, nil
}

// obtain gets a certificate, keeps it and shows it from then on.
func (k *acmeKeeper) obtain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, acmeOrder)
	defer cancel()
	account, err := k.account(ctx)
	if err != nil {
		return fmt.Errorf("sign in with the ACME server: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	chains, err := k.client.ObtainCertificateForSANs(ctx, account, key, k.hosts)
	if err != nil {
		return err
	}
	if len(chains) == 0 {
		return errors.New("the ACME server gave no certificate")
	}
	cert, err := k.keep(chains[0].ChainPEM, key)
	if err != nil {
		return fmt.Errorf("keep the certificate: %w", err)
	}
	if !renewal(cert.Leaf).After(time.Now()) { // or it would be renewed at once, again and again
		return fmt.Errorf("the ACME server gave a certificate that is good until %s: does the clock go right?", cert.Leaf.NotAfter)
	}
	k.mu.Lock()
	k.cert, k.got = cert, time.Now()
	k.mu.Unlock()
	k.log.Info("certificate got by ACME", slog.Any("hosts", k.hosts), slog.Time("good_until", cert.Leaf.NotAfter))
	return nil
}

// account signs in with the ACME server, which makes an account or knows it by its
// key.
func (k *acmeKeeper) account(ctx context.Context) (acme.Account, error) {
	key, err := k.accountKey()
	if err != nil {
		return acme.Account{}, err
	}
	return k.client.NewAccount(ctx, acme.Account{Contact: k.contact, TermsOfServiceAgreed: true, PrivateKey: key})
}

// sleep waits, and tells whether ctx still goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(max(d, 0)):
		return true
	}
}
