package exchange

import (
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// Anonymously is no way to sign in. In Root.SignIn it lets those in who do not:
// an API Root that names ways is closed to them without it.
const Anonymously Way = "anonymous"

// ways are all that Root.SignIn can name, in the order in which they are told.
var ways = [...]Way{ByPassword, ByToken, ByJWT, ByCertificate, Anonymously}

// takes tells whether an API Root takes a way in which this Session was opened
// (R030). The server itself, which acts in the name of an account without signing
// in, is let in everywhere.
func (s *Session) takes(r *Root) bool {
	switch {
	case len(r.SignIn) == 0 || s.operator:
		return true
	case s.anonymous:
		return slices.Contains(r.SignIn, Anonymously)
	case s.way == "" || slices.Contains(r.SignIn, s.way):
		return true
	}
	return slices.ContainsFunc(s.besides, func(o *Session) bool { return slices.Contains(r.SignIn, o.way) })
}

// anyWay is the Session as if every API Root took its way.
func (s *Session) anyWay() *Session {
	c := *s
	c.way = ""
	return &c
}

// otherWay is the answer to an account that has rights in an API Root, but not
// with what it signed in with.
func otherWay(r *Root) error {
	names := make([]string, 0, len(r.SignIn))
	for _, way := range r.SignIn {
		if way != Anonymously {
			names = append(names, string(way))
		}
	}
	e := taxii.Errorf(taxii.Unauthenticated, "this API Root takes other ways to sign in")
	if len(names) == 0 {
		return e.Describe("It takes requests without credentials alone.")
	}
	return e.Describe("It takes " + strings.Join(names, ", ") + ".")
}

// parseWays reads the ways that a setting names, into their usual order.
func parseWays(names []string) (list []Way, err error) {
	for _, name := range names {
		if !slices.Contains(ways[:], Way(name)) {
			return nil, taxii.Errorf(taxii.Unprocessable, "sign_in names %.64q: ways to sign in are password, token, jwt, certificate, and anonymous for none", name)
		}
	}
	for _, way := range ways {
		if slices.Contains(names, string(way)) {
			list = append(list, way)
		}
	}
	return list, nil
}

// signIn gives the names of the ways that an API Root takes; none is all.
func (r *Root) signIn() (names []string) {
	for _, way := range r.SignIn {
		names = append(names, string(way))
	}
	return names
}
