package conformance

import (
	"context"
	"net/url"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
)

// mixUpTests are about two providers that are taken for each other.
func mixUpTests() []*Test {
	const iss = "RFC 9207 2.4; RFC 9700 4.4.2"
	advertised := change(provider.Set("authorization_response_iss_parameter_supported", true))
	return as(MixUp, []Test{
		{
			ID: "rp-mix_up-iss-right", Row: "8.1", Clause: iss, Should: Accept, Severity: check.Medium, Means: "providers that send iss cannot be used",
			Title: "A right iss in the authorization response is no trouble", Provider: "returns the user with its issuer in iss", Script: provider.Script{Discovery: advertised, Callback: provider.Set("iss", "{issuer}")},
		},
		{
			ID: "rp-mix_up-iss-other", Row: "8.2", Clause: iss, Should: Refuse, Severity: check.Medium, Matters: several, Means: "iss is not read, so an answer of another provider counts",
			Title: "An iss of another provider is refused", Provider: "says that it sends iss, and sends another's", Script: provider.Script{Discovery: advertised, Callback: provider.Set("iss", "{elsewhere}/")},
		},
		{
			ID: "rp-mix_up-iss-missing", Row: "8.3", Clause: iss, Should: Refuse, Severity: check.Low, Matters: several, Means: "iss is not read",
			Title: "A missing iss is refused where it was promised", Provider: "says that it sends iss, and does not", Script: discovery(advertised),
		},
		{
			ID: "rp-mix_up-iss-unpromised", Row: "8.4", Clause: iss, Should: Refuse, Severity: check.Low, Matters: several, Means: "iss is not read, so an answer of another provider counts",
			Title: "An iss of another provider is refused also where none was promised", Provider: "sends another's iss", Script: provider.Script{Callback: provider.Set("iss", "{elsewhere}/")},
		},
		{
			ID: "rp-mix_up-callback-other", Row: "8.5", Also: []App{Second}, Clause: "RFC 9700 4.4.2.2", Should: Refuse, Severity: check.Medium, Matters: several, Means: "state is not tied to the provider that it was made for",
			Title: "A sign-in begun at one provider is not finished at the callback of another", Provider: "two of them: the state is of the second, the code of the first", Run: crossed(Second, OwnApp),
		},
		{
			ID: "rp-mix_up-code-to-other", Row: "8.6", Also: []App{Second}, Clause: "RFC 9700 4.4.1, 4.4.2.2", Severity: check.Medium, Matters: several, Means: "the code and the verifier of one provider are sent to the token endpoint of another",
			Title: "A code is not sent to the token endpoint of another provider", Provider: "two of them: state and code are of the first, the callback of the second", Run: carried, Judge: fact("code of the first provider at the second", "yes"),
		},
	})
}

// second plays a provider that conforms for another app.
func (v *Visit) second(app App) *provider.Play {
	c, _ := client(v.b, app)
	return v.p.Play(c, provider.Script{}, v.Person("-second", nil))
}

// callbackOf is a callback as if it were another app's.
func (v *Visit) callbackOf(back *url.URL, from, to App) *url.URL {
	u := *back
	u.Path = strings.Replace(u.Path, "/"+providerID(v.b, from)+"/login/", "/"+providerID(v.b, to)+"/login/", 1)
	return &u
}

// crossed starts at one app, and finishes at the callback of another with a code of that.
func crossed(start, finish App) func(context.Context, *Visit) error {
	return func(ctx context.Context, v *Visit) error {
		v.second(start)
		b, err := v.Browser()
		if err != nil {
			return err
		}
		begun, page, err := b.Begin(ctx, start, "")
		if err != nil {
			return err
		}
		if begun == nil {
			return b.See(ctx, page)
		}
		// The code is of the other provider, asked for by somebody else; the verifier
		// is not the one that it was asked for with.
		v.Play.Do(func(s *provider.Script) { s.Lax = true })
		other, err := v.Browser()
		if err != nil {
			return err
		}
		back, err := other.answer(ctx, finish)
		if err != nil || back == nil {
			return err
		}
		q := back.Query()
		q.Set(oidc.State, begun.Query().Get(oidc.State))
		back.RawQuery = q.Encode()
		return b.open(ctx, back)
	}
}

// carried brings the whole answer of one provider to the callback of another.
func carried(ctx context.Context, v *Visit) error {
	second := v.second(Second)
	b, err := v.Browser()
	if err != nil {
		return err
	}
	back, err := b.answer(ctx, OwnApp)
	if err != nil || back == nil {
		return err
	}
	v.Play.Do(func(s *provider.Script) { s.Token = provider.Answer{Status: 400, Body: `{"error":"invalid_client"}`} })
	v.Fact("code of the first provider at the second", "no")
	before := len(v.Play.Requests())
	if err := b.open(ctx, v.callbackOf(back, OwnApp, Second)); err != nil {
		return err
	}
	for _, r := range append(v.Play.Requests()[before:], second.Requests()...) {
		if r.Endpoint == oidc.Token && r.Client != v.Play.Client().ID {
			v.Fact("code of the first provider at the second", "yes")
		}
	}
	return nil
}
