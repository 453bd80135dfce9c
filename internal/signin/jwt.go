package signin

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hansom-taxii/hansom/internal/exchange"
	"github.com/hansom-taxii/hansom/taxii"
)

// JWTOptions say which JWTs are given out and taken.
type JWTOptions struct {
	PublicURL string        // issuer and audience of our own, without a final slash
	Lifetime  time.Duration // of our own; 0: DefaultJWTLifetime
	Issuers   []Issuer      // outside issuers; none: only our own are taken
	Fetch     Fetch         // of what issuers publish; needed where there are any
	Now       func() time.Time
}

// Fetch asks another host for one document of at most so many octets, as
// [outbound.Caller.Get] does. Check tells in advance which URLs it refuses.
type Fetch interface {
	Get(ctx context.Context, url, accept string, most int64) ([]byte, error)
	Check(url string) error
}

const (
	// DefaultJWTLifetime is short enough that nobody asks for a way to end a JWT
	// alone, and long enough that signing is no load.
	DefaultJWTLifetime = 15 * time.Minute
	// LeastJWTLifetime lets clocks differ a little, and MostJWTLifetime is for how
	// long the exchange keeps the keys.
	LeastJWTLifetime, MostJWTLifetime = time.Minute, exchange.LongestJWT
	// leeway is how far the clock of an issuer may be off.
	leeway = 60 * time.Second
	// maxKnown bounds the JWTs that are known to be good: an entry takes about 500
	// octets.
	maxKnown = 10_000
)

// ownAlgorithm is that of our own JWTs, and ownType the type that stands in their
// header, so that nothing else that a key may ever sign passes for one (RFC 9068).
const (
	ownAlgorithm = jose.EdDSA
	ownType      = "at+jwt"
)

// JWTs gives out JSON Web Tokens and takes them, its own and those of outside
// issuers. Safe for concurrent use.
type JWTs struct {
	x       *exchange.Exchange
	opt     JWTOptions
	issuers map[string]*issuer

	mu    sync.Mutex // guards known
	known map[[sha256.Size]byte]*verified
}

// NewJWTs makes what gives out and takes the JWTs of an exchange. It fails where an
// issuer cannot be as it is set.
func NewJWTs(x *exchange.Exchange, o JWTOptions) (*JWTs, error) {
	if o.Lifetime == 0 {
		o.Lifetime = DefaultJWTLifetime
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	j := &JWTs{x: x, opt: o, issuers: map[string]*issuer{}, known: map[[sha256.Size]byte]*verified{}}
	if err := CheckIssuers(o.Issuers); err != nil {
		return nil, err
	}
	for _, set := range o.Issuers {
		if set.Issuer == o.PublicURL {
			return nil, fmt.Errorf("the issuer %s is this server itself", set.Issuer)
		}
		i, err := newIssuer(set, o.Fetch, o.Now)
		if err != nil {
			return nil, err
		}
		j.issuers[set.Issuer] = i
	}
	return j, nil
}

// Run keeps the keys of outside issuers until ctx ends. What fails is told with
// the issuer.
func (j *JWTs) Run(ctx context.Context, failed func(issuer string, err error)) {
	var all sync.WaitGroup
	for name, i := range j.issuers {
		all.Go(func() { i.keys.run(ctx, func(err error) { failed(name, err) }) })
	}
	all.Wait()
}

// verified is a JWT whose signature and claims were found good, and what it says.
type verified struct {
	expires taxii.Time

	kid     string // of our own
	voucher exchange.Voucher

	issuer  *issuer // of an outside one; nil for our own
	key     string  // thumbprint of its key
	account string
	groups  []string
}

// Session gives the Session of a JWT in compact form. Whatever is wrong with it,
// the answer is the same; the cause, without anything of the JWT, is for the log.
// It is Unavailable where the keys of the issuer cannot be had now.
func (j *JWTs) Session(ctx context.Context, compact string) (*exchange.Session, error) {
	if len(compact) > maxJWT {
		return nil, notGood(errors.New("it is longer than 8 KiB"))
	}
	id := sha256.Sum256([]byte(compact))
	v := j.find(id)
	if v == nil {
		var err error
		if v, err = j.verify(ctx, compact); err != nil {
			return nil, notGood(err)
		}
		j.remember(id, v)
	}
	s, err := v.open(j.x)
	if err != nil {
		return nil, notGood(err)
	}
	return s, nil
}

// notGood is the answer to a JWT that is not good, unless it could not be looked at.
func notGood(err error) error {
	if taxii.KindOf(err) == taxii.Unavailable {
		return err
	}
	return taxii.Errorf(taxii.Unauthenticated, "the credentials are not valid").
		Describe("This JWT is not good here, or not any more.").Because(err)
}

// open looks up who it is, as of now: the account, the credential and the key may
// have ended since.
func (v *verified) open(x *exchange.Exchange) (*exchange.Session, error) {
	if v.issuer == nil {
		return x.OpenJWT(v.voucher, v.kid, v.expires)
	}
	if !v.issuer.keys.has(v.key) {
		return nil, errors.New("the issuer has its key no more")
	}
	s, err := x.OpenOutside(v.account, v.groups, v.expires)
	if err != nil {
		return nil, err
	}
	return s.Of(v.issuer.set.Issuer), nil
}

// find gives a JWT that is known to be good; nil: it is not.
func (j *JWTs) find(id [sha256.Size]byte) *verified {
	j.mu.Lock()
	defer j.mu.Unlock()
	v := j.known[id]
	if v == nil || taxii.TimeOf(j.opt.Now()) < v.expires {
		return v
	}
	delete(j.known, id)
	return nil
}

func (j *JWTs) remember(id [sha256.Size]byte, v *verified) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.known) >= maxKnown {
		j.forget()
	}
	j.known[id] = v
}

