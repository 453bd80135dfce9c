package faulty_test

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/internal/trial/faulty"
	"github.com/hansom-taxii/hansom/taxii"
)

// spoiling makes a fault that changes each object on its way out.
func spoiling(name string, change func(map[string]any), breaks ...string) fault {
	return wrongly(name, contentReads, func(a *faulty.Answer) {
		a.JSON(func(v map[string]any) {
			list, _ := v["objects"].([]any)
			for _, o := range list {
				if object, ok := o.(map[string]any); ok {
					change(object)
				}
			}
		})
	}, breaks...)
}

// dropping makes a fault that loses a property.
func dropping(property string, breaks ...string) fault {
	return spoiling(property+" is lost", func(o map[string]any) { delete(o, property) }, breaks...)
}

func contentFaults() []fault {
	return []fault{
		spoiling("custom properties are lost", func(o map[string]any) {
			for name := range o {
				if strings.HasPrefix(name, "x_") {
					delete(o, name)
				}
			}
		}, "content/custom-properties", "content/custom-type", "content/empty-text", "content/numbers"),
		dropping("extensions", "content/extension"),
		dropping("object_marking_refs", "content/markings"),
		dropping("revoked", "content/revoked"),
		dropping("target_ref", "content/relationship"),
		spoiling("an SCO gets a modified", func(o map[string]any) {
			if o["type"] == "ipv4-addr" || o["type"] == "marking-definition" {
				o["modified"] = "2026-01-01T00:00:00.000Z"
			}
		}, "content/sco", "content/marking", "content/uuid5"),
		spoiling("long texts are cut", func(o map[string]any) {
			if text, ok := o["description"].(string); ok && len(text) > 65_535 {
				o["description"] = text[:65_535]
			}
		}, "content/long-text", "add/large"),
		wrongly("characters beyond the basic plane are lost", contentReads, func(a *faulty.Answer) {
			a.Body = bytes.ReplaceAll(a.Body, []byte("\U00020000"), []byte("?"))
		}, "content/unicode"),
		spoiling("empty texts are lost", func(o map[string]any) {
			for name, v := range o {
				if v == "" {
					delete(o, name)
				}
			}
		}, "content/empty-text"),
		spoiling("numbers are rounded", func(o map[string]any) {
			for name, v := range o {
				if n, ok := v.(json.Number); ok {
					f, _ := n.Float64()
					o[name] = json.Number(strconv.FormatFloat(math.Round(f*1000)/1000, 'g', -1, 64))
				}
			}
		}, "content/numbers"),
		spoiling("objects are written anew", func(map[string]any) {}, "content/bytes"),
		spoiling("STIX 2.0 gets a spec_version", func(o map[string]any) { o["spec_version"] = "2.1" }, "content/stix20"),
		refusing("relationships are refused", `"type":"relationship"`, "content/relationship"),
		refusing("SCOs are refused", `"type":"ipv4-addr"`, "content/sco", "content/uuid5"),
		refusing("custom types are refused", `"type":"x-`, "content/custom-type"),
		refusing("version 5 UUIDs are refused", `-5bc5-`, "content/uuid5"),
	}
}

