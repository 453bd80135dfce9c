package node

import (
	"context"
	"math"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"
)

// It sets what is of the whole process, so no other test runs beside it.
func TestTheCollectorsBoundMovesWithTheBodies(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	var held atomic.Int64
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { restrain(ctx, 64<<20, held.Load); close(ended) }()
	want := func(octets int64) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); debug.SetMemoryLimit(-1) != octets; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the bound is %d, want %d", debug.SetMemoryLimit(-1), octets)
			}
		}
	}
	want(176 << 20)
	held.Store(100 << 20)
	want(276 << 20)
	held.Store(0)
	want(176 << 20)
	end()
	<-ended
	want(math.MaxInt64)
}
