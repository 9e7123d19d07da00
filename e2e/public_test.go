package e2e_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
)

// TestOnePublicPackage: beside the commands, other modules import e2e alone.
// fixtures and compose are there because go:embed reads only below its package;
// they hold files.
func TestOnePublicPackage(t *testing.T) {
	t.Parallel()
	public := map[string]bool{}
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		if d.IsDir() && (d.Name() == "internal" || d.Name() == "testdata" || d.Name() != ".." && strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly)
		require.NoError(t, err)
		if parsed.Name.Name != "main" {
			public[parsed.Name.Name] = true
		}
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, map[string]bool{"e2e": true, "fixtures": true, "compose": true}, public)
}

// TestPublicNames: what e2e exports is made of types that an importer can name:
// its own, with a doc comment each, or those of the standard library.
func TestPublicNames(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	seen := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, parser.ParseComments)
		require.NoError(t, err)
		ours := map[string]bool{}
		for _, imported := range parsed.Imports {
			name := strings.Trim(imported.Path.Value, `"`)
			if strings.HasPrefix(name, module) {
				ours[name[strings.LastIndex(name, "/")+1:]] = true
			}
		}
		nameable := func(of string, node ast.Node) {
			seen++
			ast.Inspect(node, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := s.X.(*ast.Ident); ok {
						assert.False(t, ours[x.Name], "%s: %s is made of %s.%s, which importers cannot name", set.Position(s.Pos()), of, x.Name, s.Sel.Name)
					}
				}
				return true
			})
		}
		for _, decl := range parsed.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if !d.Name.IsExported() || d.Recv != nil && !exported(d.Recv) {
					continue
				}
				assert.NotEmpty(t, d.Doc.Text(), "%s has no doc comment", d.Name.Name)
				nameable(d.Name.Name, d.Type)
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					s, ok := spec.(*ast.TypeSpec)
					if !ok || !s.Name.IsExported() {
						continue
					}
					assert.NotEmpty(t, d.Doc.Text()+s.Doc.Text(), "%s has no doc comment", s.Name.Name)
					if s.Assign == token.NoPos { // an alias is how one becomes nameable
						nameable(s.Name.Name, s.Type)
					}
				}
			}
		}
	}
	assert.Greater(t, seen, 15)
}

// exported reports whether the receiver's type is.
func exported(recv *ast.FieldList) bool {
	typ := recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	name, ok := typ.(*ast.Ident)
	return ok && name.IsExported()
}

// A benchmark, or a test double, is a testing.TB that has no subtests: what fails
// is an error there, and a skipped check does not end it.
func TestRunInAnyTB(t *testing.T) {
	t.Parallel()
	double := &tb{TB: t}
	results := e2e.Run(double, e2e.Options{Plant: []string{"RED-SLASH"}, Only: []string{"login-button", "round-trip"}})
	require.NotEmpty(t, results.Results)
	assert.True(t, double.failed)
	assert.Contains(t, double.logs, "RED-SLASH")
}

// tb notes what a test is told.
type tb struct {
	testing.TB
	failed bool
	logs   string
}

func (d *tb) Fail()                        { d.failed = true }
func (d *tb) Error(args ...any)            { d.failed = true; d.Log(args...) }
func (d *tb) Log(args ...any)              { d.logs += fmt.Sprint(args...) }
func (d *tb) Logf(format string, a ...any) { d.logs += fmt.Sprintf(format, a...) }
func (d *tb) Attr(string, string)          {}
func (d *tb) Skip(...any)                  { panic("a skipped check skips the whole test") }
