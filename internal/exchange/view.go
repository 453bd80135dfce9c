package exchange

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/stix"
	"github.com/hansom-taxii/hansom/taxii"
)

// Endpoint is what is read of a Collection.
type Endpoint string

// The endpoints that are read in pages. A cursor is bound to one of them.
const (
	Objects  Endpoint = "objects"  // the objects of a Collection (5.4)
	Manifest Endpoint = "manifest" // records of them (5.3)
	Object   Endpoint = "object"   // one object (5.6)
	Versions Endpoint = "versions" // its versions (5.8)
	Export   Endpoint = "export"   // every version with its record, for the operator
)

// Target says what is read.
type Target struct {
	Endpoint         Endpoint
	Root, Collection string // the name of the one, id or alias of the other
	Object           string // for Object and Versions
}

// View is one feed as one account sees it now, with the query it reads. Pages
// of equal Views are equal.
type View struct {
	s       *Session
	target  Target
	coll    *Collection
	head    feed.Head
	filter  taxii.Filter // without Limit and Next
	query   feed.Query
	reached taxii.Time // the date up to which the client has read
	most    int64      // octets of an answer (X-Max-Size); 0: the server's own bounds alone
	items   int        // octets that items may have of it
}

// maxFilter bounds a filter, in octets of a query: the cursor that carries it is a
// third longer, and both together must fit into the headers of the next request
// (K40). It holds 250 ids.
const maxFilter = 12 << 10

// View opens what the target names, if the account may read it. The filter's
// Next, if any, must be a cursor of the same target and agree with the rest.
func (s *Session) View(ctx context.Context, t Target, f taxii.Filter) (*View, error) {
	need := Read
	if t.Endpoint == Export {
		need = Manage
	}
	snap := s.x.now.Load()
	r, c, err := s.may(snap, need, t.Root, t.Collection)
	if err != nil {
		return nil, err
	}
	if long(f) {
		return nil, taxii.Errorf(taxii.Malformed, "the filter is longer than %d octets", maxFilter).
			Describe("Ask for fewer ids at a time.")
	}
	head, err := s.x.store.Head(ctx, c.Feed)
	if err != nil {
		return nil, s.gone(err)
	}
	s.readsOn()
	v := &View{s: s, target: t, coll: c, head: head, filter: f}
	v.query.Ceiling = s.reach(snap, resource{OnCollection, r.ID, c.ID})
	if err := v.resume(f); err != nil {
		return nil, err
	}
	v.ask(f.Limit)
	return v, nil
}

// long tells that a filter is longer than maxFilter.
func long(f taxii.Filter) bool {
	lists := len(f.IDs) + len(f.Types) + len(f.SpecVersions) + len(f.Versions)
	return lists > 0 && len(f.Encode())-len(f.Next) > maxFilter
}

// resume begins where the filter's cursor or date says.
func (v *View) resume(f taxii.Filter) error {
	v.filter.Limit, v.filter.Next = 0, ""
	if f.Next != "" {
		if err := v.follow(f.Next); err != nil {
			return err
		}
	} else {
		v.query.AfterAdded = v.filter.AddedAfter
	}
	if after := v.filter.AddedAfter; after != nil {
		v.reached = max(v.reached, *after)
	}
	return nil
}

// ask fills the query that the store is asked.
func (v *View) ask(limit int) {
	q, f := &v.query, v.filter
	q.Upto = v.head.Place
	if q.Limit = limit; limit == 0 {
		q.Limit = v.s.x.opt.PageObjects
	}
	q.Limit = min(q.Limit, v.s.x.opt.PageMost)
	q.IDs, q.Types, q.SpecVersions = f.IDs, f.Types, f.SpecVersions
	q.Versions = versions(f.Versions)
	q.Bare = v.target.Endpoint == Objects || v.target.Endpoint == Object
	q.Content = q.Bare || v.target.Endpoint == Export
	switch v.target.Endpoint {
	case Object:
		q.IDs = []string{v.target.Object}
	case Versions:
		q.IDs, q.Versions = []string{v.target.Object}, feed.Versions{All: true}
	case Export:
		q.Versions, q.SpecVersions, q.Records = feed.Versions{All: true}, nil, true
	}
}

