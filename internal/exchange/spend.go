package exchange

import (
	"context"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

// Request is what the limits of an account ask of a request.
type Request struct {
	Reads  bool          // it is answered with what is there; false: it changes something
	Cursor func() string // gives that with which it goes on, or ""; only called where it counts
	// Waits is called where the request has to wait for its turn, and what it gives
	// afterwards. nil: nothing is to be done.
	Waits func() (resumes func())
}

// Standing is what an account has left: of requests, of objects to add and of
// octets to be answered with. One without a Quota is not limited.
type Standing struct{ Requests, Objects, Octets taxii.Allowance }

// Admit counts a request and tells whether it may be carried out: TooMany, which
// says when to come again, where the account has used up its requests or, for a
// request that reads, its octets of the day. A request that goes on with a
// cursor of this server waits up to 2 s for its turn instead, so that a run
// through a Collection is slowed and not cut (K70); it holds nothing meanwhile.
func (s *Session) Admit(ctx context.Context, r Request) (Standing, error) {
	if s.uncounted() {
		return Standing{}, nil
	}
	limits := s.limits(s.x.now.Load())
	b, m, now := s.x.bucketOf(limits), s.x.meters.of(s.account.ID), s.x.opt.Now().UnixNano()
	quota := s.x.share(limits.Octets)
	if quota >= 0 && r.Reads {
		if _, today := m.read(now); today.Octets >= quota {
			return Standing{}, noOctets(quota, today.Octets, now)
		}
	}
	wait, ok := m.request(now, b, 0)
	if !ok && s.x.sealed(r.Cursor()) {
		if wait, ok = m.request(now, b, maxPause); ok {
			return s.standing(m, b, limits, now), s.pause(ctx, m, wait, r.Waits)
		}
	}
	if !ok {
		full, _ := m.read(now)
		return Standing{}, usedUp(b.allowance(now, full), wait, "this account asks more often than it may")
	}
	return s.standing(m, b, limits, now), nil
}

func noOctets(quota, used, now int64) error {
	a := octetsPerDay(quota, used, now)
	return usedUp(a, a.Resets, "this account has had its %d octets of this day", quota).
		Describe("The day ends at midnight, UTC. What it adds is still taken.")
}

// standing tells what the account has left, by its meter and its limits.
func (s *Session) standing(m *meter, b bucket, l Limits, now int64) Standing {
	full, today := m.read(now)
	return Standing{
		Requests: b.allowance(now, full),
		Objects:  objectsPerDay(s.x.share(l.Objects), today.Objects, now),
		Octets:   octetsPerDay(s.x.share(l.Octets), today.Octets, now),
	}
}

// sealed tells whether this server made a cursor, of a Collection or a Channel.
// What it is good for is seen where it is used.
func (x *Exchange) sealed(cursor string) bool {
	if _, ok := x.now.Load().openMark(cursor); ok {
		return true
	}
	_, err := x.openCursor(cursor)
	return err == nil
}

// pause waits for the turn of a request that was promised one.
func (s *Session) pause(ctx context.Context, m *meter, wait time.Duration, waits func() func()) error {
	defer m.resumed()
	if waits != nil {
		defer waits()()
	}
	turn := time.NewTimer(wait)
	defer turn.Stop()
	select {
	case <-turn.C:
	case <-s.x.stopping.listen(): // who is here is answered before the server ends
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.stands(s.x.now.Load())
}

// Sent counts octets that went out to the account. An error, TooMany, tells that
// it has had those of the day: an answer that goes on ends.
func (s *Session) Sent(octets int64) error {
	if octets == 0 || s.uncounted() {
		return nil
	}
	now := s.x.opt.Now().UnixNano()
	used := s.x.meters.of(s.account.ID).sent(now, octets)
	quota := s.x.share(s.limits(s.x.now.Load()).Octets)
	if quota >= 0 && used >= quota {
		return noOctets(quota, used, now)
	}
	return nil
}

// spent is objects that were counted on a day before they were added: those that
// are sent, or as many as the account may still add.
type spent struct {
	m      *meter // nil: nothing is counted
	on, n  int64
	weight func(draft int) int64 // how many objects a draft is
	beyond error                 // the answer where more than n are new; nil: there are no more
}

// spend counts what drafts hold before they are stored. What is there already
// costs nothing, so that an Add can be repeated (K61): whether there is more new
// than the account may add on this day is seen under the head, by admits.
func (s *Session) spend(snap *snapshot, drafts []feed.Draft) spent {
	if s.uncounted() {
		return spent{}
	}
	now, quota := s.x.opt.Now().UnixNano(), s.x.share(s.limits(snap).Objects)
	p := spent{m: s.x.meters.of(s.account.ID), weight: func(i int) int64 { return objectsOf(&drafts[i]) }}
	all, left := int64(0), int64(0)
	for i := range drafts {
		all += p.weight(i)
	}
	if p.on, p.n, left = p.m.add(now, all, quota); p.n < all {
		p.beyond = noObjects(quota, left, now)
	}
	return p
}

func noObjects(quota, left, now int64) error {
	a := objectsPerDay(quota, quota-left, now)
	return usedUp(a, a.Resets, "there are more new objects than the %d, of %d, that this account may still add on this day", left, quota).
		Describe("Nothing of this request was stored. The day ends at midnight, UTC.")
}

// admits is what the store asks (feed.Add).
func (p spent) admits() func([]int) error {
	if p.beyond == nil {
		return nil
	}
	return func(fresh []int) error {
		n := int64(0)
		for _, i := range fresh {
			n += p.weight(i)
		}
		if n > p.n {
			return p.beyond
		}
		return nil
	}
}

// settle counts out again what was not new or, where there are no results, was
// not added. Of what nobody knows whether it was, the account has the benefit.
func (p spent) settle(results []feed.Result) {
	if p.m == nil {
		return
	}
	n := p.n
	for _, r := range results {
		for i, o := range r.Outcomes {
			if o.Fate == feed.Appended {
				n -= p.weight(i)
			}
		}
	}
	p.m.drop(p.on, n)
}

// objectsOf counts what a draft holds: an Envelope its objects, anything else is
// one.
func objectsOf(d *feed.Draft) (n int64) {
	if d.Message == nil {
		return 1
	}
	return max(1, int64(strings.Count(d.Message.Marks, "\n")))
}
