package conformance

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// redirectTests are about addresses that come from outside: where a sign-in leads to
// afterwards, and parameters of the authorization request.
func redirectTests() []*Test {
	const open, request = "RFC 9700 4.11.1", "RFC 9700 2.1, 4.8.1"
	const phishing = "a link to Paperless-ngx can lead to another site"
	return as(Redirects, []Test{
		{
			ID: "rp-redirect-next", Row: "10.1", Clause: open, Severity: check.Medium, Means: phishing,
			Title: "next= of a sign-in leads to no other site", Provider: "does everything right; the start has next=", Run: nexts("?process=login&next="), Judge: fact("followed to another site", "yes"),
		},
		{
			ID: "rp-redirect-next-callback", Row: "10.2", Clause: open, Severity: check.Medium, Means: phishing,
			Title: "next= of the callback is ignored", Provider: "returns the user with next=", Run: with("next", foreignSite), Judge: landed,
		},
		{
			ID: "rp-redirect-next-signed-in", Row: "10.3", Clause: open, Severity: check.Medium, Means: phishing,
			Title: "next= leads to no other site for who is signed in, nor at sign-out", Provider: "does everything right", Run: nextSignedIn, Judge: fact("followed to another site", "yes"),
		},
		{
			ID: "rp-redirect-next-process", Row: "10.6", Clause: open, Severity: check.Medium, Means: phishing,
			Title: "next= with process=redirect leads to no other site", Provider: "does everything right; the start has process=redirect and next=", Run: nexts("?process=redirect&next="), Judge: fact("followed to another site", "yes"),
		},
		{
			ID: "rp-redirect-host-header", Row: "10.5", Clause: "RFC 9700 2.1", Severity: check.Low, Depends: anyHost, Means: "only the provider's comparison stands against a redirect URI of another host",
			Title: "The redirect URI does not come from the Host header", Provider: "notes the redirect URI of a start with a foreign Host header", Run: foreignHost, Judge: fact("redirect URI", "of another host"),
		},
		{
			ID: "rp-request-auth_params", Row: "9.6", Clause: request, Severity: check.Low, Means: "a link can change redirect_uri and client_id of the request; only the provider's comparison stands against it",
			Title: "The address of the start does not change the authorization request", Provider: "notes the request of a start with auth_params=",
			Run: rewritten(query("auth_params", "prompt=none&redirect_uri=https://"+foreignSiteHost+"/cb&client_id=other&nonce=x"), oidc.RedirectTo, oidc.ClientID), Judge: fact("changed by the address", "yes"),
		},
		{
			ID: "rp-request-scope", Row: "9.7", Clause: request, Severity: check.Low, Means: "a link can add scopes to the request",
			Title: "The address of the start adds no scopes", Provider: "notes the request of a start with scope=",
			Run: rewritten(query("scope", "offline_access"), oidc.Scope), Judge: fact("changed by the address", "yes"),
		},
		{
			ID: "rp-request-state", Row: "9.8", Clause: request, App: WithoutPKCE, Severity: check.Low, Matters: pkceOff, Means: "a link can change every parameter of the request, also state; the callback is refused then",
			Title: "Without PKCE, too, the address of the start does not change state and response_type", Provider: "notes the request of a start with auth_params=",
			Run: rewritten(query("auth_params", "state=attackerstate1234&response_type=code token&code_challenge=AAAA"), oidc.State, oidc.ResponseType), Judge: fact("changed by the address", "yes"),
		},
		{
			ID: "rp-request-question-page", Row: "9.9", Clause: "RFC 9700 4.7", Severity: check.Low, Depends: redirectsToSSO, Means: "with PAPERLESS_REDIRECT_LOGIN_TO_SSO a mere link sets such parameters",
			Title: "The question page does not submit itself with parameters of a link", Provider: "is not asked yet: a link opens the question page with auth_params=",
			Run: questionPage(query("auth_params", "prompt=none")), Judge: fact("the page submits itself", "yes"),
		},
	})
}

const (
	foreignSiteHost = "evil.ssocheck.example"
	foreignSite     = "https://" + foreignSiteHost + "/x"
)

