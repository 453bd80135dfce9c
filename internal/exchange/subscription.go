package exchange

import (
	"context"
	"errors"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// subscriptionsPerChannel and subscriptionsPerAccount bound what one account
	// keeps on the disk (section 10).
	subscriptionsPerChannel = 100
	subscriptionsPerAccount = 1000
	// leastIdle is the least idle_timeout where none is asked for, in seconds: 90
	// days (S29). mostIdle keeps a forgotten Subscription from staying for good.
	leastIdle = 7_776_000
	mostIdle  = 10 * 365 * 86_400
	// maxSubscriptionName bounds a name, in octets: it is part of a key.
	maxSubscriptionName = 256
	// mostSubscriptions bounds a list.
	mostSubscriptions = 1000
)

// Subscribe keeps a new Subscription, or gives the one that its account has for
// the Selector and the name (created is false, and start is not looked at).
// Unprocessable for what a Subscription cannot be; Gone for a start that cannot be
// honoured; TooMany beyond 100 of a Channel, or 1000, of one account.
func (s *Session) Subscribe(ctx context.Context, root, channel string, n taxii.NewSubscription) (sub taxii.Subscription, created bool, err error) {
	snap := s.x.now.Load()
	r, c, _, err := s.mayChannel(snap, Read, root, channel)
	if err != nil {
		return sub, false, err
	}
	selector, err := SelectorOf(n.Selector)
	if err == nil && selector.fits(c) != nil { // which is Malformed in a query
		err = taxii.Errorf(taxii.Unprocessable, "this channel does not show its publishers, so that a selector cannot ask for one")
	}
	if err == nil {
		err = checkName(n.Name)
	}
	if err == nil {
		err = checkBounds(&n, c)
	}
	if err != nil {
		return sub, false, err
	}
	head, err := s.x.store.Head(ctx, c.Feed)
	if err != nil {
		return sub, false, s.gone(err)
	}
	wish := s.wishPush(snap, r, c, n.Push)
	row, created, err := s.subscribe(ctx, snap, root, c, selector, &n, func(v *Subscription) (err error) {
		if v.Place, v.Incarnation, err = s.startOf(ctx, snap, c, head, n.Start); err == nil {
			err = wish.apply(v)
		}
		return err
	})
	if err != nil {
		return sub, false, err
	}
	if sub, err = s.showSubscription(ctx, snap, c, &row, true); err == nil && created {
		sub.Push = wish.show(row)
	}
	if created && row.Push != nil {
		s.x.pushTurned()
	}
	return sub, created, err
}

// startOf gives where a new Subscription begins.
func (s *Session) startOf(ctx context.Context, snap *snapshot, c *Channel, head feed.Head, start string) (feed.Place, int, error) {
	if start == "" {
		start = taxii.Latest
	}
	var place feed.Place
	date, err := taxii.ParseTime(start)
	if err == nil {
		place, err = s.x.store.DatedUpto(ctx, c.Feed, date)
	} else {
		place, err = snap.placeOf(c, head, start)
		err = untold(err, s.channelCeiling(snap, c))
	}
	return place, len(head.Past), err
}

