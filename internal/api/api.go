package api

import (
	"math"
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
	PublicURL  string                                         // without a final slash; its path stands before every path (K02)
	RefuseJSON bool                                           // application/json in Accept is not served (K12)

	PagesBudget  int64         // octets of all pages held for answering
	BodiesBudget int64         // octets of all bodies being taken, decoded
	BodyTimeout  time.Duration // a body that brings no byte for so long is given up

	MaxPerAccount int // requests in work of one account

	NoChannels   bool     // there are none: every path of theirs is Missing
	HideChannels bool     // their list is Forbidden to all
	AllowOrigins []string // of browser pages that may use Channels, such as https://soc.example.com; "*" is every one

	MaxStreams           int // waits and streams that are open
	MaxStreamsPerAccount int
}

// The bounds where the operator sets none; docs/operate says how to size them.
const (
	DefaultPagesBudget   = 64 << 20
	DefaultBodiesBudget  = 256 << 20
	DefaultBodyTimeout   = 30 * time.Second
	DefaultMaxPerAccount = 1024

	DefaultMaxStreams           = 10_000
	DefaultMaxStreamsPerAccount = 32
)

// Server is the face. It is an http.Handler.
type Server struct {
	x       *exchange.Exchange
	opt     Options
	prefix  string // the path of the public URL
	fail    func(http.ResponseWriter, *http.Request, error)
	routes  []route
	pages   *pages
	bodies  *gate
	states  *gate // Statuses that are made
	load    *load
	lasting *load // waits and streams, which are no requests in work
	pace    pace
}

