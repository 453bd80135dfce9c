package whole_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// bearer is the header with which a token or a JWT is shown.
func bearer(value string) string { return "Authorization: Bearer " + value }

// newToken has an account make an API token for itself over HTTPS, and gives it
// with its id. Setting is a JSON object.
func newToken(t *testing.T, s *trial.Server, account, setting string, headers ...string) (token, id string) {
	t.Helper()
	a := s.Request(t, account, "POST", "/auth/tokens/", []byte(setting), append([]string{"Content-Type: application/json"}, headers...)...)
	status(t, a, http.StatusCreated)
	var made struct{ Token, ID string }
	a.JSON(t, &made)
	return made.Token, made.ID
}

// newJWT has a JWT given for credentials in headers or, without any, for those of
// an account.
func newJWT(t *testing.T, s *trial.Server, account string, headers ...string) string {
	t.Helper()
	var made struct {
		Token string `json:"access_token"`
	}
	status(t, s.Request(t, account, "POST", "/auth/token/", nil, headers...), http.StatusOK).JSON(t, &made)
	return made.Token
}

func TestATokenIsTakenWhereItBelongsAndNowhereElse(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K26")
	s := attacked()
	token, _ := newToken(t, s, "member", `{"name":"tool"}`)
	jwt := newJWT(t, s, "member")
	good := func(headers ...string) {
		t.Helper()
		status(t, s.Get(t, "", "/trust/", headers...), http.StatusOK)
	}
	good(bearer(token))
	good("Authorization: Token " + token)
	good(basic("member", token))
	good(bearer(jwt))
	for _, secret := range []string{token, jwt} {
		for _, query := range []string{"token", "access_token", "api_key", "apikey", "key", "auth", "jwt", "authorization", "Authorization", "bearer_token"} {
			status(t, s.Get(t, "", "/trust/?"+query+"="+url.QueryEscape(secret)), http.StatusUnauthorized)
			status(t, s.Get(t, "", "/trust/?"+query+"=Bearer+"+url.QueryEscape(secret)), http.StatusUnauthorized)
		}
		for _, header := range []string{
			"X-Api-Key: " + secret, "X-Auth-Token: " + secret, "Api-Key: " + secret, "Cookie: token=" + secret, "Proxy-Authorization: Bearer " + secret,
			"X-Authorization: Bearer " + secret, "Sec-WebSocket-Protocol: bearer, " + secret, basic(secret, ""), basic("", secret+"x"), basic("member:"+secret, ""),
			"Authorization: " + secret, "Authorization: Digest " + secret, "Authorization: Bearer" + secret, "Authorization: Bearer " + secret + ", Bearer " + secret,
			"Authorization: Bearer " + secret + " x", "Authorization: Bearer token=" + secret, `Authorization: Bearer "` + secret + `"`, bearer(secret[:len(secret)-1]),
			bearer(secret + "="), bearer(strings.ToUpper(secret)), bearer(secret[1:]),
		} {
			status(t, s.Get(t, "", "/trust/", header), http.StatusUnauthorized)
		}
		for _, media := range []string{"application/x-www-form-urlencoded", "application/json"} {
			body := "access_token=" + secret
			if strings.HasSuffix(media, "json") {
				body = `{"access_token":"` + secret + `"}`
			}
			a := s.Request(t, "", "POST", s.Collection(t, "indicators")+"/objects/", []byte(body), "Content-Type: "+media)
			status(t, a, http.StatusUnauthorized)
		}
	}
	for _, both := range [][]string{{bearer(token), basic("reader", s.Password(t, "reader"))}, {bearer(jwt), bearer(token)}} {
		octets := strings.Replace(s.Head(t, "member", "GET", "/trust/", lasts), "Authorization: "+s.Basic(t, "member"), strings.Join(both, "\r\n"), 1)
		outcome(t, fmt.Sprint(both), sends(t, s, octets), "401")
	}
}

