package taxii

import (
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
)

// Discovery says what a server offers (section 4.1.1).
type Discovery struct {
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Contact     string   `json:"contact,omitempty"`
	Default     string   `json:"default,omitempty"`   // byte for byte one of APIRoots (R175, K03)
	APIRoots    []string `json:"api_roots,omitempty"` // absolute URLs, or paths with one leading slash (R177, R178)
	APIBases    []string `json:"api_bases,omitempty"` // only at /taxii2/api-bases/, for clients of the first draft: APIRoots as absolute URLs
}

// APIRoot describes one API Root (section 4.2.1). Title, Versions and
// MaxContentLength are required.
type APIRoot struct {
	Title            string   `json:"title"`
	Description      string   `json:"description,omitempty"`
	Versions         []string `json:"versions"`           // media types; [MediaType] is among them (R188)
	MaxContentLength int64    `json:"max_content_length"` // octets of a request's body, above zero (R189)
}

// Collections is the list of an API Root's Collections (section 5.1.1); with
// none it is written as {} (R212).
type Collections struct {
	Collections []Collection `json:"collections,omitempty"`
}

// EmptyCollections is the answer without Collections for an account whose
// client needs the list even if it is empty (K53).
const EmptyCollections = `{"collections":[]}`

// Collection describes one Collection as the account that asks sees it
// (section 5.2.1).
type Collection struct {
	ID          string   `json:"id"`
	Title       string   `json:"title"`
	Description string   `json:"description,omitempty"`
	Alias       string   `json:"alias,omitempty"`
	CanRead     bool     `json:"can_read"`
	CanWrite    bool     `json:"can_write"`
	MediaTypes  []string `json:"media_types,omitempty"` // none means application/stix+json (R220)
}

// Manifest is a page of Records (section 5.3.1). more is always written (K44);
// next, which the standard does not have here, lets clients go on (K45).
type Manifest struct {
	More    bool             `json:"more"`
	Next    string           `json:"next,omitempty"`
	Objects []ManifestRecord `json:"objects,omitempty"`
}

// ManifestRecord stands for one version of one object.
type ManifestRecord struct {
	ID        string `json:"id"`
	DateAdded Time   `json:"date_added"`
	Version   string `json:"version"`
	MediaType string `json:"media_type,omitempty"`
}

// Versions is a page of the versions of one object (section 5.8.1), in ascending
// order of the date each was added. Without versions it is written as {}
// (R265); otherwise more is always there (K44) and next may be (K45).
type Versions struct {
	More     bool     `json:"more"`
	Next     string   `json:"next,omitempty"`
	Versions []string `json:"versions,omitempty"`
}

// MarshalJSON writes v, and {} if it holds no versions.
func (v Versions) MarshalJSON() ([]byte, error) {
	if len(v.Versions) == 0 {
		return []byte(`{}`), nil
	}
	type plain Versions
	return json.Marshal(plain(v))
}

// The two values of Status.Status (R197, R198).
const (
	StatusComplete = "complete" // nothing changes any more
	StatusPending  = "pending"  // some objects are still being worked on
)

// Status says what became of each object of one Add (section 4.3.1). The counts
// add up to TotalCount, and a list, if present, is as long as its count (K62).
type Status struct {
	ID               string         `json:"id"`
	Status           string         `json:"status"` // StatusComplete or StatusPending
	RequestTimestamp Time           `json:"request_timestamp,omitzero"`
	TotalCount       int            `json:"total_count"`
	SuccessCount     int            `json:"success_count"`
	Successes        []StatusDetail `json:"successes,omitempty"`
	FailureCount     int            `json:"failure_count"`
	Failures         []StatusDetail `json:"failures,omitempty"`
	PendingCount     int            `json:"pending_count"`
	Pendings         []StatusDetail `json:"pendings,omitempty"`
}

// StatusDetail is what a Status says of one object.
type StatusDetail struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Message string `json:"message,omitempty"`

	Disposition string `json:"disposition,omitempty"` // of a Message
	Cursor      string `json:"cursor,omitempty"`      // after a Message that is stored; for who may read
}

// Envelope carries objects (section 3.7), for clients and tests. A server writes
// its envelopes with [AppendEnvelopeHead], which leaves the objects' bytes alone.
type Envelope struct {
	More    bool             `json:"more"`
	Next    string           `json:"next,omitempty"`
	Objects []jsontext.Value `json:"objects,omitempty"`
}
