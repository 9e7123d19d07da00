package paperless

import (
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/lazyregexp"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
)

// Paths of a sign-in (docs/facts/paperless.md), below the path under which
// Paperless-ngx lives (PAPERLESS_FORCE_SCRIPT_NAME).
const (
	AccountsPath  = "/accounts/" // everything of allauth's
	LoginPath     = AccountsPath + "login/"
	LogoutPath    = AccountsPath + "logout/"
	SignUpPath    = AccountsPath + "signup/" // with a password
	OIDCPath      = AccountsPath + "oidc/"   // the providers of OpenID Connect, by provider_id
	DashboardPath = "/dashboard"             // the application
	// LoggedOutPath shows the local form, also where the sign-in page redirects to
	// SSO (2.11.0 and later).
	LoggedOutPath = LoginPath + "?loggedout=1"
	// InactivePath tells somebody that the account is off; before allauth 0.62 it
	// was OldInactivePath.
	InactivePath     = AccountsPath + "account_inactive/"
	OldInactivePath  = AccountsPath + "inactive/"
	ConfirmEmailPath = AccountsPath + "confirm-email/"
	SecondFactorPath = AccountsPath + "2fa/"
	// CallbackEnd ends the redirect URI of a provider.
	CallbackEnd = "/login/callback/"
	// SocialSignUp asks somebody new for more; before allauth 0.62 it was OldSocialSignUp.
	SocialSignUp    = AccountsPath + "3rdparty/signup/"
	OldSocialSignUp = AccountsPath + "social/signup/"
)

// Paths of the API.
const (
	TokenPath      = "/api/token/"       // a token for user name and password
	ProfilePath    = "/api/profile/"     // who is signed in
	UISettingsPath = "/api/ui_settings/" // what they may do; 403 without any permission
	UsersPath      = "/api/users/"
	GroupsPath     = "/api/groups/"
	DisconnectPath = ProfilePath + "disconnect_social_account/"
)

// The names of the cookies, after PAPERLESS_COOKIE_PREFIX.
const (
	SessionCookie = "sessionid"
	CSRFCookie    = "csrftoken"
)

// StartPath is where the sign-in by a provider starts: the action of its button.
func StartPath(providerID string) string { return OIDCPath + providerID + "/login/" }

// CallbackPath is the path of the redirect URI of a provider.
func CallbackPath(providerID string) string { return OIDCPath + providerID + CallbackEnd }

// Callback takes the path of a redirect URI apart: the path before it, the
// provider_id, which is empty where the path has none, and the slash at its end.
// It matches nothing else than such a path.
var Callback = lazyregexp.New(`^(.*?)` + OIDCPath + `([^/]*)/login/callback(/?)$`)

var startPath = lazyregexp.New(`/accounts/oidc/[^/]+/login/$`)

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
