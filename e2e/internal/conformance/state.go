package conformance

import (
	"context"
	"net/url"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
)

// stateTests are about the state that ties an answer of the provider to the browser
// that asked.
func stateTests() []*Test {
	return as(State,
		&Test{
			ID: "rp-state-missing", Row: "2.1", Clause: "RFC 6749 10.12", Should: Refuse, Severity: check.High,
			Title: "An answer without state is refused", Provider: "sends the browser back without state",
			Means: "anybody could finish their own sign-in in somebody else's browser", Run: with(oidc.State, ""),
		},
	)
}

// with changes a parameter of the provider's answer; empty takes it away.
func with(name, value string) func(context.Context, *Visit) error {
	return answered(func(q url.Values) {
		if value == "" {
			q.Del(name)
			return
		}
		q.Set(name, value)
	})
}

// answered changes the provider's answer on its way through the browser.
func answered(change func(url.Values)) func(context.Context, *Visit) error {
	return func(ctx context.Context, v *Visit) error {
		b, err := v.Browser()
		if err != nil {
			return err
		}
		request, page, err := b.Begin(ctx, v.Test.App, "")
		if err != nil {
			return err
		}
		if request == nil {
			return b.See(ctx, page)
		}
		back, err := b.Authorize(ctx, request)
		if err != nil {
			return err
		}
		q := back.Query()
		change(q)
		back.RawQuery = q.Encode()
		if page, err = b.Follow(ctx, back.String()); err != nil {
			return err
		}
		return b.See(ctx, page)
	}
}
