package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/internal/trial/history"
	"github.com/hansom-taxii/hansom/taxii"
)

// follower reads all versions of a feed and keeps its place, whatever happens to
// the server: it goes on with the cursor or, where it has none or does not use
// it, with the date it has reached. What it gets it records and does not judge.
type follower struct {
	*history.Recorder
	name, feed       string
	limit            int
	manifest, byDate bool

	next, since, began string
}

// errBusy is the answer of a server that has no room now: it is asked again.
var errBusy = errors.New("the server is busy")

// idle is how long a follower that has read everything waits until it asks
// again.
const idle = 15 * time.Millisecond

func (f *follower) during(t testing.TB, r *round) {
	for !r.over() {
		more, err := f.read(t, r.s)
		if err != nil && !errors.Is(err, errBusy) {
			r.gone(t, f.name, err)
			return
		}
		if !more {
			select {
			case <-r.halted:
			case <-time.After(idle):
			}
		}
	}
}

// rest reads on until there is no more.
func (f *follower) rest(t testing.TB, s *trial.Server) {
	t.Helper()
	for more := true; more; {
		more = f.insist(t, func() (bool, error) { return f.read(t, s) })
	}
}

// insistFor is how long a busy server is asked again.
const insistFor = time.Minute

// insist reads until the server has room.
func (f *follower) insist(t testing.TB, read func() (bool, error)) bool {
	t.Helper()
	for deadline := time.Now().Add(insistFor); ; time.Sleep(idle) {
		more, err := read()
		if err == nil {
			return more
		}
		if !errors.Is(err, errBusy) || time.Now().After(deadline) {
			t.Fatalf("%s: %v", f.name, err)
		}
	}
}

// read gets one page and records it, unless it is empty.
func (f *follower) read(t testing.TB, s *trial.Server) (more bool, err error) {
	p, more, err := f.page(t, s)
	if err == nil && (p.Problem != "" || len(p.Objects) > 0) {
		f.Page(f.feed, f.manifest, p)
	}
	return more, err
}

// page gets one page and moves the place behind it. An error is that there was
// no answer.
func (f *follower) page(t testing.TB, s *trial.Server) (history.Page, bool, error) {
	a, err := s.Try(t, "admin", http.MethodGet, f.url(), nil)
	if err != nil {
		return history.Page{}, false, err
	}
	if a.Status == http.StatusServiceUnavailable {
		return history.Page{}, false, errBusy
	}
	if a.Status != http.StatusOK {
		return history.Page{Problem: fmt.Sprintf("%d %.300s", a.Status, a.Body)}, false, nil
	}
	p := history.Page{First: a.Header.Get("X-TAXII-Date-Added-First"), Last: a.Header.Get("X-TAXII-Date-Added-Last")}
	raws, more, next, err := trial.SplitBody(a.Body)
	if err == nil {
		p.Objects, err = f.objects(raws)
	}
	if err != nil || more && (next == "" || len(raws) == 0) {
		return history.Page{Problem: fmt.Sprintf("%v: more %t, next %q, %d objects in %.300s", err, more, next, len(raws), a.Body)}, false, nil
	}
	if f.next = next; f.byDate {
		f.next = ""
	}
	if len(raws) > 0 {
		f.since = p.Last
	}
	return p, more, nil
}

// objects names what a page has: objects, or records.
func (f *follower) objects(raws [][]byte) (list []history.Object, err error) {
	for _, raw := range raws {
		o := history.Of(raw)
		if f.manifest {
			var r taxii.ManifestRecord
			err = json.Unmarshal(raw, &r)
			o = history.Object{ID: r.ID, Version: r.Version, Date: r.DateAdded.String()}
		}
		if list = append(list, o); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// everyVersion chooses all versions. No id here is used in both versions of STIX,
// of which an object's highest would otherwise hide the other.
const everyVersion = "match[version]=" + taxii.VersionAll

// url is what the next request asks. A cursor is sent with the parameters of its
// run.
func (f *follower) url() string {
	parts := []string{everyVersion, "limit=" + strconv.Itoa(f.limit)}
	if f.next == "" {
		f.began = f.since
	} else {
		parts = append(parts, "next="+f.next)
	}
	if f.began != "" {
		parts = append(parts, "added_after="+f.began)
	}
	what := "/objects/?"
	if f.manifest {
		what = "/manifest/?"
	}
	return f.feed + what + strings.Join(parts, "&")
}
