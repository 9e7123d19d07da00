package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik/blueprint"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/external"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// What authentik has is in the blueprint, and the client secret is not.
func TestImportIdP(t *testing.T) {
	t.Parallel()
	r := runs(t, func(b *deployment.Deployment) {
		b.Authentik.Groups = append(b.Authentik.Groups, "chosen-few")
		b.Authentik.Applications[0].Groups = []string{"chosen-few"}
		b.Authentik.Mappings = []deployment.ScopeMapping{{Name: "verified", Scope: "email", Expression: "return {\n  \"email\": request.user.email,\n  \"email_verified\": True,\n}"}}
		b.EditProvider(func(p *deployment.OAuth2Provider) {
			p.Consent, p.SubMode, p.AccessCodeValidity = true, "user_email", "seconds=30"
		})
	})
	o := external.ImportOptions{
		AuthentikURL: r.bundle.Authentik.URL, Resolve: r.options.External.Resolve, CA: r.options.External.CA, Token: apiToken, Bundle: r.bundle,
	}
	got, err := external.Import(t.Context(), o)
	require.NoError(t, err)
	assert.Empty(t, got.Notes)
	assert.Equal(t, r.bundle.Authentik.Version, got.Version)
	assert.Equal(t, deployment.SecretEqual, got.Secret)
	secret := r.bundle.IdPProvider().ClientSecret
	assert.NotContains(t, string(got.Blueprint), secret)
	assert.Contains(t, string(got.Blueprint), "client_secret: !Env SSO_CLIENT_SECRET\n")

	want := r.bundle.Clone().Authentik.Model
	want.Users, want.Groups = nil, []string{"chosen-few"}
	want.Providers[0].AccessTokenValidity = "hours=1" // the default, written out
	want.Providers[0].GrantTypes = nil                // this version has none
	model, err := blueprint.Read("b.yaml", got.Blueprint, map[string]string{external.SecretEnv: secret})
	require.NoError(t, err)
	assert.Equal(t, want, model)

	// run and lint read it, with the secret and without.
	path := filepath.Join(r.dir, "imported.yaml")
	require.NoError(t, os.WriteFile(path, got.Blueprint, 0o600))
	src := source.Sources{Files: []string{filepath.Join(r.dir, "paperless.env")}, Blueprint: path, PaperlessVersion: "2.20.15"}
	b, _, err := troubleshooting.Load(src)
	require.NoError(t, err)
	assert.Equal(t, "client secret is not tested: assumed from paperless.env, because SSO_CLIENT_SECRET is not set", b.Assumed.String())
	src.Environ = map[string]string{external.SecretEnv: "another-secret-0815"}
	b, findings, err := troubleshooting.Load(src)
	require.NoError(t, err)
	assert.Nil(t, b.Assumed)
	var codes []string
	for _, f := range findings {
		codes = append(codes, f.Code)
	}
	assert.Contains(t, codes, "TOK-SECRET")

	o.Token = "expired"
	_, err = external.Import(t.Context(), o)
	require.ErrorContains(t, err, "authentik refuses the token")
	require.ErrorContains(t, err, "SSO_AUTHENTIK_TOKEN")
	assert.NotContains(t, err.Error(), "expired;", "the token is not shown")
}

