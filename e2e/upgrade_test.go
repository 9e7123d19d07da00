package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/check"
	"github.com/ssocheck/ssocheck/e2e/render"
	"github.com/ssocheck/ssocheck/e2e/runner"
)

// resultOf is the result of a check as configured.
func resultOf(t *testing.T, run *runner.Run, id string) runner.Result {
	t.Helper()
	for _, r := range run.Results {
		if r.Check.ID == id && r.Variant == check.AsConfigured {
			return r
		}
	}
	require.Failf(t, "did not run", "%s", id)
	return runner.Result{}
}

// What was recorded on the real pair (observed.json, upgrades): the same
// accounts, the session and the token of before still good.
func TestUpgradeOfTheDefault(t *testing.T) {
	t.Parallel()
	u, err := e2e.Upgrade(t.Context(), e2e.UpgradeOptions{From: "2.20.15,2025.8.1", To: "3.0.5,2025.10.0"})
	require.NoError(t, err)
	require.NotNil(t, u.After)
	for _, r := range u.People.Results {
		assert.Equal(t, check.Passed, r.Status, "%s: %s", r.Check.ID, r.Message)
	}
	for _, id := range []string{"upgrade-settings", "upgrade-accounts", "upgrade-sessions", "upgrade-sign-in", "round-trip", "first-login", "linking"} {
		r := resultOf(t, u.After, id)
		assert.Equal(t, check.Passed, r.Status, "%s: %s", id, r.Message)
	}
	assert.Empty(t, u.Regressed)
	assert.True(t, u.Forecast)
	assert.Equal(t, 0, u.ExitCode())
}

func TestUpgradeFindsWhatBreaks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, from, to, plant string
		config                string
		at, code, hazard      string
		regressed             bool
		hits                  bool
	}{
		{"the guide has no secret key", "2.20.15", "3.0.5", "", "../fixtures/configs/guide/compose.yaml", "login-page", "CFG-SECRETKEY", "H04", true, true},
		{"encrypted id_token", "2.18.4", "2.20.15", "IDT-JWE", "", "round-trip", "IDT-JWE", "H01", true, true},
		{"unverified addresses", "2.13.5,2025.8.1", "2.13.5,2025.10.0", "", "", "round-trip", "MAIL-SMTP", "A03", true, true},
		{"a word that v3 does not take", "2.20.15", "3.0.5", "CFG-BOOL", "", "login-page", "CFG-BOOL", "H05", true, true},
		{"broken before as after", "2.20.15", "3.0.5", "RED-SLASH", "", "round-trip", "RED-SLASH", "", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := e2e.UpgradeOptions{From: tt.from, To: tt.to}
			o.Only = []string{tt.at}
			if tt.plant != "" {
				o.Plant = []string{tt.plant}
			}
			if tt.config != "" {
				o.Config = []string{tt.config}
			}
			u, err := e2e.Upgrade(t.Context(), o)
			require.NoError(t, err)
			require.NotNil(t, u.After, "%+v", u.People)
			r := resultOf(t, u.After, tt.at)
			require.Equal(t, check.Failed, r.Status, r.Message)
			require.NotEmpty(t, r.Findings)
			assert.Equal(t, tt.code, r.Findings[0].Code)
			assert.Equal(t, tt.hazard, r.Findings[0].Hazard)
			assert.Equal(t, tt.regressed, len(u.Regressed) > 0 && u.Regressed[0] == tt.at, "%v", u.Regressed)
			if tt.hits {
				require.NotEmpty(t, u.Hazards)
				assert.Equal(t, tt.hazard, u.Hazards[0].ID, "told before anything starts")
				assert.True(t, u.Hazards[0].Hits)
			}
			assert.Equal(t, 1, u.ExitCode())
		})
	}
}

func TestUpgradeGoesThroughStages(t *testing.T) {
	t.Parallel()
	u, err := e2e.Upgrade(t.Context(), e2e.UpgradeOptions{From: "2.18.4,2025.8.1", To: "3.0.5,2025.8.1", Options: e2e.Options{Only: []string{"round-trip"}}})
	require.NoError(t, err)
	require.Len(t, u.Stages, 2)
	assert.Equal(t, render.Pair{Paperless: "2.20.15", Authentik: "2025.8.1"}, u.Stages[0].Pair)
	require.NotNil(t, u.After)
	assert.Equal(t, check.Passed, resultOf(t, u.After, "upgrade-sign-in").Status)
	assert.Equal(t, 0, u.ExitCode())
}

func TestUpgradeIsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		o    e2e.UpgradeOptions
		says string
	}{
		"downgrade":       {e2e.UpgradeOptions{From: "3.0.5", To: "2.20.15"}, "older than 3.0.5"},
		"unknown version": {e2e.UpgradeOptions{From: "2.20.15", To: "3.1.0"}, "3.0.5"},
		"the same":        {e2e.UpgradeOptions{From: "3.0.5", To: "3.0.5"}, "are the same"},
		"no such plant":   {e2e.UpgradeOptions{From: "2.20.15", To: "3.0.5", Options: e2e.Options{Plant: []string{"NOPE"}}}, "NOPE"},
		"two ways to say": {e2e.UpgradeOptions{From: "2.20.15", To: "3.0.5", Options: e2e.Options{Paperless: "2.5.0"}}, "--from"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := e2e.Upgrade(t.Context(), tt.o)
			require.ErrorIs(t, err, e2e.ErrUsage)
			require.ErrorContains(t, err, tt.says)
		})
	}
}
