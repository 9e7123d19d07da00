package lab_test

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// trip is a sign-in with authentik from the sign-in page on: the status, path
// and title where it ends, and the reason that Paperless logs.
func trip(t *testing.T, tg *target.Target, user string) string {
	t.Helper()
	w := walk(t, tg, user)
	w.visit(http.MethodGet, "/accounts/login/?loggedout=1", nil)
	w.press()
	w.answer()
	return w.where()
}

// where is where the walker stands.
func (w *walker) where() string {
	w.t.Helper()
	out := []string{fmt.Sprintf("%d %s %s", w.code, w.at.Path, w.ending().Title)}
	for _, l := range w.log() {
		if _, reason, ok := strings.Cut(l, "Social authentication error for provider `SSO`: "); ok {
			reason, _, _ = strings.Cut(reason, " for url")
			reason, _, _ = strings.Cut(reason, ": b'")
			out = append(out, reason)
		}
	}
	return strings.Join(out, " / ")
}

// deployed is the recorded deployment on these versions, with a change.
func deployed(t *testing.T, paperless, authentik string, change func(*deployment.Deployment)) *deployment.Deployment {
	t.Helper()
	all := observed(t)
	b := bundle(t, flowRow(flow{Paperless: paperless, Authentik: authentik}, nil), all.Harness)
	if change != nil {
		change(b)
	}
	return b
}

func provider(change func(*deployment.OAuth2Provider)) func(*deployment.Deployment) {
	return func(b *deployment.Deployment) { change(&b.Authentik.Providers[0]) }
}

func setting(pairs ...string) func(*deployment.Deployment) {
	return func(b *deployment.Deployment) {
		for i := 0; i < len(pairs); i += 2 {
			b.Paperless.Env[pairs[i]] = pairs[i+1]
		}
	}
}

// proxied changes the proxy in front of Paperless, and settings.
func proxied(change func(*deployment.Proxy), pairs ...string) func(*deployment.Deployment) {
	return func(b *deployment.Deployment) {
		change(&b.Paperless.Proxy)
		setting(pairs...)(b)
	}
}

const (
	dashboard = "200 /dashboard Dashboard - Paperless-ngx"
	failedOld = "200 /accounts/oidc/authentik/login/callback/ Paperless-ngx social account sign in"
	failedNew = "401 /accounts/oidc/authentik/login/callback/ Paperless-ngx social account sign in"
	brokenAt  = "500 /accounts/oidc/authentik/login/ Server Error (500)"
	refused   = "400 /application/o/authorize/ authentik"
	denied    = "200 /application/o/authorize/ Permission denied - authentik"
)

