package faulty_test

import (
	"bytes"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/hansom-taxii/hansom/internal/trial/faulty"
	"github.com/hansom-taxii/hansom/taxii"
)

// anew takes the Messages away from every page but the first.
func anew(pages *atomic.Int32) func(*http.Request, *faulty.Answer) {
	return properties(func(v map[string]any) {
		if _, page := v["next"]; page && pages.Add(1) > 1 {
			delete(v, "messages")
		}
	})
}

// first takes the first Message of a page away.
func first(v map[string]any) {
	if list, _ := v["messages"].([]any); len(list) > 0 {
		v["messages"] = list[1:]
	}
}

func followFaults() []fault {
	var read, mine atomic.Int32
	return []fault{
		alters("the oldest Message is lost", pageReads, properties(first), "read", "read-shape", "read-pages", "id", "ends", "match-type", "default-channels", "wait-there", "read-unknown-parameter"),
		twists("a place is ignored", pageReads, unasks("after", "next"), "read-after", "read-next", "read-latest", "wait-empty", "cursor-malformed", "cursor-changed",
			"cursor-other-channel", "cursor-shared", "read-pages"),
		twists("next is ignored", pageReads, unasks("next"), "read-next", "read-added-after-alone", "cursor-malformed"),
		alters("an empty page has no next", allReads, properties(func(v map[string]any) {
			if v["messages"] == nil {
				delete(v, "next")
			}
		}), "read-next-always", "read-latest", "wait-empty", "match-next", "position-next"),
		alters("more is only said where it is true", pageReads, properties(func(v map[string]any) {
			if v["more"] == false {
				delete(v, "more")
			}
		}), "read-next-always"),
		alters("an empty page has an empty list", pageReads, properties(func(v map[string]any) {
			if v["messages"] == nil {
				v["messages"] = []any{}
			}
		}), "read-next-always"),
		twists("limits are ignored", allReads, unasks("limit"), "read-limit", "read-limit-bounds", "sub-read-pages", "draft-limit", "draft-wait-bounds"),
		alters("there is never more", allReads, properties(func(v map[string]any) { v["more"] = false }), "read-limit", "read-pages", "read-limit-default", "sub-read-pages", "draft-limit",
			"match-pages", "size-pages", "size-large"),
		twists("pages are of any size", pageReads, func(r *http.Request) {
			if !r.URL.Query().Has("limit") {
				asksFor("limit", "1000")(r)
			}
		}, "read-limit-default"),
		forges("pages are small", both(pageReads, func(r *http.Request) bool { return r.URL.Query().Get("limit") == "1000" }), always(an(400)), "read-pages"),
		twists("added_after is ignored", pageReads, unasks("added_after"), "read-added-after", "read-added-after-alone", "read-added-after-malformed"),
		forges("only known parameters are taken", both(pageReads, func(r *http.Request) bool { return r.URL.Query().Has("frobnicate") }), always(an(400)), "read-unknown-parameter"),
		alters("what is read is gone", pageReads, anew(&read), "read-nothing"),
		alters("what a Subscription read is gone", asking("GET reading"), anew(&mine), "sub-read"),
		alters("one Message is another", asking("GET message"), ofMessages(sets("cursor", nil)), "message"),
		alters("one Message has a date of its own", asking("GET message"), ofMessages(sets("published", "2026-01-01T00:00:00.000000Z")), "message"),
		twists("nobody waits", allReads, unasks("wait"), "wait-empty", "wait-message", "wait-selector", "read-wait-bounds", "sub-wait", "sub-readers", "end-wait-deleted", "end-wait-revoked"),
		twists("the draft's reads do not wait", asking("GET draft"), asksFor("wait", "0"), "draft-nothing", "draft-waits"),
		twists("a wait sees only what is new", pageReads, func(r *http.Request) {
			if r.URL.Query().Has("wait") {
				asksFor("after", taxii.Latest)(r)
				asksFor("wait", "0")(r)
			}
		}, "wait-there"),
		alters("readers get the cursors of others", pageReads, func(r *http.Request, a *faulty.Answer) {
			if strings.Contains(r.URL.RawQuery, "after=") {
				a.JSON(first)
			}
		}, "cursor-shared", "read-after"),
	}
}

