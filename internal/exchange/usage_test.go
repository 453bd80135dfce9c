package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// limited is a house on an engine whose clock the test sets.
type limited struct {
	*house
	clock atomic.Int64 // nanoseconds since 1970
}

// evening is when the clock of a test begins: two seconds before midnight.
var evening = time.Date(2026, 11, 23, 23, 59, 58, 0, time.UTC)

func buildLimited(t *testing.T, e trial.Engine) *limited {
	t.Helper()
	h := &limited{house: &house{path: t.TempDir() + "/hansom.db"}}
	if e == trial.PostgreSQL {
		h.path = trial.Postgres(t)
	}
	h.clock.Store(evening.UnixNano())
	h.begin(t)
	t.Cleanup(func() { h.stop(t) })
	return h
}

func (h *limited) begin(t *testing.T) {
	t.Helper()
	var err error
	if h.store, err = store.Open(t.Context(), h.path, store.Options{}); err != nil {
		t.Fatal(err)
	}
	o := options()
	o.Now = func() time.Time { return time.Unix(0, h.clock.Load()) }
	o.Limits = exchange.Limits{Objects: 1000}
	if h.Exchange, err = exchange.New(t.Context(), h.store, o); err != nil {
		t.Fatal(err)
	}
	h.op = h.Operator()
}

// save lets what was counted be written, as at the end of a server.
func (h *limited) save(t *testing.T) {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	end()
	h.Housekeep(ctx, func(err error) { t.Error(err) })
}

func (h *limited) limit(t *testing.T, account string, l exchange.Limits) {
	t.Helper()
	err := h.op.SetAccount(t.Context(), account, func(set *exchange.AccountSetting) error { set.Limits = l; return nil })
	if err != nil {
		t.Fatal(err)
	}
}

