package faulty_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial/faulty"
	"github.com/hansom-taxii/hansom/taxii"
)

// dated changes added_after where it is a date.
func dated(name string, change func(text string, at taxii.Time) string, breaks ...string) fault {
	return reasked(name, func(_ string, q url.Values) {
		text := q.Get("added_after")
		if at, err := taxii.ParseTime(text); err == nil && len(q["added_after"]) == 1 {
			q.Set("added_after", change(text, at))
		}
	}, breaks...)
}

// dateless refuses an added_after that is of a form.
func dateless(name, form string, breaks ...string) fault {
	shape := regexp.MustCompile(form)
	return turned(name, 400, func(end string, _ *http.Request, q url.Values) bool {
		return end != "" && q.Get("added_after") != "" && shape.MatchString(q.Get("added_after"))
	}, breaks...)
}

func dateFilterFaults() []fault {
	return []fault{
		forgets("added_after", "filter/added-after", "filter/added-after-alone", "filter/added-after-exclusive", "filter/added-after-microsecond", "filter/added-after-future",
			"filter/added-after-milliseconds", "filter/added-after-nanoseconds", "filter/added-after-stripped", "filter/added-after-offset", "filter/added-after-space",
			"filter/added-after-text", "filter/added-after-number", "filter/added-after-day", "filter/added-after-impossible", "filter/added-after-list",
			"filter/and-date", "filter/and-or-date", "filter/plain-colons", "manifest/added-after", "object/added-after", "object/added-after-future",
			"versions/added-after", "versions/empty", "paging/walk-after", "paging/followed", "paging/objects-dates", "headers/end", "headers/end-cut"),
		dated("added_after takes in its own date", func(_ string, at taxii.Time) string { return (at - 1).String() },
			"filter/added-after", "filter/added-after-exclusive", "manifest/added-after", "object/added-after", "versions/added-after", "paging/followed", "headers/end"),
		dated("dates are compared in milliseconds", func(_ string, at taxii.Time) string { return ((at + 999) / 1000 * 1000).String() },
			"filter/added-after-microsecond", "filter/added-after-nanoseconds", "filter/added-after-stripped", "filter/added-after-offset",
			"filter/added-after-space", "filter/plain-colons"),
		listed("added_after is compared with modified", func(_ string, q url.Values, list []any) []any {
			after, _ := taxii.ParseTime(q.Get("added_after"))
			return slices.DeleteFunc(list, func(item any) bool {
				o, _ := item.(map[string]any)
				text, is := o["modified"].(string)
				modified, _ := taxii.ParseTime(text)
				return is && modified <= after
			})
		}, "filter/added-after-added", "filter/added-after-seconds", "filter/added-after", "objects/all"),
		dated("an offset is not looked at", func(text string, at taxii.Time) string {
			if i := strings.LastIndexAny(text, "+ "); i > 0 {
				return text[:i] + "Z"
			}
			return text
		}, "filter/added-after-offset", "filter/added-after-space"),
		dated("a fraction is rounded", func(text string, at taxii.Time) string {
			if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
				return taxii.TimeOf(t.Add(500 * time.Nanosecond)).String()
			}
			return text
		}, "filter/added-after-nanoseconds"),
		dateless("a date needs six digits", `T\d\d:\d\d:\d\d(\.\d{1,5}|\.\d{7,})?(Z|[+ ]\d\d:\d\d)$`,
			"filter/added-after-seconds", "filter/added-after-milliseconds", "filter/added-after-nanoseconds", "filter/added-after-stripped", "headers/end-cut"),
		dateless("a date needs Z", `[^Z]$`, "filter/added-after-offset", "filter/added-after-space"),
		dateless("a space in a date is malformed", ` `, "filter/added-after-space"),
		dateless("dates begin with this century", `^19`, "filter/added-after-epoch"),
		turned("an empty value is malformed", 400, func(end string, _ *http.Request, q url.Values) bool {
			for _, values := range q {
				if end != "" && slices.Contains(values, "") {
					return true
				}
			}
			return false
		}, "filter/added-after-empty", "filter/limit-empty", "filter/empty-match", "paging/next-empty"),
		reasked("a date that is none is ignored", func(_ string, q url.Values) {
			if _, err := taxii.ParseTime(q.Get("added_after")); err != nil {
				q.Del("added_after")
			}
		}, "filter/added-after-text", "filter/added-after-number", "filter/added-after-day", "filter/added-after-impossible", "filter/added-after-list",
			"manifest/malformed-date", "object/malformed-date", "versions/malformed-date"),
	}
}

