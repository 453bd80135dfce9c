package exchange

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
	"golang.org/x/crypto/chacha20poly1305"
)

// The purposes of keys: sealing cursors, and signing JWTs.
const (
	cursorPurpose = "cursor"
	jwtPurpose    = "jwt"
)

// MasterKeySize is the length of the master key in octets.
const MasterKeySize = chacha20poly1305.KeySize

// seal encrypts a secret with the master key, bound to its purpose and key id.
func seal(master []byte, purpose, kid string, secret []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(master)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return aead.Seal(nonce, nonce, secret, []byte(purpose+"\x00"+kid)), nil
}

func unseal(master []byte, s Secret) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(master)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	if len(s.Sealed) < aead.NonceSize() {
		return nil, fmt.Errorf("the sealed %s key %s is cut short", s.Purpose, s.KID)
	}
	nonce, text := s.Sealed[:aead.NonceSize()], s.Sealed[aead.NonceSize():]
	secret, err := aead.Open(nil, nonce, text, []byte(s.Purpose+"\x00"+s.KID))
	if err != nil {
		return nil, fmt.Errorf("the %s key %s cannot be opened: this is not the master key with which the store was made", s.Purpose, s.KID)
	}
	return secret, nil
}

// purpose is what keys are for, and how they follow each other.
type purpose struct {
	name string
	lead time.Duration // a new key is known everywhere for so long before it signs
	life time.Duration // after which the next one is made; 0: never by itself
	done time.Duration // after its last signature nothing of it is good any more, and it is retired; 0: never by itself
}

const (
	// sharedLead is for every node to have heard of a key, which takes each a
	// second at most.
	sharedLead = 5 * time.Second
	// jwtLead is twice as long as others may keep the published list of keys.
	jwtLead = 10 * time.Minute
	// jwtLife is how long a key signs JWTs: one that is copied unseen is not good
	// for ever.
	jwtLife = 30 * 24 * time.Hour
	// LongestJWT bounds how long a JWT is good; an hour more is for clocks that
	// differ.
	LongestJWT = 24 * time.Hour
	jwtDone    = LongestJWT + time.Hour
)

// purposes gives the purposes of keys, in the order of their names.
func (x *Exchange) purposes() []purpose {
	cursors := purpose{name: cursorPurpose}
	if x.opt.Shared {
		cursors.lead = sharedLead
	}
	return []purpose{cursors, {jwtPurpose, jwtLead, jwtLife, jwtDone}}
}

func (x *Exchange) purpose(name string) (purpose, error) {
	for _, p := range x.purposes() {
		if p.name == name {
			return p, nil
		}
	}
	return purpose{}, invalid("purpose", "must be cursor or jwt")
}

