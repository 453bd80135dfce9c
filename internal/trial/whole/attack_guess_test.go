package whole_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// from is the same server, asked from another address of loopback.
func from(t *testing.T, s *trial.Server, address string) *trial.Server {
	t.Helper()
	transport := s.HTTP.Transport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, to string) (net.Conn, error) {
		return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}).DialContext(ctx, network, to)
	}
	t.Cleanup(transport.CloseIdleConnections)
	there := *s
	there.HTTP = &http.Client{Transport: transport, Timeout: time.Minute}
	return &there
}

// Somebody guesses the password of an account from many sources at once, and from
// one again and again. Each source comes to be refused for a while, the account and
// a name that is none alike; who knows the password signs in meanwhile, from a place
// that never did as well.
func TestGuessingIsSlowedAndLocksNobodyOut(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	trial.Covers(t, "K73")
	t.Parallel()
	s := trial.Start(t, "--empty")
	if c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.2")}}).DialContext(t.Context(), "tcp", s.Host()); err != nil {
		trial.Need(t, false, "addresses of loopback beside 127.0.0.1")
	} else {
		_ = c.Close()
	}
	known := basic("member", s.Password(t, "member"))
	status(t, s.Get(t, "", "/trust/", known), http.StatusOK)
	stop := make(chan struct{})
	var guessing sync.WaitGroup
	var mu sync.Mutex // guards seen
	seen := map[string]map[int]bool{"member": {}, "nobody": {}}
	for n := range 12 {
		name := []string{"member", "nobody"}[n%2]
		there := from(t, s, fmt.Sprintf("127.0.1.%d", n+1))
		guessing.Go(func() {
			for k := 0; ; k++ {
				select {
				case <-stop:
					return
				default:
				}
				a, err := there.Try(t, "", "GET", "/trust/", nil, basic(name, fmt.Sprintf("guess %d", k)))
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				mu.Lock()
				seen[name][a.Status] = true
				mu.Unlock()
				if a.Status == http.StatusTooManyRequests && a.Header.Get("Retry-After") == "" {
					t.Error("it is not said when to try again")
				}
			}
		})
	}
	patient := func() (all bool) { // until both names have come to be refused for a while
		mu.Lock()
		defer mu.Unlock()
		return seen["member"][http.StatusTooManyRequests] && seen["nobody"][http.StatusTooManyRequests]
	}
	for deadline := time.Now().Add(answeredWithin); !patient(); time.Sleep(50 * time.Millisecond) {
		status(t, s.Get(t, "", "/trust/", known), http.StatusOK) // never delayed, as it was verified today
		if time.Now().After(deadline) {
			t.Fatalf("after %v the answers to guesses are %v", answeredWithin, seen)
		}
	}
	status(t, from(t, s, "127.0.2.1").Get(t, "", "/trust/", known), http.StatusOK)
	fresh := basic("reader", s.Password(t, "reader")) // was never verified
	for elsewhere, deadline := from(t, s, "127.0.2.2"), time.Now().Add(answeredWithin); ; {
		a := elsewhere.Get(t, "", "/trust/", fresh)
		if a.Status == http.StatusOK {
			break
		}
		if a.Status != http.StatusServiceUnavailable || time.Now().After(deadline) { // a machine that is busy with all these hashes says so
			t.Fatalf("who has the password is answered %d %s", a.Status, a.Body)
		}
	}
	close(stop)
	guessing.Wait()
	for name, statuses := range seen {
		for code := range statuses {
			if !slices.Contains([]int{http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusServiceUnavailable}, code) {
				t.Errorf("a guess for %s is answered %d", name, code)
			}
		}
	}
}
