package client_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/client"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// member gives a client of the demo's server for its member, and a Channel that
// takes anything.
func member(t *testing.T) (c *client.Client, server *trial.Server) {
	t.Helper()
	t.Parallel()
	server = trial.Start(t, "--empty")
	made := server.Request(t, "member", http.MethodPost, "/trust/channels/", []byte(`{"name":"any","content_type":"*/*","max_message_size":10485760}`))
	if made.Status != http.StatusCreated {
		t.Fatalf("got %d %s", made.Status, made.Body)
	}
	c, err := client.New(server.URL, client.Options{HTTP: server.HTTP, Account: "member", Password: server.Password(t, "member")})
	if err != nil {
		t.Fatal(err)
	}
	return c, server
}

func TestWhatIsPublishedIsFollowedThroughARealServer(t *testing.T) {
	c, server := member(t)
	server.HTTP.Timeout = 0
	raw := jsontext.Value("{ \"objects\":\r\n[ {\"type\":\"x-a\",\"id\":\"x-a--1\",\"n\":1.0} ]}")
	large := bytes.Repeat([]byte("0123456789"), 1_000_000) // as base64 more than an answer may have
	if _, err := c.Publish(t.Context(), "trust/any", taxii.MessageDraft{Content: raw}, taxii.MessageDraft{Type: "chat", MediaType: "text/plain", ContentBase64: []byte("hi")}); err != nil {
		t.Fatal(err)
	}
	id := taxii.NewID()
	for i, want := range []string{taxii.Accepted, taxii.Duplicate} {
		st, err := c.PublishContent(t.Context(), "trust/any", id, "application/octet-stream", large)
		if err != nil || st.SuccessCount != 1 || st.Successes[0].Disposition != want {
			t.Fatalf("%d: got %+v, %v", i, st, err)
		}
	}
	for _, poll := range []bool{false, true} {
		var got []taxii.Message
		for m, err := range c.Follow(t.Context(), "trust/any", client.Following{After: taxii.Earliest, Poll: poll}) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, m); len(got) == 3 {
				break
			}
		}
		for i, want := range [][]byte{raw, []byte("hi"), large} {
			r, err := c.Content(t.Context(), "trust/any", got[i])
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(r)
			if err != nil || !bytes.Equal(content, want) || r.Close() != nil {
				t.Errorf("poll %v, message %d: %d octets of %d, %v", poll, i, len(content), len(want), err)
			}
		}
		if got[2].ContentURL == "" || got[2].ID != id {
			t.Errorf("poll %v: got %.200v", poll, got[2])
		}
	}
}

func TestASubscriptionIsReadUntilItIsAcknowledged(t *testing.T) {
	c, server := member(t)
	server.HTTP.Timeout = 0
	sub, err := c.Subscribe(t.Context(), "trust/any", taxii.NewSubscription{Name: "n", Selector: map[string][]string{"type": {"x-a"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"x-a", "x-b", "x-a"} {
		if _, err := c.PublishEnvelope(t.Context(), "trust/any", "", []byte(`{"objects":[{"type":"`+kind+`","id":"`+kind+`--1"}]}`)); err != nil {
			t.Fatal(err)
		}
	}
	read := func(o client.Following) (cursors []string) {
		o.Subscription = sub.ID
		for m, err := range c.Follow(t.Context(), "trust/any", o) {
			if err != nil {
				t.Fatal(err)
			}
			if cursors = append(cursors, m.Cursor); len(cursors) == 2 {
				break
			}
		}
		return cursors
	}
	first := read(client.Following{})
	if again := read(client.Following{Once: true}); len(first) != 2 || strings.Join(again, " ") != strings.Join(first, " ") {
		t.Fatalf("got %q, then %q", first, again)
	}
	if now, err := c.Acknowledge(t.Context(), "trust/any", sub.ID, first[1]); err != nil || now.Pending != 0 {
		t.Errorf("got %+v, %v", now, err)
	}
	if now, err := c.Acknowledge(t.Context(), "trust/any", sub.ID, first[0]); err != nil || now.Position != first[1] {
		t.Errorf("an older cursor moved it: %+v, %v", now, err)
	}
	if rest := read(client.Following{Once: true}); len(rest) != 0 {
		t.Errorf("got %q after all were acknowledged", rest)
	}
	if _, err := c.SetPosition(t.Context(), "trust/any", sub.ID, taxii.Position{Cursor: first[0], Seek: true}); err != nil {
		t.Error(err)
	}
	if rest := read(client.Following{Once: true}); len(rest) != 1 || rest[0] != first[1] {
		t.Errorf("got %q after a seek", rest)
	}
	if err := c.Unsubscribe(t.Context(), "trust/any", sub.ID); err != nil {
		t.Error(err)
	}
	for _, err := range c.Follow(t.Context(), "trust/any", client.Following{Subscription: sub.ID}) {
		if taxii.KindOf(err) != taxii.NotFound {
			t.Errorf("got %v", err)
		}
	}
}

func TestAChannelMadeAnewIsAGap(t *testing.T) {
	c, server := member(t)
	st, err := c.PublishEnvelope(t.Context(), "trust/any", "", []byte(`{"objects":[{"type":"x-a","id":"x-a--1"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := server.Request(t, "member", http.MethodDelete, "/trust/channels/any/", nil); got.Status != http.StatusNoContent {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	if got := server.Request(t, "member", http.MethodPost, "/trust/channels/", []byte(`{"name":"any"}`)); got.Status != http.StatusCreated {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	gaps := 0
	for _, err := range c.Follow(t.Context(), "trust/any", client.Following{After: st.Successes[0].Cursor, Once: true}) {
		var gap *client.GapError
		if !errors.As(err, &gap) || gap.Reason != "replaced" || gap.Missed != nil || gap.To == "" {
			t.Fatalf("got %v", err)
		}
		gaps++
	}
	if gaps != 1 {
		t.Errorf("%d gaps", gaps)
	}
}

func TestChannelsAreListedAndDescribed(t *testing.T) {
	c, _ := member(t)
	var names []string
	for ch, err := range c.Channels(t.Context(), "trust") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, ch.Name)
	}
	if strings.Join(names, " ") != "alerts any indicators" {
		t.Errorf("got %q", names)
	}
	ch, err := c.Channel(t.Context(), "trust/alerts")
	if err != nil || !ch.CanRead || !ch.CanWrite || ch.Latest == "" {
		t.Errorf("got %+v, %v", ch, err)
	}
	if root, err := c.Root(t.Context(), "trust/alerts"); err != nil || root.MaxContentLength < 1<<20 {
		t.Errorf("got %+v, %v", root, err)
	}
}
