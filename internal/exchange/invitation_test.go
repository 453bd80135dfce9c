package exchange_test

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// clock is a time that a test moves.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time           { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(by time.Duration) { c.at.Add(int64(by)) }

func of[T any](v T) *T { return &v }

// party is a house with a Channel, alice who manages it, and a clock.
func party(t *testing.T) (h *house, clock *clock, open func(name string) *exchange.Session) {
	t.Helper()
	h, clock = build(t), newClock()
	h.root(t, "trust")
	h.made(t, "trust", "alerts")
	h.account(t, "alice", "manage on trust/channel/alerts")
	for _, name := range []string{"bob", "carol", "dave"} {
		h.account(t, name)
	}
	x, open := h.another(t, func(o *exchange.Options) { o.Now = clock.now })
	h.Exchange, h.op = x, x.Operator()
	return h, clock, open
}

func invite(t *testing.T, s *exchange.Session, set exchange.InvitationSetting) taxii.Invitation {
	t.Helper()
	v, err := s.Invite(t.Context(), "trust", "alerts", set)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAnInvitationIsForOneToReadForAWeekUnlessItSaysMore(t *testing.T) {
	h, clock, open := party(t)
	alice, bob := open("alice"), open("bob")
	v := invite(t, alice, exchange.InvitationSetting{})
	if !taxii.IsID(v.ID) || !v.CanRead || v.CanWrite || v.Uses != 1 || v.Expires.Time().Sub(clock.now()) != 7*24*time.Hour {
		t.Errorf("made %+v", v)
	}
	random, known := strings.CutPrefix(v.Token, "hansom-invite-")
	if !known || len(random) != 43 { // 256 bits in base64url
		t.Errorf("its token is %q", v.Token)
	}
	list, err := alice.Invitations(t.Context(), "trust", "alerts")
	if err != nil || len(list.Invitations) != 1 || list.Invitations[0].ID != v.ID || list.Invitations[0].Token != "" {
		t.Errorf("listed %+v, %v, want it without its token", list, err)
	}
	wantKind(t, "before it", channelErr(bob.Channel(t.Context(), "trust", "alerts")), taxii.NotFound)
	c, err := bob.Join(t.Context(), "trust", "alerts", v.Token)
	if err != nil || c.Name != "alerts" || !c.CanRead || c.CanWrite || c.CanManage {
		t.Errorf("joined %+v, %v", c, err)
	}
	if !seen(t, h.op, "trust", "alerts").Grants[1].CanRead {
		t.Error("the grant is not there")
	}
	wantKind(t, "a second use", second(open("carol").Join(t.Context(), "trust", "alerts", v.Token)), taxii.NotFound)
	if list, err := alice.Invitations(t.Context(), "trust", "alerts"); err != nil || len(list.Invitations) != 0 {
		t.Errorf("used up it is listed: %+v, %v", list, err)
	}
	h.stop(t)
	files, err := os.ReadFile(h.path)
	if err != nil || bytes.Contains(files, []byte(random)) {
		t.Errorf("the store holds the token: %v", err)
	}
	h.start(t)
}

func TestAnInvitationAddsToWhatAnAccountMayAndNeverManages(t *testing.T) {
	h, _, open := party(t)
	h.grant(t, "bob", "trust/channel/alerts", "write", "push")
	v := invite(t, open("alice"), exchange.InvitationSetting{CanRead: of(true), CanWrite: of(false), Uses: of(2)})
	for range 2 {
		if c, err := open("bob").Join(t.Context(), "trust", "alerts", v.Token); err != nil || !c.CanRead || !c.CanWrite || c.CanManage {
			t.Errorf("joined %+v, %v", c, err)
		}
	}
	wantKind(t, "a third use", second(open("carol").Join(t.Context(), "trust", "alerts", v.Token)), taxii.NotFound)
	only := invite(t, h.op, exchange.InvitationSetting{CanRead: of(false), CanWrite: of(true)})
	if c, err := open("dave").Join(t.Context(), "trust", "alerts", only.Token); err != nil || c.CanRead || !c.CanWrite || c.Latest != "" {
		t.Errorf("to write alone: joined %+v, %v", c, err)
	}
	grants, _ := h.op.Grants(t.Context())
	for _, g := range grants {
		if g.Account == "bob" && strings.Join(g.Rights, ",") != "read,write,push" {
			t.Errorf("bob has %q", g.Rights)
		}
	}
}

func TestInvitationsAreBounded(t *testing.T) {
	_, clock, open := party(t)
	alice := open("alice")
	in := func(d time.Duration) *taxii.Time { return of(taxii.TimeOf(clock.now().Add(d))) }
	for what, set := range map[string]exchange.InvitationSetting{
		"no use": {Uses: of(0)}, "101 uses": {Uses: of(101)}, "no right": {CanRead: of(false)}, "neither": {CanRead: of(false), CanWrite: of(false)},
		"now": {Expires: in(0)}, "yesterday": {Expires: in(-24 * time.Hour)}, "more than 90 days": {Expires: in(90*24*time.Hour + time.Second)},
	} {
		_, err := alice.Invite(t.Context(), "trust", "alerts", set)
		wantKind(t, what, err, taxii.Unprocessable)
	}
	if v := invite(t, alice, exchange.InvitationSetting{Uses: of(100), Expires: in(90 * 24 * time.Hour)}); v.Uses != 100 || v.Expires != *in(90 * 24 * time.Hour) {
		t.Errorf("made %+v", v)
	}
}

func TestATokenThatIsNotGoodIsAnsweredAsWhatIsNotThere(t *testing.T) {
	h, clock, open := party(t)
	h.made(t, "trust", "other")
	alice, bob, ctx := open("alice"), open("bob"), t.Context()
	good := invite(t, alice, exchange.InvitationSetting{Uses: of(100)})
	revoked := invite(t, alice, exchange.InvitationSetting{})
	if err := alice.RevokeInvitation(ctx, "trust", "alerts", revoked.ID); err != nil {
		t.Fatal(err)
	}
	short := invite(t, alice, exchange.InvitationSetting{Expires: of(taxii.TimeOf(clock.now().Add(time.Hour)))})
	clock.advance(time.Hour)
	absent := second(bob.Join(ctx, "nowhere", "alerts", good.Token))
	for what, err := range map[string]error{
		"no token": second(bob.Join(ctx, "trust", "alerts", "")), "another": second(bob.Join(ctx, "trust", "alerts", good.Token+"x")),
		"of another channel": second(bob.Join(ctx, "trust", "other", good.Token)), "of no channel": second(bob.Join(ctx, "trust", "nothing", good.Token)),
		"revoked": second(bob.Join(ctx, "trust", "alerts", revoked.Token)), "too late": second(bob.Join(ctx, "trust", "alerts", short.Token)),
	} {
		wantKind(t, what, err, taxii.NotFound)
		if err != nil && err.Error() != absent.Error() {
			t.Errorf("%s: %v, where nothing is %v", what, err, absent)
		}
	}
	wantKind(t, "without credentials", second(h.Anonymous().Join(ctx, "trust", "alerts", good.Token)), taxii.Unauthenticated)
	wantKind(t, "revoked twice", alice.RevokeInvitation(ctx, "trust", "alerts", revoked.ID), taxii.NotFound)
	wantKind(t, "revoked too late", alice.RevokeInvitation(ctx, "trust", "alerts", short.ID), taxii.NotFound)
	clock.advance(time.Minute)
	if _, err := bob.Join(ctx, "trust", "alerts", good.Token); err != nil {
		t.Errorf("one that is good: %v", err)
	}
	if err := h.op.RemoveChannel(ctx, "trust", "alerts", nil); err != nil {
		t.Fatal(err)
	}
	h.made(t, "trust", "alerts")
	wantKind(t, "of a channel before this one", second(bob.Join(ctx, "trust", "alerts", good.Token)), taxii.NotFound)
}

func TestAnInvitationDiesWhenItsMakerLosesManage(t *testing.T) {
	lose := map[string]func(t *testing.T, h *house) error{
		"the grant is changed": func(t *testing.T, h *house) error {
			return h.op.SetGrant(t.Context(), exchange.GrantSetting{Account: "alice", On: "trust/channel/alerts", Rights: []string{"read"}})
		},
		"the grant is ended": func(t *testing.T, h *house) error {
			return h.op.RemoveGrant(t.Context(), "alice", "trust/channel/alerts")
		},
		"the list is replaced": func(t *testing.T, h *house) error {
			return second(h.op.SetChannelGrants(t.Context(), "trust", "alerts", nil, taxii.ChannelGrants{}))
		},
		"the account is removed": func(t *testing.T, h *house) error { return h.op.RemoveAccount(t.Context(), "alice") },
	}
	for what, do := range lose {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h, _, open := party(t)
			v := invite(t, open("alice"), exchange.InvitationSetting{Uses: of(10)})
			if _, err := open("bob").Join(t.Context(), "trust", "alerts", v.Token); err != nil {
				t.Fatal(err)
			}
			if err := do(t, h); err != nil {
				t.Fatal(err)
			}
			if what != "the account is removed" {
				h.grant(t, "alice", "trust/channel/alerts", "manage") // again, which does not wake it
			}
			wantKind(t, "a dead one", second(open("carol").Join(t.Context(), "trust", "alerts", v.Token)), taxii.NotFound)
			if list, err := h.op.Invitations(t.Context(), "trust", "alerts"); err != nil || len(list.Invitations) != 0 {
				t.Errorf("it is listed: %+v, %v", list, err)
			}
		})
	}
}

