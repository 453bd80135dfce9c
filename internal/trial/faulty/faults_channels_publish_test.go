package faulty_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/hansom-taxii/hansom/internal/trial/faulty"
	"github.com/hansom-taxii/hansom/taxii"
)

// deepOrMany finds bodies that a small server would refuse.
func deepOrMany(r *http.Request) bool {
	body := bodyOf(r)
	return bytes.Contains(body, bytes.Repeat([]byte("["), 40)) || bytes.Count(body, []byte(`"content"`)) > 500
}

// version5 finds UUIDs that are not of version 4.
var version5 = regexp.MustCompile(`\A.{14}[^4]`)

func publishFaults() []fault {
	statuses := asking("POST messages", "POST channel")
	kept := func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/status/") }
	return slices.Concat(publishTakenFaults(), []fault{
		alters("a publication is a 200", statuses, func(_ *http.Request, a *faulty.Answer) {
			if a.Status == http.StatusAccepted {
				a.Status = http.StatusOK
			}
		}, "publish-envelope", "publish-draft-form", "publish-drafts", "publish-many", "publish-deep"),
		alters("a publication is pending", statuses, properties(func(v map[string]any) { v["status"] = "pending" }), "publish-envelope"),
		forges("a publication is acknowledged and lost", both(publications, func(r *http.Request) bool { return len(bodyOf(r)) < 1<<20 }), pretends,
			"publish-envelope", "publish-draft-form", "publish-octets", "publish-drafts", "publish-detail", "publish-status", "publish-key", "publish-key-again", "publish-key-clash",
			"publish-again", "publish-twice-inside", "publish-dates", "publish-text", "publish-base64", "publish-mixed", "publish-malformed-*", "publish-bad-*", "publisher",
			"publish-other-clash", "publish-full", "publish-not-permitted", "publish-not-permitted-stix", "create-rights", "pending", "read-limit-default"),
		twists("ids are forgotten", publications, func(r *http.Request) {
			r.Header.Del("Idempotency-Key")
			rewrites(func(v map[string]any) {
				list, _ := v["messages"].([]any)
				for _, m := range list {
					delete(m.(map[string]any), "id")
				}
			})(r)
		}, "publish-key", "publish-key-version", "publish-key-again", "publish-key-clash", "publish-again", "publish-twice-inside", "publish-key-drafts", "publish-key-malformed",
			"publish-drafts", "publish-other-clash", "publish-malformed-draft-id"),
		forges("a key is of version 4", both(publications, func(r *http.Request) bool { return version5.MatchString(r.Header.Get("Idempotency-Key")) }), always(an(400)), "publish-key-version"),
		alters("details have no disposition", either(statuses, kept), details(sets("disposition", nil)), "publish-envelope", "publish-detail", "publish-again", "publish-status", "publish-mixed"),
		alters("details have no cursor", statuses, details(sets("cursor", nil)), "publish-detail"),
		alters("details have no date", statuses, details(sets("version", "0")), "publish-detail", "publish-mixed"),
		alters("details have no message", statuses, details(sets("message", nil)), "publish-mixed"),
		alters("what is rejected has no id", statuses, details(sets("id", "none")), "publish-mixed", "publish-detail"),
		alters("details come in another order", statuses, properties(func(v map[string]any) {
			list, _ := v["successes"].([]any)
			slices.Reverse(list)
		}), "publish-drafts", "publish-again", "publish-twice-inside"),
		alters("what is repeated is accepted", statuses, details(sets("disposition", taxii.Accepted)), "publish-again", "publish-twice-inside", "publish-key-again", "publish-other-clash", "publish-mixed"),
		alters("what is repeated has a cursor of its own", statuses, details(func(d map[string]any) {
			if d["disposition"] == taxii.Duplicate {
				d["cursor"] = "another"
			}
		}), "publish-again", "publish-key-again"),
		alters("everyone is told cursors", either(statuses, kept), details(func(d map[string]any) { d["cursor"] = "c" }), "publish-blind"),
		alters("a Status is forgotten", kept, spares(404, 200), "publish-status", "publish-status-manager", "publish-blind", "publish-message"),
		alters("a Status forgets what it said", kept, details(sets("message", nil)), "publish-message"),
		alters("a Status is for everyone", kept, spares(200, 404), "publish-status"),
		alters("a 422 does not hold the Status", publications, func(_ *http.Request, a *faulty.Answer) {
			if a.Status == http.StatusUnprocessableEntity {
				a.JSON(sets("details", map[string]any{"reason": "no"}))
			}
		}, "publish-all-rejected", "publish-key-clash", "publish-other-type-draft", "publish-too-large", "publish-other-clash"),
	})
}

