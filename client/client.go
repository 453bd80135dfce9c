package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

const (
	// defaultIdle is how long a server may say nothing while it is waited for. A
	// stream says something every 15 s, so three in a row were lost.
	defaultIdle = 45 * time.Second
	// defaultRetries bounds the repetitions of one request: with their waits, of 1, 2,
	// 4 and 8 s at the most, they last over the restart of a server.
	defaultRetries = 4
	// dialing is how long a connection, and TLS on it, may take each.
	dialing = 10 * time.Second
	// pinging notices a dead connection that several requests share (HTTP/2).
	pinging = 15 * time.Second
)

// Options say how a Client reaches its server. The zero value trusts the
// authorities of the system and signs nobody in.
type Options struct {
	// HTTP does the requests. It must have no Timeout, which would cut good streams.
	// nil: one is made of TLS.
	HTTP *http.Client
	TLS  *tls.Config // whom to trust, and who we are; ignored beside HTTP

	Account, Password string // HTTP Basic; "": none
	Token             string // Bearer, instead of Account; "": none

	UserAgent string        // "": "hansom-client"
	Idle      time.Duration // a server that says nothing for so long while it is waited for is dead; 0: 45 s
	Retries   int           // how often a request is repeated that may be; 0: 4 times, below 0: never

	// Waiting, if it is there, hears of everything that went wrong and will be tried
	// again, and after which wait.
	Waiting func(err error, wait time.Duration)
}

// Client is one server, or one API Root, as one account sees it. It may be used
// by several goroutines at once.
type Client struct {
	base  string // ends with a slash
	opt   Options
	http  *http.Client
	sleep func(context.Context, time.Duration) error // tests do not wait
}

// New makes a Client of the server or API Root at an absolute URL, with or
// without a final slash. Plain http is taken for this machine alone; a URL with
// user, query or fragment is refused, since credentials never travel in URLs.
// No request is made.
func New(base string, o Options) (*Client, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return nil, fmt.Errorf("client: %w", err)
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("client: %q is no https URL", base)
	case u.Scheme == "http" && !here(u.Hostname()):
		return nil, fmt.Errorf("client: %s: plain http is for this machine alone; use https", u.Redacted())
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("client: %s: a base URL has no user, query or fragment", u.Redacted())
	}
	o.UserAgent, o.Idle = cmp.Or(o.UserAgent, "hansom-client"), cmp.Or(o.Idle, defaultIdle)
	o.Retries = max(cmp.Or(o.Retries, defaultRetries), 0)
	c := &Client{base: strings.TrimSuffix(u.String(), "/") + "/", opt: o, sleep: sleep}
	c.http = c.transport()
	return c, nil
}

// transport gives what does the requests. Redirects are not followed: whatever
// answers is the server that was named.
func (c *Client) transport() *http.Client {
	made := http.Client{Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialing}).DialContext,
		TLSClientConfig:     c.opt.TLS.Clone(),
		TLSHandshakeTimeout: dialing,
		ForceAttemptHTTP2:   true,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: pinging, PingTimeout: pinging},
		IdleConnTimeout:     time.Minute,
	}}
	if c.opt.HTTP != nil {
		made = *c.opt.HTTP
	}
	if made.CheckRedirect == nil {
		made.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return &made
}

// here tells whether a host is this machine.
func here(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}

// ParseChannelURL takes the URL of a Channel apart, such as
// "https://taxii.example.com/trust/channels/alerts/": the URL of its API Root, for
// [New], and the Channel's name. The final slash may be missing, and messages/
// may follow.
func ParseChannelURL(address string) (root, channel string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", fmt.Errorf("client: %w", err)
	}
	path := strings.TrimSuffix(strings.TrimSuffix(u.EscapedPath(), "/"), "/messages")
	at := strings.LastIndex(path, "/channels/")
	if u.Host == "" || at < 0 || u.RawQuery != "" || u.Fragment != "" {
		return "", "", fmt.Errorf("client: %q is not the URL of a channel, such as https://taxii.example.com/trust/channels/alerts/", address)
	}
	channel, err = url.PathUnescape(path[at+len("/channels/"):])
	if err != nil || strings.Contains(channel, "/") || channel == "" {
		return "", "", fmt.Errorf("client: %q names no channel after channels/", address)
	}
	u.Path, u.RawPath = "", ""
	return u.String() + path[:at] + "/", channel, nil
}

// rootURL gives the URL of the API Root of a Channel, and the Channel's name.
func (c *Client) rootURL(channel string) (root, name string, err error) {
	root = c.base
	segments := strings.Split(channel, "/")
	for _, s := range segments {
		if s == "" || s == "." || s == ".." {
			return "", "", fmt.Errorf("client: %q names no channel", channel)
		}
	}
	last := len(segments) - 1
	for _, s := range segments[:last] {
		root += url.PathEscape(s) + "/"
	}
	return root, segments[last], nil
}

// channelURL gives the URL of a Channel or of something below it.
func (c *Client) channelURL(channel string, below ...string) (string, error) {
	root, name, err := c.rootURL(channel)
	address := root + "channels/" + url.PathEscape(name) + "/"
	for _, s := range below {
		address += url.PathEscape(s) + "/"
	}
	return address, err
}
