package node

import (
	"net/http"

	"github.com/hansom-taxii/hansom/internal/exchange"
)

// opened says where a Session came from, and records that somebody signed in.
func (n *node) opened(r *http.Request, s *exchange.Session) (*exchange.Session, error) {
	s = s.From(n.from(r))
	if err := s.SignedIn(r.Context()); err != nil {
		return nil, err
	}
	signedIn(r, s)
	return s, nil
}

// from is where a request came from, for records. Those to the control socket have
// no address.
func (n *node) from(r *http.Request) exchange.Source {
	source := exchange.Source{Addr: exchange.ControlSource, Bare: r.Method == http.MethodHead}
	if addr := n.source(r); addr.IsValid() {
		source.Addr = addr.String()
	}
	return source
}

// refusing records refusals before they are answered.
func (n *node) refusing(fail func(http.ResponseWriter, *http.Request, error)) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		n.refused(r, err)
		fail(w, r, err)
	}
}

// refused records a refusal.
func (n *node) refused(r *http.Request, err error) {
	refusal := exchange.Refusal{Source: n.from(r), What: r.Method + " " + r.URL.EscapedPath(), Err: err}
	if l, ok := r.Context().Value(logKey{}).(*requestLog); ok {
		refusal.Session = l.session
	}
	if refusal.Session == nil {
		refusal.Name, _, _ = r.BasicAuth()
	}
	n.x.Refused(r.Context(), refusal)
}
