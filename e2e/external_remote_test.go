package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
)

// A browser that runs elsewhere and was told nothing of the pair: the checklist
// is the same, on the lab and on a pair that runs.
func TestRemoteBrowserRunsTheChecklist(t *testing.T) {
	t.Parallel()
	r := runs(t, nil)
	address := elsewhere(t)
	for name, o := range map[string]e2e.Options{"lab": {}, "external": r.options} {
		o.Browser, o.Only = address, []string{"round-trip"}
		run, err := e2e.Check(t.Context(), o)
		require.NoError(t, err, name)
		require.Empty(t, run.Error, name)
		assert.Equal(t, runner.Pass, run.Result(), "%s: %s", name, statuses(run))
		assert.NotEqual(t, check.Skipped, outcome(t, run, "round-trip").Status, name)
	}
	// Without the CA the certificate is a finding there, too.
	o := r.options
	o.Browser, o.External.CA, o.Only = address, "", []string{"login-page"}
	run, err := e2e.Check(t.Context(), o)
	require.NoError(t, err)
	codes, status, message := findings(run, "login-page")
	assert.Equal(t, check.Failed, status, message)
	assert.Equal(t, []string{"NET-CERT"}, codes, message)
	o.Browser = "ws://127.0.0.1:1"
	run, err = e2e.Check(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, 2, run.ExitCode())
	assert.Contains(t, run.Error, "127.0.0.1:1")
}

// elsewhere starts a Chromium with nothing but a debugging port.
func elsewhere(t *testing.T) string {
	t.Helper()
	path, err := browser.Find(false)
	require.NoError(t, err)
	dir := t.TempDir()
	ctx, stop := context.WithCancel(context.Background()) // not t.Context(): that one ends before the clean-up
	cmd := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--remote-debugging-port=0", "--user-data-dir="+dir,
		"--no-first-run", "--no-proxy-server", "--disable-dev-shm-usage", "--disable-component-update", "about:blank")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		stop()
		_ = cmd.Wait() // killed
		// A helper process that is just dying can still write into the profile.
		assert.Eventually(t, func() bool { return os.RemoveAll(dir) == nil }, 10*time.Second, 50*time.Millisecond)
	})
	// Chromium writes its port and path there once it listens.
	var text []byte
	require.Eventually(t, func() bool {
		text, err = os.ReadFile(filepath.Join(dir, "DevToolsActivePort"))
		return err == nil && strings.Count(string(text), "\n") > 0
	}, 30*time.Second, 50*time.Millisecond)
	port, _, _ := strings.Cut(string(text), "\n")
	return "ws://127.0.0.1:" + port
}
