// Package storetest is the contract that every store keeps, whatever engine it
// runs on: what an Append, a Withdraw, a Read, a Status and a purge do, also
// beside each other, after a restart and when the clock is wrong. It knows no
// SQL; what it must see of the tables the engine's test shows it.
package storetest

import (
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Store is a store that can be closed and opened again.
type Store interface {
	exchange.Store
	Close() error
}

// Open opens the store of one test, with the machine's clock that it is given;
// after Close it opens the same store again.
type Open func(now func() time.Time) (Store, error)

// Engine is what the contract is held against.
type Engine struct {
	// Empty makes a place where no store has been.
	Empty func(t *testing.T) Open
	// Tables reads what a feed's tables hold, in the order of the places.
	Tables func(t *testing.T, s Store, f feed.ID) Tables
}

// Tables is what a store keeps of a feed.
type Tables struct {
	Entries []Row
	Live    []Row // without Added, Version, Account, Request and Content
	Graves  []Grave
}

// Row is one entry as it is kept.
type Row struct {
	Place                      feed.Place
	Added                      taxii.Time
	ID, Type, Spec             string
	Version, Key               string
	Time                       int64
	Level, Superseded, Outdone int64
	Account                    int64
	Request, Content           string
}

// Grave is one tombstone.
type Grave struct {
	Old, Place              feed.Place
	ID, Type, Spec, Version string
	Level                   int64
	At                      taxii.Time
	Account                 int64
	Request, Why            string
}

// check is one sentence of the contract: the requirements that it shows (may be
// none), and what shows it.
type check struct {
	covers string // numbers, separated by spaces
	run    func(*rig)
}

// Run holds an engine against the contract.
func Run(t *testing.T, e Engine) {
	all := map[string]check{}
	for _, part := range []map[string]check{
		appending(), dating(), withdrawing(), reading(), statuses(), purging(), catalogue(), credentials(), groups(), together(), modelled(),
		channels(), publishing(), expiring(), subscribing(), auditing(), metering(),
	} {
		maps.Copy(all, part)
	}
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.covers != "" {
				t.Attr("covers", c.covers)
			}
			c.run(newRig(t, e))
		})
	}
}

// rig is a store under test, with a clock that the test sets, an API Root and
// one Collection.
type rig struct {
	*testing.T
	Store
	engine Engine
	open   Open
	clock  *clock
	root   int64
	coll   string
	feed   feed.ID
}

// clock is the machine's clock, in microseconds.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time      { return time.UnixMicro(c.at.Load()).UTC() }
func (c *clock) add(d time.Duration) { c.at.Add(d.Microseconds()) }
func (c *clock) taxii() taxii.Time   { return taxii.Time(c.at.Load()) }

// noon is when the clock of a test begins: some whole second.
const noon = taxii.Time(1_700_000_000_000_000)

func newRig(t *testing.T, e Engine) *rig {
	t.Helper()
	r := &rig{T: t, engine: e, open: e.Empty(t), clock: new(clock)}
	r.clock.at.Store(int64(noon))
	r.start()
	t.Cleanup(func() {
		if r.Store != nil {
			r.must(r.Close())
		}
	})
	root, err := r.PutRoot(t.Context(), exchange.Root{Name: "trust", Title: "Trust"})
	r.must(err)
	r.root = root
	r.coll, r.feed = r.collection("first")
	return r
}

func (r *rig) start() {
	r.Helper()
	s, err := r.open(r.clock.now)
	r.must(err)
	r.Store = s
}

// restart closes the store and opens it again.
func (r *rig) restart() {
	r.Helper()
	s := r.Store
	r.Store = nil
	r.must(s.Close())
	r.start()
}

// collection makes a Collection and gives its id and its feed.
func (r *rig) collection(alias string) (string, feed.ID) {
	r.Helper()
	id := taxii.NewID()
	r.must(r.PutCollection(r.Context(), exchange.Collection{ID: id, Root: r.root, Alias: alias, Title: "Title of " + alias, Validation: "off"}))
	c, err := r.Catalog(r.Context())
	r.must(err)
	for _, v := range c.Collections {
		if v.ID == id {
			return id, v.Feed
		}
	}
	r.Fatalf("the Collection %s is not in the catalogue", id)
	return "", 0
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// fails expects an error of a kind.
func (r *rig) fails(err error, kind taxii.Kind) {
	r.Helper()
	if err == nil || taxii.KindOf(err) != kind {
		r.Fatalf("error %v, want one of kind %v", err, kind)
	}
}

// same compares two values by what they print.
func (r *rig) same(what string, got, want any) {
	r.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		r.Fatalf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func (r *rig) tables() Tables {
	r.Helper()
	return r.engine.Tables(r.T, r.Store, r.feed)
}

func (r *rig) head() feed.Head {
	r.Helper()
	h, err := r.Head(r.Context(), r.feed)
	r.must(err)
	return h
}
