package driver

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// fakeChannel is a small server of one Channel in memory, whose events and pages a
// test may spoil.
type fakeChannel struct {
	t *testing.T
	*httptest.Server

	mu       sync.Mutex // guards all below
	messages [][]byte   // resources
	grew     chan struct{}
	events   func(stream, i int, event []byte) []byte // what stream number stream is sent of Message i; nil: as it is
	page     func(list [][]byte) [][]byte
	refuse   bool // publications
	streams  int
}

const fakeMessages = "/root/channels/c/messages/"

func newFakeChannel(t *testing.T) *fakeChannel {
	f := &fakeChannel{t: t, grew: make(chan struct{})}
	f.Server = httptest.NewTLSServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeChannel) target() *Target {
	pool := x509.NewCertPool()
	pool.AddCert(f.Certificate())
	return &Target{Base: f.URL, TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
}

func (f *fakeChannel) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != fakeMessages:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodPost:
		f.publish(w, r)
	case r.Header.Get("Accept") == mediaStream:
		f.stream(w, r)
	default:
		f.read(w, r)
	}
}

func (f *fakeChannel) publish(w http.ResponseWriter, r *http.Request) {
	var sent struct {
		Messages []struct {
			ID      string          `json:"id"`
			Content json.RawMessage `json:"content"`
		} `json:"messages"`
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &sent)
	}
	if err != nil {
		f.t.Error(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Content-Type", taxii.MediaType)
	s := taxii.Status{ID: "s", Status: "complete", TotalCount: len(sent.Messages), SuccessCount: len(sent.Messages)}
	if f.refuse {
		s.SuccessCount, s.FailureCount = len(sent.Messages)-1, 1
	}
	for _, m := range sent.Messages {
		f.messages = append(f.messages, fmt.Appendf(nil, `{"id":%q,"cursor":"c%d","type":"envelope","content":%s}`, m.ID, len(f.messages)+1, m.Content))
	}
	close(f.grew)
	f.grew = make(chan struct{})
	w.WriteHeader(http.StatusAccepted)
	if err := json.NewEncoder(w).Encode(s); err != nil {
		f.t.Error(err)
	}
}

// stream writes events in pieces, so that a reader has to put them together.
func (f *fakeChannel) stream(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	number, at := f.streams, len(f.messages)
	f.streams++
	if r.URL.Query().Get("after") == "earliest" {
		at = 0
	}
	f.mu.Unlock()
	w.Header().Set("Content-Type", mediaStream)
	flush := http.NewResponseController(w).Flush
	fmt.Fprint(w, "retry: 3000\n\n: keep-alive\n\n")
	for n := 1; flush() == nil; n++ {
		f.mu.Lock()
		grew, list, spoil := f.grew, f.messages[at:], f.events
		f.mu.Unlock()
		for _, raw := range list {
			event := fmt.Appendf(nil, "id: c%d\nevent: message\ndata: %s\n\n", at+1, raw)
			if spoil != nil {
				event = spoil(number, at, event)
			}
			at++
			for len(event) > 0 {
				piece := min(len(event), 1+n*397%1500)
				if _, err := w.Write(event[:piece]); err != nil || flush() != nil {
					return
				}
				event, n = event[piece:], n+1
			}
		}
		select {
		case <-grew:
		case <-r.Context().Done():
			return
		}
	}
}

func (f *fakeChannel) read(w http.ResponseWriter, r *http.Request) {
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil {
		f.t.Error(err)
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("next"))
	f.mu.Lock()
	defer f.mu.Unlock()
	end := min(from+limit, len(f.messages))
	list := slices.Clone(f.messages[from:end])
	if f.page != nil {
		list = f.page(list)
	}
	w.Header().Set("Content-Type", taxii.MediaType)
	fmt.Fprintf(w, `{"messages":[%s],"more":%v,"next":"%d"}`, bytes.Join(list, []byte(",")), end < len(f.messages), end)
}

// set changes the server.
func (f *fakeChannel) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// wrong sets how events are spoilt from now on.
func (f *fakeChannel) wrong(events func(stream, i int, event []byte) []byte) {
	f.set(func() { f.events = events })
}

func gather(t *testing.T, f *fakeChannel, n int) *Crowd {
	t.Helper()
	c, err := Gather(t.Context(), f.target(), ChannelFeed(fakeMessages, NewMessages(7)), n)
	must(t, err)
	t.Cleanup(c.Leave)
	return c
}

func TestEveryFollowerOfACrowdGetsEveryMessage(t *testing.T) {
	t.Parallel()
	c := gather(t, newFakeChannel(t), 9)
	var tape Tape
	d, err := c.Burst(200, tape.Heard)
	must(t, err)
	if d.Messages != 200 || d.Deliveries != 1800 || d.PerSecond <= 0 || d.Published > d.Seconds || len(tape.Events) != 200 {
		t.Errorf("got %+v, %d events", d, len(tape.Events))
	}
	d, err = c.Beat(5, 10*time.Millisecond)
	must(t, err)
	if d.Deliveries != 45 || d.P50 <= 0 || d.P99 < d.P50 || d.Seconds < 0.04 {
		t.Errorf("got %+v", d)
	}
	must(t, c.Settled())
	if e := (event{text: tape.Events[150]}); NewMessages(7).is(mustData(t, &e), 150) != nil {
		t.Errorf("the tape has %s", tape.Events[150])
	}
}

func mustData(t *testing.T, e *event) []byte {
	t.Helper()
	data, err := e.data()
	must(t, err)
	return data
}

// spoiltEvents are the ways in which a stream can be wrong.
var spoiltEvents = map[string]func(stream, i int, event []byte) []byte{
	"loses a message": func(stream, i int, event []byte) []byte {
		if stream == 3 && i == 70 {
			return nil
		}
		return event
	},
	"repeats a message": func(stream, i int, event []byte) []byte {
		if stream == 3 && i == 70 {
			return slices.Concat(event, event)
		}
		return event
	},
	"repeats the last message": func(stream, i int, event []byte) []byte {
		if stream == 3 && i == 99 {
			return slices.Concat(event, event)
		}
		return event
	},
	"changes an octet for one": func(stream, i int, event []byte) []byte {
		if stream == 3 && i == 70 {
			return bytes.Replace(event, []byte(" may"), []byte(" mAy"), 1)
		}
		return event
	},
	"changes an octet for all": func(_, i int, event []byte) []byte {
		if i == 70 {
			return bytes.Replace(event, []byte(" may"), []byte(" mAy"), 1)
		}
		return event
	},
	"names another id to all": func(_, i int, event []byte) []byte {
		if i == 70 {
			return bytes.Replace(event, []byte(`{"id":"`), []byte(`{"id":"0`), 1)
		}
		return event
	},
	"loses the last message of all": func(_, i int, event []byte) []byte {
		if i == 70 {
			return nil
		}
		return event
	},
	"tells of a gap": func(stream, i int, event []byte) []byte {
		if stream == 3 && i == 70 {
			return slices.Concat([]byte("event: gap\ndata: {}\n\n"), event)
		}
		return event
	},
}

func TestAWrongStreamIsFoundOut(t *testing.T) {
	t.Parallel()
	for name, spoil := range spoiltEvents {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeChannel(t)
			c := gather(t, f, 5)
			f.wrong(spoil)
			_, err := c.Burst(100, nil)
			for end := time.Now().Add(20 * time.Second); err == nil && time.Now().Before(end); time.Sleep(time.Millisecond) {
				err = c.Settled() // what comes too much may come a little later
			}
			if err == nil {
				t.Error("nothing was found")
			}
			if _, again := c.Burst(1, nil); again == nil {
				t.Error("the crowd goes on")
			}
		})
	}
}

