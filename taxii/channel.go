package taxii

import (
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
)

// The resources of Channels (docs/channels.md section 4). TAXII 2.1 reserves
// Channels and defines none; these are hansom's, built on the first draft of
// the TAXII 2 REST API.

// The fixed cursors of a Channel.
const (
	Earliest = "earliest" // before the oldest Message that is kept
	Latest   = "latest"   // after the newest
)

// The modes of a Channel.
const (
	ModeBoth      = "both"
	ModeReadOnly  = "read-only"  // the server publishes: a POST is 501
	ModeWriteOnly = "write-only" // a drop box: reading is 501
)

// The types that a Message has where its publisher names none.
const (
	TypeEnvelope = "envelope"
	TypeContent  = "content" // of other media types
)

// Channel is a Channel as the account that asks sees it. An unrestricted one
// leaves PermittedMessages out; Earliest and Latest are for readers, Grants
// and the last three for who manages it.
type Channel struct {
	ID                string   `json:"id"`
	Name              string   `json:"name"`
	Title             string   `json:"title,omitempty"`
	Description       string   `json:"description,omitempty"`
	PermittedMessages []string `json:"permitted_messages,omitempty"`
	ContentType       string   `json:"content_type"`
	TTL               int64    `json:"ttl"` // seconds
	Mode              string   `json:"mode"`
	FromCollection    string   `json:"from_collection,omitempty"`
	ToCollection      string   `json:"to_collection,omitempty"`
	MaxMessageSize    int64    `json:"max_message_size"`       // octets
	MaxMessages       int64    `json:"max_messages,omitempty"` // 0: no bound
	MaxBytes          int64    `json:"max_bytes,omitempty"`    // 0: no bound
	ShowPublishers    bool     `json:"show_publishers,omitempty"`
	CanRead           bool     `json:"can_read"`
	CanWrite          bool     `json:"can_write"`
	CanManage         bool     `json:"can_manage"`
	Created           Time     `json:"created"`
	Earliest          string   `json:"earliest,omitempty"`
	Latest            string   `json:"latest,omitempty"`

	Grants   []ChannelGrant `json:"grants,omitempty"`
	Unmarked string         `json:"unmarked,omitempty"` // only for who manages it; absent: clear
	Clashes  int64          `json:"clashes,omitempty"`  // drafts refused because another publisher's Message has their id
	Stopped  []string       `json:"stopped,omitempty"`  // why from_collection or to_collection does not go on

	ETag string `json:"-"` // of this state, for the header; quoted
}

// Channels is a page of the Channels of an API Root; without any it is {}.
type Channels struct {
	Channels []Channel `json:"channels,omitempty"`
	More     bool      `json:"more,omitempty"`
	Next     string    `json:"next,omitempty"`
}

// ChannelGrant says what an account or a group may do on a Channel; one of both is
// named. Ceiling is the name of the highest marking level that is read by it,
// clear, green, amber, amber+strict or red. In an answer "" is none. In a request
// "" keeps the one that there is, so that who does not know of ceilings lifts none;
// none, the word, lifts it.
type ChannelGrant struct {
	Account   string `json:"account,omitempty"`
	Group     string `json:"group,omitempty"`
	CanRead   bool   `json:"can_read"`
	CanWrite  bool   `json:"can_write"`
	CanManage bool   `json:"can_manage"`
	Ceiling   string `json:"ceiling,omitempty"`
}

// ChannelGrants is the whole list of the grants of a Channel.
type ChannelGrants struct {
	Grants []ChannelGrant `json:"grants"`

	ETag string `json:"-"` // of this state, for the header; quoted
}

// Invitation lets whoever redeems its token join a Channel. Token is in the
// answer that made it and nowhere else.
type Invitation struct {
	ID       string `json:"id,omitempty"`
	CanRead  bool   `json:"can_read"`
	CanWrite bool   `json:"can_write"`
	Expires  Time   `json:"expires,omitzero"`
	Uses     int    `json:"uses,omitempty"` // that are left
	Token    string `json:"token,omitempty"`
}

// Invitations is the list of the invitations of a Channel.
type Invitations struct {
	Invitations []Invitation `json:"invitations,omitempty"`
	More        bool         `json:"more,omitempty"`
	Next        string       `json:"next,omitempty"`
}

// Join redeems an invitation.
type Join struct {
	Token string `json:"token"`
}

// Message is one publication. Content is the octets as published where its
// media type is JSON, ContentBase64 where it is not; ContentURL, relative to
// the API Root, stands for both where the content does not fit.
type Message struct {
	ID            string         `json:"id"`
	Cursor        string         `json:"cursor"` // the place after it
	Published     Time           `json:"published"`
	Publisher     string         `json:"publisher,omitempty"`
	Origin        string         `json:"origin,omitempty"`
	Type          string         `json:"type"`
	MediaType     string         `json:"media_type"`
	Size          int64          `json:"size"` // of the content, octets
	Content       jsontext.Value `json:"content,omitempty"`
	ContentBase64 []byte         `json:"content_base64,omitempty"`
	ContentURL    string         `json:"content_url,omitempty"`
}

// Messages is a page of a Channel. Next is always there.
type Messages struct {
	Messages []Message `json:"messages,omitempty"`
	More     bool      `json:"more"`
	Next     string    `json:"next"`
	Gap      *Gap      `json:"gap,omitempty"`
	Created  bool      `json:"created,omitempty"`
}

