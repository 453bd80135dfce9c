package faulty_test

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial/faulty"
)

// ofSubscriptions changes every Subscription that is shown alone.
func ofSubscriptions(change func(map[string]any)) func(*http.Request, *faulty.Answer) {
	return properties(func(v map[string]any) {
		if v["idle_timeout"] != nil {
			change(v)
		}
	})
}

func subscriptionFaults() []fault {
	shown := asking("POST subscriptions", "GET subscription", "PUT subscription")
	var reading atomic.Int32
	return slices.Concat(positionFaults(), []fault{
		alters("a Subscription never ends", shown, ofSubscriptions(sets("expires", nil)), "sub-create"),
		alters("a Subscription ends in an hour", shown, ofSubscriptions(sets("idle_timeout", 3600)), "sub-create", "sub-change"),
		alters("a Subscription has no position", shown, ofSubscriptions(sets("position", nil)), "sub-create", "sub-latest", "sub-read", "draft-creates"),
		alters("a Subscription is null where it is nothing", shown, ofSubscriptions(sets("gap", null{})), "sub-create"),
		alters("nothing is pending", shown, ofSubscriptions(func(v map[string]any) { v["pending"], v["pending_bytes"] = 0, 0 }), "sub-create", "sub-start", "pending"),
		twists("a Subscription starts at earliest", asking("POST subscriptions"), rewrites(sets("start", "earliest")), "sub-latest", "sub-start", "sub-start-malformed", "sub-start-gone"),
		twists("a Subscription starts at latest", asking("POST subscriptions"), rewrites(sets("start", nil)), "sub-start", "sub-start-malformed", "sub-start-gone", "sub-selector"),
		alters("a Subscription that is there is created", asking("POST subscriptions"), func(_ *http.Request, a *faulty.Answer) {
			if a.Status == http.StatusOK {
				a.Status = http.StatusCreated
			}
		}, "sub-exists", "sub-canonical"),
		twists("Subscriptions have no names", asking("POST subscriptions"), rewrites(sets("name", nil)), "sub-key", "sub-list", "sub-change"),
		twists("Subscriptions have no Selectors", asking("POST subscriptions"), rewrites(sets("selector", nil)), "sub-key", "sub-selector", "sub-canonical", "sub-bad-field", "sub-bad-version",
			"sub-bad-values"),
		alters("Selectors are as they came", shown, ofSubscriptions(func(v map[string]any) {
			if s, ok := v["selector"].(map[string]any); ok {
				s["type"] = []string{"tool", "malware"}
			}
		}), "sub-canonical"),
		alters("the list of Subscriptions is empty", asking("GET subscriptions"), says("subscriptions", []any{}), "sub-list", "sub-list-empty", "draft-creates", "draft-selector", "draft-name"),
		alters("the list of Subscriptions has another", asking("GET subscriptions"), properties(func(v map[string]any) {
			list, _ := v["subscriptions"].([]any)
			v["subscriptions"] = append(list, map[string]any{"id": "another"})
		}), "sub-push-inside", "draft-information", "draft-creates", "draft-head", "draft-prefetch", "draft-limit", "draft-wait-bounds", "draft-foreign"),
		alters("a change is forgotten in its answer", asking("PUT subscription"), ofSubscriptions(sets("max_pending_bytes", nil)), "sub-change"),
		alters("a change forgets what it does not name", shown, ofSubscriptions(sets("max_pending", nil)), "sub-change"),
		alters("a Subscription is ended with 200", asking("DELETE subscription"), func(_ *http.Request, a *faulty.Answer) {
			if a.Status == http.StatusNoContent {
				*a = *an(http.StatusOK)()
			}
		}, "sub-delete", "sub-manager", "sub-if-match"),
		alters("who manages sees no Subscription", asking("GET subscription"), spares(404, 200), "sub-manager", "sub-change"),
		forges("who manages reads by the Subscriptions of others", asking("GET reading"), always(func() *faulty.Answer { return made(200, `{"more":false,"next":"n"}`) }), "sub-manager", "sub-read", "sub-other",
			"sub-unknown", "sub-delete"),
		twists("push is ignored", asking("POST subscriptions"), rewrites(sets("push", nil)), "sub-push-inside"),
		twists("limits are for others", asking("GET reading"), unasks("limit"), "sub-read-pages"),
		twists("nobody reads ahead", asking("GET reading"), unasks("after"), "sub-ahead"),
		forges("a Subscription has one reader", asking("GET reading"), func(r *http.Request) *faulty.Answer {
			if reading.Add(1) > 1 {
				return an(http.StatusConflict)()
			}
			return nil
		}, "sub-readers"),
		alters("reading moves", asking("GET subscription"), ofSubscriptions(sets("position", "moved")), "sub-read", "sub-ahead", "sub-stream", "position-malformed", "draft-stream-acknowledges"),
		alters("a Subscription says next of what it gave", asking("GET reading"), says("next", "other"), "sub-selector", "sub-read-pages", "position-next"),
		alters("a Subscription is always new", asking("GET reading"), says("created", true), "sub-read"),
	})
}

