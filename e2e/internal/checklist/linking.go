package checklist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/ssocheck/ssocheck/e2e/internal/browser"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// Linking is the guide's fourth line, for users who have an account.
var Linking = &check.Check{
	ID:    "linking",
	Title: "A local account can be linked, and signing in with authentik then reaches it",
	Doc: "A local user signs in with a password, connects authentik in My Profile, signs out, and signs in with authentik: " +
		"it is the same account, and no second one was made.",
	Guide:    "checklist 4",
	Needs:    []*check.Check{RoundTrip},
	Variants: linkingVariants,
	Changes:  true,
	Links:    "linking",
	Run:      booted(linking),
}

func linkingVariants(b *deployment.Deployment) []check.Variant {
	// Without the local form nobody can sign in to link: the guide says to link first.
	if b.Paperless.On(deployment.DisableRegularLogin) {
		return []check.Variant{localLoginOn}
	}
	return []check.Variant{asConfigured}
}

func linking(ctx context.Context, p *check.Pass) error {
	who, err := person(p, "linking")
	if err != nil {
		return err
	}
	local, ok := p.Bundle.LocalUser("linking")
	if !ok {
		return check.Skipf("there is no local account to link (role linking)")
	}
	w := newWalk(p)
	if err := w.local(ctx, local); err != nil {
		return err
	}
	mine, err := w.proven(ctx)
	if err != nil {
		return err
	}
	if err := before(ctx, p); err != nil {
		return err
	}
	if err := w.connect(ctx); err != nil {
		return err
	}
	e, err := w.authenticate(ctx, who)
	if err != nil {
		return err
	}
	if e.place != atApp {
		return check.Unmetf("connecting authentik in My Profile: %s", e)
	}
	linked, err := w.proven(ctx)
	if err != nil {
		return err
	}
	if !sameEmail(linked.Email, mine.Email) {
		return check.Unmetf("connecting authentik changed who is signed in: %s, before %s", linked.Email, mine.Email)
	}
	if len(linked.Social) <= len(mine.Social) {
		text := said(ctx, w)
		if text != "" {
			note(p, "Paperless said: %s", text)
			text = ": " + text
		}
		return check.Unmetf("after connecting authentik no linked account shows in My Profile%s", text)
	}
	if _, err := w.signOut(ctx); err != nil {
		return err
	}
	if e, err = w.viaButton(ctx, who); err != nil {
		return err
	}
	if e.place != atApp {
		return check.Unmetf("%s was linked, but signing in with authentik then: %s", local.Username, e)
	}
	again, err := w.proven(ctx)
	if err != nil {
		return err
	}
	added, known, err := after(ctx, p)
	if err != nil {
		return err
	}
	switch {
	case !sameEmail(again.Email, mine.Email):
		return check.Unmetf("signing in with authentik reached %s, not the linked account %s", again.Email, mine.Email)
	case known && len(added) > 0:
		return check.Unmetf("signing in with authentik made a second account: %s", names(added))
	}
	return nil
}

// connect goes from the app to Paperless's confirmation and on to authentik.
func (w *walk) connect(ctx context.Context) error {
	s := w.p.Session
	link := connectLink(w.app.ProviderID)
	menu, err := s.WaitAny(ctx, "wait for Paperless's menu", stepLimit, map[string]browser.Condition{
		"menu": browser.Visible(browser.CSS(userMenu)),
		// 2.6.0 to 2.11.1 never draw their page for users without rights.
		"hangs": browser.Shows("Still here?!"),
	})
	if err != nil {
		return w.notFound(ctx, "Paperless's page does not come up", browser.CSS(userMenu), err, browser.CSS(appFrame))
	}
	w.begin()
	if menu == "hangs" {
		note(w.p, "Paperless's page hangs for users without rights on this version: the link of My Profile was opened directly")
		if err := w.open(ctx, "open the link of Connect new social account", paperless.StartPath(url.PathEscape(w.app.ProviderID))+"?process=connect"); err != nil {
			return err
		}
	} else {
		for _, step := range []struct {
			name   string
			sel    browser.Selector
			around []browser.Selector // has it on every version that was seen
		}{
			{"open the user menu", browser.CSS(userMenu), nil},
			{"open My Profile", browser.CSS(menuButton).WithText(myProfile), []browser.Selector{browser.CSS(openMenu)}},
			{"press Connect new social account", link, connectsAnotherWay(w.app.Name)},
		} {
			if err := s.Click(ctx, step.name, step.sel, stepLimit); err != nil {
				return w.notFound(ctx, "My Profile does not offer to connect authentik", step.sel, err, step.around...)
			}
		}
	}
	e, err := w.arrive(ctx, "wait for the confirmation", pageLimit, func(pl place, _ evidence.Page) bool { return pl != atApp })
	if err != nil {
		return err
	}
	w.ended(ctx, &e)
	switch {
	case e.place == atConfirm && !w.p.Bundle.Paperless.On(deployment.RedirectToSSO):
		w.begin()
		confirm := browser.CSS(confirmSubmit)
		if err := s.Click(ctx, "continue", confirm, stepLimit); err != nil {
			return w.reread(ctx, confirm, err, browser.CSS(anyForm))
		}
		return nil
	case e.place == atConfirm || e.place.authentik():
		return nil // with the redirect on, the page sends itself (docs/facts/paperless.md#5)
	}
	return check.Unmetf("connecting authentik in My Profile: %s", e)
}

// said is what Paperless tells the user about the connection; "" when it says
// nothing. It is read where its page gets it from: users without rights see
// another toast in its place.
func said(ctx context.Context, w *walk) string {
	raw, err := w.p.Session.Eval(ctx, `(window.DJANGO_MESSAGES ?? []).map((m) => m.message ?? "").join(" ")`)
	var text string
	if err != nil || json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return short(text)
}

// lacking makes a verdict of an element that did not come within its limit. All
// else that can go wrong with a step is the tester's.
func lacking(what string, err error) error {
	if errors.Is(err, browser.ErrLimit) {
		return check.Unmetf("%s: %s", what, err.Error())
	}
	return fmt.Errorf("%s: %w", what, err)
}
