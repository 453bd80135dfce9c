package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// Options of the face. Session, Fail and Body are needed.
type Options struct {
	// Session tells who asks. Its errors are TAXII errors.
	Session func(*http.Request) (*exchange.Session, error)
	// Fail answers with an error: the one place where an error meets the wire.
	Fail func(w http.ResponseWriter, r *http.Request, err error)
	// Body takes a body of at most so many octets, decoded. Its memory may be used
	// until release.
	Body func(w http.ResponseWriter, r *http.Request, most int64) (body []byte, release func(), err error)

	// Admit counts a request against the limits of its account; an error is its
	// answer. nil: nothing is counted.
	Admit func(s *exchange.Session, w http.ResponseWriter, r *http.Request) error

	Version string // of the server
}

const (
	// maxSettings bounds a body of settings, in octets: a declaration of thousands
	// of collections and accounts is smaller.
	maxSettings = 1 << 20
	// maxImport bounds a batch of an import, in octets. It is above the usual
	// max_content_length because one object may be as large as that.
	maxImport = 64 << 20
)

// route is one operation. A path has no final slash; {name} stands for one
// segment, which may hold an escaped slash. Params are the names of the
// parameters that the query may have.
type route struct {
	method, path, params string
	do                   func(*request) (answer, error)
}

// routes is the whole face.
func routes() []route {
	return []route{
		{"GET", "roots", "", (*request).roots},
		{"POST", "roots", "", (*request).addRoot},
		{"GET", "roots/{root}", "", (*request).root},
		{"PATCH", "roots/{root}", "", (*request).setRoot},
		{"DELETE", "roots/{root}", "", (*request).removeRoot},

		{"GET", "collections", "", (*request).collections},
		{"GET", "roots/{root}/collections", "", (*request).collections},
		{"POST", "roots/{root}/collections", "", (*request).addCollection},
		{"GET", "roots/{root}/collections/{collection}", "", (*request).collection},
		{"PATCH", "roots/{root}/collections/{collection}", "", (*request).setCollection},
		{"DELETE", "roots/{root}/collections/{collection}", "", (*request).removeCollection},
		{"GET", "roots/{root}/collections/{collection}/objects", "next limit since", (*request).export},
		{"POST", "roots/{root}/collections/{collection}/objects", "as", (*request).addObjects},

		{"GET", "channels", "", (*request).channels},
		{"GET", "roots/{root}/channels", "", (*request).channels},
		{"POST", "roots/{root}/channels", "", (*request).addChannel},
		{"GET", "roots/{root}/channels/{channel}", "", (*request).channel},
		{"PATCH", "roots/{root}/channels/{channel}", "", (*request).setChannel},
		{"DELETE", "roots/{root}/channels/{channel}", "", (*request).removeChannel},
		{"GET", "roots/{root}/channels/{channel}/subscriptions", "next limit", (*request).subscriptions},
		{"GET", "roots/{root}/channels/{channel}/invitations", "", (*request).invitations},
		{"POST", "roots/{root}/channels/{channel}/invitations", "", (*request).invite},
		{"DELETE", "roots/{root}/channels/{channel}/invitations/{invitation}", "", (*request).revoke},

		{"GET", "accounts", "", (*request).accounts},
		{"POST", "accounts", "", (*request).addAccount},
		{"GET", "accounts/{account}", "", (*request).account},
		{"PATCH", "accounts/{account}", "", (*request).setAccount},
		{"DELETE", "accounts/{account}", "", (*request).removeAccount},
		{"GET", "accounts/{account}/access", "on", (*request).explain},
		{"GET", "accounts/{account}/preview", "limit on", (*request).preview},
		{"GET", "accounts/{account}/usage", "", (*request).usage},

		{"GET", "groups", "", (*request).groups},
		{"POST", "groups", "", (*request).addGroup},
		{"GET", "groups/{group}", "", (*request).group},
		{"PATCH", "groups/{group}", "", (*request).setGroup},
		{"DELETE", "groups/{group}", "", (*request).removeGroup},

		{"GET", "tokens", "account", (*request).tokens},
		{"POST", "tokens", "", (*request).createToken},
		{"DELETE", "tokens/{token}", "", (*request).revokeToken},

		{"GET", "certificates", "account", (*request).certificates},
		{"POST", "certificates", "", (*request).addCertificate},
		{"DELETE", "certificates/{certificate}", "", (*request).removeCertificate},

		{"GET", "grants", "", (*request).grants},
		{"PUT", "grants", "", (*request).setGrant},
		{"DELETE", "grants", "account group on", (*request).removeGrant},

		{"GET", "keys", "", (*request).keys},
		{"POST", "keys/rotate", "purpose now", (*request).rotateKey},
		{"POST", "keys/{key}/retire", "", (*request).retireKey},

		{"GET", "audit", "after since until account event on request from limit", (*request).audit},
		{"GET", "audit/recall/{object}", "on since", (*request).recall},

		{"GET", "state", "", (*request).state},
		{"POST", "plan", "prune", (*request).plan},
		{"POST", "apply", "prune", (*request).apply},

		{"POST", "restored", "", (*request).restored},
		{"GET", "version", "", (*request).version},
	}
}

