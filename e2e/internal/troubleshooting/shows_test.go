package troubleshooting_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// A cause says itself where in the round trip it shows; its code does not.
func TestShows(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]oidc.Endpoint{
		"NET-DNS": oidc.Discovery, "NET-404": oidc.Discovery, "IDP-SLUG": oidc.Discovery,
		"NET-DOWN": "", "NET-CERT": "", // the browser does not get anywhere: no discovery document was asked for
		"RED-SLASH": oidc.Authorization, "IDP-CLIENT": oidc.Authorization, "IDP-DENIED": oidc.Authorization,
		"STATE-LOST": oidc.RedirectURI, "PROXY-COOKIE": oidc.RedirectURI, "PROXY-CSRF": oidc.Start,
		"TOK-SECRET": oidc.Token, "IDT-JWE": oidc.Token, "IDP-SCOPE": oidc.Userinfo,
		"SIGN-OFF": oidc.SignUp, "LINK-OTHER": oidc.SignUp,
		"CFG-JSON": "", "REDIR-OFF": "",
	} {
		i := troubleshooting.Find(code)
		require.NotNil(t, i, code)
		assert.Equal(t, want, i.Shows, code)
	}
}
