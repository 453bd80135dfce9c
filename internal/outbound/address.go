package outbound

import (
	"encoding/binary"
	"net/netip"
)

// refused4 are the IPv4 networks that no name may lead to (IANA's registry of
// special-purpose addresses, and one that a cloud uses like a link-local
// address). Never written to.
var refused4 = prefixes(
	"0.0.0.0/8",        // this network, the unspecified address
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // shared
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // the host of a virtual machine in Azure, from inside
	"169.254.0.0/16",   // link-local, metadata of clouds
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // protocol assignments
	"192.0.2.0/24",     // documentation
	"192.31.196.0/24",  // AS112
	"192.52.193.0/24",  // AMT relays
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"192.175.48.0/24",  // AS112
	"198.18.0.0/15",    // benchmarking
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, broadcast
)

// global6 is all of IPv6 that is given to hosts of the Internet: what lies
// outside (loopback, unique-local, link-local, site-local, multicast, discard,
// IPv4 mapped and compatible, NAT64 for local use) is refused without a name.
var global6 = netip.MustParsePrefix("2000::/3")

// nat64 carries an IPv4 address in its last 32 bits, for hosts that have IPv6
// alone: the address that it carries decides.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// refused6 are the networks within global6 that are refused all the same.
// Never written to.
var refused6 = prefixes(
	"2001::/23",         // protocol assignments: Teredo 2001::/32, benchmarking, ORCHID
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4: carries an IPv4 address
	"2620:4f:8000::/48", // AS112
	"3fff::/20",         // documentation
)

func prefixes(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, 0, len(list))
	for _, text := range list {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// public tells whether an address is one of the Internet at large, and no form
// that hides one which is not. An IPv4 address in IPv6 clothes (::ffff:a.b.c.d)
// is none.
func public(a netip.Addr) bool {
	switch {
	case !a.IsValid() || a.Zone() != "":
		return false
	case a.Is4():
		return !within(refused4, a)
	case nat64.Contains(a):
		octets := a.As16()
		return public(netip.AddrFrom4([4]byte(octets[12:])))
	}
	return global6.Contains(a) && !within(refused6, a) && !isatap(a)
}

func within(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// isatap tells of the interface identifier that carries an IPv4 address in any
// network (RFC 5214 section 6.1).
func isatap(a netip.Addr) bool {
	octets := a.As16()
	return binary.BigEndian.Uint32(octets[8:12])&^0x0300_0000 == 0x0000_5efe
}
