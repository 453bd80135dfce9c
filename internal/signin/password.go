package signin

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// cost is what one hash takes of the machine. 19 MiB and two passes are what
// OWASP advises at least; one check then takes about 30 ms of one core.
type cost struct {
	memory  uint32 // KiB
	passes  uint32
	threads uint8
}

var usual = cost{memory: 19 * 1024, passes: 2, threads: 1}

const (
	saltSize = 16
	hashSize = 32
	// maxMemory and maxPasses bound what a hash from elsewhere may ask for, so
	// that one sign-in cannot take the whole machine.
	maxMemory = 256 * 1024
	maxPasses = 16
)

var encoding = base64.RawStdEncoding

// HashPassword gives what is kept of a password: argon2id in its usual text
// form, $argon2id$v=19$m=...,t=...,p=...$salt$hash.
func HashPassword(password string) (string, error) {
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("make a salt: %w", err)
	}
	return format(usual, salt, derive(usual, password, salt, hashSize)), nil
}

func derive(c cost, password string, salt []byte, size uint32) []byte {
	return argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.threads, size)
}

func format(c cost, salt, hash []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.passes, c.threads,
		encoding.EncodeToString(salt), encoding.EncodeToString(hash))
}

// parse reads a hash in its text form.
func parse(text string) (c cost, salt, hash []byte, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, fmt.Errorf("not an argon2id hash of version %d", argon2.Version)
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.passes, &c.threads); err != nil {
		return c, nil, nil, fmt.Errorf("the cost of an argon2id hash: %w", err)
	}
	if c.passes < 1 || c.passes > maxPasses || c.threads < 1 || c.memory < 8*uint32(c.threads) || c.memory > maxMemory {
		return c, nil, nil, fmt.Errorf("the cost of an argon2id hash is out of bounds")
	}
	if salt, err = encoding.DecodeString(parts[4]); err != nil || len(salt) < 8 || len(salt) > 64 {
		return c, nil, nil, fmt.Errorf("the salt of an argon2id hash is not good")
	}
	if hash, err = encoding.DecodeString(parts[5]); err != nil || len(hash) < 16 || len(hash) > 64 {
		return c, nil, nil, fmt.Errorf("an argon2id hash is not good")
	}
	if format(c, salt, hash) != text {
		return c, nil, nil, fmt.Errorf("an argon2id hash is not in its usual form")
	}
	return c, salt, hash, nil
}

// IsHash tells whether text is a hash as HashPassword makes it. Others are not
// taken: a hash of another cost would tell by its time that its account exists.
func IsHash(text string) bool {
	c, salt, hash, err := parse(text)
	return err == nil && c == usual && len(salt) == saltSize && len(hash) == hashSize
}

// VerifyPassword tells whether password is the one of hash, in the time that
// the hash asks for, whatever the answer.
func VerifyPassword(hash, password string) bool {
	c, salt, want, err := parse(hash)
	if err != nil {
		return false
	}
	return subtle.ConstantTimeCompare(derive(c, password, salt, uint32(len(want))), want) == 1
}
