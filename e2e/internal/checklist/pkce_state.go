package checklist

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/evidence"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// stateLength is what allauth makes; RFC 6749 10.12 asks for a value that
// cannot be guessed, and 16 letters and digits are 95 bits.
const stateLength = 16

// PKCEState is about what binds the callback to the browser that began.
var PKCEState = &check.Check{
	ID:    "pkce-state",
	Title: "An authorization code is accepted once, and only in the browser that started the sign-in (PKCE and state)",
	Doc: "The authorization request carries an S256 code challenge and a state that is new each time; a callback that is " +
		"replayed, or comes in another browser, is refused; authentik wants the right verifier for the code. It warns where the " +
		"discovery document sends Paperless to endpoints without https, or the token endpoint redirects.",
	Needs:       []*check.Check{RoundTrip},
	Browserless: true,
	Run:         booted(pkceState),
}

func pkceState(ctx context.Context, p *check.Pass) error {
	who, err := person(p, "probe")
	if err != nil {
		return err
	}
	one, err := newCaller(p)
	if err != nil {
		return err
	}
	authorize, err := one.start(ctx, "")
	if err != nil {
		return err
	}
	again, err := one.start(ctx, "")
	if err != nil {
		return err
	}
	first, second := authorize.Query(), again.Query()
	switch {
	case len(first.Get("state")) < stateLength:
		return check.Unmetf("the state of the authorization request has %d characters, not %d or more", len(first.Get("state")), stateLength)
	case first.Get("state") == second.Get("state"):
		return check.Unmetf("two authorization requests have the same state")
	}
	pkce := first.Get("code_challenge") != ""
	switch {
	case wantsPKCE(p.Bundle) && !pkce:
		return check.Unmetf("OAUTH_PKCE_ENABLED is on, but the authorization request has no code_challenge")
	case pkce && first.Get("code_challenge_method") != "S256":
		return check.Unmetf("the code challenge method is %q, not S256", first.Get("code_challenge_method"))
	case pkce && first.Get("code_challenge") == second.Get("code_challenge"):
		return check.Unmetf("two authorization requests have the same code challenge")
	}
	// Versions before 2.8.0 keep only the newest state: go on with that one.
	callback, err := one.signIn(ctx, again, who)
	if err != nil {
		return err
	}
	if err := foreign(ctx, p, callback); err != nil {
		return err
	}
	if err := replay(ctx, p, one, callback, who); err != nil {
		return err
	}
	loose, err := backChannel(ctx, p)
	if err != nil {
		return err
	}
	if !pkce {
		loose = append([]string{"PKCE is off: set OAUTH_PKCE_ENABLED to true in the provider JSON"}, loose...)
	} else if err := verifier(ctx, p, who); err != nil {
		return err
	}
	if len(loose) > 0 {
		return check.Warnf("%s", strings.Join(loose, "; "))
	}
	return nil
}

// foreign brings somebody's callback to a browser that began a sign-in of its own.
func foreign(ctx context.Context, p *check.Pass, callback *url.URL) error {
	other, err := newCaller(p)
	if err != nil {
		return err
	}
	if _, err := other.start(ctx, ""); err != nil {
		return err
	}
	in, err := other.tries(ctx, "callback in another browser", callback)
	if err != nil {
		return err
	}
	if in {
		return check.Unmetf("a callback with the state of another browser signs in")
	}
	return nil
}

// replay completes the sign-in and brings the same callback a second time, to
// a browser that has nothing.
func replay(ctx context.Context, p *check.Pass, c *caller, callback *url.URL, who deployment.AuthentikUser) error {
	e, _, err := c.land(ctx, callback, who)
	if err != nil {
		return err
	}
	if e.place != atApp && e.place != atClosed && e.place != atSignup {
		return check.Unmetf("%s", e)
	}
	a, err := c.try(ctx, callback.String())
	if err != nil {
		return err
	}
	probed(p, "replayed callback", http.MethodGet, callback.String(), a.status, locationOf(p, a))
	if a.location != nil && placeOf(sitesOf(p.Bundle), a.location) == atApp {
		return check.Unmetf("a callback that was used before is taken again")
	}
	empty, err := newCaller(p)
	if err != nil {
		return err
	}
	in, err := empty.tries(ctx, "replayed callback in an empty browser", callback)
	if err != nil {
		return err
	}
	if in {
		return check.Unmetf("a replayed callback signs in a browser that never began")
	}
	return nil
}

func placeOf(s sites, u *url.URL) place {
	return s.classify(evidence.Page{URL: u.String(), Status: http.StatusOK})
}

func locationOf(p *check.Pass, a *answer) string {
	if a.location == nil {
		return short(a.html().Title())
	}
	return "Location " + redact(p, a.location.String())
}

// tries visits a callback that must be refused and reports whether it signed in.
func (c *caller) tries(ctx context.Context, name string, callback *url.URL) (bool, error) {
	a, err := c.try(ctx, callback.String())
	if err != nil {
		return false, err
	}
	s, err := whoIs(ctx, c.p, c.c)
	if err != nil {
		return false, err
	}
	probed(c.p, name, http.MethodGet, callback.String(), a.status, locationOf(c.p, a))
	// The sign-up form is one step before an account: it is as good as signed in.
	return s.SignedIn() || (a.location != nil && placeOf(c.sites, a.location) == atSignup), nil
}

// verifier asks authentik for tokens with a right code and a wrong verifier.
func verifier(ctx context.Context, p *check.Pass, who deployment.AuthentikUser) error {
	c, err := newCaller(p) // the one from before is signed in and gets no sign-in page
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
	app, _ := p.Bundle.Paperless.App()
	if app.Secret == "" {
		note(p, "the client secret is not known here: whether authentik looks at the verifier was not tried")
		return nil
	}
	address := authentik.BaseOf(authorize)
	client, err := p.Target.Client()
	if err != nil {
		return err
	}
	r, err := target.NewRequest(ctx, http.MethodPost, address, authentik.TokenPath, url.Values{
		"grant_type": {"authorization_code"}, "code": {callback.Query().Get("code")},
		"redirect_uri":  {authorize.Query().Get("redirect_uri")},
		"code_verifier": {"not-the-verifier-0123456789-0123456789-0123456789"},
	})
	if err != nil {
		return err
	}
	if p.Target.Exchanges != nil {
		r.Header.Set(evidence.OwnHeader, "1")
	}
	r.SetBasicAuth(url.QueryEscape(app.ClientID), url.QueryEscape(app.Secret))
	resp, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("ask authentik's token endpoint: %w", cause(err))
	}
	if err := resp.Body.Close(); err != nil {
		return errors.New("the token endpoint's answer broke off")
	}
	probed(p, "wrong code_verifier", http.MethodPost, address+authentik.TokenPath, resp.StatusCode, "")
	if resp.StatusCode/100 == 2 {
		return check.Unmetf("authentik gives tokens for a wrong code_verifier")
	}
	return nil
}
