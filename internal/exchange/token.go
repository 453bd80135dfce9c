package exchange

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strings"

	"github.com/hansom-taxii/hansom/taxii"
)

// KindToken is the kind of credential that is an API token.
const KindToken = "token"

// TokenPrefix is what every API token begins with, so that scanners for secrets
// find those that were published by mistake.
const TokenPrefix = "hansom_"

const (
	// tokenSecret is the length of what nobody can guess, in octets: 168 bits. With
	// the checksum it fills whole characters of base32.
	tokenSecret = 21
	tokenLength = len(TokenPrefix) + (tokenSecret+crc32.Size)*8/5
	tokenIDSize = 8 // octets; enough that no two meet, and short enough to type
)

// tokenText is RFC 4648 base32 in lower case: no sign in it needs care in a
// header, a URL, a shell or a CSV file.
var tokenText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// newAPIToken makes a token: the prefix, then the secret with its CRC-32, by which
// one that was mistyped is told from one that is not valid.
func newAPIToken() string {
	secret := make([]byte, tokenSecret, tokenSecret+crc32.Size)
	_, _ = rand.Read(secret) // never fails
	return TokenPrefix + tokenText.EncodeToString(binary.BigEndian.AppendUint32(secret, crc32.ChecksumIEEE(secret)))
}

func newTokenID() string {
	id := make([]byte, tokenIDSize)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

// IsToken tells whether text has the form of an API token, its checksum included.
func IsToken(text string) bool {
	rest, ok := strings.CutPrefix(text, TokenPrefix)
	if !ok || len(text) != tokenLength {
		return false
	}
	octets, err := tokenText.DecodeString(rest)
	if err != nil || len(octets) != tokenSecret+crc32.Size {
		return false
	}
	return crc32.ChecksumIEEE(octets[:tokenSecret]) == binary.BigEndian.Uint32(octets[tokenSecret:])
}

// tokenHash is what is kept of a token. It is not salted and not slow: what it
// hides cannot be guessed.
func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// OpenToken gives the Session of an API token. Wherever it comes from, one that is
// not valid is Unauthenticated; of one that is mistyped that is said.
func (x *Exchange) OpenToken(token string) (*Session, error) {
	if !IsToken(token) {
		return nil, mistyped()
	}
	snap := x.now.Load()
	for _, c := range snap.secret[secretKey(KindToken, tokenHash(token))] {
		if account := snap.accounts[c.Account]; account != nil && !account.Removed && !x.expired(c) {
			return x.openWith(account, c, ByToken), nil
		}
	}
	return nil, refused(nil)
}

// mistyped is the answer to what can be no token. It says nothing that who sent it
// could not find out alone.
func mistyped() error {
	return taxii.Errorf(taxii.Unauthenticated, "the credentials are not valid").
		Describe("This is no whole API token of this server: it is mistyped, cut short, or of something else.")
}

func (x *Exchange) expired(c *Credential) bool {
	return c.Expires != 0 && taxii.TimeOf(x.opt.Now()) >= c.Expires
}

// openWith gives the Session of an account that has proved itself with one of its
// credentials.
func (x *Exchange) openWith(account *Account, proof *Credential, way Way) *Session {
	x.uses.note(proof, taxii.TimeOf(x.opt.Now()))
	return &Session{x: x, account: account, proof: proof, way: way, scope: proof.lets()}
}

// lets gives the scope of a credential for looking things up; nil: all.
func (c *Credential) lets() map[resource]Rights {
	if c.Scope == nil {
		return nil
	}
	scope := make(map[resource]Rights, len(c.Scope))
	for _, g := range c.Scope {
		scope[resource{g.Scope, g.Root, g.Item}] |= g.Rights
	}
	return scope
}
