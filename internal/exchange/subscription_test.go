package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// subscribe makes a Subscription on alerts.
func subscribe(t *testing.T, s *exchange.Session, n taxii.NewSubscription) taxii.Subscription {
	t.Helper()
	sub, created, err := s.Subscribe(t.Context(), "trust", "alerts", n)
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	return sub
}

// resume begins to read a Subscription.
func resume(t *testing.T, s *exchange.Session, id string, r exchange.Reading) *exchange.Follower {
	t.Helper()
	f, err := s.FollowSubscription(t.Context(), "trust", "alerts", id, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// shown gives a Subscription as it is shown.
func shown(t *testing.T, s *exchange.Session, id string) taxii.Subscription {
	t.Helper()
	sub, tag, err := s.Subscription(t.Context(), "trust", "alerts", id)
	if err != nil || tag == "" {
		t.Fatal(err)
	}
	return sub
}

func subscriptionErr(_ taxii.Subscription, _ string, err error) error { return err }
func subscribeErr(_ taxii.Subscription, _ bool, err error) error      { return err }

// position acknowledges, or seeks.
func position(t *testing.T, s *exchange.Session, id, cursor string, seek bool) taxii.PositionNow {
	t.Helper()
	return must[taxii.PositionNow](t)(s.SetPosition(t.Context(), "trust", "alerts", id, taxii.Position{Cursor: cursor, Seek: seek}))
}

func TestASubscriptionBeginsWhereItSays(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	said := say(t, h.op, 1, 2, 3)
	for start, want := range map[string][]int{
		"": nil, taxii.Latest: nil, taxii.Earliest: {1, 2, 3}, said[0].Cursor: {2, 3}, said[1].Version: {3}, "2001-01-01T00:00:00Z": {1, 2, 3},
	} {
		sub := subscribe(t, h.op, taxii.NewSubscription{Name: "from " + start, Start: start})
		if sub.Pending != taxii.Count(len(want)) || sub.PendingBytes < taxii.Count(50*len(want)) || sub.Position == "" || !taxii.IsID(sub.ID) || sub.Gap != nil {
			t.Errorf("%q: %+v", start, sub)
		}
		wantNumbers(t, start, read(t, resume(t, h.op, sub.ID, exchange.Reading{})), want...)
	}
	wantKind(t, "start", subscribeErr(h.op.Subscribe(t.Context(), "trust", "alerts", taxii.NewSubscription{Start: "nonsense"})), taxii.Malformed)
	for what, n := range map[string]taxii.NewSubscription{
		"a bound below zero": {MaxPending: -1}, "octets below zero": {MaxPendingBytes: -1}, "below ttl": {IdleTimeout: 604_799},
		"far too long": {IdleTimeout: math.MaxInt64}, "a field": {Selector: map[string][]string{"x": {"a"}}},
		"publishers": {Selector: map[string][]string{"publisher": {"a"}}}, // used to be Malformed, as in a query
		"a name":     {Name: "a\nb"}, "a long name": {Name: strings.Repeat("x", 257)},
	} {
		wantKind(t, what, subscribeErr(h.op.Subscribe(t.Context(), "trust", "alerts", n)), taxii.Unprocessable)
	}
}

func TestThereIsOneSubscriptionOfAKey(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	member := h.account(t, "member", "read on trust")
	say(t, h.op, 1)
	first := subscribe(t, h.op, taxii.NewSubscription{Selector: map[string][]string{"type": {"b", "a", "b"}, "version": {"all"}}, MaxPending: 9})
	again, created, err := h.op.Subscribe(t.Context(), "trust", "alerts", taxii.NewSubscription{Selector: map[string][]string{"type": {"a", "b"}}, Start: "nonsense", MaxPending: 7})
	if err != nil || created || again.ID != first.ID || again.MaxPending != 9 || !slices.Equal(again.Selector["type"], []string{"a", "b"}) {
		t.Errorf("%v, %v: %+v", err, created, again)
	}
	ids := map[string]bool{first.ID: true}
	for _, n := range []taxii.NewSubscription{{}, {Name: "x"}, {Selector: map[string][]string{"type": {"a"}}}, {Name: "x", Selector: map[string][]string{"type": {"a"}}}} {
		ids[subscribe(t, h.op, n).ID] = true
	}
	if ids[subscribe(t, member, taxii.NewSubscription{}).ID] = true; len(ids) != 6 {
		t.Errorf("%d of 6 are different", len(ids))
	}
}

func TestReadingASubscriptionMovesNothingAndAcknowledgingDoes(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	sub := subscribe(t, h.op, taxii.NewSubscription{})
	said := say(t, h.op, 1, 2, 3, 4)
	for range 2 {
		wantNumbers(t, "read", read(t, resume(t, h.op, sub.ID, exchange.Reading{})), 1, 2, 3, 4)
	}
	wantNumbers(t, "ahead", read(t, resume(t, h.op, sub.ID, exchange.Reading{After: said[1].Cursor})), 3, 4)
	if now := shown(t, h.op, sub.ID); now.Position != sub.Position || now.Pending != 4 {
		t.Errorf("reading moved it: %+v", now)
	}
	if now := position(t, h.op, sub.ID, said[2].Cursor, false); now.Position != said[2].Cursor || now.Pending != 1 {
		t.Errorf("acknowledged: %+v", now)
	}
	for _, older := range []string{said[0].Cursor, said[2].Cursor, taxii.Earliest} {
		if now := position(t, h.op, sub.ID, older, false); now.Position != said[2].Cursor || now.Pending != 1 {
			t.Errorf("an older cursor moved it: %+v", now)
		}
	}
	h.restart(t)
	wantNumbers(t, "after a restart", read(t, resume(t, h.op, sub.ID, exchange.Reading{})), 4)
	_, err := h.op.FollowSubscription(t.Context(), "trust", "alerts", sub.ID, exchange.Reading{After: said[0].Cursor})
	wantKind(t, "after what is before the position", err, taxii.Malformed)
	wantNumbers(t, "a stream of an older Last-Event-ID", read(t, resume(t, h.op, sub.ID, exchange.Reading{Stream: true, LastEventID: said[0].Cursor})), 4)
	if now := position(t, h.op, sub.ID, said[0].Cursor, true); now.Position != said[0].Cursor || now.Pending != 3 {
		t.Errorf("a seek backward: %+v", now)
	}
	wantNumbers(t, "after a seek", read(t, resume(t, h.op, sub.ID, exchange.Reading{})), 2, 3, 4)
	wantNumbers(t, "a stream of a later Last-Event-ID", read(t, resume(t, h.op, sub.ID, exchange.Reading{Stream: true, LastEventID: said[2].Cursor})), 4)
	if now := position(t, h.op, sub.ID, taxii.Latest, true); now.Pending != 0 {
		t.Errorf("a seek forward: %+v", now)
	}
	date := taxii.TimeOf(time.Now())
	for what, r := range map[string]exchange.Reading{"a date": {AddedAfter: &date}, "a selector": {Selector: selector(t, "match[id]=x")}, "a cursor": {After: "nonsense"}} {
		_, err := h.op.FollowSubscription(t.Context(), "trust", "alerts", sub.ID, r)
		wantKind(t, what, err, taxii.Malformed)
	}
	wantKind(t, "no cursor", second(h.op.SetPosition(t.Context(), "trust", "alerts", sub.ID, taxii.Position{})), taxii.Malformed)
}

func TestASubscriptionIsItsAccountsAndManagersMayEndIt(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	one, other := h.account(t, "one", "read on trust/channel/alerts"), h.account(t, "other", "read on trust/channel/alerts")
	manager := h.account(t, "manager", "manage on trust/channel/alerts")
	reading := h.account(t, "reading", "read,manage on trust/channel/alerts")
	said := say(t, h.op, 1)
	sub := subscribe(t, one, taxii.NewSubscription{Name: "mine"})
	subscribe(t, reading, taxii.NewSubscription{})
	ctx := t.Context()
	for _, s := range []*exchange.Session{other, h.Anonymous()} {
		_, err := s.FollowSubscription(ctx, "trust", "alerts", sub.ID, exchange.Reading{})
		if kind := taxii.KindOf(err); kind != taxii.NotFound && kind != taxii.Unauthenticated {
			t.Errorf("read by another: %v", err)
		}
	}
	wantKind(t, "shown to another", subscriptionErr(other.Subscription(ctx, "trust", "alerts", sub.ID)), taxii.NotFound)
	wantKind(t, "ended by another", other.Unsubscribe(ctx, "trust", "alerts", sub.ID, nil), taxii.NotFound)
	wantKind(t, "moved by another", second(other.SetPosition(ctx, "trust", "alerts", sub.ID, taxii.Position{Cursor: said[0].Cursor})), taxii.NotFound)
	edit := func(*taxii.NewSubscription) error { return nil }
	wantKind(t, "changed by another", second(other.ChangeSubscription(ctx, "trust", "alerts", sub.ID, nil, edit)), taxii.NotFound)

	wantKind(t, "read by a manager", second(reading.FollowSubscription(ctx, "trust", "alerts", sub.ID, exchange.Reading{})), taxii.Forbidden)
	wantKind(t, "moved by a manager", second(reading.SetPosition(ctx, "trust", "alerts", sub.ID, taxii.Position{Cursor: said[0].Cursor})), taxii.Forbidden)
	wantKind(t, "changed by a manager", second(reading.ChangeSubscription(ctx, "trust", "alerts", sub.ID, nil, edit)), taxii.Forbidden)
	wantKind(t, "read by a manager without read", second(manager.FollowSubscription(ctx, "trust", "alerts", sub.ID, exchange.Reading{})), taxii.Forbidden)

	own := must[taxii.Subscriptions](t)(one.Subscriptions(ctx, "trust", "alerts", 0, ""))
	if len(own.Subscriptions) != 1 || own.Subscriptions[0].Account != "" || own.Subscriptions[0].Name != "mine" || own.More {
		t.Errorf("its own: %+v", own)
	}
	all := must[taxii.Subscriptions](t)(reading.Subscriptions(ctx, "trust", "alerts", 0, ""))
	names := []string{}
	for _, s := range all.Subscriptions {
		names = append(names, s.Account)
	}
	if slices.Sort(names); !slices.Equal(names, []string{"one", "reading"}) || all.Subscriptions[0].Position == "" {
		t.Errorf("a manager sees those of %q", names)
	}
	for _, s := range must[taxii.Subscriptions](t)(manager.Subscriptions(ctx, "trust", "alerts", 0, "")).Subscriptions {
		if s.Position != "" || s.Account == "" {
			t.Errorf("who may not read sees %+v", s)
		}
	}
	var paged []string
	for next, more := "", true; more; {
		page := must[taxii.Subscriptions](t)(manager.Subscriptions(ctx, "trust", "alerts", 1, next))
		paged, next, more = append(paged, page.Subscriptions[0].ID), page.Next, page.More
	}
	if len(paged) != 2 || paged[0] == paged[1] {
		t.Errorf("in pages of one: %q", paged)
	}
	wantKind(t, "a next of nobody", second(manager.Subscriptions(ctx, "trust", "alerts", 1, "nonsense")), taxii.Malformed)

	stream := resume(t, one, sub.ID, exchange.Reading{Stream: true})
	done := make(chan error, 1)
	go func() { done <- stream.Wait(ctx, time.Hour) }()
	if err := manager.Unsubscribe(ctx, "trust", "alerts", sub.ID, nil); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "its reader", <-done, taxii.NotFound)
	wantKind(t, "ended", subscriptionErr(one.Subscription(ctx, "trust", "alerts", sub.ID)), taxii.NotFound)
	wantKind(t, "of anonymous", subscribeErr(h.Anonymous().Subscribe(ctx, "trust", "alerts", taxii.NewSubscription{})), taxii.Unauthenticated)
}

func TestASubscriptionIsChangedUnderItsTag(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	sub := subscribe(t, h.op, taxii.NewSubscription{Name: "x", MaxPending: 5})
	ctx := t.Context()
	_, tag, err := h.op.Subscription(ctx, "trust", "alerts", sub.ID)
	if err != nil {
		t.Fatal(err)
	}
	changed := errors.New("changed")
	is := func(want string) exchange.Condition {
		return func(tag string) error {
			if tag != want {
				return changed
			}
			return nil
		}
	}
	now, err := h.op.ChangeSubscription(ctx, "trust", "alerts", sub.ID, is(tag), func(n *taxii.NewSubscription) error {
		if n.Name != "x" || n.MaxPending != 5 || n.IdleTimeout != sub.IdleTimeout {
			t.Errorf("to be changed: %+v", n)
		}
		n.MaxPending, n.MaxPendingBytes, n.IdleTimeout = 0, 10, 700_000
		return nil
	})
	if err != nil || now.MaxPending != 0 || now.MaxPendingBytes != 10 || now.IdleTimeout != 700_000 {
		t.Errorf("%v: %+v", err, now)
	}
	_, err = h.op.ChangeSubscription(ctx, "trust", "alerts", sub.ID, is(tag), func(*taxii.NewSubscription) error { return nil })
	if !errors.Is(err, changed) {
		t.Errorf("under the tag of before: %v", err)
	}
	if err := h.op.Unsubscribe(ctx, "trust", "alerts", sub.ID, is(tag)); !errors.Is(err, changed) {
		t.Errorf("ended under the tag of before: %v", err)
	}
	say(t, h.op, 1)
	_, tag, _ = h.op.Subscription(ctx, "trust", "alerts", sub.ID)
	say(t, h.op, 2)
	position(t, h.op, sub.ID, taxii.Latest, false)
	for what, edit := range map[string]func(*taxii.NewSubscription){
		"a name":     func(n *taxii.NewSubscription) { n.Name = "y" },
		"a selector": func(n *taxii.NewSubscription) { n.Selector = map[string][]string{"id": {"a"}} },
		"a bound":    func(n *taxii.NewSubscription) { n.MaxPending = -1 },
	} {
		_, err := h.op.ChangeSubscription(ctx, "trust", "alerts", sub.ID, is(tag), func(n *taxii.NewSubscription) error { edit(n); return nil })
		wantKind(t, what, err, taxii.Unprocessable)
	}
	if err := h.op.Unsubscribe(ctx, "trust", "alerts", sub.ID, is(tag)); err != nil {
		t.Errorf("the tag moved with the position: %v", err)
	}
}

func TestWhatASubscriptionMissedByItsBoundsIsAGapUntilAcknowledged(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	sub := subscribe(t, h.op, taxii.NewSubscription{MaxPending: 3})
	stream := resume(t, h.op, sub.ID, exchange.Reading{Stream: true})
	said := say(t, h.op, 1, 2, 3)
	if p := must[*exchange.MessagePage](t)(stream.Page(t.Context())); p.Gap != nil || len(p.Frames) != 3 {
		t.Errorf("a stream within the bound: %+v", p)
	}
	said = append(said, say(t, h.op, 4, 5)...)
	if p := must[*exchange.MessagePage](t)(stream.Page(t.Context())); p.Gap != nil || len(p.Frames) != 2 {
		t.Errorf("a stream that has seen all: %+v", p)
	}
	for range 2 { // until it is acknowledged
		p := must[*exchange.MessagePage](t)(resume(t, h.op, sub.ID, exchange.Reading{}).Page(t.Context()))
		if p.Gap == nil || *p.Gap.Missed != 2 || p.Gap.Reason != taxii.GapBound || p.Gap.From != sub.Position || p.Gap.To != said[1].Cursor {
			t.Errorf("gap %+v", p.Gap)
		}
		wantNumbers(t, "behind the gap", numbered(t, p.Frames), 3, 4, 5)
	}
	if now := shown(t, h.op, sub.ID); now.Gap == nil || now.Pending != 3 || now.Position != sub.Position {
		t.Errorf("%+v", now)
	}
	slow := resume(t, h.op, sub.ID, exchange.Reading{Stream: true, Limit: 1})
	if p := must[*exchange.MessagePage](t)(slow.Page(t.Context())); p.Gap == nil || !slices.Equal(numbered(t, p.Frames), []int{3}) {
		t.Errorf("a slow stream: %+v", p)
	}
	say(t, h.op, 6, 7)
	if p := must[*exchange.MessagePage](t)(slow.Page(t.Context())); p.Gap == nil || *p.Gap.Missed != 1 || p.Gap.From != said[2].Cursor || p.Gap.To != said[3].Cursor {
		t.Errorf("a slow stream: a further gap %+v", p.Gap)
	}
	if now := position(t, h.op, sub.ID, said[0].Cursor, false); now.Pending != 3 || shown(t, h.op, sub.ID).Gap == nil {
		t.Errorf("acknowledged within the gap: %+v", now)
	}
	if now := position(t, h.op, sub.ID, said[4].Cursor, false); now.Pending != 2 || shown(t, h.op, sub.ID).Gap != nil {
		t.Errorf("acknowledged past the gap: %+v", now)
	}
	position(t, h.op, sub.ID, said[0].Cursor, true)
	if now := shown(t, h.op, sub.ID); now.Gap == nil || *now.Gap.Missed != 3 {
		t.Errorf("a seek to before it: %+v", now.Gap)
	}
}

func TestABoundOfOctetsLeavesTheNewestThatFit(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	said := say(t, h.op, upTo(40)...)
	size := must[*exchange.Content](t)(h.op.MessageContent(t.Context(), "trust", "alerts", id(40)))
	for _, c := range []struct {
		octets int64
		want   int
	}{{1 << 20, 40}, {int64(5*len(size.Bytes) + 3), 5}, {int64(17 * len(size.Bytes)), 17}, {1, 1}} {
		sub := subscribe(t, h.op, taxii.NewSubscription{Name: fmt.Sprint(c.octets), Start: said[0].Cursor, MaxPendingBytes: c.octets})
		got := read(t, resume(t, h.op, sub.ID, exchange.Reading{}))
		if c.want < 40 && (sub.Gap == nil || sub.Gap.Reason != taxii.GapBound || int(*sub.Gap.Missed) != 39-c.want) || int(sub.Pending) != len(got) {
			t.Errorf("%d octets: %+v", c.octets, sub)
		}
		wantNumbers(t, fmt.Sprint(c.octets), got, upTo(40)[40-min(c.want, 39):]...)
		if c.want > 1 && c.want < 40 && int64(sub.PendingBytes) > c.octets {
			t.Errorf("%d octets are pending with a bound of %d", sub.PendingBytes, c.octets)
		}
	}
}

func TestWhatASubscriptionMissedByTTLIsAGapUntilAcknowledged(t *testing.T) {
	t.Parallel()
	h, now := timed(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts", ttl(60))
	sub := subscribe(t, h.op, taxii.NewSubscription{IdleTimeout: 1000})
	said := say(t, h.op, 1, 2, 3)
	now.advance(50 * time.Second)
	said = append(said, say(t, h.op, 4)...)
	now.advance(11 * time.Second)
	housekeep(t, h.Exchange)
	eventually(t, "three are purged", func() bool { return h.left(t, "alerts") == 1 })
	p := must[*exchange.MessagePage](t)(resume(t, h.op, sub.ID, exchange.Reading{}).Page(t.Context()))
	if p.Gap == nil || *p.Gap.Missed != 3 || p.Gap.Reason != taxii.GapTTL || p.Gap.From != sub.Position || p.Gap.To != said[2].Cursor {
		t.Errorf("gap %+v", p.Gap)
	}
	wantNumbers(t, "behind it", numbered(t, p.Frames), 4)
	if now := position(t, h.op, sub.ID, said[1].Cursor, false); now.Position != said[1].Cursor || now.Pending != 1 || *shown(t, h.op, sub.ID).Gap.Missed != 1 {
		t.Errorf("a purged message was acknowledged: %+v", now)
	}
	_, err := h.op.SetPosition(t.Context(), "trust", "alerts", sub.ID, taxii.Position{Cursor: said[0].Cursor, Seek: true})
	wantGone(t, "a seek to what was purged", err, "expired", 2)
	wantKind(t, "start", subscribeErr(h.op.Subscribe(t.Context(), "trust", "alerts", taxii.NewSubscription{Name: "x", Start: said[0].Cursor})), taxii.Gone)
	position(t, h.op, sub.ID, said[2].Cursor, false)
	if now := shown(t, h.op, sub.ID); now.Gap != nil || now.Pending != 1 {
		t.Errorf("at the end of the gap: %+v", now)
	}
}

func TestASubscriptionThatNobodyUsesIsDiscarded(t *testing.T) {
	t.Parallel()
	h, now := timed(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts", ttl(60))
	sub := subscribe(t, h.op, taxii.NewSubscription{IdleTimeout: 3600})
	if sub.IdleTimeout != 3600 || sub.Expires != sub.LastSeen+3600e6 || subscribe(t, h.op, taxii.NewSubscription{Name: "long"}).IdleTimeout != 7_776_000 {
		t.Errorf("%+v", sub)
	}
	now.advance(4 * time.Minute)
	read(t, resume(t, h.op, sub.ID, exchange.Reading{}))
	if again := shown(t, h.op, sub.ID); again.LastSeen != sub.LastSeen {
		t.Errorf("seen %s: it is written down too often", again.LastSeen)
	}
	now.advance(2 * time.Minute)
	read(t, resume(t, h.op, sub.ID, exchange.Reading{}))
	if again := shown(t, h.op, sub.ID); again.LastSeen != sub.LastSeen+360e6 || again.Expires != again.LastSeen+3600e6 {
		t.Errorf("seen %s, ends %s", again.LastSeen, again.Expires)
	}
	open := resume(t, h.op, sub.ID, exchange.Reading{Stream: true})
	now.advance(59 * time.Minute)
	if err := open.Wait(t.Context(), time.Millisecond); err != nil {
		t.Fatal(err)
	}
	now.advance(59 * time.Minute)
	if err := open.Wait(t.Context(), time.Millisecond); err != nil {
		t.Fatal(err)
	}
	shown(t, h.op, sub.ID) // an open stream uses it
	open.Close()
	now.advance(61 * time.Minute)
	ctx := t.Context()
	wantKind(t, "shown", subscriptionErr(h.op.Subscription(ctx, "trust", "alerts", sub.ID)), taxii.NotFound)
	wantKind(t, "read", second(h.op.FollowSubscription(ctx, "trust", "alerts", sub.ID, exchange.Reading{})), taxii.NotFound)
	wantKind(t, "moved", second(h.op.SetPosition(ctx, "trust", "alerts", sub.ID, taxii.Position{Cursor: taxii.Latest})), taxii.NotFound)
	if list := must[taxii.Subscriptions](t)(h.op.Subscriptions(ctx, "trust", "alerts", 0, "")); len(list.Subscriptions) != 1 {
		t.Errorf("listed %+v", list)
	}
	if anew := subscribe(t, h.op, taxii.NewSubscription{IdleTimeout: 3600}); anew.ID == sub.ID {
		t.Error("it came back")
	}
}

func TestASubscriptionGoesOnAfterARestore(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	said := say(t, h.op, 1, 2, 3)
	sub := subscribe(t, h.op, taxii.NewSubscription{Start: said[0].Cursor})
	if err := h.store.Reincarnate(t.Context()); err != nil {
		t.Fatal(err)
	}
	say(t, h.op, 4)
	p := must[*exchange.MessagePage](t)(resume(t, h.op, sub.ID, exchange.Reading{}).Page(t.Context()))
	if wantNumbers(t, "before the place in common", numbered(t, p.Frames), 2, 3, 4); p.Gap != nil {
		t.Errorf("a gap where nothing is missing: %+v", p.Gap)
	}
}

// A right that ends takes the Subscriptions with it, and does not bring them back.
func TestASubscriptionEndsWithTheRightToRead(t *testing.T) {
	t.Parallel()
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart ", restart), func(t *testing.T) {
			t.Parallel()
			h := alerts(t)
			member := h.account(t, "member", "read on trust/channel/alerts")
			sub, kept := subscribe(t, member, taxii.NewSubscription{Start: taxii.Earliest}), subscribe(t, h.op, taxii.NewSubscription{})
			stream := resume(t, member, sub.ID, exchange.Reading{Stream: true})
			h.grant(t, "member", "trust/channel/alerts", "write")
			if restart { // before anybody has seen to it
				stream.Close()
				h.restart(t)
			}
			h.grant(t, "member", "trust/channel/alerts", "read")
			if err := stream.Check(); !restart {
				wantKind(t, "a stream of before", err, taxii.NotFound)
			}
			member = h.signIn(t, "member")
			wantKind(t, "the right is back", subscriptionErr(member.Subscription(t.Context(), "trust", "alerts", sub.ID)), taxii.NotFound)
			if list := must[taxii.Subscriptions](t)(member.Subscriptions(t.Context(), "trust", "alerts", 0, "")); len(list.Subscriptions) != 0 {
				t.Errorf("listed: %+v", list)
			}
			anew := subscribe(t, member, taxii.NewSubscription{})
			housekeep(t, h.Exchange)
			say(t, h.op, 1)
			if anew.ID == sub.ID || shown(t, member, anew.ID).Pending != 1 || shown(t, h.op, kept.ID).Pending != 1 {
				t.Error("the new one, or another account's, is not as it should be")
			}
		})
	}
}

