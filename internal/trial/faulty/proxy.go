// Package faulty is a proxy that breaks one behaviour of a TAXII server at a
// time. It stands between a right server and whoever checks it, and shows that a
// check can fail.
package faulty

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Fault is one behaviour that is broken. What is nil is left as it is.
type Fault struct {
	Name string
	// Request changes what goes to the server. It may answer itself: with an
	// answer that is not nil the server is not asked.
	Request func(*http.Request) *Answer
	// Answer changes what the server answered. Its body is not compressed.
	Answer func(*http.Request, *Answer)
	// Event changes what stands between two empty lines of an event stream, its
	// head first with an Answer that has no body; "" loses it.
	Event func(r *http.Request, block string) string
	// TLS changes how the proxy speaks TLS.
	TLS func(*tls.Config)
}

// Answer is an answer on its way through the proxy.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte

	stream io.ReadCloser // of events; nil for what was read whole
}

// JSON reads the body as an object, lets change have its way with it, and writes
// it back. Another body, or none, stays as it is.
func (a *Answer) JSON(change func(map[string]any)) {
	d := json.NewDecoder(bytes.NewReader(a.Body))
	d.UseNumber()
	var v map[string]any
	if d.Decode(&v) != nil || v == nil {
		return
	}
	change(v)
	if text, err := json.Marshal(v); err == nil {
		a.Body = text
	}
}

// Proxy is a proxy with one fault, or none.
type Proxy struct {
	URL string
	TLS *tls.Config // whom a client trusts to speak to it

	origin string
	client *http.Client
	fault  Fault
}

// Before starts a proxy before the server at origin (an https URL without a final
// slash), which client can ask. It ends with the test.
func Before(t testing.TB, origin string, client *http.Client, f Fault) *Proxy {
	t.Helper()
	p := &Proxy{origin: origin, client: client, fault: f}
	s := httptest.NewUnstartedServer(p)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0) // broken handshakes are the point of some faults
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if f.TLS != nil {
		f.TLS(s.TLS)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	p.URL = s.URL
	p.TLS = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	return p
}

// ServeHTTP passes one request on.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.fault.Request != nil {
		if a := p.fault.Request(r); a != nil {
			write(w, r, a, false)
			return
		}
	}
	a, packed, err := p.ask(r)
	if err != nil {
		if !errors.Is(err, context.Canceled) && !errors.Is(err, net.ErrClosed) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
		return
	}
	if p.fault.Answer != nil {
		p.fault.Answer(r, a)
	}
	if a.stream != nil {
		defer a.stream.Close()
		if isStream(a.Header) && a.Status == http.StatusOK {
			p.pass(w, r, a)
			return
		}
	}
	write(w, r, a, packed)
}

func isStream(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), "text/event-stream")
}

// pass passes an event stream on as it comes.
func (p *Proxy) pass(w http.ResponseWriter, r *http.Request, a *Answer) {
	copyHeader(w, a)
	w.WriteHeader(a.Status)
	out := http.NewResponseController(w)
	_ = out.Flush() // the client may have gone
	var block strings.Builder
	for in := bufio.NewReader(a.stream); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if strings.TrimRight(line, "\r\n") != "" {
			block.WriteString(line)
			continue
		}
		text := block.String()
		block.Reset()
		if p.fault.Event != nil {
			text = p.fault.Event(r, text)
		}
		if text == "" {
			continue
		}
		if _, err := io.WriteString(w, text+"\n"); err != nil || out.Flush() != nil {
			return
		}
	}
}

// ask asks the server, and gives its answer unpacked.
func (p *Proxy) ask(r *http.Request) (a *Answer, packed bool, err error) {
	out, err := http.NewRequestWithContext(r.Context(), r.Method, p.origin+r.URL.RequestURI(), r.Body)
	if err != nil {
		return nil, false, err
	}
	out.Header, out.ContentLength = r.Header.Clone(), r.ContentLength
	in, err := p.client.Do(out)
	if err != nil {
		return nil, false, err
	}
	a = &Answer{Status: in.StatusCode, Header: in.Header}
	for _, name := range []string{"Location", "Content-Location"} {
		if rest, ok := strings.CutPrefix(in.Header.Get(name), p.origin+"/"); ok {
			in.Header.Set(name, p.URL+"/"+rest)
		}
	}
	if isStream(in.Header) && r.Method == http.MethodGet {
		a.stream = in.Body
		return a, false, nil
	}
	defer in.Body.Close()
	if a.Body, err = io.ReadAll(in.Body); err != nil {
		return nil, false, err
	}
	if in.Header.Get("Content-Encoding") == "gzip" {
		packed = true
		if a.Body, err = unpack(a.Body); err != nil {
			return nil, false, err
		}
	}
	if strings.Contains(r.URL.Path, "/taxii2/") { // API Roots are printed as whole URLs
		a.Body = bytes.ReplaceAll(a.Body, []byte(p.origin+"/"), []byte(p.URL+"/"))
	}
	return a, packed, nil
}

func unpack(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// write sends the answer, packed again if it came so and its header still says so.
func write(w http.ResponseWriter, r *http.Request, a *Answer, packed bool) {
	body := a.Body
	if packed && a.Header.Get("Content-Encoding") == "gzip" {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(body) // into memory
		_ = z.Close()
		body = b.Bytes()
	}
	copyHeader(w, a)
	w.WriteHeader(a.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may have gone
	}
}

// copyHeader takes over the header of an answer, but for what the proxy's own
// connection decides.
func copyHeader(w http.ResponseWriter, a *Answer) {
	for name, values := range a.Header {
		if name != "Content-Length" && name != "Transfer-Encoding" && name != "Connection" {
			w.Header()[name] = values
		}
	}
}
