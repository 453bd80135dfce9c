package exchange_test

import (
	"slices"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func TestOnlyACollectionOnWhichTheAccountHasTheRightCanBeNamed(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	h.root(t, "lab")
	ids := map[string]string{}
	for _, alias := range []string{"read", "write", "both", "hidden"} {
		ids[alias] = h.collection(t, "trust", alias).ID
	}
	elsewhere := h.collection(t, "lab", "drafts").ID
	alice := h.account(t, "alice", "create on trust", "read on trust/collection/read", "write on trust/collection/write",
		"read,write on trust/collection/both", "all on lab")
	make := func(name, from, to, contentType string) (taxii.Channel, error) {
		set := exchange.ChannelSetting{Root: "trust", Name: name, ContentType: contentType}
		if from != "" {
			set.From = &from
		}
		if to != "" {
			set.To = &to
		}
		return alice.AddChannel(t.Context(), set)
	}
	var words []string
	for what, err := range map[string]error{
		"from what may be written": second(make("a", ids["write"], "", "")), "from what is hidden": second(make("a", ids["hidden"], "", "")),
		"from another root": second(make("a", elsewhere, "", "")), "from nothing": second(make("a", taxii.NewID(), "", "")),
		"from no id": second(make("a", "no id", "", "")),
	} {
		wantKind(t, what, err, taxii.Unprocessable)
		if err != nil && !slices.Contains(words, err.Error()) {
			words = append(words, err.Error())
		}
	}
	if len(words) != 1 {
		t.Errorf("what is hidden and what is not there can be told apart: %q", words)
	}
	for what, err := range map[string]error{
		"to what may be read": second(make("a", "", ids["read"], "")), "to what is hidden": second(make("a", "", ids["hidden"], "")),
		"both the same": second(make("a", ids["both"], ids["both"], "")), "by two names": second(make("a", ids["both"], "both", "")),
		"of other content": second(make("a", ids["read"], "", "text/csv")), "to, of other content": second(make("a", "", ids["write"], "application/taxii+json;version=2.0")),
	} {
		wantKind(t, what, err, taxii.Unprocessable)
	}
	c, err := make("ends", ids["read"], "write", "application/taxii+json")
	if err != nil || c.FromCollection != ids["read"] || c.ToCollection != ids["write"] {
		t.Errorf("made %+v, %v", c, err)
	}
	if c, err := make("any", ids["both"], ids["write"], "*/*"); err != nil || c.FromCollection != ids["both"] {
		t.Errorf("made %+v, %v", c, err)
	}
}

func TestACollectionIsNamedAgainOrEndedAndNotExchanged(t *testing.T) {
	h := build(t)
	h.root(t, "trust")
	a, b := h.collection(t, "trust", "a").ID, h.collection(t, "trust", "b").ID
	h.made(t, "trust", "alerts", func(c *exchange.ChannelSetting) { c.From = &a })
	h.made(t, "trust", "both", func(c *exchange.ChannelSetting) { c.From, c.To = &a, &b })
	namer := func(channel string) int64 {
		catalog, err := h.store.Catalog(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(catalog.Channels, func(c exchange.Channel) bool { return c.Name == channel })
		return catalog.Channels[i].Namer
	}
	of := func(name string) int64 { return h.numbers(t, name)[0] }
	set := func(s *exchange.Session, channel string, from, to *string) (taxii.Channel, error) {
		return s.SetChannel(t.Context(), "trust", channel, nil, func(c *exchange.ChannelSetting) error { c.From, c.To = from, to; return nil })
	}
	none, alias := "", "a"
	reader := h.account(t, "reader", "manage on trust/channel/alerts", "read on trust/collection/a", "manage on trust/channel/both")
	blind := h.account(t, "blind", "manage on trust/channel/alerts")
	if namer("alerts") != of("operator") {
		t.Error("it is not in the name of who named it")
	}
	if _, err := set(blind, "alerts", nil, nil); err != nil || namer("alerts") != of("operator") {
		t.Errorf("a change that does not name it: %v, now of %d", err, namer("alerts"))
	}
	wantKind(t, "named again by who may not", second(set(blind, "alerts", &a, nil)), taxii.Unprocessable)
	_, before, _ := h.op.Channel(t.Context(), "trust", "alerts")
	for _, name := range []*string{&a, &alias} {
		if c, err := set(reader, "alerts", name, nil); err != nil || c.FromCollection != a || namer("alerts") != of("reader") {
			t.Errorf("named again as %s: %+v, %v", *name, c, err)
		}
	}
	if _, after, _ := h.op.Channel(t.Context(), "trust", "alerts"); after == before {
		t.Error("named again by another, its tag stays")
	}
	wantKind(t, "another", second(set(h.op, "alerts", &b, nil)), taxii.Unprocessable)
	wantKind(t, "one where there was none", second(set(h.op, "alerts", nil, &b)), taxii.Unprocessable)
	wantKind(t, "one of two, by who could not name the other", second(set(reader, "both", &a, nil)), taxii.Unprocessable)
	if c, err := set(blind, "alerts", &none, &none); err != nil || c.FromCollection != "" {
		t.Errorf("ended: %+v, %v", c, err)
	}
	wantKind(t, "what was ended", second(set(h.op, "alerts", &a, nil)), taxii.Unprocessable)
	if c, err := set(reader, "both", nil, &none); err != nil || c.FromCollection != a || c.ToCollection != "" || namer("both") != of("operator") {
		t.Errorf("one of two ended: %+v, %v, now of %d", c, err, namer("both"))
	}
}
