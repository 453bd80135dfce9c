package exchange_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// noting is a store that notes what is called. It names every call itself; one
// that it does not name panics, for the Store it embeds is nil, so that none can
// come in unseen.
type noting struct {
	exchange.Store
	of exchange.Store

	mu    sync.Mutex // guards calls
	calls []string
}

func (n *noting) note(call string) exchange.Store {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls = append(n.calls, call)
	return n.of
}

// during gives the calls that something makes, in order.
func (n *noting) during(do func()) []string {
	n.mu.Lock()
	n.calls = nil
	n.mu.Unlock()
	do()
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.calls
}

func (n *noting) Append(ctx context.Context, adds []feed.Add) ([]feed.Result, error) {
	return n.note("Append").Append(ctx, adds)
}

func (n *noting) Read(ctx context.Context, f feed.ID, q feed.Query, visit func(*feed.Entry) bool) error {
	return n.note("Read").Read(ctx, f, q, visit)
}

func (n *noting) Head(ctx context.Context, f feed.ID) (feed.Head, error) {
	return n.note("Head").Head(ctx, f)
}

func (n *noting) Withdraw(ctx context.Context, f feed.ID, which feed.Which, why feed.Tombstone) (int, error) {
	return n.note("Withdraw").Withdraw(ctx, f, which, why)
}

func (n *noting) Exists(ctx context.Context, f feed.ID, id string, ceiling int64) (bool, error) {
	return n.note("Exists").Exists(ctx, f, id, ceiling)
}

func (n *noting) Deleted(ctx context.Context, f feed.ID, which feed.Which) (bool, error) {
	return n.note("Deleted").Deleted(ctx, f, which)
}

func (n *noting) Catalog(ctx context.Context) (*exchange.Catalog, error) {
	return n.note("Catalog").Catalog(ctx)
}

func (n *noting) PutRoot(ctx context.Context, r exchange.Root) (int64, error) {
	return n.note("PutRoot").PutRoot(ctx, r)
}

func (n *noting) RemoveRoot(ctx context.Context, id int64) error {
	return n.note("RemoveRoot").RemoveRoot(ctx, id)
}

func (n *noting) PutCollection(ctx context.Context, c exchange.Collection) error {
	return n.note("PutCollection").PutCollection(ctx, c)
}

func (n *noting) RemoveCollection(ctx context.Context, id string) error {
	return n.note("RemoveCollection").RemoveCollection(ctx, id)
}

func (n *noting) PutAccount(ctx context.Context, a exchange.Account, c ...exchange.Credential) (int64, error) {
	return n.note("PutAccount").PutAccount(ctx, a, c...)
}

func (n *noting) RemoveAccount(ctx context.Context, id int64) error {
	return n.note("RemoveAccount").RemoveAccount(ctx, id)
}

func (n *noting) RemoveCredential(ctx context.Context, account int64, kind, name string) error {
	return n.note("RemoveCredential").RemoveCredential(ctx, account, kind, name)
}

func (n *noting) PutCredential(ctx context.Context, c exchange.Credential) error {
	return n.note("PutCredential").PutCredential(ctx, c)
}

func (n *noting) PutGroup(ctx context.Context, g exchange.Group) (int64, error) {
	return n.note("PutGroup").PutGroup(ctx, g)
}

func (n *noting) RemoveGroup(ctx context.Context, id int64) error {
	return n.note("RemoveGroup").RemoveGroup(ctx, id)
}

func (n *noting) PutGrant(ctx context.Context, g ...exchange.Grant) error {
	return n.note("PutGrant").PutGrant(ctx, g...)
}

func (n *noting) AddUsage(ctx context.Context, list []exchange.Usage, keep int64) error {
	return n.note("AddUsage").AddUsage(ctx, list, keep)
}

func (n *noting) Usage(ctx context.Context, account, since int64) ([]exchange.Usage, error) {
	return n.note("Usage").Usage(ctx, account, since)
}

func (n *noting) CredentialUses(ctx context.Context, account int64) ([]exchange.CredentialUse, error) {
	return n.note("CredentialUses").CredentialUses(ctx, account)
}

func (n *noting) PutCredentialUses(ctx context.Context, uses ...exchange.CredentialUse) error {
	return n.note("PutCredentialUses").PutCredentialUses(ctx, uses...)
}

func (n *noting) Levels(ctx context.Context, f feed.ID) (map[int64]int64, error) {
	return n.note("Levels").Levels(ctx, f)
}

func (n *noting) Relevel(ctx context.Context, f feed.ID, level func(*feed.Entry) (int64, bool)) error {
	return n.note("Relevel").Relevel(ctx, f, level)
}

func (n *noting) Stays(ctx context.Context, f feed.ID, id string) ([]exchange.Stay, error) {
	return n.note("Stays").Stays(ctx, f, id)
}

func (n *noting) Record(lines ...[]byte) func() error { return n.note("Record").Record(lines...) }

func (n *noting) Audit(ctx context.Context, after int64, since taxii.Time, most int, visit func(exchange.AuditBlock) bool) error {
	return n.note("Audit").Audit(ctx, after, since, most, visit)
}

func (n *noting) PurgeAudit(ctx context.Context, before taxii.Time) (bool, error) {
	return n.note("PurgeAudit").PurgeAudit(ctx, before)
}

func (n *noting) PutSecrets(ctx context.Context, s ...exchange.Secret) error {
	return n.note("PutSecrets").PutSecrets(ctx, s...)
}

