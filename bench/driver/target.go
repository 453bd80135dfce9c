package driver

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"net/url"
)

// Target is a server and the account that asks it.
type Target struct {
	Base     string // scheme, host and port: https://127.0.0.1:8443
	Account  string // of HTTP Basic; "": no credentials are sent
	Password string
	Bearer   string      // an API token or a JWT, sent in their place; "": none
	TLS      *tls.Config // whom to trust; nil: as the system does
	PID      int         // the server's process on this machine, or 0: its processor time and memory are then not measured

	// Heard, if set, is given every answer that a Content or a Script is learnt
	// from. Its arguments are good only until it returns.
	Heard func(uri string, header Header, body []byte)

	receive int // octets that the system takes in for a connection before they are read; 0: its own choice
}

// Header is what is looked at of an answer's headers.
type Header struct {
	ContentType, First, Last string // First and Last: X-TAXII-Date-Added-...
}

// address is where to connect, and whether with TLS. Plain HTTP, and with it a
// password in the clear, never leaves the machine.
func (t *Target) address() (host string, secure bool, err error) {
	u, err := url.Parse(t.Base)
	if err != nil {
		return "", false, err
	}
	port := u.Port()
	switch u.Scheme {
	case "https":
		secure = true
		if port == "" {
			port = "443"
		}
	case "http":
		ip, err := netip.ParseAddr(u.Hostname())
		if u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
			return "", false, fmt.Errorf("%s: plain http is for this machine alone; use https", t.Base)
		}
		if port == "" {
			port = "80"
		}
	default:
		return "", false, fmt.Errorf("%q is no https URL", t.Base)
	}
	return net.JoinHostPort(u.Hostname(), port), secure, nil
}

// headers are those of every request that accepts a media type, each line with
// its end.
func (t *Target) headers(accept string) string {
	u, _ := url.Parse(t.Base) // address has read it
	text := "Host: " + u.Host + "\r\nAccept: " + accept + "\r\nUser-Agent: hansom-bench\r\n"
	switch {
	case t.Bearer != "":
		text += "Authorization: Bearer " + t.Bearer + "\r\n"
	case t.Account != "":
		text += "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(t.Account+":"+t.Password)) + "\r\n"
	}
	return text
}
