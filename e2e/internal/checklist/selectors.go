package checklist

import (
	"strconv"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
)

// Paperless-ngx, 2.5.0 to 3.0.5 (fixtures/paperless-settings.json, selectors).
const (
	localUsername = "#inputUsername[name=login]"
	localPassword = "#inputPassword[name=password]"
	localSubmit   = "form:has(#inputPassword) button[type=submit]"
	signupName    = "#inputUsername[name=username]"
	signupSubmit  = "form:has(#inputUsername[name=username]) button[type=submit]"
	// The first form after the page's own is the confirmation; its id came with 2.6.0.
	confirmSubmit = "form#form-account button[type=submit], form.form-signin button[type=submit], form[method=post] button[type=submit]"
	userMenu      = "#userDropdown"
	menuButton    = "button"
	myProfile     = "My Profile"
	profileDialog = "pngx-profile-edit-dialog"
)

func ssoForm(providerID string) string {
	return "form[action*=" + strconv.Quote("/accounts/oidc/"+providerID+"/login/") + "]"
}

func ssoButton(providerID string) browser.Selector {
	return browser.CSS(ssoForm(providerID) + " button[type=submit]")
}

func connectLink(providerID string) browser.Selector {
	return browser.CSS(profileDialog + " a[href*=" + strconv.Quote("/accounts/oidc/"+providerID+"/login/?process=connect") + "]")
}

// authentik's stages. Always looked up inside the stage's element: the page has
// a decoy form with a password input in the light DOM (docs/facts/authentik.md#5.2).
const (
	stageIdentification = "ak-stage-identification"
	stagePassword       = "ak-stage-password"
	stageConsent        = "ak-stage-consent"
	stageDenied         = "ak-stage-access-denied"
	stageFlowError      = "ak-stage-flow-error"
	stageSessionEnd     = "ak-stage-session-end"
	stageMFA            = "ak-stage-authenticator-validate"

	stageUser     = "input[name=uidField], input[name=uid_field]"
	stageSecret   = "input[name=password]"
	stageContinue = "button[type=submit], button[name=continue]"
)