func statusFaults() []fault {
	last := ""
	return []fault{
		wrongly("a Status is gone at once", statusReads, answered(http.StatusNotFound), "status/found", "status/same", "status/kept", "status/counts",
			"status/sum", "status/lists", "status/no-empty-list", "status/id", "status/state", "status/anonymous", "status/accept"),
		wrongly("every Status has one id", addsTo, setting("id", taxii.NewID()), "status/ids-differ", "status/found"),
		wrongly("an id is no version 4 UUID", statusReads, setting("id", "42"), "status/id", "status/found"),
		wrongly("the state is one of its own", statusReads, setting("status", "done"), "status/state"),
		wrongly("an Add never ends", func(r *http.Request) bool { return addsTo(r) || statusReads(r) }, setting("status", "pending"), "status/in-time"),
		wrongly("a Status changes after it is complete", statusReads, func(a *faulty.Answer) { setting("request_timestamp", taxii.NewID())(a) },
			"status/same", "status/timestamp"),
		wrongly("counts are texts", statusReads, setting("success_count", "1"), "status/counts"),
		wrongly("a count is missing", statusReads, func(a *faulty.Answer) { a.JSON(func(v map[string]any) { delete(v, "pending_count") }) }, "status/counts"),
		wrongly("counts do not add up", statusReads, setting("pending_count", 7), "status/sum"),
		wrongly("lists are longer than their counts", statusReads, func(a *faulty.Answer) {
			setting("successes", []any{map[string]any{"id": "a", "version": "b"}})(a)
			setting("success_count", 2)(a)
		}, "status/lists"),
		wrongly("empty lists are sent", statusReads, setting("failures", []any{}), "status/no-empty-list"),
		wrongly("successes name something else", statusReads, setting("successes", []any{map[string]any{"id": "a", "version": "b"}}),
			"status/success-id", "status/success-version", "status/success-version-created"),
		wrongly("a version is the date of adding", statusReads, func(a *faulty.Answer) {
			a.JSON(func(v map[string]any) {
				list, _ := v["successes"].([]any)
				for _, s := range list {
					s.(map[string]any)["version"] = "2026-01-01T00:00:00.000000Z"
				}
			})
		}, "status/success-version", "status/success-version-created"),
		wrongly("failures have no message", statusReads, func(a *faulty.Answer) {
			a.JSON(func(v map[string]any) {
				list, _ := v["failures"].([]any)
				for _, s := range list {
					delete(s.(map[string]any), "message")
				}
			})
		}, "status/failure"),
		wrongly("the timestamp has milliseconds", statusReads, setting("request_timestamp", "2026-01-01T00:00:00.000Z"), "status/timestamp"),
		wrongly("an unknown Status is empty", statusReads, func(a *faulty.Answer) {
			if a.Status == http.StatusNotFound {
				*a = *made(200, "{}")
			}
		}, "status/unknown", "status/malformed"),
		asks("a Status is for everybody", statusReads, func(r *http.Request) *faulty.Answer {
			if r.Header.Get("Authorization") == "" {
				r.Header.Set("Authorization", last)
			}
			last = r.Header.Get("Authorization")
			return nil
		}, "status/anonymous"),
	}
}

func deleteFaults() []fault {
	last := ""
	deleted, refused := false, false
	return []fault{
		wrongly("a deletion is a 204", deletions, func(a *faulty.Answer) { a.Status, a.Body = http.StatusNoContent, nil }, "delete/done", "delete/body",
			"delete/gone", "delete/gone-objects", "delete/gone-manifest", "delete/gone-versions"),
		wrongly("a deletion has no type", deletions, func(a *faulty.Answer) { a.Header.Set("Content-Type", "text/plain") }, "delete/done"),
		wrongly("a deletion is answered in words", deletions, func(a *faulty.Answer) { a.Body = []byte("deleted") }, "delete/body"),
		asks("a deletion does nothing", deletions, func(*http.Request) *faulty.Answer { return made(200, "{}") }, "delete/gone", "delete/gone-objects",
			"delete/gone-manifest", "delete/gone-versions", "delete/all-versions", "delete/one-version", "delete/last", "delete/first", "delete/spec-version",
			"delete/again", "delete/unknown", "delete/unknown-version", "delete/malformed-version", "delete/add-again", "delete/accept",
			"delete/unknown-collection", "delete/while-paging"),
		asks("a deletion deletes all versions", deletions, func(r *http.Request) *faulty.Answer { r.URL.RawQuery = ""; return nil },
			"delete/one-version", "delete/last", "delete/first", "delete/spec-version", "delete/unknown-version", "delete/malformed-version"),
		asks("a deletion deletes the last version", deletions, func(r *http.Request) *faulty.Answer {
			if r.URL.RawQuery == "" {
				r.URL.RawQuery = "match[version]=last"
			}
			return nil
		}, "delete/all-versions"),
		wrongly("a deletion hides all others", func(r *http.Request) bool { deleted = deleted || deletions(r); return deleted && objectReads(r) },
			answered(http.StatusNotFound), "delete/others-stay"),
		asks("what was deleted cannot come back", func(r *http.Request) bool { refused = refused || deletions(r); return refused && addsTo(r) },
			func(*http.Request) *faulty.Answer { return made(409, `{"title":"it was deleted","http_status":"409"}`) }, "delete/add-again"),
		asks("everybody may delete", func(*http.Request) bool { return true }, func(r *http.Request) *faulty.Answer {
			if r.Header.Get("Authorization") == "" {
				r.Header.Set("Authorization", last)
			}
			last = r.Header.Get("Authorization")
			return nil
		}, "delete/anonymous"),
		wrongly("a next does not outlive a deletion", func(r *http.Request) bool { return r.URL.Query().Has("next") }, answered(http.StatusBadRequest),
			"delete/while-paging"),
	}
}
