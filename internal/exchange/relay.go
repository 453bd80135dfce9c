package exchange

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// A relay is the Worker of from_collection or to_collection of one Channel: a
// follower of the one feed whose effect on the other and whose saved cursor are
// one commit, so that it is done once and in order, whatever dies between.

const (
	// maxRelaying bounds the relays that work at a time; each holds up to
	// relayOctets and one Message. The others wait and hold nothing.
	maxRelaying = 4
	// relayEntries and relayOctets bound one step of a relay: its commit is shared
	// with everybody who writes.
	relayEntries = 1000
	relayOctets  = 1 << 20
	// relayPause is the first wait after a step that failed, doubled to relayPauses.
	relayPause  = 100 * time.Millisecond
	relayPauses = 30 * time.Second
)

// The two kinds of relays, as they are named to who manages a Channel.
const (
	fromCollection = "from_collection"
	toCollection   = "to_collection"
)

// relay is one of them.
type relay struct {
	channel string // its id
	kind    string
}

// worker is the name under which the store keeps its cursor.
func (r relay) worker() string {
	return strings.TrimSuffix(r.kind, "_collection") + ":" + r.channel
}

// of gives the Channel of a relay and the id of the Collection that it names; ""
// where there is nothing to relay any more.
func (r relay) of(snap *snapshot) (c *Channel, collection string) {
	if c = snap.channelByID[r.channel]; c == nil {
		return nil, ""
	}
	if r.kind == fromCollection {
		return c, c.From
	}
	return c, c.To
}

// startRelays saves where a new Channel begins to publish what is added to its
// Collection: behind what is there now. It comes before the Channel is there, so
// that nothing added after its creation was answered can be missed.
func (x *Exchange) startRelays(ctx context.Context, c *Channel) error {
	if c.From == "" {
		return nil
	}
	collection := x.now.Load().byID[c.From]
	if collection == nil {
		return taxii.Errorf(taxii.NotFound, "not found")
	}
	head, err := x.store.Head(ctx, collection.Feed)
	if err != nil {
		return err
	}
	return x.store.SetWorker(ctx, relay{c.ID, fromCollection}.worker(), head.Place)
}

// Relay runs the relays of all Channels until ctx ends, and returns when none is
// at work any more. failed is told what goes wrong, and of objects that were left
// out.
func (x *Exchange) Relay(ctx context.Context, failed func(error)) {
	turns, ended := make(chan struct{}, maxRelaying), make(chan relay)
	running := map[relay]bool{}
	var all sync.WaitGroup
	defer all.Wait()
	for {
		turned := x.turned.Listen(0)
		for _, r := range x.now.Load().relays() {
			if running[r] {
				continue
			}
			running[r] = true
			all.Go(func() {
				(&relaying{Exchange: x, relay: r, turns: turns, failed: failed}).run(ctx)
				select {
				case ended <- r:
				case <-ctx.Done():
				}
			})
		}
		select {
		case r := <-ended:
			delete(running, r)
		case <-turned:
		case <-ctx.Done():
			return
		}
	}
}

// relays lists what is to be relayed.
func (s *snapshot) relays() (list []relay) {
	for id, c := range s.channelByID {
		if c.From != "" {
			list = append(list, relay{id, fromCollection})
		}
		if c.To != "" {
			list = append(list, relay{id, toCollection})
		}
	}
	return list
}

// relaying is a relay that runs.
type relaying struct {
	*Exchange
	relay
	turns  chan struct{} // as many as may work at a time
	failed func(error)
}

// leg is what a relay does as the catalogue is now.
type leg struct {
	relay
	channel    *Channel
	collection *Collection
	session    *Session // of the account that named the Collection
}

func (l *leg) source() feed.ID {
	if l.kind == fromCollection {
		return l.collection.Feed
	}
	return l.channel.Feed
}

