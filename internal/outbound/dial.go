package outbound

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// connect gives a connection to a checked address of the target. The addresses
// are asked for once, all of them are checked, and one of those is dialled as it
// is.
func (c *Caller) connect(ctx context.Context, t target, until time.Time) (net.Conn, error) {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	addresses, err := c.resolve(ctx, t)
	if err != nil {
		return nil, err
	}
	for _, a := range addresses {
		if !c.mayDial(netip.AddrPortFrom(a, t.port)) {
			return nil, errAddress
		}
	}
	addresses = addresses[:min(len(addresses), dialAddresses)]
	share := c.times.connect / time.Duration(len(addresses))
	for _, a := range addresses {
		var conn net.Conn
		if conn, err = c.reach(ctx, netip.AddrPortFrom(a, t.port), share); err == nil {
			return conn, conn.SetDeadline(until)
		}
	}
	return nil, err
}

// resolve gives the addresses of a target, at least one. A name is asked for as
// it is: no search list of this machine is added to it.
func (c *Caller) resolve(ctx context.Context, t target) ([]netip.Addr, error) {
	if t.literal.IsValid() {
		return []netip.Addr{t.literal}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.times.connect)
	defer cancel()
	addresses, err := c.resolver.LookupNetIP(ctx, "ip", t.host+".")
	switch {
	case err != nil:
		return nil, fmt.Errorf("look up the host: %w", err)
	case len(addresses) == 0:
		return nil, errors.New("look up the host: it has no address")
	case len(addresses) > maxAddresses:
		return nil, refuse("the host has more than %d addresses", maxAddresses)
	}
	for i, a := range addresses {
		addresses[i] = a.Unmap() // resolvers give IPv4 in IPv6 clothes
	}
	return addresses, nil
}

// mayDial tells whether a connection to this address may be made.
func (c *Caller) mayDial(a netip.AddrPort) bool {
	if c.isSelf(a) {
		return false
	}
	return c.allow[a] || public(a.Addr()) && c.ports[a.Port()]
}

// isSelf tells whether this server listens there.
func (c *Caller) isSelf(a netip.AddrPort) bool {
	for _, s := range c.opt.Self {
		if s.Port() == a.Port() && (s.Addr().Unmap() == a.Addr() || s.Addr().IsUnspecified() && ofThisMachine(a.Addr())) {
			return true
		}
	}
	return false
}

func ofThisMachine(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return true // it cannot be ruled out
	}
	for _, of := range addresses {
		if p, err := netip.ParsePrefix(of.String()); err == nil && p.Addr().Unmap().WithZone("") == a {
			return true
		}
	}
	return false
}

// reach connects to one address, through the proxy where there is one.
func (c *Caller) reach(ctx context.Context, a netip.AddrPort, within time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if c.opt.Proxy == nil {
		return c.dial(ctx, a)
	}
	return c.tunnel(ctx, a)
}

func dialTCP(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", a.String())
}

// tunnel has the proxy connect to an address. The proxy is not asked to resolve
// anything.
func (c *Caller) tunnel(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
	at := c.opt.Proxy.Host
	if c.opt.Proxy.Port() == "" {
		at = net.JoinHostPort(c.opt.Proxy.Hostname(), "80")
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", at)
	if err != nil {
		return nil, fmt.Errorf("connect to the proxy: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })
	err = c.askProxy(conn, a.String())
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close() // it was never used
		return nil, err
	}
	return conn, nil
}

// askProxy writes the request and reads the head of the answer, octet by octet:
// what follows belongs to who is behind the proxy.
func (c *Caller) askProxy(conn net.Conn, address string) error {
	head := "CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\n"
	if u := c.opt.Proxy.User; u != nil {
		password, _ := u.Password()
		head += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)) + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		return fmt.Errorf("ask the proxy: %w", err)
	}
	text, octet := make([]byte, 0, 512), make([]byte, 1)
	for !strings.HasSuffix(string(text), "\r\n\r\n") {
		if len(text) == maxAnswerHeaders {
			return errors.New("the proxy answers without an end")
		}
		if _, err := io.ReadFull(conn, octet); err != nil {
			return fmt.Errorf("ask the proxy: %w", err)
		}
		text = append(text, octet[0])
	}
	answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(string(text))), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return fmt.Errorf("ask the proxy: %w", err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the proxy answered %d", answer.StatusCode)
	}
	return nil
}
