package e2e_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// moreLines is how many lines of go.sum somebody may get for e2e beyond those that
// Testcontainers and chromedp bring by themselves. It was 28 on 2026-11-29.
const moreLines = 70

// TestLinesOfGoSum counts what an importer's go.sum gets, as go build writes it and as
// go mod tidy does, which adds what the tests of direct imports need.
func TestLinesOfGoSum(t *testing.T) {
	t.Parallel()
	ours, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	_, requirements, _ := strings.Cut(string(ours), "\n")
	importable := strings.TrimSuffix(module, "/")
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	// lines makes a module with our versions of everything and imports these packages.
	lines := func(t *testing.T, cached bool, command []string, imports ...string) (int, bool) {
		t.Helper()
		dir := t.TempDir()
		write := func(name, text string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
		write("go.mod", "module example.com/importer\n"+requirements+"\nrequire "+importable+" v0.0.0\n\nreplace "+importable+" => "+root+"\n")
		write("main.go", "package importer\n\nimport (\n\t_ \""+strings.Join(imports, "\"\n\t_ \"")+"\"\n)\n")
		cmd := exec.CommandContext(t.Context(), "go", command...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOPROXY=off", "GOSUMDB=off", "GOWORK=off")
		text, err := cmd.CombinedOutput()
		if err != nil && !cached {
			return 0, false
		}
		require.NoError(t, err, "go %s: %s", strings.Join(command, " "), text)
		sum, err := os.ReadFile(filepath.Join(dir, "go.sum"))
		require.NoError(t, err)
		return bytes.Count(sum, []byte("\n")), true
	}
	for _, tt := range []struct {
		name    string
		command []string
		cached  bool // all that it reads is in the module cache once our tests are built
	}{
		{"go build", []string{"build", "-mod=mod", "./..."}, true},
		{"go mod tidy", []string{"mod", "tidy"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			base, ok := lines(t, tt.cached, tt.command, "github.com/chromedp/chromedp", "github.com/testcontainers/testcontainers-go")
			if !ok {
				t.Skip("the module cache lacks what only tests of other modules import; go mod tidy in a module that imports e2e gets it")
			}
			all, ok := lines(t, tt.cached, tt.command, module+"e2e")
			require.True(t, ok)
			t.Logf("%d lines, and %d more for e2e", base, all-base)
			assert.Greater(t, base, 60, "Testcontainers and chromedp were counted")
			assert.LessOrEqual(t, all-base, moreLines)
			assert.Greater(t, all, base)
		})
	}
}
