package checklist

import (
	"context"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// RedirectToSSO is troubleshooting item 5: one click too many.
var RedirectToSSO = &check.Check{
	ID:    "redirect-to-sso",
	Title: "Opening Paperless goes to authentik without a click, and back signed in",
	Doc: "With the redirect on, somebody who opens Paperless stands at authentik's sign-in without pressing anything, is " +
		"back in Paperless afterwards, and the way out, ?loggedout=1, still shows the sign-in page.",
	Guide:    "troubleshooting 5",
	Needs:    []*check.Check{RoundTrip},
	Variants: asConfiguredOr(deployment.RedirectToSSO, redirectOn),
	Run:      booted(redirectToSSO),
}

func redirectToSSO(ctx context.Context, p *check.Pass) error {
	if tooOld(p.Bundle, deployment.RedirectToSSO) {
		return withoutSetting(ctx, p, deployment.RedirectToSSO)
	}
	who, err := person(p, "redirect-to-sso")
	if err != nil {
		return err
	}
	w := newWalk(p)
	if _, err := w.signInPage(ctx); err != nil {
		return err
	}
	// The guard is a script's: give a broken one the time to redirect.
	e, err := w.watch(ctx, "watch the sign-in page", stayLimit)
	if err != nil {
		return err
	}
	if e.place != atLogin {
		return check.Unmetf("the sign-in page with ?loggedout=1 redirects too: there is no way to the local form")
	}
	if err := w.open(ctx, "open Paperless", "/"); err != nil {
		return err
	}
	e, err = w.arrive(ctx, "wait for authentik", pageLimit, func(place, evidence.Page) bool { return true })
	if err != nil {
		return err
	}
	w.ended(ctx, &e)
	if e.place == atLogin {
		return check.Unmetf("opening Paperless stops at its sign-in page: nothing redirects to authentik")
	}
	if !e.place.authentik() {
		return check.Unmetf("opening Paperless does not lead to authentik: %s", e)
	}
	if e, err = w.authenticate(ctx, who); err != nil {
		return err
	}
	if e.place == atClosed {
		return check.Warnf("the redirect works, but sign-up is closed and %s has no account to come back to", who.Username)
	}
	_, err = w.entered(ctx, e, who)
	return err
}
