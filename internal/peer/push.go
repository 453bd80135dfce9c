package peer

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/outbound"
	"github.com/hansom-taxii/hansom/taxii"
)

// pushes is what a Pusher asks of the exchange; *exchange.Pushes has it.
type pushes interface {
	Jobs(ctx context.Context) ([]exchange.PushJob, error)
	Turned() <-chan struct{}
	Rights() <-chan struct{}
	May(j exchange.PushJob) bool
	Grew(channel string) (<-chan struct{}, bool)
	Next(ctx context.Context, id string) (exchange.PushTurn, error)
	Sent(ctx context.Context, r *exchange.PushRequest, a exchange.PushAnswer) (exchange.PushTurn, error)
}

// caller calls other hosts; *outbound.Caller does.
type caller interface {
	Host(url string) string
	Post(ctx context.Context, url string, header http.Header, body []byte) (outbound.Answer, error)
}

// Pusher sends the Messages of Subscriptions to their URLs: in order, one request
// at a time for each Subscription. It is a Worker: all that it must not forget is
// in the Subscription's row.
type Pusher struct {
	pushes pushes
	caller caller
	log    *slog.Logger
}

// NewPusher makes the one Pusher of a node. What goes wrong on our side goes to the
// log, and at the level debug what became of each request, without its URL.
func NewPusher(x *exchange.Exchange, c *outbound.Caller, log *slog.Logger) *Pusher {
	return &Pusher{pushes: x.Pushes(), caller: c, log: log}
}

// attempt does for one Subscription what is to be done now.
func (p *Pusher) attempt(ctx context.Context, id string) (exchange.PushTurn, error) {
	turn, err := p.pushes.Next(ctx, id)
	if err != nil || turn.Request == nil {
		return turn, err
	}
	a, err := p.caller.Post(ctx, turn.Request.URL, headerOf(turn.Request), turn.Request.Body)
	if ctx.Err() != nil { // the server stops: what became of it is not known, and it is sent again
		return turn, ctx.Err()
	}
	p.log.LogAttrs(ctx, slog.LevelDebug, "push", slog.String("subscription", id), slog.Int("status", a.Status), slog.Any("error", err))
	return p.pushes.Sent(ctx, turn.Request, answerOf(a, err))
}

// headerOf gives the headers of a request, named and signed as libraries for
// webhooks expect them.
func headerOf(r *exchange.PushRequest) http.Header {
	return http.Header{
		"Content-Type":      {taxii.MediaType},
		"Webhook-Id":        {r.ID},
		"Webhook-Timestamp": {r.Timestamp},
		"Webhook-Signature": {r.Signature},
	}
}

func answerOf(a outbound.Answer, err error) exchange.PushAnswer {
	var refused *outbound.Refused
	if errors.As(err, &refused) {
		return exchange.PushAnswer{Refused: refused.Reason}
	}
	if err != nil {
		return exchange.PushAnswer{}
	}
	return exchange.PushAnswer{Status: a.Status, Body: a.Body, RetryAfter: a.RetryAfter}
}

const (
	// perHost and perNode are how many requests are under way at once; outbound has
	// the same bounds, for all who call.
	perHost, perNode = 4, 64
	// restTime is between two looks at a Subscription where the first had nothing to
	// send: with many that are seldom concerned, a busy Channel would have the disk
	// asked for each Message and each of them.
	restTime = 200 * time.Millisecond
	// listTime is at least between two lists of all pushes, and troubleTime what is
	// waited after the store failed.
	listTime, troubleTime = time.Second, 5 * time.Second
)
