package whole_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

const evil = "https://evil.example"

// forging are requests that forge something or spend it, but for their body's
// media type.
func forging(t *testing.T, c *trial.Channel) []struct{ path, body string } {
	t.Helper()
	return []struct{ path, body string }{
		{c.Collection(t, "indicators") + "/objects/", string(envelopeOf(identity(66, 1, 1)))},
		{"/trust/channels/", `{"name":"forged"}`},
		{c.Path, string(envelopeOf(identity(66, 2, 1)))},
		{c.Path + "messages/", string(envelopeOf(identity(66, 3, 1)))},
		{c.Path + "subscriptions/", `{"name":"forged"}`},
		{c.Path + "invitations/", `{"can_read":true,"can_write":true}`},
		{c.Path + "join/", `{"token":"forged"}`},
		{"/admin/accounts/", `{"name":"forged","password":"forged-forged-forged"}`},
		{"/admin/roots/", `{"name":"forged","title":"forged"}`},
		{"/admin/roots/trust/collections/", `{"title":"forged"}`},
		{"/admin/apply/", `{"accounts":[{"name":"forged"}]}`},
		{"/admin/keys/rotate/", ``},
		{"/admin/restored/", ``},
		{"/auth/tokens/", `{"name":"forged"}`},
		{"/auth/password/", `{"old_password":"` + c.Password(t, "admin") + `","new_password":"forged-forged-forged"}`},
	}
}

