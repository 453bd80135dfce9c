package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestAChannelIsReadByCursor(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, _ := w.channelWith(t)
	member, reader := w.as(t, "member"), w.as(t, "reader")
	cursors := member.publish(t, channel, "indicator", "malware", "tool", "indicator", "malware")
	all := reader.messages(t, channel+"/messages/")
	same(t, "all", typesOf(t, all), []string{"indicator", "malware", "tool", "indicator", "malware"})
	if all.More || all.Next != cursors[4] {
		t.Errorf("more is %v, next %q", all.More, all.Next)
	}
	for _, name := range []string{"after", "next"} {
		page := reader.messages(t, channel+"/messages/?limit=2&"+name+"="+cursors[0])
		same(t, name, typesOf(t, page), []string{"malware", "tool"})
		if !page.More || page.Next != cursors[2] {
			t.Errorf("more is %v, next %q", page.More, page.Next)
		}
	}
	same(t, "a Selector", typesOf(t, reader.messages(t, channel+"/messages/?match%5Btype%5D=tool,malware&unknown=x&limit=")), []string{"malware", "tool", "malware"})
	date := all.Messages[2].Published.String()
	same(t, "added_after", typesOf(t, reader.messages(t, channel+"/messages/?added_after="+date)), []string{"indicator", "malware"})
	if page := reader.messages(t, channel+"/messages/?after=latest"); len(page.Messages) != 0 || page.Next != cursors[4] {
		t.Errorf("%+v", page)
	}
	head := reader.ask(t, "HEAD", channel+"/messages/?wait=55&after=latest", "")
	if head.Status != http.StatusOK || head.Header.Get("Content-Length") == "" || len(head.Body) > 0 {
		t.Errorf("HEAD: %d %v", head.Status, head.Header)
	}
	zipped := reader.get(t, channel+"/messages/", "Accept-Encoding: gzip")
	if zipped.Header.Get("Content-Encoding") != "gzip" || len(zipped.Body) >= 1000 {
		t.Errorf("a page is not compressed: %v", zipped.Header)
	}
}

func TestWhatAReadOfAChannelCannotMeanIs400(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, _ := w.channelWith(t)
	member := w.as(t, "member")
	cursor := member.publish(t, channel, "indicator")[0]
	subscription, _ := member.subscribe(t, channel, `{}`)
	reads := []string{
		"limit=0", "limit=1001", "limit=-1", "limit=x", "limit=1.0", "limit=99999999999999999999", "limit=1&limit=1",
		"wait=56", "wait=-1", "wait=x", "wait=1&wait=1", "after=x", "after=" + cursor + "&after=" + cursor, "%zz=1",
	}
	byCursor := []string{
		"after=" + cursor + "&added_after=2024-01-01T00:00:00Z", "next=" + cursor + "&added_after=2024-01-01T00:00:00Z", "added_after=x",
		"match[nothing]=x", "match[version]=last", "match[publisher]=member", "match[type]=a&match[type]=b", "after=" + cursor + "&next=earliest",
	}
	ofSubscription := []string{"match[type]=indicator", "match[x]=y", "added_after=2024-01-01T00:00:00Z"}
	draft := []string{
		"after=" + cursor, "added_after=2024-01-01T00:00:00Z", "next=" + cursor, "unknown=x", "match[nothing]=x", "limit=0", "wait=56", "wait=x",
		"subscription=a&subscription=b", "ack=x", "wait=0&type=indicator",
	}
	for path, queries := range map[string][]string{
		channel + "/messages/":      append(slices.Clone(reads), byCursor...),
		subscription + "/messages/": append(slices.Clone(reads), ofSubscription...),
		channel + "/":               draft,
		channel + "/subscriptions/": {"limit=0", "limit=1001", "limit=x"},
		"/trust/channels/":          {"limit=0", "limit=1001", "limit=x"},
	} {
		for _, query := range queries {
			if a := member.get(t, path+"?"+query); a.Status != http.StatusBadRequest {
				t.Errorf("%s?%s: %d %s", path, query, a.Status, a.Body)
			} else {
				refusal(t, a, http.StatusBadRequest)
			}
		}
	}
	m := member.messages(t, channel+"/messages/").Messages[0]
	for _, path := range []string{"/messages/", "/?wait=0", "/messages/" + m.ID + "/", "/messages/" + m.ID + "/content/"} {
		for _, size := range []string{"9437183", "x", "-1"} {
			refusal(t, member.get(t, channel+path, "X-Max-Size: "+size), http.StatusBadRequest)
		}
		if a := member.get(t, channel+path, "X-Max-Size: 9437184"); a.Status > 204 || a.Header.Get("X-Max-Size") != "" {
			t.Errorf("%s: %d %v", path, a.Status, a.Header)
		}
	}
}

