package feed

import (
	"errors"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// Query says which entries of a feed to visit: those after a place (or after a
// date), up to a place, that match every given condition.
type Query struct {
	After      Place       // strictly later places
	AfterAdded *taxii.Time // strictly later dates; used where given
	Upto       Place       // inclusive
	Limit      int         // at most so many are visited

	IDs, Types, SpecVersions []string // empty: any
	Versions                 Versions // the zero value chooses all
	Ceiling                  int64
	Content                  bool // visit entries with their bytes
	Bare                     bool // visit entries with place, date and bytes alone
	Records                  bool // visit entries with the account and the request that wrote them

	// Messages asks a Channel: entries are visited with their Message, account and
	// size, whatever Versions says. With IDs, Upto 0 is the head and Limit 0 as many
	// as IDs. Places are dense: who meets a gap, or nothing where the head is later,
	// and then asks for the head, finds its Floor above the gap.
	Messages bool
	// Lean visits Messages with what goes out of them alone: without the version,
	// the marks and the running total. It goes with Messages and Content.
	Lean bool
	// Fresh visits what was added, once and in the order in which it was added,
	// whatever was superseded or moved by a deletion since: After, Upto and
	// Entry.Place are the places where entries were added at first. What was deleted
	// is left out. Versions, SpecVersions, IDs and AfterAdded are not heeded.
	Fresh bool
}

// ErrCut says that a read ran out of time after it had found entries: those it
// visited are good, and there may be more.
var ErrCut = errors.New("the read was cut short")

// Versions chooses among the versions of an object: any of those that it says.
// The zero value says nothing.
type Versions struct {
	All, First, Last bool
	Keys             []VersionKey
}

// VersionKey names one version: its normal form, and its time for versions that
// are shown by the date they were added.
type VersionKey struct {
	Key   string
	Time  int64
	Dated bool // Key is a time
}

// IsZero tells that nothing was said.
func (v Versions) IsZero() bool { return !v.All && !v.First && !v.Last && len(v.Keys) == 0 }

// OnlyLast tells that the latest version is all that is wanted.
func (v Versions) OnlyLast() bool { return v.Last && !v.All && !v.First && len(v.Keys) == 0 }

// undatedOffset moves the dates of entries without a version of their own
// before all times: what is no time is before every time, and among themselves
// such versions keep the order in which they came.
const undatedOffset = int64(1) << 62

// UndatedTime is the version time of content without a version of its own that
// was first added at the given date.
func UndatedTime(added taxii.Time) int64 { return int64(added) - undatedOffset }

// Undated tells that content has no version of its own: it is shown under the
// date that it first got.
func Undated(versionKey string) bool { return strings.HasPrefix(versionKey, "#") }
