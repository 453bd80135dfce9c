package api

import (
	"net/http"
	"slices"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

func (a *Server) getChannels(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	if a.opt.HideChannels {
		return taxii.Errorf(taxii.Forbidden, "this server lists its channels for nobody")
	}
	limit, next, err := listing(r)
	if err != nil {
		return err
	}
	list, err := s.Channels(r.Context(), r.PathValue("root"), limit, next)
	if err != nil {
		return err
	}
	return a.writeJSON(w, r, http.StatusOK, list)
}

func (a *Server) addChannel(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	set := exchange.ChannelSetting{Root: r.PathValue("root")}
	body, release, err := a.text(s, w, r)
	if err != nil {
		return err
	}
	defer release()
	if err := exchange.ReadChannel(body, &set); err != nil {
		return err
	}
	made, err := s.AddChannel(r.Context(), set)
	if err != nil {
		return err
	}
	w.Header().Set("Location", a.at(set.Root, "channels", made.Name))
	w.Header().Set("ETag", made.ETag)
	return a.writeJSON(w, r, http.StatusCreated, made)
}

// isDraft tells the draft form of reading, which any query string makes, also an
// empty one after a question mark.
func isDraft(r *http.Request) bool {
	return r.PathValue("channel") != "" && (r.URL.RawQuery != "" || r.URL.ForceQuery)
}

// getChannel answers with the Channel or, with a query, reads it in the draft
// form. What must not create or move anything gets the Channel all the same.
func (a *Server) getChannel(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	if isDraft(r) && !idle(r) {
		return a.readDraft(s, w, r)
	}
	c, tag, err := s.Channel(r.Context(), r.PathValue("root"), r.PathValue("channel"))
	if err != nil {
		return err
	}
	w.Header().Set("ETag", tag)
	return a.writeJSON(w, r, http.StatusOK, c)
}

func (a *Server) setChannel(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	root, name := r.PathValue("root"), r.PathValue("channel")
	body, release, err := a.text(s, w, r)
	if err != nil {
		return err
	}
	defer release()
	now, err := s.SetChannel(r.Context(), root, name, ifMatch(r), func(set *exchange.ChannelSetting) error {
		return exchange.ReadChannel(body, set)
	})
	if err != nil {
		return err
	}
	w.Header().Set("ETag", now.ETag)
	return a.writeJSON(w, r, http.StatusOK, now)
}

func (a *Server) removeChannel(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	return done(w, s.RemoveChannel(r.Context(), r.PathValue("root"), r.PathValue("channel"), ifMatch(r)))
}

// done answers what left nothing to say.
func done(w http.ResponseWriter, err error) error {
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

func (a *Server) getGrants(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	list, tag, err := s.ChannelGrants(r.Context(), r.PathValue("root"), r.PathValue("channel"))
	if err != nil {
		return err
	}
	w.Header().Set("ETag", tag)
	return a.writeJSON(w, r, http.StatusOK, list)
}

func (a *Server) setGrants(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	root, name := r.PathValue("root"), r.PathValue("channel")
	var list struct {
		Grants *[]taxii.ChannelGrant `json:"grants"`
	}
	if err := a.object(s, w, r, &list); err != nil {
		return err
	}
	if list.Grants == nil {
		return taxii.Errorf(taxii.Unprocessable, "grants is missing: the request replaces the whole list")
	}
	now, err := s.SetChannelGrants(r.Context(), root, name, ifMatch(r), taxii.ChannelGrants{Grants: *list.Grants})
	if err != nil {
		return err
	}
	w.Header().Set("ETag", now.ETag)
	return a.writeJSON(w, r, http.StatusOK, now)
}

// defaultList is the length of a list where the client sets no limit.
const defaultList = 100

func (a *Server) getInvitations(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	limit, next, err := listing(r)
	if err != nil {
		return err
	}
	page, err := s.Invitations(r.Context(), r.PathValue("root"), r.PathValue("channel"))
	if err != nil {
		return err
	}
	page.Invitations = slices.DeleteFunc(page.Invitations, func(v taxii.Invitation) bool { return v.ID <= next })
	if limit = or(limit, defaultList); len(page.Invitations) > limit {
		page.Invitations = page.Invitations[:limit]
		page.More, page.Next = true, page.Invitations[limit-1].ID
	}
	return a.writeJSON(w, r, http.StatusOK, page)
}

func (a *Server) invite(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	root, name := r.PathValue("root"), r.PathValue("channel")
	var set exchange.InvitationSetting
	if err := a.object(s, w, r, &set); err != nil {
		return err
	}
	made, err := s.Invite(r.Context(), root, name, set)
	if err != nil {
		return err
	}
	w.Header().Set("Location", a.at(root, "channels", name, "invitations", made.ID))
	return a.writeJSON(w, r, http.StatusCreated, made)
}

func (a *Server) revoke(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	return done(w, s.RevokeInvitation(r.Context(), r.PathValue("root"), r.PathValue("channel"), r.PathValue("invitation")))
}

// join redeems an invitation. To who does not see the Channel every request that
// is in vain is answered as one to a Channel that does not exist.
func (a *Server) join(s *exchange.Session, w http.ResponseWriter, r *http.Request) error {
	var ask taxii.Join
	err := taxii.NegotiateAccept(r.Header.Values("Accept"), taxii.MediaOptions{RefuseJSON: a.opt.RefuseJSON})
	if err == nil {
		err = a.object(s, w, r, &ask)
	}
	if err != nil {
		if unseen := a.seen(s, r); unseen != nil && taxii.KindOf(err) != taxii.Unavailable {
			return s.Missing()
		}
		return err
	}
	joined, err := s.Join(r.Context(), r.PathValue("root"), r.PathValue("channel"), ask.Token)
	if err != nil {
		return err
	}
	return a.writeJSON(w, r, http.StatusOK, joined)
}
