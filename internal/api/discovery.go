package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/internal/exchange"
)

// Discovery is at the root of the host and, for a server below a prefix, there
// too (R026, K09). Clients of the first draft look for it, and for the default API
// Root, at paths below (docs/channels.md section 2). No API Root can have their
// names: taxii2 is reserved.
const (
	discoveryPath = "/taxii2"
	basesPath     = discoveryPath + "/api-bases"
	defaultPath   = discoveryPath + "/default"
)

// discovery gives what answers a path of discovery, or nil.
func (a *Server) discovery(path string) handler {
	switch path {
	case discoveryPath, a.prefix + discoveryPath:
		return a.getDiscovery
	case basesPath, a.prefix + basesPath:
		return a.getBases
	}
	return nil
}

// below finds the API Root of a path, by its name or as the default one, and the
// segments below it. The root is "" where there is none.
func (a *Server) below(s *exchange.Session, r *http.Request, path string) (root string, rest []string, err error) {
	for _, alias := range []string{a.prefix + defaultPath, defaultPath} {
		tail, ok := strings.CutPrefix(path, alias)
		switch {
		case ok && tail == "":
			root, err = a.defaultRoot(s, r)
			return root, nil, err
		case ok && tail[0] == '/':
			root, err = a.defaultRoot(s, r)
			return root, strings.Split(tail[1:], "/"), err
		}
	}
	name, ok := strings.CutPrefix(path, a.prefix+"/")
	if !ok {
		return "", nil, nil
	}
	root, rest = a.cutRoot(segments(name))
	return root, rest, nil
}

// defaultRoot is the name of the API Root that discovery calls the default, or ""
// where that is not on this server.
func (a *Server) defaultRoot(s *exchange.Session, r *http.Request) (string, error) {
	d, err := s.Discovery(r.Context())
	if err != nil {
		return "", err
	}
	for _, base := range []string{a.opt.PublicURL, a.prefix} {
		if name, ok := strings.CutPrefix(d.Default, base+"/"); ok {
			if name = strings.TrimSuffix(name, "/"); a.x.RootNames()[name] {
				return name, nil
			}
		}
	}
	return "", nil
}

// getBases is discovery for clients of the first draft: with the API Roots as
// absolute URLs under the draft's name.
func (a *Server) getBases(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	d, err := s.Discovery(r.Context())
	if err != nil {
		return err
	}
	d.APIBases = slices.Clone(d.APIRoots)
	for i, address := range d.APIBases {
		if strings.HasPrefix(address, "/") {
			d.APIBases[i] = originOf(a.opt.PublicURL) + address
		}
	}
	return a.writeJSON(w, r, http.StatusOK, d)
}

// joins tells whether a request redeems an invitation. Where no API Root fits, it
// may still look like one: that must be answered, and counted, like any other that
// is in vain.
func (a *Server) joins(r *http.Request, root string, rest []string) bool {
	if a.opt.NoChannels || r.Method != http.MethodPost || len(rest) < 3 || root != "" && len(rest) > 3 {
		return false
	}
	pattern := route{pattern: []string{"channels", "{channel}", "join"}}
	return pattern.fits(rest[len(rest)-3:], r)
}

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.EscapedPath(), "/")
}

// originOf is the scheme and the host of a URL, as a browser names them.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// at is the public URL of something below an API Root; names are escaped.
func (a *Server) at(root string, path ...string) string {
	address := a.opt.PublicURL + "/" + root + "/"
	for _, segment := range path {
		address += url.PathEscape(segment) + "/"
	}
	return address
}

// getDiscovery answers with the discovery resource (R171).
func (a *Server) getDiscovery(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	d, err := s.Discovery(r.Context())
	if err != nil {
		return err
	}
	return a.writeJSON(w, r, http.StatusOK, d)
}
