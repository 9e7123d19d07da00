package checklist

import (
	"context"
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// RoundTrip is the guide's third line.
var RoundTrip = &check.Check{
	ID:    "round-trip",
	Title: "Signing in with authentik lands back in Paperless, signed in",
	Doc: "A user presses the button, signs in at authentik, and is back in Paperless; Paperless's API, asked with the " +
		"browser's session, knows that very user. Where Paperless asks a newcomer to fill in its sign-up form, that is done.",
	Guide: "checklist 3",
	Needs: []*check.Check{LoginButton},
	Run:   booted(roundTrip),
}

func roundTrip(ctx context.Context, p *check.Pass) error {
	who, err := anybody(p, "round-trip")
	if err != nil && p.Target.Can().OwnUsers {
		return err
	}
	w := newWalk(p)
	// A sign-in of somebody new makes an account, so it stops in front of Paperless.
	halted := !p.Target.Changes && !who.Account
	if halted {
		if err := p.Session.Block(ctx, "*"+paperless.CallbackPath("*")+"*"); err != nil {
			return err
		}
	}
	e, err := w.viaButton(ctx, who)
	if err != nil {
		return err
	}
	if halted {
		if err := halfway(e, who); err != nil {
			return err
		}
	}
	switch e.place {
	case atClosed:
		// The exchange worked. Whether an account should have been made is
		// first-login's question when the configuration asks for one.
		if by, ok := p.Bundle.Intends(deployment.AutoSignup); ok {
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
	if who.Email == "" {
		note(p, "which e-mail address %s has is not known here: that of the session (%s) was not compared", who.Username, or(s.Email, "none"))
		return nil
	}
	if hasScope(p.Bundle, "email") && !sameEmail(s.Email, who.Email) {
		if s.Email == "" {
			return check.Unmetf("signed in, but Paperless did not get the e-mail address of %s", who.Username)
		}
		return check.Unmetf("Paperless signed in %s where %s came from authentik", s.Email, who.Email)
	}
	return nil
}

// halfway is the verdict on a sign-in that must not reach Paperless; nil where
// it stopped before, for a reason of its own.
func halfway(e ending, who deployment.AuthentikUser) error {
	switch {
	case e.place == netError && strings.Contains(e.page.Text, "ERR_BLOCKED_BY_CLIENT") && strings.Contains(e.page.URL, "error="):
		return check.Unmetf("authentik sent the browser back with an error: %s", short(queryOf(e.page.URL)))
	case e.place == netError && strings.Contains(e.page.Text, "ERR_BLOCKED_BY_CLIENT"):
		return check.Warnf("authentik let %s in and sends the browser back to Paperless; there it was stopped, because an account could be made: "+
			"say that %s has one (account: true, SSO_HAS_ACCOUNT=true), or allow it with --allow-changes", who.Username, who.Username)
	case e.place == atIdentify && who.Username == "":
		return check.Warnf("the button leads to authentik's sign-in; nobody was given to go on (SSO_USERNAME and SSO_PASSWORD, or --credentials)")
	}
	return nil
}

func queryOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.RawQuery
}

func lower(s string) string {
	if strings.HasPrefix(s, "Paperless") || strings.HasPrefix(s, "authentik") || s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