func limitFaults() []fault {
	return []fault{
		forgets("limit", "filter/limit", "filter/limit-alone", "paging/objects-limit", "paging/manifest-limit", "paging/object-limit", "paging/versions-limit",
			"filter/limit-zero", "filter/limit-negative", "filter/limit-text", "filter/limit-fraction", "manifest/malformed", "object/limit-zero", "versions/limit-text",
			"paging/limit-lowered", "objects/more-true"),
		reasked("limit counts from zero", func(_ string, q url.Values) {
			if n, err := strconv.Atoi(q.Get("limit")); err == nil && n > 0 {
				q.Set("limit", strconv.Itoa(n+1))
			}
		}, "filter/limit", "filter/limit-alone", "paging/objects-limit", "paging/manifest-limit", "paging/object-limit", "paging/versions-limit", "paging/limit-lowered"),
		reasked("a limit that is none is ignored", func(_ string, q url.Values) {
			if n, err := strconv.Atoi(q.Get("limit")); err != nil || n < 1 {
				q.Del("limit")
			}
		}, "filter/limit-zero", "filter/limit-negative", "filter/limit-text", "filter/limit-fraction", "manifest/malformed", "object/limit-zero", "versions/limit-text"),
		reasked("numbers end where letters begin", func(_ string, q url.Values) {
			for _, name := range []string{"limit", "added_after"} {
				if text, ok := strings.CutSuffix(q.Get(name), "x"); ok {
					q.Set(name, text)
				} else if text, ok := strings.CutSuffix(q.Get(name), "ulu"); ok {
					q.Set(name, text)
				}
			}
		}, "filter/limit-trailing", "filter/added-after-trailing"),
		turned("limit=0 breaks the server", 500, func(_ string, _ *http.Request, q url.Values) bool { return q.Get("limit") == "0" },
			"filter/limit-zero", "manifest/malformed", "object/limit-zero"),
		turned("a large number breaks the server", 500, func(_ string, _ *http.Request, q url.Values) bool { return len(q.Get("limit")) > 18 }, "filter/limit-huge"),
		turned("a high limit is refused", 400, func(_ string, _ *http.Request, q url.Values) bool {
			n, _ := strconv.Atoi(q.Get("limit"))
			return n > 10_000
		}, "filter/limit-high"),
		fullPageHasMore(),
		listed("the last of a page that is not full is lost", func(_ string, q url.Values, list []any) []any {
			if n, err := strconv.Atoi(q.Get("limit")); err == nil && 0 < len(list) && len(list) < n {
				list = list[:len(list)-1]
			}
			return list
		}, "filter/limit-above", "filter/limit-high", "paging/walk-3", "paging/walk-100", "paging/walk-latest", "paging/limit-raised", "paging/filter-first"),
	}
}

// fullPageHasMore takes a page that is as long as limit for one of several.
func fullPageHasMore() fault {
	return fault{[]string{"filter/limit-exact", "paging/more-leads-on"}, faulty.Fault{Name: "a full page always has more",
		Request: func(r *http.Request) *faulty.Answer {
			if r.URL.Query().Get("next") != "end" {
				return nil
			}
			return &faulty.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {taxii.MediaType}}, Body: []byte(`{"more":false}`)}
		},
		Answer: func(r *http.Request, a *faulty.Answer) {
			limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
			if endpoint(r) == "" || err != nil {
				return
			}
			a.JSON(func(v map[string]any) {
				if list, _ := v["objects"].([]any); len(list) == limit && v["more"] == false {
					v["more"], v["next"] = true, "end"
				}
			})
		}}}
}

// firstOf leaves of each list in a query the first values.
func firstOf(name string, n int, breaks ...string) fault {
	return reasked(name, func(_ string, q url.Values) {
		for field := range q {
			if list := strings.Split(q.Get(field), ","); strings.HasPrefix(field, "match[") && len(list) > n {
				q.Set(field, strings.Join(list[:n], ","))
			}
		}
	}, breaks...)
}

