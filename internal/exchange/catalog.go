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
	AuditStore

	// Catalog reads everything that is small: all but the feeds.
	Catalog(ctx context.Context) (*Catalog, error)

	PutRoot(ctx context.Context, r Root) (int64, error) // ID 0 makes a new one
	RemoveRoot(ctx context.Context, id int64) error     // and begins the removal of its Collections
	PutCollection(ctx context.Context, c Collection) error
	RemoveCollection(ctx context.Context, id string) error                               // invisible at once; PurgeStep does the rest
	PutAccount(ctx context.Context, a Account, credentials ...Credential) (int64, error) // ID 0 makes a new one; all or nothing
	RemoveAccount(ctx context.Context, id int64) error                                   // ends its credentials and grants, keeps its name
	PutCredential(ctx context.Context, c Credential) error                               // in the place of one of the same account, kind and name
	RemoveCredential(ctx context.Context, account int64, kind, name string) error
	PutCredentialUses(ctx context.Context, u ...CredentialUse) error // those of credentials that are there; the latest stays
	CredentialUses(ctx context.Context, account int64) ([]CredentialUse, error)
	PutGroup(ctx context.Context, g Group) (int64, error) // ID 0 makes a new one; Members is the whole list
	RemoveGroup(ctx context.Context, id int64) error      // and ends its grants
	PutGrant(ctx context.Context, g ...Grant) error       // all or nothing; Rights 0 removes one
	PutSecrets(ctx context.Context, s ...Secret) error

	// AddUsage adds to what accounts used up on days, and forgets days before
	// oldest (0: none). What is of an account that is not there is left out.
	AddUsage(ctx context.Context, used []Usage, oldest int64) error
	// Usage gives what one account, or for 0 each, used up on a day and later, by
	// account and day.
	Usage(ctx context.Context, account, since int64) ([]Usage, error)

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
	Groups      []Group
	Credentials []Credential
	Grants      []Grant
	Secrets     []Secret
	Unleveled   []feed.ID // feeds whose levels are to be read off their content
}

// Root is an API Root, of this server or advertised on another one.
type Root struct {
	ID                       int64
	Name, Title, Description string
	Relative                 bool   // discovery prints it as a path (R178)
	Advertise                string // the URL of a root on another server (R181), or ""
	Default                  bool   // discovery names it as the default
	SignIn                   []Way  // ways to sign in that are taken here; empty: all (R030)
}

// Collection is a feed read by asking.
type Collection struct {
	ID                        string // UUIDv4 in lower case (K06)
	Root                      int64
	Feed                      feed.ID // 0: the store makes one
	Alias, Title, Description string
	Validation                string   // off, shape or strict
	Types                     []string // accepted object types; empty: all
	Unmarked                  Level    // of what has no marking
}

// Account is who asks.
type Account struct {
	ID      int64 // never used again
	Name    string
	Builtin bool // operator, anonymous
	Removed bool
	Options []string
	Limits  Limits
}

// Group is accounts that are granted rights together. Its number is from the
// same row as those of accounts, so that a grant names either.
type Group struct {
	ID      int64
	Name    string
	Limits  Limits // of each member, where the account has none of its own
	Members []int64
}

// Credential is how an account proves who it is. Secret is a hash.
type Credential struct {
	Account    int64
	Kind, Name string
	Secret     string
	Created    taxii.Time

	ID      string     // under which it is named in records; "" for a password
	Expires taxii.Time // 0: never
	Scope   []Grant    // what it lets through of what its account may do, Account and Ceiling aside; nil: all
	Ceiling *Level     // likewise; nil: all
	Maker   string     // the id of the credential by which it was made, with which it ends; "": none
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

// Grant says what an account, or a group, may do where. No right implies another.
type Grant struct {
	Account int64 // or the number of a group
	Scope   Scope
	Root    int64  // 0 for the server
	Item    string // the id of the Collection or Channel; "" unless on one
	Rights  Rights
	Ceiling *Level // what is read by it is marked no higher; nil: anything
}

// SecretState is where a key is in its life.
type SecretState string

// A secret signs while it is active, is understood while it is coming or accepted,
// and is neither once it is retired. Coming ones become active.
const (
	Coming   SecretState = "coming"
	Active   SecretState = "active"
	Accepted SecretState = "accepted"
	Retired  SecretState = "retired"
)

// Secret is a key that the server made, sealed with the master key.
type Secret struct {
	Purpose, KID string
	State        SecretState
	Created      taxii.Time
	Signs        taxii.Time // since when, or from when on, it signs; 0 of old ones: since Created
	Sealed       []byte
}
