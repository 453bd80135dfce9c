package faulty_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/hansom-taxii/hansom/internal/trial/faulty"
	"github.com/hansom-taxii/hansom/taxii"
)

func channelFaults() []fault {
	return slices.Concat(channelRefusalFaults(), channelPlaceFaults(), channelResourceFaults(), publishFaults(), followFaults(), selectorFaults(),
		streamFaults(), contentSizeFaults(), subscriptionFaults(), draftFaults(), rightFaults(), besideFaults())
}

// inChannels puts the section before the names of checks.
func inChannels(names []string) (ids []string) {
	for _, name := range names {
		ids = append(ids, "channels/"+name)
	}
	return ids
}

// alters makes a fault of a change to answers.
func alters(name string, on where, change func(*http.Request, *faulty.Answer), breaks ...string) fault {
	return spoils("channels: "+name, on, change, inChannels(breaks)...)
}

// forges makes a fault of answers that never reach the server.
func forges(name string, on where, answer func(*http.Request) *faulty.Answer, breaks ...string) fault {
	return fault{inChannels(breaks), faulty.Fault{Name: "channels: " + name, Request: func(r *http.Request) *faulty.Answer {
		if on(r) {
			return answer(r)
		}
		return nil
	}}}
}

// twists makes a fault of a change to requests.
func twists(name string, on where, change func(*http.Request), breaks ...string) fault {
	return bends("channels: "+name, on, change, inChannels(breaks)...)
}

// always gives the same answer to every request.
func always(answer func() *faulty.Answer) func(*http.Request) *faulty.Answer {
	return func(*http.Request) *faulty.Answer { return answer() }
}

// spotOf names what a request asks of Channels, as its method and one of: list,
// channel, draft (a channel with a query), messages, message, content,
// subscriptions, subscription, reading (the Messages of one), position, grants,
// invitations, invitation, join.
func spotOf(r *http.Request) string {
	s := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, "/taxii2"), "/"), "/")
	if len(s) < 2 || s[1] != "channels" {
		return ""
	}
	kind := "list"
	switch s = s[2:]; {
	case len(s) == 1 && r.Method == http.MethodGet && (r.URL.RawQuery != "" || r.URL.ForceQuery):
		kind = "draft"
	case len(s) == 1:
		kind = "channel"
	case len(s) == 2:
		kind = s[1]
	case len(s) == 3:
		kind = strings.TrimSuffix(s[1], "s")
	case len(s) == 4:
		kind = map[string]string{"content": "content", "messages": "reading", "position": "position"}[s[3]]
	}
	return r.Method + " " + kind
}

// asking picks requests by endpoints.
func asking(endpoints ...string) where {
	return func(r *http.Request) bool { return slices.Contains(endpoints, spotOf(r)) }
}

var (
	publications = asking("POST messages", "POST channel")
	pageReads    = asking("GET messages")
	allReads     = asking("GET messages", "GET reading", "GET draft")
)

func channelled(r *http.Request) bool { return spotOf(r) != "" }

// unasks takes parameters from a query.
func unasks(names ...string) func(*http.Request) {
	return func(r *http.Request) {
		q := r.URL.Query()
		for _, name := range names {
			q.Del(name)
		}
		r.URL.RawQuery = q.Encode()
	}
}

// asksFor sets a parameter of a query.
func asksFor(name, value string) func(*http.Request) {
	return func(r *http.Request) {
		q := r.URL.Query()
		q.Set(name, value)
		r.URL.RawQuery = q.Encode()
	}
}

// unsends takes a header from a request.
func unsends(name string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Del(name) }
}

// rewrites changes the JSON that a request sends.
func rewrites(change func(map[string]any)) func(*http.Request) {
	return func(r *http.Request) {
		a := faulty.Answer{Body: bodyOf(r)}
		a.JSON(change)
		setBody(r, a.Body)
	}
}

