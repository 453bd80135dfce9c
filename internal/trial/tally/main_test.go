package main

import (
	"strings"
	"testing"
	"time"

	"github.com/hansom-taxii/hansom/internal/trial/results"
)

func TestTheTallyEndsWithTheThreeCounts(t *testing.T) {
	var b strings.Builder
	ok := sumUp(&b, []results.Test{
		{Package: "m/a", Name: "TestA", Outcome: results.Passed, Elapsed: 2 * time.Second},
		{Package: "m/a", Name: "TestA/sub", Outcome: results.Passed, Elapsed: 2 * time.Second},
		{Package: "m/a", Name: "TestB", Outcome: results.Failed, Output: "wrong\nvery\n"},
		{Package: "m/a", Name: "TestC", Outcome: results.Skipped, Output: "=== RUN TestC\n    c_test.go:3: SKIPPED: curl\n"},
		{Package: "m/a", Name: "TestD", Outcome: results.Skipped},
		{Package: "m/a", Name: "TestE"},
		{Package: "m/b", Outcome: results.Failed, Output: "syntax error"},
	})
	want := `FAIL  m/a TestB
      wrong
      very
skip  m/a TestC: SKIPPED: curl
skip  m/a TestD: no reason given
FAIL  m/a TestE (did not finish)
FAIL  m/b as a whole
      syntax error
slow     2.0 s  m/a TestA
2 passed, 3 failed, 2 skipped
`
	if b.String() != want || ok {
		t.Errorf("ok %v:\n%s\nwant\n%s", ok, b.String(), want)
	}
}

func TestATallyIsWellWhenSomethingPassedAndNothingFailed(t *testing.T) {
	pass, skip := results.Test{Outcome: results.Passed}, results.Test{Outcome: results.Skipped}
	for _, c := range []struct {
		tests []results.Test
		want  bool
	}{
		{[]results.Test{pass, skip}, true},
		{[]results.Test{skip}, false},
		{nil, false},
	} {
		if got := sumUp(&strings.Builder{}, c.tests); got != c.want {
			t.Errorf("%+v: %v, want %v", c.tests, got, c.want)
		}
	}
}
