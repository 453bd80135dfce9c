package whole_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

const writers = 8

// history is how much of what is done on SQLite is done on an engine: what holds
// above the store has been shown there.
func history(e trial.Engine, n int) int {
	if e == trial.PostgreSQL {
		return n / 4
	}
	return n
}

func TestFollowersMissAndRepeatNothingWhileEightWritersAdd(t *testing.T) {
	trial.Covers(t, "R090", "R102", "R105", "R111", "R112", "R141", "R142", "R145", "R146", "R147", "R228", "K40", "K44", "K47")
	t.Parallel()
	trial.Engines(t, eightWritersAdd)
}

func eightWritersAdd(t *testing.T, e trial.Engine) {
	s := e.Start(t, "--empty")
	objects := trial.Objects(8, history(e, generated))
	followers := []*followed{
		{Follower: &trial.Follower{Limit: 7, Query: trial.AllVersions, ByDate: true}, name: "by date"},
		{Follower: &trial.Follower{Limit: 7, Query: trial.AllVersions}, name: "by next"},
		{Follower: &trial.Follower{Limit: 3, What: "manifest", Query: trial.AllVersions}, name: "of the manifest"},
		{Follower: &trial.Follower{Limit: 5}, name: "of the latest versions"},
	}
	during(t, s, followers, func(bell func()) {
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				r := rand.New(rand.NewPCG(8, uint64(w)))
				var mine [][]byte
				for i := w; i < len(objects); i += writers {
					mine = append(mine, objects[i])
				}
				for len(mine) > 0 {
					n := min(1+r.IntN(12), len(mine))
					if err := post(t, s, s.Collection(t, "indicators"), mine[:n]); err != nil {
						t.Error(err)
						return
					}
					mine = mine[n:]
					bell()
				}
			})
		}
		all.Wait()
	})
	for _, f := range followers[:2] {
		trial.Once(t, f.name, f.objects, objects)
		if f.Pages < len(objects)/7 {
			t.Errorf("%s: %d objects in %d pages of at most 7", f.name, len(f.objects), f.Pages)
		}
	}
	path := s.Collection(t, "indicators")
	records := trial.Walk(t, &trial.Follower{Server: s, Account: "admin", Path: path, What: "manifest", Limit: 1000, Query: trial.AllVersions})
	trial.Same(t, followers[2].name, followers[2].objects, records)
	if len(records) != len(objects) {
		t.Errorf("the manifest has %d records of %d objects", len(records), len(objects))
	}
	latest := trial.Walk(t, &trial.Follower{Server: s, Account: "admin", Path: path, Limit: 1000})
	among(t, followers[3].name, followers[3].objects, latest)
}

func TestFollowersMissNothingWhileObjectsAreDeletedAndComeBack(t *testing.T) {
	trial.Covers(t, "R256", "R258", "K40", "K47", "K48")
	t.Parallel()
	trial.Engines(t, eightWritersDelete)
}

func eightWritersDelete(t *testing.T, e trial.Engine) {
	s := e.Start(t, "--empty")
	changes := history(e, 300)
	path := s.Collection(t, "indicators")
	followers := []*followed{
		{Follower: &trial.Follower{Limit: 7, Query: trial.AllVersions, ByDate: true}, name: "by date"},
		{Follower: &trial.Follower{Limit: 7, Query: trial.AllVersions}, name: "by next"},
		{Follower: &trial.Follower{Limit: 5, ByDate: true}, name: "of the latest versions, by date"},
		{Follower: &trial.Follower{Limit: 5}, name: "of the latest versions, by next"},
		{Follower: &trial.Follower{Limit: 5, What: "manifest", Query: trial.AllVersions}, name: "of the manifest"},
	}
	back := make([]map[string]int, writers) // how often a version may have come back, by writer
	during(t, s, followers, func(bell func()) {
		var all sync.WaitGroup
		for w := range writers {
			back[w] = map[string]int{}
			all.Go(func() { changing(t, s, path, w, changes, back[w], bell) })
		}
		all.Wait()
	})
	kept := trial.Walk(t, &trial.Follower{Server: s, Account: "admin", Path: path, Limit: 1000, Query: trial.AllVersions})
	latest := trial.Walk(t, &trial.Follower{Server: s, Account: "admin", Path: path, Limit: 1000})
	among(t, followers[0].name, followers[0].objects, kept)
	among(t, followers[1].name, followers[1].objects, kept)
	among(t, followers[2].name, followers[2].objects, latest)
	among(t, followers[3].name, followers[3].objects, latest)
	for _, f := range followers[:4] {
		seen := map[string]int{}
		for _, object := range f.objects {
			seen[string(object)]++
		}
		came := 0
		for w := range writers {
			for object, n := range back[w] {
				came += n
				seen[object] -= 1 + n
			}
		}
		for object, n := range seen {
			if n > 0 {
				t.Errorf("%s: %d times too often, or never sent: %s", f.name, n, object)
			}
		}
		if came == 0 {
			t.Error("nothing came back")
		}
	}
	records := trial.Walk(t, &trial.Follower{Server: s, Account: "admin", Path: path, What: "manifest", Limit: 1000, Query: trial.AllVersions})
	among(t, followers[4].name, followers[4].objects, records)
	once := map[string]bool{} // here with the date: nothing at all is repeated
	for _, record := range followers[4].objects {
		if once[string(record)] {
			t.Errorf("%s: twice: %s", followers[4].name, record)
		}
		once[string(record)] = true
	}
}

