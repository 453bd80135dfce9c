package whole_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// PostgreSQL keeps no NUL in a text, and an answer that only one engine fails to
// give is the last that anybody tries: U+0000 in every place where a client puts
// text.
func TestNULIsRefusedOrKeptAlikeOnEachEngine(t *testing.T) {
	t.Parallel()
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		s := e.Start(t)
		c := s.NewChannel(t, "nul", `"content_type":"*/*"`)
		nulInChannels(t, c)
		nulInMessages(t, c)
		nulInPaths(t, c)
	})
}

// nulInChannels asks for what is kept as text of Channels and Subscriptions.
func nulInChannels(t *testing.T, c *trial.Channel) {
	const nul = `\u0000`
	for body, want := range map[string]int{
		`{"name":"x` + nul + `"}`:                                        http.StatusUnprocessableEntity,
		`{"name":"x1","title":"a` + nul + `b"}`:                          http.StatusUnprocessableEntity,
		`{"name":"x2","description":"a` + nul + `b"}`:                    http.StatusUnprocessableEntity,
		`{"name":"x3","content_type":"text/plain;a=\"` + nul + `\""}`:    http.StatusUnprocessableEntity,
		`{"name":"x4","permitted_messages":["` + nul + `"]}`:             http.StatusUnprocessableEntity,
		`{"name":"x5","from_collection":"` + nul + `"}`:                  http.StatusUnprocessableEntity,
		`{"name":"x6","grants":[{"account":"a` + nul + `"}]}`:            http.StatusUnprocessableEntity,
		`{"name":"x7","mode":"` + nul + `"}`:                             http.StatusUnprocessableEntity,
		`{"name":"x8","unknown":"` + nul + `","un` + nul + `known":"x"}`: http.StatusCreated,
	} {
		asked(t, c, want, http.MethodPost, c.DefaultRoot+"channels/", body)
	}
	for body, want := range map[string]int{
		`{"name":"a` + nul + `"}`:                  http.StatusUnprocessableEntity,
		`{"selector":{"type":["a` + nul + `"]}}`:   http.StatusUnprocessableEntity,
		`{"selector":{"a` + nul + `":["x"]}}`:      http.StatusUnprocessableEntity,
		`{"start":"` + nul + `"}`:                  http.StatusBadRequest,
		`{"name":"fine","unknown":"a` + nul + `"}`: http.StatusCreated,
	} {
		asked(t, c, want, http.MethodPost, c.Path+"subscriptions/", body)
	}
	asked(t, c, http.StatusNotFound, http.MethodPost, c.Path+"join/", `{"token":"`+nul+`"}`)
	asked(t, c, http.StatusUnprocessableEntity, http.MethodPut, c.Path+"grants/", `{"grants":[{"account":"`+nul+`","can_read":true}]}`)
}

