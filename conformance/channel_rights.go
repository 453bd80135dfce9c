package conformance

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// grantTo gives a grant with rights such as can_read.
func grantTo(account string, rights ...string) draft {
	g := draft{"account": account}
	for _, right := range []string{"can_read", "can_write", "can_manage"} {
		g[right] = slices.Contains(rights, right)
	}
	return g
}

// grant gives the second account these rights and no others, and leaves the first
// all of its own.
func (c *room) grant(rights ...string) option {
	other := c.p.other()
	list := []draft{grantTo(c.p.suite.target.Account.Name, "can_read", "can_write", "can_manage")}
	if len(rights) > 0 {
		list = append(list, grantTo(c.p.suite.target.Other.Name, rights...))
	}
	a := c.p.sends(http.MethodPut, c.at("grants/"), draft{"grants": list})
	c.p.status(a, http.StatusOK)
	c.p.taxii(a)
	return other
}

func channelRightChecks() []Check {
	return []Check{
		following("right-read", "lets who was granted it read, and nothing else", "CH10 S34", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_read")
			p.showsRights(c, other, true, false, false)
			id := c.quietly()
			p.sames(p.readAt(c.at("messages/"), other).ids(), []string{id})
			p.failure(p.do(http.MethodPost, c.at("messages/"), envelope(fresh()), other), http.StatusForbidden)
			p.failure(p.get(c.at("grants/"), other), http.StatusForbidden)
			p.failure(p.get(c.at("invitations/"), other), http.StatusForbidden)
		}),
		following("right-write", "lets who was granted it publish, and nothing else", "CH10 S34", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_write")
			p.showsRights(c, other, false, true, false)
			p.took(p.do(http.MethodPost, c.at("messages/"), envelope(fresh()), other))
			p.failure(p.get(c.at("messages/"), other), http.StatusForbidden)
			p.failure(p.get(c.at("?wait=0"), other), http.StatusForbidden)
		}),
		following("right-manage", "lets who was granted it manage, and neither read nor publish", "CH10", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_manage")
			p.showsRights(c, other, false, false, true)
			p.ok(c.at("grants/"), other)
			p.status(p.sends(http.MethodPut, c.url, draft{"description": "new"}, other), http.StatusOK)
			p.failure(p.get(c.at("messages/"), other), http.StatusForbidden)
			p.failure(p.do(http.MethodPost, c.at("messages/"), envelope(fresh()), other), http.StatusForbidden)
		}),
		following("right-ended", "hides a Channel at once from who has no right on it any more", "CH10", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_read", "can_write", "can_manage")
			p.ok(c.at("messages/"), other)
			c.grant()
			for _, path := range []string{"", "messages/", "subscriptions/", "grants/"} {
				p.failure(p.get(c.at(path), other), http.StatusNotFound)
			}
			p.failure(p.do(http.MethodPost, c.at("messages/"), envelope(fresh()), other), http.StatusNotFound)
		}),
		following("precedence-501", "says that nobody can before it says that this account may not", "CH13 CH3", func(p *probe) {
			drop := p.newRoom("mode", taxii.ModeWriteOnly)
			defer drop.gone()
			other := drop.grant("can_write")
			p.failure(p.get(drop.at("messages/"), other), http.StatusNotImplemented)
			p.failure(p.get(drop.at("subscriptions/"), other), http.StatusNotImplemented)
			fixed := p.newRoom("mode", taxii.ModeReadOnly)
			defer fixed.gone()
			fixed.grant("can_read")
			p.failure(p.do(http.MethodPost, fixed.at("messages/"), envelope(fresh()), other), http.StatusNotImplemented)
		}),
		following("precedence-404", "says that nothing is there before it says that nobody can", "CH13 CH2", func(p *probe) {
			other := p.other()
			drop := p.newRoom("mode", taxii.ModeWriteOnly)
			defer drop.gone()
			p.failure(p.get(drop.at("messages/"), other), http.StatusNotFound)
			fixed := p.newRoom("mode", taxii.ModeReadOnly)
			defer fixed.gone()
			p.failure(p.do(http.MethodPost, fixed.at("messages/"), envelope(fresh()), other), http.StatusNotFound)
		}),
	}
}

