package trial

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/taxii"
)

// Channel is a Channel that a test made, and what was published there one after
// the other.
type Channel struct {
	*Server
	Name string
	Path string // with a final slash, such as /trust/channels/feed/
	Sent []Published
}

// Published is a Message for which a 202 came.
type Published struct {
	ID, Cursor string
	Content    []byte
}

// NewChannel makes a Channel in the demo's API Root in the name of the member,
// who may then do everything there. more are further properties, such as
// `"ttl":60`.
func (s *Server) NewChannel(t testing.TB, name string, more ...string) *Channel {
	t.Helper()
	body := "{" + strings.Join(append([]string{fmt.Sprintf(`"name":%q`, name)}, more...), ",") + "}"
	if a := s.Request(t, "member", http.MethodPost, s.DefaultRoot+"channels/", []byte(body)); a.Status != http.StatusCreated {
		t.Fatalf("make the channel %s: %d %.300s", name, a.Status, a.Body)
	}
	return &Channel{Server: s, Name: name, Path: s.DefaultRoot + "channels/" + name + "/"}
}

// Grant gives an account a right on the Channel.
func (c *Channel) Grant(t testing.TB, account, right string) {
	t.Helper()
	on := strings.Trim(c.DefaultRoot, "/") + "/channel/" + c.Name
	cmd := exec.CommandContext(t.Context(), Binary(t), "grant", "add", account, right, "--on", on, "--data", c.Dir)
	cmd.Env = Environ()
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("grant %s %s on %s: %v\n%s", account, right, on, err, text)
	}
}

// Publish publishes a body as one Message, of which it ends the test unless it is
// accepted.
func (c *Channel) Publish(t testing.TB, body []byte) Published {
	t.Helper()
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d", len(c.Sent)+1)
	m, err := c.TryPublish(t, id, body)
	if err != nil {
		t.Fatal(err)
	}
	c.Sent = append(c.Sent, m)
	return m
}

// TryPublish is Publish under an id of the caller's, for servers that may go
// away. It notes nothing.
func (c *Channel) TryPublish(t testing.TB, id string, body []byte) (Published, error) {
	t.Helper()
	a, err := c.Try(t, "member", http.MethodPost, c.Path+"messages/", body, "Idempotency-Key: "+id)
	if err != nil {
		return Published{}, err
	}
	if err := Stored(a); err != nil {
		return Published{}, err
	}
	var status taxii.Status
	a.JSON(t, &status)
	return Published{id, status.Successes[0].Cursor, body}, nil
}