func TestAWaitIsAnsweredByTheFirstMessageThatMatches(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, _ := w.channelWith(t)
	member, reader := w.as(t, "member"), w.as(t, "reader")
	var all sync.WaitGroup
	answers := make([]trial.Answer, 3)
	for i, path := range []string{"/messages/?after=latest&wait=55", "/messages/?after=latest&wait=55&match[type]=malware", "/messages/?after=latest&wait=1&match[type]=tool"} {
		all.Go(func() { answers[i] = reader.get(t, channel+path) })
	}
	time.Sleep(100 * time.Millisecond) // so that some, at least, wait already
	cursors := member.publish(t, channel, "indicator", "malware")
	all.Wait()
	first := messagesOf(t, answers[0])
	if types := typesOf(t, first); len(types) > 0 && types[0] != "indicator" && types[0] != "malware" {
		t.Errorf("%v", types)
	}
	if types := typesOf(t, messagesOf(t, answers[1])); len(types) != 1 || types[0] != "malware" {
		t.Errorf("%v", types)
	}
	if page := messagesOf(t, answers[2]); len(page.Messages) > 0 || page.More || !slices.Contains(append(cursors, page.Next), page.Next) {
		t.Errorf("%+v", page)
	}
}

func TestOneMessageAndItsContentAreServed(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, _ := w.channelWith(t, `"content_type":"*/*"`)
	member := w.as(t, "member")
	content := strings.Repeat("0123456789", 3000)
	st := status(t, member.ask(t, "POST", channel+"/messages/", content, "Content-Type: text/plain;charset=utf-8", "Idempotency-Key: 6F9619FF-8B86-4011-B42D-00CF4FC964FF"), http.StatusAccepted)
	id := "6f9619ff-8b86-4011-b42d-00cf4fc964ff"
	if st.Successes[0].ID != id {
		t.Errorf("the id is %q", st.Successes[0].ID)
	}
	again := status(t, member.ask(t, "POST", channel+"/", content, "Content-Type: text/plain;charset=utf-8", "Idempotency-Key: "+id), http.StatusAccepted)
	if d := again.Successes[0]; d.Disposition != taxii.Duplicate || d.Cursor != st.Successes[0].Cursor {
		t.Errorf("%+v", d)
	}
	path := channel + "/messages/" + id + "/"
	one := member.get(t, path)
	good(t, one, http.StatusOK)
	var m taxii.Message
	one.JSON(t, &m)
	if string(m.ContentBase64) != content || m.ID != id || m.Size != int64(len(content)) {
		t.Errorf("%.200s", one.Body)
	}
	whole := member.get(t, path+"content/", "Accept-Encoding: gzip")
	want := map[string]string{
		"Content-Type": m.MediaType, "Content-Disposition": "attachment", "Accept-Ranges": "bytes", "Content-Length": "30000",
		"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Content-Encoding": "",
	}
	if whole.Status != http.StatusOK || string(whole.Body) != content {
		t.Errorf("%d, %d octets", whole.Status, len(whole.Body))
	}
	for name, value := range want {
		if got := whole.Header.Get(name); got != value {
			t.Errorf("%s is %q", name, got)
		}
	}
	tag := whole.Header.Get("ETag")
	if !strings.HasPrefix(tag, `"`) {
		t.Errorf("ETag is %q", tag)
	}
	part := member.get(t, path+"content", "Range: bytes=10-24", "If-Range: "+tag)
	if part.Status != http.StatusPartialContent || string(part.Body) != content[10:25] || part.Header.Get("Content-Range") != "bytes 10-24/30000" {
		t.Errorf("%d %s %v", part.Status, part.Body, part.Header)
	}
	if a := member.get(t, path+"content/", "Range: bytes=10-24", `If-Range: "other"`); a.Status != http.StatusOK || string(a.Body) != content {
		t.Errorf("%d, %d octets", a.Status, len(a.Body))
	}
	beyond := member.get(t, path+"content/", "Range: bytes=30000-")
	refusal(t, beyond, http.StatusRequestedRangeNotSatisfiable)
	if beyond.Header.Get("Content-Range") != "bytes */30000" || beyond.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", beyond.Header)
	}
	head := member.ask(t, "HEAD", path+"content/", "")
	if head.Status != http.StatusOK || head.Header.Get("Content-Length") != "30000" || head.Header.Get("ETag") != tag {
		t.Errorf("HEAD: %d %v", head.Status, head.Header)
	}
	for _, nothing := range []string{taxii.NewID(), "x", strings.ToUpper(id) + "0"} {
		refusal(t, member.get(t, channel+"/messages/"+nothing+"/"), http.StatusNotFound)
		refusal(t, member.get(t, channel+"/messages/"+nothing+"/content/"), http.StatusNotFound)
	}
	for _, key := range []string{"x", id + ", " + id} {
		refusal(t, member.ask(t, "POST", channel+"/messages/", content, "Content-Type: text/plain", "Idempotency-Key: "+key), http.StatusBadRequest)
	}
}

