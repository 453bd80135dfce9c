package node_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/hansom-taxii/hansom/internal/trial"
)

// What net/http refuses before any handler runs keeps its own short answer. This
// is the list; from the handler on every error is one of the protocol (K17).
func TestWhatIsRefusedBeforeAnyHandlerRuns(t *testing.T) {
	t.Parallel()
	s := serve(t, func(c *node.Config) { c.HeaderTimeout = time.Second })
	for what, try := range map[string]struct {
		send   string
		status int
		body   string
	}{
		"a request line that is none":         {"GET\r\n\r\n", 400, "400 Bad Request"},
		"a method that is none":               {"GE(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "400 Bad Request"},
		"a path that cannot be read":          {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, "400 Bad Request"},
		"a header without a colon":            {"GET / HTTP/1.1\r\nHost x\r\n\r\n", 400, "400 Bad Request"},
		"a header name that is none":          {"GET / HTTP/1.1\r\nHost: x\r\nA B: c\r\n\r\n", 400, "400 Bad Request: invalid header name"},
		"a header value with a control":       {"GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n", 400, "400 Bad Request"},
		"no host":                             {"GET / HTTP/1.1\r\n\r\n", 400, "400 Bad Request: missing required Host header"},
		"two hosts":                           {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, "400 Bad Request"},
		"a host that is none":                 {"GET / HTTP/1.1\r\nHost: x y\r\n\r\n", 400, "400 Bad Request: malformed Host header"},
		"two lengths":                         {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "400 Bad Request"},
		"a length that is none":               {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "400 Bad Request"},
		"another transfer coding":             {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "Unsupported transfer encoding"},
		"another version of HTTP":             {"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505, "505 HTTP Version Not Supported: unsupported protocol version"},
		"an expectation that nobody can meet": {"POST / HTTP/1.1\r\nHost: x\r\nExpect: cake\r\nContent-Length: 1\r\n\r\n", 417, ""},
		"headers above 1 MiB": {"GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("x", 1<<20+8<<10) + "\r\n\r\n",
			431, "431 Request Header Fields Too Large"},
	} {
		c := s.dial(t, nil)
		go func() { _, _ = io.WriteString(c, try.send) }() // the answer may come before it is sent whole
		answer, text := receive(t, c)
		if answer.StatusCode != try.status || strings.TrimSpace(text) != try.body || len(text) > 100 {
			t.Errorf("%s: %s %q, want %d %q", what, answer.Status, text, try.status, try.body)
		}
	}
	plain, err := net.Dial("tcp", s.address())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := io.WriteString(plain, "GET /taxii2/ HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = plain.SetReadDeadline(time.Now().Add(10 * time.Second))
	text, err := io.ReadAll(plain)
	if err != nil || string(text) != "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n" {
		t.Errorf("plain HTTP: %q %v", text, err)
	}
	// One who sends nothing is told nothing: TestHeadersThatComeTooSlowlyEndTheConnection.
}

func TestOddRequestsThatReachAHandlerGetErrorsOfTheProtocol(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K17", "K24", "R068")
	s := serve(t, nil)
	for what, try := range map[string]struct {
		send   string
		status int
	}{
		"OPTIONS *":           {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 401}, // was an empty 200 of net/http's
		"a method of its own": {"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 401},
		"CONNECT":             {"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", 401},
		"a whole URL":         {"GET https://elsewhere.example.com/taxii2/ HTTP/1.1\r\nHost: elsewhere.example.com\r\n\r\n", 401},
		"a doubled slash":     {head("alice", "GET", "//taxii2//"), 404},
		"dots":                {head("alice", "GET", "/trust/../taxii2/"), 404},
		"an escaped slash":    {head("alice", "GET", "/trust%2Fcollections/"), 404},
		"a zero":              {head("alice", "GET", "/trust/collections/%00/objects/"), 404},
		"a bad query":         {head("alice", "GET", objects+"?limit=%zz"), 400},
		"HTTP/1.0":            {"GET /nothing HTTP/1.0\r\nAuthorization: " + basic("alice", password) + "\r\n\r\n", 404},
	} {
		answer, text := send(t, s.dial(t, nil), try.send)
		wantError(t, what, answer, text, try.status)
		if try.status == http.StatusUnauthorized && !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Basic realm=") {
			t.Errorf("%s: WWW-Authenticate is %q", what, answer.Header.Get("WWW-Authenticate"))
		}
	}
}

func TestAnUnknownAccountIsAnsweredAsAWrongPassword(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R068", "K24")
	s := serve(t, nil)
	var texts, heads []string
	for _, try := range [][2]string{{"alice", "wrong"}, {"nobody", password}, {"operator", password}, {"anonymous", ""}, {"", ""}} {
		r := s.request(t, "GET", "/trust/", "")
		r.SetBasicAuth(try[0], try[1])
		answer, text := s.do(t, r)
		wantError(t, try[0], answer, text, http.StatusUnauthorized)
		if answer.Header.Get("X-Request-Id") == "" {
			t.Error("no request id")
		}
		answer.Header.Del("X-Request-Id")
		answer.Header.Del("Date")
		var h strings.Builder
		_ = answer.Header.Write(&h)
		texts, heads = append(texts, text), append(heads, h.String())
	}
	for i := range texts {
		if texts[i] != texts[0] || heads[i] != heads[0] {
			t.Errorf("case %d: %s%s\nand the first: %s%s", i, heads[i], texts[i], heads[0], texts[0])
		}
	}
}

func TestPlainHTTPIsServedToTrustedProxiesAlone(t *testing.T) {
	t.Parallel()
	for _, proxies := range [][]string{{"127.0.0.2"}, {"10.0.0.0/8", "127.0.0.2/32"}, {"::1", "127.0.0.2/31"}} {
		s := serve(t, func(c *node.Config) { c.BehindProxy = proxies })
		if _, err := handshake(t, s.address(), nil); err == nil {
			t.Error("TLS is spoken behind a proxy")
		}
		for from, want := range map[string]int{"127.0.0.1": http.StatusForbidden, "127.0.0.2": http.StatusOK, "127.0.0.4": http.StatusForbidden} {
			transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext(ctx, network, address)
			}}
			s.http = &http.Client{Transport: transport}
			for _, path := range []string{"/taxii2/", "/healthz"} {
				r := s.request(t, "GET", path, "")
				r.URL.Scheme = "http"
				r.Header.Set("X-Forwarded-For", "127.0.0.2") // says nothing
				answer, text := s.do(t, r)
				if path == "/healthz" {
					if answer.StatusCode != http.StatusOK { // whoever looks after the process asks from beside it
						t.Errorf("%s %s: %s %s", from, path, answer.Status, text)
					}
				} else if want != http.StatusOK {
					wantError(t, from+" "+path, answer, text, want)
				} else if answer.StatusCode != want {
					t.Errorf("%s %s: %s %s", from, path, answer.Status, text)
				} else if path == "/taxii2/" && !strings.Contains(text, `"https://`) {
					t.Errorf("its URLs are not https: %s", text)
				}
			}
			transport.CloseIdleConnections()
		}
	}
}

func TestEachRequestHasALineInTheLogAndNoSecretHas(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	wrong := "not-the-password-of-alice"
	ids := map[string]int{}
	for _, try := range []struct {
		method, path, body, password string
		status                       int
	}{
		{"GET", "/taxii2/?token=a-secret-in-the-query", "", password, 200},
		{"POST", objects, envelope(77, 400), password, 202},
		{"POST", objects, `{"objects":[{"x_secret":"a-secret-in-the-body"`, password, 422},
		{"GET", objects + "?next=a-secret-cursor", "", password, 400},
		{"GET", objects, "", wrong, 401},
		{"GET", "/nothing/", "", password, 404},
		{"GET", "/healthz", "", password, 200},
	} {
		r := s.request(t, try.method, try.path, try.body)
		r.SetBasicAuth("alice", try.password)
		answer, text := s.do(t, r)
		if answer.StatusCode != try.status {
			t.Errorf("%s %s: %s %s", try.method, try.path, answer.Status, text)
		}
		ids[answer.Header.Get("X-Request-Id")] = try.status
	}
	if len(ids) != 7 {
		t.Errorf("the request ids are %v", ids)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for _, l := range s.lines(t) {
		if status, ok := ids[l.RequestID]; !ok || status != l.Status || l.Method == "" || !strings.HasPrefix(l.Path, "/") ||
			l.Took <= 0 || l.Bytes <= 0 || !strings.HasPrefix(l.Remote, "127.0.0.1:") {
			t.Errorf("%+v", l)
		}
		if named := l.Account == "alice"; named != (l.Status != 401 && l.Path != "/healthz") {
			t.Errorf("account %q in %+v", l.Account, l)
		}
		delete(ids, l.RequestID)
	}
	if len(ids) != 0 {
		t.Errorf("without a line: %v", ids)
	}
	for _, secret := range []string{
		password, wrong, basic("alice", password)[len("Basic "):], basic("alice", wrong)[len("Basic "):], "a-secret", "x-sized", "argon2id",
		strings.TrimSpace(string(read(t, s.conf.Data+"/key"))),
	} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, s.log.String())
		}
	}
}
