package checklist

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// RedirectToSSO is troubleshooting item 5: one click too many.
var RedirectToSSO = &check.Check{
	ID:    "redirect-to-sso",
	Title: "Opening Paperless goes to authentik without a click, and back signed in",
	Doc: "With the redirect on, somebody who opens Paperless stands at authentik's sign-in without pressing anything, is " +
		"back in Paperless afterwards, and the way out, ?loggedout=1, still shows the sign-in page. As configured it warns " +
		"where the page that links an account goes on without a click as well.",
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
	if _, err = w.entered(ctx, e, who); err != nil || p.Variant != check.AsConfigured {
		return err
	}
	return foreignLink(ctx, p)
}

// foreignLink looks whether a page of another site gets further than Paperless's question
// when it opens the address that ties an identity to the account of who is signed in.
func foreignLink(ctx context.Context, p *check.Pass) error {
	c, err := newCaller(p)
	if err != nil {
		return err
	}
	app, _ := p.Bundle.Paperless.App()
	address := at(p, paperless.StartPath(url.PathEscape(app.ProviderID))+"?process=connect")
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	for name, v := range map[string]string{evidence.OwnHeader: "1", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"} {
		r.Header.Set(name, v)
	}
	a, err := c.do(r)
	if err != nil {
		return err
	}
	detail := "no page that submits itself"
	if a.html().SubmitsItself() {
		detail = SubmitsItself
	}
	probed(p, ForeignLink, http.MethodGet, address, a.status, detail)
	if detail == SubmitsItself {
		return check.Warnf("the redirect works, but the page that links an account submits itself as well, also where another site opens it")
	}
	return nil
}

// What the probe of foreignLink is called, and what it says where the page submits itself.
const (
	ForeignLink   = "the page that links an account, opened by another site"
	SubmitsItself = "a page that submits itself"
)
