package exchange_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// The level of a Message is found in JSON of whatever media type, and what is no
// JSON counts as unmarked.
func TestTheLevelOfAMessageIsTheHighestInIt(t *testing.T) {
	w := warded(t, build(t))
	must[taxii.Channel](t)(w.op.AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "any", ContentType: "*/*", Unmarked: "amber"}))
	for name := range map[string]bool{"uptogreen": true, "uptoamber": true, "uptored": true} {
		w.ceil(t, name, "trust/channel/any", strings.TrimPrefix(name, "upto"), "read")
	}
	green, amber, red := w.readers[1], w.readers[2], w.readers[4]
	for what, c := range map[string]struct {
		media, body string
		level       int
	}{
		"an Envelope":                     {taxii.MediaType, `{"objects":[` + marked(1, 0, 0) + `,` + marked(2, 0, 1) + `]}`, 1},
		"with an object without":          {taxii.MediaType, `{"objects":[` + marked(1, 0, 0) + `,` + marked(2, 0, -1) + `]}`, 2},
		"with one of red":                 {taxii.MediaType, `{"objects":[` + marked(1, 0, -1) + `,` + marked(2, 0, 4) + `]}`, 4},
		"a bundle":                        {"application/stix+json;version=2.1", `{"type":"bundle","objects":[` + marked(1, 0, 0) + `,` + marked(2, 0, 4) + `]}`, 4},
		"an object":                       {"application/stix+json", marked(1, 0, 1), 1},
		"an object that is red":           {"application/stix+json", marked(1, 0, 4), 4},
		"an object without":               {"application/stix+json", marked(1, 0, -1), 2},
		"other JSON":                      {"application/json", `[1,2]`, 2},
		"objects that are none":           {"application/json", `{"objects":[` + marked(1, 0, 0) + `,7]}`, 2},
		"what is no JSON":                 {"text/plain", "amber", 2},
		"the definition of a marking":     {taxii.MediaType, `{"objects":[{"type":"marking-definition","id":"` + markings()[4] + `"}]}`, 0},
		"a marking beside the objects":    {taxii.MediaType, `{"object_marking_refs":["` + markings()[4] + `"],"objects":[` + marked(1, 0, 0) + `]}`, 4},
		"more objects than are looked at": {"application/json", `{"objects":[` + marked(1, 0, 0) + strings.Repeat(",{}", taxii.MaxObjects) + `]}`, 4},
	} {
		st, err := w.op.Publish(t.Context(), "trust", "any", exchange.Publication{ContentType: c.media, Body: []byte(c.body)})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for i, s := range []*exchange.Session{green, amber, red} {
			_, err := s.Message(t.Context(), "trust", "any", st.Successes[0].ID, 0)
			if upto := []int{1, 2, 4}[i]; (err == nil) != (c.level <= upto) {
				t.Errorf("%s: read up to %s: %v", what, levelNames()[upto], err)
			}
		}
	}
}

// What goes on in the name of the account used to have the account's ceiling,
// whatever that of the token that made it.
func TestATokenWithACeilingStartsNothingThatGoesOnWithoutIt(t *testing.T) {
	p := pushed(t)
	p.collection(t, "trust", "all")
	p.grant(t, "member", "trust", "read", "write", "create", "push")
	token, _ := p.token(t, exchange.TokenSetting{Account: "member", Name: "low", Ceiling: "green"})
	low, all := p.by(t, token), "all"
	n := taxii.NewSubscription{Start: taxii.Earliest, Push: &taxii.Push{URL: hook}}
	wantKind(t, "a push", subscribeErr(low.Subscribe(t.Context(), "trust", "alerts", n)), taxii.Forbidden)
	for _, set := range []exchange.ChannelSetting{{Root: "trust", Name: "from", From: &all}, {Root: "trust", Name: "to", To: &all}} {
		wantKind(t, set.Name, second(low.AddChannel(t.Context(), set)), taxii.Forbidden)
		must[taxii.Channel](t)(p.member.AddChannel(t.Context(), set))
	}
	must[taxii.Status](t)(publish(t, p.op, "alerts", envelopeOf(1, 4), envelopeOf(2, 1)))
	if got := ids(t, frames(t, open(t, low, exchange.Reading{}))); !slices.Equal(got, []string{id(2)}) {
		t.Errorf("the token reads %q", got)
	}
	if got := ids(t, frames(t, open(t, p.member, exchange.Reading{}))); len(got) != 2 {
		t.Errorf("its account reads %q", got)
	}
}

// A push sends what the account may see at the time.
func TestAPushSendsNothingAboveTheCeiling(t *testing.T) {
	p := pushed(t)
	if err := p.op.SetGrant(t.Context(), exchange.GrantSetting{Account: "member", On: "trust/channel/alerts", Rights: []string{"read", "write", "push"}, Ceiling: "green"}); err != nil {
		t.Fatal(err)
	}
	sub := p.subscribe(t)
	p.verify(t, sub.ID)
	must[taxii.Status](t)(publish(t, p.op, "alerts", envelopeOf(1, 4), envelopeOf(2, 1), envelopeOf(3, 2)))
	turn := p.next(t, sub.ID)
	if turn.Request == nil || !strings.Contains(string(turn.Request.Body), id(2)) || strings.Contains(string(turn.Request.Body), id(1)) || strings.Contains(string(turn.Request.Body), id(3)) {
		t.Errorf("sent is %+v", turn)
	}
}

// Who waits for items and gets a higher ceiling meanwhile used to be told of
// nothing that was there before.
func TestAHigherCeilingShowsAtOnceWhatWasThere(t *testing.T) {
	w := warded(t, build(t))
	w.add(t, w.op, marked(1, 0, 4))
	got := make(chan string, 1)
	go func() {
		v, err := w.readers[1].ViewLive(t.Context(), exchange.Target{Endpoint: exchange.Objects, Root: "trust", Collection: "all"}, taxii.Filter{}, time.Minute)
		if err != nil {
			got <- err.Error()
			return
		}
		p, err := v.Page(t.Context())
		got <- fmt.Sprint(p.Count, err)
	}()
	w.ceil(t, "uptogreen", "trust/collection/all", "red", "read")
	if text := <-got; text != "1 <nil>" {
		t.Errorf("got %s", text)
	}
}
