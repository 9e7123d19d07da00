package render_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/render"
)

// Whose provider it is comes from the app's own words: what only one product
// has counts most, what people called it least.
func TestWhoseIdP(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id, name, url string
		want          render.IdP
		product       string
	}{
		{"authentik", "SSO", "https://id.home.example/application/o/paperless/", render.AuthentikIdP, "authentik"},
		{"oidc", "Login", "https://home.example/auth/application/o/docs/.well-known/openid-configuration", render.AuthentikIdP, "authentik"},
		{"keycloak", "Old name", "https://id.home.example/application/o/docs", render.AuthentikIdP, "authentik"},
		{"authentik", "SSO", "https://id.home.example", render.AuthentikIdP, "authentik"},
		{"sso", "SSO", "https://authentik.home.example", render.AuthentikIdP, "authentik"},
		{"sso", "SSO", "http://authentik-server:9000", render.AuthentikIdP, "authentik"},
		{"sso", "SSO", "https://id.home.example/if/user/", render.AuthentikIdP, "authentik"},
		{"authentik", "SSO", "https://id.home.example/realms/home", render.OtherIdP, "Keycloak"},
		{"sso", "SSO", "https://id.home.example/auth/realms/home/.well-known/openid-configuration", render.OtherIdP, "Keycloak"},
		{"pocket-id", "Login", "https://id.home.example", render.OtherIdP, "Pocket ID"},
		{"oidc", "Pocket ID", "https://id.home.example", render.OtherIdP, "Pocket ID"},
		{"sso", "SSO", "https://pocketid.home.example", render.OtherIdP, "Pocket ID"},
		{"authelia", "SSO", "https://auth.home.example", render.OtherIdP, "Authelia"},
		{"entra", "Work", "https://login.microsoftonline.com/0000/v2.0", render.OtherIdP, "Microsoft Entra ID"},
		{"sso", "Work", "https://sts.windows.net/0000/", render.OtherIdP, "Microsoft Entra ID"},
		{"sso", "SSO", "https://accounts.google.com", render.OtherIdP, "Google"},
		{"kanidm", "SSO", "https://idm.home.example/oauth2/openid/paperless", render.OtherIdP, "Kanidm"},
		{"sso", "SSO", "https://idm.home.example/oauth2/openid/paperless/.well-known/openid-configuration", render.OtherIdP, "Kanidm"},
		{"sso", "SSO", "https://x.eu1.zitadel.cloud", render.OtherIdP, "Zitadel"},
		{"sso", "SSO", "https://dev-1.okta.com/oauth2/default", render.OtherIdP, "Okta"},
		{"sso", "SSO", "https://home.eu.auth0.com", render.OtherIdP, "Auth0"},
		{"dex", "SSO", "https://login.home.example", render.OtherIdP, "Dex"},
		{"sso", "SSO", "https://login.home.example/dex", render.OtherIdP, "Dex"},
		{"sso", "SSO", "https://login.home.example/auth/v1", render.OtherIdP, "Rauthy"},
		{"void", "SSO", "https://login.home.example/oidc", render.OtherIdP, ""},
		{"authentik", "SSO", "https://login.home.example/oidc", render.AuthentikIdP, "authentik"},
		{"sso", "SSO", "https://idp.mesh.ts.net", render.OtherIdP, "Tailscale tsidp"},
		{"index", "Indexing", "https://docs.home.example", render.UnknownIdP, ""},
		{"sso", "SSO", "https://sso.home.example", render.UnknownIdP, ""},
		{"", "", "", render.UnknownIdP, ""},
		{"x", "y", "://", render.UnknownIdP, ""},
	} {
		got, product := render.WhoseIdP(c.id, c.name, c.url)
		assert.Equal(t, c.want, got, "%v", c)
		assert.Equal(t, c.product, product, "%v", c)
	}
}
