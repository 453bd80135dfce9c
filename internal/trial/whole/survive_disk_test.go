package whole_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/taxii"
)

// A filling adds to a Collection whose disk becomes full.
type filling struct {
	s    *trial.Server
	path string

	mu      sync.Mutex // guards all below
	sent    []sentAdd
	refused int
}

// add sends envelopes of objects, each of so many octets, until so many have
// been refused; whatever is refused is refused as a full disk is.
func (f *filling) add(t *testing.T, group, objects, octets, refusals int) error {
	const most = 1000 // envelopes: more than there is room for
	for n, refused := group*1_000_000, 0; refused < refusals; n += objects {
		if n == group*1_000_000+most*objects {
			return fmt.Errorf("%d Adds of %d octets each went to a small disk, and %d of them were refused", most, objects*octets, refused)
		}
		add := sentAdd{objects: blobs(n, objects, octets)}
		a, err := f.s.Try(t, "admin", http.MethodPost, f.path+"/objects/", trial.Envelope(add.objects...))
		if err != nil {
			return err
		}
		if add.accepted = a.Status == http.StatusAccepted; add.accepted {
			err = trial.Stored(a)
		} else {
			refused++
			err = isFull(a)
		}
		if err != nil {
			return err
		}
		f.mu.Lock()
		f.sent = append(f.sent, add)
		f.refused += refused
		f.mu.Unlock()
	}
	return nil
}

// isFull tells an error unless an answer is what a full disk is to bring: a
// TAXII error with the status 507 (R155, R159).
func isFull(a trial.Answer) error {
	var e taxii.Error
	switch err := json.Unmarshal(a.Body, &e); {
	case a.Status != http.StatusInsufficientStorage:
		return fmt.Errorf("the answer is %d, want 202 or 507: %.300s", a.Status, a.Body)
	case err != nil:
		return fmt.Errorf("%w in the error %.300s", err, a.Body)
	case a.Header.Get("Content-Type") != taxii.MediaType || e.Title == "" || e.HTTPStatus != "507":
		return fmt.Errorf("no TAXII error: %s %.300s", a.Header.Get("Content-Type"), a.Body)
	}
	return nil
}

// fill adds an envelope that the database cannot hold in memory until it is
// written, and then lets four writers add at a time, large envelopes at first
// and small ones when there is no room for those, until there is none for the
// smallest either.
func (f *filling) fill(t *testing.T, round int) {
	t.Helper()
	if err := f.add(t, round*100+90, 10, 800_000, 1); err != nil {
		t.Fatal(err)
	}
	for size, octets := range []int{40_000, 4000, 400} {
		var all sync.WaitGroup
		errs := make([]error, 4)
		for w := range errs {
			all.Go(func() { errs[w] = f.add(t, round*100+size*10+w, 10, octets, 3) })
		}
		all.Wait()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// kept reads everything: each object that was accepted is there once, byte for
// byte, and none that was refused, nor any other.
func (f *filling) kept(t *testing.T, when string) {
	t.Helper()
	var accepted [][]byte
	for _, add := range f.sent {
		if add.accepted {
			accepted = append(accepted, add.objects...)
		}
	}
	keptOnce(t, f.s, f.path, f.sent)
	got := trial.Walk(t, &trial.Follower{Server: f.s, Account: "reader", Path: f.path, Limit: 1000, Query: trial.AllVersions})
	trial.Once(t, when, got, accepted)
	t.Logf("%s: %d of %d Adds were accepted, %d objects are there", when, len(accepted)/10, len(f.sent), len(got))
}

// again sends what was refused once more; all of it is to be accepted.
func (f *filling) again(t *testing.T) {
	t.Helper()
	for i, add := range f.sent {
		if !add.accepted {
			if err := trial.Stored(f.s.Post(t, "admin", f.path, trial.Envelope(add.objects...))); err != nil {
				t.Fatalf("once there is room again: %v", err)
			}
			f.sent[i].accepted = true
		}
	}
}

// reads asks what needs no room, and is to be answered as ever: polls, a Status,
// the resources.
func (f *filling) reads(t *testing.T, state string) {
	t.Helper()
	first := status(t, f.s.Get(t, "reader", f.path+"/objects/?limit=1"), 200)
	last := first.Header.Get("X-TAXII-Date-Added-Last")
	status(t, f.s.Get(t, "reader", f.path+"/objects/?limit=1&added_after="+last), 200)
	status(t, f.s.Get(t, "reader", f.path+"/objects/?added_after=2100-01-01T00:00:00Z"), 200)
	status(t, f.s.Get(t, "reader", f.path+"/"), 200)
	status(t, f.s.Get(t, "admin", f.s.DefaultRoot+"status/"+state+"/"), 200)
}

// ballast takes room on the disk of the server, and gives it back by release.
func (f *filling) ballast(t *testing.T, octets int) (release func()) {
	t.Helper()
	file := filepath.Join(filepath.Dir(f.s.Dir), "ballast")
	if err := os.WriteFile(file, make([]byte, octets), 0o600); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := os.Remove(file); err != nil {
			t.Error(err)
		}
	}
}

func TestAFullDiskIs507AndNothingIsHalfWritten(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	trial.Covers(t, "R155", "R159", "R236", "K17", "K63")
	t.Parallel()
	const room = 10 << 20
	s := trial.StartIn(t, trial.SmallDisk(t, 12*room), "--empty")
	f := &filling{s: s, path: s.Collection(t, "reports")} // one that no Channel is fed from
	var sample taxii.Status
	status(t, s.Post(t, "admin", f.path, trial.Envelope(blobs(1, 10, 1000)...)), 202).JSON(t, &sample)
	f.sent = append(f.sent, sentAdd{objects: blobs(1, 10, 1000), accepted: true})

	release := f.ballast(t, 10*room)
	f.fill(t, 1)
	f.reads(t, sample.ID)
	f.kept(t, "while the disk is full")
	release()
	f.again(t)
	f.kept(t, "once there is room again")

	release = f.ballast(t, int(trial.FreeOctets(t, s.Dir))-room/2)
	f.fill(t, 2)
	s.Kill(t)
	s.Run(t)
	f.reads(t, sample.ID)
	f.kept(t, "after a crash on the full disk, which is still full")
	release()
	f.again(t)
	s.Stop(t)
	s.Run(t)
	f.kept(t, "after a restart")
}
