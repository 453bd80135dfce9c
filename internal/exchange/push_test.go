package exchange_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/taxii"
)

const hook = "https://hook.example/path?token=t0k3n"

// pushing is a house that offers push, with a Channel and an account that may have
// its Messages pushed.
type pushing struct {
	*house
	clock  *handClock
	pushes *exchange.Pushes
	member *exchange.Session
}

func pushed(t *testing.T, edit ...func(*exchange.ChannelSetting)) *pushing {
	t.Helper()
	h, clock := timed(t)
	p := &pushing{house: h, clock: clock}
	p.open(t)
	p.root(t, "trust")
	p.channel(t, "trust", "alerts", edit...)
	p.member = p.account(t, "member", "read,write,push on trust/channel/alerts")
	return p
}

// open opens the exchange anew on the store as it is.
func (p *pushing) open(t *testing.T) {
	t.Helper()
	o := options()
	o.Now = p.clock.now
	o.CheckPush = func(url string) error {
		if !strings.HasPrefix(url, "https://hook.example") {
			return errors.New("the host has an address that may not be called")
		}
		return nil
	}
	var err error
	if p.Exchange, err = exchange.New(t.Context(), p.store, o); err != nil {
		t.Fatal(err)
	}
	p.op, p.pushes = p.Operator(), p.Pushes()
}

// crash ends the process, as far as one can see from the disk, and starts another.
func (p *pushing) crash(t *testing.T) {
	t.Helper()
	if err := p.store.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if p.store, err = store.Open(t.Context(), p.path, store.Options{Now: p.clock.now}); err != nil {
		t.Fatal(err)
	}
	p.open(t)
	p.member = p.signIn(t, "member")
}

// subscribe makes a Subscription of the member that begins at the oldest Message.
func (p *pushing) subscribe(t *testing.T, edit ...func(*taxii.NewSubscription)) taxii.Subscription {
	t.Helper()
	n := taxii.NewSubscription{Start: taxii.Earliest, Push: &taxii.Push{URL: hook}}
	for _, e := range edit {
		e(&n)
	}
	sub, created, err := p.member.Subscribe(t.Context(), "trust", "alerts", n)
	if err != nil || !created {
		t.Fatalf("created %v: %v", created, err)
	}
	return sub
}

// change changes the push of a Subscription of the member.
func (p *pushing) change(t *testing.T, id string, push *taxii.Push) (taxii.Subscription, error) {
	t.Helper()
	return p.member.ChangeSubscription(t.Context(), "trust", "alerts", id, nil, func(n *taxii.NewSubscription) error {
		n.Push = push
		return nil
	})
}

