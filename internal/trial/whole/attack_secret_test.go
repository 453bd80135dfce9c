package whole_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// TestNoSecretOfAnAttackedServerIsWrittenDown uses tokens, JWTs, invitations, new
// passwords and secrets of pushes, well, badly and in wrong places, and greps the
// log with all that debug says, the audit, what verbs print and each file of the
// data directory, while the server runs and after it.
func TestNoSecretOfAnAttackedServerIsWrittenDown(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	trial.Covers(t, "K26")
	s := trial.Start(t, "--empty")
	s.Stop(t)
	configure(t, s.Dir, "admin_https: true", "push: true", "outbound_literals: true", "token_header: X-Api-Key")
	log := serving(t, s)
	needles := map[string][]byte{}
	for what, secret := range attackSecrets(t, s) {
		hide(needles, what, []byte(secret))
		misplace(t, s, secret)
	}
	var printed bytes.Buffer
	for range 2 { // so that there are some
		printed.WriteString(hansom(t, s.Dir, "", "keys", "rotate"))
	}
	for _, verb := range [][]string{
		{"audit"}, {"audit", "--json"}, {"token", "list"}, {"token", "list", "--json"}, {"account", "list", "--json"}, {"keys", "list", "--json"},
		{"apply", "--from-server"}, {"channel", "list", "--json"}, {"grant", "list", "--json"},
	} {
		printed.WriteString(hansom(t, s.Dir, "", verb...))
	}
	master := masterKey(t, s.Dir)
	hide(needles, "the master key", master)
	tls := privateKeys(t, s.Dir, needles)
	looked(t, "while it runs", s.Dir, tls, needles)
	log.stop()
	for kid, key := range cursorKeys(t, s.Dir, master) {
		hide(needles, "the key "+kid, key)
	}
	looked(t, "after it was stopped", s.Dir, tls, needles)
	find(t, "its log", log.text.Bytes(), needles)
	find(t, "what the verbs print", printed.Bytes(), needles)
	if !strings.Contains(printed.String(), "reader") || bytes.Count(log.text.Bytes(), []byte("\n")) < 50 {
		t.Error("there was nothing to look through")
	}
}

// configure adds lines to the configuration in a data directory.
func configure(t *testing.T, dir string, lines ...string) {
	t.Helper()
	file := filepath.Join(dir, "hansom.yaml")
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(text, strings.Join(lines, "\n")+"\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
}

// attackSecrets makes one of each kind of secret that goes over the wire.
func attackSecrets(t *testing.T, s *trial.Server) map[string]string {
	t.Helper()
	token, _ := newToken(t, s, "reader", `{"name":"tool"}`)
	jwt := newJWT(t, s, "reader")
	c := s.NewChannel(t, "secrets")
	secrets := map[string]string{"an API token": token, "a JWT": jwt, "the signature of a JWT": jwt[strings.LastIndexByte(jwt, '.')+1:]}
	var made struct{ Token string }
	status(t, s.Request(t, "member", "POST", c.Path+"invitations/", []byte(`{"can_read":true,"uses":3}`)), http.StatusCreated).JSON(t, &made)
	secrets["an invitation"] = made.Token
	secrets["a new password"] = "the newest password of the reader"
	body, _ := json.Marshal(map[string]string{"old_password": s.Password(t, "reader"), "new_password": secrets["a new password"]})
	status(t, s.Request(t, "reader", "POST", "/auth/password/", body, "Content-Type: application/json"), http.StatusOK)
	secrets["an old password"] = s.Password(t, "reader")
	secrets["a password that is refused"] = "wrong, but nearly the password"
	secrets["a token by the operator"] = strings.TrimSpace(hansom(t, s.Dir, "", "token", "create", "member", "--name", "by-operator"))
	if lines := strings.Fields(secrets["a token by the operator"]); len(lines) > 0 { // it may be printed with a word about it
		for _, word := range lines {
			if strings.HasPrefix(word, "hansom_") {
				secrets["a token by the operator"] = word
			}
		}
	}
	for what, secret := range secrets {
		if len(secret) < 16 {
			t.Fatalf("%s is %q", what, secret)
		}
	}
	return secrets
}

// misplace sends a secret where it belongs and where it does not.
func misplace(t *testing.T, s *trial.Server, secret string) {
	t.Helper()
	in, _ := json.Marshal(secret)
	for _, header := range []string{
		bearer(secret), "Authorization: Token " + secret,
		"X-Api-Key: " + secret, "Cookie: token=" + secret, "Authorization: " + secret, "Authorization: Digest " + secret, "Idempotency-Key: " + secret,
		"Last-Event-ID: " + secret, "X-Auth-Token: " + secret,
	} {
		s.Get(t, "", s.Collection(t, "indicators")+"/objects/", header)
		s.Request(t, "", "POST", "/trust/channels/secrets/messages/", []byte(`{"objects":[]}`), header)
		s.Request(t, "", "POST", "/auth/token/", nil, header)
		s.Request(t, "", "GET", "/admin/accounts/", nil, header)
	}
	sum := sha256.Sum256([]byte(secret)) // names of their own, so that nothing is delayed as a guess
	for _, header := range []string{basic("who-"+hex.EncodeToString(sum[:4]), secret), basic(secret, ""), basic(secret, "x"), basic(secret, secret)} {
		s.Get(t, "", s.Collection(t, "indicators")+"/objects/", header)
	}
	for _, query := range []string{"token=", "access_token=", "next=", "added_after=", "match[id]=", "limit=", "start="} {
		s.Get(t, "member", s.Collection(t, "indicators")+"/objects/?"+query+url.QueryEscape(secret))
		s.Get(t, "member", "/trust/channels/secrets/messages/?"+query+url.QueryEscape(secret))
	}
	s.Request(t, "member", "POST", "/auth/token/", []byte("grant_type=password&password="+url.QueryEscape(secret)), "Content-Type: application/x-www-form-urlencoded")
	for _, body := range []string{`{"token":` + string(in) + `}`, `{"old_password":` + string(in) + `,"new_password":` + string(in) + `x}`, `{"token":` + string(in) + `,"x":`, string(in)} {
		for _, path := range []string{"/trust/channels/secrets/join/", "/auth/password/", "/auth/token/", "/auth/tokens/", "/trust/channels/", "/admin/accounts/"} {
			s.Request(t, "member", "POST", path, []byte(body), "Content-Type: application/json")
		}
	}
}

// looked looks for secrets in the files of a data directory but those that are made
// to hold one.
func looked(t *testing.T, when, dir string, tls map[string]bool, needles map[string][]byte) {
	t.Helper()
	for file, content := range filesBelow(t, dir) {
		if file != "demo.json" && file != "key" && !tls[file] {
			find(t, file+" "+when, content, needles)
		}
	}
}
