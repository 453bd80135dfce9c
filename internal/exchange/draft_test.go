package exchange_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// ask reads once in the draft form, without a wait, and says what becomes of the
// answer.
func ask(t *testing.T, s *exchange.Session, r exchange.Reading, whole bool) (numbers []int, created bool, id string) {
	t.Helper()
	f, err := s.FollowDraft(t.Context(), "trust", "alerts", "", r)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := f.Page(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	numbers, created, id = numbered(t, p.Frames), f.Created(), f.SubscriptionID()
	if err := f.Delivered(t.Context(), whole); err != nil {
		t.Fatal(err)
	}
	return numbers, created, id
}

func TestInTheDraftFormTheNextReadAcknowledgesTheOneBefore(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	say(t, h.op, 1)
	got, created, sub := ask(t, h.op, exchange.Reading{}, true)
	if wantNumbers(t, "a new one", got); !created {
		t.Error("created is not told")
	}
	say(t, h.op, 2, 3)
	got, created, again := ask(t, h.op, exchange.Reading{Limit: 1}, false)
	if wantNumbers(t, "the first messages", got, 2); !created || again != sub {
		t.Errorf("created %v in the first answer with messages, subscription %s and %s", created, sub, again)
	}
	h.restart(t)
	got, created, _ = ask(t, h.op, exchange.Reading{Limit: 1}, true)
	if wantNumbers(t, "after an answer that was not written whole", got, 2); !created {
		t.Error("created is not told again")
	}
	if now := shown(t, h.op, sub); now.Pending != 2 {
		t.Errorf("%d are pending: the answer itself acknowledged", now.Pending)
	}
	h.restart(t)
	got, created, _ = ask(t, h.op, exchange.Reading{}, true)
	if wantNumbers(t, "after one that was", got, 3); created {
		t.Error("created is told twice")
	}
	if now := shown(t, h.op, sub); now.Pending != 1 {
		t.Errorf("%d are pending", now.Pending)
	}
	got, _, _ = ask(t, h.op, exchange.Reading{}, true)
	wantNumbers(t, "all read", got)
	if now := shown(t, h.op, sub); now.Pending != 0 {
		t.Errorf("%d are pending", now.Pending)
	}
}

func TestInTheDraftFormAnAcknowledgementTakesOver(t *testing.T) {
	t.Parallel()
	for name, acknowledge := range map[string]func(*testing.T, *house, string, string){
		"ack": func(t *testing.T, h *house, _, cursor string) {
			t.Helper()
			got, _, _ := ask(t, h.op, exchange.Reading{Ack: cursor}, true)
			wantNumbers(t, "with ack", got, 2, 3)
		},
		"position": func(t *testing.T, h *house, sub, cursor string) { t.Helper(); position(t, h.op, sub, cursor, false) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := alerts(t)
			_, _, sub := ask(t, h.op, exchange.Reading{}, true)
			said := say(t, h.op, 1, 2, 3)
			got, _, _ := ask(t, h.op, exchange.Reading{}, true)
			wantNumbers(t, "read", got, 1, 2, 3)
			acknowledge(t, h, sub, said[0].Cursor)
			for range 2 {
				got, _, _ := ask(t, h.op, exchange.Reading{}, true)
				wantNumbers(t, "from then on", got, 2, 3)
			}
			got, _, _ = ask(t, h.op, exchange.Reading{Ack: said[2].Cursor}, true)
			wantNumbers(t, "all acknowledged", got)
		})
	}
	h := alerts(t)
	said := say(t, h.op, 1)
	for what, r := range map[string]exchange.Reading{"after": {After: said[0].Cursor}, "next": {Next: said[0].Cursor}, "ack": {Ack: "nonsense"}} {
		wantKind(t, what, second(h.op.FollowDraft(t.Context(), "trust", "alerts", "", r)), taxii.Malformed)
	}
}

