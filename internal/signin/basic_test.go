package signin

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/store"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// door is the sign-in of an exchange with one account, alice, that counts what
// it hashes.
type door struct {
	*Basic
	x      *exchange.Exchange
	hashed atomic.Int64
}

const password = "correct horse battery"

func open(t *testing.T) *door {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "hansom.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	x, err := exchange.New(t.Context(), s, exchange.Options{
		PublicURL: "https://taxii.example.com", MasterKey: make([]byte, exchange.MasterKeySize),
		HashPassword: HashPassword, IsHash: IsHash, VerifyPassword: VerifyPassword,
	})
	if err != nil {
		t.Fatal(err)
	}
	d := &door{x: x}
	if d.Basic, err = NewBasic(x); err != nil {
		t.Fatal(err)
	}
	d.match = func(hash, password string) bool {
		d.hashed.Add(1)
		return VerifyPassword(hash, password)
	}
	d.account(t, "alice", password)
	return d
}

func (d *door) account(t *testing.T, name, password string) {
	t.Helper()
	if err := d.x.Operator().AddAccount(t.Context(), exchange.AccountSetting{Name: name, Password: password}); err != nil {
		t.Fatal(err)
	}
}

func (d *door) ask(headers ...string) (*exchange.Session, error) {
	r := httptest.NewRequest(http.MethodGet, "/taxii2/", nil)
	for _, h := range headers {
		r.Header.Add("Authorization", h)
	}
	return d.Session(r)
}

func (d *door) as(name, password string) error {
	s, err := d.ask(header("Basic", name, password))
	if err != nil {
		return err
	}
	if _, got := s.Account(); got != name {
		return errors.New("the session is that of " + got)
	}
	return nil
}

