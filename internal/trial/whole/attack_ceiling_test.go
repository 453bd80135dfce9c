package whole_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// The markings of TLP 2.0, as STIX 2.1 has them.
const (
	tlpGreen = "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"
	tlpRed   = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
)

// marked is an object with a marking and a word in it. The id and the date of red
// ones have their own words, too.
func marked(number int, modified, marking, word string) []byte {
	return fmt.Appendf(nil, `{"type":"identity","spec_version":"2.1","id":"%s","created":"2020-01-01T00:00:00.000Z","modified":"%s","name":%q,"object_marking_refs":[%q]}`,
		identityID(0x3e, number), modified, word, marking)
}

const (
	secretWord = "the-word-of-what-is-red"
	secretDate = "2031-07-13T07:31:13.731Z"
)

// above makes content of which some is above the ceiling of the account "below":
// whole objects, a version of one that it sees, parts of one (granular markings),
// and Messages.
func above(t *testing.T, s *trial.Server) (c *trial.Channel, collection string) {
	t.Helper()
	c, collection = s.NewChannel(t, "mixed"), s.Collection(t, "indicators")
	granular := bytes.Replace(marked(4, secretDate, tlpGreen, secretWord), []byte(`"object_marking_refs"`),
		[]byte(`"granular_markings":[{"marking_ref":"`+tlpRed+`","selectors":["name"]}],"object_marking_refs"`), 1)
	for n, object := range [][]byte{
		marked(1, "2021-01-01T00:00:00.000Z", tlpGreen, "seen"), marked(2, secretDate, tlpRed, secretWord), marked(1, secretDate, tlpRed, secretWord), granular,
		marked(3, "2022-02-02T00:00:00.000Z", tlpGreen, "seen too"), marked(5, secretDate, tlpRed, secretWord),
	} {
		if err := trial.Stored(s.Post(t, "admin", collection, envelopeOf(object))); err != nil {
			t.Fatal(n, err)
		}
		c.Publish(t, envelopeOf(object))
	}
	c.Publish(t, envelopeOf(marked(1, "2021-01-01T00:00:00.000Z", tlpGreen, "seen"), marked(2, secretDate, tlpRed, secretWord)))
	hansom(t, s.Dir, "the password of below\n", "account", "add", "below", "--password-stdin")
	know(s, "below", "the password of below")
	for _, on := range []string{"trust/collection/indicators", "trust/channel/mixed"} {
		hansom(t, s.Dir, "", "grant", "add", "below", "read", "write", "manage", "--on", on, "--ceiling", "green")
	}
	return c, collection
}

// Whatever an account asks, of what lies above its ceiling it gets nothing: no
// content, no id, no version, no date and no count.
func TestNothingAboveACeilingIsInAnyAnswer(t *testing.T) {
	t.Parallel()
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		s := e.Start(t, append(trial.Settings(t, "admin_https: true"), "--empty")...)
		c, collection := above(t, s)
		hidden, half := identityID(0x3e, 2), identityID(0x3e, 1)
		token, _ := newToken(t, s, "admin", `{"name":"below","ceiling":"green"}`)
		for who, ask := range map[string]func(path string, headers ...string) trial.Answer{
			"an account": func(path string, headers ...string) trial.Answer { return s.Get(t, "below", path, headers...) },
			"a token": func(path string, headers ...string) trial.Answer {
				return s.Get(t, "", path, append(headers, bearer(token))...)
			},
		} {
			for _, path := range lookingAbove(c, collection, hidden, half) {
				for _, header := range []string{"X: y", "Range: bytes=0-999", "Prefer: wait=0"} {
					a := ask(path, header)
					if a.Status >= 500 {
						t.Errorf("%s: %s: %d %s", who, path, a.Status, a.Body)
					}
					tellsNothing(t, who+": "+path, a, hidden)
				}
			}
			for _, path := range []string{collection + "/objects/" + hidden + "/", collection + "/objects/" + hidden + "/versions/",
				c.Path + "messages/" + c.Sent[1].ID + "/", c.Path + "messages/" + c.Sent[1].ID + "/content/"} {
				status(t, ask(path), http.StatusNotFound)
			}
			if got := visible(t, ask, collection+"/objects/?limit=1"); strings.Join(got, " ") != "seen seen too" {
				t.Errorf("%s pages through %q", who, got)
			}
		}
		counts(t, c, collection)
		streamBelow(t, c, hidden)
	})
}

