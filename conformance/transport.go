package conformance

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hansom-taxii/hansom/taxii"
)

func transportChecks() []Check {
	return slices.Concat([]Check{
		{ID: "transport/https", Title: "serves TLS 1.2 or later with a certificate that its client trusts", Rules: []string{"R078"}, run: transportHTTPS},
		{ID: "transport/tls12", Title: "serves a client that knows TLS 1.2 and nothing later", Rules: []string{"R079"}, run: transportTLS12},
		{ID: "transport/http1", Title: "serves HTTP/1.1", Rules: []string{"R078"}, run: transportHTTP1},
		{ID: "transport/http2", Title: "serves HTTP/2, where it offers it, like HTTP/1.1", Rules: []string{"R078"}, run: transportHTTP2},
		{ID: "transport/kept", Title: "keeps a connection for the next request", Rules: []string{"K65"}, run: transportKept},
		{ID: "transport/at-once", Title: "answers several requests of one account at once", Rules: []string{"K65", "K73"}, run: transportAtOnce},
		{ID: "transport/no-redirect", Title: "answers discovery itself, without a redirect", Rules: []string{"K01"},
			run: func(p *probe) { p.status(p.get(p.discoveryURL()), http.StatusOK) }},
		{ID: "transport/head", Title: "answers HEAD as it does GET, or says that it has no such method", Rules: []string{"R005", "R048"}, run: transportHead},
		{ID: "transport/unknown-method", Title: "refuses a method that nobody knows, with a TAXII error", Rules: []string{"R154", "K17"},
			run: func(p *probe) {
				p.failure(p.do("FROBNICATE", p.world().root+"collections/", nil), refusals()...)
			}},
		{ID: "transport/allow", Title: "names in Allow what it has where it answers 405", Rules: []string{"R162", "K17"}, run: transportAllow},
		{ID: "transport/unknown-path", Title: "answers 404 with a TAXII error to a path below an API Root that is none of the standard's", Rules: []string{"R154", "K17"},
			run: func(p *probe) { p.failure(p.get(p.world().root+taxii.NewID()+"/"), http.StatusNotFound) }},
		{ID: "transport/gzip", Title: "answers who takes gzip with what can be read, packed or not", Rules: []string{"K72"},
			run: func(p *probe) { p.coded("gzip", "", "gzip") }},
		{ID: "transport/identity", Title: "packs nothing for who takes only what is not packed", Rules: []string{"K72"},
			run: func(p *probe) { p.coded("identity", "") }},
		{ID: "transport/gzip-refused", Title: "packs nothing for who refuses gzip with q=0", Rules: []string{"K72"},
			run: func(p *probe) { p.coded("gzip;q=0, identity", "") }},
		{ID: "transport/vary", Title: "names Accept-Encoding in Vary where it packs what it sends", Rules: []string{"K72"}, run: transportVary},
		{ID: "transport/range", Title: "knows no ranges of items, as TAXII 2.0 had", Rules: []string{"R280"},
			run: func(p *probe) { p.ok(p.objects("limit", "1"), header("Range", "items=0-9")) }},
		{ID: "transport/date", Title: "tells its time in Date", Rules: []string{"R065"}, run: transportDate},
		{ID: "transport/long-query", Title: "takes a query of five thousand octets", Rules: []string{"R117"}, run: transportLongQuery},
		{ID: "transport/longer-query", Title: "takes a query of forty thousand octets, or refuses it with a TAXII error", Rules: []string{"R154", "K17"},
			run: func(p *probe) {
				p.takenOrRefused(p.get(p.world().root + "collections/?unknown=" + strings.Repeat("x", 40_000)))
			}},
		{ID: "transport/long-header", Title: "takes a header of forty thousand octets, or refuses it with a TAXII error", Rules: []string{"R154", "K17"},
			run: func(p *probe) {
				p.takenOrRefused(p.get(p.world().root+"collections/", header("X-Unknown", strings.Repeat("x", 40_000))))
			}},
	}, slashChecks())
}

// refusals are what a server may say to a request that it has no use for.
func refusals() []int {
	return []int{http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound}
}

// through makes a client like that of the run, with its transport changed, and
// closes it after use.
func (p *probe) through(h2 bool, change func(*http.Transport), use func(*http.Client)) {
	c := p.suite.target.client(h2)
	t := c.Transport.(*http.Transport)
	change(t)
	defer t.CloseIdleConnections()
	use(c)
}

func transportHTTPS(p *probe) {
	a := p.get(p.discoveryURL())
	p.want(a.tls != nil && a.tls.Version >= tls.VersionTLS12, "TLS 1.2 or later")
}

func transportTLS12(p *probe) {
	p.through(false, func(t *http.Transport) {
		t.TLSClientConfig.MinVersion, t.TLSClientConfig.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	}, func(c *http.Client) { p.ok(p.discoveryURL(), over(c)) })
}