func (h *limited) days(t *testing.T, account string) []exchange.UsageDay {
	t.Helper()
	u, err := h.op.Usage(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	return u.Days
}

// observables gives an envelope of so many objects, from a number on.
func observables(from, n int) []byte {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"type":"x-thing","id":"x-thing--00000000-0000-4000-8000-%012d","spec_version":"2.1","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z"}`, from+i))
	}
	return []byte(`{"objects":[` + strings.Join(list, ",") + `]}`)
}

func TestAnAddThatWouldPassTheQuotaOfTheDayIsRefusedWholeAndTheNextDayTakesIt(t *testing.T) {
	t.Parallel()
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		h := buildLimited(t, e)
		h.root(t, "trust", "open")
		alice := h.account(t, "alice", "read,write on trust")
		h.limit(t, "alice", exchange.Limits{Objects: 10})
		if st, err := alice.Add(t.Context(), "trust", "open", observables(0, 6)); err != nil || st.SuccessCount != 6 {
			t.Fatalf("%+v, %v", st, err)
		}
		// What is there already costs nothing, nor does what is refused.
		if st, err := alice.Add(t.Context(), "trust", "open", observables(2, 4)); err != nil || st.SuccessCount != 4 {
			t.Fatalf("%+v, %v", st, err)
		}
		_, err := alice.Add(t.Context(), "trust", "open", observables(6, 5))
		if full := (*taxii.Error)(nil); !errors.As(err, &full) || full.Kind != taxii.TooMany || full.RetryAfter != 2*time.Second || full.Allowed == nil || full.Allowed.Left != 4 {
			t.Fatalf("one too many: %#v", err)
		}
		if _, err := alice.Add(t.Context(), "trust", "open", observables(0, 6)); err != nil { // so that it can be repeated
			t.Errorf("what is there already: %v", err)
		}
		if n := h.count(t, "open"); n != 6 {
			t.Errorf("%d are stored, of 6", n)
		}
		if st, err := alice.Add(t.Context(), "trust", "open", observables(6, 4)); err != nil || st.SuccessCount != 4 {
			t.Fatalf("the rest: %+v, %v", st, err)
		}
		h.clock.Add(int64(2 * time.Second)) // midnight
		if st, err := alice.Add(t.Context(), "trust", "open", observables(10, 10)); err != nil || st.SuccessCount != 10 {
			t.Fatalf("the next day: %+v, %v", st, err)
		}
		if got, want := h.days(t, "alice"), []exchange.UsageDay{{"2026-11-24", 10, 0}, {"2026-11-23", 10, 0}}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		// The operator may in its name.
		as, err := h.op.As("alice")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := as.Add(t.Context(), "trust", "open", observables(100, 50)); err != nil {
			t.Errorf("the operator in the name of alice: %v", err)
		}
	})
}

// count tells how many entries a Collection has.
func (h *limited) count(t *testing.T, alias string) int {
	t.Helper()
	v, err := h.op.View(t.Context(), exchange.Target{Endpoint: exchange.Manifest, Root: "trust", Collection: alias}, taxii.Filter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	p, err := v.Page(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p.Count
}

func TestWhatWasUsedUpSurvivesARestartOnEachEngine(t *testing.T) {
	t.Parallel()
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		h := buildLimited(t, e)
		h.root(t, "trust", "open")
		alice := h.account(t, "alice", "read,write on trust")
		h.limit(t, "alice", exchange.Limits{Objects: 10, Octets: 1000})
		if _, err := alice.Add(t.Context(), "trust", "open", observables(0, 8)); err != nil {
			t.Fatal(err)
		}
		if err := alice.Sent(600); err != nil {
			t.Fatal(err)
		}
		h.save(t)
		_ = alice.Sent(399)
		h.save(t) // added to what is there
		h.stop(t)
		h.begin(t)
		alice = h.signIn(t, "alice")
		if got, want := h.days(t, "alice"), []exchange.UsageDay{{"2026-11-23", 8, 999}}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if _, err := alice.Add(t.Context(), "trust", "open", observables(8, 3)); taxii.KindOf(err) != taxii.TooMany {
			t.Errorf("three more: %v", err)
		}
		reads := exchange.Request{Reads: true, Cursor: func() string { return "" }}
		if _, err := alice.Admit(t.Context(), reads); err != nil {
			t.Errorf("one octet is left: %v", err)
		}
		if err := alice.Sent(1); taxii.KindOf(err) != taxii.TooMany {
			t.Errorf("the last octet went out: %v", err)
		}
		if _, err := alice.Admit(t.Context(), reads); taxii.KindOf(err) != taxii.TooMany {
			t.Errorf("none is left: %v", err)
		}
		if _, err := alice.Admit(t.Context(), exchange.Request{Cursor: reads.Cursor}); err != nil {
			t.Errorf("what does not read: %v", err)
		}
		h.clock.Add(int64(70 * 24 * time.Hour))
		h.save(t)
		if got := h.days(t, "alice"); len(got) != 0 {
			t.Errorf("after 70 days there is %v", got)
		}
		if list, err := h.store.Usage(t.Context(), 0, 0); err != nil || len(list) != 0 {
			t.Errorf("the store keeps %v, %v", list, err)
		}
	})
}

func TestWhatARemovedAccountUsedUpGoesWithIt(t *testing.T) {
	t.Parallel()
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		h := buildLimited(t, e)
		alice := h.account(t, "alice")
		_ = alice.Sent(100)
		h.save(t)
		_ = alice.Sent(100)
		if err := h.op.RemoveAccount(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		_ = alice.Sent(100) // an answer that was on its way
		h.save(t)
		if list, err := h.store.Usage(t.Context(), 0, 0); err != nil || len(list) != 0 {
			t.Errorf("the store keeps %v, %v", list, err)
		}
		if err := h.store.AddUsage(t.Context(), []exchange.Usage{{Account: 99, Day: 1, Octets: 1}}, 0); err != nil {
			t.Error(err)
		}
		if list, err := h.store.Usage(t.Context(), 99, 0); err != nil || len(list) != 0 {
			t.Errorf("of nobody the store keeps %v, %v", list, err)
		}
	})
}

func TestMessagesCountAsTheObjectsTheyHold(t *testing.T) {
	t.Parallel()
	h := buildLimited(t, trial.SQLite)
	h.root(t, "trust")
	if _, err := h.op.AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "news", ContentType: "*/*"}); err != nil {
		t.Fatal(err)
	}
	alice := h.account(t, "alice", "read,write on trust")
	h.limit(t, "alice", exchange.Limits{Objects: 6})
	publish := func(key, media string, body []byte) error {
		_, err := alice.Publish(t.Context(), "trust", "news", exchange.Publication{ContentType: media, Key: key, Body: body})
		return err
	}
	first := taxii.NewID()
	for i := range 2 { // the second time it is there already
		if err := publish(first, taxii.MediaType, observables(0, 4)); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if err := publish("", "text/plain", []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := publish("", taxii.MediaType, observables(4, 2)); taxii.KindOf(err) != taxii.TooMany {
		t.Errorf("two more where one is left: %v", err)
	}
	if got, want := h.days(t, "alice"), []exchange.UsageDay{{"2026-11-23", 5, 0}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestARunIsSlowedAndOtherRequestsAreRefused(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K70")
	h := buildLimited(t, trial.SQLite)
	h.root(t, "trust", "open")
	alice := h.account(t, "alice", "read,write on trust")
	if _, err := alice.Add(t.Context(), "trust", "open", observables(0, 3)); err != nil {
		t.Fatal(err)
	}
	v, err := alice.View(t.Context(), exchange.Target{Endpoint: exchange.Objects, Root: "trust", Collection: "open"}, taxii.Filter{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	page, err := v.Page(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.limit(t, "alice", exchange.Limits{Requests: 100, Burst: 2})
	waited := 0
	with := func(cursor string) exchange.Request {
		return exchange.Request{Reads: true, Cursor: func() string { return cursor }, Waits: func() func() { waited++; return func() {} }}
	}
	for range 2 {
		if _, err := alice.Admit(t.Context(), with("")); err != nil {
			t.Fatal(err)
		}
	}
	for _, cursor := range []string{"", "made-up", page.Next[:len(page.Next)-1]} {
		_, err := alice.Admit(t.Context(), with(cursor))
		e, _ := err.(*taxii.Error)
		if e == nil || e.Kind != taxii.TooMany || e.RetryAfter <= 0 || e.Allowed == nil || e.Allowed.PerMinute != 6000 {
			t.Fatalf("with %.10q: %#v", cursor, err)
		}
	}
	for range 10 {
		if _, err := alice.Admit(t.Context(), with(page.Next)); err != nil {
			t.Fatalf("the run is cut: %v", err)
		}
	}
	if waited != 10 {
		t.Errorf("%d of 10 pages waited", waited)
	}
	// Another account is another bucket, and the operator has none.
	bob := h.account(t, "bob", "read on trust")
	for range 20 {
		for _, s := range []*exchange.Session{bob, h.op} {
			if _, err := s.Admit(t.Context(), with("")); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Who is gone by its turn is not let in.
	h.limit(t, "alice", exchange.Limits{Requests: 1, Burst: 1})
	gone, end := context.WithCancel(t.Context())
	end()
	if _, err := alice.Admit(gone, with(page.Next)); err != context.Canceled {
		t.Errorf("who hung up: %v", err)
	}
}

func TestAnAccountMayKeepAsManySubscriptionsAsItsLimitSays(t *testing.T) {
	t.Parallel()
	h := buildLimited(t, trial.SQLite)
	h.root(t, "trust")
	if _, err := h.op.AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "news"}); err != nil {
		t.Fatal(err)
	}
	alice := h.account(t, "alice", "read on trust")
	h.limit(t, "alice", exchange.Limits{Subscriptions: 2, Streams: 5})
	for i, want := range []bool{true, true, false} {
		_, _, err := alice.Subscribe(t.Context(), "trust", "news", taxii.NewSubscription{Name: fmt.Sprint(i)})
		if want != (err == nil) || !want && taxii.KindOf(err) != taxii.TooMany {
			t.Errorf("subscription %d: %v", i, err)
		}
	}
	if alice.Streams() != 5 || h.op.Streams() != 0 {
		t.Errorf("streams are %d and, of the operator, %d", alice.Streams(), h.op.Streams())
	}
}

func TestLimitsThatCannotBeAreRefusedByName(t *testing.T) {
	t.Parallel()
	h := buildLimited(t, trial.SQLite)
	h.account(t, "alice")
	for want, l := range map[string]exchange.Limits{
		"requests_per_second": {Requests: 0.5}, "burst": {Burst: -1}, "objects_per_day": {Objects: 1<<60 + 1}, "bytes_per_day": {Octets: 1<<60 + 1},
		"streams": {Streams: -1}, "subscriptions": {Subscriptions: 1_000_001},
	} {
		err := h.op.SetAccount(t.Context(), "alice", func(set *exchange.AccountSetting) error { set.Limits = l; return nil })
		if taxii.KindOf(err) != taxii.Unprocessable || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	err := h.op.SetAccount(t.Context(), exchange.OperatorName, func(set *exchange.AccountSetting) error { set.Limits.Objects = 1; return nil })
	if taxii.KindOf(err) != taxii.Unprocessable {
		t.Errorf("of the operator: %v", err)
	}
	// Everyone without credentials is one account, whose limit can be declared.
	steps, err := h.op.Apply(t.Context(), exchange.Declaration{Accounts: []exchange.AccountSetting{{Name: "anonymous", Limits: exchange.Limits{Requests: 5}}}}, false)
	if err != nil || len(steps) != 1 || steps[0].Detail != "limits" {
		t.Errorf("%+v, %v", steps, err)
	}
	state, err := h.op.State(t.Context())
	if err != nil || !slices.ContainsFunc(state.Accounts, func(a exchange.AccountSetting) bool { return a.Name == "anonymous" && a.Limits.Requests == 5 }) {
		t.Errorf("the state has %+v, %v", state.Accounts, err)
	}
	if steps, err = h.op.Apply(t.Context(), state, true); err != nil || len(steps) != 0 {
		t.Errorf("what is there already: %+v, %v", steps, err)
	}
}
