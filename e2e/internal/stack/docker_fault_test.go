//go:build docker

package stack_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/stack"
)

// TestDockerNeverReady: an image that runs and never answers is no verdict; the
// error says what was waited for, and what the container said last.
func TestDockerNeverReady(t *testing.T) {
	t.Parallel()
	b, err := images()
	require.NoError(t, err)
	for name, o := range map[string]stack.Overrides{
		"paperless-1: not within 5s: Paperless answers":                {Paperless: b.versions.Paperless[0].Broker},
		"authentik-1-server: not within 5s: authentik says that it is": {Authentik: b.versions.Paperless[0].Broker},
		"postgres: not within 5s: the database takes connections":      {Postgres: b.versions.Paperless[0].Broker},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, stack.WithImages(o), stack.WithGateLimit(5*time.Second))
			_, err := s.Start(t.Context(), guide(t), "")
			require.ErrorContains(t, err, name)
			assert.Contains(t, err.Error(), "Ready to accept connections", "its last line")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

// TestDockerGone: what of a pair went away takes the verdict of a check with it.
func TestDockerGone(t *testing.T) {
	t.Parallel()
	s := open(t)
	tg := start(t, s, guide(t), "")
	require.NoError(t, tg.Standing(t.Context()))
	for _, name := range left(t, "ssocheck.run="+s.ID()) {
		if strings.HasSuffix(name, "-worker") {
			text, err := exec.CommandContext(t.Context(), "docker", "kill", name).CombinedOutput()
			require.NoError(t, err, string(text))
		}
	}
	err := tg.Standing(t.Context())
	require.ErrorContains(t, err, "authentik-1-worker stopped (exit code 137: killed")
	assert.NotContains(t, err.Error(), "\n")
}
