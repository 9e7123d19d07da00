package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/paperless"
)

// linkingTests are about tying an identity of the provider to an account that is
// signed in: nobody but its owner may do that.
func linkingTests() []*Test {
	const csrf = "RFC 6749 10.12; RFC 9700 4.7"
	const tied = "somebody's identity can be tied to the account of a user who opens a page: whoever it is signs in as that user from then on"
	return as(Linking, []Test{
		{
			ID: "rp-link-question", Row: "12.1", Clause: csrf, Severity: check.High, Means: tied, Depends: redirectsToSSO,
			Title: "Linking waits for a click", Provider: "is not asked yet: a page opens the address that links", Run: linkPage, Remedy: "SEC-CONNECT", Judge: fact("the page submits itself", "yes"),
		},
		{
			ID: "rp-link-no-csrf-token", Row: "12.2", Clause: csrf, Should: Refuse, Severity: check.High, Means: tied,
			Title: "A form without CSRF token links nothing", Provider: "is not asked", Run: forged("", ""),
		},
		{
			ID: "rp-link-foreign-origin", Row: "12.3", Clause: csrf, Should: Refuse, Severity: check.High, Means: tied,
			Title: "A form of another site links nothing", Provider: "is not asked", Run: forged("token", "https://"+foreignSiteHost),
		},
		{
			ID: "rp-link-without-click", Row: "12.4", Clause: csrf, Severity: check.High, Means: tied, Depends: redirectsToSSO,
			Title: "A page of another site cannot tie a foreign identity to an account", Provider: "is signed in as somebody else in the browser of the user", Run: chain, Remedy: "SEC-CONNECT", Judge: fact("identity of somebody else tied", "yes"),
		},
		{
			ID: "rp-link-foreign-callback", Row: "12.5", Clause: csrf, Should: Refuse, Severity: check.High, Means: tied,
			Title: "The callback of somebody else's linking links nothing", Provider: "answers somebody else; the user opens the callback", Run: foreignCallback,
		},
		{
			ID: "rp-link-of-other-user", Row: "12.6", Clause: "OIDC Core 2", Severity: check.High, Means: "one identity signs in to two accounts",
			Title: "An identity that another user has is not linked", Provider: "answers as somebody who has an account", Run: linkOther, Judge: fact("identity of somebody else tied", "yes"),
		},
		{
			ID: "rp-link-after-sign-out", Row: "12.7", Clause: csrf, Should: Refuse, Severity: check.Medium, Means: "an identity is tied to who signs in next",
			Title: "Linking that was begun before signing out links nothing", Provider: "answers after the user signed out", Run: linkSignedOut,
		},
		{
			ID: "rp-link-start", Row: "12.8", Clause: csrf, Severity: check.Low, Means: "another site can start a sign-in; who is signed in at the provider is signed in here", Depends: redirectsToSSO,
			Title: "A sign-in waits for a click", Provider: "is not asked yet: a page opens the address that signs in", Run: questionPage(""), Remedy: "SEC-CONNECT", Judge: fact("the page submits itself", "yes"),
		},
		{
			ID: "rp-link-anonymous", Row: "12.9", Clause: csrf, Should: Refuse, Severity: check.Medium, Means: "who is not signed in can link",
			Title: "Who is not signed in links nothing", Provider: "answers somebody who is not signed in", Run: linkAnonymous,
		},
		{
			ID: "rp-link-last-identity", Row: "12.10", Clause: "Paperless-ngx: profile", Severity: check.Low, Means: "such a user is locked out: the next sign-in asks for a form and finds the address taken", Needs: signsUp,
			Title: "The only identity of a user without password cannot be removed", Provider: "does everything right", Run: lastIdentity, Judge: fact("removed", "yes"),
		},
	})
}

const connect = "?process=connect"

// linkPage looks at the page that links, in a browser where somebody is signed in and
// another site leads there.
func linkPage(ctx context.Context, v *Visit) error {
	b, err := v.signedIn(ctx)
	if err != nil {
		return err
	}
	page, err := b.Foreign(ctx, startURL(v.b, v.Test.App)+connect)
	if err != nil {
		return err
	}
	v.Fact("the page submits itself", yes(submitsItself(page)))
	return nil
}

// forged sends the form that links as another site would.
func forged(token, origin string) func(context.Context, *Visit) error {
	return func(ctx context.Context, v *Visit) error {
		b, err := v.signedIn(ctx)
		if err != nil {
			return err
		}
		address := startURL(v.b, v.Test.App) + connect
		page, err := b.Get(ctx, address)
		if err != nil {
			return err
		}
		form := url.Values{}
		if token != "" {
			form.Set("csrfmiddlewaretoken", paperless.ParsePage(page.Body).CSRFToken())
		}
		if origin == "" {
			origin = v.origin()
		}
		if page, err = b.post(ctx, address, form, origin); err != nil {
			return err
		}
		v.Seen.Status, v.Seen.Path, v.Seen.Outcome = page.Status, page.URL.Path, Refused
		if page.Location != nil {
			v.Seen.Outcome = SignedIn // led to the provider
		}
		return nil
	}
}

