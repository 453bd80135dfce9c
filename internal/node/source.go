package node

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxHops bounds the addresses of a source header that are looked at: nobody has
// more proxies before a server.
const maxHops = 16

// source tells where a request comes from: the address of its connection or, where
// that is a trusted proxy and a source header is set, the last address there that
// is not one. What the header says before that, whoever asks can write.
func (n *node) source(r *http.Request) netip.Addr {
	from, _ := netip.ParseAddrPort(r.RemoteAddr) // the control socket has none
	addr := from.Addr().Unmap()
	if n.conf.SourceHeader == "" || !n.proxied(addr) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values(n.conf.SourceHeader), ","), ",")
	slices.Reverse(hops)
	for _, hop := range hops[:min(len(hops), maxHops)] {
		named, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return addr
		}
		if addr = named.Unmap(); !n.proxied(addr) {
			return addr
		}
	}
	return addr
}

// proxied tells whether an address is that of a trusted proxy.
func (n *node) proxied(addr netip.Addr) bool {
	return slices.ContainsFunc(n.proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}
