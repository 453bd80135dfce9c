package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// waitSeconds is how long one request waits where streams cannot be had.
	waitSeconds = 30
	// pageLimit is how many Messages one request asks for.
	pageLimit = 100
)

// Following says what to follow.
type Following struct {
	// After is the place to read on from: a cursor, [taxii.Earliest], or
	// [taxii.Latest], which "" means too. With a Subscription "" means its position,
	// and a cursor reads ahead of it.
	After string

	// Subscription is the id of one to read by; "": by cursor alone. Reading moves
	// it nowhere: see [Client.Acknowledge].
	Subscription string

	// Selector chooses Messages: "type", "id", "spec_version", "version",
	// "message_type" and "publisher", each with values of which one must fit. A
	// Subscription has its own, which must not be repeated here.
	Selector map[string][]string

	// MaxSize bounds one Message, in octets, at least 9437184; 0: that. A larger one
	// comes without content: see [Client.Content].
	MaxSize int64

	Poll bool // asks and waits, again and again, where a stream would do
	Once bool // ends when there is nothing more, without waiting

	// Progress, if it is there, hears of places beyond the last Message from which to
	// go on, where a Selector left others out, and of the place where following
	// begins. It is called between two steps of the loop, never beside one.
	Progress func(cursor string)
}

// A GapError says that Messages are missing: they were purged before they were
// read, or the server was restored from an older copy. Nothing is ever skipped
// without one.
type GapError struct {
	Reason string // one of the Gap... words of package taxii, or "expired" or "ahead", for a cursor
	Missed *int64 // Messages, Selector not applied: at most so many; nil: nobody knows
	From   string // the cursor after which they are missing; "": a Subscription's position
	To     string // the cursor to go on from

	answer *taxii.Error // 410; nil for a Subscription, which has gone on already
}

// Error says how much is missing, and why.
func (g *GapError) Error() string {
	missed := "messages were missed; nobody knows how many"
	if g.Missed != nil {
		missed = fmt.Sprintf("%d messages were missed", *g.Missed)
	}
	return missed + " (" + g.Reason + ")"
}

// Unwrap gives the server's answer, of Kind Gone, or nil.
func (g *GapError) Unwrap() error {
	if g.answer == nil {
		return nil
	}
	return g.answer
}

// Follow reads a Channel for as long as the loop runs: what is there after the
// cursor, in the order of the Channel, and then what comes. It reads an event
// stream, or waits for one page after the other where that cannot be had. After a
// break, of whatever kind, it goes on behind the last Message; a Message may come
// twice then, with the same id, and none is left out.
//
// An error ends it, with one exception: after a [*GapError] a loop that goes on
// reads on from the GapError's To. The others are the context's, a *taxii.Error that
// will not pass, or, where no connection was ever made, why not.
//
// A Message's Cursor is the place to begin at next time. Whoever keeps it in the
// same transaction as what the Message brought about has that exactly once.
func (c *Client) Follow(ctx context.Context, channel string, o Following) iter.Seq2[taxii.Message, error] {
	return func(yield func(taxii.Message, error) bool) {
		f := &follower{c: c, o: o, cursor: o.After, yield: yield, polling: o.Poll}
		below := []string{"messages"}
		if o.Subscription != "" {
			below = []string{"subscriptions", o.Subscription, "messages"}
		}
		var err error
		if f.url, err = c.channelURL(channel, below...); err == nil {
			f.query, err = selecting(o.Selector)
		}
		if err != nil {
			yield(taxii.Message{}, err)
			return
		}
		f.run(ctx)
	}
}

// selecting writes a Selector as parameters, in a fixed order.
func selecting(selector map[string][]string) (string, error) {
	var query strings.Builder
	for _, field := range slices.Sorted(maps.Keys(selector)) {
		values := make([]string, 0, len(selector[field]))
		for _, v := range selector[field] {
			if v == "" || strings.Contains(v, ",") {
				return "", fmt.Errorf("client: %q is no value of a selector", v)
			}
			values = append(values, url.QueryEscape(v))
		}
		if len(values) > 0 {
			query.WriteString("&" + url.QueryEscape("match["+field+"]") + "=" + strings.Join(values, ","))
		}
	}
	return query.String(), nil
}

// follower is one loop over a Channel.
type follower struct {
	c     *Client
	o     Following
	url   string // of the messages
	query string // the Selector, as parameters, each with its ampersand
	yield func(taxii.Message, error) bool

	cursor    string // behind what was given
	polling   bool
	connected bool // the server has answered
	silent    int  // streams, one after the other, of which not one octet came
	gap       string
	wait      waiting
}

// Why a follower ends, or begins another way of reading.
var (
	errEnough   = errors.New("whoever reads has enough")
	errNoStream = errors.New("the server gives no stream")
	errClosed   = errors.New("the server closed the stream")
)

