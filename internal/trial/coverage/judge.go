package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hansom-taxii/hansom/internal/trial/results"
)

const modulePath = "github.com/hansom-taxii/hansom"

// evidence maps each number to the tests that show it, as package/TestX/sub in
// order. A test that failed shows nothing. One that declares numbers and was
// skipped is a fault: what the table says would depend on the machine.
func evidence(tests []results.Test) (shown map[string][]string, faults []string) {
	shown = map[string][]string{}
	for _, t := range tests {
		if len(t.Covers) == 0 {
			continue
		}
		name := strings.TrimPrefix(strings.TrimPrefix(t.Package, modulePath)+"/"+t.Name, "/")
		switch t.Outcome {
		case results.Passed:
			for _, number := range t.Covers {
				shown[number] = append(shown[number], name)
			}
		case results.Skipped:
			faults = append(faults, fmt.Sprintf("%s declares %s and was skipped", name, strings.Join(t.Covers, " ")))
		}
	}
	return shown, faults
}

// judge reports, in order, each number without a test and without a reason,
// each reason that a test disproves, and each number that does not exist.
func judge(rules []rule, shown map[string][]string, excepted map[string]exception) (faults []string) {
	exists := map[string]bool{}
	for _, r := range rules {
		if exists[r.number] {
			faults = append(faults, r.number+" stands twice in the requirements")
		}
		exists[r.number] = true
		e, isExcepted := excepted[r.number]
		tests := shown[r.number]
		if len(tests) == 0 && !isExcepted {
			faults = append(faults, fmt.Sprintf("%s is shown by no test and not excepted: %s", r.number, short(r.text)))
		}
		if len(tests) > 0 && isExcepted && e.kind != explanatory {
			faults = append(faults, fmt.Sprintf("%s is excepted as %s, but shown by %s", r.number, e.kind, tests[0]))
		}
	}
	for _, number := range slices.Sorted(maps.Keys(shown)) {
		if !exists[number] {
			faults = append(faults, fmt.Sprintf("%s is declared by %s, but no requirement has that number", number, shown[number][0]))
		}
	}
	for _, number := range slices.Sorted(maps.Keys(excepted)) {
		if !exists[number] {
			faults = append(faults, fmt.Sprintf("%s is excepted, but no requirement has that number", number))
		}
	}
	return faults
}
