package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// What a page of another origin may do with Channels, where the operator lists it.
const (
	crossMethods = "GET, HEAD, POST, PUT, DELETE"
	crossHeaders = "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-Range, Last-Event-ID, Range, X-Max-Size"
	crossExposed = "Accept-Ranges, Allow, Content-Disposition, Content-Location, Content-Range, ETag, Location, RateLimit, RateLimit-Policy, Retry-After, X-Rate-Limit, X-Request-Id"
	// crossAge is for how many seconds a browser need not ask again.
	crossAge = "600"
)

// crossOrigin keeps pages of other origins from Channels unless the operator lists
// them, and answers what browsers ask before they send a request of such a page. It
// looks at nothing but the path, so that it tells of nothing that exists.
func (a *Server) crossOrigin(w http.ResponseWriter, r *http.Request) (answered bool, err error) {
	if !a.ofChannels(r.URL.EscapedPath()) {
		return false, nil
	}
	if len(a.opt.AllowOrigins) > 0 {
		w.Header().Add("Vary", "Origin")
	}
	origin := r.Header.Get("Origin")
	if origin == "" || origin == originOf(a.opt.PublicURL) || origin == "https://"+r.Host {
		return false, nil
	}
	head := w.Header()
	switch {
	case slices.Contains(a.opt.AllowOrigins, origin):
		head.Set("Access-Control-Allow-Origin", origin)
		head.Set("Access-Control-Allow-Credentials", "true")
	case slices.Contains(a.opt.AllowOrigins, "*"):
		head.Set("Access-Control-Allow-Origin", "*")
	default:
		return false, taxii.Errorf(taxii.Forbidden, "pages of this origin may not use channels here").
			Describe("The operator of the server can list it in allow_origins.")
	}
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		head.Set("Access-Control-Expose-Headers", crossExposed)
		return false, nil
	}
	head.Set("Access-Control-Allow-Methods", crossMethods)
	head.Set("Access-Control-Allow-Headers", crossHeaders)
	head.Set("Access-Control-Max-Age", crossAge)
	w.WriteHeader(http.StatusNoContent)
	return true, nil
}

// ofChannels tells the paths of Channels, whether or not there is an API Root, and
// some more: what has a segment of that name may lie below a root of any name.
func (a *Server) ofChannels(path string) bool {
	path = strings.TrimSuffix(path, "/")
	if path == basesPath || path == a.prefix+basesPath {
		return true
	}
	return slices.Contains(segments(path), "channels")
}
