package node

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// letsEncrypt is the usual ACME server.
const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// mostACMEHosts is what Let's Encrypt takes in one certificate.
const mostACMEHosts = 100

// Listener is an address to listen on.
type Listener struct {
	Address      string
	Certificates string // of clients: off, request or require
}

// allListeners gives the addresses to listen on, that of listen first.
func (c *Config) allListeners() ([]Listener, error) {
	list := []Listener{{c.Listen, c.ClientCertificates}}
	for _, text := range c.Listeners {
		l, err := parseListener(text)
		if err != nil {
			return nil, fmt.Errorf("listeners: %w", err)
		}
		list = append(list, l)
	}
	return list, nil
}

// parseListener reads ADDRESS or ADDRESS client_certificates=WORD.
func parseListener(text string) (Listener, error) {
	words := strings.Fields(text)
	l := Listener{Certificates: certificatesOff}
	for i, word := range words {
		name, value, named := strings.Cut(word, "=")
		switch {
		case i == 0:
			l.Address = word
		case named && name == "client_certificates":
			l.Certificates = value
		default:
			return l, fmt.Errorf("%q is not understood; write ADDRESS or {address: ADDRESS, client_certificates: request}", text)
		}
	}
	return l, checkAddress(l.Address)
}

func checkAddress(text string) error {
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("needs an address and a port, such as 127.0.0.1:8443, got %q", text)
	}
	return nil
}

// settingText gives the text of a value in the file. What is a mapping there is
// an address to listen on.
func settingText(name string, n *yaml.Node) (string, error) {
	if name != "listeners" || n.Kind != yaml.SequenceNode {
		return scalar(n)
	}
	var list []string
	for _, e := range n.Content {
		text, err := listenerText(e)
		if err != nil {
			return "", err
		}
		list = append(list, text)
	}
	return strings.Join(list, ","), nil
}

func listenerText(n *yaml.Node) (string, error) {
	if n.Kind != yaml.MappingNode {
		return scalar(n)
	}
	address, more := "", ""
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1].Value
		switch key {
		case "address":
			address = value
		case "client_certificates":
			more = " client_certificates=" + value
		default:
			return "", fmt.Errorf("line %d: %s has no meaning here: a listener has address and client_certificates", n.Content[i].Line, key)
		}
	}
	return address + more, nil
}

// checkTLS reports the first setting of listeners, client certificates and ACME
// that cannot be used, by its key.
func (c *Config) checkTLS() error {
	if err := c.checkClients(); err != nil {
		return err
	}
	return c.checkACME()
}

func (c *Config) checkClients() error {
	all, err := c.allListeners()
	if err != nil {
		return err
	}
	asked := false
	for _, l := range all {
		if words := []string{certificatesOff, certificatesRequest, certificatesRequire}; !slices.Contains(words, l.Certificates) {
			return fmt.Errorf("client_certificates: must be one of %s, got %q", strings.Join(words, ", "), l.Certificates)
		}
		asked = asked || l.Certificates != certificatesOff
	}
	switch {
	case asked && len(c.BehindProxy) > 0:
		return errors.New("client_certificates: has no use with behind_proxy, where the proxy ends TLS")
	case asked && c.ClientCA == "":
		return errors.New("client_certificates: needs client_ca, the authorities whose certificates are taken")
	case !asked && c.ClientCA != "":
		return errors.New("client_ca: has no use while client_certificates is off everywhere; set it to request or require")
	case c.ClientCA == "" && len(c.ClientCRL) > 0:
		return errors.New("client_crl: has no use without client_ca")
	}
	return nil
}

func (c *Config) checkACME() error {
	switch {
	case len(c.ACMEHosts) == 0 && c.ACMEHTTP != "":
		return errors.New("acme_http: has no use without acme_hosts")
	case len(c.ACMEHosts) == 0:
		return nil
	case len(c.BehindProxy) > 0:
		return errors.New("acme_hosts: has no use with behind_proxy, where the proxy ends TLS")
	case c.Certificate != "":
		return errors.New("acme_hosts and tls_certificate: set one of them")
	case !c.ACMEAgree:
		return errors.New("acme_agree: must be true with acme_hosts: it says that you agree to the terms of the ACME server")
	case len(c.ACMEHosts) > mostACMEHosts:
		return fmt.Errorf("acme_hosts: at most %d", mostACMEHosts)
	}
	if u, err := url.Parse(c.ACME); err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return fmt.Errorf("acme: needs the https URL of a directory such as %s, got %q", letsEncrypt, c.ACME)
	}
	for _, host := range c.ACMEHosts {
		if _, err := netip.ParseAddr(host); err != nil && (strings.ContainsAny(host, "*/:@ ") || !strings.Contains(host, ".")) {
			return fmt.Errorf("acme_hosts: needs names such as taxii.example.com, without a wildcard, got %q", host)
		}
	}
	if c.ACMEHTTP != "" {
		if err := checkAddress(c.ACMEHTTP); err != nil {
			return fmt.Errorf("acme_http: %w", err)
		}
	}
	return nil
}
