package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// lintScore says how much of what is wrong with the users' files of
// fixtures/configs lint finds, and how much of what it finds is expected there.
// It needs no browser.
func lintScore(t *testing.T) {
	t.Helper()
	list, err := filepath.Glob("../fixtures/configs/*/expect.yaml")
	require.NoError(t, err)
	expected, found, both := 0, 0, 0
	for _, path := range list {
		dir := filepath.Dir(path)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		var want struct {
			Files     []string `yaml:"files"`
			Blueprint string   `yaml:"blueprint"`
			Service   string   `yaml:"service"`
			Paperless string   `yaml:"paperless"`
			Authentik string   `yaml:"authentik"`
			Error     string   `yaml:"error"`
			Findings  []string `yaml:"findings"` // "level CODE file:line"
		}
		require.NoError(t, yaml.Unmarshal(text, &want), path)
		if want.Error != "" {
			continue // not read at all
		}
		if len(want.Files) == 0 {
			want.Files = []string{"compose.yaml"}
		}
		o := source.Sources{Service: want.Service, PaperlessVersion: want.Paperless, AuthentikVersion: want.Authentik}
		for _, f := range want.Files {
			o.Files = append(o.Files, filepath.Join(dir, f))
		}
		if want.Blueprint != "" {
			o.Blueprint = filepath.Join(dir, want.Blueprint)
		}
		_, findings, err := troubleshooting.Load(o)
		require.NoError(t, err, dir)
		left := slices.Clone(want.Findings)
		for _, f := range findings {
			rel, err := filepath.Rel(dir, f.File)
			require.NoError(t, err)
			if i := slices.Index(left, fmt.Sprintf("%s %s %s:%d", f.Level, f.Code, filepath.ToSlash(rel), f.Line)); i >= 0 {
				left = slices.Delete(left, i, i+1)
				both++
			}
		}
		expected += len(want.Findings)
		found += len(findings)
	}
	recall, precision := float64(both)/float64(max(1, expected)), float64(both)/float64(max(1, found))
	t.Logf("%d configurations of users: %d findings expected, %d found (recall %.3f, precision %.3f)", len(list), expected, found, recall, precision)
	assert.GreaterOrEqual(t, recall, 0.97)
	assert.GreaterOrEqual(t, precision, 0.97)
}

// TestLintScore prints the numbers alone.
func TestLintScore(t *testing.T) {
	t.Parallel()
	lintScore(t)
}
