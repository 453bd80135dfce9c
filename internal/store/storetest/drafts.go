package storetest

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// version is the n-th second after some time, as a version of STIX content.
func version(n int) string {
	return time.Unix(1_500_000_000+int64(n), 0).UTC().Format("2006-01-02T15:04:05Z")
}

// draft is content of spec_version 2.1 with a version of its own.
func draft(id string, n int) feed.Draft {
	return draftOf("2.1", id, n)
}

func draftOf(spec, id string, n int) feed.Draft {
	typ, _, _ := strings.Cut(id, "--")
	return feed.Draft{
		ID: id, Type: typ, SpecVersion: spec, Version: version(n), VersionKey: version(n), VersionTime: (1_500_000_000 + int64(n)) * 1_000_000,
		Content: fmt.Appendf(nil, `{"id":%q,"spec_version":%q,"modified":%q}`, id, spec, version(n)),
	}
}

// undated is content without a version of its own.
func undated(id, text string) feed.Draft {
	d := draft(id, 0)
	d.Version, d.VersionKey, d.VersionTime = "", "#"+text, -1<<63
	d.Content = fmt.Appendf(nil, `{"id":%q,"value":%q}`, id, text)
	return d
}

// equalish stands for the canonical form: spaces do not count.
func equalish(content []byte) []byte { return bytes.ReplaceAll(content, []byte(" "), nil) }

// spaced is equal content in other bytes.
func spaced(d feed.Draft) feed.Draft {
	d.Content = append([]byte(" "), d.Content...)
	return d
}

// other is other content under the same id and version.
func other(d feed.Draft) feed.Draft {
	d.Content = append([]byte(`{"other":1}`), d.Content...)
	return d
}

func (r *rig) add(drafts ...feed.Draft) feed.Add {
	return feed.Add{
		Feed: r.feed, Drafts: drafts, Account: 7, Request: "request", Form: equalish,
		Status: feed.Status{ID: taxii.NewID(), Root: r.root, At: r.clock.taxii()},
	}
}

// put appends drafts in one Add.
func (r *rig) put(drafts ...feed.Draft) feed.Result {
	r.Helper()
	results, err := r.Append(r.Context(), []feed.Add{r.add(drafts...)})
	r.must(err)
	return results[0]
}

// drop withdraws versions of an object and gives how many.
func (r *rig) drop(which feed.Which) int {
	r.Helper()
	n, err := r.Withdraw(r.Context(), r.feed, which, feed.Tombstone{Account: 8, Request: "withdrawal"})
	r.must(err)
	return n
}

// key names the version of a draft.
func key(d feed.Draft) feed.VersionKey {
	return feed.VersionKey{Key: d.VersionKey, Time: d.VersionTime, Dated: true}
}

// shown names a version by the date that it is shown under.
func shown(version string) feed.VersionKey {
	t, err := time.Parse(time.RFC3339, version)
	if err != nil {
		panic(err)
	}
	return feed.VersionKey{Key: version, Time: t.UnixMicro(), Dated: true}
}

func named(keys ...feed.VersionKey) feed.Versions { return feed.Versions{Keys: keys} }

// Queries of one who asks for everything there is.
var (
	last  = feed.Versions{Last: true}
	first = feed.Versions{First: true}
	every = feed.Versions{All: true}
)

// seen is an entry as a Read shows it.
type seen struct {
	Place                            feed.Place
	Added                            taxii.Time
	ID, Type, Spec, Version, Content string
	Account                          int64
	Request                          string
	Level                            int64
}

// find reads the entries of a query: with Upto and Limit 0 up to the head, and
// as many as there are.
func (r *rig) find(q feed.Query) []seen {
	r.Helper()
	list, err := r.findIn(r.feed, q)
	r.must(err)
	return list
}

func (r *rig) findIn(f feed.ID, q feed.Query) (list []seen, err error) {
	if q.Upto == 0 {
		h, err := r.Head(r.Context(), f)
		if err != nil {
			return nil, err
		}
		q.Upto = h.Place
	}
	if q.Limit == 0 {
		q.Limit = 1 << 30
	}
	err = r.Read(r.Context(), f, q, func(e *feed.Entry) bool {
		list = append(list, seen{e.Place, e.Added, e.ID, e.Type, e.SpecVersion, e.Version, string(e.Content), e.Account, e.Request, e.Level})
		return true
	})
	return list, err
}

// places gives the places of what a query finds.
func (r *rig) places(q feed.Query) []feed.Place {
	r.Helper()
	var list []feed.Place
	for _, s := range r.find(q) {
		list = append(list, s.Place)
	}
	return list
}
