package signin

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hansom-taxii/hansom/taxii"
)

// ringOf runs a keyring in a bubble of time; what its issuer publishes is in web.
func ringOf(t *testing.T, w *web) (k *keyring, failed *atomic.Int64) {
	t.Helper()
	k, failed = newKeyring(setting(), w, time.Now), new(atomic.Int64)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.run(ctx, func(error) { failed.Add(1) })
	}()
	t.Cleanup(func() { stop(); <-done })
	synctest.Wait()
	return k, failed
}

// printOf gives the thumbprint of a key that is known.
func (k *keyring) printOf(t *testing.T, kid string) string {
	t.Helper()
	list, err := k.find(t.Context(), kid, "EdDSA")
	fine(t, err)
	return list[0].print
}

func found(t *testing.T, k *keyring, kid string) bool {
	t.Helper()
	list, err := k.find(t.Context(), kid, "EdDSA")
	if err != nil && taxii.KindOf(err) == taxii.Unavailable {
		t.Errorf("%s: %v", kid, err)
	}
	return len(list) > 0
}

func TestTheKeysOfAnIssuerFollowIt(t *testing.T) {
	t.Parallel()
	p, q := newProvider(t, idp), newProvider(t, idp)
	synctest.Test(t, func(t *testing.T) {
		w := publish(idp+discoveryPath, discovery(idp, idpKeys), idpKeys, keySet(t, p.keys()...))
		k, _ := ringOf(t, w)
		if !found(t, k, "d") || w.count(idpKeys) != 1 {
			t.Errorf("at the start: asked %d times", w.count(idpKeys))
		}
		// A new key, which a JWT names before it was asked for.
		w.put(idpKeys, keySet(t, append(p.keys(), jose.JSONWebKey{Key: q.ed.Public(), KeyID: "new"})...))
		if found(t, k, "new") {
			t.Error("a new key is known that was not asked for")
		}
		time.Sleep(keysAgain)
		if !found(t, k, "new") || w.count(idpKeys) != 2 {
			t.Errorf("a new key is not known; asked %d times", w.count(idpKeys))
		}
		// Keys that are taken back are good no longer than until the next question.
		print := k.printOf(t, "d")
		w.put(idpKeys, keySet(t, jose.JSONWebKey{Key: q.ed.Public(), KeyID: "new"}))
		time.Sleep(keysEvery)
		synctest.Wait()
		if found(t, k, "d") || k.has(print) || !found(t, k, "new") {
			t.Error("keys that were taken back are still good")
		}
		// The place of the keys may change too.
		w.put(idp+discoveryPath, discovery(idp, "https://other.example/keys"))
		w.put("https://other.example/keys", keySet(t, p.keys()...))
		time.Sleep(keysEvery)
		synctest.Wait()
		if !found(t, k, "d") {
			t.Error("keys at another place are not known")
		}
	})
}

// An issuer that begins anew may give its new key the id of the old one.
func TestAKeyInThePlaceOfAnotherIsFound(t *testing.T) {
	t.Parallel()
	p, q := newProvider(t, idp), newProvider(t, idp)
	synctest.Test(t, func(t *testing.T) {
		w := publish(idp+discoveryPath, discovery(idp, idpKeys), idpKeys, keySet(t, p.keys()...))
		i, err := newIssuer(setting(), w, time.Now)
		fine(t, err)
		i.keys, _ = ringOf(t, w)
		token := q.sign(t, "EdDSA", "d", q.claims(time.Now()))
		w.put(idpKeys, keySet(t, q.keys()...))
		head := joseHeader{Algorithm: "EdDSA", KeyID: "d"}
		if _, err := i.signer(t.Context(), head, token); err == nil {
			t.Error("the key is known that was not asked for")
		}
		time.Sleep(keysAgain)
		if _, err := i.signer(t.Context(), head, token); err != nil || w.count(idpKeys) != 2 {
			t.Errorf("%v; asked %d times", err, w.count(idpKeys))
		}
		for range 100 {
			_, _ = i.signer(t.Context(), head, p.sign(t, "EdDSA", "d", p.claims(time.Now())))
		}
		if w.count(idpKeys) != 2 {
			t.Errorf("asked %d times for bad signatures", w.count(idpKeys))
		}
	})
}

