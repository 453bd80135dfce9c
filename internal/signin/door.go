package signin

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// DoorOptions say what is taken at the door beside passwords and API tokens. Fail
// and Body are needed to serve what is below /auth/.
type DoorOptions struct {
	TokenHeader string      // K22: a header that carries an API token, such as X-Api-Key; "": none
	JWT         JWT         // nil: no JWT is taken
	Certificate Certificate // nil: none is looked at
	PublicURL   string      // its path may stand before every path
	Routes      []Route     // what others serve here

	// Opened is given every Session before it is used: to say where it came from, and
	// to record that it was opened. nil: nobody is.
	Opened func(r *http.Request, s *exchange.Session) (*exchange.Session, error)
	// Source tells from which address a request comes. nil: that of its connection.
	Source func(*http.Request) netip.Addr
	// Refused is told of a refusal that is answered here, in the words of another
	// protocol; Fail tells it by itself. nil: nobody.
	Refused func(r *http.Request, err error)
	// Admit counts a request against the limits of its account; an error is its
	// answer. nil: there are none.
	Admit func(s *exchange.Session, w http.ResponseWriter, r *http.Request) error
	// Fail answers with an error: the one place where an error meets the wire.
	Fail func(w http.ResponseWriter, r *http.Request, err error)
	// Body takes a body of at most so many octets, decoded. Its memory may be used
	// until release.
	Body func(w http.ResponseWriter, r *http.Request, most int64) (body []byte, release func(), err error)
}

// JWT opens JSON Web Tokens, our own and those of outside issuers.
type JWT interface {
	Session(ctx context.Context, compact string) (*exchange.Session, error)
}

// Certificate looks at the certificate of the connection of a request. It is
// present where one was shown that is mapped to an account.
type Certificate interface {
	Session(r *http.Request) (s *exchange.Session, present bool, err error)
}

// Route is an operation of the door. The path has no final slash and stands whole,
// such as /auth/token; {id} is one segment.
type Route struct {
	Method, Path string
	Do           func(d *Door, w http.ResponseWriter, r *http.Request) error
}

// Door is where every request to HTTPS comes in: it composes all ways to sign in.
// Safe for concurrent use.
type Door struct {
	x      *exchange.Exchange
	opt    DoorOptions
	basic  *Basic
	prefix string // the path of the public URL
	routes []Route
	origin *http.CrossOriginProtection
}

// NewDoor makes the door of an exchange.
func NewDoor(x *exchange.Exchange, o DoorOptions) (*Door, error) {
	basic, err := NewBasic(x)
	if err != nil {
		return nil, err
	}
	if o.Source != nil {
		basic.source = o.Source
	}
	d := &Door{x: x, opt: o, basic: basic, prefix: pathOf(o.PublicURL), origin: http.NewCrossOriginProtection()}
	d.routes = append(d.own(), o.Routes...)
	return d, nil
}

// Session gives the Session of a request: that of its proofs, which must all be of
// one account, or without any the anonymous one. A wrong proof is an error
// everywhere, also where none is needed (K27). What stands in the query is never
// looked at (K26).
func (d *Door) Session(r *http.Request) (*exchange.Session, error) {
	s, err := d.composed(r)
	if err == nil {
		err = s.Suffices() // an account may want a certificate beside whatever else was sent
	}
	if err != nil {
		return nil, err
	}
	if d.opt.Opened != nil {
		return d.opt.Opened(r, s)
	}
	return s, nil
}

// composed gives the Session of all proofs of a request together.
func (d *Door) composed(r *http.Request) (*exchange.Session, error) {
	s, err := d.sent(r)
	if err != nil || d.opt.Certificate == nil {
		return d.orAnonymous(s), err
	}
	shown, present, err := d.opt.Certificate.Session(r)
	switch {
	case err != nil:
		return nil, err
	case !present:
		return d.orAnonymous(s), nil
	case s == nil:
		return shown, nil
	}
	return s.Beside(shown)
}

func (d *Door) orAnonymous(s *exchange.Session) *exchange.Session {
	if s == nil {
		return d.x.Anonymous()
	}
	return s
}

// sent gives the Session of what the headers of a request carry; nil: nothing.
func (d *Door) sent(r *http.Request) (*exchange.Session, error) {
	s, err := d.authorized(r)
	if err != nil || d.opt.TokenHeader == "" {
		return s, err
	}
	token, err := single(r, d.opt.TokenHeader)
	if err != nil || token == "" {
		return s, err
	}
	other, err := d.x.OpenToken(token)
	if err != nil || s == nil {
		return other, err
	}
	return s.Beside(other)
}

