package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// patience is how long a test waits for what happens within milliseconds.
const patience = time.Minute

// eventually waits until what is asked for holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// relay runs the relays of an exchange until the test, or stop, ends them. What
// they report is kept.
func relay(t *testing.T, x *exchange.Exchange) (stop func(), reports func() []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var list []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		x.Relay(ctx, func(err error) {
			mu.Lock()
			defer mu.Unlock()
			list = append(list, err.Error())
		})
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(list)
	}
}

func from(id string) func(*exchange.ChannelSetting) {
	return func(set *exchange.ChannelSetting) { set.From = &id }
}

func to(id string) func(*exchange.ChannelSetting) {
	return func(set *exchange.ChannelSetting) { set.To = &id }
}

// relayed gives the objects of the Envelopes that a Channel keeps, in their order.
func (h *house) relayed(t *testing.T, channel string) (objects []string) {
	t.Helper()
	for _, m := range h.messages(t, channel) {
		raws, err := taxii.SplitEnvelope(m.Content)
		if err != nil || m.Message.MediaType != taxii.MediaType || m.Type != taxii.TypeEnvelope || strings.Count(m.Message.Marks, "\n") != len(raws) {
			t.Fatalf("message %s: %v, %+v", m.Content, err, m)
		}
		for _, raw := range raws {
			objects = append(objects, string(raw))
		}
	}
	return objects
}

