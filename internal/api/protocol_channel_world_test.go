package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// channelWith makes a Channel of the test's own in the API Root trust, with these
// members beside its name, and gives its path without a final slash. Its maker
// manages it; the demo's member reads and writes it, its reader reads it.
func (w *world) channelWith(t testing.TB, members ...string) (path string, maker actor) {
	t.Helper()
	maker = w.account(t)
	w.grant(t, maker.name, "trust", "create")
	name := "c-" + taxii.NewID()
	members = append(members, `"grants":[{"account":"member","can_read":true,"can_write":true},{"account":"reader","can_read":true}]`)
	a := maker.ask(t, "POST", "/trust/channels/", `{"name":"`+name+`"`+joined(members)+`}`)
	good(t, a, http.StatusCreated)
	if got := a.Header.Get("Location"); got != w.URL+"/trust/channels/"+name+"/" {
		t.Errorf("Location is %q", got)
	}
	return "/trust/channels/" + name, maker
}

// publish publishes one Envelope for each of some types of objects, and gives the
// cursors after them.
func (a actor) publish(t testing.TB, channel string, types ...string) (cursors []string) {
	t.Helper()
	for i, typ := range types {
		st := status(t, a.ask(t, "POST", channel+"/messages/", envelopeOf(object(typ, i+1, day(1)))), http.StatusAccepted)
		if st.SuccessCount != 1 || st.Successes[0].Disposition != taxii.Accepted {
			t.Fatalf("%+v", st)
		}
		cursors = append(cursors, st.Successes[0].Cursor)
	}
	return cursors
}

// messages reads a page of Messages.
func (a actor) messages(t testing.TB, path string, headers ...string) taxii.Messages {
	t.Helper()
	return messagesOf(t, a.get(t, path, headers...))
}

func messagesOf(t testing.TB, answer trial.Answer) (page taxii.Messages) {
	t.Helper()
	good(t, answer, http.StatusOK)
	answer.JSON(t, &page)
	if page.Next == "" || !strings.Contains(string(answer.Body), `"more":`) {
		t.Errorf("more or next is absent in %s", answer.Body)
	}
	if page.Messages == nil && strings.Contains(string(answer.Body), `"messages"`) {
		t.Errorf("an empty list instead of none: %s", answer.Body)
	}
	if got := answer.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control is %q", got)
	}
	return page
}

// typesOf gives the STIX type of the object in each Message.
func typesOf(t testing.TB, page taxii.Messages) (types []string) {
	t.Helper()
	for _, m := range page.Messages {
		var e struct{ Objects []struct{ Type string } }
		if err := json.Unmarshal(m.Content, &e); err != nil {
			t.Fatal(err)
		}
		types = append(types, e.Objects[0].Type)
	}
	return types
}

// gone fails the test unless an answer is a 410 for this reason, and gives where
// to go on.
func goneFor(t testing.TB, a trial.Answer, reason string) (earliest string) {
	t.Helper()
	e := refusal(t, a, http.StatusGone)
	if e.Details["reason"] != reason {
		t.Errorf("the reason is %v", e.Details)
	}
	earliest, _ = e.Details["earliest"].(string)
	return earliest
}

// line is one line of a stream.
type follower struct {
	t     testing.TB
	lines chan string
	http.Header
	close func()
}

// follow opens an event stream. It is closed when the test ends.
func (a actor) follow(t testing.TB, path string, headers ...string) *follower {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.w.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	if a.name != "" {
		r.SetBasicAuth(a.name, a.password)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	answer, err := (&http.Client{Transport: a.w.HTTP.Transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		text, _ := io.ReadAll(answer.Body)
		t.Fatalf("%s %v %s", answer.Status, answer.Header, text)
	}
	f := &follower{t, make(chan string, 10_000), answer.Header, cancel}
	go func() {
		defer answer.Body.Close()
		defer close(f.lines)
		for lines := bufio.NewReader(answer.Body); ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			f.lines <- strings.TrimSuffix(line, "\n")
		}
	}()
	return f
}

// block gives the lines of the next block that is no keep-alive, or nil at the end.
func (f *follower) block() (block []string) {
	f.t.Helper()
	for {
		select {
		case line, ok := <-f.lines:
			switch {
			case !ok:
				return nil
			case line != "":
				block = append(block, line)
			case len(block) == 1 && block[0] == ": keep-alive":
				block = nil
			default:
				return block
			}
		case <-time.After(30 * time.Second):
			f.t.Fatal("nothing comes")
		}
	}
}

// message gives the next Message.
func (f *follower) message() (m taxii.Message) {
	f.t.Helper()
	block := f.block()
	if len(block) < 3 || !strings.HasPrefix(block[0], "id: ") || block[1] != "event: message" {
		f.t.Fatalf("no message: %q", block)
	}
	text := ""
	for _, line := range block[2:] {
		text += strings.TrimPrefix(line, "data: ") + "\n"
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		f.t.Fatalf("%v in %q", err, block)
	}
	if m.Cursor != strings.TrimPrefix(block[0], "id: ") {
		f.t.Errorf("the id is not the cursor: %q", block)
	}
	return m
}

// end waits for the end, past Messages, and gives its error.
func (f *follower) end() (e taxii.Error) {
	f.t.Helper()
	for block := f.block(); block != nil; block = f.block() {
		if block[0] != "event: end" {
			continue
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(block[1], "data: ")), &e); err != nil {
			f.t.Fatalf("%v in %q", err, block)
		}
		if more := f.block(); more != nil {
			f.t.Errorf("after the end: %q", more)
		}
		return e
	}
	f.t.Fatal("the stream ended without a word")
	return e
}

// begun waits for the first block of a stream.
func (f *follower) begun() *follower {
	f.t.Helper()
	if block := f.block(); len(block) != 1 || block[0] != "retry: 3000" {
		f.t.Fatalf("the first block is %q", block)
	}
	return f
}

// subscribe makes a Subscription and gives its path without a final slash.
func (a actor) subscribe(t testing.TB, channel, body string) (path string, s taxii.Subscription) {
	t.Helper()
	answer := a.ask(t, "POST", channel+"/subscriptions/", body)
	good(t, answer, http.StatusCreated)
	answer.JSON(t, &s)
	path = channel + "/subscriptions/" + s.ID
	if got := answer.Header.Get("Location"); got != a.w.URL+path+"/" || answer.Header.Get("ETag") == "" {
		t.Errorf("Location is %q, ETag %q", got, answer.Header.Get("ETag"))
	}
	return path, s
}

// eventually repeats a look until it holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s has not come about", what)
		}
	}
}

// channelResources are the paths below a Channel that answer to GET, and the
// account for which they do.
func channelResources(t testing.TB, w *world) (paths map[string]actor, channel string) {
	t.Helper()
	channel, maker := w.channelWith(t)
	maker.publish(t, channel, "indicator")
	m := maker.messages(t, channel+"/messages/").Messages[0]
	subscription, _ := maker.subscribe(t, channel, `{}`)
	paths = map[string]actor{"/trust/channels": maker}
	for _, below := range []string{"", "/messages", "/messages/" + m.ID, "/messages/" + m.ID + "/content", "/subscriptions", "/grants", "/invitations"} {
		paths[channel+below] = maker
	}
	paths[subscription], paths[subscription+"/messages"] = maker, maker
	return paths, channel
}
