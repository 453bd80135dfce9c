package exchange_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// token makes a token with an operator's rights.
func (h *house) token(t *testing.T, set exchange.TokenSetting) (string, exchange.TokenRecord) {
	t.Helper()
	token, record, err := h.op.CreateToken(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	return token, record
}

// by opens the Session of a token.
func (h *house) by(t *testing.T, token string) *exchange.Session {
	t.Helper()
	s, err := h.OpenToken(token)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func scope(parts ...string) (list []exchange.ScopeSetting) {
	for _, text := range parts {
		rights, on, _ := strings.Cut(text, " on ")
		list = append(list, exchange.ScopeSetting{On: on, Rights: strings.Split(rights, ",")})
	}
	return list
}

func TestATokenHasAPrefixAndAChecksumAndNoTwoAreTheSame(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.account(t, "alice")
	one, record := h.token(t, exchange.TokenSetting{Account: "alice", Name: "one"})
	two, other := h.token(t, exchange.TokenSetting{Account: "alice", Name: "two"})
	if one == two || record.ID == other.ID || !strings.HasPrefix(one, exchange.TokenPrefix) || len(one) != len("hansom_")+40 || !exchange.IsToken(one) {
		t.Fatalf("%s and %s, under %s and %s", one, two, record.ID, other.ID)
	}
	for i := len(exchange.TokenPrefix); i < len(one); i++ { // each sign, mistyped, is seen at once
		typo := one[:i] + string('a'+(one[i]-'a'+1)%26&31) + one[i+1:]
		if typo[i] == one[i] {
			typo = one[:i] + "7" + one[i+1:]
		}
		if exchange.IsToken(typo) {
			t.Errorf("%s passes for a token, and is %s with another sign %d", typo, one, i)
		}
	}
	for _, text := range []string{"", "hansom_", one[:len(one)-1], one + "a", strings.ToUpper(one), " " + one, one + " ", strings.TrimPrefix(one, "hansom_")} {
		if exchange.IsToken(text) {
			t.Errorf("%q passes for a token", text)
		}
		_, err := h.OpenToken(text)
		wantKind(t, text, err, taxii.Unauthenticated)
		if err != nil && !strings.Contains(fmt.Sprint(describe(err)), "mistyped") {
			t.Errorf("%q: it is not said that it is no whole token: %v", text, err)
		}
	}
}

func describe(err error) string {
	if e, ok := err.(*taxii.Error); ok {
		return e.Description
	}
	return ""
}

func TestATokenIsItsAccountUntilItIsRevokedOrExpires(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "all")
	h.account(t, "alice", "read,write on trust")
	token, record := h.token(t, exchange.TokenSetting{Account: "alice", Name: "misp"})
	s := h.by(t, token)
	if _, name := s.Account(); name != "alice" {
		t.Errorf("it is a token of %s", name)
	}
	add(t, s, "trust", "all", 1, 3)
	h.restart(t)
	add(t, h.by(t, token), "trust", "all", 2, 3)
	if err := h.op.RevokeToken(t.Context(), record.ID); err != nil {
		t.Fatal(err)
	}
	_, err := h.OpenToken(token)
	wantKind(t, "a revoked token", err, taxii.Unauthenticated)
	wantKind(t, "revoking it again", h.op.RevokeToken(t.Context(), record.ID), taxii.NotFound)

	end := taxii.TimeOf(time.Now().Add(200 * time.Millisecond))
	token, record = h.token(t, exchange.TokenSetting{Account: "alice", Name: "short", Expires: end})
	h.by(t, token)
	for err = nil; err == nil && time.Since(end.Time()) < time.Minute; time.Sleep(10 * time.Millisecond) {
		_, err = h.OpenToken(token)
	}
	wantKind(t, "an expired token", err, taxii.Unauthenticated)
	list, err := h.op.Tokens(t.Context(), "alice")
	if err != nil || len(list) != 1 || !list[0].Expired || list[0].ID != record.ID || list[0].Expires != end {
		t.Errorf("listed as %+v, %v", list, err)
	}
	h.token(t, exchange.TokenSetting{Account: "alice", Name: "short"}) // the name is free again

	token, _ = h.token(t, exchange.TokenSetting{Account: "alice", Name: "last"})
	if err := h.op.RemoveAccount(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	_, err = h.OpenToken(token)
	wantKind(t, "a token of an account that was removed", err, taxii.Unauthenticated)
}

func TestAStreamByATokenEndsWithIt(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	h.account(t, "member", "read on trust/channel/alerts")
	waiting := func(set exchange.TokenSetting) (exchange.TokenRecord, <-chan error) {
		token, record := h.token(t, set)
		f := open(t, h.by(t, token), exchange.Reading{Stream: true})
		done := make(chan error, 1)
		go func() {
			for {
				if err := f.Wait(t.Context(), time.Hour); err != nil {
					done <- err
					return
				}
			}
		}()
		return record, done
	}
	record, done := waiting(exchange.TokenSetting{Account: "member", Name: "revoked"})
	if err := h.op.RevokeToken(t.Context(), record.ID); err != nil {
		t.Fatal(err)
	}
	wantKind(t, "a stream by a token that was revoked", soon(done), taxii.Unauthenticated)

	// It used to last until something in the catalogue changed.
	_, done = waiting(exchange.TokenSetting{Account: "member", Name: "expires", Expires: taxii.TimeOf(time.Now().Add(300 * time.Millisecond))})
	wantKind(t, "a stream by a token that expired", soon(done), taxii.Unauthenticated)
}

// soon gives what comes within a minute.
func soon(done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		return errors.New("it goes on")
	}
}

func TestAScopeLetsThroughWhatTheAccountMayDoNowAndNoMore(t *testing.T) {
	t.Parallel()
	h := alerts(t)
	h.collection(t, "trust", "in")
	h.collection(t, "trust", "out")
	h.root(t, "lab", "notes")
	h.account(t, "alice", "read,write on trust", "read on lab/collection/notes")
	token, _ := h.token(t, exchange.TokenSetting{Account: "alice", Name: "siem", Scope: scope("read on trust/collection/in", "read,write on lab/collection/notes", "read on trust/channel/alerts")})
	s, ctx := h.by(t, token), t.Context()
	envelope := trial.Envelope(trial.Objects(7, 1)...)
	for what, try := range map[string]struct {
		err  error
		want taxii.Kind
	}{
		"write where it may read":          {second(s.Add(ctx, "trust", "in", envelope)), taxii.Forbidden},
		"read what is not in the scope":    {second(page(t, s, exchange.Objects, "trust", "out", taxii.Filter{})), taxii.NotFound},
		"write what is not in the scope":   {second(s.Add(ctx, "trust", "out", envelope)), taxii.NotFound},
		"write where the account may not":  {second(s.Add(ctx, "lab", "notes", envelope)), taxii.Forbidden},
		"publish where it may read":        {second(s.Publish(ctx, "trust", "alerts", exchange.Publication{})), taxii.Forbidden},
		"administer":                       {s.Administers(), taxii.NotFound},
		"delete where it may read":         {s.Delete(ctx, "trust", "in", "x--1", taxii.Filter{}), taxii.Forbidden},
		"change the password of it":        {s.ChangePassword(ctx, "another password", func(string) (bool, error) { return true, nil }), taxii.Forbidden},
		"see a token that it did not make": {s.RevokeToken(ctx, "0000000000000000"), taxii.NotFound},
	} {
		wantKind(t, what, try.err, try.want)
	}
	for _, name := range []string{"in"} {
		if _, err := page(t, s, exchange.Objects, "trust", name, taxii.Filter{}); err != nil {
			t.Errorf("read %s: %v", name, err)
		}
	}
	open(t, s, exchange.Reading{}).Close()
	list, err := s.Collections(ctx, "trust")
	if err != nil || len(list) != 1 || list[0].Alias != "in" {
		t.Errorf("it sees the Collections %+v, %v", list, err)
	}

	// What the account is granted or loses, the scope lets through at once.
	h.grant(t, "alice", "lab/collection/notes", "read", "write")
	if _, err := s.Add(ctx, "lab", "notes", envelope); err != nil {
		t.Errorf("the account may write now, and the scope says so: %v", err)
	}
	h.grant(t, "alice", "trust")
	_, err = page(t, s, exchange.Objects, "trust", "in", taxii.Filter{})
	wantKind(t, "the grant has ended", err, taxii.NotFound)
}

func TestATokenMakesNoTokenThatGoesBeyondIt(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "in", "out")
	alice := h.account(t, "alice", "read,write on trust")
	ctx, end := t.Context(), taxii.TimeOf(time.Now().Add(time.Hour))
	token, parent, err := alice.CreateToken(ctx, exchange.TokenSetting{Name: "parent", Scope: scope("read,write on trust/collection/in"), Ceiling: "amber", Expires: end})
	if err != nil {
		t.Fatal(err)
	}
	s := h.by(t, token)
	for what, set := range map[string]exchange.TokenSetting{
		"another collection": {Scope: scope("read on trust/collection/out")},
		"all of the root":    {Scope: scope("read on trust")},
		"another right":      {Scope: scope("manage on trust/collection/in")},
		"a higher ceiling":   {Ceiling: "red"},
		"a later end":        {Expires: end + 1},
	} {
		set.Name = "child"
		_, _, err := s.CreateToken(ctx, set)
		if k := taxii.KindOf(err); err == nil || k != taxii.Forbidden && k != taxii.NotFound {
			t.Errorf("%s: %v, want it refused", what, err)
		}
	}
	token, child, err := s.CreateToken(ctx, exchange.TokenSetting{Name: "child"})
	if err != nil || child.Expires != end || child.Ceiling != "amber" || len(child.Scope) != 1 || child.Maker != parent.ID {
		t.Fatalf("a token that says nothing is %+v, %v", child, err)
	}
	_, narrow, err := h.by(t, token).CreateToken(ctx, exchange.TokenSetting{Name: "narrow", Scope: scope("read on trust/collection/in"), Ceiling: "clear", Expires: end - 1})
	if err != nil {
		t.Fatal(err)
	}
	_, sibling, err := alice.CreateToken(ctx, exchange.TokenSetting{Name: "sibling"})
	if err != nil {
		t.Fatal(err)
	}

	// By a token one sees and ends that and what was made with it.
	if got := tokenNames(t, s); !slices.Equal(got, []string{"child", "narrow", "parent"}) {
		t.Errorf("the parent sees %q", got)
	}
	if got := tokenNames(t, h.by(t, token)); !slices.Equal(got, []string{"child", "narrow"}) {
		t.Errorf("the child sees %q", got)
	}
	wantKind(t, "ending the sibling", s.RevokeToken(ctx, sibling.ID), taxii.NotFound)
	wantKind(t, "ending the parent", h.by(t, token).RevokeToken(ctx, parent.ID), taxii.NotFound)
	if err := alice.RevokeToken(ctx, parent.ID); err != nil {
		t.Fatal(err)
	}
	if got := tokenNames(t, alice); !slices.Equal(got, []string{"sibling"}) {
		t.Errorf("left are %q: what the token made ends with it", got)
	}
	wantKind(t, "ending one that has ended", alice.RevokeToken(ctx, narrow.ID), taxii.NotFound)
}

