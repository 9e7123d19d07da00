package conformance

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
)

// onLab runs the tests on the lab of a version.
func onLab(t *testing.T, version string) Options {
	t.Helper()
	b, err := deployment.Default()
	require.NoError(t, err)
	b.Paperless.Version = version
	b, missing := Prepare(b)
	require.Empty(t, missing)
	p := provider.New(provider.Options{Origin: b.Authentik.URL, Elsewhere: Elsewhere, Patience: time.Second})
	t.Cleanup(p.Close)
	pair, err := lab.Start(t.Context(), b, lab.WithProvider(p.Target()), lab.WithTimeout(time.Second))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pair.Close()) })
	require.True(t, pair.Boot.Up, "%v", pair.Boot.Log)
	return Options{Bundle: b, Target: pair, Provider: p, Tests: All()}
}

func TestThinLine(t *testing.T) {
	t.Parallel()
	o := onLab(t, "2.20.15")
	for _, res := range Run(t.Context(), o) {
		t.Log(res.Check.ID, res.Status, res.Conformance.Verdict, res.Message)
	}
}