// either picks what one of two rules picks.
func either(a, b where) where {
	return func(r *http.Request) bool { return a(r) || b(r) }
}

func publishTakenFaults() []fault {
	var clock atomic.Int32
	return []fault{
		alters("what is rejected is accepted", publications, properties(func(v map[string]any) {
			failed, _ := v["failures"].([]any)
			if len(failed) > 0 {
				good, _ := v["successes"].([]any)
				v["successes"], v["failures"] = append(good, failed...), nil
				v["success_count"], v["failure_count"] = len(good)+len(failed), 0
			}
		}), "publish-mixed", "publish-malformed-*", "publish-not-permitted", "publish-not-permitted-stix", "publish-twice-inside"),
		alters("what is refused is kept nevertheless", pageReads, func(_ *http.Request, a *faulty.Answer) {
			a.JSON(func(v map[string]any) {
				if v["messages"] == nil && a.Status == http.StatusOK {
					v["messages"] = []any{map[string]any{"id": taxii.NewID()}}
				}
			})
		}, "publish-bad-*", "publish-key-drafts", "publish-key-malformed", "publish-all-rejected", "publish-other-type", "publish-413", "publish-read-only", "publish-forbidden"),
		forges("bodies are small and shallow", both(publications, deepOrMany), always(an(400)), "publish-many", "publish-deep"),
		alters("Messages come in the reverse order", pageReads, properties(func(v map[string]any) {
			list, _ := v["messages"].([]any)
			slices.Reverse(list)
		}), "publish-drafts", "read", "read-after", "read-limit", "publish-type", "read-shape", "default-channels", "id"),
		alters("content is written anew", pageReads, func(_ *http.Request, a *faulty.Answer) { a.JSON(func(map[string]any) {}) }, "publish-octets", "publish-json", "read-shape"),
		alters("content is tidied up", asking("GET content"), func(_ *http.Request, a *faulty.Answer) {
			var b bytes.Buffer
			if json.Compact(&b, a.Body) == nil {
				a.Body = b.Bytes()
			}
		}, "publish-octets", "stream-lines", "content"),
		alters("all is published at once", pageReads, ofMessages(sets("published", "2026-01-01T00:00:00.000000Z")), "publish-dates", "publish-detail", "read-shape"),
		alters("dates are cut", pageReads, ofMessages(sets("published", "2026-01-01T00:00:00Z")), "publish-dates"),
		alters("media types are lost", pageReads, ofMessages(sets("media_type", "application/json")), "publish-text", "publish-base64", "read-shape", "from-collection"),
		alters("sizes are lost", pageReads, ofMessages(sets("size", 1)), "publish-text", "publish-json", "read-shape", "size-large"),
		alters("types are lost", pageReads, ofMessages(sets("type", "envelope")), "publish-type", "publish-text"),
		alters("types are another", pageReads, ofMessages(sets("type", "other")), "publish-type", "from-collection"),
		alters("octets are lost", pageReads, ofMessages(func(m map[string]any) {
			if m["content_base64"] != nil {
				m["content_base64"] = "AAAA"
			}
		}), "publish-text", "publish-base64", "read-shape", "size-more"),
		alters("publishers are shown", pageReads, ofMessages(sets("publisher", "member")), "publisher"),
		alters("cursors are the account's own", pageReads, ofMessages(func(m map[string]any) { m["cursor"] = "own" + m["cursor"].(string) }), "cursor-shared", "read-shape", "publish-detail"),
		alters("cursors are numbers", pageReads, ofMessages(func(m map[string]any) {
			m["cursor"] = "c1.000000000000000" + string(rune('a'+clock.Add(1)%26))
		}), "cursor-sealed", "read-shape", "publish-detail", "cursor-shared"),
	}
}