func matchFaults() []fault {
	version := func(name, from, to string, breaks ...string) fault {
		return reasked(name, func(_ string, q url.Values) {
			if v := q.Get("match[version]"); v == from {
				q.Set("match[version]", to)
			}
		}, breaks...)
	}
	return []fault{
		forgets("match[id]", "filter/id", "filter/id-several", "filter/id-many", "filter/id-unknown", "filter/id-some-unknown", "filter/id-malformed", "filter/id-part", "filter/id-wildcard",
			"filter/and", "filter/escaped", "filter/plain-brackets", "filter/plain-comma", "manifest/match-id", "objects/empty-list"),
		reasked("the beginning of an id is enough", func(_ string, q url.Values) {
			if id := q.Get("match[id]"); len(id) > 0 && len(id) < 40 || len(id) == len("identity--")+35 {
				q.Del("match[id]")
			}
		}, "filter/id-part", "filter/id-wildcard", "filter/id-malformed"),
		turned("what is no id breaks the server", 500, func(_ string, _ *http.Request, q url.Values) bool { return q.Get("match[id]") == "not-an-id" }, "filter/id-malformed"),
		firstOf("the first of several values counts", 1, "filter/id-several", "filter/id-some-unknown", "filter/id-many", "filter/type-several",
			"filter/type-without-modified", "filter/type-stix",
			"filter/version-dates", "filter/version-first-last", "filter/version-last-date", "filter/spec-both", "filter/and-or", "filter/escaped", "filter/plain-comma",
			"manifest/match-type", "manifest/records", "object/version-dates", "object/spec-both", "versions/spec-both", "paging/walk-100"),
		firstOf("a list has at most 20 values", 20, "filter/id-many"),
		reasked("a list of more than 30 values is cut", func(_ string, q url.Values) {
			if list := strings.Split(q.Get("match[id]"), ","); len(list) > 30 {
				q.Set("match[id]", strings.Join(list[len(list)-30:], ","))
			}
		}, "filter/id-many", "paging/long-query"),
		forgets("match[type]", "filter/type", "filter/type-alone", "filter/type-several", "filter/type-without-modified", "filter/type-custom", "filter/type-absent", "filter/type-quotes",
			"filter/and", "filter/and-nothing", "filter/and-version", "filter/and-date", "filter/and-spec", "filter/and-or", "filter/and-or-date",
			"manifest/match-type", "manifest/and", "paging/walk-type", "paging/walk-type-alone", "paging/filter-first"),
		turned("types that the server does not hold are refused", 400, func(_ string, _ *http.Request, q url.Values) bool {
			return strings.Contains(q.Get("match[type]"), "infrastructure")
		}, "filter/type-stix", "filter/type-absent"),
		turned("a custom type breaks the server", 500, func(_ string, _ *http.Request, q url.Values) bool {
			return strings.HasPrefix(q.Get("match[type]"), "x-")
		}, "filter/type-custom"),
		forgets("match[version]", "filter/version-first", "filter/version-all", "filter/version-date", "filter/version-old", "filter/version-dates", "filter/version-first-last",
			"filter/version-last-date", "filter/version-no-such", "filter/version-other-date", "filter/version-alone", "filter/version-malformed",
			"filter/version-all-beside", "filter/version-twice",
			"filter/and-version", "filter/and-or", "manifest/version-first", "manifest/version-date", "manifest/version-all", "manifest/records",
			"object/version-all", "object/version-first", "object/version-date", "object/version-dates", "object/version-no-such", "versions/usable"),
		version("last is what was added last", "last", "first", "filter/version-last", "object/version-last"),
		version("first is the last", "first", "last", "filter/version-first", "object/version-first", "manifest/version-first", "filter/version-alone"),
		listed("first and last are looked up one by one", func(_ string, q url.Values, list []any) []any {
			if q.Get("match[version]") == "first,last" {
				list = append(list, list...)
			}
			return list
		}, "filter/version-same", "filter/version-first-last", "filter/and-or"),
		listed("match[version] finds what has a modified alone", func(end string, q url.Values, list []any) []any {
			return slices.DeleteFunc(list, func(item any) bool {
				o, _ := item.(map[string]any)
				return end == "objects" && q.Has("match[version]") && o["modified"] == nil
			})
		}, "filter/version-created", "filter/version-dateless", "filter/version-first-dateless", "filter/version-all-dateless", "filter/spec-21", "paging/walk-3"),
		reasked("versions are compared in seconds", func(_ string, q url.Values) {
			q.Set("match[version]", strings.Replace(q.Get("match[version]"), ".001Z", ".000Z", 1))
		}, "filter/version-other-date"),
		turned("keywords in a list break the server", 500, func(_ string, _ *http.Request, q url.Values) bool {
			v := q.Get("match[version]")
			return v == "first,all" || v == "first,first" || v == "newest"
		}, "filter/version-all-beside", "filter/version-twice", "filter/version-malformed"),
		forgets("match[spec_version]", "filter/spec-20", "filter/spec-21", "filter/spec-both", "filter/spec-latest", "filter/spec-only-21", "filter/spec-unknown", "filter/and-spec",
			"manifest/spec", "object/spec-20", "object/spec-both", "object/spec-no-such", "versions/spec-20", "versions/spec-both"),
		each("an observable without spec_version is of STIX 2.0", func(o map[string]any) map[string]any {
			if o["created"] == nil && o["spec_version"] == nil {
				return nil
			}
			return o
		}, "filter/spec-of-observable"),
		reasked("versions are listed of every version of STIX", func(end string, q url.Values) {
			if end == "versions" {
				q.Set("match[spec_version]", "2.0,2.1")
			}
		}, "versions/spec-20", "versions/spec-21"),
		{[]string{"filter/spec-latest", "filter/spec-20", "filter/and-spec", "object/spec-20", "manifest/spec"},
			faulty.Fault{Name: "the latest version is chosen before match[spec_version]", Answer: func(r *http.Request, a *faulty.Answer) {
				if q := r.URL.Query(); q.Get("match[spec_version]") == "2.0" && !q.Has("match[version]") {
					a.JSON(func(v map[string]any) {
						list, _ := v["objects"].([]any)
						list = slices.DeleteFunc(list, func(item any) bool { return strings.HasPrefix(item.(map[string]any)["id"].(string), "tool--") })
						v["objects"] = list
					})
				}
			}}},
		reasked("of several match fields one counts", func(_ string, q url.Values) {
			for _, field := range []string{"match[version]", "match[type]", "match[spec_version]"} {
				if q.Has("match[id]") && q.Get(field) != "all" {
					q.Del(field)
				}
			}
		}, "filter/and", "filter/and-nothing", "filter/and-spec", "filter/and-or", "manifest/and", "manifest/match-type", "manifest/spec"),
	}
}

