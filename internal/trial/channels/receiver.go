package channels

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hansom-taxii/hansom/taxii"
)

// receiver is what Messages are pushed to: one path of an HTTPS server for each
// Subscription.
type receiver struct {
	*httptest.Server
	followers map[string]*Follower // by path; not changed while it serves
	absent    *atomic.Bool         // set while one of them is away
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{followers: map[string]*Follower{}}
	for _, f := range []*Follower{{Name: "push 1", Kind: ByPush}, {Name: "push 2", Kind: ByPush}} {
		r.followers["/"+strings.ReplaceAll(f.Name, " ", "-")] = f
	}
	r.Server = httptest.NewUnstartedServer(r)
	r.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // calls end when their server is killed
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

// settings lets a server call it.
func (r *receiver) settings(t testing.TB) (lines []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "receiver.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"push: true", "outbound_ca: " + file, `outbound_allow: ["` + r.Listener.Addr().String() + `"]`}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	f := r.followers[q.URL.Path]
	body, err := io.ReadAll(q.Body)
	if f == nil || err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if f.Name == "push 2" && r.absent != nil && r.absent.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var sent struct {
		Challenge string
		taxii.Messages
	}
	if err := json.Unmarshal(body, &sent); err != nil {
		f.note(Entry{What: Denied, Why: err.Error()})
	}
	if sent.Challenge != "" {
		_, _ = w.Write(body)
		return
	}
	f.take(sent.Messages)
}

// subscribe makes the Subscriptions whose Messages are pushed.
func (r *receiver) subscribe(t testing.TB, c *client) {
	t.Helper()
	for path, f := range r.followers {
		var s taxii.Subscription
		want := taxii.NewSubscription{Name: f.Name, Start: taxii.Earliest, Push: &taxii.Push{URL: r.URL + path}}
		status, problem, err := c.ask(http.MethodPost, "subscriptions/", want, &s)
		if err != nil || status != http.StatusCreated {
			t.Fatalf("a Subscription with a push: %d, %v, %v", status, problem, err)
		}
	}
}
