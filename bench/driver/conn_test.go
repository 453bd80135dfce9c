package driver

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// scripted answers the requests of each connection with the texts, one after
// the other, and then hangs up. It gives how many connections came.
func scripted(t *testing.T, texts ...string) (Target, func() int) {
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	came := make(chan struct{}, 16)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			came <- struct{}{}
			r := bufio.NewReader(c)
			for _, text := range texts {
				if _, err := http.ReadRequest(r); err != nil {
					break
				}
				fmt.Fprint(c, text)
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close() })
	return Target{Base: "http://" + l.Addr().String()}, func() int { return len(came) }
}

func TestEveryFormOfAnAnswerIsRead(t *testing.T) {
	t.Parallel()
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/taxii+json;version=2.1\r\nX-TAXII-Date-Added-First: a\r\nx-taxii-date-added-last: b\r\n"
	long := strings.Repeat("x", 100_000)
	for name, c := range map[string]struct{ text, body string }{
		"of known length":     {head + "Content-Length: 5\r\n\r\nhello", "hello"},
		"long":                {head + "Content-Length: 100000\r\n\r\n" + long, long},
		"in chunks":           {head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n2;x=y\r\n, \r\n5\r\nworld\r\n0\r\nTrailer: x\r\n\r\n", "hello, world"},
		"to the end":          {head + "Connection: close\r\n\r\nhello", "hello"},
		"after another":       {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + head + "Content-Length: 5\r\n\r\nhello", "hello"},
		"of an older version": {strings.Replace(head, "1.1", "1.0", 1) + "\r\nhello", "hello"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			texts := []string{c.text, c.text}
			if strings.Contains(c.text, "close") || strings.Contains(c.text, "HTTP/1.0") {
				texts = texts[:1] // it ends where the server hangs up
			}
			target, came := scripted(t, texts...)
			conn, err := target.dial(t.Context())
			must(t, err)
			defer conn.close()
			for range 3 {
				a, err := conn.get(t.Context(), "/")
				if err != nil && came() == 1 && len(texts) == 2 {
					break // the third time it has hung up
				}
				must(t, err)
				if a.status != http.StatusOK || string(a.body) != c.body || a.header != (Header{"application/taxii+json;version=2.1", "a", "b"}) {
					t.Errorf("got %d %+v %.40q", a.status, a.header, a.body)
				}
			}
		})
	}
}

func TestWhatIsNoAnswerIsAnError(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing": "", "no HTTP": "SSH-2.0-x\r\n", "a short body": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
		"a bad length": "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "a huge length": "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
		"a negative length": "HTTP/1.1 200 OK\r\nContent-Length: -5\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n",
		"a bad chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n", "a long chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n",
		"no end of the chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "a bad header": "HTTP/1.1 200 OK\r\nhello\r\n\r\n",
		"a bad status": "HTTP/1.1 abc OK\r\n\r\n", "headers without end": "HTTP/1.1 200 OK\r\nA: b\r\n",
	} {
		target, _ := scripted(t, text)
		conn, err := target.dial(t.Context())
		must(t, err)
		if a, err := conn.get(t.Context(), "/"); err == nil {
			t.Errorf("%s: got %d %.40q", name, a.status, a.body)
		}
		conn.close()
	}
}

func TestAPasswordIsNotSentInTheClear(t *testing.T) {
	for _, base := range []string{"http://taxii.example.com", "ftp://127.0.0.1", "127.0.0.1:80", "http://192.0.2.1:80"} {
		target := Target{Base: base}
		if _, _, err := target.address(); err == nil {
			t.Errorf("%s is asked", base)
		}
	}
	for base, want := range map[string]string{
		"https://taxii.example.com": "taxii.example.com:443", "https://[::1]:8443": "[::1]:8443", "http://localhost": "localhost:80",
	} {
		target := Target{Base: base}
		if got, secure, err := target.address(); err != nil || got != want || secure != strings.HasPrefix(base, "https") {
			t.Errorf("%s: got %s, %v, %v", base, got, secure, err)
		}
	}
}
