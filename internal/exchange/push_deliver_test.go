package exchange_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// signed tells which of the secrets, as they were shown, a request is signed with:
// the rule as a receiver would write it from the document.
func signed(t *testing.T, r *exchange.PushRequest, secrets ...string) (good []int) {
	t.Helper()
	for i, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			t.Fatal(err)
		}
		h := hmac.New(sha256.New, key)
		fmt.Fprintf(h, "%s.%s.%s", r.ID, r.Timestamp, r.Body)
		if slices.Contains(strings.Split(r.Signature, " "), "v1,"+base64.StdEncoding.EncodeToString(h.Sum(nil))) {
			good = append(good, i)
		}
	}
	return good
}

func TestRequestsAreSignedWithTheSecretAndForADayWithTheOneBefore(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	p.publish(t, 1)
	sub := p.subscribe(t)
	first := sub.Push.Secret
	r := p.request(t, sub.ID)
	if got := signed(t, r, first); len(got) != 1 || r.Timestamp != fmt.Sprint(p.clock.now().Unix()) {
		t.Errorf("the challenge: signed by %v at %s", got, r.Timestamp)
	}
	p.verify(t, sub.ID)
	second := must[taxii.Subscription](t)(p.change(t, sub.ID, &taxii.Push{URL: hook, Rotate: true})).Push.Secret
	if second == first || second == "" {
		t.Fatalf("the secret after a rotation is %q", second)
	}
	p.wantPush(t, "after a rotation", sub.ID, taxii.PushActive, "")
	for _, row := range []struct {
		later time.Duration
		want  []int
	}{{0, []int{0, 1}}, {23 * time.Hour, []int{0, 1}}, {time.Hour, []int{1}}, {24 * time.Hour, []int{1}}} {
		p.clock.advance(row.later)
		r := p.request(t, sub.ID)
		if got := signed(t, r, first, second); !slices.Equal(got, row.want) || strings.Count(r.Signature, "v1,") != len(row.want) {
			t.Errorf("%s later: signed by %v, want %v: %s", row.later, got, row.want, r.Signature)
		}
	}
	third := must[taxii.Subscription](t)(p.change(t, sub.ID, &taxii.Push{URL: hook, Rotate: true})).Push.Secret
	p.crash(t)
	if got := signed(t, p.request(t, sub.ID), first, second, third); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("after a second rotation and a crash: signed by %v", got)
	}
}

func TestARetryIsTheSameRequestWhateverHappenedBetween(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	sub := p.subscribe(t)
	p.verify(t, sub.ID)
	p.publish(t, 1, 2)
	r := p.request(t, sub.ID)
	ids, page := delivered(t, r)
	wantIDs(t, "first", ids, 1, 2)
	if r.ID != sub.ID+"."+page.Messages[0].Cursor {
		t.Errorf("webhook-id is %s, want the subscription and the first cursor %s", r.ID, page.Messages[0].Cursor)
	}
	p.publish(t, 3)
	again := func(what string) {
		t.Helper()
		p.clock.advance(2 * time.Hour)
		got := p.request(t, sub.ID)
		ids, _ := delivered(t, got)
		wantIDs(t, what, ids, 1, 2)
		if got.ID != r.ID {
			t.Errorf("%s: webhook-id %s, want %s", what, got.ID, r.ID)
		}
	}
	again("the channel has grown")
	p.answer(t, r, 503)
	again("it failed")
	p.crash(t) // whether the receiver took it is not known
	again("the process died")
	if _, err := p.op.RotateKey(t.Context(), "cursor", true); err != nil {
		t.Fatal(err)
	}
	again("the key of cursors was rotated")
	r = p.request(t, sub.ID)
	if turn := p.answer(t, r, 200); !turn.Now {
		t.Errorf("it rests where there is more: %+v", turn)
	}
	next := p.request(t, sub.ID)
	ids, _ = delivered(t, next)
	wantIDs(t, "then", ids, 3)
	if next.ID == r.ID {
		t.Error("another delivery has the same webhook-id")
	}
	for _, status := range []int{201, 202, 204, 299} { // each 2xx acknowledges all of it
		p.answer(t, p.request(t, sub.ID), status)
		if got := p.sub(t, sub.ID); got.Pending != 0 || got.Push.State != taxii.PushActive {
			t.Errorf("after %d: %+v", status, got)
		}
		p.publish(t, status)
	}
}