// lookingAbove are the paths by which somebody could look.
func lookingAbove(c *trial.Channel, collection, hidden, half string) (paths []string) {
	for _, id := range []string{hidden, half, identityID(0x3e, 4)} {
		for _, query := range []string{"", "?match[version]=all", "?match[version]=last", "?match[version]=first", "?match[version]=" + secretDate, "?match[spec_version]=2.1"} {
			paths = append(paths, collection+"/objects/"+id+"/"+query)
		}
		paths = append(paths, collection+"/objects/"+id+"/versions/", collection+"/objects/?match[id]="+id+"&match[version]=all", collection+"/manifest/?match[id]="+id)
	}
	for _, query := range []string{"", "?limit=1", "?match[version]=all", "?match[version]=" + secretDate, "?match[type]=identity", "?added_after=2020-01-01T00:00:00Z&match[version]=all", "?limit=1&match[version]=first"} {
		paths = append(paths, collection+"/objects/"+query, collection+"/manifest/"+query)
	}
	for _, m := range c.Sent {
		paths = append(paths, c.Path+"messages/"+m.ID+"/", c.Path+"messages/"+m.ID+"/content/")
	}
	admin := strings.Replace(collection, "/trust/", "/admin/roots/trust/", 1)
	return append(paths, collection+"/", "/trust/collections/", "/trust/channels/", c.Path, c.Path+"messages/", c.Path+"messages/?limit=1", c.Path+"messages/?match[id]="+hidden,
		c.Path+"?start=earliest&wait=0", c.Path+"subscriptions/", admin+"/", admin+"/objects/", admin+"/objects/?limit=1", "/admin/roots/trust/channels/mixed/", "/admin/collections/", "/admin/channels/")
}

// tellsNothing fails the test if an answer has something of what is red.
func tellsNothing(t *testing.T, what string, a trial.Answer, hidden string) {
	t.Helper()
	all := heads(a) + string(a.Body)
	for _, secret := range []string{secretWord, secretDate, tlpRed, identityID(0x3e, 5), identityID(0x3e, 4)} {
		if strings.Contains(all, secret) && !strings.Contains(what, secret) {
			t.Errorf("%s tells of %s: %.400s", what, secret, all)
		}
	}
	if strings.Contains(all, hidden) {
		t.Errorf("%s tells of %s: %.400s", what, hidden, all)
	}
}

// visible pages through a Collection, and gives the names of what is there.
func visible(t *testing.T, ask func(string, ...string) trial.Answer, path string) (names []string) {
	t.Helper()
	for next := ""; ; {
		var page struct {
			More    bool
			Next    string
			Objects []struct{ Name string }
		}
		status(t, ask(path+next), http.StatusOK).JSON(t, &page)
		for _, o := range page.Objects {
			if strings.HasPrefix(o.Name, "seen") {
				names = append(names, o.Name)
			}
		}
		if !page.More {
			return names
		}
		next = "&next=" + page.Next
	}
}

