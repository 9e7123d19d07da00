package conformance

import (
	"context"
	"fmt"
	"net/url"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
)

// stateTests are about the state that ties an answer of the provider to the browser
// that asked.
func stateTests() []*Test {
	const csrf = "RFC 6749 10.12; RFC 9700 4.7"
	const forged = "somebody could finish a sign-in of their own in the browser of somebody else"
	return as(State, []Test{
		{
			ID: "rp-state-missing", Row: "2.1", Clause: csrf, Module: "oidcc-client-test", Should: Refuse, Severity: check.High, Means: forged,
			Title: "An authorization response without state is refused", Provider: "returns the user without state",
			Run: with(oidc.State, ""),
		},
		{
			ID: "rp-state-wrong", Row: "2.2", Clause: csrf, Should: Refuse, Severity: check.High, Means: forged,
			Title: "An authorization response with another state is refused", Provider: "returns the user with a state that was never sent",
			Run: with(oidc.State, "AAAAAAAAAAAAAAAA"),
		},
		{
			ID: "rp-state-empty", Row: "2.3", Clause: csrf, Should: Refuse, Severity: check.High, Means: forged,
			Title: "An authorization response with an empty state is refused", Provider: "returns the user with an empty state",
			Run: answered(func(q url.Values) { q.Set(oidc.State, "") }),
		},
		{
			ID: "rp-state-replayed", Row: "2.4", Clause: csrf, Severity: check.High, Means: "an address out of a history or a log would sign in again",
			Title: "A state is accepted once", Provider: "answers as it should; the browser opens the callback a second time",
			Run: replayed, Judge: fact("second time", "accepted"),
		},
		{
			ID: "rp-state-other-browser", Row: "2.5", Clause: csrf, Should: Refuse, Severity: check.High, Means: forged,
			Title: "A state counts only in the browser that started the sign-in", Provider: "answers as it should; another browser opens the callback",
			Run: elsewhere(false),
		},
		{
			ID: "rp-state-other-session", Row: "2.6", Clause: csrf, Should: Refuse, Severity: check.High, Means: forged,
			Title: "A state counts only in its own session, also where another sign-in waits", Provider: "answers as it should; a browser with a sign-in of its own opens the callback",
			Run: elsewhere(true),
		},
		{
			ID: "rp-state-after-error", Row: "2.7", Clause: csrf, Should: Refuse, Severity: check.Medium, Means: "one state would serve twice",
			Title: "An error response uses up the state", Provider: "first returns an error, then a code with the same state",
			Run: afterError,
		},
		{
			ID: "rp-state-two-tabs", Row: "2.8", Clause: "RFC 9700 4.7.1", Should: Accept, Severity: check.Low, Means: "whoever opens two tabs cannot sign in",
			Title: "Two sign-ins of one browser do not disturb each other", Provider: "answers both; the older one is finished first",
			Run: tabs(2),
		},
		{
			ID: "rp-state-many-tabs", Row: "2.9", Clause: "RFC 9700 4.7.1", Should: Either, Severity: check.Low, Means: "sign-ins that were begun end in an error",
			Title: "Twelve sign-ins begun in one browser make no trouble", Provider: "answers the oldest of twelve",
			Run: tabs(12),
		},
		{
			ID: "rp-state-twice-wrong-last", Row: "2.10", Clause: "RFC 6749 3.1", Should: Refuse, Severity: check.Low, Means: "the wrong one of two values would count",
			Title: "Of two states a wrong one is not accepted", Provider: "returns the user with two states, the wrong one last",
			Run: answered(func(q url.Values) { q.Add(oidc.State, "AAAAAAAAAAAAAAAA") }),
		},
		{
			ID: "rp-state-twice-right-last", Row: "2.11", Clause: "RFC 6749 3.1", Should: Either, Severity: check.Low, Means: "a parameter that comes twice stops the sign-in",
			Title: "A state that comes twice does no harm", Provider: "returns the user with two states, the right one last",
			Run: answered(func(q url.Values) { q[oidc.State] = append([]string{"AAAAAAAAAAAAAAAA"}, q[oidc.State]...) }),
		},
		{
			ID: "rp-state-nopkce-missing", Row: "2.12", Clause: csrf, App: WithoutPKCE, Should: Refuse, Severity: check.High, Means: forged,
			Title: "Without PKCE, too, an authorization response needs its state", Provider: "returns the user without state",
			Run: with(oidc.State, ""),
		},
		{
			ID: "rp-state-nopkce-wrong", Row: "2.13", Clause: csrf, App: WithoutPKCE, Should: Refuse, Severity: check.High, Means: forged,
			Title: "Without PKCE, too, another state is refused", Provider: "returns the user with a state that was never sent",
			Run: with(oidc.State, "AAAAAAAAAAAAAAAA"),
		},
		{
			ID: "rp-state-nopkce-other-browser", Row: "2.14", Clause: csrf, App: WithoutPKCE, Should: Refuse, Severity: check.High, Means: forged,
			Title: "Without PKCE, too, a state counts only in the browser that started the sign-in", Provider: "answers as it should; another browser opens the callback",
			Run: elsewhere(false),
		},
	})
}

