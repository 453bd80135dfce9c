package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// reading is what a request that reads a Channel asks for.
type reading struct {
	exchange.Reading
	wait         time.Duration
	subscription string // its name, in the draft form
}

// The parameters of reading by cursor, beside match[...]; others are ignored.
const (
	paramAfter, paramNext, paramAddedAfter = "after", "next", "added_after"
	paramLimit, paramWait                  = "limit", "wait"
	paramSubscription, paramAck            = "subscription", "ack"
)

// draftWait is how long the draft form waits where the client does not say.
const draftWait = 25

// readingOf reads what GET .../messages/ may say (docs/channels.md section 5).
func readingOf(r *http.Request) (reading, error) {
	q, err := queryOf(r)
	if err != nil {
		return reading{}, err
	}
	var v reading
	if err := v.bounds(r, q, 0); err != nil {
		return reading{}, err
	}
	if err := v.begin(q); err != nil {
		return reading{}, err
	}
	v.Selector, err = exchange.ParseSelector(r.URL.RawQuery)
	return v, err
}

// bounds reads limit, wait and X-Max-Size.
func (v *reading) bounds(r *http.Request, q query, wait int) (err error) {
	if v.Limit, err = q.number(paramLimit, 1, maxLimit, 0); err != nil {
		return err
	}
	if wait, err = q.number(paramWait, 0, int(maxWait/time.Second), wait); err != nil {
		return err
	}
	v.wait = time.Duration(wait) * time.Second
	v.MaxSize, err = maxSize(r)
	return err
}

// begin reads where to begin: after or next, which are the same, or added_after.
func (v *reading) begin(q query) (err error) {
	if v.After, err = q.one(paramAfter); err != nil {
		return err
	}
	if v.Next, err = q.one(paramNext); err != nil {
		return err
	}
	if v.After != "" && v.Next != "" && v.After != v.Next {
		return taxii.Errorf(taxii.Malformed, "after and next are the same, and here they differ")
	}
	text, err := q.one(paramAddedAfter)
	if err != nil || text == "" {
		return err
	}
	if v.After != "" || v.Next != "" {
		return taxii.Errorf(taxii.Malformed, "added_after does not go together with after or next")
	}
	t, err := taxii.ParseTime(text)
	if err != nil {
		return taxii.Errorf(taxii.Malformed, "added_after is not a time").Because(err)
	}
	v.AddedAfter = &t
	return nil
}

// follow opens what was asked for.
func (v *reading) follow(r *http.Request) func(*exchange.Session) (*exchange.Follower, error) {
	return func(s *exchange.Session) (*exchange.Follower, error) {
		return s.Follow(r.Context(), r.PathValue("root"), r.PathValue("channel"), v.Reading)
	}
}

// subscribedOf reads what a read of a Subscription may say (section 6). Its
// Selector and its place are the Subscription's: what would choose others is
// refused, since to ignore it would deliver something else than was asked for.
func subscribedOf(r *http.Request) (reading, error) {
	v, err := readingOf(r)
	if err != nil {
		return reading{}, err
	}
	for name, values := range r.URL.Query() {
		if strings.HasPrefix(name, "match[") || name == paramAddedAfter && values[0] != "" {
			return reading{}, taxii.Errorf(taxii.Malformed, "%s is not for reading a subscription, which has its own", name)
		}
	}
	return v, nil
}

func (v *reading) followSubscription(r *http.Request) func(*exchange.Session) (*exchange.Follower, error) {
	return func(s *exchange.Session) (*exchange.Follower, error) {
		return s.FollowSubscription(r.Context(), r.PathValue("root"), r.PathValue("channel"), r.PathValue("subscription"), v.Reading)
	}
}

// draftOf reads what the draft form may say (section 7). There everything that is
// not known would be Selector, and is refused.
func draftOf(r *http.Request) (reading, error) {
	q, err := queryOf(r)
	if err != nil {
		return reading{}, err
	}
	for name := range q.values {
		switch {
		case name == paramLimit, name == paramWait, name == paramSubscription, name == paramAck, strings.HasPrefix(name, "match["):
		case name == paramAfter, name == paramAddedAfter, name == paramNext:
			return reading{}, taxii.Errorf(taxii.Malformed, "%s is not for this form of reading, which goes on by itself", name).
				Describe("Read messages/ below the channel to go on from a cursor.")
		default:
			return reading{}, taxii.Errorf(taxii.Malformed, "there is no parameter %.64q here", name)
		}
	}
	var v reading
	if err := v.bounds(r, q, draftWait); err != nil {
		return reading{}, err
	}
	if v.subscription, err = q.one(paramSubscription); err != nil {
		return reading{}, err
	}
	if v.Ack, err = q.one(paramAck); err != nil {
		return reading{}, err
	}
	v.Selector, err = exchange.ParseSelector(r.URL.RawQuery)
	return v, err
}

func (v *reading) followDraft(r *http.Request) func(*exchange.Session) (*exchange.Follower, error) {
	return func(s *exchange.Session) (*exchange.Follower, error) {
		return s.FollowDraft(r.Context(), r.PathValue("root"), r.PathValue("channel"), v.subscription, v.Reading)
	}
}

// stream makes it the reading of an event stream, which goes on after the event
// that the client saw last.
func (v *reading) stream(r *http.Request) error {
	last, err := lastEvent(r)
	v.Stream, v.LastEventID = true, last
	return err
}

func lastEvent(r *http.Request) (string, error) {
	values := r.Header.Values("Last-Event-ID")
	if len(values) > 1 {
		return "", taxii.Errorf(taxii.Malformed, "Last-Event-ID must be there once")
	}
	return r.Header.Get("Last-Event-ID"), nil
}

// appendJSON appends a value that can always be written.
func appendJSON(b []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return append(b, "null"...)
	}
	return append(b, text...)
}
