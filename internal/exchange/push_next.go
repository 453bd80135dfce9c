package exchange

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// pushMessages and pushOctets bound what is sent in one request.
	pushMessages = 100
	pushOctets   = 1 << 20
	// pushFrame is what stands around the Messages of a request, at the most.
	pushFrame = 1 << 10
	// pushPages is how many pages without a Message that the Selector passes are
	// looked through at a time, each of up to 10000 Messages.
	pushPages = 4
)

// PushRequest is one request to be sent, with its headers webhook-id,
// webhook-timestamp (in seconds) and webhook-signature.
type PushRequest struct {
	URL                      string
	ID, Timestamp, Signature string
	Body                     []byte

	subscription string
	challenge    string // of a verification, else ""
	// Of a delivery: what is acknowledged with it, from where.
	moves      int64
	from, upto feed.Place
	head       feed.Head // of the feed when they were read
}

// PushTurn is what is to be done for a Subscription: send the Request, go on at
// once (Now), or nothing before the Channel grows. Whatever it does, nothing is
// done before Until; whatever it does not, it is looked at again at Again, where
// that is not the zero time. Over: nothing is pushed for it any more.
type PushTurn struct {
	Request      *PushRequest
	Now, Over    bool
	Until, Again time.Time
}

// Next gives what is to be done now for a Subscription. What is about to be sent
// is noted before it is given, so that after a crash the same is sent again.
func (p *Pushes) Next(ctx context.Context, id string) (PushTurn, error) {
	sub, err := p.x.store.Subscription(ctx, id)
	switch {
	case err != nil && taxii.KindOf(err) == taxii.NotFound, err == nil && !pushing(sub.Push):
		p.forget(id)
		return PushTurn{Over: true}, nil
	case err != nil:
		return PushTurn{}, err
	}
	now, snap := p.x.opt.Now(), p.x.now.Load()
	if at := sub.Push.RetryAt.Time(); now.Before(at) {
		return PushTurn{Until: at}, nil
	}
	c := snap.channelByID[sub.Channel]
	if c == nil || p.x.over(&sub, c) || p.x.noted(c, sub.Account) {
		p.forget(id)
		return PushTurn{Over: true}, nil
	}
	s, root, err := p.x.pusher(snap, c, sub.Account)
	if err != nil {
		return PushTurn{Over: true}, p.disable(ctx, id, "the account may not push here any more")
	}
	if sub.Push.State == taxii.PushUnverified {
		return p.verification(&sub)
	}
	return p.delivery(ctx, pushReading{s, snap, root, c}, &sub)
}

// pushReading is in whose name, and of what, Messages are read to be pushed.
type pushReading struct {
	s    *Session
	snap *snapshot
	root *Root
	c    *Channel
}

// verification asks the receiver to repeat something that only it was told.
func (p *Pushes) verification(sub *Subscription) (PushTurn, error) {
	r := &PushRequest{challenge: rand.Text()}
	body, err := json.Marshal(map[string]string{"challenge": r.challenge})
	if err != nil {
		return PushTurn{}, err
	}
	r.Body = body
	return PushTurn{Request: r}, p.seal(r, sub, r.challenge)
}

// delivery gives the next Messages.
func (p *Pushes) delivery(ctx context.Context, at pushReading, sub *Subscription) (PushTurn, error) {
	for range pushPages {
		b, err := p.batch(ctx, at, sub)
		if err != nil {
			return PushTurn{}, err
		}
		if len(b.page.Frames) > 0 || b.page.Gap != nil {
			r, err := p.offer(ctx, at, sub, b)
			return PushTurn{Request: r, Now: r == nil}, err
		}
		again, err := p.passOver(ctx, sub, b)
		if err != nil || !b.page.More {
			return PushTurn{Again: again}, err
		}
	}
	return PushTurn{Now: true}, nil // there is more to look through; others first
}

// batch is a page of Messages and the place behind it.
type batch struct {
	page *MessagePage
	upto feed.Place
	head feed.Head
}

// batch reads the Messages that are next. What was offered before and not taken
// is offered again as it was: it ends where it ended.
func (p *Pushes) batch(ctx context.Context, at pushReading, sub *Subscription) (batch, error) {
	head, err := p.x.store.Head(ctx, at.c.Feed)
	if err != nil {
		return batch{}, err
	}
	after, upto := feed.Place(0), max(1, head.Place)
	if sub.Incarnation == len(head.Past) {
		after = p.from(sub)
		if sub.Offered > after {
			upto = sub.Offered
		}
	}
	f, err := at.s.followFor(ctx, at.snap, at.root, at.c, *sub, after, upto, Reading{Limit: pushMessages, MaxSize: pushOctets - pushFrame})
	if err != nil {
		return batch{}, err
	}
	defer f.Close()
	page, err := f.Page(ctx)
	return batch{page, f.at, head}, err
}