// subscribe gives the Subscription of a key, or makes one; begin fills in what
// only a new one needs.
func (s *Session) subscribe(ctx context.Context, snap *snapshot, root string, c *Channel, selector Selector, n *taxii.NewSubscription, begin func(*Subscription) error) (Subscription, bool, error) {
	if s.anonymous {
		return Subscription{}, false, taxii.Errorf(taxii.Unauthenticated, "credentials are needed").
			Describe("A subscription belongs to an account; without one, follow the channel by cursor.")
	}
	if !s.x.reads(snap, c, s.account.ID) {
		return Subscription{}, false, lasting("subscribe")
	}
	key := SubscriptionKey{Channel: c.ID, Account: s.account.ID, Selector: selector.String(), Name: n.Name}
	if err := s.x.settle(ctx, c, s.account.ID); err != nil {
		return Subscription{}, false, err
	}
	have, err := s.x.store.SubscriptionOf(ctx, key)
	if err == nil && !s.x.over(&have, c) {
		return have, false, nil
	}
	if err == nil {
		err = s.x.endSubscription(ctx, have.ID) // it was discarded already, only not yet removed
	}
	if err != nil && taxii.KindOf(err) != taxii.NotFound {
		return Subscription{}, false, err
	}
	now := taxii.TimeOf(s.x.opt.Now())
	row := Subscription{
		SubscriptionKey: key, ID: taxii.NewID(), MaxPending: n.MaxPending, MaxPendingBytes: n.MaxPendingBytes,
		IdleTimeout: idleTimeout(n.IdleTimeout, c), Created: now, Seen: now,
	}
	if err := begin(&row); err != nil {
		return Subscription{}, false, err
	}
	bounds := SubscriptionBounds{PerChannel: subscriptionsPerChannel, PerAccount: first(s.limits(snap).Subscriptions, subscriptionsPerAccount)}
	kept, created, err := s.x.store.Subscribe(ctx, row, bounds)
	if err != nil {
		return kept, false, s.gone(err)
	}
	// The right may have ended in between, and with it all Subscriptions there were.
	if _, _, _, err := s.mayChannel(s.x.now.Load(), Read, root, c.ID); err != nil {
		return kept, false, errors.Join(err, s.x.endSubscription(ctx, kept.ID))
	}
	if created {
		err = s.subscribed(ctx, EventSubscribe, c, &kept)
	}
	return kept, created, err
}

// idleTimeout is what was asked for, or the default.
func idleTimeout(asked int64, c *Channel) int64 {
	if asked != 0 {
		return asked
	}
	return max(leastIdle, c.TTL)
}

// ends is when a Subscription that is not used is discarded: never before ttl has
// passed, though that was lengthened after the Subscription was made.
func (v *Subscription) ends(c *Channel) taxii.Time {
	return v.Seen + taxii.Time(max(v.IdleTimeout, c.TTL))*1_000_000
}

// over tells that nobody has used a Subscription for so long that it is discarded.
func (x *Exchange) over(v *Subscription, c *Channel) bool {
	return v.ends(c) <= taxii.TimeOf(x.opt.Now())
}

func checkName(name string) error {
	if len(name) > maxSubscriptionName || !utf8.ValidString(name) || containsControl(name) {
		return taxii.Errorf(taxii.Unprocessable, "the name of a subscription has at most %d octets and no control characters", maxSubscriptionName)
	}
	return nil
}

func containsControl(text string) bool {
	return slices.ContainsFunc([]rune(text), unicode.IsControl)
}

// checkBounds checks what may be changed of a Subscription.
func checkBounds(n *taxii.NewSubscription, c *Channel) error {
	switch {
	case n.MaxPending < 0 || n.MaxPendingBytes < 0:
		return taxii.Errorf(taxii.Unprocessable, "max_pending and max_pending_bytes must be above zero, or be left out")
	case n.IdleTimeout != 0 && n.IdleTimeout < c.TTL:
		return taxii.Errorf(taxii.Unprocessable, "idle_timeout must be at least the ttl of the channel, %d", c.TTL)
	case n.IdleTimeout > mostIdle:
		return taxii.Errorf(taxii.Unprocessable, "idle_timeout must be at most %d", mostIdle)
	}
	return nil
}

