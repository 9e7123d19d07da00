package checklist

import (
	"context"
	"net/http"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// Permissions is about users who are in and may do nothing.
var Permissions = &check.Check{
	ID:    "permissions",
	Title: "Somebody who signed in with authentik may use Paperless",
	Doc: "The API that Paperless's page needs before it shows anything answers to a user who got the account through " +
		"authentik. Paperless gives new accounts no permission unless a group does.",
	Needs:       []*check.Check{RoundTrip},
	Browserless: true,
	Run:         booted(permissions),
}

func permissions(ctx context.Context, p *check.Pass) error {
	// The same person as in round-trip: an account that was just made.
	who, err := person(p, "round-trip")
	if err != nil {
		return err
	}
	c, err := newCaller(p)
	if err != nil {
		return err
	}
	if _, err := c.enter(ctx, "", who); err != nil {
		return err
	}
	s, err := whoIs(ctx, p, c.c)
	if err != nil {
		return err
	}
	p.Record.Signed = s
	probed(p, "settings of the page", http.MethodGet, at(p, paperless.UISettingsPath), s.UISettings, "")
	switch {
	case !s.SignedIn():
		return check.Unmetf("%s landed in Paperless, but /api/profile/ answers %d: nobody is signed in", who.Username, s.Profile)
	case s.UISettings == http.StatusForbidden:
		return check.Warnf("%s is signed in, but without any permission: /api/ui_settings/ answers 403", who.Username)
	case s.UISettings != http.StatusOK:
		return check.Unmetf("/api/ui_settings/ answers %d to a signed-in user", s.UISettings)
	}
	return nil
}
