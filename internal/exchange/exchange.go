package exchange

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Options of an exchange.
type Options struct {
	PublicURL string // without a final slash; every printed URL begins with it (K02)

	Title, Description, Contact string // of discovery

	MaxContentLength int64 // octets of the decoded body of an Add; announced by every API Root
	PageObjects      int   // entries of a page where the client sets no limit
	PageMost         int   // a larger limit is lowered to it (K34)
	PageBytes        int   // octets of a page, but always at least one entry

	MasterKey []byte // 32 octets; seals the secrets of the store
	// HashPassword makes what is kept of a password. IsHash tells a hash that it
	// could have made from other text.
	// VerifyPassword tells whether a password is the one of a hash.
	HashPassword   func(password string) (string, error)
	IsHash         func(text string) bool
	VerifyPassword func(hash, password string) bool

	Now func() time.Time // nil: time.Now

	// Shared says that other nodes have the same store: a new key is known to them
	// before it is used.
	Shared bool

	// ChannelsFixed lets nobody but the operator create, change and remove Channels,
	// grant on them or invite to them.
	ChannelsFixed bool

	Limits Limits // of accounts that have none of their own
	Nodes  int    // that share the limits of accounts; 0 is 1

	Audit     AuditMode     // "": on
	AuditKept time.Duration // how long records are kept; 0: for good

	// CheckPush tells, in words for who gave it, why Messages may not be pushed to a
	// URL, as far as the URL tells. nil: push is not offered.
	CheckPush func(url string) error
}

// The sizes of pages where the operator sets none. They bound what one answer
// holds in memory, and a client with a time-out of 30 s still gets one on a slow
// line (K49).
const (
	DefaultPageObjects      = 100
	DefaultPageMost         = 10_000
	DefaultPageBytes        = 4 << 20
	DefaultMaxContentLength = 10_485_760
)

// Exchange holds the store and what is known of its catalogue.
type Exchange struct {
	store Store
	opt   Options
	run   string // tells this process from others, in cursors

	now     atomic.Pointer[snapshot]
	publicM sync.Mutex  // held while the catalogue is changed and read again
	stale   atomic.Bool // the catalogue may be older than the store
	turned  feed.Bell   // rings, under 0, when the catalogue has been read again
	pushes  pushBoard
	uses    uses     // of credentials, since they were written last
	joins   attempts // to join Channels, in this minute
	meters  meters   // what accounts have used of their limits

	audit ledger

	levelM sync.Mutex // held while levels are changed to others, see leveling

	rings    rings    // the last Messages of Channels, in memory
	desk     desk     // Subscriptions that are being read
	lost     lost     // rights to read that ended, with Subscriptions left
	stopping stopping // see Stop

	publishing atomic.Int64 // publications that wait for their commit
}

// New reads the catalogue, and makes on first start what must be there: the
// built-in accounts and a key for cursors.
func New(ctx context.Context, store Store, opt Options) (*Exchange, error) {
	x := &Exchange{store: store, opt: opt.withDefaults(), run: rand.Text()}
	if err := x.reload(ctx); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{x.ensureBuiltins, x.ensureKeys, x.readUsage, x.ensureLevels} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return x, nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.PageObjects == 0 {
		o.PageObjects = DefaultPageObjects
	}
	if o.PageMost == 0 {
		o.PageMost = DefaultPageMost
	}
	if o.PageBytes == 0 {
		o.PageBytes = DefaultPageBytes
	}
	if o.MaxContentLength == 0 {
		o.MaxContentLength = DefaultMaxContentLength
	}
	if o.Title == "" {
		o.Title = "hansom TAXII exchange"
	}
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
	return o
}

// MaxContentLength is the largest decoded body of an Add, in octets.
func (x *Exchange) MaxContentLength() int64 { return x.opt.MaxContentLength }

// PageBytes is the size of a page in octets, unless one entry is larger.
func (x *Exchange) PageBytes() int { return x.opt.PageBytes }

// RootNames gives the names of the API Roots on this server, for the face that
// must cut them off a path. Whether the account may see one is not said here.
func (x *Exchange) RootNames() map[string]bool { return x.now.Load().local }

// The names of the built-in accounts. Neither can sign in: operator is who local
// commands act as, anonymous who asks without credentials.
const (
	OperatorName  = "operator"
	AnonymousName = "anonymous"
)

func (x *Exchange) ensureBuiltins(ctx context.Context) error {
	for _, name := range []string{OperatorName, AnonymousName} {
		if _, ok := x.now.Load().names[name]; ok {
			continue
		}
		if _, err := x.store.PutAccount(ctx, Account{Name: name, Builtin: true}); err != nil {
			return err
		}
	}
	return x.reload(ctx)
}

// reload reads the catalogue again.
func (x *Exchange) reload(ctx context.Context) error {
	c, err := x.store.Catalog(ctx)
	if err != nil {
		return err
	}
	s, err := x.snapshot(c)
	if err != nil {
		return err
	}
	x.noteLost(x.now.Load(), s)
	x.now.Store(s)
	x.turned.Ring(0)
	return nil
}

// change runs a change of the catalogue, one at a time, and makes it known to
// every Session before it returns.
func (x *Exchange) change(ctx context.Context, do func(*snapshot) error) error {
	x.publicM.Lock()
	defer x.publicM.Unlock()
	err := do(x.now.Load())
	if err != nil && taxii.KindOf(err) != taxii.Unavailable {
		return err // nothing was changed
	}
	x.stale.Store(true)
	return errors.Join(err, x.refresh(context.WithoutCancel(ctx)))
}

// refresh reads the catalogue again where it may be older than the store: after a
// change, and, by Housekeep, after one of which nobody knows what became of it.
func (x *Exchange) refresh(ctx context.Context) error {
	if !x.stale.Load() {
		return nil
	}
	if err := x.reload(ctx); err != nil {
		return err
	}
	x.stale.Store(false)
	return nil
}

type requestKey struct{}

// WithRequest gives a context that carries the request id, for records.
func WithRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestOf gives the request id, or "" where there is none.
func RequestOf(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// catchUp is refresh for who has not the turn to change the catalogue.
func (x *Exchange) catchUp(ctx context.Context) error {
	if !x.stale.Load() {
		return nil
	}
	x.publicM.Lock()
	defer x.publicM.Unlock()
	return x.refresh(ctx)
}

const (
	// statusKept is how long a Status can be asked for after its Add (R194), with
	// an hour to spare for clocks that differ.
	statusKept = 25 * time.Hour
	// purgePause lets the writer serve others between two steps of a purge, and
	// purgeIdle is how often it is looked whether there is something to purge.
	purgePause = 5 * time.Millisecond
	purgeIdle  = time.Second
)