func header(scheme, name, password string) string {
	return scheme + " " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

func wantRefused(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || taxii.KindOf(err) != taxii.Unauthenticated {
		t.Errorf("%s: got %v, want it refused", what, err)
	}
}

func TestTheSchemeIsComparedWithoutCase(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K20", "R071")
	d := open(t)
	for _, scheme := range []string{"Basic", "basic", "BASIC", "bAsIc"} {
		s, err := d.ask(header(scheme, "alice", password))
		if err != nil {
			t.Errorf("%s: %v", scheme, err)
		} else if _, name := s.Account(); name != "alice" {
			t.Errorf("%s: signed in as %s", scheme, name)
		}
	}
	_, err := d.ask(header("Bearer", "alice", password))
	wantRefused(t, "another scheme", err)
}

func TestEmptyAndBrokenCredentialsAreRefusedAndNotMalformed(t *testing.T) {
	t.Parallel()
	// The half of K23 that needs no token.
	d := open(t)
	for what, h := range map[string]string{
		"an empty name":           header("Basic", "", password),
		"an empty password":       header("Basic", "alice", ""),
		"both empty":              header("Basic", "", ""),
		"no colon":                "Basic " + base64.StdEncoding.EncodeToString([]byte("alice")),
		"no base64":               "Basic ???",
		"nothing":                 "Basic",
		"an empty header":         "",
		"not UTF-8":               "Basic " + base64.StdEncoding.EncodeToString([]byte("alice:\xff\xfe")),
		"more than is looked at":  header("Basic", "alice", string(make([]byte, maxCredentials))),
		"name and password plain": "Basic alice:" + password,
	} {
		_, err := d.ask(h)
		wantRefused(t, what, err)
	}
}

func TestAPasswordMayHoldColonsAndAnyCharacter(t *testing.T) {
	t.Parallel()
	// The half of K23 that needs no token.
	d := open(t)
	for name, secret := range map[string]string{
		"colons": "a:b:c::d:", "umlauts": "Grüße aus Köln", "cyrillic": "длинный пароль", "emoji": "🔑🔑🔑🔑", "spaces": "  around  ",
	} {
		d.account(t, name, secret)
		if err := d.as(name, secret); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wantRefused(t, name+" cut at its first octets", d.as(name, secret[:len(secret)-1]))
	}
}

func TestSeveralAuthorizationHeadersAreRefused(t *testing.T) {
	t.Parallel()
	d := open(t)
	_, err := d.ask(header("Basic", "alice", password), header("Basic", "alice", password))
	wantRefused(t, "two headers", err)
}

func TestAnUnknownAccountIsAsAWrongPassword(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "R068")
	d := open(t)
	d.account(t, "nopassword", "")
	d.account(t, "gone", password)
	if err := d.x.Operator().RemoveAccount(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	want := d.as("alice", "not the password")
	wantRefused(t, "a wrong password", want)
	for _, name := range []string{"nobody", "nopassword", "gone", exchange.OperatorName, exchange.AnonymousName, "", "ALICE", "alice "} {
		before := d.hashed.Load()
		err := d.as(name, password)
		wantRefused(t, name, err)
		if err != nil && err.Error() != want.Error() {
			t.Errorf("%q: refused with %q, and a wrong password with %q", name, err, want)
		}
		if n := d.hashed.Load() - before; n != 1 {
			t.Errorf("%q: %d hashes were made; a wrong password costs 1", name, n)
		}
	}
	if c, _, _, err := parse(d.dummy); err != nil || c != usual {
		t.Errorf("who is unknown is verified at cost %+v (%v), accounts at %+v", c, err, usual)
	}
}

func TestAWrongPasswordIsHashedEveryTime(t *testing.T) {
	t.Parallel()
	d := open(t)
	for range 3 {
		wantRefused(t, "a wrong password", d.as("alice", "not the password"))
	}
	if n := d.hashed.Load(); n != 3 {
		t.Errorf("%d hashes for 3 wrong passwords", n)
	}
}

func TestAVerifiedPasswordIsHashedAgainOnlyAfterAWhile(t *testing.T) {
	t.Parallel()
	d := open(t)
	now := time.Now()
	d.verified.now = func() time.Time { return now }
	for step, want := range []int64{1, 1, 1} {
		if err := d.as("alice", password); err != nil {
			t.Fatal(err)
		}
		if n := d.hashed.Load(); n != want {
			t.Errorf("request %d: %d hashes, want %d", step, n, want)
		}
		now = now.Add(verifiedFor/3 + time.Second)
	}
	wantRefused(t, "a wrong password beside a verified one", d.as("alice", password+"x"))
	now = now.Add(time.Second)
	if err := d.as("alice", password); err != nil {
		t.Fatal(err)
	}
	if n := d.hashed.Load(); n != 3 {
		t.Errorf("%d hashes, want 3: the cache has ended", n)
	}
}

func TestANewPasswordEndsTheOldOneAtOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	if err := d.as("alice", password); err != nil {
		t.Fatal(err)
	}
	const fresh = "another horse battery"
	err := d.x.Operator().SetAccount(t.Context(), "alice", func(a *exchange.AccountSetting) error {
		a.Password = fresh
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantRefused(t, "the old password", d.as("alice", password))
	if err := d.as("alice", fresh); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if err := d.x.Operator().RemoveAccount(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, "an account that was removed", d.as("alice", fresh))
}

func TestTheCacheOfVerifiedPasswordsIsBounded(t *testing.T) {
	t.Parallel()
	d := open(t)
	now := time.Now()
	d.verified.now = func() time.Time { return now }
	remember := func(from, n int) {
		for i := from; i < from+n; i++ {
			d.verified.remember(fingerprint{byte(i), byte(i >> 8), byte(i >> 16)})
		}
	}
	remember(0, maxVerified-10)
	now = now.Add(familiarFor)
	remember(maxVerified, 20) // the old ones go, not these
	if n := len(d.verified.at); n != 20 {
		t.Errorf("%d are kept, want the 20 that are fresh", n)
	}
	remember(0, 3*maxVerified)
	if n := len(d.verified.at); n > maxVerified {
		t.Errorf("%d are kept, more than %d", n, maxVerified)
	}
}

func TestCredentialsInTheQueryAreNeverAccepted(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K26")
	d := open(t)
	for _, target := range []string{
		"/taxii2/?username=alice&password=correct+horse+battery",
		"/taxii2/?Authorization=" + header("Basic", "alice", password)[len("Basic "):],
		"http://alice:correct%20horse%20battery@taxii.example.com/taxii2/",
	} {
		s, err := d.Session(httptest.NewRequest(http.MethodGet, target, nil))
		if err != nil {
			t.Errorf("%s: %v", target, err)
		} else if _, name := s.Account(); name != exchange.AnonymousName {
			t.Errorf("%s: signed in as %s", target, name)
		}
	}
}

func TestWhoSendsNoCredentialsIsAnonymousAndWhoSendsWrongOnesIsNot(t *testing.T) {
	t.Parallel()
	trial.Covers(t, "K27")
	d := open(t)
	err := d.x.Operator().SetGrant(t.Context(), exchange.GrantSetting{Account: exchange.AnonymousName, On: "server", Rights: []string{"read"}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.ask()
	if err != nil {
		t.Fatal(err)
	}
	if _, name := s.Account(); name != exchange.AnonymousName {
		t.Errorf("without credentials: signed in as %s", name)
	}
	wantRefused(t, "a wrong password, where anonymous may read", d.as("alice", "not the password"))
	if err := d.as("alice", password); err != nil {
		t.Error(err)
	}
}

// The clock of these two stands still while anything can run, so they take no
// time and depend on none.
func TestHashesAtATimeAndThoseWhoWaitAreBounded(t *testing.T) {
	d := open(t)
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBasic(d.x) // with channels of this bubble
		if err != nil {
			t.Fatal(err)
		}
		var running, most atomic.Int64
		begin := make(chan struct{})
		b.match = func(string, string) bool {
			n := running.Add(1)
			defer running.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			<-begin
			return false
		}
		verify := func() error {
			_, err := b.verify(context.Background(), attempt{name: rand.Text()}, "some hash", "some password")
			return err
		}
		var all sync.WaitGroup
		atOnce := runtime.GOMAXPROCS(0)
		for range atOnce + maxWaiting {
			all.Go(func() {
				if err := verify(); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait() // or the queue would be full of those who need not wait
		}
		wantBusy(t, "one more than may wait", verify())
		close(begin)
		all.Wait()
		if n := most.Load(); n != int64(atOnce) {
			t.Errorf("%d hashes at a time, want %d", n, atOnce)
		}
		if err := verify(); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestASignInWaitsForItsTurnOnlySoLong(t *testing.T) {
	d := open(t)
	synctest.Test(t, func(t *testing.T) {
		b, err := NewBasic(d.x)
		if err != nil {
			t.Fatal(err)
		}
		b.turns.running = b.turns.most
		began := time.Now()
		_, err = b.verify(context.Background(), attempt{name: "alice"}, "", "some password")
		wantBusy(t, "no turn", err)
		if took := time.Since(began); took != waitFor {
			t.Errorf("waited %v, want %v", took, waitFor)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err = b.verify(ctx, attempt{name: "alice"}, "", "some password")
		wantBusy(t, "a client that hung up", err)
		if len(b.turns.waiting) != 0 {
			t.Errorf("%d still wait", len(b.turns.waiting))
		}
	})
}

func wantBusy(t *testing.T, what string, err error) {
	t.Helper()
	var e *taxii.Error
	if !errors.As(err, &e) || e.Kind != taxii.Unavailable || e.RetryAfter <= 0 {
		t.Errorf("%s: got %v, want unavailable with a time to come again", what, err)
	}
}