func TestARequestHasAtMostAHundredMessagesAndAMebibyteAndLargerOnesByReference(t *testing.T) {
	t.Parallel()
	p := pushed(t, anyMedia)
	sub := p.subscribe(t)
	p.verify(t, sub.ID)
	put := func(n, size int) {
		t.Helper()
		body := `{"id":"` + id(n) + `","type":"text","media_type":"text/plain","content_base64":"` + base64.StdEncoding.EncodeToString(make([]byte, size)) + `"}`
		must[taxii.Status](t)(publish(t, p.member, "alerts", body))
	}
	small := []string{}
	for n := range 150 {
		small = append(small, fmt.Sprintf(`{"id":%q,"content":{"objects":[{"type":"indicator","id":"indicator--%d"}]}}`, id(n+1), n))
	}
	must[taxii.Status](t)(publish(t, p.member, "alerts", small...))
	if got := p.all(t, sub.ID); !slices.Equal(got, []int{100, 50}) {
		t.Errorf("150 small messages in requests of %v", got)
	}
	for n, size := range []int{300_000, 300_000, 300_000, 2_000_000, 700_000, 10} {
		put(201+n, size)
	}
	total := 0
	for _, n := range p.all(t, sub.ID) {
		total += n
	}
	if total != 6 {
		t.Errorf("%d of six were sent", total)
	}
}

// all takes all that there is, and gives of each request how many Messages it had.
func (p *pushing) all(t *testing.T, id string) (counts []int) {
	t.Helper()
	for turn := p.next(t, id); turn.Request != nil; turn = p.next(t, id) {
		if len(turn.Request.Body) > 1<<20 {
			t.Errorf("a request of %d octets", len(turn.Request.Body))
		}
		_, page := delivered(t, turn.Request)
		for _, m := range page.Messages {
			if byReference := m.ContentURL != ""; byReference != (m.Size == 2_000_000) || byReference && (m.ContentBase64 != nil || m.Content != nil) {
				t.Errorf("%s of %d octets: content_url %q, %d octets with it", m.ID, m.Size, m.ContentURL, len(m.ContentBase64))
			}
		}
		if page.Next != page.Messages[len(page.Messages)-1].Cursor {
			t.Errorf("next is %s, not the cursor of the last", page.Next)
		}
		p.answer(t, turn.Request, 200)
		if left := p.sub(t, id).Pending; page.More != (left > 0) {
			t.Errorf("more is %v where %d are left", page.More, left)
		}
		counts = append(counts, len(page.Messages))
	}
	return counts
}

func TestARequestHasTheOctetsAsTheyWerePublished(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	sub := p.subscribe(t)
	p.verify(t, sub.ID)
	const content = "{ \"objects\" : [\n{\"type\":\"indicator\",\t\"id\":\"indicator--1\",\"x\":1.0e0,\"y\":\"\\u0041\\/\"} ] }"
	if _, err := p.member.Publish(t.Context(), "trust", "alerts", exchange.Publication{ContentType: taxii.MediaType, Body: []byte(content)}); err != nil {
		t.Fatal(err)
	}
	if r := p.request(t, sub.ID); !strings.Contains(string(r.Body), content) {
		t.Errorf("%s", r.Body)
	}
}

func TestFailuresAreRetriedLaterAndLaterAndAfterThreeDaysNotAnyMore(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	sub := p.subscribe(t)
	p.verify(t, sub.ID)
	p.publish(t, 1)
	began, doubling := p.clock.now(), 5*time.Second
	attempts := 0
	for ; attempts < 200; attempts++ {
		p.answer(t, p.request(t, sub.ID), 503, []byte("secret words of the receiver")...)
		got := p.sub(t, sub.ID)
		if got.Push.State == taxii.PushDisabled {
			break
		}
		p.wantPush(t, "failing", sub.ID, taxii.PushFailing, "the receiver answered 503")
		if got.Pending != 1 || strings.Contains(got.Push.LastError, "secret") {
			t.Fatalf("after a failure: %+v", got)
		}
		wait := got.Push.RetryAt.Time().Sub(p.clock.now())
		if wait < doubling*4/5-time.Second || wait > doubling*6/5 || wait > time.Hour {
			t.Errorf("attempt %d: retry in %s, want about %s", attempts+1, wait, doubling)
		}
		doubling = min(2*doubling, time.Hour)
		p.clock.advance(wait - time.Millisecond)
		if turn := p.next(t, sub.ID); turn.Request != nil || turn.Over {
			t.Fatalf("before its time: %+v", turn)
		}
		p.clock.advance(time.Millisecond)
		if attempts == 3 {
			p.crash(t) // which begins nothing anew
		}
	}
	if after := p.clock.now().Sub(began); after < 72*time.Hour || after > 74*time.Hour {
		t.Errorf("disabled after %s and %d attempts", after, attempts)
	}
	p.wantPush(t, "after three days", sub.ID, taxii.PushDisabled, "failing for 72 hours; the last: the receiver answered 503")
	if got := p.sub(t, sub.ID); got.Pending != 1 || !p.next(t, sub.ID).Over {
		t.Errorf("the position has moved, or it goes on: %+v", got)
	}
	again := must[taxii.Subscription](t)(p.change(t, sub.ID, &taxii.Push{URL: hook, Rotate: true}))
	if again.Push.State != taxii.PushUnverified || again.Push.Secret == "" || again.Push.LastError != "" {
		t.Errorf("begun again: %+v", again.Push)
	}
	p.verify(t, sub.ID)
	ids, _ := delivered(t, p.request(t, sub.ID))
	wantIDs(t, "begun again", ids, 1)
}

