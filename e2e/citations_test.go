package e2e_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/conformance"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// citation is a facts file that a text names, with the place in it: the section of
// a page, the row or key of a recording. Names of files that were never in the
// repository are among them, so that they cannot come back.
var citation = regexp.MustCompile(`((?:[\w.-]+/)*)((?:paperless|authentik|failures|releases-2026|running-pair|hostile|design|style)\.md|(?:observed|hostile|paperless-settings)\.json)\b(#[\w.-]*\w)?`)

// relative is the target of a Markdown link, which TestLinks follows.
var relative = regexp.MustCompile(`\]\([^)]*\)`)

// TestCitations looks up every fact that the code, the pages and the fixtures
// cite: the file is in the repository under that path, and has that place.
func TestCitations(t *testing.T) {
	t.Parallel()
	found := map[string]int{}
	known := map[string][]string{} // the places of a file, read once
	for file, text := range citing(t) {
		for _, m := range citation.FindAllStringSubmatch(relative.ReplaceAllString(text, "]"), -1) {
			path, place := m[1]+m[2], strings.TrimPrefix(m[3], "#")
			if found[path]++; found[path] == 1 {
				var err error
				known[path], err = placesIn(filepath.Join("..", path))
				require.NoError(t, err, "%s cites %s: write the path from the root of the repository", file, path)
			}
			if place == "" {
				continue
			}
			assert.True(t, slices.Contains(known[path], place), "%s cites %s#%s: there is no such place", file, path, place)
		}
	}
	for _, path := range []string{
		"docs/facts/paperless.md", "docs/facts/authentik.md", "docs/facts/failures.md", "docs/facts/running-pair.md",
		"fixtures/observed.json", "fixtures/paperless-settings.json",
	} {
		assert.Positive(t, found[path], "nothing cites %s: does the test look?", path)
	}
}

// TestBasis: every item says how we know it, from a place that is there, and says
// "modelled only" when no fact is cited.
func TestBasis(t *testing.T) {
	t.Parallel()
	for _, i := range troubleshooting.All() {
		if !assert.NotZero(t, i.Basis.Kind, "%s has no basis: add it to basis.go", i.Code) {
			continue
		}
		assert.Equal(t, i.Basis.Kind == troubleshooting.Modelled, len(i.Basis.Sources) == 0, "%s: %s", i.Code, i.Basis)
		for n, source := range i.Basis.Sources {
			path, place, _ := strings.Cut(source, "#")
			places, err := placesIn(filepath.Join("..", path))
			require.NoError(t, err, i.Code)
			assert.Contains(t, places, place, "%s rests on %s", i.Code, source)
			if n == 0 {
				assert.Contains(t, bestFor(i.Basis.Kind), path, "%s is %s by %s", i.Code, i.Basis.Kind, source)
			}
		}
	}
}

// bestFor are the files that can carry a kind of basis: only what was recorded of
// the pair can say that the pair was observed.
func bestFor(k troubleshooting.BasisKind) []string {
	switch k {
	case troubleshooting.ObservedPair:
		return []string{"fixtures/observed.json", "docs/facts/running-pair.md"}
	case troubleshooting.ObservedAlone:
		return []string{"fixtures/hostile.json", "docs/facts/paperless.md", "docs/facts/authentik.md"}
	case troubleshooting.ReadInSource:
		return []string{"fixtures/paperless-settings.json", "docs/facts/paperless.md", "docs/facts/authentik.md", "docs/facts/releases-2026.md", "docs/facts/failures.md"}
	}
	return []string{"docs/facts/failures.md"}
}

// TestReadmeCountsBases holds README's counts to the catalogue.
func TestReadmeCountsBases(t *testing.T) {
	t.Parallel()
	counts := map[troubleshooting.BasisKind]int{}
	for _, i := range troubleshooting.All() {
		counts[i.Basis.Kind]++
	}
	var parts []string
	for _, k := range troubleshooting.BasisKinds() {
		parts = append(parts, fmt.Sprintf("%d %s", counts[k], k))
	}
	parts[0] = strings.Replace(parts[0], " ", " are ", 1)
	want := fmt.Sprintf("Of the %d items, %s.", len(troubleshooting.All()), strings.Join(parts, ", "))
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	assert.Contains(t, strings.Join(strings.Fields(string(readme)), " "), want)
}

// citing are the texts that can cite facts, by file: comments and texts of Go
// code, pages, and the prose of fixtures.
func citing(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(file, "../"))
		switch {
		case d.IsDir() && (slices.Contains([]string{".git", "bin", "report", "node_modules"}, d.Name()) || name == "fixtures/evidence"):
			return filepath.SkipDir
		case d.IsDir() || name == "e2e/citations_test.go":
			return nil
		case strings.HasSuffix(name, ".go"):
			out[name] = goTexts(t, file)
			return nil
		case !slices.Contains([]string{".md", ".yaml", ".yml", ".txt", ".sh", ".txtar"}, filepath.Ext(name)) && name != "Makefile" && name != "fixtures/paperless-settings.json":
			return nil
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		out[name] = string(text)
		return nil
	})
	require.NoError(t, err)
	return out
}

// goTexts are the comments of a Go file and its string literals, without those
// that are a file's name and nothing else: they open it.
func goTexts(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, text, parser.ParseComments|parser.SkipObjectResolution)
	require.NoError(t, err)
	var all strings.Builder
	for _, c := range parsed.Comments {
		all.WriteString(c.Text() + "\n")
	}
	for _, literal := range goLiterals(parsed) {
		if citation.FindString(literal) != strings.Trim(literal, `"`+"`") {
			all.WriteString(literal + "\n")
		}
	}
	return all.String()
}

// goLiterals are the string literals of a Go file, as they are written.
func goLiterals(file *ast.File) []string {
	var out []string
	ast.Inspect(file, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			out = append(out, l.Value)
		}
		return true
	})
	return out
}

// placesIn are the places of a facts file that can be cited: the anchors of a
// page, the keys and the ids of the rows of a JSON file.
func placesIn(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []string
	if strings.HasSuffix(path, ".md") {
		for _, m := range anchor.FindAllStringSubmatch(string(text), -1) {
			out = append(out, m[1])
		}
		return out, nil
	}
	var doc any
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for _, key := range []string{"id", "name"} {
				if id, ok := v[key].(string); ok {
					out = append(out, id)
				}
			}
			for key, value := range v {
				out = append(out, key)
				walk(value)
			}
		}
	}
	walk(doc)
	return out, nil
}

// anchor is a place of a facts page.
var anchor = regexp.MustCompile(`<a id="([^"]+)"></a>`)

// TestFactsHaveEachPlaceOnce: a citation leads to one place.
func TestFactsHaveEachPlaceOnce(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../docs/facts/*.md")
	require.NoError(t, err)
	require.Greater(t, len(files), 5)
	index, err := os.ReadFile("../docs/facts/README.md")
	require.NoError(t, err)
	for _, file := range files {
		places, err := placesIn(file)
		require.NoError(t, err)
		slices.Sort(places)
		assert.Equal(t, slices.Compact(slices.Clone(places)), places, file)
		if name := filepath.Base(file); name != "README.md" {
			assert.Contains(t, string(index), "]("+name+")", "the index of the facts")
		}
	}
}

// README tells how many conformance tests there are.
func TestConformanceCount(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	assert.Contains(t, string(readme), fmt.Sprintf("%d tests of Paperless-ngx as a relying party", len(conformance.All())))
}
