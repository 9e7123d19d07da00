package checklist

import (
	"context"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// LoginButton is the guide's second line.
var LoginButton = &check.Check{
	ID:    "login-button",
	Title: "The sign-in page shows the authentik button",
	Doc: "The sign-in page has one form that starts the sign-in at this provider, with a button that carries its name, " +
		"and the local form unless the configuration turns it off.",
	Guide: "checklist 2",
	Needs: []*check.Check{LoginPage},
	Run:   booted(loginButton),
}

func loginButton(ctx context.Context, p *check.Pass) error {
	w := newWalk(p)
	page, err := w.signInPage(ctx)
	if err != nil {
		return err
	}
	var shown []string
	for _, f := range page.Forms {
		if strings.Contains(f.Action, paperless.OIDCPath) {
			shown = append(shown, f.Action)
		}
	}
	nobody := ""
	if !page.LocalForm {
		nobody = ", and no local form either: nobody can sign in"
	}
	if w.app.ProviderID == "" {
		if len(shown) > 0 {
			note(p, "a button leads to %s, which the provider JSON does not name", redact(p, shown[0]))
		}
		if p.Bundle.Observed {
			return check.Unmetf("the sign-in page shows no authentik button%s; with the files that Paperless runs with (--config) the tester can say why", nobody)
		}
		return check.Unmetf("the sign-in page shows no authentik button: the configuration has no usable provider app%s", nobody)
	}
	forms := providerForms(page, w.app.ProviderID)
	switch {
	case len(forms) == 0 && len(shown) > 0:
		return check.Unmetf("the button leads to %s, not to the provider %q", redact(p, shown[0]), w.app.ProviderID)
	case len(forms) == 0:
		return check.Unmetf("the sign-in page shows no authentik button%s", nobody)
	case len(forms) > 1:
		// Which of them works is seen when one is pressed: round-trip.
		note(p, "the sign-in page shows %d buttons for the provider %q", len(forms), w.app.ProviderID)
	}
	form := forms[0]
	label := strings.Join(form.Buttons, " ")
	switch {
	case !strings.EqualFold(form.Method, "post"):
		return check.Unmetf("the button's form is sent by %s, not by POST", strings.ToUpper(form.Method))
	case strings.TrimSpace(label) == "":
		return check.Unmetf("the authentik button has no text: the provider app has no name")
	case !strings.Contains(label, strings.Join(strings.Fields(w.app.Name), " ")):
		return check.Unmetf("the authentik button reads %q, not %q", short(label), short(w.app.Name))
	case !page.LocalForm && !p.Bundle.Paperless.On(deployment.DisableRegularLogin):
		return check.Unmetf("the sign-in page has lost the form for a user name and password, though %s is not on", deployment.DisableRegularLogin)
	}
	return nil
}