func TestInTheDraftFormAStreamIsAcknowledgedByLastEventID(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	stream := func(last string) []int {
		t.Helper()
		f, err := h.op.FollowDraft(t.Context(), "trust", "alerts", "", exchange.Reading{Stream: true, LastEventID: last})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		list := read(t, f)
		if err := f.Delivered(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		return list
	}
	wantNumbers(t, "at first", stream(""))
	said := say(t, h.op, 1, 2, 3)
	wantNumbers(t, "sent", stream(""), 1, 2, 3)
	wantNumbers(t, "not named", stream(""), 1, 2, 3)
	wantNumbers(t, "named", stream(said[1].Cursor), 3)
	wantNumbers(t, "an older one", stream(said[0].Cursor), 3)
}

func TestInTheDraftFormSelectorAndNameAreTheKey(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	ids := map[string]bool{}
	for _, query := range []string{"", "match[type]=a", "match[type]=a,b", "match[type]=b,a"} {
		_, _, sub := ask(t, h.op, exchange.Reading{Selector: selector(t, query)}, true)
		ids[sub] = true
	}
	f := must[*exchange.Follower](t)(h.op.FollowDraft(t.Context(), "trust", "alerts", "mine", exchange.Reading{}))
	defer f.Close()
	if ids[f.SubscriptionID()] = true; len(ids) != 4 {
		t.Errorf("%d subscriptions", len(ids))
	}
	by := subscribe(t, h.op, taxii.NewSubscription{Name: "other", Start: taxii.Earliest})
	g := must[*exchange.Follower](t)(h.op.FollowDraft(t.Context(), "trust", "alerts", "other", exchange.Reading{}))
	defer g.Close()
	if g.SubscriptionID() != by.ID || g.Created() {
		t.Errorf("one that was there: %s, created %v", g.SubscriptionID(), g.Created())
	}
}

func TestInTheDraftFormANewReadEndsTheOlderOne(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	begin := func() *exchange.Follower {
		t.Helper()
		f, err := h.op.FollowDraft(t.Context(), "trust", "alerts", "", exchange.Reading{})
		if err != nil {
			t.Error(err)
		}
		return f
	}
	older := begin()
	waited := make(chan error, 1)
	go func() {
		err := older.Wait(t.Context(), time.Hour)
		p, pageErr := older.Page(t.Context())
		if !older.Ended() || pageErr != nil || len(p.Frames) != 0 {
			t.Errorf("ended %v, %v", older.Ended(), pageErr)
		}
		older.Close()
		waited <- err
	}()
	newer := begin() // has its turn once the older one is closed
	if err := <-waited; err != nil {
		t.Error(err)
	}
	say(t, h.op, 1, 2)
	wantNumbers(t, "the newer", numbered(t, must[*exchange.MessagePage](t)(newer.Page(t.Context())).Frames), 1, 2)

	// While the answer is being written, the next read waits for what becomes of it;
	// a third makes the second go with nothing.
	second, third := make(chan *exchange.Follower, 1), make(chan *exchange.Follower, 1)
	go func() { second <- begin() }()
	eventually(t, "the second is waiting", newer.Ended)
	go func() { third <- begin() }()
	late := <-second
	if p, err := late.Page(t.Context()); !late.Ended() || err != nil || len(p.Frames) != 0 {
		t.Errorf("the second: ended %v, %v", late.Ended(), err)
	}
	late.Close()
	select {
	case <-third:
		t.Fatal("the third did not wait for what becomes of the first")
	case <-time.After(50 * time.Millisecond):
	}
	if err := newer.Delivered(t.Context(), true); err != nil {
		t.Error(err)
	}
	newer.Close()
	last := <-third
	defer last.Close()
	if p := must[*exchange.MessagePage](t)(last.Page(t.Context())); last.Ended() || len(p.Frames) != 0 {
		t.Errorf("the third was given %v", numbered(t, p.Frames))
	}
}

// A client of the draft that polls loses nothing and sees nothing twice, whoever
// publishes meanwhile, and however often its answers fail.
func TestInTheDraftFormNothingIsLostByFailedAnswers(t *testing.T) {
	t.Parallel()
	const total = 60
	h := alerts(t)
	ask(t, h.op, exchange.Reading{}, true)
	var publishing sync.WaitGroup
	publishing.Go(func() {
		for n := range total {
			say(t, h.op, n+1)
		}
	})
	var got []int
	for n := 0; len(got) < total && !t.Failed(); n++ {
		list, _, _ := ask(t, h.op, exchange.Reading{Limit: 7}, n%3 != 0)
		if n%3 != 0 { // else the client never got it
			got = append(got, list...)
		}
	}
	publishing.Wait()
	wantNumbers(t, "all", got, upTo(total)...)
}

func TestInTheDraftFormWhatDoesNotPassIsNotLookedAtAgain(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	none := exchange.Reading{Selector: selector(t, "match[id]=t1050--1")}
	_, _, sub := ask(t, h.op, none, true)
	for part := range slices.Chunk(upTo(1040), 520) {
		say(t, h.op, part...)
	}
	_, created, _ := ask(t, h.op, none, true)
	if got, again, _ := ask(t, h.op, none, true); len(got) > 0 || !created || !again {
		t.Errorf("%v, created %v and %v", got, created, again)
	}
	if now := shown(t, h.op, sub); now.Pending != 0 {
		t.Errorf("%d are pending", now.Pending)
	}
	say(t, h.op, 1050)
	if got, created, _ := ask(t, h.op, none, true); !slices.Equal(got, []int{1050}) || !created {
		t.Errorf("%v, created %v", got, created)
	}
}

func TestAGapIsToldInTheDraftFormToo(t *testing.T) {
	t.Parallel()
	h, now := timed(t)
	h.root(t, "trust")
	h.channel(t, "trust", "alerts", ttl(60))
	none := exchange.Reading{Selector: selector(t, "match[id]=t2001--1")}
	_, _, all := ask(t, h.op, exchange.Reading{}, true)
	_, _, few := ask(t, h.op, none, true)
	say(t, h.op, 1, 2)
	now.advance(61 * time.Second)
	housekeep(t, h.Exchange)
	eventually(t, "both are purged", func() bool { return h.left(t, "alerts") == 0 })
	for range 2 { // an answer without Messages says nothing, and so ends no gap
		got, _, _ := ask(t, h.op, exchange.Reading{}, true)
		wantNumbers(t, "nothing", got)
	}
	for part := range slices.Chunk(upTo(1100), 550) {
		say(t, h.op, part...)
	}
	for range 2 {
		f := must[*exchange.Follower](t)(h.op.FollowDraft(t.Context(), "trust", "alerts", "", none))
		list := read(t, f)
		if err := f.Delivered(t.Context(), true); err != nil {
			t.Error(err)
		}
		f.Close()
		wantNumbers(t, "nothing that passes", list)
	}
	for what, id := range map[string]string{"all": all, "few": few} {
		if now := shown(t, h.op, id); now.Gap == nil || *now.Gap.Missed != 2 {
			t.Errorf("%s: a gap that nobody was told of has ended: %+v", what, now.Gap)
		}
	}
	f := must[*exchange.Follower](t)(h.op.FollowDraft(t.Context(), "trust", "alerts", "", exchange.Reading{Limit: 1000}))
	p := must[*exchange.MessagePage](t)(f.Page(t.Context()))
	if p.Gap == nil || *p.Gap.Missed != 2 || len(p.Frames) == 0 {
		t.Errorf("gap %+v", p.Gap)
	}
	if err := f.Delivered(t.Context(), true); err != nil {
		t.Error(err)
	}
	f.Close()
	ask(t, h.op, exchange.Reading{}, true)
	if now := shown(t, h.op, all); now.Gap != nil {
		t.Errorf("told and acknowledged: %+v", now)
	}
}

func TestAViewIsWaitedFor(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "all", "other")
	member := h.account(t, "member", "read on trust/collection/all")
	at := exchange.Target{Endpoint: exchange.Objects, Root: "trust", Collection: "all"}
	live := func(f taxii.Filter, wait time.Duration) (*exchange.Page, error) {
		v, err := member.ViewLive(t.Context(), at, f, wait)
		if err != nil {
			return nil, err
		}
		return v.Page(t.Context())
	}
	if p, err := live(taxii.Filter{}, time.Millisecond); err != nil || p.Count != 0 {
		t.Errorf("the time is over: %v, %+v", err, p)
	}
	type answer struct {
		page *exchange.Page
		err  error
	}
	waiting := func(f taxii.Filter) <-chan answer {
		done := make(chan answer, 1)
		go func() { p, err := live(f, time.Hour); done <- answer{p, err} }()
		return done
	}
	done := waiting(taxii.Filter{})
	add(t, h.op, "trust", "all", 1, 3)
	if got := <-done; got.err != nil || got.page.Count == 0 {
		t.Fatalf("%v, %+v", got.err, got.page)
	}
	first := must[*exchange.Page](t)(live(taxii.Filter{}, time.Hour))
	if first.Count != 3 {
		t.Errorf("what is there is answered at once: %d", first.Count)
	}
	done = waiting(taxii.Filter{AddedAfter: &first.Last})
	other := waiting(taxii.Filter{Types: []string{"x-other"}})
	add(t, h.op, "trust", "all", 2, 2)
	if got := <-done; got.err != nil || got.page.Count == 0 || got.page.First <= first.Last {
		t.Errorf("%v, %+v", got.err, got.page)
	}
	select {
	case got := <-other:
		t.Errorf("what does not match: %v, %+v", got.err, got.page)
	case <-time.After(20 * time.Millisecond):
	}
	body := fmt.Sprintf(`{"objects":[{"type":"x-other","spec_version":"2.1","id":"x-other--%s","created":"2020-01-01T00:00:00Z","modified":"2020-01-01T00:00:00Z"}]}`, taxii.NewID())
	must[taxii.Status](t)(h.op.Add(t.Context(), "trust", "all", []byte(body)))
	if got := <-other; got.err != nil || got.page.Count != 1 {
		t.Errorf("what matches: %v, %+v", got.err, got.page)
	}
	far := taxii.TimeOf(time.Now().Add(time.Hour))
	done = waiting(taxii.Filter{AddedAfter: &far})
	h.grant(t, "member", "trust/collection/other", "read")
	if err := h.op.RemoveGrant(t.Context(), "member", "trust/collection/all"); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "the right ended", (<-done).err, taxii.NotFound)
	h.grant(t, "member", "trust/collection/all", "read")
	done = waiting(taxii.Filter{AddedAfter: &far})
	h.Stop()
	if got := <-done; got.err != nil || got.page.Count != 0 {
		t.Errorf("the server stops: %v, %+v", got.err, got.page)
	}
}