// versions reads match[version]; nothing said means the last (R126).
func versions(list []string) feed.Versions {
	v := feed.Versions{Last: len(list) == 0}
	for _, text := range list {
		switch text {
		case taxii.VersionAll:
			v.All = true
		case taxii.VersionFirst:
			v.First = true
		case taxii.VersionLast:
			v.Last = true
		default:
			key, micros, dated := stix.VersionKey(text)
			v.Keys = append(v.Keys, feed.VersionKey{Key: key, Time: micros, Dated: dated})
		}
	}
	return v
}

// Of names the Collection that is read, and its state: Views of one Collection in
// different states have nothing in common.
func (v *View) Of() (collection, state string) {
	return v.coll.ID, v.head.Incarnation + num(int64(v.head.Place)) + "." + v.s.x.now.Load().active
}

// Key is equal for Views whose pages are equal.
func (v *View) Key() string {
	after := ""
	if v.query.AfterAdded != nil {
		after = v.query.AfterAdded.String()
	}
	return strings.Join([]string{
		string(v.target.Endpoint), v.target.Object, v.coll.ID, v.head.Incarnation, num(int64(v.head.Place)), v.head.Added.String(), num(v.most),
		v.s.x.now.Load().active, num(v.query.Ceiling), // the key is in the cursor for the next page
		num(int64(v.query.After)), after, num(int64(v.query.Limit)), v.reached.String(), v.filter.Encode(),
	}, "\x00")
}

func num(n int64) string { return strconv.FormatInt(n, 36) }

// Page is one page of a View: the items, as they go out with commas between
// them, and what is said about them.
type Page struct {
	Chunks      [][]byte // each at most about chunkSize, unless one item is larger
	Size        int      // octets in Chunks
	Count       int
	More        bool
	Next        string     // with More
	First, Last taxii.Time // dates of the first and the last item, or the place reached (R062, K51)
	FirstPlace  feed.Place
	LastPlace   feed.Place
}

// chunkSize is in what portions a page's memory is taken and, as it is written,
// given back.
const chunkSize = 64 << 10

// Empty tells that the page certainly has no items, without asking the disk.
func (v *View) Empty() bool {
	if v.query.AfterAdded != nil && *v.query.AfterAdded >= v.head.Added {
		return true
	}
	return v.query.After >= v.head.Place
}

// Page reads the page. It is whole, or an error.
func (v *View) Page(ctx context.Context) (*Page, error) {
	return v.PageWithin(ctx, math.MaxInt)
}

// PageWithin reads the page if it has at most so many octets; if it has more it
// gives nil, and has taken little more memory than that.
func (v *View) PageWithin(ctx context.Context, most int) (*Page, error) {
	p := &Page{First: v.reached, Last: v.reached}
	limit, fits, bytes := v.query.Limit, true, v.pageBytes()
	var alone *feed.Entry // which is larger than the whole answer may be
	q := v.query
	q.Limit = limit + 1 // one more tells whether there is more
	err := v.s.x.store.Read(ctx, v.coll.Feed, q, func(e *feed.Entry) bool {
		item := v.itemSize(e)
		if p.Count == limit || p.Count > 0 && p.Size+item > bytes {
			p.More = true
			return false
		}
		if v.most > 0 && item > v.items {
			alone = &feed.Entry{Place: e.Place, Added: e.Added, Size: int64(len(e.Content))}
			return false
		}
		if fits = p.Size+item <= most; fits {
			p.take(e, v.target.Endpoint)
			fits = p.Size <= most
		}
		return fits
	})
	if errors.Is(err, feed.ErrCut) {
		p.More, err = true, nil
	}
	if err == nil && alone != nil {
		err = v.tooLarge(ctx, alone)
	}
	if err != nil {
		return nil, err
	}
	if !fits {
		return nil, nil
	}
	if p.Count == 0 {
		return p, v.exists(ctx)
	}
	if p.More {
		p.Next, err = v.cursor(p)
	}
	return p, err
}

