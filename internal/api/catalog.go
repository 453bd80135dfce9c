package api

import (
	"net/http"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

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

// statusBudget bounds, in octets, the Statuses that are being made: each object
// of an Add has its line there, however few octets it took.
const statusBudget = 64 << 20

// within gives the Session that takes the memory of Statuses from their budget,
// and what gives it back.
func (a *Server) within(s *exchange.Session, r *http.Request) (bounded *exchange.Session, release func()) {
	held := int64(0)
	account, _ := s.Account()
	bounded = s.Within(func(octets int64) error {
		err := a.states.enter(r.Context(), account, octets)
		if err == nil {
			held += octets
		}
		return err
	})
	return bounded, func() { a.states.leave(held) }
}

func (a *Server) getStatus(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	s, release := a.within(s, r)
	defer release()
	st, err := s.Status(r.Context(), r.PathValue("root"), r.PathValue("status"))
	if err != nil {
		return err
	}
	return a.writeStatus(w, r, http.StatusOK, st)
}
