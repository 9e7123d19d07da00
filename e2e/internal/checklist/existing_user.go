package checklist

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
)

// ExistingUser is about users who have a local account and did not link it.
var ExistingUser = &check.Check{
	ID:    "existing-user",
	Title: "An unlinked local account stays out of reach of authentik",
	Doc: "Somebody with the user name, and somebody with the e-mail address, of a local account sign in with authentik " +
		"without having linked it: neither reaches the local account.",
	Guide:   "checklist 4",
	Needs:   []*check.Check{RoundTrip},
	Changes: true,
	Run:     booted(existingUser),
}

func existingUser(ctx context.Context, p *check.Pass) error {
	if err := before(ctx, p); err != nil {
		return err
	}
	p.Record.Users = p.Record.Before
	var warnings []string
	tried := 0
	// The e-mail address first: reaching that account is the worse of the two, and
	// the evidence then holds nothing else.
	for _, role := range []string{"existing-email", "existing-user"} {
		who, known := p.Bundle.SSOUser(role)
		local, exists := p.Bundle.LocalUser(role)
		if !known || !exists {
			note(p, "nobody has the role %s on both sides", role)
			continue
		}
		if tried > 0 { // the next person sits at another computer
			if err := p.Session.ClearCookies(ctx); err != nil {
				return err
			}
		}
		tried++
		warning, err := keptOut(ctx, newWalk(p), who, local)
		if err != nil {
			return err
		}
		if warning != "" {
			warnings = append(warnings, warning)
		}
	}
	switch {
	case tried == 0:
		return check.Skipf("no local account shares a name or an e-mail address with somebody in authentik")
	case len(warnings) > 0:
		return check.Warnf("%s", strings.Join(warnings, "; "))
	}
	return nil
}

// keptOut signs somebody in and reports whether they reached the local account;
// warning is what came instead and wants to be looked at.
func keptOut(ctx context.Context, w *walk, who deployment.AuthentikUser, local deployment.LocalUser) (warning string, err error) {
	older := w.p.Record.Users
	e, err := w.viaButton(ctx, who)
	if err != nil {
		return "", err
	}
	if e.place == atSignup {
		if e, err = w.finish(ctx, who); err != nil {
			return "", err
		}
	}
	switch {
	case e.place == atClosed:
		return "", nil // nobody gets an account, so nobody gets this one
	case e.place == atSignup && strings.Contains(e.page.Text, "already exists"):
		note(w.p, "%s: %s", who.Username, short(e.page.Text))
		return "", nil
	case e.place != atApp:
		return "", check.Unmetf("%s", e)
	}
	s, err := w.proven(ctx)
	if err != nil {
		return "", err
	}
	if w.p.Record.Users, err = users(ctx, w.p); err != nil {
		return "", err
	}
	switch reached, sure := same(s, older, w.p.Record.Users, who, local); {
	case reached:
		return "", check.Unmetf("%s signed in with authentik and reached the local account %s, which nobody linked", who.Username, local.Username)
	case !sure:
		return "", errors.New("it cannot be told which account was reached: no administrator is known to list them")
	}
	name := names(fresh(older, w.p.Record.Users))
	if strings.EqualFold(who.Username, local.Username) {
		return fmt.Sprintf("the name %s is taken, so %s got a second account (%s) that nothing links to the first", local.Username, who.Name, name), nil
	}
	return fmt.Sprintf("%s got a second account (%s) with the e-mail address of %s", who.Name, name, local.Username), nil
}

// same reports whether the session is that of the local account.
func same(s *evidence.Session, older, newer []evidence.User, who deployment.AuthentikUser, local deployment.LocalUser) (reached, sure bool) {
	switch {
	case s.Username != "": // the user may see it
		return strings.EqualFold(s.Username, local.Username), true
	case !sameEmail(who.Email, local.Email):
		return sameEmail(s.Email, local.Email), true
	case older != nil && newer != nil:
		return len(fresh(older, newer)) == 0, true
	}
	return false, false
}
