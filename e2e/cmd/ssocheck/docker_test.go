//go:build docker

package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDockerCommand runs the command itself on stand-in images.
func TestDockerCommand(t *testing.T) {
	dir := t.TempDir()
	bin, program, versions := filepath.Join(dir, "ssocheck"), filepath.Join(dir, "standin"), filepath.Join(dir, "versions.yaml")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", dir+"/", ".", "../standin")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	text, err := build.CombinedOutput()
	require.NoError(t, err, string(text))
	command := func(args ...string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), bin, args...)
		c.Env = append(os.Environ(), "SSO_CACHE="+dir, "SSO_VERSIONS_FILE="+versions)
		return c
	}
	text, err = exec.CommandContext(t.Context(), program, "images", versions, "2.20.15", "2025.8.1").CombinedOutput()
	require.NoError(t, err, string(text))
	nothing := func(t *testing.T) {
		t.Helper()
		for _, args := range [][]string{{"ps", "-aq"}, {"network", "ls", "-q"}, {"volume", "ls", "-q"}} {
			text, err := exec.CommandContext(context.Background(), "docker", append(args, "--filter", "label=ssocheck.run")...).CombinedOutput()
			require.NoError(t, err, string(text))
			assert.Empty(t, string(text), "docker %v", args)
		}
	}

	t.Run("a planted cause", func(t *testing.T) {
		out, err := command("run", "--target", "stack", "--plant", "RED-SLASH", "--only", "round-trip").CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, string(out))
		assert.Equal(t, 1, exit.ExitCode(), string(out))
		assert.Contains(t, string(out), "RED-SLASH")
		assert.NotContains(t, string(out), "Connected to docker", "Testcontainers greets")
		nothing(t)
	})

	// Ctrl-C leaves nothing, wherever it comes.
	for _, at := range []string{"the database takes", "until authentik says", "✓ login-page"} {
		t.Run("Ctrl-C at "+at, func(t *testing.T) {
			c := command("run", "--target", "stack", "--cold")
			var rest, errs bytes.Buffer
			c.Stderr = &errs
			pipe, err := c.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, c.Start())
			lines := bufio.NewScanner(pipe)
			var began time.Time
			for lines.Scan() {
				rest.WriteString(lines.Text() + "\n")
				if began.IsZero() && strings.Contains(lines.Text(), at) {
					began = time.Now()
					require.NoError(t, c.Process.Signal(syscall.SIGINT))
				}
			}
			err = c.Wait()
			rest.Write(errs.Bytes())
			require.False(t, began.IsZero(), rest.String())
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, rest.String())
			assert.Equal(t, 2, exit.ExitCode(), rest.String())
			assert.Contains(t, rest.String(), "interrupt", rest.String())
			nothing(t)
		})
	}

	t.Run("no engine", func(t *testing.T) {
		c := command("run", "--target", "stack")
		c.Env = append(c.Env, "DOCKER_HOST=unix:///no/such/docker.sock")
		out, err := c.CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, string(out))
		assert.Equal(t, 2, exit.ExitCode())
		assert.Equal(t, 1, strings.Count(string(out), "\n"), string(out))
		assert.Contains(t, string(out), "scripts/docker.sh")
	})

	t.Run("cache", func(t *testing.T) {
		out, err := command("cache").CombinedOutput()
		require.NoError(t, err, string(out))
		assert.Contains(t, string(out), "paperless  2.20.15")
		out, err = command("cache", "clear").CombinedOutput()
		require.NoError(t, err, string(out))
		out, err = command("cache", "list").CombinedOutput()
		require.NoError(t, err, string(out))
		assert.Contains(t, string(out), "nothing is kept")
	})
}
