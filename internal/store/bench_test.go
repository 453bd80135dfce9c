package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/stix"
	"github.com/hansom-taxii/hansom/internal/trial"
)

const perBatch = 1000

// typical is an object of 1.3 KB, about the mean of real content.
func typical(i int) feed.Draft {
	id := fmt.Sprintf("indicator--%08x-0000-4000-8000-%012x", uint32(i*2654435761), i)
	d := someDraft(id, "2024-01-01T00:00:00.000Z", "")
	d.Content = fmt.Appendf(nil, `{"type":"indicator","id":%q,"description":%q}`, id, strings.Repeat("content ", 155))
	return d
}

func batch(from int) []feed.Draft {
	drafts := make([]feed.Draft, perBatch)
	for i := range drafts {
		drafts[i] = typical(from + i)
	}
	return drafts
}

// BenchmarkAddOf1000 is to be compared with BenchmarkStraightInsertOf1000: the
// same rows into the same tables in the same batches, with nothing looked up.
func BenchmarkAddOf1000(b *testing.B) {
	s := openStore(b, Options{})
	from := 0
	for b.Loop() {
		b.StopTimer()
		drafts := batch(from)
		from += perBatch
		b.StartTimer()
		must(b, s.put(drafts...))
	}
	b.ReportMetric(float64(b.N*perBatch)/b.Elapsed().Seconds(), "objects/s")
}

func BenchmarkStraightInsertOf1000(b *testing.B) {
	s := openStore(b, Options{})
	ctx := context.Background()
	prepare := func(text string) func(args ...any) {
		stmt, err := s.write.PrepareContext(ctx, text)
		must(b, err)
		b.Cleanup(func() { _ = stmt.Close() })
		return func(args ...any) {
			_, err := stmt.ExecContext(ctx, args...)
			must(b, err)
		}
	}
	begin, commit, entry, live := prepare("begin immediate"), prepare("commit"), prepare(insertEntry), prepare(`insert into live
		(feed, seq, id, type, spec_version, version_key, version_time, level, superseded, outdone) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`)
	from := 0
	for b.Loop() {
		b.StopTimer()
		drafts := batch(from)
		b.StartTimer()
		begin()
		for i, d := range drafts {
			seq := from + i + 1
			entry(s.feed, seq, seq, d.ID, d.Type, d.SpecVersion, d.Version, d.VersionKey, d.VersionTime, 0, feed.Never, feed.Never, 0, "", nil, d.Content)
			live(s.feed, seq, d.ID, d.Type, d.SpecVersion, d.VersionKey, d.VersionTime, 0, feed.Never, feed.Never)
		}
		commit()
		from += perBatch
	}
	b.ReportMetric(float64(b.N*perBatch)/b.Elapsed().Seconds(), "objects/s")
}

// BenchmarkWriters adds one object per Add: many writers share a commit.
func BenchmarkWriters(b *testing.B) {
	benchWriters(b, func(b *testing.B) *testStore { return openStore(b, Options{}) })
}

func benchWriters(b *testing.B, open func(*testing.B) *testStore) {
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			s := open(b)
			var next atomic.Int64
			var wait sync.WaitGroup
			b.ResetTimer()
			for range writers {
				wait.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						if err := s.put(typical(int(i))); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wait.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "objects/s")
		})
	}
}

func filled(b *testing.B, objects int) *testStore {
	s := openStore(b, Options{})
	for from := 0; from < objects; from += perBatch {
		must(b, s.put(batch(from)...))
	}
	return s
}

func BenchmarkReadPageOf1000(b *testing.B) {
	s := filled(b, 50_000)
	for name, q := range map[string]feed.Query{
		"latest": {Versions: feed.Versions{Last: true}}, "all": {Versions: feed.Versions{All: true}},
		"type": {Versions: feed.Versions{Last: true}, Types: []string{"indicator"}},
	} {
		b.Run(name, func(b *testing.B) {
			q.Limit, q.Upto, q.Content, q.Bare = 1000, 50_000, true, true
			octets, after := 0, feed.Place(0)
			for b.Loop() {
				q.After = after
				must(b, s.Read(b.Context(), s.feed, q, func(e *feed.Entry) bool { octets += len(e.Content); return true }))
				after = (after + 1000) % 49_000
			}
			b.ReportMetric(float64(b.N*1000)/b.Elapsed().Seconds(), "objects/s")
		})
	}
}

func BenchmarkReadOneObject(b *testing.B) {
	s := filled(b, 50_000)
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
}

// BenchmarkAHotObject reads the latest version of an object that has 20,000.
func BenchmarkAHotObject(b *testing.B) {
	s := openStore(b, Options{})
	for from := 0; from < 20_000; from += perBatch {
		drafts := batch(from)
		for i := range drafts {
			drafts[i].ID, drafts[i].VersionTime = "tool--1", int64(from+i)
			drafts[i].VersionKey = fmt.Sprint(from + i)
		}
		must(b, s.put(drafts...))
	}
	b.Run("read", func(b *testing.B) {
		q := feed.Query{IDs: []string{"tool--1"}, Versions: feed.Versions{Last: true}, Limit: 101, Upto: 20_000, Content: true}
		for b.Loop() {
			must(b, s.Read(b.Context(), s.feed, q, func(*feed.Entry) bool { return true }))
		}
	})
	b.Run("add", func(b *testing.B) {
		i := 20_000
		for b.Loop() {
			d := typical(1)
			d.ID, d.VersionTime, d.VersionKey = "tool--1", int64(i), fmt.Sprint(i)
			i++
			must(b, s.put(d))
		}
	})
}

func BenchmarkPollWithNothingNew(b *testing.B) {
	s := filled(b, 10_000)
	h, err := s.Head(b.Context(), s.feed)
	must(b, err)
	q := feed.Query{AfterAdded: &h.Added, Upto: h.Place, Limit: 101, Versions: feed.Versions{Last: true}}
	for b.Loop() {
		must(b, s.Read(b.Context(), s.feed, q, func(*feed.Entry) bool { return true }))
	}
}

// TestGeneratedContentComesBackByteForByte stores content of all kinds and
// sizes, as the real facts of it say, and reads it by pages.
func TestGeneratedContentComesBackByteForByte(t *testing.T) {
	trial.Covers(t, "K55", "R090")
	s := openStore(t, Options{})
	objects := trial.Objects(1, 2000)
	var drafts []feed.Draft
	for _, raw := range objects {
		f, err := stix.Peek(raw)
		must(t, err)
		drafts = append(drafts, feed.Draft{
			ID: f.ID, Type: f.Type, SpecVersion: f.SpecVersion, Version: f.Version, VersionKey: f.VersionKey, VersionTime: f.VersionTime, Content: raw,
		})
		if len(drafts) == 100 {
			must(t, s.put(drafts...))
			drafts = nil
		}
	}
	h, err := s.Head(t.Context(), s.feed)
	must(t, err)
	n := 0
	for after := feed.Place(0); after < h.Place; {
		q := feed.Query{After: after, Upto: h.Place, Limit: 77, Versions: feed.Versions{All: true}, Content: true}
		must(t, s.Read(t.Context(), s.feed, q, func(e *feed.Entry) bool {
			if string(e.Content) != string(objects[n]) || e.Place != feed.Place(n+1) {
				t.Fatalf("object %d came back otherwise at place %d", n, e.Place)
			}
			after = e.Place
			n++
			return true
		}))
	}
	if n != len(objects) {
		t.Errorf("%d of %d objects came back", n, len(objects))
	}
}
