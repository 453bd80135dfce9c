package draft

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func creation(t *testing.T, w *world) {
	c := w.as(t, "member")
	name := "s19-created"
	a, err := c.Create(t.Context(), Channel{Name: name, Description: "what it is for", TTL: 600, ContentType: taxii})
	want(t, a, err, 201)
	if place := a.Header.Get("Location"); !strings.HasSuffix(place, "/channels/"+name+"/") {
		t.Errorf("Location is %q", place)
	}
	for _, body := range []string{`{"name":`, `[]`, `"s19"`, ``} {
		a, err = c.CreateRaw(t.Context(), []byte(body))
		want(t, a, err, 400)
	}
	a, err = c.Create(t.Context(), Channel{Name: name, TTL: 600, ContentType: taxii})
	want(t, a, err, 409) // beyond the draft, as are values that no channel can have
	a, err = c.Create(t.Context(), Channel{Name: "No Name", TTL: 600, ContentType: taxii})
	want(t, a, err, 422)
	a, err = w.as(t, "reader").Create(t.Context(), Channel{Name: "s19-refused", TTL: 600, ContentType: taxii})
	want(t, a, err, 403)
	for _, account := range []string{"member", "admin"} {
		a, err = client(t, w.barred, account).Create(t.Context(), Channel{Name: "s19-fixed", TTL: 600, ContentType: taxii})
		want(t, a, err, 501)
	}
}

func posting(t *testing.T, w *world) {
	name := w.channel(t, readers)
	w.open(t, "reader", name, "")
	w.post(t, "member", name, envelope("tool", 1))
	w.post(t, "member", name, envelope("tool", 2), envelope("tool", 3))
	same(t, "what was posted", w.read(t, "reader", name, ""), lines(envelope("tool", 1), envelope("tool", 2), envelope("tool", 3)))
	c := w.as(t, "member")
	for _, body := range []string{`{"objects":`, `[]`, `{}`, `{"objects":[]}`} {
		a, err := c.PostRaw(t.Context(), name, []byte(body), taxii)
		want(t, a, err, 400)
	}
	a, err := w.as(t, "reader").Post(t.Context(), name, envelope("tool", 4))
	want(t, a, err, 403)
	a, err = c.Post(t.Context(), "indicators", envelope("tool", 5)) // fed by a Collection
	want(t, a, err, 501)
	w.status(t, 202, "member", "POST", base+"channels/"+name+"/messages/", string(envelope("tool", 6))) // its other name
	same(t, "what came after", w.read(t, "reader", name, ""), string(envelope("tool", 6)))
}

func createObject(t *testing.T, w *world) {
	c := w.as(t, "member")
	made := Channel{Name: "s22-whole", Description: "as in the draft", PermittedMessages: []string{"msg1", "msg2"}, ContentType: "text/x-openioc", TTL: 86400}
	a, err := c.Create(t.Context(), made)
	want(t, a, err, 201)
	_, told, err := c.Info(t.Context(), made.Name)
	if err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string]Channel{"created": readChannel(a.Body), "information": told} {
		got.Raw = nil
		if fmt.Sprint(got) != fmt.Sprint(made) {
			t.Errorf("%s: %+v, want %+v", what, got, made)
		}
	}
	a, err = c.CreateRaw(t.Context(), []byte(`{"name":"s22-least"}`)) // all else has a default
	want(t, a, err, 201)
	if least := readChannel(a.Body); least.TTL != 604800 || least.ContentType != taxii {
		t.Errorf("by default %+v", least)
	}
}