// ends is something that ends by itself: a stream, or a wait.
type ends struct {
	what string
	gone chan error
}

// opens begins a stream of a Channel with these credentials.
func opens(t *testing.T, c *trial.Channel, what, credentials string) ends {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), answeredWithin)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+c.Path+"messages/", nil)
	if err != nil {
		t.Fatal(err)
	}
	name, value, _ := strings.Cut(credentials, ": ")
	r.Header.Set(name, value)
	r.Header.Set("Accept", "text/event-stream")
	answer, err := c.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", what, answer.Status)
	}
	e := ends{what, make(chan error, 1)}
	go func() {
		defer answer.Body.Close()
		for lines := bufio.NewReader(answer.Body); ; {
			if _, err := lines.ReadString('\n'); err != nil {
				e.gone <- err
				return
			}
		}
	}()
	return e
}

// ended fails the test unless it ends soon. That the server takes a second for it is
// what is promised, and the test's machine may be busy.
func (e ends) ended(t *testing.T) {
	t.Helper()
	select {
	case err := <-e.gone:
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || err != io.EOF && err != io.ErrUnexpectedEOF && !strings.Contains(err.Error(), "stream") {
			t.Errorf("%s: %v", e.what, err)
		}
	case <-time.After(5 * time.Second):
		t.Errorf("%s goes on", e.what)
	}
}

// What is ended takes with it all that was had with it: tokens made with the token,
// JWTs, and what is open by them.
func TestWhatIsRevokedEndsAllThatWasHadWithIt(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		s := e.Start(t, append(trial.Settings(t, "admin_https: true"), "--empty")...)
		c := s.NewChannel(t, "feed")
		for _, try := range []struct {
			what   string
			revoke func(account, id string)
		}{
			{"the token is revoked by its account", func(account, id string) {
				status(t, s.Request(t, account, "DELETE", "/auth/tokens/"+id+"/", nil), http.StatusOK)
			}},
			{"the token is revoked by the operator", func(_, id string) { hansom(t, s.Dir, "", "token", "revoke", id) }},
			{"the account is removed", func(account, _ string) { hansom(t, s.Dir, "", "account", "remove", account) }},
		} {
			account := "who-" + strings.ReplaceAll(try.what[4:], " ", "-")
			hansom(t, s.Dir, "a password of the account\n", "account", "add", account, "--password-stdin")
			know(s, account, "a password of the account")
			c.Grant(t, account, "read")
			token, id := newToken(t, s, account, `{"name":"tool"}`)
			child, _ := newToken(t, s, "", `{"name":"child"}`, bearer(token))
			credentials := map[string]string{
				"the token": bearer(token), "a token made with it": bearer(child), "a JWT had with it": bearer(newJWT(t, s, "", basic(account, token))),
				"a JWT had with that": bearer(newJWT(t, s, "", basic(account, child))),
			}
			var open []ends
			for what, header := range credentials {
				open = append(open, opens(t, c, try.what+": a stream of "+what, header))
			}
			try.revoke(account, id)
			for what, header := range credentials {
				soon(t, try.what+": "+what, http.StatusUnauthorized, func() trial.Answer { return s.Get(t, "", c.Path+"messages/", header) })
			}
			for _, o := range open {
				o.ended(t)
			}
		}
		jwt := newJWT(t, s, "reader")
		stays, _ := newToken(t, s, "reader", `{"name":"stays"}`)
		status(t, s.Get(t, "", "/trust/", bearer(jwt)), http.StatusOK)
		hansom(t, s.Dir, "the new password of the reader\n", "account", "password", "reader", "--password-stdin")
		soon(t, "a JWT had with the old password", http.StatusUnauthorized, func() trial.Answer { return s.Get(t, "", "/trust/", bearer(jwt)) })
		status(t, s.Get(t, "", "/trust/", bearer(stays)), http.StatusOK)
	})
}

