package faulty_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/internal/trial/faulty"
	"github.com/hansom-taxii/hansom/taxii"
)

// replaceBody writes another JSON value in the place of an object.
func replaceBody(a *faulty.Answer, other func(map[string]any) any) {
	var v map[string]any
	if json.Unmarshal(a.Body, &v) != nil {
		return
	}
	if text, err := json.Marshal(other(v)); err == nil {
		a.Body = text
	}
}

// repaged pages by counting, over a list that was put into another order.
func repaged(name string, arrange func([]any) []any, breaks ...string) fault {
	limit, from := 0, 0
	return fault{breaks, faulty.Fault{Name: name, Request: func(r *http.Request) *faulty.Answer {
		if endpoint(r) == "" {
			return nil
		}
		q := r.URL.Query()
		limit, _ = strconv.Atoi(q.Get("limit"))
		from, _ = strconv.Atoi(strings.TrimPrefix(q.Get("next"), "p"))
		q.Del("limit")
		q.Del("next")
		r.URL.RawQuery = q.Encode()
		return nil
	}, Answer: func(r *http.Request, a *faulty.Answer) {
		if end := endpoint(r); end != "" && limit > 0 {
			a.JSON(func(v map[string]any) {
				list, _ := v[keyOf(end)].([]any)
				list = arrange(list)[min(from, len(list)):]
				if len(list) > limit {
					list = list[:limit]
					v["more"], v["next"] = true, "p"+strconv.Itoa(from+limit)
				}
				v[keyOf(end)] = list
			})
		}
	}}}
}

// nexts remembers which next was given with what.
type nexts map[string]*http.Request

// seen takes the next of a page.
func (n nexts) seen(r *http.Request, a *faulty.Answer) {
	if endpoint(r) != "" {
		a.JSON(func(v map[string]any) {
			if next, is := v["next"].(string); is {
				n[next] = r
			}
		})
	}
}

// remembering makes a fault that knows, for a request with a next, the request
// that was answered with it; nil for a next that never was.
func remembering(name string, change func(r, from *http.Request, q url.Values) *faulty.Answer, breaks ...string) fault {
	given := nexts{}
	return fault{breaks, faulty.Fault{Name: name, Answer: given.seen, Request: func(r *http.Request) *faulty.Answer {
		q := r.URL.Query()
		if endpoint(r) == "" || !q.Has("next") {
			return nil
		}
		before := q.Encode()
		a := change(r, given[q.Get("next")], q)
		if q.Encode() != before {
			r.URL.RawQuery = q.Encode()
		}
		return a
	}}}
}

func cursorFaults() []fault {
	used := map[string]bool{}
	return []fault{
		pages("next is a number", func(_ string, v map[string]any) {
			if v["next"] != nil {
				v["next"] = 12345
			}
		}, "paging/next-is-text"),
		pages("next is empty", func(_ string, v map[string]any) {
			if v["next"] != nil {
				v["next"] = ""
			}
		}, "paging/next-not-empty", "paging/objects-next", "paging/manifest-next", "paging/object-next", "paging/versions-next"),
		pages("next has signs of its own", func(_ string, v map[string]any) {
			if next, is := v["next"].(string); is {
				v["next"] = next + "+/=="
			}
		}, "paging/next-url-safe", "paging/walk-3"),
		pages("there is more and no next", func(_ string, v map[string]any) { delete(v, "next") },
			"paging/next-not-empty", "paging/next-is-text", "paging/objects-next", "paging/manifest-next", "paging/object-next", "paging/versions-next",
			"paging/objects-alone", "paging/manifest-alone", "paging/object-alone", "paging/versions-alone"),
		remembering("next alone forgets the query", func(_, from *http.Request, q url.Values) *faulty.Answer {
			if from != nil && !q.Has("match[id]") && !q.Has("match[version]") {
				return failed(http.StatusBadRequest)
			}
			return nil
		}, "paging/objects-alone", "paging/manifest-alone", "paging/object-alone", "paging/versions-alone", "paging/walk-type-alone"),
		nextIsDate(),
		remembering("next beside a query is malformed", func(_, _ *http.Request, q url.Values) *faulty.Answer {
			if len(q) > 1 {
				return failed(http.StatusBadRequest)
			}
			return nil
		}, "paging/objects-repeated", "paging/manifest-repeated", "paging/object-repeated", "paging/versions-repeated", "paging/limit-left-out", "paging/long-query", "paging/walk-latest"),
		remembering("next ends when it is used", func(_, _ *http.Request, q url.Values) *faulty.Answer {
			next := q.Get("next")
			if used[next] {
				return failed(http.StatusNotFound)
			}
			used[next] = true
			return nil
		}, "paging/again", "paging/again-later"),
		remembering("a next that never was begins anew", func(_, from *http.Request, q url.Values) *faulty.Answer {
			if from == nil {
				q.Del("next")
			}
			return nil
		}, of("paging", "garbage")...),
		remembering("a next that never was is not found", func(_, from *http.Request, _ url.Values) *faulty.Answer {
			if from == nil {
				return failed(http.StatusNotFound)
			}
			return nil
		}, append(of("paging", "garbage"), "paging/tampered")...),
		remembering("a next that never was breaks the server", func(_, from *http.Request, _ url.Values) *faulty.Answer {
			if from == nil {
				return failed(http.StatusInternalServerError)
			}
			return nil
		}, "paging/tampered", "paging/objects-garbage"),
		remembering("next outdoes the query beside it", func(_, _ *http.Request, q url.Values) *faulty.Answer {
			q.Del("match[type]")
			return nil
		}, "paging/contradicted"),
		remembering("next is a key to what it was given for", func(r, from *http.Request, _ url.Values) *faulty.Answer {
			if from != nil {
				r.Header.Set("Authorization", from.Header.Get("Authorization"))
			}
			return nil
		}, "paging/next-grants-nothing"),
		remembering("next leads to where it was given", func(r, from *http.Request, q url.Values) *faulty.Answer {
			if from != nil {
				r.URL.Path, r.URL.RawPath = from.URL.Path, ""
			}
			return nil
		}, "paging/foreign-collection", "paging/foreign-endpoint", "paging/foreign-manifest", "paging/foreign-object"),
		remembering("a next from elsewhere begins anew", func(r, from *http.Request, q url.Values) *faulty.Answer {
			if from != nil && from.URL.Path != r.URL.Path {
				q.Del("next")
			}
			return nil
		}, "paging/foreign-collection", "paging/foreign-endpoint", "paging/foreign-manifest"),
		remembering("limit is that of the first page", func(_, from *http.Request, q url.Values) *faulty.Answer {
			if from != nil {
				q.Set("limit", from.URL.Query().Get("limit"))
			}
			return nil
		}, "paging/limit-lowered"),
		remembering("limit may not change", func(_, from *http.Request, q url.Values) *faulty.Answer {
			if from != nil && q.Get("limit") != from.URL.Query().Get("limit") {
				return failed(http.StatusBadRequest)
			}
			return nil
		}, "paging/limit-lowered", "paging/limit-raised", "paging/limit-left-out"),
	}
}