func (p *pushing) sub(t *testing.T, id string) taxii.Subscription {
	t.Helper()
	sub, _, err := p.member.Subscription(t.Context(), "trust", "alerts", id)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

func (p *pushing) wantPush(t *testing.T, what, id, state, words string) taxii.Push {
	t.Helper()
	got := p.sub(t, id).Push
	if got == nil || got.State != state || !strings.Contains(got.LastError, words) || (words == "") != (got.LastError == "") {
		t.Fatalf("%s: the push is %+v, want %s, %q", what, got, state, words)
	}
	return *got
}

func (p *pushing) next(t *testing.T, id string) exchange.PushTurn {
	t.Helper()
	turn, err := p.pushes.Next(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return turn
}

// request is what is to be sent now; none fails.
func (p *pushing) request(t *testing.T, id string) *exchange.PushRequest {
	t.Helper()
	turn := p.next(t, id)
	if turn.Request == nil {
		t.Fatalf("there is nothing to send: %+v", turn)
	}
	return turn.Request
}

func (p *pushing) answer(t *testing.T, r *exchange.PushRequest, status int, body ...byte) exchange.PushTurn {
	t.Helper()
	turn, err := p.pushes.Sent(t.Context(), r, exchange.PushAnswer{Status: status, Body: body})
	if err != nil {
		t.Fatal(err)
	}
	return turn
}

// verify has the receiver of a Subscription repeat the challenge.
func (p *pushing) verify(t *testing.T, id string) {
	t.Helper()
	r := p.request(t, id)
	p.answer(t, r, 200, r.Body...)
	p.wantPush(t, "after the challenge was repeated", id, taxii.PushActive, "")
}

// publish publishes Messages with these numbers as ids.
func (p *pushing) publish(t *testing.T, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		must[taxii.Status](t)(publish(t, p.member, "alerts", draft(id(n), uint64(n))))
	}
}

// delivered reads a request as a receiver does.
func delivered(t *testing.T, r *exchange.PushRequest) (ids []string, page taxii.Messages) {
	t.Helper()
	if err := json.Unmarshal(r.Body, &page); err != nil {
		t.Fatalf("%v: %.200s", err, r.Body)
	}
	for _, m := range page.Messages {
		ids = append(ids, m.ID)
	}
	return ids, page
}

func wantIDs(t *testing.T, what string, got []string, numbers ...int) {
	t.Helper()
	want := []string{}
	for _, n := range numbers {
		want = append(want, id(n))
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s: messages %v, want %v", what, got, want)
	}
}

func TestPushNeedsAnOfferARightAndAURLThatMayBeCalled(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	want := taxii.NewSubscription{Push: &taxii.Push{URL: hook}}
	for name, grants := range map[string][]string{
		"on-channel": {"read,push on trust/channel/alerts"}, "on-root": {"read on trust/channel/alerts", "push on trust"}, "on-server": {"read on trust", "push on server"},
	} {
		if _, _, err := p.account(t, name, grants...).Subscribe(t.Context(), "trust", "alerts", want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	without := p.account(t, "without", "read,write,manage,create on trust")
	_, _, err := without.Subscribe(t.Context(), "trust", "alerts", want)
	wantKind(t, "without the right", err, taxii.Forbidden)
	_, _, err = p.account(t, "pushonly", "push on trust").Subscribe(t.Context(), "trust", "alerts", want)
	wantKind(t, "with the right to push alone", err, taxii.NotFound)
	for _, url := range []string{"https://10.0.0.1/", "http://hook.example/", ""} {
		_, _, err = p.member.Subscribe(t.Context(), "trust", "alerts", taxii.NewSubscription{Push: &taxii.Push{URL: url}})
		wantKind(t, "with the URL "+url, err, taxii.Unprocessable)
		if err != nil && !strings.Contains(err.Error(), "the host has an address that may not be called") {
			t.Errorf("the words are %q", err)
		}
	}
	_, open := p.another(t, func(*exchange.Options) {})
	_, _, err = open("member").Subscribe(t.Context(), "trust", "alerts", want)
	wantKind(t, "where push is not offered", err, taxii.Unsupported)
	_, _, err = open("without").Subscribe(t.Context(), "trust", "alerts", want)
	wantKind(t, "where it is not offered and there is no right", err, taxii.Unsupported)
	for _, s := range []*exchange.Session{p.member, without} {
		if list, err := s.Subscriptions(t.Context(), "trust", "alerts", 0, ""); err != nil || s == p.member && len(list.Subscriptions) != 0 {
			t.Errorf("what was refused left %+v, %v", list, err)
		}
	}
	if jobs, err := p.pushes.Jobs(t.Context()); err != nil || len(jobs) != 3 {
		t.Errorf("%d pushes, %v, want the three good ones", len(jobs), err)
	}
}

func TestTheSecretIsShownOnceAndKeptSealed(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	n := func(n *taxii.NewSubscription) {
		n.Push.Secret = "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	}
	sub := p.subscribe(t, n)
	secret, marked := strings.CutPrefix(sub.Push.Secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(secret)
	if !marked || err != nil || len(key) != 32 || bytes.Equal(key, make([]byte, 32)) {
		t.Fatalf("the secret is %q (%d octets, %v)", sub.Push.Secret, len(key), err)
	}
	again, created, err := p.member.Subscribe(t.Context(), "trust", "alerts", taxii.NewSubscription{Push: &taxii.Push{URL: hook}})
	if err != nil || created || again.Push.Secret != "" {
		t.Errorf("asked for again: created %v, %+v, %v", created, again.Push, err)
	}
	same, err := p.change(t, sub.ID, &taxii.Push{URL: hook, Secret: "mine"})
	if err != nil || same.Push.Secret != "" {
		t.Errorf("a change that changes nothing: %+v, %v", same.Push, err)
	}
	p.verify(t, sub.ID)
	p.publish(t, 1)
	p.answer(t, p.request(t, sub.ID), 500)
	list, err := p.op.Subscriptions(t.Context(), "trust", "alerts", 0, "")
	if err != nil {
		t.Fatal(err)
	}
	told := asJSON(t, p.sub(t, sub.ID)) + asJSON(t, list)
	for _, name := range []string{p.path, p.path + "-wal"} {
		disk, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		told += string(disk)
	}
	for what, text := range map[string]string{"the secret": secret, "the key": string(key)} {
		if strings.Contains(told, text) {
			t.Errorf("%s is in another answer or on the disk", what)
		}
	}
}

func TestNoMessageGoesOutBeforeTheReceiverRepeatsTheChallenge(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	p.publish(t, 1)
	sub := p.subscribe(t)
	p.wantPush(t, "made", sub.ID, taxii.PushUnverified, "")
	seen := map[string]bool{}
	for _, row := range []struct {
		status int
		body   string
		words  string
	}{
		{200, `{"challenge":"another"}`, "without the challenge"}, {200, `secret words of the receiver`, "without the challenge"},
		{200, ``, "without the challenge"}, {200, `[]`, "without the challenge"},
		{204, ``, "answered the challenge with 204"}, {201, `same`, "answered the challenge with 201"}, {500, `same`, "answered the challenge with 500"},
		{307, `same`, "redirects are not followed"}, {0, ``, "no answer"},
	} {
		r := p.request(t, sub.ID)
		var challenge struct{ Challenge string }
		if err := json.Unmarshal(r.Body, &challenge); err != nil || len(challenge.Challenge) < 20 || seen[challenge.Challenge] || strings.Contains(string(r.Body), "messages") {
			t.Fatalf("the challenge is %s", r.Body)
		}
		seen[challenge.Challenge] = true
		if row.body == "same" {
			row.body = string(r.Body)
		}
		p.answer(t, r, row.status, []byte(row.body)...)
		got := p.wantPush(t, row.words, sub.ID, taxii.PushUnverified, row.words)
		if strings.Contains(got.LastError, "secret words") {
			t.Errorf("what the receiver said is shown: %q", got.LastError)
		}
		if turn := p.next(t, sub.ID); turn.Request != nil || !turn.Until.Equal(got.RetryAt.Time()) {
			t.Errorf("it is tried again before %v: %+v", got.RetryAt, turn)
		}
		p.clock.advance(time.Hour)
	}
	r := p.request(t, sub.ID)
	p.answer(t, r, 200, append([]byte(`{"more":1, `), r.Body[1:]...)...)
	p.wantPush(t, "verified", sub.ID, taxii.PushActive, "")
	ids, _ := delivered(t, p.request(t, sub.ID))
	wantIDs(t, "after that", ids, 1)
}

func TestAURLThatDoesNotVerifyItselfIsLeftInPeaceAfterTenAttempts(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	sub := p.subscribe(t)
	for n := range 10 {
		p.wantPush(t, "before the attempt", sub.ID, taxii.PushUnverified, map[bool]string{true: "", false: "500"}[n == 0])
		p.answer(t, p.request(t, sub.ID), 500)
		p.clock.advance(time.Hour)
	}
	p.wantPush(t, "after ten", sub.ID, taxii.PushDisabled, "not verified in 10 attempts")
	if turn := p.next(t, sub.ID); !turn.Over {
		t.Errorf("it goes on: %+v", turn)
	}
}

func TestAnAccountHasTenVerificationsInAnHour(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	sub := p.subscribe(t) // 1
	for range 4 {         // to 9
		for _, url := range []string{hook + "&other", hook} {
			must[taxii.Subscription](t)(p.change(t, sub.ID, &taxii.Push{URL: url}))
		}
		p.clock.advance(time.Minute)
	}
	for range 20 { // what is no verification does not count
		must[taxii.Subscription](t)(p.change(t, sub.ID, &taxii.Push{URL: hook}))
		must[taxii.Subscription](t)(p.change(t, sub.ID, &taxii.Push{URL: hook, Rotate: true}))
		if _, _, err := p.member.Subscribe(t.Context(), "trust", "alerts", taxii.NewSubscription{Push: &taxii.Push{URL: hook}}); err != nil {
			t.Fatal(err)
		}
	}
	p.subscribe(t, func(n *taxii.NewSubscription) { n.Name = "ten" })
	_, err := p.change(t, sub.ID, &taxii.Push{URL: hook + "&more"})
	wantKind(t, "the eleventh", err, taxii.TooMany)
	var e *taxii.Error
	if errors.As(err, &e) && (e.RetryAfter < 55*time.Minute || e.RetryAfter > 56*time.Minute) {
		t.Errorf("ask again in %s", e.RetryAfter)
	}
	_, _, err = p.member.Subscribe(t.Context(), "trust", "alerts", taxii.NewSubscription{Name: "eleven", Push: &taxii.Push{URL: hook}})
	wantKind(t, "a new one", err, taxii.TooMany)
	if got := p.sub(t, sub.ID).Push.URL; got != hook {
		t.Errorf("what was refused was kept: %s", got)
	}
	other := p.account(t, "other", "read,push on trust")
	if _, _, err := other.Subscribe(t.Context(), "trust", "alerts", taxii.NewSubscription{Push: &taxii.Push{URL: hook}}); err != nil {
		t.Errorf("another account: %v", err)
	}
	p.clock.advance(57 * time.Minute)
	if _, err := p.change(t, sub.ID, &taxii.Push{URL: hook + "&later"}); err != nil {
		t.Errorf("an hour after the first: %v", err)
	}
}

func TestAnotherURLIsVerifiedAnewAndNullEndsThePush(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	sub := p.subscribe(t)
	p.verify(t, sub.ID)
	p.publish(t, 1, 2)
	flying := p.request(t, sub.ID)
	moved := must[taxii.Subscription](t)(p.change(t, sub.ID, &taxii.Push{URL: hook + "&2"}))
	if moved.Push.State != taxii.PushUnverified || moved.Push.Secret != "" {
		t.Errorf("after the change: %+v", moved.Push)
	}
	p.answer(t, flying, 200) // the answer of the receiver that is not asked any more
	if got := p.sub(t, sub.ID); got.Push.State != taxii.PushUnverified || got.Pending != 2 {
		t.Errorf("the answer to an earlier URL counts: %+v", got)
	}
	if r := p.request(t, sub.ID); r.URL != hook+"&2" || !strings.Contains(string(r.Body), "challenge") {
		t.Errorf("the first request to the new URL: %s %s", r.URL, r.Body)
	}
	r := p.request(t, sub.ID)
	must[taxii.Subscription](t)(p.change(t, sub.ID, &taxii.Push{URL: hook + "&3"}))
	p.answer(t, r, 200, r.Body...)
	p.wantPush(t, "the challenge was repeated by another URL", sub.ID, taxii.PushUnverified, "")
	p.verify(t, sub.ID)
	p.request(t, sub.ID) // offered, and never answered
	ended := must[taxii.Subscription](t)(p.change(t, sub.ID, nil))
	if ended.Push != nil || !p.next(t, sub.ID).Over {
		t.Errorf("it goes on: %+v", ended.Push)
	}
	f, err := p.member.FollowDraft(t.Context(), "trust", "alerts", "", exchange.Reading{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if page, err := f.Page(t.Context()); err != nil || len(page.Frames) != 2 {
		t.Errorf("what was offered and not taken is lost: %+v, %v", page, err)
	}
}

// A URL may hold a secret of its receiver's, and managers saw it.
func TestManagersSeeOfAnothersPushHowItGoesAndNotWhere(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	sub := p.subscribe(t)
	list := must[taxii.Subscriptions](t)(p.op.Subscriptions(t.Context(), "trust", "alerts", 0, ""))
	one, _, err := p.op.Subscription(t.Context(), "trust", "alerts", sub.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, seen := range append(list.Subscriptions, one) {
		if seen.Push == nil || seen.Push.State != taxii.PushUnverified || strings.Contains(asJSON(t, seen), "hook") {
			t.Errorf("%s", asJSON(t, seen))
		}
	}
	if own := p.sub(t, sub.ID); own.Push.URL != hook {
		t.Errorf("its account sees %+v", own.Push)
	}
}

func TestWhileAPushIsActiveNobodyElseReadsOrAcknowledges(t *testing.T) {
	t.Parallel()
	p := pushed(t)
	p.publish(t, 1, 2, 3)
	sub := p.subscribe(t)
	p.verify(t, sub.ID)
	_, err := p.member.FollowSubscription(t.Context(), "trust", "alerts", sub.ID, exchange.Reading{})
	wantKind(t, "reading", err, taxii.Conflict)
	_, err = p.member.SetPosition(t.Context(), "trust", "alerts", sub.ID, taxii.Position{Cursor: taxii.Latest})
	wantKind(t, "acknowledging", err, taxii.Conflict)
	flying := p.request(t, sub.ID)
	must[taxii.PositionNow](t)(p.member.SetPosition(t.Context(), "trust", "alerts", sub.ID, taxii.Position{Cursor: taxii.Latest, Seek: true}))
	p.answer(t, flying, 200)
	if turn := p.next(t, sub.ID); turn.Request != nil || p.sub(t, sub.ID).Pending != 0 {
		t.Errorf("after a seek to the end: %+v", turn.Request)
	}
	must[taxii.PositionNow](t)(p.member.SetPosition(t.Context(), "trust", "alerts", sub.ID, taxii.Position{Cursor: taxii.Earliest, Seek: true}))
	r := p.request(t, sub.ID)
	ids, _ := delivered(t, r)
	wantIDs(t, "after a seek to the beginning", ids, 1, 2, 3)
	p.answer(t, r, 200)
	p.publish(t, 4)
	flying = p.request(t, sub.ID)
	must[taxii.PositionNow](t)(p.member.SetPosition(t.Context(), "trust", "alerts", sub.ID, taxii.Position{Cursor: taxii.Earliest, Seek: true}))
	p.answer(t, flying, 200)
	r = p.request(t, sub.ID)
	ids, _ = delivered(t, r)
	wantIDs(t, "after a seek back while a request was under way", ids, 1, 2, 3, 4)
	p.answer(t, r, 410)
	if _, err := p.member.FollowSubscription(t.Context(), "trust", "alerts", sub.ID, exchange.Reading{}); err != nil {
		t.Errorf("reading where the push is disabled: %v", err)
	}
}