// TestConfigurations signs in on the assembled pair under what no recording has,
// version by version: the two labs must agree with the facts together, not only
// each by itself.
func TestConfigurations(t *testing.T) {
	t.Parallel()
	three := func(old, last, v3 string) map[string]string {
		return map[string]string{"2.5.0": old, "2.20.15": last, "3.0.5": v3}
	}
	same := func(s string) map[string]string { return three(s, s, s) }
	tests := map[string]struct {
		change    func(*deployment.Deployment)
		authentik string // "": 2025.8.1
		want      map[string]string
	}{
		"nothing": {want: same(dashboard)},
		"encryption key: the ID token is a JWE": {
			change: provider(func(p *deployment.OAuth2Provider) { p.EncryptionKey = true }),
			want: map[string]string{
				"2.5.0": dashboard, "2.19.6": dashboard, "2.20.0": failedOld,
				"2.20.15": failedOld + " / unknown (Invalid id_token)", "3.0.5": failedNew + " / unknown (Invalid id_token)",
			},
		},
		"no signing key":       {change: provider(func(p *deployment.OAuth2Provider) { p.SigningKey = false }), want: same(dashboard)},
		"issuer mode global":   {change: provider(func(p *deployment.OAuth2Provider) { p.IssuerMode = "global" }), want: same(dashboard)},
		"sub: user_id":         {change: provider(func(p *deployment.OAuth2Provider) { p.SubMode = "user_id" }), want: same(dashboard)},
		"sub: user_uuid":       {change: provider(func(p *deployment.OAuth2Provider) { p.SubMode = "user_uuid" }), want: same(dashboard)},
		"sub: user_username":   {change: provider(func(p *deployment.OAuth2Provider) { p.SubMode = "user_username" }), want: same(dashboard)},
		"sub: user_upn":        {change: provider(func(p *deployment.OAuth2Provider) { p.SubMode = "user_upn" }), want: same(dashboard)},
		"openid not selected":  {change: provider(func(p *deployment.OAuth2Provider) { p.Scopes = []string{"email", "profile"} }), want: three(failedOld, failedOld+" / unknown (403 Client Error: Forbidden", failedNew+" / unknown (403 Client Error: Forbidden")},
		"no scope at all":      {change: provider(func(p *deployment.OAuth2Provider) { p.Scopes = nil }), want: three(failedOld, failedOld+" / unknown (403 Client Error: Forbidden", failedNew+" / unknown (403 Client Error: Forbidden")},
		"email not selected":   {change: provider(func(p *deployment.OAuth2Provider) { p.Scopes = []string{"openid", "profile"} }), want: same(dashboard)},
		"profile not selected": {change: provider(func(p *deployment.OAuth2Provider) { p.Scopes = []string{"openid", "email"} }), want: same(dashboard)},
		"pattern as redirect URI": {
			change: provider(func(p *deployment.OAuth2Provider) {
				p.RedirectURIs = []deployment.RedirectURI{{MatchingMode: "regex", URL: `https://paperless\.example\.com/accounts/oidc/.*/login/callback/`}}
			}), want: same(dashboard),
		},
		"pattern that ends too early": {
			change: provider(func(p *deployment.OAuth2Provider) {
				p.RedirectURIs = []deployment.RedirectURI{{MatchingMode: "regex", URL: `https://paperless\.example\.com/accounts/oidc/authentik/login/callback`}}
			}), want: same(refused),
		},
		"application gone":           {change: func(b *deployment.Deployment) { b.Authentik.Applications = nil }, want: same(brokenAt)},
		"application of no provider": {change: func(b *deployment.Deployment) { b.Authentik.Applications[0].Provider = "" }, want: same(brokenAt)},
		"application of another provider": {
			change: func(b *deployment.Deployment) {
				other := b.Authentik.Providers[0]
				other.Name, other.ClientID = "other", "other-client"
				b.Authentik.Providers = append(b.Authentik.Providers, other)
				b.Authentik.Applications[0].Provider = "other"
			}, want: same(denied),
		},
		"only for a group that the user is not in": {
			change: func(b *deployment.Deployment) {
				b.Authentik.Groups, b.Authentik.Applications[0].Groups = []string{"staff"}, []string{"staff"}
			}, want: same(denied),
		},
		"client type public, secret not sent": {
			change: func(b *deployment.Deployment) {
				b.Authentik.Providers[0].ClientType = "public"
				b.EditApp(func(app map[string]any) { app["secret"] = "" })
			}, want: same(dashboard),
		},
		"one character of the secret lost": {
			change: func(b *deployment.Deployment) {
				b.EditApp(func(app map[string]any) { app["secret"] = strings.TrimSuffix(app["secret"].(string), "9") })
			}, want: three(failedOld, failedOld+" / unknown (Error retrieving access token", failedNew+" / unknown (Error retrieving access token"),
		},
		"provider id of another case": {
			change: func(b *deployment.Deployment) {
				b.EditApp(func(app map[string]any) { app["provider_id"] = "Authentik" })
			}, want: same(refused),
		},
		"slug of another case": {
			change: func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) {
					s["server_url"] = strings.Replace(s["server_url"].(string), "/paperless/", "/Paperless/", 1)
				})
			}, want: same(brokenAt),
		},
		"discovery is a page": {
			change: func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) { s["server_url"] = origin + "/accounts/login/.well-known/openid-configuration" })
			}, want: same(brokenAt),
		},
		"proxy: another Host inside, the outer one forwarded": {change: proxied(func(p *deployment.Proxy) { p.RewriteHost = "webserver:8000" }), want: same(dashboard)},
		"proxy: another Host inside, Paperless not told": {
			change: proxied(func(p *deployment.Proxy) { p.RewriteHost = "webserver:8000" }, "PAPERLESS_USE_X_FORWARD_HOST", "false"), want: same(refused),
		},
		"proxy: forwards nothing": {change: proxied(func(p *deployment.Proxy) { p.DropForwarded = true }), want: same(dashboard)},
		"proxy: forwards nothing, no PAPERLESS_URL": {
			change: func(b *deployment.Deployment) {
				proxied(func(p *deployment.Proxy) { p.DropForwarded = true })(b)
				delete(b.Paperless.Env, "PAPERLESS_URL")
			}, want: same("403 /accounts/oidc/authentik/login/ 403 Forbidden"),
		},
		"proxy: port in Host": {
			change: proxied(func(p *deployment.Proxy) { p.ForwardedPortInto = true }, "PAPERLESS_USE_X_FORWARD_HOST", "false"), want: same(refused),
		},
		"proxy: strips cookies": {change: proxied(func(p *deployment.Proxy) { p.DropCookies = true }), want: same("403 /accounts/oidc/authentik/login/ 403 Forbidden")},
		"proxy: https said by nobody, http allowed": {
			change: proxied(func(p *deployment.Proxy) { p.DropForwarded = true }, "PAPERLESS_ACCOUNT_DEFAULT_HTTP_PROTOCOL", "http"), want: same(refused),
		},
		"linked, but deactivated in Paperless": {
			change: func(b *deployment.Deployment) {
				b.Authentik.Providers[0].SubMode = "user_username"
				b.Paperless.Users = append(b.Paperless.Users, deployment.LocalUser{Username: "gone", Password: "gone-pw-12345", Inactive: true})
				b.Paperless.Links = []deployment.Link{{Username: "gone", ProviderID: "authentik", Subject: "alice"}}
			}, want: map[string]string{
				"2.5.0": "200 /accounts/inactive/ Paperless-ngx account inactive", "2.14.7": "500 /accounts/oidc/authentik/login/callback/ Server Error (500)",
				"2.20.15": "200 /accounts/account_inactive/ Paperless-ngx account inactive", "3.0.5": "200 /accounts/account_inactive/ Paperless-ngx account inactive",
			},
		},
		"e-mail unverified, as authentik says from 2025.10 on": {
			authentik: "2025.10.0", want: map[string]string{
				"2.5.0": "500 /accounts/oidc/authentik/login/callback/ Server Error (500)", "2.15.3": "500 /accounts/oidc/authentik/login/callback/ Server Error (500)",
				"2.16.0": dashboard, "2.20.15": dashboard, "3.0.5": dashboard,
			},
		},
		"authentik 2024.10 shows a page before it goes back": {authentik: "2024.10.5", want: same(dashboard)},
		"authentik 2026.5 without grant types": {
			authentik: "2026.5.0", change: provider(func(p *deployment.OAuth2Provider) { p.GrantTypes = nil }),
			want: three(failedOld, failedOld+" / unknown (None)", failedNew+" / unknown (None)"),
		},
	}
	for name, tt := range tests {
		for version, want := range tt.want {
			t.Run(name+" "+version, func(t *testing.T) {
				t.Parallel()
				tg := start(t, deployed(t, version, cmp.Or(tt.authentik, "2025.8.1"), tt.change), lab.WithTimeout(backLimit))
				require.True(t, tg.Boot.Up, tg.Boot.Log)
				assert.Equal(t, want, trip(t, tg, "alice"))
			})
		}
	}
}

