package checklist

import (
	"context"
	"net/http"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// SessionRotated is about session fixation.
var SessionRotated = &check.Check{
	ID:    "session-rotated",
	Title: "Signing in gives a new session, in a cookie that scripts cannot read",
	Doc: "The session cookie has another value after signing in than before, the old one is worth nothing, and the new one " +
		"is HttpOnly with SameSite.",
	Needs:       []*check.Check{RoundTrip},
	Browserless: true,
	Run:         booted(sessionRotated),
}

func sessionRotated(ctx context.Context, p *check.Pass) error {
	who, err := person(p, "probe")
	if err != nil {
		return err
	}
	c, err := newCaller(p)
	if err != nil {
		return err
	}
	authorize, err := c.start(ctx, "")
	if err != nil {
		return err
	}
	callback, err := c.signIn(ctx, authorize, who)
	if err != nil {
		return err
	}
	name := setting(p.Bundle, cookiePrefix) + paperless.SessionCookie
	before := c.cookie(callback, name)
	e, first, err := c.land(ctx, callback, who)
	if err != nil {
		return err
	}
	switch e.place {
	case atApp:
	case atClosed:
		return check.Skipf("sign-up is closed and %s has no account", who.Username)
	default:
		return check.Unmetf("%s", e)
	}
	after := c.cookie(callback, name)
	if after == "" {
		return check.Unmetf("signing in sets no cookie %s", name)
	}
	set := setCookie(first.header, name)
	if set != nil {
		p.Record.Cookies = append(p.Record.Cookies, evidence.Cookie{
			Name: set.Name, Domain: callback.Hostname(), Path: set.Path, Secure: set.Secure, HTTPOnly: set.HttpOnly,
			SameSite: sameSite(set.SameSite), Print: p.Target.Redactor.Print(set.Value),
		})
	}
	if before == "" {
		note(p, "there was no session before signing in")
	}
	if before != "" && before == after {
		return check.Unmetf("the session cookie %s is the same before and after signing in", name)
	}
	if before != "" {
		old, err := clientWith(p, []*http.Cookie{{Name: name, Value: before, Path: "/"}})
		if err != nil {
			return err
		}
		s, err := whoIs(ctx, p, old)
		if err != nil {
			return err
		}
		probed(p, "the session from before signing in", http.MethodGet, at(p, paperless.ProfilePath), s.Profile, "")
		if s.SignedIn() {
			return check.Unmetf("the session from before signing in is signed in too")
		}
	}
	switch {
	case set == nil:
		return check.Unmetf("the answer that signs in does not set %s", name)
	case !set.HttpOnly:
		return check.Unmetf("the session cookie %s is not HttpOnly", name)
	case set.SameSite != http.SameSiteLaxMode && set.SameSite != http.SameSiteStrictMode:
		return check.Unmetf("the session cookie %s has no SameSite=Lax or Strict", name)
	}
	if !set.Secure && strings.HasPrefix(p.Bundle.Paperless.URL, "https://") {
		note(p, "Paperless never sets Secure on %s; the proxy may add it", name)
	}
	return nil
}

func setCookie(h http.Header, name string) *http.Cookie {
	for _, c := range (&http.Response{Header: h}).Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func sameSite(s http.SameSite) string {
	switch s {
	case http.SameSiteLaxMode:
		return "Lax"
	case http.SameSiteStrictMode:
		return "Strict"
	case http.SameSiteNoneMode:
		return "None"
	}
	return ""
}
