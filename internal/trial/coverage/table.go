package main

import (
	"fmt"
	"strings"
)

const (
	// maxNamed bounds the tests named in a row, and maxText the characters of a
	// requirement's text: a row should fit a screen.
	maxNamed = 4
	maxText  = 160
)

const preface = `# Conformance

<!-- Written by internal/trial/coverage from the results of the tests: make docs. Do not edit. -->

Which test shows which requirement. Numbers that begin with R are those of
[the digest of TAXII 2.1](spec/taxii-2.1-requirements.md), those that begin with K the
[rules from clients in the field](spec/client-compat.md); both have the full texts. A test
counts only if it passed. A number that no server test shows has
[its reason](spec/exceptions.txt) instead: *client-only* (binds who asks), *explanatory*
(nothing in it could be broken), *not applicable* (something that hansom does not do), or
*not yet* (and what brings it).
`

// render writes the table. It holds nothing that changes from run to run.
func render(rules []rule, shown map[string][]string, excepted map[string]exception) string {
	var b strings.Builder
	b.WriteString(preface)
	section := ""
	for i, r := range rules {
		if i == 0 || r.section != section {
			section = r.section
			fmt.Fprintf(&b, "\n## %s\n\n| no. | level | requirement | shown by |\n| --- | --- | --- | --- |\n", section)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.number, r.level, short(r.text), proof(shown[r.number], excepted[r.number]))
	}
	return b.String()
}

// proof names the tests, or gives the reason why there are none.
func proof(tests []string, e exception) string {
	if len(tests) == 0 {
		return escape(e.String())
	}
	var names []string
	for _, name := range tests[:min(maxNamed, len(tests))] {
		names = append(names, "`"+strings.ReplaceAll(name, "|", `\|`)+"`")
	}
	text := strings.Join(names, ", ")
	if more := len(tests) - maxNamed; more > 0 {
		text += fmt.Sprintf(" +%d more", more)
	}
	return text
}

// short is the first maxText characters of a text in Markdown, cut between
// words and without emphasis, fit for a cell of a table.
func short(text string) string {
	text = strings.ReplaceAll(text, "**", "")
	if runes := []rune(text); len(runes) > maxText {
		text = string(runes[:maxText])
		if space := strings.LastIndexByte(text, ' '); space > 0 {
			text = strings.TrimRight(text[:space], " ,;:(")
		}
		if strings.Count(text, "`")%2 == 1 { // cut inside code
			text += "`"
		}
		text += " …"
	}
	return escape(text)
}

// escape keeps a text from being read as markup outside of its code.
func escape(text string) string {
	parts := strings.Split(text, "`")
	for i := range parts {
		if i%2 == 0 {
			parts[i] = strings.NewReplacer("<", "&lt;", "*", `\*`).Replace(parts[i])
		}
		parts[i] = strings.ReplaceAll(parts[i], "|", `\|`)
	}
	return strings.Join(parts, "`")
}