// itemSize is about what an item takes: its bytes, or a record or a version.
func itemSize(e *feed.Entry) int { return len(e.Content) + len(e.ID) + len(e.Version) + recordFrame }

// recordFrame is what a record has around its id and version, or less.
const recordFrame = 128

func (p *Page) take(e *feed.Entry, at Endpoint) {
	if p.Count == 0 {
		p.First, p.FirstPlace = e.Added, e.Place
	}
	p.Last, p.LastPlace = e.Added, e.Place
	b := p.room(itemSize(e) + 1)
	before := len(b)
	if p.Count > 0 {
		b = append(b, ',')
	}
	b = render(b, e, at)
	p.Chunks[len(p.Chunks)-1] = b
	p.Size += len(b) - before
	p.Count++
}

// room gives the chunk that the next item goes into.
func (p *Page) room(size int) []byte {
	if n := len(p.Chunks); n > 0 {
		if last := p.Chunks[n-1]; len(last)+size <= cap(last) {
			return last
		}
	}
	capacity := max(size, min(chunkSize, max(2*p.Size, 4<<10)))
	if size > chunkSize/2 { // little else would fit beside it
		capacity = size
	}
	p.Chunks = append(p.Chunks, make([]byte, 0, capacity))
	return p.Chunks[len(p.Chunks)-1]
}

// render appends an item: stored bytes as they are, a record, or a version.
func render(b []byte, e *feed.Entry, at Endpoint) []byte {
	switch at {
	case Manifest:
		return record(b, e)
	case Versions:
		return quote(b, e.Version)
	case Export:
		b = fmt.Appendf(b, `{"place":%d,"account":%d,"request":`, e.Place, e.Account)
		b = append(quote(b, e.Request), `,"record":`...)
		b = append(record(b, e), `,"object":`...)
		return append(append(b, e.Content...), '}')
	}
	return append(b, e.Content...)
}

// record appends a manifest-record (R226-R231).
func record(b []byte, e *feed.Entry) []byte {
	b = quote(append(b, `{"id":`...), e.ID)
	b = append(append(append(b, `,"date_added":"`...), e.Added.String()...), '"')
	b = quote(append(b, `,"version":`...), e.Version)
	switch e.SpecVersion {
	case "2.1":
		b = append(b, `,"media_type":"`+mediaSTIX21+`"`...)
	case "2.0":
		b = append(b, `,"media_type":"`+mediaSTIX20+`"`...)
	}
	return append(b, '}')
}

// exists tells, for a page of one object without items, the difference between
// an object that is not here (404), one whose filters match no version (200),
// and one of which a version was asked for that has been deleted (404).
func (v *View) exists(ctx context.Context) error {
	if v.target.Object == "" {
		return nil
	}
	ok, err := v.s.x.store.Exists(ctx, v.coll.Feed, v.target.Object, v.query.Ceiling)
	if err != nil || !ok {
		return orMissing(err)
	}
	if v.target.Endpoint != Object || len(v.query.Versions.Keys) == 0 {
		return nil
	}
	gone, err := v.s.x.store.Deleted(ctx, v.coll.Feed, feed.Which{
		ID: v.target.Object, Versions: v.query.Versions, SpecVersions: v.query.SpecVersions, Ceiling: v.query.Ceiling,
	})
	if err != nil || gone {
		return orMissing(err)
	}
	return nil
}

func orMissing(err error) error {
	if err != nil {
		return err
	}
	return taxii.Errorf(taxii.NotFound, "not found").Describe("This object, or this version of it, is not here.")
}

// bound gives the root, the Collection's id and the object to which a cursor is
// bound.
func (v *View) bound() string {
	return strings.Join([]string{num(v.coll.Root), v.coll.ID, string(v.target.Endpoint), v.target.Object}, "\x00")
}
