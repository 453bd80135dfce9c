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
	list, err := s.Subscriptions(t.Context(), channel.ID, 0, "", 1000)
	if err != nil || len(list) != 700 {
		t.Errorf("%d subscriptions, %v", len(list), err)
	}
}

// inOneAdd is how many entries are appended at once.
const inOneAdd = 1000

func (f filling) fill(t *testing.T) {
	s, err := store.Open(t.Context(), f.Store, store.Options{})
	must(t, err)
	catalog, err := s.Catalog(t.Context())
	must(t, err)
	channel, account := catalog.Channels[0], catalog.Accounts[len(catalog.Accounts)-1].ID
	m := driver.NewMessages(f.Series)
	for from := 0; from < f.Messages; from += inOneAdd {
		published, objects := feed.Add{Feed: channel.Feed, Account: account}, feed.Add{Feed: catalog.Collections[0].Feed, Account: account}
		for i := uint64(from); i < uint64(min(from+inOneAdd, f.Messages)); i++ {
			published.Drafts = append(published.Drafts, publication(m, i))
			objects.Drafts = append(objects.Drafts, object(t, m.Object(nil, i)))
		}
		_, err := s.Append(t.Context(), []feed.Add{published, objects})
		must(t, err)
	}
	must(t, s.Close())
	if f.Subscriptions > 0 {
		f.subscribe(t, channel, account)
	}
}

func publication(m *driver.Messages, i uint64) feed.Draft {
	id := m.ID(i)
	return feed.Draft{
		ID: id, Type: envelope, VersionKey: feed.MessageKey, Content: m.Append(nil, i),
		Message: &feed.Message{MediaType: taxii.MediaType, Marks: "2.1\tindicator\tindicator--" + id + "\n"},
	}
}

func object(t *testing.T, raw []byte) feed.Draft {
	facts, err := stix.Peek(raw)
	must(t, err)
	return feed.Draft{
		ID: facts.ID, Type: facts.Type, SpecVersion: facts.SpecVersion, Version: facts.Version,
		VersionKey: facts.VersionKey, VersionTime: facts.VersionTime, Content: raw,
	}
}

// subscribe makes Subscriptions with names of their own, past the bound that an
// account has. Their fingerprints are random, as those of the server look.
func (f filling) subscribe(t *testing.T, c exchange.Channel, account int64) {
	_, prepare := opened(t, f.Store)
	prepare(`pragma cache_size = -500000`)() // a million random keys, in less than a minute
	prepare(`insert into subscriptions (id, channel, account, selector, name, fingerprint, place, incarnation, moves, max_pending, max_pending_bytes,
			idle_timeout, created, seen, ends, offered, explicit, push_url, push_until, push_state, push_error, push_failures, push_since, push_retry)
		with recursive n (i) as (select 1 union all select i + 1 from n where i < $3)
		select lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-8' || substr(hex(randomblob(2)), 2)
			|| '-' || hex(randomblob(6))), $1, $2, '', 'reader ' || i, lower(hex(randomblob(32))), 0, 0, 0, 0, 0,
			7776000, $4, $4, $4 + 7776000000000, 0, false, '', 0, '', '', 0, 0, 0 from n`)(c.ID, account, f.Subscriptions, int64(taxii.TimeOf(time.Now())))
}
