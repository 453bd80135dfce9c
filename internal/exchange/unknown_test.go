package exchange_test

import (
	"context"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// mute is a store that carries out a removal and does not say so, and whose
// catalogue cannot be read for a while.
type mute struct {
	exchange.Store
	deaf int // how often the catalogue cannot be read
}

func (m *mute) RemoveAccount(ctx context.Context, id int64) error {
	if err := m.Store.RemoveAccount(ctx, id); err != nil {
		return err
	}
	return taxii.Errorf(taxii.Unavailable, "the database went away")
}

func (m *mute) Catalog(ctx context.Context) (*exchange.Catalog, error) {
	if m.deaf > 0 {
		m.deaf--
		return nil, taxii.Errorf(taxii.Unavailable, "the database is away")
	}
	return m.Store.Catalog(ctx)
}

func TestAChangeOfUnknownOutcomeIsInForceAsSoonAsTheStoreCanBeRead(t *testing.T) {
	t.Parallel()
	h := build(t)
	store := &mute{Store: h.store}
	x, err := exchange.New(t.Context(), store, options())
	if err != nil {
		t.Fatal(err)
	}
	in := func(name string) bool {
		_, err := x.Open(name, exchange.KindPassword, func(string) (bool, error) { return true, nil })
		return err == nil
	}
	for _, name := range []string{"alice", "bob"} {
		if err := x.Operator().AddAccount(t.Context(), exchange.AccountSetting{Name: name, Password: "correct horse"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.Operator().RemoveAccount(t.Context(), "alice"); taxii.KindOf(err) != taxii.Unavailable {
		t.Errorf("an unknown outcome: %v", err)
	}
	if in("alice") {
		t.Error("alice is gone and signs in")
	}
	store.deaf = 1
	if err := x.Operator().RemoveAccount(t.Context(), "bob"); taxii.KindOf(err) != taxii.Unavailable {
		t.Errorf("an unknown outcome: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		x.Housekeep(ctx, func(err error) { t.Errorf("housekeeping: %v", err) })
	}()
	for deadline := time.Now().Add(time.Minute); in("bob"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("bob is gone and signs in")
		}
	}
	cancel()
	<-done
}
