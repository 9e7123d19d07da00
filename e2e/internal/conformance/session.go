package conformance

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
)

// sessionTests are about the session of the browser before, during and after a sign-in.
func sessionTests() []*Test {
	const fixation = "RFC 9700 4.7; OWASP session fixation"
	const fixed = "whoever knows a session of before has the session of the user"
	return as(Session, []Test{
		{
			ID: "rp-session-rotated", Row: "11.1", Clause: fixation, Severity: check.High, Means: fixed,
			Title: "A sign-in gives a new session, and ends the old one", Provider: "does everything right", Run: rotated(""), Judge: fact("session", "kept"),
		},
		{
			ID: "rp-session-chosen", Row: "11.2", Clause: fixation, Severity: check.High, Means: fixed,
			Title: "A session id that somebody else chose is not used", Provider: "does everything right; the browser has a session id that Paperless-ngx never gave out", Run: rotated("ssocheckssocheckssocheckssocheck"), Judge: fact("session", "kept"),
		},
		{
			ID: "rp-session-cookie-secure", Row: "11.3", Clause: "RFC 6265 4.1.2.5; OWASP", Severity: check.Low, Means: "over plain http the browser would send the session in clear", Depends: https,
			Title: "The cookie of the session has Secure, HttpOnly and SameSite", Provider: "does everything right", Run: cookieFlags, Judge: fact("flags of the cookie", "not all"),
		},
		{
			ID: "rp-session-sign-out", Row: "11.4", Clause: "OIDC RP-Initiated Logout 2", Severity: check.High, Means: "who signed out is still signed in",
			Title: "Signing out ends the session on the server", Provider: "does everything right", Run: signedOut, Judge: fact("old session", "works"),
		},
		{
			ID: "rp-session-sign-out-get", Row: "11.5", Clause: "OIDC RP-Initiated Logout 6; OWASP CSRF", Severity: check.Low, Means: "a picture on another site signs users out",
			Title: "A GET does not sign out", Provider: "does everything right", Run: signOutByGet, Judge: fact("after a GET", "signed out"),
		},
		{
			ID: "rp-session-logout-token", Row: "11.6", Clause: "OIDC Back-Channel Logout 2 (optional)", Severity: check.Medium, Means: "sign-outs can be forged",
			Title: "An unknown logout token does nothing", Provider: "sends a logout token to where relying parties have such an endpoint", Run: logoutToken, Judge: fact("logout token", "accepted"),
		},
		{
			ID: "rp-session-not-shared", Row: "11.7", Clause: "OIDC Core 12 (no demand)", Should: Accept, Severity: check.Low, Means: "users are signed out early",
			Title: "The session of Paperless-ngx is its own", Provider: "is not asked again after the sign-in", Run: once,
		},
		{
			ID: "rp-session-headers", Row: "11.8", Clause: "RFC 9700 4.2.4, 4.16", Severity: check.Medium, Means: "the sign-in page can be shown inside of another site",
			Title: "The sign-in page cannot be framed by another site", Provider: "is not asked", Run: framed, Judge: fact("framing", "allowed"),
		},
		{
			ID: "rp-session-second-user", Row: "11.9", Clause: "RFC 9700 4.7", Severity: check.High, Means: "two users share a session",
			Title: "A second sign-in in one browser ends the first one's session", Provider: "signs in somebody else in the same browser", Run: secondUser, Judge: fact("session of the first user", "works"),
		},
	})
}

var https = &Setting{"with https", func(b *deployment.Deployment) bool { return strings.HasPrefix(b.Paperless.URL, "https:") }}

// session is the session cookie that a browser has; nil: none.
func (b *Browser) session() *http.Cookie {
	u, err := url.Parse(b.v.base() + "/")
	if err != nil {
		return nil
	}
	for _, c := range b.c.Jar.Cookies(u) {
		if strings.HasSuffix(c.Name, "sessionid") {
			return c
		}
	}
	return nil
}

func (b *Browser) set(c *http.Cookie) {
	if u, err := url.Parse(b.v.base() + "/"); err == nil {
		b.c.Jar.SetCookies(u, []*http.Cookie{{Name: c.Name, Value: c.Value, Path: "/"}})
	}
}

// works reports whether a session cookie is that of a signed-in user.
func (v *Visit) works(ctx context.Context, c *http.Cookie) (bool, error) {
	if c == nil {
		return false, nil
	}
	b, err := v.Browser()
	if err != nil {
		return false, err
	}
	b.set(c)
	owner, err := b.Who(ctx)
	return owner != nil, err
}

