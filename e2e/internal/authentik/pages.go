package authentik

import (
	"slices"
	"strings"
)

// A Stage is a stage of a flow: the name of the element that draws it, and of the
// component that the flow executor asks a program for. The names are the same in
// all versions from 2024.8 on (docs/facts/authentik.md#5).
type Stage = string

// The stages. An input is always looked up inside its stage's element: the page has
// a decoy form with a password input beside it (docs/facts/authentik.md#5.2).
const (
	Identification Stage = "ak-stage-identification"
	Password       Stage = "ak-stage-password"
	Consent        Stage = "ak-stage-consent"
	Denied         Stage = "ak-stage-access-denied"
	FlowError      Stage = "ak-stage-flow-error"
	SessionEnd     Stage = "ak-stage-session-end"
	SecondFactor   Stage = "ak-stage-authenticator-validate"
	UserLogin      Stage = "ak-stage-user-login" // "stay signed in"

	// Redirect and Autosubmit pass users on; FlowRedirect is how the executor says so.
	Redirect     Stage = "ak-stage-redirect"
	Autosubmit   Stage = "ak-stage-autosubmit"
	FlowRedirect Stage = "xak-flow-redirect"
)

// PassesOn reports whether a stage asks users nothing.
func PassesOn(s Stage) bool { return s == Redirect || s == Autosubmit }

// Selectors of what is filled in and pressed, within a stage's element. Where two
// are given, the first is of 2024.8 to 2025.8, the second of what came later.
const (
	UserInput     = "input[name=uidField], input[name=uid_field]"
	PasswordInput = "input[name=password]"
	Continue      = "button[type=submit], button[name=continue]"
)

// SelectorsSeen says on which versions the stages and their selectors were seen
// (fixtures/observed.json, docs/facts/releases-2026.md#2).
const SelectorsSeen = "seen with authentik 2025.8.1 and 2025.10.0-rc1, and read in the sources up to 2026.5.0-rc1"

// Texts of authentik's pages.
const (
	// DeniedTitle begins the title of the page for users who may not use an
	// application; it is there before the text.
	DeniedTitle = "Permission denied"
	DeniedText  = "Request has been denied"
	// InvalidPassword is said of a wrong password, an unknown user and an inactive
	// one alike.
	InvalidPassword = "Invalid password"
	// RedirectURIError and ClientIDError are headings of a refused authorization request.
	RedirectURIError = "Redirect URI Error"
	ClientIDError    = "Client ID Error"
)

// furniture is on every page, or stands there until it is drawn.
var furniture = []string{"Powered by authentik", "Go home", "Not you?", "Loading...", "Loading…"}

// Says is what a page's text says: without the furniture, and without what stands
// there until the page is drawn.
func Says(text string) string {
	for _, rest := range furniture {
		text = strings.ReplaceAll(text, rest, "")
	}
	text = strings.Join(strings.Fields(text), " ")
	text = strings.TrimSuffix(text, " Go back") // of a refusal, from 2026.5 on
	if text == "Loading" {
		return ""
	}
	return text
}

// Asks reports whether a page has a stage that asks users something.
func Asks(stages []Stage) bool {
	return slices.ContainsFunc(stages, func(s Stage) bool { return !PassesOn(s) })
}

// Log texts (docs/facts/authentik.md#3.3).
const (
	LogRedirectURI = "mismatching redirection URI" // of an authorization request
	LogClientID    = "Invalid client identifier"
	LogSecret      = "Invalid client secret" //nolint:gosec // a text
)

// Actions of events.
const (
	LoginFailed = "login_failed"
)
