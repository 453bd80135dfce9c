package trial

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A Line is how to connect to a server.
type Line struct {
	HTTP2  bool // HTTP/1.1 otherwise
	Narrow bool // the client's system keeps little of what comes, in packets as they are on a network
	// Sessions of TLS to resume, nil for none: many lines then take less of the processor.
	Sessions tls.ClientSessionCache
}

// Dial opens one connection to the server and shakes hands. It is closed by the
// caller.
func (s *Server) Dial(ctx context.Context, l Line) (*tls.Conn, error) {
	trust := s.HTTP.Transport.(*http.Transport).TLSClientConfig
	d := tls.Dialer{NetDialer: &net.Dialer{}, Config: &tls.Config{
		RootCAs: trust.RootCAs, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, ClientSessionCache: l.Sessions,
	}}
	if l.HTTP2 {
		d.Config.NextProtos = []string{"h2"}
	}
	if l.Narrow {
		d.NetDialer.Control = narrow
	}
	c, err := d.DialContext(ctx, "tcp", s.Host())
	if err != nil {
		return nil, err
	}
	return c.(*tls.Conn), nil
}

// Host is the address of the server, such as 127.0.0.1:8443.
func (s *Server) Host() string { return s.URL[strings.Index(s.URL, "//")+2:] }

func narrow(_, _ string, raw syscall.RawConn) (err error) {
	failed := raw.Control(func(fd uintptr) {
		if err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<10); err == nil {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1400)
		}
	})
	if failed != nil {
		return failed
	}
	return err
}

// Basic is the value of Authorization with which an account of the demo shows
// its password.
func (s *Server) Basic(t testing.TB, account string) string {
	t.Helper()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(account+":"+s.Password(t, account)))
}

// Head is the head of a request of HTTP/1.1, as it goes over a connection, with
// the empty line at its end.
func (s *Server) Head(t testing.TB, account, method, path string, headers ...string) string {
	t.Helper()
	lines := append([]string{
		fmt.Sprintf("%s %s HTTP/1.1", method, path), "Host: " + s.Host(), "Authorization: " + s.Basic(t, account),
		"Accept: application/taxii+json;version=2.1", "Content-Type: application/taxii+json;version=2.1",
	}, headers...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}
