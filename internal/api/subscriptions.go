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
	body, release, err := a.text(s, w, r)
	if err != nil {
		return err
	}
	defer release()
	var wanted taxii.NewSubscription
	if err := decodeSubscription(body, &wanted); err != nil {
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
	w.Header().Set("ETag", got.ETag)
	return a.writeJSON(w, r, status, got)
}

// decodeSubscription reads what a request says of a Subscription. null ends a push.
func decodeSubscription(body []byte, wanted *taxii.NewSubscription) error {
	var said struct {
		Start *string `json:"start"`
		Idle  *int64  `json:"idle_timeout"`
	}
	if err := decode(body, wanted, "push"); err != nil {
		return err
	}
	if err := decode(body, &said); err != nil {
		return err
	}
	switch {
	case said.Start != nil && *said.Start == "":
		return taxii.Errorf(taxii.Unprocessable, "start has no value")
	case said.Idle != nil && *said.Idle == 0:
		return taxii.Errorf(taxii.Unprocessable, "idle_timeout has no value")
	}
	return nil
}

// subscriptionAt is the URL of a Subscription of the Channel in the path.
func (a *Server) subscriptionAt(r *http.Request, id string) string {
	return a.at(r.PathValue("root"), "channels", r.PathValue("channel"), "subscriptions", id)
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
		func(wanted *taxii.NewSubscription) error { return decodeSubscription(body, wanted) })
	if err != nil {
		return err
	}
	w.Header().Set("ETag", now.ETag)
	return a.writeJSON(w, r, http.StatusOK, now)
}

func (a *Server) unsubscribe(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	return done(w, s.Unsubscribe(r.Context(), r.PathValue("root"), r.PathValue("channel"), r.PathValue("subscription"), ifMatch(r)))
}

func (a *Server) setPosition(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	body, release, err := a.text(s, w, r)
	if err != nil {
		return err
	}
	defer release()
	var wanted taxii.Position
	if err := decode(body, &wanted); err != nil { // what is no cursor is malformed (section 5.2), whatever it is instead
		return taxii.Errorf(taxii.Malformed, "%s", err.Error()).Because(err)
	}
	if wanted.Cursor == "" {
		return taxii.Errorf(taxii.Malformed, "cursor is missing, or has no value")
	}
	now, err := s.SetPosition(r.Context(), r.PathValue("root"), r.PathValue("channel"), r.PathValue("subscription"), wanted)
	if err != nil {
		return err
	}
	return a.writeJSON(w, r, http.StatusOK, now)
}