// That a Message stays for its ttl and goes after it is shown by exchange's
// TestNothingIsPurgedBeforeItsTTL and TestAMessageIsPurgedAfterItsTTLAndItsStatusStays,
// with a clock of their own: the least ttl is a minute. Here: what is promised is
// told, and only what can be kept is taken.
func ttlIsARetention(t *testing.T, w *world) {
	c := w.as(t, "member")
	for _, ttl := range []int64{59, 31536001, -1} {
		a, err := c.Create(t.Context(), Channel{Name: "s23-refused", TTL: ttl, ContentType: taxii})
		want(t, a, err, 422)
	}
	for _, ttl := range []int64{60, 31536000} {
		name := w.channel(t, fmt.Sprintf(`"ttl":%d`, ttl))
		a, channel, err := c.Info(t.Context(), name)
		want(t, a, err, 200)
		if channel.TTL != ttl {
			t.Errorf("ttl %d, want %d", channel.TTL, ttl)
		}
		w.open(t, "member", name, "")
		w.post(t, "member", name, envelope("tool", 1))
		same(t, "within ttl", w.read(t, "member", name, ""), string(envelope("tool", 1)))
	}
}

func manyToMany(t *testing.T, w *world) {
	name := w.channel(t, `"grants":[{"account":"reader","can_read":true,"can_write":true,"can_manage":false},
		{"account":"admin","can_read":true,"can_write":true,"can_manage":false}]`)
	accounts := []string{"member", "reader", "admin"}
	for _, account := range accounts {
		w.open(t, account, name, "")
	}
	var all [][]byte
	for i, account := range accounts {
		all = append(all, envelope("tool", i))
		w.post(t, account, name, all[i])
	}
	for _, account := range accounts {
		same(t, "what "+account+" reads", w.read(t, account, name, ""), lines(all...))
	}
}

// An API Root holds Channels and Collections; what one account made in a trust
// group is there for whom it lets in.
func rootsGroup(t *testing.T, w *world) {
	name := w.channel(t, "")
	collections := w.status(t, 200, "member", "GET", w.DefaultRoot+"collections/", "")
	channels := w.status(t, 200, "member", "GET", w.DefaultRoot+"channels/", "")
	if !strings.Contains(string(collections.Body), "Indicators and what they indicate") || !strings.Contains(string(channels.Body), name) {
		t.Errorf("the root holds %s and %s", collections.Body, channels.Body)
	}
	unknown := w.status(t, 404, "reader", "GET", w.DefaultRoot+"channels/no-such-channel/", "")
	hidden := w.status(t, 404, "reader", "GET", w.DefaultRoot+"channels/"+name+"/", "")
	same(t, "a channel of others", string(hidden.Body), string(unknown.Body))
	w.status(t, 404, "member", "GET", "/open/channels/"+name+"/", "") // of another root
}

func formats(t *testing.T, w *world) {
	stix, any := w.channel(t, ""), w.channel(t, `"content_type":"*/*"`)
	c := w.as(t, "member")
	_, channel, err := c.Info(t.Context(), stix)
	if err != nil || channel.ContentType != taxii {
		t.Errorf("by default content_type is %q: %v", channel.ContentType, err)
	}
	a, err := c.PostRaw(t.Context(), stix, []byte("alert tcp any any"), "text/x-snort")
	want(t, a, err, 415)
	w.open(t, "member", any, "")
	for media, body := range map[string]string{"text/x-snort": "alert tcp any any", "application/json": `{"a" : 1.0}`, taxii: string(envelope("tool", 1))} {
		a, err := c.PostRaw(t.Context(), any, []byte(body), media)
		want(t, a, err, 202)
		_, messages, err := c.Read(t.Context(), any, query(t, ""))
		if err != nil || len(messages) != 1 {
			t.Fatalf("%s: %d messages: %v", media, len(messages), err)
		}
		m := readMessage(t, messages[0])
		same(t, media, m.MediaType+" "+string(m.Content)+string(m.ContentBase64), media+" "+body)
	}
}

