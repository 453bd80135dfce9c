package signin

import (
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// verifiedFor is how long a verified password is not hashed again: long
	// enough that a client's run costs one hash, short enough that a password
	// that has ended elsewhere is not good here for long.
	verifiedFor = 5 * time.Minute
	// familiarFor is how long a verified password is never delayed: tools that ask
	// once a day are familiar (K73).
	familiarFor = 25 * time.Hour
	// maxVerified bounds what is remembered: an entry takes about 100 octets. Only
	// who has a good password can add to it.
	maxVerified = 50_000
)

type fingerprint [sha256.Size]byte

// remembered remembers which passwords were verified, and when.
type remembered struct {
	now func() time.Time

	mu sync.Mutex // guards at
	at map[fingerprint]time.Time
}

func newVerified() *remembered {
	return &remembered{now: time.Now, at: map[fingerprint]time.Time{}}
}

// fresh tells whether a password was verified a moment ago.
func (v *remembered) fresh(f fingerprint) bool { return v.within(f, verifiedFor) }

// lately tells whether a password was verified in the last day.
func (v *remembered) lately(f fingerprint) bool { return v.within(f, familiarFor) }

func (v *remembered) within(f fingerprint, most time.Duration) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	at, ok := v.at[f]
	return ok && v.now().Sub(at) < most
}

func (v *remembered) remember(f fingerprint) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, known := v.at[f]; !known && len(v.at) >= maxVerified {
		v.forget()
	}
	v.at[f] = v.now()
}

// forget makes room: it drops what is too old to be familiar, or else to be fresh,
// or else everything. mu is held.
func (v *remembered) forget() {
	for _, most := range []time.Duration{familiarFor, verifiedFor, 0} {
		for f, at := range v.at {
			if v.now().Sub(at) >= most {
				delete(v.at, f)
			}
		}
		if len(v.at) < maxVerified {
			return
		}
	}
}
