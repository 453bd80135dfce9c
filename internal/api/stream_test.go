package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/taxii"
)

// station is a face with one Channel, trust/alerts, asked as the operator.
type station struct {
	*table
	a *Server
	*httptest.Server
}

// broadcast makes a station whose streams do by themselves what they do at this
// pace.
func broadcast(t *testing.T, p pace) *station {
	t.Helper()
	st := &station{table: desk(t, 0)}
	fail := Failing(slog.New(slog.DiscardHandler), func(*http.Request) []string { return []string{"Basic"} })
	st.a = New(st.x, Options{PublicURL: "https://taxii.example.com", Session: func(*http.Request) (*exchange.Session, error) { return st.x.Operator(), nil }}, fail)
	st.a.pace = p
	if _, err := st.x.Operator().AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "alerts"}); err != nil {
		t.Fatal(err)
	}
	st.Server = httptest.NewServer(st.a)
	t.Cleanup(func() {
		st.x.Stop()
		st.Close()
	})
	return st
}

// publish publishes an Envelope with one object of a type.
func (st *station) publish(t *testing.T, typ string) {
	t.Helper()
	body := fmt.Appendf(nil, `{"objects":[{"type":%q,"id":"%s--00000000-0000-4000-8000-000000000001","spec_version":"2.1"}]}`, typ, typ)
	if _, err := st.x.Operator().Publish(t.Context(), "trust", "alerts", exchange.Publication{ContentType: taxii.MediaType, Body: body}); err != nil {
		t.Fatal(err)
	}
}

// event is one block of a stream, or a comment.
type event struct{ id, kind, data, comment, retry string }

// events are the blocks of a stream as they come.
type events struct {
	t    *testing.T
	list chan event
	http.Header
}

// open follows a path below the Channel until the test ends.
func (st *station) open(t *testing.T, path string, headers ...string) *events {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, st.URL+"/trust/channels/alerts/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		t.Fatalf("%s %s", answer.Status, text)
	}
	e := &events{t, make(chan event, 1000), answer.Header}
	go func() {
		defer answer.Body.Close()
		defer close(e.list)
		readEvents(answer.Body, e.list)
	}()
	return e
}

func readEvents(from io.Reader, into chan<- event) {
	var now event
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			into <- now
			now = event{}
		case name == "":
			now.comment = value
		case name == "id":
			now.id = value
		case name == "event":
			now.kind = value
		case name == "retry":
			now.retry = value
		case name == "data" && now.data != "":
			now.data += "\n" + value
		case name == "data":
			now.data = value
		}
	}
}

// next waits for the next block; false: the stream has ended.
func (e *events) next() (event, bool) {
	e.t.Helper()
	select {
	case v, ok := <-e.list:
		return v, ok
	case <-time.After(30 * time.Second):
		e.t.Fatal("nothing comes")
		return event{}, false
	}
}

// want waits for the next block and fails the test unless is holds for it.
func (e *events) want(what string, is func(event) bool) event {
	e.t.Helper()
	v, ok := e.next()
	if !ok || !is(v) {
		e.t.Fatalf("wanted %s, got %+v (%v)", what, v, ok)
	}
	return v
}

func (e *events) wantBegin() {
	e.t.Helper()
	e.want("the time to wait after a break", func(v event) bool { return v == event{retry: "3000"} })
}

// wantEnd waits for the end, past keep-alives, and gives its error.
func (e *events) wantEnd(status string) taxii.Error {
	e.t.Helper()
	for {
		v, ok := e.next()
		if !ok {
			e.t.Fatal("the stream ended without a word")
		}
		if v.kind != "end" {
			continue
		}
		var why taxii.Error
		if err := json.Unmarshal([]byte(v.data), &why); err != nil || why.HTTPStatus != status || why.Title == "" {
			e.t.Fatalf("the end says %s: %v", v.data, err)
		}
		if v, more := e.next(); more {
			e.t.Errorf("after the end: %+v", v)
		}
		return why
	}
}

