package api

import (
	"net/http"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// publish takes a body of any media type that the Channel admits, and answers with
// a Status that is complete: what it says was accepted is on stable storage. Who
// may not publish is told so before the body is taken.
func (a *Server) publish(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	root, channel := r.PathValue("root"), r.PathValue("channel")
	most, err := s.MayPublish(root, channel)
	if err != nil {
		return err
	}
	key, err := single(r, "Idempotency-Key")
	if err != nil {
		return err
	}
	account, _ := s.Account()
	body, release, err := a.Body(w, r, account, most)
	if err != nil {
		return err
	}
	defer release()
	s, giveBack := a.within(s, r)
	defer giveBack()
	status, err := s.Publish(r.Context(), root, channel, exchange.Publication{ContentType: r.Header.Get("Content-Type"), Key: key, Body: body})
	if err != nil {
		return err
	}
	return a.writeJSON(w, r, http.StatusAccepted, status)
}

// single gives a header that may be there once; "": it is not.
func single(r *http.Request, name string) (string, error) {
	values := r.Header.Values(name)
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1 || values[0] == "":
		return "", taxii.Errorf(taxii.Malformed, "%s must be there once, with a value", name)
	}
	return values[0], nil
}
