// Package hansom_test holds the rules of the house as tests: who may import
// whom, how long a file may be, and that ARCHITECTURE.md tells the truth.
package hansom_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/hansom-taxii/hansom/"

// house says for each room which rooms it may import: always rooms on a lower
// floor. "*" is every room but internal/trial, which serves tests alone. A
// room may stand here before it is built.
var house = map[string]string{
	"taxii": "", "internal/stix": "", "internal/outbound": "",
	"client": "taxii", "conformance": "taxii", "internal/feed": "taxii",
	"internal/exchange": "taxii internal/stix internal/feed",
	"internal/signin":   "taxii internal/exchange internal/outbound",
	"internal/api":      "taxii internal/exchange",
	"internal/admin":    "taxii internal/exchange",
	"internal/lists":    "taxii internal/stix internal/exchange",
	"internal/console":  "taxii internal/stix internal/exchange",
	"internal/peer":     "taxii client internal/exchange internal/outbound",
	"internal/store":    "taxii internal/feed internal/exchange",
	"internal/node":     "*",
	"bench/driver":      "taxii",
	"cmd/hansom": "taxii client conformance bench/driver internal/exchange internal/node internal/admin internal/stix " +
		"internal/outbound",
	"bench": "*", "internal/trial": "*", "examples": "taxii client", "e2e": "",
}

// locked packages, and all below them, belong to one room.
var locked = map[string]string{
	"database/sql":               "internal/store",
	"html/template":              "internal/console",
	"golang.org/x/crypto/argon2": "internal/signin",
	"github.com/go-jose/go-jose": "internal/signin",
}

func TestEveryRoomImportsOnlyWhatTheMapAllows(t *testing.T) {
	report(t, goFiles(t, "."), importBreaches)
}

// report fails the test with everything that check finds in files.
func report(t *testing.T, files []string, check func(root, file string) []string) {
	t.Helper()
	for _, file := range files {
		for _, breach := range check(".", file) {
			t.Error(breach)
		}
	}
}

// goFiles lists the non-test Go files under root, as slash paths relative to
// it. It reads the folders in this process: what a child process reads, the
// test cache does not see.
func goFiles(t *testing.T, root string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		base := entry.Name()
		if entry.IsDir() && rel != "." && (base[0] == '.' || base[0] == '_' || base == "testdata") {
			return fs.SkipDir
		}
		if !entry.IsDir() && strings.HasSuffix(base, ".go") && !strings.HasSuffix(base, "_test.go") {
			files = append(files, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// importBreaches reports each import of file that the map does not allow.
func importBreaches(root, file string) (breaches []string) {
	room := holder(path.Dir(file), house)
	if room == "" {
		return []string{fmt.Sprintf("%s: the map of the house names no room for %s", file, path.Dir(file))}
	}
	syntax, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
	if err != nil {
		return []string{err.Error()}
	}
	for _, line := range syntax.Imports {
		name, _ := strconv.Unquote(line.Path.Value)
		if owner := locked[holder(name, locked)]; owner != "" && owner != room {
			breaches = append(breaches, fmt.Sprintf("%s: %s belongs to %s", file, name, owner))
		}
		if folder, ours := strings.CutPrefix(name, module); ours && !mayImport(room, holder(folder, house)) {
			breaches = append(breaches, fmt.Sprintf("%s: %s may not import %s", file, room, folder))
		}
	}
	return breaches
}

// holder is the longest key of named that is folder or lies above it.
func holder(folder string, named map[string]string) string {
	for ; folder != "." && folder != "/"; folder = path.Dir(folder) {
		if _, ok := named[folder]; ok {
			return folder
		}
	}
	return ""
}

func mayImport(room, other string) bool {
	if room == other {
		return true
	}
	if house[room] == "*" {
		return other != "" && other != "internal/trial"
	}
	return slices.Contains(strings.Fields(house[room]), other)
}
