package peer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
)

// runner is one Run of a Pusher.
type runner struct {
	*Pusher
	board    *board
	done     chan finished
	grown    chan string // a Channel has more Messages
	watched  map[string]context.CancelFunc
	all      sync.WaitGroup
	listAt   time.Time // when the list of all pushes is to be read again
	listed   time.Time
	toldOnce time.Time // when trouble was logged last
}

type finished struct {
	job  *job
	turn exchange.PushTurn
	err  error
}

// Run pushes until ctx ends, and returns when nothing is under way any more. Idle
// pushes cost no goroutine and no look at the disk; a Channel with pushes costs a
// goroutine.
func (p *Pusher) Run(ctx context.Context) {
	r := &runner{
		Pusher: p, board: newBoard(time.Now),
		done: make(chan finished, perNode), grown: make(chan string), watched: map[string]context.CancelFunc{},
	}
	defer r.all.Wait()
	turned, rights := p.pushes.Turned(), p.pushes.Rights()
	r.listAt = time.Now()
	for ctx.Err() == nil {
		next := r.step(ctx)
		select {
		case <-turned:
			turned = p.pushes.Turned()
			r.listSoon(r.listed.Add(listTime))
		case <-rights:
			rights = p.pushes.Rights()
			r.wakeLost()
		case channel := <-r.grown:
			for j := range r.board.channels[channel] {
				r.board.wake(j)
			}
		case f := <-r.done:
			r.finish(ctx, f)
		case <-next:
		case <-ctx.Done():
		}
	}
}

// step reads the list if it is time to, starts what may start, and gives what
// rings when there is something to do.
func (r *runner) step(ctx context.Context) <-chan time.Time {
	if !r.listAt.IsZero() && !time.Now().Before(r.listAt) {
		r.list(ctx)
	}
	next := r.board.due()
	for j := r.board.next(); j != nil; j = r.board.next() {
		r.all.Go(func() {
			turn, err := r.attempt(ctx, j.ID)
			r.done <- finished{j, turn, err} // there is room for all that run
		})
	}
	if next.IsZero() || !r.listAt.IsZero() && r.listAt.Before(next) {
		next = r.listAt
	}
	if next.IsZero() {
		return nil
	}
	return time.After(time.Until(next))
}

func (r *runner) listSoon(at time.Time) {
	if r.listAt.IsZero() || at.Before(r.listAt) {
		r.listAt = at
	}
}

// list reads which pushes there are, and watches their Channels.
func (r *runner) list(ctx context.Context) {
	r.listed, r.listAt = time.Now(), time.Time{}
	list, err := r.pushes.Jobs(ctx)
	if err != nil {
		r.listAt = r.listed.Add(troubleTime)
		r.trouble(ctx, "list the pushes", err)
		return
	}
	r.board.list(list, r.caller.Host)
	for channel, stop := range r.watched {
		if r.board.channels[channel] == nil {
			stop()
			delete(r.watched, channel)
		}
	}
	for channel := range r.board.channels {
		if r.watched[channel] == nil {
			watching, stop := context.WithCancel(ctx)
			r.watched[channel] = stop
			r.all.Go(func() { r.watch(watching, channel) })
		}
	}
}

// watch tells when a Channel has more Messages. It listens before it tells, so
// that whoever then reads misses nothing.
func (r *runner) watch(ctx context.Context, channel string) {
	for {
		grew, there := r.pushes.Grew(channel)
		select {
		case r.grown <- channel:
		case <-ctx.Done():
			return
		}
		if !there {
			return // its pushes end with the next list
		}
		select {
		case <-grew:
		case <-ctx.Done():
			return
		}
	}
}

// wakeLost wakes the pushes whose account may not have them any more, so that they
// end.
func (r *runner) wakeLost() {
	for _, j := range r.board.jobs {
		if !r.pushes.May(j.PushJob) {
			r.board.wake(j)
		}
	}
}

// finish takes what became of a job.
func (r *runner) finish(ctx context.Context, f finished) {
	if f.err != nil && ctx.Err() == nil {
		r.trouble(ctx, "push", f.err)
		f.turn = exchange.PushTurn{Until: time.Now().Add(troubleTime)}
	}
	r.board.done(f.job, f.turn, r.caller.Host)
}

// trouble logs what went wrong on our side, at most once in a listTime: where the
// store is lost, it is lost for all.
func (r *runner) trouble(ctx context.Context, what string, err error) {
	if ctx.Err() != nil || time.Since(r.toldOnce) < listTime {
		return
	}
	r.toldOnce = time.Now()
	r.log.LogAttrs(ctx, slog.LevelError, what, slog.Any("error", err))
}