// raw looks at a query as it stands in the URL.
func raw(name string, code int, sign string, breaks ...string) fault {
	return turned(name, code, func(end string, r *http.Request, _ url.Values) bool {
		return end != "" && strings.Contains(r.URL.RawQuery, sign)
	}, breaks...)
}

func queryFaults() []fault {
	return []fault{
		reasked("of parameters that are repeated the last counts", func(_ string, q url.Values) {
			for name, values := range q {
				q.Set(name, values[len(values)-1])
			}
		}, "filter/repeated-*", "manifest/repeated", "object/repeated", "versions/repeated"),
		{[]string{"filter/bad-escape"}, faulty.Fault{Name: "an escape that is none is text", Request: func(r *http.Request) *faulty.Answer {
			r.URL.RawQuery = strings.ReplaceAll(r.URL.RawQuery, "%zz", "%25zz")
			return nil
		}}},
		raw("plain brackets are malformed", 400, "[", "filter/plain-brackets"),
		raw("plain commas are malformed", 400, ",", "filter/plain-comma"),
		raw("plain colons are malformed", 400, ":", "filter/plain-colons"),
		raw("escapes are in capitals", 400, "%5b", "filter/escaped"),
		turned("a match field that is not known breaks the server", 500, func(_ string, _ *http.Request, q url.Values) bool { return q.Has("match[x_nobody_knows]") },
			"filter/unknown-match", "manifest/unknown"),
		turned("a match field that an endpoint lacks breaks the server", 500, func(end string, _ *http.Request, q url.Values) bool {
			return end == "object" && q.Has("match[type]") || end == "versions" && q.Has("match[version]")
		}, "object/other-match", "versions/match-version"),
		turned("a parameter that is not known is refused", 400, func(_ string, _ *http.Request, q url.Values) bool { return q.Has("modified_after") }, "filter/unknown-parameter"),
		turned("a query where there is none to be is refused", 400, func(end string, r *http.Request, _ url.Values) bool { return end == "" && r.URL.RawQuery != "" }, "filter/elsewhere"),
		turned("a filter on everything is too much", 500, func(_ string, _ *http.Request, q url.Values) bool { return strings.Contains(q.Get("match[type]"), "'") }, "filter/type-quotes"),
	}
}