// Subscriptions lists the Subscriptions on a Channel: the account's own or, for
// who manages the Channel, all. limit 0 is 1000, the most; next is the one that
// the list before gave.
func (s *Session) Subscriptions(ctx context.Context, root, channel string, limit int, next string) (list taxii.Subscriptions, err error) {
	snap := s.x.now.Load()
	c, owner, reads, err := s.seesSubscriptions(snap, root, channel)
	if err != nil {
		return list, err
	}
	if _, ok := messageID(next); next != "" && !ok {
		return list, taxii.Errorf(taxii.Malformed, "next is not a cursor of this list")
	}
	if limit <= 0 || limit > mostSubscriptions {
		limit = mostSubscriptions
	}
	if err := s.x.settle(ctx, c, s.account.ID); err != nil {
		return list, err
	}
	rows, err := s.x.store.Subscriptions(ctx, c.ID, owner, next, limit+1)
	if err != nil {
		return list, err
	}
	if len(rows) > limit {
		rows, list.More, list.Next = rows[:limit], true, rows[limit-1].ID
	}
	for i := range rows {
		if s.x.over(&rows[i], c) || s.x.noted(c, rows[i].Account) {
			continue
		}
		shown, err := s.showSubscription(ctx, snap, c, &rows[i], reads)
		if err != nil {
			return list, err
		}
		list.Subscriptions = append(list.Subscriptions, shown)
	}
	return list, nil
}

// seesSubscriptions finds a Channel, and whose Subscriptions on it the account
// sees: its own or, for owner 0, all. Cursors are for who may read.
func (s *Session) seesSubscriptions(snap *snapshot, root, channel string) (c *Channel, owner int64, reads bool, err error) {
	_, c, rights, err := s.findChannel(snap, root, channel)
	switch {
	case err != nil:
		return nil, 0, false, err
	case c.Mode == taxii.ModeWriteOnly || !rights.Has(Manage):
		_, _, _, err = s.mayChannel(snap, Read, root, channel)
		return c, s.account.ID, true, err
	}
	return c, 0, rights.Has(Read), nil
}

// findSubscription finds a Subscription that the account sees.
func (s *Session) findSubscription(ctx context.Context, snap *snapshot, root, channel, id string) (*Channel, Subscription, bool, error) {
	c, owner, reads, err := s.seesSubscriptions(snap, root, channel)
	if err != nil {
		return nil, Subscription{}, false, err
	}
	row, err := s.subscriptionOn(ctx, snap, c, id)
	if err == nil && owner != 0 && row.Account != owner {
		err = s.Missing()
	}
	return c, row, reads, err
}

// ownSubscription finds a Subscription of the account itself. Who only manages the
// Channel sees others, and may not use them.
func (s *Session) ownSubscription(ctx context.Context, snap *snapshot, c *Channel, id string) (Subscription, error) {
	row, err := s.subscriptionOn(ctx, snap, c, id)
	switch {
	case err != nil || row.Account == s.account.ID:
		return row, err
	case s.onChannel(snap, snap.rootByID[c.Root], c).Has(Manage):
		return row, taxii.Errorf(taxii.Forbidden, "this subscription is another account's: it can be removed here, and nothing else")
	}
	return row, s.Missing()
}

// subscriptionOn gives a Subscription that stands on a Channel.
func (s *Session) subscriptionOn(ctx context.Context, snap *snapshot, c *Channel, id string) (Subscription, error) {
	id, ok := messageID(id)
	if !ok || s.anonymous {
		return Subscription{}, s.Missing()
	}
	row, err := s.x.store.Subscription(ctx, id)
	if err != nil {
		return row, s.gone(err)
	}
	if row.Channel != c.ID || s.x.over(&row, c) {
		return row, s.Missing()
	}
	if s.x.noted(c, row.Account) {
		if err := s.x.settle(ctx, c, row.Account); err != nil {
			return row, err
		}
		return row, s.Missing()
	}
	return row, nil
}

// Subscription gives one that the account sees, and its tag, which is of what can
// be changed of it.
func (s *Session) Subscription(ctx context.Context, root, channel, id string) (taxii.Subscription, string, error) {
	snap := s.x.now.Load()
	c, row, reads, err := s.findSubscription(ctx, snap, root, channel, id)
	if err != nil {
		return taxii.Subscription{}, "", err
	}
	sub, err := s.showSubscription(ctx, snap, c, &row, reads)
	return sub, row.tag(), err
}

