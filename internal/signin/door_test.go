package signin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// entrance is a Door of an exchange with the accounts alice and bob, an API token
// of each, and an API Root that alice reads and writes.
type entrance struct {
	*Door
	x          *exchange.Exchange
	alice, bob string // tokens
	aliceID    string
}

func newEntrance(t *testing.T, o DoorOptions) *entrance {
	t.Helper()
	d := open(t)
	d.account(t, "bob", "password of bob")
	op, ctx := d.x.Operator(), t.Context()
	if _, err := op.AddRoot(ctx, exchange.RootSetting{Name: "trust"}); err != nil {
		t.Fatal(err)
	}
	if err := op.SetGrant(ctx, exchange.GrantSetting{Account: "alice", On: "trust", Rights: []string{"read", "write"}}); err != nil {
		t.Fatal(err)
	}
	e := &entrance{x: d.x}
	var record exchange.TokenRecord
	var err error
	if e.alice, record, err = op.CreateToken(ctx, exchange.TokenSetting{Account: "alice", Name: "a", Scope: []exchange.ScopeSetting{{On: "trust", Rights: []string{"read"}}}}); err != nil {
		t.Fatal(err)
	}
	e.aliceID = record.ID
	if e.bob, _, err = op.CreateToken(ctx, exchange.TokenSetting{Account: "bob", Name: "b"}); err != nil {
		t.Fatal(err)
	}
	o.Fail = func(w http.ResponseWriter, r *http.Request, err error) {
		w.Header().Set("X-Kind", taxii.KindOf(err).String())
		w.WriteHeader(http.StatusTeapot)
		_ = json.NewEncoder(w).Encode(err)
	}
	o.Body = func(_ http.ResponseWriter, r *http.Request, most int64) ([]byte, func(), error) {
		body, err := io.ReadAll(io.LimitReader(r.Body, most))
		return body, func() {}, err
	}
	if e.Door, err = NewDoor(d.x, o); err != nil {
		t.Fatal(err)
	}
	return e
}

