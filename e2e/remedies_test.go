package e2e_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// TestRemediesHelp tries in the checklist what the items about a provider that misbehaves
// advise: the effect shows when planted (TestTroubleshooting), and is gone with the remedy.
// What an attacker's side sees of it is in conformance.TestRemedies.
func TestRemediesHelp(t *testing.T) {
	rig := newRig(t)
	for name, tt := range map[string]struct {
		code   string
		remedy func(*deployment.Deployment)
		also   []string // checks that must still pass with the remedy
		idp    string   // version of authentik; empty: the usual
	}{
		"proxy rule": {"SEC-CONNECT", func(b *deployment.Deployment) { b.Paperless.Proxy.RefuseForeign = paperless.StartPath("authentik") }, []string{"linking", "round-trip", "next-redirect"}, ""},
		"a sub of their own": {"SEC-NULLSUB", func(b *deployment.Deployment) {
			b.Authentik.Mappings[0].Expression = `return {"name": request.user.name, "preferred_username": request.user.username}`
		}, nil, ""},
		"a list of groups": {"SEC-GROUPSTR", func(b *deployment.Deployment) {
			b.Authentik.Mappings[0].Expression = `return {"name": request.user.name, "preferred_username": request.user.username, "groups": [group.name for group in request.user.ak_groups.all()]}`
		}, nil, ""},
		"a list of groups, 2026.2": {"SEC-GROUPSTR", func(b *deployment.Deployment) {
			b.Authentik.Mappings[0].Expression = `return {"name": request.user.name, "preferred_username": request.user.username, "groups": [group.name for group in request.user.groups.all()]}`
		}, nil, "2026.2.3"},
		"X-Forwarded-Proto": {"SEC-PLAINHTTP", func(b *deployment.Deployment) { b.Authentik.Proxy.DropForwarded = false }, nil, ""},
		"no redirect":       {"SEC-TOKENPOST", func(b *deployment.Deployment) { b.Authentik.Proxy.Moved = "" }, nil, ""},
		"PKCE on": {"SEC-PKCE", func(b *deployment.Deployment) {
			b.EditProviders(func(oc map[string]any) { oc["OAUTH_PKCE_ENABLED"] = true })
		}, nil, ""},
		"no sign-in by address": {"SEC-EMAILAUTH", func(b *deployment.Deployment) {
			b.EditSettings(func(s map[string]any) { delete(s, "email_authentication") })
		}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _, err := e2e.Deploy(e2e.Options{Paperless: "3.0.5", Authentik: tt.idp})
			require.NoError(t, err)
			item := troubleshooting.Find(tt.code)
			item.Plant(b)
			tt.remedy(b)
			at := item.BreaksAt(b.Versions()).ID
			run, err := rig.run(t.Context(), b, nil, append(tt.also, at)...)
			require.NoError(t, err)
			ran := false
			for _, res := range run.Results {
				ran = ran || res.Check.ID == at && res.Status != check.Skipped
				assert.NotContains(t, []check.Status{check.Failed, check.Errored}, res.Status, "%s: %s", res.Check.ID, res.Message)
				for _, f := range res.Findings {
					assert.NotEqual(t, tt.code, f.Code, "%s: %s", res.Check.ID, res.Message)
				}
			}
			assert.True(t, ran, "%s did not run", at)
		})
	}
}

// TestPlainEndpointsWork is the other face of SEC-PLAINHTTP: a proxy whose redirect to https
// keeps the method lets everybody sign in, and the client secret went out in clear before it.
func TestPlainEndpointsWork(t *testing.T) {
	rig := newRig(t)
	b, _, err := e2e.Deploy(e2e.Options{})
	require.NoError(t, err)
	b.Authentik.Proxy.DropForwarded, b.Authentik.Proxy.RedirectStatus = true, http.StatusPermanentRedirect
	run, err := rig.run(t.Context(), b, nil, "pkce-state")
	require.NoError(t, err)
	codes, status, message := findings(run, "round-trip")
	assert.Equal(t, check.Passed, status, message)
	assert.Empty(t, codes)
	codes, status, message = findings(run, "pkce-state")
	assert.Equal(t, check.Warned, status, message)
	assert.Equal(t, []string{"SEC-PLAINHTTP"}, codes, message)
}
