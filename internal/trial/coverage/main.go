// Command coverage writes docs/conformance.md: for each numbered requirement
// of docs/spec the tests that show it, or the reason why none does.
//
//	go test -json ./... >results.json
//	go run ./internal/trial/coverage results.json
//
// A test shows the numbers it passes to trial.Covers if it passed. The reasons
// stand in docs/spec/exceptions.txt. The command fails, and writes nothing, if
// a number has neither, if an exception has become untrue, or if a test that
// declares numbers was skipped. With -check it compares with the file instead
// of writing it. Without a named file the results are read from standard input.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hansom-taxii/hansom/internal/trial/results"
)

// Where things lie below the root of the module.
const (
	requirementsFile = "docs/spec/taxii-2.1-requirements.md"
	clientRulesFile  = "docs/spec/client-compat.md"
	exceptionsFile   = "docs/spec/exceptions.txt"
	tableFile        = "docs/conformance.md"
)

func main() {
	root := flag.String("root", ".", "the `folder` with go.mod")
	check := flag.Bool("check", false, "compare with "+tableFile+" instead of writing it")
	flag.Parse()
	if err := run(*root, *check, flag.Arg(0), os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "coverage:", err)
		os.Exit(1)
	}
}

// run reads the results in the named file, or in if the name is empty, and
// writes the table or checks it.
func run(root string, check bool, name string, in io.Reader) error {
	if name != "" {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }() // read to its end; nothing is lost
		in = file
	}
	tests, err := results.Read(in)
	if err != nil {
		return err
	}
	text, err := document(root, tests)
	if err != nil {
		return err
	}
	table := filepath.Join(root, tableFile)
	if check {
		return compare(table, text)
	}
	return os.WriteFile(table, []byte(text), 0o644)
}

// document is the text of the table, or an error that lists all that is wrong.
func document(root string, tests []results.Test) (string, error) {
	rules, err := readRules(root)
	if err != nil {
		return "", err
	}
	excepted, err := readExceptions(filepath.Join(root, exceptionsFile))
	if err != nil {
		return "", err
	}
	shown, faults := evidence(tests)
	faults = append(faults, judge(rules, shown, excepted)...)
	faults = append(faults, arrived(root, excepted)...)
	if len(faults) > 0 {
		return "", errors.New("the requirements and the tests do not agree:\n  " + strings.Join(faults, "\n  "))
	}
	return render(rules, shown, excepted), nil
}

// compare reports the first line in which the file differs from text.
func compare(name, text string) error {
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if string(old) == text {
		return nil
	}
	have, want := strings.Split(string(old), "\n"), strings.Split(text, "\n")
	i := 0
	for i < len(have) && i < len(want) && have[i] == want[i] {
		i++
	}
	return fmt.Errorf("%s is out of date (make docs writes it anew); first at line %d:\n  has  %s\n  want %s",
		name, i+1, line(have, i), line(want, i))
}

func line(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}
