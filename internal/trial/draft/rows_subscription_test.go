package draft

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func subscribing(t *testing.T, w *world) {
	name := w.channel(t, `"grants":[{"account":"reader","can_read":false,"can_write":true,"can_manage":false}]`)
	c := w.as(t, "member")
	a, _, err := c.Read(t.Context(), name, query(t, "match[type]=tool"))
	want(t, a, err, 204)
	if len(a.Body) > 0 {
		t.Errorf("204 has a body: %s", a.Body)
	}
	w.post(t, "member", name, envelope("tool", 1))
	same(t, "what was posted", w.read(t, "member", name, "match[type]=tool"), string(envelope("tool", 1)))
	for _, selector := range []string{"param1=val1", "match[name]=x", "match[type]=", "after=earliest", "next=x", "added_after=2026-01-01T00:00:00Z", "wait=56", "wait=-1", "limit=0"} {
		a, _, err = c.Read(t.Context(), name, query(t, selector))
		if a.Status != 400 {
			t.Errorf("%s: %d %s", selector, a.Status, a.Body)
		} else if err != nil {
			t.Errorf("%s: %v", selector, err)
		}
	}
	a, _, err = w.as(t, "reader").Read(t.Context(), name, query(t, ""))
	want(t, a, err, 403)
	a, _, err = c.Read(t.Context(), w.channel(t, `"mode":"write-only"`), query(t, ""))
	want(t, a, err, 501)
	a, _, err = c.Read(t.Context(), "no-such-channel", query(t, ""))
	want(t, a, err, 404)
}

func subscriptionIsATriple(t *testing.T, w *world) {
	one, other := w.channel(t, readers), w.channel(t, "")
	places := [][3]string{
		{"member", one, "match[type]=tool,malware"}, {"reader", one, "match[type]=tool,malware"}, {"member", other, "match[type]=tool,malware"},
		{"member", one, "match[type]=tool"}, {"member", one, "match[type]=tool,malware&subscription=second"},
	}
	for _, p := range places { // five Subscriptions
		w.open(t, p[0], p[1], p[2])
	}
	message := envelope("tool", 1)
	w.post(t, "member", one, message)
	w.post(t, "member", other, message)
	for _, p := range places {
		same(t, "once for "+strings.Join(p[:], " "), w.read(t, p[0], p[1], p[2]), string(message))
	}
	w.post(t, "member", one, envelope("tool", 2))
	// Two clients of one account share the place, however they write the selector.
	same(t, "by another client", w.read(t, "member", one, "match[type]=malware,tool,tool&limit=5"), string(envelope("tool", 2)))
	same(t, "after it", w.read(t, "member", one, places[0][2]), "")
	same(t, "of another user", w.read(t, "reader", one, places[1][2]), string(envelope("tool", 2)))
}

func lifecycleIsAGet(t *testing.T, w *world) {
	name := w.channel(t, "")
	w.open(t, "member", name, "match[type]=tool")
	anonymous := w.as(t, "member")
	anonymous.user = ""
	a, _, err := anonymous.Read(t.Context(), name, query(t, "match[type]=tool")) // 1. an authenticated client
	want(t, a, err, 401)
	w.post(t, "member", name, envelope("tool", 1))
	w.status(t, 200, "member", http.MethodHead, base+"channels/"+name+"/?match[type]=tool", "") // no GET
	same(t, "after HEAD", w.read(t, "member", name, "match[type]=tool"), string(envelope("tool", 1)))
}

func getOrCreate(t *testing.T, w *world) {
	name := w.channel(t, "")
	c := w.as(t, "member")
	var places []string
	for range 3 {
		a, _, err := c.Read(t.Context(), name, query(t, "match[type]=tool"))
		want(t, a, err, 204)
		places = append(places, a.Header.Get("Content-Location"))
	}
	if places[0] == "" || places[0] != places[1] || places[0] != places[2] {
		t.Errorf("one triple, Subscriptions %q", places)
	}
	var list struct{ Subscriptions []struct{ ID string } }
	w.status(t, 200, "member", "GET", base+"channels/"+name+"/subscriptions/", "").JSON(t, &list)
	if len(list.Subscriptions) != 1 || !strings.HasSuffix(places[0], "/"+list.Subscriptions[0].ID+"/") {
		t.Errorf("%q is not the one of %v", places[0], list)
	}
}

func queuedMessages(t *testing.T, w *world) {
	name := w.channel(t, "")
	w.post(t, "member", name, envelope("tool", 0)) // before: a new one starts at the latest
	w.open(t, "member", name, "match[type]=tool")
	for n := 1; n < 4; n++ {
		w.post(t, "member", name, envelope("tool", n))
		w.post(t, "member", name, envelope("malware", n))
	}
	queued := lines(envelope("tool", 1), envelope("tool", 2), envelope("tool", 3))
	begun := time.Now()
	same(t, "queued", w.read(t, "member", name, "match[type]=tool&wait=55"), queued)
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("what is queued came after %v", took)
	}
	same(t, "then", w.read(t, "member", name, "match[type]=tool"), "")
}

