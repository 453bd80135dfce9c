// Package history keeps what the clients of a server did and were told, each in
// a file of its own, and judges it: what was acknowledged is there once, in its
// order, and every follower got all of it. It knows neither the server nor its
// store; what it judges is recorded data and nothing else.
package history

import (
	"crypto/sha256"
	"encoding/hex"
	"math"

	"github.com/hansom-taxii/hansom/internal/stix"
)

// Object is one version of an object, as it was sent or as it came.
type Object struct {
	ID      string `json:"i"`
	Version string `json:"v,omitempty"` // its own, as sent; "" where it has none or where it is not known
	Hash    string `json:"h,omitempty"` // of its bytes; "" in a manifest and in a Status
	Date    string `json:"d,omitempty"` // date_added; only in a manifest
}

// Of names raw content: its id and version, and a fingerprint of its bytes. What
// is no object has an empty id.
func Of(raw []byte) Object {
	facts, _ := stix.Peek(raw) // what was usable is there, whatever is wrong with the rest
	sum := sha256.Sum256(raw)
	return Object{ID: facts.ID, Version: facts.Version, Hash: hex.EncodeToString(sum[:16])}
}

// Outcome is what a client knows of its request.
type Outcome string

// The outcomes: it was carried out, it was not, or there was no answer.
const (
	Done    Outcome = "done"
	Refused Outcome = "refused"
	Unknown Outcome = "unknown"
)

// Kind is what a request asks for.
type Kind string

// The requests: objects are added; a file is added in batches, each an Add of
// its own, one after the other; versions of an object are deleted; a setting,
// such as the rights of an account, is given a value.
const (
	Add    Kind = "add"
	Import Kind = "import"
	Delete Kind = "delete"
	Set    Kind = "set"
)

// Answer is what a client was told. Successes and Failures are of an Add that
// was done: all its objects are in the one or the other. Of an Import that was
// done every object is stored.
type Answer struct {
	Outcome             Outcome
	Status              int // of HTTP; 0 where there was none
	Successes, Failures []Object
}

// never is the end of a request without an answer.
const never = math.MaxInt64

// Request is one request of a client and what it was told. Start and End are
// nanoseconds of one clock; without an answer the End is after all others.
type Request struct {
	Client     string
	Kind       Kind
	Feed       string   // where; "" for a Set
	Objects    []Object // of an Add or an Import, in order
	Batch      int      // objects that an Import sends together
	ID         string   // of what is deleted, or the name of what is set
	Version    string   // which is deleted; "" for all
	Value      string   // that is set
	Start, End int64
	Answer
}

// Page is one page that a follower got, or why it got none although there was an
// answer.
type Page struct {
	First, Last string // its dates, as the headers say
	Objects     []Object
	Problem     string
}

// Follower is one client that read a feed, all versions, from the beginning to
// the end and never began again.
type Follower struct {
	Name     string
	Feed     string
	Manifest bool // it read records
	Pages    []Page
}

// End is what a feed holds in the end: all versions, each with its record.
type End struct {
	Feed    string
	Objects []Object
	Records []Object
}

// Reading is what a setting was when nobody was setting it.
type Reading struct {
	Name, Value string
	At          int64
}

// History is all that was recorded. Of one setting all requests come from one
// client, one after the other.
type History struct {
	Requests  []Request
	Followers []Follower
	Readings  []Reading
	Ends      []End
}
