package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// Subscriptions are rows and nothing else: none is in the catalogue, so that a
// million of them take room on the disk alone. One of a Channel or an account
// that was removed is not given any more, whether or not it is purged yet.

const subscriptionColumns = `s.channel, s.account, s.selector, s.name, s.id, s.place, s.incarnation, s.moves, s.max_pending, s.max_pending_bytes,
	s.idle_timeout, s.created, s.seen, s.offered, s.explicit, s.push_url, s.push_secret, s.push_previous, s.push_until, s.push_state,
	s.push_error, s.push_failures, s.push_since, s.push_retry`

// subscriptionRows is to be followed by a condition on s. The Channel and the
// account are looked up one by one, each by its id: a join is served by an index of
// all that are active.
const subscriptionRows = `select ` + subscriptionColumns + ` from subscriptions s
	where (select c.state from channels c where c.id = s.channel) = 'active'
	and (select a.state from accounts a where a.id = s.account) = 'active' and `

// The conditions under which Subscriptions are asked for.
const (
	subscriptionByID  = subscriptionRows + `s.id = $1`
	subscriptionByKey = subscriptionRows + `s.channel = $1 and s.account = $2 and s.fingerprint = $3`
	subscriptionsOn   = subscriptionRows + `s.channel = $1 and s.id > $2 order by s.id limit $3`
	subscriptionsOf   = subscriptionRows + `s.channel = $1 and s.account = $4 and s.id > $2 order by s.id || '' limit $3` // by the key: an account has few
	subscriptionsPush = subscriptionRows + `s.push_url <> '' and s.push_state <> 'disabled' order by s.id`
)

func scanSubscription(r *sql.Rows) (exchange.Subscription, error) {
	var v exchange.Subscription
	var p exchange.PushState
	err := r.Scan(&v.Channel, &v.Account, &v.Selector, &v.Name, &v.ID, &v.Place, &v.Incarnation, &v.Moves, &v.MaxPending, &v.MaxPendingBytes,
		&v.IdleTimeout, &v.Created, &v.Seen, &v.Offered, &v.Explicit, &p.URL, &p.Secret, &p.Previous, &p.PreviousUntil, &p.State,
		&p.LastError, &p.Failures, &p.FailingSince, &p.RetryAt)
	if p.URL != "" {
		v.Push = &p
	}
	return v, err
}

// fingerprint stands for what a key has besides its Channel and account, which
// may be longer than an index takes.
func fingerprint(k exchange.SubscriptionKey) string {
	sum := sha256.Sum256([]byte(k.Selector + "\n" + k.Name)) // a canonical Selector has no line end
	return hex.EncodeToString(sum[:])
}

// minute cuts a time to the minute.
func minute(t taxii.Time) taxii.Time { return t - t%60_000_000 }

func noSubscription() error { return taxii.Errorf(taxii.NotFound, "no such subscription") }

// Subscription gives one (NotFound).
func (s *Store) Subscription(ctx context.Context, id string) (exchange.Subscription, error) {
	return s.subscription(ctx, subscriptionByID, id)
}

// SubscriptionOf gives the one with this key (NotFound).
func (s *Store) SubscriptionOf(ctx context.Context, k exchange.SubscriptionKey) (exchange.Subscription, error) {
	return s.subscription(ctx, subscriptionByKey, k.Channel, k.Account, fingerprint(k))
}

func (s *Store) subscription(ctx context.Context, text string, args ...any) (exchange.Subscription, error) {
	list, err := s.subscriptions(ctx, text, args...)
	switch {
	case err != nil:
		return exchange.Subscription{}, err
	case len(list) == 0:
		return exchange.Subscription{}, noSubscription()
	}
	return list[0], nil
}

func (s *Store) subscriptions(ctx context.Context, text string, args ...any) (list []exchange.Subscription, err error) {
	err = s.each(ctx, func(r *sql.Rows) error {
		v, err := scanSubscription(r)
		list = append(list, v)
		return err
	}, text, args...)
	return list, named("read subscriptions", err)
}

// Subscriptions lists those of a Channel, of one account or, for 0, of all, by
// id, after one id; at most so many.
func (s *Store) Subscriptions(ctx context.Context, channel string, account int64, after string, most int) ([]exchange.Subscription, error) {
	if account == 0 {
		return s.subscriptions(ctx, subscriptionsOn, channel, after, most)
	}
	return s.subscriptions(ctx, subscriptionsOf, channel, after, most, account)
}

// Pushing lists the Subscriptions that have a push that is not disabled.
func (s *Store) Pushing(ctx context.Context) ([]exchange.Subscription, error) {
	return s.subscriptions(ctx, subscriptionsPush)
}

