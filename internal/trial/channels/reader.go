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
	at string // by cursor; by Subscription its id
}

func (r *reader) run() {
	for !over(r.stopped) {
		if r.away() || !r.read() {
			r.pause(again)
		}
		r.pause(rand.N(2 * r.breath))
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
		return r.rests == nil
	case status != http.StatusOK || r.Kind != ByDraft && page.Next == "":
		r.denied(status, problem)
		return false
	}
	r.take(page)
	if len(page.Messages) == 0 && r.rests != nil {
		r.pause(again)
	}
	switch r.Kind {
	case ByCursor:
		r.at = page.Next
	case BySubscription:
		r.acknowledge(page.Next)
	}
	return true
}

func (r *reader) path() string {
	limit, wait := 1+rand.IntN(150), 1
	if r.rests != nil {
		wait = 0 // it goes when it is time to
	}
	switch r.Kind {
	case BySubscription:
		return fmt.Sprintf("subscriptions/%s/messages/?wait=%d&limit=%d", r.at, wait, limit)
	case ByDraft:
		return fmt.Sprintf("?wait=%d&limit=%d&subscription=%s", wait, limit, url.QueryEscape(r.Name)) + r.selector()
	}
	return fmt.Sprintf("messages/?wait=%d&limit=%d&after=%s", wait, limit, url.QueryEscape(r.at)) + r.selector()
}

// subscribe makes the Subscription, or finds it.
func (r *reader) subscribe() bool {
	var s taxii.Subscription
	want := taxii.NewSubscription{Name: r.Name, Start: taxii.Earliest}
	if r.chooses {
		want.Selector = map[string][]string{"message_type": {taxii.TypeEnvelope}}
	}
	status, problem, err := r.ask(http.MethodPost, "subscriptions/", want, &s)
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
