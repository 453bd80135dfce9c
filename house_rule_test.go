package hansom_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTheRulesOfTheHouseCanFail builds small wrong houses and sees each fault
// reported: a rule that cannot fail guards nothing.
func TestTheRulesOfTheHouseCanFail(t *testing.T) {
	long := "package feed\n\nfunc long() {\n" + strings.Repeat("\t_ = 0\n", 79) + "}\n"
	for _, c := range []struct {
		name, file, source string
		check              func(root, file string) []string
		want               string // part of the one report; "" for none
	}{
		{"an arrow the map has", "internal/api/a.go", importing(module + "internal/exchange"), importBreaches, ""},
		{"an arrow inside a room", "internal/store/storetest/a.go", importing(module + "internal/store"), importBreaches, ""},
		{"an arrow upwards", "internal/feed/a.go", importing(module + "internal/api"), importBreaches, "internal/feed may not import internal/api"},
		{"an arrow past the one door", "internal/api/a.go", importing(module + "internal/store/storetest"), importBreaches, "may not import internal/store/storetest"},
		{"a folder below a room", "cmd/hansom/demo/a.go", importing(module + "internal/store"), importBreaches, "cmd/hansom may not import internal/store"},
		{"an arrow to a room for tests", "internal/node/a.go", importing(module + "internal/trial"), importBreaches, "may not import internal/trial"},
		{"an arrow to no room", "internal/node/a.go", importing(module + "internal/util"), importBreaches, "may not import internal/util"},
		{"a folder without a name", "internal/util/a.go", importing("fmt"), importBreaches, "names no room for internal/util"},
		{"Go at the root", "a.go", importing("fmt"), importBreaches, "names no room for ."},
		{"a locked package at home", "internal/store/a.go", importing("database/sql"), importBreaches, ""},
		{"a locked package elsewhere", "internal/api/a.go", importing("database/sql"), importBreaches, "database/sql belongs to internal/store"},
		{"below a locked package", "internal/feed/a.go", importing("database/sql/driver"), importBreaches, "belongs to internal/store"},
		{"a file of 500 lines", "internal/feed/a.go", "package feed\n" + strings.Repeat("\n", 499), sizeBreaches, ""},
		{"a file of 501 lines", "internal/feed/a.go", "package feed\n" + strings.Repeat("\n", 500), sizeBreaches, "internal/feed/a.go has 501 lines"},
		{"a function of 81 lines", "internal/feed/a.go", long, sizeBreaches, "internal/feed/a.go:3: long has 81 lines"},
		{"a function of 80 lines", "internal/feed/a.go", strings.Replace(long, "\t_ = 0\n", "", 1), sizeBreaches, ""},
		{"a function without a name", "internal/feed/a.go", strings.Replace(long, "func long()", "var f = func()", 1), sizeBreaches, "a function literal has 81 lines"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, c.file, c.source)
			write(t, root, "internal/feed/long_test.go", strings.Replace(long, "{", "{\n"+strings.Repeat("\n", 500), 1))
			var got []string
			for _, file := range goFiles(t, root) {
				got = append(got, c.check(root, file)...)
			}
			if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want)) {
				t.Errorf("reported %q, want one with %q", got, c.want)
			}
		})
	}
}

func TestAStepThatNamesNoFunctionIsReported(t *testing.T) {
	root := t.TempDir()
	write(t, root, "a/a.go", "package a\n\nfunc one() {}\n\ntype T[V any] struct{}\n\nfunc (t *T[V]) two() {}\n")
	text := "# X\n\n1. `a/a.go` `absent` — before the section\n\n" + lifeHeading + "\n\n" +
		"1. `a/a.go` `one` — first,\n   then `a/a.go` `T.two`\n2. `a/a.go` `two` and `a/a.go` `(*T).two`\n" +
		"3. `a/a.go` `three`\n4. `a/b.go` `one`\n5. no name\n6. `a/a.go` `U.two`\n\n## Next\n\n7. `a/a.go` `absent`\n"
	steps := lifeSteps(text)
	if len(steps) != 6 {
		t.Fatalf("%d steps, want 6: %q", len(steps), steps)
	}
	var faulty []int
	for i, step := range steps {
		if len(stepBreaches(root, step)) == 1 {
			faulty = append(faulty, i+1)
		}
	}
	if !slices.Equal(faulty, []int{3, 4, 5, 6}) {
		t.Errorf("faulty steps %v, want 3, 4, 5 and 6", faulty)
	}
}

func importing(name string) string { return "package a\n\nimport _ \"" + name + "\"\n" }

func write(t *testing.T, root, file, text string) {
	t.Helper()
	name := filepath.Join(root, filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