// nulInMessages publishes what has a NUL, and reads what of it was taken, and what
// is said of the rest.
func nulInMessages(t *testing.T, c *trial.Channel) {
	const nul = `\u0000`
	raw := base64.StdEncoding.EncodeToString([]byte("a\x00b"))
	for draft, disposition := range map[string]string{
		`{"content":{"objects":[{"type":"a` + nul + `","id":"a--1"}]}}`:                                                                     "rejected",
		`{"content":{"objects":[{"type":"a","id":"a--1` + nul + `"}]}}`:                                                                     "rejected",
		`{"content":{"objects":[{"type":"a","id":"a--1","spec_version":"2` + nul + `"}]}}`:                                                  "accepted",
		`{"content":{"objects":[{"type":"a","id":"a--2","x` + nul + `":"` + nul + `"}]}}`:                                                   "accepted",
		`{"type":"a` + nul + `","content":{"objects":[{"type":"a","id":"a--1"}]}}`:                                                          "rejected",
		`{"media_type":"text/x` + nul + `","content_base64":"` + raw + `"}`:                                                                 "rejected",
		`{"media_type":"text/plain","content_base64":"` + raw + `"}`:                                                                        "accepted",
		`{"media_type":"application/json","content":"` + nul + `"}`:                                                                         "accepted",
		`{"media_type":"application/json","content":{"` + nul + `":1}}`:                                                                     "accepted",
		`{"media_type":"application/json","content_base64":"` + raw + `"}`:                                                                  "rejected",
		`{"media_type":"application/json","content_base64":"` + base64.StdEncoding.EncodeToString([]byte(`{"\u0000":1,"\u0000":2}`)) + `"}`: "rejected",
		`{"origin":"` + nul + `","content":{"objects":[{"type":"a","id":"a--1"}]}}`:                                                         "rejected",
		`{"id":"` + nul + `","content":{"objects":[{"type":"a","id":"a--1"}]}}`:                                                             "rejected",
		`{"a` + nul + `":1,"content":{"objects":[{"type":"a","id":"a--3"}]}}`:                                                               "accepted",
	} {
		want := http.StatusAccepted
		if disposition == "rejected" {
			want = http.StatusUnprocessableEntity
		}
		a := asked(t, c, want, http.MethodPost, c.Path+"messages/", `{"messages":[`+draft+`]}`)
		if !strings.Contains(string(a.Body), disposition) {
			t.Errorf("%s: %s", draft, a.Body)
		}
	}
	asked(t, c, http.StatusAccepted, http.MethodPost, c.Path+"messages/", "a\x00b", "Content-Type: text/plain")
	asked(t, c, http.StatusAccepted, http.MethodPost, c.Path+"messages/", `"\u0000"`, "Content-Type: application/x+json")
	asked(t, c, http.StatusBadRequest, http.MethodPost, c.Path+"messages/", "\x00", "Content-Type: application/x+json")
	a := asked(t, c, http.StatusOK, http.MethodGet, c.Path+"messages/", "")
	if n := strings.Count(string(a.Body), `"published"`); n != 8 {
		t.Errorf("%d messages are there: %s", n, a.Body)
	}
}

// nulInPaths asks with a NUL in each part of a path and a query.
func nulInPaths(t *testing.T, c *trial.Channel) {
	root := c.DefaultRoot
	for path, want := range map[string]int{
		root + "channels/%00/":                                 http.StatusNotFound,
		root + "channels/?next=%00":                            http.StatusBadRequest,
		c.Path + "messages/%00/":                               http.StatusNotFound,
		c.Path + "messages/%00/content/":                       http.StatusNotFound,
		c.Path + "messages/?after=%00":                         http.StatusBadRequest,
		c.Path + "messages/?match[type]=%00":                   http.StatusBadRequest,
		c.Path + "messages/?match[%00]=a":                      http.StatusBadRequest,
		c.Path + "messages/?added_after=%00":                   http.StatusBadRequest,
		c.Path + "messages/?%00=%00":                           http.StatusOK,
		c.Path + "?wait=0&subscription=%00":                    http.StatusUnprocessableEntity,
		c.Path + "?wait=0&ack=%00":                             http.StatusBadRequest,
		c.Path + "?wait=0&match[id]=%00":                       http.StatusBadRequest,
		c.Path + "subscriptions/%00/":                          http.StatusNotFound,
		c.Path + "subscriptions/%00/messages/":                 http.StatusNotFound,
		c.Path + "subscriptions/?next=%00":                     http.StatusBadRequest,
		c.Path + "invitations/?next=%00":                       http.StatusOK,
		root + "status/%00/":                                   http.StatusNotFound,
		root + "collections/%00/":                              http.StatusNotFound,
		root + "collections/indicators/objects/%00/":           http.StatusNotFound,
		root + "collections/indicators/objects/%00/versions/":  http.StatusNotFound,
		root + "collections/indicators/objects/?match[id]=%00": http.StatusBadRequest,
		"/%00/channels/":                                       http.StatusNotFound,
	} {
		asked(t, c, want, http.MethodGet, path, "")
	}
	asked(t, c, http.StatusNotFound, http.MethodDelete, c.Path+"invitations/%00/", "")
	asked(t, c, http.StatusNotFound, http.MethodDelete, c.Path+"subscriptions/%00/", "")
}

// asked sends a request as the member and ends nothing where the answer is another.
func asked(t *testing.T, c *trial.Channel, want int, method, path, body string, headers ...string) trial.Answer {
	t.Helper()
	var sent []byte
	if body != "" {
		sent = []byte(body)
	}
	a := c.Request(t, "member", method, path, sent, headers...)
	if a.Status != want {
		t.Errorf("%s %s %s: %d, want %d: %.300s", method, path, body, a.Status, want, a.Body)
	}
	return a
}
