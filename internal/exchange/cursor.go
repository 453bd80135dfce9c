package exchange

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// OptionForeignCursor and OptionEmptyList are the options of accounts whose
// clients need them (K41; K52 and K53).
const (
	OptionForeignCursor = "ignore_foreign_cursor"
	OptionEmptyList     = "empty_list"
)

// place is what a cursor says: what it is bound to, the query it goes on with,
// and how far that was answered. It holds nothing of the server's memory, so it
// works after a restart, on another node, and days later (K42). It grants
// nothing: the query is evaluated under the rights of whoever sends it (R151).
type place struct {
	Bound       string     `json:"b"`
	Query       string     `json:"q"` // the filter, without limit and next
	Incarnation string     `json:"i"`
	Place       feed.Place `json:"p"`
	Date        taxii.Time `json:"d"`
}

// kidSize is the length of a key id before the sealed part of a cursor.
const kidSize = 8

var encoding = base64.RawURLEncoding.Strict() // URL-safe, without padding (K43)

// cursor seals the place after a page.
func (v *View) cursor(p *Page) (string, error) {
	text, err := json.Marshal(place{
		Bound: v.bound(), Query: v.filter.Encode(), Incarnation: v.incarnation(), Place: p.LastPlace, Date: p.Last,
	})
	if err != nil {
		return "", err
	}
	snap := v.s.x.now.Load()
	aead := snap.keys[snap.active]
	token := make([]byte, kidSize+aead.NonceSize(), kidSize+aead.NonceSize()+len(text)+aead.Overhead())
	copy(token, snap.active)
	_, _ = rand.Read(token[kidSize:]) // never fails
	return encoding.EncodeToString(aead.Seal(token, token[kidSize:], text, token[:kidSize])), nil
}

// openCursor reads a cursor that this server sealed.
func (x *Exchange) openCursor(next string) (place, error) {
	var p place
	token, err := encoding.DecodeString(next)
	snap := x.now.Load()
	if err != nil || len(token) < kidSize {
		return p, badCursor()
	}
	aead := snap.keys[string(token[:kidSize])]
	if aead == nil || len(token) < kidSize+aead.NonceSize() {
		return p, badCursor()
	}
	text, err := aead.Open(nil, token[kidSize:kidSize+aead.NonceSize()], token[kidSize+aead.NonceSize():], token[:kidSize])
	if err != nil {
		return p, badCursor()
	}
	return p, json.Unmarshal(text, &p)
}

func badCursor() error {
	return taxii.Errorf(taxii.Malformed, "next is not a cursor of this server").
		Describe("It was changed on the way, or its key has been retired. Go on with added_after set to the last X-TAXII-Date-Added-Last.")
}

// follow goes on where a cursor of this target ends.
func (v *View) follow(next string) error {
	p, err := v.s.x.openCursor(next)
	if err != nil {
		return err
	}
	if p.Bound != v.bound() {
		if v.s.Is(OptionForeignCursor) {
			v.query.AfterAdded = v.filter.AddedAfter
			return nil
		}
		return taxii.Errorf(taxii.Malformed, "next belongs to another endpoint or collection").
			Describe("A cursor goes on with the query that gave it. Start here without next.")
	}
	was, err := taxii.ParseFilter(p.Query, taxii.ObjectsFields)
	if err != nil {
		return badCursor()
	}
	if err := agree(v.filter, was); err != nil {
		return err
	}
	v.filter, v.reached = was, p.Date
	if p.Incarnation != v.incarnation() {
		v.query.AfterAdded = &p.Date // dates rise as places do, and hold where places may not
		return nil
	}
	v.query.After = p.Place
	return nil
}

// incarnation is what the places of a cursor are good for: this feed, for as
// long as this process holds its store. Between two processes the store may have
// been restored from an older copy, after which a place is another entry's.
func (v *View) incarnation() string { return v.head.Incarnation + "." + v.s.x.run }

// agree refuses parameters that contradict the cursor beside them (K40).
func agree(now, was taxii.Filter) error {
	contradicts := func(name string) error {
		return taxii.Errorf(taxii.Malformed, "%s contradicts next", name).
			Describe("Send next alone, or with the parameters of the request that gave it.")
	}
	if now.AddedAfter != nil && (was.AddedAfter == nil || *now.AddedAfter != *was.AddedAfter) {
		return contradicts("added_after")
	}
	for _, f := range []struct {
		name     string
		now, was []string
	}{
		{"match[id]", now.IDs, was.IDs}, {"match[type]", now.Types, was.Types},
		{"match[version]", now.Versions, was.Versions}, {"match[spec_version]", now.SpecVersions, was.SpecVersions},
	} {
		if len(f.now) > 0 && !sameSet(f.now, f.was) {
			return contradicts(f.name)
		}
	}
	return nil
}

// sameSet tells whether two lists hold the same values.
func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// quote appends a JSON string.
func quote(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, s) // its only error, bad UTF-8, is mended and cannot be in the store
	return b
}

// pathOf gives the path of an absolute URL, without a final slash.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.EscapedPath()
}
