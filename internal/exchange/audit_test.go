package exchange_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// records gives the records of an event as they are read, each without its place,
// date and request.
func (h *house) records(t *testing.T, event string) (list []map[string]any) {
	t.Helper()
	page, err := h.op.Audit(t.Context(), exchange.AuditQuery{Event: event})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range page.Records {
		var r map[string]any
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		list = append(list, r)
	}
	return list
}

// one gives the only record of an event.
func (h *house) one(t *testing.T, event string) map[string]any {
	t.Helper()
	list := h.records(t, event)
	if len(list) != 1 {
		t.Fatalf("%d records of %s: %v", len(list), event, list)
	}
	return list[0]
}

// has compares members of a record.
func has(t *testing.T, r map[string]any, want map[string]any) {
	t.Helper()
	for name, value := range want {
		if fmt.Sprint(r[name]) != fmt.Sprint(value) {
			t.Errorf("%s is %v, want %v, in %v", name, r[name], value, r)
		}
	}
}

// deliver reads a page and has it delivered.
func deliver(t *testing.T, s *exchange.Session, target exchange.Target, f taxii.Filter) *exchange.Page {
	t.Helper()
	view, err := s.View(t.Context(), target, f)
	if err != nil {
		t.Fatal(err)
	}
	p, err := view.Page(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := view.Deliver(t.Context(), p)
	if err == nil {
		err = receipt.Wait()
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWhatIsDoneIsRecordedWithWhoWhereAndHow(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "all")
	alice := h.account(t, "alice", "read,write on trust").From(exchange.Source{Addr: "192.0.2.1"})
	ctx := exchange.WithRequest(t.Context(), "request 1")
	if _, err := alice.Add(ctx, "trust", "all", trial.Envelope(trial.Objects(1, 3)...)); err != nil {
		t.Fatal(err)
	}
	has(t, h.one(t, "add"), map[string]any{
		"account": "alice", "from": "192.0.2.1", "way": "password", "request": "request 1", "on": "trust/collection/all",
		"first": 1, "last": 3, "count": 3, "outcome": "done",
	})
	all := exchange.Target{Endpoint: exchange.Objects, Root: "trust", Collection: "all"}
	deliver(t, alice, all, taxii.Filter{Limit: 2})
	has(t, h.one(t, "delivery"), map[string]any{"account": "alice", "endpoint": "objects", "first": 1, "last": 2, "head": 3, "count": 2, "ceiling": nil})
	page, err := page(t, alice, exchange.Manifest, "trust", "all", taxii.Filter{Limit: 1})
	if err != nil || page.Count != 1 {
		t.Fatal(page, err)
	}
	id := idOf(t, trial.Objects(1, 3)[0])
	if err := alice.Delete(ctx, "trust", "all", id, taxii.Filter{}); err != nil {
		t.Fatal(err)
	}
	has(t, h.one(t, "delete"), map[string]any{"account": "alice", "object": id, "count": 1, "first": 4})
	has(t, h.one(t, "root"), map[string]any{"event": "root.add", "account": "operator", "on": "trust"})
	has(t, h.one(t, "grant"), map[string]any{"event": "grant.set", "on": "trust"})
}

func idOf(t *testing.T, object []byte) string {
	t.Helper()
	var o struct{ ID string }
	if err := json.Unmarshal(object, &o); err != nil {
		t.Fatal(err)
	}
	return o.ID
}

// at is a clock that a test sets.
type at struct{ micros atomic.Int64 }

func (c *at) now() time.Time      { return time.UnixMicro(c.micros.Load()).UTC() }
func (c *at) add(d time.Duration) { c.micros.Add(d.Microseconds()) }

// timed starts the exchange of a house anew, with a clock and settings.
func (h *house) timed(t *testing.T, set func(*exchange.Options)) *at {
	t.Helper()
	c := new(at)
	c.micros.Store(1_700_000_040_000_000) // the beginning of a minute
	o := options()
	o.Now = c.now
	if set != nil {
		set(&o)
	}
	h.stop(t)
	var err error
	if h.store, err = store.Open(t.Context(), h.path, store.Options{Now: c.now}); err != nil {
		t.Fatal(err)
	}
	if h.Exchange, err = exchange.New(t.Context(), h.store, o); err != nil {
		t.Fatal(err)
	}
	h.op = h.Operator()
	return c
}

func TestASignInIsRecordedOnceInFiveMinutesForEachAddress(t *testing.T) {
	t.Parallel()
	h := build(t)
	clock := h.timed(t, nil)
	alice := h.account(t, "alice")
	signIn := func(from string, want int) {
		t.Helper()
		if err := alice.From(exchange.Source{Addr: from}).SignedIn(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(h.records(t, "sign-in")); n != want {
			t.Errorf("%d records, want %d", n, want)
		}
	}
	signIn("192.0.2.1", 1)
	signIn("192.0.2.1", 1)
	signIn("192.0.2.2", 2)
	clock.add(5 * time.Minute)
	signIn("192.0.2.1", 3)
	if err := h.op.SetAccount(t.Context(), "alice", func(set *exchange.AccountSetting) error { set.Password = "another password"; return nil }); err != nil {
		t.Fatal(err)
	}
	var err error
	if alice, err = h.open("alice", "another password"); err != nil {
		t.Fatal(err)
	}
	signIn("192.0.2.1", 4)
}

func TestRefusalsBeyondTenOfASourceAndMinuteAreCounted(t *testing.T) {
	t.Parallel()
	h := build(t)
	clock := h.timed(t, nil)
	h.account(t, "alice")
	refuse := func(from string, times int) {
		for range times {
			h.Refused(t.Context(), exchange.Refusal{
				Source: exchange.Source{Addr: from}, Name: "alice", What: "GET /trust/",
				Err: taxii.Errorf(taxii.Unauthenticated, "no"),
			})
		}
	}
	listed := func(want int) {
		t.Helper()
		if n := len(h.records(t, "sign-in")); n != want {
			t.Errorf("%d are listed, want %d", n, want)
		}
	}
	refuse("192.0.2.1", 15)
	listed(10)
	refuse("2001:db8::1", 6)
	refuse("2001:db8::2", 6) // of the same network
	listed(20)
	if err := h.KeepCounts(); err != nil {
		t.Fatal(err)
	}
	counted := h.records(t, "refusal")
	if len(counted) != 2 {
		t.Fatalf("got %v", counted)
	}
	for _, r := range counted {
		want := map[string]any{"192.0.2.1": 5, "2001:db8::/64": 2}[fmt.Sprint(r["from"])]
		has(t, r, map[string]any{"count": want, "minute": "2023-11-14T22:14Z", "outcome": "refused"})
	}
	clock.add(time.Minute)
	refuse("192.0.2.1", 1)
	listed(21)
	first := h.records(t, "sign-in")[0]
	has(t, first, map[string]any{"account": "alice", "asked": "GET /trust/", "why": "unauthenticated", "outcome": "refused"})
	h.Refused(t.Context(), exchange.Refusal{Source: exchange.Source{Addr: "192.0.2.9"}, Name: "a password, perhaps", Err: taxii.Errorf(taxii.Unauthenticated, "no")})
	if last := h.records(t, "sign-in")[21]; last["account"] != nil {
		t.Errorf("a name that no account has is recorded: %v", last)
	}
	h.Refused(t.Context(), exchange.Refusal{Source: exchange.Source{Addr: "192.0.2.9"}, Err: taxii.Errorf(taxii.Malformed, "no")})
	listed(22) // a mistake is no refusal
}

func TestRequestsThatBringNothingAreCountedByAccountAndMinute(t *testing.T) {
	t.Parallel()
	h := build(t)
	clock := h.timed(t, nil)
	h.root(t, "trust", "all")
	alice := h.account(t, "alice", "read on trust")
	ask := func(poll bool) {
		t.Helper()
		s := alice.From(exchange.Source{Addr: "192.0.2.1"})
		if poll {
			deliver(t, s, exchange.Target{Endpoint: exchange.Objects, Root: "trust", Collection: "all"}, taxii.Filter{})
		}
		s.Finished()
	}
	for range 3 {
		ask(true)
	}
	ask(false)
	clock.add(time.Minute)
	ask(true)
	for range 2 { // the second finds nothing to write
		if err := h.KeepCounts(); err != nil {
			t.Fatal(err)
		}
	}
	list := h.records(t, "polls")
	if len(list) != 2 {
		t.Fatalf("got %v", list)
	}
	for _, r := range list {
		if r["minute"] == "2023-11-14T22:14Z" {
			has(t, r, map[string]any{"account": "alice", "empty": 3, "other": 1})
		} else {
			has(t, r, map[string]any{"account": "alice", "empty": 1, "other": nil, "minute": "2023-11-14T22:15Z"})
		}
	}
	add(t, h.op, "trust", "all", 1, 1)
	ask(true)
	if err := h.KeepCounts(); err != nil {
		t.Fatal(err)
	}
	if n := len(h.records(t, "polls")); n != 2 {
		t.Errorf("a delivery is counted too")
	}
}

func TestRecordsAreFoundByWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	h := build(t)
	clock := h.timed(t, nil)
	h.root(t, "trust", "all")
	clock.add(time.Hour)
	h.root(t, "other", "all")
	for _, c := range []struct {
		query exchange.AuditQuery
		want  int
	}{
		{exchange.AuditQuery{Event: "root"}, 2},
		{exchange.AuditQuery{Event: "root.add", On: "trust"}, 1},
		{exchange.AuditQuery{On: "trust"}, 2},
		{exchange.AuditQuery{On: "tru"}, 0},
		{exchange.AuditQuery{On: "trust", Since: taxii.TimeOf(clock.now())}, 0},
		{exchange.AuditQuery{On: "other", Since: taxii.TimeOf(clock.now())}, 2},
		{exchange.AuditQuery{Event: "root", Until: taxii.TimeOf(clock.now().Add(-time.Minute))}, 1},
		{exchange.AuditQuery{Event: "root", Account: "operator"}, 2},
		{exchange.AuditQuery{Event: "root", Account: "alice"}, 0},
		{exchange.AuditQuery{Event: "root", From: "192.0.2.1"}, 0},
	} {
		page, err := h.op.Audit(t.Context(), c.query)
		if err != nil || len(page.Records) != c.want || page.More {
			t.Errorf("%+v: %d records, want %d; more %v, %v", c.query, len(page.Records), c.want, page.More, err)
		}
	}
	for _, event := range []string{"gront", "roo", "gront.set", "."} { // which were found nowhere, as if nothing had happened
		_, err := h.op.Audit(t.Context(), exchange.AuditQuery{Event: event})
		wantKind(t, event, err, taxii.Malformed)
	}
	paged, q := 0, exchange.AuditQuery{Event: "root", Limit: 1}
	for {
		page, err := h.op.Audit(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		paged += len(page.Records)
		if q.After = page.Next; !page.More {
			break
		}
	}
	if paged != 2 {
		t.Errorf("%d records in pages of one, want 2", paged)
	}
	for _, s := range []*exchange.Session{h.account(t, "bob", "read,write,manage on trust"), h.Anonymous()} {
		if _, err := s.Audit(t.Context(), exchange.AuditQuery{}); err == nil {
			t.Error("the audit is open to who does not manage the server")
		}
		if _, err := s.Recall(t.Context(), exchange.RecallQuery{Object: "x"}); err == nil {
			t.Error("recall is open to who does not manage the server")
		}
	}
}

// deaf is a store that keeps no record.
type deaf struct {
	*store.Store
	err error
}

func (d *deaf) Record(...[]byte) func() error { return func() error { return d.err } }

func TestWhatCannotBeRecordedIsNotDeliveredUnlessBestEffortIsSet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode exchange.AuditMode
		err  error
		want taxii.Kind
		good bool
	}{
		{exchange.AuditOn, taxii.Errorf(taxii.Full, "full"), taxii.Full, false},
		{exchange.AuditOn, errors.New("gone"), taxii.Unavailable, false},
		{exchange.AuditBestEffort, taxii.Errorf(taxii.Full, "full"), 0, true},
		{exchange.AuditOff, taxii.Errorf(taxii.Full, "full"), 0, true},
	} {
		h := build(t)
		h.root(t, "trust", "all")
		add(t, h.op, "trust", "all", 1, 1)
		o := options()
		o.Audit = c.mode
		x, err := exchange.New(t.Context(), &deaf{h.store, c.err}, o)
		if err != nil {
			t.Fatal(err)
		}
		view, err := x.Operator().View(t.Context(), exchange.Target{Endpoint: exchange.Objects, Root: "trust", Collection: "all"}, taxii.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := view.Page(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for try := range 2 { // the second is told before anything of it is out
			receipt, err := view.Deliver(t.Context(), p)
			if try == 1 && c.mode == exchange.AuditOn && err == nil {
				t.Errorf("%s: after a failure the answer begins before its record is there", c.mode)
			}
			if err == nil {
				err = receipt.Wait()
			}
			if good := err == nil; good != c.good || !good && taxii.KindOf(err) != c.want {
				t.Errorf("%s, %v: got %v", c.mode, c.err, err)
			}
		}
	}
}

func TestOldRecordsAreRemoved(t *testing.T) {
	t.Parallel()
	h := build(t)
	clock := h.timed(t, func(o *exchange.Options) { o.AuditKept = time.Hour })
	h.root(t, "trust")
	h.one(t, "root") // what is in a journal goes to the table, under this date
	clock.add(2 * time.Hour)
	h.root(t, "other")
	h.records(t, "root")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { h.Housekeep(ctx, func(err error) { t.Error(err) }); close(done) }()
	defer func() { stop(); <-done }()
	for end := time.Now().Add(30 * time.Second); len(h.records(t, "root")) > 1; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("they are still there: %v", h.records(t, "root"))
		}
	}
	has(t, h.one(t, "root"), map[string]any{"on": "other"})
}

func TestNoRecordHasContentOrASecret(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "all")
	alice := h.account(t, "alice", "read,write,manage on trust").From(exchange.Source{Addr: "192.0.2.1"})
	if _, err := alice.Add(t.Context(), "trust", "all", []byte(`{"objects":[{"type":"url","spec_version":"2.1","id":"url--a5f5d3f6-c1d2-5a1e-8c3e-1f5e2cb8c9b8","value":"https://content.example/"}]}`)); err != nil {
		t.Fatal(err)
	}
	deliver(t, alice, exchange.Target{Endpoint: exchange.Objects, Root: "trust", Collection: "all"}, taxii.Filter{})
	text := ""
	if err := h.store.Audit(t.Context(), 0, 0, 1000, func(b exchange.AuditBlock) bool { text += string(b.Records); return true }); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, `"add"`) || strings.Contains(text, "content.example") || strings.Contains(text, "password of") {
		t.Errorf("got %s", text)
	}
}
