package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/runner"
)

// A hook does something the first time that a text is printed.
type hook struct {
	out bytes.Buffer
	on  string
	do  func()
}

func (h *hook) Write(p []byte) (int, error) {
	n, err := h.out.Write(p)
	if h.do != nil && strings.Contains(h.out.String(), h.on) {
		do := h.do
		h.do = nil
		do()
	}
	return n, err
}

// The verdict is printed also where the place of its report is lost while the
// run goes on.
func TestVerdictWithoutReport(t *testing.T) {
	t.Setenv("CHROME", "/no/such/browser") // it is the writing that is looked at
	for name, tt := range map[string]struct {
		args    []string
		verdict string
	}{
		"run":     {[]string{"run", "--only", "login-page"}, "ERROR"},
		"upgrade": {[]string{"upgrade", "--from", "2.20.15,2025.8.1", "--to", "3.0.5,2025.8.1", "--only", "login-page"}, "ERROR"},
		"matrix":  {[]string{"matrix", "--paperless", "2.20.15", "--authentik", "2025.8.1", "--only", "login-page"}, "1 could not run"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			out := &hook{on: "login-page", do: func() {
				assert.NoError(t, os.RemoveAll(dir))
				assert.NoError(t, os.WriteFile(dir, []byte("a disk that is full"), 0o600))
			}}
			var errs bytes.Buffer
			assert.Equal(t, exitError, run(append(tt.args, "--report", dir), out, &errs))
			assert.Contains(t, out.out.String(), tt.verdict)
			assert.NotContains(t, out.out.String(), "index.html", "no report is told of")
			assert.NotContains(t, out.out.String(), "2.20.15_2025.8.1")
			assert.Contains(t, errs.String(), "ssocheck: the report is not complete: ")
			assert.Equal(t, 1, strings.Count(errs.String(), "\n"), errs.String())
		})
	}
}

// A run that passed without its report is no success; a check that failed is
// exit 1 with or without.
func TestExitWithoutReport(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left on device")
	for _, tt := range []struct {
		outcome runner.Outcome
		written error
		want    error
	}{
		{runner.Pass, nil, nil}, {runner.Pass, full, failed(exitError)}, {runner.Fail, full, failed(exitFail)}, {runner.Fail, nil, failed(exitFail)}, {runner.Error, full, failed(exitError)},
	} {
		var errs bytes.Buffer
		o := outputs{Report: "out"}
		assert.Equal(t, tt.want, o.end(&env{stderr: &errs}, tt.outcome, tt.written))
		assert.Equal(t, tt.written != nil, strings.Contains(errs.String(), "no space left on device"))
	}
}

// What stands in the folder is found before anything is printed, and stays.
func TestReportFolderIsFoundFirst(t *testing.T) {
	t.Setenv("CHROME", "/no/such/browser")
	for name, args := range map[string][]string{
		"run": {"run"}, "upgrade": {"upgrade", "--from", "2.20.15", "--to", "3.0.5"}, "matrix": {"matrix", "--paperless", "2.20.15", "--authentik", "2025.8.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			require.NoError(t, os.Mkdir("artifacts", 0o755))
			for _, mine := range []string{"artifacts/thesis.pdf", "index.html"} {
				require.NoError(t, os.WriteFile(mine, []byte("mine"), 0o644))
			}
			var out, errs bytes.Buffer
			assert.Equal(t, exitError, run(append(args, "--report", "."), &out, &errs))
			assert.Empty(t, out.String())
			assert.Regexp(t, `^ssocheck: report: \. is not empty and holds no report of ssocheck .*: name a new or an empty folder\n$`, errs.String())
			for _, mine := range []string{"artifacts/thesis.pdf", "index.html"} {
				text, err := os.ReadFile(mine)
				require.NoError(t, err)
				assert.Equal(t, "mine", string(text))
			}
		})
	}
}

// Nothing is replaced unasked: the files that are there are listed.
func TestRenderReplacesByForceOnly(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("compose.yaml", []byte("mine"), 0o644))
	require.NoError(t, os.WriteFile("paperless.conf", []byte("mine"), 0o644))
	var out, errs bytes.Buffer
	assert.Equal(t, exitError, run([]string{"render", "."}, &out, &errs))
	assert.Equal(t, "ssocheck: . holds compose.yaml, paperless.conf already; name another directory, or replace with --force\n", errs.String())
	assert.NoFileExists(t, "blueprint.yaml", "all are looked at first")
	text, err := os.ReadFile("compose.yaml")
	require.NoError(t, err)
	assert.Equal(t, "mine", string(text))

	errs.Reset()
	assert.Equal(t, exitPass, run([]string{"render", "--force", "."}, &out, &errs), errs.String())
	text, err = os.ReadFile("compose.yaml")
	require.NoError(t, err)
	assert.Contains(t, string(text), "services:")
	for name, want := range map[string]os.FileMode{".env": 0o600, "paperless.env": 0o600, "paperless.conf": 0o600, "compose.yaml": 0o644, "blueprint.yaml": 0o644} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		assert.Equal(t, want, info.Mode().Perm(), "%s: authentik's worker reads the blueprint, nobody else a secret", name)
	}
}
