// Package browser drives Chromium: one process for a set of resolver rules, one
// fresh profile (browser context) for each check. It records what it sees:
// hops, console, cookies, steps and screenshots, redacted as they are recorded.
//
// Waits poll the current document with short evaluations. They survive
// navigations, and while a navigation of the main frame is under way they look
// at nothing: so a click that submits a form and the wait that follows it do
// not race, even when the old and the new page look alike.
package browser
