package checklist

import (
	"context"
	"net/http"
	"net/url"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// Logout is about the way out.
var Logout = &check.Check{
	ID:    "logout",
	Title: "Signing out ends the session and does not sign in again",
	Doc: "After signing out of Paperless the session is dead, the browser stands where it should, and it is not signed in " +
		"again by itself.",
	Guide: "troubleshooting 5",
	Needs: []*check.Check{RoundTrip},
	Run:   booted(logout),
}

func logout(ctx context.Context, p *check.Pass) error {
	who, err := person(p, "logout")
	if err != nil {
		return err
	}
	w := newWalk(p)
	if _, err := w.enter(ctx, who); err != nil {
		return err
	}
	old, err := browserClient(ctx, p)
	if err != nil {
		return err
	}
	e, err := w.signOut(ctx)
	if err != nil {
		return err
	}
	// A redirect back is a script's: give it the time to happen.
	e.user = who.Username
	if e.place != netError && e.place != elsewhere {
		if e, err = w.watch(ctx, "watch the signed-out page", stayLimit); err != nil {
			return err
		}
		w.ended(ctx, &e)
	}
	was, err := whoIs(ctx, p, old)
	if err != nil {
		return err
	}
	probed(p, "the session from before signing out", http.MethodGet, at(p, paperless.ProfilePath), was.Profile, "")
	now, err := signedIn(ctx, p)
	if err != nil {
		return err
	}
	switch {
	case now.SignedIn():
		return check.Unmetf("after signing out the browser went to authentik by itself and is signed in again")
	case was.SignedIn():
		return check.Unmetf("after signing out the session still works: /api/profile/ answers %d", was.Profile)
	}
	note(p, "signing out of Paperless leaves authentik's own session alone: pressing the button signs in without a password")
	return restsAt(w, e)
}

// restsAt reports whether the browser stands where signing out should lead.
func restsAt(w *walk, e ending) error {
	p := w.p
	configured := setting(p.Bundle, logoutRedirect)
	if p.Bundle.Observed && e.page.Status < http.StatusBadRequest && e.place != atApp && e.place != netError {
		note(p, "where signing out should lead is not known here (%s; no --config was given): it led to %s", logoutRedirect, or(string(e.place), "an empty page"))
		return nil
	}
	if configured == "" {
		if e.place != atLogin {
			return check.Unmetf("after signing out the browser does not stand at the sign-in page: %s", e)
		}
		if u, err := url.Parse(e.page.URL); p.Bundle.Paperless.AtLeast(loggedOutSince) && err == nil && u.Query().Get("loggedout") != "1" {
			return check.Unmetf("after signing out the sign-in page lacks ?loggedout=1, which keeps it from redirecting")
		}
		return nil
	}
	base, err := url.Parse(at(p, paperless.LogoutPath))
	if err != nil {
		return check.Unmetf("Paperless's address is no URL")
	}
	to, err := base.Parse(configured)
	if err != nil {
		return check.Unmetf("%s is no URL: %s", logoutRedirect, short(configured))
	}
	if !visitedBy(p.Session.HopsSince(w.mark), to) {
		return check.Unmetf("after signing out the browser does not go to %s: %s", logoutRedirect, e)
	}
	if e.page.Status >= 400 {
		return check.Unmetf("signing out ends at an error page: %d at %s%s", e.page.Status, hostOf(e.page.URL), pathOf(e.page.URL))
	}
	if e.place == netError {
		note(p, "%s", e)
	}
	return nil
}

func visitedBy(hops []evidence.Hop, to *url.URL) bool {
	for _, h := range hops {
		if hostOf(h.URL) == to.Host && pathOf(h.URL) == to.Path {
			return true
		}
	}
	return false
}
