package conformance

import (
	"context"
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
)

// callbackTests are about the authorization response.
func callbackTests() []*Test {
	const codes, errs = "RFC 6749 4.1.2", "RFC 6749 4.1.2.1; OIDC Core 3.1.2.6"
	return as(Callback, []Test{
		{
			ID: SignIn, Row: "1.1", Clause: "OIDC Core 3.1", Module: "oidcc-client-test", Should: Accept, Severity: check.High, Means: "nobody can sign in",
			Title: "A right sign-in works", Provider: "does everything right",
		},
		{
			ID: "rp-callback-known-user", Row: "1.2", Clause: "OIDC Core 3.1", Severity: check.High, Means: "users do not come back to their accounts",
			Title: "Who signs in again gets the same account", Provider: "does everything right, twice", Run: again, Judge: fact("account", "another"),
		},
		{
			ID: "rp-callback-code-used", Row: "3.1", Clause: "RFC 6749 4.1.2, 10.5", Should: Refuse, Severity: check.High, Means: "a code out of a log would be worth something",
			Title: "A code that was used before is refused", Provider: "answers invalid_grant to a code that it has seen", Run: usedCode,
		},
		{
			ID: "rp-callback-access_denied", Row: "3.2", Clause: errs, Should: Refuse, Severity: check.High, Means: "who was denied gets in",
			Title: "error=access_denied ends the sign-in", Provider: "returns the user with error=access_denied", Run: failing("access_denied"),
		},
		{
			ID: "rp-callback-login_required", Row: "3.3", Clause: errs, Should: Refuse, Severity: check.High, Means: "who did not sign in gets in",
			Title: "error=login_required ends the sign-in", Provider: "returns the user with error=login_required", Run: failing("login_required"),
		},
		{
			ID: "rp-callback-server_error", Row: "3.4", Clause: errs, Should: Refuse, Severity: check.High, Means: "who did not sign in gets in",
			Title: "error=server_error ends the sign-in", Provider: "returns the user with error=server_error", Run: failing("server_error"),
		},
		{
			ID: "rp-callback-interaction_required", Row: "3.5", Clause: errs, Should: Refuse, Severity: check.High, Means: "who did not sign in gets in",
			Title: "error=interaction_required ends the sign-in", Provider: "returns the user with error=interaction_required", Run: failing("interaction_required"),
		},
		{
			ID: "rp-callback-error-no-state", Row: "3.6", Clause: errs, Should: Refuse, Severity: check.Low, Means: "a link could end sign-ins of others",
			Title: "An error without state is refused", Provider: "returns the user with error=access_denied and no state",
			Run: answered(func(q url.Values) { clear(q); q.Set("error", "access_denied") }),
		},
		{
			ID: "rp-callback-code-and-denied", Row: "3.7", Clause: errs, Should: Refuse, Severity: check.High, Means: "who was denied gets in",
			Title: "With a code and error=access_denied the error counts", Provider: "returns the user with a code and error=access_denied", Run: with("error", "access_denied"),
		},
		{
			ID: "rp-callback-code-and-error", Row: "3.8", Clause: errs, Should: Refuse, Severity: check.High, Means: "who did not sign in gets in",
			Title: "With a code and another error the error counts", Provider: "returns the user with a code and error=server_error", Run: with("error", "server_error"),
		},
		{
			ID: "rp-callback-nothing", Row: "3.9", Clause: codes, Should: Refuse, Severity: check.Low, Means: "an empty answer counts",
			Title: "A response with neither code nor error is refused", Provider: "returns the user with the state only", Run: with(oidc.Code, ""),
		},
		{
			ID: "rp-callback-code-empty", Row: "3.10", Clause: codes, Should: Refuse, Severity: check.Low, Means: "an empty code counts",
			Title: "An empty code is refused", Provider: "returns the user with an empty code", Run: answered(func(q url.Values) { q.Set(oidc.Code, "") }),
		},
		{
			ID: "rp-callback-markup", Row: "3.11", Clause: "RFC 9700 4.11", Severity: check.High, Means: "a link could run a script on the page of Paperless-ngx",
			Title: "Markup in error and error_description is not shown as markup", Provider: "returns the user with markup in error and error_description",
			Run: markup, Judge: fact("markup on the page", "as markup"),
		},
		{
			ID: "rp-callback-form_post", Row: "3.12", Clause: "OAuth 2.0 Form Post Response Mode", Should: Either, Severity: check.Low, Means: "response_mode=form_post cannot be used",
			Title: "An authorization response by POST does no harm", Provider: "returns the user by a form instead of a redirect", Run: posted,
		},
		{
			ID: "rp-callback-implicit", Row: "3.13", Clause: "RFC 9700 2.1.2", Should: Refuse, Severity: check.High, Means: "tokens out of the browser would be taken",
			Title: "Tokens in the authorization response are not accepted", Provider: "returns the user with access_token and id_token and no code",
			Run: answered(func(q url.Values) {
				q.Del(oidc.Code)
				q.Set(oidc.AccessToken, "access-x")
				q.Set(oidc.IDToken, "e30.e30.")
			}),
		},
		{
			ID: "rp-callback-code-long", Row: "3.14", Clause: codes, Severity: check.Low, Means: "providers with long codes cannot be used",
			Title: "A code of 6000 characters is passed on as it is", Provider: "gives a code of 6000 characters",
			Script: provider.Script{Callback: provider.Set(oidc.Code, strings.Repeat("c", 6000))}, Run: once, Judge: passedOn(strings.Repeat("c", 6000)),
		},
		{
			ID: "rp-callback-code-characters", Row: "3.15", Clause: "RFC 6749 appendix A.11, B", Severity: check.Low, Means: "providers with such codes cannot be used",
			Title: "A code with characters that need encoding is passed on as it is", Provider: "gives a code with & = + % and a line feed",
			Script: provider.Script{Callback: provider.Set(oidc.Code, "a&b=c+d%e\nf")}, Run: once, Judge: passedOn("a&b=c+d%e\nf"),
		},
	})
}