func TestASuccessEndsTheFailuresAndTheirCount(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	sub := p.subscribe(t)
	p.verify(t, sub.ID)
	for n := range 3 { // of two days each
		p.publish(t, n+1)
		p.answer(t, p.request(t, sub.ID), 500)
		if wait := p.sub(t, sub.ID).Push.RetryAt.Time().Sub(p.clock.now()); wait > 6*time.Second {
			t.Errorf("the first failure after a success waits %s", wait)
		}
		p.clock.advance(48 * time.Hour)
		p.answer(t, p.request(t, sub.ID), 200)
		p.wantPush(t, "after a success", sub.ID, taxii.PushActive, "")
	}
}

func TestTheWordsAndTheTimeOfAFailure(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	for i, row := range []struct {
		a     exchange.PushAnswer
		words string
		wait  time.Duration // at least; 0: as ever
		ends  bool
	}{
		{a: exchange.PushAnswer{Status: 429, RetryAfter: 10 * time.Minute}, words: "answered 429", wait: 10 * time.Minute},
		{a: exchange.PushAnswer{Status: 503, RetryAfter: time.Second}, words: "answered 503"},
		{a: exchange.PushAnswer{Status: 503, RetryAfter: 1000 * time.Hour}, words: "answered 503", wait: 24 * time.Hour},
		{a: exchange.PushAnswer{Status: 301}, words: "answered 301; redirects are not followed"},
		{a: exchange.PushAnswer{}, words: "no answer"},
		{a: exchange.PushAnswer{Refused: "the host has an address that may not be called"}, words: "not sent: the host has an address that may not be called"},
		{a: exchange.PushAnswer{Status: 100}, words: "answered 100"},
		{a: exchange.PushAnswer{Status: 410, RetryAfter: time.Minute}, words: "410", ends: true},
	} {
		sub := p.subscribe(t, func(n *taxii.NewSubscription) { n.Name = fmt.Sprint(i) })
		p.verify(t, sub.ID)
		p.publish(t, i+1)
		turn, err := p.pushes.Sent(t.Context(), p.request(t, sub.ID), row.a)
		if err != nil {
			t.Fatal(err)
		}
		state := taxii.PushFailing
		if row.ends {
			state = taxii.PushDisabled
		}
		got := p.wantPush(t, row.words, sub.ID, state, row.words)
		if turn.Over != row.ends || turn.Now {
			t.Errorf("%s: %+v", row.words, turn)
		}
		wait := got.RetryAt.Time().Sub(p.clock.now())
		if row.ends && got.RetryAt != 0 || !row.ends && row.wait == 0 && wait > 6*time.Second || wait < row.wait && !row.ends || row.wait > 0 && wait > row.wait+time.Second {
			t.Errorf("%s: retry in %s", row.words, wait)
		}
	}
}

