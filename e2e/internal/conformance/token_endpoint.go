package conformance

import (
	"context"
	"net/http"
	"strings"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
)

const crashPage = "a server error stands in for an error page"

// tokenTests are about the token response.
func tokenTests() []*Test {
	const ok, bad = "RFC 6749 5.1", "RFC 6749 5.2"
	set := provider.Set
	return as(TokenEndpoint, []Test{
		{
			ID: "rp-token-invalid_grant", Row: "6.1", Clause: bad, Should: Refuse, Severity: check.High, Means: "a refused code signs in",
			Title: "invalid_grant ends the sign-in", Provider: "answers 400 invalid_grant", Script: response(provider.Answer{Status: http.StatusBadRequest, Body: `{"error":"invalid_grant"}`}),
		},
		{
			ID: "rp-token-invalid_client", Row: "6.2", Clause: bad, Should: Refuse, Severity: check.High, Means: "a refused client signs in",
			Title: "invalid_client ends the sign-in", Provider: "answers 401 invalid_client", Script: response(provider.Answer{Status: http.StatusUnauthorized, Body: `{"error":"invalid_client"}`}),
		},
		{
			ID: "rp-token-500", Row: "6.3", Clause: bad, Should: Refuse, Severity: check.Low, Means: "an error of the provider signs in",
			Title: "A token response 500 ends the sign-in", Provider: "answers 500", Script: response(status(http.StatusInternalServerError)),
		},
		{
			ID: "rp-token-html", Row: "6.4", Clause: ok, Should: Refuse, Severity: check.Low, Means: "a page of a proxy signs in",
			Title: "A page in place of the tokens ends the sign-in", Provider: "answers with an HTML page", Script: response(htmlPage()),
		},
		{
			ID: "rp-token-hangs", Row: "6.5", Clause: "RFC 9110 (a time limit is good practice)", Slow: true, Should: Refuse, Severity: check.Low, Means: "a provider that hangs ties up Paperless-ngx",
			Title: "A token request that is not answered is given up", Provider: "does not answer the token request", Script: response(provider.Answer{Silent: true}),
		},
		{
			ID: "rp-token-drips", Row: "6.6", Clause: "RFC 9110 (a time limit is good practice)", Slow: true, Should: Refuse, Severity: check.Low, Means: "the time limit holds for each read only: a provider can hold a request open as long as it likes",
			Title: "A token response that drips is given up", Provider: "sends the token response piece by piece", Script: response(provider.Answer{Drip: true}),
		},
		{
			ID: "rp-token-type-missing", Row: "6.7", Clause: ok, Should: Refuse, Severity: check.None, Means: "no harm in practice",
			Title: "A token response without token_type is refused", Provider: "leaves token_type out", Script: response(change(provider.Drop("token_type"))),
		},
		{
			ID: "rp-token-type-unknown", Row: "6.8", Clause: "RFC 6749 5.1, 7.1", Should: Refuse, Severity: check.None, Means: "no harm in practice",
			Title: "An unknown token_type is refused", Provider: "sends token_type mac", Script: response(change(set("token_type", "mac"))),
		},
		{
			ID: "rp-token-type-case", Row: "6.9", Clause: ok, Should: Accept, Severity: check.Low, Means: "such providers cannot be used",
			Title: "token_type counts without its case", Provider: "sends token_type bearer in small letters", Script: response(change(set("token_type", "bearer"))),
		},
		{
			ID: "rp-token-access_token-missing", Row: "6.10", Clause: ok, Should: Refuse, Severity: check.Medium, Means: "a response without an access token signs in",
			Title: "A token response without an access token is refused", Provider: "leaves the access token out", Script: response(change(provider.Drop("access_token"))),
		},
		{
			ID: "rp-token-access_token-empty", Row: "6.11", Clause: ok, Should: Refuse, Severity: check.Low, Means: "an empty access token is used; a provider that checks it answers 401",
			Title: "An empty access token is refused", Provider: "sends an empty access token, and takes any", Script: response(change(set("access_token", ""))),
		},
		{
			ID: "rp-token-access_token-null", Row: "6.12", Clause: ok, Should: Refuse, Severity: check.Low, Means: "the word None is sent as access token; a provider that checks it answers 401",
			Title: "An access token that is null is refused", Provider: "sends null as access token, and takes any", Script: response(change(set("access_token", nil))),
		},
		{
			ID: "rp-token-access_token-number", Row: "6.13", Clause: ok, Should: Refuse, Severity: check.Low, Means: "a number is sent as access token; a provider that checks it answers 401",
			Title: "An access token that is a number is refused", Provider: "sends a number as access token, and takes any", Script: response(change(set("access_token", 7))),
		},
		{
			ID: "rp-token-access_token-lines", Row: "6.14", Clause: "RFC 6750 2.1", Should: Refuse, Severity: check.Medium, Means: "a provider can add headers to the requests of Paperless-ngx",
			Title: "An access token with line ends is refused", Provider: "sends an access token with line ends", Script: response(change(set("access_token", "a\r\nX-Ssocheck: 1"))),
		},
		{
			ID: "rp-token-huge", Row: "6.15", Clause: "RFC 9110 (a limit is good practice)", Should: Refuse, Severity: check.Low, Means: "a provider can fill the memory",
			Title: "A token response of 20 MB is refused", Provider: "sends a token response of 20 MB", Script: response(provider.Answer{Padding: 20 << 20}),
		},
		{
			ID: "rp-token-error-huge", Row: "6.16", Clause: bad, Severity: check.Low, Means: "a provider can fill the log: it takes the whole response",
			Title: "Of a huge error only the start is logged", Provider: "answers 400 with a body of 1 MB", Run: logged, Judge: fact("longest line of the log", "the whole response"),
			Script: response(provider.Answer{Status: http.StatusBadRequest, Body: `{"error":"invalid_grant","error_description":"` + strings.Repeat("y", 1<<20) + `"}`}),
		},
		{
			ID: "rp-token-error-log-lines", Row: "6.17", Clause: bad, Severity: check.Medium, Means: "a provider can write lines of its own into the log",
			Title: "An error with line ends makes no lines in the log", Provider: "answers 400 with a body that looks like a log line", Run: logged, Judge: fact("line of its own", "yes"),
			Script: response(provider.Answer{Status: http.StatusBadRequest, Body: "{}\n[2026-01-01 00:00:00] ssocheck-own-line", Type: "text/plain"}),
		},
		{
			ID: "rp-token-redirect-path", Row: "6.18", Clause: bad, Severity: check.Low, Means: "the request is repeated as a GET, with Basic also the secret",
			Title: "A redirect of the token request to another path is not followed", Provider: "redirects (302) to another path of the same host",
			Script: response(to(http.StatusFound, "{origin}"+authentik.TokenPath+"?again")), Judge: func(s *Seen) check.Verdict {
				if len(s.asked(func(r provider.Request) bool { return r.Endpoint == oidc.Token })) > 1 {
					return check.Weaker
				}
				return check.Conforming
			},
		},
		{
			ID: "rp-token-redirect-host", Row: "6.19", Clause: "RFC 9700 4.12", Should: Refuse, Severity: check.Medium,
			Means: "code and verifier go to another host, and so does the client secret where it is in the body",
			Title: "A redirect (307) of the token request to another host is not followed", Provider: "redirects (307) to another host",
			Script: response(to(http.StatusTemporaryRedirect, "{elsewhere}"+authentik.TokenPath)), Run: secretSent,
		},
		{
			ID: "rp-token-redirect-host-post", Row: "6.20", Clause: "RFC 9700 4.12", Should: Refuse, Severity: check.Medium, Means: "the client secret goes to another host",
			Title: "With client_secret_post such a redirect is not followed", Provider: "offers client_secret_post only and redirects (307) to another host",
			Script: provider.Script{Discovery: change(set(methods, []any{oidc.SecretPost})), Token: to(http.StatusTemporaryRedirect, "{elsewhere}"+authentik.TokenPath)}, Run: secretSent,
		},
		{
			ID: "rp-token-redirect-http", Row: "6.21", Clause: "RFC 6749 3.2", Should: Refuse, Severity: check.Medium, Means: "secret, code and verifier go out without TLS",
			Title: "A redirect (307) of the token request to plain http is not followed", Provider: "offers client_secret_post only and redirects (307) to http",
			Script: provider.Script{Discovery: change(set(methods, []any{oidc.SecretPost})), Token: to(http.StatusTemporaryRedirect, "{plain}"+authentik.TokenPath)}, Run: secretSent,
		},
		{
			ID: "rp-token-200-error", Row: "6.22", Clause: bad, Should: Refuse, Severity: check.Medium, Means: "an error signs in",
			Title: "An error with status 200 ends the sign-in", Provider: "answers 200 with an error", Script: response(body(`{"error":"invalid_grant"}`)),
		},
		{
			ID: "rp-token-201", Row: "6.23", Clause: ok, Should: Either, Severity: check.Low, Means: "such providers cannot be used",
			Title: "A token response 201 makes no crash", Provider: "answers 201 with right tokens", Script: response(provider.Answer{Status: http.StatusCreated}),
		},
		{
			ID: "rp-token-content-type", Row: "6.24", Clause: ok, Should: Either, Severity: check.Low, Means: "such providers cannot be used",
			Title: "Another Content-Type makes no crash", Provider: "sends right tokens as text/plain", Script: response(provider.Answer{Type: "text/plain"}),
		},
		{
			ID: "rp-token-form", Row: "6.25", Clause: ok, Should: Refuse, Severity: check.None, Means: "no harm in practice",
			Title: "A form-encoded token response is refused", Provider: "sends the tokens form-encoded", Script: response(provider.Answer{Body: "access_token=access-form&token_type=Bearer", Type: "application/x-www-form-urlencoded"}),
		},
		{
			ID: "rp-token-no-content-type", Row: "6.26", Clause: ok, Should: Either, Severity: check.Low, Means: crashPage,
			Title: "A token response without Content-Type makes no crash", Provider: "sends right tokens without Content-Type", Script: response(provider.Answer{Type: "-"}),
		},
		{
			ID: "rp-token-broken-json", Row: "6.27", Clause: ok, Should: Refuse, Severity: check.Low, Means: "a broken response signs in",
			Title: "Broken JSON ends the sign-in", Provider: "sends broken JSON", Script: response(body(`{"access_token": `)),
		},
		{
			ID: "rp-token-list", Row: "6.28", Clause: ok, Should: Refuse, Severity: check.Low, Means: crashPage,
			Title: "A token response that is a list ends the sign-in", Provider: "sends a list", Script: response(body(`["access_token"]`)),
		},
		{
			ID: "rp-token-expires_in-word", Row: "6.29", Clause: ok, Should: Either, Severity: check.Low, Means: crashPage,
			Title: "An expires_in that is a word makes no crash", Provider: "sends a word as expires_in", Script: response(change(set("expires_in", "soon"))),
		},
		{
			ID: "rp-token-expires_in-negative", Row: "6.30", Clause: ok, Should: Either, Severity: check.Low, Means: crashPage,
			Title: "A negative expires_in makes no crash", Provider: "sends -1 as expires_in", Script: response(change(set("expires_in", -1))),
		},
		{
			ID: "rp-token-expires_in-huge", Row: "6.31", Clause: ok, Should: Either, Severity: check.Low, Means: crashPage,
			Title: "An expires_in of 10^18 makes no crash", Provider: "sends 10^18 as expires_in", Script: response(change(set("expires_in", int64(1000000000000000000)))),
		},
		{
			ID: "rp-token-scope", Row: "6.32", Clause: ok + "; OIDC Core 3.1.2.1", Should: Either, Severity: check.Low, Means: "such providers cannot be used",
			Title: "A scope without openid makes no crash", Provider: "answers a scope without openid", Script: response(change(set("scope", "email"))),
		},
		{
			ID: "rp-token-503", Row: "6.33", Clause: "RFC 9110 10.2.3", Should: Refuse, Severity: check.Low, Means: "a code is brought twice",
			Title: "After 503 the code is not brought again", Provider: "answers 503 with Retry-After", Judge: func(s *Seen) check.Verdict {
				if s.Outcome != Refused || len(s.asked(func(r provider.Request) bool { return r.Endpoint == oidc.Token })) > 1 {
					return check.Weaker
				}
				return check.Conforming
			},
			Script: response(provider.Answer{Status: http.StatusServiceUnavailable, Body: "{}", Header: http.Header{"Retry-After": {"1"}}}),
		},
	})
}

