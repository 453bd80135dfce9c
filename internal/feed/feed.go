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

	Past        []Place // for each earlier incarnation, the oldest first, the last place that it has in common with what came after it
	Floor       Place   // every place up to it has been purged by age
	Octets      int64   // of all Messages ever appended
	FloorOctets int64   // of those up to Floor
	Unmarked    int64   // level of what has no marking
}

// Draft is content that has no place yet.
type Draft struct {
	ID, Type, SpecVersion string
	Version               string // as sent; "" where the content has none: its date becomes its version
	VersionKey            string // normal form of Version, or a fingerprint of the content
	VersionTime           int64  // microseconds since 1970, or a number before all times
	Level                 int64  // marking level: the highest in it
	Unmarked              bool   // something in it has no marking: it counts as Head.Unmarked too
	Note                  string // a remark for the Status, where the draft is taken
	Content               []byte // kept byte for byte

	Message *Message // what a Channel keeps besides; nil in a Collection
}

// Message is what is kept of an entry of a Channel, beside what is kept of
// every entry. Its VersionKey is MessageKey.
type Message struct {
	MediaType string
	Marks     string // what Selectors are evaluated on, so that no content is parsed to follow
	Origin    string // "" unless it was relayed
	Octets    int64  // of all Messages up to and including it; the store gives it
}

// MessageKey is the VersionKey of all Messages: an id is in a Channel once, and
// shown under the date it was published.
const MessageKey = "#"

// Entry is content in its place.
type Entry struct {
	Place                          Place
	Added                          taxii.Time // strictly rising within a feed
	ID, Type, SpecVersion, Version string
	Content                        []byte // only where Query.Content asked for it; valid until the visit returns
	Level                          int64  // unless Query.Bare or Query.Lean
	Account                        int64  // only where Query.Records or Query.Messages asked for it
	Request                        string // only where Query.Records asked for it

	Message *Message // only where Query.Messages asked for it
	Size    int64    // of the content, octets; likewise, whether or not the content is read
}

// Add is what one request appends to one feed, with what its Status needs.
type Add struct {
	Feed    ID
	Drafts  []Draft
	Account int64  // who
	Request string // the request id, for records
	Status  Status // ID, Root, At and the Failures known before; the store fills in the rest
	// Form gives the form in which equal contents with one id and version are
	// the same octets; nil: as they are. It is asked for only where two have one
	// id and version.
	Form func(content []byte) []byte

	// Admits tells whether the drafts that are new, by their numbers, may be added:
	// an error refuses all of the Add. It is asked under the head, perhaps twice, and
	// asks nothing of the store; nil: they may.
	Admits func(fresh []int) error

	Bounds Bounds  // of a Channel
	Worker *Worker // who appends, if it is a follower inside the server

	// Record gives what the audit keeps of it, in the same commit; nil: nothing. It
	// may be called twice.
	Record func(*Result) []byte
}

// Bounds of what a Channel keeps; 0 is none. An Add that would pass one is
// refused as a whole (taxii.Full): nothing is purged early.
type Bounds struct{ Messages, Octets int64 }

// Worker is the saved cursor of a follower inside the server. An effect and the
// move of its cursor are one commit: it fails as a Conflict where the cursor is
// not at From any more.
type Worker struct {
	Name     string
	From, To Place
}

// Outcome is what became of one draft.
type Outcome struct {
	Place    Place      // where it is, or where the equal content already was
	Added    taxii.Time // its date; of a duplicate that of the entry that was there, for Messages alone
	Version  string     // the version it is shown under
	Fate     Fate
	Existing bool  // Fate is Duplicate of an entry that this Add itself made
	Level    int64 // of what is there
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
	Taken       []Taken // of a publication: its successes, in the order of the request
}

// Taken is one Message that is there after a publication.
type Taken struct {
	ID        string     `json:"id"`
	Place     Place      `json:"place"`
	Published taxii.Time `json:"published"`
	Before    bool       `json:"before,omitempty"` // it was there already
	Message   string     `json:"message,omitempty"`
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
type Version struct {
	ID, Version string
	Level       int64 // marking level of the entry
	Undated     bool  // it has no version of its own: Version is the date that it first got
}

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
	Record  func(removed int, place Place) []byte // as Add.Record: how many were withdrawn, in which place
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

	// Relevel gives the entries of a feed the levels that level finds in them, in
	// bounded steps beside all other writes; unmarked tells that something in it
	// has no marking. In a Channel no level falls. Where a level has changed in a
	// Collection its head has moved when Relevel returns.
	Relevel(ctx context.Context, feed ID, level func(*Entry) (highest int64, unmarked bool)) error
	// Levels counts the entries of a feed by their levels.
	Levels(ctx context.Context, feed ID) (map[int64]int64, error)

	// Grew gives a channel that is closed when the head of a feed moves, by
	// whomever. Listen first, then ask for the head: nothing falls between.
	Grew(feed ID) <-chan struct{}
	// Expire purges, in one bounded step, the oldest Messages of a feed up to a
	// place, together with the move of its floor, and tells whether more of them
	// are left.
	Expire(ctx context.Context, feed ID, upto Place) (more bool, err error)
	// DatedUpto gives the last place whose date is at or before the given one,
	// at least the floor.
	DatedUpto(ctx context.Context, feed ID, date taxii.Time) (Place, error)
	// OctetsUpto gives Message.Octets of a place between floor and head.
	OctetsUpto(ctx context.Context, feed ID, place Place) (int64, error)
	// WorkerAt gives the saved cursor of a Worker, and SetWorker puts one in its place.
	WorkerAt(ctx context.Context, name string) (place Place, found bool, err error)
	SetWorker(ctx context.Context, name string, place Place) error
}

// Common is the last place that an incarnation, by its number, has in common
// with what the feed is now.
func (h Head) Common(incarnation int) Place {
	common := h.Place
	for _, upto := range h.Past[min(incarnation, len(h.Past)):] {
		common = min(common, upto)
	}
	return common
}
