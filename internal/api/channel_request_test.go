package api

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

func TestAnEventStreamIsForWhoWantsItMost(t *testing.T) {
	for accept, want := range map[string]bool{
		"text/event-stream":                                           true,
		"Text/Event-Stream ; charset=utf-8":                           true,
		"text/event-stream, */*":                                      true,
		"*/*, text/event-stream":                                      false,
		"*/*;q=0.9, text/event-stream":                                true,
		"text/event-stream, application/taxii+json;version=2.1":       true,
		"application/taxii+json;version=2.1, text/event-stream":       false,
		"text/event-stream;q=0.5, application/taxii+json;version=2.1": false,
		"application/taxii+json;version=2.1;q=0.4, text/event-stream": true,
		"application/json, text/event-stream":                         false,
		"application/taxii+json;version=2.0, text/event-stream":       true,
		"application/taxii+json;q=0.1, */*, text/event-stream;q=0.5":  true,
		"application/*;q=0.2, */*;q=0.9, text/event-stream;q=0.5":     true,
		"text/event-stream;q=0":                                       false,
		"text/event-stream;q=0, application/taxii+json":               false,
		"text/*":                             false,
		"*/*":                                false,
		"":                                   false,
		"application/taxii+json;version=2.1": false,
		"text/html, application/xhtml+xml;q=0.9, text/event-stream;q=0": false,
	} {
		if got := streamPreferred([]string{accept}, taxii.MediaOptions{}); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
	if !streamPreferred([]string{"text/event-stream", "application/taxii+json"}, taxii.MediaOptions{}) {
		t.Error("the second line goes before the first")
	}
	if !streamPreferred([]string{"application/json, text/event-stream"}, taxii.MediaOptions{RefuseJSON: true}) {
		t.Error("what is refused is preferred")
	}
}

func TestAWaitIsPreferredAsRFC7240SaysIt(t *testing.T) {
	for header, want := range map[string]int{
		"wait=0": 0, "wait=10": 10, "Wait = 7": 7, `wait="8"`: 8, "wait=55": 55, "wait=56": 55, "wait=99999999999999999999": 55,
		"respond-async, wait=5; foo=bar": 5, "wait=3, wait=9": 3, "handling=lenient,wait=4": 4,
		"": -1, "wait": -1, "wait=": -1, "wait=-1": -1, "wait=1.5": -1, "waits=4": -1, "respond-async": -1,
	} {
		wait, ok := preferredWait([]string{header})
		if got := int(wait / time.Second); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %d, %v", header, got, ok)
		}
	}
	if wait, ok := preferredWait([]string{"respond-async", "wait=2"}); !ok || wait != 2*time.Second {
		t.Errorf("the second line is not read: %v, %v", wait, ok)
	}
}

func TestXMaxSizeIsADecimalNumberOfOctetsOfAtLeast9437184(t *testing.T) {
	for header, want := range map[string]int64{
		"9437184": 9437184, " 9437185 ": 9437185, "99999999999999999999999": 1<<63 - 1,
		"9437183": -1, "0": -1, "": -1, "x": -1, "9437184.0": -1, "0x900000": -1, "+9437184": -1, "-9437184": -1, "9_437_184": -1, "9437184, 9437184": -1,
	} {
		got, err := maxSize(&http.Request{Header: http.Header{"X-Max-Size": {header}}})
		if want < 0 && taxii.KindOf(err) != taxii.Malformed || want >= 0 && (err != nil || got != want) {
			t.Errorf("%q: %d, %v", header, got, err)
		}
	}
	if got, err := maxSize(&http.Request{}); got != 0 || err != nil {
		t.Errorf("without it: %d, %v", got, err)
	}
	if _, err := maxSize(&http.Request{Header: http.Header{"X-Max-Size": {"9437184", "9437184"}}}); taxii.KindOf(err) != taxii.Malformed {
		t.Errorf("twice: %v", err)
	}
}