func TestOnlyWhatTheSelectorPassesIsSentAndThePositionFollows(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	sub := p.subscribe(t, func(n *taxii.NewSubscription) { n.Selector = map[string][]string{"message_type": {"alarm"}} })
	p.verify(t, sub.ID)
	alarm := func(n int) {
		must[taxii.Status](t)(publish(t, p.member, "alerts", strings.Replace(draft(id(n), uint64(n)), "{", `{"type":"alarm",`, 1)))
	}
	p.publish(t, 1, 2)
	alarm(3)
	p.publish(t, 4)
	alarm(5)
	p.publish(t, 6)
	r := p.request(t, sub.ID)
	ids, _ := delivered(t, r)
	wantIDs(t, "of six", ids, 3, 5)
	p.answer(t, r, 200)
	if got := p.sub(t, sub.ID); got.Pending != 0 {
		t.Errorf("%d are pending after all was looked through", got.Pending)
	}
	p.publish(t, 7, 8)
	turn := p.next(t, sub.ID)
	if wait := turn.Again.Sub(p.clock.now()); turn.Request != nil || wait <= 0 || wait > 30*time.Second || p.sub(t, sub.ID).Pending != 2 {
		t.Errorf("what is not for it: look again in %s, %+v", wait, turn.Request)
	}
	alarm(9)
	r = p.request(t, sub.ID)
	p.crash(t)
	again := p.request(t, sub.ID)
	ids, _ = delivered(t, again)
	wantIDs(t, "behind what was passed, after a crash", ids, 9)
	if again.ID != r.ID {
		t.Errorf("webhook-id %s and %s", r.ID, again.ID)
	}
	p.answer(t, again, 200)
	p.publish(t, 10, 11)
	turn = p.next(t, sub.ID)
	p.clock.advance(turn.Again.Sub(p.clock.now()))
	if turn = p.next(t, sub.ID); turn.Request != nil || p.sub(t, sub.ID).Pending != 0 {
		t.Errorf("what was passed is never written down: %+v", p.sub(t, sub.ID))
	}
}

func TestAPushIsToldOfItsGap(t *testing.T) {
	t.Parallel()
	p := pushed(t, ttl(60))
	sub := p.subscribe(t)
	bounded := p.subscribe(t, func(n *taxii.NewSubscription) { n.Name, n.MaxPending = "bounded", 2 })
	p.verify(t, sub.ID)
	p.verify(t, bounded.ID)
	p.publish(t, 1, 2, 3)
	r := p.request(t, bounded.ID)
	ids, page := delivered(t, r)
	if wantIDs(t, "bounded", ids, 2, 3); page.Gap == nil || page.Gap.Reason != taxii.GapBound || *page.Gap.Missed != 1 {
		t.Errorf("bounded: gap %+v", page.Gap)
	}
	p.answer(t, r, 200)
	if got := p.sub(t, bounded.ID); got.Gap != nil || got.Pending != 0 {
		t.Errorf("the gap stays after it was acknowledged: %+v", got.Gap)
	}
	lost := p.request(t, sub.ID)
	p.answer(t, lost, 500)
	p.clock.advance(61 * time.Second)
	housekeep(t, p.Exchange)
	eventually(t, "all are purged", func() bool { return p.left(t, "alerts") == 0 })
	r = p.request(t, sub.ID)
	ids, page = delivered(t, r)
	if wantIDs(t, "purged", ids); page.Gap == nil || page.Gap.Reason != taxii.GapTTL || *page.Gap.Missed != 3 || page.Next == "" || r.ID == lost.ID {
		t.Errorf("purged: gap %+v, next %q, webhook-id %s", page.Gap, page.Next, r.ID)
	}
	p.answer(t, r, 200)
	if turn := p.next(t, sub.ID); turn.Request != nil {
		t.Errorf("the gap is told again: %s", turn.Request.Body)
	}
	p.publish(t, 4)
	ids, page = delivered(t, p.request(t, sub.ID))
	if wantIDs(t, "after the gap", ids, 4); page.Gap != nil {
		t.Errorf("gap %+v", page.Gap)
	}
}

func TestAPushEndsWithTheRightToIt(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	for name, end := range map[string]func(account, sub string){
		"push": func(account, _ string) { p.grant(t, account, "trust/channel/alerts", "read", "write") },
		"account": func(account, _ string) {
			if err := p.op.RemoveAccount(t.Context(), account); err != nil {
				t.Fatal(err)
			}
		},
		"read": func(account, _ string) { p.grant(t, account, "trust/channel/alerts", "push") },
	} {
		s := p.account(t, name, "read,push on trust/channel/alerts")
		sub, _, err := s.Subscribe(t.Context(), "trust", "alerts", taxii.NewSubscription{Start: taxii.Earliest, Push: &taxii.Push{URL: hook}})
		if err != nil {
			t.Fatal(err)
		}
		p.verify2(t, sub.ID)
		p.publish(t, 1)
		if p.next(t, sub.ID).Request == nil {
			t.Fatalf("%s: nothing to send", name)
		}
		jobs, err := p.pushes.Jobs(t.Context())
		jobs = slices.DeleteFunc(jobs, func(j exchange.PushJob) bool { return j.ID != sub.ID }) // the others end too
		if err != nil || len(jobs) != 1 || !p.pushes.May(jobs[0]) {
			t.Fatalf("%s: jobs %+v, %v", name, jobs, err)
		}
		rights := p.pushes.Rights()
		end(name, sub.ID)
		select {
		case <-rights:
		default:
			t.Errorf("%s: nobody is woken", name)
		}
		if p.pushes.May(jobs[0]) {
			t.Errorf("%s: it still may", name)
		}
		if turn := p.next(t, sub.ID); turn.Request != nil || !turn.Over {
			t.Errorf("%s: it goes on: %+v", name, turn)
		}
		if name == "push" {
			shown, _, err := s.Subscription(t.Context(), "trust", "alerts", sub.ID)
			if err != nil || shown.Push.State != taxii.PushDisabled || !strings.Contains(shown.Push.LastError, "may not push here any more") {
				t.Errorf("%+v, %v", shown.Push, err)
			}
			p.grant(t, name, "trust/channel/alerts", "read", "push")
		} else {
			p.grant(t, "member", "trust/channel/alerts", "read", "write", "push")
		}
		if turn := p.next(t, sub.ID); turn.Request != nil {
			t.Errorf("%s: it has begun again by itself", name)
		}
	}
}

