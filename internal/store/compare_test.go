package store

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/feed"
	"github.com/hansom-taxii/hansom/internal/trial"
)

// Each draft that met a kept one had both made canonical, under the head: with
// 300 of them beside one object of 4 MB nobody could write for half a minute.
func TestContentIsMadeCanonicalOnceHoweverManyDraftsMeetIt(t *testing.T) {
	trial.Covers(t, "R245", "K61")
	s := openStore(t, Options{})
	large := strings.Repeat("x", 1<<20)
	must(t, s.put(someDraft("tool--1", "v", large)))
	var drafts []feed.Draft
	for i := range 200 {
		drafts = append(drafts, someDraft("tool--1", "v", fmt.Sprint("small ", i)), someDraft("tool--2", "v", fmt.Sprint("small ", i)))
	}
	octets, calls := 0, 0
	form := func(b []byte) []byte {
		octets, calls = octets+len(b), calls+1
		return b
	}
	results, err := s.Append(t.Context(), []feed.Add{{Feed: s.feed, Drafts: drafts, Form: form}})
	must(t, err)
	if octets > 2<<20 || calls > 3*len(drafts) {
		t.Errorf("%d octets were made canonical in %d calls", octets, calls)
	}
	for i, o := range results[0].Outcomes {
		if want := i == 1; (o.Fate == feed.Appended) != want || !want && o.Fate != feed.Clash {
			t.Errorf("draft %d: %+v", i, o)
		}
	}
}

// Joining was quadratic: 80,000 versions in one Add held the writer for a minute.
func TestManyVersionsOfOneObjectJoinInOneAdd(t *testing.T) {
	s := openStore(t, Options{})
	n := 40_000
	if trial.Race {
		n = 4_000
	}
	drafts := make([]feed.Draft, n)
	for i := range drafts {
		drafts[i] = someDraft("tool--1", fmt.Sprintf("%06d", (i*7919)%n), "x")
		drafts[i].VersionTime = int64((i * 7919) % n)
	}
	must(t, s.put(drafts...))
	var live int
	must(t, s.read.QueryRow(`select count(*) from live where feed = $1 and version_time = $2`, s.feed, n-1).Scan(&live))
	if live != 1 {
		t.Errorf("%d live rows of the latest version, want 1", live)
	}
}