func TestARangeOfContentIsReadAsRFC9110SaysIt(t *testing.T) {
	const tag = `"t"`
	for _, try := range []struct {
		ranges, condition string
		from, upto        int64
		part, wrong       bool
	}{
		{"bytes=0-0", "", 0, 1, true, false},
		{"bytes=2-4", "", 2, 5, true, false},
		{"Bytes = 2-4", "", 2, 5, true, false},
		{"bytes=2-", "", 2, 10, true, false},
		{"bytes=2-99999999999999999999999", "", 2, 10, true, false},
		{"bytes=-3", "", 7, 10, true, false},
		{"bytes=-30", "", 0, 10, true, false},
		{"bytes=9-9", `"t"`, 9, 10, true, false},
		{"bytes=9-9", `"other"`, 0, 10, false, false},
		{"bytes=9-9", `W/"t"`, 0, 10, false, false},
		{"bytes=9-9", "Thu, 01 Jan 1970 00:00:00 GMT", 0, 10, false, false},
		{"bytes=10-", "", 0, 0, false, true},
		{"bytes=99999999999999999999-", "", 0, 0, false, true},
		{"bytes=-0", "", 0, 0, false, true},
		{"bytes=4-2", "", 0, 10, false, false},
		{"bytes=0-1,3-4", "", 0, 10, false, false},
		{"items=0-1", "", 0, 10, false, false},
		{"bytes=", "", 0, 10, false, false},
		{"bytes=-", "", 0, 10, false, false},
		{"bytes=a-b", "", 0, 10, false, false},
		{"bytes=+1-2", "", 0, 10, false, false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Range", try.ranges)
		if try.condition != "" {
			r.Header.Set("If-Range", try.condition)
		}
		from, upto, part, err := rangeOf(r, tag, 10)
		if try.wrong {
			if taxii.KindOf(err) != taxii.BadRange {
				t.Errorf("%s: %v", try.ranges, err)
			}
			continue
		}
		if from != try.from || upto != try.upto || part != try.part || err != nil {
			t.Errorf("%s %s: %d %d %v %v", try.ranges, try.condition, from, upto, part, err)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Range", "bytes=0-")
	if _, _, _, err := rangeOf(r, tag, 0); err == nil {
		t.Error("an empty content has a first octet")
	}
}

func TestIfMatchNamesAStrongTagOrAny(t *testing.T) {
	for header, want := range map[string]bool{
		`"a"`: true, `"b", "a"`: true, "*": true, `"b"`: false, `W/"a"`: false, "a": false, "": false,
	} {
		err := ifMatch(&http.Request{Header: http.Header{"If-Match": {header}}})(`"a"`)
		if (err == nil) != want || err != nil && taxii.KindOf(err) != taxii.PreconditionFailed {
			t.Errorf("%q: %v", header, err)
		}
	}
	if ifMatch(&http.Request{}) != nil {
		t.Error("there is a condition where none was sent")
	}
}

func TestARequestIsAJSONObjectWithEachNameOnce(t *testing.T) {
	type target struct {
		Cursor string `json:"cursor"`
		Seek   bool   `json:"seek"`
	}
	for body, want := range map[string]string{
		`{"cursor":"c","unknown":[1]}`:   "",
		`{"cursor":"c","seek":null}`:     "seek is null",
		`{"cursor":"c","unknown":null}`:  "",
		`{"cursor":"c","cursor":"c"}`:    "twice",
		`{"cursor":"c","x":1,"x":1}`:     "twice",
		`{"cursor":7}`:                   `"cursor" has a value`,
		`{"cursor":"c","seek":"yes"}`:    `"seek" has a value`,
		`[]`:                             "must be a JSON object",
		`"x"`:                            "must be a JSON object",
		``:                               "must be a JSON object",
		`{"cursor":"c"`:                  "no JSON",
		`{"cursor":"c"}{}`:               "no JSON",
		"{\"cursor\":\"\xff\"}":          "no JSON",
		`{"a":` + strings.Repeat("[", 1): "no JSON",
	} {
		var v target
		err := decode([]byte(body), &v)
		switch {
		case (err == nil) != (want == "") || want == "" && v.Cursor != "c":
			t.Errorf("%s: %v, %+v", body, err, v)
		case want == "":
		case !strings.Contains(err.Error(), want):
			t.Errorf("%s: %v", body, err)
		// What is JSON, and has a value that cannot be, used to be Malformed.
		case (taxii.KindOf(err) == taxii.Unprocessable) != (strings.Contains(want, "value") || strings.Contains(want, "null")):
			t.Errorf("%s: kind %v", body, taxii.KindOf(err))
		}
	}
}

func TestPiecesGoOutInPortions(t *testing.T) {
	small, large := strings.Repeat("s", 5000), strings.Repeat("L", 40<<10)
	var got []string
	b := &batch{write: func(p []byte) { got = append(got, string(p)) }}
	for _, piece := range []string{small, small, small, small, large, "", small} {
		b.add([]byte(piece))
	}
	b.flush()
	b.flush()
	if all := strings.Join(got, ""); all != strings.Repeat(small, 4)+large+small {
		t.Error("the octets are others")
	}
	for i, p := range got {
		if len(p) > portion || len(p) == 0 {
			t.Errorf("portion %d has %d octets", i, len(p))
		}
	}
	if len(got) > 6 {
		t.Errorf("%d writes", len(got))
	}
}

func TestWhatIsSentInAdvanceIsIdle(t *testing.T) {
	for header, want := range map[string]bool{"Sec-Purpose: prefetch;prerender": true, "Purpose: Prefetch": true, "X-Moz: prefetch": true, "Sec-Fetch-Mode: cors": false} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
		if idle(r) != want {
			t.Errorf("%s: %v", header, !want)
		}
	}
	if !idle(httptest.NewRequest(http.MethodHead, "/", nil)) {
		t.Error("a HEAD")
	}
}

func TestPagesOfOtherOriginsMayUseChannelsOnlyWhereTheyAreListed(t *testing.T) {
	const listed, other = "https://soc.example.com", "https://evil.example.com"
	for _, try := range []struct {
		path, origin string
		allow        []string
		want         int // 0: goes on
		allowed      string
		credentials  bool
	}{
		{"/p/trust/channels/", "", nil, 0, "", false},
		{"/p/trust/channels/", "https://taxii.example.com", nil, 0, "", false},
		{"/p/trust/channels/", "https://host.example.com:8443", nil, 0, "", false}, // the name under which it was asked
		{"/p/trust/channels/", other, nil, 403, "", false},
		{"/p/trust/channels/", "null", nil, 403, "", false},
		{"/p/trust/channels/x/messages", other, []string{listed}, 403, "", false},
		{"/p/trust/channels/x/messages", listed, []string{listed}, 0, listed, true},
		{"/p/trust/channels/x/messages", other, []string{listed, "*"}, 0, "*", false},
		{"/p/trust/channels/x/messages", listed, []string{listed, "*"}, 0, listed, true},
		{"/p/nowhere/channels/x/", other, nil, 403, "", false},
		{"/p/taxii2/default/channels/", other, nil, 403, "", false},
		{"/p/taxii2/api-bases/", other, nil, 403, "", false},
		{"/taxii2/api-bases", other, nil, 403, "", false},
		{"/p/trust/collections/", other, nil, 0, "", false},
		{"/p/trust/collections/x/objects/", other, nil, 0, "", false},
		// An API Root may be named collections: its Channels were open to pages of all origins.
		{"/p/collections/channels/x/messages/", other, nil, 403, "", false},
	} {
		a := &Server{opt: Options{PublicURL: "https://taxii.example.com/p", AllowOrigins: try.allow}, prefix: "/p"}
		for _, method := range []string{"GET", "OPTIONS"} {
			w, r := httptest.NewRecorder(), httptest.NewRequest(method, "https://host.example.com:8443"+try.path, nil)
			if try.origin != "" {
				r.Header.Set("Origin", try.origin)
			}
			r.Header.Set("Access-Control-Request-Method", "POST")
			answered, err := a.crossOrigin(w, r)
			if (try.want == 403) != (taxii.KindOf(err) == taxii.Forbidden && err != nil) {
				t.Errorf("%s %s from %s with %q: %v", method, try.path, try.origin, try.allow, err)
			}
			if answered != (method == "OPTIONS" && try.allowed != "") {
				t.Errorf("%s %s from %s: answered %v", method, try.path, try.origin, answered)
			}
			head := w.Result().Header
			if head.Get("Access-Control-Allow-Origin") != try.allowed || (head.Get("Access-Control-Allow-Credentials") == "true") != try.credentials {
				t.Errorf("%s %s from %s: %v", method, try.path, try.origin, head)
			}
			if answered && (w.Code != http.StatusNoContent || !strings.Contains(head.Get("Access-Control-Allow-Headers"), "Last-Event-ID")) {
				t.Errorf("the answer to what a browser asks before is %d %v", w.Code, head)
			}
			if vary := slices.Contains(head.Values("Vary"), "Origin"); vary != (len(try.allow) > 0) {
				t.Errorf("%s %s: Vary is %q", method, try.path, head.Values("Vary"))
			}
		}
	}
}

func TestWaitsAndStreamsAreCountedApartFromRequestsInWork(t *testing.T) {
	t.Parallel()
	d := desk(t, 0)
	a := New(d.x, Options{MaxPerAccount: 1, MaxStreamsPerAccount: 2, MaxStreams: 3}, nil)
	one, other := d.x.Operator(), d.x.Anonymous()
	var ends []func()
	for range 2 {
		leave, err := a.load.enter(one)
		if err != nil {
			t.Fatal(err)
		}
		ended, err := a.lasts(one, httptest.NewRecorder())
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, func() { ended(); leave() })
	}
	_, err := a.lasts(one, httptest.NewRecorder())
	var e *taxii.Error
	if !errors.As(err, &e) || e.Kind != taxii.TooMany || e.RetryAfter <= 0 {
		t.Errorf("a third of one account: %v", err)
	}
	ended, err := a.lasts(other, httptest.NewRecorder())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.lasts(other, httptest.NewRecorder()); taxii.KindOf(err) != taxii.TooMany {
		t.Errorf("a fourth of all: %v", err)
	}
	if a.Lasting() != 3 {
		t.Errorf("%d are open", a.Lasting())
	}
	ended()
	for _, end := range ends {
		end()
	}
	if a.Lasting() != 0 || a.load.open() != 0 {
		t.Errorf("%d are open, %d in work", a.Lasting(), a.load.open())
	}
}
