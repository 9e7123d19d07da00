package checklist

import (
	"context"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/check"
	"github.com/ssocheck/ssocheck/e2e/render"
)

// RoundTrip is the guide's third line.
var RoundTrip = &check.Check{
	ID:    "round-trip",
	Title: "Signing in with authentik lands back in Paperless, signed in",
	Doc: "A person presses the button, signs in at authentik, and is back in Paperless; Paperless's API, asked with the " +
		"browser's session, knows that very person. Where Paperless asks a newcomer to fill in its sign-up form, that is done.",
	Guide: "checklist 3",
	Needs: []*check.Check{LoginButton},
	Run:   booted(roundTrip),
}

func roundTrip(ctx context.Context, p *check.Pass) error {
	who, err := person(p, "round-trip")
	if err != nil {
		return err
	}
	w := newWalk(p)
	e, err := w.viaButton(ctx, who)
	if err != nil {
		return err
	}
	switch e.place {
	case atClosed:
		// The exchange worked. Whether an account should have been made is
		// first-login's question when the configuration asks for one.
		if by, ok := p.Bundle.Intends(render.AutoSignup); ok {
			note(p, "%s asks for an account, but sign-up is closed: see first-login", by)
		}
		return check.Warnf("authentik let %s in, but %s", who.Username, lower(e.String()))
	case atSignup:
		note(p, "Paperless asked %s to fill in its sign-up form", who.Username)
		if !p.Target.Changes {
			return check.Warnf("the way through authentik works; %s has no account yet, and making one is not allowed on this target", who.Username)
		}
		if e, err = w.finish(ctx, who); err != nil {
			return err
		}
	}
	if e.place != atApp {
		return check.Unmetf("%s", e)
	}
	s, err := w.proven(ctx)
	if err != nil {
		return err
	}
	if hasScope(p.Bundle, "email") && !sameEmail(s.Email, who.Email) {
		if s.Email == "" {
			return check.Unmetf("signed in, but Paperless did not get the e-mail address of %s", who.Username)
		}
		return check.Unmetf("Paperless signed in %s where %s came from authentik", s.Email, who.Email)
	}
	return nil
}

func lower(s string) string {
	if strings.HasPrefix(s, "Paperless") || strings.HasPrefix(s, "authentik") || s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
