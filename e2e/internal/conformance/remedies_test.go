package conformance

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// TestRemedies tries what the items of the catalogue advise against a deviation: with the
// setting it shows, with the remedy it is gone, and a right sign-in works all the same.
func TestRemedies(t *testing.T) {
	t.Parallel()
	redirects := func(b *deployment.Deployment) { b.Paperless.Env[deployment.RedirectToSSO] = "true" }
	for name, tt := range map[string]struct {
		test           string
		setting        func(*deployment.Deployment)
		remedy         func(*deployment.Deployment)
		without, cured string // what the test saw
	}{
		"SEC-CONNECT": {
			"rp-link-without-click", redirects,
			func(b *deployment.Deployment) { b.Paperless.Proxy.RefuseForeign = paperless.StartPath("authentik") },
			"identity of somebody else tied: yes", "identity of somebody else tied: no",
		},
		"SEC-CONNECT, the question": {
			"rp-link-question", redirects,
			func(b *deployment.Deployment) { b.Paperless.Proxy.RefuseForeign = paperless.StartPath("authentik") },
			"the page submits itself: yes", "the page submits itself: no",
		},
		"SEC-CONNECT, the other remedy": {
			"rp-link-without-click", redirects,
			func(b *deployment.Deployment) { delete(b.Paperless.Env, deployment.RedirectToSSO) },
			"identity of somebody else tied: yes", "identity of somebody else tied: no",
		},
		"SEC-TOKENPOST": {
			"rp-token-redirect-host", func(*deployment.Deployment) {},
			func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) { s["token_auth_method"] = oidc.SecretBasic })
			},
			"code, verifier and client secret", "sent to the other host: code and verifier",
		},
		"SEC-PKCE": {
			"rp-pkce-injection", func(b *deployment.Deployment) {
				b.EditProviders(func(oc map[string]any) { delete(oc, "OAUTH_PKCE_ENABLED") })
			},
			func(b *deployment.Deployment) {
				b.EditProviders(func(oc map[string]any) { oc["OAUTH_PKCE_ENABLED"] = true })
			},
			"signed in as", string(Refused),
		},
		"SEC-EMAILAUTH": {
			"rp-email-of-local", func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) { s["email_authentication"] = true })
			},
			func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) { delete(s, "email_authentication") })
			},
			"signed in as ssocheck-local2", "asked",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := defaultDeployment(t)
			tt.setting(b)
			assert.Contains(t, saw(t, b, tt.test), tt.without)
			tt.remedy(b)
			after := saw(t, b, tt.test)
			assert.Contains(t, after, tt.cured)
			assert.NotContains(t, after, tt.without)
		})
	}
}

func defaultDeployment(t *testing.T) *deployment.Deployment {
	t.Helper()
	spec, err := deployment.DefaultSpec()
	require.NoError(t, err)
	spec.Paperless.Version = "3.0.5"
	return deployment.New(spec)
}

// saw runs a test on the lab, after a right sign-in, and is what it saw.
func saw(t *testing.T, b *deployment.Deployment, id string) string {
	t.Helper()
	b, missing := Prepare(b)
	require.Empty(t, missing)
	p := provider.New(provider.Options{Origin: b.Authentik.URL, Elsewhere: Elsewhere, Patience: ample})
	defer p.Close()
	pair, err := lab.Start(t.Context(), b, lab.WithProvider(p.Target()), lab.WithTimeout(ample))
	require.NoError(t, err)
	defer func() { require.NoError(t, pair.Close()) }()
	results := Run(t.Context(), Options{Bundle: b, Pair: Pair{pair, p}, Tests: []*Test{Find(SignIn), Find(id)}})
	require.Equal(t, check.Passed, results[0].Status, results[0].Message)
	require.NotContains(t, []check.Status{check.Errored, check.Skipped}, results[1].Status, results[1].Message)
	return results[1].Message
}