func TestContentAboveXMaxSizeNamesRangeAsTheWay(t *testing.T) {
	t.Parallel()
	w := open(whole, trial.Start(t, append([]string{"--empty"}, trial.Settings(t, "max_content_length: 16000000")...)...))
	w.grant(t, "admin", "trust", "read", "write", "manage", "create")
	admin := w.as(t, "admin")
	good(t, admin.ask(t, "POST", "/trust/channels/", `{"name":"large","content_type":"*/*","max_message_size":16000000}`), http.StatusCreated)
	content := strings.Repeat("x", 10_000_000)
	status(t, admin.ask(t, "POST", "/trust/channels/large/messages/", content, "Content-Type: application/octet-stream"), http.StatusAccepted)
	m := admin.messages(t, "/trust/channels/large/messages/").Messages[0]
	if m.ContentURL != "channels/large/messages/"+m.ID+"/content/" || m.ContentBase64 != nil || m.Size != 10_000_000 {
		t.Errorf("%+v", m)
	}
	path := "/trust/" + m.ContentURL
	if a := admin.get(t, path); a.Status != http.StatusOK || len(a.Body) != 10_000_000 {
		t.Errorf("%d, %d octets", a.Status, len(a.Body))
	}
	if e := refusal(t, admin.get(t, path, "X-Max-Size: 9437184"), http.StatusBadRequest); !strings.Contains(e.Description, "Range") {
		t.Errorf("%+v", e)
	}
	if a := admin.get(t, path, "X-Max-Size: 9437184", "Range: bytes=0-9437183"); a.Status != http.StatusPartialContent || len(a.Body) != 9437184 {
		t.Errorf("%d, %d octets", a.Status, len(a.Body))
	}
	if whole := admin.messages(t, "/trust/channels/large/messages/", "X-Max-Size: 99999999").Messages[0]; len(whole.ContentBase64) != 10_000_000 {
		t.Errorf("with room for it the content has %d octets", len(whole.ContentBase64))
	}
	f := admin.follow(t, "/trust/channels/large/messages/?after=earliest").begun()
	if e := f.message(); e.ContentURL == "" || e.ID != m.ID {
		t.Errorf("%+v", e)
	}
}

func TestAStreamGoesOnAfterTheLastEvent(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, _ := w.channelWith(t)
	member, reader := w.as(t, "member"), w.as(t, "reader")
	cursors := member.publish(t, channel, "indicator", "malware", "tool")
	f := reader.follow(t, channel+"/messages/?after=earliest", "Last-Event-ID: "+cursors[0]).begun()
	for _, want := range cursors[1:] {
		if m := f.message(); m.Cursor != want {
			t.Errorf("%+v", m)
		}
	}
	more := member.publish(t, channel, "campaign")
	if m := f.message(); m.Cursor != more[0] {
		t.Errorf("%+v", m)
	}
	live := reader.follow(t, channel+"/messages/").begun()
	fresh := member.publish(t, channel, "identity")
	if m := live.message(); m.Cursor != fresh[0] {
		t.Errorf("a stream does not begin at the newest: %+v", m)
	}
	refusal(t, reader.get(t, channel+"/messages/", "Accept: text/event-stream", "Last-Event-ID: x"), http.StatusBadRequest)
	other, _ := w.channelWith(t)
	refusal(t, reader.get(t, other+"/messages/", "Accept: text/event-stream", "Last-Event-ID: "+cursors[0]), http.StatusBadRequest)
}

func TestLineEndsInContentBecomeLinesOfDataInAStream(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, _ := w.channelWith(t)
	member := w.as(t, "member")
	body := "{\"objects\":\r\n[{\"type\":\"tool\",\r\"id\":\"tool--00000000-0000-4000-8000-000000000001\",\n\"name\":\"a\"}]}"
	status(t, member.ask(t, "POST", channel+"/messages/", body), http.StatusAccepted)
	f := member.follow(t, channel+"/messages/?after=earliest").begun()
	m := f.message()
	var got, want any
	if err := json.Unmarshal(m.Content, &got); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal([]byte(body), &want)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s", m.Content)
	}
	if a := member.get(t, channel+"/messages/"+m.ID+"/content/"); string(a.Body) != body {
		t.Errorf("the content is %q", a.Body)
	}
}