func TestAStreamThatEndsIsFoundOut(t *testing.T) {
	t.Parallel()
	f := newFakeChannel(t)
	c := gather(t, f, 5)
	f.CloseClientConnections()
	if _, err := c.Burst(100, nil); err == nil {
		t.Error("nothing was found")
	}
}

func TestAPublicationThatIsRefusedIsFoundOut(t *testing.T) {
	t.Parallel()
	f := newFakeChannel(t)
	c := gather(t, f, 1)
	f.set(func() { f.refuse = true })
	if _, err := c.Burst(100, nil); err == nil || !strings.Contains(err.Error(), "accepted") {
		t.Errorf("got %v", err)
	}
	if _, err := Publishing(t.Context(), f.target(), fakeMessages, Load{2, moment}); err == nil || !strings.Contains(err.Error(), "accepted") {
		t.Errorf("got %v", err)
	}
}

func TestWhatFollowsNothingIsNoCrowd(t *testing.T) {
	t.Parallel()
	f := newFakeChannel(t)
	if _, err := Gather(t.Context(), f.target(), ChannelFeed("/elsewhere/", NewMessages(7)), 3); err == nil || !strings.Contains(err.Error(), "status 404") {
		t.Errorf("got %v", err)
	}
	c, err := Stuck(t.Context(), f.target(), ChannelFeed(fakeMessages, NewMessages(7)), 3)
	must(t, err)
	c.Leave()
}

