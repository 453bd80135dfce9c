package exchange_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// nodes are two exchanges on one store, with one clock. None hears of the other by
// itself: a test says when.
type nodes struct {
	a, b *exchange.Exchange
	mu   sync.Mutex // guards at
	at   time.Time
}

func (n *nodes) now() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.at
}

func (n *nodes) pass(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.at = n.at.Add(d)
}

func two(t *testing.T, e trial.Engine) *nodes {
	t.Helper()
	n := &nodes{at: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	where := filepath.Join(t.TempDir(), "hansom.db")
	if e == trial.PostgreSQL {
		where = trial.Postgres(t)
	}
	s, err := store.Open(t.Context(), where, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	o := options()
	o.Now, o.Shared = n.now, true
	for _, x := range []**exchange.Exchange{&n.a, &n.b} {
		if *x, err = exchange.New(t.Context(), s, o); err != nil {
			t.Fatal(err)
		}
	}
	n.pass(time.Second) // keys are listed by age
	return n
}

// hears has a node read the catalogue again, as it does when it changes it.
func hears(t *testing.T, x *exchange.Exchange) {
	t.Helper()
	if err := x.Operator().SetAccount(t.Context(), exchange.AnonymousName, func(*exchange.AccountSetting) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// keep lets a node keep house until what is wanted is so.
func keep(t *testing.T, x *exchange.Exchange, wanted func() bool) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		x.Housekeep(ctx, func(err error) { t.Error(err) })
	}()
	for deadline := time.Now().Add(time.Minute); !wanted(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("it does not happen")
			break
		}
	}
	stop()
	<-done
}

// aWhile is for what is not to happen: the less busy the machine, the more would be
// seen.
func aWhile() func() bool {
	until := time.Now().Add(100 * time.Millisecond)
	return func() bool { return time.Now().After(until) }
}

func states(t *testing.T, x *exchange.Exchange, purpose string) (list []exchange.SecretState) {
	t.Helper()
	for _, k := range keysOf(t, x, purpose) {
		list = append(list, k.State)
	}
	return list
}

func keysOf(t *testing.T, x *exchange.Exchange, purpose string) (list []exchange.Key) {
	t.Helper()
	all, err := x.Operator().Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		if k.Purpose == purpose {
			list = append(list, k)
		}
	}
	return list
}

func wantStates(t *testing.T, what string, x *exchange.Exchange, purpose string, want ...exchange.SecretState) {
	t.Helper()
	got := states(t, x, purpose)
	if len(got) != len(want) {
		t.Fatalf("%s: the %s keys are %v, want %v", what, purpose, got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: the %s keys are %v, want %v", what, purpose, got, want)
		}
	}
}

func TestAKeyIsAcceptedEverywhereBeforeItSigns(t *testing.T) {
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		n := two(t, e)
		op := n.a.Operator()
		wantStates(t, "two nodes", n.b, "jwt", exchange.Active)
		if _, err := op.AddRoot(t.Context(), exchange.RootSetting{Name: "trust"}); err != nil {
			t.Fatal(err)
		}
		if _, err := op.AddCollection(t.Context(), exchange.CollectionSetting{Root: "trust", Alias: "all", Title: "All"}); err != nil {
			t.Fatal(err)
		}
		add(t, op, "trust", "all", 1, 6)
		for _, purpose := range []string{"cursor", "jwt"} {
			old := keysOf(t, n.a, purpose)[0]
			coming, err := op.RotateKey(t.Context(), purpose, false)
			if err != nil || coming.State != exchange.Coming || coming.Signs <= taxii.TimeOf(n.now()) {
				t.Fatalf("%+v, %v", coming, err)
			}
			_, err = op.RotateKey(t.Context(), purpose, false)
			wantKind(t, "a second one that is coming", err, taxii.Conflict)
			wantKind(t, "to retire the key in use", op.RetireKey(t.Context(), old.ID), taxii.Conflict)
			keep(t, n.a, aWhile())
			wantStates(t, "before its time", n.a, purpose, exchange.Active, exchange.Coming)
			if _, ok := n.b.JWTKey(coming.ID); ok {
				t.Error("the other node knows it already: the test shows nothing")
			}
			hears(t, n.b)
			if id, _ := n.b.JWTSigner(); id == coming.ID {
				t.Error("a key that is coming signs")
			}
			n.pass(coming.Signs.Time().Sub(n.now()))
			keep(t, n.a, func() bool { return states(t, n.a, purpose)[0] == exchange.Accepted })
			wantStates(t, "after its time", n.a, purpose, exchange.Accepted, exchange.Active)
			wantStates(t, "on a node that has not heard yet", n.b, purpose, exchange.Active, exchange.Coming)
		}
		// Each still understands the other.
		first, err := page(t, n.a.Operator(), exchange.Objects, "trust", "all", taxii.Filter{Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		second, err := page(t, n.b.Operator(), exchange.Objects, "trust", "all", taxii.Filter{Limit: 2, Next: first.Next})
		if err != nil || second.Count != 2 {
			t.Fatalf("a cursor of the new key, on the node that has not heard yet: %+v, %v", second, err)
		}
		if third, err := page(t, n.a.Operator(), exchange.Objects, "trust", "all", taxii.Filter{Limit: 2, Next: second.Next}); err != nil || third.Count != 2 {
			t.Fatalf("a cursor of the old key: %+v, %v", third, err)
		}
		idA, _ := n.a.JWTSigner()
		idB, _ := n.b.JWTSigner()
		_, aKnows := n.a.JWTKey(idB)
		_, bKnows := n.b.JWTKey(idA)
		if idA == idB || !aKnows || !bKnows {
			t.Errorf("the nodes sign with %s and %s and know each other's: %v, %v", idA, idB, aKnows, bKnows)
		}
	})
}