// as gives the name of the account that a request with these headers, each "Name:
// value", is signed in as.
func (e *entrance) as(headers ...string) (string, error) {
	r := httptest.NewRequest(http.MethodGet, "/taxii2/", nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	s, err := e.Session(r)
	if err != nil {
		return "", err
	}
	_, name := s.Account()
	return name, nil
}

func TestATokenIsTakenAsBearerAsTokenAsAPasswordAndInTheHeaderOfTheOperator(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R073", "K20", "K21", "K22", "K23", "K24")
	e := newEntrance(t, DoorOptions{TokenHeader: "X-Api-Key"})
	basic := func(name, password string) string { return "Authorization: " + header("Basic", name, password) }
	for what, sent := range map[string][]string{
		"Bearer": {"Authorization: Bearer " + e.alice}, "bearer": {"Authorization: bearer " + e.alice}, "BEARER": {"Authorization: BEARER   " + e.alice},
		"Token": {"Authorization: Token " + e.alice}, "token": {"Authorization: token " + e.alice},
		"its account's name":       {basic("alice", e.alice)},
		"another account's name":   {basic("bob", e.alice)},
		"a name nobody has":        {basic("apikey", e.alice)},
		"no name":                  {basic("", e.alice)},
		"the operator's header":    {"X-Api-Key: " + e.alice},
		"that in lower case":       {"x-api-key: " + e.alice},
		"both":                     {"Authorization: Bearer " + e.alice, "X-Api-Key: " + e.alice},
		"with the password beside": {basic("alice", password), "X-Api-Key: " + e.alice},
	} {
		if name, err := e.as(sent...); err != nil || name != "alice" {
			t.Errorf("%s: signed in as %q, %v", what, name, err)
		}
	}
}

func TestWhatIsNoGoodProofIsRefusedWhateverStandsBesideIt(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K27")
	e := newEntrance(t, DoorOptions{TokenHeader: "X-Api-Key"})
	if err := e.x.Operator().SetGrant(t.Context(), exchange.GrantSetting{Account: exchange.AnonymousName, On: "server", Rights: []string{"read"}}); err != nil {
		t.Fatal(err)
	}
	good := "Authorization: Bearer " + e.alice
	typo := e.alice[:len(e.alice)-1] + string('a'+(e.alice[len(e.alice)-1]-'a'+1)%2)
	for what, sent := range map[string][]string{
		"two headers":                    {good, good},
		"two proofs in one header":       {good + ", Basic " + header("", "alice", password)},
		"an empty header":                {"Authorization: "},
		"a scheme alone":                 {"Authorization: Bearer"},
		"a scheme that is not offered":   {"Authorization: Digest " + e.alice},
		"no scheme":                      {"Authorization: " + e.alice},
		"a token that is mistyped":       {"Authorization: Bearer " + typo},
		"that as a password":             {"Authorization: " + header("Basic", "alice", typo)},
		"a password as a token":          {"Authorization: Bearer " + password},
		"a JWT where none is taken":      {"Authorization: Bearer eyJhbGciOiJub25lIn0.e30."},
		"a token of another, beside":     {good, "X-Api-Key: " + e.bob},
		"a wrong token, beside":          {good, "X-Api-Key: hansom_nothing"},
		"an empty token, beside":         {good, "X-Api-Key: "},
		"two of the operator's header":   {"X-Api-Key: " + e.alice, "X-Api-Key: " + e.alice},
		"a wrong password beside":        {"Authorization: " + header("Basic", "alice", "wrong password"), "X-Api-Key: " + e.alice},
		"another's password beside":      {"Authorization: " + header("Basic", "bob", "password of bob"), "X-Api-Key: " + e.alice},
		"a password in the token header": {"X-Api-Key: " + password},
	} {
		name, err := e.as(sent...)
		wantRefused(t, what+" (as "+name+")", err)
	}
	if name, err := e.as(); err != nil || name != exchange.AnonymousName {
		t.Errorf("nothing at all: %q, %v", name, err)
	}
	if name, err := e.as("X-Other-Key: "+e.alice, "Proxy-Authorization: Bearer "+e.alice, "Cookie: token="+e.alice); err != nil || name != exchange.AnonymousName {
		t.Errorf("in headers that are not looked at: %q, %v", name, err)
	}
	var e2 *taxii.Error
	if _, err := e.as("Authorization: Bearer " + typo); !errors.As(err, &e2) || !strings.Contains(e2.Description, "mistyped") {
		t.Errorf("a mistyped token is not told from one that has ended: %v", err)
	}
}

func TestTokensInTheQueryAreNeverTaken(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K26")
	e := newEntrance(t, DoorOptions{TokenHeader: "X-Api-Key"})
	for _, query := range []string{"access_token=", "token=", "api_key=", "X-Api-Key=", "x-api-key=", "apikey=", "Authorization=Bearer+", "key="} {
		s, err := e.Session(httptest.NewRequest(http.MethodGet, "/taxii2/?"+query+e.alice, nil))
		if err != nil {
			t.Errorf("%s: %v", query, err)
		} else if _, name := s.Account(); name != exchange.AnonymousName {
			t.Errorf("%s: signed in as %s", query, name)
		}
	}
}

// wicket stands for a client certificate, and for what opens JWTs.
type wicket struct {
	s   *exchange.Session
	err error
	got string
}

func (v *wicket) Session(context.Context, string) (*exchange.Session, error) { return v.s, v.err }

type shown struct{ *wicket }

func (v shown) Session(*http.Request) (*exchange.Session, bool, error) { return v.s, v.s != nil, v.err }

type carried struct{ *wicket }

func (v carried) Session(_ context.Context, compact string) (*exchange.Session, error) {
	v.got = compact
	return v.s, v.err
}

func TestACertificateAndWhatIsSentAreOfOneAccount(t *testing.T) {
	t.Parallel()
	v := &wicket{}
	e := newEntrance(t, DoorOptions{Certificate: shown{v}})
	wrong := taxii.Errorf(taxii.Unauthenticated, "revoked")
	session := func(token string) *exchange.Session {
		s, err := e.x.OpenToken(token)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	basic := "Authorization: " + header("Basic", "alice", password)
	for _, c := range []struct {
		what string
		s    *exchange.Session
		err  error
		sent []string
		want string
	}{
		{"no certificate", nil, nil, []string{basic}, "alice"},
		{"nothing", nil, nil, nil, exchange.AnonymousName},
		{"a certificate alone", session(e.bob), nil, nil, "bob"},
		{"both", session(e.alice), nil, []string{basic}, "alice"},
		{"another's", session(e.bob), nil, []string{basic}, ""},
		{"one that is revoked", nil, wrong, []string{basic}, ""},
		{"one, and a wrong password", session(e.alice), nil, []string{"Authorization: " + header("Basic", "alice", "wrong password")}, ""},
	} {
		v.s, v.err = c.s, c.err
		name, err := e.as(c.sent...)
		if c.want == "" {
			wantRefused(t, c.what, err)
		} else if err != nil || name != c.want {
			t.Errorf("%s: %q, %v", c.what, name, err)
		}
	}
}

func TestABearerWithTwoDotsIsAJWTAndNothingElseIs(t *testing.T) {
	t.Parallel()
	v := &wicket{}
	e := newEntrance(t, DoorOptions{JWT: carried{v}})
	var err error
	if v.s, err = e.x.OpenToken(e.bob); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"a.b.c": true, "..": true, "hansom_a.b.c": false, "a.b": false, "a.b.c.d": false, "abc": false, e.alice: false} {
		v.got = ""
		_, _ = e.as("Authorization: Bearer " + text)
		if (v.got == text) != want {
			t.Errorf("%s: taken for a JWT %q", text, v.got)
		}
	}
	if name, err := e.as("Authorization: Token a.b.c"); err != nil || name != "bob" {
		t.Errorf("under the other word: %q, %v", name, err)
	}
	_, err = e.as("Authorization: " + header("Basic", "bob", "a.b.c"))
	wantRefused(t, "a JWT as a password", err)
}

func TestTheChallengeTellsWhatIsOffered(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R068", "K24")
	e := newEntrance(t, DoorOptions{})
	got := e.Challenge(httptest.NewRequest(http.MethodGet, "/", nil))
	if !slices.Equal(got, []string{`Basic realm="hansom", charset="UTF-8"`, `Bearer realm="hansom"`}) {
		t.Errorf("offered are %q", got)
	}
}

// ask sends a request to what the door serves, with a token.
func (e *entrance) ask(t *testing.T, token, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	resp := w.Result()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func TestAnAccountManagesItsTokensAtTheDoor(t *testing.T) {
	t.Parallel()
	e := newEntrance(t, DoorOptions{PublicURL: "https://taxii.example.com/feeds"})
	basic := "Authorization: " + header("Basic", "alice", password)
	for _, path := range []string{"/auth/tokens", "/auth/tokens/", "/feeds/auth/tokens/"} {
		resp, text := e.ask(t, "", "GET", path, "", basic)
		var list tokenList
		if err := json.Unmarshal([]byte(text), &list); err != nil || resp.StatusCode != 200 || len(list.Tokens) != 1 || list.Tokens[0].ID != e.aliceID {
			t.Errorf("%s: %d %s, %v", path, resp.StatusCode, text, err)
		}
		if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Content-Type") != "application/json" || strings.Contains(text, e.alice) {
			t.Errorf("%s: %v %s", path, resp.Header, text)
		}
	}
	head, none := e.ask(t, "", "HEAD", "/auth/tokens/", "", basic)
	if head.StatusCode != 200 || none != "" {
		t.Errorf("HEAD: %d %q", head.StatusCode, none)
	}
	resp, text := e.ask(t, "", "POST", "/auth/tokens/", `{"name":"siem","expires":"2100-01-01T00:00:00Z","scope":[{"on":"trust","rights":["read"]}],"ceiling":"green"}`, basic)
	var made exchange.NewToken
	if err := json.Unmarshal([]byte(text), &made); err != nil || resp.StatusCode != 201 || made.Account != "alice" || made.Ceiling != "green" || len(made.Scope) != 1 {
		t.Fatalf("%d %s, %v", resp.StatusCode, text, err)
	}
	if name, err := e.as("Authorization: Bearer " + made.Token); err != nil || name != "alice" {
		t.Errorf("with the new token: %q, %v", name, err)
	}
	if resp, text = e.ask(t, "", "DELETE", "/auth/tokens/"+made.ID+"/", "", basic); resp.StatusCode != 200 || text != "{}" {
		t.Errorf("revoke: %d %s", resp.StatusCode, text)
	}
	_, err := e.as("Authorization: Bearer " + made.Token)
	wantRefused(t, "a revoked token", err)
}

func TestWhatTheDoorCannotDoIsAnErrorOfTheProtocol(t *testing.T) {
	t.Parallel()
	e := newEntrance(t, DoorOptions{})
	const member = `{"name":"x"}`
	for _, c := range []struct{ token, method, path, body, kind string }{
		{"", "GET", "/auth/tokens/", "", "not authenticated"},
		{"", "POST", "/auth/tokens/", member, "not authenticated"},
		{"", "DELETE", "/auth/tokens/" + e.aliceID + "/", "", "not authenticated"},
		{"", "POST", "/auth/password/", "{}", "not authenticated"},
		{"", "GET", "/auth/", "", "not authenticated"},
		{"hansom_wrong", "GET", "/auth/nothing/", "", "not authenticated"},
		{e.bob, "GET", "/auth/", "", "not found"},
		{e.bob, "GET", "/auth/tokens/x/y/", "", "not found"},
		{e.bob, "GET", "/auth//tokens/", "", "not found"},
		{e.bob, "GET", "/.well-known/anything", "", "not found"},
		{e.bob, "DELETE", "/auth/tokens/" + e.aliceID + "/", "", "not found"},
		{e.bob, "PUT", "/auth/tokens/", "", "method not allowed"},
		{e.bob, "GET", "/auth/password/", "", "method not allowed"},
		{e.bob, "POST", "/auth/tokens/", "", "unprocessable content"},
		{e.bob, "POST", "/auth/tokens/", "null", "unprocessable content"},
		{e.bob, "POST", "/auth/tokens/", `[]`, "unprocessable content"},
		{e.bob, "POST", "/auth/tokens/", `{"name":"x","colour":"red"}`, "unprocessable content"},
		{e.bob, "POST", "/auth/tokens/", `{"name":"x","name":"y"}`, "unprocessable content"},
		{e.bob, "POST", "/auth/tokens/", `{"Name":"x"}`, "unprocessable content"},
		{e.bob, "POST", "/auth/tokens/", `{"name":"b"}`, "conflict"},
		{e.bob, "POST", "/auth/tokens/", `{"name":"x","account":"alice"}`, "not found"},
		{e.bob, "POST", "/auth/tokens/", `{"name":"x","scope":[{"on":"trust","rights":["read"]}]}`, "not found"},
		{e.alice, "POST", "/auth/tokens/", `{"name":"x","scope":[{"on":"trust","rights":["write"]}]}`, "forbidden"},
		{e.alice, "POST", "/auth/password/", `{"old_password":"correct horse battery","new_password":"another horse battery"}`, "forbidden"},
	} {
		resp, text := e.ask(t, c.token, c.method, c.path, c.body)
		if got := resp.Header.Get("X-Kind"); got != c.kind {
			t.Errorf("%s %s %s: %q, want %q: %s", c.method, c.path, c.body, got, c.kind, text)
		}
		if c.kind == "method not allowed" && resp.Header.Get("Allow") == "" {
			t.Errorf("%s %s: it is not said what is allowed", c.method, c.path)
		}
	}
	resp, _ := e.ask(t, e.bob, "POST", "/auth/tokens/", member, "Sec-Fetch-Site: cross-site")
	if got := resp.Header.Get("X-Kind"); got != "forbidden" {
		t.Errorf("a page of another site: %q", got)
	}
}

func TestAnAccountChangesItsPasswordAtTheDoor(t *testing.T) {
	t.Parallel()
	e := newEntrance(t, DoorOptions{})
	const fresh = "another horse battery"
	change := func(as, old string) string {
		resp, text := e.ask(t, "", "POST", "/auth/password/", `{"old_password":"`+old+`","new_password":"`+fresh+`"}`, "Authorization: "+header("Basic", "alice", as))
		if resp.StatusCode == 200 {
			return "done"
		}
		if strings.Contains(text, old) || strings.Contains(text, fresh) {
			t.Errorf("the answer tells a password: %s", text)
		}
		return resp.Header.Get("X-Kind")
	}
	if got := change(password, "not the password"); got != "forbidden" {
		t.Errorf("by a wrong old password: %s", got)
	}
	if got := change(password, password); got != "done" {
		t.Fatalf("by the right one: %s", got)
	}
	_, err := e.as("Authorization: " + header("Basic", "alice", password))
	wantRefused(t, "the old password", err)
	if name, err := e.as("Authorization: " + header("Basic", "alice", fresh)); err != nil || name != "alice" {
		t.Errorf("the new password: %q, %v", name, err)
	}
	// Old passwords are guessed no faster here than where one signs in.
	if got := change(fresh, "not the password"); got != "forbidden" {
		t.Errorf("another wrong one: %s", got)
	}
	e.basic.guesses.mu.Lock()
	for _, at := range e.basic.guesses.pairs {
		at.times = 100 // so that the delay is longer than a request waits
	}
	e.basic.guesses.mu.Unlock()
	if got := change(fresh, "not the password"); got != "too many requests" {
		t.Errorf("after a hundred wrong ones: %s", got)
	}
}
