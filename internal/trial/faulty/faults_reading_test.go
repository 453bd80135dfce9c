package faulty_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/internal/trial/faulty"
	"github.com/hansom-taxii/hansom/taxii"
)

func readingFaults() []fault {
	return slices.Concat(formFaults(), sameFaults(), defaultFaults(), dateFilterFaults(), limitFaults(), matchFaults(), queryFaults(),
		cursorFaults(), walkFaults(), dateHeaderFaults(), recordFaults(), oneObjectFaults(), versionListFaults())
}

// endpoint names which of the four endpoints with pages a request reads; "" none.
func endpoint(r *http.Request) string {
	path := r.URL.Path
	switch {
	case r.Method != http.MethodGet || !strings.Contains(path, "/collections/"):
		return ""
	case strings.HasSuffix(path, "/manifest/"):
		return "manifest"
	case strings.HasSuffix(path, "/objects/"):
		return "objects"
	case strings.HasSuffix(path, "/versions/"):
		return "versions"
	case regexp.MustCompile(`/objects/[^/]+/$`).MatchString(path):
		return "object"
	}
	return ""
}

// reasked changes the query with which one of the four endpoints is asked.
func reasked(name string, change func(end string, q url.Values), breaks ...string) fault {
	return fault{breaks, faulty.Fault{Name: name, Request: func(r *http.Request) *faulty.Answer {
		if end := endpoint(r); end != "" {
			q := r.URL.Query()
			before := q.Encode()
			if change(end, q); q.Encode() != before { // else it stays as it was written
				r.URL.RawQuery = q.Encode()
			}
		}
		return nil
	}}}
}

// forgets makes a server that does not look at a parameter.
func forgets(parameter string, breaks ...string) fault {
	return reasked(parameter+" is ignored", func(_ string, q url.Values) { q.Del(parameter) }, breaks...)
}

// turned answers with an error where a request is of a kind.
func turned(name string, code int, when func(end string, r *http.Request, q url.Values) bool, breaks ...string) fault {
	return fault{breaks, faulty.Fault{Name: name, Request: func(r *http.Request) *faulty.Answer {
		if when(endpoint(r), r, r.URL.Query()) {
			return failed(code)
		}
		return nil
	}}}
}

// failed is an error as a server sends it.
func failed(code int) *faulty.Answer {
	return &faulty.Answer{Status: code, Header: http.Header{"Content-Type": {taxii.MediaType}}, Body: []byte(`{"title":"no","http_status":"` + strconv.Itoa(code) + `"}`)}
}

// pages changes the pages that the four endpoints give.
func pages(name string, change func(end string, v map[string]any), breaks ...string) fault {
	return fault{breaks, faulty.Fault{Name: name, Answer: func(r *http.Request, a *faulty.Answer) {
		if end := endpoint(r); end != "" && a.Status == http.StatusOK {
			a.JSON(func(v map[string]any) { change(end, v) })
		}
	}}}
}

// listed changes what stands in pages: objects, records or versions.
func listed(name string, change func(end string, q url.Values, list []any) []any, breaks ...string) fault {
	return fault{breaks, faulty.Fault{Name: name, Answer: func(r *http.Request, a *faulty.Answer) {
		if end := endpoint(r); end != "" && a.Status == http.StatusOK {
			a.JSON(func(v map[string]any) {
				key := keyOf(end)
				list, _ := v[key].([]any)
				if list = change(end, r.URL.Query(), slices.Clone(list)); len(list) > 0 {
					v[key] = list
				} else {
					delete(v, key)
				}
			})
		}
	}}}
}

func keyOf(end string) string {
	if end == "versions" {
		return "versions"
	}
	return "objects"
}

// each changes single objects, wherever they come; what it gives nil for is left
// out.
func each(name string, change func(o map[string]any) map[string]any, breaks ...string) fault {
	return listed(name, func(end string, _ url.Values, list []any) (kept []any) {
		for _, item := range list {
			if o, is := item.(map[string]any); is && o["type"] != nil && (end == "objects" || end == "object") {
				if o = change(o); o == nil {
					continue
				}
				item = o
			}
			kept = append(kept, item)
		}
		return kept
	}, breaks...)
}