// Anybody can write a JWT that names a key which there is not.
func TestUnknownKeysDoNotFloodTheIssuer(t *testing.T) {
	t.Parallel()
	p := newProvider(t, idp)
	synctest.Test(t, func(t *testing.T) {
		w := publish(idp+discoveryPath, discovery(idp, idpKeys), idpKeys, keySet(t, p.keys()...))
		k, _ := ringOf(t, w)
		time.Sleep(time.Minute)
		free := w.hold()
		var all sync.WaitGroup
		away := make([]bool, 2*keysWaiting)
		for n := range away {
			all.Go(func() {
				_, err := k.find(t.Context(), "x"+strings.Repeat("y", n), "EdDSA")
				away[n] = taxii.KindOf(err) == taxii.Unavailable
			})
		}
		synctest.Wait()
		if len(k.waiting) != keysWaiting {
			t.Errorf("%d wait, want %d", len(k.waiting), keysWaiting)
		}
		if !found(t, k, "d") {
			t.Error("who has a good key waits for the others")
		}
		free()
		all.Wait()
		turnedAway := 0
		for _, yes := range away {
			if yes {
				turnedAway++
			}
		}
		if turnedAway != keysWaiting {
			t.Errorf("%d were turned away, want %d", turnedAway, keysWaiting)
		}
		before := w.count(idpKeys)
		for range 1000 {
			found(t, k, "z")
		}
		if w.count(idpKeys) != before || before != 2 {
			t.Errorf("the issuer was asked %d times, then %d", before, w.count(idpKeys))
		}
		for range 10 * 60 { // for ten minutes, each second
			found(t, k, "z")
			time.Sleep(time.Second)
		}
		if got := w.count(idpKeys) - before; got > 21 {
			t.Errorf("the issuer was asked %d times in ten minutes", got)
		}
	})
}

func TestKeysAreGoodForADayWhileTheIssuerIsAway(t *testing.T) {
	t.Parallel()
	p := newProvider(t, idp)
	synctest.Test(t, func(t *testing.T) {
		w := publish(idp+discoveryPath, discovery(idp, idpKeys), idpKeys, keySet(t, p.keys()...))
		k, failed := ringOf(t, w)
		print := k.printOf(t, "d")
		w.put(idpKeys, "")
		time.Sleep(keysGood - time.Minute)
		if !found(t, k, "d") || !k.has(print) || failed.Load() == 0 {
			t.Errorf("within a day the keys are gone; %d failures were told", failed.Load())
		}
		time.Sleep(2 * time.Minute)
		_, err := k.find(t.Context(), "d", "EdDSA")
		if taxii.KindOf(err) != taxii.Unavailable || k.has(print) {
			t.Errorf("after a day: %v", err)
		}
		w.put(idpKeys, keySet(t, p.keys()...))
		time.Sleep(keysAgain)
		synctest.Wait()
		if !found(t, k, "d") {
			t.Error("once the issuer is back its keys are not known")
		}
	})
}

func TestAnIssuerThatNeverAnswersIsWaitedForAMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := publish()
		free := w.hold()
		k, _ := ringOf(t, w)
		began := time.Now()
		_, err := k.find(t.Context(), "d", "EdDSA")
		if took := time.Since(began); taxii.KindOf(err) != taxii.Unavailable || took != keysWait {
			t.Errorf("after %v: %v", took, err)
		}
		free()
	})
}

func TestDiscoveryMustBeTheIssuers(t *testing.T) {
	t.Parallel()
	p := newProvider(t, idp)
	for what, text := range map[string]string{
		"of another": discovery("https://evil.example", idpKeys), "with a slash": discovery(idp+"/", idpKeys), "without keys": discovery(idp, ""),
		"no JSON": "<html>", "twice": `{"issuer":"` + idp + `","issuer":"` + idp + `","jwks_uri":"` + idpKeys + `"}`, "too large": discovery(idp, idpKeys) + strings.Repeat(" ", maxDiscovery),
	} {
		w := publish(idp+discoveryPath, text, idpKeys, keySet(t, p.keys()...))
		if err := newKeyring(setting(), w, time.Now).refresh(t.Context()); err == nil || w.count(idpKeys) != 0 {
			t.Errorf("%s: %v, and the keys were asked for %d times", what, err, w.count(idpKeys))
		}
	}
}
