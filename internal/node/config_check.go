package node

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// mostPage bounds page_most: what lies above it would be cut by page_bytes
	// anyway, and a page is read whole.
	mostPage = 10_000
	// The smallest body that is of any use holds one object; the smallest page
	// is one small object.
	leastBody, leastPage = 1024, 1024
	// mostTimeout bounds every time-out: what waits longer is forgotten.
	mostTimeout = time.Hour
	// leastRetention of the audit: what is gone sooner was not kept for anybody.
	leastRetention = time.Hour
	// mostDrain bounds drain_timeout: a server that is told to stop has ended
	// within 30 s, its closing of the store included.
	mostDrain = 28 * time.Second
)

// check reports the first value that cannot be used, by its key.
func (c *Config) check() error {
	for _, part := range []func() error{c.checkAddresses, c.checkStore, c.checkSizes, c.checkTimes, c.checkWords, c.checkChannels, c.checkOutbound, c.checkTLS, c.checkJWT, c.checkHeaders} {
		if err := part(); err != nil {
			return fmt.Errorf("configuration: %w", err)
		}
	}
	return nil
}

func (c *Config) checkAddresses() error {
	if c.Data == "" {
		return errors.New("data: is empty")
	}
	_, port, err := net.SplitHostPort(c.Listen)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("listen: needs an address and a port, such as 127.0.0.1:8443, got %q", c.Listen)
	}
	if err := checkPublicURL(c.PublicURL); err != nil {
		return fmt.Errorf("public_url: %w", err)
	}
	for _, proxy := range c.BehindProxy {
		_, notAddress := netip.ParseAddr(proxy)
		_, notNetwork := netip.ParsePrefix(proxy)
		if notAddress != nil && notNetwork != nil {
			return fmt.Errorf("behind_proxy: needs addresses or networks such as 10.0.0.0/8, got %q", proxy)
		}
	}
	switch {
	case (c.Certificate == "") != (c.CertificateKey == ""):
		return errors.New("tls_certificate and tls_key: set both, or none for a certificate of the server's own")
	case c.Certificate != "" && len(c.BehindProxy) > 0:
		return errors.New("tls_certificate: has no use with behind_proxy, where the proxy ends TLS")
	case c.KeyFile != "" && c.KeyCommand != "":
		return errors.New("key_file and key_command: set one of them")
	}
	return nil
}

func checkPublicURL(text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("needs an https URL without query, such as https://taxii.example.com, got %q", text)
	}
	return nil
}

func (c *Config) checkSizes() error {
	for _, size := range []struct {
		key               string
		got, least, limit int64
	}{
		{"bodies_budget", c.BodiesBudget, 2 * leastBody, 1 << 50},
		{"pages_budget", c.PagesBudget, 2 * leastPage, 1 << 50},
		{"max_content_length", c.MaxContentLength, leastBody, c.BodiesBudget / 2},
		{"page_bytes", int64(c.PageBytes), leastPage, c.PagesBudget / 2},
		{"page_most", int64(c.PageMost), 1, mostPage},
		{"page_objects", int64(c.PageObjects), 1, int64(c.PageMost)},
		{"max_connections", int64(c.MaxConnections), 1, 1 << 24},
		{"max_requests", int64(c.MaxRequests), 1, 1 << 24},
		{"max_requests_per_account", int64(c.MaxRequestsPerAccount), 1, 1 << 24},
		{"max_streams", int64(c.MaxStreams), 1, 1 << 24},
		{"max_streams_per_account", int64(c.MaxStreamsPerAccount), 1, 1 << 24},
		{"limit_requests", int64(c.LimitRequests), 0, 1_000_000},
		{"limit_burst", int64(c.LimitBurst), 0, 10_000_000},
		{"limit_objects_per_day", c.LimitObjectsPerDay, 0, 1 << 60},
		{"limit_bytes_per_day", c.LimitBytesPerDay, 0, 1 << 60},
	} {
		if size.got < size.least || size.got > size.limit {
			return fmt.Errorf("%s: must be from %d to %d, got %d%s", size.key, size.least, size.limit, size.got, boundOf[size.key])
		}
	}
	return nil
}

// boundOf says which other key a bound comes from; never written to.
var boundOf = map[string]string{
	"max_content_length": " (at most half of bodies_budget)",
	"page_bytes":         " (at most half of pages_budget)",
	"page_objects":       " (at most page_most)",
}

func (c *Config) checkTimes() error {
	times := map[string]time.Duration{
		"header_timeout": c.HeaderTimeout, "body_timeout": c.BodyTimeout, "idle_timeout": c.IdleTimeout,
		"stall_timeout": c.StallTimeout, "drain_timeout": c.DrainTimeout,
	}
	for name, t := range times {
		if t <= 0 || t > mostTimeout {
			return fmt.Errorf("%s: must be above 0s and at most %s, got %s", name, mostTimeout, t)
		}
	}
	if c.DrainTimeout > mostDrain {
		return fmt.Errorf("drain_timeout: at most %s, so that the server has ended within 30s, got %s", mostDrain, c.DrainTimeout)
	}
	return nil
}

func (c *Config) checkWords() error {
	if levels := []string{"debug", "info", "warn", "error"}; !slices.Contains(levels, c.LogLevel) {
		return fmt.Errorf("log_level: must be one of %s, got %q", strings.Join(levels, ", "), c.LogLevel)
	}
	if modes := []string{"on", "best-effort", "off"}; !slices.Contains(modes, c.Audit) {
		return fmt.Errorf("audit: must be one of %s, got %q", strings.Join(modes, ", "), c.Audit)
	}
	if c.AuditRetention < 0 || c.AuditRetention > 0 && c.AuditRetention < leastRetention {
		return fmt.Errorf("audit_retention: must be 0s or at least %s, got %s", leastRetention, c.AuditRetention)
	}
	if c.LogFormat != "json" && c.LogFormat != "text" {
		return fmt.Errorf("log_format: must be json or text, got %q", c.LogFormat)
	}
	return nil
}

func (c *Config) checkChannels() error {
	if modes := []string{"on", "fixed", "off"}; !slices.Contains(modes, c.Channels) {
		return fmt.Errorf("channels: must be one of %s, got %q", strings.Join(modes, ", "), c.Channels)
	}
	for _, origin := range c.AllowOrigins {
		u, err := url.Parse(origin)
		if origin != "*" && (err != nil || u.Scheme+"://"+u.Host != origin || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
			return fmt.Errorf("allow_origins: needs origins such as https://soc.example.com, or *, got %q", origin)
		}
	}
	return nil
}

// URLAt gives the public URL, without a final slash, of a server that listens
// on this address: public_url where it is set. Where every address is listened
// on, the host is localhost, for which the server's own certificate is good too.
func (c *Config) URLAt(listening string) string {
	if c.PublicURL != "" {
		return strings.TrimRight(c.PublicURL, "/")
	}
	host, port, _ := net.SplitHostPort(listening)
	if named, _, _ := net.SplitHostPort(c.Listen); named != "" {
		host = cmp.Or(named, host)
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "https://" + net.JoinHostPort(host, port)
}
