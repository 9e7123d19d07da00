package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func repository(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../..", name))
	require.NoError(t, err)
	return string(text)
}

// What a release is made by names things that are there: the command, the
// variable that the linker sets, the folders of the image.
func TestReleaseNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	var release struct {
		Builds []struct {
			Main    string
			Ldflags []string
			Goos    []string
			Goarch  []string
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(repository(t, ".goreleaser.yaml")), &release))
	require.Len(t, release.Builds, 1)
	b := release.Builds[0]
	assert.DirExists(t, filepath.Join("../../..", b.Main))
	assert.Equal(t, []string{"linux", "darwin", "windows"}, b.Goos)
	assert.Equal(t, []string{"amd64", "arm64"}, b.Goarch)
	module, _, _ := strings.Cut(strings.TrimPrefix(repository(t, "go.mod"), "module "), "\n")
	for _, text := range []string{strings.Join(b.Ldflags, " "), repository(t, "Dockerfile")} {
		assert.Contains(t, text, "-X "+module+"/e2e.Version=")
	}
	assert.Regexp(t, `(?m)^var Version = `, repository(t, "e2e/e2e.go"))

	// No address that is not ours to promise.
	for _, name := range []string{".goreleaser.yaml", "Dockerfile", "Dockerfile.release", "action.yml", ".pre-commit-hooks.yaml", "scripts/release-files.sh"} {
		text := strings.NewReplacer("-X "+module+"/e2e.Version", "", "-X "+module+"/e2e/internal/source.address", "").Replace(repository(t, name))
		assert.NotContains(t, text, "github.com/ssocheck", name)
	}
}

// The image runs as nobody, with a browser in it, and its build sees the whole of
// what the program is made of, and nothing else.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	text := repository(t, "Dockerfile")
	user := regexp.MustCompile(`(?m)^USER (\d+):\d+$`).FindStringSubmatch(text)
	require.NotNil(t, user, "no numeric user: Kubernetes' runAsNonRoot needs one")
	assert.NotEqual(t, "0", user[1])
	assert.Contains(t, text, "chromium")
	seen := map[string]bool{}
	for line := range strings.Lines(repository(t, ".dockerignore")) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "!"); ok {
			seen[name] = true
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^COPY ([a-z0-9]+) `).FindAllStringSubmatch(text, -1) {
		assert.True(t, seen[m[1]], ".dockerignore keeps %s out", m[1])
	}
}

// The action's script does what it says, with a program of ours in the place of
// ssocheck.
func TestAction(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("the script is for bash")
	}
	var action struct {
		Runs struct {
			Using string
			Steps []struct{ Uses, Shell, Run, ID string }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(repository(t, "action.yml")), &action))
	assert.Equal(t, "composite", action.Runs.Using)
	script := ""
	for _, s := range action.Runs.Steps {
		assert.True(t, s.Uses != "" || s.Shell != "", "a step of a composite action needs its shell")
		if s.ID == "ssocheck" {
			script = s.Run
		}
	}
	require.NotEmpty(t, script)
	for command, want := range map[string]string{
		"run --config compose.yaml": "run --config compose.yaml --report report",
		"lint compose.yaml":         "lint compose.yaml",
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "ssocheck"), []byte("#!/bin/sh\necho \"$@\" >\"$0.args\"\nexit 1\n"), 0o755)) //nolint:gosec // a program
		cmd := exec.CommandContext(t.Context(), "bash", "-eo", "pipefail", "-c", script)
		cmd.Env = append(os.Environ(), "COMMAND="+command, "REPORT=report", "RUNNER_TEMP="+dir, "GITHUB_OUTPUT="+filepath.Join(dir, "output"))
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, string(out))
		assert.Equal(t, 1, exit.ExitCode())
		args, err := os.ReadFile(filepath.Join(dir, "ssocheck.args"))
		require.NoError(t, err)
		assert.Equal(t, want, strings.TrimSpace(string(args)))
		output, err := os.ReadFile(filepath.Join(dir, "output"))
		require.NoError(t, err)
		assert.Equal(t, "exit-code=1\n", string(output))
	}
}

// The hook looks at the files that users have, and its command is one of ours.
func TestPreCommitHook(t *testing.T) {
	t.Parallel()
	var hooks []struct{ ID, Entry, Files, Language string }
	require.NoError(t, yaml.Unmarshal([]byte(repository(t, ".pre-commit-hooks.yaml")), &hooks))
	require.Len(t, hooks, 1)
	files := regexp.MustCompile(hooks[0].Files)
	for name, want := range map[string]bool{
		"compose.yaml": true, "docker-compose.yml": true, "stacks/paperless/compose.override.yaml": true, "paperless.conf": true, "paperless.env": true,
		"docker-compose.env": true, "README.md": false, "values.yaml": false,
	} {
		assert.Equal(t, want, files.MatchString(name), name)
	}
	var c cli
	parser, err := newParser(&c, io.Discard, io.Discard, func(int) {})
	require.NoError(t, err)
	_, err = parser.Parse(strings.Fields(hooks[0].Entry)[1:])
	require.NoError(t, err)
}
