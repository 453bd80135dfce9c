package draft

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

type records []*net.SRV

func (r records) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	if asked := "_" + service + "._" + proto + "." + name; asked != "_taxii2._tcp.example.com" {
		return "", nil, errors.New("no such name: " + asked)
	}
	return "", r, nil
}

func TestAnSRVRecordGivesTheDiscoveryURLAndTheDefaultAPIBase(t *testing.T) {
	t.Parallel()
	found := records{{Target: "taxii.example.com.", Port: 443, Weight: 5}}
	discovery, base, err := Locate(t.Context(), found, "example.com")
	if err != nil {
		t.Fatal(err)
	}
	if discovery != "https://taxii.example.com:443/taxii2/api-bases/" || base != "https://taxii.example.com:443/taxii2/default/" {
		t.Errorf("not the URLs of the draft's examples: %s and %s", discovery, base)
	}
	if _, _, err := Locate(t.Context(), records{}, "example.com"); err == nil {
		t.Error("a server was found without a record")
	}
	if _, _, err := Locate(t.Context(), found, "example.org"); err == nil {
		t.Error("an error of DNS is kept back")
	}
}

func TestTheClientSpeaksHTTPSOnly(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"http://taxii.example.com/taxii2/default/", "https:///x/", "ftp://taxii.example.com/"} {
		if _, err := New(base, "u", "p", http.DefaultClient); !errors.Is(err, ErrNotHTTPS) {
			t.Errorf("%s: %v", base, err)
		}
	}
	c, _ := serve(t, 200, "{}", nil)
	if _, err := c.Get(t.Context(), "http://127.0.0.1/"); !errors.Is(err, ErrNotHTTPS) {
		t.Errorf("a URL without TLS was asked: %v", err)
	}
}

// serve is a client of a server with one answer, and the last request it took.
func serve(t *testing.T, status int, body string, header http.Header) (*Client, *taken) {
	t.Helper()
	last := new(taken)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		*last = taken{r, string(text)}
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	c, err := New(server.URL+"/base/", "user", "secret", server.Client())
	if err != nil {
		t.Fatal(err)
	}
	return c, last
}

type taken struct {
	*http.Request
	body string
}

func TestRequestsAreThoseOfTheDraft(t *testing.T) {
	t.Parallel()
	c, last := serve(t, 400, "{}", nil)
	calls := map[string]func() (Answer, error){
		"GET /base/channels/ ":       func() (Answer, error) { a, _, err := c.List(t.Context()); return a, err },
		"GET /base/channels/a%2Fb/ ": func() (Answer, error) { a, _, err := c.Info(t.Context(), "a/b"); return a, err },
		`POST /base/channels/ {"content_type":"text/x-stix","name":"n","permitted_messages":[],"ttl":60}`: func() (Answer, error) {
			return c.Create(t.Context(), Channel{Name: "n", ContentType: "text/x-stix", TTL: 60})
		},
		`POST /base/channels/n/ {"a":1}`:           func() (Answer, error) { return c.Post(t.Context(), "n", []byte(`{"a":1}`)) },
		`POST /base/channels/n/ [{"a":1},{"b":2}]`: func() (Answer, error) { return c.Post(t.Context(), "n", []byte(`{"a":1}`), []byte(`{"b":2}`)) },
		"GET /base/channels/n/?p1=v1&p2=v2 ": func() (Answer, error) {
			a, _, err := c.Read(t.Context(), "n", url.Values{"p1": {"v1"}, "p2": {"v2"}})
			return a, err
		},
	}
	for want, call := range calls {
		if a, err := call(); err != nil || a.Status != 400 {
			t.Errorf("%s: %d %v", want, a.Status, err)
		}
		if got := last.Method + " " + last.RequestURI + " " + last.body; got != want {
			t.Errorf("sent\n%s, want\n%s", got, want)
		}
		if user, secret, ok := last.BasicAuth(); !ok || user != "user" || secret != "secret" {
			t.Errorf("%s: no HTTP Basic", want)
		}
	}
}

func TestStatusesOutsideOfTheDraftAreFound(t *testing.T) {
	t.Parallel()
	for status := 200; status < 600; status++ {
		if !slices.Contains([]int{200, 201, 202, 204, 400, 401, 403, 404, 500, 501}, status) {
			continue
		}
		body := "{}"
		if status == http.StatusNoContent {
			body = ""
		}
		c, _ := serve(t, status, body, nil)
		_, _, list := c.List(t.Context())
		_, _, info := c.Info(t.Context(), "n")
		_, create := c.Create(t.Context(), Channel{Name: "n"})
		_, post := c.Post(t.Context(), "n", []byte("{}"))
		_, _, read := c.Read(t.Context(), "n", nil)
		for i, err := range []error{list, info, create, post, read} {
			allowed := [][]int{{200, 400, 403}, {200, 204, 400, 403, 501}, {201, 400, 403, 501}, {202, 400, 403, 501}, {200, 204, 400, 403, 501}}[i]
			if known := slices.Contains(allowed, status); known == errors.Is(err, ErrStatus) {
				t.Errorf("method %d, status %d: %v", i, status, err)
			}
		}
	}
}

func TestBreachesOfXMaxSizeAreFound(t *testing.T) {
	t.Parallel()
	c, _ := serve(t, 200, "{}", http.Header{"X-Max-Size": {"9437184"}})
	if _, _, err := c.List(t.Context()); !errors.Is(err, ErrMaxSizeSent) {
		t.Errorf("X-Max-Size in a response: %v", err)
	}
	large := `["` + strings.Repeat("x", MinMaxSize-3) + `"]` // one octet more than is allowed
	for _, header := range []http.Header{nil, {"Transfer-Encoding": {"chunked"}}} {
		c, last := serve(t, 200, large, header)
		if _, _, err := c.Read(t.Context(), "n", nil); !errors.Is(err, ErrTooLarge) || last.Header.Get("X-Max-Size") != "" {
			t.Errorf("with %v: %v", header, err)
		}
		c.MaxSize = MinMaxSize + 1
		if _, _, err := c.Read(t.Context(), "n", nil); err != nil || last.Header.Get("X-Max-Size") != "9437185" {
			t.Errorf("with %v and a larger X-Max-Size %q: %v", header, last.Header.Get("X-Max-Size"), err)
		}
	}
	c.MaxSize = MinMaxSize - 1
	if _, _, err := c.List(t.Context()); !errors.Is(err, ErrSmallMaxSize) {
		t.Errorf("X-Max-Size below its least value was sent: %v", err)
	}
}

func TestAnswersThatTheDraftLeavesOpenAreRead(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`["n"]`, `[{"name":"n"}]`, `{"channels":["n"]}`, `{"channels":[{"name":"n","ttl":"soon"}]}`} {
		c, _ := serve(t, 200, body, nil)
		if _, list, err := c.List(t.Context()); err != nil || len(list) != 1 || list[0].Name != "n" {
			t.Errorf("%s: %v %v", body, list, err)
		}
	}
	for body, want := range map[string]int{`{"a":1}`: 1, `[{"a":1},{"b":2}]`: 2, `[]`: 0} {
		c, _ := serve(t, 200, body, nil)
		if _, messages, err := c.Read(t.Context(), "n", nil); err != nil || len(messages) != want {
			t.Errorf("%s: %q %v", body, messages, err)
		}
	}
	c, _ := serve(t, 200, `{"a"`, nil)
	if _, _, err := c.Read(t.Context(), "n", nil); !errors.Is(err, ErrMessageForm) {
		t.Errorf("half a message was read: %v", err)
	}
}
