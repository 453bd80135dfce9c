package exchange

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Housekeep removes what is to go, in small steps, until ctx ends: the contents of
// removed Collections and Channels, Statuses a day after they were complete
// (R194), Messages after their ttl, and Subscriptions that nobody uses or may use
// any more. It also turns the keys: see RotateKey.
func (x *Exchange) Housekeep(ctx context.Context, failed func(error)) {
	e := &expirer{Exchange: x, due: map[string]expiry{}, every: purgeIdle}
	seldom := func() time.Duration { return purgeIdle }
	var all sync.WaitGroup
	all.Go(func() { x.keepUsage(ctx, failed) })
	all.Go(func() { x.keepAudit(ctx, failed) })
	for _, task := range []chore{{x.purge, seldom}, {e.step, e.idle}, {x.discard, seldom}, {x.discardUnreadable, seldom}, {x.turnKeys, seldom}, {x.relevel, seldom}} {
		all.Go(func() { task.keepAt(ctx, failed) })
	}
	all.Wait()
}

// chore is what is done in small steps, and how long there is nothing to be done
// once there is no more.
type chore struct {
	step func(context.Context) (more bool, err error)
	idle func() time.Duration
}

func (c chore) keepAt(ctx context.Context, failed func(error)) {
	for {
		wait := purgePause
		more, err := c.step(ctx)
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		switch {
		case err != nil:
			wait = purgeIdle
		case !more:
			wait = c.idle()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// purge does a step of what the store has to purge.
func (x *Exchange) purge(ctx context.Context) (more bool, err error) {
	if err := x.catchUp(ctx); err != nil {
		return false, err
	}
	return x.store.PurgeStep(ctx, taxii.TimeOf(x.opt.Now().Add(-statusKept)))
}

// discard ends Subscriptions.
func (x *Exchange) discard(ctx context.Context) (more bool, err error) {
	return x.store.DiscardSubscriptions(ctx, taxii.TimeOf(x.opt.Now()))
}

// expirer purges the Messages of Channels after their ttl. It asks the disk only
// where something is due.
type expirer struct {
	*Exchange
	due   map[string]expiry // by the id of the Channel
	every time.Duration     // how often it looks
	steps int               // since it last looked for something ...
	rows  feed.Place        // ... and how many Messages they purged
}

const (
	// purgeOften is how often it is looked where much expires: what waits for a
	// second is a burst of steps that holds up those who publish.
	purgeOften = 50 * time.Millisecond
	// purgeFew is how many Messages are not worth a commit of their own.
	purgeFew = 25
)

// idle looks more often where there was more than a step to do at once, and less
// where there was little.
func (e *expirer) idle() time.Duration {
	switch {
	case e.steps > 1:
		e.every = max(e.every/2, purgeOften)
	case e.rows < purgeFew:
		e.every = min(2*e.every, purgeIdle)
	}
	e.steps, e.rows = 0, 0
	return e.every
}

// expiry is when the oldest Message of a Channel is to go, as far as it is kept
// as it was then.
type expiry struct {
	at    taxii.Time
	keeps []Keep
}

// step does a bounded part of what is due on each Channel.
func (e *expirer) step(ctx context.Context) (more bool, err error) {
	snap, now := e.now.Load(), taxii.TimeOf(e.opt.Now())
	for id := range e.due {
		if snap.channelByID[id] == nil {
			delete(e.due, id)
		}
	}
	var errs []error
	for _, c := range snap.channelByID {
		left, err := e.channel(ctx, c, now)
		if err != nil && taxii.KindOf(err) != taxii.NotFound { // it is being removed
			errs = append(errs, err)
		}
		more = more || left
	}
	return more, errors.Join(errs...)
}

func (e *expirer) channel(ctx context.Context, c *Channel, now taxii.Time) (more bool, err error) {
	head, err := e.store.Head(ctx, c.Feed)
	if err != nil || head.Place == head.Floor {
		return false, err
	}
	if d, known := e.due[c.ID]; known && now < d.at && slices.Equal(d.keeps, c.Keeps) {
		return false, nil
	}
	upto, err := e.expired(ctx, c, head, now)
	if err != nil {
		return false, err
	}
	if upto > head.Floor {
		if more, err = e.expire(ctx, c.Feed, head, upto); more || err != nil {
			return more, err
		}
	}
	return false, e.plan(ctx, c, max(upto, head.Floor), head.Place)
}

// expire does a step of what is due, and counts it.
func (e *expirer) expire(ctx context.Context, id feed.ID, head feed.Head, upto feed.Place) (more bool, err error) {
	if more, err = e.store.Expire(ctx, id, upto); err != nil {
		return more, err
	}
	now, err := e.store.Head(ctx, id)
	e.steps++
	e.rows += now.Floor - head.Floor
	return more, err
}

// expired gives the place up to which all Messages have had their ttl. A Message
// with a longer one keeps those behind it, so that what is purged is always the
// beginning of the feed, and what a follower missed can be told exactly.
func (e *expirer) expired(ctx context.Context, c *Channel, head feed.Head, now taxii.Time) (upto feed.Place, err error) {
	upto = head.Floor
	for i, k := range c.Keeps {
		end := head.Place
		if i+1 < len(c.Keeps) {
			end = min(end, c.Keeps[i+1].After)
		}
		if end <= upto {
			continue // of these none are left
		}
		dated, err := e.store.DatedUpto(ctx, c.Feed, now-k.span())
		if err != nil {
			return upto, err
		}
		if upto = max(upto, min(dated, end)); upto < end {
			return upto, nil
		}
	}
	return upto, nil
}

func (k Keep) span() taxii.Time { return taxii.Time(k.TTL) * 1_000_000 }

// plan notes when the Message after a place is to go.
func (e *expirer) plan(ctx context.Context, c *Channel, after, upto feed.Place) error {
	delete(e.due, c.ID)
	q := feed.Query{After: after, Upto: upto, Limit: 1, Ceiling: feed.NoCeiling, Bare: true}
	return e.store.Read(ctx, c.Feed, q, func(oldest *feed.Entry) bool {
		e.due[c.ID] = expiry{at: oldest.Added + keepOf(c.Keeps, oldest.Place).span(), keeps: c.Keeps}
		return false
	})
}

// keepOf gives how long the Message in a place is kept.
func keepOf(keeps []Keep, place feed.Place) (k Keep) {
	for _, next := range keeps {
		if next.After >= place {
			return k
		}
		k = next
	}
	return k
}