func TestTheRightOfEveryoneEndsForAllWhoHadNoOther(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	one, two := h.account(t, "one"), h.account(t, "two", "read on trust")
	h.grant(t, exchange.AnonymousName, "trust/channel/alerts", "read")
	lost, kept := subscribe(t, one, taxii.NewSubscription{}), subscribe(t, two, taxii.NewSubscription{})
	if err := h.op.RemoveGrant(t.Context(), exchange.AnonymousName, "trust/channel/alerts"); err != nil {
		t.Fatal(err)
	}
	housekeep(t, h.Exchange)
	eventually(t, "the row goes", func() bool {
		_, err := h.store.Subscription(t.Context(), lost.ID)
		return taxii.KindOf(err) == taxii.NotFound && err != nil
	})
	shown(t, two, kept.ID)
}

func TestAnAccountHasAHundredSubscriptionsOnAChannel(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	for n := range 100 {
		subscribe(t, h.op, taxii.NewSubscription{Name: fmt.Sprint(n)})
	}
	wantKind(t, "one more", subscribeErr(h.op.Subscribe(t.Context(), "trust", "alerts", taxii.NewSubscription{Name: "more"})), taxii.TooMany)
	_, err := h.op.FollowDraft(t.Context(), "trust", "alerts", "more", exchange.Reading{})
	wantKind(t, "one more by the draft form", err, taxii.TooMany)
	if _, created, err := h.op.Subscribe(t.Context(), "trust", "alerts", taxii.NewSubscription{Name: "7"}); created || err != nil {
		t.Errorf("one of them: %v, %v", created, err)
	}
	if err := h.op.RemoveChannel(t.Context(), "trust", "alerts", nil); err != nil {
		t.Fatal(err)
	}
	h.channel(t, "trust", "alerts")
	if list := must[taxii.Subscriptions](t)(h.op.Subscriptions(t.Context(), "trust", "alerts", 0, "")); len(list.Subscriptions) != 0 {
		t.Errorf("%d went over to the next channel of the name", len(list.Subscriptions))
	}
}

