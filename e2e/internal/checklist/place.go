package checklist

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// A place is where in the sign-in a page stands.
type place string

const (
	nowhere   place = "" // a page that is still being built
	elsewhere place = "another site"
	netError  place = "the browser's own error page"

	// Paperless.
	atApp         place = "Paperless"
	atLogin       place = "Paperless's sign-in page"
	atConfirm     place = "Paperless's confirmation page"
	atSignup      place = "Paperless's sign-up form"
	atClosed      place = "Paperless's page Sign Up Closed"
	atSocialError place = "Paperless's sign-in error page"
	atCancelled   place = "Paperless's page Login Cancelled"
	atInactive    place = "Paperless's page for an inactive account"
	atVerify      place = "Paperless's page that asks to verify the e-mail address"
	atSecond      place = "Paperless's second factor"
	atInstall     place = "Paperless's first-user form"
	atPaperErr    place = "an error page of Paperless"

	// authentik.
	atIdentify  place = "authentik's user name"
	atPassword  place = "authentik's password"
	atConsent   place = "authentik's consent"
	atDenied    place = "authentik's refusal"
	atMFA       place = "authentik's second factor"
	atFlowError place = "authentik's flow error"
	atEnded     place = "authentik's end of session"
	atStage     place = "a stage of authentik that the tester does not know"
	atIdPErr    place = "an error page of authentik"
	atIdP       place = "authentik"
)

// authentik reports whether the place is one of authentik's.
func (p place) authentik() bool {
	return slices.Contains([]place{atIdentify, atPassword, atConsent, atDenied, atMFA, atFlowError, atEnded, atStage, atIdPErr, atIdP}, p)
}

// sites tells the two products apart by host and port.
type sites struct {
	paperless string
	authentik []string
	prefix    string // PAPERLESS_FORCE_SCRIPT_NAME, without the last slash
	idpPath   string // deployment.Authentik.Path
}

func sitesOf(b *deployment.Deployment) sites {
	s := sites{prefix: strings.TrimRight(setting(b, scriptName), "/"), idpPath: b.Authentik.Path()}
	s.paperless, _ = target.HostPort(b.Paperless.URL)
	app, _ := b.Paperless.App()
	for _, raw := range []string{b.Authentik.URL, app.ServerURL()} {
		if hp, err := target.HostPort(raw); err == nil {
			s.authentik = append(s.authentik, hp)
		}
	}
	return s
}

// classify tells where a page stands. It looks at nothing but the page.
func (s sites) classify(p evidence.Page) place {
	u, err := url.Parse(p.URL)
	if err != nil || p.URL == "" || u.Scheme == "about" {
		return nowhere
	}
	if p.Status == 0 && strings.HasPrefix(p.Text, "net::ERR_") {
		return netError
	}
	hp, _ := target.HostPort(p.URL)
	switch {
	case hp == s.paperless && (!slices.Contains(s.authentik, hp) || !s.served(u.Path)):
		return classifyPaperless(strings.TrimPrefix(u.Path, s.prefix), p)
	case slices.Contains(s.authentik, hp):
		return classifyAuthentik(strings.TrimPrefix(u.Path, s.idpPath), p)
	}
	return elsewhere
}

// served reports whether a path of a host that serves both is authentik's.
func (s sites) served(path string) bool {
	if s.idpPath != "" {
		return strings.HasPrefix(path, s.idpPath+"/")
	}
	return authentik.Serves(path)
}

func classifyPaperless(path string, p evidence.Page) place {
	switch {
	case strings.Contains(p.Title, "Sign Up Closed"):
		return atClosed
	case strings.Contains(p.Text, "An error occurred while attempting to login via your social network account"):
		return atSocialError // 200, 401 from 3.0.0
	case p.Status >= 400:
		return atPaperErr
	case strings.Contains(path, "/login/cancelled/"):
		return atCancelled
	case strings.HasPrefix(path, paperless.InactivePath), strings.HasPrefix(path, paperless.OldInactivePath):
		return atInactive
	case strings.HasPrefix(path, paperless.ConfirmEmailPath):
		return atVerify
	case strings.HasPrefix(path, paperless.SecondFactorPath):
		return atSecond
	case strings.HasPrefix(path, paperless.SocialSignUp), strings.HasPrefix(path, paperless.OldSocialSignUp):
		return atSignup
	case strings.HasPrefix(path, paperless.SignUpPath):
		return atInstall
	case strings.HasPrefix(path, paperless.LoginPath):
		return atLogin
	case strings.HasPrefix(path, paperless.OIDCPath):
		if strings.Contains(p.Text, "You are about to") {
			return atConfirm
		}
		return nowhere
	case strings.HasPrefix(path, paperless.AccountsPath):
		return nowhere
	}
	return atApp
}

