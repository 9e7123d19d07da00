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
	assert.Len(t, r.Results, 7)
	assert.Equal(t, OutcomePass, r.Result(), r.Why())
	_, err = Check(t.Context(), Options{Suite: SuiteConformance, Only: []string{"round-trip"}})
	require.ErrorIs(t, err, ErrUsage)
	_, err = Check(t.Context(), Options{Suite: SuiteConformance, Target: "external"})
	require.ErrorIs(t, err, ErrUsage)
}