// added gives the objects of every version in a Collection, in their order.
func (h *house) added(t *testing.T, collection string) (objects []string) {
	t.Helper()
	catalog, err := h.store.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range catalog.Collections {
		if c.ID != collection {
			continue
		}
		q := feed.Query{Upto: 1 << 30, Limit: 1 << 20, Ceiling: feed.NoCeiling, Content: true, Fresh: true}
		err = h.store.Read(t.Context(), c.Feed, q, func(e *feed.Entry) bool { objects = append(objects, string(e.Content)); return true })
	}
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// texts gives generated objects as texts.
func texts(seed uint64, n int) (list []string) {
	for _, raw := range trial.Objects(seed, n) {
		list = append(list, string(raw))
	}
	return list
}

func TestWhatIsAddedToACollectionIsPublishedInOrder(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	c := h.collection(t, "trust", "all")
	add(t, h.op, "trust", "all", 1, 3)
	h.channel(t, "trust", "news", from(c.ID))
	add(t, h.op, "trust", "all", 2, 5) // before the relay runs, but after the Channel is there
	relay(t, h.Exchange)
	var want []string
	want = append(want, texts(2, 5)...)
	for seed := range uint64(20) {
		add(t, h.op, "trust", "all", 10+seed, 7)
		want = append(want, texts(10+seed, 7)...)
	}
	eventually(t, "what was added is published", func() bool { return len(h.relayed(t, "news")) >= len(want) })
	if got := h.relayed(t, "news"); !slices.Equal(got, want) {
		t.Errorf("%d objects are published, want %d", len(got), len(want))
	}
	add(t, h.op, "trust", "all", 99, 1)
	eventually(t, "one more", func() bool { return len(h.relayed(t, "news")) == len(want)+1 })
	for _, m := range h.messages(t, "news") {
		if m.Account != h.numbers(t, exchange.OperatorName)[0] {
			t.Fatalf("published by %d", m.Account)
		}
	}
}

func TestEveryVersionIsPublishedAndNoDeletion(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	c := h.collection(t, "trust", "all")
	h.channel(t, "trust", "news", from(c.ID))
	version := func(modified string) string {
		return `{"type":"x-a","spec_version":"2.1","id":"x-a--11111111-1111-4111-8111-111111111111","created":"2020-01-01T00:00:00.000Z","modified":"` + modified + `"}`
	}
	var want []string
	put := func(object string) {
		t.Helper()
		if st, err := h.op.Add(t.Context(), "trust", "all", []byte(envelope(object))); err != nil || st.SuccessCount != 1 {
			t.Fatal(err, st.Failures)
		}
		want = append(want, object)
	}
	relay(t, h.Exchange)
	old := strings.Replace(version("2020-01-01T00:00:00.000Z"), `"spec_version":"2.1",`, "", 1) // of STIX 2.0, outdone as soon as there is 2.1
	put(version("2021-01-01T00:00:00.000Z"))
	put(version("2020-06-01T00:00:00.000Z")) // superseded from the first
	put(old)
	eventually(t, "all versions", func() bool { return len(h.relayed(t, "news")) == 3 })
	if err := h.op.Delete(t.Context(), "trust", "all", "x-a--11111111-1111-4111-8111-111111111111", taxii.Filter{Versions: []string{"2021-01-01T00:00:00.000Z"}}); err != nil {
		t.Fatal(err)
	}
	put(version("2022-01-01T00:00:00.000Z")) // behind what the deletion moved
	eventually(t, "what comes after a deletion", func() bool { return len(h.relayed(t, "news")) >= 4 })
	if got := h.relayed(t, "news"); !slices.Equal(got, want) {
		t.Errorf("published %q, want %q", got, want)
	}
}

// A deletion moves what it brings back to view. Where that had not been published
// yet, it is no repetition.
func TestWhatADeletionMovedBeforeItWasPublishedIsPublishedOnce(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	c := h.collection(t, "trust", "all")
	h.channel(t, "trust", "news", from(c.ID))
	const id = "x-a--11111111-1111-4111-8111-111111111111"
	put := func(modified string) string {
		t.Helper()
		object := `{"type":"x-a","spec_version":"2.1","id":"` + id + `","created":"2020-01-01T00:00:00.000Z","modified":"` + modified + `"}`
		if st, err := h.op.Add(t.Context(), "trust", "all", []byte(envelope(object))); err != nil || st.SuccessCount != 1 {
			t.Fatal(err, st.Failures)
		}
		return object
	}
	first, other := put("2021-01-01T00:00:00.000Z"), texts(1, 3)
	add(t, h.op, "trust", "all", 1, 3)
	put("2022-01-01T00:00:00.000Z")
	if err := h.op.Delete(t.Context(), "trust", "all", id, taxii.Filter{Versions: []string{"2022-01-01T00:00:00.000Z"}}); err != nil {
		t.Fatal(err)
	}
	last := put("2023-01-01T00:00:00.000Z")
	relay(t, h.Exchange)
	want := slices.Concat([]string{first}, other, []string{last})
	eventually(t, "what is there is published", func() bool { return len(h.relayed(t, "news")) >= len(want) })
	if got := h.relayed(t, "news"); !slices.Equal(got, want) {
		t.Errorf("published %q, want %q", got, want)
	}
}

func envelope(objects ...string) string { return `{"objects":[` + strings.Join(objects, ",") + `]}` }

func TestEnvelopesOfARelayKeepTheSizeOfTheChannel(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	c := h.collection(t, "trust", "all")
	const most = 2000
	h.channel(t, "trust", "news", from(c.ID), func(set *exchange.ChannelSetting) { set.MaxMessageSize, set.PermittedMessages = most, []string{"x-a"} })
	var objects, want []string
	for i := range 30 {
		typ := []string{"x-a", "x-b"}[i%3/2]
		filler := 300
		if i == 12 {
			filler = 5 * most // too large alone
		}
		o := fmt.Sprintf(`{"type":%q,"id":"%s--%08d-1111-4111-8111-111111111111","x":%q}`, typ, typ, i, strings.Repeat("x", filler))
		if objects = append(objects, o); typ == "x-a" {
			want = append(want, o)
		}
	}
	if st, err := h.op.Add(t.Context(), "trust", "all", []byte(envelope(objects...))); err != nil || st.SuccessCount != 30 {
		t.Fatal(err, st.Failures)
	}
	relay(t, h.Exchange)
	eventually(t, "what is permitted is published", func() bool { return len(h.relayed(t, "news")) == len(want) })
	if got := h.relayed(t, "news"); !slices.Equal(got, want) {
		t.Errorf("published %q, want %q", got, want)
	}
	list := h.messages(t, "news")
	for _, m := range list {
		if raws, _ := taxii.SplitEnvelope(m.Content); len(m.Content) > most && len(raws) != 1 {
			t.Errorf("an envelope of %d objects has %d octets", len(raws), len(m.Content))
		}
	}
	if len(list) > len(want)/3 {
		t.Errorf("%d objects came in %d envelopes", len(want), len(list))
	}
}

func TestEnvelopesOfAChannelAreAddedToItsCollection(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	c := h.collection(t, "trust", "all")
	h.channel(t, "trust", "drop", to(c.ID), anyMedia)
	_, reports := relay(t, h.Exchange)
	publishEnvelope := func(objects ...string) {
		t.Helper()
		sent := exchange.Publication{ContentType: taxii.MediaType, Body: []byte(envelope(objects...))}
		if _, err := h.op.Publish(t.Context(), "trust", "drop", sent); err != nil {
			t.Fatal(err)
		}
	}
	good := texts(1, 6)
	publishEnvelope(good[0], good[1])
	publishEnvelope(`{"type":"no version at all","id":"broken"}`, good[2])
	if _, err := h.op.Publish(t.Context(), "trust", "drop", exchange.Publication{ContentType: "text/plain", Body: []byte("text")}); err != nil {
		t.Fatal(err)
	}
	publishEnvelope(good[3], good[0]) // the last of them is there already
	publishEnvelope(good[4:]...)
	eventually(t, "all is added", func() bool { return len(h.added(t, c.ID)) == len(good) })
	if got := h.added(t, c.ID); !slices.Equal(got, good) {
		t.Errorf("added %q", got)
	}
	if list := reports(); len(list) != 1 || !strings.Contains(list[0], "1 objects were not added") {
		t.Errorf("reports %q", list)
	}
}

// flaky is a store whose Appends are lost now and then, before their commit or
// after it, as they are when a process dies.
type flaky struct {
	*store.Store
	calls atomic.Int64
}

var errLost = errors.New("the answer is lost")

func (f *flaky) Append(ctx context.Context, adds []feed.Add) ([]feed.Result, error) {
	if adds[0].Worker == nil {
		return f.Store.Append(ctx, adds)
	}
	n := f.calls.Add(1)
	if n%3 == 1 {
		return nil, errLost
	}
	results, err := f.Store.Append(ctx, adds)
	if n%3 == 2 {
		return nil, errLost
	}
	return results, err
}

func TestARelayIsDoneOnceWhateverDies(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	source, target := h.collection(t, "trust", "source"), h.collection(t, "trust", "target")
	h.channel(t, "trust", "news", from(source.ID), to(target.ID), func(set *exchange.ChannelSetting) { set.MaxMessageSize = 3000 })
	var want []string
	for round := range uint64(6) {
		x, err := exchange.New(t.Context(), &flaky{Store: h.store}, options())
		if err != nil {
			t.Fatal(err)
		}
		stop, _ := relay(t, x)
		other, _ := relay(t, x) // as on another node: the one that comes second finds the cursor moved
		add(t, h.op, "trust", "source", round+1, 25)
		want = append(want, texts(round+1, 25)...)
		if round%2 == 1 { // the others are cut off in the middle
			eventually(t, "it is published", func() bool { return len(h.relayed(t, "news")) >= len(want) })
		}
		stop()
		other()
		h.restart(t)
	}
	relay(t, h.Exchange)
	eventually(t, "all has arrived", func() bool { return len(h.added(t, target.ID)) >= len(want) })
	if got := h.relayed(t, "news"); !slices.Equal(got, want) {
		t.Errorf("%d objects are published, want %d, each once and in order", len(got), len(want))
	}
	if got := h.added(t, target.ID); !slices.Equal(got, want) {
		t.Errorf("%d objects were added, want %d in their order", len(got), len(want))
	}
}

func TestARelayStopsWithTheRightItNeedsAndGoesOnWithIt(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	source, target := h.collection(t, "trust", "source"), h.collection(t, "trust", "target")
	maker := h.account(t, "maker", "create on trust", "read on trust/collection/source", "write on trust/collection/target")
	if _, err := maker.AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "news", From: &source.ID, To: &target.ID}); err != nil {
		t.Fatal(err)
	}
	relay(t, h.Exchange)
	stopped := func() []string {
		t.Helper()
		c, _, err := h.op.Channel(t.Context(), "trust", "news")
		if err != nil {
			t.Fatal(err)
		}
		return c.Stopped
	}
	arrived := func() int { return len(h.added(t, target.ID)) }
	add(t, h.op, "trust", "source", 1, 2)
	eventually(t, "it works", func() bool { return arrived() == 2 })
	h.grant(t, "maker", "trust/collection/source", "write")
	eventually(t, "the end of the right to read is noted", func() bool { return len(stopped()) == 1 })
	if why := stopped(); !strings.HasPrefix(why[0], "from_collection: ") || !strings.Contains(why[0], "maker") {
		t.Errorf("noted: %q", why)
	}
	h.grant(t, "maker", "trust/collection/target", "read")
	eventually(t, "the end of the right to write is noted", func() bool { return len(stopped()) == 2 })
	add(t, h.op, "trust", "source", 2, 2)
	h.grant(t, "maker", "trust/collection/source", "read")
	eventually(t, "it reads on", func() bool { return len(h.relayed(t, "news")) == 4 && len(stopped()) == 1 })
	if arrived() != 2 {
		t.Error("it wrote without the right to")
	}
	h.grant(t, "maker", "trust/collection/target", "write")
	eventually(t, "it goes on where it stopped", func() bool { return arrived() == 4 && len(stopped()) == 0 })
	if err := h.op.RemoveCollection(t.Context(), "trust", "source"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the removal of the Collection is noted", func() bool { return len(stopped()) == 1 && strings.Contains(stopped()[0], "removed") })
	if err := h.op.RemoveAccount(t.Context(), "maker"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the account is noted", func() bool { return len(stopped()) == 2 })
}

func TestARelayWaitsForRoomAndSaysSo(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	c := h.collection(t, "trust", "all")
	h.channel(t, "trust", "news", from(c.ID), func(set *exchange.ChannelSetting) { set.MaxMessages, set.MaxMessageSize = 2, 1 })
	relay(t, h.Exchange)
	add(t, h.op, "trust", "all", 1, 3) // each an Envelope of its own
	stopped := func() int {
		t.Helper()
		set, _, err := h.op.Channel(t.Context(), "trust", "news")
		if err != nil {
			t.Fatal(err)
		}
		return len(set.Stopped)
	}
	eventually(t, "the lack of room is noted", func() bool { return stopped() == 1 })
	if n := len(h.relayed(t, "news")); n != 0 {
		t.Errorf("%d are published of a step that has no room", n)
	}
	if _, err := h.op.SetChannel(t.Context(), "trust", "news", nil, func(set *exchange.ChannelSetting) error { set.MaxMessages = 3; return nil }); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it goes on", func() bool { return len(h.relayed(t, "news")) == 3 && stopped() == 0 })
}

func TestAnObjectGoesRoundARingOfRelaysOnce(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	a, b := h.collection(t, "trust", "a"), h.collection(t, "trust", "b")
	h.channel(t, "trust", "there", from(a.ID), to(b.ID))
	h.channel(t, "trust", "back", from(b.ID), to(a.ID))
	relay(t, h.Exchange)
	add(t, h.op, "trust", "a", 1, 4)
	add(t, h.op, "trust", "b", 2, 4)
	want := func(channel string) bool { return len(h.relayed(t, channel)) == 8 }
	eventually(t, "both have gone round", func() bool { return want("there") && want("back") })
	add(t, h.op, "trust", "a", 3, 1) // goes round behind whatever is still on its way
	eventually(t, "one more has gone round", func() bool { return len(h.relayed(t, "back")) == 9 })
	if there := h.relayed(t, "there"); len(there) != 9 {
		t.Errorf("%d objects went round more than once", len(there)-9)
	}
}