func TestAnInvitationOfWhoManagesTheRootLivesOnAndDiesWithThat(t *testing.T) {
	h, _, open := party(t)
	h.grant(t, "carol", "trust", "manage")
	h.grant(t, "carol", "trust/channel/alerts", "manage")
	v := invite(t, open("carol"), exchange.InvitationSetting{Uses: of(10)})
	if err := h.op.RemoveGrant(t.Context(), "carol", "trust/channel/alerts"); err != nil {
		t.Fatal(err)
	}
	if _, err := open("bob").Join(t.Context(), "trust", "alerts", v.Token); err != nil {
		t.Errorf("its maker still manages the root: %v", err)
	}
	if err := h.op.RemoveGrant(t.Context(), "carol", "trust"); err != nil {
		t.Fatal(err)
	}
	h.grant(t, "carol", "server", "manage")
	wantKind(t, "a dead one", second(open("dave").Join(t.Context(), "trust", "alerts", v.Token)), taxii.NotFound)
}

func TestAttemptsToJoinAreCountedWhateverTheToken(t *testing.T) {
	_, clock, open := party(t)
	v := invite(t, open("alice"), exchange.InvitationSetting{Uses: of(100)})
	bob, ctx := open("bob"), t.Context()
	for i := range 10 {
		token := v.Token
		if i%2 == 0 {
			token = "none"
		}
		if err := second(bob.Join(ctx, "trust", "alerts", token)); taxii.KindOf(err) == taxii.TooMany {
			t.Fatalf("attempt %d: %v", i+1, err)
		}
	}
	clock.advance(20 * time.Second)
	for _, name := range []string{"alerts", "nothing"} {
		err := second(bob.Join(ctx, "trust", name, v.Token))
		wantKind(t, "one more", err, taxii.TooMany)
		var e *taxii.Error
		if !errors.As(err, &e) || e.RetryAfter != 40*time.Second {
			t.Errorf("told to come back after %v", e.RetryAfter)
		}
	}
	if _, err := open("carol").Join(ctx, "trust", "alerts", v.Token); err != nil {
		t.Errorf("another account: %v", err)
	}
	clock.advance(40 * time.Second)
	if _, err := bob.Join(ctx, "trust", "alerts", v.Token); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}
