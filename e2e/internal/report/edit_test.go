package report

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// The edit that a report shows and lets be copied is what --fix writes, byte for
// byte, in the list of lint and at the check that it explains alike.
func TestEditIsThatOfFix(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../fixtures/configs/*/*")
	require.NoError(t, err)
	seen := 0
	for _, path := range files {
		switch filepath.Ext(path) {
		case ".yaml", ".yml", ".env", ".conf":
		default:
			continue
		}
		if name := filepath.Base(path); name == "expect.yaml" || strings.Contains(name, "blueprint") {
			continue
		}
		findings, err := troubleshooting.Lint(source.Sources{Files: []string{path}})
		if err != nil {
			continue // a part of a configuration, or one that nobody can read
		}
		for _, f := range findings {
			f.Edit = shown(f.Edit) // as New does
			if diffOf(&f) == nil {
				continue
			}
			seen++
			place := troubleshooting.Place{Code: f.Code, File: f.File, Line: f.Line, Column: f.Column}
			label := f.Code + " " + lintPlace(&f)
			at := &Report{Result: runner.Fail, Lint: []source.Diagnostic{f}, Checks: []Check{{
				ID: "round-trip", Variant: check.AsConfigured, Status: check.Failed,
				Findings: []troubleshooting.Finding{{Code: f.Code, Title: "t", Fix: "Another edit.\n+ ANOTHER=edit", Lint: []troubleshooting.Place{place}}},
			}}}
			want := fixedLines(t, f)
			for kind, v := range map[string]*editView{
				"lint": newLint(&f).Edit, "check": at.findingView(&Check{}, &at.Checks[0].Findings[0], 0).Edit,
			} {
				require.NotNil(t, v, label)
				assert.Equal(t, want, v.Copy, "%s, %s", label, kind)
				var added []string
				for _, l := range v.Lines {
					if l.Kind == "add" {
						added = append(added, l.Text[1:])
					}
				}
				assert.Equal(t, want, strings.Join(added, "\n"), "%s, %s", label, kind)
				assert.Contains(t, v.Diff, "@@ ", label)
			}
			for face, write := range faces(at) {
				if face == "json" {
					continue // fix is the item's text; the edit stands in lint
				}
				assert.NotContains(t, string(written(t, write)), "ANOTHER=edit", "%s in %s", label, face)
			}
		}
	}
	assert.Greater(t, seen, 30, "too few edits to tell")
}

// fixedLines are the lines that --fix writes for a finding.
func fixedLines(t *testing.T, f source.Diagnostic) string {
	t.Helper()
	fixed, err := source.Fix([]source.Diagnostic{f})
	require.NoError(t, err)
	require.Len(t, fixed, 1)
	for path := range maps.Keys(fixed) {
		old, err := os.ReadFile(path)
		require.NoError(t, err)
		gone := f.Edit.To - f.Edit.From + 1
		was, is := strings.Split(string(old), "\n"), strings.Split(string(fixed[path]), "\n")
		n := len(is) - len(was) + gone
		lines := is[f.Edit.From-1 : f.Edit.From-1+n]
		return strings.ReplaceAll(strings.Join(lines, "\n"), "\r", "")
	}
	return ""
}
