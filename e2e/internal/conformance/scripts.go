package conformance

import (
	"context"
	"net/http"

	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
)

// The scripts that are needed often, by what they change.

func claims(changes ...provider.Change) provider.Script {
	return provider.Script{IDToken: provider.IDToken{Claims: provider.All(changes...)}}
}

func header(changes ...provider.Change) provider.Script {
	return provider.Script{IDToken: provider.IDToken{Header: provider.All(changes...)}}
}

func signed(k provider.Key) provider.Script {
	return provider.Script{IDToken: provider.IDToken{Key: k}}
}

func response(a provider.Answer) provider.Script  { return provider.Script{Token: a} }
func userinfo(a provider.Answer) provider.Script  { return provider.Script{Userinfo: a} }
func discovery(a provider.Answer) provider.Script { return provider.Script{Discovery: a} }
func jwks(a provider.Answer) provider.Script      { return provider.Script{Keys: a} }

func change(changes ...provider.Change) provider.Answer {
	return provider.Answer{Change: provider.All(changes...)}
}

// body is an answer with a body of its own: a string as it is, else JSON.
func body(v any) provider.Answer { return provider.Answer{Body: v} }

func status(code int) provider.Answer {
	return provider.Answer{Status: code, Body: `{"error":"server_error"}`}
}

// to redirects.
func to(code int, where string) provider.Answer { return provider.Answer{Status: code, Where: where} }

const page = "<!doctype html><title>Bad gateway</title><p>Please try again later.</p>"

func htmlPage() provider.Answer {
	return provider.Answer{Status: http.StatusOK, Body: page, Type: "text/html"}
}

// After signs somebody in first, and then the user of the test, in another browser
// and at the same provider.
func after(first provider.Change) func(context.Context, *Visit) error {
	return afterWith(first, nil)
}

// afterWith also changes what the provider does meanwhile.
func afterWith(first provider.Change, script func(*provider.Script)) func(context.Context, *Visit) error {
	return func(ctx context.Context, v *Visit) error {
		second := v.Person("", v.Test.Person)
		v.Play.As(v.Person("-first", first))
		if err := once(ctx, v); err != nil {
			return err
		}
		before := *v.Seen
		v.Play.As(second)
		if script != nil {
			v.Play.Do(script)
		}
		if err := once(ctx, v); err != nil {
			return err
		}
		if before.Outcome == SignedIn && v.Seen.Outcome == SignedIn && before.Email == v.Seen.Email {
			v.Seen.Shared = "the user before"
		}
		return nil
	}
}
