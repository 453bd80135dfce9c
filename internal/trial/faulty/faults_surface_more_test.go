package faulty_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/internal/trial/faulty"
)

// failing changes the error resources.
func failing(name string, change func(map[string]any), breaks ...string) fault {
	return spoils(name, everywhere, func(_ *http.Request, a *faulty.Answer) {
		if a.Status >= http.StatusBadRequest {
			a.JSON(change)
		}
	}, breaks...)
}

func errorFaults() []fault {
	asks := func(part string) where {
		return func(r *http.Request) bool { return strings.Contains(r.URL.EscapedPath()+"?"+r.URL.RawQuery, part) }
	}
	return []fault{
		failing("errors have no title", func(v map[string]any) { delete(v, "title") }, "errors/title", "errors/malformed", "errors/repeated"),
		failing("the title of an error is no text", func(v map[string]any) { v["title"] = 404 }, "errors/title"),
		failing("http_status is a number", func(v map[string]any) { v["http_status"] = 404 }, "errors/http-status"),
		failing("http_status is always 400", func(v map[string]any) { v["http_status"] = "400" }, "errors/http-status"),
		failing("error_code is a number", func(v map[string]any) { v["error_code"] = 12 }, "errors/texts"),
		failing("details are a text", func(v map[string]any) { v["details"] = "none" }, "errors/details"),
		failing("properties without value are null", func(v map[string]any) { v["external_details"] = null{} }, "errors/no-null", "errors/texts"),
		spoils("errors have a title twice", everywhere, twice, "errors/i-json", "discovery/i-json", "root/i-json", "collections/i-json", "collection/i-json"),
		spoils("what is written is Latin-1", everywhere, func(_ *http.Request, a *faulty.Answer) {
			a.JSON(func(v map[string]any) { v["description"] = "gr\u00fc\u00dfe" })
			a.Body = bytes.ReplaceAll(a.Body, []byte("gr\u00fc\u00dfe"), []byte("gr\xfc\xdfe"))
		}, "errors/i-json", "discovery/i-json", "root/i-json", "collections/i-json", "collection/i-json"),
		failing("errors show the program", func(v map[string]any) {
			v["description"] = "Traceback (most recent call last): File \"app.py\", line 3"
		}, "errors/no-inside"),
		swaps("odd values are a failure", func(r *http.Request) bool { return strings.Contains(r.URL.RawQuery, "999999") }, an(500), "errors/no-inside"),
		spoils("a browser gets pages", func(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "html") }, becomes(page(404), 404, 406), "errors/browser"),
		spoils("what is not there is empty", everywhere, becomes(an(200), 404), "errors/unknown-*", "errors/title", "errors/odd-collection-id", "transport/unknown-path"),
		spoils("what is not there is a failure", everywhere, becomes(an(500), 404), "errors/unknown-*", "errors/odd-collection-id", "errors/odd-path", "errors/odd-zero", "errors/odd-long"),
		spoils("what is malformed is a failure", everywhere, becomes(an(500), 400), "errors/malformed", "errors/repeated"),
		bends("a malformed limit is ignored", asks("limit=many"), func(r *http.Request) { r.URL.RawQuery = "" }, "errors/malformed"),
		bends("the first of two counts", asks("added_after"), func(r *http.Request) {
			q := r.URL.Query()
			q.Set("added_after", q.Get("added_after"))
			r.URL.RawQuery = q.Encode()
		}, "errors/repeated"),
		swaps("a path that climbs is followed", asks("..%2f"), an(200), "errors/odd-path"),
		swaps("a zero octet is a failure", asks("%00"), an(500), "errors/odd-zero"),
		swaps("a long id is a failure", func(r *http.Request) bool { return len(r.URL.Path) > 1000 }, an(500), "errors/odd-long"),
		swaps("what is no UTF-8 is a failure", asks("%ff"), an(500), "errors/odd-octets"),
		swaps("an open bracket is a failure", asks("match[type=indicator"), an(500), "errors/odd-match"),
		swaps("unknown parameters are malformed", asks("x_unknown"), an(400), "errors/extra-parameter", "discovery/unknown-parameter"),
	}
}

// rooted changes the API Roots that discovery lists.
func rooted(name string, change func(string) string, breaks ...string) fault {
	return spoils(name, to("discovery"), properties(func(v map[string]any) {
		list, _ := v["api_roots"].([]any)
		for i, one := range list {
			list[i] = change(one.(string))
		}
	}), breaks...)
}

// twice writes a property a second time, at the end.
func twice(_ *http.Request, a *faulty.Answer) {
	if text, ok := strings.CutSuffix(strings.TrimSpace(string(a.Body)), "}"); ok && text != "{" {
		a.Body = []byte(text + `,"title":"again","title":"again"}`)
	}
}

