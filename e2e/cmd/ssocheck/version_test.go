package main

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

func TestBuild(t *testing.T) {
	t.Parallel()
	info := &debug.BuildInfo{GoVersion: "go1.26.1", Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "abc123"}, {Key: "vcs.time", Value: "2026-11-28T20:00:00Z"}, {Key: "vcs.modified", Value: "true"},
	}}
	assert.Equal(t, "v1.2.3 (commit abc123, changed, 2026-11-28T20:00:00Z, go1.26.1)", build("dev", info), "go install gives the module's version")
	assert.Equal(t, "1.3.0 (commit abc123, changed, 2026-11-28T20:00:00Z, go1.26.1)", build("1.3.0", info), "a release sets its own")
	assert.Equal(t, "dev (go1.26.1)", build("dev", &debug.BuildInfo{GoVersion: "go1.26.1", Main: debug.Module{Version: "(devel)"}}))
	assert.Equal(t, "dev", build("dev", nil))
	assert.Equal(t, "2.4.3 to 3.0.5", span([]deployment.Release{{Version: "2.20.15"}, {Version: "3.0.5"}, {Version: "2.4.3"}}))
	assert.Equal(t, "none", span(nil))
}

// TestStart: what Testcontainers does before main does not grow with the processes of
// the machine. It is told by what it takes from the heap, not by seconds.
func TestStart(t *testing.T) {
	t.Parallel()
	c := exec.CommandContext(t.Context(), "ssocheck", "--version")
	c.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var errs strings.Builder
	c.Stderr = &errs
	require.NoError(t, c.Run())
	took := regexp.MustCompile(`(?m)^init github.com/testcontainers/testcontainers-go/internal/core/bootstrap @.* clock, (\d+) bytes`).FindStringSubmatch(errs.String())
	require.NotNil(t, took, errs.String())
	bytes, err := strconv.Atoi(took[1])
	require.NoError(t, err)
	if runtime.GOOS == "linux" {
		assert.Less(t, bytes, 100_000, "it opened every process: package startup came too late")
	}
}
