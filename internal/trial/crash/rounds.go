package main

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/internal/trial/history"
)

// round is the time from a start of the server to its end.
type round struct {
	s      *trial.Server
	halted chan struct{} // closed before the server is killed: from now on it may be gone
	adds   atomic.Int64  // that were answered
	verbs  atomic.Int64  // of operators that were carried out
}

func (r *round) over() bool {
	select {
	case <-r.halted:
		return true
	default:
		return false
	}
}

// client does something in every round, as long as the server is there.
type client interface {
	during(t testing.TB, r *round)
}

// result is what a run came to.
type result struct {
	requests, objects, deletions, imports, changes int // acknowledged
	unanswered                                     int // requests
	read, followers, there                         int
	kills, stillborn                               int
	starts                                         []time.Duration
	breaches                                       []history.Breach
	faults                                         []string
}

func (r *result) slowest() time.Duration { return slices.Max(r.starts) }

func (r *result) median() time.Duration {
	sorted := slices.Sorted(slices.Values(r.starts))
	return sorted[len(sorted)/2]
}

// mostTold bounds the breaches of one kind that are told.
const mostTold = 5

// found tells what was found: a few of each kind of breach.
func (r *result) found() (lines []string) {
	told := map[history.Fault]int{}
	for _, b := range r.breaches {
		if told[b.Fault]++; told[b.Fault] <= mostTold {
			lines = append(lines, b.String())
		}
	}
	for fault, n := range told {
		if n > mostTold {
			lines = append(lines, string(fault)+": more of these")
		}
	}
	return append(lines, r.faults...)
}

// torment kills a server round after round while clients use it, and then looks
// at what it kept.
func torment(t testing.TB, server target, o options) *result {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "history")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	k := &crew{book: history.NewBook(dir), random: rand.New(rand.NewPCG(o.seed, 1))}
	k.hire(t, server)
	res := new(result)
	for range o.rounds {
		life := o.least + rand.N(o.most-o.least) // of the moment, not of the seed: what runs beside it is neither
		k.work(t, server, life, o)
		res.kills++
		if k.random.IntN(4) == 0 {
			server.stillborn(t, time.Duration(k.random.IntN(200))*time.Millisecond)
			res.stillborn++
		}
		began := time.Now()
		server.run(t)
		took := time.Since(began)
		res.starts = append(res.starts, took)
		if o.start > 0 && took > o.start {
			t.Errorf("start %d took %v, longer than %v", len(res.starts), took, o.start)
		}
		k.look(t, server.asked())
	}
	k.last(t, server)
	server.stop(t)
	res.faults = append(faultsOf(t, server.place()), server.complaints()...)
	res.judge(t, dir)
	return res
}

// crew is all clients of a run.
type crew struct {
	book      *history.Book
	random    *rand.Rand
	recorders []*history.Recorder
	writers   []client
	followers []*follower
	accounts  *accounts // nil where nobody can change any
}

// Who writes: so many on the Collection where nothing is deleted, and on the
// other.
const (
	adders   = 3
	deleters = 2
)

func (k *crew) recorder(t testing.TB, name string) *history.Recorder {
	t.Helper()
	r, err := k.book.Client(name)
	if err != nil {
		t.Fatal(err)
	}
	k.recorders = append(k.recorders, r)
	return r
}

// hire makes the clients.
func (k *crew) hire(t testing.TB, server target) {
	t.Helper()
	s := server.asked()
	kept, changing := s.Collection(t, "indicators"), s.Collection(t, "operations")
	shared := new(pool)
	for i := range adders + deleters {
		w := &writer{account: "admin", feed: changing, number: i, shared: shared, random: rand.New(rand.NewPCG(k.random.Uint64(), uint64(i)))}
		if w.deletes = i >= adders; !w.deletes {
			w.account, w.feed = []string{"admin", "member"}[i%2], kept
		}
		w.Recorder = k.recorder(t, w.name())
		k.writers = append(k.writers, w)
	}
	for _, f := range []follower{
		{name: "follower by date", feed: kept, limit: 150, byDate: true},
		{name: "follower by next", feed: kept, limit: 40},
		{name: "follower of the manifest", feed: kept, limit: 150, manifest: true, byDate: true},
		{name: "follower where something is deleted", feed: changing, limit: 20},
		{name: "follower of the manifest where something is deleted", feed: changing, limit: 20, manifest: true, byDate: true},
	} {
		f.Recorder = k.recorder(t, f.name)
		k.followers = append(k.followers, &f)
	}
	if operate := server.operate(); operate != nil {
		k.accounts = &accounts{operate: operate, feed: kept, Recorder: k.recorder(t, "accounts"), random: rand.New(rand.NewPCG(k.random.Uint64(), 7))}
		k.writers = append(k.writers, k.accounts, &importer{operate: operate, feed: kept, dir: t.TempDir(), Recorder: k.recorder(t, "importer"), seed: k.random.Uint64()})
	}
}