func TestAStreamEndsWithTheRightToReadOrTheAccount(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, maker := w.channelWith(t)
	reader, gone := w.account(t), w.account(t)
	on := strings.Replace(strings.TrimPrefix(channel, "/"), "/channels/", "/channel/", 1)
	w.grant(t, reader.name, on, "read", "write")
	w.grant(t, gone.name, on, "read")
	one, other := reader.follow(t, channel+"/messages/").begun(), gone.follow(t, channel+"/messages/").begun()
	last := maker.follow(t, channel+"/messages/").begun()
	waits := make(chan trial.Answer, 1)
	go func() { waits <- reader.get(t, channel+"/messages/?after=latest&wait=55") }()
	w.grant(t, reader.name, on, "write")
	if e := one.end(); e.HTTPStatus != "403" {
		t.Errorf("%+v", e)
	}
	refusal(t, <-waits, http.StatusForbidden)
	if err := w.control.RemoveAccount(t.Context(), gone.name); err != nil {
		t.Fatal(err)
	}
	if e := other.end(); e.HTTPStatus != "401" {
		t.Errorf("%+v", e)
	}
	if a := maker.ask(t, "DELETE", channel+"/", ""); a.Status != http.StatusNoContent {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if e := last.end(); e.HTTPStatus != "404" {
		t.Errorf("%+v", e)
	}
	refusal(t, maker.get(t, channel+"/"), http.StatusNotFound)
}

func TestWhoPrefersToWaitIsAnsweredByTheFirstObject(t *testing.T) {
	t.Parallel()
	w := writable()
	c, member, reader := w.collection(t), w.as(t, "member"), w.as(t, "reader")
	begin := reader.page(t, c+"/objects/")
	for _, endpoint := range []string{"/objects/", "/manifest/"} {
		path := c + endpoint + "?added_after=" + begin.Last + "&match[type]=malware"
		if endpoint == "/manifest/" {
			path = c + endpoint + "?match[id]=" + id("malware", 7)
		}
		answer := make(chan trial.Answer, 1)
		go func() { answer <- reader.get(t, path, "Prefer: wait=99") }()
		time.Sleep(50 * time.Millisecond)
		member.add(t, c, object("indicator", 1, day(2)))
		if endpoint == "/objects/" {
			member.add(t, c, object("malware", 6, day(1)))
		} else {
			member.add(t, c, object("malware", 7, day(1)))
		}
		a := <-answer
		p := readPage(t, a)
		if len(p.Items) != 1 || a.Header.Get("Preference-Applied") != "wait=55" {
			t.Errorf("%s: %d items, %v", endpoint, len(p.Items), a.Header)
		}
	}
	a := reader.get(t, c+"/objects/?match[type]=tool", "Prefer: wait=1")
	if p := readPage(t, a); len(p.Items) != 0 || a.Header.Get("Preference-Applied") != "wait=1" {
		t.Errorf("%s %v", a.Body, a.Header)
	}
	for _, prefer := range []string{"wait=x", "respond-async"} {
		if a := reader.get(t, c+"/objects/?match[type]=tool", "Prefer: "+prefer); a.Status != http.StatusOK || a.Header.Get("Preference-Applied") != "" {
			t.Errorf("%s: %d %v", prefer, a.Status, a.Header)
		}
	}
	if a := reader.get(t, c+"/", "Prefer: wait=55"); a.Header.Get("Preference-Applied") != "" {
		t.Errorf("a Collection waits: %v", a.Header)
	}
}

func TestACursorOfAChannelThatWasReplacedIs410BeforeAnythingElseIsSent(t *testing.T) {
	t.Parallel()
	w := writable()
	channel, maker := w.channelWith(t)
	old := maker.publish(t, channel, "indicator", "malware")
	if a := maker.ask(t, "DELETE", channel, ""); a.Status != http.StatusNoContent {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	good(t, maker.ask(t, "POST", "/trust/channels/", `{"name":"`+strings.TrimPrefix(channel, "/trust/channels/")+`"}`), http.StatusCreated)
	fresh := maker.publish(t, channel, "tool")
	for _, a := range []trial.Answer{
		maker.get(t, channel+"/messages/?after="+old[0]), maker.get(t, channel+"/messages/?wait=55&next="+old[1]),
		maker.get(t, channel+"/messages/", "Accept: text/event-stream", "Last-Event-ID: "+old[1]),
	} {
		page := maker.messages(t, channel+"/messages/?after="+goneFor(t, a, "replaced"))
		if len(page.Messages) != 1 || page.Next != fresh[0] {
			t.Errorf("%+v", page)
		}
	}
}

func TestWhatTheServerDoesNotOfferIsNoFailureOfItsOwn(t *testing.T) {
	t.Parallel()
	w := writable()
	board, maker := w.channelWith(t, `"mode":"read-only"`)
	e := refusal(t, maker.ask(t, "POST", board+"/messages/", envelopeOf(object("tool", 1, day(1)))), http.StatusNotImplemented)
	if e.ID != "" {
		t.Errorf("it has an error_id, so it is in the log: %+v", e)
	}
}