func TestPublishingReadsBackWhatWasAccepted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		words string
		page  func(list [][]byte) [][]byte
	}{
		"all of it":           {"", nil},
		"a message less":      {"not there", func(list [][]byte) [][]byte { return list[1:] }},
		"a message twice":     {"twice", func(list [][]byte) [][]byte { return append(list, list[0]) }},
		"a message of others": {"was not accepted", func(list [][]byte) [][]byte { return append(list, []byte(`{"id":"x","cursor":"y","content":{}}`)) }},
		"another content": {"as it was published", func(list [][]byte) [][]byte {
			return append(list[1:], bytes.Replace(list[0], []byte(" may"), []byte(" mAy"), 1))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFakeChannel(t)
			f.page = func(list [][]byte) [][]byte {
				if c.page == nil || len(list) < 2 {
					return list
				}
				return c.page(list)
			}
			got, err := Publishing(t.Context(), f.target(), fakeMessages, Load{3, moment})
			switch {
			case c.words == "" && (err != nil || got.Objects < 3 || got.ObjectsPerSecond <= 0):
				t.Errorf("got %+v, %v", got, err)
			case c.words != "" && (err == nil || !strings.Contains(err.Error(), c.words)):
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAChannelIsReadFromItsBeginning(t *testing.T) {
	t.Parallel()
	f := newFakeChannel(t)
	m, path := NewMessages(7), strings.TrimSuffix(fakeMessages, "messages/")
	_, err := gather(t, f, 1).Burst(2500, nil)
	must(t, err)
	if _, err := LearnChannel(t.Context(), f.target(), path, m, 2501); err == nil {
		t.Error("a message too few is no fault")
	}
	if _, err := LearnChannel(t.Context(), f.target(), path, NewMessages(8), 2500); err == nil {
		t.Error("other messages are no fault")
	}
	content, err := LearnChannel(t.Context(), f.target(), path, m, 2500)
	must(t, err)
	script, err := content.Script(t.Context(), f.target(), Behind, 1000)
	must(t, err)
	for range 2 {
		pages, err := script.Once(t.Context(), f.target())
		must(t, err)
		flow, err := content.CatchUp(t.Context(), f.target())
		must(t, err)
		if pages.Objects != 2500 || pages.Requests != 3 || flow.Objects != 2500 || flow.ObjectsPerSecond <= 0 {
			t.Errorf("got %+v, %+v", pages, flow)
		}
	}
	for name, spoil := range spoiltEvents {
		f.wrong(func(_, i int, event []byte) []byte { return spoil(3, i, event) })
		if _, err := content.CatchUp(t.Context(), f.target()); err == nil && name != "repeats the last message" {
			t.Errorf("%s: nothing was found", name)
		}
	}
	f.wrong(nil)
	f.set(func() { f.page = func(list [][]byte) [][]byte { slices.Reverse(list); return list } })
	if _, err := script.Once(t.Context(), f.target()); err == nil {
		t.Error("pages in another order are no fault")
	}
}

func TestMessagesAreOneKilobyteAndTheirOwn(t *testing.T) {
	a, b := NewMessages(1), NewMessages(2)
	seen := map[string]bool{}
	for i := range uint64(2000) {
		for _, m := range []*Messages{a, b} {
			content := m.Append(nil, i)
			objects, err := taxii.SplitEnvelope(content)
			if err != nil || len(objects) != 1 || len(content) != MessageSize || !bytes.Equal(objects[0], m.Object(nil, i)) {
				t.Fatalf("message %d is %s (%v)", i, content, err)
			}
			f, err := peek(objects[0])
			if err != nil || f.id != "indicator--"+m.ID(i) || seen[f.id] {
				t.Fatalf("%s twice, or not %s (%v)", f.id, m.ID(i), err)
			}
			seen[f.id] = true
		}
	}
}