// TestTokenAuthentication reads at the edge how Paperless proved who it is.
func TestTokenAuthentication(t *testing.T) {
	t.Parallel()
	override := func(method string) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) {
			b.EditSettings(func(s map[string]any) { s["token_auth_method"] = method })
		}
	}
	for _, tt := range []struct {
		version string
		change  func(*deployment.Deployment)
		want    string
	}{
		{"2.5.0", nil, "client_secret_basic"},
		{"2.20.15", nil, "client_secret_basic"},
		{"3.0.0", nil, "client_secret_post"},
		{"3.0.5", nil, "client_secret_post"},
		{"2.20.15", override("client_secret_post"), "client_secret_post"},
		{"3.0.5", override("client_secret_basic"), "client_secret_basic"},
	} {
		tg := start(t, deployed(t, tt.version, "2025.8.1", tt.change), lab.WithTimeout(backLimit))
		assert.Equal(t, dashboard, trip(t, tg, "alice"), "authentik takes both")
		seen := false
		for _, x := range tg.Exchanges() {
			if strings.HasSuffix(x.URL, "/application/o/token/") {
				seen = true
				assert.Equal(t, tt.want, x.Auth, tt.version)
			}
		}
		assert.True(t, seen)
	}
}

// TestSigningOut: what is left of a sign-in, by where signing out leads.
func TestSigningOut(t *testing.T) {
	t.Parallel()
	const endSession = idp + "/application/o/paperless/end-session/"
	redirect := []string{"PAPERLESS_REDIRECT_LOGIN_TO_SSO", "true"}
	tests := map[string]struct {
		env   []string
		out   string // where signing out ends
		again string // and opening Paperless afterwards
	}{
		"as it comes":                         {nil, "200 /accounts/login/ Paperless-ngx sign in", "200 /accounts/login/ Paperless-ngx sign in"},
		"one click":                           {redirect, "200 /accounts/login/ Paperless-ngx sign in", dashboard},
		"one click, back to the sign-in page": {append(redirect, "PAPERLESS_LOGOUT_REDIRECT_URL", origin+"/accounts/login/"), dashboard, dashboard},
		"one click, back to the sign-in page, marked": {append(redirect, "PAPERLESS_LOGOUT_REDIRECT_URL", origin+"/accounts/login/?loggedout=1"), "200 /accounts/login/ Paperless-ngx sign in", dashboard},
		"authentik's end-session":                     {[]string{"PAPERLESS_LOGOUT_REDIRECT_URL", endSession}, "200 /if/flow/default-provider-invalidation-flow/ Default Provider Invalidation Flow - authentik", "200 /accounts/login/ Paperless-ngx sign in"},
		"one click, authentik's end-session":          {append(redirect, "PAPERLESS_LOGOUT_REDIRECT_URL", endSession), "200 /if/flow/default-provider-invalidation-flow/ Default Provider Invalidation Flow - authentik", dashboard},
		"one click, authentik's own invalidation":     {append(redirect, "PAPERLESS_LOGOUT_REDIRECT_URL", idp+"/flows/-/default/invalidation/"), "200 /if/flow/default-authentication-flow/ Welcome to authentik! - authentik", "200 /if/flow/default-authentication-flow/ Welcome to authentik! - authentik"},
	}
	for name, tt := range tests {
		for _, version := range []string{"2.20.15", "3.0.5"} {
			t.Run(name+" "+version, func(t *testing.T) {
				t.Parallel()
				tg := start(t, deployed(t, version, "2025.8.1", setting(tt.env...)), lab.WithTimeout(backLimit))
				w := walk(t, tg, "alice")
				w.visit(http.MethodGet, "/accounts/login/", nil)
				w.press()
				w.answer()
				require.Equal(t, dashboard, w.where())
				w.visit(http.MethodGet, origin+"/accounts/logout/", nil)
				assert.Equal(t, tt.out, w.where())
				w.visit(http.MethodGet, origin+"/", nil)
				assert.Equal(t, tt.again, w.where())
			})
		}
	}
}