// changing is a writer that adds versions of its objects, in an order of no
// meaning, and deletes some of them again: the latest, any other, or all. It
// notes each version it sent, and how often that may have come back.
func changing(t *testing.T, s *trial.Server, path string, w, changes int, back map[string]int, bell func()) {
	const things, versions = 40, 12
	r := rand.New(rand.NewPCG(9, uint64(w)))
	here := make([]map[int]bool, things)
	for range changes {
		n := r.IntN(things)
		if here[n] == nil {
			here[n] = map[int]bool{}
		}
		v := 1 + r.IntN(versions)
		switch {
		case !here[n][v]:
			object := identity(w, n, v)
			if err := post(t, s, path, [][]byte{object}); err != nil {
				t.Error(err)
				return
			}
			back[string(object)]++ // sent once more: it may appear once more
			here[n][v] = true
		default:
			query := "?match[version]=" + identityVersion(v)
			if r.IntN(8) == 0 {
				query = ""
			}
			a, err := s.Try(t, "admin", http.MethodDelete, path+"/objects/"+identityID(w, n)+"/"+query, nil)
			if err != nil || a.Status != http.StatusOK || string(a.Body) != "{}" {
				t.Errorf("delete: %v, %d %.300s", err, a.Status, a.Body)
				return
			}
			if query == "" {
				here[n] = nil
				break
			}
			delete(here[n], v)
			if before, ok := highest(here[n]); ok && before < v {
				back[string(identity(w, n, before))]++
			}
		}
		bell()
	}
}

func highest(versions map[int]bool) (high int, ok bool) {
	for v := range versions {
		high, ok = max(high, v), true
	}
	return high, ok
}

// during lets followers read the Collection indicators as the admin while work
// goes on, wakes them at each bell, and waits until each has read what there is
// after its end.
func during(t *testing.T, s *trial.Server, followers []*followed, work func(bell func())) {
	t.Helper()
	var b bells
	var all sync.WaitGroup
	for _, f := range followers {
		f.Server, f.Account, f.Path = s, "admin", s.Collection(t, "indicators")
		ring := b.listen()
		all.Go(func() { f.follow(t, ring) })
	}
	work(b.ring)
	b.end()
	all.Wait()
	for _, f := range followers {
		if f.err != nil {
			t.Fatalf("%s: after %d objects: %v", f.name, len(f.objects), f.err)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// post adds objects as the admin.
func post(t *testing.T, s *trial.Server, path string, objects [][]byte) error {
	a, err := s.Try(t, "admin", http.MethodPost, path+"/objects/", trial.Envelope(objects...))
	if err != nil {
		return err
	}
	return trial.Stored(a)
}

// among tells of each of want that it was seen.
func among(t *testing.T, what string, seen, want [][]byte) {
	t.Helper()
	there := make(map[string]bool, len(seen))
	for _, object := range seen {
		there[string(object)] = true
	}
	missed := 0
	for _, object := range want {
		if !there[string(object)] {
			if missed++; missed <= 3 {
				t.Errorf("%s: missed %.200s", what, object)
			}
		}
	}
	if missed > 0 || len(want) == 0 {
		t.Errorf("%s: missed %d of %d", what, missed, len(want))
	}
}

// dates gives the date of each record of a manifest, which must rise strictly.
func dates(t *testing.T, records [][]byte) []taxii.Time {
	t.Helper()
	all := make([]taxii.Time, len(records))
	for i, record := range records {
		var m taxii.ManifestRecord
		if err := json.Unmarshal(record, &m); err != nil {
			t.Fatal(err)
		}
		if all[i] = m.DateAdded; i > 0 && all[i] <= all[i-1] {
			t.Fatalf("record %d is of %s, after %s", i, all[i], all[i-1])
		}
	}
	return all
}
