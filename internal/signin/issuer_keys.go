package signin

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/hansom-taxii/hansom/taxii"
)

const (
	// keysEvery is how often the keys of an issuer are asked for: one that it takes
	// out of its set is good no longer than that.
	keysEvery = 10 * time.Minute
	// keysAgain is how long it is not asked again, whatever keys JWTs name: they are
	// written by anybody. Nobody publishes a new key and signs with it sooner.
	keysAgain = 30 * time.Second
	// keysGood is for how long keys are good while the issuer does not answer.
	keysGood = 24 * time.Hour
	// keysWait is how long a request waits for the keys, and keysWaiting how many
	// do: more would only hold what others need.
	keysWait    = 5 * time.Second
	keysWaiting = 64
	// maxDiscovery and maxKeySet bound what an issuer publishes, in octets: those of
	// the largest are a tenth of that.
	maxDiscovery, maxKeySet = 64 << 10, 256 << 10
)

// discoveryPath is where an issuer says where its keys are (OpenID Connect
// Discovery 1.0, 4).
const discoveryPath = "/.well-known/openid-configuration"

// keyring keeps the keys of an issuer.
type keyring struct {
	set     Issuer
	fetch   Fetch
	now     func() time.Time
	every   time.Duration // keysEvery; tests
	again   time.Duration // keysAgain; tests
	asked   chan struct{} // somebody needs a key that is not there
	waiting chan struct{} // a place for each who waits

	mu     sync.Mutex // guards what follows; never held while calling
	keys   []outsideKey
	got    time.Time     // when they came
	tried  time.Time     // when they were last asked for
	turned chan struct{} // closed when they have been asked for again
}

func newKeyring(set Issuer, fetch Fetch, now func() time.Time) *keyring {
	return &keyring{
		set: set, fetch: fetch, now: now, every: keysEvery, again: keysAgain,
		asked: make(chan struct{}, 1), waiting: make(chan struct{}, keysWaiting), turned: make(chan struct{}),
	}
}

// addresses gives the URLs that are known before anything is asked.
func (k *keyring) addresses() []string {
	if k.set.JWKSURL != "" {
		return []string{k.set.JWKSURL}
	}
	return []string{strings.TrimSuffix(k.set.Issuer, "/") + discoveryPath}
}

// run asks for the keys now and then, and when somebody needs one, until ctx ends.
func (k *keyring) run(ctx context.Context, failed func(error)) {
	for ctx.Err() == nil {
		if err := k.refresh(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
		k.rest(ctx)
	}
}

// rest waits until it is time to ask for the keys.
func (k *keyring) rest(ctx context.Context) {
	wait := k.every
	if k.missing() {
		wait = k.again
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-k.asked:
			if _, _, ask := k.look("", ""); ask { // who asked may have got an answer since
				return
			}
		}
	}
}

// missing tells whether there are no keys, or the last try brought none.
func (k *keyring) missing() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.got.IsZero() || k.got.Before(k.tried)
}

// refresh asks for the keys once. Where they do not come those that are there stay.
func (k *keyring) refresh(ctx context.Context) error {
	began := k.now()
	keys, err := k.load(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.tried = began; err == nil {
		k.keys, k.got = keys, began
	}
	close(k.turned)
	k.turned = make(chan struct{})
	return err
}

func (k *keyring) load(ctx context.Context) ([]outsideKey, error) {
	address := k.addresses()[0]
	if k.set.JWKSURL == "" {
		text, err := k.fetch.Get(ctx, address, "application/json", maxDiscovery)
		if err != nil {
			return nil, err
		}
		var about struct {
			Issuer string `json:"issuer"`
			Keys   string `json:"jwks_uri"`
		}
		switch err := object(text, &about); {
		case err != nil || about.Keys == "":
			return nil, errors.New("its discovery names no keys")
		case about.Issuer != k.set.Issuer: // OpenID Connect Discovery 1.0, 4.3
			return nil, errors.New("its discovery is that of another issuer")
		}
		address = about.Keys
	}
	text, err := k.fetch.Get(ctx, address, mediaKeySet+", application/json", maxKeySet)
	if err != nil {
		return nil, err
	}
	return parseKeySet(text)
}

// has tells whether the issuer still has a key.
func (k *keyring) has(print string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.fresh() {
		return false
	}
	for i := range k.keys {
		if k.keys[i].print == print {
			return true
		}
	}
	return false
}

// fresh tells whether the keys are good. The lock is held.
func (k *keyring) fresh() bool { return !k.got.IsZero() && k.now().Sub(k.got) < keysGood }

// find gives the keys with which a JWT of this key id and algorithm may be signed,
// at least one. Where there is none, the issuer is asked, if that was not done just
// now. It is Unavailable where the issuer does not answer and no keys are left.
func (k *keyring) find(ctx context.Context, id, algorithm string) ([]outsideKey, error) {
	list, turned, ask := k.look(id, algorithm)
	if len(list) == 0 && ask {
		if err := k.await(ctx, turned); err != nil {
			return nil, err
		}
		list, _, _ = k.look(id, algorithm)
	}
	if len(list) > 0 {
		return list, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.fresh() {
		return nil, away()
	}
	return nil, errors.New("the issuer has no such key")
}

// renewed asks the issuer for its keys, unless that was done just now, and tells
// whether it was asked.
func (k *keyring) renewed(ctx context.Context) bool {
	_, turned, ask := k.look("", "")
	return ask && k.await(ctx, turned) == nil
}

// look gives the keys that there are, when they will have been asked for again, and
// whether it is time to ask.
func (k *keyring) look(id, algorithm string) (list []outsideKey, turned chan struct{}, ask bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fresh() {
		list = k.fitting(id, algorithm)
	}
	return list, k.turned, k.tried.IsZero() || k.now().Sub(k.tried) >= k.again
}

// fitting gives the keys of this id or, for "", the one key that there is for this
// algorithm. The lock is held.
func (k *keyring) fitting(id, algorithm string) (list []outsideKey) {
	for _, key := range k.keys {
		if id == "" {
			key.id = ""
		}
		if key.fits(id, algorithm) {
			list = append(list, key)
		}
	}
	if id == "" && len(list) > 1 {
		return nil
	}
	return list
}

// await has the keys asked for, and waits until they were.
func (k *keyring) await(ctx context.Context, turned chan struct{}) error {
	select {
	case k.waiting <- struct{}{}:
		defer func() { <-k.waiting }()
	default:
		return away()
	}
	select {
	case k.asked <- struct{}{}:
	default: // somebody else has
	}
	timer := time.NewTimer(keysWait)
	defer timer.Stop()
	select {
	case <-turned:
		return nil
	case <-timer.C:
		return away()
	case <-ctx.Done():
		return away().Because(ctx.Err())
	}
}

// away is the answer where the keys of an issuer cannot be had.
func away() *taxii.Error {
	e := taxii.Errorf(taxii.Unavailable, "the keys of the issuer cannot be had now; try again")
	e.RetryAfter = keysAgain
	return e
}
