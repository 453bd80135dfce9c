package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const resultsFile = "testdata/results.json"

// tree copies testdata, with its file changed by each edit "name|old|new".
func tree(t *testing.T, edits ...string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	for _, edit := range edits {
		parts := strings.Split(edit, "|")
		name := filepath.Join(root, parts[0])
		text, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(text), parts[1]) {
			t.Fatalf("edit %q: no such text, %v", edit, err)
		}
		if err := os.WriteFile(name, []byte(strings.Replace(string(text), parts[1], parts[2], 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestTheTableHasEveryNumberWithItsTestsOrItsReason(t *testing.T) {
	root := tree(t)
	if err := run(root, false, resultsFile, nil); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, tableFile))
	if err != nil {
		t.Fatal(err)
	}
	want := preface + "\n## A. Scope\n\n" +
		"| no. | level | requirement | shown by |\n| --- | --- | --- | --- |\n" +
		"| R001 | MUST | Key words \\| are &lt;capital>. | `TestRoot` |\n" +
		"| R002 | - | \\*/\\* and application/\\* are ranges. | `internal/api/TestA/sub` |\n" +
		"\n## B. Types\n\n" +
		"| no. | level | requirement | shown by |\n| --- | --- | --- | --- |\n" +
		"| R003 | MUST NOT | A long text that goes on beyond what a row should hold, with words and more words and still more words," +
		" until it is cut between two of them and ends in a sign … |" +
		" `internal/api/TestA/sub`, `internal/api/TestZ`, `internal/feed/TestD`, `internal/feed/TestE` +1 more |\n" +
		"| R004 | MAY | A permission. | client-only: a permission |\n" +
		"\n## 1.1 Addresses\n\n" +
		"| no. | level | requirement | shown by |\n| --- | --- | --- | --- |\n" +
		"| K01 | rule | A path is served without `*` or `<`. | `internal/api/TestZ` |\n" +
		"| K21 | rule | Tokens. | not yet (tokens): Basic only |\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := run(root, true, resultsFile, nil); err != nil {
		t.Errorf("the table just written is not up to date: %v", err)
	}
}

func TestWhatDoesNotAgreeIsListedAndNothingIsWritten(t *testing.T) {
	const (
		exceptions = "docs/spec/exceptions.txt|"
		outcomes   = "results.json|"
	)
	for _, c := range []struct{ name, edit, want string }{
		{"a number without test and reason", exceptions + "R004 client-only — a permission|", "R004 is shown by no test and not excepted: A permission."},
		{"a reason that a test disproves", exceptions + "R004 client|R003 R004 client", "R003 is excepted as client-only, but shown by internal/api/TestA/sub"},
		{"a test that failed", outcomes + `{"Action":"pass","Package":"github.com/hansom-taxii/hansom/internal/api","Test":"TestA/sub"}|` +
			`{"Action":"fail","Package":"github.com/hansom-taxii/hansom/internal/api","Test":"TestA/sub"}`, "R002 is shown by no test"},
		{"a test that was skipped", outcomes + `"fail"|"skip"`, "internal/feed/TestFailed declares R002 and was skipped"},
		{"a number that does not exist", outcomes + "R003 K01|R003 K01 R999", "R999 is declared by internal/api/TestZ, but no"},
		{"a reason for a number that does not exist", exceptions + "R001|R001 K99", "K99 is excepted, but no"},
		{"a number that stands twice", "docs/spec/client-compat.md|K21|K01", "K01 stands twice"},
		{"a reason given twice", exceptions + "R004|R001", "exceptions.txt:4: R001 is excepted twice"},
		{"an exception without a reason", exceptions + " — a permission|", "is not of the form"},
		{"a kind that is not known", exceptions + "client-only|later", "is not of the form"},
		{"a feature that is not known", exceptions + "not yet: tokens|not yet: magic", `no feature is called "magic"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := tree(t, c.edit)
			err := run(root, false, filepath.Join(root, "results.json"), nil)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if _, err := os.Stat(filepath.Join(root, tableFile)); err == nil {
				t.Error("a table was written")
			}
		})
	}
}

func TestANotYetFailsOnceItsFeatureIsThere(t *testing.T) {
	root := tree(t)
	if err := os.MkdirAll(filepath.Join(root, "internal/signin/token.go"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := run(root, false, resultsFile, nil)
	if err == nil || !strings.Contains(err.Error(), "K21 is not yet shown for want of tokens, but internal/signin/token.go exists") {
		t.Errorf("error %v", err)
	}
}

func TestCheckNamesTheFirstLineThatDiffers(t *testing.T) {
	root := tree(t)
	if err := run(root, false, resultsFile, nil); err != nil {
		t.Fatal(err)
	}
	table := filepath.Join(root, tableFile)
	text, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, want string }{
		{"# Other" + string(text), "first at line 1:\n  has  # Other# Conformance\n  want # Conformance"},
		{strings.TrimSuffix(string(text), "\n"), "has  (nothing)"},
	} {
		if err := os.WriteFile(table, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run(root, true, resultsFile, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
		if got, _ := os.ReadFile(table); string(got) != c.text {
			t.Error("the check wrote the table")
		}
	}
}

func TestResultsComeFromStandardInputToo(t *testing.T) {
	file, err := os.Open(resultsFile)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if err := run(tree(t), false, "", file); err != nil {
		t.Error(err)
	}
}

// TestTheExceptionsOfHansomAreWellFormed reads the real files: every number in
// them exists, and the whole list of numbers is there.
func TestTheExceptionsOfHansomAreWellFormed(t *testing.T) {
	const root = "../../.."
	rules, err := readRules(root)
	if err != nil {
		t.Fatal(err)
	}
	if len(rules) != 284+61 {
		t.Errorf("%d numbers, want R001 to R284 and 61 of K01 to K73", len(rules))
	}
	excepted, err := readExceptions(filepath.Join(root, exceptionsFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range judge(rules, nil, excepted) {
		if strings.Contains(fault, "no requirement has that number") {
			t.Error(fault)
		}
	}
}

func TestATextIsCutOutsideOfItsCode(t *testing.T) {
	long := strings.Repeat("a", maxText-10)
	if got, want := short(long+" `code that does not end here` and more"), long+" `code` …"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := short(strings.Repeat("a", maxText+1)); got != strings.Repeat("a", maxText)+" …" {
		t.Errorf("%q", got)
	}
}
