package signin

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// verifiedFor is how long a verified password is not hashed again: long
	// enough that a client's run costs one hash, short enough that what is kept
	// in memory is little.
	verifiedFor = 5 * time.Minute
	// maxVerified bounds the cache: an entry takes about 100 octets.
	maxVerified = 10_000
	// maxWaiting bounds the sign-ins that wait for a hash; more would only make
	// every one of them too slow.
	maxWaiting = 64
	// waitFor is how long a sign-in waits for its turn.
	waitFor = 5 * time.Second
	// maxCredentials bounds the Authorization header that is looked at.
	maxCredentials = 4 << 10
)

// Basic signs in with HTTP Basic (RFC 7617). Safe for concurrent use.
type Basic struct {
	x     *exchange.Exchange
	now   func() time.Time
	match func(hash, password string) bool // VerifyPassword; tests count
	dummy string                           // verified for names that have no password, so that they take as long
	turns chan struct{}                    // one for each hash at a time: each takes a core and 19 MiB
	queue chan struct{}
	key   []byte // of the cache; dies with the process

	mu       sync.Mutex // guards verified
	verified map[[sha256.Size]byte]time.Time
}

// NewBasic makes the sign-in of an exchange.
func NewBasic(x *exchange.Exchange) (*Basic, error) {
	dummy, err := HashPassword(rand.Text()) // nobody knows it
	if err != nil {
		return nil, err
	}
	b := &Basic{
		x: x, now: time.Now, match: VerifyPassword, dummy: dummy, key: make([]byte, sha256.Size), verified: map[[sha256.Size]byte]time.Time{},
		turns: make(chan struct{}, max(1, runtime.GOMAXPROCS(0))), queue: make(chan struct{}, maxWaiting),
	}
	_, err = rand.Read(b.key)
	return b, err
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
	return b.x.Open(name, exchange.KindPassword, func(hash string) (bool, error) {
		return b.verify(r.Context(), hash, password)
	})
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

// verify compares a password with a hash; "" stands for an account that has
// none, and takes as long.
func (b *Basic) verify(ctx context.Context, hash, password string) (bool, error) {
	known := hash != ""
	if !known {
		hash = b.dummy
	}
	fingerprint := b.fingerprint(hash, password)
	if known && b.fresh(fingerprint) {
		return true, nil
	}
	if err := b.turn(ctx); err != nil {
		return false, err
	}
	defer func() { <-b.turns }()
	if known && b.fresh(fingerprint) { // whoever came before verified the same
		return true, nil
	}
	if !b.match(hash, password) || !known {
		return false, nil
	}
	b.remember(fingerprint)
	return true, nil
}

// turn waits until one of the few hashes at a time may be made.
func (b *Basic) turn(ctx context.Context) error {
	select {
	case b.queue <- struct{}{}:
	default:
		return busy()
	}
	defer func() { <-b.queue }()
	select {
	case b.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return busy().Because(ctx.Err())
	case <-time.After(waitFor):
		return busy()
	}
}

func busy() *taxii.Error {
	e := taxii.Errorf(taxii.Unavailable, "too many sign-ins at once; try again")
	e.RetryAfter = 2 * time.Second
	return e
}

// fingerprint stands for a password and the hash it was verified against: once
// the password changes, what was verified before is never found again.
func (b *Basic) fingerprint(hash, password string) (f [sha256.Size]byte) {
	mac := hmac.New(sha256.New, b.key)
	mac.Write([]byte(hash))
	mac.Write([]byte{0})
	mac.Write([]byte(password))
	return [sha256.Size]byte(mac.Sum(nil))
}

func (b *Basic) fresh(f [sha256.Size]byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	until, ok := b.verified[f]
	return ok && b.now().Before(until)
}

func (b *Basic) remember(f [sha256.Size]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.verified) >= maxVerified {
		b.forget()
	}
	b.verified[f] = b.now().Add(verifiedFor)
}

// forget makes room: it drops what is too old, or else everything.
func (b *Basic) forget() {
	for f, until := range b.verified {
		if !b.now().Before(until) {
			delete(b.verified, f)
		}
	}
	if len(b.verified) >= maxVerified {
		clear(b.verified)
	}
}
