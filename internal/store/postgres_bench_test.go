package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
	"github.com/jackc/pgx/v5"
)

// plain carries out the statements of an Add as pgx itself does, with all that
// is to be written known beforehand.
type plain struct {
	*pgx.Conn
	feed feed.ID
	seq  int64
}

// newPlain works in a database that a store has made.
func newPlain(b *testing.B, where string) *plain {
	b.Helper()
	s := collected(openStoreAt(b, where, Options{}))
	id := s.feed
	s.close()
	return &plain{Conn: beside(b, where), feed: id}
}

func (p *plain) add(ctx context.Context, drafts []feed.Draft) error {
	var c columns
	ids := make([]string, len(drafts))
	for i := range drafts {
		d := &drafts[i]
		ids[i] = d.ID
		at := feed.Standing{Place: feed.Place(p.seq + int64(i) + 1), Superseded: feed.Never, Outdone: feed.Never, Time: d.VersionTime}
		c.add(&newEntry{Draft: d, version: d.Version, added: taxii.Time(at.Place), at: &at})
	}
	first, last := p.seq+1, p.seq+int64(len(drafts))
	p.seq = last
	for _, s := range []struct {
		text string
		args []any
	}{
		{`begin`, nil},
		{`update feeds set seq = seq where id = $1 returning seq, added, incarnation`, []any{p.feed}},
		{`select id, seq, spec_version, version_time, version_key, level, superseded, outdone from live where feed = $1 and id = any($2)`, []any{p.feed, ids}},
		{insertEntries, []any{p.feed, 0, "", c.seq, c.added, c.time, c.level, c.superseded, c.outdone, c.id, c.kind, c.spec, c.version, c.key, c.content}},
		{liveFromEntries, []any{p.feed, first, last}},
		{`update feeds set seq = $2, added = $3 where id = $1`, []any{p.feed, last, last}},
		{`insert into statuses (feed, id, root, account, request, at, first, last, duplicates, failures, notes)
			values ($1, $2, 0, 0, '', 1, $3, $4, '[]', '[]', '[]')`, []any{p.feed, taxii.NewID(), first, last}},
		{`commit`, nil},
	} {
		if _, err := p.Exec(ctx, s.text, s.args...); err != nil {
			return fmt.Errorf("%s: %w", s.text, err)
		}
	}
	return nil
}

// BenchmarkPostgreSQLAddOf1000 adds, in turn with the same statements by plain
// pgx in a database beside it; "ratio" is the rate of the store as a share of
// that. Without waiting for the disk, which is the same for both, what the store
// itself costs is seen best.
func BenchmarkPostgreSQLAddOf1000(b *testing.B) {
	b.Run("durable", func(b *testing.B) {
		p := trial.PostgresDurable(b)
		addInTurn(b, p.Database(b), p.Database(b))
	})
	b.Run("without-sync", func(b *testing.B) { addInTurn(b, trial.Postgres(b), trial.Postgres(b)) })
}

func addInTurn(b *testing.B, ours, theirs string) {
	s, p := collected(openStoreAt(b, ours, Options{})), newPlain(b, theirs)
	var took [2]time.Duration
	from := 0
	for b.Loop() {
		drafts := batch(from)
		for i := range 2 {
			began, which := time.Now(), (from/perBatch+i)%2
			if which == 0 {
				must(b, s.put(drafts...))
			} else {
				must(b, p.add(b.Context(), drafts))
			}
			took[which] += time.Since(began)
		}
		from += perBatch
	}
	b.ReportMetric(float64(from)/took[0].Seconds(), "objects/s")
	b.ReportMetric(float64(from)/took[1].Seconds(), "plain-objects/s")
	b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "ratio")
	b.ReportMetric(0, "ns/op") // of both together it says nothing
}

// BenchmarkPostgreSQLWriters is BenchmarkWriters on a PostgreSQL that waits for
// its disk.
func BenchmarkPostgreSQLWriters(b *testing.B) {
	p := trial.PostgresDurable(b)
	benchWriters(b, func(b *testing.B) *testStore { return collected(openStoreAt(b, p.Database(b), Options{})) })
}

func BenchmarkPostgreSQLReads(b *testing.B) {
	s := collected(openStoreAt(b, trial.Postgres(b), Options{}))
	for from := 0; from < 50_000; from += perBatch {
		must(b, s.put(batch(from)...))
	}
	b.Run("page-of-1000", func(b *testing.B) {
		q := feed.Query{Versions: feed.Versions{Last: true}, Limit: 1000, Upto: 50_000, Content: true}
		for b.Loop() {
			must(b, s.Read(b.Context(), s.feed, q, func(*feed.Entry) bool { return true }))
			q.After = (q.After + 1000) % 49_000
		}
		b.ReportMetric(float64(b.N*1000)/b.Elapsed().Seconds(), "objects/s")
	})
	b.Run("one-object", func(b *testing.B) {
		i := 0
		for b.Loop() {
			q := feed.Query{IDs: []string{typical(i % 50_000).ID}, Versions: feed.Versions{Last: true}, Limit: 101, Upto: 50_000, Content: true}
			i += 7919
			found := 0
			must(b, s.Read(b.Context(), s.feed, q, func(*feed.Entry) bool { found++; return true }))
			if found != 1 {
				b.Fatal("not found")
			}
		}
	})
}
