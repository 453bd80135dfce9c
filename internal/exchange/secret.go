package exchange

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"github.com/hansom-taxii/hansom/taxii"
	"golang.org/x/crypto/chacha20poly1305"
)

// cursorPurpose is the purpose of the keys that seal cursors.
const cursorPurpose = "cursor"

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

func (x *Exchange) ensureCursorKey(ctx context.Context) error {
	if x.now.Load().active != "" {
		return nil
	}
	return x.change(ctx, func(*snapshot) error {
		key, err := x.newKey(cursorPurpose)
		if err != nil {
			return err
		}
		return x.store.PutSecrets(ctx, key)
	})
}

func (x *Exchange) newKey(purpose string) (Secret, error) {
	secret := make([]byte, chacha20poly1305.KeySize)
	id := make([]byte, kidSize/2)
	_, _ = rand.Read(secret) // never fails
	_, _ = rand.Read(id)
	s := Secret{Purpose: purpose, KID: hex.EncodeToString(id), State: Active, Created: taxii.TimeOf(x.opt.Now())}
	var err error
	s.Sealed, err = seal(x.opt.MasterKey, purpose, s.KID, secret)
	return s, err
}

// Key is what is told of a key: never the key.
type Key struct {
	Purpose string      `json:"purpose"`
	ID      string      `json:"id"`
	State   SecretState `json:"state"`
	Created taxii.Time  `json:"created"`
}

// Keys lists the server's keys.
func (s *Session) Keys(context.Context) ([]Key, error) {
	snap := s.x.now.Load()
	if err := s.manages(snap, resource{scope: OnServer}); err != nil {
		return nil, err
	}
	list := []Key{}
	for _, v := range snap.secrets {
		list = append(list, Key{v.Purpose, v.KID, v.State, v.Created})
	}
	return list, nil
}

// RotateKey makes a new key that seals from now on; the one before it is still
// understood until it is retired.
func (s *Session) RotateKey(ctx context.Context) (Key, error) {
	var key Key
	err := s.x.change(ctx, func(snap *snapshot) error {
		if err := s.manages(snap, resource{scope: OnServer}); err != nil {
			return err
		}
		fresh, err := s.x.newKey(cursorPurpose)
		if err != nil {
			return err
		}
		changed := []Secret{fresh}
		for _, v := range snap.secrets {
			if v.Purpose == cursorPurpose && v.State == Active {
				v.State = Accepted
				changed = append(changed, v)
			}
		}
		key = Key{fresh.Purpose, fresh.KID, fresh.State, fresh.Created}
		return s.x.store.PutSecrets(ctx, changed...)
	})
	return key, err
}

// RetireKey ends a key that does not seal any more: what it sealed is not
// understood from now on.
func (s *Session) RetireKey(ctx context.Context, kid string) error {
	return s.x.change(ctx, func(snap *snapshot) error {
		if err := s.manages(snap, resource{scope: OnServer}); err != nil {
			return err
		}
		for _, v := range snap.secrets {
			if v.KID != kid {
				continue
			}
			if v.State == Active {
				return taxii.Errorf(taxii.Conflict, "key %s is in use: rotate first, then retire it", kid)
			}
			v.State = Retired
			return s.x.store.PutSecrets(ctx, v)
		}
		return taxii.Errorf(taxii.NotFound, "no key %q", kid)
	})
}
