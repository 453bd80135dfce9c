package signin

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// lookAgain is how often the files of authorities and revocation lists are
	// looked at, so that a revocation holds within about a second.
	lookAgain = time.Second
	// maxBundle and maxList bound the files, in octets: bundles of all public
	// authorities have less than 1 MiB, the largest lists of large authorities some
	// tens.
	maxBundle, maxList = 8 << 20, 128 << 20
	// maxChecked bounds the certificates whose check is kept; each takes some 100
	// octets.
	maxChecked = 10_000
	// maxIntermediates bounds what a client sends beside its own certificate.
	maxIntermediates = 8
)

// Trust is what client certificates are checked against: authorities and their
// revocation lists, in files that are read again when they change. Files that
// cannot be used leave the last good ones in place. Safe for concurrent use.
type Trust struct {
	bundle string
	lists  []string
	now    func() time.Time
	log    *slog.Logger

	mu     sync.Mutex // guards looked and seen; held while files are read
	looked time.Time
	seen   []fileState
	held   atomic.Pointer[trusted]
}

type fileState struct {
	size int64
	time time.Time
}

// OpenTrust reads a file of authorities in PEM, at least one, and files of
// revocation lists in PEM or DER. Log is told what is read again.
func OpenTrust(bundle string, lists []string, log *slog.Logger) (*Trust, error) {
	t := &Trust{bundle: bundle, lists: lists, now: time.Now, log: log}
	t.seen, t.looked = t.state(), t.now()
	held, err := t.read()
	if err != nil {
		return nil, err
	}
	t.held.Store(held)
	return t, nil
}

func (t *Trust) state() []fileState {
	list := make([]fileState, 0, 1+len(t.lists))
	for _, file := range append([]string{t.bundle}, t.lists...) {
		info, err := os.Stat(file)
		if err != nil {
			list = append(list, fileState{})
			continue
		}
		list = append(list, fileState{info.Size(), info.ModTime()})
	}
	return list
}

// current gives what is trusted now.
func (t *Trust) current() *trusted {
	if t.mu.TryLock() { // who comes while files are read goes by those before
		defer t.mu.Unlock()
		t.look()
	}
	return t.held.Load()
}

// look reads the files again if they changed.
func (t *Trust) look() {
	now := t.now()
	if now.Sub(t.looked) < lookAgain {
		return
	}
	t.looked = now
	state := t.state()
	if same(state, t.seen) {
		return
	}
	t.seen = state
	held, err := t.read()
	if err != nil {
		t.log.Error("the changed authorities or revocation lists of clients cannot be used; those before stay", slog.Any("error", err))
		return
	}
	t.held.Store(held)
	t.log.Info("authorities and revocation lists of clients read again", slog.Int("authorities", len(held.authorities)), slog.Int("lists", held.count))
}

func same(a, b []fileState) bool {
	for i := range a {
		if a[i].size != b[i].size || !a[i].time.Equal(b[i].time) {
			return false
		}
	}
	return true
}

func (t *Trust) read() (*trusted, error) {
	h := &trusted{asked: len(t.lists) > 0, good: map[[sha256.Size]byte]time.Time{}}
	text, err := readBounded(t.bundle, maxBundle)
	if err == nil {
		err = h.addAuthorities(text)
	}
	if err != nil {
		return nil, fmt.Errorf("read the authorities of clients: %w", err)
	}
	for _, file := range t.lists {
		text, err := readBounded(file, maxList)
		if err == nil {
			err = h.addLists(text)
		}
		if err != nil {
			return nil, fmt.Errorf("read the revocation list %s: %w", file, err)
		}
	}
	for _, list := range h.lists {
		if why := list.outdated(t.now()); why != "" {
			t.log.Warn("a revocation list of clients "+why+": certificates of its authority are refused",
				slog.String("issuer", list.Issuer.String()), slog.Time("next_update", list.NextUpdate))
		}
	}
	return h, nil
}

func readBounded(file string, most int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s is larger than %d octets", file, most)
	}
	return text, err
}

// Authorities are those whose certificates are taken, to be named to clients.
func (t *Trust) Authorities() *x509.CertPool { return t.current().named }

// Check tells why a client certificate is not good now, for the log: it must be
// by one of the authorities, be for clients, be within its time, and stand on no
// revocation list. Chain begins with it; what follows may lead to the authority.
func (t *Trust) Check(chain []*x509.Certificate) error {
	switch {
	case len(chain) == 0:
		return errors.New("there is no client certificate")
	case len(chain) > 1+maxIntermediates:
		return fmt.Errorf("the client sent %d certificates, and %d are taken", len(chain), 1+maxIntermediates)
	}
	return t.current().check(chain, t.now())
}

// Changed tells which state of the files is in force: while it is the same
// pointer, only time can have made a certificate bad.
func (t *Trust) Changed() any { return t.current() }
