package checklist

import (
	"strconv"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
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
	return "form[action*=" + strconv.Quote(paperless.StartPath(providerID)) + "]"
}

func ssoButton(providerID string) browser.Selector {
	return browser.CSS(ssoForm(providerID) + " button[type=submit]")
}

func connectLink(providerID string) browser.Selector {
	return browser.CSS(profileDialog + " a[href*=" + strconv.Quote(paperless.StartPath(providerID)+"?process=connect") + "]")
}
