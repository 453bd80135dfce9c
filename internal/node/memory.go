package node

import (
	"context"
	"math"
	"runtime/debug"
	"time"
)

const (
	// besides is what a node may hold beside pages and bodies, in octets, before
	// the collector has to work harder: a thousand connections, and as much again
	// that is no longer used. The database's own memory, some 40 MB, is not the
	// collector's.
	besides = 112 << 20
	// restrainEvery is how often what is held is looked at.
	restrainEvery = time.Second
)

// perStream is what a wait or a stream holds at most while nothing happens, in
// octets: its connection with TLS, its request and the stacks of both (measured; the
// tests of streams hold it).
const perStream = 56 << 10

// restrain keeps what is no longer used from doubling what is: by itself the
// collector lets the heap grow to twice what is in use, and full budgets would
// take twice their octets. pages is the budget of all pages, held tells what may be
// held of what comes and goes; since the bound moves with that, it never keeps the collector
// running without an end.
//
// It ends with ctx, and is of the process as a whole: only a process that is one
// node and nothing else may do it.
func restrain(ctx context.Context, pages int64, held func() int64) {
	tick := time.NewTicker(restrainEvery)
	defer tick.Stop()
	defer debug.SetMemoryLimit(math.MaxInt64)
	limit := int64(0)
	for {
		if now := besides + pages + held(); now != limit {
			limit = now
			debug.SetMemoryLimit(limit)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
