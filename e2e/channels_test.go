package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// feed is a Channel of the demo's API Root, published to by the member.
const feed = "/trust/channels/feed/"

// publisher remembers what it published.
type publisher struct {
	*trial.Server
	list []published
}

type published struct{ id, cursor, name string }

// serve starts a server with a Channel, which clients find again after a restart.
func serve(t *testing.T, more ...string) *publisher {
	t.Helper()
	s := trial.Start(t, append([]string{"--empty", "--listen", trial.Address(t)}, more...)...)
	body := []byte(`{"name":"feed","title":"A feed"}`)
	if a := s.Request(t, "member", http.MethodPost, "/trust/channels/", body); a.Status != http.StatusCreated {
		t.Fatalf("the channel: %d %s", a.Status, a.Body)
	}
	return &publisher{Server: s}
}

// publish publishes n Messages, one at a time.
func (p *publisher) publish(t *testing.T, n int) {
	t.Helper()
	for range n {
		number := len(p.list) + 1
		m := published{id: fmt.Sprintf("00000000-0000-4000-8000-%012d", number), name: fmt.Sprintf("Number %d — „✓“", number)}
		body := fmt.Appendf(nil, `{"objects":[{"type":"identity","spec_version":"2.1","id":"identity--%s","name":%q}]}`, m.id, m.name)
		a := p.Request(t, "member", http.MethodPost, feed+"messages/", body, "Idempotency-Key: "+m.id)
		var status taxii.Status
		if a.JSON(t, &status); a.Status != http.StatusAccepted || len(status.Successes) != 1 {
			t.Fatalf("publish: %d %s", a.Status, a.Body)
		}
		m.cursor = status.Successes[0].Cursor
		p.list = append(p.list, m)
	}
}

// grant gives a right on the Channel.
func (p *publisher) grant(t *testing.T, account, right string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), trial.Binary(t), "grant", "add", account, right, "--on", "trust/channel/feed", "--data", p.Dir)
	cmd.Env = trial.Environ()
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the grant: %v\n%s", err, text)
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
	got := until(t, page, "all messages", func(f followed) bool { return len(f.Messages) >= len(p.list) || f.Closed })
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
		want := published{}
		if i < len(p.list) {
			want = p.list[i]
		}
		if m.ID != want.id || m.Name != want.name || m.Last != want.cursor || m.Cursor != want.cursor {
			t.Fatalf("message %d is %+v, want %+v", i, m, want)
		}
	}
	if len(got.Messages) != len(p.list) || len(got.Gaps) > 0 || got.Closed {
		t.Fatalf("%d messages of %d, gaps %q, closed %v, ends %q", len(got.Messages), len(p.list), got.Gaps, got.Closed, got.Ends)
	}
}

func TestAPageFollowsAChannelThatEveryoneMayReadAcrossRestarts(t *testing.T) {
	t.Parallel()
	p := serve(t)
	page := browser(t, p.Server)
	p.grant(t, "anonymous", "read")
	p.publish(t, 3)
	if status := open(t, page, p.URL+feed); status != http.StatusOK {
		t.Fatalf("the channel is answered with a %d", status)
	}
	follow(t, page, "messages/?after=earliest")
	got := p.acrossRestarts(t, page)
	if len(got.Ends) != 1 || !strings.Contains(got.Ends[0], `"http_status":"503"`) {
		t.Errorf("a server that stops tells the page %q", got.Ends)
	}
	text := shown(t, page)
	for _, m := range p.list {
		if !strings.Contains(text, m.name) || !strings.Contains(text, m.cursor) {
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
			page := browser(t, p.Server)
			signedIn(t, page, "member", p.Password(t, "member"), func() {
				if status := open(t, page, p.URL+feed); status != http.StatusOK {
					t.Fatalf("the channel is answered with a %d", status)
				}
			})
			follow(t, page, url)
			until(t, page, "the stream to open", func(f followed) bool { return f.Opened == 1 || f.Closed })
			p.acrossRestarts(t, page)
		})
	}
}

func TestAPageIsRefusedWhatTheBrowserHasNoRightTo(t *testing.T) {
	t.Parallel()
	p := serve(t)
	other := serve(t)
	page := browser(t, p.Server)
	p.publish(t, 1)
	p.grant(t, "anonymous", "read")
	other.grant(t, "anonymous", "read")
	for what, url := range map[string]string{
		"a channel that anonymous may not read": p.URL + "/trust/channels/alerts/messages/?after=earliest",
		"a cursor that is none":                 p.URL + feed + "messages/?after=nothing",
		"a server of another origin":            other.URL + feed + "messages/?after=earliest",
	} {
		if status := open(t, page, p.URL+feed); status != http.StatusOK {
			t.Fatalf("the channel is answered with a %d", status)
		}
		follow(t, page, url)
		if got := until(t, page, what, func(f followed) bool { return f.Closed }); got.Opened != 0 || len(got.Messages) != 0 {
			t.Errorf("%s: %+v", what, got)
		}
	}
}
