package exchange

import (
	"context"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// ChannelStore is what Channels ask of a disk, beside feeds: the catalogue of
// Channels is in Catalog, Subscriptions stay on the disk, however many there are.
type ChannelStore interface {
	// PutChannel keeps a Channel with these grants on it, all or nothing; Feed 0
	// makes a new one. A TTL other than the one before is added to Keeps under the
	// head of the feed.
	PutChannel(ctx context.Context, c Channel, grants ...Grant) error
	// RemoveChannel makes a Channel, with its Subscriptions, grants and invitations,
	// invisible at once; PurgeStep does the rest.
	RemoveChannel(ctx context.Context, id string) error
	// StopRelay notes why from_collection or to_collection of a Channel does not go
	// on; "" ends the note.
	StopRelay(ctx context.Context, id, why string) error

	// Subscribe keeps a new Subscription, or gives the one that has its key. How
	// many an account has is counted in the same transaction (TooMany).
	Subscribe(ctx context.Context, s Subscription, most SubscriptionBounds) (kept Subscription, created bool, err error)
	// Subscription gives one (NotFound).
	Subscription(ctx context.Context, id string) (Subscription, error)
	// SubscriptionOf gives the one with this key (NotFound).
	SubscriptionOf(ctx context.Context, k SubscriptionKey) (Subscription, error)
	// Subscriptions lists those of a Channel, of one account or, for 0, of all, by
	// id, after one id; at most so many.
	Subscriptions(ctx context.Context, channel string, account int64, after string, most int) ([]Subscription, error)
	// ChangeSubscription gives edit the Subscription as it is, in the transaction
	// that keeps what edit leaves. edit may be called twice and changes nothing else.
	ChangeSubscription(ctx context.Context, id string, edit func(*Subscription) error) (Subscription, error)
	RemoveSubscription(ctx context.Context, id string) error // none: nil
	// DiscardSubscriptions ends a few of those that ended before now, and tells
	// whether more are left.
	DiscardSubscriptions(ctx context.Context, now taxii.Time) (more bool, err error)
	// Pushing lists the Subscriptions that have a push that is not disabled.
	Pushing(ctx context.Context) ([]Subscription, error)

	PutInvitation(ctx context.Context, v Invitation) error
	Invitations(ctx context.Context, channel string) ([]Invitation, error) // by id
	RemoveInvitation(ctx context.Context, channel, id string) error        // NotFound
	// Redeem uses an invitation up by one and adds its rights to the account's grant
	// on the Channel, in one transaction. NotFound: no such token, expired, used up;
	// good says whether its maker may still invite.
	Redeem(ctx context.Context, channel, tokenHash string, account int64, now taxii.Time, good func(Invitation) bool) (Invitation, error)

	// Reincarnate says that the store was restored from an older copy: every feed
	// begins a new incarnation at its present head.
	Reincarnate(ctx context.Context) error
}

// Channel is a feed read by following.
type Channel struct {
	ID                       string // UUIDv4 in lower case
	Root                     int64
	Feed                     feed.ID // 0: the store makes one
	Name, Title, Description string
	Permitted                []string // empty: all
	ContentType              string
	TTL                      int64  // seconds, of what is published from now on
	Keeps                    []Keep // what is kept how long; the store keeps it
	Mode                     string
	From, To                 string // ids of Collections, or ""
	Namer                    int64  // the account that named them
	MaxMessageSize           int64
	MaxMessages, MaxBytes    int64 // 0: no bound
	ShowPublishers           bool
	Created                  taxii.Time
	Clashes                  int64  // counted by the store
	Unmarked                 Level  // of what has no marking
	Stopped                  string // why From or To does not go on, a line for each
}

// Keep says that Messages after a place, up to the place of the next Keep, are
// kept for so many seconds. In a list TTLs fall: lengthening a ttl holds for all
// that are kept, shortening it for what comes after.
type Keep struct {
	After feed.Place `json:"after"`
	TTL   int64      `json:"ttl"`
}

// SubscriptionKey is what there is one Subscription of.
type SubscriptionKey struct {
	Channel  string
	Account  int64
	Selector string // canonical
	Name     string
}

// SubscriptionBounds bound the Subscriptions of an account (0: no bound).
type SubscriptionBounds struct{ PerChannel, PerAccount int }

// Subscription is an account's saved place on a Channel.
type Subscription struct {
	SubscriptionKey
	ID                          string // UUIDv4
	Place                       feed.Place
	Incarnation                 int   // of Place: how many there were before it (len(feed.Head.Past))
	Moves                       int64 // counts the seeks, which alone move it back
	MaxPending, MaxPendingBytes int64 // 0: no bound
	IdleTimeout                 int64 // seconds
	Created, Seen               taxii.Time

	// Of the draft form: the place up to which the last answer went that was
	// written whole, and whether the position moves by acknowledgement alone.
	Offered  feed.Place
	Explicit bool

	Push *PushState // nil: none
}

// Ends is when a Subscription that is not used is discarded.
func (s Subscription) Ends() taxii.Time { return s.Seen + taxii.Time(s.IdleTimeout)*1_000_000 }

// PushState is where the Messages of a Subscription are sent, and how that goes.
type PushState struct {
	URL              string
	Secret, Previous []byte     // sealed; Previous is good until PreviousUntil
	PreviousUntil    taxii.Time // of a rotation
	State            string     // see taxii.Push
	LastError        string
	Failures         int        // in a row
	FailingSince     taxii.Time // 0: not failing
	RetryAt          taxii.Time
}

// Invitation lets whoever has its token join a Channel.
type Invitation struct {
	ID, Channel string
	Maker       int64
	Rights      Rights
	TokenHash   string
	Created     taxii.Time
	Expires     taxii.Time
	Uses        int // that are left
}