func selectorFaults() []fault {
	ignored := func(field string, breaks ...string) fault {
		return twists("match["+field+"] is ignored", pageReads, unasks("match["+field+"]"), breaks...)
	}
	return []fault{
		ignored("type", "match-type", "match-or", "match-and", "match-pages", "match-encoded", "match-100", "match-bad-101", "wait-selector"),
		ignored("id", "match-id", "match-bad-4096"),
		ignored("spec_version", "match-spec-version", "match-spec-version-both", "match-no-envelope", "match-same-object"),
		ignored("message_type", "match-message-type", "match-message-type-envelope", "match-none", "match-and"),
		ignored("publisher", "match-publisher", "match-bad-publisher-hidden"),
		ignored("version", "match-bad-version", "match-bad-version-date"),
		ignored("colour", "match-bad-unknown"),
		ignored("Type", "match-bad-unknown-case"),
		ignored("", "match-bad-bare"),
		twists("a Selector takes its first value", pageReads, func(r *http.Request) {
			q := r.URL.Query()
			for name, values := range q {
				if strings.HasPrefix(name, "match") {
					q.Set(name, strings.Split(values[0], ",")[0])
				}
			}
			r.URL.RawQuery = q.Encode()
		}, "match-or", "match-spec-version-both", "match-message-type-envelope", "match-id", "match-pages", "match-encoded", "match-100", "match-bad-101"),
		twists("a Selector is for any object of a Message", pageReads, func(r *http.Request) {
			q := r.URL.Query()
			if q.Has("match[id]") || q.Has("match[spec_version]") {
				unasks("match[type]")(r)
			}
		}, "match-same-object"),
		forges("match[version] is unknown", both(pageReads, func(r *http.Request) bool { return r.URL.Query().Has("match[version]") }), always(an(400)), "match-version-all"),
		forges("brackets are not to be escaped", both(pageReads, func(r *http.Request) bool { return strings.Contains(r.URL.RawQuery, "%5b") }), always(an(400)), "match-encoded"),
		twists("the draft's Selectors are ignored", asking("GET draft"), func(r *http.Request) {
			r.URL.RawQuery = "wait=0"
		}, "draft-selector", "draft-name", "draft-limit", "draft-ack-malformed", "draft-wait-bounds", "draft-foreign", "draft-waits", "match-bad-*"),
	}
}

func streamFaults() []fault {
	const sse = "text/event-stream"
	wants := func(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), sse) }
	live := both(allReads, wants)
	return []fault{
		tells("a stream says not when to come back", strings.NewReplacer("retry: 3000\n", ": hello\n").Replace, "stream-start"),
		alters("a stream may be held back", live, puts("X-Accel-Buffering"), "stream-headers"),
		tells("Messages in a stream have ids of their own", func(block string) string { return strings.ReplaceAll(block, `data: {"id":"`, `data: {"id":"x`) },
			"stream-live", "stream-latest", "stream-after", "stream-last-id", "stream-resumed", "stream-order", "stream-selector", "stream-events", "sub-stream",
			"sub-stream-last-id", "gap-stream", "draft-stream", "draft-stream-acknowledges", "size-stream"),
		tells("ids of events are no cursors", func(block string) string { return strings.ReplaceAll(block, "id: ", "id: x") }, "stream-events"),
		tells("events have no name", func(block string) string { return strings.ReplaceAll(block, "event: message\n", "") }, "stream-events", "stream-order", "stream-live", "stream-after"),
		tells("cursors in a stream are its own", func(block string) string { return strings.ReplaceAll(block, `"cursor":"`, `"cursor":"x`) }, "stream-order", "stream-events"),
		tells("progress has data", func(block string) string {
			if strings.HasPrefix(block, "id: ") && !strings.Contains(block, "data") {
				return block + "event: message\ndata: {}\n"
			}
			return block
		}, "stream-progress"),
		tells("only the first line of data is sent", func(block string) string {
			head, rest, more := strings.Cut(block, "\ndata: ")
			if !more {
				return block
			}
			line, _, _ := strings.Cut(rest, "\n")
			return head + "\ndata: " + line + "\n"
		}, "stream-lines"),
		twists("Last-Event-ID is ignored", live, unsends("Last-Event-ID"), "stream-last-id", "stream-malformed", "stream-gone", "sub-stream-last-id", "draft-stream-acknowledges"),
		twists("a stream begins at earliest", live, func(r *http.Request) {
			if !r.URL.Query().Has("after") {
				asksFor("after", taxii.Earliest)(r)
			}
		}, "stream-latest"),
		twists("a stream begins where it was told once", live, func(r *http.Request) {
			if r.URL.Query().Has("after") {
				asksFor("after", taxii.Earliest)(r)
			}
		}, "stream-after", "stream-malformed"),
		twists("a stream has no Selector", live, unasks("match[type]"), "stream-selector"),
		twists("nobody has a stream", live, func(r *http.Request) { r.Header.Set("Accept", taxii.MediaType) }, "accept-only", "accept-first", "accept-more"),
		twists("who names a stream has one", live, func(r *http.Request) { r.Header.Set("Accept", sse) }, "accept-second", "accept-less", "accept-zero"),
		twists("who takes anything has a stream", both(pageReads, sends("Accept", "*/*")), func(r *http.Request) { r.Header.Set("Accept", sse) }, "accept-any"),
		tells("a stream ends without a word", func(block string) string {
			if strings.Contains(block, "event: end") {
				return ""
			}
			return block
		}, "end-deleted", "end-revoked", "end-revoked-visible"),
		tells("a stream ends for another reason", strings.NewReplacer(`"http_status":"404"`, `"http_status":"503"`, `"http_status":"403"`, `"http_status":"404"`).Replace,
			"end-deleted", "end-revoked", "end-revoked-visible"),
		tells("gaps are not told", func(block string) string {
			if strings.Contains(block, "event: gap") {
				return ""
			}
			return block
		}, "gap-stream"),
		tells("a stream has no content_url", func(block string) string { return strings.ReplaceAll(block, `"content_url"`, `"url"`) }, "size-stream"),
	}
}