func setBody(r *http.Request, body []byte) {
	r.Body, r.ContentLength = readCloser{bytes.NewReader(body)}, int64(len(body))
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// ofMessages changes the Messages of a page, and of the answer to one.
func ofMessages(change func(m map[string]any)) func(*http.Request, *faulty.Answer) {
	return properties(func(v map[string]any) {
		list, _ := v["messages"].([]any)
		for _, m := range list {
			change(m.(map[string]any))
		}
		if v["cursor"] != nil {
			change(v)
		}
	})
}

// details changes what a Status says of each Message.
func details(change func(map[string]any)) func(*http.Request, *faulty.Answer) {
	return properties(func(v map[string]any) {
		for _, which := range []string{"successes", "failures"} {
			list, _ := v[which].([]any)
			for _, d := range list {
				change(d.(map[string]any))
			}
		}
	})
}

// sets gives every Message, or detail, a property; nil takes it away.
func sets(name string, value any) func(map[string]any) {
	return func(v map[string]any) {
		if v[name] = value; value == nil {
			delete(v, name)
		}
	}
}

// oneAccount makes every account the one that asked first, and nobody too if
// strangers are to be somebody.
func oneAccount(strangers bool) func(*http.Request) {
	var guard sync.Mutex
	first := ""
	return func(r *http.Request) {
		guard.Lock()
		defer guard.Unlock()
		if first == "" {
			first = r.Header.Get("Authorization")
		}
		if r.Header.Get("Authorization") != "" || strangers {
			r.Header.Set("Authorization", first)
		}
	}
}

// pretends takes a publication as a server would that keeps nothing of it.
func pretends(r *http.Request) *faulty.Answer {
	body := bodyOf(r)
	var v struct{ Messages []struct{ ID string } }
	_ = json.Unmarshal(body, &v)
	ids := []string{}
	for _, m := range v.Messages {
		ids = append(ids, m.ID)
	}
	if len(ids) == 0 {
		ids = append(ids, strings.ToLower(r.Header.Get("Idempotency-Key")))
	}
	st := taxii.Status{ID: taxii.NewID(), Status: taxii.StatusComplete, TotalCount: len(ids), SuccessCount: len(ids)}
	for _, id := range ids {
		if id == "" {
			id = taxii.NewID()
		}
		st.Successes = append(st.Successes, taxii.StatusDetail{ID: id, Version: "2026-01-01T00:00:00.000001Z", Disposition: taxii.Accepted, Cursor: "latest"})
	}
	text, _ := json.Marshal(st)
	return made(http.StatusAccepted, string(text))
}

// spares makes errors with these statuses answers with another: what should be
// refused is taken.
func spares(other int, codes ...int) func(*http.Request, *faulty.Answer) {
	return becomes(an(other), codes...)
}

// channelRefusalFaults are servers that take what they should refuse, or refuse it
// with another status.
func channelRefusalFaults() []fault {
	return []fault{
		alters("what is malformed is taken", channelled, spares(200, 400, 422), "list-limit", "create-unreadable", "create-bad-*", "change-bounds", "change-unreadable",
			"collection-unknown", "collection-circle", "collection-hidden", "publish-bad-*", "publish-key-drafts", "publish-key-malformed", "publish-key-clash",
			"publish-all-rejected", "publish-other-type-draft", "publish-too-large", "publish-other-clash",
			"read-limit-bounds", "read-wait-bounds", "read-added-after-alone", "read-added-after-malformed", "cursor-malformed", "cursor-changed", "cursor-other-channel",
			"stream-malformed", "size-least", "size-number", "size-content", "match-bad-*", "sub-bad-*", "sub-start-malformed", "position-malformed",
			"position-other-channel", "draft-wait-bounds", "draft-foreign", "draft-ack-malformed", "invite-bounds", "grants-unreadable", "no-store-errors"),
		alters("what may not be is not there", channelled, spares(404, 403), "create-forbidden", "change-forbidden", "delete-forbidden", "publish-forbidden", "read-forbidden",
			"sub-forbidden", "draft-forbidden", "grants-forbidden", "invite-forbidden", "right-read", "right-write", "right-manage", "end-wait-revoked"),
		alters("what is hidden is forbidden", channelled, spares(403, 404), "hidden-*", "cursor-grants-nothing", "precedence-404", "right-ended", "sub-other", "sub-right-ended",
			"unknown", "unknown-path", "list-unknown-root", "message-unknown", "sub-unknown", "sub-delete", "draft-not-found", "delete", "delete-subscription", "invite-revoke",
			"end-wait-deleted"),
		alters("what is hidden is told apart", func(r *http.Request) bool { return strings.Contains(r.URL.Path, "check-") }, func(r *http.Request, a *faulty.Answer) {
			if a.Status == http.StatusNotFound {
				a.JSON(func(v map[string]any) { v["title"] = "no such thing: " + taxii.NewID() })
			}
		}, "hidden-*"),
		alters("without credentials all is forbidden", channelled, spares(403, 401), "anonymous-*", "list-anonymous", "list-credentials"),
		alters("without credentials there is no challenge", channelled, puts("WWW-Authenticate"), "anonymous-*", "list-credentials"),
		alters("what nobody can is forbidden", channelled, spares(403, 501), "publish-read-only", "read-write-only", "precedence-501"),
		alters("a method that is not there is not found", channelled, spares(404, 405), "method", "no-store-errors"),
		alters("a 405 is alone", channelled, puts("Allow"), "method"),
		alters("no type is refused", channelled, spares(200, 406, 415), "accept-neither", "create-media-type", "publish-other-type", "no-store-errors"),
		alters("a name that is taken is given", channelled, spares(201, 409), "create-taken"),
		alters("a cursor that is gone is honoured", channelled, spares(200, 410), "delete-cursor", "stream-gone", "sub-start-gone"),
		alters("a 410 says not why", channelled, func(_ *http.Request, a *faulty.Answer) { a.JSON(sets("details", nil)) }, "delete-cursor", "stream-gone", "sub-start-gone", "cursor-malformed",
			"cursor-changed", "cursor-other-channel", "stream-malformed", "position-malformed", "position-other-channel", "draft-ack-malformed", "publish-all-rejected",
			"publish-key-clash"),
		twists("If-Match is not looked at", channelled, unsends("If-Match"), "change-if-match-old", "delete-if-match-old", "sub-if-match", "grants-if-match"),
		forges("If-Match never holds", both(channelled, sends("If-Match")), always(an(412)), "change-if-match", "delete-if-match", "sub-if-match", "grants-if-match"),
		alters("a body of any size is taken", publications, spares(202, 413), "publish-413"),
		alters("a Channel is never full", publications, spares(202, 507), "publish-full", "publish-full-bytes"),
	}
}

// channelPlaceFaults are about all endpoints at once.
func channelPlaceFaults() []fault {
	return []fault{
		forges("what lacks its slash is not there", func(r *http.Request) bool { return !strings.HasSuffix(r.URL.Path, "/") }, always(an(404)), "slash-*"),
		alters("answers may be kept", channelled, puts("Cache-Control", "max-age=60"), "no-store-*", "stream-headers"),
		forges("there is no HEAD", func(r *http.Request) bool { return r.Method == http.MethodHead }, always(an(405)), "head-*", "draft-head"),
		twists("HEAD is GET", asking("HEAD channel"), func(r *http.Request) { r.Method = http.MethodGet }, "draft-head"),
		alters("Channels are HTML", channelled, func(_ *http.Request, a *faulty.Answer) {
			if a.Status < 300 {
				a.Header.Set("Content-Type", "text/html")
			}
		}, "list", "list-shape", "shape", "create", "grants", "invite", "publish-envelope", "read", "sub-create", "accept-second", "accept-less", "accept-zero", "accept-any"),
		alters("any origin may ask", channelled, puts("Access-Control-Allow-Origin", "*"), "origin"),
		forges("there are no api-bases", func(r *http.Request) bool { return strings.Contains(r.URL.Path, "api-bases") }, always(an(200)), "api-bases"),
		forges("the default API Root is elsewhere", func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/taxii2/default/") }, always(an(302)), "default", "default-channels"),
		twists("all accounts are one", everywhere, oneAccount(false), "list-hidden", "change-forbidden", "delete-forbidden", "publish-forbidden",
			"read-forbidden", "sub-forbidden", "sub-other", "sub-right-ended", "sub-manager", "draft-forbidden", "draft-accounts", "right-*", "precedence-404", "publish-blind",
			"publish-status", "grants-forbidden", "invite-forbidden", "match-publisher"),
		twists("nobody is somebody", everywhere, oneAccount(true), "create-anonymous", "join-anonymous"),
	}
}
