package node

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"github.com/hansom-taxii/hansom/taxii"
)

// parseProxies reads addresses and networks.
func parseProxies(list []string) ([]netip.Prefix, error) {
	var proxies []netip.Prefix
	for _, text := range list {
		if a, err := netip.ParseAddr(text); err == nil {
			proxies = append(proxies, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("behind_proxy: %q is no address and no network: %w", text, err)
		}
		proxies = append(proxies, p)
	}
	return proxies, nil
}

// onlyFrom serves plain HTTP to the proxies that end TLS, and to nobody else.
func (n *node) onlyFrom(proxies []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, err := netip.ParseAddrPort(r.RemoteAddr)
		trusted := err == nil && slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(from.Addr().Unmap()) })
		if !trusted && !ofHealth(r) { // who looks after the process asks from beside it
			n.fail(w, r, taxii.Errorf(taxii.Forbidden, "plain HTTP is served to trusted proxies only").
				Describe("Use the https address of this server."))
			return
		}
		next.ServeHTTP(w, r)
	})
}