// nextIsDate makes a next that is a place in the Collection and nothing more.
func nextIsDate() fault {
	last := map[string]string{}
	f := remembering("next is a place and no query", func(_, _ *http.Request, q url.Values) *faulty.Answer {
		if at := last[q.Get("next")]; at != "" {
			q.Del("next")
			q.Set("added_after", at)
		}
		return nil
	}, "paging/objects-alone", "paging/manifest-alone", "paging/object-alone", "paging/walk-type-alone")
	f.Answer = func(r *http.Request, a *faulty.Answer) {
		a.JSON(func(v map[string]any) {
			if next, is := v["next"].(string); is {
				last[next] = a.Header.Get("X-Taxii-Date-Added-Last")
			}
		})
	}
	return f
}

func walkFaults() []fault {
	allPages := append(join(of("paging", "repeated"), of("paging", "alone")), "paging/walk-1", "paging/walk-3", "paging/walk-latest", "paging/walk-after",
		"paging/walk-type", "paging/walk-type-alone", "paging/limit-lowered", "paging/limit-raised", "paging/limit-left-out", "paging/long-query", "paging/added-meanwhile")
	var before []any
	return []fault{
		listed("the first of each further page is lost", func(_ string, q url.Values, list []any) []any {
			if q.Has("next") && len(list) > 0 {
				list = list[1:]
			}
			return list
		}, allPages...),
		listed("the last of a page comes again in the next", func(_ string, q url.Values, list []any) []any {
			if q.Has("next") {
				list = append(before[max(0, len(before)-1):len(before):len(before)], list...)
			}
			before = list
			return list
		}, append(allPages, "paging/objects-limit", "paging/manifest-limit")...),
		pages("without limit there is one page", func(_ string, v map[string]any) {
			if list, _ := v["objects"].([]any); len(list) > 10 {
				v["objects"], v["more"] = list[:10], false
				delete(v, "next")
			}
		}, "paging/walk-without-limit", "objects/all", "paging/walk-100", "paging/followed"),
		filterAfterPage(),
		hidden(),
		{join(of("paging", "dates"), of("headers", "last")),
			faulty.Fault{Name: "the last date is that of all, not of the page", Answer: func(r *http.Request, a *faulty.Answer) {
				if endpoint(r) != "" && a.Header.Get("X-Taxii-Date-Added-Last") != "" {
					a.Header.Set("X-Taxii-Date-Added-Last", "2199-01-01T00:00:00.000000Z")
				}
			}}},
	}
}

