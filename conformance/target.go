package conformance

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// requestTime bounds one request: no client in use waits longer (K49).
	requestTime = 30 * time.Second
	// mostBody bounds an answer: the largest page that any server sends is far
	// smaller, and a server that sends without end must not fill this memory.
	mostBody = 64 << 20
	// mostHeader bounds the headers of an answer likewise.
	mostHeader = 256 << 10
	// shownBody is how much of a body a report shows.
	shownBody = 2000
	// keptExchanges are shown of a check that failed.
	keptExchanges = 3
)

// Account is how the checks sign in: HTTP Basic.
type Account struct{ Name, Password string }

// Target is the server that is checked, and what the checks may use of it.
type Target struct {
	// URL is the server's https URL, with or without /taxii2/ at its end.
	URL string
	// Account reads, and may add to and delete from Writable.
	Account Account
	// Writable is the id or alias of a Collection that the checks may fill.
	Writable string
	// Hidden is a Collection which Account may not see: its id if it is beside
	// Writable, else its path. Without one, the checks of that are skipped.
	Hidden string
	// Channel is the name of a Channel beside Writable that Account may read and
	// publish to, for a server that lets it create none: few checks of Channels do
	// without one of their own.
	Channel string
	// Other is a second account that must not see what Account does; without
	// one, the checks of that are skipped.
	Other Account
	// TLS says whom to trust; nil trusts as the system does.
	TLS *tls.Config
	// Certificates says that TLS carries a client certificate which signs in
	// without an account (interoperability row 3.1.3).
	Certificates bool
	// Pause lies between two looks at a Status that is pending; 0 is one second.
	Pause time.Duration

	base string // scheme, host and what lies before /taxii2/
	http *http.Client
}

// ready checks a target and makes its client.
func (t Target) ready() (Target, error) {
	u, err := url.Parse(t.URL)
	switch {
	case err != nil: // what is wrong with it may be a part of a password
		return t, errors.New("the server's URL cannot be read as one")
	case u.User != nil:
		return t, errors.New("the server's URL must not hold a password; give the account apart from it")
	case u.Scheme != "https" || u.Host == "":
		return t, fmt.Errorf("the server's URL %q must begin with https:// and name a host", t.URL)
	case t.Writable == "":
		return t, errors.New("a Collection that may be written to is needed")
	}
	if t.Pause == 0 {
		t.Pause = time.Second
	}
	path := strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/taxii2")
	t.base = "https://" + u.Host + path
	t.http = t.client(false)
	return t, nil
}

// client makes a client that shows everything as it comes: no redirect is
// followed, nothing is unpacked.
func (t Target) client(h2 bool) *http.Client {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.TLS != nil {
		trust = t.TLS.Clone()
	}
	return &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: trust, DisableCompression: true, ForceAttemptHTTP2: h2, Proxy: http.ProxyFromEnvironment,
			MaxResponseHeaderBytes: mostHeader, MaxIdleConnsPerHost: 4, IdleConnTimeout: requestTime,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       requestTime,
	}
}

// request is what a check sends. The zero headers are those of a usual client.
type request struct {
	method, url string
	account     *Account // nil: none
	header      http.Header
	body        []byte
	host        *http.Client
}

// option changes a request.
type option func(*request)

// header sets a header; without values it is not sent.
func header(name string, values ...string) option {
	return func(r *request) {
		r.header.Del(name)
		for _, v := range values {
			r.header.Add(name, v)
		}
	}
}

// as signs in as another account.
func as(a Account) option { return func(r *request) { r.account = &a } }

// anonymous sends no credentials.
func anonymous() option { return func(r *request) { r.account = nil } }

// over uses another client.
func over(c *http.Client) option { return func(r *request) { r.host = c } }

// answer is an answer, read whole.
type answer struct {
	Exchange
	status int
	header http.Header
	body   []byte
	proto  string
	tls    *tls.ConnectionState
}