// ensureKeys makes the first key of each purpose, which signs at once: nobody has
// another.
func (x *Exchange) ensureKeys(ctx context.Context) error {
	for _, p := range x.purposes() {
		if _, ok := x.now.Load().signing(p.name); ok {
			continue
		}
		err := x.change(ctx, func(*snapshot) error {
			key, err := x.newKey(p.name, 0)
			if err != nil {
				return err
			}
			return x.store.PutSecrets(ctx, key)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// newKey makes a key that signs after a lead. Each is 32 octets: a key of
// XChaCha20-Poly1305, or the seed of one of Ed25519.
func (x *Exchange) newKey(purpose string, lead time.Duration) (Secret, error) {
	secret := make([]byte, chacha20poly1305.KeySize)
	id := make([]byte, kidSize/2)
	_, _ = rand.Read(secret) // never fails
	_, _ = rand.Read(id)
	now := x.opt.Now()
	s := Secret{Purpose: purpose, KID: hex.EncodeToString(id), State: Active, Created: taxii.TimeOf(now), Signs: taxii.TimeOf(now.Add(lead))}
	if lead > 0 {
		s.State = Coming
	}
	var err error
	s.Sealed, err = seal(x.opt.MasterKey, purpose, s.KID, secret)
	return s, err
}

// since is since when a secret signs, or from when on.
func (s Secret) since() taxii.Time {
	if s.Signs == 0 {
		return s.Created
	}
	return s.Signs
}

// signing gives the key of a purpose that signs. Of several active ones, which
// two nodes can bring about, it is the newest.
func (s *snapshot) signing(purpose string) (found Secret, ok bool) {
	for _, v := range s.secrets {
		if v.Purpose == purpose && v.State == Active && (!ok || v.since() >= found.since()) {
			found, ok = v, true
		}
	}
	return found, ok
}

// coming gives the key of a purpose that signs next.
func (s *snapshot) coming(purpose string) (found Secret, ok bool) {
	for _, v := range s.secrets {
		if v.Purpose == purpose && v.State == Coming {
			return v, true
		}
	}
	return found, false
}

// Key is what is told of a key: never the key.
type Key struct {
	Purpose string      `json:"purpose"`
	ID      string      `json:"id"`
	State   SecretState `json:"state"`
	Created taxii.Time  `json:"created"`
	Signs   taxii.Time  `json:"signs"` // since when, or from when on
}

func (s Secret) told() Key { return Key{s.Purpose, s.KID, s.State, s.Created, s.since()} }

// Keys lists the server's keys, by purpose and age.
func (s *Session) Keys(context.Context) ([]Key, error) {
	snap := s.x.now.Load()
	if err := s.manages(snap, resource{scope: OnServer}); err != nil {
		return nil, err
	}
	list := []Key{}
	for _, v := range snap.secrets {
		list = append(list, v.told())
	}
	return list, nil
}

// RotateKey makes a new key of a purpose, "cursor" or "jwt". It is coming: every
// node, and with JWTs everyone else, has it before it signs, which those of
// cursors do at once where one node alone has the store. With now it signs at
// once, as does one that is coming already. The key before it is still understood
// until it is retired.
func (s *Session) RotateKey(ctx context.Context, purpose string, now bool) (Key, error) {
	var key Key
	err := s.change(ctx, act{"key.rotate", purpose}, func(snap *snapshot) error {
		if err := s.manages(snap, resource{scope: OnServer}); err != nil {
			return err
		}
		p, err := s.x.purpose(purpose)
		if err != nil {
			return err
		}
		next, known := snap.coming(p.name)
		switch {
		case known && !now:
			return taxii.Errorf(taxii.Conflict, "key %s is coming already and signs from %s", next.KID, next.since())
		case !known && now:
			next, err = s.x.newKey(p.name, 0)
		case !known:
			next, err = s.x.newKey(p.name, p.lead)
		}
		if err != nil {
			return err
		}
		if now {
			next.Signs = taxii.TimeOf(s.x.opt.Now())
		}
		changed := snap.turned(&next, taxii.TimeOf(s.x.opt.Now()))
		key = next.told()
		return s.x.store.PutSecrets(ctx, changed...)
	})
	return key, err
}

// turned gives a key as it is now and, where it signs, those before it as they are
// then.
func (s *snapshot) turned(next *Secret, now taxii.Time) []Secret {
	if next.since() > now {
		return []Secret{*next}
	}
	next.State = Active
	changed := []Secret{*next}
	for _, v := range s.secrets {
		if v.Purpose == next.Purpose && v.State == Active && v.KID != next.KID {
			v.State = Accepted
			changed = append(changed, v)
		}
	}
	return changed
}

// RetireKey ends a key that does not sign: what it signed or sealed is not
// understood from now on.
func (s *Session) RetireKey(ctx context.Context, kid string) error {
	return s.change(ctx, act{"key.retire", kid}, func(snap *snapshot) error {
		if err := s.manages(snap, resource{scope: OnServer}); err != nil {
			return err
		}
		for _, v := range snap.secrets {
			if v.KID != kid {
				continue
			}
			if at, _ := snap.signing(v.Purpose); at.KID == kid {
				return taxii.Errorf(taxii.Conflict, "key %s is in use: rotate first, then retire it", kid)
			}
			v.State = Retired
			return s.x.store.PutSecrets(ctx, v)
		}
		return taxii.Errorf(taxii.NotFound, "no key %q", kid)
	})
}