func discoveryFaults() []fault {
	discovery := to("discovery")
	roots := func(change func([]any) []any) func(*http.Request, *faulty.Answer) {
		return properties(func(v map[string]any) {
			list, _ := v["api_roots"].([]any)
			v["api_roots"] = change(list)
		})
	}
	reader := presents(func(name, _ string) bool { return name == "reader" })
	return []fault{
		spoils("discovery is not there", discovery, becomes(an(404)), "discovery/resource", "discovery/at-host", "discovery/title", "transport/no-redirect"),
		spoils("discovery is a page", discovery, becomes(page(200)), "discovery/resource"),
		spoils("discovery has no title", discovery, says("title", nil), "discovery/title", "discovery/at-host", "discovery/unknown-parameter"),
		spoils("contact is a list", discovery, says("contact", []string{"a"}), "discovery/texts"),
		spoils("what discovery lacks is null", discovery, says("contact", null{}), "discovery/no-null", "discovery/texts"),
		spoils("default is none of the roots", discovery, says("default", "/elsewhere/"), "discovery/default"),
		spoils("default lacks its slash", discovery, properties(func(v map[string]any) { v["default"] = strings.TrimSuffix(v["default"].(string), "/") }), "discovery/default"),
		spoils("there are no roots", discovery, says("api_roots", []string{}), "discovery/roots", "discovery/default", "discovery/roots-form", "discovery/roots-query",
			"discovery/roots-slash", "discovery/roots-differ", "discovery/roots-answer"),
		spoils("roots are objects", discovery, roots(func([]any) []any { return []any{map[string]any{"url": "/trust/"}} }), "discovery/roots"),
		rooted("roots are of http", func(r string) string { return strings.Replace(r, "https:", "http:", 1) }, "discovery/roots-form", "discovery/roots-answer"),
		rooted("roots begin with two slashes", func(r string) string { return strings.TrimPrefix(r, "https:") }, "discovery/roots-form"),
		rooted("roots begin with a name", func(string) string { return "trust/" }, "discovery/roots-form"),
		rooted("roots have a query", func(r string) string { return r + "?v=2" }, "discovery/roots-query"),
		rooted("roots lack their slash", func(r string) string { return strings.TrimSuffix(r, "/") }, "discovery/roots-slash"),
		spoils("roots are there twice", discovery, roots(func(list []any) []any { return append(list, list...) }), "discovery/roots-differ"),
		spoils("a root is not there", discovery, roots(func(list []any) []any { return append(list, "/gone/") }), "discovery/roots-answer", "discovery/roots-for-other"),
		spoils("a relative root is not served", to("root"), becomes(an(403)), "discovery/roots-answer"),
		spoils("another account is shown what it may not see", both(discovery, reader), roots(func(list []any) []any { return append(list, "/open/") }), "discovery/roots-for-other"),
		swaps("strangers are shown roots that they may not see", both(discovery, anonymously), func() *faulty.Answer {
			a := an(200)()
			a.Body = []byte(`{"title":"TAXII","api_roots":["/trust/"]}`)
			return a
		}).and(func(r *http.Request, a *faulty.Answer) {
			if kindOf(r) == "root" && anonymously(r) {
				*a = *an(403)()
			}
		}, "discovery/roots-for-strangers"),
	}
}

func rootFaults() []fault {
	root := to("root")
	return []fault{
		spoils("an API Root is not there", root, becomes(an(404)), "root/resource", "discovery/roots-answer"),
		spoils("an API Root has no title", root, says("title", nil), "root/resource", "root/title"),
		spoils("an API Root has an empty title", root, says("title", ""), "root/title"),
		spoils("an API Root has several descriptions", root, says("description", []string{"a"}), "root/description"),
		spoils("versions is bare", root, says("versions", []string{"2.1"}), "root/versions", "root/version21"),
		spoils("versions is a text", root, says("versions", "application/taxii+json;version=2.1"), "root/versions", "root/version21"),
		spoils("versions is empty", root, says("versions", []string{}), "root/versions"),
		spoils("versions lacks 2.1", root, says("versions", []string{"application/taxii+json;version=2.0"}), "root/version21"),
		spoils("versions has a space", root, says("versions", []string{"application/taxii+json; version=2.1"}), "root/version21"),
		spoils("max_content_length is a text", root, says("max_content_length", "10485760"), "root/max-content-length"),
		spoils("max_content_length is 0", root, says("max_content_length", 0), "root/max-content-length"),
		spoils("max_content_length is a fraction", root, says("max_content_length", 1.5), "root/max-content-length"),
		spoils("max_content_length is missing", root, says("max_content_length", nil), "root/resource", "root/max-content-length"),
		spoils("what an API Root lacks is null", root, says("description", null{}), "root/no-null", "root/description"),
		spoils("an API Root has odd names", root, says("X-Name", "a"), "root/custom-names"),
	}
}

// listing changes each Collection of a list.
func listing(name string, change func(map[string]any), breaks ...string) fault {
	return spoils(name, to("collections"), ofList(func(list []any) []any {
		for _, one := range list {
			change(one.(map[string]any))
		}
		return list
	}), breaks...)
}

