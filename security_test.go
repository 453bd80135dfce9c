package hansom_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	promisesHeading = "## What is promised, and what shows it"
	minPromises     = 40
)

var (
	declaredTest = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	namedTest    = regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
)

func TestEveryPromiseOfSecurityNamesTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := promises(string(text))
	if len(rows) < minPromises {
		t.Errorf("docs/security.md makes %d promises under %q, at least %d are expected", len(rows), promisesHeading, minPromises)
	}
	for _, breach := range promiseBreaches(rows, string(text), declaredTests(t, ".")) {
		t.Error(breach)
	}
}

// promises are the rows of the tables in the section of promises.
func promises(text string) (rows []string) {
	_, section, _ := strings.Cut(text, "\n"+promisesHeading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| ---") && !strings.HasPrefix(line, "| promise ") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	return rows
}

// promiseBreaches reports each promise that no test shows, and each test named
// anywhere in the text that is not declared.
func promiseBreaches(rows []string, text string, declared map[string]bool) (breaches []string) {
	for _, row := range rows {
		if !namedTest.MatchString(row) {
			breaches = append(breaches, "a promise without a test: "+row)
		}
	}
	for _, name := range namedTest.FindAllStringSubmatch(text, -1) {
		if !declared[name[1]] {
			breaches = append(breaches, "there is no test "+name[1])
		}
	}
	return breaches
}

// declaredTests are the names of all tests and fuzz targets below root.
func declaredTests(t *testing.T, root string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && (entry.Name()[0] == '.' || entry.Name() == "testdata"):
			return fs.SkipDir
		case !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(name)
		for _, found := range declaredTest.FindAllSubmatch(text, -1) {
			names[string(found[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestAPromiseWithoutATestIsReported(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a/a_test.go", "package a\n\nfunc TestOne(t *testing.T) {}\n\nfunc FuzzTwo(f *testing.F) {}\n")
	text := "# X\n\n" + promisesHeading + "\n\n| promise | shown by |\n| --- | --- |\n| a | `TestOne`, `FuzzTwo` |\n| b | nothing |\n| c | `TestThree` |\n\n## Next\n\n| d | `TestFour` |\n"
	got := strings.Join(promiseBreaches(promises(text), text, declaredTests(t, root)), "; ")
	if want := "a promise without a test: | b | nothing |; there is no test TestThree; there is no test TestFour"; got != want {
		t.Errorf("reported %q, want %q", got, want)
	}
}
