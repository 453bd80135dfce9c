package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hansom-taxii/hansom/internal/admin"
	"github.com/hansom-taxii/hansom/internal/api"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/outbound"
	"github.com/hansom-taxii/hansom/internal/signin"
	"github.com/hansom-taxii/hansom/internal/store"
)

const (
	// netHeadersMost is where net/http itself stops reading headers, far above
	// the bound that is answered in words of the protocol.
	netHeadersMost = 1 << 20
	// leaving is how long a server that stops still takes connections, so that
	// what looks at /readyz sees that it is leaving; with a short drain time it is
	// a tenth of that.
	leaving = time.Second
	// renewEvery is how often it is looked whether the server's own certificate
	// ends soon.
	renewEvery = 24 * time.Hour
)

// Options of a node.
type Options struct {
	Log     *slog.Logger                                          // nil: discarded
	Prepare func(ctx context.Context, x *exchange.Exchange) error // before it serves
	Ready   func(Info) error                                      // once it serves
	Version string
	Alone   bool // the process is this node and nothing else, so that its memory is the node's to bound

	makes bool // a store that holds nothing is furnished, not refused
}

// Info is where a node serves.
type Info struct {
	URL    string // the public URL
	CAFile string // the authority of its own certificate, or ""
}

// node is one running process.
type node struct {
	conf Config
	opt  Options
	log  *slog.Logger

	locks    []*fileLock
	store    *store.Store
	x        *exchange.Exchange
	caller   *outbound.Caller // of other hosts; nil: none is called
	fail     func(http.ResponseWriter, *http.Request, error)
	bodies   *api.Server
	jwts     *signin.JWTs   // likewise
	door     *signin.Door   // nil where only the control socket is served
	clients  *clients       // with certificates; nil: none is asked for any
	acme     *acmeKeeper    // nil: no certificate is got by ACME
	proxies  []netip.Prefix // that are trusted
	stopping atomic.Bool
	running  sync.WaitGroup
}

// Init makes a data directory: the store, the master key and, unless one is
// configured, a certificate. What is there stays. It returns the file of the
// authority that clients are to trust, or "".
func Init(ctx context.Context, c Config) (caFile string, err error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return "", fmt.Errorf("make the data directory: %w", err)
	}
	n, err := open(ctx, c, Options{makes: true})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	return n.certificate(c.Listen)
}

