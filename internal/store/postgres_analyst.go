package store

import (
	"context"
	"database/sql"
	"sync/atomic"
)

const (
	// lookEvery is the number of new places after which it is looked whether
	// tables have grown much: about a hundred pages.
	lookEvery = 1000
	// Statistics are made when a table has smallestPages, below which those that
	// the migrations made are better, and anew when it has grown so many times
	// since. In between PostgreSQL sees to them itself, but only a minute after a
	// load, which takes long without them.
	smallestPages  = 64
	analyzedGrowth = 10
)

// analyst tells PostgreSQL's planner what the tables hold, beside the writer.
type analyst struct {
	db    *sql.DB
	end   context.CancelFunc // of run
	fresh atomic.Int64       // places since it was looked
	look  chan struct{}
	done  chan struct{} // closed when run has ended
}

// startAnalyst begins with a look: a load may have ended just before a stop.
func startAnalyst(db *sql.DB) *analyst {
	a := &analyst{db: db, look: make(chan struct{}, 1), done: make(chan struct{})}
	ctx, end := context.WithCancel(context.Background())
	a.end = end
	a.grown(lookEvery)
	go a.run(ctx)
	return a
}

// grown counts places, and wakes the analyst when there are many.
func (a *analyst) grown(places int64) {
	if a.fresh.Add(places) < lookEvery {
		return
	}
	select {
	case a.look <- struct{}{}:
	default: // it has been told and has not looked yet
	}
}

func (a *analyst) run(ctx context.Context) {
	defer close(a.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.look:
		}
		a.fresh.Store(0)
		_ = a.analyze(ctx) // a failure harms nobody, and there will be another look
	}
}

// analyze makes the statistics of the tables that have grown much.
func (a *analyst) analyze(ctx context.Context) error {
	var tables sql.NullString
	err := a.db.QueryRowContext(ctx, `select string_agg(relname, ',') from pg_class
		where oid = any(cast(array['entries', 'live', 'tombstones', 'statuses', 'messages', 'subscriptions'] as regclass[]))
		and pg_relation_size(oid) / cast(current_setting('block_size') as bigint) >= greatest($1, $2 * relpages)`,
		smallestPages, analyzedGrowth).Scan(&tables)
	if err != nil || !tables.Valid {
		return err
	}
	_, err = a.db.ExecContext(ctx, "analyze "+tables.String)
	return err
}

func (a *analyst) close() {
	a.end()
	<-a.done
}
