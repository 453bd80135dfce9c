package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/internal/trial"
)

// TestMain lets the conductor start this program again as its driver, a limit or
// its generator.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{"drive", "limit", "plain", "generate"}, os.Args[1]) {
		main()
		return
	}
	os.Exit(m.Run())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheWholeInstrumentMeasures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	page := filepath.Join(dir, "performance.md")
	must(t, os.WriteFile(page, []byte("# Page\n"+resultsBegin+"old\n"+resultsEnd+"end\n"), 0o600))
	var out bytes.Buffer
	flags := []string{"-hansom", trial.Binary(t), "-each", "20ms", "-engines", "sqlite"}
	must(t, conduct(t.Context(), append(flags, "-pairs", "2", "-only", "poll", "-loads", "1k", "-json", filepath.Join(dir, "poll.json"), "-doc", page), &out))
	must(t, conduct(t.Context(), append(flags, "-pairs", "1", "-only", "add", "-json", filepath.Join(dir, "add.json")), &out))

	polls, adds := readResult(t, filepath.Join(dir, "poll.json")), readResult(t, filepath.Join(dir, "add.json"))
	if len(polls.Reads) != 2 || len(polls.Fills) != 1 || polls.Fills[0].Objects != 1000 || len(adds.Adds) != 6 {
		t.Fatalf("got %+v\n%+v", polls, adds)
	}
	for _, row := range polls.Reads {
		if row.Kind != "poll" || row.Server.Requests == 0 || row.Bound == nil || row.Bound.Requests == 0 || row.Ratio <= 0 || row.Server.MostResident == 0 {
			t.Errorf("got %+v", row)
		}
	}
	for _, row := range adds.Adds {
		if row.Server.Objects < row.Batch*row.Clients || row.Server.ObjectsPerSecond <= 0 {
			t.Errorf("got %+v", row)
		}
	}
	text, err := os.ReadFile(page)
	must(t, err)
	if !strings.Contains(string(text), "| sqlite | 1k   | poll") || strings.Contains(string(text), "old") || !strings.HasSuffix(string(text), resultsEnd+"end\n") {
		t.Errorf("the page is\n%s", text)
	}
}

func TestTheInstrumentOfChannelsMeasures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, page := filepath.Join(dir, "result.json"), filepath.Join(dir, "performance.md")
	must(t, os.WriteFile(page, []byte(channelsBegin+"old\n"+channelsEnd+"end\n"), 0o600))
	var out bytes.Buffer
	flags := []string{"-hansom", trial.Binary(t), "-each", "20ms", "-engines", "sqlite", "-pairs", "1", "-followers", "1,3", "-behind", "1500"}
	must(t, conduct(t.Context(), append(flags, "-only", "channels", "-json", file, "-doc", page), &out))
	got := readResult(t, file).Channels
	if got == nil || len(got.Published) != 2 || len(got.Fans) != 6 || len(got.Rests) != 2 || got.Stuck == nil || got.Sync <= 0 {
		t.Fatalf("got %+v", got)
	}
	for _, row := range got.Published {
		if row.Server.Objects < row.Clients || row.Disk <= 0 || row.OfDisk <= 0 {
			t.Errorf("got %+v", row)
		}
	}
	for _, row := range got.Fans {
		if row.Server.Deliveries < row.Followers || row.Plain.Deliveries != row.Server.Deliveries || row.Ratio <= 0 || (row.Pace > 0) != (row.Server.P99 > 0) {
			t.Errorf("got %+v", row)
		}
	}
	text, err := os.ReadFile(page)
	must(t, err)
	if !strings.Contains(string(text), "| sqlite | 3         | most       |") || strings.Contains(string(text), "old") {
		t.Errorf("the page is\n%s", text)
	}
}

func TestWhatWasMeasuredBeforeAFailureIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, page := filepath.Join(dir, "result.json"), filepath.Join(dir, "performance.md")
	must(t, os.WriteFile(page, []byte(resultsBegin+"old\n"+resultsEnd), 0o600))
	var out bytes.Buffer
	err := conduct(t.Context(), []string{"-hansom", filepath.Join(dir, "none"), "-only", "add", "-engines", "sqlite", "-json", file, "-doc", page}, &out)
	r := readResult(t, file)
	if err == nil || len(r.Skipped) == 0 || !strings.Contains(r.Skipped[len(r.Skipped)-1], "no such file") {
		t.Errorf("got %v, %q", err, r.Skipped)
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "old") {
		t.Errorf("the page is %q, %v", text, err)
	}
}

func readResult(t *testing.T, file string) (r result) {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	must(t, json.Unmarshal(text, &r))
	return r
}

func TestFlagsSayWhatIsMeasured(t *testing.T) {
	t.Setenv("HANSOM_TEST_DATA", t.TempDir())
	full, err := readFlags(nil)
	must(t, err)
	if len(full.loads) != 3 || full.loads[2].Number != 1_000_000 || full.each != fullEach || len(full.engines) != 2 || len(full.skipped) != 1 {
		t.Errorf("got %+v", full)
	}
	if len(full.crowds) != 4 || full.crowds[3] != 10_000 || full.far != 1_000_000 || full.rounds() != 3 {
		t.Errorf("got %+v", full)
	}
	quick, err := readFlags([]string{"-quick"})
	must(t, err)
	if len(quick.loads) != 1 || quick.loads[0].Number != mostTaped || quick.each != quickEach || len(quick.engines) != 1 {
		t.Errorf("got %+v", quick)
	}
	if len(quick.crowds) != 3 || quick.far != 100_000 || quick.rounds() != 3 {
		t.Errorf("got %+v", quick)
	}
	for _, args := range [][]string{{"-followers", "0"}, {"-followers", "1,x"}, {"-behind", "-1"}, {"-loads", "10x"}, {"-loads", "0k"}, {"-loads", ""}, {"-pairs", "0"}, {"-each", "-1s"}, {"-fly"}} {
		if s, err := readFlags(args); err == nil {
			t.Errorf("%q: got %+v", args, s)
		}
	}
}
