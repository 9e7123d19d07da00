package checklist

import (
	"context"
	"net/http"
	"net/url"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// SSOOnly is troubleshooting item 5: the local login should be gone.
var SSOOnly = &check.Check{
	ID:    "sso-only",
	Title: "With the regular login off, only authentik lets users in",
	Doc: "The sign-in page has no form for a user name and password, a right password sent there all the same is refused, " +
		"and signing in with authentik works.",
	Guide:    "troubleshooting 5",
	Needs:    []*check.Check{RoundTrip},
	Variants: asConfiguredOr(deployment.DisableRegularLogin, ssoOnly),
	Run:      booted(onlySSO),
}

func onlySSO(ctx context.Context, p *check.Pass) error {
	if tooOld(p.Bundle, deployment.DisableRegularLogin) {
		return withoutSetting(ctx, p, deployment.DisableRegularLogin)
	}
	who, err := person(p, "sso-only")
	if err != nil {
		return err
	}
	w := newWalk(p)
	page, err := w.signInPage(ctx)
	if err != nil {
		return err
	}
	button := len(providerForms(page, w.app.ProviderID)) > 0
	switch {
	case page.LocalForm:
		return check.Unmetf("the sign-in page still shows the form for a user name and password")
	case !button:
		return check.Unmetf("nobody can sign in: the sign-in page has neither the local form nor an authentik button")
	}
	if err := refused(ctx, p); err != nil {
		return err
	}
	w.begin()
	if err := p.Session.Click(ctx, "press the button "+short(w.app.Name), ssoButton(w.app.ProviderID), stepLimit); err != nil {
		return err
	}
	e, err := w.authenticate(ctx, who)
	if err != nil {
		return err
	}
	if e.place == atClosed {
		return check.Warnf("the regular login is off and sign-up is closed: only users whose account is linked already get in")
	}
	_, err = w.entered(ctx, e, who)
	return err
}

// refused sends a right password to the sign-in page although it has no form.
func refused(ctx context.Context, p *check.Pass) error {
	local, ok := anyLocal(p.Bundle)
	if !ok {
		note(p, "there is no local account whose password could be tried")
		return nil
	}
	c, err := newCaller(p)
	if err != nil {
		return err
	}
	page, err := c.try(ctx, at(p, paperless.LoggedOutPath))
	if err != nil {
		return err
	}
	a, err := c.tryForm(ctx, at(p, paperless.LoginPath), url.Values{
		"csrfmiddlewaretoken": {page.html().CSRFToken()}, "login": {local.Username}, "password": {local.Password},
	})
	if err != nil {
		return err
	}
	s, err := whoIs(ctx, p, c.c)
	if err != nil {
		return err
	}
	probed(p, "password on /accounts/login/", http.MethodPost, at(p, paperless.LoginPath), a.status, a.html().Text())
	if s.SignedIn() {
		return check.Unmetf("the form is gone, but a password sent to /accounts/login/ still signs in")
	}
	return nil
}

// anyLocal is a local account whose password may be tried: one with few rights
// first, because tries are counted per account.
func anyLocal(b *deployment.Deployment) (deployment.LocalUser, bool) {
	for _, role := range []string{"linking", "existing-user", "existing-email", "admin"} {
		if u, ok := b.LocalUser(role); ok && !u.Inactive {
			return u, true
		}
	}
	return deployment.LocalUser{}, false
}
