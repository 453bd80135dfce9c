package faulty_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/conformance"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/internal/trial/faulty"
	"github.com/hansom-taxii/hansom/taxii"
)

// readingFreedoms are behaviours that the standard allows: breaks are the checks that
// rest on more than the standard, as the rules of the clients do.
func readingFreedoms() []fault {
	return []fault{
		reasked("pages are of five at most", func(_ string, q url.Values) {
			if n, _ := strconv.Atoi(q.Get("limit")); q.Get("limit") == "" || n > 5 {
				q.Set("limit", "5")
			}
		}, "filter/bad-escape"), // which the proxy mends
		pages("more is written where it is true alone", func(_ string, v map[string]any) {
			if v["more"] == false {
				delete(v, "more")
			}
		}),
		pages("resources have properties of their own", func(_ string, v map[string]any) { v["x_example_com_took"] = 7 }),
		recorded("records have no media type", func(record map[string]any) map[string]any { delete(record, "media_type"); return record }),
		pages("there is no next", func(_ string, v map[string]any) { delete(v, "next") },
			"paging/next-*", "paging/*-next", "paging/*-alone"),
		{nil, faulty.Fault{Name: "an object of which nothing matches is a 404", Answer: func(r *http.Request, a *faulty.Answer) {
			if endpoint(r) == "object" && a.Status == http.StatusOK && !strings.Contains(string(a.Body), `"objects"`) {
				*a = *failed(http.StatusNotFound)
			}
		}}},
		coarseDates(),
		shuffledProperties(),
	}
}

// coarseDates is a server that dates in steps of ten microseconds, so that several
// objects of an Add share a date.
func coarseDates() fault {
	const step = 10
	floor := func(text string) string {
		at, err := taxii.ParseTime(text)
		if err != nil {
			return text
		}
		return (at / step * step).String()
	}
	f := dated("dates go in steps", func(_ string, at taxii.Time) string { return (at/step*step + step - 1).String() }, "headers/distinct")
	f.Answer = func(r *http.Request, a *faulty.Answer) {
		if endpoint(r) == "" {
			return
		}
		for _, name := range []string{"X-Taxii-Date-Added-First", "X-Taxii-Date-Added-Last"} {
			if text := a.Header.Get(name); text != "" {
				a.Header.Set(name, floor(text))
			}
		}
		a.JSON(func(v map[string]any) {
			list, _ := v["objects"].([]any)
			for _, item := range list {
				if record, is := item.(map[string]any); is && record["date_added"] != nil {
					record["date_added"] = floor(record["date_added"].(string))
				}
			}
		})
	}
	return f
}

// shuffledProperties writes objects anew: in another order, with other escapes.
func shuffledProperties() fault {
	return pages("objects are written anew", func(string, map[string]any) {})
}

func TestARightServerMayUseWhatTheStandardLeavesFree(t *testing.T) {
	t.Parallel()
	s := trial.Start(t)
	sections := []string{"objects", "filter", "paging", "headers", "manifest", "object", "versions"}
	checks, err := conformance.Select(conformance.All(), sections...)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range readingFreedoms() {
		t.Run(f.Name, func(t *testing.T) {
			proxy := faulty.Before(t, s.URL, s.HTTP, f.Fault)
			report := by(t, s, proxy).RunAll(t.Context(), checks, nil)
			for _, r := range report.Results {
				if r.Outcome == conformance.Failed && !slices.ContainsFunc(f.breaks, func(form string) bool { return like(form, r.Check) }) {
					t.Errorf("%s: should have come: %s", r.Check, r.Why)
				}
			}
		})
	}
}

// by begins a run that knows the server by a proxy alone.
func by(t testing.TB, s *trial.Server, proxy *faulty.Proxy) *conformance.Suite {
	t.Helper()
	suite, err := conformance.New(conformance.Target{URL: proxy.URL, TLS: proxy.TLS, Writable: id(t, s, true, true),
		Account: conformance.Account{Name: "member", Password: s.Password(t, "member")}})
	if err != nil {
		t.Fatal(err)
	}
	return suite
}

// like compares an id with a form in which one * stands for anything.
func like(form, id string) bool {
	before, after, open := strings.Cut(form, "*")
	return form == id || open && strings.HasPrefix(id, before) && strings.HasSuffix(id, after)
}
