package outbound

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func caller(t testing.TB, o Options) *Caller {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// disguises are URLs that no caller may take, whatever is set but Allow.
var disguises = []string{
	"", "https", "https:", "https://", "https:///path", "https://?q", "//host.example", "host.example/path", "http://host.example/", "ftp://host.example/",
	"file:///etc/passwd", "gopher://host.example", "HTTPS//host.example", "https:host.example", "https:/host.example", "javascript:alert(1)",
	"https://user@host.example/", "https://user:password@host.example/", "https://@host.example/", "https://:@host.example/", "https://good.example@evil.example/",
	"https://good.example:443@evil.example/", "https://host.example/#fragment", "https://host.example/#", "https://host.example#@evil.example/",
	"https://host.example./", "https://host.example.:443/", "https://.host.example/", "https://host..example/", "https://./", "https://../",
	"https://-host.example/", "https://host-.example/", "https://ho_st.example/", "https://ho$st.example/", "https://host.example,evil.example/",
	"https://hôst.example/", "https://１２７.0.0.1/", "https://host。example/", "https://ⓛocalhost/", "https://xn--/", "https://xn--a.example/", "https://xn--0.example/",
	"https://127.1/", "https://0x7f.1/", "https://0x7f000001/", "https://2130706433/", "https://0177.0.0.1/", "https://017700000001/", "https://127.0.0.01/",
	"https://1.2.3/", "https://1.2.3.4.5/", "https://256.1.1.1/", "https://1/", "https://host.0x7f/", "https://host.123/", "https://127.0.0.1./",
	"https://127.0.0.1/", "https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/", "https://[2002:7f00:1::]/",
	"https://[64:ff9b::127.0.0.1]/", "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[::1%25]/", "https://[]/", "https://[::1/", "https://::1/",
	"https://[127.0.0.1]/", "https://[8.8.8.8]/", "https://[::ffff:8.8.8.8]/", "https://2606:4700::1/", "https://[v1.fe80::a]/", "https://169.254.169.254/latest/meta-data/",
	"https://%31%32%37.0.0.1/", "https://host%2eexample/", "https://%6cocalhost/", "https://host%00.example/", "https://host%.example/",
	"https://host.example:/", "https://host.example:0/", "https://host.example:65536/", "https://host.example:99999999999/", "https://host.example:-1/",
	"https://host.example:0443/", "https://host.example:x/", "https://host.example:443:443/", "https://host.example:80/", "https://host.example:8443/",
	"https://host.example\\@evil.example/", "https:\\\\host.example\\", "https://host.example/ x", " https://host.example/", "https://host.example/\n",
	"https://host.example/\r\nX: y", "https://host\t.example/", "https://host.example/\x00", "https://host.example/\x7f", "https://host.example/é",
	"https://" + strings.Repeat("a", 64) + ".example/", "https://" + strings.Repeat("a.", 127) + "example/", "https://host.example/" + strings.Repeat("x", 2048),
}

func TestAURLThatTwoReadersCouldUnderstandInTwoWaysIsRefused(t *testing.T) {
	t.Parallel()
	c := caller(t, Options{})
	for _, text := range disguises {
		err := c.Check(text)
		var refused *Refused
		if !errors.As(err, &refused) || refused.Reason == "" {
			t.Errorf("%q: %v", text, err)
		}
		if c.Host(text) != "" {
			t.Errorf("%q has the host %q", text, c.Host(text))
		}
	}
	for text, host := range map[string]string{
		"https://host.example": "host.example", "https://host.example/": "host.example", "https://HOST.Example:443/a?b=c&d=%20%2F": "host.example",
		"HTTPS://host.example/": "host.example", "https://xn--bcher-kva.example/": "xn--bcher-kva.example", "https://a-b.c1.example/@x:y": "a-b.c1.example",
		"https://1host.example/": "1host.example", "https://localhost/": "localhost", "https://127.0.0.1.example/": "127.0.0.1.example",
		"https://host.example/?u=https://127.0.0.1": "host.example",
	} {
		if err := c.Check(text); err != nil || c.Host(text) != host {
			t.Errorf("%q: %v, host %q, want %q", text, err, c.Host(text), host)
		}
	}
}

func TestWhatTheOperatorSetsIsAllThatIsOpened(t *testing.T) {
	t.Parallel()
	at := netip.MustParseAddrPort
	for _, row := range []struct {
		what      string
		o         Options
		good, bad []string
	}{
		{"literals", Options{Literals: true},
			[]string{"https://8.8.8.8/", "https://[2606:4700::1111]/", "https://[2606:4700:0:0::1111]:443/"},
			[]string{"https://127.0.0.1/", "https://10.0.0.1/", "https://[::1]/", "https://[::ffff:8.8.8.8]/", "https://8.8.8.8:8443/", "https://134744072/", "https://[64:ff9b::10.0.0.1]/"}},
		{"ports", Options{Ports: []uint16{8443}},
			[]string{"https://host.example:8443/", "https://host.example/"}, []string{"https://host.example:8444/", "https://8.8.8.8:8443/"}},
		{"allow", Options{Allow: []netip.AddrPort{at("127.0.0.1:9443"), at("[::1]:9444"), at("10.1.1.1:443")}},
			[]string{"https://127.0.0.1:9443/", "https://[::1]:9444/", "https://10.1.1.1/", "https://host.example:9443/", "https://host.example/"},
			[]string{"https://127.0.0.1/", "https://127.0.0.1:9444/", "https://[::1]:9443/", "https://127.0.0.2:9443/", "https://[::ffff:127.0.0.1]:9443/", "https://host.example:9445/", "https://8.8.8.8/"}},
		{"hosts", Options{Hosts: []string{"One.example", "*.two.example"}},
			[]string{"https://one.example/", "https://ONE.example/", "https://a.two.example/", "https://a.b.two.example/"},
			[]string{"https://two.example/", "https://.two.example/", "https://three.example/", "https://xone.example/", "https://a.one.example/", "https://atwo.example/"}},
		{"own names", Options{Own: []string{"taxii.example", "Other.example."}, Ports: []uint16{8443}},
			[]string{"https://a.taxii.example/"}, []string{"https://taxii.example/", "https://TAXII.example:8443/", "https://other.example/"}},
		{"own addresses", Options{Allow: []netip.AddrPort{at("127.0.0.1:8443"), at("127.0.0.1:9443")}, Self: []netip.AddrPort{at("0.0.0.0:8443")}, Own: []string{"127.0.0.1"}},
			[]string{"https://127.0.0.1:9443/"}, []string{"https://127.0.0.1:8443/"}},
	} {
		c := caller(t, row.o)
		for _, text := range row.good {
			if err := c.Check(text); err != nil {
				t.Errorf("%s: %s: %v", row.what, text, err)
			}
		}
		for _, text := range row.bad {
			if err := c.Check(text); err == nil {
				t.Errorf("%s: %s is taken", row.what, text)
			}
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, text := range disguises {
		f.Add(text)
	}
	f.Add("https://host.example/")
	c := caller(f, Options{Literals: true, Ports: []uint16{8443}})
	f.Fuzz(func(t *testing.T, text string) {
		got, err := c.target(text)
		if err != nil {
			return
		}
		// What is taken is understood alike when it is read again from what is sent.
		again, err := c.target(got.url.String())
		if err != nil || again.host != got.host || again.port != got.port {
			t.Fatalf("%q: host %q port %d, again %q %d: %v", text, got.host, got.port, again.host, again.port, err)
		}
		if got.literal.IsValid() && !public(got.literal) || !got.literal.IsValid() && checkName(got.host) != nil || got.port != 443 && got.port != 8443 {
			t.Fatalf("%q is taken for %q:%d", text, got.host, got.port)
		}
		if strings.ContainsAny(authority(text), "@%\\#") || got.url.User != nil || got.url.Fragment != "" || got.url.Scheme != "https" {
			t.Fatalf("%q is taken", text)
		}
	})
}
