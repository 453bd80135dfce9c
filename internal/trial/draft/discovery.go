package draft

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
)

// ServiceName is the service of the DNS SRV records of this version.
const ServiceName = "taxii2"

// A Resolver asks DNS; *net.Resolver is one.
type Resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// Locate asks DNS for the TAXII server of a domain and gives its Discovery URL
// and its Default API Base.
func Locate(ctx context.Context, dns Resolver, domain string) (discovery, base string, err error) {
	_, records, err := dns.LookupSRV(ctx, ServiceName, "tcp", domain)
	if err != nil {
		return "", "", err
	}
	if len(records) == 0 {
		return "", "", errors.New("no SRV record of TAXII 2 in " + domain)
	}
	first := records[0] // the resolver orders by priority and weight
	return DiscoveryURL(first.Target, first.Port), DefaultAPIBase(first.Target, first.Port), nil
}

// DiscoveryURL is where the server of an SRV record lists its API-Bases.
func DiscoveryURL(host string, port uint16) string { return at(host, port) + "/taxii2/api-bases/" }

// DefaultAPIBase is the API-Base that the server of an SRV record has without
// being asked.
func DefaultAPIBase(host string, port uint16) string { return at(host, port) + "/taxii2/default/" }

// at leaves the root's dot of a name out, which no certificate has.
func at(host string, port uint16) string {
	return "https://" + strings.TrimSuffix(host, ".") + ":" + strconv.Itoa(int(port))
}