const methods = "token_endpoint_auth_methods_supported"

// secretSent signs in, and notes whether the client secret came to the other host.
func secretSent(ctx context.Context, v *Visit) error {
	if err := once(ctx, v); err != nil {
		return err
	}
	v.Fact("sent to the other host", "nothing")
	for _, r := range v.Play.Requests() {
		if r.Endpoint != oidc.Token || !r.Elsewhere {
			continue
		}
		v.Fact("sent to the other host", "code and verifier")
		if r.Secret {
			v.Fact("sent to the other host", "code, verifier and client secret")
		}
	}
	return nil
}

// clientTests are about how the relying party authenticates itself.
func clientTests() []*Test {
	const clause = "RFC 6749 2.3.1; OIDC Core 9; OIDC Discovery 3"
	offers := func(list any) provider.Script { return discovery(change(provider.Set(methods, list))) }
	return as(TokenEndpoint, []Test{
		{
			ID: "rp-client-basic", Row: "6.40", Clause: clause, Module: "oidcc-client-test-client-secret-basic", Severity: check.High, Means: "nobody can sign in at such a provider",
			Title: "A provider that offers basic gets basic", Provider: "offers client_secret_basic only", Script: offers([]any{oidc.SecretBasic}), Judge: authenticates(oidc.SecretBasic),
		},
		{
			ID: "rp-client-post", Row: "6.41", Clause: clause, Severity: check.High, Means: "nobody can sign in at such a provider",
			Title: "A provider that offers post gets post", Provider: "offers client_secret_post only", Script: offers([]any{oidc.SecretPost}), Judge: authenticates(oidc.SecretPost),
		},
		{
			ID: "rp-client-both", Row: "6.42", Clause: clause, Severity: check.Medium, Means: "nobody can sign in at such a provider",
			Title: "A provider that offers both gets one of them", Provider: "offers client_secret_basic and client_secret_post", Run: method, Judge: authenticates(oidc.SecretBasic, oidc.SecretPost),
		},
		{
			ID: "rp-client-no-list", Row: "6.43", Clause: clause, Severity: check.Medium, Means: "the default, basic, is not used: a client that is registered for basic is refused",
			Title: "A provider that lists no methods gets basic, the default", Provider: "lists no methods", Script: discovery(change(provider.Drop(methods))), Judge: authenticates(oidc.SecretBasic),
		},
		{
			ID: "rp-client-empty-list", Row: "6.44", Clause: clause, Severity: check.None, Means: "no harm in practice",
			Title: "An empty list of methods gets no secret", Provider: "lists an empty list of methods", Script: offers([]any{}), Judge: noSecret,
		},
		{
			ID: "rp-client-private_key_jwt", Row: "6.45", Clause: clause, Severity: check.Low, Means: "the secret is sent in a way that was not offered",
			Title: "A provider that offers private_key_jwt only gets no secret", Provider: "offers private_key_jwt only", Script: offers([]any{"private_key_jwt"}), Judge: noSecret,
		},
		{
			ID: "rp-client-none", Row: "6.46", Clause: clause, Severity: check.Low, Means: "the secret is sent although none is wanted",
			Title: "A provider that offers none gets no secret", Provider: "offers none only", Script: offers([]any{"none"}), Judge: noSecret,
		},
		{
			ID: "rp-client-client_secret_jwt", Row: "6.47", Clause: clause, Module: "oidcc-client-test-client-secret-jwt", Severity: check.Low, Means: "the secret is sent as it is",
			Title: "A provider that offers client_secret_jwt only does not get the secret as it is", Provider: "offers client_secret_jwt only", Script: offers([]any{"client_secret_jwt"}), Judge: noSecret,
		},
		{
			ID: "rp-client-basic-encoding", Row: "6.48", Clause: "RFC 6749 2.3.1, appendix B", App: OddSecret, Severity: check.Medium, Matters: basicOnly, Means: "a provider that decodes as the standard says sees another id and another secret",
			Title: "With basic, id and secret are form-urlencoded", Provider: "has a client whose id and secret need encoding, and offers basic", Script: offers([]any{oidc.SecretBasic}), Judge: func(s *Seen) check.Verdict {
				for _, r := range s.asked(func(r provider.Request) bool { return r.Endpoint == oidc.Token }) {
					if r.Secret { // as it is
						return check.Weaker
					}
				}
				return check.Conforming
			},
		},
	})
}