// Who writes and who reads is all that tells the models apart; S31 is hub and
// spoke. Among peers each has a Channel, and what two of them relay comes once.
func sharingModels(t *testing.T, w *world) {
	source := w.channel(t, readers) // source-subscriber
	a, err := w.as(t, "reader").Post(t.Context(), source, envelope("tool", 1))
	want(t, a, err, 403)
	here := w.channel(t, `"grants":[{"account":"admin","can_read":true,"can_write":true,"can_manage":false}]`)
	const origin = "0b9a7c2e-54d1-4f0e-9a43-1d2f6f1c8e55/5d6a2f10-77c4-4c3b-8a1e-2b9f0c4d7e66" // a Channel elsewhere, and a Message there
	relay := `{"messages":[{"origin":"` + origin + `","content":` + string(envelope("tool", 2)) + `}]}`
	for i, account := range []string{"member", "admin"} {
		a, err := w.as(t, account).PostRaw(t.Context(), here, []byte(relay), taxii)
		want(t, a, err, 202)
		if word := []string{"accepted", "duplicate"}[i]; !strings.Contains(string(a.Body), `"disposition":"`+word+`"`) {
			t.Errorf("relayed by %s: %s", account, a.Body)
		}
	}
	page := w.status(t, 200, "member", "GET", base+"channels/"+here+"/messages/", "")
	if strings.Count(string(page.Body), "tool--2") != 1 || !strings.Contains(string(page.Body), origin) {
		t.Errorf("what was relayed twice: %s", page.Body)
	}
}

// Channels add nothing to the resources of TAXII 2.1, so a client that knows
// only those meets none of them.
func reservedWords(t *testing.T, w *world) {
	standard := map[string][]string{
		"/taxii2/":    {"title", "description", "contact", "default", "api_roots"},
		w.DefaultRoot: {"title", "description", "versions", "max_content_length"},
		w.DefaultRoot + "collections/indicators/": {"id", "title", "description", "alias", "can_read", "can_write", "media_types"},
	}
	for path, members := range standard {
		var resource map[string]any
		w.status(t, 200, "member", "GET", path, "").JSON(t, &resource)
		for _, m := range members {
			delete(resource, m)
		}
		if len(resource) > 0 {
			t.Errorf("%s has besides %v", path, resource)
		}
	}
}

func dispositions(t *testing.T, w *world) {
	name := w.channel(t, `"permitted_messages":["tool"]`)
	w.open(t, "member", name, "")
	a, err := w.as(t, "member").Post(t.Context(), name, envelope("tool", 1), envelope("malware", 2), envelope("tool", 3))
	want(t, a, err, 202)
	var status struct {
		Status    string
		Total     int `json:"total_count"`
		Successes []struct{ Version, Disposition string }
		Failures  []struct{ Version, Disposition, Message string }
	}
	if err := json.Unmarshal(a.Body, &status); err != nil {
		t.Fatal(err)
	}
	if status.Status != "complete" || status.Total != 3 || len(status.Successes) != 2 || len(status.Failures) != 1 {
		t.Fatalf("%s", a.Body)
	}
	if f := status.Failures[0]; f.Version != "1" || f.Disposition != "rejected" || f.Message == "" || status.Successes[0].Disposition != "accepted" {
		t.Errorf("%s", a.Body)
	}
	same(t, "accepted ones", w.read(t, "member", name, ""), lines(envelope("tool", 1), envelope("tool", 3)))
	a, err = w.as(t, "member").Post(t.Context(), name, envelope("malware", 1), envelope("malware", 2))
	want(t, a, err, 422) // none accepted
}

