package node_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/node"
	"github.com/hansom-taxii/hansom/taxii"
)

// hooked serves a node that may push to one receiver, and has alice have the right.
func hooked(t *testing.T, r *httptest.Server, offered bool) *served {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, func(c *node.Config) {
		c.Push, c.OutboundAllow, c.OutboundCA = offered, []string{r.Listener.Addr().String()}, ca
	})
	control, end, err := node.Control(t.Context(), s.conf)
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if err := control.SetGrant(t.Context(), exchange.GrantSetting{Account: "alice", On: "trust/channel/alerts", Rights: []string{"read", "write", "push"}}); err != nil {
		t.Fatal(err)
	}
	return s
}

const subscriptions = "/trust/channels/alerts/subscriptions/"

func TestMessagesArePushedByARunningServer(t *testing.T) {
	t.Parallel()
	came := make(chan string, 16)
	r := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		came <- q.Header.Get("User-Agent") + " " + string(body)
		_, _ = w.Write(body) // repeats the challenge, and takes all else
	}))
	t.Cleanup(r.Close)
	s := hooked(t, r, true)
	made, text := s.do(t, s.request(t, "POST", subscriptions, fmt.Sprintf(`{"push":{"url":%q}}`, r.URL+"/hook")))
	var sub taxii.Subscription
	if err := json.Unmarshal([]byte(text), &sub); err != nil || made.StatusCode != http.StatusCreated || sub.Push == nil || !strings.HasPrefix(sub.Push.Secret, "whsec_") {
		t.Fatalf("%s %s", made.Status, text)
	}
	next := func() string {
		t.Helper()
		select {
		case text := <-came:
			return text
		case <-time.After(30 * time.Second):
			t.Fatal("nothing came")
			return ""
		}
	}
	if got := next(); !strings.HasPrefix(got, `hansom {"challenge":`) {
		t.Errorf("first came %s", got)
	}
	if answer, text := s.do(t, s.request(t, "POST", "/trust/channels/alerts/messages/", `{"objects":[{"type":"indicator","id":"indicator--1"}]}`)); answer.StatusCode != http.StatusAccepted {
		t.Fatalf("%s %s", answer.Status, text)
	}
	if got := next(); !strings.Contains(got, `"content":{"objects":[{"type":"indicator","id":"indicator--1"}]}`) {
		t.Errorf("then came %s", got)
	}
	for deadline := time.Now().Add(30 * time.Second); sub.Pending != 0 || sub.Push.State != taxii.PushActive || sub.Push.Secret != ""; time.Sleep(10 * time.Millisecond) {
		_, text = s.do(t, s.request(t, "GET", subscriptions+sub.ID+"/", ""))
		if sub = (taxii.Subscription{}); json.Unmarshal([]byte(text), &sub) != nil || sub.Push == nil || time.Now().After(deadline) {
			t.Fatalf("the subscription is %s", text)
		}
	}
	answer, text := s.do(t, s.request(t, "GET", subscriptions+sub.ID+"/messages/", ""))
	wantError(t, "reading what is pushed", answer, text, http.StatusConflict)
	answer, text = s.do(t, s.request(t, "PUT", subscriptions+sub.ID+"/", `{"push":{"url":"https://10.0.0.1/"}}`))
	wantError(t, "a private address", answer, text, http.StatusUnprocessableEntity)
	answer, text = s.do(t, s.request(t, "PUT", subscriptions+sub.ID+"/", `{"push":{"url":"`+s.URL+`/"}}`))
	wantError(t, "the server itself", answer, text, http.StatusUnprocessableEntity)
	if _, text = s.do(t, s.request(t, "PUT", subscriptions+sub.ID+"/", `{"push":{"rotate":true}}`)); !strings.Contains(text, `"secret":"whsec_`) {
		t.Errorf("a rotation: %s", text)
	}
	if _, text = s.do(t, s.request(t, "PUT", subscriptions+sub.ID+"/", `{"max_pending":5}`)); !strings.Contains(text, `"state":"active"`) || strings.Contains(text, "whsec_") {
		t.Errorf("a change of something else: %s", text)
	}
	if _, text = s.do(t, s.request(t, "PUT", subscriptions+sub.ID+"/", `{"push":null}`)); strings.Contains(text, `"push"`) {
		t.Errorf("after its end: %s", text)
	}
	if answer, text = s.do(t, s.request(t, "GET", subscriptions+sub.ID+"/messages/", "")); answer.StatusCode != http.StatusOK {
		t.Errorf("reading after its end: %s %s", answer.Status, text)
	}
}

func TestPushIsUnsupportedUnlessItIsSet(t *testing.T) {
	t.Parallel()
	r := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(r.Close)
	s := hooked(t, r, false)
	answer, text := s.do(t, s.request(t, "POST", subscriptions, fmt.Sprintf(`{"push":{"url":%q}}`, r.URL)))
	wantError(t, "push", answer, text, http.StatusNotImplemented)
	if answer, text = s.do(t, s.request(t, "POST", subscriptions, `{}`)); answer.StatusCode != http.StatusCreated {
		t.Errorf("without push: %s %s", answer.Status, text)
	}
}
