package node

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "hansom.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestTheDefaultsAreInForceWhereNothingIsSet(t *testing.T) {
	got, err := Load("", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, Defaults()) {
		t.Errorf("got %+v", got)
	}
	if got.Listen != "127.0.0.1:8443" || got.MaxContentLength != 10_485_760 || got.DrainTimeout != 25*time.Second {
		t.Errorf("got %+v", got)
	}
}

func TestFlagsGoOverTheEnvironmentAndThatOverTheFile(t *testing.T) {
	file := write(t, "listen: 127.0.0.1:1\ntitle: file\ncontact: file\nidle_timeout: 90s\nadmin_https: true\n")
	env := []string{"HANSOM_TITLE=environment", "HANSOM_CONTACT=environment", "HANSOM_KEY=secret", "TITLE=no"}
	got, err := Load(file, env, map[string]string{"contact": "flag", "behind_proxy": "10.0.0.1, 10.1.0.0/16"})
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.Listen, want.Title, want.Contact, want.Key = "127.0.0.1:1", "environment", "flag", "secret"
	want.IdleTimeout, want.AdminHTTPS, want.BehindProxy = 90*time.Second, true, []string{"10.0.0.1", "10.1.0.0/16"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestPathsInTheFileAreRelativeToTheFile(t *testing.T) {
	file := write(t, "data: .\nkey_file: keys/master\ntls_certificate: /etc/c.pem\ntls_key: k.pem\n")
	got, err := Load(file, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(file)
	if got.Data != dir || got.KeyFile != filepath.Join(dir, "keys/master") || got.Certificate != "/etc/c.pem" ||
		got.CertificateKey != filepath.Join(dir, "k.pem") {
		t.Errorf("got %+v", got)
	}
	if got, err = Load(file, nil, map[string]string{"data": "here"}); err != nil || got.Data != "here" {
		t.Errorf("a flag: got %q, %v", got.Data, err)
	}
}

func TestAnEmptyFileAndAnEmptyValueLeaveTheDefaults(t *testing.T) {
	for _, content := range []string{"", "# only a comment\n", "---\n", "title:\nlisten:\nbehind_proxy: []\n"} {
		got, err := Load(write(t, content), nil, nil)
		if err != nil || !reflect.DeepEqual(got, Defaults()) {
			t.Errorf("%q: got %+v, %v", content, got, err)
		}
	}
}

func TestWhatIsPrintedIsReadBackAndHoldsNoKey(t *testing.T) {
	c := Defaults()
	c.Data, c.Title, c.Description = "/data", "yes: [no] # \"x\"", "two\nlines"
	c.BehindProxy, c.RefuseJSON, c.StallTimeout, c.Key = []string{"10.0.0.1", "2001:db8::/32"}, true, 1500*time.Millisecond, "secret-key"
	for name, print := range map[string]func(*bytes.Buffer) error{
		"print":    func(b *bytes.Buffer) error { return c.Print(b) },
		"template": func(b *bytes.Buffer) error { return c.Template(b) },
	} {
		var out bytes.Buffer
		if err := print(&out); err != nil {
			t.Fatal(name, err)
		}
		if strings.Contains(out.String(), c.Key) {
			t.Errorf("%s holds the master key:\n%s", name, &out)
		}
		got, err := Load(write(t, out.String()), []string{"HANSOM_KEY=secret-key"}, nil)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, &out)
		}
		if !reflect.DeepEqual(got, c) {
			t.Errorf("%s: got  %+v\nwant %+v", name, got, c)
		}
	}
}

func TestATemplateSetsOnlyWhatDiffersFromTheDefaults(t *testing.T) {
	c := Defaults()
	c.Title = "Ours"
	var out bytes.Buffer
	if err := c.Template(&out); err != nil {
		t.Fatal(err)
	}
	var set []string
	for line := range strings.Lines(out.String()) {
		if line != "\n" && !strings.HasPrefix(line, "#") {
			set = append(set, line)
		}
	}
	if !reflect.DeepEqual(set, []string{"title: Ours\n"}) {
		t.Errorf("set are %q in\n%s", set, &out)
	}
	if !strings.Contains(out.String(), "\n#listen: 127.0.0.1:8443\n") {
		t.Errorf("listen is not there as a comment:\n%s", &out)
	}
}

func TestWhatCannotBeUsedIsRefusedWithItsPlace(t *testing.T) {
	for _, test := range []struct{ name, file, env, key, value, want string }{
		{name: "an unknown key", file: "title: x\nlissten: y\n", want: "hansom.yaml:2: lissten: there is no such key"},
		{name: "a key that stands twice", file: "title: x\ntitle: y\n", want: "hansom.yaml:2: title: stands in line 1 already"},
		{name: "a mapping as value", file: "title: {a: b}\n", want: "hansom.yaml:1: title: is neither"},
		{name: "a list of lists", file: "behind_proxy: [[a]]\n", want: "list of something else"},
		{name: "a file that is a list", file: "- a\n", want: "is not a list of `key: value`"},
		{name: "a file of two documents", file: "title: a\n---\ntitle: b\n", want: "more than one YAML document"},
		{name: "broken YAML", file: "title: [\n", want: "hansom.yaml: yaml:"},
		{name: "the master key in the file", file: "key: x\n", want: "no such key"},
		{name: "an unknown variable", env: "HANSOM_LISSTEN=x", want: "environment variable HANSOM_LISSTEN: there is no such key"},
		{name: "an unknown flag", key: "lis_ten", value: "x", want: "--lis-ten: there is no such key"},
		{name: "a number that is text", key: "page_objects", value: "many", want: `--page-objects: needs a whole number, got "many"`},
		{name: "a time without unit", file: "idle_timeout: 10\n", want: "needs a time with its unit"},
		{name: "a truth that is none", key: "refuse_json", value: "perhaps", want: "needs true or false"},
		{name: "an address without port", key: "listen", value: "localhost", want: "listen: needs an address and a port"},
		{name: "a port above the last", key: "listen", value: ":65536", want: "listen: needs an address and a port"},
		{name: "a public URL without TLS", key: "public_url", value: "http://a", want: "public_url: needs an https URL"},
		{name: "a public URL with a query", key: "public_url", value: "https://a/?b", want: "public_url: needs an https URL"},
		{name: "a proxy that is a name", key: "behind_proxy", value: "proxy.example", want: "behind_proxy: needs addresses"},
		{name: "a token header that is no name", key: "token_header", value: "X Api Key", want: "token_header: needs the name of a header"},
		{name: "a token header that means something else", key: "token_header", value: "cookie", want: "token_header: Cookie means something else"},
		{name: "a source header without a proxy", key: "source_header", value: "X-Real-IP", want: "source_header: has no use without behind_proxy"},
		{name: "two headers that are one", file: "behind_proxy: 10.0.0.1\nsource_header: X-Id\ntoken_header: x-id\n", want: "are the same"},
		{name: "a certificate without key", key: "tls_certificate", value: "c.pem", want: "set both"},
		{name: "a certificate behind a proxy", file: "tls_certificate: c\ntls_key: k\nbehind_proxy: 10.0.0.1\n", want: "has no use"},
		{name: "two sources of the key", file: "key_file: a\nkey_command: b\n", want: "set one of them"},
		{name: "no data directory", key: "data", value: "", want: "data: is empty"},
		{name: "a body above half of the budget", key: "max_content_length", value: "134217729", want: "max_content_length: must be from 1024 to 134217728, got 134217729 (at most half of bodies_budget)"},
		{name: "a page above the largest", key: "page_most", value: "10001", want: "page_most: must be from 1 to 10000"},
		{name: "a page of nothing", key: "page_objects", value: "0", want: "page_objects: must be from 1"},
		{name: "a time-out of nothing", key: "header_timeout", value: "0s", want: "header_timeout: must be above 0s"},
		{name: "a level of logs that is none", key: "log_level", value: "loud", want: "log_level: must be one of"},
		{name: "channels neither on nor off", key: "channels", value: "maybe", want: "channels: must be one of on, fixed, off"},
		{name: "an origin with a path", key: "allow_origins", value: "https://a.example/x", want: "allow_origins: needs origins"},
		{name: "an origin that is a host", key: "allow_origins", value: "*, a.example", want: "allow_origins: needs origins"},
		{name: "an origin that is null", key: "allow_origins", value: "null", want: "allow_origins: needs origins"},
		{name: "no stream", key: "max_streams", value: "0", want: "max_streams: must be from 1"},
		{name: "no stream of an account", key: "max_streams_per_account", value: "0", want: "max_streams_per_account: must be from 1"},
		{name: "less than no requests", key: "limit_requests", value: "-1", want: "limit_requests: must be from 0 to 1000000"},
		{name: "less than no octets", key: "limit_bytes_per_day", value: "-1", want: "limit_bytes_per_day: must be from 0"},
		{name: "a network that may be called", key: "outbound_allow", value: "10.0.0.0/8", want: "outbound_allow: needs single addresses"},
		{name: "a proxy with a password", key: "outbound_proxy", value: "http://a:b@proxy.example:3128", want: "outbound_proxy: needs a URL"},
		{name: "a form of logs that is none", key: "log_format", value: "xml", want: "log_format: must be json or text"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file, set := "", map[string]string{}
			if test.file != "" {
				file = write(t, test.file)
			}
			if test.key != "" {
				set[test.key] = test.value
			}
			_, err := Load(file, []string{test.env}, set)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml"), nil, nil); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestVariablesOfKubernetesAreNoConfiguration(t *testing.T) {
	env := []string{"HANSOM_PORT=tcp://10.0.0.1:8443", "HANSOM_PORT_8443_TCP=x", "HANSOM_SERVICE_HOST=10.0.0.1", "HANSOM_CONFIG=x"}
	if _, err := Load("", env, nil); err != nil {
		t.Error(err)
	}
}

func TestEverySettingSaysWhatItDoes(t *testing.T) {
	list := Settings()
	if len(list) != reflect.TypeFor[Config]().NumField()-1 {
		t.Errorf("%d settings for %d fields; only the master key has none", len(list), reflect.TypeFor[Config]().NumField())
	}
	for _, s := range list {
		if s.Key == "" || s.About == "" {
			t.Errorf("got %+v", s)
		}
		c := Defaults()
		if err := c.set(s.Key, s.Default); err != nil || !reflect.DeepEqual(c, Defaults()) {
			t.Errorf("%s: its default %q read back: %v", s.Key, s.Default, err)
		}
	}
}

func TestThePublicURLIsTheOneSetOrTheAddressListenedOn(t *testing.T) {
	for _, test := range []struct{ public, listen, at, want string }{
		{"", "127.0.0.1:0", "127.0.0.1:4711", "https://127.0.0.1:4711"},
		{"", "localhost:0", "127.0.0.1:4711", "https://localhost:4711"},
		{"", "[::1]:0", "[::1]:4711", "https://[::1]:4711"},
		{"", ":8443", "[::]:8443", "https://localhost:8443"},
		{"", "0.0.0.0:8443", "0.0.0.0:8443", "https://localhost:8443"},
		{"https://taxii.example.com/feeds/", "0.0.0.0:8443", "0.0.0.0:8443", "https://taxii.example.com/feeds"},
	} {
		c := Defaults()
		c.PublicURL, c.Listen = test.public, test.listen
		if got := c.URLAt(test.at); got != test.want {
			t.Errorf("%+v: got %s", test, got)
		}
	}
}
