package checklist

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
)

// RedirectURIStrict is about who may receive the code.
var RedirectURIStrict = &check.Check{
	ID:    "redirect-uri-strict",
	Title: "authentik sends codes to the registered redirect URI and nowhere else",
	Doc: "The authorization request with a redirect URI of another host, another path, an added query or another case is " +
		"refused with an error page, and the browser is not sent there. It fails where another host gets the code, and " +
		"warns where another path of the right host does, as with many a regular expression.",
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
	if a, err := c.get(ctx, authorize.String()); err != nil {
		return err
	} else if a.status >= 400 {
		return c.unmet(a, "")
	}
	var hosts, paths []string // what is accepted
	for _, m := range wrongRedirects(right) {
		u, q := *authorize, authorize.Query()
		q.Set("redirect_uri", m.uri)
		u.RawQuery = q.Encode()
		a, err := c.try(ctx, u.String())
		if err != nil {
			return err
		}
		probed(p, "redirect_uri with "+m.name, http.MethodGet, u.String(), a.status, or(short(a.html().Title()), locationOf(p, a)))
		// Anything but an error page goes on: to the sign-in, or to that URI.
		if a.status >= 400 {
			continue
		}
		if m.host {
			hosts = append(hosts, m.name)
		} else {
			paths = append(paths, m.name)
		}
	}
	switch {
	case len(hosts) > 0:
		return check.Unmetf("authentik accepts a redirect URI with %s: somebody else could get the code", strings.Join(slices.Compact(append(hosts, paths...)), ", "))
	case len(paths) > 0:
		return check.Warnf("authentik accepts a redirect URI with %s, on the right host only", strings.Join(paths, ", "))
	}
	return nil
}

// A wrongRedirect is a redirect URI that nobody registered.
type wrongRedirect struct {
	name, uri string
	host      bool // another host would get the code
}

// wrongRedirects are what regular expressions take that are wider than they look:
// authentik wants the whole URI to match, so each changes one place of it.
func wrongRedirects(right *url.URL) []wrongRedirect {
	change := func(f func(*url.URL)) string {
		u := *right
		f(&u)
		return u.String()
	}
	out := []wrongRedirect{
		{"another host", change(func(u *url.URL) { u.Host = evilHost }), true},
		{"a host that begins alike", change(func(u *url.URL) { u.Host = u.Hostname() + "." + evilHost }), true},
		{"a host that ends alike", change(func(u *url.URL) { u.Host = "evil" + u.Host }), true},
		{"a host below its domain", change(func(u *url.URL) { u.Host = "evil." + u.Host }), true},
		{"the host as a user name", right.Scheme + "://" + right.Host + "@" + evilHost + right.Path, true},
		{"the host in the path of another", change(func(u *url.URL) { u.Host, u.Path = evilHost, "/"+u.Host+u.Path }), true},
		{"the address in the query of another", change(func(u *url.URL) { u.Host, u.Path, u.RawQuery = evilHost, "/", right.String() }), true},
	}
	labels := strings.Split(right.Hostname(), ".")
	if len(labels) > 2 && net.ParseIP(right.Hostname()) == nil {
		out = append(out, wrongRedirect{"a neighbour of the host", change(func(u *url.URL) { u.Host = "evil." + strings.Join(labels[1:], ".") }), true})
		// An unescaped dot is any character. The last one cannot be another: what
		// comes out has no domain.
		for i := 1; i < len(labels)-1; i++ {
			host := strings.Join(labels[:i], ".") + "x" + strings.Join(labels[i:], ".")
			out = append(out, wrongRedirect{"another letter for a dot of the host", change(func(u *url.URL) { u.Host = host }), true})
		}
	}
	return append(out,
		wrongRedirect{"a longer path", change(func(u *url.URL) { u.Path += "more/" }), false},
		wrongRedirect{"another path", change(func(u *url.URL) { u.Path = "/elsewhere/" }), false},
		wrongRedirect{"an added query", change(func(u *url.URL) { u.RawQuery = "next=1" }), false},
		wrongRedirect{"another case", change(func(u *url.URL) { u.Path = strings.ToUpper(u.Path) }), false},
	)
}
