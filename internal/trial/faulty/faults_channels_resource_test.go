package faulty_test

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/hansom-taxii/hansom/internal/trial/faulty"
	"github.com/hansom-taxii/hansom/taxii"
)

// ofChannels changes every Channel that is shown.
func ofChannels(change func(map[string]any)) func(*http.Request, *faulty.Answer) {
	return properties(func(v map[string]any) {
		list, _ := v["channels"].([]any)
		for _, c := range list {
			change(c.(map[string]any))
		}
		if v["can_manage"] != nil {
			change(v)
		}
	})
}

// inListOnly changes the list and not the Channels.
func inListOnly(change func(v map[string]any, list []any)) func(*http.Request, *faulty.Answer) {
	return properties(func(v map[string]any) {
		list, _ := v["channels"].([]any)
		change(v, list)
	})
}

func channelResourceFaults() []fault {
	list, shown := asking("GET list"), asking("GET list", "GET channel", "POST list", "PUT channel")
	return slices.Concat([]fault{
		alters("a Channel has no mode", shown, ofChannels(sets("mode", nil)), "list-shape", "shape", "create", "create-defaults"),
		alters("a ttl is a text", shown, ofChannels(sets("ttl", "604800")), "list-shape", "shape", "create-defaults", "create-settings", "change"),
		alters("a Channel is of no date", shown, ofChannels(sets("created", "2026-01-01T00:00:00Z")), "list-shape", "shape"),
		alters("rights are texts", shown, ofChannels(sets("can_read", "yes")), "list-shape", "shape", "create-rights", "create-grants", "right-read"),
		alters("a Channel is null where it is nothing", shown, ofChannels(sets("from_collection", null{})), "list-shape", "shape"),
		alters("the list says less", list, inListOnly(func(_ map[string]any, list []any) {
			for _, c := range list {
				c.(map[string]any)["description"] = "another"
			}
		}), "list-own"),
		alters("the list has what is not there", list, inListOnly(func(v map[string]any, list []any) {
			if len(list) > 0 {
				c := map[string]any{}
				for name, value := range list[0].(map[string]any) {
					c[name] = value
				}
				c["name"] = "not-there"
				v["channels"] = append(list, c)
			}
		}), "list-rights"),
		alters("the list shows no rights", list, inListOnly(func(_ map[string]any, list []any) {
			for _, c := range list {
				for _, right := range []string{"can_read", "can_write", "can_manage"} {
					c.(map[string]any)[right] = false
				}
			}
		}), "list-rights", "list-own"),
		twists("the list knows no limit", list, unasks("limit"), "list-pages", "list-limit"),
		twists("the list begins anew", list, unasks("next"), "list-pages"),
		alters("the list ends early", list, inListOnly(func(v map[string]any, _ []any) { delete(v, "more") }), "list-pages"),
		alters("an empty list is there", list, says("channels", []any{}), "list-empty", "list-own", "list-pages"),
		alters("a Channel is created with 200", asking("POST list"), func(_ *http.Request, a *faulty.Answer) {
			if a.Status == http.StatusCreated && strings.Contains(string(a.Body), "what is on it") {
				a.Status = http.StatusOK
			}
		}, "create"),
		alters("a new Channel has no Location", asking("POST list"), puts("Location"), "create-location"),
		alters("Location leads to the list", asking("POST list"), func(r *http.Request, a *faulty.Answer) { a.Header.Set("Location", r.URL.Path) }, "create-location"),
		alters("a new Channel lasts a day", shown, ofChannels(sets("ttl", 86400)), "create-defaults"),
		alters("a new Channel takes any type", shown, ofChannels(sets("content_type", "*/*")), "create-defaults", "create-defaults"),
		twists("settings are forgotten", asking("POST list"), rewrites(func(v map[string]any) {
			for _, name := range []string{"title", "max_messages", "max_bytes", "permitted_messages"} {
				delete(v, name)
			}
		}), "create-settings", "change-keeps", "publish-full", "publish-full-bytes", "publish-not-permitted", "publish-not-permitted-stix"),
		twists("a size is forgotten", asking("POST list"), rewrites(sets("max_message_size", nil)), "create-settings", "publish-too-large"),
		twists("grants of a new Channel are forgotten", asking("POST list"), rewrites(sets("grants", nil)), "create-grants"),
		twists("a mode is forgotten", asking("POST list"), rewrites(sets("mode", nil)), "publish-read-only", "read-write-only", "precedence-501"),
		twists("what shows publishers is forgotten", asking("POST list"), rewrites(sets("show_publishers", nil)), "publisher", "match-publisher"),
		alters("who creates may not manage", shown, ofChannels(sets("can_manage", false)), "create-rights", "right-manage"),
		alters("all is an empty list", shown, ofChannels(func(c map[string]any) {
			if c["permitted_messages"] == nil {
				c["permitted_messages"] = []any{}
			}
		}), "create-empty-permitted", "create-defaults", "shape"),
		forges("a Channel has no other name", func(r *http.Request) bool {
			s := strings.Split(r.URL.Path, "/")
			return spotOf(r) != "" && len(s) > 3 && len(s[3]) == 36
		}, always(an(404)), "id"),
		alters("the ends of a Channel are confused", asking("GET channel"), ofChannels(func(c map[string]any) {
			c["earliest"], c["latest"] = c["latest"], c["earliest"]
		}), "ends"),
		alters("the ends of a Channel are lost", asking("GET channel"), ofChannels(func(c map[string]any) {
			delete(c, "earliest")
			delete(c, "latest")
		}), "ends"),
	}, channelChangeFaults())
}