// run reads until there is an end to it, over all breaks.
func (f *follower) run(ctx context.Context) {
	for {
		err := f.read(ctx)
		var gap *GapError
		switch {
		case err == nil, errors.Is(err, errEnough):
			return
		case ctx.Err() != nil:
			f.yield(taxii.Message{}, ctx.Err())
			return
		case errors.Is(err, errNoStream):
			f.polling = true
			continue
		case errors.As(err, &gap):
			again := f.gap == gap.From+" "+gap.To
			if err := f.tell(gap); err != nil {
				return
			}
			if f.cursor = gap.To; !again {
				continue
			}
		case !f.again(err):
			f.yield(taxii.Message{}, err)
			return
		}
		if err := f.c.pause(ctx, &f.wait, err); err != nil {
			f.yield(taxii.Message{}, err)
			return
		}
	}
}

// again tells whether to try again after an error.
func (f *follower) again(err error) bool {
	var end *endError
	if errors.As(err, &end) {
		return true // whether it is for good, the next answer says
	}
	if !f.connected {
		return passing(err) && f.wait.tries < f.c.opt.Retries
	}
	var e *taxii.Error
	return passing(err) || errors.As(err, &e) && e.Kind == taxii.Internal
}

// read reads in the way that suits, until it breaks.
func (f *follower) read(ctx context.Context) error {
	if f.o.Subscription == "" && (f.cursor == "" || f.cursor == taxii.Latest) {
		// A name for the present end, so that a break before the first Message skips none.
		f.cursor = taxii.Latest
		if _, err := f.page(ctx, 0); err != nil {
			return err
		}
	}
	switch {
	case f.o.Once:
		return f.pages(ctx, 0)
	case f.polling:
		return f.pages(ctx, waitSeconds)
	}
	return f.stream(ctx)
}

// pages reads page after page; without a wait, until there is nothing more.
func (f *follower) pages(ctx context.Context, wait int) error {
	for {
		began, before := time.Now(), f.cursor
		more, err := f.page(ctx, wait)
		if err != nil || !more && wait == 0 {
			return err
		}
		if f.cursor == before && time.Since(began) < firstWait { // a server that does not wait
			if err := f.c.sleep(ctx, firstWait); err != nil {
				return err
			}
		}
	}
}

// page reads one page, and tells whether there is more already.
func (f *follower) page(ctx context.Context, wait int) (more bool, err error) {
	address := f.url + "?limit=" + strconv.Itoa(pageLimit)
	if f.cursor != "" {
		address += "&after=" + url.QueryEscape(f.cursor)
	}
	if wait > 0 {
		address += "&wait=" + strconv.Itoa(wait)
	}
	q := f.request(address + f.query)
	q.wait = time.Duration(wait) * time.Second
	var page taxii.Messages
	err = f.c.once(ctx, q, &page)
	if f.o.Subscription != "" && f.cursor != "" && taxii.KindOf(err) == taxii.Malformed {
		f.cursor = "" // another reader has acknowledged more: then its position is further
		return f.page(ctx, wait)
	}
	if err != nil {
		return false, f.lost(err)
	}
	f.connected = true
	f.wait.again()
	if page.Gap != nil {
		if err := f.tell(gapOf(page.Gap)); err != nil {
			return false, err
		}
	}
	for _, m := range page.Messages {
		if err := f.give(m); err != nil {
			return false, err
		}
	}
	if page.Next != "" {
		f.progress(page.Next)
	}
	return page.More, nil
}

func (f *follower) request(address string) request {
	q := request{method: http.MethodGet, url: address, header: map[string]string{}, most: f.o.MaxSize}
	if f.o.MaxSize > 0 {
		q.header["X-Max-Size"] = strconv.FormatInt(f.o.MaxSize, 10)
	}
	return q
}

// give gives a Message to the loop.
func (f *follower) give(m taxii.Message) error {
	if !f.yield(m, nil) {
		return errEnough
	}
	f.gap = ""
	if m.Cursor != "" {
		f.cursor = m.Cursor
	}
	return nil
}

// progress moves on past what was given or left out.
func (f *follower) progress(cursor string) {
	f.cursor = cursor
	if f.o.Progress != nil {
		f.o.Progress(cursor)
	}
}

// tell tells of a gap, once: a Subscription speaks of its gap until it is past.
func (f *follower) tell(gap *GapError) error {
	key := gap.From + " " + gap.To
	if gap.answer == nil && f.gap == key {
		return nil
	}
	if !f.yield(taxii.Message{}, gap) {
		return errEnough
	}
	f.gap = key
	return nil
}

func gapOf(g *taxii.Gap) *GapError {
	return &GapError{Reason: g.Reason, Missed: g.Missed, From: g.From, To: g.To}
}

// lost makes a gap of an answer that says where to go on.
func (f *follower) lost(err error) error {
	var e *taxii.Error
	if !errors.As(err, &e) || e.Kind != taxii.Gone {
		return err
	}
	text := func(name string) string { s, _ := e.Details[name].(string); return s }
	gap := &GapError{Reason: text("reason"), From: f.cursor, To: text("resume"), answer: e}
	if gap.To == "" {
		gap.To = text("earliest")
	}
	if missed, ok := e.Details["missed"].(float64); ok {
		n := int64(missed)
		gap.Missed = &n
	}
	if gap.To == "" {
		return err
	}
	f.connected = true
	return gap
}
