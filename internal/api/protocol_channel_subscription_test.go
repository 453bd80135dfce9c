package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestASubscriptionKeepsThePlaceOfWhoAcknowledges(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, maker := w.channelWith(t)
	member, reader := w.as(t, "member"), w.as(t, "reader")
	path, s := reader.subscribe(t, channel, `{"start":"earliest","selector":{"type":["malware","indicator"]}}`)
	again := reader.ask(t, "POST", channel+"/subscriptions/", `{"selector":{"type":["indicator","malware","indicator"]},"start":"latest"}`)
	good(t, again, http.StatusOK)
	var twin taxii.Subscription
	if again.JSON(t, &twin); twin.ID != s.ID || again.Header.Get("Location") != "" {
		t.Errorf("%s %v", again.Body, again.Header)
	}
	cursors := member.publish(t, channel, "indicator", "tool", "malware")
	for range 2 { // reading moves nothing
		same(t, "from the position", typesOf(t, reader.messages(t, path+"/messages/?wait=30")), []string{"indicator", "malware"})
	}
	same(t, "ahead", typesOf(t, reader.messages(t, path+"/messages/?after="+cursors[0])), []string{"malware"})
	position := func(body string) (p taxii.PositionNow) {
		a := reader.ask(t, "PUT", path+"/position/", body)
		good(t, a, http.StatusOK)
		a.JSON(t, &p)
		return p
	}
	if p := position(`{"cursor":"` + cursors[1] + `"}`); p.Position != cursors[1] || p.Pending != 1 {
		t.Errorf("%+v", p)
	}
	if p := position(`{"cursor":"` + cursors[0] + `"}`); p.Position != cursors[1] {
		t.Errorf("an older cursor moves it: %+v", p)
	}
	f := reader.follow(t, path+"/messages/").begun()
	if m := f.message(); m.Cursor != cursors[2] {
		t.Errorf("%+v", m)
	}
	if p := position(`{"cursor":"` + cursors[0] + `","seek":true}`); p.Position != cursors[0] || p.Pending != 2 {
		t.Errorf("%+v", p)
	}
	for body, want := range map[string]int{`{}`: 400, `{"cursor":7}`: 400, `{"cursor":null}`: 400, `{"cursor":"x"}`: 400, `[]`: 400, `{"cursor":"` + cursors[0] + `","cursor":"x"}`: 400} {
		refusal(t, reader.ask(t, "PUT", path+"/position/", body), want)
	}
	for _, other := range []actor{member, w.account(t)} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			refusal(t, other.ask(t, method, path+"/", `{}`), http.StatusNotFound)
		}
		refusal(t, other.get(t, path+"/messages/"), http.StatusNotFound)
		refusal(t, other.ask(t, "PUT", path+"/position/", `{"cursor":"`+cursors[0]+`"}`), http.StatusNotFound)
	}
	var list taxii.Subscriptions
	maker.get(t, channel+"/subscriptions/").JSON(t, &list)
	if len(list.Subscriptions) != 1 || list.Subscriptions[0].Account != "reader" {
		t.Errorf("%+v", list)
	}
	refusal(t, maker.get(t, path+"/messages/"), http.StatusForbidden) // it sees it, and may remove it
}

