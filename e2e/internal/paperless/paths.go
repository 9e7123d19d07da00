package paperless

import (
	"regexp"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
)

// Ends and parts of the paths of a sign-in (docs/facts/paperless.md); Paperless-ngx may
// live under a path of its host.
const (
	// CallbackEnd ends the redirect URI of a provider.
	CallbackEnd = "/login/callback/"
	// SocialSignUp asks somebody new for more; before allauth 0.62 it was OldSocialSignUp.
	SocialSignUp    = "/accounts/3rdparty/signup/"
	OldSocialSignUp = "/accounts/social/signup/"
)

var startPath = regexp.MustCompile(`/accounts/oidc/[^/]+/login/$`)

// EndpointOf is what a path is for in a sign-in; empty: nothing.
func EndpointOf(path string) oidc.Endpoint {
	switch {
	case strings.Contains(path, CallbackEnd):
		return oidc.RedirectURI
	case strings.Contains(path, SocialSignUp), strings.Contains(path, OldSocialSignUp):
		return oidc.SignUp
	case startPath.MatchString(path):
		return oidc.Start
	}
	return ""
}

// Asks reports whether a request with this User-Agent is one of Paperless's own: it
// asks the OpenID provider by Python's requests, in all versions.
func Asks(userAgent string) bool { return strings.HasPrefix(userAgent, "python-requests") }
