package exchange_test

import (
	"context"
	"slices"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// What noting is asked for Channels.

func (n *noting) Grew(f feed.ID) <-chan struct{} {
	return n.note("Grew").Grew(f)
}

func (n *noting) Expire(ctx context.Context, f feed.ID, upto feed.Place) (bool, error) {
	return n.note("Expire").Expire(ctx, f, upto)
}

func (n *noting) DatedUpto(ctx context.Context, f feed.ID, date taxii.Time) (feed.Place, error) {
	return n.note("DatedUpto").DatedUpto(ctx, f, date)
}

func (n *noting) OctetsUpto(ctx context.Context, f feed.ID, place feed.Place) (int64, error) {
	return n.note("OctetsUpto").OctetsUpto(ctx, f, place)
}

func (n *noting) WorkerAt(ctx context.Context, name string) (feed.Place, bool, error) {
	return n.note("WorkerAt").WorkerAt(ctx, name)
}

func (n *noting) SetWorker(ctx context.Context, name string, place feed.Place) error {
	return n.note("SetWorker").SetWorker(ctx, name, place)
}

func (n *noting) PutChannel(ctx context.Context, c exchange.Channel, grants ...exchange.Grant) error {
	return n.note("PutChannel").PutChannel(ctx, c, grants...)
}

func (n *noting) RemoveChannel(ctx context.Context, id string) error {
	return n.note("RemoveChannel").RemoveChannel(ctx, id)
}

func (n *noting) StopRelay(ctx context.Context, id, why string) error {
	return n.note("StopRelay").StopRelay(ctx, id, why)
}

func (n *noting) Subscribe(ctx context.Context, s exchange.Subscription, most exchange.SubscriptionBounds) (exchange.Subscription, bool, error) {
	return n.note("Subscribe").Subscribe(ctx, s, most)
}

func (n *noting) Subscription(ctx context.Context, id string) (exchange.Subscription, error) {
	return n.note("Subscription").Subscription(ctx, id)
}

func (n *noting) SubscriptionOf(ctx context.Context, k exchange.SubscriptionKey) (exchange.Subscription, error) {
	return n.note("SubscriptionOf").SubscriptionOf(ctx, k)
}

func (n *noting) Subscriptions(ctx context.Context, channel string, account int64, after string, most int) ([]exchange.Subscription, error) {
	return n.note("Subscriptions").Subscriptions(ctx, channel, account, after, most)
}

func (n *noting) ChangeSubscription(ctx context.Context, id string, edit func(*exchange.Subscription) error) (exchange.Subscription, error) {
	return n.note("ChangeSubscription").ChangeSubscription(ctx, id, edit)
}

func (n *noting) RemoveSubscription(ctx context.Context, id string) error {
	return n.note("RemoveSubscription").RemoveSubscription(ctx, id)
}

func (n *noting) DiscardSubscriptions(ctx context.Context, now taxii.Time) (bool, error) {
	return n.note("DiscardSubscriptions").DiscardSubscriptions(ctx, now)
}

func (n *noting) Pushing(ctx context.Context) ([]exchange.Subscription, error) {
	return n.note("Pushing").Pushing(ctx)
}

func (n *noting) PutInvitation(ctx context.Context, v exchange.Invitation) error {
	return n.note("PutInvitation").PutInvitation(ctx, v)
}

func (n *noting) Invitations(ctx context.Context, channel string) ([]exchange.Invitation, error) {
	return n.note("Invitations").Invitations(ctx, channel)
}

func (n *noting) RemoveInvitation(ctx context.Context, channel, id string) error {
	return n.note("RemoveInvitation").RemoveInvitation(ctx, channel, id)
}

func (n *noting) Redeem(ctx context.Context, channel, tokenHash string, account int64, now taxii.Time, good func(exchange.Invitation) bool) (exchange.Invitation, error) {
	return n.note("Redeem").Redeem(ctx, channel, tokenHash, account, now, good)
}

func (n *noting) Reincarnate(ctx context.Context) error {
	return n.note("Reincarnate").Reincarnate(ctx)
}

// What a hidden Channel is asked for must not take longer than what is not there.
func TestWhatIsHiddenOfChannelsAsksOfTheStoreNothing(t *testing.T) {
	h := build(t)
	h.root(t, "trust", "open")
	h.made(t, "trust", "closed")
	h.account(t, "alice", "read on trust/collection/open")
	n, open := h.watched(t)
	for _, name := range []string{"alice", exchange.AnonymousName} {
		s, ctx := open(name), t.Context()
		for what, ask := range map[string]func(channel string){
			"get":    func(c string) { _, _, _ = s.Channel(ctx, "trust", c) },
			"set":    func(c string) { _, _ = s.SetChannel(ctx, "trust", c, nil, nil) },
			"remove": func(c string) { _ = s.RemoveChannel(ctx, "trust", c, nil) },
			"grants": func(c string) { _, _ = s.SetChannelGrants(ctx, "trust", c, nil, taxii.ChannelGrants{}) },
			"invite": func(c string) { _, _ = s.Invite(ctx, "trust", c, exchange.InvitationSetting{}) },
			"revoke": func(c string) { _ = s.RevokeInvitation(ctx, "trust", c, "x") },
		} {
			hidden, absent := n.during(func() { ask("closed") }), n.during(func() { ask("nowhere") })
			if len(hidden)+len(absent) != 0 {
				t.Errorf("%s, %s: the store is asked %q, and %q where nothing is", name, what, hidden, absent)
			}
		}
	}
	alice := open("alice")
	join := func(c string) []string {
		return n.during(func() { wantKind(t, "join "+c, second(alice.Join(t.Context(), "trust", c, "none")), taxii.NotFound) })
	}
	if hidden, absent := join("closed"), join("nowhere"); !slices.Equal(hidden, []string{"Redeem"}) || !slices.Equal(absent, hidden) {
		t.Errorf("join asks %q of the store, and %q where nothing is", hidden, absent)
	}
}
