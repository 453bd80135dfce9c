package whole_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/hansom-taxii/hansom/client"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// TestFollowersGoOnAfterPostgreSQLWasAway publishes and follows while PostgreSQL
// ends and is started again, and while it ends all its connections. Meanwhile a
// request is answered as ever, or with a 503; followers, which go on behind their
// last cursor, get every Message once, in one order.
func TestFollowersGoOnAfterPostgreSQLWasAway(t *testing.T) {
	t.Parallel()
	database := trial.PostgresDurable(t)
	s := trial.StartOn(t, database.Database(t), "--empty")
	b := &beset{weathered: weathered{s: s}, channel: s.NewChannel(t, "feed")}
	pid := s.PID()
	ctx, stop := context.WithCancel(t.Context())
	var publishing, following sync.WaitGroup
	for group := range 2 {
		publishing.Go(func() { b.publish(t, group) })
	}
	for _, f := range []*besetFollower{{what: "a stream"}, {what: "another stream"}, {what: "a wait", waits: true}, {what: "another wait", waits: true}} {
		b.followers = append(b.followers, f)
		following.Go(func() { f.follow(t, ctx, b) })
	}
	end := sync.OnceFunc(func() { b.ended.Store(true); publishing.Wait() })
	t.Cleanup(func() { end(); stop(); following.Wait() })
	b.goOn(t, "before all")
	for _, outage := range []struct {
		name string
		away func()
	}{
		{"PostgreSQL ended and was started again", func() { database.Crash(t); b.refused(t); database.Start(t) }},
		{"a process of PostgreSQL was killed", func() { database.KillBackends(t, s.Store) }},
		{"PostgreSQL was started again at once", func() { database.Crash(t); database.Start(t) }},
	} {
		outage.away()
		b.goOn(t, "after "+outage.name)
	}
	end()
	all := b.kept(t)
	for _, f := range b.followers {
		until(t, f.what+" to come to the end", 2*backWithin, func() bool { return f.reached() >= len(all) })
	}
	stop()
	following.Wait()
	b.judge(t, all)
	if s.PID() != pid || b.away.Load() == 0 {
		t.Errorf("the process is %d, it was %d; %d requests met no database", s.PID(), pid, b.away.Load())
	}
	t.Logf("%d messages; %d requests met no database", len(all), b.away.Load())
}

// beset is a Channel whose database comes and goes.
type beset struct {
	weathered
	channel   *trial.Channel
	followers []*besetFollower

	sent [2][]string // ids, by publisher, in order; for each there was a 202
}

// publish publishes small Messages until the end, each again until it is accepted.
func (b *beset) publish(t *testing.T, group int) {
	for n := 0; !b.ended.Load(); n++ {
		id := fmt.Sprintf("%08d-0000-4000-8000-%012d", group, n)
		body := trial.Envelope(identity(group, n, 1))
		for done := false; !done; {
			a, err := b.s.Try(t, "member", http.MethodPost, b.channel.Path+"messages/", body, "Idempotency-Key: "+id)
			if done = b.judged("publish", a, err, http.StatusAccepted); err != nil {
				return
			}
		}
		b.sent[group] = append(b.sent[group], id)
		b.accepted.Add(1)
	}
}

// goOn waits until Messages are accepted again, and everybody has them.
func (b *beset) goOn(t *testing.T, when string) {
	t.Helper()
	enough := b.accepted.Load() + 40
	until(t, "messages to be accepted "+when, backWithin, func() bool { return b.accepted.Load() >= enough })
	for _, f := range b.followers {
		until(t, f.what+" to go on "+when, backWithin, func() bool { return int64(f.reached()) >= enough })
	}
}

// kept reads all that is there in the end.
func (b *beset) kept(t *testing.T) (ids []string) {
	t.Helper()
	for at := taxii.Earliest; ; {
		var page taxii.Messages
		status(t, b.s.Get(t, "member", b.channel.Path+"messages/?limit=1000&after="+at), http.StatusOK).JSON(t, &page)
		for _, m := range page.Messages {
			ids = append(ids, m.ID)
		}
		if at = page.Next; !page.More {
			return ids
		}
	}
}

// judge compares what is there with what was accepted, and with what each follower
// got.
func (b *beset) judge(t *testing.T, all []string) {
	t.Helper()
	for group, sent := range b.sent {
		mine := slices.DeleteFunc(slices.Clone(all), func(id string) bool { return id[:8] != fmt.Sprintf("%08d", group) })
		if !slices.Equal(mine, sent) {
			t.Errorf("publisher %d: %d accepted, %d there, or in another order", group, len(sent), len(mine))
		}
	}
	for _, f := range b.followers {
		if f.err != nil {
			t.Errorf("%s: %v", f.what, f.err)
		}
		if !slices.Equal(f.ids, all) {
			t.Errorf("%s: %d messages of %d, or in another order, or one again", f.what, len(f.ids), len(all))
		}
	}
	for _, err := range b.wrong {
		t.Error(err)
	}
}

// besetFollower is a follower that goes on behind its last cursor after whatever
// ends its request.
type besetFollower struct {
	what  string
	waits bool // for one page after the other; a stream otherwise

	mu  sync.Mutex // guards ids
	ids []string
	err error
}

func (f *besetFollower) reached() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.ids)
}

func (f *besetFollower) follow(t *testing.T, ctx context.Context, b *beset) {
	transport := b.s.HTTP.Transport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	c, err := client.New(b.s.URL+b.s.DefaultRoot, client.Options{
		HTTP: &http.Client{Transport: answered{transport, &b.weathered}}, Account: "member", Password: b.s.Password(t, "member"),
	})
	if err != nil {
		f.err = err
		return
	}
	for m, err := range c.Follow(ctx, b.channel.Name, client.Following{After: taxii.Earliest, Poll: f.waits}) {
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			f.err = err
			return
		}
		f.mu.Lock()
		f.ids = append(f.ids, m.ID)
		f.mu.Unlock()
	}
}

// answered notes answers that should not be.
type answered struct {
	http.RoundTripper
	*weathered
}

func (a answered) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := a.RoundTripper.RoundTrip(r)
	if err == nil {
		a.judged("follow", trial.Answer{Status: response.StatusCode, Header: response.Header}, nil, http.StatusOK)
	}
	return response, err
}
