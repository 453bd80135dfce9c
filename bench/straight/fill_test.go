package straight

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/bench/driver"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/stix"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/taxii"
)

// filling is what the conductor asks for, as JSON in the variable HANSOM_FILL: that
// the store of a server which does not run gets content, sooner than by way of the
// server. It must have one Channel and one Collection.
type filling struct {
	Store         string // file of the database
	Series        uint64
	Messages      int // into the Channel, and their objects into the Collection
	Subscriptions int // on the Channel
}

func TestStoresAreFilled(t *testing.T) {
	if text := os.Getenv("HANSOM_FILL"); text != "" {
		var f filling
		must(t, json.Unmarshal([]byte(text), &f))
		f.fill(t)
		return
	}
	file := filepath.Join(t.TempDir(), "hansom.db")
	s, err := store.Open(t.Context(), file, store.Options{})
	must(t, err)
	root, err := s.PutRoot(t.Context(), exchange.Root{Name: "bench"})
	must(t, err)
	_, err = s.PutAccount(t.Context(), exchange.Account{Name: "reader"})
	must(t, err)
	must(t, s.PutCollection(t.Context(), exchange.Collection{ID: taxii.NewID(), Root: root}))
	must(t, s.PutChannel(t.Context(), exchange.Channel{ID: taxii.NewID(), Root: root, Name: "feed", TTL: 60}))
	must(t, s.Close())
	filling{file, 1, 1500, 700}.fill(t)

	s, err = store.Open(t.Context(), file, store.Options{})
	must(t, err)
	defer s.Close()
	catalog, err := s.Catalog(t.Context())
	must(t, err)
	channel := catalog.Channels[0]
	for _, id := range []feed.ID{channel.Feed, catalog.Collections[0].Feed} {
		if head, err := s.Head(t.Context(), id); err != nil || head.Place != 1500 {
			t.Errorf("%d: got %+v, %v", id, head, err)
		}
	}
	if faults, err := s.Check(t.Context()); err != nil || len(faults) > 0 {
		t.Errorf("%v: %q", err, faults)
	}
	list, err := s.Subscriptions(t.Context(), channel.ID, 0, "", 1000)
	if err != nil || len(list) != 700 {
		t.Errorf("%d subscriptions, %v", len(list), err)
	}
}

// inOneCommit is how many of each are written at once.
const inOneCommit = 10_000

// fill writes rows as the store would write them, many at once and with room for
// all keys: a million that are random take minutes otherwise.
func (f filling) fill(t *testing.T) {
	s, err := store.Open(t.Context(), f.Store, store.Options{})
	must(t, err)
	catalog, err := s.Catalog(t.Context())
	must(t, err)
	must(t, s.Close())
	_, prepare := opened(t, f.Store)
	prepare(`pragma cache_size = -1000000`)()
	prepare(`pragma synchronous = off`)()
	prepare(`pragma journal_mode = off`)() // the next who opens the file sets it again
	w := rowWriter{prepare(insertPublished), prepare(insertLive), prepare(insertMessage)}
	begin, commit, move := prepare("begin immediate"), prepare("commit"), prepare(moveHead)
	channel, account := catalog.Channels[0], catalog.Accounts[len(catalog.Accounts)-1].ID
	since := int64(taxii.TimeOf(time.Now().Add(-time.Minute)))
	m := driver.NewMessages(f.Series)
	for from := 0; from < f.Messages; from += inOneCommit {
		upto := min(from+inOneCommit, f.Messages)
		begin()
		for i := from; i < upto; i++ {
			w.message(channel.Feed, account, int64(i+1), since+int64(i), m)
			w.object(t, catalog.Collections[0].Feed, account, int64(i+1), since+int64(i), m)
		}
		last := since + int64(upto-1)
		move(channel.Feed, upto, last, int64(upto)*driver.MessageSize)
		move(catalog.Collections[0].Feed, upto, last, 0)
		commit()
	}
	if f.Subscriptions > 0 {
		f.subscribe(prepare, channel, account)
	}
}

type rowWriter struct{ entry, live, kept func(args ...any) }

func (w rowWriter) message(to feed.ID, account, seq, added int64, m *driver.Messages) {
	i := uint64(seq - 1)
	id, version := m.ID(i), taxii.Time(added).String()
	w.entry(to, seq, added, id, envelope, "", version, feed.MessageKey, added, 0, feed.Never, feed.Never, account, "", nil, m.Append(nil, i))
	w.live(to, seq, id, envelope, "", feed.MessageKey, added, 0, feed.Never, feed.Never)
	w.kept(to, seq, seq*driver.MessageSize, taxii.MediaType, "2.1\tindicator\tindicator--"+id+"\n")
}

func (w rowWriter) object(t *testing.T, to feed.ID, account, seq, added int64, m *driver.Messages) {
	raw := m.Object(nil, uint64(seq-1))
	o, err := stix.Peek(raw)
	must(t, err)
	w.entry(to, seq, added, o.ID, o.Type, o.SpecVersion, o.Version, o.VersionKey, o.VersionTime, 0, feed.Never, feed.Never, account, "", nil, raw)
	w.live(to, seq, o.ID, o.Type, o.SpecVersion, o.VersionKey, o.VersionTime, 0, feed.Never, feed.Never)
}

// subscribe makes Subscriptions with names of their own, past the bound that an
// account has. Their fingerprints are random, as those of the server look.
func (f filling) subscribe(prepare func(text string) func(args ...any), c exchange.Channel, account int64) {
	prepare(`insert into subscriptions (id, channel, account, selector, name, fingerprint, place, incarnation, moves, max_pending, max_pending_bytes,
			idle_timeout, created, seen, ends, offered, explicit, push_url, push_until, push_state, push_error, push_failures, push_since, push_retry)
		with recursive n (i) as (select 1 union all select i + 1 from n where i < $3)
		select lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-8' || substr(hex(randomblob(2)), 2)
			|| '-' || hex(randomblob(6))), $1, $2, '', 'reader ' || i, lower(hex(randomblob(32))), 0, 0, 0, 0, 0,
			7776000, $4, $4, $4 + 7776000000000, 0, false, '', 0, '', '', 0, 0, 0 from n`)(c.ID, account, f.Subscriptions, int64(taxii.TimeOf(time.Now())))
}
