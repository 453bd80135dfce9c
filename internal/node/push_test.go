package node

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/outbound"
)

func TestSettingsOfCallsToOthersAreChecked(t *testing.T) {
	t.Parallel()
	for what, set := range map[string]func(*Config){
		"outbound_allow: needs single addresses": func(c *Config) { c.OutboundAllow = []string{"10.0.0.0/8"} },
		`got "localhost:443"`:                    func(c *Config) { c.OutboundAllow = []string{"10.0.0.1:443", "localhost:443"} },
		`got "10.0.0.1"`:                         func(c *Config) { c.OutboundAllow = []string{"10.0.0.1"} },
		`got "10.0.0.1:0"`:                       func(c *Config) { c.OutboundAllow = []string{"10.0.0.1:0"} },
		`got "0.0.0.0:443"`:                      func(c *Config) { c.OutboundAllow = []string{"0.0.0.0:443"} },
		`got "[fe80::1%eth0]:443"`:               func(c *Config) { c.OutboundAllow = []string{"[fe80::1%eth0]:443"} },
		`outbound_ports: needs ports`:            func(c *Config) { c.OutboundPorts = []string{"8443", "0"} },
		`got "443-8443"`:                         func(c *Config) { c.OutboundPorts = []string{"443-8443"} },
		`outbound_hosts: needs names`:            func(c *Config) { c.OutboundHosts = []string{"https://hooks.example.com"} },
		`got "*"`:                                func(c *Config) { c.OutboundHosts = []string{"*"} },
		`outbound_proxy: needs a URL`:            func(c *Config) { c.OutboundProxy = "proxy:3128" },
		`without a password`:                     func(c *Config) { c.OutboundProxy = "http://us:secret@proxy:3128" },
	} {
		c := Defaults()
		set(&c)
		if err := c.check(); err == nil || !strings.Contains(err.Error(), what) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v, want %s", err, what)
		}
	}
	c := Defaults()
	c.OutboundAllow, c.OutboundPorts, c.OutboundHosts = []string{"10.0.0.1:8443", "[fd00::1]:443"}, []string{"8443"}, []string{"hooks.example.com", "*.example.org"}
	c.OutboundProxy, c.OutboundLiterals = "http://proxy.example.com:3128", true
	if err := c.check(); err != nil {
		t.Error(err)
	}
}

func TestTheServerDoesNotCallItself(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ listen, public, url string }{
		{"0.0.0.0:8443", "https://taxii.example.com", "https://taxii.example.com/"},
		{"0.0.0.0:8443", "https://taxii.example.com:8443/prefix", "https://TAXII.example.com/"},
		{"127.0.0.1:8443", "https://taxii.example.com", "https://127.0.0.1:8443/"},
		{":8443", "https://taxii.example.com", "https://127.0.0.1:8443/"},
		{"[::]:8443", "https://taxii.example.com", "https://[::1]:8443/"},
		{"127.0.0.1:0", "https://127.0.0.1:8443", "https://127.0.0.1:8443/"},
	} {
		c := Defaults()
		c.Listen, c.PublicURL, c.OutboundAllow = row.listen, row.public, []string{"127.0.0.1:8443", "[::1]:8443", "127.0.0.1:9443"}
		caller, err := c.caller()
		if err != nil {
			t.Fatal(err)
		}
		var refused *outbound.Refused
		if err := caller.Check(row.url); !errors.As(err, &refused) {
			t.Errorf("listening on %s as %s: %s may be called: %v", row.listen, row.public, row.url, err)
		}
		if err := caller.Check("https://127.0.0.1:9443/"); err != nil {
			t.Errorf("listening on %s: another port of this machine that is allowed: %v", row.listen, err)
		}
	}
	c := Defaults()
	c.Listen, c.PublicURL = "127.0.0.1:0", "https://[::1]:8443"
	if got := c.self(); len(got) != 1 || got[0] != netip.MustParseAddrPort("127.0.0.1:8443") {
		t.Errorf("it listens on %v", got)
	}
	if c.OutboundCA = "/nowhere/ca.pem"; second(c.caller()) == nil {
		t.Error("authorities that are not there are taken")
	}
}

func second[T any](_ T, err error) error { return err }
