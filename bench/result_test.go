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
	r.Channels = channels()
	r.judge()
	return r
}

// deliveredOf is a run with so many deliveries in a second.
func deliveredOf(rate, p50, p99 float64) driver.Delivered {
	return driver.Delivered{
		Messages: 10, Deliveries: int(rate), Seconds: 1, Published: 0.5, PerSecond: rate, P50: p50, P99: p99, ServerCPU: 10_000 / rate, DriverCPU: 2, MostResident: 70e6,
	}
}

func channels() *channelled {
	where := about{Time: time.Date(2026, 1, 2, 3, 5, 5, 0, time.UTC), Took: "5m2s", Version: "v1", Go: "go1.26", System: "linux/amd64", Cores: 2, CPU: "X", Pairs: 3, Each: "1s"}
	return &channelled{
		About: where, Sync: 0.5, Skipped: []string{"10000 followers: they are too many"},
		Published: []publish{
			{"sqlite", 1, figuresOf(1000), 2000, 0.5, 4000, 0.25}, {"sqlite", 16, figuresOf(5000), 8000, 0.625, 4000, 1.25}, {"postgres", 16, figuresOf(900), 0, 0, 4000, 0.22},
		},
		Fans: []fan{
			{"sqlite", 100, 0, deliveredOf(1000, 0, 0), deliveredOf(1800, 0, 0), 0.56, 0.6},
			{"sqlite", 100, 50, deliveredOf(5000, 3, 9), deliveredOf(5000, 2, 4), 1, 0.7},
			{"sqlite", 1000, 50, deliveredOf(50_000, 16, 60), deliveredOf(50_000, 10, 30), 1, 0.8},
			{"postgres", 100, 50, deliveredOf(5000, 4, 10), deliveredOf(5000, 2, 4), 1, 0.7},
		},
		Rests:   []rest{{false, 10_000, 20 << 10, 24 << 10}, {true, 10_000, 60 << 10, 64 << 10}},
		Behinds: []lag{{1_000_000, 200_000, 120_000, 90_000, 0.6, 0.45}},
		Stored:  &stored{1_000_000, 60e6, 63e6, 300, 0.1, 0.15},
		Stuck:   &stuckness{500, 30 << 10, 9000, 8900},
	}
}

func TestTargetsOfChannelsAreJudgedByWhatWasMeasured(t *testing.T) {
	got := map[string]target{}
	for _, one := range measured().Channels.Targets {
		got[one.Name] = one
	}
	for _, want := range []target{
		{"publish, 16 publishers: of the same rows written straight", 0.7, false, 0.625, false},
		{"deliveries, 100 followers: of the plain server", 0.5, false, 0.56, true},
		{"delivery, 100 followers, 50 messages/s: p99 above the plain server's, ms", 10, true, 5, true},
		{"delivery, 1000 followers, 50 messages/s: p50 less a sync, to the plain server's", 1.5, true, 1.55, false},
		{"delivery, 1000 followers, 50 messages/s: p99 less a sync, to the plain server's", 1.5, true, 59.5 / 30, false},
		{"idle follower without TLS, of 10000, KiB", 32, true, 20, true},
		{"idle follower with TLS, of 10000, KiB", 56, true, 60, false},
		{"memory with 1000000 subscriptions at rest, to that without", 1.1, true, 1.05, true},
		{"catching up with 1000000 messages by pages: of a collection's pages", 0.5, false, 0.6, true},
		{"catching up with 1000000 messages by stream: of a collection's pages", 0.5, false, 0.45, false},
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

func TestTheMiddleRunOfDeliveriesIsThatOfTheMedian(t *testing.T) {
	runs := []driver.Delivered{deliveredOf(300, 1, 9), deliveredOf(100, 2, 7), deliveredOf(200, 3, 8)}
	if got := middleOf(runs, 0); got.PerSecond != 200 || got.P99 != 8 {
		t.Errorf("got %+v", got)
	}
	if got := middleOf(runs, 50); got.PerSecond != 200 || got.P50 != 2 || got.P99 != 8 || got.MostResident != 70e6 {
		t.Errorf("got %+v", got)
	}
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
	var page, feed bytes.Buffer
	r.markdown(&page)
	r.Channels.markdown(&feed)
	for name, got := range map[string][]byte{"result.json": append(text, '\n'), "result.md": page.Bytes(), "channels.md": feed.Bytes()} {
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

func TestWhatWasNotMeasuredStaysOnThePage(t *testing.T) {
	page := []byte(resultsBegin + "old\n" + resultsEnd + "between\n" + channelsBegin + "older\n" + channelsEnd)
	whole, none := measured(), result{}
	feed, rest := result{Channels: whole.Channels}, result{Reads: whole.Reads}
	for name, c := range map[string]struct {
		r          *result
		old, older bool
	}{"all": {whole, false, false}, "nothing": {&none, true, true}, "channels": {&feed, true, false}, "the rest": {&rest, false, true}} {
		got, err := c.r.into(page)
		must(t, err)
		if bytes.Contains(got, []byte("old\n")) != c.old || bytes.Contains(got, []byte("older\n")) != c.older || !bytes.Contains(got, []byte("between\n")) {
			t.Errorf("%s: the page became\n%s", name, got)
		}
	}
}

func TestAPageWithoutAPlaceForResultsIsLeftAlone(t *testing.T) {
	for _, page := range []string{"", "# Page\n", resultsBegin, resultsEnd} {
		if got, err := replaced([]byte(page), []byte("new"), resultsBegin, resultsEnd); err == nil {
			t.Errorf("%q became %q", page, got)
		}
	}
}
