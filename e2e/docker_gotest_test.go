//go:build docker

package e2e_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDockerGoTest: the checklist as a Go test ends like the command: what is wrong
// is said in one line, and Ctrl-C leaves nothing.
func TestDockerGoTest(t *testing.T) {
	versions := standInFile(t)
	for name, tt := range map[string]struct {
		env  []string
		stop bool
		want string
	}{
		"Ctrl-C at boot":      {stop: true, want: "interrupt"},
		"an image is missing": {env: []string{"SSO_PAPERLESS_IMAGE=localhost:1/no/such/paperless:0"}, want: "docker pull localhost:1/no/such/paperless:0"},
		"no engine":           {env: []string{"DOCKER_HOST=unix:///no/such.sock"}, want: "scripts/docker.sh"},
		"no such file":        {env: []string{"SSO_CONFIG=no-such-compose.yaml"}, want: "no-such-compose.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			self, err := os.Executable()
			require.NoError(t, err)
			c := exec.CommandContext(t.Context(), self, "-test.run", "^TestChecklist$", "-test.v")
			c.Env = append(append(os.Environ(), "SSO_TARGET=stack", "SSO_VERSIONS_FILE="+versions, "TMPDIR="+t.TempDir()), tt.env...)
			var out bytes.Buffer
			c.Stdout, c.Stderr = &out, &out
			require.NoError(t, c.Start())
			if tt.stop {
				require.Eventually(t, func() bool {
					return strings.Contains(docker(t, "ps", "--filter", "label=ssocheck.run", "--format", "{{.Names}}"), "authentik-1-server")
				}, 2*time.Minute, 100*time.Millisecond)
				require.NoError(t, c.Process.Signal(syscall.SIGINT))
			}
			err = c.Wait()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, out.String())
			assert.Equal(t, 1, exit.ExitCode(), "of a test that failed, not of one that was killed: %s", out.String())
			assert.Contains(t, out.String(), tt.want)
			assert.NotContains(t, out.String(), "panic")
			nothingLeft(t)
		})
	}
}
