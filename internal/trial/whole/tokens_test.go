package whole_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// verb runs a verb on the data of a server that runs, and reads what it prints.
func verb(t *testing.T, s *trial.Server, into any, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), trial.Binary(t), append(args, "--json", "--data", s.Dir)...)
	cmd.Env = trial.Environ()
	text, err := cmd.Output()
	if err != nil {
		t.Fatalf("hansom %s: %v\n%s", strings.Join(args, " "), err, text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("hansom %s: %v in %s", strings.Join(args, " "), err, text)
	}
}

// apiToken is an API token as it is told when it is made.
type apiToken struct{ Token, ID, Name string }

// TestATokenWorksOverHTTPSUntilItIsRevoked takes the life of tokens on each engine:
// made by the operator and by the account, used in every way, with a stream open
// by it, kept over a restart, revoked.
func TestATokenWorksOverHTTPSUntilItIsRevoked(t *testing.T) {
	t.Parallel()
	trial.Engines(t, func(t *testing.T, e trial.Engine) {
		trial.Covers(t, "K20", "K21", "K22", "K23", "K24", "K26")
		s := e.Start(t, trial.Settings(t, "token_header: X-Api-Key")...)
		root := strings.Trim(s.DefaultRoot, "/")
		c := s.NewChannel(t, "followed")
		var made apiToken
		verb(t, s, &made, "token", "create", "member", "--name", "siem", "--expires", "1d", "--scope", "read on "+root)
		path := s.DefaultRoot + "collections/"
		for _, h := range []string{"Authorization: Bearer " + made.Token, "authorization: token " + made.Token, "X-Api-Key: " + made.Token} {
			if a := s.Get(t, "", path, h); a.Status != http.StatusOK {
				t.Errorf("%.20s...: %d %s", h, a.Status, a.Body)
			}
		}
		if a := s.Request(t, "", http.MethodPost, c.Path+"messages/", []byte("{}"), "Authorization: Bearer "+made.Token); a.Status != http.StatusForbidden {
			t.Errorf("publishing, which its scope does not let through: %d %s", a.Status, a.Body)
		}
		refused := s.Get(t, "", path+"?access_token="+made.Token, "Authorization: Bearer hansom_wrong")
		if got := refused.Header.Values("WWW-Authenticate"); refused.Status != http.StatusUnauthorized || !slices.Equal(got, []string{`Basic realm="hansom", charset="UTF-8"`, `Bearer realm="hansom"`}) {
			t.Errorf("a wrong token beside a good one in the query: %d, offered %q", refused.Status, got)
		}

		var own apiToken
		s.Request(t, "member", http.MethodPost, "/auth/tokens/", []byte(`{"name":"own"}`)).JSON(t, &own)
		var list struct{ Tokens []struct{ Name string } }
		s.Get(t, "member", "/auth/tokens/").JSON(t, &list)
		if len(list.Tokens) != 2 || list.Tokens[0].Name != "own" || list.Tokens[1].Name != "siem" {
			t.Errorf("its tokens are %+v", list.Tokens)
		}

		s.Stop(t)
		s.Run(t)
		ended := stream(t, s, c.Path, made.Token)
		verb(t, s, new(any), "token", "revoke", made.ID)
		began := time.Now()
		select {
		case <-ended:
			t.Logf("the stream ended %v after its token was revoked", time.Since(began))
		case <-time.After(10 * time.Second):
			t.Error("a stream goes on, though its token is revoked")
		}
		if a := s.Get(t, "", path, "Authorization: Bearer "+made.Token); a.Status != http.StatusUnauthorized {
			t.Errorf("a revoked token: %d", a.Status)
		}
		if a := s.Get(t, "", path, "Authorization: Bearer "+own.Token); a.Status != http.StatusOK {
			t.Errorf("the account's own token after a restart: %d %s", a.Status, a.Body)
		}
		var all []struct {
			Name string
			Used string `json:"last_used"`
		}
		verb(t, s, &all, "token", "list", "member")
		if len(all) != 1 || all[0].Name != "own" || all[0].Used == "" {
			t.Errorf("listed are %+v", all)
		}
	})
}

// stream follows a Channel with a token until the server ends that.
func stream(t *testing.T, s *trial.Server, path, token string) (ended <-chan struct{}) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.URL+path+"messages/?after=latest", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := s.HTTP.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("following: %s", resp.Status)
	}
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, resp.Body)
		close(done)
	}()
	return done
}