// send sends one request and reads the answer.
func (t *Target) send(ctx context.Context, r *request) (*answer, error) {
	a, body, err := t.begin(ctx, r)
	if err != nil {
		return a, err
	}
	return a, t.whole(a, body)
}

// begin sends one request and reads the answer up to its body, which the caller
// closes.
func (t *Target) begin(ctx context.Context, r *request) (*answer, io.ReadCloser, error) {
	a := &answer{Exchange: Exchange{Sent: sentText(r)}}
	out, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		a.Came = "no answer: " + err.Error()
		return a, nil, err
	}
	maps.Copy(out.Header, r.header)
	if _, set := out.Header["User-Agent"]; !set {
		out.Header.Set("User-Agent", "hansom-conformance")
	}
	if r.account != nil {
		out.SetBasicAuth(r.account.Name, r.account.Password)
	}
	client := r.host
	if client == nil {
		client = t.http
	}
	in, err := client.Do(out)
	if err != nil {
		a.Came = "no answer: " + err.Error()
		return a, nil, err
	}
	a.status, a.header, a.proto, a.tls = in.StatusCode, in.Header, in.Proto, in.TLS
	a.Came = t.hidden(cameText(a))
	return a, in.Body, nil
}

// whole reads the body of an answer.
func (t *Target) whole(a *answer, body io.ReadCloser) (err error) {
	defer body.Close()
	a.body, err = io.ReadAll(io.LimitReader(body, mostBody))
	a.Came = t.hidden(cameText(a))
	if err != nil {
		a.Came += "\n(the body broke off: " + err.Error() + ")"
	}
	return err
}

// hidden takes out of a text what signs in, which a server may repeat.
func (t *Target) hidden(text string) string {
	for _, a := range []Account{t.Account, t.Other} {
		if a.Password == "" {
			continue
		}
		text = strings.ReplaceAll(text, base64.StdEncoding.EncodeToString([]byte(a.Name+":"+a.Password)), "(not shown)")
		text = strings.ReplaceAll(text, a.Password, "(not shown)")
	}
	return text
}

// unzipped gives the body without the gzip that the answer's header names.
func (a *answer) unzipped() ([]byte, error) {
	if a.header.Get("Content-Encoding") != "gzip" {
		return a.body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(a.body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, mostBody))
}

// Exchange is a request and its answer, for people. It holds no password.
type Exchange struct {
	Sent string `json:"sent"`
	Came string `json:"came"`
}

func sentText(r *request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.method, r.url)
	if r.account != nil {
		fmt.Fprintf(&b, "Authorization: Basic (account %s)\n", r.account.Name)
	}
	writeHeader(&b, r.header, "Authorization")
	b.WriteString(excerpt(r.body))
	return strings.TrimRight(b.String(), "\n")
}

func cameText(a *answer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %s\n", a.proto, a.status, http.StatusText(a.status))
	writeHeader(&b, a.header, "Set-Cookie")
	b.WriteString(excerpt(a.body))
	return strings.TrimRight(b.String(), "\n")
}

// writeHeader writes headers in order; one of them is not shown.
func writeHeader(b *strings.Builder, h http.Header, hidden string) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			if name == hidden {
				value = "(not shown)"
			}
			fmt.Fprintf(b, "%s: %s\n", name, value)
		}
	}
}

func excerpt(body []byte) string {
	if len(body) == 0 {
		return ""
	}
	text := strings.ToValidUTF8(string(body[:min(len(body), shownBody)]), "\uFFFD")
	if more := len(body) - shownBody; more > 0 {
		text += fmt.Sprintf("... (%d octets more)", more)
	}
	return "\n" + text
}

// usual gives a request the headers that a usual client sends.
func usual(method, address string, account Account, body []byte) *request {
	r := &request{method: method, url: address, body: body, header: http.Header{"Accept": {taxii.MediaType}}}
	if account.Name != "" {
		r.account = &account
	}
	if body != nil {
		r.header.Set("Content-Type", taxii.MediaType)
	}
	return r
}