func positionFaults() []fault {
	return []fault{
		forges("a position is forgotten", asking("PUT position"), always(func() *faulty.Answer { return made(200, `{"position":"p","pending":1}`) }), "position", "position-older", "position-next",
			"position-seek-back", "position-seek-on", "position-fixed", "position-malformed", "position-other-channel", "draft-position", "gap-kept", "sub-delete"),
		alters("a position is said wrongly", asking("PUT position"), properties(func(v map[string]any) { v["pending"] = 7 }), "position", "position-older", "position-next", "position-seek-back",
			"position-seek-on", "position-fixed"),
		twists("every position is sought", asking("PUT position"), rewrites(sets("seek", true)), "position-older"),
		twists("no position is sought", asking("PUT position"), rewrites(sets("seek", nil)), "position-seek-back"),
		forges("no cursor is fixed", both(asking("PUT position"), func(r *http.Request) bool { return strings.Contains(string(bodyOf(r)), `"latest"`) }), always(an(400)), "position-fixed"),
		alters("gaps are not told", allReads, says("gap", nil), "gap", "gap-kept", "gap-bytes", "gap-seek"),
		alters("a gap is of another reason", allReads, ofGaps("reason", "ttl"), "gap", "gap-kept", "gap-bytes"),
		alters("a gap counts wrongly", allReads, ofGaps("missed", 1), "gap", "gap-kept", "gap-bytes"),
		alters("a gap has no end", allReads, ofGaps("to", ""), "gap", "gap-kept", "gap-bytes"),
		alters("a gap is told once", asking("GET subscription"), says("gap", nil), "gap-kept"),
		alters("a gap never ends", asking("GET reading"), properties(func(v map[string]any) {
			if v["gap"] == nil {
				v["gap"] = map[string]any{"reason": "bound"}
			}
		}), "gap-kept", "gap-seek", "sub-read"),
		alters("a bound purges for all", pageReads, properties(first), "gap"),
	}
}

// ofGaps sets a property of each gap.
func ofGaps(name string, value any) func(*http.Request, *faulty.Answer) {
	return properties(func(v map[string]any) {
		if g, ok := v["gap"].(map[string]any); ok {
			g[name] = value
		}
	})
}

