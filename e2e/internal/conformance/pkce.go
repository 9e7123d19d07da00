package conformance

import (
	"context"
	"net/url"
	"strconv"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
)

// pkceTests are about PKCE, and about codes that were asked for by somebody else.
func pkceTests() []*Test {
	const clause, injection = "RFC 7636 4; RFC 9700 2.1.1", "RFC 9700 4.5; RFC 7636 1"
	const stolen = "a code that was stolen signs in whoever brings it"
	return as(PKCE, []Test{
		{
			ID: "rp-pkce-used", Row: "B.1.1", Clause: "RFC 9700 2.1.1", Severity: check.Medium, Means: "neither PKCE nor a nonce ties the code to the browser that asked", Remedy: "SEC-PKCE", Depends: pkceOff,
			Title: "The configuration uses PKCE, or a nonce", Provider: "does everything right", Run: once, Judge: bound,
		},
		{
			ID: "rp-pkce-off", Row: "1.3", Clause: "RFC 9700 2.1.1; OIDC Core 3.1.2.1", App: WithoutPKCE, Severity: check.Medium, Matters: pkceOff, Means: "neither PKCE nor a nonce ties the code to the browser that asked", Remedy: "SEC-PKCE",
			Title: "Without PKCE the request has a nonce", Provider: "does everything right", Run: once, Judge: bound,
		},
		{
			ID: "rp-pkce-verifiers", Row: "9.1", Clause: clause + "; RFC 6749 10.10", App: WithPKCE, Severity: check.Medium, Means: "verifiers could be guessed",
			Title: "Verifiers and states are long, and never the same twice", Provider: "notes challenge, verifier and state of six sign-ins", Run: verifiers, Judge: fact("verifiers and states", "weak"),
		},
		{
			ID: "rp-pkce-injection", Row: "9.2", Clause: injection, Should: Refuse, Severity: check.Medium, Means: stolen, Remedy: "SEC-PKCE", Depends: pkceOff,
			Title: "A code of somebody else with a state of one's own is refused", Provider: "checks the verifier; the browser brings the code of somebody else", Run: injected(false),
		},
		{
			ID: "rp-pkce-injection-off", Row: "9.3", Clause: injection, App: WithoutPKCE, Should: Refuse, Severity: check.Medium, Matters: pkceOff, Means: stolen, Remedy: "SEC-PKCE",
			Title: "Without PKCE a nonce refuses a code of somebody else", Provider: "does everything right; the browser brings the code of somebody else", Run: injected(false),
		},
		{
			ID: "rp-pkce-injection-lax", Row: "9.4", Clause: injection, App: WithPKCE, Should: Refuse, Severity: check.Low, Means: "there is no second line, such as a nonce, where the provider does not check the verifier",
			Title: "A nonce refuses such a code where the provider does not check the verifier", Provider: "does not check the verifier; the browser brings the code of somebody else", Run: injected(true),
		},
	})
}

// bound is conforming where the request has a challenge or a nonce.
func bound(s *Seen) check.Verdict {
	for _, r := range s.Requests {
		if r.Endpoint == oidc.Authorization && !r.Query.Has(oidc.CodeChallenge) && !r.Query.Has(oidc.Nonce) {
			return check.Weaker
		}
	}
	return check.Conforming
}

// injected brings the code of somebody else with a state of one's own.
func injected(lax bool) func(context.Context, *Visit) error {
	return func(ctx context.Context, v *Visit) error {
		v.Play.Do(func(s *provider.Script) { s.Lax = lax })
		_, stolen, err := v.answer(ctx)
		if err != nil || stolen == nil {
			return err
		}
		v.Play.As(v.Person("-attacker", nil))
		b, own, err := v.answer(ctx)
		if err != nil || own == nil {
			return err
		}
		q := own.Query()
		q.Set(oidc.Code, stolen.Query().Get(oidc.Code))
		own.RawQuery = q.Encode()
		return b.open(ctx, own)
	}
}

// verifiers signs in a few times, and compares what was sent.
func verifiers(ctx context.Context, v *Visit) error {
	const times = 6
	for range times {
		if err := once(ctx, v); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	weak := false
	for _, r := range v.Play.Requests() {
		switch r.Endpoint {
		case oidc.Authorization:
			state := r.Query.Get(oidc.State)
			weak = weak || seen[state] || len(state) < 16 || r.Query.Get(oidc.CodeMethod) != "S256"
			seen[state] = true
		case oidc.Token:
			code := r.Verifier()
			weak = weak || seen[code] || len(code) < 43 || len(code) > 128 || r.PKCE != provider.PKCEFits
			seen[code] = true
		}
	}
	v.Fact("verifiers and states", "strong")
	if weak || len(seen) != 2*times {
		v.Fact("verifiers and states", "weak")
	}
	v.Fact("sign-ins compared", strconv.Itoa(times))
	return nil
}

// query is a query in the address where a sign-in starts.
func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "?" + q.Encode()
}
