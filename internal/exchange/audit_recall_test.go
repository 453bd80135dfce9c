package exchange_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	hunted = "campaign--0f1c3b8e-5f0e-4c6a-9d6f-0a1b2c3d4e5f"
	tlpRed = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"
)

// campaign is an object in its n-th version, with these markings.
func campaign(id string, n int, markings ...string) []byte {
	refs := ""
	if len(markings) > 0 {
		refs = `,"object_marking_refs":["` + strings.Join(markings, `","`) + `"]`
	}
	return fmt.Appendf(nil, `{"type":"campaign","spec_version":"2.1","id":"%s","created":"2024-01-01T00:00:00.000Z","modified":"2024-01-%02dT00:00:00.000Z","name":"x"%s}`, id, n, refs)
}

func put(t *testing.T, s *exchange.Session, objects ...[]byte) {
	t.Helper()
	texts := make([]string, len(objects))
	for i, o := range objects {
		texts[i] = string(o)
	}
	st, err := s.Add(t.Context(), "trust", "all", []byte(`{"objects":[`+strings.Join(texts, ",")+`]}`))
	if err != nil || st.SuccessCount != len(objects) {
		t.Fatalf("%+v %v", st, err)
	}
}

// recalled gives the receipts of an object, as "account version times", with a
// question mark where they may be.
func recalled(t *testing.T, h *house, id string) (list []string) {
	t.Helper()
	r, err := h.op.Recall(t.Context(), exchange.RecallQuery{Object: id})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range r.Receipts {
		text := fmt.Sprint(v.Account, " ", strings.TrimPrefix(strings.TrimSuffix(v.Version, "T00:00:00.000Z"), "2024-01-"), v.Message, " ", v.Times)
		if v.MayHave {
			text += "?"
		}
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}

func objectsOf(ids ...string) exchange.Target {
	target := exchange.Target{Endpoint: exchange.Objects, Root: "trust", Collection: "all"}
	if len(ids) > 0 {
		target.Endpoint, target.Object = exchange.Object, ids[0]
	}
	return target
}

func TestRecallTellsWhoWasSentWhichVersion(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "all")
	reader := map[string]*exchange.Session{}
	for _, name := range []string{"early", "late", "all", "first", "typed", "listed", "named", "other", "back", "older"} {
		reader[name] = h.account(t, name, "read on trust")
	}
	other := "campaign--11111111-5f0e-4c6a-9d6f-0a1b2c3d4e5f"
	put(t, h.op, campaign(other, 1))
	put(t, h.op, campaign(hunted, 1))
	deliver(t, reader["early"], objectsOf(), taxii.Filter{})
	put(t, h.op, campaign(hunted, 2), campaign(other, 2))
	deliver(t, reader["late"], objectsOf(), taxii.Filter{})
	deliver(t, reader["late"], objectsOf(), taxii.Filter{IDs: []string{hunted}})
	deliver(t, reader["all"], objectsOf(), taxii.Filter{Versions: []string{"all"}})
	deliver(t, reader["first"], objectsOf(hunted), taxii.Filter{Versions: []string{"first"}})
	deliver(t, reader["typed"], objectsOf(), taxii.Filter{Types: []string{"campaign"}, Limit: 1})
	deliver(t, reader["typed"], objectsOf(), taxii.Filter{Types: []string{"malware"}})
	deliver(t, reader["listed"], exchange.Target{Endpoint: exchange.Manifest, Root: "trust", Collection: "all"}, taxii.Filter{})
	deliver(t, reader["named"], objectsOf(hunted), taxii.Filter{Versions: []string{"2024-01-01T00:00:00.000Z"}})
	deliver(t, reader["other"], objectsOf(other), taxii.Filter{})
	want := []string{"all 01 1", "all 02 1", "early 01 1", "first 01 1", "late 02 2", "named 01 1", "typed 02 1"}
	if got := recalled(t, h, hunted); !slices.Equal(got, want) {
		t.Fatalf("got  %v\nwant %v", got, want)
	}
	if err := h.op.Delete(t.Context(), "trust", "all", hunted, taxii.Filter{Versions: []string{"last"}}); err != nil {
		t.Fatal(err)
	}
	deliver(t, reader["back"], objectsOf(), taxii.Filter{}) // the first is in view again, in another place
	if err := h.op.Delete(t.Context(), "trust", "all", hunted, taxii.Filter{}); err != nil {
		t.Fatal(err)
	}
	deliver(t, reader["older"], objectsOf(), taxii.Filter{})
	want = append([]string{"all 01 1", "all 02 1", "back 01 1"}, want[2:]...)
	if got := recalled(t, h, hunted); !slices.Equal(got, want) {
		t.Errorf("after it was deleted: got  %v\nwant %v", got, want)
	}
	r, err := h.op.Recall(t.Context(), exchange.RecallQuery{Object: "campaign--none", On: "trust/collection/all"})
	if err != nil || len(r.Found)+len(r.Receipts) > 0 {
		t.Errorf("of what was never here: %+v %v", r, err)
	}
	// What was recorded first was told to be older than the records.
	if first := h.records(t, "")[0]["at"]; r.Begins == nil || r.Begins.String() > first.(string) {
		t.Errorf("records begin at %v, and the first is of %v", r.Begins, first)
	}
	if _, err := h.op.Recall(t.Context(), exchange.RecallQuery{Object: hunted, On: "nowhere"}); taxii.KindOf(err) != taxii.NotFound {
		t.Errorf("where nothing is: %v", err)
	}
}