// headed changes the headers of pages.
func headed(name string, change func(end string, a *faulty.Answer, h http.Header), breaks ...string) fault {
	return fault{breaks, faulty.Fault{Name: name, Answer: func(r *http.Request, a *faulty.Answer) {
		if end := endpoint(r); end != "" && a.Status == http.StatusOK {
			change(end, a, a.Header)
		}
	}}}
}

func empty(v map[string]any) bool { return v["objects"] == nil && v["versions"] == nil }

func formFaults() []fault {
	return []fault{
		pagesAs("objects come as a bare list", func(v map[string]any) any { return v["objects"] }, "objects/envelope", "object/envelope", "manifest/records", "objects/without-limit"),
		{[]string{"objects/i-json"}, faulty.Fault{Name: "more stands there twice", Answer: func(_ *http.Request, a *faulty.Answer) {
			a.Body = []byte(strings.Replace(string(a.Body), `{"more":`, `{"more":true,"more":`, 1))
		}}},
		{[]string{"objects/i-json", "objects/same-indicator0"}, faulty.Fault{Name: "answers are in Latin-1", Answer: func(_ *http.Request, a *faulty.Answer) {
			a.Body = []byte(strings.ReplaceAll(string(a.Body), "ü", "\xfc"))
		}}},
		pages("more is text", func(_ string, v map[string]any) {
			if more, is := v["more"].(bool); is {
				v["more"] = strconv.FormatBool(more)
			}
		}, "objects/more-boolean", "manifest/more-boolean", "versions/more-boolean"),
		pages("more is never said", func(_ string, v map[string]any) { delete(v, "more"); delete(v, "next") },
			"objects/more-true", "paging/objects-more", "paging/manifest-more", "paging/object-more", "paging/versions-more", "paging/objects-repeated", "paging/walk-3",
			"paging/objects-dates", "paging/manifest-dates", "paging/walk-latest", "paging/walk-type", "paging/walk-after"),
		pages("more is always true", func(_ string, v map[string]any) { v["more"] = true },
			"objects/more-false", "object/more", "versions/more", "objects/empty-more", "objects/next-only-with-more", "filter/limit-exact",
			"paging/more-leads-on", "paging/walk-3", "paging/walk-100", "filter/type", "filter/id", "filter/limit-above"),
		pages("next stands on every page", func(_ string, v map[string]any) {
			if v["next"] == nil {
				v["next"] = "AAAA"
			}
		}, "objects/next-only-with-more", "objects/empty-next", "paging/objects-last", "paging/manifest-last", "paging/object-last", "paging/versions-last"),
		pages("an envelope is a bundle", func(_ string, v map[string]any) { v["type"], v["id"] = "bundle", "bundle--"+taxii.NewID() }, "objects/no-bundle", "object/raw"),
		listed("objects come in a bundle", func(end string, _ url.Values, list []any) []any {
			if end == "manifest" || end == "versions" || len(list) == 0 {
				return list
			}
			return []any{map[string]any{"type": "bundle", "id": "bundle--" + taxii.NewID(), "objects": list}}
		}, "objects/raw-objects", "object/raw", "object/envelope", "object/as-objects", "objects/same-*", "object/same-*"),
		listed("objects come with what the store keeps around them", func(end string, _ url.Values, list []any) []any {
			for i := range list {
				list[i] = map[string]any{"object": list[i]}
			}
			return list
		}, "objects/stix", "objects/same-identity", "manifest/id", "versions/text", "manifest/envelope-none"),
		pages("own properties have names of their own form", func(_ string, v map[string]any) { v["Total-Count"] = 7 },
			"objects/property-names", "manifest/property-names", "versions/property-names"),
		turned("a query without limit is too large", 413, func(end string, _ *http.Request, q url.Values) bool { return end == "objects" && !q.Has("limit") },
			"objects/without-limit", "paging/walk-without-limit"),
		{[]string{"objects/empty", "objects/empty-list", "objects/empty-more", "objects/empty-next", "filter/id-unknown", "filter/id-malformed", "filter/added-after-future",
			"filter/and-nothing", "filter/type-absent", "filter/version-no-such", "filter/spec-only-21", "manifest/empty", "versions/empty",
			"headers/objects-empty", "headers/manifest-empty", "headers/versions-empty"},
			faulty.Fault{Name: "an empty page is a 404", Answer: func(r *http.Request, a *faulty.Answer) {
				if endpoint(r) != "" && a.Status == http.StatusOK {
					a.JSON(func(v map[string]any) {
						if empty(v) {
							a.Status = http.StatusNotFound
						}
					})
				}
			}}},
		pages("nothing is an empty list", func(end string, v map[string]any) {
			if empty(v) {
				v[keyOf(end)] = []any{}
			}
		}, "objects/empty-list", "manifest/empty", "versions/empty"),
	}
}