func transportHTTP1(p *probe) {
	p.through(false, func(t *http.Transport) { t.TLSClientConfig.NextProtos = []string{"http/1.1"} }, func(c *http.Client) {
		a := p.ok(p.discoveryURL(), over(c))
		p.want(a.proto == "HTTP/1.1", "HTTP/1.1, not %s", a.proto)
	})
}

func transportHTTP2(p *probe) {
	plain := p.get(p.world().root + "collections/")
	p.through(true, func(*http.Transport) {}, func(c *http.Client) {
		a := p.get(p.world().root+"collections/", over(c))
		if a.proto != "HTTP/2.0" {
			p.skip("the server does not offer HTTP/2")
		}
		p.status(a, plain.status)
		p.taxii(a)
		p.object(a)
	})
}

// requestsKept are sent one after the other, and must need one connection.
const requestsKept = 5

func transportKept(p *probe) {
	var dialled atomic.Int32
	p.through(false, func(t *http.Transport) {
		t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			dialled.Add(1)
			return new(net.Dialer).DialContext(ctx, network, address)
		}
	}, func(c *http.Client) {
		for range requestsKept {
			p.ok(p.world().root, over(c))
		}
	})
	p.want(dialled.Load() == 1, "one connection for %d requests, not %d", requestsKept, dialled.Load())
}

// requestsAtOnce is less than any browser sends to one host, over HTTP/2 at least.
const requestsAtOnce = 8

func transportAtOnce(p *probe) {
	address := p.world().root + "collections/"
	answers, errs := make([]*answer, requestsAtOnce), make([]error, requestsAtOnce)
	var all sync.WaitGroup
	for i := range requestsAtOnce {
		all.Go(func() {
			answers[i], errs[i] = p.suite.target.send(p.ctx, usual(http.MethodGet, address, p.suite.target.Account, nil))
		})
	}
	all.Wait()
	for i, a := range answers {
		if a != nil {
			p.exchanges = append(p.exchanges[:0], a.Exchange)
		}
		p.want(errs[i] == nil, "an answer to each of %d requests; one had none: %v", requestsAtOnce, errs[i])
		p.status(a, http.StatusOK)
		p.taxii(a)
	}
}

func transportHead(p *probe) {
	a := p.do(http.MethodHead, p.world().root+"collections/", nil)
	p.status(a, http.StatusOK, http.StatusMethodNotAllowed, http.StatusNotImplemented)
	if a.status == http.StatusOK {
		p.taxii(a)
	}
	p.ok(p.world().root + "collections/") // what should not have come after HEAD would come now
}

func transportAllow(p *probe) {
	a := p.do(http.MethodPut, p.discoveryURL(), nil)
	p.status(a, refusals()...)
	if a.status == http.StatusMethodNotAllowed {
		allowed := strings.Split(strings.Join(a.header.Values("Allow"), ","), ",")
		p.want(slices.ContainsFunc(allowed, func(m string) bool { return strings.TrimSpace(m) == http.MethodGet }),
			"Allow that names GET, not %q", a.header.Values("Allow"))
	}
}

// coded asks for objects in a coding, and wants one of these, and what is inside.
func (p *probe) coded(accepted string, codings ...string) *answer {
	p.seed()
	a := p.ok(p.objects(), header("Accept-Encoding", accepted))
	coding := a.header.Get("Content-Encoding")
	p.want(slices.Contains(codings, coding), "Content-Encoding among %q, not %q", codings, coding)
	var v page
	p.read(a, &v)
	p.want(len(v.Objects) > 0, "objects in the answer")
	return a
}

func transportVary(p *probe) {
	a := p.coded("gzip", "", "gzip")
	if a.header.Get("Content-Encoding") == "" {
		p.skip("the server does not pack what it sends")
	}
	vary := strings.ToLower(strings.Join(a.header.Values("Vary"), ","))
	p.want(strings.Contains(vary, "accept-encoding") || strings.Contains(vary, "*"), "Vary with Accept-Encoding, not %q", vary)
}

func transportDate(p *probe) {
	a := p.get(p.discoveryURL())
	_, err := http.ParseTime(a.header.Get("Date"))
	p.want(err == nil, "a Date that HTTP has, not %q", a.header.Get("Date"))
}

func transportLongQuery(p *probe) {
	o := p.seed().one("indicator0")
	list := []string{o.id}
	for range 100 {
		list = append(list, "indicator--"+taxii.NewID())
	}
	_, v := p.page(p.objects("match[id]", strings.Join(list, ",")))
	there, others := found([]*object{o}, v.Objects)
	p.want(len(there) == 1 && others == 0, "the object whose id stands first among a hundred, and it alone")
}

// takenOrRefused wants what is right, or an error that says no more than that the
// request was too much.
func (p *probe) takenOrRefused(a *answer) {
	if a.status == http.StatusOK {
		p.taxii(a)
		p.object(a)
		return
	}
	p.failure(a, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge)
}
