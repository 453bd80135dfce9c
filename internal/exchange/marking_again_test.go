package exchange_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// stumbling is a store that cannot give entries their levels for a while.
type stumbling struct {
	*store.Store
	stumbles atomic.Bool
}

func (s *stumbling) Relevel(ctx context.Context, f feed.ID, level func(*feed.Entry) (int64, bool)) error {
	if s.stumbles.Load() {
		return errors.New("the disk does not answer")
	}
	return s.Store.Relevel(ctx, f, level)
}

// What had no marking used to stay visible until the next change of a Collection or
// a restart.
func TestAChangeOfWhatIsUnmarkedThatFailsHalfwayIsCarriedThrough(t *testing.T) {
	t.Parallel()
	h := &house{path: filepath.Join(t.TempDir(), "hansom.db")}
	h.start(t)
	t.Cleanup(func() { h.stop(t) })
	disk := &stumbling{Store: h.store}
	x, err := exchange.New(t.Context(), disk, options())
	if err != nil {
		t.Fatal(err)
	}
	h.Exchange, h.op = x, x.Operator()
	h.root(t, "trust", "all")
	reader := h.account(t, "alice")
	grant := exchange.GrantSetting{Account: "alice", On: "trust/collection/all", Rights: []string{"read"}, Ceiling: "green"}
	if err := h.op.SetGrant(t.Context(), grant); err != nil {
		t.Fatal(err)
	}
	must[taxii.Status](t)(h.op.Add(t.Context(), "trust", "all", trial.Envelope(trial.Objects(1, 1)...)))
	seen := func() int {
		return must[*exchange.Page](t)(page(t, reader, exchange.Objects, "trust", "all", taxii.Filter{})).Count
	}
	if seen() != 1 {
		t.Fatal("it is not seen before")
	}
	disk.stumbles.Store(true)
	_, err = h.op.SetCollection(t.Context(), "trust", "all", func(set *exchange.CollectionSetting) error { set.Unmarked = "red"; return nil })
	if err == nil {
		t.Fatal("a change that failed halfway was reported as made")
	}
	disk.stumbles.Store(false)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); h.Housekeep(ctx, func(err error) { t.Error(err) }) }()
	for deadline := time.Now().Add(time.Minute); seen() != 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("after a minute it is still seen")
			break
		}
	}
	stop()
	<-done
}

// It used to widen what the account may do, though the token itself saw nothing of it.
func TestATokenWithAScopeJoinsNoChannel(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "all")
	if _, err := h.op.AddChannel(t.Context(), exchange.ChannelSetting{Root: "trust", Name: "alerts"}); err != nil {
		t.Fatal(err)
	}
	invitation := must[taxii.Invitation](t)(h.op.Invite(t.Context(), "trust", "alerts", exchange.InvitationSetting{}))
	alice := h.account(t, "alice", "read on trust/collection/all")
	text, _ := h.token(t, exchange.TokenSetting{Account: "alice", Name: "reads", Scope: scope("read on trust/collection/all")})
	wantKind(t, "joining", second(h.by(t, text).Join(t.Context(), "trust", "alerts", invitation.Token)), taxii.Forbidden)
	wantKind(t, "the channel", second2(alice.Channel(t.Context(), "trust", "alerts")), taxii.NotFound)
	must[taxii.Channel](t)(alice.Join(t.Context(), "trust", "alerts", invitation.Token))
}
