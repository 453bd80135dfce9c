package channels

import (
	"fmt"
	"slices"
	"sync"

	"github.com/hansom-taxii/hansom/taxii"
)

// Seen is one Message as it was delivered, or as a Status told of it.
type Seen struct {
	ID, Cursor, Hash string // Hash of the content; "" in a Status
	Published        taxii.Time
}

// What an entry of a follower's record is.
type What string

// The entries: a Message came; a gap was reported, of so many Messages; a read
// had no whole answer; an answer was none that the protocol has.
const (
	Came   What = "came"
	Gap    What = "gap"
	Failed What = "failed"
	Denied What = "denied"
)

// Entry is one thing that happened to a follower.
type Entry struct {
	What What
	Seen Seen
	// Missed of a Gap; -1 where it was not told.
	Missed int64
	Why    string
}

// Kind is how a follower follows.
type Kind string

// The kinds.
const (
	ByCursor       Kind = "cursor"
	BySubscription Kind = "subscription"
	ByStream       Kind = "stream"
	ByDraft        Kind = "draft"
	ByPush         Kind = "push"
)

// Follower is the record of one. It is for concurrent use.
type Follower struct {
	Name string
	Kind Kind

	mu   sync.Mutex // guards what follows
	list []Entry
	last taxii.Time // the latest that came
}

func (f *Follower) note(e Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, e)
	f.last = max(f.last, e.Seen.Published)
}

// Reached is the date of the latest Message that came.
func (f *Follower) Reached() taxii.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// History is what a run recorded.
type History struct {
	mu    sync.Mutex      // guards what follows, while it is recorded
	Sent  map[string]Sent // by id
	Told  []Seen          // of what was acknowledged
	Wrong []string        // answers to publishers that the protocol does not have

	Added   []string // the objects that were acknowledged, of the Collection that is relayed
	Source  []string // what that Collection held at last, in its order
	Relayed []string // what the Channel that it is published on delivered
	Target  []string // what the Collection held that those were added to

	Followers []*Follower
	End       []Seen // what was there at last, from the earliest on
}

// Sent is a Message that was sent, whether or not an answer came.
type Sent struct{ Hash string }

func (h *History) send(id, hash string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Sent[id] = Sent{hash}
}

func (h *History) told(list ...Seen) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Told = append(h.Told, list...)
}

func (h *History) added(ids ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Added = append(h.Added, ids...)
}

func (h *History) wrong(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Wrong = append(h.Wrong, text)
}

// acknowledged is how many Messages were acknowledged.
func (h *History) acknowledged() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.Told)
}

// newest is the date of the latest Message that was acknowledged.
func (h *History) newest() (date taxii.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.Told {
		date = max(date, s.Published)
	}
	return date
}

// Slow names the followers that did not get the last Message in time.
func (h *History) Slow() (names []string) {
	newest := h.newest()
	for _, f := range h.Followers {
		if f.Reached() < newest {
			names = append(names, f.Name)
		}
	}
	return names
}

// count gives how often something happened to the followers of some kinds.
func (h *History) count(what What, kinds ...Kind) (n int) {
	for _, f := range h.Followers {
		for _, e := range f.list {
			if e.What == what && (len(kinds) == 0 || slices.Contains(kinds, f.Kind)) {
				n++
			}
		}
	}
	return n
}

func (h *History) String() string {
	return fmt.Sprintf("%d messages sent, %d acknowledgements, %d deliveries, %d gaps, %d there in the end, %d objects relayed; slow: %q",
		len(h.Sent), len(h.Told), h.count(Came), h.count(Gap), len(h.End), len(h.Relayed), h.Slow())
}
