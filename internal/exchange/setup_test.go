package exchange_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// house is an exchange on a store of its own.
type house struct {
	*exchange.Exchange
	op    *exchange.Session // the operator
	path  string
	store *store.Store
}

func options() exchange.Options {
	return exchange.Options{
		PublicURL: "https://taxii.example.com", MasterKey: make([]byte, exchange.MasterKeySize),
		HashPassword:   func(password string) (string, error) { return "hash of " + password, nil },
		IsHash:         func(text string) bool { return strings.HasPrefix(text, "hash of ") },
		VerifyPassword: func(hash, password string) bool { return hash == "hash of "+password },
	}
}

func build(t *testing.T) *house {
	t.Helper()
	h := &house{path: filepath.Join(t.TempDir(), "hansom.db")}
	h.start(t)
	t.Cleanup(func() { h.stop(t) })
	return h
}

func (h *house) start(t *testing.T) {
	t.Helper()
	var err error
	if h.store, err = store.Open(t.Context(), h.path, store.Options{}); err != nil {
		t.Fatal(err)
	}
	if h.Exchange, err = exchange.New(t.Context(), h.store, options()); err != nil {
		t.Fatal(err)
	}
	h.op = h.Operator()
}

func (h *house) stop(t *testing.T) {
	t.Helper()
	if err := h.store.Close(); err != nil {
		t.Error(err)
	}
}

func (h *house) restart(t *testing.T) {
	t.Helper()
	h.stop(t)
	h.start(t)
}

// root makes an API Root with Collections of these aliases.
func (h *house) root(t *testing.T, name string, aliases ...string) {
	t.Helper()
	if _, err := h.op.AddRoot(t.Context(), exchange.RootSetting{Name: name}); err != nil {
		t.Fatal(err)
	}
	for _, alias := range aliases {
		h.collection(t, name, alias)
	}
}

func (h *house) collection(t *testing.T, root, alias string) exchange.CollectionSetting {
	t.Helper()
	made, err := h.op.AddCollection(t.Context(), exchange.CollectionSetting{Root: root, Alias: alias, Title: "The " + alias})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// account makes an account with these grants, each "right,right on RESOURCE",
// and signs it in.
func (h *house) account(t *testing.T, name string, grants ...string) *exchange.Session {
	t.Helper()
	if err := h.op.AddAccount(t.Context(), exchange.AccountSetting{Name: name, Password: "password of " + name}); err != nil {
		t.Fatal(err)
	}
	for _, text := range grants {
		rights, on, _ := strings.Cut(text, " on ")
		h.grant(t, name, on, strings.Split(rights, ",")...)
	}
	return h.signIn(t, name)
}

func (h *house) signIn(t *testing.T, name string) *exchange.Session {
	t.Helper()
	s, err := h.open(name, "password of "+name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (h *house) open(name, password string) (*exchange.Session, error) {
	return h.Open(name, exchange.KindPassword, func(secret string) (bool, error) { return secret == "hash of "+password, nil })
}

func (h *house) grant(t *testing.T, account, on string, rights ...string) {
	t.Helper()
	if err := h.op.SetGrant(t.Context(), exchange.GrantSetting{Account: account, On: on, Rights: rights}); err != nil {
		t.Fatal(err)
	}
}

// numbers gives the numbers of the accounts that had a name, in order.
func (h *house) numbers(t *testing.T, name string) (ids []int64) {
	t.Helper()
	list, err := h.op.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range list {
		if a.Name == name {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

// add adds generated objects of this seed.
func add(t *testing.T, s *exchange.Session, root, collection string, seed uint64, n int) taxii.Status {
	t.Helper()
	st, err := s.Add(t.Context(), root, collection, trial.Envelope(trial.Objects(seed, n)...))
	if err != nil {
		t.Fatal(err)
	}
	if st.SuccessCount != n {
		t.Fatalf("%d of %d were added: %+v", st.SuccessCount, n, st.Failures)
	}
	return st
}

// page reads a page of a Collection.
func page(t *testing.T, s *exchange.Session, at exchange.Endpoint, root, collection string, f taxii.Filter) (*exchange.Page, error) {
	t.Helper()
	view, err := s.View(t.Context(), exchange.Target{Endpoint: at, Root: root, Collection: collection}, f)
	if err != nil {
		return nil, err
	}
	return view.Page(t.Context())
}

// wantKind fails unless err is of this Kind.
func wantKind(t *testing.T, what string, err error, want taxii.Kind) {
	t.Helper()
	if err == nil || taxii.KindOf(err) != want {
		t.Errorf("%s: %v (%s), want %s", what, err, taxii.KindOf(err), want)
	}
}

// second drops all but the error of an operation.
func second[T any](_ T, err error) error { return err }

// names gives "do what name" of each step.
func names(steps []exchange.Step) []string {
	list := []string{}
	for _, s := range steps {
		list = append(list, s.Do+" "+s.What+" "+s.Name)
	}
	return list
}

func wantSteps(t *testing.T, what string, steps []exchange.Step, want ...string) {
	t.Helper()
	if got := names(steps); !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