func draftFaults() []fault {
	drafts := asking("GET draft")
	var repeated atomic.Pointer[faulty.Answer]
	return []fault{
		twists("information is a read", asking("GET channel"), asksFor("wait", "0"), "draft-information", "create", "id"),
		twists("a read is information", drafts, func(r *http.Request) { r.URL.RawQuery = "" }, "draft-creates", "draft-latest", "draft-queued", "draft-nothing", "draft-acknowledges", "draft-location",
			"draft-created"),
		twists("a bare question mark is none", drafts, func(r *http.Request) { r.URL.ForceQuery = false }, "draft-question-mark"),
		twists("HEAD creates", asking("HEAD channel"), func(r *http.Request) { r.Method = http.MethodGet }, "draft-head"),
		twists("a browser's prefetch creates", drafts, unsends("Sec-Purpose"), "draft-prefetch"),
		alters("there is always something", drafts, func(_ *http.Request, a *faulty.Answer) {
			if a.Status == http.StatusNoContent {
				*a = *made(http.StatusOK, `{"more":false,"next":"n"}`)
			}
		}, "draft-creates", "draft-question-mark", "draft-nothing", "draft-one", "draft-acknowledges", "draft-readable", "draft-ack"),
		alters("nothing is something new", drafts, func(_ *http.Request, a *faulty.Answer) {
			if a.Status == http.StatusOK {
				a.JSON(func(v map[string]any) {
					list, _ := v["messages"].([]any)
					v["messages"] = append([]any{map[string]any{"id": "old"}}, list...)
				})
			}
		}, "draft-latest", "draft-queued", "draft-question-mark", "draft-waits", "draft-limit", "draft-accounts", "draft-name", "draft-selector"),
		alters("a Subscription is never new", drafts, says("created", nil), "draft-created"),
		alters("a Subscription is always new", drafts, says("created", true), "draft-created"),
		{inChannels([]string{"draft-acknowledges", "draft-created", "draft-limit", "draft-readable"}), faulty.Fault{Name: "channels: the same comes again", Answer: func(r *http.Request, a *faulty.Answer) {
			if !drafts(r) || a.Status == http.StatusBadRequest {
				return
			}
			if old := repeated.Load(); old != nil {
				*a = *old
			} else if a.Status == http.StatusOK {
				repeated.Store(&faulty.Answer{Status: a.Status, Header: a.Header, Body: a.Body})
			}
		}}},
		twists("Subscriptions of the draft have no name", drafts, unasks("subscription"), "draft-name"),
		twists("Subscriptions of the draft have no Selector", drafts, unasks("match[type]"), "draft-selector"),
		alters("a read does not name its Subscription", drafts, puts("Content-Location"), "draft-location", "draft-position"),
		alters("only Messages name their Subscription", drafts, func(_ *http.Request, a *faulty.Answer) {
			if a.Status == http.StatusNoContent {
				a.Header.Del("Content-Location")
			}
		}, "draft-location"),
		twists("ack is ignored", drafts, unasks("ack"), "draft-ack", "draft-ack-malformed"),
		twists("what is foreign is ignored", drafts, unasks("after", "added_after", "next", "frobnicate", "type"), "draft-foreign"),
		alters("what was acknowledged is gone", pageReads, properties(func(v map[string]any) { delete(v, "messages") }), "draft-readable"),
	}
}

func rightFaults() []fault {
	grants := asking("GET grants", "PUT grants")
	return slices.Concat(invitationFaults(), []fault{
		alters("what nobody can is said first", channelled, spares(501, 404), "precedence-404"),
		alters("grants are of nobody", grants, ofGrants(func(g map[string]any) { g["account"] = "nobody" }), "grants", "grants-set", "grants-unreadable"),
		alters("grants say nothing of writing", grants, ofGrants(func(g map[string]any) { delete(g, "can_write") }), "grants", "grants-set"),
		alters("grants are added", asking("GET grants"), properties(func(v map[string]any) {
			list, _ := v["grants"].([]any)
			v["grants"] = append(list, map[string]any{"account": "another"})
		}), "grants-set"),
		alters("a Channel shows its grants", asking("GET channel"), says("grants", []any{}), "right-read", "right-write"),
		alters("a Channel shows other rights", asking("GET channel"), ofChannels(func(c map[string]any) { c["can_write"] = c["can_read"] }), "right-read", "right-write"),
		alters("a Channel shows who manages as a reader", asking("GET channel"), ofChannels(func(c map[string]any) { c["can_read"] = true }), "right-manage", "right-write"),
		forges("rights never end", both(asking("PUT grants"), func(r *http.Request) bool { return strings.Count(string(bodyOf(r)), "account") == 1 }),
			always(func() *faulty.Answer { return made(200, `{"grants":[]}`) }), "right-ended", "grants-set"),
		twists("any Channel is one that nobody reads", channelled, func(r *http.Request) {
			if spotOf(r) == "POST list" {
				rewrites(sets("mode", nil))(r)
			}
		}, "precedence-501"),
	})
}