// quick is a pace for tests that look at what a stream does by itself; slow is one
// where it does nothing.
func quick() pace {
	return pace{keepAlive: 20 * time.Millisecond, progress: time.Millisecond, life: time.Hour, again: time.Millisecond}
}

func slow() pace {
	return pace{keepAlive: time.Hour, progress: time.Millisecond, life: time.Hour, again: time.Millisecond}
}

func TestAStreamBeginsAtOnceAndSendsWhatIsPublished(t *testing.T) {
	t.Parallel()
	st := broadcast(t, slow())
	e := st.open(t, "messages/")
	e.wantBegin()
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "X-Accel-Buffering": "no", "Cache-Control": "no-store", "Content-Encoding": ""} {
		if got := e.Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	last := ""
	for range 3 {
		st.publish(t, "indicator")
		v := e.want("a message", func(v event) bool { return v.kind == "message" && v.id != "" })
		var m taxii.Message
		if err := json.Unmarshal([]byte(v.data), &m); err != nil || m.Cursor != v.id || m.Type != taxii.TypeEnvelope || len(m.Content) == 0 {
			t.Fatalf("%v %s", err, v.data)
		}
		last = v.id
	}
	st.publish(t, "malware")
	again := st.open(t, "messages/?after=earliest", "Last-Event-ID: "+last)
	again.wantBegin()
	again.want("what came after the last event", func(v event) bool { return strings.Contains(v.data, "malware--") })
}

func TestAStreamWithoutTrafficIsKeptAlive(t *testing.T) {
	t.Parallel()
	e := broadcast(t, quick()).open(t, "messages/")
	e.wantBegin()
	for range 3 {
		e.want("a comment", func(v event) bool { return v == event{comment: "keep-alive"} })
	}
}

func TestAStreamTellsHowFarItHasLookedPastWhatItsSelectorLeavesOut(t *testing.T) {
	t.Parallel()
	st := broadcast(t, slow())
	e := st.open(t, "messages/?match[type]=malware")
	e.wantBegin()
	for range 2 {
		st.publish(t, "indicator")
		v := e.want("an id alone", func(v event) bool { return v.id != "" && v == event{id: v.id} })
		st.publish(t, "malware")
		e.want("the message", func(v event) bool { return v.kind == "message" && strings.Contains(v.data, "malware--") })
		if next := st.open(t, "messages/", "Last-Event-ID: "+v.id); true {
			next.wantBegin()
			next.want("what comes after that id", func(v event) bool { return strings.Contains(v.data, "malware--") })
		}
	}
}

func TestProgressIsToldNowAndThenOnly(t *testing.T) {
	t.Parallel()
	p := slow()
	p.progress = time.Hour
	st := broadcast(t, p)
	e := st.open(t, "messages/?match[type]=malware")
	e.wantBegin()
	first := 0
	for range 5 {
		st.publish(t, "indicator")
	}
	st.publish(t, "malware")
	for {
		v, _ := e.next()
		if v.kind == "message" {
			break
		}
		if first++; first > 1 {
			t.Fatalf("progress is told again: %+v", v)
		}
	}
}

func TestAStreamEndsInTime(t *testing.T) {
	t.Parallel()
	p := slow()
	p.life = 100 * time.Millisecond
	st := broadcast(t, p)
	e := st.open(t, "messages/?match[type]=malware")
	e.wantBegin()
	st.publish(t, "indicator")
	e.wantEnd("503")
	for range 200 {
		st.publish(t, "malware")
	}
	late := st.open(t, "messages/?after=earliest") // one that is far behind ends in time, too
	late.wantBegin()
	late.wantEnd("503")
}