// An authentik of before matching modes, with several clients and a policy: the
// answers have the shapes of authentik's API. Nothing but GET is asked.
func TestImportIdPOfManyClients(t *testing.T) {
	t.Parallel()
	provider := func(pk int, name, id, uris string) string {
		return fmt.Sprintf(`{"pk": %d, "name": %q, "client_type": "public", "client_id": %q, "client_secret": "", "redirect_uris": %q,
			"property_mappings": ["m1", "m2"], "signing_key": null, "authorization_flow": "f9", "sub_mode": "hashed_user_id", "issuer_mode": "per_provider",
			"assigned_application_slug": %q, "assigned_application_name": "Documents"}`, pk, name, id, uris, name)
	}
	answers := map[string]string{
		"/auth/api/v3/providers/oauth2/": `{"results": [` + provider(1, "docs", "docs-id", "https://docs.example.com/accounts/oidc/authentik/login/callback/") + `,` +
			provider(2, "wiki", "wiki-id", "https://wiki.example.com/cb") + `]}`,
		"/auth/api/v3/propertymappings/provider/scope/": `{"results": [{"pk": "m1", "name": "authentik default OAuth Mapping: OpenID 'openid'", "managed": "goauthentik.io/providers/oauth2/scope-openid", "scope_name": "openid", "expression": "return {}"},
			{"pk": "m2", "name": "mine", "managed": null, "scope_name": "profile", "expression": "return {\"preferred_username\": request.user.email}"}]}`,
		"/auth/api/v3/flows/instances/":        `{"results": [{"pk": "f9", "slug": "my-own-flow"}]}`,
		"/auth/api/v3/core/applications/docs/": `{"pk": "a-1", "slug": "docs"}`,
		"/auth/api/v3/policies/bindings/": `{"results": [{"target": "a-1", "enabled": true, "negate": false, "policy": null, "group": "g", "group_obj": {"name": "staff"}, "user": null},
			{"target": "a-1", "enabled": true, "policy": "p", "policy_obj": {"name": "office hours"}, "group": null, "user": null},
			{"target": "a-1", "enabled": true, "group": null, "user": 7, "user_obj": {"username": "zoe"}},
			{"target": "a-1", "enabled": false, "group_obj": {"name": "off"}}, {"target": "other", "enabled": true, "group_obj": {"name": "others"}}]}`,
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		assert.Equal(t, http.MethodGet, req.Method)
		assert.Equal(t, "Bearer tok", req.Header.Get("Authorization"))
		text, ok := answers[req.URL.Path]
		if !ok {
			http.NotFound(w, req)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(srv.Close)
	o := external.ImportOptions{AuthentikURL: srv.URL + "/auth/", Token: "tok"}
	_, err := external.Import(t.Context(), o)
	require.ErrorIs(t, err, external.ErrOptions)
	require.ErrorContains(t, err, "it has docs (client id docs-id), wiki (client id wiki-id): say which with --client-id")

	o.ClientID = "docs-id"
	got, err := external.Import(t.Context(), o)
	require.NoError(t, err)
	assert.True(t, got.Public)
	assert.Empty(t, got.Version)
	assert.NotContains(t, string(got.Blueprint), "!Env")
	assert.Equal(t, []string{
		"the authorization flow my-own-flow is not authentik's own; the blueprint has the one with implicit consent in its place",
		"the policy office hours of the application docs is left out: what it decides is not known",
		"the application docs is bound to the user zoe; the blueprint leaves that out",
	}, got.Notes)
	m, err := blueprint.Read("b.yaml", got.Blueprint, nil)
	require.NoError(t, err)
	assert.Equal(t, []string{"openid", "profile"}, m.Providers[0].Scopes)
	assert.Equal(t, "https://docs.example.com/accounts/oidc/authentik/login/callback/", m.Providers[0].RedirectURIs[0].URL)
	assert.Equal(t, "regex", m.Providers[0].RedirectURIs[0].MatchingMode, "a line of text is a regular expression")
	assert.Equal(t, "mine", m.Mappings[0].Name)
	assert.Equal(t, []string{"staff"}, m.Applications[0].Groups)

	o.ClientID = "nobody"
	_, err = external.Import(t.Context(), o)
	require.ErrorContains(t, err, "--client-id nobody: authentik has no OAuth2 provider with it")
	for _, bad := range []external.ImportOptions{{AuthentikURL: srv.URL}, {AuthentikURL: "authentik", Token: "t"}, {AuthentikURL: srv.URL, Token: "t", CA: "/none.pem"}, {AuthentikURL: srv.URL, Token: "t", Resolve: []string{"x"}}} {
		_, err = external.Import(t.Context(), bad)
		require.ErrorIs(t, err, external.ErrOptions)
	}
}