// A token for one thing, of an account that may do everything, does that one thing,
// however it is used, and nothing that is made with it does more.
func TestATokenForOneThingDoesNothingElse(t *testing.T) {
	t.Parallel()
	s := attacked()
	c := s.NewChannel(t, "feed")
	invitation := status(t, s.Request(t, "member", "POST", c.Path+"invitations/", []byte(`{"can_read":true,"can_write":true,"uses":9}`)), http.StatusCreated)
	var invited struct{ Token string }
	invitation.JSON(t, &invited)
	indicators, alias := s.Collection(t, "indicators"), "trust/collection/indicators"
	token, _ := newToken(t, s, "admin", `{"name":"narrow","scope":[{"on":"`+alias+`","rights":["read"]}],"ceiling":"green"}`)
	child, _ := newToken(t, s, "", `{"name":"child"}`, bearer(token))
	for what, header := range map[string]string{
		"the token": bearer(token), "as a password": basic("admin", token), "a JWT had with it": bearer(newJWT(t, s, "", basic("admin", token))),
		"a token made with it": bearer(child), "a JWT had with that": bearer(newJWT(t, s, "", basic("admin", child))),
	} {
		ask := func(method, path, body string) trial.Answer {
			var sent []byte
			if body != "" {
				sent = []byte(body)
			}
			return s.Request(t, "", method, path, sent, header)
		}
		status(t, ask("GET", indicators+"/objects/?limit=1", ""), http.StatusOK)
		var list struct{ Collections []struct{ ID string } }
		status(t, ask("GET", "/trust/collections/", ""), http.StatusOK).JSON(t, &list)
		if len(list.Collections) != 1 || !strings.HasSuffix(indicators, list.Collections[0].ID) {
			t.Errorf("%s sees the collections %+v", what, list)
		}
		for _, try := range []struct {
			method, path, body string
			want               []int
		}{
			{"POST", indicators + "/objects/", string(envelopeOf(identity(5, 1, 1))), []int{403}},
			{"DELETE", indicators + "/objects/" + identityID(5, 1) + "/", "", []int{403}},
			{"GET", s.Collection(t, "operations") + "/objects/", "", []int{404}},
			{"GET", "/open/", "", []int{404}},
			{"GET", c.Path, "", []int{404}},
			{"GET", c.Path + "messages/", "", []int{404}},
			{"POST", c.Path + "messages/", string(envelopeOf(identity(5, 2, 1))), []int{404}},
			{"POST", c.Path + "subscriptions/", `{}`, []int{404}},
			{"POST", c.Path + "subscriptions/", `{"push":{"url":"https://push.example.com/"}}`, []int{404}},
			{"PUT", c.Path + "grants/", `{"grants":[]}`, []int{404}},
			{"POST", c.Path + "invitations/", `{"can_read":true}`, []int{404}},
			{"DELETE", c.Path, "", []int{404}},
			{"POST", "/trust/channels/", `{"name":"forged"}`, []int{403}},
			{"POST", c.Path + "join/", `{"token":"` + invited.Token + `"}`, []int{403, 404}},
			{"GET", "/admin/accounts/", "", []int{404}},
			{"POST", "/admin/accounts/", `{"name":"forged"}`, []int{404}},
			{"PUT", "/admin/grants/", `{"account":"reader","on":"server","rights":["manage"]}`, []int{404}},
			{"GET", "/admin/state/", "", []int{404}},
			{"GET", "/admin/roots/trust/collections/" + indicators[strings.LastIndexByte(indicators, '/')+1:] + "/objects/", "", []int{404, 403}},
			{"GET", "/admin/audit/", "", []int{404}},
			{"POST", "/auth/password/", `{"old_password":"` + s.Password(t, "admin") + `","new_password":"forged-forged-forged"}`, []int{403, 401}},
			{"POST", "/auth/tokens/", `{"name":"more","scope":[{"on":"server","rights":["read"]}]}`, []int{403, 404, 422}},
			{"POST", "/auth/tokens/", `{"name":"more","scope":[{"on":"` + alias + `","rights":["read","write"]}]}`, []int{403, 404, 422}},
			{"POST", "/auth/tokens/", `{"name":"more","scope":[{"on":"trust","rights":["read"]}]}`, []int{403, 404, 422}},
			{"POST", "/auth/tokens/", `{"name":"more","ceiling":"red"}`, []int{403, 422}},
			{"POST", "/auth/tokens/", `{"name":"more","account":"member"}`, []int{403, 404, 422}},
			{"POST", "/auth/tokens/", `{"name":"more","scope":[]}`, []int{403, 422}},
			{"POST", "/auth/tokens/", `{"name":"more","scope":null,"ceiling":null,"expires":null,"maker":""}`, []int{403, 422}},
		} {
			if a := ask(try.method, try.path, try.body); !slices.Contains(try.want, a.Status) {
				t.Errorf("%s: %s %s %s: %d %.300s", what, try.method, try.path, try.body, a.Status, a.Body)
			}
		}
	}
	status(t, s.Get(t, "admin", "/admin/accounts/"), http.StatusOK) // the account itself is as it was
}