// A page that somebody visits may send what browsers send without asking first
// (simple requests), and browsers add the password that they know. None of it
// changes anything.
func TestAPageOfAnotherSiteChangesNothingWithThePasswordThatABrowserKnows(t *testing.T) {
	t.Parallel()
	s := trial.Start(t, append(trial.Settings(t, "admin_https: true"), "--empty")...)
	c := s.NewChannel(t, "any-text", `"content_type":"*/*"`)
	before := everything(t, c)
	for _, try := range forging(t, c) {
		for _, media := range []string{"text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""} {
			for _, from := range [][]string{
				{"Origin: " + evil, "Sec-Fetch-Site: cross-site"}, {"Origin: " + evil}, {"Origin: null"}, {"Origin: http://" + s.Host()}, // of the days before Sec-Fetch-Site
				{"Origin: https://" + s.Host() + ".evil.example", "Sec-Fetch-Site: cross-site"}, {"Origin: https://127.0.0.1", "Sec-Fetch-Site: same-site"},
			} {
				for _, account := range []string{"member", "admin"} {
					a := s.Request(t, account, "POST", try.path, []byte(try.body), append(from, "Content-Type: "+media)...)
					if a.Status < 400 {
						t.Errorf("POST %s of %s in %q as %s: %d %.200s", try.path, from, media, account, a.Status, a.Body)
					}
					shared(t, try.path, a)
				}
			}
		}
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS"} { // a browser asks before it sends these
		for _, try := range forging(t, c) {
			a := s.Request(t, "", "OPTIONS", try.path, nil, "Origin: "+evil, "Access-Control-Request-Method: "+method, "Access-Control-Request-Headers: authorization,content-type")
			if a.Status < 400 {
				t.Errorf("%s may be sent to %s: %d", method, try.path, a.Status)
			}
			shared(t, try.path, a)
		}
	}
	if after := everything(t, c); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// everything is what requests of a page could have changed.
func everything(t *testing.T, c *trial.Channel) string {
	t.Helper()
	var all strings.Builder
	for _, path := range []string{
		"/admin/state/", "/admin/keys/", c.Path + "subscriptions/", c.Path + "invitations/", c.Path + "messages/", "/trust/channels/",
		c.Collection(t, "indicators") + "/objects/",
	} {
		account := "member"
		if strings.HasPrefix(path, "/admin/") {
			account = "admin"
		}
		all.Write(status(t, c.Get(t, account, path), http.StatusOK).Body)
	}
	return all.String()
}

// shared fails the test if a page of another origin may read an answer, or if it
// leaves something in the browser.
func shared(t *testing.T, what string, a trial.Answer) {
	t.Helper()
	for name, values := range a.Header {
		if strings.HasPrefix(name, "Access-Control-") || name == "Set-Cookie" || name == "Timing-Allow-Origin" {
			t.Errorf("%s: %s is %q", what, name, values)
		}
	}
}

// Of another origin only Channels may be used, and those only where the operator
// lists it: letter for letter.
func TestOnlyAListedOriginMayReadAndOnlyChannels(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	const listed = "https://soc.example.com"
	for _, allow := range []string{listed, "*"} {
		s := trial.Start(t, append(trial.Settings(t, "admin_https: true", "allow_origins: ['"+allow+"']"), "--empty")...)
		for _, path := range []string{"/taxii2/", "/trust/", "/trust/collections/", s.Collection(t, "indicators") + "/objects/", "/admin/accounts/", "/admin/state/", "/auth/tokens/", "/healthz"} {
			for _, origin := range []string{listed, evil, "null"} {
				shared(t, path+" for "+origin, s.Get(t, "admin", path, "Origin: "+origin))
			}
		}
		if a := status(t, s.Get(t, "member", "/trust/channels/", "Origin: "+listed), 200); a.Header.Get("Access-Control-Allow-Origin") != allow ||
			(a.Header.Get("Access-Control-Allow-Credentials") == "true") != (allow == listed) {
			t.Errorf("%s: %v", allow, a.Header)
		}
		if allow == "*" {
			continue
		}
		for _, origin := range []string{evil, "null", "http://soc.example.com", listed + ".evil.example", "https://evil-soc.example.com", listed + ":444", "https://SOC.example.com",
			"https://soc.example.com/", "https://socXexample.com", listed + " " + evil, "*"} {
			a := s.Get(t, "member", "/trust/channels/", "Origin: "+origin)
			status(t, a, http.StatusForbidden)
			shared(t, origin, a)
		}
	}
}

// There is no cookie that a page could misuse: none is set, and none is looked at.
func TestNoCookieIsSetOrTaken(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	s := trial.Start(t, append(trial.Settings(t, "admin_https: true"), "--empty")...)
	secret := base64.StdEncoding.EncodeToString([]byte("admin:" + s.Password(t, "admin")))
	cookie := fmt.Sprintf("Cookie: session=%s; Authorization=%s; token=%s; account=admin", secret, "Basic%20"+secret, s.Password(t, "admin"))
	for _, path := range []string{"/taxii2/", "/trust/", "/trust/collections/", "/trust/channels/", s.Collection(t, "indicators") + "/objects/", "/admin/accounts/",
		"/admin/state/", "/auth/tokens/", "/auth/token/", "/.well-known/jwks.json", "/nothing/", "/"} {
		for _, method := range []string{"GET", "POST"} {
			for _, account := range []string{"admin", "reader", ""} {
				with, without := s.Request(t, account, method, path, nil, cookie), s.Request(t, account, method, path, nil)
				shared(t, path, with)
				shared(t, path, without)
				if with.Status != without.Status || account == "" && !bytes.Equal(with.Body, without.Body) {
					t.Errorf("%s %s as %q: %d with cookies, %d without", method, path, account, with.Status, without.Status)
				}
			}
		}
	}
}

// Whatever text is given a name, a title or a type, it never becomes a header, and
// content that is a page is never shown as one.
func TestNoTextBecomesAHeaderOrAPage(t *testing.T) {
	t.Parallel()
	s := attacked()
	c := s.NewChannel(t, "any-text", `"content_type":"*/*"`)
	const split = `x\r\nX-Evil: 1\r\n\r\n<script>alert(1)</script>`
	escaped := "x%0d%0aX-Evil:%201%0d%0a%0d%0a%3Cscript%3E"
	var all []trial.Answer
	ask := func(account, method, path, body string, headers ...string) trial.Answer {
		a := s.Request(t, account, method, path, []byte(body), headers...)
		all = append(all, a)
		return a
	}
	for _, member := range []string{"name", "title", "description", "content_type"} {
		for _, path := range []string{"/trust/channels/", c.Path + "subscriptions/"} {
			ask("member", "POST", path, `{"name":"n-`+member+`","`+member+`":"`+split+`"}`)
		}
	}
	for path, body := range map[string]string{
		"roots/": `{"name":%q,"title":"x"}`, "roots/?": `{"name":"made","title":%q,"description":%q}`, "accounts/": `{"name":%q}`,
		"roots/trust/collections/": `{"title":%q,"alias":"fine","description":%q}`, "roots/trust/collections/?": `{"title":"x","alias":%q}`,
	} {
		text, _ := json.Marshal("x\r\nX-Evil: 1")
		ask("admin", "POST", "/admin/"+strings.TrimSuffix(path, "?"), strings.ReplaceAll(body, "%q", string(text)), "Content-Type: application/json")
	}
	for _, path := range []string{"/" + escaped, "/trust/channels/" + escaped + "/", c.Path + "messages/" + escaped + "/", "/trust/collections/" + escaped + "/",
		"/admin/accounts/" + escaped + "/", s.Collection(t, "indicators") + "/objects/?next=" + escaped, "/taxii2/?" + escaped} {
		ask("admin", "GET", path, "")
		ask("admin", "DELETE", path, "")
	}
	for _, media := range []string{"text/html", "image/svg+xml", "text/xml", "application/xhtml+xml", "text/javascript"} {
		var m struct{ ID string }
		a := ask("member", "POST", c.Path+"messages/", "<script>alert(1)</script>", "Content-Type: "+media)
		if a.Status != http.StatusAccepted {
			t.Errorf("%s: %d %s", media, a.Status, a.Body)
			continue
		}
		var st struct{ Successes []struct{ ID string } }
		a.JSON(t, &st)
		m.ID = st.Successes[0].ID
		content := ask("member", "GET", c.Path+"messages/"+m.ID+"/content/", "")
		if content.Header.Get("X-Content-Type-Options") != "nosniff" || content.Header.Get("Content-Disposition") != "attachment" {
			t.Errorf("%s is served with %v", media, content.Header)
		}
	}
	for _, a := range all {
		if a.Header.Get("X-Evil") != "" || strings.Contains(heads(a), "\nX-Evil") {
			t.Errorf("%v", a.Header)
		}
		if kind := a.Header.Get("Content-Type"); strings.Contains(string(a.Body), "<script>") && a.Header.Get("Content-Disposition") == "" && !strings.Contains(kind, "json") {
			t.Errorf("%s is %s", a.Body, kind)
		}
	}
}
