package checklist

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// remoteNewcomer is a name that no configuration has.
const remoteNewcomer = "ssocheck-header-newcomer"

// RemoteUserAccount is about users whom only the proxy knows.
var RemoteUserAccount = &check.Check{
	ID:    "remote-user-account",
	Title: "A user whom only the proxy knows may use Paperless",
	Doc: "A Remote-User header with a name that Paperless has never seen makes one account of that name, no administrator, and " +
		"the API that Paperless's page needs answers to it. Paperless gives such accounts no permission.",
	Needs:       []*check.Check{RemoteUser},
	Applies:     remoteUserOn,
	Browserless: true,
	Changes:     true,
	Run:         booted(remoteUserAccount),
}

// RemoteUserLogout is about the way out where a header signs in.
var RemoteUserLogout = &check.Check{
	ID:    "remote-user-logout",
	Title: "Signing out leads away from the Remote-User header",
	Doc: "After signing out the session is dead, and the browser is led where the proxy's header does not sign in again: " +
		"Paperless itself keeps no one out whom the proxy names.",
	Needs:       []*check.Check{RemoteUser},
	Applies:     remoteUserOn,
	Browserless: true,
	Run:         booted(remoteUserLogout),
}

func remoteUserOn(b *deployment.Deployment) bool { return b.Paperless.On(deployment.RemoteUser) }

func remoteUserAccount(ctx context.Context, p *check.Pass) error {
	header, _ := remoteHeader(p.Bundle)
	c, err := behindProxy(p)
	if err != nil {
		return err
	}
	if err := before(ctx, p); err != nil {
		return err
	}
	if _, err := named(ctx, p, c, http.MethodGet, "/", header, remoteNewcomer); err != nil {
		return err
	}
	s, err := whoIs(ctx, p, c) // its session opens the API without the header
	if err != nil {
		return err
	}
	p.Record.Signed = s
	probed(p, "settings of the page", http.MethodGet, at(p, paperless.UISettingsPath), s.UISettings, "")
	added, known, err := after(ctx, p)
	if err != nil {
		return err
	}
	if !p.Bundle.Observed && setting(p.Bundle, "PAPERLESS_ADMIN_USER") == "" {
		note(p, "PAPERLESS_ADMIN_USER is not set: the accounts that the header makes have no rights, so make an administrator (createsuperuser) before the first user comes")
	}
	switch {
	case !s.SignedIn():
		return check.Unmetf("the header %s with a new name signs nobody in: /api/profile/ answers %d", header, s.Profile)
	case known && len(added) != 1:
		return check.Unmetf("one new name in the header %s made %d accounts", header, len(added))
	case known && added[0].Username != remoteNewcomer:
		return check.Unmetf("the header %s named %s, and the new account is %s", header, remoteNewcomer, added[0].Username)
	case known && added[0].Superuser:
		return check.Unmetf("a new name in the header %s is an administrator at once", header)
	case s.UISettings == http.StatusForbidden:
		return check.Warnf("the header %s makes an account for every new name, without any permission: /api/ui_settings/ answers 403", header)
	case s.UISettings != http.StatusOK:
		return check.Unmetf("/api/ui_settings/ answers %d to a user whom the header %s made", s.UISettings, header)
	}
	return nil
}

func remoteUserLogout(ctx context.Context, p *check.Pass) error {
	local, ok := anyLocal(p.Bundle)
	if !ok {
		return check.Skipf("there is no local account to name in the header")
	}
	header, _ := remoteHeader(p.Bundle)
	c, err := behindProxy(p)
	if err != nil {
		return err
	}
	if _, err := named(ctx, p, c, http.MethodGet, "/", header, local.Username); err != nil {
		return err
	}
	base, err := url.Parse(at(p, paperless.LogoutPath))
	if err != nil {
		return check.Unmetf("Paperless's address is no URL")
	}
	old, err := clientOf(p, c.Jar.Cookies(base))
	if err != nil {
		return err
	}
	resp, err := named(ctx, p, c, http.MethodPost, paperless.LogoutPath, header, local.Username)
	if err != nil {
		return err
	}
	was, err := whoIs(ctx, p, old)
	if err != nil {
		return err
	}
	to, err := base.Parse(resp.Header.Get("Location"))
	switch {
	case was.SignedIn():
		return check.Unmetf("after signing out the session still works: /api/profile/ answers %d", was.Profile)
	case resp.StatusCode/100 != 3 || err != nil:
		return check.Unmetf("signing out answers %d and leads nowhere", resp.StatusCode)
	case to.Host != base.Host:
		return nil // whether the proxy ends its own session there is the proxy's
	}
	if _, err := named(ctx, p, c, http.MethodGet, to.RequestURI(), header, local.Username); err != nil {
		return err
	}
	now, err := whoIs(ctx, p, c)
	if err != nil {
		return err
	}
	probed(p, "after signing out", http.MethodGet, at(p, to.RequestURI()), now.Profile, map[bool]string{true: "signed in again"}[now.SignedIn()])
	if now.SignedIn() {
		return check.Warnf("signing out leads to %s, where the header %s signs in again at once", to.Path, header)
	}
	return nil
}

// behindProxy is a client with cookies whose requests reach Paperless as the
// proxy's do.
func behindProxy(p *check.Pass) (*http.Client, error) {
	if p.Target.Direct == nil {
		return nil, check.Skipf("Paperless cannot be asked past the proxy here, and the proxy's own sign-in is not ours to go through")
	}
	return clientOf(p, nil)
}

func clientOf(p *check.Pass, cookies []*http.Cookie) (*http.Client, error) {
	c, err := clientWith(p, cookies)
	if err != nil {
		return nil, err
	}
	c.Transport = transport(p.Target.Direct)
	return c, nil
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// named sends a request with the header, and the CSRF token of the session.
func named(ctx context.Context, p *check.Pass, c *http.Client, method, path, header, user string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, at(p, path), nil)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	r.Header.Set(header, user)
	r.Header.Set("Accept", "text/html")
	for _, k := range c.Jar.Cookies(r.URL) {
		if k.Name == setting(p.Bundle, "PAPERLESS_COOKIE_PREFIX")+paperless.CSRFCookie {
			r.Header.Set("X-CSRFToken", k.Value)
			r.Header.Set("Referer", at(p, "/"))
		}
	}
	resp, err := c.Do(r)
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", header, cause(err))
	}
	if err := resp.Body.Close(); err != nil {
		return nil, errors.Join(fmt.Errorf("send %s", header), err)
	}
	probed(p, header+" direct", method, r.URL.String(), resp.StatusCode, "")
	return resp, nil
}
