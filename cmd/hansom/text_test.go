package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/hansom-taxii/hansom/taxii"
)

func TestPasswordsAreLongDifferentAndEasyToType(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		p := newPassword()
		if len(p) != 24 || strings.ContainsAny(p, "iIlLoO01") || strings.Trim(p, passwordAlphabet) != "" || seen[p] {
			t.Fatalf("got %q", p)
		}
		seen[p] = true
	}
	if len(passwordAlphabet) != 32 {
		t.Errorf("%d characters: five bits do not choose evenly", len(passwordAlphabet))
	}
}

func TestAPasswordIsOneLineWithinBounds(t *testing.T) {
	for _, text := range []string{"eight888", "eight888\n", "eight888\r\n"} {
		if got, err := checkedPassword(text); err != nil || got != "eight888" {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "\n", "seven77\n", "eight888\nmore", "eight888\n\n", strings.Repeat("x", 1025)} {
		if got, err := checkedPassword(text); err == nil {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

func TestACollectionHasSeveralNames(t *testing.T) {
	for name, want := range map[string][2]string{
		"trust/indicators":            {"trust", "indicators"},
		"trust/collection/indicators": {"trust", "indicators"},
		"a/b/indicators":              {"a/b", "indicators"},
		"a/b/collection/indicators":   {"a/b", "indicators"},
	} {
		if root, coll, err := collectionName(name); err != nil || root != want[0] || coll != want[1] {
			t.Errorf("%s: got %s, %s, %v", name, root, coll, err)
		}
	}
	for _, name := range []string{"", "trust", "trust/", "/x", "/", "trust/collection/", "/collection/x", "a/collection/b/c"} {
		if root, coll, err := collectionName(name); err == nil {
			t.Errorf("%q: got %q, %q", name, root, coll)
		}
	}
}

func TestAShellReadsWhatIsQuotedAsOneWord(t *testing.T) {
	for _, text := range []string{"", "plain", "/a b/c", "it's", `"$HOME" \`, "a;b&c", "*?[x]", "~/x", "#x", "ä", "a\nb"} {
		got, err := exec.Command("sh", "-c", "printf %s "+quoted(text)).Output()
		if err != nil || string(got) != text {
			t.Errorf("%q as %s: got %q, %v", text, quoted(text), got, err)
		}
	}
}

func TestTextFromOthersCannotSteerTheTerminal(t *testing.T) {
	if got := printable("a\x1b[2Jb\tc\u202ed\r\nü"); strings.ContainsAny(got, "\x1b\t\r\u202e") || !strings.HasSuffix(got, "\nü") {
		t.Errorf("got %q", got)
	}
}

func TestLineBreaksBetweenTokensAreSpacesOnOneLine(t *testing.T) {
	if got := string(oneLine([]byte("{\r\n \"a\\n\": 1\n}"))); got != "{   \"a\\n\": 1 }" {
		t.Errorf("got %q", got)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	failed := &taxii.Error{Title: "internal error", ID: "17"}
	for _, test := range []struct {
		err  error
		want string
	}{
		{tried(taxii.Errorf(taxii.NotFound, "no account %q", "x"), "show account %q", "x"), `show account "x": no account "x"; ` + "`hansom account list` shows those that there are"},
		{tried(taxii.Errorf(taxii.Unavailable, "no room"), "import"), "import: no room; try again later"},
		{failed, "internal error (error_id 17, as in the server's log)"},
	} {
		if got := explain(test.err); got != test.want {
			t.Errorf("got %s", got)
		}
	}
	if tried(nil, "nothing") != nil {
		t.Error("no error became one")
	}
}

func FuzzDeclaration(f *testing.F) {
	for _, seed := range []string{
		"roots:\n  - name: a\n    title: b\n", "accounts:\n  - {name: a, password: {env: B}}\n", "accounts: [{name: a, password: b}]", "{}", "a: &a [*a]", "---\n---\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		var d declaration
		if err := decodeStrictly(content, &d); err != nil {
			if strings.Contains(err.Error(), "exchange.") || strings.Contains(err.Error(), "main.") {
				t.Errorf("an error speaks of Go: %v", err)
			}
			return
		}
		for _, a := range d.Accounts {
			if a.Password != "" || a.Reference != nil && (a.Reference.Env == "") == (a.Reference.File == "") {
				t.Errorf("got %+v", a)
			}
		}
	})
}