// open takes the data directory and opens what is in it.
func open(ctx context.Context, c Config, o Options) (n *node, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	n = &node{conf: c, opt: o, log: o.Log}
	if n.locks, err = locks(c); err != nil {
		return nil, err
	}
	if err := n.fill(ctx); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

// fill opens what is in the data directory, and the store.
func (n *node) fill(ctx context.Context) error {
	key, err := masterKey(ctx, n.conf)
	if err != nil {
		return err
	}
	where, err := n.conf.opens()
	if err != nil {
		return err
	}
	if n.store, err = store.Open(ctx, where, store.Options{}); err != nil {
		return err
	}
	if !n.opt.makes {
		if err := n.furnished(ctx); err != nil {
			return err
		}
	}
	return n.wire(ctx, key)
}

// openSoon opens a data directory that a local command may still have for a
// moment.
func openSoon(ctx context.Context, c Config, o Options) (*node, error) {
	for deadline := time.Now().Add(startingFor); ; {
		n, err := open(ctx, c, o)
		if !errors.Is(err, errLocked) || ctx.Err() != nil || time.Now().After(deadline) {
			return n, err
		}
		time.Sleep(startingAsk)
	}
}

func (n *node) wire(ctx context.Context, key []byte) (err error) {
	c := n.conf
	o := exchange.Options{
		PublicURL: c.PublicURL, Title: c.Title, Description: c.Description, Contact: c.Contact,
		MaxContentLength: c.MaxContentLength, PageObjects: c.PageObjects, PageMost: c.PageMost, PageBytes: c.PageBytes,
		MasterKey: key, HashPassword: signin.HashPassword, IsHash: signin.IsHash, VerifyPassword: signin.VerifyPassword,
		ChannelsFixed: c.Channels == "fixed", Audit: exchange.AuditMode(c.Audit), AuditKept: c.AuditRetention,
		Limits: exchange.Limits{Requests: float64(c.LimitRequests), Burst: c.LimitBurst, Objects: c.LimitObjectsPerDay, Octets: c.LimitBytesPerDay},
	}
	if err := n.offerPush(&o); err != nil {
		return err
	}
	n.x, err = exchange.New(ctx, n.store, o)
	n.fail = n.refusing(api.Failing(n.log, n.challenge))
	return err
}

func (n *node) close() error {
	var err error
	if n.store != nil {
		err = n.store.Close()
	}
	for _, l := range n.locks {
		err = errors.Join(err, l.Close())
	}
	return err
}

// Serve runs a server until ctx ends; then it lets answers finish and returns.
func Serve(ctx context.Context, c Config, o Options) (err error) {
	if err := c.made(); err != nil {
		return err
	}
	listeners, err := listenAll(ctx, c)
	if err != nil {
		return err
	}
	defer closeAll(listeners)
	c.PublicURL = c.URLAt(listeners[0].Addr().String())
	n, err := openSoon(ctx, c, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	if o.Prepare != nil {
		if err := o.Prepare(ctx, n.x); err != nil {
			return err
		}
	}
	return n.serve(ctx, listeners)
}

// serve runs the servers and the workers of a node until ctx ends.
func (n *node) serve(ctx context.Context, listeners []listening) error {
	address := listeners[0].Addr().String()
	if err := n.openDoor(); err != nil {
		return err
	}
	n.bodies = n.face(n.session)
	server, caFile, err := n.server(n.session, address)
	if err != nil {
		return err
	}
	plain, err := n.plainServer(ctx)
	if err != nil {
		return err
	}
	control, err := n.controlServer()
	if err != nil {
		return errors.Join(err, plain.stop(0))
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	if n.opt.Alone && os.Getenv("GOMEMLIMIT") == "" { // what the operator says goes before
		n.start(func() { restrain(work, n.conf.PagesBudget, n.held) })
	}
	n.start(func() { n.x.Housekeep(work, func(err error) { n.log.Error("purge", slog.Any("error", err)) }) })
	n.start(func() { n.x.Relay(work, func(err error) { n.log.Error("relay", slog.Any("error", err)) }) })
	n.start(func() {
		n.x.KeepUses(work, func(err error) { n.log.Error("keep uses of credentials", slog.Any("error", err)) })
	})
	n.startPush(work)
	n.startJWT(work)
	if caFile != "" {
		n.start(func() { n.renew(work, address) })
	}
	failed := make(chan error, 3)
	n.start(func() { failed <- server.runAll(watchingAll(listeners, n.conf.MaxConnections)) })
	n.startTLS(work, plain, failed)
	n.start(func() { failed <- control.run() })
	n.warnOfFiles()
	n.log.Info("serving", slog.String("url", n.conf.PublicURL), slog.String("listen", address))
	n.tellOf(listeners[1:])
	if n.opt.Ready != nil {
		err = n.opt.Ready(Info{URL: n.conf.PublicURL, CAFile: caFile})
	}
	if err == nil {
		select {
		case <-ctx.Done():
			n.stopping.Store(true)
			time.Sleep(min(leaving, n.conf.DrainTimeout/10))
		case err = <-failed:
		}
	}
	n.stopping.Store(true)
	n.x.Stop() // waits are answered and streams end, before the answers are waited for
	stopped := make(chan error, 1)
	n.start(func() { stopped <- control.stop(n.conf.DrainTimeout) })
	err = errors.Join(err, server.stop(n.conf.DrainTimeout), plain.stop(n.conf.DrainTimeout), <-stopped)
	stop()
	n.running.Wait()
	n.log.Info("stopped")
	return err
}

// held tells how many octets bodies, Messages that are kept for who follows, each
// with as much again that is no longer used, and streams may hold.
func (n *node) held() int64 {
	return 2*(n.bodies.BodiesHeld()+n.x.FramesHeld()) + perStream*int64(n.bodies.Lasting())
}

func (n *node) start(run func()) {
	n.running.Go(run)
}

// face makes the TAXII face; its bodies are budgeted together with those of
// administration.
func (n *node) face(session func(*http.Request) (*exchange.Session, error)) *api.Server {
	c := n.conf
	return api.New(n.x, api.Options{
		Session: session, PublicURL: c.PublicURL, RefuseJSON: c.RefuseJSON,
		PagesBudget: c.PagesBudget, BodiesBudget: c.BodiesBudget, BodyTimeout: c.BodyTimeout, MaxPerAccount: c.MaxRequestsPerAccount,
		NoChannels: c.Channels == "off", HideChannels: !c.ListChannels, AllowOrigins: c.AllowOrigins,
		MaxStreams: c.MaxStreams, MaxStreamsPerAccount: c.MaxStreamsPerAccount,
	}, n.fail)
}

// administration makes the face for operators, for who session says they are.
func (n *node) administration(session func(*http.Request) (*exchange.Session, error)) http.Handler {
	return admin.New(n.x, admin.Options{
		Session: session, Fail: n.fail, Version: n.opt.Version, Admit: n.bodies.Admit,
		Body: func(w http.ResponseWriter, r *http.Request, most int64) ([]byte, func(), error) {
			return n.bodies.Body(w, r, 0, most)
		},
	})
}

// faces picks the face by the first segment of the path.
func (n *node) faces(session func(*http.Request) (*exchange.Session, error)) http.Handler {
	administration := n.administration(session)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := firstSegment(r)
		switch {
		case first == healthPath:
			health(w, true)
		case first == readyPath:
			health(w, !n.stopping.Load())
		case first == "admin" && n.conf.AdminHTTPS:
			administration.ServeHTTP(w, r)
		case n.ofDoor(r):
			n.door.ServeHTTP(w, r)
		default:
			n.bodies.ServeHTTP(w, r)
		}
	})
}

// The paths for those who look after the process.
const (
	healthPath = "healthz"
	readyPath  = "readyz"
)

func firstSegment(r *http.Request) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	return first
}