// pagesAs gives instead of a page another JSON value.
func pagesAs(name string, other func(map[string]any) any, breaks ...string) fault {
	return fault{breaks, faulty.Fault{Name: name, Answer: func(r *http.Request, a *faulty.Answer) {
		if endpoint(r) != "" && a.Status == http.StatusOK {
			replaceBody(a, other)
		}
	}}}
}

func sameFaults() []fault {
	of := func(kind string, change func(map[string]any)) func(map[string]any) map[string]any {
		return func(o map[string]any) map[string]any {
			if kind == "" || o["type"] == kind {
				change(o)
			}
			return o
		}
	}
	return []fault{
		each("letters outside ASCII are lost", of("indicator", func(o map[string]any) { o["name"] = strings.ReplaceAll(o["name"].(string), "ü", "?") }),
			"objects/same-indicator0", "object/same-indicator1"),
		each("numbers become text", of("indicator", func(o map[string]any) { o["confidence"] = "85" }), "objects/same-indicator0", "object/same-indicator1"),
		each("dates lose their fraction", of("", func(o map[string]any) {
			if s, is := o["created"].(string); is {
				o["created"] = strings.Replace(s, ".000Z", "Z", 1)
			}
		}), "objects/same-identity", "objects/same-relationship", "objects/same-campaign", "objects/same-note", "objects/same-marking", "object/same-marking", "object/same-campaign"),
		each("observables are given dates", of("", func(o map[string]any) {
			if o["created"] == nil {
				o["created"], o["modified"] = "2024-03-01T10:00:00.000Z", "2024-03-01T10:00:00.000Z"
			}
		}), "objects/same-address", "objects/same-file", "object/same-address"),
		each("names in dictionaries are written small", of("file", func(o map[string]any) { o["hashes"] = map[string]any{"md5": "d41d8cd98f00b204e9800998ecf8427e"} }),
			"objects/same-file"),
		each("control characters are lost", of("note", func(o map[string]any) { o["content"] = strings.ReplaceAll(o["content"].(string), "\t", " ") }), "objects/same-note"),
		each("spec_version is filled in", of("", func(o map[string]any) { o["spec_version"] = "2.1" }), "objects/same-campaign", "object/same-campaign"),
		each("custom properties are lost", of("", func(o map[string]any) { delete(o, "x_hansom_check") }), "objects/same-custom", "object/same-custom"),
		each("numbers go through 32 bits", of("x-hansom-check", func(o map[string]any) {
			o["x_hansom_check"].(map[string]any)["numbers"] = []any{0.000125, -7, 2147483647}
		}), "objects/same-custom", "object/same-custom"),
		each("revoked is lost", of("", func(o map[string]any) { delete(o, "revoked") }), "objects/same-revoked", "object/same-revoked"),
		each("objects are given what the server knows of them", of("", func(o map[string]any) { o["date_added"] = "2026-01-01T00:00:00.000000Z" }),
			"objects/same-*", "object/same-*"),
		{[]string{"object/as-objects", "object/same-indicator1", "object/same-custom", "object/same-revoked"},
			faulty.Fault{Name: "an object by its id is another", Answer: func(r *http.Request, a *faulty.Answer) {
				if endpoint(r) == "object" {
					a.Body = []byte(strings.ReplaceAll(string(a.Body), `"name":"`, `"name":"the `))
					a.Body = []byte(strings.ReplaceAll(string(a.Body), `"revoked":true`, `"revoked":false`))
				}
			}}},
	}
}

