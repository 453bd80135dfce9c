package exchange

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

// InvitationSetting is an invitation as who makes it states it; nil has its
// default. It never gives the right to manage.
type InvitationSetting struct {
	CanRead  *bool       `json:"can_read,omitempty"`  // default true
	CanWrite *bool       `json:"can_write,omitempty"` // default false; one of both is needed
	Expires  *taxii.Time `json:"expires,omitempty"`   // within 90 days; default in 7
	Uses     *int        `json:"uses,omitempty"`      // 1, the default, to 100
}

const (
	inviteDays     = 7 * 24 * time.Hour
	maxInvite      = 90 * 24 * time.Hour
	maxUses        = 100
	maxInvitations = 1_000 // that are good at one time, of one Channel: they are looked through one by one

	// invitePrefix lets tools that look for secrets in texts know a token.
	invitePrefix = "hansom-invite-"
)

// hashToken gives what is kept of a token, which is as random as a key: one round
// is enough.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// good tells whether an invitation can still be used.
func (x *Exchange) good(snap *snapshot, v *Invitation) bool {
	return v.Uses > 0 && v.Expires > taxii.TimeOf(x.opt.Now()) && x.mayInvite(snap, v)
}

// mayInvite tells whether the maker of an invitation still manages its Channel.
func (x *Exchange) mayInvite(snap *snapshot, v *Invitation) bool {
	c, maker := snap.channelByID[v.Channel], x.actor(snap, v.Maker)
	if c == nil || maker == nil || snap.rootByID[c.Root] == nil {
		return false
	}
	return maker.onChannel(snap, snap.rootByID[c.Root], c).Has(Manage)
}

// Invite makes an invitation to a Channel, which needs the right to manage it.
// Its token is in this answer and nowhere else.
func (s *Session) Invite(ctx context.Context, root, name string, set InvitationSetting) (taxii.Invitation, error) {
	snap := s.x.now.Load()
	_, c, err := s.managedChannel(snap, root, name)
	if err != nil {
		return taxii.Invitation{}, err
	}
	v, err := s.invitation(c, &set)
	if err != nil {
		return taxii.Invitation{}, err
	}
	if !s.x.mayInvite(snap, &v) {
		return taxii.Invitation{}, lasting("invite")
	}
	if err := s.roomForInvitation(ctx, snap, c); err != nil {
		return taxii.Invitation{}, err
	}
	token := newToken()
	v.TokenHash = hashToken(token)
	if err := s.x.store.PutInvitation(ctx, v); err != nil {
		return taxii.Invitation{}, s.gone(err)
	}
	made := v.resource()
	made.Token = token
	return made, s.invited(ctx, eventInvite, c, &v)
}

// The events of invitations; that one was used is channel.join.
const (
	eventInvite   = "channel.invite"
	eventUninvite = "channel.uninvite"
)

// invited records what was done with an invitation, by its id and never its token.
func (s *Session) invited(ctx context.Context, event string, c *Channel, v *Invitation) error {
	on := s.x.now.Load().name(resource{OnChannel, c.Root, c.ID})
	return s.done(ctx, event, on, func(r auditLine) auditLine {
		return r.text("change", v.ID+": "+strings.Join(v.Rights.List(), ","))
	})
}

func newToken() string {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	return invitePrefix + encoding.EncodeToString(secret[:])
}

// invitation fills in defaults and tells whether an invitation can be as stated.
func (s *Session) invitation(c *Channel, set *InvitationSetting) (Invitation, error) {
	now := s.x.opt.Now()
	v := Invitation{
		ID: taxii.NewID(), Channel: c.ID, Maker: s.account.ID, Created: taxii.TimeOf(now),
		Rights:  rightsOf(valueOr(set.CanRead, true), valueOr(set.CanWrite, false), false),
		Expires: valueOr(set.Expires, taxii.TimeOf(now.Add(inviteDays))), Uses: valueOr(set.Uses, 1),
	}
	switch {
	case v.Rights == 0:
		return v, invalid("can_read", "and can_write are both false: an invitation gives one of them")
	case v.Expires <= v.Created || v.Expires > taxii.TimeOf(now.Add(maxInvite)):
		return v, invalid("expires", "must be in the future, and within 90 days")
	case v.Uses < 1 || v.Uses > maxUses:
		return v, invalid("uses", "must be from 1 to 100")
	}
	return v, nil
}

func valueOr[T any](stated *T, otherwise T) T {
	if stated == nil {
		return otherwise
	}
	return *stated
}

// roomForInvitation clears away what cannot be used any more, and refuses more
// than a Channel may have.
func (s *Session) roomForInvitation(ctx context.Context, snap *snapshot, c *Channel) error {
	list, err := s.x.store.Invitations(ctx, c.ID)
	if err != nil {
		return s.gone(err)
	}
	left := 0
	for i := range list {
		if s.x.good(snap, &list[i]) {
			left++
			continue
		}
		if err := s.x.removeInvitation(ctx, &list[i]); err != nil {
			return err
		}
	}
	if left >= maxInvitations {
		return taxii.Errorf(taxii.TooMany, "this channel has %d invitations, and may have no more: revoke some", left)
	}
	return nil
}

