package checklist

import (
	"context"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// LoginPage is the guide's first line.
var LoginPage = &check.Check{
	ID:    "login-page",
	Title: "Paperless starts and shows its sign-in page",
	Doc: "Paperless came up with this configuration, and the address of its sign-in page answers with that page, " +
		"or goes on to authentik where the configuration says so.",
	Guide: "checklist 1",
	Run:   booted(loginPage),
}

func loginPage(ctx context.Context, p *check.Pass) error {
	w := newWalk(p)
	if err := w.open(ctx, "open the sign-in page", paperless.LoginPath); err != nil {
		return err
	}
	e, err := w.arrive(ctx, "wait for the sign-in page", pageLimit, func(place, evidence.Page) bool { return true })
	if err != nil {
		return err
	}
	p.Record.SignIn, p.Record.Final = &e.page, &e.page
	switch {
	case e.place == atLogin && e.page.Status == 200:
		if !strings.Contains(e.page.Title, "Paperless") {
			return check.Unmetf("the sign-in page is not Paperless's: its title is %q", e.page.Title)
		}
		return nil
	case e.place.authentik() && wants(p.Bundle, deployment.RedirectToSSO):
		return nil
	case e.place == atInstall:
		return check.Unmetf("Paperless has no users yet and asks to make the first one")
	}
	// Whatever the redirect leads to is judged by redirect-to-sso and round-trip.
	if hop := first(p.Session.HopsSince(w.mark), paperless.LoginPath); hop != nil && hop.Status == 200 && wants(p.Bundle, deployment.RedirectToSSO) {
		return nil
	}
	return check.Unmetf("%s", e)
}

// first is the first hop to a path, or nil.
func first(hops []evidence.Hop, path string) *evidence.Hop {
	for i := range hops {
		if strings.HasSuffix(pathOf(hops[i].URL), path) {
			return &hops[i]
		}
	}
	return nil
}
