package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/taxii"
)

func waitingInto(list *[]string) func(error, time.Duration) {
	return func(err error, _ time.Duration) { *list = append(*list, err.Error()) }
}

func TestABaseURLIsHTTPSWithoutSecrets(t *testing.T) {
	for base, ok := range map[string]bool{
		"https://taxii.example.com/trust/": true, "https://taxii.example.com": true, "https://taxii.example.com:8443/a/b": true,
		"http://127.0.0.1:8080/trust/": true, "http://localhost/": true, "http://[::1]/": true,
		"http://taxii.example.com/": false, "http://10.0.0.1/": false, "https://u:p@taxii.example.com/": false,
		"https://taxii.example.com/?a=b": false, "https://taxii.example.com/#a": false, "taxii.example.com": false, "ftp://localhost/": false, ":": false,
	} {
		if _, err := New(base, Options{}); (err == nil) != ok {
			t.Errorf("%s: got %v", base, err)
		} else if err != nil && strings.Contains(err.Error(), ":p@") {
			t.Errorf("%s: the password is in the error: %v", base, err)
		}
	}
}

func TestTheURLOfAChannelIsTakenApart(t *testing.T) {
	for address, want := range map[string][2]string{
		"https://h/trust/channels/alerts/":              {"https://h/trust/", "alerts"},
		"https://h/trust/channels/alerts":               {"https://h/trust/", "alerts"},
		"https://h:1/a/b/channels/alerts/messages/":     {"https://h:1/a/b/", "alerts"},
		"https://h/channels/channels/x/":                {"https://h/channels/", "x"},
		"https://h/a%20b/channels/x.y/":                 {"https://h/a%20b/", "x.y"},
		"https://h/trust/channels/":                     {},
		"https://h/trust/collections/x/":                {},
		"https://h/trust/channels/alerts/?match[id]=x":  {},
		"https://h/trust/channels/a%2Fb/":               {},
		"https://h/trust/channels/alerts/subscriptions": {},
		"/trust/channels/alerts/":                       {},
	} {
		root, name, err := ParseChannelURL(address)
		if got := [2]string{root, name}; got != want || (err == nil) != (want[0] != "") {
			t.Errorf("%s: got %q, %v", address, got, err)
		}
	}
}

func TestAClientOfAServerNamesTheAPIRootWithTheChannel(t *testing.T) {
	c, err := New("https://h", Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"trust/alerts": "https://h/trust/channels/alerts/messages/", "a/b/x": "https://h/a/b/channels/x/messages/", "a b/x?y": "https://h/a%20b/channels/x%3Fy/messages/",
		"": "", "a//b": "", "../b": "", "a/": "",
	} {
		if got, err := c.channelURL(name, "messages"); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: got %s, %v", name, got, err)
		}
	}
}

func TestPublishingAgainIsTheSameMessage(t *testing.T) {
	done := `{"id":"s","status":"complete","total_count":2,"success_count":2,"failure_count":0,"pending_count":0}`
	lost := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	c, s := play(t, Options{Account: "alice", Password: "pw"}, lost, tell(503, "no"), say(202, done))
	raw := jsontext.Value(`{ "objects" :[{"type":"x-a","id":"x-a--1","name":"<&>\u00e9é` + "\u2028" + `","n":1.0}]}`)
	drafts := []taxii.MessageDraft{{Content: raw}, {ID: "id-2", Type: "chat", MediaType: "text/plain", ContentBase64: []byte{}}}
	st, err := c.Publish(t.Context(), "alerts", drafts...)
	if err != nil || st.SuccessCount != 2 {
		t.Fatalf("got %+v, %v", st, err)
	}
	if len(s.bodies) != 3 || s.bodies[0] != s.bodies[1] || s.bodies[1] != s.bodies[2] || drafts[0].ID != "" {
		t.Errorf("sent %q, changed %q", s.bodies, drafts[0].ID)
	}
	var sent struct{ Messages []taxii.MessageDraft }
	if err := json.Unmarshal([]byte(s.bodies[0]), &sent); err != nil || !taxii.IsID(sent.Messages[0].ID) || sent.Messages[1].ID != "id-2" || sent.Messages[1].MediaType != "text/plain" {
		t.Errorf("sent %s, %v", s.bodies[0], err)
	}
	if !strings.Contains(s.bodies[0], `"content":`+string(raw)+`}`) { // encoding/json writes \u003c and closes up white space
		t.Errorf("the content was changed: %s", s.bodies[0])
	}
}