// TestUnlinking: who is signed in by the same person afterwards.
func TestUnlinking(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2.5.0", "2.20.15", "3.0.5"} {
		tg := start(t, deployed(t, version, "2025.8.1", nil), lab.WithTimeout(backLimit))
		w := walk(t, tg, "carol")
		w.localSignIn("local1", "local1-pw-12345")
		w.visit(http.MethodGet, "/accounts/oidc/authentik/login/?process=connect", nil)
		w.submit(w.at.RequestURI(), nil)
		w.answer()
		require.Len(t, w.who().Social, 1, version)
		other := walk(t, tg, "carol")
		other.visit(http.MethodGet, "/accounts/login/?loggedout=1", nil)
		other.press()
		other.answer()
		assert.Equal(t, "local1@example.com", *other.who().Email, "linked: %s", version)

		form := url.Values{"id": {"1"}}
		r, err := target.NewRequest(t.Context(), http.MethodPost, origin, "/api/profile/disconnect_social_account/", form)
		require.NoError(t, err)
		u, err := url.Parse(origin)
		require.NoError(t, err)
		for _, c := range w.client.Jar.Cookies(u) {
			if c.Name == "csrftoken" {
				r.Header.Set("X-CSRFToken", c.Value)
			}
		}
		r.Header.Set("Origin", origin)
		_, status := w.raw(w.client, r)
		assert.Equal(t, http.StatusOK, status)
		assert.Empty(t, w.who().Social)
		other = walk(t, tg, "carol")
		other.visit(http.MethodGet, "/accounts/login/?loggedout=1", nil)
		other.press()
		other.answer()
		assert.Equal(t, "carol@example.com", *other.who().Email, "not linked any more: %s", version)
	}
}