// failing returns the user with an error and the right state.
func failing(code string) func(context.Context, *Visit) error {
	return answered(func(q url.Values) { q.Del(oidc.Code); q.Set("error", code) })
}

// again signs the same person in, in a second browser.
func again(ctx context.Context, v *Visit) error {
	if err := once(ctx, v); err != nil {
		return err
	}
	if err := v.well(); err != nil {
		return err
	}
	first := *v.Seen
	if err := once(ctx, v); err != nil {
		return err
	}
	v.Fact("account", "the same")
	if first.Email != v.Seen.Email || first.As != v.Seen.As {
		v.Fact("account", "another")
	}
	return nil
}

// well is an error unless the sign-in so far reached the application or its sign-up form:
// what follows a sign-in that failed proves nothing.
func (v *Visit) well() error {
	switch v.Seen.Outcome {
	case SignedIn, SignUp:
		return nil
	}
	return check.Skipf("the first of the two sign-ins did not work: %s", v.Seen.sentence())
}

// usedCode finishes a sign-in, and brings its code again with a state of its own.
func usedCode(ctx context.Context, v *Visit) error {
	b, back, err := v.answer(ctx)
	if err != nil || back == nil {
		return err
	}
	if err := b.open(ctx, back); err != nil {
		return err
	}
	if err := v.well(); err != nil {
		return err
	}
	other, fresh, err := v.answer(ctx)
	if err != nil || fresh == nil {
		return err
	}
	q := fresh.Query()
	q.Set(oidc.Code, back.Query().Get(oidc.Code))
	fresh.RawQuery = q.Encode()
	return other.open(ctx, fresh)
}

// markup returns the user with markup, and looks whether the page has it.
func markup(ctx context.Context, v *Visit) error {
	const evil = "<b id=ssocheck>x</b>"
	b, back, err := v.answer(ctx)
	if err != nil || back == nil {
		return err
	}
	back.RawQuery = url.Values{"error": {evil}, "error_description": {evil}, oidc.State: {back.Query().Get(oidc.State)}}.Encode()
	page, err := b.Follow(ctx, back.String())
	if err != nil {
		return err
	}
	v.Fact("markup on the page", "no")
	if strings.Contains(page.Body, evil) {
		v.Fact("markup on the page", "as markup")
	}
	return b.See(ctx, page)
}

// posted sends the authorization response as a form of the provider's page does.
func posted(ctx context.Context, v *Visit) error {
	b, back, err := v.answer(ctx)
	if err != nil || back == nil {
		return err
	}
	form := back.Query()
	back.RawQuery = ""
	page, err := b.post(ctx, back.String(), form, v.b.Authentik.URL)
	if err != nil {
		return err
	}
	return b.See(ctx, page)
}

// passedOn judges whether the code came to the token endpoint.
func passedOn(code string) func(*Seen) check.Verdict {
	return func(s *Seen) check.Verdict {
		for _, r := range s.asked(func(r provider.Request) bool { return r.Endpoint == oidc.Token }) {
			if r.Code == code {
				return check.Conforming
			}
		}
		return check.Stricter
	}
}