// counts compares what is told of sizes and numbers with what would be told if
// there were nothing above the ceiling.
func counts(t *testing.T, c *trial.Channel, collection string) {
	t.Helper()
	made := status(t, c.Request(t, "below", "POST", c.Path+"subscriptions/", []byte(`{"name":"below","start":"earliest"}`)), http.StatusCreated)
	for _, member := range []string{`"pending"`, `"pending_bytes"`, `"missed"`} {
		if bytes.Contains(made.Body, []byte(member)) {
			t.Errorf("a Subscription tells %s: %s", member, made.Body)
		}
	}
	before := status(t, c.Get(t, "below", collection+"/objects/"), http.StatusOK)
	for n := range 3 { // what is added above changes no head of an answer, and no tag
		if err := trial.Stored(c.Post(t, "admin", collection, envelopeOf(marked(100+n, secretDate, tlpRed, secretWord)))); err != nil {
			t.Fatal(err)
		}
		after := status(t, c.Get(t, "below", collection+"/objects/"), http.StatusOK)
		if heads(after) != heads(before) || !bytes.Equal(after.Body, before.Body) {
			t.Errorf("what was added above is seen:\n%s%.300s\n%s%.300s", heads(before), before.Body, heads(after), after.Body)
		}
	}
}

// streamBelow follows the Channel as the account below the ceiling while what it
// may see and what not is published.
func streamBelow(t *testing.T, c *trial.Channel, hidden string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), answeredWithin)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+c.Path+"messages/?start=earliest", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("below", "the password of below")
	r.Header.Set("Accept", "text/event-stream")
	answer, err := c.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		t.Fatalf("%s %s", answer.Status, text)
	}
	for range 3 {
		c.Publish(t, envelopeOf(marked(2, secretDate, tlpRed, secretWord)))
	}
	c.Publish(t, envelopeOf(marked(9, "2023-03-03T00:00:00.000Z", tlpGreen, "the end of the stream")))
	var got strings.Builder
	for piece := make([]byte, 64<<10); !strings.Contains(got.String(), "the end of the stream"); {
		n, err := answer.Body.Read(piece)
		if got.Write(piece[:n]); err != nil {
			t.Fatalf("%v after %s", err, got.String())
		}
	}
	tellsNothing(t, "a stream", trial.Answer{Body: []byte(got.String())}, hidden)
}

// Deleting and adding tells nothing of what is above, either, and does nothing to
// it.
func TestChangesBelowACeilingTellNothingAndHarmNothingAboveIt(t *testing.T) {
	t.Parallel()
	s := trial.Start(t, "--empty")
	_, collection := above(t, s)
	hidden, half := identityID(0x3e, 2), identityID(0x3e, 1)
	for _, query := range []string{"", "?match[version]=all", "?match[version]=" + secretDate} {
		for _, id := range []string{hidden, identityID(0x3e, 77)} {
			status(t, s.Request(t, "below", "DELETE", collection+"/objects/"+id+"/"+query, nil), http.StatusNotFound)
		}
	}
	status(t, s.Request(t, "below", "DELETE", collection+"/objects/"+half+"/?match[version]=all", nil), http.StatusOK)
	var versions struct{ Versions []string }
	status(t, s.Get(t, "admin", collection+"/objects/"+half+"/versions/"), http.StatusOK).JSON(t, &versions)
	if len(versions.Versions) != 1 || versions.Versions[0] != secretDate {
		t.Errorf("above the ceiling there is left %v", versions)
	}
	// Who knows an id and a version to the microsecond learns that they are taken (docs/security.md), and nothing else.
	clash := s.Post(t, "below", collection, envelopeOf(marked(2, secretDate, tlpGreen, "another word")))
	var st struct {
		Failed   int `json:"failure_count"`
		Failures []struct{ Message string }
	}
	if clash.JSON(t, &st); st.Failed != 1 || len(st.Failures) != 1 || strings.Contains(st.Failures[0].Message, "red") || bytes.Contains(clash.Body, []byte(secretWord)) {
		t.Errorf("an Add of what is above: %d %s", clash.Status, clash.Body)
	}
	if got := status(t, s.Get(t, "admin", collection+"/objects/"+hidden+"/?match[version]="+secretDate), http.StatusOK); !bytes.Contains(got.Body, []byte(secretWord)) {
		t.Errorf("what was above was changed: %s", got.Body)
	}
}