// The reasons of a Gap.
const (
	GapTTL      = "ttl"
	GapBound    = "bound"
	GapRestored = "restored"
	GapReplaced = "replaced"
)

// Gap says what a Subscription has missed. Missed counts Messages, Selector not
// applied; nil where it cannot be known, and for an account that does not see all.
type Gap struct {
	Missed *int64 `json:"missed,omitempty"`
	From   string `json:"from"`
	To     string `json:"to"`
	Reason string `json:"reason"`
}

// MessageDraft is a Message to be published: Content or ContentBase64, which
// are nil where they are absent.
type MessageDraft struct {
	ID            string         `json:"id,omitempty"`
	Type          string         `json:"type,omitempty"`
	MediaType     string         `json:"media_type,omitempty"`
	Origin        string         `json:"origin,omitempty"`
	Content       jsontext.Value `json:"content,omitempty"`
	ContentBase64 []byte         `json:"content_base64,omitempty"`
}

// The dispositions of a draft.
const (
	Accepted  = "accepted"
	Duplicate = "duplicate" // the same id and the same octets are there already
	Rejected  = "rejected"
	Rewritten = "rewritten" // reserved for relays
)

// Subscription is an account's saved place on a Channel. Selector maps a field
// such as "type" to its values.
type Subscription struct {
	ID              string              `json:"id"`
	Account         string              `json:"account,omitempty"` // only for who manages the Channel
	Name            string              `json:"name,omitempty"`
	Selector        map[string][]string `json:"selector,omitempty"`
	Position        string              `json:"position"`
	Pending         Count               `json:"pending,omitzero"`
	PendingBytes    Count               `json:"pending_bytes,omitzero"`
	MaxPending      int64               `json:"max_pending,omitempty"`
	MaxPendingBytes int64               `json:"max_pending_bytes,omitempty"`
	IdleTimeout     int64               `json:"idle_timeout"` // seconds
	LastSeen        Time                `json:"last_seen"`
	Expires         Time                `json:"expires"`
	Created         Time                `json:"created"`
	Gap             *Gap                `json:"gap,omitempty"`
	Push            *Push               `json:"push,omitempty"`

	ETag string `json:"-"` // of this state, for the header; quoted
}

// Count is a number of Messages or octets that the server may keep to itself, as
// it does where an account does not see all of them; Untold then.
type Count int64

// Untold stands for a Count that the server did not give.
const Untold Count = -1

// IsZero tells that a Count is left out of JSON.
func (c Count) IsZero() bool { return c == Untold }

// UnmarshalJSON implements json.Unmarshaler: counts that are absent are Untold.
func (s *Subscription) UnmarshalJSON(text []byte) error {
	type plain Subscription
	sub := plain{Pending: Untold, PendingBytes: Untold}
	if err := json.Unmarshal(text, &sub); err != nil {
		return err
	}
	*s = Subscription(sub)
	return nil
}

// UnmarshalJSON implements json.Unmarshaler, likewise.
func (p *PositionNow) UnmarshalJSON(text []byte) error {
	type plain PositionNow
	now := plain{Pending: Untold}
	if err := json.Unmarshal(text, &now); err != nil {
		return err
	}
	*p = PositionNow(now)
	return nil
}

// Subscriptions is a page of Subscriptions.
type Subscriptions struct {
	Subscriptions []Subscription `json:"subscriptions,omitempty"`
	More          bool           `json:"more,omitempty"`
	Next          string         `json:"next,omitempty"`
}

// NewSubscription is the request that makes a Subscription. Start is Latest,
// Earliest, a cursor or a timestamp.
type NewSubscription struct {
	Name            string              `json:"name,omitempty"`
	Selector        map[string][]string `json:"selector,omitempty"`
	Start           string              `json:"start,omitempty"`
	MaxPending      int64               `json:"max_pending,omitempty"`
	MaxPendingBytes int64               `json:"max_pending_bytes,omitempty"`
	IdleTimeout     int64               `json:"idle_timeout,omitempty"`
	Push            *Push               `json:"push,omitempty"`
}

// Position moves a Subscription, and tells where it is.
type Position struct {
	Cursor string `json:"cursor"`
	Seek   bool   `json:"seek,omitempty"`
}

// PositionNow is the answer to a Position.
type PositionNow struct {
	Position string `json:"position"`
	Pending  Count  `json:"pending,omitzero"`
}

// The states of a Push.
const (
	PushUnverified = "unverified"
	PushActive     = "active"
	PushFailing    = "failing"
	PushDisabled   = "disabled"
)

// Push says where the Messages of a Subscription are sent. Secret, "whsec_" and
// base64 of the 32 octets of the key, is only in the answer that made or rotated
// it; Rotate is only in requests, and asks for a new one.
type Push struct {
	URL       string `json:"url,omitempty"` // of another account's left out: it may hold a secret of its receiver's
	Rotate    bool   `json:"rotate,omitempty"`
	Secret    string `json:"secret,omitempty"`
	State     string `json:"state,omitempty"`
	LastError string `json:"last_error,omitempty"`
	RetryAt   Time   `json:"retry_at,omitzero"`
}

// MarshalJSON writes c, and {} if it holds no Channels.
func (c Channels) MarshalJSON() ([]byte, error) {
	if len(c.Channels) == 0 {
		return []byte(`{}`), nil
	}
	type plain Channels
	return json.Marshal(plain(c))
}
