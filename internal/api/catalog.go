package api

import (
	"net/http"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func (a *Server) getDiscovery(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	d, err := s.Discovery(r.Context())
	if err != nil {
		return err
	}
	return a.writeJSON(w, r, http.StatusOK, d)
}

func (a *Server) getRoot(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	root, err := s.Root(r.Context(), r.PathValue("root"))
	if err != nil {
		return err
	}
	return a.writeJSON(w, r, http.StatusOK, root)
}

func (a *Server) getCollections(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	list, err := s.Collections(r.Context(), r.PathValue("root"))
	if err != nil {
		return err
	}
	if len(list) == 0 && s.Is(exchange.OptionEmptyList) {
		return a.write(w, r, http.StatusOK, []byte(taxii.EmptyCollections))
	}
	return a.writeJSON(w, r, http.StatusOK, taxii.Collections{Collections: list})
}

func (a *Server) getCollection(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	c, err := s.Collection(r.Context(), r.PathValue("root"), r.PathValue("id"))
	if err != nil {
		return err
	}
	return a.writeJSON(w, r, http.StatusOK, c)
}

func (a *Server) getStatus(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	st, err := s.Status(r.Context(), r.PathValue("root"), r.PathValue("status"))
	if err != nil {
		return err
	}
	return a.writeJSON(w, r, http.StatusOK, st)
}
