package api

import (
	"net/http"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func (a *Server) getSubscriptions(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	limit, next, err := listing(r)
	if err != nil {
		return err
	}
	list, err := s.Subscriptions(r.Context(), r.PathValue("root"), r.PathValue("channel"), limit, next)
	if err != nil {
		return err
	}
	return a.writeJSON(w, r, http.StatusOK, list)
}

// subscribe makes a Subscription, or gives the one that has its key.
func (a *Server) subscribe(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	root, channel := r.PathValue("root"), r.PathValue("channel")
	var wanted taxii.NewSubscription
	if err := a.object(s, w, r, &wanted); err != nil {
		return err
	}
	got, created, err := s.Subscribe(r.Context(), root, channel, wanted)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
		w.Header().Set("Location", a.subscriptionAt(r, got.ID))
	}
	a.tagSubscription(s, w, r, got.ID)
	return a.writeJSON(w, r, status, got)
}

// subscriptionAt is the URL of a Subscription of the Channel in the path.
func (a *Server) subscriptionAt(r *http.Request, id string) string {
	return a.at(r.PathValue("root"), "channels", r.PathValue("channel"), "subscriptions", id)
}

// tagSubscription gives an answer the tag of a Subscription as it is now.
func (a *Server) tagSubscription(s *exchange.Session, w http.ResponseWriter, r *http.Request, id string) {
	if _, tag, err := s.Subscription(r.Context(), r.PathValue("root"), r.PathValue("channel"), id); err == nil {
		w.Header().Set("ETag", tag)
	}
}

func (a *Server) getSubscription(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	got, tag, err := s.Subscription(r.Context(), r.PathValue("root"), r.PathValue("channel"), r.PathValue("subscription"))
	if err != nil {
		return err
	}
	w.Header().Set("ETag", tag)
	return a.writeJSON(w, r, http.StatusOK, got)
}

func (a *Server) setSubscription(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	body, release, err := a.text(s, w, r)
	if err != nil {
		return err
	}
	defer release()
	now, err := s.ChangeSubscription(r.Context(), r.PathValue("root"), r.PathValue("channel"), r.PathValue("subscription"), ifMatch(r),
		func(wanted *taxii.NewSubscription) error { return decode(body, wanted) })
	if err != nil {
		return err
	}
	a.tagSubscription(s, w, r, now.ID)
	return a.writeJSON(w, r, http.StatusOK, now)
}

func (a *Server) unsubscribe(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	return done(w, s.Unsubscribe(r.Context(), r.PathValue("root"), r.PathValue("channel"), r.PathValue("subscription"), ifMatch(r)))
}

func (a *Server) setPosition(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	var wanted taxii.Position
	if err := a.object(s, w, r, &wanted); err != nil {
		return err
	}
	if wanted.Cursor == "" {
		return taxii.Errorf(taxii.Malformed, "cursor is missing")
	}
	now, err := s.SetPosition(r.Context(), r.PathValue("root"), r.PathValue("channel"), r.PathValue("subscription"), wanted)
	if err != nil {
		return err
	}
	return a.writeJSON(w, r, http.StatusOK, now)
}
