package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// rule is one numbered requirement.
type rule struct {
	section string // the heading it stands under
	number  string // R107, K30
	level   string // MUST, ...; "-" for explanation; "rule" for those of the clients
	text    string // Markdown
}

var number = regexp.MustCompile(`^[RK]\d+$`)

// clientLevel stands for the level of a rule from the clients, which have none.
const clientLevel = "rule"

// readRules returns the requirements of the standard and after them the rules
// of the clients, each in the order of its file.
func readRules(root string) ([]rule, error) {
	standard, err := readFile(filepath.Join(root, requirementsFile), requirement)
	if err != nil {
		return nil, err
	}
	clients, err := readFile(filepath.Join(root, clientRulesFile), clientRule)
	return append(standard, clients...), err
}

func readFile(name string, parse func(line string) (rule, bool)) ([]rule, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var all []rule
	section := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if heading, found := strings.CutPrefix(line, "## "); found {
			section = heading
		} else if heading, found := strings.CutPrefix(line, "### "); found {
			section = heading
		} else if r, ok := parse(line); ok {
			r.section = section
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no numbered requirement found", name)
	}
	return all, nil
}

// requirement parses "R001 | MUST | server | §3.1 | text".
func requirement(line string) (rule, bool) {
	parts := strings.SplitN(line, " | ", 5)
	if len(parts) != 5 || !number.MatchString(parts[0]) {
		return rule{}, false
	}
	return rule{number: parts[0], level: parts[1], text: parts[4]}, true
}

// clientRule parses "| K01 | text | asked by |".
func clientRule(line string) (rule, bool) {
	parts := strings.SplitN(line, "|", 4)
	if len(parts) != 4 || !number.MatchString(strings.TrimSpace(parts[1])) {
		return rule{}, false
	}
	return rule{number: strings.TrimSpace(parts[1]), level: clientLevel, text: strings.TrimSpace(parts[2])}, true
}
