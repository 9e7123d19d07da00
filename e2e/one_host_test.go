package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// TestOneHost: authentik lives under a path of the host that serves Paperless, as
// AUTHENTIK_WEB__PATH allows. What is right passes every check, and what is wrong is
// seen below the path too.
func TestOneHost(t *testing.T) {
	rig := newRig(t)
	bundle := func(t *testing.T) *deployment.Deployment {
		t.Helper()
		b, _, err := e2e.Deploy(e2e.Options{Config: []string{"../fixtures/configs/authentik-one-host/compose.yaml"}})
		require.NoError(t, err)
		require.Equal(t, "https://home.example.com/auth", b.Authentik.URL)
		return b
	}
	t.Run("right", func(t *testing.T) {
		t.Parallel()
		run, err := rig.run(t.Context(), bundle(t), nil)
		require.NoError(t, err)
		require.Empty(t, run.Error)
		for _, r := range run.Results {
			assert.NotContains(t, []check.Status{check.Failed, check.Errored, check.Skipped}, r.Status, "%s: %s", r.Check.ID, r.Message)
		}
	})
	for _, code := range []string{"IDP-DENIED", "RED-SLASH", "TOK-SECRET", "NET-404"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			p := rig.plant(t, bundle(t), troubleshooting.Find(code))
			assert.Equal(t, []string{code}, p.codes, p.message)
			assert.Empty(t, p.strange)
		})
	}
}