func classifyAuthentik(path string, p evidence.Page) place {
	for _, s := range []struct {
		stage string
		place place
	}{
		{authentik.Denied, atDenied},
		{authentik.FlowError, atFlowError},
		{authentik.Identification, atIdentify},
		{authentik.Password, atPassword},
		{authentik.Consent, atConsent},
		{authentik.SecondFactor, atMFA},
		{authentik.SessionEnd, atEnded},
	} {
		if slices.Contains(p.Stages, s.stage) {
			return s.place
		}
	}
	switch {
	case p.Status >= 400:
		return atIdPErr
	case strings.HasPrefix(p.Title, authentik.DeniedTitle):
		return atDenied // 200; the title is there before the text
	case authentik.Asks(p.Stages):
		return atStage
	case strings.HasPrefix(path, authentik.FlowPath):
		return nowhere // the stage is still being loaded
	case strings.HasPrefix(path, authentik.PagePath):
		return atIdP // the user's library: no application was asked for
	}
	return nowhere
}

// An ending is where a sign-in ended.
type ending struct {
	place place
	page  evidence.Page
	user  string
	// late is true when the limit passed while the page did not change any more.
	late bool
	// waiting is the request of the browser that has no answer yet; empty: none.
	waiting string
	// undrawn is how long a page of authentik was given to show something, and did
	// not; 0: it did.
	undrawn time.Duration
}

// String says in one line where the sign-in stopped.
func (e ending) String() string {
	path := pathOf(e.page.URL)
	if e.late && e.waiting != "" {
		return "no answer to " + e.waiting
	}
	if e.undrawn > 0 && e.place != atDenied { // the title of that one says it
		return fmt.Sprintf("authentik answered %d at %s, and the page (%q) was not drawn within %v", e.page.Status, path, e.page.Title, e.undrawn)
	}
	switch e.place {
	case atApp:
		return "landed in Paperless"
	case atIdPErr:
		return fmt.Sprintf("authentik answered %d at %s: %s", e.page.Status, path, short(authentikText(e.page)))
	case atDenied:
		return fmt.Sprintf("authentik refused %s: %s", e.user, short(authentikText(e.page)))
	case atPassword:
		if strings.Contains(e.page.Text, "Invalid") {
			return fmt.Sprintf("authentik did not accept the password of %s: Invalid password (a wrong password and an inactive user look the same)", e.user)
		}
		return "stopped at authentik's password page"
	case atMFA:
		return fmt.Sprintf("authentik asks %s for a second factor, which the tester cannot give", e.user)
	case atSocialError:
		return fmt.Sprintf("authentik let %s in, but Paperless shows its sign-in error page (%d at %s)", e.user, e.page.Status, path)
	case atPaperErr:
		return fmt.Sprintf("Paperless answered %d at %s: %s", e.page.Status, path, short(or(e.page.Text, e.page.Title)))
	case atClosed:
		return "Paperless says Sign Up Closed: it knows no account for this user and makes none"
	case atSignup:
		return "stopped at Paperless's sign-up form: " + short(e.page.Text)
	case atLogin:
		if e.late {
			return "still on Paperless's sign-in page: " + short(e.page.Text)
		}
		return "back on Paperless's sign-in page, not signed in"
	case netError:
		return fmt.Sprintf("the browser could not open %s%s: %s", hostOf(e.page.URL), path, short(e.page.Text))
	case elsewhere:
		return "ended at another site: " + or(hostOf(e.page.URL), e.page.URL)
	case nowhere:
		return fmt.Sprintf("nothing more happened at %s: %s", or(path, "an empty page"), short(or(e.page.Text, e.page.Title)))
	}
	return fmt.Sprintf("stopped at %s: %s", e.place, short(or(e.page.Text, e.page.Title)))
}

// authentikText is a page's text without the furniture, or its title: it counts
// as text.
func authentikText(p evidence.Page) string { return or(authentik.Says(p.Text), p.Title) }

// drawn reports whether a page of authentik shows something: right after its load
// there is nothing to be seen, scripts draw it afterwards (docs/facts/running-pair.md).
func drawn(p evidence.Page) bool { return len(p.Stages) > 0 || authentik.Says(p.Text) != "" }

// ofAuthentik reports whether a page came from authentik, drawn or not.
func (s sites) ofAuthentik(p evidence.Page) bool {
	pl := s.classify(p)
	if pl == nowhere {
		hp, err := target.HostPort(p.URL)
		return err == nil && slices.Contains(s.authentik, hp) && (hp != s.paperless || s.served(pathOf(p.URL)))
	}
	return pl.authentik()
}

// messageLength keeps a message on one line of a terminal or two.
const messageLength = 160

// short is a text on one line, cut.
func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > messageLength {
		return strings.TrimSpace(string(r[:messageLength])) + "…"
	}
	return s
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

func pathOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Path
}

func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}