// tells makes a fault of a change to what stands between the empty lines of a
// stream.
func tells(name string, change func(block string) string, breaks ...string) fault {
	return fault{inChannels(breaks), faulty.Fault{Name: "channels: " + name, Event: func(_ *http.Request, block string) string { return change(block) }}}
}

func contentSizeFaults() []fault {
	content := asking("GET content")
	return []fault{
		alters("content is cut", content, func(_ *http.Request, a *faulty.Answer) {
			if len(a.Body) > 10 {
				a.Body = a.Body[:len(a.Body)-1]
			}
		}, "content", "content-length", "size-url", "content-part"),
		alters("content is of any type", content, puts("Content-Type", "application/octet-stream"), "content"),
		alters("content has no parts", content, puts("Accept-Ranges", "none"), "content-ranges"),
		alters("content has a weak ETag", content, puts("ETag", `W/"1"`), "content-etag", "content-part-if"),
		alters("all content has one ETag", content, puts("ETag", `"1"`), "content-etag"),
		alters("content is shown", content, puts("Content-Disposition", "inline"), "content-attachment"),
		twists("parts of content are the whole", content, unsends("Range"), "content-part", "content-part-if", "content-416", "size-content"),
		twists("If-Range is ignored", content, unsends("If-Range"), "content-part-if"),
		alters("parts of content say not which", content, puts("Content-Range"), "content-part", "content-416"),
		alters("a 416 is a page", content, becomes(page(416), 416), "content-416"),
		alters("a 416 may be kept", content, func(_ *http.Request, a *faulty.Answer) {
			if a.Status == http.StatusRequestedRangeNotSatisfiable {
				a.Header.Del("Cache-Control")
			}
		}, "no-store-errors"),
		forges("content is for who accepts it", both(content, sends("Accept", taxii.MediaType)), always(an(406)), "content-accept"),
		alters("X-Max-Size is answered", pageReads, puts("X-Max-Size", "9437184"), "size-given"),
		forges("X-Max-Size is bounded", both(pageReads, sends("X-Max-Size", "99999999999")), always(an(400)), "size-given"),
		alters("what is too large is left out", pageReads, properties(func(v map[string]any) {
			list, _ := v["messages"].([]any)
			if len(list) > 0 && list[0].(map[string]any)["content_url"] != nil {
				first(v)
			}
		}), "size-large", "size-pages", "size-url"),
		twists("X-Max-Size is ignored", channelled, unsends("X-Max-Size"), "size-least", "size-number", "size-more", "size-content"),
		twists("all have the largest X-Max-Size", channelled, func(r *http.Request) {
			if r.Header.Get("X-Max-Size") == "" {
				r.Header.Set("X-Max-Size", "999999999")
			}
		}, "size-large", "size-pages", "size-message", "size-url", "size-stream"),
		alters("a content_url leads nowhere", pageReads, ofMessages(func(m map[string]any) {
			if m["content_url"] != nil {
				m["content_url"] = "channels/none/content/"
			}
		}), "size-url"),
		alters("one large Message has no content_url", asking("GET message"), ofMessages(sets("content_url", nil)), "size-message"),
		alters("a 400 of content names no way", content, func(_ *http.Request, a *faulty.Answer) {
			a.Body = bytes.ReplaceAll(a.Body, []byte("Range"), []byte("way"))
		}, "size-content"),
	}
}
