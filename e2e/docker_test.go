//go:build docker

package e2e_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/stack"
	"github.com/ssocheck/ssocheck/e2e/internal/stack/standins"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// standInFile is a version file that names stand-in images: the only thing that
// makes these runs differ from runs of the real products.
func standInFile(t *testing.T, more ...string) string {
	t.Helper()
	edge, program := filepath.Join(t.TempDir(), "edge"), filepath.Join(t.TempDir(), "standin")
	require.NoError(t, stack.Build(t.Context(), stack.EdgeCommand, edge))
	require.NoError(t, stack.Build(t.Context(), standins.Command, program))
	t.Setenv("SSO_STACK_BINARY", edge)
	v, err := standins.Build(t.Context(), slog.New(slog.DiscardHandler), program, append([]string{"2.20.15", "2025.8.1", "3.0.5", "2026.2.3"}, more...)...)
	require.NoError(t, err)
	text, err := standins.VersionsFile(v)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "versions.yaml")
	require.NoError(t, os.WriteFile(path, text, 0o644))
	t.Setenv("SSO_CACHE", t.TempDir())
	return path
}

func nothingLeft(t *testing.T) {
	t.Helper()
	for _, args := range [][]string{{"ps", "-aq"}, {"network", "ls", "-q"}, {"volume", "ls", "-q"}} {
		text, err := exec.CommandContext(context.Background(), "docker", append(args, "--filter", "label=ssocheck.run")...).CombinedOutput()
		require.NoError(t, err, string(text))
		assert.Empty(t, string(text), "docker %v", args)
	}
}

// besides lets a test of a list run beside another of it, where the machine is not one
// pair's alone: stand-ins wait for each other most of the time.
func besides(t *testing.T) {
	t.Helper()
	if onReal() {
		t.Cleanup(func() { nothingLeft(t) })
		return
	}
	t.Parallel()
}

// TestDockerChecklist runs the whole checklist on a Docker engine: everything
// passes on the default deployment, old and new.
func TestDockerChecklist(t *testing.T) {
	versions, pairs := products(t)
	for _, v := range pairs {
		t.Run(v[0]+","+v[1], func(t *testing.T) {
			besides(t)
			run, err := e2e.Check(t.Context(), e2e.Options{
				Target: target.Stack, Paperless: v[0], Authentik: v[1], Stack: on(versions),
				Observe: func(ev runner.Event) {
					if ev.Kind == runner.Booting && ev.Step != "" {
						t.Log(ev.Step)
					}
				},
			})
			require.NoError(t, err)
			for _, r := range run.Results {
				assert.Contains(t, []check.Status{check.Passed, check.Warned}, r.Status, "%s@%s: %s", r.Check.ID, r.Variant, r.Message)
			}
			assert.Zero(t, run.ExitCode(), run.Error)
			assert.Contains(t, run.Bundle.Added, "REQUESTS_CA_BUNDLE: trust in the certificate authority of the test", "the report lists what was added")
		})
	}
}

// TestDockerFindings plants causes and demands the findings of the lab.
func TestDockerFindings(t *testing.T) {
	versions, pairs := products(t)
	for _, code := range []string{"RED-SLASH", "TOK-SECRET", "CFG-JSON", "NET-TLS", "IDP-SLUG"} {
		t.Run(code, func(t *testing.T) {
			besides(t)
			o := e2e.Options{Plant: []string{code}, Paperless: pairs[0][0], Authentik: pairs[0][1]}
			inLab, err := e2e.Check(t.Context(), o)
			require.NoError(t, err)
			o.Target, o.Stack = target.Stack, on(versions)
			run, err := e2e.Check(t.Context(), o)
			require.NoError(t, err)
			assert.Equal(t, 1, run.ExitCode(), run.Error)
			assert.Equal(t, firstFinding(inLab), firstFinding(run))
			assert.Equal(t, code, firstFinding(run))
		})
	}
}

func firstFinding(run *runner.Run) string {
	for _, r := range run.Results {
		if r.Status == check.Failed && len(r.Findings) > 0 {
			return r.Findings[0].Code
		}
	}
	return ""
}

// TestDockerUpgrade tries an upgrade on a Docker engine.
func TestDockerUpgrade(t *testing.T) {
	versions, pairs := products(t)
	from, to := "2.20.15,2025.8.1", "3.0.5,2025.8.1"
	if onReal() {
		if from, to = strings.Join(pairs[0][:], ","), strings.Join(pairs[len(pairs)-1][:], ","); from == to {
			t.Skip("an upgrade needs images of two versions")
		}
	}
	for name, tt := range map[string]struct {
		plant []string
		code  int
	}{
		"right":         {nil, 0},
		"no secret key": {[]string{"CFG-SECRETKEY"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			besides(t)
			u, err := e2e.Upgrade(t.Context(), e2e.UpgradeOptions{
				Options: e2e.Options{Target: target.Stack, Plant: tt.plant, Stack: on(versions)},
				From:    from, To: to,
			})
			require.NoError(t, err)
			assert.False(t, u.Forecast, "it is the real thing")
			last := u.Last()
			for _, r := range last.Results {
				if tt.code == 0 {
					assert.Contains(t, []check.Status{check.Passed, check.Warned}, r.Status, "%s: %s", r.Key(), r.Message)
				}
			}
			assert.Equal(t, tt.code, u.ExitCode(), last.Error)
			if len(tt.plant) > 0 {
				assert.Equal(t, tt.plant[0], firstFinding(last))
			}
		})
	}
}

// TestDockerEveryMajor goes through every major release of authentik in turn, on the
// same database: the last one refuses one that the major before it has not seen
// (docs/facts/releases-2026.md#1.1). On stand-ins only: no engine has so many images.
func TestDockerEveryMajor(t *testing.T) {
	if onReal() {
		t.Skip("needs images of six majors of authentik")
	}
	versions := standInFile(t, "2025.10.4", "2025.12.6", "2026.2.7", "2026.5.8", "2026.8.5")
	u, err := e2e.Upgrade(t.Context(), e2e.UpgradeOptions{
		Options: e2e.Options{Target: target.Stack, Only: []string{"round-trip"}, Stack: on(versions)},
		From:    "2.20.15,2025.8.1", To: "2.20.15,2026.8.5",
	})
	require.NoError(t, err)
	nothingLeft(t)
	assert.False(t, u.Forecast)
	assert.Len(t, u.Stages, 5)
	last := u.Last()
	for _, r := range last.Results {
		assert.Contains(t, []check.Status{check.Passed, check.Warned}, r.Status, "%s: %s", r.Key(), r.Message)
	}
	assert.Zero(t, u.ExitCode(), last.Error)
}
