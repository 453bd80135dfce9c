package whole_test

import (
	"bytes"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// sentAdd is an Add, and whether its 202 was received.
type sentAdd struct {
	objects  [][]byte
	accepted bool
}

// TestWhatWasAcceptedIsThereOnceAfterEachCrash kills the server while it is
// written to, and stops it once, and lets a follower go on where it was.
func TestWhatWasAcceptedIsThereOnceAfterEachCrash(t *testing.T) {
	trial.Covers(t, "R090", "R228", "R236", "K42", "K47", "K63")
	t.Parallel()
	trial.Engines(t, afterEachCrash)
}

func afterEachCrash(t *testing.T, e trial.Engine) {
	const adds, gentle = 40, 2 // in the round gentle it is stopped, in the others killed
	rounds := 5
	if e == trial.PostgreSQL {
		rounds = 3
	}
	s := e.Start(t, "--empty")
	path := s.Collection(t, "indicators")
	f := &trial.Follower{Server: s, Account: "admin", Path: path, Limit: 3, Query: trial.AllVersions}
	var all []sentAdd
	var followed [][]byte
	for round := range rounds {
		var halted atomic.Bool
		var writing, reading sync.WaitGroup
		results, enough, ended := make([][]sentAdd, writers), make(chan struct{}), make(chan struct{})
		var accepted atomic.Int64
		for w := range writers {
			writing.Go(func() { results[w] = untilItFails(t, s, path, round*writers+w, &accepted, adds, enough) })
		}
		go func() { writing.Wait(); close(ended) }()
		reading.Go(func() { // a follower that reads until the server is gone
			for !halted.Load() {
				p, err := f.Page(t)
				if err != nil {
					return
				}
				followed = append(followed, p.Objects...)
			}
		})
		select {
		case <-enough:
		case <-ended:
			t.Errorf("round %d: nothing is accepted any more, before the server was ended", round)
		}
		if round == gentle {
			s.Stop(t)
		} else {
			s.Kill(t)
		}
		halted.Store(true)
		<-ended
		reading.Wait()
		s.Run(t)
		for _, r := range results {
			all = append(all, r...)
		}
		keptOnce(t, s, path, all)
	}
	rest, err := f.Rest(t)
	if err != nil {
		t.Fatal(err)
	}
	kept := trial.Walk(t, &trial.Follower{Server: s, Account: "admin", Path: path, Limit: 1000, Query: trial.AllVersions})
	trial.Same(t, "the follower", append(followed, rest...), kept)
}

// untilItFails adds small envelopes until the server is gone, and closes enough
// when all writers together had so many accepted.
func untilItFails(t *testing.T, s *trial.Server, path string, group int, accepted *atomic.Int64, adds int64, enough chan struct{}) (sent []sentAdd) {
	for n := 0; ; n += 3 {
		add := sentAdd{objects: [][]byte{identity(group, n, 1), identity(group, n+1, 1), identity(group, n+2, 1)}}
		err := post(t, s, path, add.objects)
		add.accepted = err == nil
		sent = append(sent, add)
		if err != nil {
			return sent
		}
		if accepted.Add(1) == adds {
			close(enough)
		}
	}
}

// keptOnce reads everything: what was accepted is there once, of what was not
// all is there, or nothing, and nothing else is there.
func keptOnce(t *testing.T, s *trial.Server, path string, all []sentAdd) {
	t.Helper()
	kept := trial.Walk(t, &trial.Follower{Server: s, Account: "admin", Path: path, Limit: 1000, Query: trial.AllVersions})
	records := trial.Walk(t, &trial.Follower{Server: s, Account: "admin", Path: path, What: "manifest", Limit: 1000, Query: trial.AllVersions})
	if n := len(dates(t, records)); n != len(kept) {
		t.Fatalf("the manifest has %d records of %d objects", n, len(kept))
	}
	there := map[string]int{}
	for i, object := range kept {
		there[string(object)] = i + 1
	}
	if len(there) != len(kept) {
		t.Fatalf("%d objects, %d different ones", len(kept), len(there))
	}
	found := 0
	for _, add := range all {
		first := there[string(add.objects[0])]
		if first == 0 && add.accepted {
			t.Fatalf("accepted and lost: %s", bytes.Join(add.objects, []byte(" ")))
		}
		for i, object := range add.objects {
			if at := there[string(object)]; first == 0 && at != 0 || first != 0 && at != first+i {
				t.Fatalf("object %d of an Add is at place %d, the first at %d", i, at, first)
			}
			if first != 0 {
				found++
			}
		}
	}
	if found != len(kept) {
		t.Fatalf("%d objects are there, %d of them were sent", len(kept), found)
	}
}