func ofGrants(change func(map[string]any)) func(*http.Request, *faulty.Answer) {
	return properties(func(v map[string]any) {
		list, _ := v["grants"].([]any)
		for _, g := range list {
			change(g.(map[string]any))
		}
	})
}

func invitationFaults() []fault {
	made1 := asking("POST invitations")
	joins := asking("POST join")
	return []fault{
		alters("an invitation is for ever", made1, says("expires", "2199-01-01T00:00:00.000000Z"), "invite"),
		alters("an invitation is for many", made1, says("uses", 100), "invite"),
		alters("an invitation is to write", made1, says("can_write", true), "invite"),
		alters("an invitation has a short token", made1, says("token", "123456"), "invite"),
		alters("invitations have one token", made1, says("token", strings.Repeat("t", 43)), "invite"),
		alters("the list shows tokens", asking("GET invitations"), properties(func(v map[string]any) {
			list, _ := v["invitations"].([]any)
			for _, i := range list {
				i.(map[string]any)["token"] = "shown"
			}
		}), "invite-list"),
		alters("the list forgets uses", asking("GET invitations"), properties(func(v map[string]any) {
			list, _ := v["invitations"].([]any)
			for _, i := range list {
				delete(i.(map[string]any), "uses")
			}
		}), "invite-list"),
		alters("an invitation is to manage", made1, func(_ *http.Request, a *faulty.Answer) {
			*a = *made(http.StatusCreated, `{"id":"i","can_manage":true}`)
		}, "invite-manage", "invite-bounds",
			"invite-forbidden"),
		forges("an invitation is never revoked", asking("DELETE invitation"), always(func() *faulty.Answer { return &faulty.Answer{Status: http.StatusNoContent, Header: http.Header{}} }), "invite-revoke"),
		alters("invitations are an empty list", asking("GET invitations"), properties(func(v map[string]any) {
			if v["invitations"] == nil {
				v["invitations"] = []any{}
			}
		}), "invite-revoke"),
		forges("nobody joins", joins, always(an(404)), "join"),
		forges("everybody joins", joins, always(an(200)), "join", "join-revoked", "join-anonymous", "hidden-join"),
		forges("a token is told from another", joins, func(r *http.Request) *faulty.Answer {
			a := an(http.StatusNotFound)()
			a.JSON(func(v map[string]any) { v["title"] = time.Now().String() })
			return a
		}, "hidden-join"),
	}
}

// besideFaults are about Channels beside Collections.
func besideFaults() []fault {
	waits := func(r *http.Request) bool { return r.Header.Get("Prefer") != "" }
	return []fault{
		alters("a Collection of others is told from none", asking("POST list"), func(_ *http.Request, a *faulty.Answer) {
			if a.Status == http.StatusUnprocessableEntity {
				a.JSON(func(v map[string]any) { v["title"] = time.Now().String() })
			}
		}, "collection-hidden"),
		alters("what a Collection feeds comes in another order", pageReads, properties(func(v map[string]any) {
			list, _ := v["messages"].([]any)
			slices.Reverse(list)
			for _, m := range list {
				delete(m.(map[string]any), "type")
			}
		}), "from-collection"),
		alters("what is added is another", to("object"), func(_ *http.Request, a *faulty.Answer) {
			a.JSON(func(v map[string]any) {
				list, _ := v["objects"].([]any)
				for _, o := range list {
					o.(map[string]any)["name"] = "another"
				}
			})
		}, "to-collection"),
		twists("Prefer is ignored", everywhere, unsends("Prefer"), "live-objects", "live-manifest", "live-empty"),
		forges("who waits gets nothing", waits, always(an(200)), "live-there", "live-objects", "live-manifest", "live-empty"),
	}
}
