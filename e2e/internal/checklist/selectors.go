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

// paperlessSeen says on which versions these selectors were seen.
const paperlessSeen = "seen with Paperless-ngx 2.5.0, 2.20.15 and 3.0.5"

// What a page of Paperless shows where the same thing stands in a form that was
// never seen: it is looked for before a missing element says something about the pair.
const (
	anyPassword = "input[type=password]"
	anyForm     = "form"
	appFrame    = "pngx-app-frame" // the application is drawn
	openMenu    = "[ngbDropdownMenu], .dropdown-menu"
	// dialogElsewhere is a dialog that is not the profile's.
	dialogElsewhere = "[role=dialog]:not(:has(" + profileDialog + ")), dialog[open]:not(:has(" + profileDialog + "))"
	// startsElsewhere is a button in no form that Paperless sends anywhere known, nor
	// one of its own links.
	startsElsewhere = `button:not(form button), [role=button]:not(form [role=button]), ` +
		`form:not([action*="/accounts/"]):not(:has(#inputPassword)) button, a:not([href*="/accounts/"])`
)

// startsAnotherWay are elements that start a provider's sign-in without the form
// that is known: by its address, or by its name.
func startsAnotherWay(providerID, name string) []browser.Selector {
	path := strconv.Quote(paperless.StartPath(providerID))
	found := []browser.Selector{browser.Deep("a[href*=" + path + "], [formaction*=" + path + "]")}
	if name != "" {
		found = append(found, browser.Deep(startsElsewhere).WithText(name))
	}
	return found
}

func ssoForm(providerID string) string {
	return "form[action*=" + strconv.Quote(paperless.StartPath(providerID)) + "]"
}

func ssoButton(providerID string) browser.Selector {
	return browser.CSS(ssoForm(providerID) + " button[type=submit]")
}

func connectLink(providerID string) browser.Selector {
	return browser.CSS(profileDialog + " a[href*=" + strconv.Quote(paperless.StartPath(providerID)+"?process=connect") + "]")
}

// connectsAnotherWay are elements of My Profile that offer the provider without the
// link that is known, or a dialog that is not known.
func connectsAnotherWay(name string) []browser.Selector {
	found := []browser.Selector{browser.Deep(dialogElsewhere)}
	if name != "" {
		found = append(found, browser.Deep(profileDialog, `a:not([href*="/accounts/oidc/"]), button, [role=button]`).WithText(name))
	}
	return found
}
