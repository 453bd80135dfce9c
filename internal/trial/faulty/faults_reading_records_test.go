package faulty_test

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial/faulty"
	"github.com/hansom-taxii/hansom/taxii"
)

// recorded changes manifest records; what it gives nil for is left out.
func recorded(name string, change func(record map[string]any) map[string]any, breaks ...string) fault {
	return listed(name, func(end string, _ url.Values, list []any) (kept []any) {
		for _, item := range list {
			if record, is := item.(map[string]any); is && end == "manifest" {
				if record = change(record); record == nil {
					continue
				}
			}
			kept = append(kept, item)
		}
		return kept
	}, breaks...)
}

// marked changes one property of every record.
func marked(name, property string, value func(record map[string]any, was string) any, breaks ...string) fault {
	return recorded(name, func(record map[string]any) map[string]any {
		was, _ := record[property].(string)
		if record[property] = value(record, was); record[property] == nil {
			delete(record, property)
		}
		return record
	}, breaks...)
}

func recordFaults() []fault {
	return []fault{
		{[]string{"manifest/envelope-none", "manifest/date-form", "manifest/version-modified", "manifest/ascending"},
			faulty.Fault{Name: "a manifest gives objects", Request: func(r *http.Request) *faulty.Answer {
				if endpoint(r) == "manifest" {
					r.URL.Path = strings.Replace(r.URL.Path, "/manifest/", "/objects/", 1)
				}
				return nil
			}}},
		reasked("a manifest has one record for an object", func(end string, q url.Values) {
			if end == "manifest" {
				q.Set("match[version]", "last")
			}
		}, "manifest/records", "manifest/version-all", "manifest/version-first", "manifest/version-date", "manifest/added-after", "versions/as-manifest", "headers/distinct"),
		reasked("a manifest is not filtered", func(end string, q url.Values) {
			if end == "manifest" {
				for _, name := range []string{"added_after", "match[id]", "match[type]", "match[version]", "match[spec_version]"} {
					q.Del(name)
				}
			}
		}, "manifest/match-id", "manifest/match-type", "manifest/version-first", "manifest/version-date", "manifest/version-all", "manifest/spec", "manifest/added-after",
			"manifest/and", "manifest/latest", "manifest/highest-spec", "manifest/empty", "manifest/as-objects", "manifest/id"),
		turned("a manifest is of the TAXII type alone", 406, func(end string, r *http.Request, _ url.Values) bool {
			return end == "manifest" && strings.Contains(r.Header.Get("Accept"), "stix")
		}, "manifest/accept-stix"),
		marked("records have ids of their own", "id", func(map[string]any, string) any { return "record--" + taxii.NewID() }, "manifest/id", "manifest/records", "manifest/match-id"),
		marked("date_added has three digits", "date_added", func(_ map[string]any, was string) any { return was[:len(was)-4] + "Z" }, "manifest/date-form"),
		marked("date_added is a date in the object", "date_added", func(record map[string]any, _ string) any { return "2024-03-01T10:00:00.000000Z" },
			"manifest/date-of-adding", "manifest/date-kept", "manifest/dates-rise", "headers/distinct"),
		marked("date_added is in whole seconds", "date_added", func(_ map[string]any, was string) any { return was[:len("2026-01-01T00:00:00")] + ".000000Z" },
			"manifest/date-kept", "manifest/dates-rise", "headers/distinct"),
		marked("date_added is when the record is read", "date_added", func(map[string]any, string) any { return taxii.TimeOf(time.Now()).String() }, "manifest/date-kept"),
		marked("the version is the date of adding", "version", func(record map[string]any, _ string) any { return record["date_added"] },
			"manifest/version-modified", "manifest/version-created", "manifest/records"),
		marked("there is no version of what has no dates", "version", func(record map[string]any, was string) any {
			if strings.Contains(record["id"].(string), "-addr--") || strings.HasPrefix(record["id"].(string), "marking") {
				return nil
			}
			return was
		}, "manifest/version-dateless", "manifest/version-created"),
		marked("the media type is any", "media_type", func(map[string]any, string) any { return "application/json" }, "manifest/media-type"),
		marked("the media type is of STIX 2.1 always", "media_type", func(map[string]any, string) any { return "application/stix+json;version=2.1" }, "manifest/media-version"),
		recorded("what has no modified has no record", func(record map[string]any) map[string]any {
			if strings.HasPrefix(record["id"].(string), "marking-definition--") {
				return nil
			}
			return record
		}, "manifest/as-objects", "manifest/records", "manifest/match-type", "manifest/latest", "manifest/version-created"),
	}
}

