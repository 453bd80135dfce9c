package exchange

import (
	"context"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Pushes is the exchange as it is for the Worker of pushes, which acts for each
// Subscription in the name of its account and with no more than its rights. It
// decides what is sent when, and keeps what became of it; sending is left to
// others.
type Pushes struct {
	x *Exchange

	mu    sync.Mutex        // guards ahead
	ahead map[string]passed // by Subscription; of those of which nothing is under way
}

// Pushes gives the door for the Worker of pushes. There is one such Worker.
func (x *Exchange) Pushes() *Pushes { return &Pushes{x: x, ahead: map[string]passed{}} }

// PushJob is a Subscription whose Messages are pushed. Two that are not equal are
// to be looked at anew.
type PushJob struct {
	ID, URL, Channel string
	At               time.Time // not to be tried before

	account, moves int64
}

// Jobs lists the pushes that are not disabled.
func (p *Pushes) Jobs(ctx context.Context) ([]PushJob, error) {
	list, err := p.x.store.Pushing(ctx)
	if err != nil {
		return nil, err
	}
	jobs := make([]PushJob, 0, len(list))
	for _, sub := range list {
		jobs = append(jobs, PushJob{ID: sub.ID, URL: sub.Push.URL, Channel: sub.Channel, At: sub.Push.RetryAt.Time(), account: sub.Account, moves: sub.Moves})
	}
	return jobs, nil
}

// Turned gives a channel that is closed when Jobs may have another answer.
func (p *Pushes) Turned() <-chan struct{} { return p.x.pushes.bell.Listen(0) }

// Rights gives a channel that is closed when May may have another answer.
func (p *Pushes) Rights() <-chan struct{} { return p.x.turned.Listen(0) }

// May tells, without asking the disk, whether the account of a push may still
// have it. Next ends those that may not.
func (p *Pushes) May(j PushJob) bool {
	snap := p.x.now.Load()
	c := snap.channelByID[j.Channel]
	if c == nil {
		return false
	}
	_, _, err := p.x.pusher(snap, c, j.account)
	return err == nil
}

// Grew gives a channel that is closed when a Channel, by its id, has more
// Messages, and false where there is none. Listen first, then ask Next.
func (p *Pushes) Grew(channel string) (<-chan struct{}, bool) {
	c := p.x.now.Load().channelByID[channel]
	if c == nil {
		return nil, false
	}
	return p.x.store.Grew(c.Feed), true
}

// pusher gives the Session in which the Messages of a Channel are read to be
// pushed, as long as the account may.
func (x *Exchange) pusher(snap *snapshot, c *Channel, account int64) (*Session, *Root, error) {
	root, a := snap.rootByID[c.Root], snap.accounts[account]
	if root == nil || a == nil || a.Removed {
		return nil, nil, taxii.Errorf(taxii.NotFound, "not found")
	}
	s := &Session{x: x, account: a, operator: a.Builtin && a.Name == OperatorName}
	_, _, rights, err := s.mayChannel(snap, Read, root.Name, c.ID)
	if err == nil && !rights.Has(Push) {
		err = taxii.Errorf(taxii.Forbidden, "this account may not %s here", Push)
	}
	return s, root, err
}

// passed is how far a Subscription was looked through without a Message that its
// Selector passes. It is written down with the next delivery, or after a while:
// a write for each Message that concerns nobody would be too many.
type passed struct {
	moves       int64
	place, upto feed.Place // looked through from the position place
	since       time.Time
}

const (
	// keepPassedAt is how many Messages are passed before the position is kept, and
	// keepPassedIn after what time: sooner than the shortest ttl purges them, so
	// that no gap is told where nothing was missed.
	keepPassedAt = 1000
	keepPassedIn = 30 * time.Second
)

// from gives where to look on.
func (p *Pushes) from(sub *Subscription) feed.Place {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, known := p.ahead[sub.ID]
	if !known || a.moves != sub.Moves || a.place != sub.Place {
		delete(p.ahead, sub.ID)
		return sub.Place
	}
	return a.upto
}

// pass notes how far a Subscription was looked through, and gives when that is to
// be written down at the latest; the zero time says now.
func (p *Pushes) pass(sub *Subscription, upto feed.Place) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, known := p.ahead[sub.ID]
	if !known {
		a = passed{moves: sub.Moves, place: sub.Place, since: p.x.opt.Now()}
	}
	a.upto = upto
	until := a.since.Add(keepPassedIn)
	if upto-a.place >= keepPassedAt || !p.x.opt.Now().Before(until) {
		delete(p.ahead, sub.ID)
		return time.Time{}
	}
	p.ahead[sub.ID] = a
	return until
}

func (p *Pushes) forget(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.ahead, id)
}