func TestASubscriptionWhoseMessagesArePushedIsNotRead(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	said := say(t, h.op, 1)
	sub := subscribe(t, h.op, taxii.NewSubscription{Start: taxii.Earliest})
	stream := resume(t, h.op, sub.ID, exchange.Reading{Stream: true})
	push := func(state string) {
		_, err := h.store.ChangeSubscription(t.Context(), sub.ID, func(v *exchange.Subscription) error {
			v.Push = &exchange.PushState{URL: "https://example.com/", State: state}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := context.WithoutCancel(t.Context())
	push(taxii.PushActive)
	wantKind(t, "read", second(h.op.FollowSubscription(ctx, "trust", "alerts", sub.ID, exchange.Reading{})), taxii.Conflict)
	wantKind(t, "read in the draft form", second(h.op.FollowDraft(ctx, "trust", "alerts", "", exchange.Reading{})), taxii.Conflict)
	wantKind(t, "acknowledged", second(h.op.SetPosition(ctx, "trust", "alerts", sub.ID, taxii.Position{Cursor: said[0].Cursor})), taxii.Conflict)
	if now := position(t, h.op, sub.ID, said[0].Cursor, true); now.Pending != 0 {
		t.Errorf("a seek: %+v", now)
	}
	wantKind(t, "a stream of before", second(stream.Page(ctx)), taxii.Conflict)
	push(taxii.PushDisabled)
	wantNumbers(t, "disabled", read(t, resume(t, h.op, sub.ID, exchange.Reading{})))
}