func oneObjectFaults() []fault {
	return []fault{
		pagesAs("an object comes bare", func(v map[string]any) any {
			if list, _ := v["objects"].([]any); len(list) == 1 {
				return list[0]
			}
			return v
		}, "object/envelope", "object/raw", "object/more", "object/latest", "object/same-indicator1", "object/version-first", "object/version-last"),
		notFoundIs("an object that is not there is an empty envelope", http.StatusOK, "object/unknown", "object/other-type", "object/no-id", "object/wildcard", "versions/unknown"),
		notFoundIs("an object that is not there breaks the server", http.StatusInternalServerError,
			"object/unknown", "object/other-type", "object/no-id", "object/wildcard", "versions/unknown"),
		{[]string{"object/version-no-such", "object/spec-no-such", "object/added-after-future"},
			faulty.Fault{Name: "an object of which nothing matches breaks the server", Answer: func(r *http.Request, a *faulty.Answer) {
				if endpoint(r) == "object" && !strings.Contains(string(a.Body), `"objects"`) {
					*a = *failed(http.StatusInternalServerError)
				}
			}}},
		reasked("one object is not filtered", func(end string, q url.Values) {
			if end == "object" {
				for name := range q {
					q.Del(name)
				}
			}
		}, "object/version-all", "object/version-first", "object/version-date", "object/version-dates", "object/spec-20", "object/spec-both", "object/added-after",
			"object/version-no-such", "object/spec-no-such", "object/added-after-future", "object/limit-zero", "object/malformed-date", "object/repeated", "paging/object-limit"),
		listed("an object comes with others", func(end string, _ url.Values, list []any) []any {
			if end == "object" && len(list) > 0 {
				list = append(list, map[string]any{"type": "identity", "id": "identity--" + taxii.NewID()})
			}
			return list
		}, "object/envelope", "object/raw", "object/more", "object/latest", "object/same-*",
			"object/version-all", "object/version-last", "object/spec-20", "object/spec-highest", "object/spec-both"),
	}
}

// notFoundIs answers in another way where there is no such object.
func notFoundIs(name string, status int, breaks ...string) fault {
	return fault{breaks, faulty.Fault{Name: name, Answer: func(r *http.Request, a *faulty.Answer) {
		if end := endpoint(r); (end == "object" || end == "versions") && a.Status == http.StatusNotFound {
			if a.Status = status; status == http.StatusOK {
				a.Body = []byte(`{}`)
			}
		}
	}}}
}

func versionListFaults() []fault {
	texts := func(name string, change func(list []any) []any, breaks ...string) fault {
		return listed(name, func(end string, _ url.Values, list []any) []any {
			if end == "versions" && len(list) > 0 {
				return change(list)
			}
			return list
		}, breaks...)
	}
	replaced := func(name, old, new string, breaks ...string) fault {
		return texts(name, func(list []any) []any {
			for i := range list {
				list[i] = strings.Replace(list[i].(string), old, new, 1)
			}
			return list
		}, breaks...)
	}
	return []fault{
		texts("a list of versions has the latest alone", func(list []any) []any { return list[:1] },
			"versions/all", "versions/usable", "versions/as-manifest", "versions/ascending", "versions/spec-both", "versions/added-after"),
		texts("a list of versions has the one before", func(list []any) []any { return append(list, "2024-02-29T10:00:00.000Z") },
			"versions/all", "versions/one", "versions/created", "versions/dateless", "versions/custom", "versions/spec-20", "versions/spec-21", "versions/as-manifest", "versions/usable"),
		texts("an object in one version has no list", func(list []any) []any {
			if len(list) == 1 {
				return nil
			}
			return list
		},
			"versions/one", "versions/created", "versions/dateless", "versions/custom"),
		texts("versions are objects", func(list []any) []any {
			for i := range list {
				list[i] = map[string]any{"version": list[i]}
			}
			return list
		}, "versions/text", "versions/all", "versions/dateless", "versions/usable"),
		pages("versions stand under objects", func(end string, v map[string]any) {
			if end == "versions" {
				v["objects"] = v["versions"]
				delete(v, "versions")
			}
		}, "versions/text"),
		replaced("versions are of another time", "T10:00:00", "T12:00:00", "versions/all", "versions/one", "versions/created", "versions/custom", "versions/usable", "versions/as-manifest"),
		texts("versions of what has no dates change", func(list []any) []any {
			if !strings.HasPrefix(list[0].(string), "2024-03") {
				list[0] = taxii.TimeOf(time.Now()).String()
			}
			return list
		}, "versions/dateless"),
		reasked("versions are not filtered", func(end string, q url.Values) {
			if end == "versions" {
				for name := range q {
					q.Del(name)
				}
			}
		}, "versions/spec-20", "versions/spec-both", "versions/added-after", "versions/empty", "versions/limit-text", "versions/malformed-date", "versions/repeated", "paging/versions-limit"),
	}
}