// ChangeSubscription changes the account's own: edit gets what can be changed as
// it is. cond nil is no condition.
func (s *Session) ChangeSubscription(ctx context.Context, root, channel, id string, cond Condition, edit func(*taxii.NewSubscription) error) (sub taxii.Subscription, err error) {
	snap := s.x.now.Load()
	r, c, _, err := s.mayChannel(snap, Read, root, channel)
	if err != nil {
		return sub, err
	}
	row, err := s.ownSubscription(ctx, snap, c, id)
	if err != nil {
		return sub, err
	}
	pushed := row.Push != nil
	var wish *pushWish
	row, err = s.x.changeSubscription(ctx, row.ID, func(v *Subscription) error {
		if cond != nil {
			if err := cond(v.tag()); err != nil {
				return err
			}
		}
		n, err := edited(v, edit)
		if err == nil {
			err = checkBounds(n, c)
		}
		if err != nil {
			return err
		}
		if wish == nil { // edit may be called again: one request makes one secret
			wish = s.wishPush(snap, r, c, n.Push)
		}
		v.MaxPending, v.MaxPendingBytes, v.IdleTimeout = n.MaxPending, n.MaxPendingBytes, idleTimeout(n.IdleTimeout, c)
		return wish.apply(v)
	})
	if err != nil {
		return sub, s.gone(err)
	}
	if err := s.subscribed(ctx, EventSubscription, c, &row); err != nil {
		return sub, err
	}
	if pushed || row.Push != nil {
		s.x.pushTurned()
	}
	if sub, err = s.showSubscription(ctx, snap, c, &row, true); err == nil {
		sub.Push = wish.show(row)
	}
	return sub, err
}

// edited lets a request change a Subscription. Name and Selector are its key.
func edited(v *Subscription, edit func(*taxii.NewSubscription) error) (*taxii.NewSubscription, error) {
	selector, err := ParseSelector(v.Selector)
	if err != nil {
		return nil, err
	}
	n := taxii.NewSubscription{
		Name: v.Name, Selector: selector.Map(), MaxPending: v.MaxPending, MaxPendingBytes: v.MaxPendingBytes, IdleTimeout: v.IdleTimeout,
	}
	if v.Push != nil {
		n.Push = &taxii.Push{URL: v.Push.URL}
	}
	if err := edit(&n); err != nil {
		return nil, err
	}
	after, err := SelectorOf(n.Selector)
	if err == nil && (after.String() != v.Selector || n.Name != v.Name) {
		err = taxii.Errorf(taxii.Unprocessable, "name and selector of a subscription cannot be changed; make another one")
	}
	return &n, err
}

// Unsubscribe ends the account's own Subscription or, for who manages the Channel,
// any.
func (s *Session) Unsubscribe(ctx context.Context, root, channel, id string, cond Condition) error {
	c, row, _, err := s.findSubscription(ctx, s.x.now.Load(), root, channel, id)
	if err == nil && cond != nil {
		err = cond(row.tag())
	}
	if err == nil {
		err = s.x.endSubscription(ctx, row.ID)
	}
	if err == nil && row.Push != nil {
		s.x.pushTurned()
	}
	if err == nil {
		err = s.subscribed(ctx, EventUnsubscribe, c, &row)
	}
	return err
}

