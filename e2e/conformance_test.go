package e2e

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestConformanceOnly: tests of the suite are named by id or by family, and nothing
// else is; a pair that runs is refused.
func TestConformanceOnly(t *testing.T) {
	t.Parallel()
	r, err := Check(t.Context(), Options{Suite: SuiteConformance, Only: []string{"pkce", "rp-state-missing"}})
	require.NoError(t, err)
	assert.Len(t, r.Results, 8, "with the right sign-in")
	assert.Equal(t, OutcomePass, r.Result(), r.Why())
	// Nothing that was asked for applies to this version: that is no pass.
	r, err = Check(t.Context(), Options{Suite: SuiteConformance, Only: []string{"token_sign_in"}})
	require.NoError(t, err)
	assert.Equal(t, OutcomeError, r.Result())
	assert.Contains(t, r.Error, "every test that was asked for was skipped: Paperless-ngx has this since 3.0.0")
	// Where nobody can sign in, every refusal is worth nothing.
	r, err = Check(t.Context(), Options{Suite: SuiteConformance, Only: []string{"rp-state-wrong"}, Plant: []string{"CFG-SERVERURL"}})
	require.NoError(t, err)
	assert.NotEqual(t, OutcomePass, r.Result())
	_, err = Check(t.Context(), Options{Suite: SuiteConformance, Only: []string{"round-trip"}})
	require.ErrorIs(t, err, ErrUsage)
	_, err = Check(t.Context(), Options{Suite: SuiteConformance, Target: "external"})
	require.ErrorIs(t, err, ErrUsage)
}