// What a stream had looked at was told only once it had looked at all: who followed
// a long feed by a Selector that few pass saw nothing for as long.
func TestAStreamThatIsBehindTellsHowFarItHasLooked(t *testing.T) {
	t.Parallel()
	n := 0
	w := &counted{ResponseWriter: httptest.NewRecorder(), flushed: func() { n++ }}
	f := &stream{reader: &reader{w: w}, control: http.NewResponseController(w), pace: slow(), told: "a"}
	f.progress("b")
	if n != 1 || f.told != "b" {
		t.Errorf("flushed %d times, told %q", n, f.told)
	}
}

// counted counts flushes.
type counted struct {
	http.ResponseWriter
	flushed func()
}

func (c *counted) FlushError() error {
	c.flushed()
	return nil
}

func TestAStreamTellsOfAGapBeforeTheMessageBehindIt(t *testing.T) {
	t.Parallel()
	st := broadcast(t, slow())
	o := st.x.Operator()
	sub, _, err := o.Subscribe(t.Context(), "trust", "alerts", taxii.NewSubscription{MaxPending: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []string{"indicator", "indicator", "malware"} {
		st.publish(t, typ)
	}
	for _, again := range []bool{false, true} { // it is told until it is acknowledged
		e := st.open(t, "subscriptions/"+sub.ID+"/messages/")
		e.wantBegin()
		told := e.want("the gap", func(v event) bool { return v.kind == "gap" && v.id == "" })
		var gap taxii.Gap
		if err := json.Unmarshal([]byte(told.data), &gap); err != nil || gap.Missed == nil || *gap.Missed != 2 || gap.Reason != taxii.GapBound || gap.From != sub.Position || gap.To == "" {
			t.Errorf("%v %s", err, told.data)
		}
		e.want("the message behind it", func(v event) bool { return v.kind == "message" && strings.Contains(v.data, "malware--") })
		if again {
			st.publish(t, "indicator")
			e.want("what comes then, without another gap", func(v event) bool { return v.kind == "message" && strings.Contains(v.data, "indicator--") })
		}
	}
}

func TestAServerThatStopsEndsStreamsAndAnswersWaits(t *testing.T) {
	t.Parallel()
	st := broadcast(t, slow())
	e := st.open(t, "messages/")
	e.wantBegin()
	type result struct {
		status int
		body   string
	}
	answers := map[string]chan result{"messages/?wait=55": make(chan result, 1), "?wait=55": make(chan result, 1)}
	for path, got := range answers {
		go func() {
			r, err := http.Get(st.URL + "/trust/channels/alerts/" + path)
			if err != nil {
				got <- result{0, err.Error()}
				return
			}
			defer r.Body.Close()
			text, _ := io.ReadAll(r.Body)
			got <- result{r.StatusCode, string(text)}
		}()
	}
	for deadline := time.Now().Add(30 * time.Second); st.a.Lasting() < 3; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d wait", st.a.Lasting())
		}
	}
	st.x.Stop()
	e.wantEnd("503")
	if got := <-answers["messages/?wait=55"]; got.status != 200 || !strings.HasPrefix(got.body, `{"more":false,"next":"`) {
		t.Errorf("the wait is answered %+v", got)
	}
	if got := <-answers["?wait=55"]; got.status != 204 || got.body != "" {
		t.Errorf("the wait of the draft form is answered %+v", got)
	}
	if late := st.open(t, "messages/"); true {
		late.wantBegin()
		late.wantEnd("503")
	}
}

func TestAStreamEndsWithItsChannel(t *testing.T) {
	t.Parallel()
	st := broadcast(t, slow())
	e := st.open(t, "messages/")
	e.wantBegin()
	if err := st.x.Operator().RemoveChannel(t.Context(), "trust", "alerts", nil); err != nil {
		t.Fatal(err)
	}
	e.wantEnd("404")
}