func TestContentIsPublishedAsItIsUnderOneKey(t *testing.T) {
	done := say(202, `{"id":"s","status":"complete","success_count":1}`)
	c, s := play(t, Options{}, tell(429, "slowly", "Retry-After: 2"), done, done)
	if _, err := c.PublishEnvelope(t.Context(), "alerts", "id-1", []byte(`{"objects":[1]}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.PublishContent(t.Context(), "alerts", "", "text/plain", nil); err != nil {
		t.Fatal(err)
	}
	post := "POST " + at + " Idempotency-Key:"
	if s.asked[0] != post+"id-1" || s.asked[1] != post+"id-1" || !taxii.IsID(strings.TrimPrefix(s.asked[2], post)) || s.bodies[1] != `{"objects":[1]}` || s.bodies[2] != "" {
		t.Errorf("asked %q with %q", s.asked, s.bodies)
	}
	if s.waits[0] < 2*time.Second {
		t.Errorf("waited %v although 2 s were asked for", s.waits[0])
	}
}

func TestARejectedPublicationHasItsStatus(t *testing.T) {
	c, s := play(t, Options{}, say(422, `{"title":"nothing was published","http_status":"422","details":{"status":{"id":"s","failure_count":1,"failures":[{"id":"m","version":"0","disposition":"rejected","message":"too large"}]}}}`))
	st, err := c.Publish(t.Context(), "alerts", taxii.MessageDraft{Content: jsontext.Value(`{}`)})
	if taxii.KindOf(err) != taxii.Unprocessable || st.FailureCount != 1 || st.Failures[0].Message != "too large" || len(s.waits) != 0 {
		t.Errorf("got %+v, %v after %v", st, err, s.waits)
	}
}

func TestWhatCannotBePublishedIsNotSent(t *testing.T) {
	c, s := play(t, Options{})
	for name, drafts := range map[string][]taxii.MessageDraft{
		"none": {}, "too many": make([]taxii.MessageDraft, MaxDrafts+1), "no content": {{}}, "no JSON": {{Content: jsontext.Value(`{`)}},
		"two contents": {{Content: jsontext.Value(`{}`), ContentBase64: []byte("a")}},
	} {
		if _, err := c.Publish(t.Context(), "alerts", drafts...); err == nil {
			t.Errorf("%s was published", name)
		}
	}
	s.saw(t)
}

func TestAnswersBecomeErrorsOfTheirKind(t *testing.T) {
	for status, kind := range map[int]taxii.Kind{
		400: taxii.Malformed, 401: taxii.Unauthenticated, 403: taxii.Forbidden, 404: taxii.NotFound, 405: taxii.MethodNotAllowed, 406: taxii.NotAcceptable,
		408: taxii.TimedOut, 409: taxii.Conflict, 410: taxii.Gone, 412: taxii.PreconditionFailed, 413: taxii.TooLarge, 415: taxii.UnsupportedMedia,
		422: taxii.Unprocessable, 429: taxii.TooMany, 431: taxii.HeadersTooLarge, 501: taxii.Unsupported, 503: taxii.Unavailable, 507: taxii.Full,
		500: taxii.Internal, 502: taxii.Unavailable, 504: taxii.Unavailable, 418: taxii.Unsupported,
	} {
		c, _ := play(t, Options{Retries: -1}, say(status, `{"title":"so","description":"it is","error_id":"17"}`, "Retry-After: 7"))
		_, err := c.Channel(t.Context(), "alerts")
		var e *taxii.Error
		if !errors.As(err, &e) || e.Kind != kind || e.Title != "so" || e.ID != "17" || e.HTTPStatus != fmt.Sprint(status) || e.RetryAfter != 7*time.Second {
			t.Errorf("%d: got %+v", status, err)
		}
	}
	for name, test := range map[string]struct {
		answer answering
		want   string
	}{
		"no TAXII error":  {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }, "the server answers 502 Bad Gateway"},
		"a redirect":      {tell(302, "", "Location: https://elsewhere.example/"), "redirects to https://elsewhere.example/"},
		"another server":  {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }, `the answer is "text/plain; charset=utf-8", not TAXII`},
		"JSON that fails": {say(200, `{"name":7}`), "the answer cannot be read"},
		"too much":        {say(200, `{"name":"`+strings.Repeat("x", defaultMaxSize+slack)+`"}`), "larger than 9437184 octets"},
	} {
		c, s := play(t, Options{Retries: -1}, test.answer)
		if _, err := c.Channel(t.Context(), "alerts"); err == nil || !strings.Contains(err.Error(), test.want) || len(s.asked) != 1 {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}

func TestCredentialsGoToTheServerThatWasNamedAndNoOther(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another server was asked") }))
	defer other.Close()
	var got []string
	signed := func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"), r.Header.Get("User-Agent"), r.Header.Get("Accept"))
		tell(307, "", "Location: "+other.URL)(w, r)
	}
	c, _ := play(t, Options{Account: "alice", Password: "pw"}, signed)
	if _, err := c.Channel(t.Context(), "alerts"); err == nil {
		t.Error("a redirect was followed")
	}
	same(t, got, "Basic YWxpY2U6cHc=", "hansom-client", taxii.MediaType)
	got = nil
	c, _ = play(t, Options{Token: "t0", UserAgent: "mine/1"}, signed)
	_, _ = c.Channel(t.Context(), "alerts")
	same(t, got, "Bearer t0", "mine/1", taxii.MediaType)
	for _, to := range []string{other.URL + "/x", "//elsewhere.example/x", "http://u:p@" + strings.TrimPrefix(c.base, "http://")} {
		if _, err := c.Content(t.Context(), "alerts", taxii.Message{ContentURL: to}); err == nil {
			t.Errorf("%s was asked for content", to)
		}
	}
}

func TestListsAreReadToTheirEnd(t *testing.T) {
	c, s := play(t, Options{}, say(200, `{"channels":[{"name":"a"},{"name":"b"}],"more":true,"next":"b&"}`), say(200, `{"channels":[{"name":"c"}]}`),
		say(200, `{}`), say(200, `{"subscriptions":[{"id":"s1","pending":3}]}`), tell(403, "no"))
	var got []string
	for ch, err := range c.Channels(t.Context(), "") {
		got = append(got, ch.Name, fmt.Sprint(err))
	}
	for ch, err := range c.Channels(t.Context(), "sub/") {
		got = append(got, ch.Name, fmt.Sprint(err))
	}
	for sub, err := range c.Subscriptions(t.Context(), "alerts") {
		got = append(got, sub.ID, fmt.Sprint(sub.Pending, err))
	}
	for _, err := range c.Subscriptions(t.Context(), "alerts") {
		got = append(got, fmt.Sprint(err))
	}
	same(t, got, "a", "<nil>", "b", "<nil>", "c", "<nil>", "s1", "3 <nil>", "no")
	s.saw(t, "GET /trust/channels/", "GET /trust/channels/?next=b%26", "GET /trust/sub/channels/", "GET /trust/channels/alerts/subscriptions/", "GET /trust/channels/alerts/subscriptions/")
}

func TestSubscriptionsAreMadeMovedAndEnded(t *testing.T) {
	sub := `{"id":"s1","position":"c1","pending":2}`
	c, s := play(t, Options{}, tell(503, "no"), say(201, sub), say(200, `{"position":"c3","pending":0}`), say(200, `{"position":"c1","pending":2}`),
		say(200, sub), tell(503, "no"), tell(404, "not found"), say(404, `{"title":"not found"}`))
	made, err := c.Subscribe(t.Context(), "alerts", taxii.NewSubscription{Name: "n", Start: "earliest"})
	if err != nil || made.ID != "s1" {
		t.Fatalf("got %+v, %v", made, err)
	}
	if now, err := c.Acknowledge(t.Context(), "alerts", "s1", "c3"); err != nil || now.Position != "c3" {
		t.Errorf("got %+v, %v", now, err)
	}
	if _, err := c.SetPosition(t.Context(), "alerts", "s1", taxii.Position{Cursor: "c1", Seek: true}); err != nil {
		t.Error(err)
	}
	if got, err := c.Subscription(t.Context(), "alerts", "s1"); err != nil || got.Pending != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := c.Unsubscribe(t.Context(), "alerts", "s1"); err != nil { // the first try may have done it
		t.Error(err)
	}
	if err := c.Unsubscribe(t.Context(), "alerts", "s1"); taxii.KindOf(err) != taxii.NotFound {
		t.Errorf("got %v", err)
	}
	same(t, s.bodies[1:4], `{"name":"n","start":"earliest"}`, `{"cursor":"c3"}`, `{"cursor":"c1","seek":true}`)
}

func TestContentIsReadOnWhereItBrokeOff(t *testing.T) {
	const text = "0123456789"
	part := func(from, to int, headers ...string) answering {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(text)-from))
			w.Header().Set("ETag", `"t"`)
			if from > 0 {
				if r.Header.Get("If-Range") != `"t"` {
					t.Errorf("If-Range is %q", r.Header.Get("If-Range"))
				}
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-9/10", from))
				w.WriteHeader(http.StatusPartialContent)
			}
			_, _ = io.WriteString(w, text[from:to])
			w.(http.Flusher).Flush()
			if to < len(text) {
				panic(http.ErrAbortHandler)
			}
		}
	}
	c, s := play(t, Options{}, part(0, 4), tell(503, "no"), part(4, 5), part(5, 10))
	r, err := c.Content(t.Context(), "alerts", taxii.Message{ID: "m1", Size: 10, ContentURL: "channels/alerts/messages/m1/content/"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil || string(got) != text || r.Close() != nil {
		t.Errorf("got %q, %v", got, err)
	}
	get := "GET " + at + "m1/content/"
	s.saw(t, get, get+" Range:bytes=4-", get+" Range:bytes=4-", get+" Range:bytes=5-")

	// A server that begins again must not be taken for one that goes on.
	c, _ = play(t, Options{}, part(0, 4), part(0, 10))
	r, err = c.Content(t.Context(), "alerts", taxii.Message{ID: "m1", Size: 10, ContentURL: "channels/alerts/messages/m1/content/"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err == nil || !strings.Contains(err.Error(), "does not go on") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestContentThatCameWithTheMessageIsNotAskedFor(t *testing.T) {
	c, s := play(t, Options{}, say(200, "{\r\n}"))
	for _, m := range []taxii.Message{{Content: jsontext.Value(`{ }`), Size: 3}, {ContentBase64: []byte("abc"), Size: 3}} {
		r, err := c.Content(t.Context(), "alerts", m)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(r); len(got) != 3 {
			t.Errorf("got %q", got)
		}
	}
	s.saw(t)
	r, err := c.Content(t.Context(), "alerts", taxii.Message{ID: "m1", Content: jsontext.Value("{\n}"), Size: 4}) // a stream made LF of CR LF
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); string(got) != "{\r\n}" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	s.saw(t, "GET "+at+"m1/content/")
}

// wire answers every request with a stream that a test writes.
type wire func(n int) io.ReadCloser

// trips counts the requests of a Client that a wire answers.
type trips struct {
	answer wire
	n      int
	slow   time.Duration // how long an answer takes to begin
}

func (w *trips) RoundTrip(r *http.Request) (*http.Response, error) {
	w.n++
	select {
	case <-time.After(w.slow):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	kind := "text/event-stream"
	body := w.answer(w.n)
	if strings.Contains(r.URL.RawQuery, "wait=") {
		kind, body = taxii.MediaType, io.NopCloser(strings.NewReader(`{"messages":[`+message("polled", "c1")+`],"more":false,"next":"c1"}`))
	}
	context.AfterFunc(r.Context(), func() { body.Close() })
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {kind}}, Body: body, Request: r}, nil
}

// pipe gives a stream that a goroutine writes.
func pipe(write func(io.Writer)) io.ReadCloser {
	r, w := io.Pipe()
	go func() { write(w) }()
	return r
}

func TestADeadServerIsNoticedAndASlowOneIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &trips{answer: func(n int) io.ReadCloser {
			return pipe(func(w io.Writer) {
				if n == 2 {
					fmt.Fprint(w, happening("m2", "c2"))
					return
				}
				for range 20 { // five minutes of nothing but signs of life, then silence
					fmt.Fprint(w, ": keep-alive\n\n")
					time.Sleep(15 * time.Second)
				}
			})
		}}
		c, err := New("https://h/trust/", Options{HTTP: &http.Client{Transport: w}})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for m, err := range c.Follow(t.Context(), "alerts", Following{After: "c0"}) {
			if err != nil || m.ID != "m2" {
				t.Errorf("got %+v, %v", m, err)
			}
			break
		}
		if took := time.Since(began); w.n != 2 || took < 5*time.Minute || took > 5*time.Minute+45*time.Second {
			t.Errorf("%d requests in %v, want the second 45 s after the last sign of life", w.n, took)
		}
	})
}

func TestAServerThatWasAskedToWaitMayDoSoAndNoLonger(t *testing.T) {
	for slow, want := range map[time.Duration]string{30*time.Second + defaultIdle - time.Second: "polled", 30*time.Second + defaultIdle + time.Second: ""} {
		synctest.Test(t, func(t *testing.T) {
			w := &trips{answer: func(int) io.ReadCloser { return io.NopCloser(strings.NewReader("")) }, slow: slow}
			c, err := New("https://h/trust/", Options{HTTP: &http.Client{Transport: w}, Retries: -1})
			if err != nil {
				t.Fatal(err)
			}
			for m, err := range c.Follow(t.Context(), "alerts", Following{After: "c0", Poll: true}) {
				if m.ID != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, errIdle) {
					t.Errorf("after %v: got %+v, %v", slow, m, err)
				}
				break
			}
		})
	}
}

func TestAReaderMayTakeItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &trips{answer: func(int) io.ReadCloser {
			return pipe(func(w io.Writer) { fmt.Fprint(w, happening("m1", "c1")); fmt.Fprint(w, happening("m2", "c2")) })
		}}
		c, err := New("https://h/trust/", Options{HTTP: &http.Client{Transport: w}})
		if err != nil {
			t.Fatal(err)
		}
		for m, err := range c.Follow(t.Context(), "alerts", Following{After: "c0"}) {
			if err != nil || m.ID == "m2" {
				break
			}
			time.Sleep(time.Hour)
		}
		if w.n != 1 {
			t.Errorf("%d requests: the stream was given up while its reader was at work", w.n)
		}
	})
}

func TestWhereStreamsStayEmptyPagesAreAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &trips{answer: func(int) io.ReadCloser { return pipe(func(io.Writer) {}) }} // something on the way waits for the end
		c, err := New("https://h/trust/", Options{HTTP: &http.Client{Transport: w}})
		if err != nil {
			t.Fatal(err)
		}
		for m, err := range c.Follow(t.Context(), "alerts", Following{After: "c0"}) {
			if err != nil || m.ID != "polled" {
				t.Errorf("got %+v, %v", m, err)
			}
			break
		}
		if w.n != 3 {
			t.Errorf("%d requests, want two streams and a page", w.n)
		}
	})
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	for value, want := range map[string]time.Duration{"": 0, "7": 7 * time.Second, "-7": 0, "soon": 0, "Thu, 01 Jan 1970 00:00:00 GMT": 0} {
		if got := retryAfter(value); got != want {
			t.Errorf("%q: got %v", value, got)
		}
	}
	if got := retryAfter(time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)); got < 59*time.Minute || got > time.Hour {
		t.Errorf("got %v", got)
	}
	var w waiting
	if got := w.next(365 * 24 * time.Hour); got > longestRetryAfter*11/10+time.Second {
		t.Errorf("a year became %v", got)
	}
}
