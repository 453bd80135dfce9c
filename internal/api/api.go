package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// Options of the face. The zero value of a bound means its default.
type Options struct {
	Session    func(*http.Request) (*exchange.Session, error) // who asks
	Prefix     string                                         // path of the public URL, without a final slash
	RefuseJSON bool                                           // application/json in Accept is not served (K12)

	PagesBudget  int64         // octets of all pages held for answering
	BodiesBudget int64         // octets of all bodies being taken, decoded
	BodyTimeout  time.Duration // a body that brings no byte for so long is given up

	MaxPerAccount int // requests in work of one account
}

// The bounds where the operator sets none; docs/operate says how to size them.
const (
	DefaultPagesBudget   = 64 << 20
	DefaultBodiesBudget  = 256 << 20
	DefaultBodyTimeout   = 30 * time.Second
	DefaultMaxPerAccount = 1024
)

// Server is the face. It is an http.Handler.
type Server struct {
	x      *exchange.Exchange
	opt    Options
	fail   func(http.ResponseWriter, *http.Request, error)
	routes []route
	pages  *pages
	bodies *gate
	states *gate // Statuses that are made
	load   *load
}

// New makes the face of an exchange. fail writes an error (see Failing).
func New(x *exchange.Exchange, o Options, fail func(http.ResponseWriter, *http.Request, error)) *Server {
	o.PagesBudget = or(o.PagesBudget, DefaultPagesBudget)
	o.BodiesBudget = or(o.BodiesBudget, DefaultBodiesBudget)
	o.BodyTimeout = or(o.BodyTimeout, DefaultBodyTimeout)
	o.MaxPerAccount = or(o.MaxPerAccount, DefaultMaxPerAccount)
	a := &Server{x: x, opt: o, fail: fail, load: newLoad(o.MaxPerAccount)}
	a.pages = newPages(o.PagesBudget, int64(x.PageBytes()))
	a.bodies = newGate(o.BodiesBudget-3*x.MaxContentLength()/2, nil) // the rest is for the one that goes beyond
	a.states = newGate(statusBudget, nil)
	a.routes = a.list()
	return a
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// route is one operation below an API Root. Patterns are matched whole; {x} is
// one segment.
type route struct {
	method  string
	pattern []string
	do      func(s *exchange.Session, w http.ResponseWriter, r *http.Request) error
}

func (a *Server) list() []route {
	table := []struct {
		method, pattern string
		do              func(*exchange.Session, http.ResponseWriter, *http.Request) error
	}{
		{"GET", "", a.getRoot},
		{"GET", "status/{status}", a.getStatus},
		{"GET", "collections", a.getCollections},
		{"GET", "collections/{id}", a.getCollection},
		{"GET", "collections/{id}/manifest", a.getManifest},
		{"GET", "collections/{id}/objects", a.getObjects},
		{"POST", "collections/{id}/objects", a.addObjects},
		{"GET", "collections/{id}/objects/{object}", a.getObject},
		{"DELETE", "collections/{id}/objects/{object}", a.deleteObject},
		{"GET", "collections/{id}/objects/{object}/versions", a.getVersions},
	}
	var routes []route
	for _, t := range table {
		routes = append(routes, route{t.method, segments(t.pattern), t.do})
	}
	return routes
}

// discoveryPath is where discovery is, at the root of the host and, for a
// server below a prefix, there too (R026, K09).
const discoveryPath = "/taxii2"

// ServeHTTP signs in, finds the route, and writes the answer or the error. A
// path with or without its final slash is the same (K01).
func (a *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept, Accept-Encoding")
	w.Header().Set("Cache-Control", "no-store")
	if err := a.serve(w, r); err != nil {
		a.fail(w, r, err)
	}
}

func (a *Server) serve(w http.ResponseWriter, r *http.Request) error {
	s, err := a.opt.Session(r)
	if err != nil {
		return err
	}
	leave, err := a.load.enter(s)
	if err != nil {
		return err
	}
	defer leave()
	path := strings.TrimSuffix(r.URL.EscapedPath(), "/")
	if path == discoveryPath || path == a.opt.Prefix+discoveryPath {
		return a.run(route{method: "GET", do: a.getDiscovery}, s, w, r)
	}
	below, ok := strings.CutPrefix(path, a.opt.Prefix+"/")
	if !ok {
		return s.Missing()
	}
	root, rest := a.cutRoot(segments(below))
	if root == "" {
		return s.Missing()
	}
	r.SetPathValue("root", root)
	if _, err := s.Root(r.Context(), root); err != nil {
		return err
	}
	return a.match(rest, s, w, r)
}

// maxRootSegments bounds the names that are tried; a name has at most 128
// octets, and so no more segments.
const maxRootSegments = 64

// cutRoot cuts the longest name of an API Root off a path.
func (a *Server) cutRoot(path []string) (root string, rest []string) {
	names := a.x.RootNames()
	for n := min(len(path), maxRootSegments); n > 0; n-- {
		if name := strings.Join(path[:n], "/"); names[name] {
			return name, path[n:]
		}
	}
	return "", nil
}

// match finds the route of a path below a root. What is in a Collection that the
// account does not see is Missing, whatever the method, the media type or the
// query (R069).
func (a *Server) match(path []string, s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	var allowed []string
	for _, route := range a.routes {
		if !route.fits(path, r) {
			continue
		}
		if id := r.PathValue("id"); id != "" {
			if _, err := s.Collection(r.Context(), r.PathValue("root"), id); err != nil {
				return err
			}
		}
		if route.takes(r.Method) {
			return a.run(route, s, w, r)
		}
		allowed = append(allowed, route.methods()...)
	}
	if allowed == nil {
		return s.Missing()
	}
	return notAllowed(w, allowed)
}

// takes tells whether the route serves a method; HEAD is a GET without a body.
func (route route) takes(method string) bool {
	return route.method == method || route.method == http.MethodGet && method == http.MethodHead
}

func (route route) methods() []string {
	if route.method == "GET" {
		return []string{"GET", "HEAD"}
	}
	return []string{route.method}
}

func notAllowed(w http.ResponseWriter, allowed []string) error {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return taxii.Errorf(taxii.MethodNotAllowed, "this resource has no such method; it has %s", strings.Join(allowed, ", "))
}

// fits compares a path with the pattern and keeps what stands for {x}.
func (route route) fits(path []string, r *http.Request) bool {
	if len(path) != len(route.pattern) {
		return false
	}
	for i, p := range route.pattern {
		if name, ok := strings.CutPrefix(p, "{"); ok {
			value, err := url.PathUnescape(path[i])
			if err != nil || value == "" || !utf8.ValidString(value) {
				return false
			}
			r.SetPathValue(strings.TrimSuffix(name, "}"), value)
		} else if path[i] != p {
			return false
		}
	}
	return true
}

// run negotiates the media type and carries out a route.
func (a *Server) run(route route, s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	if !route.takes(r.Method) {
		return notAllowed(w, route.methods())
	}
	if err := taxii.NegotiateAccept(r.Header.Values("Accept"), taxii.MediaOptions{RefuseJSON: a.opt.RefuseJSON}); err != nil {
		return err
	}
	return route.do(s, w, r)
}

func segments(path string) []string {
	if path == "" {
		return nil
	}
	return slices.Clip(strings.Split(path, "/"))
}
