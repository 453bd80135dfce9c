package exchange_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/taxii"
)

// followed builds an exchange with a Channel of n Messages of 1 KB.
func followed(b *testing.B, n int) (*exchange.Session, func()) {
	b.Helper()
	s, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "hansom.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	x, err := exchange.New(b.Context(), s, options())
	if err != nil {
		b.Fatal(err)
	}
	op := x.Operator()
	if _, err := op.AddRoot(b.Context(), exchange.RootSetting{Name: "trust"}); err != nil {
		b.Fatal(err)
	}
	if _, err := op.AddChannel(b.Context(), exchange.ChannelSetting{Root: "trust", Name: "alerts"}); err != nil {
		b.Fatal(err)
	}
	draft := fmt.Sprintf(`{"content":{"objects":[{"type":"t0","id":"t0--1","x":%q}]}}`, strings.Repeat("x", 960))
	publish := func(n int) {
		body := `{"messages":[` + strings.Repeat(draft+",", n-1) + draft + `]}`
		if _, err := op.Publish(b.Context(), "trust", "alerts", exchange.Publication{ContentType: taxii.MediaType, Body: []byte(body)}); err != nil {
			b.Fatal(err)
		}
	}
	for ; n > 0; n -= 1000 {
		publish(min(n, 1000))
	}
	return op, func() { publish(1) }
}

// BenchmarkDelivery is a Message given to a follower: from memory as it comes, and
// from the store, page by page, far behind.
func BenchmarkDelivery(b *testing.B) {
	b.Run("memory", func(b *testing.B) {
		op, publish := followed(b, 0)
		list := make([]*exchange.Follower, 1000)
		for i := range list {
			f, err := op.Follow(b.Context(), "trust", "alerts", exchange.Reading{Stream: true})
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			list[i] = f
		}
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			if n%len(list) == 0 {
				b.StopTimer()
				publish()
				b.StartTimer()
			}
			p, err := list[n%len(list)].Page(b.Context())
			if err != nil || len(p.Frames) != 1 {
				b.Fatalf("%v, %d frames", err, len(p.Frames))
			}
		}
	})
	for name, r := range map[string]exchange.Reading{"pages": {Limit: 100}, "stream": {Limit: 100, Stream: true, After: taxii.Earliest}} {
		b.Run(name, func(b *testing.B) {
			op, _ := followed(b, 20_000)
			b.ReportAllocs()
			b.ResetTimer()
			var f *exchange.Follower
			for n := 0; n < b.N; {
				if f == nil {
					var err error
					if f, err = op.Follow(b.Context(), "trust", "alerts", r); err != nil {
						b.Fatal(err)
					}
				}
				p, err := f.Page(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				if n += len(p.Frames); !p.More {
					f.Close()
					f = nil
				}
			}
		})
	}
}

// BenchmarkPagesOfACollection is what pages of a Channel are measured by: as many
// objects of the same size, page by page.
func BenchmarkPagesOfACollection(b *testing.B) {
	op, _ := followed(b, 1)
	if _, err := op.AddCollection(b.Context(), exchange.CollectionSetting{Root: "trust", Alias: "all", Title: "All"}); err != nil {
		b.Fatal(err)
	}
	for range 20 {
		var objects []string
		for range 1000 {
			objects = append(objects, fmt.Sprintf(`{"type":"x-t","spec_version":"2.1","id":"x-t--%s","created":"2020-01-01T00:00:00Z","modified":"2020-01-01T00:00:00Z","x":%q}`,
				taxii.NewID(), strings.Repeat("x", 850)))
		}
		if _, err := op.Add(b.Context(), "trust", "all", []byte(`{"objects":[`+strings.Join(objects, ",")+`]}`)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n, next := 0, ""; n < b.N; {
		v, err := op.View(b.Context(), exchange.Target{Endpoint: exchange.Objects, Root: "trust", Collection: "all"}, taxii.Filter{Limit: 100, Next: next})
		if err != nil {
			b.Fatal(err)
		}
		p, err := v.Page(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		n, next = n+p.Count, p.Next
	}
}

// BenchmarkIdleFollower is the memory of one that waits, its goroutine included.
func BenchmarkIdleFollower(b *testing.B) {
	op, publish := followed(b, 0)
	publish()
	const many = 10_000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		done := make(chan error, many)
		list := make([]*exchange.Follower, many)
		for i := range list {
			f, err := op.Follow(b.Context(), "trust", "alerts", exchange.Reading{Stream: true})
			if err != nil {
				b.Fatal(err)
			}
			list[i] = f
			go func() { done <- f.Wait(b.Context(), time.Hour) }()
		}
		time.Sleep(time.Second)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapInuse+after.StackInuse-before.HeapInuse-before.StackInuse)/many, "octets/follower")
		publish()
		for range list {
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		}
		for _, f := range list {
			f.Close()
		}
	}
}
