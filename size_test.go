package hansom_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

// What is longer than this is read by nobody in one go. Tests are free.
const (
	maxFileLines = 500
	maxFuncLines = 80
)

func TestNoFileAndNoFunctionIsTooLong(t *testing.T) {
	report(t, goFiles(t, "."), sizeBreaches)
}

// sizeBreaches reports file if it is too long, and each function in it that is.
func sizeBreaches(root, file string) (breaches []string) {
	set := token.NewFileSet()
	syntax, err := parser.ParseFile(set, filepath.Join(root, file), nil, parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	if lines := set.File(syntax.FileStart).LineCount(); lines > maxFileLines {
		breaches = append(breaches, fmt.Sprintf("%s has %d lines, at most %d are allowed", file, lines, maxFileLines))
	}
	for node := range ast.Preorder(syntax) {
		name := "a function literal"
		switch f := node.(type) {
		case *ast.FuncDecl:
			name = f.Name.Name
		case *ast.FuncLit:
		default:
			continue
		}
		from, to := set.Position(node.Pos()).Line, set.Position(node.End()).Line
		if lines := to - from + 1; lines > maxFuncLines {
			breaches = append(breaches, fmt.Sprintf("%s:%d: %s has %d lines, at most %d are allowed", file, from, name, lines, maxFuncLines))
		}
	}
	return breaches
}
