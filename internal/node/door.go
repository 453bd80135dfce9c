package node

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/signin"
)

// openDoor makes the door by which every request to HTTPS comes in.
func (n *node) openDoor() (err error) {
	if err := n.offerJWT(); err != nil {
		return err
	}
	certificate, err := n.certificates()
	if err != nil {
		return err
	}
	n.door, err = signin.NewDoor(n.x, signin.DoorOptions{
		TokenHeader: n.conf.TokenHeader, PublicURL: n.conf.PublicURL, Source: n.source, Fail: n.fail,
		JWT: n.jwts, Routes: n.jwts.Routes(), Certificate: certificate,
		Opened: n.opened, Refused: n.refused,
		Admit: func(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
			return n.bodies.Admit(s, w, r)
		},
		Body: func(w http.ResponseWriter, r *http.Request, most int64) ([]byte, func(), error) {
			return n.bodies.Body(w, r, 0, most)
		},
	})
	return err
}

// session signs a request in.
func (n *node) session(r *http.Request) (*exchange.Session, error) { return n.door.Session(r) }

// challenge tells what may be sent to sign in.
func (n *node) challenge(r *http.Request) []string {
	if n.door == nil { // on the control socket everybody is the operator
		return nil
	}
	return n.door.Challenge(r)
}

// ofDoor tells whether a path is the door's own, with what the public URL has
// before it or without that.
func (n *node) ofDoor(r *http.Request) bool {
	path := r.URL.EscapedPath()
	if u, err := url.Parse(n.conf.PublicURL); err == nil {
		if rest, ok := strings.CutPrefix(path, strings.TrimRight(u.EscapedPath(), "/")+"/"); ok {
			path = rest
		}
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first == "auth" || first == ".well-known"
}
