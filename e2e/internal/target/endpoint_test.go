package target_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

func TestEndpointOf(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]oidc.Endpoint{
		"/application/o/paperless/.well-known/openid-configuration":      oidc.Discovery,
		"/auth/application/o/paperless/.well-known/openid-configuration": oidc.Discovery,
		"/application/o/paperless//.well-known/openid-configuration":     oidc.Discovery, // a server_url with a slash at its end
		"/application/o/authorize/":                                      oidc.Authorization,
		"/auth/application/o/authorize/":                                 oidc.Authorization,
		"/application/o/token/":                                          oidc.Token,
		"/application/o/userinfo/":                                       oidc.Userinfo,
		"/application/o/paperless/jwks/":                                 oidc.JWKS,
		"/application/o/paperless/end-session/":                          oidc.EndSession,
		"/accounts/oidc/authentik/login/":                                oidc.Start,
		"/docs/accounts/oidc/authentik/login/callback/":                  oidc.RedirectURI,
		"/accounts/3rdparty/signup/":                                     oidc.SignUp,
		"/accounts/social/signup/":                                       oidc.SignUp,
		"/accounts/signup/":                                              "",
		"/api/token/":                                                    "", // Paperless's own
		"/accounts/login/":                                               "",
		"/if/flow/default-authentication-flow/":                          "",
		"/if/session-end/paperless/":                                     "",
	} {
		assert.Equal(t, want, target.EndpointOf(path), path)
	}
}

// A recording of before the field is read as one with it; what the edge wrote down
// stays, and so does the record that was given.
func TestStamped(t *testing.T) {
	t.Parallel()
	old := []evidence.Exchange{
		{URL: "https://a.example/application/o/token/"},
		{URL: "https://p.example/static/base.css"},
		{URL: "https://a.example/moved/", Endpoint: oidc.Userinfo},
		{URL: "https://%zz/"},
	}
	got := target.Stamped(old)
	var is []oidc.Endpoint
	for _, x := range got {
		is = append(is, x.Endpoint)
	}
	assert.Equal(t, []oidc.Endpoint{oidc.Token, "", oidc.Userinfo, ""}, is)
	assert.Empty(t, old[0].Endpoint)
	assert.Nil(t, target.Stamped(nil))
}