// with changes a parameter of the authorization response; empty takes it away.
func with(name, value string) func(context.Context, *Visit) error {
	return answered(func(q url.Values) {
		if value == "" {
			q.Del(name)
			return
		}
		q.Set(name, value)
	})
}

// answered changes the authorization response on its way through the browser.
func answered(change func(url.Values)) func(context.Context, *Visit) error {
	return func(ctx context.Context, v *Visit) error {
		b, back, err := v.answer(ctx)
		if err != nil || back == nil {
			return err
		}
		q := back.Query()
		change(q)
		back.RawQuery = q.Encode()
		return b.open(ctx, back)
	}
}

// answer starts a sign-in in a new browser and returns where the provider leads;
// nil: it never came to that, and what was seen is noted.
func (v *Visit) answer(ctx context.Context) (*Browser, *url.URL, error) {
	b, err := v.Browser()
	if err != nil {
		return nil, nil, err
	}
	back, err := b.answer(ctx, v.Test.apps()[0])
	return b, back, err
}

func (b *Browser) answer(ctx context.Context, app App) (*url.URL, error) {
	request, page, err := b.Begin(ctx, app, "")
	if err != nil {
		return nil, err
	}
	if request == nil {
		return nil, b.See(ctx, page)
	}
	return b.Authorize(ctx, request)
}

// open opens the callback, and looks.
func (b *Browser) open(ctx context.Context, back *url.URL) error {
	page, err := b.Follow(ctx, back.String())
	if err != nil {
		return err
	}
	return b.See(ctx, page)
}

// elsewhere opens the callback in another browser.
func elsewhere(pending bool) func(context.Context, *Visit) error {
	return func(ctx context.Context, v *Visit) error {
		_, back, err := v.answer(ctx)
		if err != nil || back == nil {
			return err
		}
		other, err := v.Browser()
		if err != nil {
			return err
		}
		if pending {
			if _, err := other.answer(ctx, v.Test.apps()[0]); err != nil {
				return err
			}
		}
		return other.open(ctx, back)
	}
}

// replayed opens the callback a second time.
func replayed(ctx context.Context, v *Visit) error {
	b, back, err := v.answer(ctx)
	if err != nil || back == nil {
		return err
	}
	if err := b.open(ctx, back); err != nil {
		return err
	}
	if v.Seen.Outcome != SignedIn && v.Seen.Outcome != SignUp {
		return fmt.Errorf("the callback of a right sign-in ended %s the first time (status %d)", v.Seen.Outcome, v.Seen.Status)
	}
	asked := len(v.Play.Requests())
	page, err := b.Get(ctx, back.String())
	if err != nil {
		return err
	}
	v.Fact("second time", "refused")
	if page.Location != nil || len(v.Play.Requests()) > asked {
		v.Fact("second time", "accepted")
	}
	v.Seen.Status = page.Status
	return nil
}

// afterError opens the callback with an error first.
func afterError(ctx context.Context, v *Visit) error {
	b, back, err := v.answer(ctx)
	if err != nil || back == nil {
		return err
	}
	failed := *back
	failed.RawQuery = url.Values{"error": {"server_error"}, oidc.State: {back.Query().Get(oidc.State)}}.Encode()
	if _, err := b.Get(ctx, failed.String()); err != nil {
		return err
	}
	return b.open(ctx, back)
}

// tabs starts several sign-ins in one browser and finishes the oldest.
func tabs(n int) func(context.Context, *Visit) error {
	return func(ctx context.Context, v *Visit) error {
		b, back, err := v.answer(ctx)
		if err != nil || back == nil {
			return err
		}
		for range n - 1 {
			if _, _, err := b.Begin(ctx, v.Test.apps()[0], ""); err != nil {
				return err
			}
		}
		return b.open(ctx, back)
	}
}