func TestAStreamWithoutMemoryGoesOnOnceThereIsSome(t *testing.T) {
	t.Parallel()
	st := broadcast(t, slow())
	gate := st.a.pages.gate
	gate.overdraw(gate.size) // others hold all there is
	st.publish(t, "malware")
	large := fmt.Appendf(nil, `{"objects":[{"type":"tool","id":"tool--1","x":%q}]}`, strings.Repeat("x", 400<<10)) // too large for the ring
	if _, err := st.x.Operator().Publish(t.Context(), "trust", "alerts", exchange.Publication{ContentType: taxii.MediaType, Body: large}); err != nil {
		t.Fatal(err)
	}
	st.publish(t, "indicator")
	e := st.open(t, "messages/?after=earliest")
	e.wantBegin()
	e.want("what is in memory anyway", func(v event) bool { return strings.Contains(v.data, "malware--") })
	until := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(60 * time.Second); !is(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("not %s", what)
			}
		}
	}
	for range 2 { // it is refused, and asks again
		until("waiting", gate.crowd)
		until("refused", func() bool { return !gate.crowd() })
	}
	select {
	case v := <-e.list:
		t.Errorf("without memory comes %.300s", v.data)
	default:
	}
	gate.leave(gate.size)
	e.want("the large one", func(v event) bool { return strings.Contains(v.data, "tool--") })
	e.want("what comes after", func(v event) bool { return strings.Contains(v.data, "indicator--") })
	until("given back", func() bool { return gate.held() == 0 })
}

func TestWhatIsSmallTakesNothingOfTheBudget(t *testing.T) {
	t.Parallel()
	st := broadcast(t, slow())
	rd := &reader{a: st.a, r: httptest.NewRequest(http.MethodGet, "/", nil), s: st.x.Operator()}
	if err := rd.room(uncounted - 1); err != nil || rd.held != 0 {
		t.Errorf("what is small is counted: %d, %v", rd.held, err)
	}
	if err := rd.room(1); err != nil || rd.held != 1 {
		t.Errorf("what is not small is not counted: %d, %v", rd.held, err)
	}
	rd.release()
	if held := st.a.pages.gate.held(); held != 0 {
		t.Errorf("%d octets are held", held)
	}
}

// failing is a store in which no Subscription can be changed, once that is said.
type failing struct {
	*store.Store
	now atomic.Bool
}

func (f *failing) ChangeSubscription(ctx context.Context, id string, edit func(*exchange.Subscription) error) (exchange.Subscription, error) {
	if f.now.Load() {
		return exchange.Subscription{}, errors.New("the disk is on fire")
	}
	return f.Store.ChangeSubscription(ctx, id, edit)
}

// That what was answered could not be written down was told to nobody.
func TestAnOutcomeThatCannotBeRecordedIsLogged(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "hansom.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	f := &failing{Store: s}
	x, err := exchange.New(t.Context(), f, exchange.Options{PublicURL: "https://taxii.example.com", MasterKey: make([]byte, exchange.MasterKeySize)})
	if err != nil {
		t.Fatal(err)
	}
	st := &station{table: &table{x: x}}
	if _, err := x.Operator().AddRoot(t.Context(), exchange.RootSetting{Name: "trust"}); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Operator().AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "alerts"}); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	st.a = New(x, Options{Session: func(*http.Request) (*exchange.Session, error) { return x.Operator(), nil }}, Failing(slog.New(slog.NewTextHandler(&log, nil)), func(*http.Request) []string { return []string{"Basic"} }))
	ask := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		st.a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/trust/channels/alerts/?wait=0", nil))
		return w
	}
	if w := ask(); w.Code != http.StatusNoContent || log.Len() > 0 {
		t.Fatalf("%d %s %s", w.Code, w.Body, &log)
	}
	st.publish(t, "malware")
	f.now.Store(true)
	if w := ask(); w.Code != http.StatusOK || !strings.Contains(log.String(), "the disk is on fire") {
		t.Errorf("%d %s; in the log is %s", w.Code, w.Body, &log)
	}
}
