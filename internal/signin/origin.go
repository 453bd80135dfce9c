package signin

import (
	"errors"
	"net/http"
	"strings"
)

// ofThisSite refuses what a page of another site has a browser send, with the
// password that it knows. Browsers that do not say where a request comes from
// (Sec-Fetch-Site) are judged by Origin: there http.CrossOriginProtection compares
// the host alone, and whoever can change what is sent over plain HTTP could make a
// page of this one.
func (d *Door) ofThisSite(r *http.Request) error {
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
	if !safe && strings.HasPrefix(r.Header.Get("Origin"), "http://") {
		return errors.New("a page that came over plain HTTP")
	}
	return d.origin.Check(r)
}