func noSecret(s *Seen) check.Verdict {
	for _, r := range s.Requests {
		if r.Endpoint == oidc.Token && r.Auth != oidc.NoSecret {
			return check.Weaker
		}
	}
	return check.Conforming
}

// method notes how the relying party authenticates itself.
func method(ctx context.Context, v *Visit) error {
	err := once(ctx, v)
	for _, r := range v.Play.Requests() {
		if r.Endpoint == oidc.Token {
			v.Fact("client authentication", r.Auth)
		}
	}
	return err
}

// authenticates judges by the method of the token request.
func authenticates(want ...string) func(*Seen) check.Verdict {
	return func(s *Seen) check.Verdict {
		for _, r := range s.Requests {
			if r.Endpoint != oidc.Token {
				continue
			}
			for _, w := range want {
				if r.Auth == w && r.Secret {
					return check.Conforming
				}
			}
			return check.Weaker
		}
		return check.Stricter
	}
}

// logged signs in, and looks at what came into the log of Paperless-ngx.
func logged(ctx context.Context, v *Visit) error {
	if err := once(ctx, v); err != nil {
		return err
	}
	if v.t.Logs == nil {
		return check.Skipf("the log of Paperless-ngx cannot be read")
	}
	lines, err := v.t.Logs(ctx)
	if err != nil {
		return err
	}
	v.Fact("longest line of the log", "short")
	v.Fact("line of its own", "no")
	for _, l := range lines {
		if len(l.Text) > 100_000 {
			v.Fact("longest line of the log", "the whole response")
		}
		if strings.HasPrefix(strings.TrimSpace(l.Text), "[2026-01-01 00:00:00] ssocheck-own-line") {
			v.Fact("line of its own", "yes")
		}
	}
	return nil
}