func TestIfMatchKeepsOneChangeFromUndoingAnother(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, maker := w.channelWith(t)
	subscription, _ := maker.subscribe(t, channel, `{}`)
	for path, bodies := range map[string][2]string{
		channel:             {`{"title":"one"}`, `{"title":"two"}`},
		channel + "/grants": {`{"grants":[{"account":"member","can_read":true}]}`, `{"grants":[]}`},
		subscription:        {`{"max_pending":5}`, `{"max_pending":6}`},
	} {
		if strings.HasSuffix(path, "/grants") { // whoever manages stays
			for i := range bodies {
				bodies[i] = strings.Replace(bodies[i], "]}", `,{"account":"`+maker.name+`","can_read":true,"can_manage":true}]}`, 1)
				bodies[i] = strings.Replace(bodies[i], "[,", "[", 1)
			}
		}
		tag := maker.get(t, path+"/").Header.Get("ETag")
		first := maker.ask(t, "PUT", path+"/", bodies[0], "If-Match: "+tag)
		good(t, first, http.StatusOK)
		fresh := first.Header.Get("ETag")
		if fresh == "" || fresh == tag || maker.get(t, path+"/").Header.Get("ETag") != fresh {
			t.Errorf("%s: the tag was %s and is %s", path, tag, fresh)
		}
		refusal(t, maker.ask(t, "PUT", path+"/", bodies[1], "If-Match: "+tag), http.StatusPreconditionFailed)
		good(t, maker.ask(t, "PUT", path, bodies[1], `If-Match: "other", `+fresh), http.StatusOK)
		good(t, maker.ask(t, "PUT", path, bodies[0], "If-Match: *"), http.StatusOK)
		good(t, maker.ask(t, "PUT", path, bodies[1]), http.StatusOK)
		if strings.HasSuffix(path, "/grants") {
			continue
		}
		refusal(t, maker.ask(t, "DELETE", path+"/", "", "If-Match: "+tag), http.StatusPreconditionFailed)
	}
	for _, path := range []string{subscription, channel} {
		a := maker.ask(t, "DELETE", path+"/", "", "If-Match: "+maker.get(t, path).Header.Get("ETag"))
		if a.Status != http.StatusNoContent || len(a.Body) > 0 || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%d %s %v", a.Status, a.Body, a.Header)
		}
		refusal(t, maker.get(t, path+"/"), http.StatusNotFound)
	}
}

