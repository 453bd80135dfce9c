package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/outbound"
	"github.com/hansom-taxii/hansom/internal/peer"
)

// checkOutbound reports the first setting of calls to other hosts that cannot be
// used, by its key.
func (c *Config) checkOutbound() error {
	if _, err := allowed(c.OutboundAllow); err != nil {
		return err
	}
	if _, err := ports(c.OutboundPorts); err != nil {
		return err
	}
	if _, err := proxyURL(c.OutboundProxy); err != nil {
		return err
	}
	for _, host := range c.OutboundHosts {
		if name := strings.TrimPrefix(host, "*."); name == "" || strings.ContainsAny(name, "*/:@ ") {
			return fmt.Errorf("outbound_hosts: needs names such as hooks.example.com or *.example.com, got %q", host)
		}
	}
	return nil
}

// allowed reads single addresses with ports: no networks and no names, so that
// nothing is opened that nobody wrote down.
func allowed(list []string) (all []netip.AddrPort, err error) {
	for _, text := range list {
		at, err := netip.ParseAddrPort(text)
		if err != nil || at.Port() == 0 || at.Addr().IsUnspecified() || at.Addr().IsMulticast() || at.Addr().Zone() != "" {
			return nil, fmt.Errorf("outbound_allow: needs single addresses with ports such as 10.1.2.3:8443 or [fd00::1]:8443, got %q", text)
		}
		all = append(all, at)
	}
	return all, nil
}

func ports(list []string) (all []uint16, err error) {
	for _, text := range list {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return nil, fmt.Errorf("outbound_ports: needs ports from 1 to 65535, got %q", text)
		}
		all = append(all, uint16(port))
	}
	return all, nil
}

func proxyURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" {
		return nil, errors.New("outbound_proxy: needs a URL such as http://proxy.example.com:3128, without a password") // which is not repeated
	}
	return u, nil
}

// caller makes what calls other hosts.
func (c *Config) caller() (*outbound.Caller, error) {
	if err := c.checkOutbound(); err != nil {
		return nil, err
	}
	o := outbound.Options{Hosts: c.OutboundHosts, Literals: c.OutboundLiterals, Agent: "hansom"}
	o.Allow, _ = allowed(c.OutboundAllow)
	o.Ports, _ = ports(c.OutboundPorts)
	o.Proxy, _ = proxyURL(c.OutboundProxy)
	if u, err := url.Parse(c.PublicURL); err == nil && u.Hostname() != "" {
		o.Own = []string{u.Hostname()}
	}
	o.Self = c.self()
	if c.OutboundCA != "" {
		var err error
		if o.Authorities, err = os.ReadFile(c.OutboundCA); err != nil {
			return nil, fmt.Errorf("outbound_ca: %w", err)
		}
	}
	return outbound.New(o)
}

// self is where this server listens. Where it takes any free port, the public URL
// has that.
func (c *Config) self() []netip.AddrPort {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return nil
	}
	if u, err := url.Parse(c.PublicURL); err == nil && port == "0" {
		port = u.Port()
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil
	}
	address, err := netip.ParseAddr(host)
	if err != nil { // every address, or a name of this machine
		address = netip.IPv6Unspecified()
	}
	return []netip.AddrPort{netip.AddrPortFrom(address.Unmap(), uint16(number))}
}

// offerPush has the exchange offer push, if that is set.
func (n *node) offerPush(o *exchange.Options) error {
	if !n.conf.Push {
		return nil
	}
	caller, err := n.conf.caller()
	if err != nil {
		return err
	}
	n.caller, o.CheckPush = caller, caller.Check
	return nil
}

// startPush pushes until ctx ends, if push is offered.
func (n *node) startPush(ctx context.Context) {
	if n.caller == nil {
		return
	}
	n.start(func() { peer.NewPusher(n.x, n.caller, n.log).Run(ctx) })
}