func TestRecallKeepsToTheCeilingsOfThoseWhoRead(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "all")
	whole := h.account(t, "whole", "read on trust")
	h.account(t, "green")
	if err := h.op.SetGrant(t.Context(), exchange.GrantSetting{Account: "green", On: "trust", Rights: []string{"read"}, Ceiling: "green"}); err != nil {
		t.Fatal(err)
	}
	green := h.signIn(t, "green")
	put(t, h.op, campaign("campaign--11111111-5f0e-4c6a-9d6f-0a1b2c3d4e5f", 1), campaign(hunted, 1),
		campaign(hunted, 2, tlpRed), campaign("campaign--22222222-5f0e-4c6a-9d6f-0a1b2c3d4e5f", 1))
	for _, s := range []*exchange.Session{whole, green} {
		deliver(t, s, objectsOf(), taxii.Filter{})
	}
	if got, want := recalled(t, h, hunted), []string{"green 01 1", "whole 02 1"}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	if _, err := h.op.SetCollection(t.Context(), "trust", "all", func(set *exchange.CollectionSetting) error { set.Unmarked = "amber"; return nil }); err != nil {
		t.Fatal(err)
	}
	deliver(t, whole, objectsOf(), taxii.Filter{})
	// What has no marking has another level since, and nobody knows of which it was.
	if got, want := recalled(t, h, hunted), []string{"green 01 1?", "whole 02 2"}; !slices.Equal(got, want) {
		t.Errorf("after the level of what is unmarked was changed: got %v, want %v", got, want)
	}
}

func TestRecallCoversChannels(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	h.channel(t, "trust", "news")
	names := []string{"paged", "selects", "streams", "cut", "by-id"}
	reader := map[string]*exchange.Session{}
	for _, name := range names {
		reader[name] = h.account(t, name, "read on trust/channel/news").From(exchange.Source{Addr: "192.0.2.1"})
	}
	send := func(object []byte) string {
		t.Helper()
		st, err := h.op.Publish(t.Context(), "trust", "news", exchange.Publication{ContentType: taxii.MediaType, Body: []byte(`{"objects":[` + string(object) + `]}`)})
		if err != nil {
			t.Fatal(err)
		}
		return st.Successes[0].ID
	}
	follow := func(name string, r exchange.Reading) *exchange.Follower {
		t.Helper()
		f, err := reader[name].Follow(exchange.WithRequest(t.Context(), "request of "+name), "trust", "news", r)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	take := func(name string, f *exchange.Follower) {
		t.Helper()
		ctx := exchange.WithRequest(t.Context(), "request of "+name)
		_, err := f.Page(ctx)
		var receipt *exchange.Receipt
		if err == nil {
			receipt, err = f.Deliver(ctx)
		}
		if err == nil {
			err = receipt.Wait()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	message := send(campaign(hunted, 1))
	send(campaign("campaign--11111111-5f0e-4c6a-9d6f-0a1b2c3d4e5f", 1))
	selector, err := exchange.ParseSelector("match[type]=malware")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]exchange.Reading{"paged": {}, "selects": {Selector: selector}} {
		f := follow(name, r)
		take(name, f)
		f.Close()
	}
	streams := follow("streams", exchange.Reading{Stream: true, After: taxii.Earliest})
	take("streams", streams)
	if err := streams.Ends(exchange.WithRequest(t.Context(), "request of streams")); err != nil {
		t.Fatal(err)
	}
	streams.Close()
	cut := follow("cut", exchange.Reading{Stream: true, After: taxii.Earliest})
	take("cut", cut) // it is never ended, as when the server is killed
	if _, err := reader["by-id"].Message(t.Context(), "trust", "news", message, 0); err != nil {
		t.Fatal(err)
	}
	want := []string{"by-id " + message + " 1", "cut " + message + " 1?", "paged " + message + " 1", "streams " + message + " 1"}
	if got := recalled(t, h, hunted); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	cut.Close()
	want[1] = "cut " + message + " 1"
	if got := recalled(t, h, hunted); !slices.Equal(got, want) {
		t.Errorf("after its end: got  %v\nwant %v", got, want)
	}
}
