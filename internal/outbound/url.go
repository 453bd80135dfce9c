package outbound

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

const (
	// maxURL bounds a URL, in octets: what receivers everywhere take.
	maxURL = 2048
	// maxHost bounds the name of a host, in octets (RFC 1035), and maxLabel each
	// part of it.
	maxHost, maxLabel = 253, 63
	// webPort is the port of https, and the only one unless others are set.
	webPort = 443
)

// Refused says why a URL may not be called. Reason is fit for whoever gave the
// URL: it tells nothing of what an address is or who answers there.
type Refused struct{ Reason string }

func (r *Refused) Error() string { return r.Reason }

func refuse(format string, args ...any) error { return &Refused{fmt.Sprintf(format, args...)} }

// target is a URL that may be called, as far as it can be told from the URL.
type target struct {
	url     *url.URL
	host    string     // in lower case; a name, or literal as text
	literal netip.Addr // the zero value for a name
	port    uint16
}

// Check tells whether a URL may be called, as far as the URL and the settings
// tell: an https URL of at most 2048 octets, the host a name in ASCII. Which
// addresses the name has is looked at in each call. The error is a *[Refused].
func (c *Caller) Check(text string) error {
	_, err := c.target(text)
	return err
}

// Host gives the host of a URL that Check accepts, in lower case, and "" for any
// other: calls to one host are limited together.
func (c *Caller) Host(text string) string {
	t, err := c.target(text)
	if err != nil {
		return ""
	}
	return t.host
}

func (c *Caller) target(text string) (target, error) {
	t, err := parse(text)
	if err != nil {
		return t, err
	}
	return t, c.mayCall(t)
}

// parse reads a URL more strictly than net/url: what two readers could
// understand in two ways is refused.
func parse(text string) (t target, err error) {
	if len(text) > maxURL {
		return t, refuse("the URL is longer than %d octets", maxURL)
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] >= 0x7f || text[i] == '\\' {
			return t, refuse("the URL has a space, a backslash, a control character or one that is not ASCII; a name in other letters is given in its xn-- form")
		}
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return t, refuse("this is no URL")
	case u.Scheme != "https" || u.Opaque != "":
		return t, refuse("the URL must begin with https://")
	case u.User != nil || strings.Contains(authority(text), "@"):
		return t, refuse("the URL must not hold a user name or password")
	case strings.Contains(text, "#"):
		return t, refuse("the URL must not have a fragment")
	case strings.Contains(authority(text), "%"):
		return t, refuse("the host must not have percent signs")
	}
	t.url, t.host = u, strings.ToLower(u.Hostname())
	if t.port, err = portOf(u); err != nil {
		return t, err
	}
	if t.literal, err = netip.ParseAddr(t.host); err == nil {
		t.host = t.literal.String()
		return t, checkLiteral(u, t.literal)
	}
	return t, checkName(t.host)
}

// authority is what stands between // and the path, as it was written.
func authority(text string) string {
	_, rest, _ := strings.Cut(text, "//")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

func portOf(u *url.URL) (uint16, error) {
	text := u.Port()
	if text == "" {
		if strings.HasSuffix(u.Host, ":") {
			return 0, refuse("the URL has a colon and no port")
		}
		return webPort, nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 || text[0] == '0' {
		return 0, refuse("the port must be from 1 to 65535")
	}
	return uint16(port), nil
}

// checkLiteral refuses addresses that are not in the form of URLs: IPv6 in
// brackets, without a zone, and not IPv4 in disguise.
func checkLiteral(u *url.URL, a netip.Addr) error {
	if bracketed := strings.HasPrefix(u.Host, "["); bracketed == a.Is4() || a.Zone() != "" || a.Is4In6() {
		return refuse("the address in the URL is not in its usual form")
	}
	return nil
}

// checkName wants a name of letters, digits and hyphens whose last part is no
// number: resolvers take such names, like 0x7f.1, 2130706433 and 0177.0.0.1, for
// addresses.
func checkName(host string) error {
	if host == "" || len(host) > maxHost {
		return refuse("the URL needs a host of 1 to %d octets", maxHost)
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !isLabel(label) {
			return refuse("the host is no name of letters, digits and hyphens, or has an empty part; it must not end with a dot")
		}
		if strings.HasPrefix(label, "xn--") && !isPunycode(label) {
			return refuse("the host has a part in xn-- form that stands for no letters")
		}
	}
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' {
		return refuse("the host looks like an address in an unusual form")
	}
	return nil
}

func isLabel(label string) bool {
	if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for _, c := range []byte(label) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func isPunycode(label string) bool {
	text, err := idna.Lookup.ToUnicode(label)
	if err != nil {
		return false
	}
	back, err := idna.Lookup.ToASCII(text)
	return err == nil && back == label
}

// mayCall holds a URL against the settings.
func (c *Caller) mayCall(t target) error {
	own := c.own[t.host]
	if t.literal.IsValid() {
		if at := netip.AddrPortFrom(t.literal, t.port); c.allow[at] && !c.isSelf(at) {
			return nil
		}
		if !c.opt.Literals {
			return refuse("the host must be a name, not an address")
		}
		if !public(t.literal) {
			return errAddress
		}
	}
	switch {
	case own:
		return refuse("this is a name of the server itself")
	case !c.mayPort(t.port):
		return refuse("port %d may not be called", t.port)
	case !c.listed(t.host):
		return refuse("the operator has not listed this host")
	}
	return nil
}

// errAddress says the same of every address that is refused.
var errAddress error = &Refused{"the host has an address that may not be called"}

// mayPort tells whether there is an address on which this port may be called.
func (c *Caller) mayPort(port uint16) bool {
	if c.ports[port] {
		return true
	}
	for a := range c.allow {
		if a.Port() == port {
			return true
		}
	}
	return false
}

// listed tells whether the operator's list of hosts, if there is one, has a host.
func (c *Caller) listed(host string) bool {
	if len(c.opt.Hosts) == 0 {
		return true
	}
	for _, h := range c.opt.Hosts {
		h = strings.ToLower(h)
		if suffix, wild := strings.CutPrefix(h, "*"); h == host || wild && strings.HasSuffix(host, suffix) && len(host) > len(suffix) {
			return true
		}
	}
	return false
}