// run relays until ctx ends or the Channel does not ask for it any more.
func (r *relaying) run(ctx context.Context) {
	pause := time.Duration(0)
	for ctx.Err() == nil {
		turned := r.turned.Listen(0)
		snap := r.now.Load()
		if _, collection := r.of(snap); collection == "" {
			return
		}
		l, why := r.open(snap)
		grew, moved, err := (<-chan struct{})(nil), false, error(nil)
		if why == "" {
			grew = r.store.Grew(l.source()) // listened to first: nothing falls between
			moved, err = r.step(ctx, l)
			why = r.trouble(ctx, err)
		}
		r.note(ctx, snap, why)
		if moved {
			pause = 0
			continue
		}
		var again <-chan time.Time
		if err != nil {
			pause = min(max(2*pause, relayPause), relayPauses)
			again = time.After(pause)
			grew = nil // it is not for want of something to relay that it waits
		}
		select {
		case <-grew:
		case <-turned:
		case <-again:
		case <-ctx.Done():
		}
	}
}

// open looks what is to be done and whether the account that named the Collection
// still may. why says what is in the way.
func (r *relaying) open(snap *snapshot) (l *leg, why string) {
	c, id := r.of(snap)
	need := Read
	if r.kind == toCollection {
		need = Write
	}
	root, account := snap.rootByID[c.Root], snap.accounts[c.Namer]
	if root == nil || account == nil || account.Removed {
		return nil, "the account that named the collection was removed"
	}
	if found := snap.byID[id]; found == nil || found.Root != c.Root {
		return nil, "the collection was removed"
	}
	s := &Session{x: r.Exchange, account: account, operator: account.Builtin && account.Name == OperatorName}
	_, collection, err := s.may(snap, need, root.Name, id)
	if err != nil {
		return nil, fmt.Sprintf("the account %s, which named the collection, may not %s there any more", account.Name, need)
	}
	return &leg{relay: r.relay, channel: c, collection: collection, session: s}, ""
}

// step relays a bounded part of what there is, and tells whether it got further.
func (r *relaying) step(ctx context.Context, l *leg) (moved bool, err error) {
	at, found, err := r.store.WorkerAt(ctx, r.worker())
	if err != nil {
		return false, err
	}
	head, err := r.store.Head(ctx, l.source())
	if err != nil {
		return false, err
	}
	if !found && r.kind == fromCollection { // it was named by other ways than startRelays'
		return true, r.store.SetWorker(ctx, r.worker(), head.Place)
	}
	if at >= head.Place {
		return false, nil
	}
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if r.kind == fromCollection {
		err = r.publish(ctx, l, at, head)
	} else {
		err = r.add(ctx, l, at, head)
	}
	return err == nil, err
}

// trouble says what is in the way of a relay in words for who manages the
// Channel; "" for what passes.
func (r *relaying) trouble(ctx context.Context, err error) (why string) {
	switch {
	case err == nil || ctx.Err() != nil:
		return ""
	case taxii.KindOf(err) == taxii.Full:
		return "there is no room: " + err.Error()
	case taxii.KindOf(err) == taxii.Conflict || taxii.KindOf(err) == taxii.NotFound:
		return "" // another node was faster; one of the feeds is being removed
	}
	r.failed(fmt.Errorf("%s of channel %s: %w", r.kind, r.channel, err))
	return ""
}

// note keeps why a relay does not go on, or that it does, where that has changed.
func (r *relaying) note(ctx context.Context, snap *snapshot, why string) {
	if ctx.Err() != nil || r.noted(snap) == why {
		return
	}
	err := r.change(ctx, func(now *snapshot) error {
		c := now.channelByID[r.channel]
		if c == nil {
			return nil
		}
		lines := slices.DeleteFunc(strings.Split(c.Stopped, "\n"), func(line string) bool {
			return line == "" || strings.HasPrefix(line, r.kind+": ")
		})
		if why != "" {
			lines = append(lines, r.kind+": "+why)
		}
		return r.store.StopRelay(ctx, r.channel, strings.Join(lines, "\n"))
	})
	if err != nil && ctx.Err() == nil {
		r.failed(fmt.Errorf("note that %s of channel %s stopped: %w", r.kind, r.channel, err))
	}
}

// noted is what note kept last.
func (r *relaying) noted(snap *snapshot) string {
	for _, line := range strings.Split(snap.channelByID[r.channel].Stopped, "\n") {
		if why, mine := strings.CutPrefix(line, r.kind+": "); mine {
			return why
		}
	}
	return ""
}