// verify2 verifies the push of any account.
func (p *pushing) verify2(t *testing.T, id string) {
	t.Helper()
	r := p.request(t, id)
	if turn := p.answer(t, r, 200, r.Body...); !turn.Now {
		t.Fatalf("not verified: %+v", turn)
	}
}

func TestAPushThatIsIdleIsNotTakenForOneThatNobodyUses(t *testing.T) {
	t.Parallel()
	p := pushed(t, ttl(60))
	sub := p.subscribe(t, func(n *taxii.NewSubscription) { n.IdleTimeout = 60 })
	p.verify(t, sub.ID)
	for range 10 {
		turn := p.next(t, sub.ID)
		wait := turn.Again.Sub(p.clock.now())
		if turn.Request != nil || turn.Over || wait <= 0 || wait > time.Minute/2 {
			t.Fatalf("look again in %s: %+v", wait, turn)
		}
		p.clock.advance(wait)
	}
	p.clock.advance(2 * time.Hour) // the process did not run
	if turn := p.next(t, sub.ID); !turn.Over {
		t.Errorf("a discarded one goes on: %+v", turn)
	}
}

func TestWhatIsRemovedIsOver(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	sub, other := p.subscribe(t), p.subscribe(t, func(n *taxii.NewSubscription) { n.Name = "other" })
	p.verify(t, sub.ID)
	p.verify(t, other.ID)
	p.publish(t, 1)
	flying, second := p.request(t, sub.ID), p.request(t, other.ID)
	turned := p.pushes.Turned()
	if err := p.member.Unsubscribe(t.Context(), "trust", "alerts", sub.ID, nil); err != nil {
		t.Fatal(err)
	}
	select {
	case <-turned:
	default:
		t.Error("nobody is woken")
	}
	if turn := p.answer(t, flying, 200); !turn.Over || !p.next(t, sub.ID).Over {
		t.Errorf("a removed one goes on: %+v", turn)
	}
	if err := p.op.RemoveChannel(t.Context(), "trust", "alerts", nil); err != nil {
		t.Fatal(err)
	}
	if turn := p.answer(t, second, 500); !turn.Over || !p.next(t, other.ID).Over {
		t.Errorf("one of a removed channel goes on: %+v", turn)
	}
	if jobs, err := p.pushes.Jobs(t.Context()); err != nil || len(jobs) != 0 {
		t.Errorf("jobs %+v, %v", jobs, err)
	}
}

func TestThousandsWithoutAMatchCostFewWrites(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	sub := p.subscribe(t, func(n *taxii.NewSubscription) { n.Selector = map[string][]string{"message_type": {"alarm"}} })
	p.verify(t, sub.ID)
	place := func() int64 { return int64(p.sub(t, sub.ID).Pending) }
	for round := range 12 {
		drafts := []string{}
		for n := range 100 {
			drafts = append(drafts, fmt.Sprintf(`{"id":%q,"content":{"objects":[{"type":"indicator","id":"indicator--%d"}]}}`, id(round*100+n+1), n))
		}
		must[taxii.Status](t)(publish(t, p.member, "alerts", drafts...))
		p.next(t, sub.ID)
		if got, want := place(), int64(round+1)*100; round < 9 && got != want || round == 9 && got != 0 {
			t.Errorf("after %d hundred: %d are pending", round+1, got)
		}
	}
}