func negotiation(t *testing.T, w *world) {
	name := w.channel(t, `"content_type":"text/x-stix"`)
	c := w.as(t, "member")
	_, channel, err := c.Info(t.Context(), name)
	if err != nil || channel.ContentType != "text/x-stix" {
		t.Errorf("content_type %q: %v", channel.ContentType, err)
	}
	w.open(t, "member", name, "")
	a, err := c.PostRaw(t.Context(), name, []byte("<x/>"), "text/x-stix")
	want(t, a, err, 202)
	for _, accept := range []string{"", "*/*", taxii, "application/taxii+json"} {
		c.Form.Accept = accept
		a, _, err := c.Read(t.Context(), name, query(t, fmt.Sprint("subscription=another-", len(accept))))
		want(t, a, err, 204)
	}
	c.Form.Accept = "text/html"
	a, _, err = c.Read(t.Context(), name, query(t, ""))
	want(t, a, err, 406)
	c.Form.Accept = taxii
	a, messages, err := c.Read(t.Context(), name, query(t, ""))
	want(t, a, err, 200)
	if len(messages) != 1 || readMessage(t, messages[0]).MediaType != "text/x-stix" || a.Header.Get("Content-Type") != taxii {
		t.Errorf("%s %s", a.Header.Get("Content-Type"), a.Body)
	}
	plainJSON(t, w)
}

// plainJSON is a client that knows of no media type but JSON, on a Channel of it.
func plainJSON(t *testing.T, w *world) {
	t.Helper()
	name := w.channel(t, `"content_type":"application/json"`)
	w.open(t, "member", name, "")
	c := w.as(t, "member")
	c.Form = JSON()
	a, err := c.Post(t.Context(), name, []byte(`{"a":1}`))
	want(t, a, err, 202)
	a, messages, err := c.Read(t.Context(), name, query(t, ""))
	want(t, a, err, 200)
	if len(messages) != 1 || !strings.Contains(string(messages[0]), `"content":{"a":1}`) {
		t.Errorf("read as JSON: %s", a.Body)
	}
}

func putAndDelete(t *testing.T, w *world) {
	name := w.channel(t, `"description":"old"`)
	path := base + "channels/" + name + "/"
	tag := w.status(t, 200, "member", "GET", path, "").Header.Get("Etag")
	w.status(t, 200, "member", "PUT", path, `{"description":"new"}`, "If-Match: "+tag)
	w.status(t, 412, "member", "PUT", path, `{"description":"late"}`, "If-Match: "+tag)
	w.status(t, 422, "member", "PUT", path, `{"name":"another"}`)
	_, channel, err := w.as(t, "member").Info(t.Context(), name)
	if err != nil || channel.Description != "new" || channel.Name != name {
		t.Errorf("%+v: %v", channel, err)
	}
	w.status(t, 412, "member", "DELETE", path, "", "If-Match: "+tag)
	w.status(t, 204, "member", "DELETE", path, "")
	w.status(t, 404, "member", "GET", path, "")
}

func permissions(t *testing.T, w *world) {
	name := w.channel(t, readers)
	path := base + "channels/" + name + "/grants/"
	if a := w.status(t, 200, "member", "GET", path, ""); !strings.Contains(string(a.Body), `"account":"reader"`) {
		t.Errorf("%s", a.Body)
	}
	w.status(t, 403, "reader", "GET", path, "")
	w.status(t, 403, "reader", "PUT", path, `{"grants":[]}`)
	w.status(t, 200, "member", "PUT", path, `{"grants":[{"account":"reader","can_read":false,"can_write":true,"can_manage":false},
		{"account":"member","can_read":true,"can_write":true,"can_manage":true}]}`)
	a, _, err := w.as(t, "reader").Read(t.Context(), name, query(t, ""))
	want(t, a, err, 403)
	w.post(t, "reader", name, envelope("tool", 1))
}

