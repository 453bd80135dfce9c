package whole_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// backWithin is how long a server may take to go on after its database is back.
const backWithin = time.Minute

// TestAServerGoesOnAfterPostgreSQLWasAway writes and reads while PostgreSQL
// ends and is started again, and while it ends all its connections because one
// of its processes was killed. Meanwhile a request is answered as ever, or
// with a 503, or a page is cut off before its end; what was accepted stays; hansom is not started again.
func TestAServerGoesOnAfterPostgreSQLWasAway(t *testing.T) {
	trial.Covers(t, "R236", "K63")
	t.Parallel()
	database := trial.PostgresDurable(t)
	s := trial.StartOn(t, database.Database(t), "--empty")
	path, pid := s.Collection(t, "indicators"), s.PID()
	w := &weathered{s: s, path: path, sent: make([][]sentAdd, writers/2)}
	var all sync.WaitGroup
	for i := range w.sent {
		all.Go(func() { w.write(t, i) })
	}
	all.Go(func() { w.read(t) })
	end := func() { w.ended.Store(true); all.Wait() }
	t.Cleanup(end)
	w.goesOn(t, "before all")
	for _, outage := range []struct {
		name string
		away func()
	}{
		{"PostgreSQL ended and was started again", func() {
			database.Crash(t)
			w.refused(t)
			if a := s.Get(t, "admin", s.DefaultRoot); a.Status != http.StatusOK {
				t.Errorf("what needs no database: %d %.300s", a.Status, a.Body)
			}
			database.Start(t)
		}},
		{"a process of PostgreSQL was killed", func() { database.KillBackends(t, s.Store) }},
		{"PostgreSQL was started again at once", func() { database.Crash(t); database.Start(t) }},
	} {
		outage.away()
		w.goesOn(t, "after "+outage.name)
	}
	end()
	for _, err := range w.wrong {
		t.Error(err)
	}
	if s.PID() != pid || w.away.Load() == 0 {
		t.Errorf("the process is %d, it was %d; %d requests met no database", s.PID(), pid, w.away.Load())
	}
	var adds []sentAdd
	for _, sent := range w.sent {
		adds = append(adds, sent...)
	}
	keptOnce(t, s, path, adds)
}

// weathered is what clients did and saw while the database came and went.
type weathered struct {
	s    *trial.Server
	path string
	sent [][]sentAdd // by writer

	accepted, away atomic.Int64 // Adds with a 202; requests with a 503
	ended          atomic.Bool

	mu    sync.Mutex // guards wrong
	wrong []error    // answers that should not be
}

// write adds small envelopes until the end; where one is refused, it goes on
// with the next.
func (w *weathered) write(t *testing.T, group int) {
	for n := 0; !w.ended.Load(); n += 3 {
		add := sentAdd{objects: [][]byte{identity(group, n, 1), identity(group, n+1, 1), identity(group, n+2, 1)}}
		a, err := w.s.Try(t, "admin", http.MethodPost, w.path+"/objects/", trial.Envelope(add.objects...))
		if add.accepted = w.judged("add", a, err, http.StatusAccepted); add.accepted {
			w.accepted.Add(1)
		}
		w.sent[group] = append(w.sent[group], add)
	}
}

// read pages on until the end.
func (w *weathered) read(t *testing.T) {
	for !w.ended.Load() {
		a, err := w.s.Try(t, "admin", http.MethodGet, w.path+"/objects/?limit=50&"+trial.AllVersions, nil)
		if errors.Is(err, io.ErrUnexpectedEOF) { // the page was on its way, and that it was delivered could not be recorded
			w.away.Add(1)
			continue
		}
		w.judged("read", a, err, http.StatusOK)
	}
}

// judged tells whether a request was done, and notes what is neither that nor
// a 503.
func (w *weathered) judged(what string, a trial.Answer, err error, done int) bool {
	switch {
	case err != nil:
	case a.Status == done:
		return true
	case a.Status == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != "":
		w.away.Add(1)
		time.Sleep(10 * time.Millisecond) // as a client does that is told to come back
		return false
	default:
		err = fmt.Errorf("a %d: %.300s", a.Status, a.Body)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Errorf("%s: %w", what, err))
	return false
}

// goesOn waits until Adds of each writer are accepted.
func (w *weathered) goesOn(t *testing.T, when string) {
	t.Helper()
	enough := w.accepted.Load() + int64(10*len(w.sent))
	for deadline := time.Now().Add(backWithin); w.accepted.Load() < enough; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: nothing is accepted after %v", when, backWithin)
		}
	}
}

// refused waits until requests meet no database.
func (w *weathered) refused(t *testing.T) {
	t.Helper()
	before := w.away.Load()
	for deadline := time.Now().Add(backWithin); w.away.Load() < before+10; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("without a database no request got a 503 within %v", backWithin)
		}
	}
}
