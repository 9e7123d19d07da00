//go:build docker

package main

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDockerImage builds the image and that of a release, on a base that is made here:
// the shell of this machine, and in the place of apt-get and go scripts that bring what
// these would. What a registry would give, a Debian with Chromium, is not tested.
func TestDockerImage(t *testing.T) {
	const base, image = "ssocheck-image-test/base", "ssocheck-image-test/ssocheck"
	dir := t.TempDir()
	program := filepath.Join(dir, "linux", "amd64", "ssocheck")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	text, err := build.CombinedOutput()
	require.NoError(t, err, string(text))
	dockerWith(t, baseImage(t, program), "import", "-", base)
	t.Cleanup(func() {
		for _, name := range []string{image, image + "-release", image + "-build", base} {
			_ = exec.CommandContext(context.Background(), "docker", "rmi", "-f", name).Run()
		}
	})
	for _, to := range [][]string{{"--target", "build", "-t", image + "-build"}, {"-t", image}} { // the first by name, so that it does not stay
		dockerWith(t, nil, append(append([]string{"build", "--network", "none", "--build-arg", "GO_IMAGE=" + base, "--build-arg", "BASE_IMAGE=" + base, "--build-arg", "VERSION=1.2.3"}, to...), "../../..")...)
	}
	dockerWith(t, nil, "build", "--network", "none", "--build-arg", "TARGETPLATFORM=linux/amd64", "--build-arg", "BASE_IMAGE="+base,
		"-f", "../../../Dockerfile.release", "-t", image+"-release", dir)

	files, err := filepath.Abs("../../../fixtures/configs")
	require.NoError(t, err)
	for _, name := range []string{image, image + "-release"} {
		t.Run(name, func(t *testing.T) {
			for _, tt := range []struct {
				name string
				args []string
				exit int
				want string
			}{
				{"help", []string{name}, exitPass, "Usage: ssocheck"},
				{"version", []string{name, "--version"}, exitPass, "ssocheck "},
				{"lint", []string{"-v", files + ":/work:ro", name, "lint", "guide/compose.yaml"}, exitFail, "error SIGN-OFF"},
				{"lint of what is right", []string{"-v", files + ":/work:ro", name, "lint", "right-blueprint/compose.yaml"}, exitPass, "no findings"},
				{"wrong flag", []string{name, "lint", "--nope"}, exitError, "unknown flag"},
				{"not root", []string{"--entrypoint", "/bin/sh", name, "-c", `test -w /usr/local/bin || test -w / || test -w /etc; echo "writes: $?"; echo "$HOME $PWD"`}, exitPass, "writes: 1\n/tmp /work"},
				{"no browser", []string{name, "run", "--only", "login-page"}, exitError, "no Chrome or Chromium"},
			} {
				t.Run(tt.name, func(t *testing.T) {
					// Nothing is written, no privilege is used.
					args := append([]string{"run", "--rm", "--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/tmp"}, tt.args...)
					cmd := exec.CommandContext(t.Context(), "docker", args...)
					text, err := cmd.CombinedOutput()
					if tt.exit == exitPass {
						require.NoError(t, err, string(text))
					}
					assert.Equal(t, tt.exit, cmd.ProcessState.ExitCode(), string(text))
					assert.Contains(t, string(text), tt.want)
				})
			}
			user := strings.TrimSpace(dockerWith(t, nil, "inspect", "--format", "{{.Config.User}}", name))
			assert.Regexp(t, `^[1-9]\d*:[1-9]\d*$`, user)
		})
	}
}

// baseImage is a root directory with a shell, and with scripts in the place of apt-get
// and go.
func baseImage(t *testing.T, program string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	add := func(name string, mode int64, text []byte) {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: strings.TrimPrefix(name, "/"), Mode: mode, Size: int64(len(text))}))
		_, err := w.Write(text)
		require.NoError(t, err)
	}
	read := func(name string) []byte {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		return text
	}
	seen := map[string]bool{}
	for name, from := range map[string]string{"/bin/sh": "sh", "/bin/rm": "rm", "/bin/cp": "cp", "/bin/mkdir": "mkdir"} {
		path, err := exec.LookPath(from)
		require.NoError(t, err)
		add(name, 0o755, read(path))
		libraries, err := exec.CommandContext(t.Context(), "ldd", path).Output()
		if err != nil {
			continue // static
		}
		for _, m := range regexp.MustCompile(`(/\S+) \(0x`).FindAllStringSubmatch(string(libraries), -1) {
			if !seen[m[1]] {
				seen[m[1]] = true
				add(m[1], 0o755, read(m[1]))
			}
		}
	}
	add("/bin/apt-get", 0o755, []byte("#!/bin/sh\nexit 0\n"))
	add("/prebuilt/ssocheck", 0o755, read(program))
	add("/bin/go", 0o755, []byte(`#!/bin/sh
set -e
[ "$1" = build ] || exit 0
for f in go.mod go.sum fixtures/versions.yaml compose e2e/e2e.go e2e/cmd/ssocheck/main.go; do
	[ -e "$f" ] || { echo "the build does not see $f" >&2; exit 1; }
done
[ ! -e docs ] || { echo "docs are no part of the program" >&2; exit 1; }
case "$*" in *e2e.Version=1.2.3*) ;; *) echo "no version: $*" >&2; exit 1;; esac
mkdir -p /out
cp /prebuilt/ssocheck /out/
`))
	require.NoError(t, w.Close())
	return buf.Bytes()
}

// dockerWith runs the command docker with an input, and gives what it prints.
func dockerWith(t *testing.T, input []byte, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "docker", args...)
	cmd.Stdin = bytes.NewReader(input)
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "docker %s: %s", strings.Join(args, " "), text)
	return string(text)
}
