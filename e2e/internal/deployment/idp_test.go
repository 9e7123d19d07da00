package deployment

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Whose provider it is comes from the app's own words: what only one product
// has counts most, what users called it least.
func TestWhoseIdP(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id, name, url string
		want          IdP
		product       string
	}{
		{"authentik", "SSO", "https://id.home.example/application/o/paperless/", AuthentikIdP, "authentik"},
		{"oidc", "Login", "https://home.example/auth/application/o/docs/.well-known/openid-configuration", AuthentikIdP, "authentik"},
		{"keycloak", "Old name", "https://id.home.example/application/o/docs", AuthentikIdP, "authentik"},
		{"authentik", "SSO", "https://id.home.example", AuthentikIdP, "authentik"},
		{"sso", "SSO", "https://authentik.home.example", AuthentikIdP, "authentik"},
		{"sso", "SSO", "http://authentik-server:9000", AuthentikIdP, "authentik"},
		{"sso", "SSO", "https://id.home.example/if/user/", AuthentikIdP, "authentik"},
		{"authentik", "SSO", "https://id.home.example/realms/home", OtherIdP, "Keycloak"},
		{"sso", "SSO", "https://id.home.example/auth/realms/home/.well-known/openid-configuration", OtherIdP, "Keycloak"},
		{"pocket-id", "Login", "https://id.home.example", OtherIdP, "Pocket ID"},
		{"oidc", "Pocket ID", "https://id.home.example", OtherIdP, "Pocket ID"},
		{"sso", "SSO", "https://pocketid.home.example", OtherIdP, "Pocket ID"},
		{"authelia", "SSO", "https://auth.home.example", OtherIdP, "Authelia"},
		{"entra", "Work", "https://login.microsoftonline.com/0000/v2.0", OtherIdP, "Microsoft Entra ID"},
		{"sso", "Work", "https://sts.windows.net/0000/", OtherIdP, "Microsoft Entra ID"},
		{"sso", "SSO", "https://accounts.google.com", OtherIdP, "Google"},
		{"kanidm", "SSO", "https://idm.home.example/oauth2/openid/paperless", OtherIdP, "Kanidm"},
		{"sso", "SSO", "https://idm.home.example/oauth2/openid/paperless/.well-known/openid-configuration", OtherIdP, "Kanidm"},
		{"sso", "SSO", "https://x.eu1.zitadel.cloud", OtherIdP, "Zitadel"},
		{"sso", "SSO", "https://dev-1.okta.com/oauth2/default", OtherIdP, "Okta"},
		{"sso", "SSO", "https://home.eu.auth0.com", OtherIdP, "Auth0"},
		{"dex", "SSO", "https://login.home.example", OtherIdP, "Dex"},
		{"sso", "SSO", "https://login.home.example/dex", OtherIdP, "Dex"},
		{"sso", "SSO", "https://login.home.example/auth/v1", OtherIdP, "Rauthy"},
		{"void", "SSO", "https://login.home.example/oidc", OtherIdP, ""},
		{"authentik", "SSO", "https://login.home.example/oidc", AuthentikIdP, "authentik"},
		{"sso", "SSO", "https://idp.mesh.ts.net", OtherIdP, "Tailscale tsidp"},
		{"index", "Indexing", "https://docs.home.example", UnknownIdP, ""},
		{"sso", "SSO", "https://sso.home.example", UnknownIdP, ""},
		{"", "", "", UnknownIdP, ""},
		{"x", "y", "://", UnknownIdP, ""},
	} {
		got, product := WhoseIdP(c.id, c.name, c.url)
		assert.Equal(t, c.want, got, "%v", c)
		assert.Equal(t, c.product, product, "%v", c)
	}
}
