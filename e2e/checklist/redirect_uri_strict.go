package checklist

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/check"
)

// RedirectURIStrict is about who may receive the code.
var RedirectURIStrict = &check.Check{
	ID:    "redirect-uri-strict",
	Title: "authentik sends codes to the registered redirect URI and nowhere else",
	Doc: "The authorization request with a redirect URI of another host, another path, an added query or another case is " +
		"refused with an error page, and the browser is not sent there.",
	Guide:       "troubleshooting 3",
	Needs:       []*check.Check{RoundTrip},
	Browserless: true,
	Run:         booted(redirectURIStrict),
}

// evilHost is reserved for documentation (RFC 2606): nobody is there.
const evilHost = "evil.example"

func redirectURIStrict(ctx context.Context, p *check.Pass) error {
	c, err := newCaller(p)
	if err != nil {
		return err
	}
	authorize, err := c.start(ctx, "")
	if err != nil {
		return err
	}
	registered := authorize.Query().Get("redirect_uri")
	right, err := url.Parse(registered)
	if err != nil || registered == "" {
		return check.Unmetf("the authorization request has no redirect_uri")
	}
	change := func(f func(*url.URL)) string {
		u := *right
		f(&u)
		return u.String()
	}
	if a, err := c.get(ctx, authorize.String()); err != nil {
		return err
	} else if a.status >= 400 {
		return c.unmet(a, "")
	}
	var taken []string
	for _, m := range []struct{ name, uri string }{
		{"another host", change(func(u *url.URL) { u.Host = evilHost })},
		{"a host that begins alike", change(func(u *url.URL) { u.Host = u.Hostname() + "." + evilHost })},
		{"a longer path", change(func(u *url.URL) { u.Path += "more/" })},
		{"an added query", change(func(u *url.URL) { u.RawQuery = "next=1" })},
		{"another case", change(func(u *url.URL) { u.Path = strings.ToUpper(u.Path) })},
	} {
		u, q := *authorize, authorize.Query()
		q.Set("redirect_uri", m.uri)
		u.RawQuery = q.Encode()
		a, err := c.try(ctx, u.String())
		if err != nil {
			return err
		}
		probed(p, "redirect_uri with "+m.name, http.MethodGet, u.String(), a.status, or(title(a.body), locationOf(p, a)))
		// Anything but an error page goes on: to the sign-in, or to that URI.
		if a.status < 400 {
			taken = append(taken, m.name)
		}
	}
	if len(taken) > 0 {
		return check.Unmetf("authentik accepts a redirect URI with %s", strings.Join(taken, ", "))
	}
	return nil
}
