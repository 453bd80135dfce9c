package feed

import (
	"context"
	"math"

	"github.com/hansom-taxii/hansom/taxii"
)

// ID is the number of a feed in its store. It is never used again.
type ID int64

// Place is the number of an entry in its feed: dense, from 1, in the order of
// the commits. Place 0 is before the first entry.
type Place int64

// Never is the level that no entry has and no ceiling reaches: an entry that is
// superseded at level Never is superseded by nothing.
const Never int64 = math.MaxInt64

// NoCeiling is the ceiling of a reader that may see every level.
const NoCeiling = Never - 1

// Head is the end of a feed: the last place taken, the last date given, and the
// incarnation, which changes when a feed is restored from a copy.
type Head struct {
	Place       Place
	Added       taxii.Time
	Incarnation string
}

// Draft is content that has no place yet.
type Draft struct {
	ID, Type, SpecVersion string
	Version               string // as sent; "" where the content has none: its date becomes its version
	VersionKey            string // normal form of Version, or a fingerprint of the content
	VersionTime           int64  // microseconds since 1970, or a number before all times
	Level                 int64  // marking level; 0 until markings come
	Note                  string // a remark for the Status, where the draft is taken
	Content               []byte // kept byte for byte
}

// Entry is content in its place.
type Entry struct {
	Place                          Place
	Added                          taxii.Time // strictly rising within a feed
	ID, Type, SpecVersion, Version string
	Content                        []byte // only where Query.Content asked for it; valid until the visit returns
	Account                        int64  // only where Query.Records asked for it
	Request                        string // likewise
}

// Add is what one request appends to one feed, with what its Status needs.
type Add struct {
	Feed    ID
	Drafts  []Draft
	Account int64  // who
	Request string // the request id, for records
	Status  Status // ID, Root, At and the Failures known before; the store fills in the rest
	// Form gives the form in which equal contents with one id and version are
	// the same octets. It is asked for only where two have one id and version.
	Form func(content []byte) []byte
}

// Outcome is what became of one draft.
type Outcome struct {
	Place    Place      // where it is, or where the equal content already was
	Added    taxii.Time // its date; 0 for a duplicate
	Version  string     // the version it is shown under
	Fate     Fate
	Existing bool // Fate is Duplicate of an entry that this Add itself made
}

// Fate of a draft: a new entry, equal content already there, or refused because
// other content stands under the same id and version.
type Fate uint8

// The fates of a draft.
const (
	Appended Fate = iota
	Duplicate
	Clash
)

// Result is what became of one Add.
type Result struct {
	Outcomes []Outcome // as many as drafts, in their order
	Status   Status    // as it was recorded
	Head     Head      // of the feed, after the Add
}

// Status is the record of one Add: enough to tell for 24 hours what became of
// each object, without a copy of the document that the client was sent.
type Status struct {
	ID          string // UUIDv4; empty: nothing is recorded
	Root        int64
	Feed        ID
	Account     int64
	Request     string
	At          taxii.Time // of the request
	Octets      int64      // about what its document takes while it is made; only of a StatusHead
	First, Last Place      // of the new entries; both 0 where there are none
	Duplicates  []Place
	Failures    []Failure
	Notes       []Note
}

// DetailOctets is about what one object takes of the memory of a Status that is
// made: its line as a resource, and as JSON.
const DetailOctets = 512

// Failure is one object of an Add that was not taken.
type Failure struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Message string `json:"message"`
}

// Note is a remark on an object that was taken: Index counts the successes,
// new entries first.
type Note struct {
	Index   int    `json:"index"`
	Message string `json:"message"`
}

// Version is the name of one object version, as a Status or a list of versions
// shows it.
type Version struct{ ID, Version string }

// Which chooses the entries of one object that are withdrawn.
type Which struct {
	ID           string
	Versions     Versions // the zero value chooses all
	SpecVersions []string // empty: of every spec_version
	Ceiling      int64
}

// Tombstone says who withdrew, when and for which request.
type Tombstone struct {
	Account int64
	Request string
}

// Store is what a feed asks of a disk.
type Store interface {
	// Append adds drafts to feeds in one commit, heads in id order. An Add
	// carries its Status; it is durable when Append returns.
	Append(ctx context.Context, adds []Add) ([]Result, error)
	// Read visits the entries of q in order until visit answers false. ErrCut: it
	// ran out of time after it had visited some.
	Read(ctx context.Context, feed ID, q Query, visit func(*Entry) bool) error
	// Head gives the end of a feed. It asks no disk.
	Head(ctx context.Context, feed ID) (Head, error)
	// Withdraw removes the chosen entries, under the head, and moves those that
	// come back to view to new places. It returns how many were removed.
	Withdraw(ctx context.Context, feed ID, which Which, why Tombstone) (int, error)
	// Exists tells whether a reader with this ceiling can see any version.
	Exists(ctx context.Context, feed ID, id string, ceiling int64) (bool, error)
	// Deleted tells whether a version that Versions names stood here for this
	// ceiling, was deleted, and has not been added again.
	Deleted(ctx context.Context, feed ID, which Which) (bool, error)
}