// filterAfterPage takes objects out of a page instead of filling it.
func filterAfterPage() fault {
	kind := ""
	return fault{[]string{"paging/filter-first"}, faulty.Fault{Name: "a page is filtered when it is full", Request: func(r *http.Request) *faulty.Answer {
		if endpoint(r) == "" {
			return nil
		}
		q := r.URL.Query()
		kind = q.Get("match[type]")
		q.Del("match[type]")
		r.URL.RawQuery = q.Encode()
		return nil
	}, Answer: func(r *http.Request, a *faulty.Answer) {
		if endpoint(r) == "" || kind == "" {
			return
		}
		a.JSON(func(v map[string]any) {
			list, _ := v["objects"].([]any)
			var kept []any
			for _, item := range list {
				if item.(map[string]any)["type"] == kind {
					kept = append(kept, item)
				}
			}
			if delete(v, "objects"); kept != nil {
				v["objects"] = kept
			}
		})
	}}}
}

// hidden never shows what was added since the proxy stands there.
func hidden() fault {
	var posted string
	f := each("what was added a moment ago is not shown", func(o map[string]any) map[string]any {
		if id, is := o["id"].(string); is && strings.Contains(posted, id) {
			return nil
		}
		return o
	}, "paging/added-meanwhile", "paging/followed")
	f.Request = func(r *http.Request) *faulty.Answer {
		if r.Method == http.MethodPost {
			posted += string(bodyOf(r))
		}
		return nil
	}
	return f
}

// of names a check of each of the four endpoints.
func of(section, what string) (list []string) {
	for _, end := range []string{"objects", "manifest", "object", "versions"} {
		list = append(list, section+"/"+end+"-"+what)
	}
	return list
}

func dateHeaderFaults() []fault {
	const first, last = "X-Taxii-Date-Added-First", "X-Taxii-Date-Added-Last"
	both := func(name string, change func(a *faulty.Answer, text string) string, breaks ...string) fault {
		return headed(name, func(_ string, a *faulty.Answer, h http.Header) {
			h.Set(first, change(a, h.Get(first)))
			h.Set(last, change(a, h.Get(last)))
		}, breaks...)
	}
	none := func(a *faulty.Answer) bool { return !strings.Contains(string(a.Body), `":[`) }
	emptyPages := []string{"headers/objects-empty", "headers/manifest-empty", "headers/versions-empty"}
	return []fault{
		headed("there are no date headers", func(_ string, _ *faulty.Answer, h http.Header) { h.Del(first); h.Del(last) },
			join(of("headers", "there"), of("headers", "form"), of("headers", "first"), of("headers", "last"), of("paging", "dates"), emptyPages,
				[]string{"headers/empty-without-date", "headers/end", "headers/end-cut"})...),
		headed("date headers stand there twice", func(_ string, _ *faulty.Answer, h http.Header) { h.Add(first, h.Get(first)); h.Add(last, h.Get(last)) }, of("headers", "there")...),
		both("date headers have three digits", func(_ *faulty.Answer, text string) string { return text[:len(text)-4] + "Z" }, of("headers", "form")...),
		both("date headers have an offset", func(_ *faulty.Answer, text string) string { return strings.Replace(text, "Z", "+00:00", 1) }, of("headers", "form")...),
		headed("first is last", func(_ string, _ *faulty.Answer, h http.Header) { h[first], h[last] = h[last], h[first] }, join(of("headers", "first"), of("headers", "last"))...),
		both("date headers say when they were written", func(*faulty.Answer, string) string { return "2099-01-01T00:00:00.000000Z" },
			join(of("headers", "first"), of("headers", "last"), emptyPages)...),
		both("an empty page has undefined dates", func(a *faulty.Answer, text string) string {
			if none(a) {
				return "undefined"
			}
			return text
		}, append(emptyPages, "headers/empty-without-date")...),
		headed("the last date is cut to seconds", func(_ string, _ *faulty.Answer, h http.Header) {
			h.Set(last, h.Get(last)[:len("2026-01-01T00:00:00")]+".000000Z")
		}, join(of("headers", "last"), []string{"headers/end", "headers/end-cut"})...),
		offMilliseconds(),
	}
}

func join(lists ...[]string) (all []string) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// offMilliseconds moves all dates by half a millisecond.
func offMilliseconds() fault {
	const half = 500
	move := func(text string) string {
		at, err := taxii.ParseTime(text)
		if err != nil {
			return text
		}
		return (at + half).String()
	}
	f := reasked("dates of adding are what they happen to be", func(_ string, q url.Values) {
		if at, err := taxii.ParseTime(q.Get("added_after")); err == nil {
			q.Set("added_after", (at - half).String())
		}
	}, "headers/end-cut", "headers/whole-milliseconds")
	f.Answer = func(r *http.Request, a *faulty.Answer) {
		if endpoint(r) == "" {
			return
		}
		for _, name := range []string{"X-Taxii-Date-Added-First", "X-Taxii-Date-Added-Last"} {
			a.Header.Set(name, move(a.Header.Get(name)))
		}
		a.JSON(func(v map[string]any) {
			list, _ := v["objects"].([]any)
			for _, item := range list {
				if record, is := item.(map[string]any); is && record["date_added"] != nil {
					record["date_added"] = move(record["date_added"].(string))
				}
			}
		})
	}
	return f
}