func permittedMessages(t *testing.T, w *world) {
	c := w.as(t, "member")
	some := w.channel(t, `"permitted_messages":["tool","chat"]`)
	a, err := c.Create(t.Context(), Channel{Name: "q10-all", PermittedMessages: nil, ContentType: "*/*", TTL: 600}) // sent as []
	want(t, a, err, 201)
	if strings.Contains(string(a.Body), "permitted_messages") {
		t.Errorf("an unrestricted channel says %s", a.Body)
	}
	chat := []byte(`{"messages":[{"type":"chat","media_type":"application/json","content":{"text":"hi"}}]}`)
	a, err = c.PostRaw(t.Context(), "q10-all", chat, taxii)
	want(t, a, err, 202)
	w.post(t, "member", "q10-all", envelope("malware", 1))
	w.post(t, "member", some, envelope("tool", 1)) // by the type of its objects
	a, err = c.Post(t.Context(), some, envelope("malware", 1))
	want(t, a, err, 422)
	a, err = c.PostRaw(t.Context(), some, []byte(`{"messages":[{"type":"chat","content":`+string(envelope("malware", 2))+`}]}`), taxii) // by its own
	want(t, a, err, 202)
}

func contentTypeIsMIME(t *testing.T, w *world) {
	c := w.as(t, "member")
	for _, media := range []string{"text/x-stix", "text/x-openioc"} { // the draft's
		name := w.channel(t, fmt.Sprintf(`"content_type":%q`, media))
		a, err := c.PostRaw(t.Context(), name, []byte("x"), media)
		want(t, a, err, 202)
		a, err = c.PostRaw(t.Context(), name, []byte("x"), "text/plain")
		want(t, a, err, 415)
	}
	a, err := c.Create(t.Context(), Channel{Name: "q11-refused", ContentType: "stix", TTL: 600})
	want(t, a, err, 422)
}

func grantsInCreation(t *testing.T, w *world) {
	with, without := w.channel(t, readers), w.channel(t, "")
	for name, status := range map[string]int{with: 200, without: 404} {
		a, _, err := w.as(t, "reader").Info(t.Context(), name)
		want(t, a, err, status)
	}
	a, err := w.as(t, "reader").Post(t.Context(), with, envelope("tool", 1))
	want(t, a, err, 403)
}

func inviting(t *testing.T, w *world) {
	name := w.channel(t, "")
	path := base + "channels/" + name + "/"
	expires := time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05.000000Z")
	var invitation struct{ Token string }
	w.status(t, 201, "member", "POST", path+"invitations/", `{"can_read":true,"can_write":false,"uses":1,"expires":"`+expires+`"}`).JSON(t, &invitation)
	w.status(t, 404, "reader", "GET", path, "")
	w.status(t, 404, "reader", "POST", path+"join/", `{"token":"no such token"}`)
	token := fmt.Sprintf(`{"token":%q}`, invitation.Token)
	w.status(t, 200, "reader", "POST", path+"join/", token)
	w.open(t, "reader", name, "")
	w.status(t, 403, "reader", "POST", path+"invitations/", `{"can_read":true}`)
	w.status(t, 404, "reader", "POST", path+"join/", token) // used up
	if list := w.Request(t, "member", http.MethodGet, path+"invitations/", nil); strings.Contains(string(list.Body), invitation.Token) {
		t.Errorf("the token is shown again: %s", list.Body)
	}
}

func messageIs(t *testing.T, w *world) {
	name := w.channel(t, "")
	w.open(t, "member", name, "")
	spaced := []byte("{ \"objects\" : [ {\"id\":\"x-a--1\", \"type\":\"x-a\", \"n\":1.50, \"b\":\"\\u00e9\"} ] }") // delivered as it came
	w.post(t, "member", name, spaced)
	_, messages, err := w.as(t, "member").Read(t.Context(), name, query(t, ""))
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages: %v", len(messages), err)
	}
	m := readMessage(t, messages[0])
	if string(m.Content) != string(spaced) || m.Type != "envelope" || m.MediaType != taxii || m.ID == "" || m.Size != int64(len(spaced)) {
		t.Errorf("%s", messages[0])
	}
	a, err := w.as(t, "member").PostRaw(t.Context(), name, []byte(`{"type":"bundle","id":"bundle--1","objects":[{"type":"tool","id":"tool--1"}]}`), taxii)
	want(t, a, err, 422)
}
