package node

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
)

// headerForm is that of the name of a header (RFC 9110 section 5.1), as far as
// anybody uses it for one.
var headerForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// taken are headers that mean something else.
var taken = []string{
	"Authorization", "Proxy-Authorization", "Cookie", "Host", "Accept", "Accept-Encoding", "Content-Type", "Content-Length", "Content-Encoding",
	"Connection", "Transfer-Encoding", "Origin", "Range", "If-None-Match", "If-Match", "Prefer", "User-Agent", "Last-Event-Id", "X-Max-Size",
}

// checkHeaders checks the names of headers that are to be looked at.
func (c *Config) checkHeaders() error {
	for key, name := range map[string]string{"token_header": c.TokenHeader, "source_header": c.SourceHeader} {
		switch {
		case name == "":
		case !headerForm.MatchString(name):
			return fmt.Errorf("%s: needs the name of a header, got %q", key, name)
		case slices.Contains(taken, http.CanonicalHeaderKey(name)):
			return fmt.Errorf("%s: %s means something else", key, http.CanonicalHeaderKey(name))
		}
	}
	switch {
	case c.SourceHeader != "" && len(c.BehindProxy) == 0:
		return errors.New("source_header: has no use without behind_proxy: anybody could write anything there")
	case c.TokenHeader != "" && http.CanonicalHeaderKey(c.TokenHeader) == http.CanonicalHeaderKey(c.SourceHeader):
		return errors.New("token_header and source_header: are the same")
	}
	return nil
}
