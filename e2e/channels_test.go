package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// feed is a Channel of the demo's API Root.
const feed = "/trust/channels/feed/"

// publisher remembers what it published.
type publisher struct {
	*trial.Channel
	names []string // of what is in the Messages
}

// serve starts a server with a Channel, which clients find again after a restart.
func serve(t *testing.T, more ...string) *publisher {
	t.Helper()
	trial.Asked(t, trial.ClientsVariable)
	s := trial.Start(t, append([]string{"--empty", "--listen", trial.Address(t)}, more...)...)
	return &publisher{Channel: s.NewChannel(t, "feed", `"title":"A feed"`)}
}

// publish publishes n Messages, one at a time.
func (p *publisher) publish(t *testing.T, n int) {
	t.Helper()
	for range n {
		name := fmt.Sprintf("Number %d — „✓“", len(p.names)+1)
		p.Publish(t, fmt.Appendf(nil, `{"objects":[{"type":"identity","spec_version":"2.1","id":"identity--%012d","name":%q}]}`, len(p.names), name))
		p.names = append(p.names, name)
	}
}

// acrossRestarts publishes while the server is stopped once and killed once, and
// fails the test unless the page has every Message once, in order, under the id
// by which it goes on.
func (p *publisher) acrossRestarts(t *testing.T, page context.Context) followed {
	t.Helper()
	for n, end := range []func(testing.TB){p.Stop, p.Kill} {
		p.publish(t, 5)
		until(t, page, "the stream to open", func(f followed) bool { return f.Opened == n+1 || f.Closed })
		p.publish(t, 5) // it ends while these are under way
		end(t)
		p.Run(t)
		p.publish(t, 5)
	}
	got := until(t, page, "all messages", func(f followed) bool { return len(f.Messages) >= len(p.Sent) || f.Closed })
	p.once(t, got)
	if got.Opened != 3 || got.Errors < 2 {
		t.Errorf("it was opened %d times, with %d errors", got.Opened, got.Errors)
	}
	return got
}

// once compares what the page has with what was published.
func (p *publisher) once(t *testing.T, got followed) {
	t.Helper()
	for i, m := range got.Messages {
		if i == len(p.Sent) {
			t.Fatalf("there is one too many: %+v", m)
		}
		want := p.Sent[i]
		if m.ID != want.ID || m.Name != p.names[i] || m.Last != want.Cursor || m.Cursor != want.Cursor {
			t.Fatalf("message %d is %+v, want %+v", i, m, want)
		}
	}
	if len(got.Messages) != len(p.Sent) || len(got.Gaps) > 0 || got.Closed {
		t.Fatalf("%d messages of %d, gaps %q, closed %v, ends %q", len(got.Messages), len(p.Sent), got.Gaps, got.Closed, got.Ends)
	}
}

func TestAPageFollowsAChannelThatEveryoneMayReadAcrossRestarts(t *testing.T) {
	t.Parallel()
	p := serve(t)
	page := browser(t, p)
	p.Grant(t, "anonymous", "read")
	p.publish(t, 3)
	open(t, page, p.URL+feed)
	follow(t, page, "messages/?after=earliest")
	got := p.acrossRestarts(t, page)
	if len(got.Ends) != 1 || !strings.Contains(got.Ends[0], `"http_status":"503"`) {
		t.Errorf("a server that stops tells the page %q", got.Ends)
	}
	text := shown(t, page)
	for i, m := range p.Sent {
		if !strings.Contains(text, p.names[i]) || !strings.Contains(text, m.Cursor) {
			t.Errorf("%+v is not shown in %s", m, text)
		}
	}
	picture(t, page)
}

func TestAPageFollowsWithThePasswordThatTheBrowserKnowsAcrossRestarts(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"by cursor":         "messages/?after=earliest",
		"in the draft form": "?match[type]=identity",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := serve(t)
			page := browser(t, p)
			times := asked(t, page, "member", p.Password(t, "member"), func() { open(t, page, p.URL+feed) })
			if times != 1 {
				t.Errorf("the browser asked %d times for a password", times)
			}
			follow(t, page, url)
			until(t, page, "the stream to open", func(f followed) bool { return f.Opened == 1 || f.Closed })
			p.acrossRestarts(t, page)
		})
	}
}

func TestAPageGetsNothingThatItMayNotHave(t *testing.T) {
	t.Parallel()
	p := serve(t)
	stranger, friend := serve(t), serve(t, trial.Settings(t, fmt.Sprintf("allow_origins: [%q]", p.URL))...)
	page := browser(t, p, stranger, friend)
	for _, s := range []*publisher{p, stranger, friend} {
		s.Grant(t, "anonymous", "read")
		s.publish(t, 1)
	}
	const all = "messages/?after=earliest"
	for _, c := range []struct {
		what, url     string
		opens         bool
		withQuestions int // for a password
	}{
		{"a channel that everyone may read", p.URL + feed + all, true, 0},
		{"one that anonymous may not read", p.URL + "/trust/channels/alerts/" + all, false, 1},
		{"a cursor that is none", p.URL + feed + "messages/?after=nothing", false, 0},
		{"a server that does not know the page's origin", stranger.URL + feed + all, false, 0},
		{"one that does", friend.URL + feed + all, true, 0},
	} {
		open(t, page, p.URL+feed)
		times := asked(t, page, "", "", func() {
			follow(t, page, c.url)
			got := until(t, page, c.what, func(f followed) bool { return f.Closed || len(f.Messages) > 0 })
			if got.Closed == c.opens || c.opens != (len(got.Messages) == 1) {
				t.Errorf("%s: %+v", c.what, got)
			}
		})
		if times != c.withQuestions {
			t.Errorf("%s: the browser asked %d times for a password", c.what, times)
		}
	}
}
