package store

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// lightMost bounds the rows without content that one statement of a purge removes.
const lightMost = 50

// ChangeSubscription gives edit the Subscription as it is, in the transaction that
// keeps what edit leaves; id, key and date of creation stay. edit may be called
// twice and changes nothing else. NotFound, or what edit answers.
func (s *Store) ChangeSubscription(ctx context.Context, id string, edit func(*exchange.Subscription) error) (exchange.Subscription, error) {
	var v exchange.Subscription
	err := s.do(ctx, "change subscription", func(t *tx) error {
		old, err := t.subscription(subscriptionByID, id)
		if err != nil {
			return err
		}
		v = old
		if old.Push != nil {
			push := *old.Push
			push.Secret, push.Previous = slices.Clone(push.Secret), slices.Clone(push.Previous)
			v.Push = &push
		}
		if err := edit(&v); err != nil {
			return err
		}
		v.ID, v.SubscriptionKey, v.Created = old.ID, old.SubscriptionKey, old.Created
		return t.updateSubscription(old, v)
	})
	if err != nil {
		return exchange.Subscription{}, err
	}
	return v, nil
}

// updateSubscription writes what has changed. That a place moves is the usual
// case, and touches no index.
func (t *tx) updateSubscription(old, v exchange.Subscription) error {
	if reflect.DeepEqual(old, v) {
		return nil
	}
	rest := v
	rest.Place, rest.Incarnation, rest.Moves, rest.Seen, rest.Offered, rest.Explicit =
		old.Place, old.Incarnation, old.Moves, old.Seen, old.Offered, old.Explicit
	if reflect.DeepEqual(old, rest) && minute(old.Ends()) == minute(v.Ends()) {
		return t.exec(moveSubscription, v.ID, v.Place, v.Incarnation, v.Moves, v.Seen, v.Offered, truth(v.Explicit))
	}
	p := pushOf(v)
	return t.exec(`update subscriptions set place = $2, incarnation = $3, moves = $4, seen = $5, offered = $6, explicit = $7,
		max_pending = $8, max_pending_bytes = $9, idle_timeout = $10, ends = $11, push_url = $12, push_secret = $13, push_previous = $14,
		push_until = $15, push_state = $16, push_error = $17, push_failures = $18, push_since = $19, push_retry = $20 where id = $1`,
		v.ID, v.Place, v.Incarnation, v.Moves, v.Seen, v.Offered, truth(v.Explicit), v.MaxPending, v.MaxPendingBytes, v.IdleTimeout,
		minute(v.Ends()), p.URL, p.Secret, p.Previous, p.PreviousUntil, p.State, p.LastError, p.Failures, p.FailingSince, p.RetryAt)
}

const moveSubscription = `update subscriptions set place = $2, incarnation = $3, moves = $4, seen = $5, offered = $6, explicit = $7 where id = $1`

// RemoveSubscription ends a Subscription; none: nil.
func (s *Store) RemoveSubscription(ctx context.Context, id string) error {
	return s.do(ctx, "remove subscription", func(t *tx) error { return t.exec(`delete from subscriptions where id = $1`, id) })
}

// DiscardSubscriptions ends a few of those that ended before now, for about 5 ms,
// and tells whether more are left. None ends before the ttl of its Channel.
func (s *Store) DiscardSubscriptions(ctx context.Context, now taxii.Time) (more bool, err error) {
	err = s.do(ctx, "discard subscriptions", func(t *tx) error {
		more = true
		for began := time.Now(); more && time.Since(began) < stepTime; {
			raised, err := t.changed(raiseIdle, now, lightMost)
			if err != nil {
				return err
			}
			ended, err := t.changed(discardSubscriptions, now, lightMost)
			if err != nil {
				return err
			}
			more = raised == lightMost || ended == lightMost
		}
		return nil
	})
	return more, err
}

const (
	// ttlOf is the ttl of the Channel of a Subscription s, in seconds.
	ttlOf = `coalesce((select c.ttl from channels c where c.id = s.channel), 0)`

	// raiseIdle lets Subscriptions that would end live as long as the Messages of a
	// Channel whose ttl was lengthened after they were made. Each is met once.
	raiseIdle = `update subscriptions as s set idle_timeout = ` + ttlOf + `, ends = (s.seen + ` + ttlOf + ` * 1000000) / 60000000 * 60000000
		where s.id in (select s.id from subscriptions s where s.ends < $1 and s.idle_timeout < ` + ttlOf + ` order by s.ends limit $2)`

	// discardSubscriptions finds by the index those that end until this minute, and
	// passes over what is left of it.
	discardSubscriptions = `delete from subscriptions where id in (select s.id from subscriptions s
		where s.ends < $1 and s.seen + s.idle_timeout * 1000000 < $1 and s.idle_timeout >= ` + ttlOf + ` order by s.ends limit $2)`
)