func tokenNames(t *testing.T, s *exchange.Session) (names []string) {
	t.Helper()
	list, err := s.Tokens(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		names = append(names, r.Name)
	}
	return names
}

func tokenIDs(t *testing.T, s *exchange.Session) (ids []string) {
	t.Helper()
	list, err := s.Tokens(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestAnAccountManagesItsOwnTokensAndNoOthers(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "in")
	alice, bob := h.account(t, "alice", "read on trust"), h.account(t, "bob")
	ctx := t.Context()
	_, record, err := alice.CreateToken(ctx, exchange.TokenSetting{Name: "own"})
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*exchange.Session{"bob": bob, "bob with rights": h.account(t, "carl", "read,write,manage on trust")} {
		wantKind(t, name+" ends it", s.RevokeToken(ctx, record.ID), taxii.NotFound)
		wantKind(t, name+" lists them", second(s.Tokens(ctx, "alice")), kindFor(name))
		_, _, err := s.CreateToken(ctx, exchange.TokenSetting{Account: "alice", Name: "theirs"})
		wantKind(t, name+" makes one", err, kindFor(name))
	}
	_, _, err = bob.CreateToken(ctx, exchange.TokenSetting{Name: "x", Scope: scope("read on trust/collection/in")})
	wantKind(t, "a scope that names what bob does not see", err, taxii.NotFound)
	for what, s := range map[string]*exchange.Session{"who asks without credentials": h.Anonymous()} {
		_, _, err := s.CreateToken(ctx, exchange.TokenSetting{Name: "x"})
		wantKind(t, what+" makes one", err, taxii.Unauthenticated)
		wantKind(t, what+" lists them", second(s.Tokens(ctx, "")), taxii.Unauthenticated)
		wantKind(t, what+" ends one", s.RevokeToken(ctx, record.ID), taxii.Unauthenticated)
	}
	_, _, err = h.op.CreateToken(ctx, exchange.TokenSetting{Name: "x"})
	wantKind(t, "a token of the operator", err, taxii.Conflict)
	admin := h.account(t, "admin", "manage on server")
	if _, _, err := admin.CreateToken(ctx, exchange.TokenSetting{Account: "alice", Name: "given"}); err != nil {
		t.Errorf("who manages the server makes one: %v", err)
	}
	if err := admin.RevokeToken(ctx, record.ID); err != nil {
		t.Errorf("who manages the server ends one: %v", err)
	}

	// What an account cannot see any more its tokens do not name either.
	if _, _, err := alice.CreateToken(ctx, exchange.TokenSetting{Name: "named", Scope: scope("read on trust/collection/in")}); err != nil {
		t.Fatal(err)
	}
	h.grant(t, "alice", "trust")
	list, err := alice.Tokens(ctx, "")
	if err != nil || len(list) != 2 || list[1].Scope[0].On != "-" {
		t.Errorf("listed as %+v, %v", list, err)
	}
}

func kindFor(name string) taxii.Kind {
	if name == "bob" {
		return taxii.NotFound
	}
	return taxii.Forbidden // it manages something
}

func TestTokensThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "in")
	alice := h.account(t, "alice", "read on trust")
	if _, _, err := alice.CreateToken(t.Context(), exchange.TokenSetting{Name: "there"}); err != nil {
		t.Fatal(err)
	}
	for what, set := range map[string]exchange.TokenSetting{
		"no name":           {},
		"a long name":       {Name: strings.Repeat("x", 129)},
		"a line end":        {Name: "a\nb"},
		"an end in past":    {Name: "x", Expires: 1},
		"an empty scope":    {Name: "x", Scope: []exchange.ScopeSetting{}},
		"a long scope":      {Name: "x", Scope: slices.Repeat(scope("read on trust"), 65)},
		"no rights":         {Name: "x", Scope: []exchange.ScopeSetting{{On: "trust"}}},
		"an unknown right":  {Name: "x", Scope: scope("rule on trust")},
		"a senseless right": {Name: "x", Scope: scope("create on trust/collection/in")},
		"an unknown level":  {Name: "x", Ceiling: "mauve"},
	} {
		_, _, err := alice.CreateToken(t.Context(), set)
		wantKind(t, what, err, taxii.Unprocessable)
	}
	_, _, err := alice.CreateToken(t.Context(), exchange.TokenSetting{Name: "there"})
	wantKind(t, "a name twice", err, taxii.Conflict)
	for i := range 99 {
		if _, _, err := alice.CreateToken(t.Context(), exchange.TokenSetting{Name: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err = alice.CreateToken(t.Context(), exchange.TokenSetting{Name: "one too many"})
	wantKind(t, "the 101st", err, taxii.Conflict)
	if err := alice.RevokeToken(t.Context(), tokenIDs(t, alice)[0]); err != nil {
		t.Fatal(err)
	}
	text, _, err := alice.CreateToken(t.Context(), exchange.TokenSetting{Name: "again"})
	if err != nil {
		t.Fatal(err)
	}
	err = h.op.AddAccount(t.Context(), exchange.AccountSetting{Name: "bob", Password: text})
	wantKind(t, "a password that would be taken for a token", err, taxii.Unprocessable)
}

func TestWhenATokenWasUsedLastIsKept(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.account(t, "alice")
	token, record := h.token(t, exchange.TokenSetting{Account: "alice", Name: "used"})
	h.token(t, exchange.TokenSetting{Account: "alice", Name: "idle"})
	used := func() (list []taxii.Time) {
		t.Helper()
		all, err := h.op.AllTokens(t.Context())
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v, %v", all, err)
		}
		return []taxii.Time{all[1].Used, all[0].Used}
	}
	if got := used(); got[0] != 0 || got[1] != 0 || record.Used != 0 {
		t.Errorf("before it was used: %v", got)
	}
	before := taxii.TimeOf(time.Now())
	h.by(t, token)
	now := used()
	if now[0] < before || now[1] != 0 {
		t.Errorf("used at %v, and told are %v", before, now)
	}
	if err := h.WriteUses(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.restart(t)
	if got := used(); !slices.Equal(got, now) {
		t.Errorf("after a restart it is %v, not %v", got, now)
	}
	h.by(t, token)
	if err := h.op.RevokeToken(t.Context(), record.ID); err != nil {
		t.Fatal(err)
	}
	if err := h.WriteUses(t.Context()); err != nil { // of what is not there any more
		t.Fatal(err)
	}
	h.token(t, exchange.TokenSetting{Account: "alice", Name: "used"})
	if got := used(); got[0] != 0 {
		t.Errorf("another token of the name was used at %v", got)
	}
}

func TestAnAccountChangesItsPassword(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "in")
	alice := h.account(t, "alice", "read on trust")
	check := func(old string) func(string) (bool, error) {
		return func(secret string) (bool, error) { return secret == "hash of "+old, nil }
	}
	ctx, old := t.Context(), "password of alice"
	wantKind(t, "by a wrong old one", alice.ChangePassword(ctx, "another password", check("guess")), taxii.Forbidden)
	wantKind(t, "to a short one", alice.ChangePassword(ctx, "short", check(old)), taxii.Unprocessable)
	wantKind(t, "to none", alice.ChangePassword(ctx, "", check(old)), taxii.Unprocessable)
	wantKind(t, "without credentials", h.Anonymous().ChangePassword(ctx, "another password", check(old)), taxii.Unauthenticated)
	if err := alice.ChangePassword(ctx, "another password", check(old)); err != nil {
		t.Fatal(err)
	}
	_, err := h.open("alice", old)
	wantKind(t, "the old password", err, taxii.Unauthenticated)
	if _, err := h.open("alice", "another password"); err != nil {
		t.Error(err)
	}
	wantKind(t, "by a session that has ended with it", alice.ChangePassword(ctx, "a third password", check("another password")), taxii.Unauthenticated)
	if err := h.op.AddAccount(ctx, exchange.AccountSetting{Name: "bare"}); err != nil {
		t.Fatal(err)
	}
	token, _ := h.token(t, exchange.TokenSetting{Account: "bare", Name: "only"})
	wantKind(t, "of an account that has none", h.by(t, token).ChangePassword(ctx, "another password", check("")), taxii.Conflict)
}

func TestProofsOfOneRequestAreOfOneAccountAndGiveWhatBothDo(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.root(t, "trust", "in", "out")
	alice, bob := h.account(t, "alice", "read,write on trust"), h.account(t, "bob")
	_, err := alice.Beside(bob)
	wantKind(t, "of two accounts", err, taxii.Unauthenticated)
	_, err = alice.Beside(h.Anonymous())
	wantKind(t, "beside nobody", err, taxii.Unauthenticated)
	one, record := h.token(t, exchange.TokenSetting{Account: "alice", Name: "one", Scope: scope("read,write on trust/collection/in", "read on trust/collection/out")})
	two, _ := h.token(t, exchange.TokenSetting{Account: "alice", Name: "two", Scope: scope("read on trust/collection/in")})
	for name, pair := range map[string][2]*exchange.Session{"one by two": {h.by(t, one), h.by(t, two)}, "two by one": {h.by(t, two), h.by(t, one)}} {
		both, err := pair[0].Beside(pair[1])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := page(t, both, exchange.Objects, "trust", "in", taxii.Filter{}); err != nil {
			t.Errorf("%s: what both read: %v", name, err)
		}
		wantKind(t, name+": what one reads", second(page(t, both, exchange.Objects, "trust", "out", taxii.Filter{})), taxii.NotFound)
		wantKind(t, name+": what one writes", second(both.Add(t.Context(), "trust", "in", trial.Envelope(trial.Objects(1, 1)...))), taxii.Forbidden)
	}
	both, err := alice.Beside(h.by(t, one))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.op.RevokeToken(t.Context(), record.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err = both.CreateToken(t.Context(), exchange.TokenSetting{Name: "late"})
	wantKind(t, "once the second has ended", err, taxii.Unauthenticated)
}

func TestADeclarationKeepsTokens(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.account(t, "alice")
	token, _ := h.token(t, exchange.TokenSetting{Account: "alice", Name: "misp"})
	d, err := h.op.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(fmt.Sprintf("%+v", d), "misp") {
		t.Errorf("tokens are declared: %+v", d)
	}
	d.Accounts[0].Options = []string{exchange.OptionEmptyList}
	if _, err := h.op.Apply(t.Context(), d, true); err != nil {
		t.Fatal(err)
	}
	if s := h.by(t, token); !s.Is(exchange.OptionEmptyList) {
		t.Error("the declaration was not applied")
	}
}