func TestTheDraftFormGetsOrCreatesASubscriptionAndGoesOn(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, _ := w.channelWith(t)
	member, reader := w.as(t, "member"), w.as(t, "reader")
	member.publish(t, channel, "tool")
	read := func(query string, headers ...string) (trial.Answer, taxii.Messages) {
		a := reader.get(t, channel+"/?"+query, headers...)
		if a.Status == http.StatusNoContent {
			if len(a.Body) > 0 || a.Header.Get("Content-Location") == "" || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%v %s", a.Header, a.Body)
			}
			return a, taxii.Messages{}
		}
		return a, messagesOf(t, a)
	}
	if a, _ := read("wait=0"); a.Status != http.StatusNoContent {
		t.Errorf("a new one does not begin at the newest: %d %s", a.Status, a.Body)
	}
	member.publish(t, channel, "indicator", "malware")
	a, page := read("wait=0&limit=1")
	if types := typesOf(t, page); !page.Created || !page.More || len(types) != 1 || types[0] != "indicator" {
		t.Errorf("%s", a.Body)
	}
	at := a.Header.Get("Content-Location")
	b, page := read("wait=30")
	if types := typesOf(t, page); page.Created || page.More || len(types) != 1 || types[0] != "malware" || b.Header.Get("Content-Location") != at {
		t.Errorf("%s %v", b.Body, b.Header)
	}
	// A HEAD and what a browser sends in advance move and create nothing.
	for _, path := range []string{"/?wait=0", "/?match[type]=never&wait=0"} {
		for _, headers := range [][]string{{"Sec-Purpose: prefetch"}, {"Purpose: prefetch", "Accept: text/event-stream"}} {
			ahead := reader.get(t, channel+path, headers...)
			if good(t, ahead, http.StatusOK); ahead.Header.Get("ETag") == "" || !strings.Contains(string(ahead.Body), `"content_type"`) {
				t.Errorf("%s", ahead.Body)
			}
		}
		if head := reader.ask(t, "HEAD", channel+path, ""); head.Status != http.StatusOK || head.Header.Get("ETag") == "" || len(head.Body) > 0 {
			t.Errorf("%d %v", head.Status, head.Header)
		}
	}
	var list taxii.Subscriptions
	reader.get(t, channel+"/subscriptions/").JSON(t, &list)
	if len(list.Subscriptions) != 1 || !strings.HasSuffix(at, "/subscriptions/"+list.Subscriptions[0].ID+"/") {
		t.Errorf("%+v, %s", list, at)
	}
	if list.Subscriptions[0].Pending != 1 {
		t.Errorf("the last answer was acknowledged by nothing: %+v", list.Subscriptions[0])
	}
	if a, _ := read("wait=0"); a.Status != http.StatusNoContent {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if a, _ := read("wait=0&subscription=other"); a.Header.Get("Content-Location") == at {
		t.Error("another name is the same subscription")
	}
	member.publish(t, channel, "tool")
	if a, page := read(""); len(page.Messages) != 1 || a.Header.Get("Content-Location") != at { // a bare question mark is a query, too
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

func TestANewReadOfTheDraftFormEndsTheOlder(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, _ := w.channelWith(t)
	member, reader := w.as(t, "member"), w.as(t, "reader")
	older, newer := make(chan trial.Answer, 1), make(chan trial.Answer, 1)
	go func() { older <- reader.get(t, channel+"/?wait=55") }()
	eventually(t, "the older read", func() bool {
		var list taxii.Subscriptions
		reader.get(t, channel+"/subscriptions/").JSON(t, &list)
		return len(list.Subscriptions) == 1
	})
	go func() { newer <- reader.get(t, channel+"/?wait=55") }()
	if a := <-older; a.Status != http.StatusNoContent {
		t.Errorf("the older is answered %d %s", a.Status, a.Body)
	}
	member.publish(t, channel, "indicator")
	if page := messagesOf(t, <-newer); len(page.Messages) != 1 {
		t.Errorf("%+v", page)
	}
}

func TestAnEventStreamOfTheDraftFormAcknowledgesByLastEventID(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, _ := w.channelWith(t)
	member, reader := w.as(t, "member"), w.as(t, "reader")
	f := reader.follow(t, channel+"/?match[type]=indicator").begun()
	if f.Get("Content-Location") == "" {
		t.Errorf("%v", f.Header)
	}
	cursors := member.publish(t, channel, "indicator", "indicator")
	for _, want := range cursors {
		if m := f.message(); m.Cursor != want {
			t.Errorf("%+v", m)
		}
	}
	second := reader.follow(t, channel+"/?match[type]=indicator", "Last-Event-ID: "+cursors[0]).begun()
	if e := f.end(); e.HTTPStatus != "409" {
		t.Errorf("%+v", e)
	}
	if m := second.message(); m.Cursor != cursors[1] {
		t.Errorf("%+v", m)
	}
	path := strings.TrimPrefix(f.Get("Content-Location"), w.URL)
	eventually(t, "the acknowledgement", func() bool {
		var s taxii.Subscription
		reader.get(t, path).JSON(t, &s)
		return s.Position == cursors[0]
	})
}

func TestAPublicationTellsWhatBecameOfEachDraft(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, _ := w.channelWith(t, `"permitted_messages":["indicator"]`)
	member := w.as(t, "member")
	drafts := `{"messages":[{"content":` + envelopeOf(object("indicator", 1, day(1))) + `},{"content":` + envelopeOf(object("malware", 1, day(1))) + `}]}`
	st := status(t, member.ask(t, "POST", channel+"/messages/", drafts), http.StatusAccepted)
	if st.SuccessCount != 1 || st.FailureCount != 1 || st.Failures[0].Version != "1" || st.Failures[0].Disposition != taxii.Rejected {
		t.Errorf("%+v", st)
	}
	if again := status(t, member.get(t, "/trust/status/"+st.ID+"/"), http.StatusOK); again.SuccessCount != 1 {
		t.Errorf("%+v", again)
	}
	e := refusal(t, member.ask(t, "POST", channel+"/messages/", envelopeOf(object("malware", 1, day(1)))), http.StatusUnprocessableEntity)
	if _, ok := e.Details["status"].(map[string]any); !ok {
		t.Errorf("%+v", e.Details)
	}
	for body, code := range map[string]int{"{": 400, `{"objects":[]}`: 400, `{}`: 400, `{"objects":[{}],"messages":[{}]}`: 400} {
		refusal(t, member.ask(t, "POST", channel+"/messages/", body), code)
	}
	refusal(t, member.ask(t, "POST", channel+"/messages/", "x", "Content-Type: text/plain"), http.StatusUnsupportedMediaType)
	if page := member.messages(t, channel+"/messages/"); !slices.Equal(typesOf(t, page), []string{"indicator"}) {
		t.Errorf("%+v", page)
	}
}