// removeInvitation is content if somebody else was faster.
func (x *Exchange) removeInvitation(ctx context.Context, v *Invitation) error {
	err := x.store.RemoveInvitation(ctx, v.Channel, v.ID)
	if err != nil && taxii.KindOf(err) == taxii.NotFound {
		return nil
	}
	return err
}

// resource gives an invitation without its token.
func (v *Invitation) resource() taxii.Invitation {
	return taxii.Invitation{ID: v.ID, CanRead: v.Rights.Has(Read), CanWrite: v.Rights.Has(Write), Expires: v.Expires, Uses: v.Uses}
}

// Invitations lists the invitations to a Channel that can still be used, by id,
// never their tokens. It needs the right to manage the Channel.
func (s *Session) Invitations(ctx context.Context, root, name string) (taxii.Invitations, error) {
	snap := s.x.now.Load()
	_, c, err := s.managedChannel(snap, root, name)
	if err != nil {
		return taxii.Invitations{}, err
	}
	list, err := s.x.store.Invitations(ctx, c.ID)
	if err != nil {
		return taxii.Invitations{}, s.gone(err)
	}
	var page taxii.Invitations
	for i := range list {
		if s.x.good(snap, &list[i]) {
			page.Invitations = append(page.Invitations, list[i].resource())
		}
	}
	return page, nil
}

// RevokeInvitation ends an invitation: nobody joins with it any more.
func (s *Session) RevokeInvitation(ctx context.Context, root, name, id string) error {
	snap := s.x.now.Load()
	_, c, err := s.managedChannel(snap, root, name)
	if err != nil {
		return err
	}
	list, err := s.x.store.Invitations(ctx, c.ID)
	if err != nil {
		return s.gone(err)
	}
	i := slices.IndexFunc(list, func(v Invitation) bool { return v.ID == id })
	if i < 0 || !s.x.good(snap, &list[i]) {
		return s.Missing()
	}
	if err := s.x.store.RemoveInvitation(ctx, c.ID, id); err != nil {
		return s.gone(err)
	}
	return s.invited(ctx, eventUninvite, c, &list[i])
}

// endInvitations ends the invitations to Channels whose makers do not manage
// those any more, also if they should manage them again later.
func (x *Exchange) endInvitations(ctx context.Context, channels ...*Channel) error {
	snap := x.now.Load()
	for _, c := range channels {
		list, err := x.store.Invitations(ctx, c.ID)
		if err != nil {
			return err
		}
		for i := range list {
			if x.mayInvite(snap, &list[i]) {
				continue
			}
			if err := x.removeInvitation(ctx, &list[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// Join redeems an invitation to a Channel, which the account needs not see yet: it
// has the rights of the invitation from then on, beside those it had. NotFound is
// the answer to every token that is not good for this Channel, and TooMany to who
// tries too often, whatever the token.
func (s *Session) Join(ctx context.Context, root, name, token string) (taxii.Channel, error) {
	if s.anonymous {
		return taxii.Channel{}, s.Missing()
	}
	if s.scoped() {
		return taxii.Channel{}, taxii.Errorf(taxii.Forbidden, "joining gives rights to the account: that needs a credential without a scope")
	}
	if err := s.x.joins.count(s.account.ID, s.x.opt.Now()); err != nil {
		return taxii.Channel{}, err
	}
	id := ""
	err := s.change(ctx, act{"channel.join", root + "/channel/" + name}, func(snap *snapshot) error {
		if r := snap.roots[root]; r != nil && r.Advertise == "" {
			if c := snap.channel(r.ID, name); c != nil {
				id = c.ID
			}
		}
		// Where there is no such Channel the token is looked up all the same: it must
		// not show in the time that an answer takes.
		_, err := s.x.store.Redeem(ctx, id, hashToken(token), s.account.ID, taxii.TimeOf(s.x.opt.Now()),
			func(v Invitation) bool { return s.x.mayInvite(snap, &v) })
		return err
	})
	if err != nil && taxii.KindOf(err) == taxii.NotFound {
		return taxii.Channel{}, s.Missing()
	}
	if err != nil {
		return taxii.Channel{}, err
	}
	joined, _, err := s.Channel(ctx, root, id)
	return joined, err
}

// The bounds of attempts to join, good or not, in a minute. A token cannot be
// guessed; they keep who tries from using up the writer.
const (
	joinsPerAccount = 10
	joinsPerNode    = 1_000
)

// attempts counts attempts to join. A minute begins with the first attempt after
// the one before it ended.
type attempts struct {
	mu    sync.Mutex
	began time.Time     // guarded by mu, as are these
	all   int           // in this minute
	by    map[int64]int // account: how many of them
}

// count counts one attempt and tells whether it is one too many.
func (a *attempts) count(account int64, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if since := now.Sub(a.began); since >= time.Minute || since < 0 {
		a.began, a.all, a.by = now, 0, map[int64]int{}
	}
	if a.by[account] >= joinsPerAccount || a.all >= joinsPerNode {
		e := taxii.Errorf(taxii.TooMany, "too many attempts to join a channel")
		e.RetryAfter = a.began.Add(time.Minute).Sub(now)
		e.Allowed = &taxii.Allowance{Name: "join", PerMinute: joinsPerAccount, Quota: joinsPerAccount, Window: time.Minute, Resets: e.RetryAfter}
		return e
	}
	a.all++
	a.by[account]++
	return nil
}