// The client of the draft as it is: no parameter but the selector.
func aNewOneWaits(t *testing.T, w *world) {
	name := w.channel(t, "")
	c := w.as(t, "member")
	for n, first := range []bool{true, false} { // one that is there waits too, if nothing is queued
		w.publishLater(t, name, 1, envelope("tool", n))
		a, messages, err := c.Read(t.Context(), name, url.Values{"match[type]": {"tool"}})
		want(t, a, err, 200)
		if same(t, "what it waited for", contents(t, messages), string(envelope("tool", n))); created(t, a) != first {
			t.Errorf("created is %t: %s", !first, a.Body)
		}
	}
}

func created(t *testing.T, a Answer) bool {
	t.Helper()
	var page struct{ Created bool }
	if err := json.Unmarshal(a.Body, &page); err != nil {
		t.Fatal(err)
	}
	return page.Created
}

// subscription is that of a channel's draft form, as the server shows it.
type subscription struct {
	Position    string
	IdleTimeout int64 `json:"idle_timeout"`
	Gap         *struct {
		Missed int64
		Reason string
	}
}

// placeOf is the path of the Subscription that a read had.
func (w *world) placeOf(a Answer) string {
	return strings.TrimPrefix(a.Header.Get("Content-Location"), w.URL)
}

// That it is discarded after its timeout is shown by exchange's
// TestASubscriptionThatNobodyUsesIsDiscarded, with a clock of its own: the least
// ttl is a minute. Ended by its account it is gone in the same way.
func discard(t *testing.T, w *world) {
	name, old := w.channel(t, `"ttl":60`), w.channel(t, `"ttl":31536000`)
	c := w.as(t, "member")
	for channel, timeout := range map[string]int64{name: 7776000, old: 31536000} { // 90 days, never below ttl
		a, _, err := c.Read(t.Context(), channel, query(t, ""))
		want(t, a, err, 204)
		var s subscription
		if w.status(t, 200, "member", "GET", w.placeOf(a), "").JSON(t, &s); s.IdleTimeout != timeout {
			t.Errorf("discarded after %d s, want %d", s.IdleTimeout, timeout)
		}
	}
	for _, again := range []bool{true, false} { // it is new once
		w.post(t, "member", name, envelope("tool", 1))
		a, _, err := c.Read(t.Context(), name, query(t, ""))
		want(t, a, err, 200)
		if created(t, a) != again {
			t.Errorf("created is %t: %s", !again, a.Body)
		}
		if !again {
			w.status(t, 204, "member", "DELETE", w.placeOf(a), "")
		}
	}
	w.open(t, "member", name, "") // made anew, and says so
	w.post(t, "member", name, envelope("tool", 2))
	a, messages, err := c.Read(t.Context(), name, query(t, ""))
	want(t, a, err, 200)
	if same(t, "of the new one", contents(t, messages), string(envelope("tool", 2))); !created(t, a) {
		t.Errorf("not created anew: %s", a.Body)
	}
}

func queueBounds(t *testing.T, w *world) {
	name := w.channel(t, "")
	c := w.as(t, "member")
	a, _, err := c.Read(t.Context(), name, query(t, ""))
	want(t, a, err, 204)
	w.status(t, 200, "member", "PUT", w.placeOf(a), `{"max_pending":2}`)
	w.open(t, "member", name, "subscription=unbound")
	var all [][]byte
	for n := range 5 {
		all = append(all, envelope("tool", n))
		w.post(t, "member", name, all[n])
	}
	a, messages, err := c.Read(t.Context(), name, query(t, ""))
	want(t, a, err, 200)
	same(t, "kept in the queue", contents(t, messages), lines(all[3:]...))
	var s subscription
	if err := json.Unmarshal(a.Body, &s); err != nil {
		t.Fatal(err)
	}
	if s.Gap == nil || s.Gap.Missed != 3 || s.Gap.Reason != "bound" {
		t.Errorf("no gap of 3 by the bound: %s", a.Body)
	}
	same(t, "without a bound", w.read(t, "member", name, "subscription=unbound"), lines(all...))
}

// The query string decides: without one the URL is the Channel.
func oneURLTwoMeanings(t *testing.T, w *world) {
	name := w.channel(t, "")
	c := w.as(t, "member")
	subscriptions := base + "channels/" + name + "/subscriptions/"
	a, channel, err := c.Info(t.Context(), name)
	want(t, a, err, 200)
	if none := w.status(t, 200, "member", "GET", subscriptions, ""); channel.Name != name || strings.Contains(string(none.Body), `"id"`) {
		t.Errorf("information %s, Subscriptions %s", a.Body, none.Body)
	}
	w.open(t, "member", name, "wait=0")
	if one := w.status(t, 200, "member", "GET", subscriptions, ""); strings.Count(string(one.Body), `"position"`) != 1 {
		t.Errorf("Subscriptions %s, want one", one.Body)
	}
	w.post(t, "member", name, envelope("tool", 1))
	a, channel, err = c.Info(t.Context(), name) // and again: it reads nothing
	want(t, a, err, 200)
	same(t, "information", channel.Name, name)
	same(t, "then read", w.read(t, "member", name, ""), string(envelope("tool", 1)))
}

