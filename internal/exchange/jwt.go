package exchange

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"

	"github.com/hansom-taxii/hansom/taxii"
)

// Voucher is what a JWT of this server says of who has it: the account, and which
// of its credentials it was had with, by a mark that another credential of the
// same name does not have. It tells nothing of what the credential is.
type Voucher struct {
	Account string
	Proof   string
	Until   taxii.Time // when the credential expires; 0: never
}

// word is what a JWT says of a Session, beside its account: until when, and of a
// JWT of this server by which key.
type word struct {
	expires taxii.Time
	kid     string // "" of an outside issuer
	issuer  string // "" of our own
}

// Vouch gives what a JWT for this Session is to say. Only who signed in with a
// password or an API token gets one: a JWT that was had with a JWT would not end,
// and one that was had with a certificate would outlive its revocation.
func (s *Session) Vouch() (Voucher, error) {
	switch {
	case s.proof == nil && s.word == nil:
		return Voucher{}, taxii.Errorf(taxii.Unauthenticated, "credentials are needed").
			Describe("Send the name and password of an account, or an API token, with HTTP Basic.")
	case s.way != ByPassword && s.way != ByToken:
		return Voucher{}, taxii.Errorf(taxii.Unauthenticated, "a JWT is had with a password or an API token")
	}
	return Voucher{Account: s.account.Name, Proof: s.proof.mark(), Until: s.proof.Expires}, nil
}

// Vouched records that a JWT is given out, before it is.
func (s *Session) Vouched(ctx context.Context) error {
	return s.done(ctx, "token.jwt", s.account.Name, nil)
}

// proofMark is the length of the mark of a credential, in octets: no two meet.
const proofMark = 16

// mark stands for a credential as it is now. What it is made of has a salt, or
// cannot be guessed.
func (c *Credential) mark() string {
	hash := sha256.New()
	for _, part := range []string{"hansom jwt proof", strconv.FormatInt(c.Account, 10), c.Kind, c.Name, c.Secret, strconv.FormatInt(int64(c.Created), 10)} {
		hash.Write([]byte(part))
		hash.Write([]byte{0})
	}
	return base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:proofMark])
}

// OpenJWT gives the Session of a JWT that a key of this server signed. It has what
// the credential lets through with which the JWT was had, and lives no longer than
// that, the key and the JWT itself.
func (x *Exchange) OpenJWT(v Voucher, kid string, expires taxii.Time) (*Session, error) {
	snap := x.now.Load()
	w, account := &word{expires: expires, kid: kid}, snap.names[v.Account]
	if account == nil || account.Builtin || !w.stands(x, snap) {
		return nil, refusedAs("its account is not there, or it or its key has ended")
	}
	proofs := snap.credentials[account.ID]
	for i := range proofs {
		if c := &proofs[i]; c.mark() == v.Proof && !x.expired(c) {
			s := x.openWith(account, c, ByJWT)
			s.word = w
			return s, nil
		}
	}
	return nil, refusedAs("the credential that it was had with has ended")
}

// OpenOutside gives the Session of a JWT of an outside issuer, by whose word it is
// an account and in groups, beside those of the catalogue; of the groups those
// count that there are.
func (x *Exchange) OpenOutside(name string, groups []string, expires taxii.Time) (*Session, error) {
	snap := x.now.Load()
	w, account := &word{expires: expires}, snap.names[name]
	if account == nil || account.Builtin || !w.stands(x, snap) {
		return nil, refusedAs("the account that a rule names for it is not there, or it has expired")
	}
	s := &Session{x: x, account: account, way: ByJWT, word: w}
	for _, group := range groups {
		if g := snap.groupNames[group]; g != nil && !slices.Contains(s.groups, g.ID) {
			s.groups = append(s.groups, g.ID)
		}
	}
	return s, nil
}

// Of says, for records, whose word a Session of OpenOutside is by.
func (s *Session) Of(issuer string) *Session {
	s.word.issuer = issuer
	return s
}

// stands tells whether a JWT has not expired and its key is not retired.
func (w *word) stands(x *Exchange, snap *snapshot) bool {
	if w == nil {
		return true
	}
	return taxii.TimeOf(x.opt.Now()) < w.expires && (w.kid == "" || snap.signers[w.kid] != nil)
}

// JWTKey is a key that JWTs of this server are verified with.
type JWTKey struct {
	ID     string
	Public ed25519.PublicKey
}

// JWTKeys gives the keys that are coming, active or accepted, oldest first.
func (x *Exchange) JWTKeys() []JWTKey {
	snap, list := x.now.Load(), []JWTKey{}
	for _, v := range snap.secrets {
		if key := snap.signers[v.KID]; key != nil && v.Purpose == jwtPurpose {
			list = append(list, JWTKey{v.KID, key.Public().(ed25519.PublicKey)})
		}
	}
	return list
}

// JWTKey gives the key of this id, unless it is retired.
func (x *Exchange) JWTKey(id string) (JWTKey, bool) {
	key := x.now.Load().signers[id]
	if key == nil {
		return JWTKey{}, false
	}
	return JWTKey{id, key.Public().(ed25519.PublicKey)}, true
}

// JWTSigner gives the id of the key that signs JWTs now, and what signs with it.
func (x *Exchange) JWTSigner() (id string, sign func(text []byte) []byte) {
	snap := x.now.Load()
	active, _ := snap.signing(jwtPurpose)
	key := snap.signers[active.KID]
	return active.KID, func(text []byte) []byte { return ed25519.Sign(key, text) }
}