// forget makes room: it drops what has expired, or else everything.
func (j *JWTs) forget() {
	now := taxii.TimeOf(j.opt.Now())
	for id, v := range j.known {
		if now >= v.expires {
			delete(j.known, id)
		}
	}
	if len(j.known) >= maxKnown {
		clear(j.known)
	}
}

// verify finds out whether a JWT is good, and what it says.
func (j *JWTs) verify(ctx context.Context, compact string) (*verified, error) {
	t, err := parseJWT(compact)
	if err != nil {
		return nil, err
	}
	if t.claims.issuer == j.opt.PublicURL {
		return j.verifyOwn(t, compact)
	}
	i := j.issuers[t.claims.issuer]
	if i == nil {
		return nil, errors.New("its issuer is not known")
	}
	return i.verify(ctx, t, compact)
}

// verifyOwn verifies a JWT that says it is ours.
func (j *JWTs) verifyOwn(t jwt, compact string) (*verified, error) {
	key, ok := j.x.JWTKey(t.header.KeyID)
	proof, named := textOf(t.claims.all["prf"])
	switch {
	case !ok:
		return nil, errors.New("its key is not known")
	case t.header.Type != ownType || !named:
		return nil, errors.New("it is not of the kind that is given out here")
	}
	if err := signed(compact, ownAlgorithm, key.Public); err != nil {
		return nil, err
	}
	if err := t.claims.good(j.opt.Now(), []string{j.opt.PublicURL}, 0); err != nil {
		return nil, err
	}
	return &verified{expires: t.claims.expires, kid: key.ID, voucher: exchange.Voucher{Account: t.claims.subject, Proof: proof}}, nil
}

// signed tells whether this key signed a JWT with this algorithm. The key is never
// looked for in the JWT.
func signed(compact string, with jose.SignatureAlgorithm, key any) error {
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{with})
	if err == nil {
		_, err = jws.Verify(key)
	}
	if err != nil {
		return errors.New("its signature is not good") // the library's words may hold some of the JWT's
	}
	return nil
}

// good checks audience and dates. The dates are what the issuer's clock says, which
// may be early or late; late is how much longer than it says a JWT is good.
func (c *claims) good(now time.Time, audience []string, late time.Duration) error {
	at := taxii.TimeOf(now)
	soon := taxii.TimeOf(now.Add(leeway))
	switch {
	case !slices.ContainsFunc(c.audience, func(a string) bool { return slices.Contains(audience, a) }):
		return errors.New("it is for another audience")
	case c.expires == 0:
		return errors.New("it does not expire")
	case at >= c.expires+taxii.Time(late.Microseconds()):
		return errors.New("it has expired")
	case c.begins > soon:
		return errors.New("it is not good yet")
	case c.issued > soon:
		return errors.New("it was issued in the future")
	case strings.TrimSpace(c.subject) == "":
		return errors.New("it has no subject")
	}
	return nil
}