// rotated signs in and compares the session with that of before, or a chosen one.
func rotated(chosen string) func(context.Context, *Visit) error {
	return func(ctx context.Context, v *Visit) error {
		b, back, err := v.answer(ctx)
		if err != nil || back == nil {
			return err
		}
		before := b.session()
		if chosen != "" && before != nil {
			before = &http.Cookie{Name: before.Name, Value: chosen}
			b, err = v.Browser()
			if err != nil {
				return err
			}
			b.set(before)
			if back, err = b.answer(ctx, v.Test.apps()[0]); err != nil || back == nil {
				return err
			}
		}
		if err := b.open(ctx, back); err != nil {
			return err
		}
		now := b.session()
		old, err := v.works(ctx, before)
		v.Fact("session", "new")
		if old || before == nil || now == nil || before.Value == now.Value {
			v.Fact("session", "kept")
		}
		return err
	}
}

// cookieFlags reads the flags of the session cookie where it is set.
func cookieFlags(ctx context.Context, v *Visit) error {
	b, back, err := v.answer(ctx)
	if err != nil || back == nil {
		return err
	}
	page, err := b.Get(ctx, back.String())
	if err != nil {
		return err
	}
	v.Fact("flags of the cookie", "not all")
	for _, line := range page.Header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err == nil && strings.HasSuffix(c.Name, "sessionid") && c.Secure && c.HttpOnly && c.SameSite != 0 {
			v.Fact("flags of the cookie", "all")
		}
	}
	return nil
}

// signedOut signs in and out, and tries the session of before.
func signedOut(ctx context.Context, v *Visit) error {
	b, err := v.signedIn(ctx)
	if err != nil {
		return err
	}
	before := b.session()
	if _, err := b.Get(ctx, v.base()+"/accounts/logout/"); err != nil {
		return err
	}
	v.Seen.Outcome, v.Seen.As = "", ""
	works, err := v.works(ctx, before)
	v.Fact("old session", "dead")
	if works {
		v.Fact("old session", "works")
	}
	return err
}

// signedIn is a new browser in which the user of the test is signed in.
func (v *Visit) signedIn(ctx context.Context) (*Browser, error) {
	b, err := v.Browser()
	if err != nil {
		return nil, err
	}
	page, _, err := b.SignIn(ctx, v.Test.apps()[0], "")
	if err != nil {
		return nil, err
	}
	if err := b.See(ctx, page); err != nil {
		return nil, err
	}
	if v.Seen.Outcome != SignedIn {
		return nil, check.Skipf("needs a user who is signed in: the configuration asks for a form first")
	}
	return b, nil
}

func signOutByGet(ctx context.Context, v *Visit) error {
	b, err := v.signedIn(ctx)
	if err != nil {
		return err
	}
	if _, err := b.Get(ctx, v.base()+"/accounts/logout/"); err != nil {
		return err
	}
	owner, err := b.Who(ctx)
	v.Seen.Outcome, v.Seen.As = "", ""
	v.Fact("after a GET", "still signed in")
	if owner == nil {
		v.Fact("after a GET", "signed out")
	}
	return err
}

func logoutToken(ctx context.Context, v *Visit) error {
	b, err := v.signedIn(ctx)
	if err != nil {
		return err
	}
	v.Fact("logout token", "refused")
	outside, err := v.Browser()
	if err != nil {
		return err
	}
	for _, path := range []string{"logout/", "backchannel-logout/", "login/backchannel_logout/"} {
		address := strings.TrimSuffix(startURL(v.b, v.Test.App), "login/") + path
		page, err := outside.post(ctx, address, url.Values{"logout_token": {"e30.e30.c2ln"}}, v.b.Authentik.URL)
		if err != nil {
			return err
		}
		if page.Status/100 == 2 {
			v.Fact("logout token", "accepted")
		}
	}
	owner, err := b.Who(ctx)
	if owner == nil {
		v.Fact("logout token", "accepted")
	}
	return err
}

func framed(ctx context.Context, v *Visit) error {
	b, err := v.Browser()
	if err != nil {
		return err
	}
	page, err := b.Get(ctx, startURL(v.b, v.Test.App))
	if err != nil {
		return err
	}
	v.Fact("framing", "refused")
	if page.Header.Get("X-Frame-Options") == "" && !strings.Contains(page.Header.Get("Content-Security-Policy"), "frame-ancestors") {
		v.Fact("framing", "allowed")
	}
	return nil
}

func secondUser(ctx context.Context, v *Visit) error {
	b, err := v.signedIn(ctx)
	if err != nil {
		return err
	}
	first := b.session()
	v.Play.As(v.Person("-second", nil))
	page, _, err := b.SignIn(ctx, v.Test.App, "")
	if err != nil {
		return err
	}
	if err := b.See(ctx, page); err != nil {
		return err
	}
	works, err := v.works(ctx, first)
	v.Fact("session of the first user", "dead")
	if works {
		v.Fact("session of the first user", "works")
	}
	return err
}
