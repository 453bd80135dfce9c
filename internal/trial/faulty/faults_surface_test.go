package faulty_test

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial/faulty"
	"github.com/hansom-taxii/hansom/taxii"
)

func surfaceFaults() []fault {
	return slices.Concat(transportFaults(), slashFaults(), authenticationFaults(), credentialFaults(), mediaFaults(), errorFaults(),
		discoveryFaults(), rootFaults(), collectionsFaults(), collectionFaults(), accessFaults(), otherFaults(), optionalFaults())
}

// where tells which requests a fault concerns.
type where func(*http.Request) bool

// to picks requests by the kind of endpoint.
func to(kinds ...string) where {
	return func(r *http.Request) bool { return slices.Contains(kinds, kindOf(r)) }
}

// kindOf names the endpoint that a request is for; "" where there is none.
func kindOf(r *http.Request) string {
	s := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	shape := map[int]string{1: "root", 2: "collections", 3: "collection", 4: s[len(s)-1], 5: "object", 6: "versions"}[len(s)]
	switch {
	case len(s) == 1 && s[0] == "taxii2":
		return "discovery"
	case len(s) == 3 && s[1] == "status":
		return "status"
	case len(s) > 1 && s[1] != "collections":
		return ""
	case shape == "objects" && r.Method == http.MethodPost:
		return "add"
	case shape == "object" && r.Method == http.MethodDelete:
		return "delete"
	}
	return shape
}

// inside picks requests to the endpoints of a Collection.
var inside = to("collection", "manifest", "objects", "object", "versions", "add", "delete")

func everywhere(*http.Request) bool { return true }

// both picks what either rule alone would leave.
func both(a, b where) where {
	return func(r *http.Request) bool { return a(r) && b(r) }
}

// sends picks requests by a header; without values, those that have it.
func sends(name string, values ...string) where {
	return func(r *http.Request) bool {
		got := strings.Join(r.Header.Values(name), ", ")
		return len(values) == 0 && got != "" || slices.Contains(values, got)
	}
}

// spoils makes a fault of a change to answers.
func spoils(name string, on where, change func(*http.Request, *faulty.Answer), breaks ...string) fault {
	return fault{breaks, faulty.Fault{Name: name, Answer: func(r *http.Request, a *faulty.Answer) {
		if on(r) {
			change(r, a)
		}
	}}}
}

// swaps makes a fault of answers that never reach the server.
func swaps(name string, on where, answer func() *faulty.Answer, breaks ...string) fault {
	return fault{breaks, faulty.Fault{Name: name, Request: func(r *http.Request) *faulty.Answer {
		if on(r) {
			return answer()
		}
		return nil
	}}}
}

// bends makes a fault of a change to requests.
func bends(name string, on where, change func(*http.Request), breaks ...string) fault {
	return fault{breaks, faulty.Fault{Name: name, Request: func(r *http.Request) *faulty.Answer {
		if on(r) {
			change(r)
		}
		return nil
	}}}
}

// an gives an answer: a TAXII error, or an empty resource.
func an(code int) func() *faulty.Answer {
	return func() *faulty.Answer {
		body := "{}"
		if code >= http.StatusBadRequest {
			body = fmt.Sprintf(`{"title":"no","http_status":"%d"}`, code)
		}
		a := &faulty.Answer{Status: code, Header: http.Header{"Content-Type": {taxii.MediaType}}, Body: []byte(body)}
		if code == http.StatusUnauthorized {
			a.Header.Set("WWW-Authenticate", `Basic realm="taxii"`)
		}
		return a
	}
}

// page is an error as a web server writes it.
func page(code int) func() *faulty.Answer {
	return func() *faulty.Answer {
		return &faulty.Answer{Status: code, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte("<html><h1>No</h1></html>")}
	}
}

// becomes puts another answer in the place of one with one of these statuses; with
// none, of any.
func becomes(other func() *faulty.Answer, codes ...int) func(*http.Request, *faulty.Answer) {
	return func(_ *http.Request, a *faulty.Answer) {
		if len(codes) == 0 || slices.Contains(codes, a.Status) {
			*a = *other()
		}
	}
}

// puts sets a header; with no value it is lost.
func puts(name string, values ...string) func(*http.Request, *faulty.Answer) {
	return func(_ *http.Request, a *faulty.Answer) { a.Header[http.CanonicalHeaderKey(name)] = values }
}

// says sets a property of a resource that was served; nil takes it away.
func says(name string, value any) func(*http.Request, *faulty.Answer) {
	return properties(func(v map[string]any) {
		if v[name] = value; value == nil {
			delete(v, name)
		}
	})
}

// properties changes a resource that was served.
func properties(change func(map[string]any)) func(*http.Request, *faulty.Answer) {
	return func(_ *http.Request, a *faulty.Answer) {
		if a.Status < http.StatusBadRequest {
			a.JSON(change)
		}
	}
}

// null is what a property can be that is there and says nothing.
type null struct{}

