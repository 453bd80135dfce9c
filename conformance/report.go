package conformance

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Report is what became of a run.
type Report struct {
	Target  string    `json:"target"`
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"`
	Passed  int       `json:"passed"`
	Failed  int       `json:"failed"`
	Skipped int       `json:"skipped"`
	Results []Result  `json:"results"`
}

func (r *Report) add(one Result) {
	r.Results = append(r.Results, one)
	switch one.Outcome {
	case Passed:
		r.Passed++
	case Failed:
		r.Failed++
	case Skipped:
		r.Skipped++
	}
}

// sections gives the names of the sections in the order of the run.
func (r *Report) sections() (names []string) {
	for _, one := range r.Results {
		if !slices.Contains(names, one.Section) {
			names = append(names, one.Section)
		}
	}
	return names
}

// in gives the results of a section.
func (r *Report) in(section string) (list []Result) {
	for _, one := range r.Results {
		if one.Section == section {
			list = append(list, one)
		}
	}
	return list
}

func count(list []Result, what Outcome) (n int) {
	for _, one := range list {
		if one.Outcome == what {
			n++
		}
	}
	return n
}

// Text writes the report for people: the sections in numbers, then what was
// skipped and why, then each failure with what it breaks, what was sent, what came
// and what should have come. The last line is the sum.
func (r *Report) Text(w io.Writer) error {
	out := &lines{w: w}
	out.say("%s, checked in %.1f s\n", r.Target, r.Seconds)
	out.say("%-16s %7s %7s %8s", "section", "passed", "failed", "skipped")
	for _, name := range r.sections() {
		list := r.in(name)
		out.say("%-16s %7d %7d %8d", name, count(list, Passed), count(list, Failed), count(list, Skipped))
	}
	r.skips(out)
	for _, one := range r.Results {
		if one.Outcome == Failed {
			one.failure(out)
		}
	}
	out.say("\n%d passed, %d failed, %d skipped", r.Passed, r.Failed, r.Skipped)
	return out.err
}

func (r *Report) skips(out *lines) {
	if r.Skipped == 0 {
		return
	}
	out.say("\nSkipped:")
	for _, one := range r.Results {
		if one.Outcome == Skipped {
			out.say("  %s: %s", one.Check, one.Why)
		}
	}
}

func (one *Result) failure(out *lines) {
	out.say("\nFAILED  %s (%s)", one.Check, one.numbers())
	out.say("  A right server: %s", one.Title)
	for i, e := range one.Exchanges {
		which := ""
		if len(one.Exchanges) > 1 {
			which = fmt.Sprintf(" (%d of the last %d)", i+1, len(one.Exchanges))
		}
		out.say("  sent%s:\n%s\n  came:\n%s", which, indent(e.Sent), indent(e.Came))
	}
	out.say("  should have come: %s", one.Why)
}

// numbers names the requirements and rows of a check.
func (one *Result) numbers() string {
	text := strings.Join(one.Rules, ", ")
	if len(one.Interop) > 0 {
		text += "; interoperability " + strings.Join(one.Interop, ", ")
	}
	return text
}

func indent(text string) string { return "    " + strings.ReplaceAll(printable(text), "\n", "\n    ") }

// printable keeps what a server sends from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, text)
}

// cut bounds what is said of a check: it may hold what a server sent.
func cut(text string) string {
	if len(text) <= shownBody {
		return text
	}
	return strings.ToValidUTF8(text[:shownBody], "") + "..."
}

// lines writes lines until one cannot be written.
type lines struct {
	w   io.Writer
	err error
}

func (l *lines) say(format string, args ...any) {
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.w, format+"\n", args...)
	}
}

// JSON writes the report as one JSON object.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// JUnit writes the report as JUnit XML, a suite for each section, as continuous
// integration reads it.
func (r *Report) JUnit(w io.Writer) error {
	all := junitSuites{Name: "TAXII 2.1 conformance of " + r.Target, Tests: len(r.Results), Failures: r.Failed, Skipped: r.Skipped, Time: r.Seconds}
	for _, name := range r.sections() {
		list := r.in(name)
		suite := junitSuite{Name: name, Tests: len(list), Failures: count(list, Failed), Skipped: count(list, Skipped)}
		for _, one := range list {
			suite.Time += one.Seconds
			suite.Cases = append(suite.Cases, one.junit())
		}
		all.Suites = append(all.Suites, suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (one *Result) junit() junitCase {
	c := junitCase{Name: one.Check + " (" + one.numbers() + ")", Class: "taxii." + one.Section, Time: one.Seconds}
	switch one.Outcome {
	case Failed:
		var b strings.Builder
		one.failure(&lines{w: &b})
		c.Failure = &junitNote{Message: printable(one.Why), Text: b.String()}
	case Skipped:
		c.Skipped = &junitNote{Message: printable(one.Why)}
	}
	return c
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     float64      `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     float64     `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string     `xml:"name,attr"`
	Class   string     `xml:"classname,attr"`
	Time    float64    `xml:"time,attr"`
	Failure *junitNote `xml:"failure,omitempty"`
	Skipped *junitNote `xml:"skipped,omitempty"`
}

type junitNote struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}
