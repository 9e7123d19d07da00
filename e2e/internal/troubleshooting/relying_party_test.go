package troubleshooting

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// TestGroupNames: from authentik 2026.2 on ak_groups is deprecated, and before it groups
// are others, of which there are none.
func TestGroupNames(t *testing.T) {
	t.Parallel()
	item := Find("SEC-GROUPSTR")
	require.NotNil(t, item)
	for version, want := range map[string]string{
		"2024.10.5": "request.user.ak_groups.all()", "2025.12.6": "request.user.ak_groups.all()",
		"2026.2.0": "request.user.groups.all()", "2026.8.3": "request.user.groups.all()",
	} {
		b := &deployment.Deployment{Authentik: deployment.Authentik{Version: version}}
		assert.Contains(t, item.FixSeen(evidence.Record{}, b), want, version)
	}
}