// showsRights wants a Channel to say of an account what it may do.
func (p *probe) showsRights(c *room, who option, read, write, manage bool) {
	v := c.settings(who)
	p.want(v["can_read"] == read && v["can_write"] == write && v["can_manage"] == manage, "can_read %v, can_write %v and can_manage %v", read, write, manage)
	_, grants := v["grants"]
	p.want(!grants || manage, "no grants for who does not manage")
}

func grantChecks() []Check {
	return []Check{
		following("grants", "shows who manages a Channel who may what", "CH3 CH13 Q8", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			c.grant("can_read")
			a := p.ok(c.at("grants/"))
			p.granted(a, p.suite.target.Other.Name, true, false)
			p.granted(a, p.suite.target.Account.Name, true, true)
		}),
		following("grants-set", "answers a change of the grants with the grants, and replaces the whole list", "CH3 CH13", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			p.other()
			all := []string{"can_read", "can_write", "can_manage"}
			own := grantTo(p.suite.target.Account.Name, all...)
			a := p.sends(http.MethodPut, c.at("grants/"), draft{"grants": []draft{own, grantTo(p.suite.target.Other.Name, "can_write")}})
			p.status(a, http.StatusOK)
			p.granted(a, p.suite.target.Other.Name, false, true)
			c.grant()
			list, _ := p.object(p.ok(c.at("grants/")))["grants"].([]any)
			p.want(len(list) == 1, "one grant, that of the account itself, not %d", len(list))
		}),
		following("grants-if-match", "changes the grants only under the ETag that they have", "CH3", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			own := draft{"grants": []draft{grantTo(p.suite.target.Account.Name, "can_read", "can_write", "can_manage")}}
			p.failure(p.sends(http.MethodPut, c.at("grants/"), own, header("If-Match", `"none-such"`)), http.StatusPreconditionFailed)
			p.status(p.sends(http.MethodPut, c.at("grants/"), own, header("If-Match", p.tag(c.at("grants/")))), http.StatusOK)
		}),
		following("grants-unreadable", "refuses grants that cannot be read, or of an account that is not there, and changes nothing", "CH3", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			for _, v := range []any{[]byte(`{"grants"`), []byte(`[]`), draft{"grants": []draft{grantTo(nobody(), "can_read")}}} {
				p.failure(p.sends(http.MethodPut, c.at("grants/"), v), http.StatusBadRequest, http.StatusUnprocessableEntity)
			}
			p.granted(p.ok(c.at("grants/")), p.suite.target.Account.Name, true, true)
		}),
		following("grants-forbidden", "answers 403 to who would see or change the grants without the right to manage", "CH3", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_read", "can_write")
			p.failure(p.get(c.at("grants/"), other), http.StatusForbidden)
			p.failure(p.sends(http.MethodPut, c.at("grants/"), draft{"grants": []draft{grantTo(p.suite.target.Other.Name, "can_manage")}}, other), http.StatusForbidden)
		}),
	}
}

// granted wants a list of grants to have one of an account.
func (p *probe) granted(a *answer, account string, read, write bool) {
	list, _ := p.object(a)["grants"].([]any)
	for _, one := range list {
		if g, _ := one.(map[string]any); g["account"] == account {
			p.want(g["can_read"] == read && g["can_write"] == write, "can_read %v and can_write %v for %s", read, write, account)
			return
		}
	}
	p.want(false, "a grant of %s", account)
}

// invitation is an invitation as it came.
type invitation struct {
	ID       string
	Token    string
	CanRead  bool `json:"can_read"`
	CanWrite bool `json:"can_write"`
	Expires  string
	Uses     int
}

// invite makes an invitation.
func (c *room) invite(v draft) (i invitation) {
	a := c.p.sends(http.MethodPost, c.at("invitations/"), v)
	c.p.status(a, http.StatusCreated)
	c.p.taxii(a)
	c.p.read(a, &i)
	return i
}

// join redeems an invitation as the second account.
func (c *room) join(token string) *answer {
	a := c.p.sends(http.MethodPost, c.at("join/"), draft{"token": token}, c.p.other())
	c.p.limited(a)
	return a
}