// Subscribe keeps a new Subscription, or gives the one that has its key. One that
// ended before this one was made counts for nothing, and gives way. NotFound:
// the Channel or the account is not there. TooMany: the account has as many as
// most says, counted in the same transaction.
func (s *Store) Subscribe(ctx context.Context, v exchange.Subscription, most exchange.SubscriptionBounds) (kept exchange.Subscription, created bool, err error) {
	err = s.do(ctx, "subscribe", func(t *tx) (err error) {
		kept, created, err = t.subscribe(v, most)
		return err
	})
	if err != nil {
		return exchange.Subscription{}, false, err
	}
	return kept, created, nil
}

func (t *tx) subscribe(v exchange.Subscription, most exchange.SubscriptionBounds) (exchange.Subscription, bool, error) {
	ttl, err := t.subscribable(v)
	if err != nil {
		return v, false, err
	}
	old, err := t.subscription(subscriptionByKey, v.Channel, v.Account, fingerprint(v.SubscriptionKey))
	kept := old
	kept.IdleTimeout = max(old.IdleTimeout, ttl)
	switch {
	case err == nil && kept.Ends() >= v.Created:
		return old, false, nil
	case err == nil:
		err = t.exec(`delete from subscriptions where id = $1`, old.ID)
	case taxii.KindOf(err) == taxii.NotFound:
		err = nil
	}
	if err == nil {
		err = t.withinBounds(v, most)
	}
	if err == nil {
		err = t.insertSubscription(v)
	}
	return v, true, err
}

func (t *tx) subscription(text string, args ...any) (exchange.Subscription, error) {
	v, err := exchange.Subscription{}, noSubscription()
	failed := t.rows(func(r *sql.Rows) error {
		v, err = scanSubscription(r)
		return err
	}, text, args...)
	if failed != nil {
		return v, failed
	}
	return v, err
}

// subscribable: the Channel, whose ttl it gives, and the account are there.
func (t *tx) subscribable(v exchange.Subscription) (ttl int64, err error) {
	err = t.row([]any{&ttl}, `select c.ttl from channels c, accounts a
		where c.id = $1 and c.state = 'active' and a.id = $2 and a.state = 'active'`, v.Channel, v.Account)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, taxii.Errorf(taxii.NotFound, "no such channel, or no such account")
	}
	return ttl, err
}

// withinBounds counts what an account has that has not ended, as far as the bound.
func (t *tx) withinBounds(v exchange.Subscription, most exchange.SubscriptionBounds) error {
	const count, going = `select count(*) from (select 1 from subscriptions s where s.account = $1
		and (s.seen + s.idle_timeout * 1000000 >= $2 or s.seen + ` + ttlOf + ` * 1000000 >= $2)`, ` limit $3) counted`
	var n int
	if most.PerChannel > 0 {
		err := t.row([]any{&n}, count+` and s.channel = $4`+going, v.Account, v.Created, most.PerChannel, v.Channel)
		if err != nil || n >= most.PerChannel {
			return cmp.Or(err, asMany(most.PerChannel, "an account may have %d subscriptions on a channel; end one that is not needed"))
		}
	}
	if most.PerAccount > 0 {
		err := t.row([]any{&n}, count+` and (select c.state from channels c where c.id = s.channel) = 'active'`+going,
			v.Account, v.Created, most.PerAccount)
		if err != nil || n >= most.PerAccount {
			return cmp.Or(err, asMany(most.PerAccount, "this account may have %d subscriptions; end one that is not needed"))
		}
	}
	return nil
}

// asMany is the answer to one more than there may be.
func asMany(most int, format string) error {
	e := taxii.Errorf(taxii.TooMany, format, most)
	e.Allowed = &taxii.Allowance{Name: "subscriptions", Unit: "subscriptions", Quota: int64(most)}
	return e
}

func (t *tx) insertSubscription(v exchange.Subscription) error {
	p := pushOf(v)
	return t.exec(`insert into subscriptions (id, channel, account, selector, name, fingerprint, place, incarnation, moves,
		max_pending, max_pending_bytes, idle_timeout, created, seen, ends, offered, explicit, push_url, push_secret, push_previous,
		push_until, push_state, push_error, push_failures, push_since, push_retry)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)`,
		v.ID, v.Channel, v.Account, v.Selector, v.Name, fingerprint(v.SubscriptionKey), v.Place, v.Incarnation, v.Moves,
		v.MaxPending, v.MaxPendingBytes, v.IdleTimeout, v.Created, v.Seen, minute(v.Ends()), v.Offered, truth(v.Explicit), p.URL, p.Secret, p.Previous,
		p.PreviousUntil, p.State, p.LastError, p.Failures, p.FailingSince, p.RetryAt)
}

func pushOf(v exchange.Subscription) exchange.PushState {
	if v.Push == nil {
		return exchange.PushState{}
	}
	return *v.Push
}
