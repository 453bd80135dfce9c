package node

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestWhereARequestComesFromIsWhatTheLastTrustedProxySays(t *testing.T) {
	t.Parallel()
	behind := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, c := range []struct {
		what, header, from, sent, want string
	}{
		{"no header is looked at", "", "10.0.0.4:1", "192.0.2.1", "10.0.0.4"},
		{"a connection that is no proxy's", "X-Forwarded-For", "198.51.100.1:1", "192.0.2.1", "198.51.100.1"},
		{"what the proxy says", "X-Forwarded-For", "10.0.0.4:1", "192.0.2.1", "192.0.2.1"},
		{"what stands before it", "X-Forwarded-For", "10.0.0.4:1", "203.0.113.9, 192.0.2.1", "192.0.2.1"},
		{"a proxy behind a proxy", "X-Forwarded-For", "10.0.0.4:1", "203.0.113.9, 192.0.2.1, 10.1.1.1", "192.0.2.1"},
		{"in two lines", "X-Forwarded-For", "10.0.0.4:1", "203.0.113.9|192.0.2.1", "192.0.2.1"},
		{"the other version", "X-Real-IP", "[2001:db8::1]:1", "2001:dead::1", "2001:dead::1"},
		{"one version in the other", "X-Real-IP", "[::ffff:10.0.0.4]:1", "::ffff:192.0.2.1", "192.0.2.1"},
		{"nothing", "X-Forwarded-For", "10.0.0.4:1", "", "10.0.0.4"},
		{"no address", "X-Forwarded-For", "10.0.0.4:1", "192.0.2.1, unknown", "10.0.0.4"},
		{"no address behind a proxy", "X-Forwarded-For", "10.0.0.4:1", "192.0.2.1, unknown, 10.0.0.5", "10.0.0.5"},
		{"more than anybody has", "X-Forwarded-For", "10.0.0.4:1", "192.0.2.1" + strings.Repeat(", 10.0.0.5", 100), "10.0.0.5"},
		{"the control socket", "X-Forwarded-For", "@", "192.0.2.1", "invalid IP"},
	} {
		n := &node{conf: Config{SourceHeader: c.header}, proxies: behind}
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.from
		for line := range strings.SplitSeq(c.sent, "|") {
			if line != "" {
				r.Header.Add(max(c.header, "X-Forwarded-For"), line)
			}
		}
		if got := n.source(r).String(); got != c.want {
			t.Errorf("%s: from %s, want %s", c.what, got, c.want)
		}
	}
}
