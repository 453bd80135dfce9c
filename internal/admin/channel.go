package admin

import (
	stdjson "encoding/json"
	"strconv"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// channels lists those of one API Root or, where the path names none, of all.
func (q *request) channels() (answer, error) {
	list, err := q.ChannelRecords(q.r.Context(), q.names["root"])
	return ok(channelList{list}, err)
}

func (q *request) addChannel() (answer, error) {
	root := q.names["root"]
	set := exchange.ChannelSetting{Root: root}
	if err := q.settings(&set); err != nil {
		return answer{}, err
	}
	if set.Root != root {
		return answer{}, taxii.Errorf(taxii.Unprocessable, "root is another than the one in the path; leave it out")
	}
	made, err := q.AddChannel(q.r.Context(), set)
	if err != nil {
		return answer{}, q.calledRoot(err)
	}
	return created(q.ChannelRecord(q.r.Context(), root, made.ID))
}

func (q *request) channel() (answer, error) {
	return ok(q.ChannelRecord(q.r.Context(), q.names["root"], q.names["channel"]))
}

// setChannel changes a Channel. Of its Collections only what the body names is
// touched, for who names one does so in its own name; null ends one.
func (q *request) setChannel() (answer, error) {
	text, release, err := q.opt.Body(q.w, q.r, maxSettings)
	if err != nil {
		return answer{}, err
	}
	defer release()
	edit, err := merge[exchange.ChannelSetting](text)
	if err != nil {
		return answer{}, err
	}
	var stated map[string]stdjson.RawMessage
	if err := stdjson.Unmarshal(text, &stated); err != nil {
		return answer{}, err
	}
	none := ""
	c, err := q.SetChannel(q.r.Context(), q.names["root"], q.names["channel"], nil, func(set *exchange.ChannelSetting) error {
		if err := edit(set); err != nil {
			return err
		}
		if string(stated["from_collection"]) == "null" {
			set.From = &none
		}
		if string(stated["to_collection"]) == "null" {
			set.To = &none
		}
		return nil
	})
	if err != nil {
		return answer{}, q.calledChannel(err)
	}
	return ok(q.ChannelRecord(q.r.Context(), q.names["root"], c.ID))
}

func (q *request) removeChannel() (answer, error) {
	return done(q.calledChannel(q.RemoveChannel(q.r.Context(), q.names["root"], q.names["channel"], nil)))
}

func (q *request) invitations() (answer, error) {
	v, err := q.Invitations(q.r.Context(), q.names["root"], q.names["channel"])
	return ok(invitationList{append([]taxii.Invitation{}, v.Invitations...)}, q.calledChannel(err))
}

func (q *request) invite() (answer, error) {
	var set exchange.InvitationSetting
	if err := q.settings(&set); err != nil {
		return answer{}, err
	}
	v, err := q.Invite(q.r.Context(), q.names["root"], q.names["channel"], set)
	return created(v, q.calledChannel(err))
}

// revoke ends an invitation. Which of both is not there, an administrator is told.
func (q *request) revoke() (answer, error) {
	root, channel, id := q.names["root"], q.names["channel"], q.names["invitation"]
	if _, err := q.Invitations(q.r.Context(), root, channel); err != nil {
		return answer{}, q.calledChannel(err)
	}
	err := q.RevokeInvitation(q.r.Context(), root, channel, id)
	if taxii.KindOf(err) == taxii.NotFound {
		err = taxii.Errorf(taxii.NotFound, "no invitation %.64q to %q", id, channel)
	}
	return done(err)
}

// subscriptions lists everybody's of a Channel, a page at a time.
func (q *request) subscriptions() (answer, error) {
	limit := 0
	if text := q.params.Get("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 {
			return answer{}, taxii.Errorf(taxii.Malformed, "limit must be a whole number above zero")
		}
	}
	root, channel := q.names["root"], q.names["channel"]
	if _, err := q.ChannelRecord(q.r.Context(), root, channel); err != nil {
		return answer{}, err // also to who reads it and does not manage it
	}
	list, err := q.Subscriptions(q.r.Context(), root, channel, limit, q.params.Get("next"))
	list.Subscriptions = append([]taxii.Subscription{}, list.Subscriptions...)
	return ok(subscriptionList{list.Subscriptions, list.More, list.Next}, q.calledChannel(err))
}

func (q *request) restored() (answer, error) {
	return done(q.Restored(q.r.Context()))
}

// calledChannel gives what is not found its name, as called does.
func (q *request) calledChannel(err error) error {
	if taxii.KindOf(err) != taxii.NotFound {
		return err
	}
	return taxii.Errorf(taxii.NotFound, "no channel %q in %q", q.names["channel"], q.names["root"])
}

func (q *request) calledRoot(err error) error {
	if taxii.KindOf(err) != taxii.NotFound {
		return err
	}
	return taxii.Errorf(taxii.NotFound, "no API Root %q", q.names["root"])
}
