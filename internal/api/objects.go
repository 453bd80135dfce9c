package api

import (
	"net/http"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func (a *Server) getObjects(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	return a.getPage(s, w, r, exchange.Objects, taxii.ObjectsFields)
}

func (a *Server) getManifest(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	return a.getPage(s, w, r, exchange.Manifest, taxii.ObjectsFields)
}

func (a *Server) getObject(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	return a.getPage(s, w, r, exchange.Object, taxii.ObjectFields)
}

func (a *Server) getVersions(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	return a.getPage(s, w, r, exchange.Versions, taxii.VersionsFields)
}

// addObjects takes a body and answers with a Status that is complete. Who may
// not write is told so before the body is taken.
func (a *Server) addObjects(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	root, id := r.PathValue("root"), r.PathValue("id")
	if err := s.MayAdd(root, id); err != nil {
		return err
	}
	if err := taxii.ContentTypeAccepted(r.Header.Get("Content-Type")); err != nil {
		return err
	}
	account, _ := s.Account()
	body, release, err := a.Body(w, r, account, a.x.MaxContentLength())
	if err != nil {
		return err
	}
	defer release()
	s, giveBack := a.within(s, r)
	defer giveBack()
	status, err := s.Add(r.Context(), root, id, body)
	if err != nil {
		return err
	}
	return a.writeStatus(w, r, http.StatusAccepted, status)
}

// deleteObject answers with an empty JSON object, as clients expect a body (K67).
func (a *Server) deleteObject(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	f, err := taxii.ParseFilter(r.URL.RawQuery, taxii.DeleteFields)
	if err != nil {
		return err
	}
	if err := s.Delete(r.Context(), r.PathValue("root"), r.PathValue("id"), r.PathValue("object"), f); err != nil {
		return err
	}
	return a.write(w, r, http.StatusOK, []byte(`{}`))
}
