package troubleshooting_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// observed are bundles of a pair that was only looked at, as package external
// makes them.
func observed(t *testing.T) map[string]*deployment.Deployment {
	t.Helper()
	right, err := deployment.Default()
	require.NoError(t, err)
	bare := func() *deployment.Deployment {
		b := &deployment.Deployment{
			Observed: true, Origins: map[string]deployment.Origin{}, Relations: map[string]string{"client_secret": deployment.SecretUnknown},
			Paperless: deployment.Paperless{Env: map[string]string{"PAPERLESS_URL": right.Paperless.URL}},
		}
		b.Paperless.URL, b.Paperless.Version = right.Paperless.URL, right.Paperless.Version
		b.Authentik.URL, b.Authentik.Version = right.Authentik.URL, right.Authentik.Version
		return b
	}
	button := func() *deployment.Deployment {
		b := bare()
		b.Paperless.Env["PAPERLESS_APPS"] = deployment.OpenIDConnectApp
		b.Paperless.Env[deployment.ProvidersKey] = `{"openid_connect": {"APPS": [{"provider_id": "authentik", "name": "SSO", "client_id": "paperless", "settings": {}}]}}`
		return b
	}
	token := button()
	token.Authentik.Model = right.Authentik.Model
	token.EditSettings(func(s map[string]any) {
		s["server_url"] = right.Authentik.URL + "/application/o/paperless/.well-known/openid-configuration"
	})
	token.Relations[deployment.RelationServerURL] = deployment.ServerURLAssumed
	noForm := button()
	noForm.Paperless.Env[deployment.DisableRegularLogin] = "true"
	return map[string]*deployment.Deployment{"no button": bare(), "a button": button(), "a token": token, "no form": noForm}
}

var (
	settingName = regexp.MustCompile(`PAPERLESS_\w+|server_url`)
	claim       = regexp.MustCompile(`is not set|not set either|has no\b|nothing reads|read by no|no version of|the configuration (?:has|says)`)
)

// What was not seen is not stated: no item says of a pair that was only looked at
// what its settings are, or are not.
func TestObservedClaimsNoSettings(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../fixtures/evidence/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	found := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var report struct {
			Checks []struct {
				Evidence evidence.Record `json:"evidence"`
			} `json:"checks"`
		}
		require.NoError(t, json.Unmarshal(text, &report), file)
		for which, b := range observed(t) {
			for _, c := range report.Checks {
				for _, f := range append(troubleshooting.Explain(c.Evidence, b, nil, check.Failed), troubleshooting.Explain(c.Evidence, b, nil, check.Warned)...) {
					found[f.Code] = true
					name := f.Code + " from " + filepath.Base(file) + " on a pair with " + which
					assert.NotRegexp(t, claim, f.Title, name)
					assert.NotRegexp(t, `the configuration (?:has|says)`, f.Fix, name)
					for _, line := range f.Because {
						claims(t, line, name)
					}
				}
			}
		}
	}
	assert.Greater(t, len(found), 30, "%v", found)
}

func claims(t *testing.T, line, name string) {
	t.Helper()
	for _, quote := range []string{"expected: ", "Paperless logged: ", "Paperless stopped: ", "authentik logged: "} {
		if strings.HasPrefix(line, quote) {
			return
		}
	}
	assert.NotRegexp(t, claim, line, name)
	for _, at := range settingName.FindAllStringIndex(line, -1) {
		assert.True(t, strings.HasPrefix(line[at[1]:], " is not known here"), "%s: %q claims to have seen a setting", name, line)
	}
}