func channelChangeFaults() []fault {
	var tags atomic.Int32
	return []fault{
		forges("a change is forgotten", asking("PUT channel"), always(an(200)), "change", "change-etag", "change"),
		twists("a change empties what it does not name", asking("PUT channel"), rewrites(func(v map[string]any) { v["title"] = "" }), "change-keeps"),
		alters("a Channel has no ETag", asking("GET channel", "GET grants", "GET subscription"), puts("ETag"), "change-etag", "change-if-match", "delete-if-match", "sub-if-match", "grants-if-match"),
		alters("a Channel has always one ETag", asking("GET channel"), puts("ETag", `"one"`), "change-etag"),
		alters("a Channel has a weak ETag", asking("GET channel"), func(_ *http.Request, a *faulty.Answer) {
			a.Header.Set("ETag", `W/"`+strconv.Itoa(int(tags.Add(1)))+`"`)
		}, "change-etag"),
		alters("a Channel is renamed", asking("GET channel"), says("name", "another"), "change-name", "draft-information"),
		alters("a ttl is the least", asking("GET channel"), says("ttl", 60), "change-bounds"),
		alters("a Channel is ended with 200", asking("DELETE channel"), func(_ *http.Request, a *faulty.Answer) {
			if a.Status == http.StatusNoContent {
				*a = *an(http.StatusOK)()
			}
		}, "delete", "delete-if-match", "delete-messages", "delete-cursor", "delete-subscription"),
		forges("a Channel is never ended", asking("DELETE channel"), func(*http.Request) *faulty.Answer {
			return &faulty.Answer{Status: http.StatusNoContent, Header: http.Header{}}
		}, "delete"),
		alters("a new Channel has old Messages", pageReads, properties(func(v map[string]any) {
			if v["messages"] == nil {
				v["messages"] = []any{map[string]any{"id": taxii.NewID()}}
			}
		}), "delete-messages", "wait-empty", "read-latest"),
		alters("a 410 leads to the end", pageReads, func(_ *http.Request, a *faulty.Answer) {
			if a.Status == http.StatusGone {
				a.JSON(func(v map[string]any) {
					if d, ok := v["details"].(map[string]any); ok {
						d["earliest"] = taxii.Latest
					}
				})
			}
		}, "delete-cursor"),
		alters("a 410 is for another reason", channelled, func(_ *http.Request, a *faulty.Answer) {
			if a.Status == http.StatusGone {
				a.Body = bytes.ReplaceAll(a.Body, []byte(`"replaced"`), []byte(`"expired"`))
			}
		}, "delete-cursor", "stream-gone", "sub-start-gone"),
	}
}