func defaultFaults() []fault {
	unless := func(parameter, value string) func(string, url.Values) {
		return func(end string, q url.Values) {
			if !q.Has(parameter) && !q.Has("next") && end != "versions" {
				q.Set(parameter, value)
			}
		}
	}
	without := func(property string, value any) func(map[string]any) map[string]any {
		return func(o map[string]any) map[string]any {
			if o[property] == value {
				return nil
			}
			return o
		}
	}
	return []fault{
		reasked("the first version is given unless another is asked for", unless("match[version]", "first"),
			"objects/latest", "objects/all", "manifest/latest", "object/latest", "objects/revoked", "paging/walk-latest", "filter/id-many"),
		reasked("all versions are given unless one is asked for", unless("match[version]", "all"),
			"objects/latest", "objects/one-version", "objects/all", "manifest/latest", "object/latest", "paging/walk-latest"),
		reasked("every version of STIX is given unless one is asked for", unless("match[spec_version]", "2.0,2.1"),
			"objects/highest-spec", "manifest/highest-spec", "object/spec-highest"),
		reasked("STIX 2.1 alone is given unless another version is asked for", unless("match[spec_version]", "2.1"), "objects/only-20", "object/same-campaign", "objects/all"),
		each("what has no modified is left out", without("modified", nil), "objects/without-modified", "filter/type-without-modified", "objects/same-address",
			"objects/same-file", "objects/same-marking", "object/same-address", "object/same-marking", "filter/version-created", "filter/id-several"),
		each("what is revoked is left out", without("revoked", true), "objects/revoked", "objects/same-revoked", "object/same-revoked", "filter/type"),
		each("relationships are left out", without("type", "relationship"), "objects/all", "objects/same-relationship", "filter/type-alone", "paging/walk-without-limit"),
		once(),
		listed("the newest come first", func(_ string, _ url.Values, list []any) []any { slices.Reverse(list); return list },
			"objects/ascending", "objects/ascending-latest", "objects/order-of-adds", "manifest/ascending", "versions/ascending",
			"headers/objects-first", "headers/objects-last", "headers/manifest-first", "headers/manifest-last", "headers/object-first", "headers/object-last",
			"headers/versions-first", "headers/versions-last"),
		listed("pages are sorted by what stands in them", func(end string, _ url.Values, list []any) []any {
			slices.SortFunc(list, func(a, b any) int { return strings.Compare(sortKey(a), sortKey(b)) })
			return list
		}, "objects/ascending", "objects/ascending-latest", "objects/order-of-adds", "manifest/ascending", "versions/ascending", "headers/objects-last", "headers/manifest-last"),
		repaged("pages begin with the newest", func(list []any) []any { slices.Reverse(list); return list },
			"objects/oldest-first", "paging/objects-ascending", "paging/manifest-ascending", "paging/object-ascending", "paging/versions-ascending"),
	}
}

// sortKey is what a careless server sorts by: an id, or a version.
func sortKey(item any) string {
	if o, is := item.(map[string]any); is {
		item = o["id"]
	}
	text, _ := item.(string)
	return text
}

// once gives what stands at an address a single time.
func once() fault {
	read := map[string]bool{}
	return fault{[]string{"objects/again", "paging/again"}, faulty.Fault{Name: "what was read is gone", Answer: func(r *http.Request, a *faulty.Answer) {
		if address := r.URL.String(); endpoint(r) != "" && read[address] {
			a.Body = []byte(`{"more":false}`)
		} else {
			read[address] = true
		}
	}}}
}
