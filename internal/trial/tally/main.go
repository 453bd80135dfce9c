// Command tally sums up the results of `go test -json`, read from the named
// file or from standard input. It prints what failed with its output, what was
// skipped and why, the slowest tests, and as its last line
//
//	N passed, N failed, N skipped
//
// counting each test and subtest, and a package that did not build as one
// failure. It exits with 1 if anything failed or nothing ran.
package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial/results"
)

// slowest is how many tests are named with their times: enough to see where
// the minutes go.
const slowest = 10

func main() {
	in := io.Reader(os.Stdin)
	if len(os.Args) > 1 {
		file, err := os.Open(os.Args[1])
		if err != nil {
			fail(err)
		}
		defer func() { _ = file.Close() }() // read to its end; nothing is lost
		in = file
	}
	tests, err := results.Read(in)
	if err != nil {
		fail(err)
	}
	if !sumUp(os.Stdout, tests) {
		os.Exit(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "tally:", err)
	os.Exit(1)
}

// sumUp prints the summary and says whether all is well.
func sumUp(w io.Writer, tests []results.Test) bool {
	var passed, failed, skipped int
	for _, t := range tests {
		switch t.Outcome {
		case results.Passed:
			passed++
		case results.Skipped:
			skipped++
			fmt.Fprintf(w, "skip  %s: %s\n", title(t), reason(t.Output))
		default:
			failed++
			fmt.Fprintf(w, "FAIL  %s\n%s", title(t), indent(t.Output))
		}
	}
	printSlowest(w, tests)
	fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", passed, failed, skipped)
	return failed == 0 && passed > 0
}

func title(t results.Test) string {
	name := t.Package + " " + t.Name
	if t.Name == "" {
		name = t.Package + " as a whole"
	}
	if t.Outcome == results.Unfinished {
		name += " (did not finish)"
	}
	return name
}

// reason is the line of a skipped test that says why.
func reason(output string) string {
	for line := range strings.Lines(output) {
		if _, why, found := strings.Cut(line, "SKIPPED: "); found {
			return "SKIPPED: " + strings.TrimSpace(why)
		}
	}
	return "no reason given"
}

func indent(output string) string {
	var b strings.Builder
	for line := range strings.Lines(output) {
		b.WriteString("      " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}

// printSlowest names the tests of the top level that took longest: the time
// of a subtest is part of its parent's.
func printSlowest(w io.Writer, tests []results.Test) {
	tests = slices.DeleteFunc(slices.Clone(tests), func(t results.Test) bool {
		return t.Elapsed < time.Second || strings.Contains(t.Name, "/")
	})
	slices.SortStableFunc(tests, func(a, b results.Test) int { return cmp.Compare(b.Elapsed, a.Elapsed) })
	for _, t := range tests[:min(slowest, len(tests))] {
		fmt.Fprintf(w, "slow  %6.1f s  %s\n", t.Elapsed.Seconds(), title(t))
	}
}
