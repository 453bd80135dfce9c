package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/bench/driver"
)

// figuresOf are those of a run with so many requests in a second.
func figuresOf(rate float64) driver.Figures {
	return driver.Figures{
		Requests: int(rate), Objects: int(rate) * 10, Octets: int64(rate) * 13_000, Seconds: 1, RequestsPerSecond: rate, ObjectsPerSecond: rate * 10,
		P50: 1.5, P99: 20.25, ServerCPU: 100_000 / rate, DriverCPU: 9, Resident: 50e6, MostResident: int64(rate) * 1e4,
	}
}

func measured() *result {
	bound := figuresOf(5000)
	r := &result{
		About: about{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Took: "1m2s", Version: "v1", Go: "go1.26", System: "linux/amd64", Cores: 2, CPU: "X", Pairs: 5, Each: "1s"},
		Fills: []fill{{"sqlite", "10k", 10_000, 0.5, 20_000}, {"sqlite", "100k", 100_000, 5, 20_000}, {"sqlite", "1M", 1_000_000, 60, 16_000}},
		Adds: []added{
			{"sqlite", 1, 1, figuresOf(1000), 2000, 0.5}, {"sqlite", 1, 16, figuresOf(3000), 2000, 1.5},
			{"sqlite", 1000, 1, figuresOf(20), 0, 0}, {"postgres", 1000, 1, figuresOf(20), 300, 0.65},
		},
		Skipped: []string{"this: it is not there"},
	}
	for _, load := range []string{"10k", "100k", "1M"} {
		for _, n := range []int{1, 16} {
			pages := read{Engine: "sqlite", Load: load, Kind: "pages", Limit: 1000, Connections: n, Server: figuresOf(2000), Bound: &bound, Ratio: 0.6, CPURatio: 0.5}
			if load == "1M" {
				pages.Server, pages.Bound, pages.Ratio, pages.CPURatio = figuresOf(1000), nil, 0, 0
			}
			r.Reads = append(r.Reads, pages)
		}
	}
	r.Reads = append(r.Reads, read{Engine: "sqlite", Load: "10k, read anew", Kind: "pages", Limit: 1000, Connections: 1, Server: figuresOf(2000)})
	r.Reads = append(r.Reads, read{Engine: "sqlite", Load: "100k", Kind: "get", Connections: 16, Server: figuresOf(4), Bound: &bound, Ratio: 0.49, CPURatio: 0.4})
	r.judge()
	return r
}

func TestTargetsAreJudgedByWhatWasMeasured(t *testing.T) {
	got := map[string]target{}
	for _, one := range measured().Targets {
		got[one.Name] = one
	}
	for _, want := range []target{
		{"pages of 1000, 16 connections, 10k: of the limit", 0.5, false, 0.6, true},
		{"pages of 1000, 16 connections, 100k: of the limit", 0.5, false, 0.6, true},
		{"get by id, 16 connections, 100k: of the limit", 0.5, false, 0.49, false},
		{"add, 1 object a POST: 16 clients to 1 client", 2, false, 3, true},
		{"pages of 1000, read anew: processor time a page at 1M to that at 10k", 1.3, true, 2, false},
		{"resident memory at 1M with 16 clients, MB", 200, true, 10, true},
		{"PostgreSQL: add, 1000 objects a POST, 1 client: of the same statements by pgx", 0.6, false, 0.65, true},
	} {
		if got[want.Name] != want {
			t.Errorf("got %+v, want %+v", got[want.Name], want)
		}
		delete(got, want.Name)
	}
	if len(got) > 0 {
		t.Errorf("these were not measured: %v", got)
	}
}

// TestTheFormsOfAResultAreStable compares with testdata; with the variable
// UPDATE it writes them.
func TestTheFormsOfAResultAreStable(t *testing.T) {
	r := measured()
	text, err := json.MarshalIndent(r, "", "  ")
	must(t, err)
	var page bytes.Buffer
	r.markdown(&page)
	for name, got := range map[string][]byte{"result.json": append(text, '\n'), "result.md": page.Bytes()} {
		file := filepath.Join("testdata", name)
		if os.Getenv("UPDATE") != "" {
			must(t, os.WriteFile(file, got, 0o600))
		}
		want, err := os.ReadFile(file)
		must(t, err)
		if !bytes.Equal(got, want) {
			t.Errorf("%s would be\n%s", file, got)
		}
	}
	var back result
	must(t, json.Unmarshal(text, &back))
	if len(back.Reads) != len(r.Reads) || back.Reads[0].Server != r.Reads[0].Server {
		t.Errorf("got back %+v", back)
	}
}

func TestMediansAreThoseOfThePairs(t *testing.T) {
	ours := []driver.Figures{figuresOf(10), figuresOf(40), figuresOf(30)}
	theirs := []driver.Figures{figuresOf(100), figuresOf(100), figuresOf(60)}
	rate := func(f driver.Figures) float64 { return f.RequestsPerSecond }
	if got := ratios(ours, theirs, rate); got != 0.4 {
		t.Errorf("got %v", got)
	}
	if got := summary(ours); got.RequestsPerSecond != 30 || got.MostResident != 400_000 {
		t.Errorf("got %+v", got)
	}
	if got := []float64{median(nil), median([]float64{3}), median([]float64{4, 1}), median([]float64{9, 1, 2})}; got[0] != 0 || got[1] != 3 || got[2] != 2.5 || got[3] != 2 {
		t.Errorf("got %v", got)
	}
}

func TestAPageWithoutAPlaceForResultsIsLeftAlone(t *testing.T) {
	for _, page := range []string{"", "# Page\n", resultsBegin, resultsEnd} {
		if got, err := replaced([]byte(page), []byte("new"), resultsBegin, resultsEnd); err == nil {
			t.Errorf("%q became %q", page, got)
		}
	}
}
