package whole_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// disguises write a path in ways that somebody, somewhere, takes for the same.
func disguises(path string) map[string]string {
	escaped := func(upper bool) string {
		const lower = "0123456789abcdef"
		var b strings.Builder
		for i := range len(path) {
			if c := path[i]; c == '/' {
				b.WriteByte(c)
			} else {
				hex := string([]byte{lower[c>>4], lower[c&15]})
				if upper {
					hex = strings.ToUpper(hex)
				}
				b.WriteString("%" + hex)
			}
		}
		return b.String()
	}
	root, rest, _ := strings.Cut(path[1:], "/")
	return map[string]string{
		"escaped": escaped(false), "escaped in capitals": escaped(true),
		"escaped twice":             strings.ReplaceAll(escaped(false), "%", "%25"),
		"escaped three times":       strings.ReplaceAll(escaped(false), "%", "%2525"),
		"slashes escaped":           "/" + root + "%2f" + rest,
		"slashes escaped, capital":  "/" + root + "%2F" + rest,
		"slashes escaped twice":     "/" + root + "%252f" + rest,
		"slashes in bad UTF-8":      "/" + root + "%c0%af" + rest,
		"backslashes":               strings.ReplaceAll(path, "/", `\`),
		"backslashes escaped":       "/" + strings.ReplaceAll(path[1:], "/", "%5c"),
		"two slashes":               "/" + path,
		"slashes inside":            "/" + root + "//" + rest,
		"up and down":               "/taxii2/.." + path,
		"up and down, escaped":      "/taxii2/%2e%2e" + path,
		"up and down, half escaped": "/taxii2/.%2E" + path,
		"up, escaped twice":         "/taxii2/%252e%252e" + path,
		"up in bad UTF-8":           "/taxii2/%c0%ae%c0%ae" + path,
		"up behind a parameter":     "/taxii2/..;" + path,
		"here":                      "/." + path, "here, escaped": "/%2e" + path,
		"a parameter":       "/" + root + ";x=y/" + rest,
		"a zero":            "/" + root + "%00/" + rest,
		"a zero at the end": path + "%00",
		"a line":            path + "%0d%0aX:%20y", "a line feed": "/" + root + "%0a/" + rest,
		"a space": "/" + root + "%20/" + rest, "a space before": "/%20" + root + "/" + rest,
		"a query in the path": path + "%3fx", "a fragment in the path": path + "%23x",
		"capitals": "/" + strings.ToUpper(root) + "/" + rest, "long s": strings.Replace(path, "s", "%c5%bf", 1),
		"wide letters": "/%ef%bd%94" + path[2:], "a mark of combining": "/" + root + "%cc%81/" + rest,
	}
}

func TestNoDisguiseOfAPathLeadsToWhatIsHidden(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R163", "K17")
	s := attacked()
	hidden := map[string]string{
		"a collection": s.Collection(t, "operations") + "/", "its objects": s.Collection(t, "operations") + "/objects/",
		"a root": "/open/", "administration": "/admin/accounts/",
	}
	for what, path := range hidden {
		for how, disguised := range disguises(path) {
			for account, want := range map[string]string{"": "401", "reader": "404"} {
				send := s.Head(t, "reader", "GET", disguised, lasts)
				if account == "" {
					send = strings.Replace(send, "Authorization: ", "X-Nothing: ", 1)
				}
				answers := sends(t, s, send)
				outcome(t, what+" with "+how+" as "+account, answers, want, "400") // net/http itself refuses some
				for _, a := range answers {
					plain(t, what+" with "+how, a)
				}
			}
		}
	}
}

// plain fails the test unless an answer is one of this server, or net/http's own
// refusal, and has nothing of what was asked in its head.
func plain(t *testing.T, what string, a trial.Answer) {
	t.Helper()
	var e taxii.Error
	if a.Header.Get("X-Request-Id") != "" && (json.Unmarshal(a.Body, &e) != nil || a.Header.Get("Content-Type") != taxii.MediaType) {
		t.Errorf("%s: no TAXII error: %.200s", what, a.Body)
	}
	for _, name := range []string{"Location", "Set-Cookie", "X", "Refresh"} {
		if a.Header.Get(name) != "" {
			t.Errorf("%s: %s is %q", what, name, a.Header.Get(name))
		}
	}
}

// Whatever the request calls the server, and whoever it says it is sent for: the
// answer is the same, and its URLs are those of the configuration.
func TestNoHeaderTellsTheServerWhereItIsOrWhoAsks(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	trial.Covers(t, "K02")
	const public = "https://taxii.example.org/base"
	address := trial.Address(t)
	s := trial.Start(t, append(trial.Settings(t, "public_url: "+public), "--listen", address)...)
	s.URL = "https://" + address
	for _, path := range []string{"/base/taxii2/", "/base/taxii2/api-bases/", "/taxii2/", "/base/admin/accounts/"} {
		usual := sends(t, s, s.Head(t, "reader", "GET", path, lasts))
		if len(usual) != 1 || strings.Contains(string(usual[0].Body), "127.0.0.1") {
			t.Fatalf("%s: %+v", path, usual)
		}
		for what, send := range disguisedHosts(t, s, path) {
			got := sends(t, s, send)
			if statuses(got) == "400" && got[0].Header.Get("X-Request-Id") == "" {
				continue // no name of a host, to net/http
			}
			if statuses(got) != statuses(usual) || string(got[0].Body) != string(usual[0].Body) {
				t.Errorf("%s, %s: %s %.300s\nusually: %s %.300s", path, what, statuses(got), got[0].Body, statuses(usual), usual[0].Body)
			}
			for name, values := range got[0].Header {
				if strings.Contains(strings.Join(values, " "), "evil.example") {
					t.Errorf("%s, %s: %s is %q", path, what, name, values)
				}
			}
		}
	}
	// A port or an address in Host is no reason to refuse, and none to be believed.
	if a := sends(t, s, strings.Replace(s.Head(t, "reader", "GET", "/base/taxii2/", lasts), "Host: "+s.Host(), "Host: [::1]:1", 1)); !strings.Contains(string(a[0].Body), public+"/trust/") {
		t.Errorf("its roots are %s", a[0].Body)
	}
}

// disguisedHosts are heads of one request that say where the server is and who
// asks, each in another way.
func disguisedHosts(t *testing.T, s *trial.Server, path string) map[string]string {
	usual := s.Head(t, "reader", "GET", path, lasts)
	heads := map[string]string{
		"a URL of elsewhere":          strings.Replace(usual, "GET ", "GET https://evil.example", 1),
		"a URL of elsewhere, http":    strings.Replace(usual, "GET ", "GET http://evil.example:80", 1),
		"a URL with a name before it": strings.Replace(usual, "GET ", "GET https://admin:x@evil.example", 1),
	}
	for _, host := range []string{"evil.example", "evil.example:8443", "127.0.0.1", "[::1]:99999", "", "localhost", s.Host() + ".evil.example", "a@evil.example", "evil.example/x", "evil.example?x"} {
		heads["the host "+host] = strings.Replace(usual, "Host: "+s.Host(), "Host: "+host, 1)
	}
	for _, header := range []string{
		"X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Prefix: /evil.example",
		"X-Forwarded-Port: 1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1;host=evil.example;proto=http", "X-Original-URL: /admin/accounts/",
		"X-Rewrite-URL: /admin/accounts/", "X-Host: evil.example", "X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE",
		"X-Forwarded-User: admin", "X-Remote-User: admin", "Remote-User: admin", "X-Forwarded-Client-Cert: Subject=\"CN=admin\"", "X-SSL-Client-S-DN: CN=admin",
		"SSL-Client-Cert: x", "X-Client-Verify: SUCCESS", "Proxy-Authorization: " + s.Basic(t, "admin"), "Cookie: session=" + s.Password(t, "admin"),
		"X-Api-Key: " + s.Password(t, "admin"), "Proxy: http://evil.example", "Referer: https://evil.example/", "Via: 1.1 evil.example",
	} {
		heads[header] = strings.Replace(usual, "Accept:", header+"\r\nAccept:", 1)
	}
	return heads
}

// Who may not see a thing learns nothing of it by conditions, ranges and wishes,
// either: with each of these headers the answer is that for what is not there.
func TestNoConditionOrRangeTellsOfWhatIsHidden(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R163")
	s := attacked()
	c := s.NewChannel(t, "hidden", `"content_type":"*/*"`)
	c.Publish(t, envelopeOf(identity(7, 1, 1)))
	messages := status(t, s.Get(t, "member", c.Path+"messages/"), http.StatusOK)
	var page struct {
		Messages []struct{ ID string } `json:"messages"`
	}
	if messages.JSON(t, &page); len(page.Messages) != 1 {
		t.Fatalf("the messages are %s", messages.Body)
	}
	message := "messages/" + page.Messages[0].ID + "/"
	objects := s.Collection(t, "dropbox")
	nothing, none := "/trust/collections/"+taxii.NewID(), "/trust/channels/none/"
	tag := status(t, s.Get(t, "member", c.Path+message+"content/"), http.StatusOK).Header.Get("ETag")
	headers := []string{
		"If-None-Match: *", "If-None-Match: " + tag, "If-Match: *", "If-Match: " + tag, "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
		"If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", "Range: bytes=0-0", "Range: bytes=99999999-", "Range: items=0-1", "If-Range: " + tag,
		"X-Max-Size: 1", "X-Max-Size: 9437184", "Prefer: wait=1", "Accept: text/event-stream", "Last-Event-ID: x", "Idempotency-Key: x",
		"Expect: 100-continue", "Origin: https://evil.example", "Origin: null", "Access-Control-Request-Method: GET", "TE: trailers",
	}
	for _, pair := range [][2]string{
		{objects + "/", nothing + "/"}, {objects + "/objects/", nothing + "/objects/"}, {objects + "/manifest/", nothing + "/manifest/"},
		{c.Path, none}, {c.Path + "messages/", none + "messages/"}, {c.Path + message, none + message}, {c.Path + message + "content/", none + message + "content/"},
		{c.Path + "subscriptions/", none + "subscriptions/"}, {c.Path + "grants/", none + "grants/"},
	} {
		for _, header := range headers {
			for _, method := range []string{"GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"} {
				for _, account := range []string{"reader", ""} {
					there, not := s.Request(t, account, method, pair[0], nil, header), s.Request(t, account, method, pair[1], nil, header)
					if there.Status != not.Status || string(there.Body) != string(not.Body) || heads(there) != heads(not) || there.Status < 400 {
						t.Errorf("%s %s %s as %q: %d %s\nnot there: %d %s", method, pair[0], header, account, there.Status, there.Body, not.Status, not.Body)
					}
				}
			}
		}
	}
}

// heads writes the headers of an answer, but for those that every answer has of
// its own.
func heads(a trial.Answer) string {
	h := a.Header.Clone()
	h.Del("Date")
	h.Del("X-Request-Id")
	var b strings.Builder
	_ = h.Write(&b)
	return b.String()
}

// envelopeOf is an Envelope of objects.
func envelopeOf(objects ...[]byte) []byte {
	text := []byte(`{"objects":[`)
	for i, o := range objects {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, o...)
	}
	return append(text, "]}"...)
}
