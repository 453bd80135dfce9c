package channels

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"

	"github.com/hansom-taxii/hansom/taxii"
)

// reader follows page by page.
type reader struct {
	*client
	*Follower
	sleepy bool   // it is away now and then
	at     string // by cursor; by Subscription its id
}

func (r *reader) run() {
	for !over(r.stopped) {
		if r.sleepy && r.asleep.Load() || !r.read() {
			r.pause(again)
		}
	}
}

// read reads one page, and tells whether there was an answer of success.
func (r *reader) read() bool {
	if r.Kind == BySubscription && r.at == "" && !r.subscribe() {
		return false
	}
	var page taxii.Messages
	status, problem, err := r.ask(http.MethodGet, r.path(), nil, &page)
	switch {
	case err != nil || passing(status):
		r.note(Entry{What: Failed})
		return false
	case status == http.StatusGone && r.Kind == ByCursor:
		if r.at, err = r.lost(problem); err != nil {
			r.note(Entry{What: Denied, Why: err.Error()})
		}
		return true
	case status == http.StatusNoContent && r.Kind == ByDraft:
		return true
	case status != http.StatusOK || r.Kind != ByDraft && page.Next == "":
		r.denied(status, problem)
		return false
	}
	r.take(page)
	switch r.Kind {
	case ByCursor:
		r.at = page.Next
	case BySubscription:
		r.acknowledge(page.Next)
	}
	return true
}

func (r *reader) path() string {
	limit := 1 + rand.IntN(150)
	switch r.Kind {
	case BySubscription:
		return fmt.Sprintf("subscriptions/%s/messages/?wait=1&limit=%d", r.at, limit)
	case ByDraft:
		return fmt.Sprintf("?wait=1&limit=%d&subscription=%s", limit, url.QueryEscape(r.Name))
	}
	return fmt.Sprintf("messages/?wait=1&limit=%d&after=%s", limit, url.QueryEscape(r.at))
}

// subscribe makes the Subscription, or finds it.
func (r *reader) subscribe() bool {
	var s taxii.Subscription
	status, problem, err := r.ask(http.MethodPost, "subscriptions/", taxii.NewSubscription{Name: r.Name, Start: taxii.Earliest}, &s)
	if err != nil || passing(status) {
		return false
	}
	if status != http.StatusCreated && status != http.StatusOK {
		r.denied(status, problem)
		return false
	}
	r.at = s.ID
	return true
}

// acknowledge moves the position behind what was taken. Where there is no answer
// the same comes again.
func (r *reader) acknowledge(cursor string) {
	status, problem, err := r.ask(http.MethodPut, "subscriptions/"+r.at+"/position/", taxii.Position{Cursor: cursor}, nil)
	expired := status == http.StatusGone // what was read has expired before it was acknowledged: the next read tells
	if err == nil && status != http.StatusOK && !passing(status) && !expired {
		r.denied(status, problem)
	}
}
