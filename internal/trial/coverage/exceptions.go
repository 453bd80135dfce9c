package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The kinds of exception: why no test of the server shows a number.
const (
	clientOnly    = "client-only"    // binds who asks; nothing in an answer could show it
	explanatory   = "explanatory"    // says nothing that could be kept or broken; a test may still illustrate it
	notApplicable = "not applicable" // concerns what hansom does not do, by decision
	notYet        = "not yet"        // comes with a feature; fails once the feature is there
)

// features names, for each feature that is still to come, the path whose
// existence means that it has come.
var features = map[string]string{
	"tokens":              "internal/signin/token.go",
	"client certificates": "internal/signin/certificate.go",
	"account limits":      "internal/exchange/limit.go",
	"the SDK":             "client/collection.go",
	"console":             "internal/console",
	"DNS":                 "cmd/hansom/dns.go",
	"TAXII 2.0":           "internal/api/taxii20.go",
	"markings":            "internal/exchange/marking.go",
}

type exception struct {
	kind    string
	feature string // of notYet
	reason  string
}

func (e exception) String() string {
	if e.feature != "" {
		return e.kind + " (" + e.feature + "): " + e.reason
	}
	return e.kind + ": " + e.reason
}

// exceptionForm is "NUMBERS KIND[: FEATURE] — REASON".
var exceptionForm = regexp.MustCompile(
	`^((?:[RK]\d+ )+)(client-only|explanatory|not applicable|not yet: [^—]+) — (.+)$`)

// readExceptions parses the file: one exception a line, for one number or
// several with the same reason. Empty lines and those that begin with # are
// comments. The error lists every line that is wrong.
func readExceptions(name string) (map[string]exception, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	all := map[string]exception{}
	var faults []error
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if err := addException(all, line); err != nil {
			faults = append(faults, fmt.Errorf("%s:%d: %w", name, n, err))
		}
	}
	return all, errors.Join(faults...)
}

func addException(all map[string]exception, line string) error {
	parts := exceptionForm.FindStringSubmatch(line)
	if parts == nil {
		return fmt.Errorf("%q is not of the form: NUMBER... KIND[: FEATURE] — REASON", line)
	}
	e := exception{kind: parts[2], reason: parts[3]}
	if feature, found := strings.CutPrefix(e.kind, notYet+": "); found {
		e.kind, e.feature = notYet, feature
		if features[feature] == "" {
			return fmt.Errorf("no feature is called %q", feature)
		}
	}
	for _, number := range strings.Fields(parts[1]) {
		if _, twice := all[number]; twice {
			return fmt.Errorf("%s is excepted twice", number)
		}
		all[number] = e
	}
	return nil
}

// arrived reports each exception that waits for a feature which is there.
func arrived(root string, excepted map[string]exception) (faults []string) {
	for number, e := range excepted {
		if e.kind != notYet {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, features[e.feature])); err == nil {
			faults = append(faults, fmt.Sprintf("%s is not yet shown for want of %s, but %s exists", number, e.feature, features[e.feature]))
		}
	}
	slices.Sort(faults)
	return faults
}
