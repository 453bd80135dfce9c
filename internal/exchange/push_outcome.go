package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// A failure is followed by a retry after firstRetry, doubled with each more up
	// to lastRetry, each with up to a fifth more or less so that many do not come
	// at once.
	firstRetry = 5 * time.Second
	lastRetry  = time.Hour
	// maxRetryAfter bounds what a receiver may ask for.
	maxRetryAfter = 24 * time.Hour
	// failingFor is how long a push may fail before it is disabled, and
	// maxChallenges how often a URL is asked to verify itself: nobody has vouched
	// for it yet.
	failingFor    = 72 * time.Hour
	maxChallenges = 10
)

// PushAnswer is what became of a request. Status 0: no answer came, and Refused,
// if it is not "", says why none was asked for.
type PushAnswer struct {
	Status     int
	Body       []byte // its beginning
	RetryAfter time.Duration
	Refused    string
}

// Sent keeps what became of a request, and tells how to go on. A Subscription that
// was changed meanwhile is left as it is.
func (p *Pushes) Sent(ctx context.Context, r *PushRequest, a PushAnswer) (PushTurn, error) {
	good := a.Status >= 200 && a.Status <= 299
	if r.challenge != "" {
		good = a.Status == 200 && repeats(a.Body, r.challenge)
	}
	kept, err := p.x.changeSubscription(ctx, r.subscription, func(now *Subscription) error {
		switch {
		case !pushing(now.Push) || now.Push.URL != r.URL || (r.challenge != "") != (now.Push.State == taxii.PushUnverified):
		case good:
			p.succeeded(now, r)
		default:
			p.failed(now, r, a)
		}
		return nil
	})
	if err == nil && r.challenge == "" {
		p.answered(&kept, r, a)
	}
	switch {
	case err != nil && taxii.KindOf(err) == taxii.NotFound, err == nil && !pushing(kept.Push):
		return PushTurn{Over: true}, nil
	case err != nil:
		return PushTurn{}, err
	}
	return PushTurn{Now: good, Until: kept.Push.RetryAt.Time()}, nil
}

// repeats tells that an answer holds the challenge.
func repeats(body []byte, challenge string) bool {
	var said struct {
		Challenge string `json:"challenge"`
	}
	return json.Unmarshal(body, &said) == nil && said.Challenge == challenge
}

func (p *Pushes) succeeded(now *Subscription, r *PushRequest) {
	push := now.Push
	push.State, push.LastError, push.Failures, push.FailingSince, push.RetryAt = taxii.PushActive, "", 0, 0, 0
	if r.challenge == "" && r.standsIn(now) {
		now.acknowledge(r.upto, r.head)
	}
	p.touch(now)
	if push.Previous != nil && !p.x.opt.Now().Before(push.PreviousUntil.Time()) {
		push.Previous, push.PreviousUntil = nil, 0
	}
}

func (p *Pushes) failed(now *Subscription, r *PushRequest, a PushAnswer) {
	push, at := now.Push, p.x.opt.Now()
	push.Failures++
	if push.FailingSince == 0 {
		push.FailingSince = taxii.TimeOf(at)
	}
	if r.challenge == "" {
		push.State = taxii.PushFailing
	}
	push.LastError = r.trouble(a)
	push.RetryAt = taxii.TimeOf(at.Add(max(backoff(push.Failures), min(a.RetryAfter, maxRetryAfter))))
	switch {
	case a.Status == 410:
		end(now, "the receiver answered 410: it is gone")
	case r.challenge != "" && push.Failures >= maxChallenges:
		end(now, fmt.Sprintf("not verified in %d attempts; the last: %s", push.Failures, push.LastError))
	case at.Sub(push.FailingSince.Time()) >= failingFor:
		end(now, "failing for 72 hours; the last: "+push.LastError)
	}
}

// end disables a push. Its Messages can be read again as of any Subscription, from
// where it was.
func end(sub *Subscription, why string) {
	sub.Offered = 0
	sub.Push.State, sub.Push.LastError, sub.Push.RetryAt = taxii.PushDisabled, why, 0
}

// trouble says what went wrong in our words, with nothing of the answer but its
// status.
func (r *PushRequest) trouble(a PushAnswer) string {
	switch {
	case a.Refused != "":
		return "not sent: " + a.Refused
	case a.Status == 0:
		return "the receiver gave no answer in time, or no connection to it could be made"
	case a.Status >= 300 && a.Status <= 399:
		return fmt.Sprintf("the receiver answered %d; redirects are not followed", a.Status)
	case r.challenge != "" && a.Status == 200:
		return "the receiver answered 200 without the challenge"
	case r.challenge != "":
		return fmt.Sprintf("the receiver answered the challenge with %d, not 200", a.Status)
	}
	return fmt.Sprintf("the receiver answered %d", a.Status)
}

// backoff is the time before a retry, after so many failures in a row.
func backoff(failures int) time.Duration {
	wait := lastRetry
	if doubled := failures - 1; doubled < 10 { // 5 s doubled ten times is above an hour
		wait = min(firstRetry<<doubled, lastRetry)
	}
	return min(wait-wait/5+rand.N(2*wait/5), lastRetry) //nolint:gosec // it only spreads retries
}

// disable ends a push that may not go on.
func (p *Pushes) disable(ctx context.Context, id, why string) error {
	p.forget(id)
	_, err := p.x.changeSubscription(ctx, id, func(now *Subscription) error {
		if pushing(now.Push) {
			end(now, why)
		}
		return nil
	})
	if taxii.KindOf(err) == taxii.NotFound && err != nil {
		return nil
	}
	return err
}