func TestARetiredKeyStaysRetired(t *testing.T) {
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		n := two(t, e)
		op := n.a.Operator()
		old := keysOf(t, n.a, "jwt")[0]
		coming, err := op.RotateKey(t.Context(), "jwt", false)
		if err != nil {
			t.Fatal(err)
		}
		hears(t, n.b)
		if _, err := op.RotateKey(t.Context(), "jwt", true); err != nil {
			t.Fatal(err)
		}
		if err := op.RetireKey(t.Context(), old.ID); err != nil {
			t.Fatal(err)
		}
		n.pass(time.Hour) // for the other node the key before becomes accepted only now
		keep(t, n.b, func() bool { return states(t, n.b, "jwt")[1] == exchange.Active })
		wantStates(t, "the node that turned late", n.b, "jwt", exchange.Retired, exchange.Active)
		hears(t, n.a)
		wantStates(t, "the node that retired it", n.a, "jwt", exchange.Retired, exchange.Active)
		if id, _ := n.b.JWTSigner(); id != coming.ID {
			t.Errorf("%s signs, want %s", id, coming.ID)
		}
		if _, known := n.b.JWTKey(old.ID); known {
			t.Error("the retired key is known")
		}
	})
}

func TestKeysOfJWTsTurnByThemselves(t *testing.T) {
	t.Parallel()
	n := two(t, trial.SQLite)
	keep(t, n.a, aWhile())
	wantStates(t, "at first", n.a, "jwt", exchange.Active)
	n.pass(30 * 24 * time.Hour)
	keep(t, n.a, func() bool { return len(states(t, n.a, "jwt")) == 2 })
	wantStates(t, "after 30 days", n.a, "jwt", exchange.Active, exchange.Coming)
	n.pass(10 * time.Minute)
	keep(t, n.a, func() bool { return states(t, n.a, "jwt")[1] == exchange.Active })
	wantStates(t, "10 minutes later", n.a, "jwt", exchange.Accepted, exchange.Active)
	n.pass(25*time.Hour - time.Second)
	keep(t, n.a, aWhile())
	wantStates(t, "while JWTs of it may be good", n.a, "jwt", exchange.Accepted, exchange.Active)
	n.pass(time.Second)
	keep(t, n.a, func() bool { return states(t, n.a, "jwt")[0] == exchange.Retired })
	wantStates(t, "a day later", n.a, "jwt", exchange.Retired, exchange.Active)
	wantStates(t, "of cursors", n.a, "cursor", exchange.Active)
}

func TestKeysAreTurnedByWhoManagesTheServer(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "open")
	alice := h.account(t, "alice", "read,write,manage on trust")
	_, err := alice.RotateKey(t.Context(), "jwt", false)
	wantKind(t, "to rotate", err, taxii.Forbidden)
	_, err = h.op.RotateKey(t.Context(), "push", false)
	wantKind(t, "of another purpose", err, taxii.Unprocessable)
	key, err := h.op.RotateKey(t.Context(), "cursor", false)
	if err != nil || key.State != exchange.Active {
		t.Errorf("where one node has the store: %+v, %v", key, err)
	}
	coming, err := h.op.RotateKey(t.Context(), "jwt", false)
	if err != nil || coming.State != exchange.Coming {
		t.Fatalf("%+v, %v", coming, err)
	}
	if err := h.op.RetireKey(t.Context(), coming.ID); err != nil {
		t.Errorf("to retire one that is coming: %v", err)
	}
	h.restart(t)
	wantStates(t, "after a restart", h.Exchange, "jwt", exchange.Active, exchange.Retired)
}
