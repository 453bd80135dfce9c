package api

import (
	"context"
	"net/http"

	"github.com/hansom-taxii/hansom/internal/exchange"
)

// readDraft reads a Channel as the first draft of the TAXII 2 REST API has it
// (docs/channels.md section 7): what the answer covers counts as acknowledged by
// the next read, if the answer was written whole to a connection that was open.
func (a *Server) readDraft(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	q, err := draftOf(r)
	if err != nil {
		return err
	}
	rd, err := a.read(s, w, r, q.followDraft(r))
	if err != nil {
		return err
	}
	defer rd.close()
	p, err := rd.await(q.wait)
	if err == nil && !rd.f.Ended() {
		err = rd.recorded()
	}
	if err != nil {
		gone(r)
		return err
	}
	w.Header().Set("Content-Location", a.subscriptionAt(r, rd.f.SubscriptionID()))
	if rd.f.Ended() { // a newer read has what this one would have had
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	whole := rd.deliver(p)
	// Where the outcome cannot be recorded the same Messages come again, and all that
	// is left to do is to log it.
	if err := rd.f.Delivered(context.WithoutCancel(r.Context()), whole); err != nil {
		a.fail(&captured{head: http.Header{}}, r, err)
	}
	if !whole {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// deliver writes a page, or that there is none, and tells whether the connection
// took all of it and was open until then.
func (rd *reader) deliver(p *exchange.MessagePage) bool {
	if nothing(p) && p.Gap == nil {
		rd.w.WriteHeader(http.StatusNoContent)
	} else if rd.send(p, rd.f.Created()) != nil {
		return false
	}
	if rd.r.Context().Err() != nil {
		return false
	}
	return http.NewResponseController(rd.w).Flush() == nil
}

// streamDraft is the draft form as an event stream: what was sent is acknowledged
// by the connection that names it in Last-Event-ID.
func (a *Server) streamDraft(s *exchange.Session, w http.ResponseWriter, r *http.Request) (*stream, error) {
	if idle(r) {
		return nil, a.getChannel(s, w, r)
	}
	q, err := draftOf(r)
	if err == nil {
		err = q.stream(r)
	}
	if err != nil {
		return nil, err
	}
	return a.stream(s, w, r, q.followDraft(r))
}