// Odd bodies are refused in words, and break nothing.
func TestOddBodiesAtTheDoorAreRefusedInWords(t *testing.T) {
	t.Parallel()
	s := attacked()
	deep := strings.Repeat("[", 100_000)
	for _, path := range []string{"/auth/tokens/", "/auth/password/", "/auth/token/"} {
		for _, body := range []string{
			"", "null", "[]", `"x"`, "1", "{", `{"name":"a","name":"b"}`, `{"name":1}`, `{"name":{}}`, `{"unknown":1}`, `{"name":"a"} {"name":"b"}`, "{\"name\":\"\x00\"}", `{"name":"\u0000"}`,
			`{"name":"\ud800"}`, "\xff\xfe{\x00}\x00", "\xef\xbb\xbf{}", deep, `{"scope":` + deep, `{"name":"` + strings.Repeat("x", 200_000) + `"}`, `{"expires":"9999999999-01-01"}`,
			`{"name":"x","expires":"2001-01-01T00:00:00Z"}`, `{"name":"x","scope":[{"on":"../trust","rights":["read"]}]}`, `{"name":"x","scope":[{"on":"trust","rights":["root"]}]}`,
			"grant_type=password&username=admin&password=x", "grant_type=client_credentials&grant_type=refresh_token", "grant_type=%zz", "grant_type=client_credentials;scope=x",
			`{"old_password":"x","new_password":"short"}`, `{"old_password":"` + s.Password(t, "member") + `","new_password":""}`, `{"old_password":null,"new_password":null}`,
		} {
			for _, media := range []string{"application/json", "application/x-www-form-urlencoded", "application/taxii+json;version=2.1", "text/plain", "multipart/form-data; boundary=x", ""} {
				if path == "/auth/token/" && body == "" {
					continue // is a request for a JWT
				}
				a := s.Request(t, "member", "POST", path, []byte(body), "Content-Type: "+media)
				if a.Status < 400 || a.Status >= 500 {
					t.Errorf("%s %.100q as %s: %d %.200s", path, body, media, a.Status, a.Body)
				}
				var e map[string]any
				if err := json.Unmarshal(a.Body, &e); err != nil || e["title"] == nil && e["error"] == nil {
					t.Errorf("%s %.100q as %s: %d and no error resource: %.200s", path, body, media, a.Status, a.Body)
				}
			}
		}
		for _, method := range []string{"PUT", "PATCH", "TRACE", "OPTIONS", "CONNECTED"} {
			if a := s.Request(t, "member", method, path, nil); a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") == "" {
				t.Errorf("%s %s: %d", method, path, a.Status)
			}
		}
	}
	status(t, s.Get(t, "member", "/trust/"), http.StatusOK) // with the password that it had
}