// sites are addresses that lead to another site, in the forms that slip through.
var foreignSites = []string{
	foreignSite, "//" + foreignSiteHost + "/x", `/\` + foreignSiteHost + "/x", `\\` + foreignSiteHost, "javascript:void(0)", "https:" + foreignSiteHost,
	"http:///" + foreignSiteHost + "/x", "\t//" + foreignSiteHost,
}

// leaves reports whether a redirect leads away from Paperless-ngx.
func leaves(p *Page, home string) bool {
	if p.Location == nil {
		return false
	}
	u, err := url.Parse(home)
	return err != nil || p.Location.Host != u.Host || !strings.HasPrefix(p.Location.Scheme, "http")
}

// nexts signs in with each of the addresses.
func nexts(start string) func(context.Context, *Visit) error {
	return func(ctx context.Context, v *Visit) error {
		v.Fact("followed to another site", "no")
		for _, site := range foreignSites {
			b, err := v.Browser()
			if err != nil {
				return err
			}
			request, _, err := b.Begin(ctx, v.Test.apps()[0], start+url.QueryEscape(site))
			if err != nil {
				return err
			}
			if request == nil {
				continue
			}
			back, err := b.Authorize(ctx, request)
			if err != nil {
				return err
			}
			page, err := b.Get(ctx, back.String())
			if err != nil {
				return err
			}
			if leaves(page, v.base()) {
				v.Fact("followed to another site", "yes")
			}
		}
		return nil
	}
}

// nextSignedIn asks for the sign-in page and for sign-out with each of the addresses.
func nextSignedIn(ctx context.Context, v *Visit) error {
	v.Fact("followed to another site", "no")
	for _, path := range []string{"/accounts/login/?next=", "/accounts/logout/?next="} {
		for _, site := range foreignSites {
			b, err := v.Browser()
			if err != nil {
				return err
			}
			if _, _, err := b.SignIn(ctx, v.Test.apps()[0], ""); err != nil {
				return err
			}
			page, err := b.Get(ctx, v.base()+path+url.QueryEscape(site))
			if err != nil {
				return err
			}
			if leaves(page, v.base()) && page.Location.String() != v.logoutURL() {
				v.Fact("followed to another site", "yes")
			}
		}
	}
	return nil
}

func (v *Visit) logoutURL() string { return v.b.Paperless.Env["PAPERLESS_LOGOUT_REDIRECT_URL"] }

func landed(s *Seen) check.Verdict {
	if strings.Contains(s.Path, foreignSiteHost) {
		return check.Weaker
	}
	return check.Conforming
}

// foreignHost starts a sign-in with a Host header of another site.
func foreignHost(ctx context.Context, v *Visit) error {
	v.Fact("redirect URI", "of Paperless-ngx")
	address := startURL(v.b, OwnApp)
	if v.t.Direct == nil {
		return check.Skipf("Paperless-ngx cannot be reached past its proxy")
	}
	ask := func(method string, form url.Values, cookies []*http.Cookie) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
		if err != nil {
			return nil, err
		}
		r.Host = foreignSiteHost
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Referer", "https://"+foreignSiteHost+"/") // counts where the proxy says https
		for _, c := range cookies {
			r.AddCookie(c)
		}
		return v.t.Direct(r)
	}
	first, err := ask(http.MethodGet, nil, nil)
	if err != nil {
		return err
	}
	defer func() { _ = first.Body.Close() }()
	token := paperless.ParsePage(readAll(first.Body)).CSRFToken()
	if token == "" {
		return nil
	}
	second, err := ask(http.MethodPost, url.Values{"csrfmiddlewaretoken": {token}}, first.Cookies())
	if err != nil {
		return err
	}
	defer func() { _ = second.Body.Close() }()
	to, err := second.Location()
	if err == nil && strings.Contains(to.Query().Get(oidc.RedirectTo), foreignSiteHost) {
		v.Fact("redirect URI", "of another host")
	}
	return nil
}

// rewritten starts a sign-in with a query, and compares parameters of the request
// with those of a start without.
func rewritten(query string, names ...string) func(context.Context, *Visit) error {
	return func(ctx context.Context, v *Visit) error {
		start := func(q string) (url.Values, error) {
			b, err := v.Browser()
			if err != nil {
				return nil, err
			}
			request, page, err := b.Begin(ctx, v.Test.apps()[0], q)
			if err != nil {
				return nil, err
			}
			if request == nil {
				return url.Values{}, b.See(ctx, page)
			}
			return request.Query(), nil
		}
		plain, err := start("")
		if err != nil {
			return err
		}
		changed, err := start(query)
		if err != nil {
			return err
		}
		v.Fact("changed by the address", "no")
		for _, n := range names {
			if parameter(plain, n) != parameter(changed, n) {
				v.Fact("changed by the address", "yes")
			}
		}
		return nil
	}
}

// parameter is a value that can be compared: a state differs each time, but not its length.
func parameter(q url.Values, name string) string {
	if name == oidc.State {
		return string(rune(len(q.Get(name))))
	}
	words := strings.Fields(q.Get(name))
	slices.Sort(words)
	return strings.Join(words, " ")
}

// questionPage looks whether the page that asks before a sign-in submits itself.
func questionPage(query string) func(context.Context, *Visit) error {
	return func(ctx context.Context, v *Visit) error {
		b, err := v.Browser()
		if err != nil {
			return err
		}
		page, err := b.Foreign(ctx, startURL(v.b, v.Test.App)+query)
		if err != nil {
			return err
		}
		v.Fact("the page submits itself", yes(submitsItself(page)))
		return nil
	}
}

// submitsItself reports whether a page sends its form by a script.
func submitsItself(p *Page) bool { return paperless.ParsePage(p.Body).SubmitsItself() }

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}