// New makes the face of an exchange. fail writes an error (see Failing).
func New(x *exchange.Exchange, o Options, fail func(http.ResponseWriter, *http.Request, error)) *Server {
	o.PagesBudget = or(o.PagesBudget, DefaultPagesBudget)
	o.BodiesBudget = or(o.BodiesBudget, DefaultBodiesBudget)
	o.BodyTimeout = or(o.BodyTimeout, DefaultBodyTimeout)
	o.MaxPerAccount = or(o.MaxPerAccount, DefaultMaxPerAccount)
	o.MaxStreams = or(o.MaxStreams, DefaultMaxStreams)
	o.MaxStreamsPerAccount = or(o.MaxStreamsPerAccount, DefaultMaxStreamsPerAccount)
	a := &Server{x: x, opt: o, prefix: pathOf(o.PublicURL), fail: fail, pace: usualPace()}
	a.load = newLoad("requests in work", o.MaxPerAccount, math.MaxInt)
	a.lasting = newLoad("waits and streams open", o.MaxStreamsPerAccount, o.MaxStreams)
	a.lasting.name, a.lasting.of = "streams", (*exchange.Session).Streams
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

// handler carries out a request, or gives the error that answers it. An opener
// begins an answer that goes on, if there is no error, by its last.
type (
	handler func(s *exchange.Session, w http.ResponseWriter, r *http.Request) error
	opener  func(s *exchange.Session, w http.ResponseWriter, r *http.Request) (*stream, error)
)

// route is one operation below an API Root. Patterns are matched whole; {x} is
// one segment.
type route struct {
	method  string
	pattern []string
	do      handler
	any     bool   // it answers in a media type of its own, whatever Accept says
	stream  opener // the same as an event stream, for who prefers that; nil: there is none
}

func (a *Server) list() []route {
	table := []struct {
		method, pattern string
		do              handler
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
		{"GET", "channels", a.getChannels},
		{"POST", "channels", a.addChannel},
		{"GET", "channels/{channel}", a.getChannel}, // with a query it is the draft form of reading
		{"POST", "channels/{channel}", a.publish},
		{"PUT", "channels/{channel}", a.setChannel},
		{"DELETE", "channels/{channel}", a.removeChannel},
		{"GET", "channels/{channel}/messages", a.getMessages},
		{"POST", "channels/{channel}/messages", a.publish},
		{"GET", "channels/{channel}/messages/{message}", a.getMessage},
		{"GET", "channels/{channel}/messages/{message}/content", a.getContent},
		{"GET", "channels/{channel}/subscriptions", a.getSubscriptions},
		{"POST", "channels/{channel}/subscriptions", a.subscribe},
		{"GET", "channels/{channel}/subscriptions/{subscription}", a.getSubscription},
		{"PUT", "channels/{channel}/subscriptions/{subscription}", a.setSubscription},
		{"DELETE", "channels/{channel}/subscriptions/{subscription}", a.unsubscribe},
		{"GET", "channels/{channel}/subscriptions/{subscription}/messages", a.getSubscribed},
		{"PUT", "channels/{channel}/subscriptions/{subscription}/position", a.setPosition},
		{"GET", "channels/{channel}/grants", a.getGrants},
		{"PUT", "channels/{channel}/grants", a.setGrants},
		{"GET", "channels/{channel}/invitations", a.getInvitations},
		{"POST", "channels/{channel}/invitations", a.invite},
		{"DELETE", "channels/{channel}/invitations/{invitation}", a.revoke},
		{"POST", "channels/{channel}/join", a.join},
	}
	streams := map[string]opener{
		"channels/{channel}":                                       a.streamDraft,
		"channels/{channel}/messages":                              a.streamMessages,
		"channels/{channel}/subscriptions/{subscription}/messages": a.streamSubscribed,
	}
	var routes []route
	for _, t := range table {
		if a.opt.NoChannels && strings.HasPrefix(t.pattern, "channels") {
			continue
		}
		v := route{method: t.method, pattern: segments(t.pattern), do: t.do, any: t.pattern == "channels/{channel}/messages/{message}/content"}
		if t.method == http.MethodGet {
			v.stream = streams[t.pattern]
		}
		routes = append(routes, v)
	}
	return routes
}

// ServeHTTP signs in, finds the route, and writes the answer or the error. A
// path with or without its final slash is the same (K01).
func (a *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept, Accept-Encoding")
	w.Header().Set("Cache-Control", "no-store")
	st, err := a.serve(w, r)
	switch {
	case err != nil:
		a.fail(w, r, err)
	case st != nil:
		st.last() // from here, so that as little as can be is on its stack for an hour
	}
}

// serve answers a request, or begins an answer that goes on.
func (a *Server) serve(w http.ResponseWriter, r *http.Request) (*stream, error) {
	if answered, err := a.crossOrigin(w, r); answered || err != nil {
		return nil, err
	}
	s, err := a.opt.Session(r)
	if err != nil {
		return nil, err
	}
	if err := a.Admit(s, w, r); err != nil {
		return nil, err
	}
	leave, err := a.load.enter(s)
	if err != nil {
		return nil, err
	}
	defer leave()
	defer answered(s, w)
	path := strings.TrimSuffix(r.URL.EscapedPath(), "/")
	if do := a.discovery(path); do != nil {
		return a.run(route{method: "GET", do: do}, s, w, r)
	}
	root, rest, err := a.below(s, r, path)
	if err != nil {
		return nil, err
	}
	r.SetPathValue("root", root)
	if a.joins(r, root, rest) { // who joins need not see the root
		return nil, a.join(s, w, r)
	}
	if root == "" {
		return nil, s.Missing()
	}
	if _, err := s.Root(r.Context(), root); err != nil {
		return nil, err
	}
	return a.match(rest, s, w, r)
}

// maxRootSegments bounds the names that are tried; a name has at most 128
// octets, and so no more segments.
const maxRootSegments = 64

// cutRoot cuts the longest name of an API Root off a path; without one the path
// is left whole.
func (a *Server) cutRoot(path []string) (root string, rest []string) {
	names := a.x.RootNames()
	for n := min(len(path), maxRootSegments); n > 0; n-- {
		if name := strings.Join(path[:n], "/"); names[name] {
			return name, path[n:]
		}
	}
	return "", path
}

// match finds the route of a path below a root. What is in a Collection or a
// Channel that the account does not see is Missing, whatever the method, the
// media type or the query (R069).
func (a *Server) match(path []string, s *exchange.Session, w http.ResponseWriter, r *http.Request) (*stream, error) {
	var allowed []string
	for _, route := range a.routes {
		if !route.fits(path, r) {
			continue
		}
		if err := a.seen(s, r); err != nil {
			return nil, err
		}
		if route.takes(r.Method) {
			return a.run(route, s, w, r)
		}
		allowed = append(allowed, route.methods()...)
	}
	if allowed == nil {
		return nil, s.Missing()
	}
	return nil, notAllowed(w, allowed)
}

// seen tells whether the account sees the Collection or Channel of a path.
func (a *Server) seen(s *exchange.Session, r *http.Request) error {
	root, id, channel := r.PathValue("root"), r.PathValue("id"), r.PathValue("channel")
	switch {
	case id != "":
		_, err := s.Collection(r.Context(), root, id)
		return err
	case channel != "":
		// Any other answer to whether it may publish says that it sees the Channel.
		_, err := s.MayPublish(root, channel)
		if k := taxii.KindOf(err); err != nil && (k == taxii.NotFound || k == taxii.Unauthenticated) {
			return err
		}
	}
	return nil
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
			if err != nil || value == "" || !utf8.ValidString(value) || strings.ContainsRune(value, 0) { // nothing has such a name
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
func (a *Server) run(route route, s *exchange.Session, w http.ResponseWriter, r *http.Request) (*stream, error) {
	if !route.takes(r.Method) {
		return nil, notAllowed(w, route.methods())
	}
	accept, options := r.Header.Values("Accept"), taxii.MediaOptions{RefuseJSON: a.opt.RefuseJSON}
	if route.streams(r) && streamPreferred(accept, options) {
		return route.stream(s, w, r)
	}
	if !route.ofChannels() { // where they count it they look at it themselves
		if _, err := maxSize(r); err != nil {
			return nil, err
		}
	}
	if !route.any {
		if err := taxii.NegotiateAccept(accept, options); err != nil {
			return nil, err
		}
	}
	return nil, route.do(s, w, r)
}

// streams tells whether a request can be answered as an event stream: the Channel
// itself only where it is read.
func (route route) streams(r *http.Request) bool {
	return route.stream != nil && (len(route.pattern) > 2 || isDraft(r))
}

func (route route) ofChannels() bool { return len(route.pattern) > 0 && route.pattern[0] == "channels" }

func segments(path string) []string {
	if path == "" {
		return nil
	}
	return slices.Clip(strings.Split(path, "/"))
}
