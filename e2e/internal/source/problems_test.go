package source

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// A run names the nearest real name as lint does.
func TestNearestNames(t *testing.T) {
	t.Parallel()
	for name, wanted := range map[string]string{
		"PAPERLESS_SOCIALACCOUNT_PROVIDERS_JSON":   "PAPERLESS_SOCIALACCOUNT_PROVIDERS",
		"PAPERLESS_SOCIAL_ACCOUNT_PROVIDERS":       "PAPERLESS_SOCIALACCOUNT_PROVIDERS",
		"PAPERLESS_SOCIALACCOUNT_PROVIDERS":        "",
		"PAPERLESS_OF_ANOTHER_KIND":                "",
		"PAPERLESS_REDIRECT_LOGIN_TO_SSO_PAGE_NOW": "perhaps PAPERLESS_REDIRECT_LOGIN_TO_SSO",
	} {
		b, err := deployment.Default()
		require.NoError(t, err)
		if b.Paperless.Env[name] == "" {
			b.Paperless.Env[name] = "x"
		}
		got := ""
		for _, p := range Problems(b) {
			if p.Setting == name && p.Code == "CFG-UNKNOWN" {
				got = p.Wanted
			}
		}
		assert.Equal(t, wanted, got, name)
		b.Paperless.Version = "3.4.0"
		assert.Equal(t, deployment.Problems(b), Problems(b), "a newer version may read it")
	}
}