// SetPosition acknowledges all up to a cursor, or sets the position there. An
// older one changes nothing, purged or not. It is on stable storage when
// SetPosition returns. Conflict: a push is active, and it is no seek.
func (s *Session) SetPosition(ctx context.Context, root, channel, id string, p taxii.Position) (now taxii.PositionNow, err error) {
	snap := s.x.now.Load()
	_, c, _, err := s.mayChannel(snap, Read, root, channel)
	if err != nil {
		return now, err
	}
	row, err := s.ownSubscription(ctx, snap, c, id)
	if err != nil {
		return now, err
	}
	head, err := s.x.store.Head(ctx, c.Feed)
	if err != nil {
		return now, s.gone(err)
	}
	place, err := snap.placeUnlessPurged(c, head, p.Cursor)
	if err == nil && p.Seek {
		place, err = snap.placeOf(c, head, p.Cursor)
	}
	if err != nil {
		return now, untold(err, s.channelCeiling(snap, c))
	}
	row, err = s.x.changeSubscription(ctx, row.ID, func(v *Subscription) error {
		switch {
		case p.Seek:
			v.seek(place, head)
		case pushing(v.Push):
			return errPushing()
		default:
			v.acknowledge(place, head)
		}
		v.Explicit, v.Seen = true, max(v.Seen, taxii.TimeOf(s.x.opt.Now()))
		return nil
	})
	if err != nil {
		return now, s.gone(err)
	}
	if row.Push != nil {
		s.x.pushTurned()
	}
	shown, err := s.showSubscription(ctx, snap, c, &row, true)
	return taxii.PositionNow{Position: shown.Position, Pending: shown.Pending}, err
}

// showSubscription is the resource. Cursors are for who may read.
func (s *Session) showSubscription(ctx context.Context, snap *snapshot, c *Channel, v *Subscription, reads bool) (sub taxii.Subscription, err error) {
	head, err := s.x.store.Head(ctx, c.Feed)
	if err != nil {
		return sub, s.gone(err)
	}
	ceiling := s.ceilingOf(snap, c, v)
	now, err := s.x.stand(ctx, c, v, head, ceiling)
	if err != nil {
		return sub, err
	}
	before, err := s.x.store.OctetsUpto(ctx, c.Feed, now.start)
	if err != nil {
		return sub, err
	}
	selector, err := ParseSelector(v.Selector)
	sub = taxii.Subscription{
		ID: v.ID, Name: v.Name, Selector: selector.Map(), Position: snap.cursorAt(c, head, now.position),
		Pending: taxii.Count(head.Place - now.start), PendingBytes: taxii.Count(max(0, head.Octets-before)),
		MaxPending: v.MaxPending, MaxPendingBytes: v.MaxPendingBytes, IdleTimeout: v.IdleTimeout,
		LastSeen: v.Seen, Expires: v.ends(c), Created: v.Created,
		Gap: uncounted(now.gap.show(snap, c, head), ceiling), Push: showPush(v.Push), ETag: v.tag(),
	}
	if ceiling != NoCeiling {
		sub.Pending, sub.PendingBytes = taxii.Untold, taxii.Untold
	}
	if sub.Push != nil && v.Account != s.account.ID {
		sub.Push.URL = "" // it may hold a secret of its receiver's
	}
	if s.onChannel(snap, snap.rootByID[c.Root], c).Has(Manage) && snap.accounts[v.Account] != nil {
		sub.Account = snap.accounts[v.Account].Name
	}
	if !reads {
		sub.Position = ""
		if sub.Gap != nil {
			sub.Gap.From, sub.Gap.To = "", ""
		}
	}
	return sub, err
}

// ceilingOf is the ceiling with which a Subscription is told of: that of who asks
// or, where another's is told to who manages the Channel, the lower of both.
func (s *Session) ceilingOf(snap *snapshot, c *Channel, v *Subscription) Level {
	item := resource{OnChannel, c.Root, c.ID}
	ceiling := s.reach(snap, item)
	owner := snap.accounts[v.Account]
	if v.Account == s.account.ID || owner == nil || owner.Builtin {
		return ceiling
	}
	return min(ceiling, (&Session{x: s.x, account: owner}).ceiling(snap, item))
}

// tag stands for everything that can be changed of a Subscription.
func (v *Subscription) tag() string {
	url := ""
	if v.Push != nil {
		url = v.Push.URL
	}
	return tagOf(v.ID, v.MaxPending, v.MaxPendingBytes, v.IdleTimeout, url)
}
