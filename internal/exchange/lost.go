package exchange

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// lost knows the accounts that lost the right to read a Channel and may have
// Subscriptions there: those are discarded with the right, and a right given
// again does not bring them back. A loss is noted before the change that made it
// is answered; until the rows are gone, nothing reads them.
//
// What was lost before the start of this process, and whose rows may be left by
// a crash, is told by the catalogue of the start until all rows have been looked
// at once.
type lost struct {
	mu      sync.Mutex // guards what follows
	pairs   map[reader]bool
	born    *snapshot       // nil: all rows have been looked at
	settled map[reader]bool // of those that born tells
	todo    []string        // Channels whose rows have not,
	after   string          // but those of the first up to this one
}

// reader is an account on a Channel.
type reader struct {
	channel string
	account int64
}

// reads tells whether an account may read a Channel.
func (x *Exchange) reads(snap *snapshot, c *Channel, account int64) bool {
	a, root := snap.accounts[account], snap.rootByID[c.Root]
	if a == nil || a.Removed || root == nil {
		return false
	}
	if a.Builtin && a.Name == OperatorName {
		return true
	}
	return (&Session{x: x, account: a}).onChannel(snap, root, c).Has(Read)
}

// noteLost notes who could read in the catalogue before and cannot in the next.
func (x *Exchange) noteLost(before, next *snapshot) {
	l := &x.lost
	l.mu.Lock()
	defer l.mu.Unlock()
	if before == nil {
		l.born, l.pairs, l.settled = next, map[reader]bool{}, map[reader]bool{}
		return
	}
	// Most changes leave the grants of most accounts as they are. Those lose what
	// everyone loses, and no more.
	var shared []*Channel
	if everyone := before.names[AnonymousName]; everyone != nil {
		shared = x.unreadable(before, next, everyone.ID, slices.Collect(maps.Values(before.channelByID)))
	}
	changed := before.regrouped(next)
	for id := range before.accounts {
		channels := shared
		if !maps.Equal(before.grants[id], next.grants[id]) || changed(id) {
			channels = slices.Collect(maps.Values(before.channelByID))
		}
		for _, c := range x.unreadable(before, next, id, channels) {
			l.pairs[reader{c.ID, id}] = true
		}
	}
}

// regrouped tells of an account whether its groups, or what they were granted, are
// others in the next catalogue.
func (s *snapshot) regrouped(next *snapshot) func(account int64) bool {
	groups := map[int64]bool{} // that are, or were granted, something else
	for id := range s.groups {
		if !maps.Equal(s.grants[id], next.grants[id]) {
			groups[id] = true
		}
	}
	return func(account int64) bool {
		was := s.memberOf[account]
		return !slices.Equal(was, next.memberOf[account]) || slices.ContainsFunc(was, func(id int64) bool { return groups[id] })
	}
}

// unreadable gives those of some Channels, which are still there, that an account
// could read before and cannot next.
func (x *Exchange) unreadable(before, next *snapshot, account int64, channels []*Channel) (list []*Channel) {
	for _, c := range channels {
		if now := next.channelByID[c.ID]; now != nil && x.reads(before, c, account) && !x.reads(next, now, account) {
			list = append(list, c)
		}
	}
	return list
}

// noted tells that an account may still have Subscriptions on a Channel of a right
// that it lost.
func (x *Exchange) noted(c *Channel, account int64) bool {
	l := &x.lost
	l.mu.Lock()
	defer l.mu.Unlock()
	key := reader{c.ID, account}
	if l.pairs[key] || l.born == nil || l.settled[key] {
		return l.pairs[key]
	}
	was := l.born.channelByID[c.ID]
	return was != nil && !x.reads(l.born, was, account)
}

// settle discards the Subscriptions of an account on a Channel that it could not
// read at some time since they were made. There are few of one account.
func (x *Exchange) settle(ctx context.Context, c *Channel, account int64) error {
	if !x.noted(c, account) {
		return nil
	}
	for {
		rows, err := x.store.Subscriptions(ctx, c.ID, account, "", subscriptionsPerChannel)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := x.endSubscription(ctx, row.ID); err != nil {
				return err
			}
		}
		if len(rows) < subscriptionsPerChannel {
			break
		}
	}
	l := &x.lost
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pairs, reader{c.ID, account})
	if l.born != nil {
		l.settled[reader{c.ID, account}] = true
	}
	return nil
}

// discardUnreadable discards a few of the Subscriptions whose account lost the
// right to read, and tells whether there are more.
func (x *Exchange) discardUnreadable(ctx context.Context) (more bool, err error) {
	snap := x.now.Load()
	for _, key := range x.lost.some() {
		c := snap.channelByID[key.channel]
		if c == nil { // its Subscriptions went with it
			x.lost.forget(key)
			continue
		}
		if err := x.settle(ctx, c, key.account); err != nil {
			return false, err
		}
		more = true
	}
	swept, err := x.sweep(ctx, snap)
	return more || !swept, err
}

// discardedAtOnce is how many accounts are seen to in one step, and sweptAtOnce at
// how many rows it looks.
const (
	discardedAtOnce = 16
	sweptAtOnce     = 500
)

// some gives a few of those that are noted.
func (l *lost) some() (keys []reader) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key := range l.pairs {
		if keys = append(keys, key); len(keys) == discardedAtOnce {
			break
		}
	}
	return keys
}

func (l *lost) forget(key reader) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pairs, key)
}

// sweep looks at a few of the rows that were there at the start, and tells when it
// has seen all.
func (x *Exchange) sweep(ctx context.Context, snap *snapshot) (done bool, err error) {
	id, after := x.lost.next()
	if id == "" {
		return true, nil
	}
	rows, err := []Subscription(nil), error(nil)
	if c := snap.channelByID[id]; c != nil {
		if rows, err = x.store.Subscriptions(ctx, id, 0, after, sweptAtOnce); err != nil {
			return false, err
		}
		for i := range rows {
			if err := x.settle(ctx, c, rows[i].Account); err != nil {
				return false, err
			}
		}
	}
	if len(rows) < sweptAtOnce {
		x.lost.swept("")
	} else {
		x.lost.swept(rows[len(rows)-1].ID)
	}
	return false, nil
}

// next gives the Channel that is swept, and after which row; "" when all are.
func (l *lost) next() (channel, after string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.born == nil {
		return "", ""
	}
	if l.todo == nil {
		l.todo = slices.Sorted(maps.Keys(l.born.channelByID))
	}
	if len(l.todo) == 0 {
		l.born, l.settled = nil, nil
		return "", ""
	}
	return l.todo[0], l.after
}

// swept notes how far a Channel is swept; "" is to its end.
func (l *lost) swept(after string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.after = after; after == "" {
		l.todo = l.todo[1:]
	}
}
