package manual_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/manual"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
)

func TestSettingsPage(t *testing.T) {
	t.Parallel()
	pages, err := manual.Pages()
	require.NoError(t, err)
	settings, err := source.Settings()
	require.NoError(t, err)
	for _, s := range settings {
		assert.Contains(t, string(pages[manual.SettingsPage]), "### `"+s.Name+"`")
	}
}
