package exchange

import (
	"context"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Store is what the exchange asks of a disk: feeds, and the catalogue of what
// there is and who may do what. Every write is durable when it returns.
type Store interface {
	feed.Store
	ChannelStore

	// Catalog reads everything that is small: all but the feeds.
	Catalog(ctx context.Context) (*Catalog, error)

	PutRoot(ctx context.Context, r Root) (int64, error) // ID 0 makes a new one
	RemoveRoot(ctx context.Context, id int64) error     // and begins the removal of its Collections
	PutCollection(ctx context.Context, c Collection) error
	RemoveCollection(ctx context.Context, id string) error                               // invisible at once; PurgeStep does the rest
	PutAccount(ctx context.Context, a Account, credentials ...Credential) (int64, error) // ID 0 makes a new one; all or nothing
	RemoveAccount(ctx context.Context, id int64) error                                   // ends its credentials and grants, keeps its name
	RemoveCredential(ctx context.Context, account int64, kind, name string) error
	PutGrant(ctx context.Context, g ...Grant) error // all or nothing; Rights 0 removes one
	PutSecrets(ctx context.Context, s ...Secret) error

	// StatusHead gives of a Status what tells who may read it: all but its lists.
	StatusHead(ctx context.Context, id string) (feed.Status, error)
	Status(ctx context.Context, id string) (feed.Status, error)
	// StatusVersions names what stood in the given places when it was added,
	// whether it is still there, moved or deleted: new entries first, then the
	// duplicates in their order.
	StatusVersions(ctx context.Context, s feed.Status) ([]feed.Version, error)

	// PurgeStep does one bounded step of what is to be purged, removed feeds and
	// Statuses completed before the given time, and tells whether more is left.
	PurgeStep(ctx context.Context, statusesBefore taxii.Time) (more bool, err error)

	// Count gives the entries and octets of a feed, for people.
	Count(ctx context.Context, f feed.ID) (entries int64, err error)
}

// Catalog is everything small that a store keeps.
type Catalog struct {
	Roots       []Root
	Collections []Collection
	Channels    []Channel
	Accounts    []Account // removed ones too: their names stand in records
	Credentials []Credential
	Grants      []Grant
	Secrets     []Secret
}

// Root is an API Root, of this server or advertised on another one.
type Root struct {
	ID                       int64
	Name, Title, Description string
	Relative                 bool   // discovery prints it as a path (R178)
	Advertise                string // the URL of a root on another server (R181), or ""
	Default                  bool   // discovery names it as the default
}

// Collection is a feed read by asking.
type Collection struct {
	ID                        string // UUIDv4 in lower case (K06)
	Root                      int64
	Feed                      feed.ID // 0: the store makes one
	Alias, Title, Description string
	Validation                string   // off, shape or strict
	Types                     []string // accepted object types; empty: all
}

// Account is who asks.
type Account struct {
	ID      int64 // never used again
	Name    string
	Builtin bool // operator, anonymous
	Removed bool
	Options []string
}

// Credential is how an account proves who it is. Secret is a hash.
type Credential struct {
	Account    int64
	Kind, Name string
	Secret     string
	Created    taxii.Time
}

// Scope is the kind of resource that a grant is on.
type Scope string

// The scopes of grants.
const (
	OnServer     Scope = "server"
	OnRoot       Scope = "root"
	OnCollection Scope = "collection"
	OnChannel    Scope = "channel"
)

// Grant says what an account may do where. No right implies another.
type Grant struct {
	Account int64
	Scope   Scope
	Root    int64  // 0 for the server
	Item    string // the id of the Collection or Channel; "" unless on one
	Rights  Rights
}

// SecretState is where a key is in its life.
type SecretState string

// A secret signs while it is active, is understood while it is accepted, and is
// neither once it is retired.
const (
	Active   SecretState = "active"
	Accepted SecretState = "accepted"
	Retired  SecretState = "retired"
)

// Secret is a key that the server made, sealed with the master key.
type Secret struct {
	Purpose, KID string
	State        SecretState
	Created      taxii.Time
	Sealed       []byte
}
