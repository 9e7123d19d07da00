package troubleshooting

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// Each hazard is met by a configuration that it touches, and not by the default.
func TestHazards(t *testing.T) {
	t.Parallel()
	env := func(pairs ...string) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) {
			for i := 0; i < len(pairs); i += 2 {
				b.Paperless.Env[pairs[i]] = pairs[i+1]
			}
		}
	}
	redirect := func(r deployment.RedirectURI) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) {
			b.EditProvider(func(p *deployment.OAuth2Provider) { p.RedirectURIs = []deployment.RedirectURI{r} })
		}
	}
	idp := func(name, value string) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) { b.Authentik.Settings = map[string]string{name: value} }
	}
	clientSecret := func(secret string) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) { b.EditApp(func(app map[string]any) { app["secret"] = secret }) }
	}
	serverURL := func(to string) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) { b.EditSettings(func(s map[string]any) { s["server_url"] = to }) }
	}
	mapping := func(expression string) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) {
			b.Authentik.Mappings = []deployment.ScopeMapping{{Name: "mine", Scope: "email", Expression: expression}}
		}
	}
	raw := func(b *deployment.Deployment) { b.Authentik.Raw = []byte("version: 1\n") }
	tests := []struct {
		name, id, from, to string
		change             func(*deployment.Deployment)
		hits, met          bool
	}{
		{"encryption key", "H01", "2.18.4,2025.8.1", "2.20.15,2025.8.1", func(b *deployment.Deployment) {
			b.EditProvider(func(p *deployment.OAuth2Provider) { p.EncryptionKey = true })
		}, true, true},
		{"files without a blueprint", "H01", "2.18.4,2025.8.1", "2.20.15,2025.8.1", func(b *deployment.Deployment) { b.Origins = map[string]deployment.Origin{} }, false, true},
		{"no encryption key", "H01", "2.18.4,2025.8.1", "2.20.15,2025.8.1", nil, false, false},
		{"after it", "H01", "2.20.15,2025.8.1", "3.0.5,2025.8.1", func(b *deployment.Deployment) {
			b.EditProvider(func(p *deployment.OAuth2Provider) { p.EncryptionKey = true })
		}, false, false},
		{"token method", "H03", "2.20.15,2025.8.1", "3.0.5,2025.8.1", nil, false, true},
		{"token method is set", "H03", "2.20.15,2025.8.1", "3.0.5,2025.8.1", func(b *deployment.Deployment) {
			b.EditSettings(func(s map[string]any) { s["token_auth_method"] = "client_secret_basic" })
		}, false, false},
		{"no secret key", "H04", "2.20.15,2025.8.1", "3.0.5,2025.8.1", nil, true, true},
		{"the example's", "H04", "2.20.15,2025.8.1", "3.0.5,2025.8.1", env("PAPERLESS_SECRET_KEY", "change-me"), true, true},
		{"a secret key", "H04", "2.20.15,2025.8.1", "3.0.5,2025.8.1", env("PAPERLESS_SECRET_KEY", "0123456789"), false, false},
		{"on is no word", "H05", "2.20.15,2025.8.1", "3.0.5,2025.8.1", env("PAPERLESS_USE_X_FORWARD_HOST", "on"), true, true},
		{"empty is no word", "H05", "2.20.15,2025.8.1", "3.0.5,2025.8.1", env(deployment.RedirectToSSO, ""), true, true},
		{"True is a word", "H05", "2.20.15,2025.8.1", "3.0.5,2025.8.1", env(deployment.RedirectToSSO, "True"), false, false},
		{"two proxies", "H10", "2.20.15,2025.8.1", "3.0.5,2025.8.1", env("PAPERLESS_TRUSTED_PROXIES", "10.0.0.1,10.0.0.2"), true, true},
		{"one proxy", "H10", "2.20.15,2025.8.1", "3.0.5,2025.8.1", env("PAPERLESS_TRUSTED_PROXIES", "10.0.0.1"), false, true},
		{"counted", "H10", "2.20.15,2025.8.1", "3.0.5,2025.8.1", env("PAPERLESS_TRUSTED_PROXIES", "10.0.0.1,10.0.0.2", "PAPERLESS_ALLAUTH_TRUSTED_PROXY_COUNT", "1"), false, false},
		{"mandatory mail", "H11", "2.5.0,2025.8.1", "2.13.5,2025.8.1", env("PAPERLESS_ACCOUNT_EMAIL_VERIFICATION", "mandatory", "PAPERLESS_EMAIL_HOST", "mail"), true, true},
		{"optional mail", "H11", "2.5.0,2025.8.1", "2.13.5,2025.8.1", env("PAPERLESS_ACCOUNT_EMAIL_VERIFICATION", "optional"), false, false},
		{"no groups", "H14", "2.5.0,2025.8.1", "2.13.5,2025.8.1", nil, false, true},
		{"groups", "H14", "2.5.0,2025.8.1", "2.13.5,2025.8.1", env("PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS", "readers"), false, false},
		{"by e-mail", "H16", "2.5.0,2025.8.1", "2.13.5,2025.8.1", func(b *deployment.Deployment) {
			b.EditSettings(func(s map[string]any) { s["email_authentication"] = true })
		}, false, true},
		{"not by e-mail", "H16", "2.5.0,2025.8.1", "2.13.5,2025.8.1", nil, false, false},
		{"regular login off", "H18", "2.18.4,2025.8.1", "2.20.15,2025.8.1", env(deployment.DisableRegularLogin, "true"), false, true},
		{"regular login on", "H18", "2.18.4,2025.8.1", "2.20.15,2025.8.1", nil, false, false},
		{"scripts", "H09", "2.20.15,2025.8.1", "3.0.5,2025.8.1", nil, false, false},
		{"sync", "H02", "2.18.4,2025.8.1", "2.20.0,2025.8.1", env("PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS", "true"), true, true},
		{"sync, fixed", "H02", "2.18.4,2025.8.1", "2.20.15,2025.8.1", env("PAPERLESS_SOCIAL_ACCOUNT_SYNC_GROUPS", "true"), false, false},
		{"blueprint without grants", "A01", "2.20.15,2026.2.3", "2.20.15,2026.5.6", func(b *deployment.Deployment) {
			raw(b)
			b.EditProvider(func(p *deployment.OAuth2Provider) { p.GrantTypes = nil })
		}, false, true},
		{"blueprint with grants", "A01", "2.20.15,2026.2.3", "2.20.15,2026.5.6", raw, false, false},
		{"ak_groups", "A02", "2.20.15,2025.12.6", "2.20.15,2026.2.3", func(b *deployment.Deployment) {
			b.Authentik.Mappings = []deployment.ScopeMapping{{Name: "groups", Scope: "groups", Expression: "return [g.name for g in request.user.ak_groups.all()]"}}
		}, false, true},
		{"no expression", "A02", "2.20.15,2025.12.6", "2.20.15,2026.2.3", nil, false, false},
		{"by verified e-mail", "A03", "2.20.15,2025.8.1", "2.20.15,2025.10.0", func(b *deployment.Deployment) {
			b.EditSettings(func(s map[string]any) { s["email_authentication"] = true })
		}, true, true},
		{"own mapping", "A03", "2.20.15,2025.8.1", "2.20.15,2025.10.0", func(b *deployment.Deployment) {
			b.EditSettings(func(s map[string]any) { s["email_authentication"] = true })
			b.Authentik.Mappings = []deployment.ScopeMapping{{Name: "mail", Scope: "email", Expression: `return {"email": request.user.email, "email_verified": True}`}}
		}, false, false},
		{"address not asked for", "A03", "2.20.15,2025.8.1", "2.20.15,2025.10.0", nil, false, false},
		{"old Paperless", "A03", "2.13.5,2025.8.1", "2.13.5,2025.10.0", nil, true, true},
		{"pattern", "A04", "2.20.15,2024.10.5", "2.20.15,2025.8.1", redirect(deployment.RedirectURI{URL: `https://paperless\.example\.com/.*`}), true, true},
		{"whole URI", "A04", "2.20.15,2024.10.5", "2.20.15,2025.8.1", nil, false, false},
		{"sessions", "A05", "2.20.15,2025.2.4", "2.20.15,2025.6.4", nil, false, true},
		{"logout URI", "A06", "2.20.15,2026.2.3", "2.20.15,2026.5.2", env("PAPERLESS_LOGOUT_REDIRECT_URL", "https://authentik.example.com/application/o/paperless/end-session/?post_logout_redirect_uri=https://x.example"), true, true},
		{"plain logout", "A06", "2.20.15,2026.2.3", "2.20.15,2026.5.2", env("PAPERLESS_LOGOUT_REDIRECT_URL", "https://authentik.example.com/application/o/paperless/end-session/"), false, false},
		{"logout URI, fixed", "A06", "2.20.15,2026.2.3", "2.20.15,2026.5.6", env("PAPERLESS_LOGOUT_REDIRECT_URL", "https://authentik.example.com/application/o/paperless/end-session/?post_logout_redirect_uri=https://x.example"), false, false},
		{"custom networks", "A07", "3.0.5,2026.5.8", "3.0.5,2026.8.5", idp(trustedCIDRs, "10.9.0.0/16"), false, true},
		{"a public proxy", "A07", "3.0.5,2026.5.8", "3.0.5,2026.8.5", env("PAPERLESS_TRUSTED_PROXIES", "203.0.113.7"), true, true},
		{"a proxy of CGNAT", "A07", "3.0.5,2026.5.8", "3.0.5,2026.8.5", env("PAPERLESS_TRUSTED_PROXIES", "100.64.0.7"), true, true},
		{"a private proxy", "A07", "3.0.5,2026.5.8", "3.0.5,2026.8.5", env("PAPERLESS_TRUSTED_PROXIES", "172.18.0.2"), false, false},
		{"an address without length", "A08", "3.0.5,2026.5.8", "3.0.5,2026.8.5", idp(trustedCIDRs, "10.0.0.0/8, 192.0.2.1"), true, true},
		{"networks with length", "A08", "3.0.5,2026.5.8", "3.0.5,2026.8.5", idp(trustedCIDRs, "10.0.0.0/8,192.0.2.1/32"), false, false},
		{"majors between", "A09", "3.0.5,2025.12.6", "3.0.5,2026.8.5", nil, false, true},
		{"the next major", "A09", "3.0.5,2026.5.8", "3.0.5,2026.8.5", nil, false, false},
		{"signed in", "A10", "3.0.5,2026.2.7", "3.0.5,2026.5.0", nil, false, true},
		{"straight to a later patch", "A10", "3.0.5,2026.2.7", "3.0.5,2026.5.2", nil, false, false},
		{"no redirect URI", "A11", "3.0.5,2026.2.7", "3.0.5,2026.5.8", func(b *deployment.Deployment) {
			b.EditProvider(func(p *deployment.OAuth2Provider) { p.RedirectURIs = nil })
		}, true, true},
		{"a redirect URI", "A11", "3.0.5,2026.2.7", "3.0.5,2026.5.8", nil, false, false},
		{"percent in the secret", "A12", "2.20.15,2026.2.0", "2.20.15,2026.2.7", clientSecret("ab%41cd"), true, true},
		{"percent, in the body", "A12", "3.0.5,2026.2.0", "3.0.5,2026.2.7", clientSecret("ab%41cd"), false, false},
		{"percent alone", "A12", "2.20.15,2026.2.0", "2.20.15,2026.2.7", clientSecret("100%"), false, false},
		{"umlaut in the secret", "A13", "3.0.5,2026.5.8", "3.0.5,2026.8.5", clientSecret("gr\u00fcn"), true, true},
		{"plain secret", "A13", "3.0.5,2026.5.8", "3.0.5,2026.8.5", nil, false, false},
		{"a slash behind server_url", "A14", "3.0.5,2026.5.8", "3.0.5,2026.8.5", serverURL("https://authentik.example.com/application/o/paperless/"), true, true},
		{"the whole discovery URL", "A14", "3.0.5,2026.5.8", "3.0.5,2026.8.5", serverURL("https://authentik.example.com/application/o/paperless/.well-known/openid-configuration"), false, false},
		{"shipped mapping", "A15", "3.0.5,2026.5.8", "3.0.5,2026.8.5", nil, false, true},
		{"own profile mapping", "A15", "3.0.5,2026.5.8", "3.0.5,2026.8.5", func(b *deployment.Deployment) {
			b.Authentik.Mappings = []deployment.ScopeMapping{{Name: "mine", Scope: "profile", Expression: "return {}"}}
		}, false, false},
		{"no base URL", "A16", "3.0.5,2026.5.8", "3.0.5,2026.8.5", nil, false, true},
		{"base URL", "A16", "3.0.5,2026.5.8", "3.0.5,2026.8.5", idp(baseURL, "https://authentik.example.com"), false, false},
		{"deactivated", "A17", "3.0.5,2026.5.8", "3.0.5,2026.8.5", nil, false, true},
		{"no base URL in 2026.11", "A23", "3.0.5,2026.8.5", "3.0.5,2026.11.0", nil, false, true},
		{"tenants", "A19", "3.0.5,2026.8.5", "3.0.5,2026.11.0", idp("AUTHENTIK_TENANTS__ENABLED", "true"), true, true},
		{"two groups of one name", "A20", "3.0.5,2025.10.4", "3.0.5,2025.12.6", func(b *deployment.Deployment) { b.Authentik.Groups = []string{"a", "b", "a"} }, true, true},
		{"regular login off", "P01", "3.2.1,2026.8.5", "3.3.0,2026.8.5", env(deployment.DisableRegularLogin, "true"), false, true},
		{"regular login on", "P01", "3.2.1,2026.8.5", "3.3.0,2026.8.5", nil, false, false},
		{"renamed in the middle", "P03", "3.0.5,2026.8.5", "3.1.3,2026.8.5", nil, false, false},
		{"verified in words", "P04", "3.0.5,2026.8.5", "3.1.3,2026.8.5", mapping(`return {"email": request.user.email, "email_verified": "true"}`), false, true},
		{"verified by str()", "P04", "3.0.5,2026.8.5", "3.1.3,2026.8.5", mapping("claims['email_verified'] = str(request.user.is_active)"), false, true},
		{"verified", "P04", "3.0.5,2026.8.5", "3.1.3,2026.8.5", mapping(`return {"email_verified": True}`), false, false},
		{"overrides", "P05", "3.0.5,2026.8.5", "3.1.3,2026.8.5", func(b *deployment.Deployment) {
			b.EditSettings(func(s map[string]any) { s["openid_configuration_overrides"] = map[string]any{"issuer": "x"} })
		}, false, true},
		{"no overrides", "P05", "3.0.5,2026.8.5", "3.1.3,2026.8.5", nil, false, false},
		{"end-session", "A18", "2.20.15,2025.8.1", "2.20.15,2025.10.4", env("PAPERLESS_LOGOUT_REDIRECT_URL", "https://authentik.example.com/application/o/paperless/end-session/"), false, true},
		{"no end-session", "A18", "2.20.15,2025.8.1", "2.20.15,2025.10.4", env("PAPERLESS_LOGOUT_REDIRECT_URL", "https://example.com/"), false, false},
		{"nobody knows who made the provider", "A21", "3.0.5,2026.2.7", "3.0.5,2026.5.8", func(b *deployment.Deployment) { b.Origins = map[string]deployment.Origin{} }, false, true},
		{"a blueprint", "A21", "3.0.5,2026.2.7", "3.0.5,2026.5.8", func(b *deployment.Deployment) { raw(b); b.Origins = map[string]deployment.Origin{} }, false, false},
		{"its script", "A22", "3.0.5,2026.5.2", "3.0.5,2026.5.5", nil, false, true},
		{"its script, fixed", "A22", "3.0.5,2026.5.2", "3.0.5,2026.5.6", nil, false, false},
		{"files without a blueprint", "A15", "3.0.5,2026.5.8", "3.0.5,2026.8.5", func(b *deployment.Deployment) { b.Origins = map[string]deployment.Origin{} }, false, true},
		{"ten minutes", "P02", "3.0.5,2026.8.5", "3.1.3,2026.8.5", nil, false, true},
	}
	shown := map[string]bool{}
	for _, tt := range tests {
		shown[tt.id] = true
		t.Run(tt.id+" "+tt.name, func(t *testing.T) {
			t.Parallel()
			b, err := deployment.Default()
			require.NoError(t, err)
			pair := func(text string) deployment.Pair {
				var p deployment.Pair
				p.Paperless, p.Authentik, _ = strings.Cut(text, ",")
				return p
			}
			from, to := pair(tt.from), pair(tt.to)
			b.Paperless.Version, b.Authentik.Version = from.Paperless, from.Authentik
			if tt.change != nil {
				tt.change(b)
			}
			hazards, err := Hazards(b, from, to)
			require.NoError(t, err)
			var found *deployment.Hazard
			for i := range hazards {
				if hazards[i].ID == tt.id {
					found = &hazards[i]
				}
			}
			require.Equal(t, tt.met, found != nil, "%+v", hazards)
			if found != nil {
				assert.Equal(t, tt.hits, found.Hits)
				assert.NotEmpty(t, found.Because)
			}
			for i := 1; i < len(hazards); i++ {
				assert.False(t, !hazards[i-1].Hits && hazards[i].Hits, "what breaks comes first")
			}
		})
	}
	v, err := deployment.KnownVersions()
	require.NoError(t, err)
	for _, h := range v.Hazards {
		_, _, known := touch(h.ID, &deployment.Deployment{}, deployment.Pair{}, deployment.Pair{})
		assert.True(t, known, "no rule for hazard %s", h.ID)
		assert.True(t, shown[h.ID], "no test shows hazard %s", h.ID)
		for _, code := range h.Codes {
			assert.NotNil(t, Find(code), "%s names %s", h.ID, code)
		}
	}
	assert.Equal(t, len(v.Hazards), len(touched)+len(touched2026)+len(touchedOnTheWay), "a rule for a hazard that is not there")
}
