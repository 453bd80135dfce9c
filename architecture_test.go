package hansom_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	lifeHeading = "## The life of one object"
	minSteps    = 10
)

var (
	stepStart = regexp.MustCompile(`^\d+\. `)
	// `internal/api/objects.go` `addObjects`; a method may name its type: `api.addObjects`, `(*api).addObjects`.
	stepName = regexp.MustCompile("`([^`\\s]+\\.go)`\\s+`\\(?\\*?(?:([A-Za-z_]\\w*)\\)?\\.)?([A-Za-z_]\\w*)(?:\\(\\))?`")
)

func TestTheLifeOfOneObjectNamesFunctionsThatExist(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	steps := lifeSteps(string(text))
	if len(steps) < minSteps {
		t.Errorf("ARCHITECTURE.md has %d numbered steps under %q, at least %d are needed", len(steps), lifeHeading, minSteps)
	}
	for _, step := range steps {
		for _, breach := range stepBreaches(".", step) {
			t.Error(breach)
		}
	}
}

// lifeSteps cuts the section about the life of one object into its numbered
// steps, each with the lines that go on with it.
func lifeSteps(text string) (steps []string) {
	_, section, _ := strings.Cut(text, "\n"+lifeHeading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		if stepStart.MatchString(line) {
			steps = append(steps, line)
		} else if len(steps) > 0 {
			steps[len(steps)-1] += line
		}
	}
	return steps
}

// stepBreaches reports a step that names no function, and each function it
// names that its file does not declare.
func stepBreaches(root, step string) (breaches []string) {
	names := stepName.FindAllStringSubmatch(step, -1)
	if len(names) == 0 {
		breaches = append(breaches, fmt.Sprintf("the step names no `file.go` `function`: %s", strings.TrimSpace(step)))
	}
	for _, n := range names {
		file, receiver, function := n[1], n[2], n[3]
		syntax, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.SkipObjectResolution)
		if err != nil {
			breaches = append(breaches, err.Error())
		} else if !declares(syntax, receiver, function) {
			breaches = append(breaches, fmt.Sprintf("%s declares no %s", file, strings.TrimPrefix(receiver+"."+function, ".")))
		}
	}
	return breaches
}

// declares says whether file has a function of that name and, where a
// receiver is given, of that type.
func declares(file *ast.File, receiver, name string) bool {
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if ok && f.Name.Name == name && (receiver == "" || receiverOf(f) == receiver) {
			return true
		}
	}
	return false
}

func receiverOf(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	of := f.Recv.List[0].Type
	for {
		switch t := of.(type) {
		case *ast.StarExpr:
			of = t.X
		case *ast.IndexExpr:
			of = t.X
		case *ast.IndexListExpr:
			of = t.X
		case *ast.Ident:
			return t.Name
		default:
			return ""
		}
	}
}