func invitationChecks() []Check {
	return []Check{
		following("invite", "makes an invitation to read, once, within seven days, with a token of 256 bits", "CH3 CH4 Q13", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			i := c.invite(draft{})
			p.want(taxii.IsID(i.ID) && len(i.Token) >= 43, "an id, and a token that can hold 256 bits")
			p.want(i.CanRead && !i.CanWrite && i.Uses == 1, "to read alone, and one use")
			at, err := taxii.ParseTime(i.Expires)
			week := time.Now().Add(7 * 24 * time.Hour)
			p.want(err == nil && at.Time().Sub(week).Abs() < time.Hour, "expires in seven days, not %s", i.Expires)
			p.want(c.invite(draft{}).Token != i.Token, "another token each time")
		}),
		following("invite-list", "lists invitations without their tokens", "CH3 CH4 CH13", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			i := c.invite(draft{"uses": 3})
			a := p.ok(c.at("invitations/"))
			var v struct{ Invitations []invitation }
			p.read(a, &v)
			p.want(len(v.Invitations) == 1 && v.Invitations[0].ID == i.ID && v.Invitations[0].Uses == 3, "the invitation with its uses")
			p.want(v.Invitations[0].Token == "" && !strings.Contains(string(a.body), i.Token), "no token")
		}),
		following("invite-bounds", "refuses an invitation for more than 100 uses or 90 days, for the past, or without a use", "CH4", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			far, past := time.Now().Add(91*24*time.Hour), time.Now().Add(-time.Hour)
			for _, v := range []draft{{"uses": 101}, {"uses": -1}, {"expires": taxii.TimeOf(far)}, {"expires": taxii.TimeOf(past)}} {
				p.failure(p.sends(http.MethodPost, c.at("invitations/"), v), http.StatusBadRequest, http.StatusUnprocessableEntity)
			}
		}),
		following("invite-manage", "invites nobody to manage", "CH4", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			a := p.sends(http.MethodPost, c.at("invitations/"), draft{"can_read": true, "can_manage": true})
			if a.status != http.StatusCreated {
				p.failure(a, http.StatusBadRequest, http.StatusUnprocessableEntity)
				return
			}
			p.want(p.object(a)["can_manage"] != true, "no invitation to manage")
		}),
		following("invite-forbidden", "answers 403 to who would invite without the right to manage", "CH3", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := c.grant("can_read", "can_write")
			p.failure(p.sends(http.MethodPost, c.at("invitations/"), draft{}, other), http.StatusForbidden)
			p.failure(p.get(c.at("invitations/"), other), http.StatusForbidden)
		}),
		following("invite-revoke", "revokes an invitation: 204, then 404, and it is in no list", "CH3", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			address := c.at("invitations/" + c.invite(draft{}).ID + "/")
			p.status(p.do(http.MethodDelete, address, nil), http.StatusNoContent)
			p.failure(p.do(http.MethodDelete, address, nil), http.StatusNotFound)
			p.texts0(p.object(p.ok(c.at("invitations/"))), "invitations")
		}),
	}
}

// joinChecks are about who redeems an invitation.
func joinChecks() []Check {
	return []Check{
		following("join", "lets who redeems an invitation in, with its rights, as often as it has uses", "CH3 CH4 Q13", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			other := p.other()
			i := c.invite(draft{"can_read": true, "can_write": true})
			a := c.join(i.Token)
			p.status(a, http.StatusOK)
			p.want(p.object(a)["id"] == c.id, "the Channel")
			p.showsRights(c, other, true, true, false)
			c.grant()
			p.failure(c.join(i.Token), http.StatusNotFound) // its one use is used
			p.failure(p.get(c.url, other), http.StatusNotFound)
		}),
		following("join-revoked", "lets nobody in for an invitation that was revoked", "CH4", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			i := c.invite(draft{})
			p.status(p.do(http.MethodDelete, c.at("invitations/"+i.ID+"/"), nil), http.StatusNoContent)
			p.failure(c.join(i.Token), http.StatusNotFound)
		}),
		following("join-anonymous", "lets nobody join without credentials", "CH4", func(p *probe) {
			c := p.newRoom()
			defer c.gone()
			i := c.invite(draft{})
			a := p.sends(http.MethodPost, c.at("join/"), draft{"token": i.Token}, p.stranger())
			p.status(a, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound)
		}),
	}
}