// acknowledgedWithin is how long a round waits, on a busy machine, for what must
// be done in it.
const acknowledgedWithin = 20 * time.Second

// work lets all clients use the server, and kills it.
func (k *crew) work(t testing.TB, server target, life time.Duration, o options) {
	t.Helper()
	r := &round{s: server.asked(), halted: make(chan struct{})}
	var all sync.WaitGroup
	for _, c := range k.writers {
		all.Go(func() { c.during(t, r) })
	}
	for _, c := range k.followers {
		all.Go(func() { c.during(t, r) })
	}
	time.Sleep(life)
	enough := func() bool { return r.adds.Load() >= o.adds && (k.accounts == nil || r.verbs.Load() >= o.verbs) }
	for deadline := time.Now().Add(acknowledgedWithin); !enough() && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	close(r.halted)
	server.kill(t)
	all.Wait()
}

// look reads what is set, while nobody is setting it.
func (k *crew) look(t testing.TB, s *trial.Server) {
	t.Helper()
	if k.accounts != nil {
		k.accounts.look(t, s)
	}
}

// last lets the followers read to the end, and records what the end is.
func (k *crew) last(t testing.TB, server target) {
	t.Helper()
	s := server.asked()
	for _, f := range k.followers {
		f.rest(t, s)
	}
	end := k.recorder(t, "end")
	for _, alias := range []string{"indicators", "operations"} {
		feed := s.Collection(t, alias)
		end.End(history.End{
			Feed:    feed,
			Objects: whole(t, s, &follower{name: "reader of all", feed: feed, limit: 1000}),
			Records: whole(t, s, &follower{name: "reader of all records", feed: feed, limit: 1000, manifest: true}),
		})
	}
	for _, r := range k.recorders {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// whole walks through all pages, with one client that keeps no record.
func whole(t testing.TB, s *trial.Server, f *follower) (all []history.Object) {
	t.Helper()
	for more := true; more; {
		more = f.insist(t, func() (bool, error) {
			p, more, err := f.page(t, s)
			if p.Problem != "" {
				err = errors.New(p.Problem)
			}
			all = append(all, p.Objects...)
			return more, err
		})
	}
	return all
}

// judge reads the history, judges it and counts.
func (r *result) judge(t testing.TB, dir string) {
	t.Helper()
	h, err := history.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	r.breaches = history.Check(h)
	for _, q := range h.Requests {
		switch {
		case q.Outcome == history.Unknown:
			r.unanswered++
		case q.Outcome == history.Refused:
		case q.Kind == history.Add:
			r.requests++
			r.objects += len(q.Successes)
		case q.Kind == history.Import:
			r.imports++
			r.objects += len(q.Objects)
		case q.Kind == history.Delete:
			r.deletions++
		case q.Kind == history.Set:
			r.changes++
		}
	}
	r.followers = len(h.Followers)
	for _, f := range h.Followers {
		for _, p := range f.Pages {
			r.read += len(p.Objects)
		}
	}
	for _, e := range h.Ends {
		r.there += len(e.Objects)
	}
}

// outcome names what a client knows after an answer, or without one.
func outcome(a trial.Answer, err error, good int) history.Answer {
	switch {
	case err != nil:
		return history.Answer{Outcome: history.Unknown}
	case a.Status == good:
		return history.Answer{Outcome: history.Done, Status: a.Status}
	case a.Status == http.StatusInternalServerError, bytes.Contains(a.Body, []byte("may or may not")): // nobody knows what was done
		return history.Answer{Outcome: history.Unknown, Status: a.Status}
	}
	return history.Answer{Outcome: history.Refused, Status: a.Status}
}

// gone fails the run if something went wrong although nobody had ended the server.
func (r *round) gone(t testing.TB, who string, err error) {
	t.Helper()
	if !r.over() {
		t.Errorf("%s failed before the server was killed: %v", who, err)
	}
}