// ofList changes the list of Collections.
func ofList(change func([]any) []any) func(*http.Request, *faulty.Answer) {
	return properties(func(v map[string]any) {
		list, _ := v["collections"].([]any)
		v["collections"] = change(list)
	})
}

// set makes a change that sets a property.
func set(name string, value any) func(map[string]any) {
	return func(v map[string]any) { v[name] = value }
}

func without(name string) func(map[string]any) {
	return func(v map[string]any) { delete(v, name) }
}

func collectionsFaults() []fault {
	list, odd := to("collections"), 0
	return []fault{
		spoils("a Collection is not listed", list, ofList(func(all []any) []any {
			return slices.DeleteFunc(all, func(c any) bool {
				return c.(map[string]any)["can_write"] == true && c.(map[string]any)["can_read"] == true
			})
		}), "collections/list"),
		spoils("Collections are refused", list, becomes(an(403)), "collections/list", "collections/order"),
		spoils("Collections come as they were made", list, ofList(func(all []any) []any { slices.Reverse(all); return all }), "collections/sorted"),
		spoils("the order of Collections changes", list, ofList(func(all []any) []any {
			if odd++; odd%2 == 0 {
				slices.Reverse(all)
			}
			return all
		}), "collections/order"),
		spoils("no Collections are an empty list", list, says("collections", []any{}), "collections/no-empty-list", "collections/list"),
		spoils("no Collections are null", list, says("collections", null{}), "collections/no-empty-list", "collections/no-null"),
		listing("what Collections lack is null", set("description", null{}), "collections/no-null", "collections/description"),
		listing("ids are in upper case", func(c map[string]any) { c["id"] = strings.ToUpper(c["id"].(string)) }, "collections/id"),
		listing("ids are numbers", set("id", 1), "collections/id", "collections/ids-differ"),
		listing("ids are of version 1", func(c map[string]any) { id := []byte(c["id"].(string)); id[14] = '1'; c["id"] = string(id) }, "collections/id"),
		listing("ids are one", set("id", "c2930430-1260-41a9-b775-fee816574fc1"), "collections/ids-differ"),
		listing("Collections have no title", without("title"), "collections/title"),
		listing("Collections have one title", set("title", "Collection"), "collections/titles-differ"),
		listing("descriptions are lists", set("description", []string{"a"}), "collections/description"),
		listing("aliases are one", set("alias", "one"), "collections/alias"),
		listing("aliases are numbers", set("alias", 1), "collections/alias"),
		listing("can_read is a text", set("can_read", "true"), "collections/can-read"),
		listing("can_read is missing", without("can_read"), "collections/can-read"),
		listing("can_write is a number", set("can_write", 1), "collections/can-write"),
		listing("media_types is empty", set("media_types", []string{}), "collections/media-types"),
		listing("media_types is a text", set("media_types", "application/stix+json"), "collections/media-types"),
		listing("media_types has no types", set("media_types", []string{"stix"}), "collections/media-types"),
		listing("Collections have odd names", set("Object-Count", 1), "collections/custom-names"),
	}
}

func collectionFaults() []fault {
	one := to("collection")
	alone := func(name string, change func(map[string]any), breaks ...string) fault {
		return spoils(name, one, properties(change), breaks...)
	}
	aliased := func(r *http.Request) bool { return one(r) && !strings.Contains(r.URL.Path, "-") }
	return []fault{
		spoils("a Collection is not there", one, becomes(an(404)), "collection/resource", "collection/as-listed"),
		alone("a Collection has another id", set("id", "c923c759-b4cd-44b4-92d5-4a0e435b665e"), "collection/resource", "collection/as-listed"),
		alone("a Collection is described otherwise", set("can_write", false), "collection/as-listed", "access/write-only", "access/read-write"),
		alone("media_types are told in the list alone", without("media_types"), "collection/as-listed"),
		alone("the id of a Collection is in upper case", func(c map[string]any) { c["id"] = strings.ToUpper(c["id"].(string)) }, "collection/id", "collection/resource"),
		alone("a Collection has no title", without("title"), "collection/title"),
		alone("an alias is a list", set("alias", []string{"a"}), "collection/texts"),
		alone("rights are texts", set("can_read", "yes"), "collection/rights"),
		alone("rights are missing", without("can_write"), "collection/rights"),
		alone("the media_types of a Collection are empty", set("media_types", []string{}), "collection/media-types"),
		alone("what a Collection lacks is null", set("description", null{}), "collection/no-null", "collection/texts"),
		spoils("an alias finds the wrong Collection", aliased, says("id", "c2930430-1260-41a9-b775-fee816574fc1"), "collection/alias"),
		spoils("an alias stands for the id", aliased, properties(func(c map[string]any) { c["id"] = c["alias"] }), "collection/alias"),
		spoils("an alias is a failure", aliased, becomes(an(500)), "collection/alias"),
	}
}
