package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// acmeSolver shows the ACME server that this server has the names: a certificate
// in a handshake for nothing else (tls-alpn-01, RFC 8737), or a text over plain
// HTTP (http-01, RFC 8555 section 8.3).
type acmeSolver struct {
	mu    sync.Mutex // guards both
	certs map[string]*tls.Certificate
	texts map[string]string // by token
}

func newACMESolver() *acmeSolver {
	return &acmeSolver{certs: map[string]*tls.Certificate{}, texts: map[string]string{}}
}

// Present implements acmez.Solver.
func (s *acmeSolver) Present(_ context.Context, c acme.Challenge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Type == acme.ChallengeTypeHTTP01 {
		s.texts[c.Token] = c.KeyAuthorization
		return nil
	}
	cert, err := acmez.TLSALPN01ChallengeCert(c)
	s.certs[serverName(c.Identifier.Value)] = cert
	return err
}

// CleanUp implements acmez.Solver.
func (s *acmeSolver) CleanUp(_ context.Context, c acme.Challenge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Type == acme.ChallengeTypeHTTP01 {
		delete(s.texts, c.Token)
	} else {
		delete(s.certs, serverName(c.Identifier.Value))
	}
	return nil
}

// serverName is what an ACME server asks for in its handshake: of an address its
// name for reverse look-ups (RFC 8738).
func serverName(host string) string {
	a, err := netip.ParseAddr(host)
	if err != nil {
		return strings.ToLower(host)
	}
	var name strings.Builder
	octets := a.AsSlice()
	for i := len(octets) - 1; i >= 0; i-- {
		if a.Is4() {
			fmt.Fprintf(&name, "%d.", octets[i])
		} else {
			fmt.Fprintf(&name, "%x.%x.", octets[i]&15, octets[i]>>4)
		}
	}
	if a.Is4() {
		return name.String() + "in-addr.arpa"
	}
	return name.String() + "ip6.arpa"
}

// ofACME tells of a handshake that an ACME server makes only to see a certificate.
func ofACME(hello *tls.ClientHelloInfo) bool {
	return len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acmez.ACMETLS1Protocol
}

func (s *acmeSolver) shown(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cert := s.certs[strings.ToLower(hello.ServerName)]; cert != nil {
		return cert, nil
	}
	return nil, fmt.Errorf("no certificate is being asked for with ACME for %.253q", hello.ServerName)
}

// notOfACME closes connections whose handshake was one for an ACME server: such a
// handshake is never asked for a client certificate, so nothing may follow it.
func notOfACME(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil && r.TLS.NegotiatedProtocol == acmez.ACMETLS1Protocol {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
}

const (
	// acmeConnections bounds those on the plain address: nobody but an ACME server
	// has anything to do there.
	acmeConnections = 64
	acmePath        = "/.well-known/acme-challenge/"
)

// plainServer opens the plain address, on which ACME servers alone are answered; nil:
// there is none. To everybody else it says that there is nothing: a redirect to
// https would hide a wrong URL until somebody reads along.
func (n *node) plainServer(ctx context.Context) (*httpServer, error) {
	if n.acme == nil || n.conf.ACMEHTTP == "" {
		return nil, nil
	}
	l, err := listen(ctx, n.conf.ACMEHTTP)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w; choose another address with acme_http", n.conf.ACMEHTTP, err)
	}
	return &httpServer{
		opened: newWatching(l, make(chan struct{}, acmeConnections), certificatesOff),
		Server: &http.Server{
			Handler: n.plain(n.acme.solver), ReadTimeout: n.conf.HeaderTimeout, WriteTimeout: n.conf.StallTimeout, IdleTimeout: time.Second,
			MaxHeaderBytes: headersMost, ErrorLog: slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
		},
	}, nil
}

func (n *node) plain(s *acmeSolver) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text, ok := s.text(r); ok {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			_, _ = io.WriteString(w, text) // who hung up needs no answer
			return
		}
		n.fail(w, r, taxii.Errorf(taxii.NotFound, "not found").Describe("Nothing is served over plain HTTP. Use the https address of this server."))
	})
}

func (s *acmeSolver) text(r *http.Request) (string, bool) {
	token, ok := strings.CutPrefix(r.URL.Path, acmePath)
	s.mu.Lock()
	defer s.mu.Unlock()
	text, known := s.texts[token]
	return text, ok && known && (r.Method == http.MethodGet || r.Method == http.MethodHead)
}