// single gives the value of a header that may be there once; "": it is not there.
func single(r *http.Request, name string) (string, error) {
	switch values := r.Header.Values(name); len(values) {
	case 0:
		return "", nil
	case 1:
		if value := strings.TrimSpace(values[0]); value != "" {
			return value, nil
		}
		return "", taxii.Errorf(taxii.Unauthenticated, "the %s header is empty", http.CanonicalHeaderKey(name))
	}
	return "", taxii.Errorf(taxii.Unauthenticated, "several %s headers", http.CanonicalHeaderKey(name))
}

// authorized gives the Session of the header Authorization; nil: there is none.
// Schemes are compared without case (K20); Token is another word for Bearer (K21).
func (d *Door) authorized(r *http.Request) (*exchange.Session, error) {
	header, err := single(r, "Authorization")
	if err != nil || header == "" {
		return nil, err
	}
	scheme, value, _ := strings.Cut(header, " ")
	value = strings.TrimSpace(value)
	switch {
	case strings.EqualFold(scheme, "Basic"):
		return d.basically(r, header)
	case !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "Token"):
		return nil, taxii.Errorf(taxii.Unauthenticated, "the Authorization header names a scheme that is not offered: use Basic or Bearer")
	case d.opt.JWT != nil && isJWT(value):
		return d.opt.JWT.Session(r.Context(), value)
	}
	return d.x.OpenToken(value)
}

// isJWT tells a JWT, which has two dots, from an API token, which has none.
func isJWT(value string) bool {
	return strings.Count(value, ".") == 2 && !strings.HasPrefix(value, exchange.TokenPrefix)
}

// basically signs in with HTTP Basic: a name and a password, or an API token as the
// password under any name (K23). The name then says nothing: it is not compared
// with those of accounts, or it would tell who has a token which of them exist.
func (d *Door) basically(r *http.Request, header string) (*exchange.Session, error) {
	name, password, err := parseBasic(header)
	if err != nil {
		return nil, err
	}
	if exchange.IsToken(password) {
		return d.x.OpenToken(password)
	}
	return d.basic.open(r, name, password)
}

// Challenge gives the values of WWW-Authenticate: what may be sent (R068).
func (d *Door) Challenge(*http.Request) []string {
	return []string{Challenge, `Bearer realm="hansom"`}
}

// ServeHTTP serves what is below /auth/ and what others serve here.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store") // tokens are among the answers
	if err := d.serve(w, r); err != nil {
		d.opt.Fail(w, r, err)
	}
}

// serve finds the route of a request. With or without its final slash a path is the
// same (K01).
func (d *Door) serve(w http.ResponseWriter, r *http.Request) error {
	if err := d.ofThisSite(r); err != nil {
		return taxii.Errorf(taxii.Forbidden, "a page of another site may not sign in here: %w", err)
	}
	path := strings.TrimSuffix(r.URL.EscapedPath(), "/")
	if rest, ok := strings.CutPrefix(path, d.prefix+"/"); ok {
		path = "/" + rest
	}
	var allowed []string
	for _, route := range d.routes {
		if !route.fits(path, r) {
			continue
		}
		if route.Method == r.Method || route.Method == http.MethodGet && r.Method == http.MethodHead {
			return route.Do(d, w, r)
		}
		allowed = append(allowed, route.Method)
	}
	if allowed == nil {
		s, err := d.Session(r)
		if err != nil {
			return err
		}
		return s.Missing()
	}
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return taxii.Errorf(taxii.MethodNotAllowed, "this resource has no such method; it has %s", strings.Join(allowed, ", "))
}

// fits compares a path with that of the route and keeps what stands for {x}.
func (route Route) fits(path string, r *http.Request) bool {
	pattern, segments := strings.Split(route.Path, "/"), strings.Split(path, "/")
	if len(pattern) != len(segments) {
		return false
	}
	for i, p := range pattern {
		if name, ok := strings.CutPrefix(p, "{"); ok && segments[i] != "" {
			r.SetPathValue(strings.TrimSuffix(name, "}"), segments[i])
		} else if p != segments[i] {
			return false
		}
	}
	return true
}
