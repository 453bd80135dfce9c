package exchange_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// ways sets the ways to sign in that an API Root takes.
func (h *house) ways(t *testing.T, root string, ways ...string) {
	t.Helper()
	_, err := h.op.SetRoot(t.Context(), root, func(r *exchange.RootSetting) error { r.SignIn = ways; return nil })
	if err != nil {
		t.Fatal(err)
	}
}

// byJWT signs an account in by the word of an outside issuer.
func (h *house) byJWT(t *testing.T, name string, groups ...string) *exchange.Session {
	t.Helper()
	s, err := h.OpenOutside(name, groups, taxii.TimeOf(time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAnAPIRootTakesTheWaysToSignInThatItNames(t *testing.T) {
	trial.Covers(t, "R030")
	h := build(t)
	ctx := t.Context()
	h.root(t, "trust", "open")
	h.root(t, "lab", "drafts")
	h.channel(t, "trust", "alerts")
	password := h.account(t, "alice", "all on trust", "read on lab")
	jwt, stranger := h.byJWT(t, "alice"), h.account(t, "bob", "read on lab")
	h.grant(t, exchange.AnonymousName, "lab", "read")
	stream, err := password.Follow(ctx, "trust", "alerts", exchange.Reading{Stream: true})
	if err != nil {
		t.Fatal(err)
	}
	h.ways(t, "trust", "certificate", "jwt")
	asks := func(s *exchange.Session) map[string]error {
		return map[string]error{
			"root":        second(s.Root(ctx, "trust")),
			"collections": second(s.Collections(ctx, "trust")),
			"objects":     second(page(t, s, exchange.Objects, "trust", "open", taxii.Filter{})),
			"add":         second(s.Add(ctx, "trust", "open", trial.Envelope(trial.Objects(5, 1)...))),
			"status":      second(s.Status(ctx, "trust", taxii.NewID())),
			"channel":     channelErr(s.Channel(ctx, "trust", "alerts")),
			"follow":      second(s.Follow(ctx, "trust", "alerts", exchange.Reading{})),
			"subscribe":   subscribeErr(s.Subscribe(ctx, "trust", "alerts", taxii.NewSubscription{})),
			"grants":      second2(s.ChannelGrants(ctx, "trust", "alerts")),
		}
	}
	for what, err := range asks(password) {
		wantKind(t, "by password, "+what, err, taxii.Unauthenticated)
		var e *taxii.Error
		if !errors.As(err, &e) || e.Description != "It takes jwt, certificate." {
			t.Errorf("%s: %+v does not say which ways are taken", what, e)
		}
	}
	wantKind(t, "a stream of before", stream.Check(), taxii.Unauthenticated)
	for what, err := range asks(stranger) {
		wantKind(t, "who has no rights there, "+what, err, taxii.NotFound)
	}
	for what, err := range asks(jwt) {
		if what != "status" && err != nil {
			t.Errorf("by a JWT, %s: %v", what, err)
		}
	}
	roots := func(s *exchange.Session) []string { d, _ := s.Discovery(ctx); return d.APIRoots }
	trust, lab := "https://taxii.example.com/trust/", "https://taxii.example.com/lab/"
	if got := roots(password); !slices.Equal(got, []string{lab}) {
		t.Errorf("discovery lists %q, with one of the wrong way", got)
	}
	if got := roots(jwt); !slices.Equal(got, []string{lab, trust}) {
		t.Errorf("discovery lists %q", got)
	}
	// What is granted to everyone is read without signing in where that is named.
	h.ways(t, "lab", "token")
	wantKind(t, "nobody, where ways are named", second(h.Anonymous().Root(ctx, "lab")), taxii.Unauthenticated)
	h.ways(t, "lab", "anonymous", "token")
	if _, err := h.Anonymous().Root(ctx, "lab"); err != nil {
		t.Errorf("nobody, where anonymous is named: %v", err)
	}
	wantKind(t, "a password beside anonymous", second(password.Root(ctx, "lab")), taxii.Unauthenticated)
	h.ways(t, "lab")
	if _, err := password.Root(ctx, "lab"); err != nil {
		t.Errorf("where all are taken again: %v", err)
	}
}

func second2[A, B any](_ A, _ B, err error) error { return err }

func TestACertificateBesideAPasswordIsTakenWhereEitherIs(t *testing.T) {
	trial.Covers(t, "R030")
	h := build(t)
	h.root(t, "trust", "open")
	password := h.account(t, "alice", "read on trust")
	if _, err := h.op.AddCertificate(t.Context(), exchange.CertificateSetting{Account: "alice", Name: "dns:alice.example.com"}); err != nil {
		t.Fatal(err)
	}
	certificate, err := h.OpenCertificate([]string{"dns:alice.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	both, err := password.Beside(certificate)
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range []string{"password", "certificate", "token"} {
		h.ways(t, "trust", way)
		for name, s := range map[string]*exchange.Session{"password": password, "certificate": certificate, "both": both} {
			_, err := s.Collection(t.Context(), "trust", "open")
			if taken := name == way || name == "both" && way != "token"; taken != (err == nil) {
				t.Errorf("%s where %s is taken: %v", name, way, err)
			}
		}
	}
}

func TestWhoManagesTheServerIsNotShutOutOfItsSettings(t *testing.T) {
	h := build(t)
	ctx := t.Context()
	h.root(t, "trust", "open")
	h.made(t, "trust", "alerts")
	admin, keeper := h.account(t, "admin", "all on server"), h.account(t, "keeper", "all on trust")
	h.ways(t, "trust", "certificate")
	wantKind(t, "to read there", second(page(t, admin, exchange.Objects, "trust", "open", taxii.Filter{})), taxii.Unauthenticated)
	wantKind(t, "to look into it", second(page(t, admin, exchange.Export, "trust", "open", taxii.Filter{})), taxii.Unauthenticated)
	state, err := admin.State(ctx)
	if err != nil || len(state.Roots) != 1 || len(state.Collections) != 1 || len(state.Channels) != 1 || len(state.Grants) != 2 {
		t.Errorf("the state is %+v, %v", state, err)
	}
	wantSteps(t, "the state where it is", second1(admin.Plan(ctx, state, true)))
	if list, err := keeper.Grants(ctx); err == nil {
		t.Errorf("who manages the root alone is shown %+v", list)
	}
	if _, err := admin.SetRoot(ctx, "trust", func(r *exchange.RootSetting) error { r.SignIn = nil; return nil }); err != nil {
		t.Fatal(err)
	}
	if list, err := keeper.Grants(ctx); err != nil || len(list) != 1 {
		t.Errorf("the keeper is shown %+v, %v", list, err)
	}
}

// second1 drops the error of what is then compared.
func second1[T any](v T, _ error) T { return v }

func TestWaysToSignInThatMeanNothingAreRefused(t *testing.T) {
	h := build(t)
	add := func(set exchange.RootSetting) error { return second(h.op.AddRoot(t.Context(), set)) }
	wantKind(t, "an unknown way", add(exchange.RootSetting{Name: "r", SignIn: []string{"cookie"}}), taxii.Unprocessable)
	wantKind(t, "of a root elsewhere", add(exchange.RootSetting{Name: "r", Advertise: "https://other.example.com/a/", SignIn: []string{"token"}}), taxii.Unprocessable)
	h.root(t, "r")
	h.ways(t, "r", "certificate", "password", "password")
	if set, err := h.op.RootSetting(t.Context(), "r"); err != nil || !slices.Equal(set.SignIn, []string{"password", "certificate"}) {
		t.Errorf("kept %q, %v", set.SignIn, err)
	}
}

func TestWhatOutlivesASignInNeedsMoreThanTheWordOfAnIssuer(t *testing.T) {
	h := build(t)
	ctx := t.Context()
	h.root(t, "trust", "open")
	h.channel(t, "trust", "alerts")
	h.account(t, "alice")
	h.group(t, "outside", nil, "read,manage on trust")
	s := h.byJWT(t, "alice", "outside")
	if _, err := page(t, s, exchange.Objects, "trust", "open", taxii.Filter{}); err != nil {
		t.Errorf("reading: %v", err)
	}
	if _, err := s.Follow(ctx, "trust", "alerts", exchange.Reading{}); err != nil {
		t.Errorf("following: %v", err)
	}
	wantKind(t, "a subscription", subscribeErr(s.Subscribe(ctx, "trust", "alerts", taxii.NewSubscription{})), taxii.Forbidden)
	wantKind(t, "an invitation", second(s.Invite(ctx, "trust", "alerts", exchange.InvitationSetting{})), taxii.Forbidden)
	h.members(t, "outside", "alice")
	subscribe(t, s, taxii.NewSubscription{})
	wantAllHidden(t, h.byJWT(t, "alice", "nothing", "of-this-name"), "trust", "nowhere")
}