func waiting(t *testing.T, w *world) {
	name := w.channel(t, "")
	for n, selector := range []string{"wait=55", "wait=55&match[type]=tool"} { // long polling
		w.publishLater(t, name, n+1, envelope("tool", n))
		text := w.read(t, "member", name, selector)
		same(t, selector, text, string(envelope("tool", n)))
	}
	w.publishLater(t, name, 3, envelope("tool", 2))
	if data := w.firstEvent(t, name); !strings.Contains(data, "tool--2") { // an EventSource
		t.Errorf("the first event is %s", data)
	}
	// A WebSocket is not offered: the header is not looked at.
	w.status(t, 200, "member", "GET", base+"channels/"+name+"/messages/", "", "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
}

// firstEvent is the data of the first event that a new Subscription's stream has.
func (w *world) firstEvent(t *testing.T, channel string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := w.as(t, "member")
	r, err := c.request(ctx, http.MethodGet, c.channel(channel)+"?subscription=stream", nil, "text/event-stream")
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	if media := a.Header.Get("Content-Type"); a.StatusCode != 200 || !strings.HasPrefix(media, "text/event-stream") {
		t.Fatalf("%d %s", a.StatusCode, media)
	}
	for in := bufio.NewScanner(a.Body); in.Scan(); {
		if data, ok := strings.CutPrefix(in.Text(), "data:"); ok {
			return data
		}
	}
	t.Fatal("the stream ended without an event")
	return ""
}

func readingIsSafe(t *testing.T, w *world) {
	name := w.channel(t, "")
	w.open(t, "member", name, "")
	w.post(t, "member", name, envelope("tool", 1))
	path := base + "channels/" + name + "/"
	for _, p := range []string{path, path + "messages/", path + "subscriptions/", base + "channels/"} {
		for range 2 { // the same twice: nothing moved
			a := w.status(t, 200, "member", "GET", p, "")
			if cache := a.Header.Get("Cache-Control"); cache != "no-store" {
				t.Errorf("%s: Cache-Control %q", p, cache)
			}
			if strings.HasSuffix(p, "messages/") && !strings.Contains(string(a.Body), "tool--1") {
				t.Errorf("%s", a.Body)
			}
		}
	}
	w.status(t, 200, "member", "HEAD", path+"?wait=0", "")
	w.status(t, 200, "member", "GET", path+"?wait=0", "", "Sec-Purpose: prefetch")
	a, messages, err := w.as(t, "member").Read(t.Context(), name, query(t, ""))
	want(t, a, err, 200)
	same(t, "still queued", contents(t, messages), string(envelope("tool", 1)))
	same(t, "Cache-Control", a.Header.Get("Cache-Control"), "no-store")
}

// A client that lost an answer finds its Messages by cursor; one that does not
// want to lose any acknowledges.
func lostAnswers(t *testing.T, w *world) {
	name := w.channel(t, "")
	w.open(t, "member", name, "")
	w.open(t, "member", name, "subscription=careful")
	w.post(t, "member", name, envelope("tool", 1))
	w.post(t, "member", name, envelope("tool", 2))
	all := lines(envelope("tool", 1), envelope("tool", 2))
	same(t, "read, and lost by the client", w.read(t, "member", name, ""), all)
	same(t, "acknowledged by the next read", w.read(t, "member", name, ""), "")
	kept := w.status(t, 200, "member", "GET", base+"channels/"+name+"/messages/?after=earliest", "")
	messages, err := splitTAXII(kept.Body)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "by cursor", contents(t, messages), all)
	channel := w.status(t, 200, "member", "GET", base+"channels/"+name+"/messages/?limit=1", "")
	var page struct{ Next string }
	channel.JSON(t, &page)
	careful := "subscription=careful&ack="
	first := careful + earliestOf(t, w, name)
	same(t, "careful", w.read(t, "member", name, first), all)
	same(t, "careful again", w.read(t, "member", name, first), all)
	same(t, "one acknowledged", w.read(t, "member", name, careful+page.Next), string(envelope("tool", 2)))
	same(t, "an older one changes nothing", w.read(t, "member", name, first), string(envelope("tool", 2)))
}

func earliestOf(t *testing.T, w *world, name string) string {
	t.Helper()
	var channel struct{ Earliest string }
	w.status(t, 200, "member", "GET", base+"channels/"+name+"/", "").JSON(t, &channel)
	return channel.Earliest
}
