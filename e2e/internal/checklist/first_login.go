package checklist

import (
	"context"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// FirstLogin is the guide's fourth line, for users without an account.
var FirstLogin = &check.Check{
	ID:    "first-login",
	Title: "The first sign-in of a new user does what the configuration asks for",
	Doc: "Somebody whom Paperless has never seen signs in: with automatic sign-up they are in, as one new account with " +
		"their own name and e-mail address; without it Paperless shows its sign-up form.",
	Guide:    "checklist 4",
	Needs:    []*check.Check{RoundTrip},
	Variants: firstLoginVariants,
	Changes:  true,
	Run:      booted(firstLogin),
}

func firstLoginVariants(b *deployment.Deployment) []check.Variant {
	if b.Paperless.On(deployment.AutoSignup) {
		return []check.Variant{asConfigured, autoSignupOff}
	}
	return []check.Variant{asConfigured, autoSignupOn}
}

func firstLogin(ctx context.Context, p *check.Pass) error {
	who, err := person(p, "first-login")
	if err != nil {
		return err
	}
	if err := before(ctx, p); err != nil {
		return err
	}
	w := newWalk(p)
	e, err := w.viaButton(ctx, who)
	if err != nil {
		return err
	}
	by, auto := p.Bundle.Intends(deployment.AutoSignup)
	switch {
	case e.place == atApp:
		return newAccount(ctx, w, who)
	case e.place == atClosed && p.Variant != check.AsConfigured:
		return check.Skipf("sign-up is closed, so automatic sign-up cannot show")
	case e.place == atClosed && auto:
		return check.Unmetf("%s asks for an account at the first sign-in, but Paperless says Sign Up Closed", by)
	case e.place == atClosed:
		note(p, "sign-up is closed: new users get no account")
		return check.Warnf("new users get no account: Paperless says Sign Up Closed")
	case e.place == atSignup && auto:
		return check.Unmetf("%s asks for an account at the first sign-in, but Paperless shows its sign-up form", by)
	case e.place == atSignup:
		note(p, "no automatic sign-up is asked for, and Paperless shows its sign-up form")
		if p.Variant == check.AsConfigured {
			return nil
		}
		if e, err = w.finish(ctx, who); err != nil {
			return err
		}
		if e.place != atApp {
			return check.Unmetf("the sign-up form was filled in, but %s", lower(e.String()))
		}
		return newAccount(ctx, w, who)
	}
	return check.Unmetf("%s", e)
}

// newAccount looks whether the user is signed in as one new account of theirs.
func newAccount(ctx context.Context, w *walk, who deployment.AuthentikUser) error {
	s, err := w.proven(ctx)
	if err != nil {
		return err
	}
	added, known, err := after(ctx, w.p)
	if err != nil {
		return err
	}
	had := slices.ContainsFunc(w.p.Record.Before, func(u evidence.User) bool { return strings.EqualFold(u.Username, who.Username) })
	switch {
	case known && len(added) == 0 && had && sameEmail(s.Email, who.Email):
		return check.Skipf("%s had an account already: this was not their first sign-in", who.Username)
	case known && len(added) == 0:
		return check.Unmetf("%s is signed in, but as an account that was there before", who.Username)
	case known && len(added) > 1:
		return check.Unmetf("one sign-in made %d accounts: %s", len(added), names(added))
	case known && had:
		return check.Unmetf("the name %s was taken by a local account, so %s got a second account %q", who.Username, who.Name, added[0].Username)
	case known && hasScope(w.p.Bundle, "profile") && !strings.EqualFold(added[0].Username, who.Username):
		return check.Unmetf("the new account is named %q, not %q", added[0].Username, who.Username)
	case s.Email == "":
		return check.Unmetf("the new account of %s has no e-mail address", who.Username)
	case !sameEmail(s.Email, who.Email):
		return check.Unmetf("the new account of %s has the e-mail address %q, not %q", who.Username, s.Email, who.Email)
	}
	return nil
}
