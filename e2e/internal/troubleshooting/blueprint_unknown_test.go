package troubleshooting_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	bp "github.com/ssocheck/ssocheck/e2e/internal/authentik/blueprint"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/source"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// A value that only the authentik that runs has does not stop the rest: it is
// named, with its variable, and what Paperless has stands in for it.
func TestBlueprintWithUnknownValues(t *testing.T) {
	t.Parallel()
	const compose = `services:
  webserver:
    image: ghcr.io/paperless-ngx/paperless-ngx:2.20.15
    environment:
      PAPERLESS_URL: https://docs.example.org
      PAPERLESS_APPS: allauth.socialaccount.providers.openid_connect
      PAPERLESS_SOCIALACCOUNT_PROVIDERS: '{"openid_connect": {"APPS": [{"provider_id": "authentik", "name": "SSO", "client_id": "docs-client", "secret": "docs-client-secret-4711", "settings": {"server_url": "https://id.example.org/application/o/docs/.well-known/openid-configuration"}}], "OAUTH_PKCE_ENABLED": true}}'
`
	const blueprint = `version: 1
entries:
  - model: authentik_providers_oauth2.oauth2provider
    id: p
    identifiers: {name: !Env PROVIDER_NAME}
    attrs:
      client_id: !Env CLIENT_ID
      client_secret: !Env [CLIENT_SECRET]
      redirect_uris: [{matching_mode: strict, url: !Format ["%s/accounts/oidc/authentik/login/callback/", !Env DOCS_URL]}]
      property_mappings: !Context mappings
      signing_key: !Find [authentik_crypto.certificatekeypair, [name, authentik Self-signed Certificate]]
      encryption_key: !Find [authentik_crypto.certificatekeypair, [name, authentik Self-signed Certificate]]
  - model: authentik_core.application
    id: a
    identifiers: {slug: !Env SLUG}
    attrs: {name: Documents, provider: !KeyOf p}
  - model: authentik_policies.policybinding
    identifiers: {target: !KeyOf a, order: 0}
    attrs: {group: !Find [authentik_core.group, [name, chosen-few]]}
`
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	src := source.Sources{Files: []string{write("compose.yaml", compose)}, Blueprint: write("blueprint.yaml", blueprint)}
	b, findings, err := troubleshooting.Load(src)
	require.NoError(t, err)
	assert.Equal(t, &deployment.Assumption{
		From: "compose.yaml", Fields: []string{"client id", "client secret", "slug", "redirect URI", "scopes"}, Unset: []string{"CLIENT_ID", "CLIENT_SECRET", "SLUG", "DOCS_URL"},
	}, b.Assumed)
	p := b.IdPProvider()
	assert.Equal(t, "docs-client", p.ClientID)
	assert.Equal(t, deployment.SecretEqual, b.SecretRelation())
	assert.Equal(t, b.RedirectURI(), p.RedirectURIs[0].URL)
	assert.Equal(t, "docs", b.IdPApplication().Slug)
	assert.Contains(t, p.Scopes, "openid")
	assert.Equal(t, "only members of chosen-few (the blueprint puts nobody there)", b.Access())
	var said []string
	for _, f := range findings {
		if strings.HasPrefix(f.Code, "IDP-") || strings.HasPrefix(f.Code, "RED-") || strings.HasPrefix(f.Code, "TOK-") || f.Code == "IDT-JWE" {
			said = append(said, strings.TrimSpace(fmt.Sprintf("%s %s %d %s", f.Level, f.Code, f.Line, f.Setting)))
		}
		assert.NotContains(t, f.Source, "********", "a tag and the name of a variable are no secret")
	}
	assert.ElementsMatch(t, []string{
		"info IDP-UNKNOWN 7 CLIENT_ID", "info IDP-UNKNOWN 8 CLIENT_SECRET", "info IDP-UNKNOWN 9 DOCS_URL", "info IDP-UNKNOWN 10", "info IDP-UNKNOWN 15 SLUG",
		"info IDP-UNSURE 5", "info IDP-GRANT 3", "info IDP-ACCESS 13", "error IDT-JWE 12",
	}, said, "the rest is checked")

	users, err := deployment.WithTestUsers(b)
	require.NoError(t, err)
	again, err := bp.Read("b.yaml", deployment.Blueprint(users), nil)
	require.NoError(t, err, "what is applied in its place is a blueprint")
	who, _ := users.SSOUser("round-trip")
	assert.Equal(t, []string{"chosen-few"}, who.Groups)
	assert.Equal(t, []string{"chosen-few"}, again.Applications[0].Groups)

	src.Environ = map[string]string{"CLIENT_ID": "docs-client", "CLIENT_SECRET": "other-secret-0815", "DOCS_URL": "https://docs.example.org", "SLUG": "docs"}
	b, findings, err = troubleshooting.Load(src)
	require.NoError(t, err)
	assert.Equal(t, []string{"scopes"}, b.Assumed.Fields)
	assert.True(t, slices.ContainsFunc(findings, func(f source.Diagnostic) bool { return f.Code == "TOK-SECRET" }), "a value that is known is compared")
}