func ofHealth(r *http.Request) bool {
	first := firstSegment(r)
	return first == healthPath || first == readyPath
}

// health answers those who look after the process, not clients.
func health(w http.ResponseWriter, good bool) {
	status, text := http.StatusOK, `{"status":"ok"}`
	if !good {
		status, text = http.StatusServiceUnavailable, `{"status":"stopping"}`
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // who hung up needs no answer
}

// server makes the HTTPS server or, behind a proxy, the HTTP server.
func (n *node) server(session func(*http.Request) (*exchange.Session, error), address string) (*httpServer, string, error) {
	c := n.conf
	handler := n.faces(session)
	var err error
	if n.proxies, err = parseProxies(c.BehindProxy); err != nil {
		return nil, "", err
	}
	if len(n.proxies) > 0 {
		handler = n.onlyFrom(n.proxies, handler)
	}
	s := &httpServer{Server: n.httpServer(notOfACME(handler))}
	if len(n.proxies) > 0 {
		return s, "", nil
	}
	caFile, err := n.certificate(address)
	if err != nil {
		return nil, "", err
	}
	certFile, keyFile := c.Certificate, c.CertificateKey
	if certFile == "" {
		own := ownCertificate(c.Data)
		certFile, keyFile = own.certFile(), own.keyFile()
	}
	certs, err := openCertificates(certFile, keyFile, n.log)
	if err != nil {
		return nil, "", err
	}
	s.TLSConfig, err = n.tls(certs.get)
	return s, caFile, err
}

func (n *node) httpServer(handler http.Handler) *http.Server {
	c := n.conf
	return &http.Server{
		Handler:           &observer{next: handler, fail: n.fail, log: n.log, stall: c.StallTimeout, body: c.BodyTimeout, most: int64(c.MaxRequests)},
		ConnContext:       withConn,
		HTTP2:             &http.HTTP2Config{WriteByteTimeout: c.StallTimeout},
		ReadHeaderTimeout: c.HeaderTimeout,
		IdleTimeout:       c.IdleTimeout,
		MaxHeaderBytes:    netHeadersMost,
		// OPTIONS * is answered as any other request for what is not there.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(n.log.Handler(), slog.LevelDebug), // handshakes that fail and the like
	}
}

// certificate makes the server's own certificate, unless it has been given one.
func (n *node) certificate(address string) (caFile string, err error) {
	if n.conf.Certificate != "" || len(n.conf.BehindProxy) > 0 {
		return "", nil
	}
	own := ownCertificate(n.conf.Data)
	if caFile, err = filepath.Abs(own.caFile()); err != nil {
		return "", err
	}
	return caFile, own.ensure(n.hosts(address), time.Now())
}

// hosts are the names under which the server is reached.
func (n *node) hosts(address string) []string {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	addresses := []string{address}
	for _, text := range n.conf.Listeners {
		l, _ := parseListener(text) // has been checked
		addresses = append(addresses, l.Address)
	}
	for _, a := range addresses {
		if host, _, err := net.SplitHostPort(a); err == nil && host != "" {
			if ip, err := netip.ParseAddr(host); err != nil || !ip.IsUnspecified() {
				hosts = append(hosts, host)
			}
		}
	}
	if u, err := url.Parse(n.conf.PublicURL); err == nil && u.Hostname() != "" {
		hosts = append(hosts, u.Hostname())
	}
	return hosts
}

// renew makes a new certificate of the server's own before the old one ends.
func (n *node) renew(ctx context.Context, address string) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(renewEvery):
			if _, err := n.certificate(address); err != nil {
				n.log.Error("renew the certificate", slog.Any("error", err))
			}
		}
	}
}

// httpServer is a server with its way to run and to stop.
type httpServer struct {
	*http.Server
	opened net.Listener // of the plain server
}

func (s *httpServer) run(l net.Listener) error {
	var err error
	if s.TLSConfig != nil {
		err = s.ServeTLS(l, "", "")
	} else {
		err = s.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}

// stop lets answers finish for a while, and then closes what is left.
func (s *httpServer) stop(wait time.Duration) error {
	if s == nil {
		return nil
	}
	if s.opened != nil {
		defer func() { _ = s.opened.Close() }() // also where it never served
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	err := s.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return s.Close()
	}
	return err
}
