package doctor_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// TestCommand runs the command itself on the fake engine: the cause stands on the
// first line, and where there is none a browser goes the way of users.
func TestCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	binary := filepath.Join(dir, "ssocheck")
	text, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../cmd/ssocheck").CombinedOutput()
	require.NoError(t, err, string(text))
	for name, tt := range map[string]struct {
		code   string // planted; empty: nothing
		change func(*deployment.Deployment)
		args   []string
		env    []string
		exit   int
		want   []string
	}{
		"a cause": {code: "RED-SLASH", args: []string{"--bundle", filepath.Join(dir, "help.zip"), "--anonymise"}, exit: 1, want: []string{"RED-SLASH", "get in", "report.json"}},
		"no cause, with a browser": {
			exit: 0, want: []string{"no cause was found", "with a browser, from this machine, at https://paperless.example.com", "login-button", "signing in is not tested"},
		},
		"no cause, without": {args: []string{"--no-browser"}, exit: 0, want: []string{"no cause was found"}},
		"no cause, and no browser to try": {
			env: []string{"SSO_BROWSER=/nowhere/chromium"}, exit: 2, want: []string{"no cause was found", "there is no browser", "this is no pass"},
		},
		"only the browser shows it": {
			change: func(b *deployment.Deployment) { delete(b.Paperless.Env, "PAPERLESS_URL") },
			exit:   1, want: []string{"✗ PROXY-CSRF", "no cause was found", "with a browser"},
		},
		"a cause, and no browser to try":   {code: "RED-SLASH", env: []string{"SSO_BROWSER=/nowhere/chromium"}, exit: 1, want: []string{"RED-SLASH"}},
		"nothing may be run in containers": {args: []string{"--no-browser", "--no-exec"}, exit: 2, want: []string{"which is not all", "What was not seen:", "SSO_AUTHENTIK_TOKEN"}},
		"but a token was given": {
			code: "IDT-JWE", env: []string{"SSO_AUTHENTIK_TOKEN=" + apiToken}, args: []string{"--no-browser", "--no-exec"}, exit: 1, want: []string{"IDT-JWE"},
		},
		"what only the way through the proxy shows": {
			code: "PROXY-HOST", exit: 1, want: []string{"✗ PROXY-HOST", "no cause was found", "with a browser", "round-trip"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := right(t)
			if tt.code != "" {
				b = planted(t, troubleshooting.Find(tt.code))
			}
			if tt.change != nil {
				tt.change(b)
			}
			e := newEngine(t, running(t, b)...)
			code, out := command(t, binary, e, tt.env, tt.args...)
			assert.Equal(t, tt.exit, code, out)
			for _, want := range tt.want {
				assert.Contains(t, out, want)
			}
			assert.Contains(t, strings.SplitN(out, "\n", 2)[0], tt.want[0])
			assert.Empty(t, e.forbidden)
		})
	}
	out, err := exec.CommandContext(t.Context(), binary, "diagnose", filepath.Join(dir, "help.zip")).CombinedOutput()
	require.Error(t, err, "exit code 1: the cause is still one")
	assert.Contains(t, string(out), "RED-SLASH")
}

func command(t *testing.T, binary string, e *fakeEngine, env []string, args ...string) (int, string) {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, e.pair.CA, 0o600))
	args = append([]string{"doctor", "--ca", ca}, args...)
	for host, address := range e.pair.Resolve {
		if strings.HasSuffix(host, ":443") {
			args = append(args, "--resolve", host+"="+address)
		}
	}
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = append(append(os.Environ(), "DOCKER_HOST="+e.URL), env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err != nil {
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, out.String())
		return exit.ExitCode(), out.String()
	}
	return 0, out.String()
}