func (n *noting) Status(ctx context.Context, id string) (feed.Status, error) {
	return n.note("Status").Status(ctx, id)
}

func (n *noting) StatusHead(ctx context.Context, id string) (feed.Status, error) {
	return n.note("StatusHead").StatusHead(ctx, id)
}

func (n *noting) StatusVersions(ctx context.Context, s feed.Status) ([]feed.Version, error) {
	return n.note("StatusVersions").StatusVersions(ctx, s)
}

func (n *noting) PurgeStep(ctx context.Context, before taxii.Time) (bool, error) {
	return n.note("PurgeStep").PurgeStep(ctx, before)
}

func (n *noting) Count(ctx context.Context, f feed.ID) (int64, error) {
	return n.note("Count").Count(ctx, f)
}

// watched gives another exchange on the store of a house, of which the calls are
// noted, and what opens the Session of an account in it.
func (h *house) watched(t *testing.T) (*noting, func(name string) *exchange.Session) {
	t.Helper()
	n := &noting{of: h.store}
	x, err := exchange.New(t.Context(), n, options())
	if err != nil {
		t.Fatal(err)
	}
	return n, func(name string) *exchange.Session {
		t.Helper()
		if name == exchange.AnonymousName {
			return x.Anonymous()
		}
		s, err := x.Open(name, exchange.KindPassword, func(secret string) (bool, error) { return secret == "hash of password of "+name, nil })
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// An answer that says the same can still take longer. What takes time that
// others can measure is the store, so it is asked the same.
func TestWhatIsHiddenAsksOfTheStoreWhatIsNotThereAsks(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "open", "closed")
	h.root(t, "lab", "drafts")
	h.account(t, "alice", "read,write on trust/collection/open")
	writer := h.account(t, "writer", "all on server")
	add(t, writer, "trust", "closed", 1, 20)
	add(t, writer, "lab", "drafts", 2, 20)
	n, open := h.watched(t)
	for _, name := range []string{"alice", exchange.AnonymousName} {
		s := open(name)
		for _, where := range []struct{ hidden, absent [2]string }{
			{[2]string{"trust", "closed"}, [2]string{"trust", "nowhere"}},
			{[2]string{"lab", "drafts"}, [2]string{"nowhere", "drafts"}},
		} {
			for what, ask := range asked(t, s) {
				hidden := n.during(func() { ask(where.hidden[0], where.hidden[1]) })
				absent := n.during(func() { ask(where.absent[0], where.absent[1]) })
				if len(hidden) != 0 || len(absent) != 0 {
					t.Errorf("%s, %s %s: the store is asked %q, and %q where nothing is", name, what, where.hidden, hidden, absent)
				}
			}
		}
	}
	seen := n.during(func() { asked(t, open("alice"))["objects"]("trust", "open") })
	if !slices.Contains(seen, "Read") {
		t.Errorf("what may be read asks only %q of the store: nothing is noted", seen)
	}
}

// asked gives what is asked of a Collection by who may not see it. That it is
// refused other tests show.
func asked(t *testing.T, s *exchange.Session) map[string]func(root, collection string) {
	ctx := t.Context()
	read := func(at exchange.Endpoint) func(root, collection string) {
		return func(root, collection string) {
			view, err := s.View(ctx, exchange.Target{Endpoint: at, Root: root, Collection: collection, Object: "x--1"}, taxii.Filter{})
			if err == nil {
				_, _ = view.Page(ctx) // that it is read counts
			}
		}
	}
	return map[string]func(root, collection string){
		"objects": read(exchange.Objects), "manifest": read(exchange.Manifest), "object": read(exchange.Object), "versions": read(exchange.Versions),
		"POST": func(root, collection string) {
			if s.MayAdd(root, collection) == nil {
				t.Errorf("POST to %s/%s is allowed", root, collection)
			}
			_, _ = s.Add(ctx, root, collection, trial.Envelope(trial.Objects(3, 2)...)) // refused
		},
		"DELETE":     func(root, collection string) { _ = s.Delete(ctx, root, collection, "x--1", taxii.Filter{}) },
		"collection": func(root, collection string) { _, _ = s.Collection(ctx, root, collection) },
	}
}

func TestTheStatusOfAnotherAsksOfTheStoreWhatAnUnknownOneAsks(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "open")
	h.root(t, "lab", "drafts")
	h.account(t, "alice", "read,write on trust", "read on lab")
	h.account(t, "bob", "read,write on trust")
	n, open := h.watched(t)
	bob := open("bob")
	st := add(t, bob, "trust", "open", 1, 20)
	status := func(s *exchange.Session, root, id string, want taxii.Kind) []string {
		return n.during(func() { wantKind(t, root+" "+id, second(s.Status(t.Context(), root, id)), want) })
	}
	for _, c := range []struct{ account, root string }{{"alice", "trust"}, {"alice", "lab"}, {"bob", "lab"}, {"bob", "nowhere"}} {
		s := open(c.account)
		there, unknown := status(s, c.root, st.ID, taxii.NotFound), status(s, c.root, taxii.NewID(), taxii.NotFound)
		if !slices.Equal(there, unknown) {
			t.Errorf("%s in %s: the store is asked %q, and %q of an unknown id", c.account, c.root, there, unknown)
		}
	}
	own := n.during(func() {
		if _, err := bob.Status(t.Context(), "trust", st.ID); err != nil {
			t.Error(err)
		}
	})
	if !slices.Contains(own, "StatusVersions") {
		t.Errorf("whose Status it is asks only %q of the store: nothing is noted", own)
	}
}
