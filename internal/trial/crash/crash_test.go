package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial"
	"github.com/hansom-taxii/hansom/internal/trial/broken"
	"github.com/hansom-taxii/hansom/internal/trial/history"
	"github.com/hansom-taxii/hansom/taxii"
)

// TestMain lets the tests start themselves as a server with a broken store.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == broken.Verb {
		os.Exit(broken.Main(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// short is a run of few rounds, for every push; `make crash` is the long one.
// How long a start takes is told and not judged here, beside other tests.
func short(t *testing.T, rounds int) options {
	t.Helper()
	o := options{rounds: rounds, seed: uint64(time.Now().UnixNano()), least: 100 * time.Millisecond, most: 600 * time.Millisecond, adds: leastAdds, verbs: 2 * leastVerbs}
	t.Logf("seed %d", o.seed)
	return o
}

// good fails the test unless a run found nothing, and had something to look at.
func good(t *testing.T, r *result) {
	t.Helper()
	t.Log(r)
	for _, text := range r.found() {
		t.Error(text)
	}
	if r.objects == 0 || r.there == 0 || r.unanswered == 0 || r.read < r.there {
		t.Errorf("too little to look at: %d acknowledged, %d there, %d without an answer, %d read", r.objects, r.there, r.unanswered, r.read)
	}
}

// bad fails the test unless a run found this.
func bad(t *testing.T, r *result, want history.Fault) {
	t.Helper()
	t.Log(r)
	if !slices.ContainsFunc(r.breaches, func(b history.Breach) bool { return b.Fault == want }) {
		t.Errorf("%q was not found, but %q", want, r.found())
	}
}

func TestWhatWasAcknowledgedOutlivesEachKill(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	trial.Covers(t, "R090", "R228", "R236", "K42", "K47", "K63")
	t.Parallel()
	r := torment(t, startDemo(t, ""), short(t, 4))
	good(t, r)
	if r.changes+r.imports == 0 {
		t.Error("no change of an account and no import was acknowledged")
	}
}

func TestWhatWasAcknowledgedOutlivesEachKillOnPostgreSQL(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	good(t, torment(t, startDemo(t, trial.Postgres(t)), short(t, 3)))
}

func TestAStoreThatAcknowledgesBeforeItsCommitIsFound(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	bad(t, torment(t, startBroken(t, "", broken.Early, nil), short(t, 2)), history.Lost)
}

func TestAStoreWithoutTheLockOnTheHeadIsFound(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	o := short(t, 2)
	o.adds = 60 // enough for followers to come between
	bad(t, torment(t, startBroken(t, "", broken.Headless, nil), o), history.Missed)
}

func TestNothingIsFoundInTheSameServerWithAGoodStore(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	t.Parallel()
	good(t, torment(t, startBroken(t, "", broken.None, nil), short(t, 2)))
}

// TestAClockSetBackBetweenStartsLosesNothing lets each start have a clock that
// is behind by another time. The real binary cannot be given one here: it is
// static, so that no library can be put before the system's clock, and the time
// of day is the same in every namespace. So it is the small server, with the
// same exchange, face and store.
func TestAClockSetBackBetweenStartsLosesNothing(t *testing.T) {
	trial.Asked(t, trial.LongVariable)
	trial.Covers(t, "R228", "K42", "K46", "K47")
	t.Parallel()
	const day = 24 * time.Hour
	server := startBroken(t, "", broken.None, []time.Duration{0, 2 * time.Second, day, time.Hour, 400 * day})
	good(t, torment(t, server, short(t, 4)))
	server.back = []time.Duration{400 * day}
	server.run(t)
	path, sent := server.Collection(t, "indicators"), time.Now()
	a := server.Post(t, "admin", path, trial.Envelope(identity(99, 1, 1, "the last")))
	if err := trial.Stored(a); err != nil {
		t.Fatal(err)
	}
	var st taxii.Status
	a.JSON(t, &st)
	if back := sent.Sub(time.UnixMicro(int64(st.RequestTimestamp))); back < 399*day {
		t.Fatalf("the clock is only %v behind", back)
	}
	m := server.Get(t, "admin", path+"/manifest/?match[id]="+identityID(99, 1))
	var list struct{ Objects []taxii.ManifestRecord }
	m.JSON(t, &list)
	if len(list.Objects) != 1 || sent.Sub(time.UnixMicro(int64(list.Objects[0].DateAdded))) > time.Hour {
		t.Errorf("the last object was added at %+v, although others were on %v", list.Objects, sent)
	}
}

func TestAFollowerRecordsWhyItGotNothing(t *testing.T) {
	for body, want := range map[string]string{
		`{"more":true,"objects":[{}]}`:       "more true",
		`{"more":true,"next":"x"}`:           "more true",
		`{"objects":[`:                       "objects in",
		`{"title":"no","http_status":"400"}`: "400",
	} {
		status := http.StatusOK
		if want == "400" {
			status = http.StatusBadRequest
		}
		f := &follower{feed: "/trust/collections/x", limit: 1}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		s := &trial.Server{HTTP: server.Client()}
		if err := json.Unmarshal([]byte(`{"url":"`+server.URL+`","accounts":[{"name":"admin"}]}`), &s.Ready); err != nil {
			t.Fatal(err)
		}
		p, more, err := f.page(t, s)
		server.Close()
		if err != nil || more || !strings.Contains(p.Problem, want) {
			t.Errorf("%s: %+v, %t, %v", body, p, more, err)
		}
	}
}

func TestTheHistoryOfARunIsJudgedAgainFromItsFiles(t *testing.T) {
	dir := t.TempDir()
	line, err := json.Marshal(map[string]any{"what": "add", "request": 1, "feed": "f", "objects": []map[string]string{{"i": "tool--1", "v": "1", "h": "a"}}})
	if err != nil {
		t.Fatal(err)
	}
	lines := string(line) + "\n" + `{"what":"told","request":1,"outcome":"done","status":202,"successes":[{"i":"tool--1","v":"1"}]}` + "\n" + `{"what":"end","feed":"f"}` + "\n"
	if err := os.WriteFile(filepath.Join(dir, "writer.ndjson"), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &result{starts: []time.Duration{time.Second}}
	r.judge(t, dir)
	bad(t, r, history.Lost)
	if r.objects != 1 || r.requests != 1 || r.there != 0 {
		t.Errorf("%+v", r)
	}
}