// link ties the identity that the provider has now to the user of a browser.
func (b *Browser) link(ctx context.Context) (*Page, error) {
	page, _, err := b.SignIn(ctx, b.v.Test.App, connect)
	return page, err
}

// chain is a page of another site that opens the address which links: where the
// question page submits itself, the browser goes on by itself.
func chain(ctx context.Context, v *Visit) error {
	b, err := v.signedIn(ctx)
	if err != nil {
		return err
	}
	victim := v.Seen.Email
	page, err := b.Foreign(ctx, startURL(v.b, v.Test.App)+connect)
	if err != nil {
		return err
	}
	v.Fact("the page submits itself", yes(submitsItself(page)))
	v.Fact("identity of somebody else tied", "no")
	if !submitsItself(page) {
		return nil
	}
	v.Play.As(v.Person("-somebody-else", nil))
	if _, err := b.link(ctx); err != nil {
		return err
	}
	other, err := v.Browser()
	if err != nil {
		return err
	}
	if _, _, err := other.SignIn(ctx, v.Test.App, ""); err != nil {
		return err
	}
	owner, err := other.Who(ctx)
	v.Fact("identity of somebody else tied", yes(owner != nil && owner.Email == victim))
	return err
}

// foreignCallback lets a user open the callback of somebody else's linking.
func foreignCallback(ctx context.Context, v *Visit) error {
	attacker, err := v.signedIn(ctx)
	if err != nil {
		return err
	}
	v.Play.As(v.Person("-identity", nil))
	request, _, err := attacker.Begin(ctx, v.Test.App, connect)
	if err != nil {
		return err
	}
	if request == nil {
		return errors.New("the start of linking led nowhere")
	}
	back, err := attacker.Authorize(ctx, request)
	if err != nil {
		return err
	}
	v.Play.As(v.Person("-victim", nil))
	victim, err := v.signedIn(ctx)
	if err != nil {
		return err
	}
	page, err := victim.Follow(ctx, back.String())
	if err != nil {
		return err
	}
	owner, err := victim.Who(ctx)
	if err != nil {
		return err
	}
	v.Seen.Status, v.Seen.Outcome, v.Seen.As, v.Seen.Email = page.Status, Refused, "", ""
	if owner != nil && len(owner.Accounts) > 1 {
		v.Seen.Outcome = SignedIn
	}
	return nil
}

// linkOther lets a user link an identity that somebody else has.
func linkOther(ctx context.Context, v *Visit) error {
	v.Play.As(v.Person("-owner", nil))
	if _, err := v.signedIn(ctx); err != nil {
		return err
	}
	v.Play.As(v.Person("", nil))
	b, err := v.signedIn(ctx)
	if err != nil {
		return err
	}
	v.Play.As(v.Person("-owner", nil))
	if _, err := b.link(ctx); err != nil {
		return err
	}
	owner, err := b.Who(ctx)
	v.Fact("identity of somebody else tied", yes(owner != nil && len(owner.Accounts) > 1))
	return err
}

// linkSignedOut signs out between the start of linking and its callback.
func linkSignedOut(ctx context.Context, v *Visit) error {
	b, err := v.signedIn(ctx)
	if err != nil {
		return err
	}
	v.Play.As(v.Person("-identity", nil))
	request, _, err := b.Begin(ctx, v.Test.App, connect)
	if err != nil {
		return err
	}
	if request == nil {
		return errors.New("the start of linking led nowhere")
	}
	back, err := b.Authorize(ctx, request)
	if err != nil {
		return err
	}
	if _, err := b.Get(ctx, v.base()+"/accounts/logout/"); err != nil {
		return err
	}
	return b.open(ctx, back)
}

// linkAnonymous links without being signed in.
func linkAnonymous(ctx context.Context, v *Visit) error {
	b, err := v.Browser()
	if err != nil {
		return err
	}
	page, err := b.link(ctx)
	if err != nil {
		return err
	}
	return b.See(ctx, page)
}

// lastIdentity removes the only identity of a user without password.
func lastIdentity(ctx context.Context, v *Visit) error {
	b, err := v.signedIn(ctx)
	if err != nil {
		return err
	}
	owner, err := b.Who(ctx)
	if err != nil || owner == nil || len(owner.Accounts) == 0 {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, v.base()+"/api/profile/disconnect_social_account/", strings.NewReader(fmt.Sprintf(`{"id":%d}`, owner.Accounts[0].ID)))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", v.origin())
	r.Header.Set("Referer", v.base()+"/")
	u, err := url.Parse(v.base() + "/")
	if err != nil {
		return err
	}
	for _, c := range b.c.Jar.Cookies(u) {
		if strings.HasSuffix(c.Name, "csrftoken") {
			r.Header.Set("X-CSRFToken", c.Value)
		}
	}
	page, err := b.Do(r)
	if err != nil {
		return err
	}
	v.Fact("removed", yes(page.Status == http.StatusOK))
	return once(ctx, v)
}
