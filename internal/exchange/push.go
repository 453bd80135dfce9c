package exchange

import (
	"crypto/rand"
	"encoding/base64"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// pushPurpose binds the sealed secrets of pushes to what they are for.
	pushPurpose = "push"
	// pushKeySize is the length of the secret of a push in octets, and secretMark
	// begins its text, as the libraries for such signatures expect it.
	pushKeySize = 32
	secretMark  = "whsec_"
	// rotationTime is how long the secret before a rotation is still signed with:
	// long enough for a receiver to be given the new one.
	rotationTime = 24 * time.Hour
	// maxVerifications are those that an account may ask for in verifyTime: each
	// sends requests to a URL that nobody has vouched for yet.
	maxVerifications = 10
	verifyTime       = time.Hour
)

// pushBoard is what the requests that change pushes tell who carries them out.
type pushBoard struct {
	bell feed.Bell // rings, under 0, when a Subscription with a push has changed

	mu       sync.Mutex             // guards verified
	verified map[int64][]taxii.Time // when accounts asked for verifications, of the last hour
}

// pushTurned makes known that a Subscription that has or had a push was made,
// changed, moved or removed.
func (x *Exchange) pushTurned() { x.pushes.bell.Ring(0) }

// mayVerify counts a verification that an account asks for.
func (x *Exchange) mayVerify(account int64) error {
	b, now := &x.pushes, taxii.TimeOf(x.opt.Now())
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.verified == nil {
		b.verified = map[int64][]taxii.Time{}
	}
	recent := b.verified[account][:0]
	for _, at := range b.verified[account] {
		if since := now - at; since >= 0 && since < taxii.Time(verifyTime.Microseconds()) {
			recent = append(recent, at)
		}
	}
	b.verified[account] = recent
	if len(recent) >= maxVerifications {
		e := taxii.Errorf(taxii.TooMany, "an account may have %d URLs verified in an hour", maxVerifications)
		e.RetryAfter = verifyTime - time.Duration(now-recent[0])*time.Microsecond
		return e
	}
	b.verified[account] = append(recent, now)
	return nil
}

// showPush is the push of a Subscription without its secret; nil for none.
func showPush(p *PushState) *taxii.Push {
	if p == nil {
		return nil
	}
	return &taxii.Push{URL: p.URL, State: p.State, LastError: p.LastError, RetryAt: p.RetryAt}
}

// pushing tells that Messages are pushed, so that nobody else moves the position.
func pushing(p *PushState) bool { return p != nil && p.State != taxii.PushDisabled }

// pushWish is what one request wants of the push of a Subscription.
type pushWish struct {
	s       *Session
	rights  Rights // on the Channel
	want    *taxii.Push
	counted bool   // its verification
	secret  string // that it made, as it is shown once
}

// wishPush takes down what a request wants: nil is no push. Nothing is checked
// before apply.
func (s *Session) wishPush(snap *snapshot, root *Root, c *Channel, want *taxii.Push) *pushWish {
	return &pushWish{s: s, rights: s.onChannel(snap, root, c), want: want}
}

// apply gives a Subscription, which has its id, the push that is wanted. A new
// one, and one to another URL, is to be verified first; a rotation makes a secret
// beside the one before, and has a disabled push verified again. Where nothing
// changes nothing is checked. It may be called twice, in the edit of
// ChangeSubscription. Unsupported, Forbidden, Unprocessable for the URL, TooMany.
func (w *pushWish) apply(sub *Subscription) error {
	have := sub.Push
	w.secret = ""
	switch {
	case w.want == nil:
		if have != nil {
			sub.Push, sub.Offered = nil, 0
		}
		return nil
	case have != nil && have.URL == w.want.URL && !w.want.Rotate:
		return nil
	}
	if err := w.may(); err != nil {
		return err
	}
	next := PushState{}
	if have != nil {
		next = *have
	}
	if have == nil || w.want.Rotate {
		if err := w.newSecret(sub.ID, &next); err != nil {
			return err
		}
	}
	if next.URL != w.want.URL || !pushing(&next) {
		if err := w.count(); err != nil {
			return err
		}
		next = PushState{
			URL: w.want.URL, State: taxii.PushUnverified,
			Secret: next.Secret, Previous: next.Previous, PreviousUntil: next.PreviousUntil,
		}
		sub.Offered = 0
	}
	sub.Push = &next
	return nil
}

// may checks what can be checked before a request is sent anywhere.
func (w *pushWish) may() error {
	check := w.s.x.opt.CheckPush
	switch {
	case check == nil:
		return taxii.Errorf(taxii.Unsupported, "this server pushes to nobody")
	case !w.rights.Has(Push):
		return taxii.Errorf(taxii.Forbidden, "this account may not %s here", Push)
	}
	if err := w.s.curbed("a push"); err != nil {
		return err
	}
	if err := check(w.want.URL); err != nil {
		return taxii.Errorf(taxii.Unprocessable, "push.url: %s", err.Error())
	}
	return nil
}

// count counts the verification that this request asks for, once.
func (w *pushWish) count() error {
	if w.counted {
		return nil
	}
	if err := w.s.x.mayVerify(w.s.account.ID); err != nil {
		return err
	}
	w.counted = true
	return nil
}

// newSecret makes a secret; the one before it stays good for a day.
func (w *pushWish) newSecret(subscription string, p *PushState) error {
	key := make([]byte, pushKeySize)
	_, _ = rand.Read(key) // never fails
	sealed, err := seal(w.s.x.opt.MasterKey, pushPurpose, subscription, key)
	if err != nil {
		return err
	}
	if p.Secret != nil {
		p.Previous, p.PreviousUntil = p.Secret, taxii.TimeOf(w.s.x.opt.Now().Add(rotationTime))
	}
	p.Secret, w.secret = sealed, secretMark+base64.StdEncoding.EncodeToString(key)
	return nil
}

// show is the push of the Subscription as it was kept, with the secret if this
// request made it.
func (w *pushWish) show(kept Subscription) *taxii.Push {
	p := showPush(kept.Push)
	if p != nil {
		p.Secret = w.secret
	}
	return p
}