// passOver moves on behind Messages that the Selector leaves out, or waits with
// that for a while.
func (p *Pushes) passOver(ctx context.Context, sub *Subscription, b batch) (again time.Time, err error) {
	due := touchAt(sub)
	rested := due.IsZero() || p.x.opt.Now().Before(due)
	again = due
	if b.upto != sub.Place || sub.Incarnation != len(b.head.Past) {
		keep := p.pass(sub, b.upto)
		rested, again = rested && !keep.IsZero(), earlier(keep, due)
	}
	if rested {
		return again, nil
	}
	kept, err := p.x.changeSubscription(ctx, sub.ID, func(now *Subscription) error {
		if now.Moves == sub.Moves && now.Place == sub.Place {
			now.acknowledge(b.upto, b.head)
		}
		p.touch(now)
		return nil
	})
	if err != nil {
		return again, err
	}
	p.forget(sub.ID)
	*sub = kept
	return touchAt(sub), nil
}

// touch notes that a push is in use: it is, as long as its receiver takes what
// there is.
func (p *Pushes) touch(sub *Subscription) {
	now := taxii.TimeOf(p.x.opt.Now())
	if sub.Push != nil && sub.Push.State == taxii.PushActive && now-sub.Seen >= min(touchEvery, half(sub)) {
		sub.Seen = now
	}
}

// touchEvery is how often it is noted at the most, in microseconds, that a
// Subscription is in use.
const touchEvery = taxii.Time(5 * time.Minute / time.Microsecond)

// half of the idle timeout, in microseconds.
func half(sub *Subscription) taxii.Time { return taxii.Time(sub.IdleTimeout) * 1_000_000 / 2 }

// touchAt is when an idle push is to be looked at, so that it is not taken for
// one that nobody uses; the zero time: never.
func touchAt(sub *Subscription) time.Time {
	if sub.Push == nil || sub.Push.State != taxii.PushActive {
		return time.Time{}
	}
	return (sub.Seen + half(sub)).Time()
}

func earlier(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}

// offer notes what is about to be sent and makes the request.
func (p *Pushes) offer(ctx context.Context, at pushReading, sub *Subscription, b batch) (*PushRequest, error) {
	r := &PushRequest{URL: sub.Push.URL, moves: sub.Moves, from: sub.Place, upto: b.upto, head: b.head}
	if sub.Offered != b.upto {
		stands := false
		_, err := p.x.changeSubscription(ctx, sub.ID, func(now *Subscription) error {
			if stands = r.standsIn(now); stands {
				now.Offered = b.upto
			}
			return nil
		})
		if err != nil || !stands {
			return nil, err // it was changed meanwhile, which rings
		}
	}
	if err := p.recorded(ctx, at, sub, b); err != nil {
		return nil, err
	}
	p.forget(sub.ID)
	body, err := messagesOf(b.page)
	if err != nil {
		return nil, err
	}
	r.Body = body
	return r, p.seal(r, sub, firstCursor(at, b))
}

// standsIn tells that a Subscription is as it was when the request was made.
func (r *PushRequest) standsIn(now *Subscription) bool {
	return pushing(now.Push) && now.Push.URL == r.URL && now.Moves == r.moves && now.Place == r.from
}

// messagesOf writes a page as a messages resource.
func messagesOf(page *MessagePage) ([]byte, error) {
	b := make([]byte, 0, page.Size+pushFrame)
	b = append(b, '{')
	for i, f := range page.Frames {
		if i == 0 {
			b = append(b, `"messages":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, f.JSON...)
	}
	if len(page.Frames) > 0 {
		b = append(b, `],`...)
	}
	rest, err := json.Marshal(taxii.Messages{More: page.More, Next: page.Next, Gap: page.Gap})
	if err != nil {
		return nil, err
	}
	return append(b, rest[1:]...), nil
}

// firstCursor names a delivery: the cursor of its first Message, or, where there
// is none, the place behind. It is sealed with the oldest key that is accepted, so
// that a retry has the same after the key was rotated.
func firstCursor(at pushReading, b batch) string {
	place := b.upto
	if len(b.page.Frames) > 0 {
		place = b.page.Frames[0].place
	}
	snap, since := *at.snap, taxii.Time(0)
	for _, v := range at.snap.secrets {
		if v.Purpose == cursorPurpose && at.snap.marks[v.KID] != nil && (since == 0 || v.Created < since) {
			snap.active, since = v.KID, v.Created
		}
	}
	return snap.cursorAt(at.c, b.head, place)
}

// seal names, dates and signs a request.
func (p *Pushes) seal(r *PushRequest, sub *Subscription, name string) error {
	now := p.x.opt.Now()
	r.URL, r.subscription = sub.Push.URL, sub.ID
	r.ID, r.Timestamp = sub.ID+"."+name, strconv.FormatInt(now.Unix(), 10)
	secrets := [][]byte{sub.Push.Secret}
	if sub.Push.Previous != nil && now.Before(sub.Push.PreviousUntil.Time()) {
		secrets = append(secrets, sub.Push.Previous)
	}
	for i, sealed := range secrets {
		key, err := unseal(p.x.opt.MasterKey, Secret{Purpose: pushPurpose, KID: sub.ID, Sealed: sealed})
		if err != nil {
			return err
		}
		if i > 0 {
			r.Signature += " "
		}
		r.Signature += "v1," + signature(key, r)
	}
	return nil
}

func signature(key []byte, r *PushRequest) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(r.ID + "." + r.Timestamp + "."))
	mac.Write(r.Body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
