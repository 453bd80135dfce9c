package exchange_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
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

// handClock is a clock that a test sets.
type handClock struct{ micros atomic.Int64 }

func (c *handClock) now() time.Time          { return time.UnixMicro(c.micros.Load()) }
func (c *handClock) advance(d time.Duration) { c.micros.Add(d.Microseconds()) }

// timed builds a house that goes by a clock of its own.
func timed(t *testing.T) (*house, *handClock) {
	t.Helper()
	h, c := &house{path: filepath.Join(t.TempDir(), "hansom.db")}, &handClock{}
	c.micros.Store(time.Now().UnixMicro())
	var err error
	if h.store, err = store.Open(t.Context(), h.path, store.Options{Now: c.now}); err != nil {
		t.Fatal(err)
	}
	o := options()
	o.Now = c.now
	if h.Exchange, err = exchange.New(t.Context(), h.store, o); err != nil {
		t.Fatal(err)
	}
	h.op = h.Operator()
	t.Cleanup(func() { h.stop(t) })
	return h, c
}

// channel makes a Channel.
func (h *house) channel(t *testing.T, root, name string, edit ...func(*exchange.ChannelSetting)) taxii.Channel {
	t.Helper()
	set := exchange.ChannelSetting{Root: root, Name: name}
	for _, e := range edit {
		e(&set)
	}
	made, err := h.op.AddChannel(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// any admits every media type.
func anyMedia(set *exchange.ChannelSetting) { set.ContentType = "*/*" }

// feedOf gives the feed of a Channel.
func (h *house) feedOf(t *testing.T, channel string) feed.ID {
	t.Helper()
	catalog, err := h.store.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range catalog.Channels {
		if c.ID == channel || c.Name == channel {
			return c.Feed
		}
	}
	t.Fatalf("no channel %s", channel)
	return 0
}

// messages reads what a Channel keeps, as the store has it.
func (h *house) messages(t *testing.T, channel string) (list []feed.Entry) {
	t.Helper()
	id := h.feedOf(t, channel)
	head, err := h.store.Head(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	q := feed.Query{After: head.Floor, Upto: head.Place, Limit: 1 << 20, Ceiling: feed.NoCeiling, Content: true, Messages: true}
	err = h.store.Read(t.Context(), id, q, func(e *feed.Entry) bool {
		kept, message := *e, *e.Message
		kept.Content, kept.Message = slices.Clone(e.Content), &message
		list = append(list, kept)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// draft gives a draft of an Envelope of generated objects, as JSON.
func draft(id string, seed uint64) string {
	return fmt.Sprintf(`{"id":%q,"content":%s}`, id, trial.Envelope(trial.Objects(seed, 1)...))
}

// publish publishes drafts.
func publish(t *testing.T, s *exchange.Session, channel string, drafts ...string) (taxii.Status, error) {
	t.Helper()
	return s.Publish(t.Context(), "trust", channel, exchange.Publication{
		ContentType: taxii.MediaType, Body: []byte(`{"messages":[` + strings.Join(drafts, ",") + `]}`),
	})
}

// must fails where there is an error.
func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func dispositions(st taxii.Status) (list []string) {
	for _, d := range slices.Concat(st.Successes, st.Failures) {
		list = append(list, d.ID[:4]+" "+d.Disposition)
	}
	return list
}

func id(n int) string { return fmt.Sprintf("%04x0000-0000-4000-8000-000000000000", n) }

func TestAStatusSaysOfEachDraftWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts")
	member := h.account(t, "member", "read,write on trust")
	st := must[taxii.Status](t)(publish(t, member, "alerts", draft(id(1), 1), `{"id":"`+id(2)+`","content":{}}`, draft(id(3), 3), draft(id(1), 1), draft(id(1), 4)))
	want := []string{"0001 accepted", "0003 accepted", "0001 duplicate", "0002 rejected", "0001 rejected"}
	if got := dispositions(st); !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	if st.TotalCount != 5 || st.SuccessCount != 3 || st.FailureCount != 2 || st.PendingCount != 0 || st.Status != taxii.StatusComplete || !taxii.IsID(st.ID) {
		t.Errorf("%+v", st)
	}
	if st.Failures[0].Version != "1" || st.Failures[1].Version != "4" || st.Failures[1].Message == "" || st.Failures[0].Cursor != "" {
		t.Errorf("failures %+v", st.Failures)
	}
	kept := h.messages(t, "alerts")
	if len(kept) != 2 || kept[0].ID != id(1) || kept[1].ID != id(3) || kept[0].Added >= kept[1].Added {
		t.Fatalf("%d messages: %+v", len(kept), kept)
	}
	for i, d := range st.Successes {
		if at := kept[[]int{0, 1, 0}[i]]; d.Version != at.Added.String() || d.Cursor == "" {
			t.Errorf("success %d: %+v of a message published %s", i, d, at.Added)
		}
	}
	if st.Successes[0].Cursor != st.Successes[2].Cursor || st.Successes[0].Cursor == st.Successes[1].Cursor {
		t.Errorf("cursors of %+v", st.Successes)
	}
	again := must[taxii.Status](t)(publish(t, member, "alerts", draft(id(3), 3)))
	if got := dispositions(again); got[0] != "0003 duplicate" || again.Successes[0].Cursor != st.Successes[1].Cursor || again.Successes[0].Version != st.Successes[1].Version {
		t.Errorf("repeated: %+v", again.Successes)
	}
	later := must[taxii.Status](t)(member.Status(t.Context(), "trust", st.ID))
	if one, other := asJSON(t, st), asJSON(t, later); one != other {
		t.Errorf("the Status was\n%s and is\n%s", one, other)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestOnlyWhoMayReadIsToldCursorsAndOnlyManagersReadAStatusOfOthers(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts")
	writer := h.account(t, "writer", "write on trust/channel/alerts")
	manager := h.account(t, "manager", "manage on trust/channel/alerts")
	both := h.account(t, "both", "manage,read on trust/channel/alerts")
	reader := h.account(t, "reader", "read,write on trust/channel/alerts")
	st := must[taxii.Status](t)(publish(t, writer, "alerts", draft(id(1), 1)))
	if st.Successes[0].Cursor != "" {
		t.Errorf("a publisher that may not read got %+v", st.Successes[0])
	}
	for who, s := range map[string]*exchange.Session{"writer": writer, "manager": manager} {
		if got := must[taxii.Status](t)(s.Status(t.Context(), "trust", st.ID)); asJSON(t, got) != asJSON(t, st) {
			t.Errorf("%s reads %+v", who, got)
		}
	}
	if got := must[taxii.Status](t)(both.Status(t.Context(), "trust", st.ID)); got.Successes[0].Cursor == "" {
		t.Errorf("who may manage and read gets %+v", got)
	}
	_, err := reader.Status(t.Context(), "trust", st.ID)
	wantKind(t, "the Status of another publisher", err, taxii.NotFound)
	wantKind(t, "one of another root", second(writer.Status(t.Context(), "other", st.ID)), taxii.NotFound)
}

func TestAWhollyRejectedPublicationHasItsStatusInTheError(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts", func(set *exchange.ChannelSetting) { set.PermittedMessages = []string{"chat"} })
	_, err := publish(t, h.op, "alerts", draft(id(1), 1), `{"id":"`+id(2)+`","content":{}}`)
	var e *taxii.Error
	if !errors.As(err, &e) || e.Kind != taxii.Unprocessable {
		t.Fatal(err)
	}
	st, ok := e.Details["status"].(taxii.Status)
	if !ok || st.FailureCount != 2 || st.SuccessCount != 0 || st.TotalCount != 2 {
		t.Fatalf("details %+v", e.Details)
	}
	if later := must[taxii.Status](t)(h.op.Status(t.Context(), "trust", st.ID)); asJSON(t, later) != asJSON(t, st) {
		t.Errorf("later it is %+v", later)
	}
	if kept := h.messages(t, "alerts"); len(kept) != 0 {
		t.Errorf("kept: %+v", kept)
	}
}

func TestAnIDInUseByAnotherPublisherIsCountedOnlyWhereItBlocks(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts")
	one, other := h.account(t, "one", "read,write on trust"), h.account(t, "other", "read,write on trust")
	must[taxii.Status](t)(publish(t, one, "alerts", draft(id(1), 1)))
	clashes := func() int64 {
		t.Helper()
		c, _, err := h.op.Channel(t.Context(), "trust", "alerts")
		if err != nil {
			t.Fatal(err)
		}
		return c.Clashes
	}
	if st := must[taxii.Status](t)(publish(t, other, "alerts", draft(id(1), 1))); st.Successes[0].Disposition != taxii.Duplicate {
		t.Errorf("the same octets of another publisher: %+v", st)
	}
	_, err := publish(t, one, "alerts", draft(id(1), 2))
	wantKind(t, "other octets of the same publisher", err, taxii.Unprocessable)
	_, err = publish(t, other, "alerts", draft(id(1), 2))
	wantKind(t, "other octets of another publisher", err, taxii.Unprocessable)
	h.restart(t) // the catalogue is read again
	if n := clashes(); n != 1 {
		t.Errorf("%d clashes are counted", n)
	}
}

func TestABoundOfAChannelRefusesARequestWhole(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	h.channel(t, "trust", "few", func(set *exchange.ChannelSetting) { set.MaxMessages = 3 })
	h.channel(t, "trust", "small", func(set *exchange.ChannelSetting) { set.ContentType, set.MaxBytes = "*/*", 10 })
	must[taxii.Status](t)(publish(t, h.op, "few", draft(id(1), 1), draft(id(2), 2)))
	_, err := publish(t, h.op, "few", draft(id(3), 3), draft(id(4), 4))
	wantKind(t, "one message too many", err, taxii.Full)
	must[taxii.Status](t)(publish(t, h.op, "few", draft(id(1), 1), draft(id(2), 2), draft(id(3), 3))) // what is there takes no room
	if kept := h.messages(t, "few"); len(kept) != 3 {
		t.Errorf("%d messages", len(kept))
	}
	text := func(octets int) error {
		_, err := h.op.Publish(t.Context(), "trust", "small", exchange.Publication{ContentType: "text/plain", Body: make([]byte, octets)})
		return err
	}
	if err := text(9); err != nil {
		t.Error(err)
	}
	wantKind(t, "an octet too many", text(2), taxii.Full)
	if err := text(1); err != nil {
		t.Error(err)
	}
}

func TestWhoMayPublishIsSaidBeforeTheBody(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts")
	h.channel(t, "trust", "news", func(set *exchange.ChannelSetting) { set.Mode = taxii.ModeReadOnly })
	reader := h.account(t, "reader", "read on trust/channel/alerts")
	for _, c := range []struct {
		s       *exchange.Session
		channel string
		want    taxii.Kind
	}{{reader, "alerts", taxii.Forbidden}, {reader, "news", taxii.NotFound}, {reader, "nothing", taxii.NotFound}, {h.op, "news", taxii.Unsupported}} {
		wantKind(t, c.channel, second(c.s.MayPublish("trust", c.channel)), c.want)
		wantKind(t, c.channel, second(publish(t, c.s, c.channel, draft(id(1), 1))), c.want)
	}
	if most, err := h.op.MayPublish("trust", "alerts"); err != nil || most != h.MaxContentLength() {
		t.Errorf("%d, %v", most, err)
	}
}

func TestAPublicationSurvivesARestart(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts", anyMedia)
	body := []byte("octets \x00\xff as they came\r\n")
	sent := exchange.Publication{ContentType: "text/x-log;charset=utf-8", Key: strings.ToUpper(id(0xab)), Body: body}
	st := must[taxii.Status](t)(h.op.Publish(t.Context(), "trust", "alerts", sent))
	h.restart(t)
	kept := h.messages(t, "alerts")
	if len(kept) != 1 || string(kept[0].Content) != string(body) || kept[0].Message.MediaType != sent.ContentType || kept[0].Type != taxii.TypeContent || kept[0].ID != id(0xab) {
		t.Fatalf("%+v", kept)
	}
	if again := must[taxii.Status](t)(h.op.Publish(t.Context(), "trust", "alerts", sent)); again.Successes[0].Disposition != taxii.Duplicate || again.Successes[0].Cursor != st.Successes[0].Cursor {
		t.Errorf("repeated: %+v", again)
	}
}

func TestManyPublishersGetOneOrder(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts")
	var all sync.WaitGroup
	for p := range 8 {
		all.Go(func() {
			for i := range 20 {
				n := p*100 + i
				st, err := publish(t, h.op, "alerts", draft(id(n), uint64(n)), draft(id(n), uint64(n)), draft(id(n+50), uint64(n+50)))
				if err != nil || st.SuccessCount != 3 {
					t.Errorf("%v: %+v", err, st)
				}
			}
		})
	}
	all.Wait()
	kept, seen := h.messages(t, "alerts"), map[string]bool{}
	for i, m := range kept {
		if m.Place != feed.Place(i+1) || i > 0 && m.Added <= kept[i-1].Added || seen[m.ID] {
			t.Fatalf("message %d is %s at %d, %s", i, m.ID, m.Place, m.Added)
		}
		seen[m.ID] = true
	}
	if len(kept) != 320 {
		t.Errorf("%d messages", len(kept))
	}
}

func BenchmarkPublish(b *testing.B) {
	s, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "hansom.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	x, err := exchange.New(b.Context(), s, options())
	if err != nil {
		b.Fatal(err)
	}
	op := x.Operator()
	if _, err := op.AddRoot(b.Context(), exchange.RootSetting{Name: "trust"}); err != nil {
		b.Fatal(err)
	}
	if _, err := op.AddChannel(b.Context(), exchange.ChannelSetting{Root: "trust", Name: "alerts"}); err != nil {
		b.Fatal(err)
	}
	body := trial.Envelope(trial.Objects(1, 2)...)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	b.SetParallelism(8) // 16 publishers on 2 cores
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := op.Publish(b.Context(), "trust", "alerts", exchange.Publication{ContentType: taxii.MediaType, Body: body}); err != nil {
				b.Error(err)
			}
		}
	})
}
