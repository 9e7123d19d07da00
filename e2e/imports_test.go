package e2e_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// layers are the packages from the lowest up: a package imports only what
// stands before it. Those of one line do not import each other, but for
// lab's own parts and stack's stand-ins.
var layers = [][]string{
	{"fixtures", "compose", "e2e/internal/oidc", "e2e/internal/lazyregexp", "e2e/cmd/ssocheck/internal/ahead", "e2e/cmd/ssocheck/internal/startup"},
	{"e2e/internal/evidence", "e2e/internal/authentik", "e2e/internal/paperless"},
	{"e2e/internal/deployment"},
	{"e2e/internal/authentik/blueprint", "e2e/internal/authentik/shell"},
	{"e2e/internal/source"},
	{"e2e/internal/target"},
	{"e2e/internal/edge"},
	{"e2e/internal/paperless/model", "e2e/internal/authentik/model"},
	{"e2e/internal/lab", "e2e/internal/stack/standin"},
	{"e2e/internal/stack", "e2e/internal/external", "e2e/internal/browser"},
	{"e2e/internal/stack/standins"},
	{"e2e/internal/check", "e2e/internal/conformance/provider"},
	{"e2e/internal/conformance"},
	{"e2e/internal/checklist"},
	{"e2e/internal/troubleshooting"},
	{"e2e/internal/runner"},
	{"e2e/internal/doctor"},
	{"e2e/internal/report"},
	{"e2e/internal/manual"},
	{"e2e"},
	{"e2e/cmd/benchdiff", "e2e/cmd/docs", "e2e/cmd/edge", "e2e/cmd/ssocheck", "e2e/cmd/standin"},
}

const module = "github.com/ssocheck/ssocheck/"

func TestImports(t *testing.T) {
	t.Parallel()
	rank := map[string]int{}
	for i, layer := range layers {
		for _, p := range layer {
			rank[p] = i
		}
	}
	seen := 0
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "testdata" {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		pkg := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(file), "../"))
		own, known := rank[pkg]
		if !assert.True(t, known, "%s: package %s is in no layer of imports_test.go", file, pkg) {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			name, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			seen++
			assert.Less(t, rank[path.Clean(name)], own, "%s imports %s, which stands above it", file, name)
		}
		return nil
	})
	require.NoError(t, err)
	assert.Positive(t, seen)
}

// TestStandInsStandApart: what users use holds no test double. Only the command
// that runs in the stand-in images, and tests, import it.
func TestStandInsStandApart(t *testing.T) {
	t.Parallel()
	seen := 0
	err := filepath.WalkDir(".", func(file string, _ fs.DirEntry, err error) error {
		require.NoError(t, err)
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, spec := range parsed.Imports {
			if !strings.Contains(spec.Path.Value, "/stack/standin") {
				continue
			}
			seen++
			dir := filepath.ToSlash(filepath.Dir(file))
			assert.True(t, dir == "cmd/standin" || strings.HasSuffix(dir, "stack/standins"), "%s imports %s", file, spec.Path.Value)
		}
		return nil
	})
	require.NoError(t, err)
	assert.Positive(t, seen)
}

// TestToolsStandApart: golangci-lint and gotestsum have a go.mod of their own, since
// whoever imports us gets every module of ours: they were 346 of 448.
func TestToolsStandApart(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]bool{"../go.mod": false, "../scripts/tools.mod": true} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, want, regexp.MustCompile(`(?m)^tool\b`).Match(text), "%s holds tools", file)
		assert.Equal(t, want, strings.Contains(string(text), "golangci-lint"), "%s requires golangci-lint", file)
	}
}

// TestEvidenceStandsAlone: diagnosis needs neither a browser nor Docker, and what was
// seen is in the words of the standard.
func TestEvidenceStandsAlone(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("internal/evidence/*.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, spec := range parsed.Imports {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			if strings.HasSuffix(spec.Path.Value, `/internal/oidc"`) {
				continue
			}
			assert.NotContains(t, spec.Path.Value, ".", "%s imports %s", file, spec.Path.Value)
		}
	}
}

// TestProductWords: the paths, stages, selectors, log texts and cookies of a product
// stand in its package and below it only. The stand-ins for its image speak for it,
// too, and have words of their own for the reason that its model has. So do the tests
// with a provider of ours, which send what no right one sends.
func TestProductWords(t *testing.T) {
	t.Parallel()
	products := map[string][]string{
		"authentik": {
			authentik.AuthorizationPath, authentik.TokenPath, authentik.UserinfoPath, authentik.FlowPath, authentik.DefaultFlowPath, authentik.APIPath, authentik.ReadyPath,
			"ak-stage-", authentik.FlowRedirect, "uidField", authentik.SessionCookie, authentik.CSRFCookie, authentik.CSRFHeader,
			authentik.RedirectURIError, authentik.ClientIDError, authentik.DeniedText, authentik.LogRedirectURI, authentik.LogClientID, authentik.LogSecret,
			authentik.BlueprintFolder + "ssocheck", "\"apply_blueprint\"",
		},
		"paperless": {
			paperless.AccountsPath, paperless.ProfilePath, paperless.UsersPath, paperless.GroupsPath, paperless.TokenPath, paperless.UISettingsPath,
			paperless.DashboardPath, paperless.SessionCookie, paperless.CSRFCookie,
		},
	}
	seen := map[string]int{}
	err := filepath.WalkDir(".", func(file string, _ fs.DirEntry, err error) error {
		require.NoError(t, err)
		name := filepath.ToSlash(file)
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "internal/stack/standin/") ||
			strings.HasPrefix(name, "internal/conformance/") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			for product, words := range products {
				for _, w := range words {
					switch {
					case !strings.Contains(lit.Value, w), sentence(product, lit.Value), allowedWord(name, lit.Value):
					case strings.HasPrefix(name, "internal/"+product+"/"):
						seen[product]++
					default:
						assert.Fail(t, "a word of a product outside of its package", "%s has %q in %s: take it from package %s", name, w, lit.Value, product)
					}
				}
			}
			return true
		})
		return nil
	})
	require.NoError(t, err)
	for product := range products {
		assert.Positive(t, seen[product], product)
	}
}

// sentence reports whether a literal is prose that quotes a product to a user: it
// names a path of Paperless's, or how authentik answers.
func sentence(product, lit string) bool {
	return product == "paperless" && strings.Contains(lit, " ") || strings.HasPrefix(lit, "\"authentik answers: ")
}

// allowedWord is where a word that is also a product's means something else.
func allowedWord(file, lit string) bool {
	return file == "internal/evidence/redact.go" && !strings.Contains(lit, "/") // what to redact, of every product
}

// TestLongFiles: a file over 500 lines says why in its head.
func TestLongFiles(t *testing.T) {
	t.Parallel()
	for _, root := range []string{".", "../fixtures", "../compose"} {
		err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") {
				return err
			}
			text, err := os.ReadFile(file)
			if n := strings.Count(string(text), "\n"); n > 500 {
				assert.True(t, strings.HasPrefix(string(text), "// More than 500 lines: "), "%s has %d lines: split it, or say why it stays whole", file, n)
			}
			return err
		})
		require.NoError(t, err)
	}
}
