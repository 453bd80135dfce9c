package signin

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// maxCredentials bounds the Authorization header that is looked at.
const maxCredentials = 4 << 10

// Basic signs in with HTTP Basic (RFC 7617). Safe for concurrent use.
type Basic struct {
	x        *exchange.Exchange
	match    func(hash, password string) bool // VerifyPassword; tests count
	source   func(*http.Request) netip.Addr   // where a request comes from
	dummy    string                           // verified for names that have no password, so that they take as long
	key      []byte                           // of fingerprints; dies with the process
	verified *remembered
	guesses  *guesses
	turns    *turns
}

// NewBasic makes the sign-in of an exchange.
func NewBasic(x *exchange.Exchange) (*Basic, error) {
	dummy, err := HashPassword(rand.Text()) // nobody knows it
	if err != nil {
		return nil, err
	}
	b := &Basic{
		x: x, match: VerifyPassword, source: connected, dummy: dummy, key: make([]byte, sha256.Size),
		verified: newVerified(), guesses: newGuesses(), turns: newTurns(),
	}
	_, err = rand.Read(b.key)
	return b, err
}

// connected is the address of the connection that a request came by.
func connected(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr) // of a socket that has none it is the zero address, which is one source
	return at.Addr()
}

// Challenge is the value of WWW-Authenticate (R068).
const Challenge = `Basic realm="hansom", charset="UTF-8"`

// Session gives the Session of a request: that of its credentials or, without
// any, the anonymous one. Wrong credentials are an error everywhere (K27).
func (b *Basic) Session(r *http.Request) (*exchange.Session, error) {
	headers := r.Header.Values("Authorization")
	switch len(headers) {
	case 0:
		return b.x.Anonymous(), nil
	case 1:
	default:
		return nil, taxii.Errorf(taxii.Unauthenticated, "several Authorization headers")
	}
	name, password, err := parseBasic(headers[0])
	if err != nil {
		return nil, err
	}
	return b.open(r, name, password)
}

// open gives the Session of a name and a password.
func (b *Basic) open(r *http.Request, name, password string) (*exchange.Session, error) {
	return b.x.Open(name, exchange.KindPassword, func(hash string) (bool, error) { return b.try(r, name, hash, password) })
}

// try compares the password that a request brings for a name with the hash that
// there is for it; "" stands for none.
func (b *Basic) try(r *http.Request, name, hash, password string) (bool, error) {
	return b.verify(r.Context(), attempt{name, network(b.source(r))}, hash, password)
}

// parseBasic reads a header value. The scheme is compared without case (K20);
// empty names and passwords are parsed, and then fit no account (K23).
func parseBasic(header string) (name, password string, err error) {
	bad := func(why string) (string, string, error) {
		return "", "", taxii.Errorf(taxii.Unauthenticated, "the Authorization header %s", why)
	}
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	switch {
	case !strings.EqualFold(scheme, "Basic"):
		return bad("names a scheme that is not offered: use Basic")
	case len(rest) > maxCredentials:
		return bad("is too long")
	}
	text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if err != nil {
		return bad("holds no base64")
	}
	name, password, found := strings.Cut(string(text), ":")
	if !found || !utf8.Valid(text) {
		return bad("holds no name and password in UTF-8 with a colon between them")
	}
	return name, password, nil
}

// verify compares a password with a hash; "" stands for an account that has none,
// and takes as long: everything below is done for both alike. Only a password that
// was verified before goes another way, and only its account knows it.
func (b *Basic) verify(ctx context.Context, a attempt, hash, password string) (bool, error) {
	known := hash != ""
	if !known {
		hash = b.dummy
	}
	f := b.fingerprint(hash, password)
	if b.verified.fresh(f) {
		return true, nil
	}
	if b.verified.lately(f) {
		return b.hash(ctx, rank{familiar: true, source: a.source}, f, hash, password, known)
	}
	by, cancel := context.WithTimeout(ctx, waitFor)
	defer cancel()
	try, err := b.guesses.enter(by, a)
	if err != nil {
		return false, err
	}
	ok, err := b.hash(ctx, rank{suspect: b.guesses.suspect(a.source), source: a.source}, f, hash, password, known)
	try.leave(ok, err)
	return ok, err
}

// hash takes its turn and compares.
func (b *Basic) hash(ctx context.Context, r rank, f fingerprint, hash, password string, known bool) (bool, error) {
	leave, err := b.turns.enter(ctx, r)
	if err != nil {
		return false, err
	}
	defer leave()
	if b.verified.fresh(f) { // whoever came before verified the same
		return true, nil
	}
	if !b.match(hash, password) || !known {
		return false, nil
	}
	b.verified.remember(f)
	return true, nil
}

func busy() *taxii.Error {
	e := taxii.Errorf(taxii.Unavailable, "too many sign-ins at once; try again")
	e.RetryAfter = 2 * time.Second
	return e
}

// fingerprint stands for a password and the hash it was verified against: once
// the password changes, what was verified before is never found again.
func (b *Basic) fingerprint(hash, password string) fingerprint {
	mac := hmac.New(sha256.New, b.key)
	mac.Write([]byte(hash))
	mac.Write([]byte{0})
	mac.Write([]byte(password))
	return fingerprint(mac.Sum(nil))
}
