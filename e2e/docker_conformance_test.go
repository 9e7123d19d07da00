//go:build docker

package e2e_test

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// TestDockerConformance runs every conformance test on a Paperless-ngx in a container:
// our provider, which is no container, stands at authentik's name. No deviation is new
// and none is gone, on stand-ins as on the real images; on stand-ins each verdict is
// that of the lab.
func TestDockerConformance(t *testing.T) {
	versions, pairs := products(t)
	for _, v := range pairs {
		if slices.ContainsFunc(pairs[:slices.Index(pairs, v)], func(p [2]string) bool { return p[0] == v[0] }) {
			continue // authentik has no part in it
		}
		t.Run(v[0], func(t *testing.T) {
			besides(t)
			o := e2e.Options{Suite: e2e.SuiteConformance, Paperless: v[0], Authentik: v[1]}
			inLab, err := e2e.Check(t.Context(), o)
			require.NoError(t, err)
			started := ""
			o.Target, o.Stack = target.Stack, on(versions)
			o.Observe = func(ev runner.Event) {
				if ev.Kind == runner.Booting && ev.Step != "" {
					started += ev.Step + "\n"
				}
			}
			run, err := e2e.Check(t.Context(), o)
			require.NoError(t, err)
			assert.NotContains(t, started, "authentik", "none runs")
			assert.Zero(t, run.ExitCode(), run.Error)
			assert.Equal(t, target.Stack, run.Kind)
			require.Len(t, run.Results, len(inLab.Results))
			for i, r := range run.Results {
				assert.Contains(t, []check.Status{check.Passed, check.Warned, check.Skipped}, r.Status, "%s: %s", r.Check.ID, r.Message)
				if want := inLab.Results[i].Conformance; !onReal() && r.Check.ID != ofPostgreSQL {
					assert.Equal(t, want.Verdict, r.Conformance.Verdict, "%s: %s; on the lab: %s", r.Check.ID, r.Message, inLab.Results[i].Message)
				}
			}
			t.Logf("%s in %.0f s", v[0], run.Seconds)
		})
	}
}

// ofPostgreSQL is the test that ends otherwise than on the lab, which stands on SQLite.
const ofPostgreSQL = "rp-name-null-byte"

// TestDockerConformanceUpgrade: an upgrade lists which deviations come and which go.
func TestDockerConformanceUpgrade(t *testing.T) {
	versions, pairs := products(t)
	last := pairs[len(pairs)-1]
	if pairs[0][0] == last[0] {
		t.Skip("an upgrade needs images of two versions")
	}
	u, err := e2e.Upgrade(t.Context(), e2e.UpgradeOptions{
		Options: e2e.Options{Target: target.Stack, Suite: e2e.SuiteConformance, Only: []string{"rp-id_token-crit", "rp-state-wrong", "rp-token_sign_in-right"}, Stack: on(versions)},
		From:    strings.Join(pairs[0][:], ","), To: strings.Join(last[:], ","),
	})
	require.NoError(t, err)
	nothingLeft(t)
	assert.False(t, u.Forecast, "it is the real thing")
	assert.Equal(t, e2e.OutcomePass, u.Outcome(), "%s; %s", u.Before.Why(), u.After.Why())
	verdict := func(r *e2e.Results, id string) check.Verdict {
		i := slices.IndexFunc(r.Results, func(res runner.Result) bool { return res.Check.ID == id })
		require.GreaterOrEqual(t, i, 0, id)
		return r.Results[i].Conformance.Verdict
	}
	assert.Equal(t, check.Weaker, verdict(u.Before, "rp-id_token-crit"))
	assert.Equal(t, check.Conforming, verdict(u.After, "rp-id_token-crit"))
	assert.Empty(t, verdict(u.Before, "rp-token_sign_in-right"), "not there yet")
	assert.Equal(t, check.Conforming, verdict(u.After, "rp-token_sign_in-right"))
}

// TestDockerConformanceMatrix: the suite runs on each pair of a matrix.
func TestDockerConformanceMatrix(t *testing.T) {
	versions, pairs := products(t)
	cells, err := e2e.Cells([]string{pairs[0][0], pairs[len(pairs)-1][0]}, []string{pairs[0][1]}, e2e.Shard{})
	require.NoError(t, err)
	require.NoError(t, e2e.Matrix(t.Context(), e2e.Options{
		Target: target.Stack, Suite: e2e.SuiteConformance, Only: []string{"rp-state-wrong"}, Stack: on(versions),
	}, cells, func(e2e.Pair) {}, func(c *e2e.Cell) error {
		require.NoError(t, c.Err)
		assert.Equal(t, e2e.OutcomePass, c.Outcome(), "%s: %s", c.Pair, c.Run.Why())
		return nil
	}))
	nothingLeft(t)
}

// TestDockerConformanceInterrupted: Ctrl-C ends it at once, leaves nothing, and is no verdict.
func TestDockerConformanceInterrupted(t *testing.T) {
	versions, pairs := products(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	n := 0
	run, err := e2e.Check(ctx, e2e.Options{
		Target: target.Stack, Suite: e2e.SuiteConformance, Paperless: pairs[0][0], Authentik: pairs[0][1], Stack: on(versions),
		Observe: func(ev runner.Event) {
			if ev.Kind == runner.Finished {
				if n++; n == 3 {
					cancel(errors.New("Ctrl-C"))
				}
			}
		},
	})
	require.NoError(t, err)
	nothingLeft(t)
	assert.Equal(t, 2, run.ExitCode())
	assert.Contains(t, run.Error, "interrupted: Ctrl-C")
}

// TestDockerConformanceStopped: a Paperless-ngx that goes away is no verdict either.
func TestDockerConformanceStopped(t *testing.T) {
	versions, pairs := products(t)
	n := 0
	run, err := e2e.Check(t.Context(), e2e.Options{
		Target: target.Stack, Suite: e2e.SuiteConformance, Only: []string{"state", "callback"}, Paperless: pairs[0][0], Authentik: pairs[0][1], Stack: on(versions),
		Observe: func(ev runner.Event) {
			if ev.Kind != runner.Finished {
				return
			}
			if n++; n == 3 {
				id, err := exec.CommandContext(t.Context(), "docker", "ps", "-q", "--filter", "label=ssocheck.run", "--filter", "name=paperless-").Output()
				assert.NoError(t, err)
				assert.NoError(t, exec.CommandContext(t.Context(), "docker", "kill", strings.TrimSpace(string(id))).Run())
			}
		},
	})
	require.NoError(t, err)
	nothingLeft(t)
	assert.Equal(t, 2, run.ExitCode(), run.Why())
	assert.Contains(t, run.Error, "stopped")
}
