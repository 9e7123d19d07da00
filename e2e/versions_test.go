package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// TestVersions runs the whole checklist on each modelled Paperless-ngx with an
// authentik of its time; TestChecklist has 2.20.15 with 2025.8.1. What a version does
// by itself warns, through fixtures/expected.yaml; nothing fails, and no entry is stale.
func TestVersions(t *testing.T) {
	for _, pair := range [][2]string{{"2.5.0", "2024.10.5"}, {"2.13.5", "2025.2.4"}, {"2.18.4", "2025.6.4"}, {"3.0.5", "2026.5.6"}, {"3.3.0", "2026.8.5"}} {
		t.Run(pair[0]+"+"+pair[1], func(t *testing.T) {
			t.Parallel()
			run, err := e2e.Check(t.Context(), e2e.Options{Paperless: pair[0], Authentik: pair[1]})
			require.NoError(t, err)
			for _, r := range run.Results {
				assert.NotEqual(t, check.Failed, r.Status, "%s: %s", r.Key(), r.Message)
				assert.NotEqual(t, check.Errored, r.Status, "%s: %s", r.Key(), r.Message)
				assert.NotContains(t, r.Message, "not modelled", r.Key())
				if r.Status != check.Passed {
					t.Logf("%s %s: %s", r.Status, r.Key(), r.Message)
				}
			}
			assert.Zero(t, run.ExitCode(), run.Error)
		})
	}
}

// TestEmptyListByVersion: an empty list of redirect URIs warns where authentik learns
// the first one, and is why nobody gets in where it does not any more
// (docs/facts/releases-2026.md#M4).
func TestEmptyListByVersion(t *testing.T) {
	rig := newRig(t)
	for version, want := range map[string]check.Status{"2026.2.7": check.Warned, "2026.5.8": check.Failed} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			b, _, err := e2e.Deploy(e2e.Options{Authentik: version})
			require.NoError(t, err)
			p := rig.plant(t, b, troubleshooting.Find("RED-EMPTY"))
			assert.Equal(t, want, p.status, p.message)
			assert.Equal(t, []string{"RED-EMPTY"}, p.codes)
			assert.Empty(t, p.strange)
		})
	}
}
