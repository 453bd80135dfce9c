package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/bench/driver"
	"github.com/hansom-taxii/hansom/internal/trial"
)

func TestTheInstrumentOfWhoMayDoWhatMeasures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, page := filepath.Join(dir, "result.json"), filepath.Join(dir, "performance.md")
	must(t, os.WriteFile(page, []byte(accessBegin+"old\n"+accessEnd), 0o600))
	var out bytes.Buffer
	must(t, conduct(t.Context(), []string{
		"-hansom", trial.Binary(t), "-only", "access", "-each", "10ms", "-pairs", "1", "-marked", "1500", "-json", file, "-doc", page,
	}, &out))
	got := readResult(t, file).Access
	if got == nil || got.Check <= 0 || len(got.Tolls) != 2+len(tolled())+2 || got.About.Pairs != 1 {
		t.Fatalf("got %+v", got)
	}
	for _, row := range got.Tolls {
		if row.Without.Requests < row.Connections || row.With.Requests < row.Connections {
			t.Errorf("got %+v", row)
		}
	}
	text, err := os.ReadFile(page)
	must(t, err)
	if !strings.Contains(string(text), "| pages of 1000, read anew ") || strings.Contains(string(text), "old") {
		t.Errorf("the page is\n%s", text)
	}
}

// accesses are rows of which some reach what they are to reach.
func accesses() *accessed {
	row := func(kind string, limit int, on proof, most, cost float64) toll {
		t := toll{Kind: kind, Limit: limit, Connections: 16, On: on, Most: most}
		off, with := figuresOf(1000), figuresOf(990)
		off.ServerCPU, with.ServerCPU = 100, cost
		t.took([]driver.Figures{off}, []driver.Figures{with})
		return t
	}
	anew := row(driver.Pages, 1000, "", mostToll, 111)
	anew.Anew = true
	audit := row(driver.Get, 0, "", 0, 130)
	audit.Off = byToken
	return &accessed{
		About: about{Time: time.Date(2026, 1, 2, 3, 6, 5, 0, time.UTC), Took: "7m", Version: "v1", Go: "go1.26", System: "linux/amd64", Cores: 2, CPU: "X", Pairs: 11, Each: "1s"},
		Check: 0.9,
		Tolls: []toll{
			row(driver.Add, 1000, "", mostToll, 103), row(driver.Pages, 1000, "", mostToll, 108), anew,
			row(driver.Poll, 100, byJWT, mostToll, 110), row(driver.Get, 0, "", 0, 140), audit,
		},
	}
}

func TestTargetsOfWhoMayDoWhatAreJudgedByWhatWasMeasured(t *testing.T) {
	r := result{Access: accesses()}
	r.judge()
	const on = ", 16 connections: processor time with everything on, to that without"
	want := []target{
		{"add, 1000 objects a POST" + on, 1.1, true, 1.03, true}, {"pages of 1000" + on, 1.1, true, 1.08, true},
		{"pages of 1000, read anew" + on, 1.1, true, 1.11, false}, {"poll with nothing new, by JWT" + on, 1.1, true, 1.1, true},
		{"the check of the limits of a request, us", 2, true, 0.9, true},
	}
	for i, w := range want {
		if i >= len(r.Access.Targets) || r.Access.Targets[i] != w {
			t.Errorf("target %d of %+v, want %+v", i, r.Access.Targets, w)
		}
	}
	if len(r.Access.Targets) != len(want) {
		t.Errorf("there are %d targets: what is stated alone has none", len(r.Access.Targets))
	}
	var page bytes.Buffer
	r.Access.markdown(&page)
	for _, line := range []string{
		"| get by id, the audit alone    | 16    | 1000            | 1.50   | 20.25  | 100    | 990            | 1.50   | 20.25  | 130    | 1.30      | 1.30 to 1.30 |",
		"| pages of 1000, read anew, 16 connections: processor time with everything on, to that without      | at most 1.10 | 1.11     | MISSED  |",
	} {
		if !strings.Contains(page.String(), line) {
			t.Errorf("the page has no\n%s\n%s", line, &page)
		}
	}
}

func TestTheRatioIsTheMedianOfThePairs(t *testing.T) {
	var row toll
	var off, on []driver.Figures
	for _, costs := range [][2]float64{{100, 300}, {100, 90}, {200, 220}, {50, 60}, {0, 70}} { // the last was not measured
		a, b := figuresOf(10), figuresOf(10)
		a.ServerCPU, b.ServerCPU = costs[0], costs[1]
		off, on = append(off, a), append(on, b)
	}
	if row.took(off, on); row.Ratio < 1.149 || row.Ratio > 1.151 || row.Quartiles != [2]float64{1.1, 3} {
		t.Errorf("got %v, quartiles %v", row.Ratio, row.Quartiles)
	}
}

func TestTheSidesTakeTurnsInGoingFirst(t *testing.T) {
	c := &conductor{settings: settings{turns: 3}}
	var row toll
	order := ""
	side := func(name string) func() (driver.Figures, error) {
		return func() (driver.Figures, error) { order += name; return figuresOf(10), nil }
	}
	if must(t, c.alternate(&row, side("a"), side("b"))); order != "abbaab" || row.Ratio != 1 {
		t.Errorf("the order is %s, the ratio %v", order, row.Ratio)
	}
}

func TestOnlyWhatWasMeasuredOfWhoMayDoWhatIsReplacedOnThePage(t *testing.T) {
	page := []byte(resultsBegin + "old\n" + resultsEnd + accessBegin + "older\n" + accessEnd)
	got, err := (&result{Access: accesses()}).into(page)
	must(t, err)
	if !bytes.Contains(got, []byte("old\n")) || bytes.Contains(got, []byte("older\n")) {
		t.Errorf("the page became\n%s", got)
	}
	if text, err := json.Marshal(result{}); err != nil || bytes.Contains(text, []byte("access")) {
		t.Errorf("nothing measured is written as %s (%v)", text, err)
	}
}

func TestHowManyPairsOfWhoMayDoWhatIsSaid(t *testing.T) {
	for _, c := range []struct {
		args []string
		want int
	}{{nil, fullTurns}, {[]string{"-quick"}, quickTurns}, {[]string{"-pairs", "3"}, 3}, {[]string{"-quick", "-pairs", "7"}, 7}} {
		if s, err := readFlags(c.args); err != nil || s.turns != c.want || s.marked.Number != 10_000 || !s.marked.Marked {
			t.Errorf("%q: %d pairs, %+v, %v", c.args, s.turns, s.marked, err)
		}
	}
	if s, err := readFlags([]string{"-marked", "many"}); err == nil {
		t.Errorf("got %+v", s.marked)
	}
}