func (null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

func transportFaults() []fault {
	var under atomic.Int32
	return []fault{
		{[]string{"transport/https", "transport/tls12"}, faulty.Fault{Name: "TLS 1.1 at most", TLS: func(c *tls.Config) {
			c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		}}},
		{[]string{"transport/https"}, faulty.Fault{Name: "a certificate of another host", TLS: certified("elsewhere.example", time.Hour)}},
		{[]string{"transport/https"}, faulty.Fault{Name: "a certificate of yesterday", TLS: certified("127.0.0.1", -time.Hour)}},
		{[]string{"transport/tls12"}, faulty.Fault{Name: "TLS 1.3 alone", TLS: func(c *tls.Config) { c.MinVersion = tls.VersionTLS13 }}},
		swaps("HTTP/2 alone", func(r *http.Request) bool { return r.ProtoMajor == 1 }, an(http.StatusHTTPVersionNotSupported), "transport/http1"),
		swaps("HTTP/2 that fails", func(r *http.Request) bool { return r.ProtoMajor == 2 }, an(http.StatusInternalServerError), "transport/http2"),
		bends("a connection for each request", everywhere, func(r *http.Request) {
			r.Context().Value(http.ServerContextKey).(*http.Server).SetKeepAlivesEnabled(false)
		}, "transport/kept"),
		{[]string{"transport/at-once"}, faulty.Fault{Name: "one request at a time", Request: func(*http.Request) *faulty.Answer {
			defer under.Add(-1)
			if under.Add(1) > 1 {
				return an(http.StatusServiceUnavailable)()
			}
			time.Sleep(200 * time.Millisecond) // until the others have come
			return nil
		}}},
		spoils("discovery is elsewhere", to("discovery"), func(_ *http.Request, a *faulty.Answer) {
			*a = *an(http.StatusFound)()
			a.Header.Set("Location", "/login")
		}, "transport/no-redirect", "discovery/resource", "discovery/at-host"),
		swaps("HEAD is not found", func(r *http.Request) bool { return r.Method == http.MethodHead }, an(http.StatusNotFound), "transport/head"),
		bends("any method is a GET", func(r *http.Request) bool { return r.Method == "FROBNICATE" }, func(r *http.Request) { r.Method = http.MethodGet }, "transport/unknown-method"),
		spoils("a 405 is a page", everywhere, becomes(page(405), 405), "transport/unknown-method", "transport/allow"),
		spoils("a 405 is alone", everywhere, puts("Allow"), "transport/allow"),
		spoils("a 404 is a page", everywhere, becomes(page(404), 404), "transport/unknown-path", "errors/unknown-*", "errors/browser", "errors/odd-collection-id",
			"errors/odd-path", "errors/odd-zero", "errors/odd-long"),
		bends("what is not packed is said to be", sends("Accept-Encoding"), func(r *http.Request) { r.Header.Set("Accept-Encoding", "x-plain") }).
			and(puts("Content-Encoding", "gzip"), "transport/gzip", "transport/vary"),
		spoils("all is packed", sends("Accept-Encoding"), func(_ *http.Request, a *faulty.Answer) {
			if a.Header.Get("Content-Encoding") == "" {
				a.Body = packed(a.Body)
				a.Header.Set("Content-Encoding", "gzip")
			}
		}, "transport/identity", "transport/gzip-refused"),
		spoils("Vary is lost", everywhere, puts("Vary"), "transport/vary"),
		swaps("ranges of items, as in TAXII 2.0", sends("Range"), an(http.StatusPartialContent), "transport/range"),
		spoils("Date is lost", everywhere, puts("Date"), "transport/date"),
		swaps("queries of 4096 octets at most", func(r *http.Request) bool { return len(r.URL.RawQuery) > 4096 }, page(414), "transport/long-query", "transport/longer-query"),
		swaps("headers of 8192 octets at most", func(r *http.Request) bool { return len(r.Header.Get("X-Unknown")) > 8192 }, page(431), "transport/long-header"),
		spoils("Collections are HTML", to("collections"), puts("Content-Type", "text/html"), "transport/head", "transport/http2", "transport/at-once",
			"transport/slash-collections"),
	}
}

// and adds a change to answers to a fault that changes requests.
func (f fault) and(change func(*http.Request, *faulty.Answer), breaks ...string) fault {
	f.breaks, f.Answer = breaks, change
	return f
}

func packed(body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(body)
	_ = z.Close()
	return b.Bytes()
}

// certified gives the proxy a certificate that the client trusts, for a name, and
// for so long.
func certified(name string, left time.Duration) func(*tls.Config) {
	return func(c *tls.Config) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		form := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
			NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(left), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		}
		der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
		if err != nil {
			panic(err)
		}
		c.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	}
}

func slashFaults() []fault {
	lacks := func(r *http.Request) bool { return !strings.HasSuffix(r.URL.Path, "/") }
	return []fault{
		{[]string{"transport/slash-*"}, faulty.Fault{Name: "what lacks its slash is redirected", Request: func(r *http.Request) *faulty.Answer {
			if !lacks(r) {
				return nil
			}
			a := an(http.StatusPermanentRedirect)()
			a.Header.Set("Location", r.URL.Path+"/")
			return a
		}}},
		swaps("what lacks its slash is not there", lacks, an(http.StatusNotFound), "transport/slash-*"),
		swaps("what lacks its slash is empty", both(lacks, func(r *http.Request) bool { return r.Method == http.MethodGet }), an(http.StatusOK),
			"transport/slash-discovery", "transport/slash-root", "transport/slash-collections", "transport/slash-collection", "transport/slash-objects",
			"transport/slash-object", "transport/slash-versions", "transport/slash-manifest", "transport/slash-status"),
	}
}