// Routes gives every route as its method and path, for tests of who may use them.
func Routes() (list []string) {
	for _, r := range routes() {
		list = append(list, r.method+" /admin/"+r.path)
	}
	return list
}

// face answers requests; it keeps nothing about them.
type face struct {
	x       *exchange.Exchange
	opt     Options
	routes  []route
	origins *http.CrossOriginProtection
}

// New gives the handler of every path below /admin/. What the server's public
// URL has before that must have been taken off the request's path.
func New(x *exchange.Exchange, o Options) http.Handler {
	return &face{x: x, opt: o, routes: routes(), origins: http.NewCrossOriginProtection()}
}

// ServeHTTP answers one request. Handlers return; here alone it is written.
func (f *face) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, err := f.answer(w, r)
	if err == nil {
		err = a.encode()
	}
	if err != nil {
		f.opt.Fail(w, r, err)
		return
	}
	a.write(w, r)
}

// answer finds out who asks, then what for. To who administers nothing, no path
// exists.
func (f *face) answer(w http.ResponseWriter, r *http.Request) (answer, error) {
	s, err := f.opt.Session(r)
	if err != nil {
		return answer{}, err
	}
	if f.opt.Admit != nil {
		if err := f.opt.Admit(s, w, r); err != nil {
			return answer{}, err
		}
	}
	if err := s.Administers(); err != nil {
		return answer{}, err
	}
	if err := f.ofThisSite(r); err != nil {
		return answer{}, taxii.Errorf(taxii.Forbidden, "a page of another site may not administer this server: %w", err)
	}
	found, names, allowed := f.find(r)
	switch {
	case found == nil && len(allowed) == 0:
		return answer{}, s.Missing()
	case found == nil:
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		return answer{}, taxii.Errorf(taxii.MethodNotAllowed, "the method %.16s is not allowed here", r.Method).
			Describe("Allowed are " + strings.Join(allowed, ", ") + ".")
	}
	params, err := query(r.URL, strings.Fields(found.params))
	if err != nil {
		return answer{}, err
	}
	return found.do(&request{Session: s, opt: &f.opt, r: r, w: w, names: names, params: params})
}

// find finds the operation of a request and the names in its path or, if there
// is none of this method, the methods that the path has.
func (f *face) find(r *http.Request) (found *route, names map[string]string, allowed []string) {
	segments := split(r.URL)
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for i := range f.routes {
		route := &f.routes[i]
		names, ok := route.match(segments)
		if ok && route.method == method {
			return route, names, nil
		}
		if ok {
			allowed = append(allowed, route.method)
		}
	}
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	slices.Sort(allowed)
	return nil, nil, allowed
}

// split gives the segments of a path below /admin/, unescaped, or nil. One final
// slash does not matter; anything else that is not the very path is another path.
func split(u *url.URL) []string {
	rest, ok := strings.CutPrefix(u.EscapedPath(), "/admin/")
	if !ok {
		return nil
	}
	segments := strings.Split(strings.TrimSuffix(rest, "/"), "/")
	for i, segment := range segments {
		text, err := url.PathUnescape(segment)
		if err != nil || text == "" || text == "." || text == ".." {
			return nil
		}
		segments[i] = text
	}
	return segments
}

// match tells whether segments are a path of this route, and what its names
// stand for.
func (r *route) match(segments []string) (map[string]string, bool) {
	pattern := strings.Split(r.path, "/")
	if len(pattern) != len(segments) {
		return nil, false
	}
	names := map[string]string{}
	for i, part := range pattern {
		switch {
		case strings.HasPrefix(part, "{"):
			names[strings.Trim(part, "{}")] = segments[i]
		case part != segments[i]:
			return nil, false
		}
	}
	return names, true
}
