// Package results reads what `go test -json` wrote: which tests ran, how each
// ended, and the numbers each says it shows (trial.Covers). It knows nothing
// of what the numbers mean.
package results

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Outcome is how a test ended.
type Outcome uint8

// A test that began and never ended (its process died) is Unfinished.
const (
	Unfinished Outcome = iota
	Passed
	Skipped
	Failed
)

// Test is one test, subtest or fuzz target with its seeds. A Test without a
// Name is a package that failed although none of its tests did: it did not
// build, or its process died.
type Test struct {
	Package string // import path
	Name    string // TestX/sub, as go test writes it
	Outcome Outcome
	Covers  []string // numbers, each once, in order
	Elapsed time.Duration
	Output  string // what it printed; "" if it passed
}

// event is one line; see `go doc test2json`.
type event struct {
	Action, Package, ImportPath, Test, Output, Key, Value, FailedBuild string

	Elapsed float64 // seconds
}

// maxLine bounds one line of results: a test's output is cut into lines, and
// a line longer than this is a fault of the test.
const maxLine = 16 << 20

// Read returns the tests in r, sorted by package and name. Lines that are not
// JSON objects are passed over: tools print some on the way.
func Read(r io.Reader) ([]Test, error) {
	g := gathering{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if !strings.HasPrefix(lines.Text(), "{") {
			continue
		}
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		g.take(e)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read test results: %w", err)
	}
	return g.tests(), nil
}

type key struct{ pkg, name string }

// gathering is the tests seen so far; with an empty name, their packages, and
// under the name of a build its output.
type gathering map[key]*Test

func (g gathering) take(e event) {
	k := key{e.Package, e.Test}
	if e.Package == "" {
		k.pkg = e.ImportPath // a build; a package that needs it names it in FailedBuild
	}
	t := g[k]
	if t == nil {
		t = &Test{Package: k.pkg, Name: k.name}
		g[k] = t
	}
	switch e.Action {
	case "output", "build-output":
		t.Output += e.Output
	case "attr":
		t.cover(e)
	case "pass":
		t.end(Passed, e)
	case "skip":
		t.end(Skipped, e)
	case "fail":
		t.end(Failed, e)
		if build := g[key{e.FailedBuild, ""}]; build != nil && e.FailedBuild != "" {
			t.Output += build.Output
		}
	}
}

// end sets the outcome. A test that ran twice (-count, -cpu) has failed if it
// failed once.
func (t *Test) end(o Outcome, e event) {
	t.Outcome = max(t.Outcome, o)
	t.Elapsed += time.Duration(e.Elapsed * float64(time.Second))
	if t.Outcome == Passed {
		t.Output = ""
	}
}

func (t *Test) cover(e event) {
	if e.Key != "covers" {
		return
	}
	t.Covers = append(t.Covers, strings.Fields(e.Value)...)
	slices.Sort(t.Covers)
	t.Covers = slices.Compact(t.Covers)
}

func (g gathering) tests() (all []Test) {
	faulty := map[string]bool{} // packages with a test that did not pass
	for k, t := range g {
		if k.name != "" {
			all = append(all, *t)
			faulty[k.pkg] = faulty[k.pkg] || t.Outcome == Failed || t.Outcome == Unfinished
		}
	}
	for k, t := range g {
		if k.name == "" && t.Outcome == Failed && !faulty[k.pkg] {
			all = append(all, *t)
		}
	}
	slices.SortFunc(all, func(a, b Test) int {
		if c := strings.Compare(a.Package, b.Package); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all
}
