// Package checklist is the guide's testing checklist, and what we add to it: one
// check a file, in the order in which a user would go through them.
package checklist

import "github.com/ssocheck/ssocheck/e2e/internal/check"

// All are the checks in the guide's order. A check comes after those it needs.
func All() []*check.Check {
	return []*check.Check{
		LoginPage,
		LoginButton,
		RoundTrip,
		FirstLogin,
		Linking,
		RedirectToSSO,
		SSOOnly,
		ExistingUser,
		Logout,
		PKCEState,
		RedirectURIStrict,
		NextRedirect,
		SessionRotated,
		RemoteUser,
		RemoteUserAccount,
		RemoteUserLogout,
		PasswordAPI,
		Permissions,
		Settings,
	}
}
