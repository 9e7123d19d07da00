package conformance

import (
	"context"
	"net/http"
	"time"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
	"github.com/ssocheck/ssocheck/e2e/internal/oidc"
)

// discoveryTests are about the discovery document and the JWKS.
func discoveryTests() []*Test {
	const clause, required, issuer = "OIDC Discovery 4.2", "OIDC Discovery 3", "OIDC Discovery 4.3"
	set, drop := provider.Set, provider.Drop
	foreign := func(endpoints ...string) provider.Change {
		paths := map[string]string{"authorization_endpoint": authentik.AuthorizationPath, "token_endpoint": authentik.TokenPath, "userinfo_endpoint": authentik.UserinfoPath}
		return func(doc map[string]any) {
			for _, name := range endpoints {
				doc[name] = "{elsewhere}" + paths[name]
			}
		}
	}
	return as(Discovery, []Test{
		{
			ID: "rp-discovery-issuer-other", Row: "7.1", Clause: issuer, Module: "oidcc-client-test-discovery-issuer-mismatch", Should: Refuse, Severity: check.Medium, Means: "a document of another provider counts",
			Title: "A document with another issuer than the ID token's is refused", Provider: "writes another issuer into its document", Script: discovery(change(set("issuer", "{elsewhere}/"))),
		},
		{
			ID: "rp-discovery-issuer-both-other", Row: "7.2", Clause: issuer, Should: Refuse, Severity: check.Low, Means: "the issuer is not compared with the configured address",
			Title: "A document with another issuer than the configured address is refused", Provider: "writes another issuer into its document and into the ID token",
			Script: provider.Script{Discovery: change(set("issuer", "{elsewhere}/")), IDToken: provider.IDToken{Claims: set("iss", "{elsewhere}/")}},
		},
		{
			ID: "rp-discovery-issuer-missing", Row: "7.3", Clause: required, Should: Refuse, Severity: check.Low, Means: crashPage,
			Title: "A document without issuer is refused", Provider: "leaves issuer out of its document", Script: discovery(change(drop("issuer"))),
		},
		{
			ID: "rp-discovery-jwks_uri-missing", Row: "7.4", Clause: required, Should: Refuse, Severity: check.Low, Means: crashPage,
			Title: "A document without jwks_uri is refused", Provider: "leaves jwks_uri out of its document", Script: discovery(change(drop("jwks_uri"))),
		},
		{
			ID: "rp-discovery-userinfo-missing", Row: "7.5", Clause: required, Should: Accept, Severity: check.Low, Means: "such providers need fetch_userinfo false",
			Title: "A provider without userinfo endpoint can be used", Provider: "leaves userinfo_endpoint out of its document", Script: discovery(change(drop("userinfo_endpoint"))),
		},
		{
			ID: "rp-discovery-userinfo-missing-unused", Row: "7.6", Clause: required, App: WithoutInfo, Should: Accept, Severity: check.Low, Matters: tokenOnly, Means: "such providers cannot be used",
			Title: "With fetch_userinfo false a provider without userinfo endpoint can be used", Provider: "leaves userinfo_endpoint out of its document", Script: discovery(change(drop("userinfo_endpoint"))),
		},
		{
			ID: "rp-discovery-token-missing", Row: "7.7", Clause: required, Should: Refuse, Severity: check.Low, Means: crashPage,
			Title: "A document without token_endpoint is refused", Provider: "leaves token_endpoint out of its document", Script: discovery(change(drop("token_endpoint"))),
		},
		{
			ID: "rp-discovery-authorization-missing", Row: "7.8", Clause: required, Should: Refuse, Severity: check.Low, Means: crashPage,
			Title: "A document without authorization_endpoint is refused", Provider: "leaves authorization_endpoint out of its document", Script: discovery(change(drop("authorization_endpoint"))),
		},
		{
			ID: "rp-discovery-authorization-script", Row: "7.10", Clause: "RFC 6749 3.1", Should: Refuse, Severity: check.High, Means: "a script would run in the browser",
			Title: "An authorization endpoint that is a script is refused", Provider: "names a javascript: address as authorization endpoint", Script: discovery(change(set("authorization_endpoint", "javascript:void(0)"))),
		},
		{
			ID: "rp-discovery-authorization-query", Row: "7.11", Clause: "RFC 6749 3.1", Should: Accept, Severity: check.Medium, Means: "providers with a query in that address cannot be used",
			Title: "A query of the authorization endpoint is kept", Provider: "has a query in its authorization endpoint", Script: discovery(change(set("authorization_endpoint", "{origin}"+authentik.AuthorizationPath+"?tenant=a"))),
			Run: ownQuery,
		},
		{
			ID: "rp-discovery-404", Row: "7.15", Clause: clause, Should: Refuse, Severity: check.Low, Means: crashPage,
			Title: "A document that is not there makes no crash", Provider: "answers 404 for its document", Script: discovery(provider.Answer{Status: http.StatusNotFound, Body: page, Type: "text/html"}),
		},
		{
			ID: "rp-discovery-500", Row: "7.16", Clause: clause, Should: Refuse, Severity: check.Low, Means: crashPage,
			Title: "An error in place of the document makes no crash", Provider: "answers 500 for its document", Script: discovery(status(http.StatusInternalServerError)),
		},
		{
			ID: "rp-discovery-html", Row: "7.17", Clause: clause, Should: Refuse, Severity: check.Low, Means: crashPage,
			Title: "A page in place of the document makes no crash", Provider: "answers with an HTML page for its document", Script: discovery(htmlPage()),
		},
		{
			ID: "rp-discovery-list", Row: "7.18", Clause: clause, Should: Refuse, Severity: check.Low, Means: crashPage,
			Title: "A document that is a list makes no crash", Provider: "sends a list as its document", Script: discovery(body("[]")),
		},
		{
			ID: "rp-discovery-later-500", Row: "7.39", Clause: clause, Should: Refuse, Severity: check.Low, Means: crashPage,
			Title: "A document that is gone at the callback makes no crash", Provider: "answers 500 for its document once the sign-in began", Script: provider.Script{Later: &provider.Answer{Status: http.StatusInternalServerError, Body: "{}"}},
		},
		{
			ID: "rp-discovery-redirect-path", Row: "7.27", Clause: clause, Should: Either, Severity: check.Low, Means: crashPage,
			Title: "A redirect of the document on the same host makes no crash", Provider: "redirects its document to another path", Run: moved,
			Script: discovery(to(http.StatusFound, "{issuer}moved"+oidc.WellKnown)),
		},
		{
			ID: "rp-discovery-redirect-host", Row: "7.28", Clause: issuer + ", 7.2", Should: Refuse, Severity: check.Medium, Means: "the document of another host counts, and accounts are made from its answers",
			Title: "A redirect of the document to another host is not followed", Provider: "redirects its document to another host, whose issuer it is", Run: moved,
			Script: provider.Script{Discovery: to(http.StatusFound, "{elsewhere}/moved"+oidc.WellKnown), IDToken: provider.IDToken{Claims: set("iss", "{elsewhere}/")}},
		},
		{
			ID: "rp-discovery-redirect-http", Row: "7.29", Clause: "OIDC Discovery 7.1", Should: Refuse, Severity: check.Low, Means: "a document that came without TLS counts",
			Title: "A redirect of the document to plain http is not followed", Provider: "redirects its document to http", Run: moved,
			Script: discovery(to(http.StatusFound, "{plain}/moved"+oidc.WellKnown)),
		},
		{
			ID: "rp-discovery-huge", Row: "7.30", Clause: "RFC 9110 (a limit is good practice)", Should: Refuse, Severity: check.Low, Means: "a provider can fill the memory, and any visitor can make it be asked",
			Title: "A document of 20 MB is refused", Provider: "sends a document of 20 MB", Script: discovery(provider.Answer{Padding: 20 << 20}),
		},
		{
			ID: "rp-discovery-token-moves", Row: "7.40", Clause: issuer + "; RFC 9700 4.4", Should: Refuse, Severity: check.Low, Means: "the code goes wherever the newest document says",
			Title: "The token endpoint of the start is kept", Provider: "names a token endpoint of another host once the sign-in began",
			Script: provider.Script{Later: &provider.Answer{Change: foreign("token_endpoint")}}, Run: secretSent,
		},
		{
			ID: "rp-discovery-all-foreign", Row: "7.41", Clause: issuer, Should: Refuse, Severity: check.Low, Means: "the issuer is not compared with the configured address",
			Title: "A document of ours that names another provider is refused", Provider: "names issuer and endpoints of another host in its document",
			Script: provider.Script{
				Discovery: change(set("issuer", "{elsewhere}/"), foreign("authorization_endpoint", "token_endpoint", "userinfo_endpoint")), IDToken: provider.IDToken{Claims: set("iss", "{elsewhere}/")},
			},
		},
		{
			ID: "rp-discovery-jwks-empty", Row: "7.31", Clause: "OIDC Core 10.1", Should: Either, Severity: check.Low, Means: crashPage,
			Title: "An empty JWKS makes no crash", Provider: "sends a JWKS without keys", Script: jwks(body(`{"keys":[]}`)),
		},
		{
			ID: "rp-discovery-jwks-500", Row: "7.32", Clause: "OIDC Core 10.1", Should: Either, Severity: check.Low, Means: crashPage,
			Title: "A JWKS that cannot be read makes no crash", Provider: "answers 500 for its JWKS", Script: jwks(status(http.StatusInternalServerError)),
		},
		{
			ID: "rp-discovery-key-rotation", Row: "7.33", Clause: "OIDC Core 10.1.1", Module: "oidcc-client-test-signing-key-rotation", Should: Accept, Severity: check.Medium, Means: "new keys of the provider stop the sign-in",
			Title: "New keys between two sign-ins are no trouble", Provider: "has a new key at the second sign-in", Run: afterWith(nil, func(s *provider.Script) { s.IDToken.Key = provider.Elliptic }),
		},
		{
			ID: "rp-discovery-pkce-unlisted", Row: "7.34", Clause: "RFC 8414 2; RFC 9700 2.1.1", App: WithPKCE, Should: Accept, Severity: check.Low, Means: "such providers cannot be used",
			Title: "Without code_challenge_methods_supported the sign-in works", Provider: "leaves code_challenge_methods_supported out", Script: discovery(change(drop("code_challenge_methods_supported"))),
		},
		{
			ID: "rp-discovery-pkce-plain", Row: "7.35", Clause: "RFC 7636 4.2", App: WithPKCE, Severity: check.Low, Means: "the challenge is the verifier",
			Title: "Where only plain is listed, plain is not used", Provider: "lists plain only", Script: discovery(change(set("code_challenge_methods_supported", []any{"plain"}))), Judge: challenged,
		},
		{
			ID: "rp-discovery-response_types", Row: "7.36", Clause: required, Should: Either, Severity: check.Low, Means: crashPage,
			Title: "A list of response types without code makes no crash", Provider: "does not list code", Script: discovery(change(set("response_types_supported", []any{"id_token"}))),
		},
		{
			ID: "rp-discovery-algs", Row: "7.37", Clause: validation + " no. 7", Should: Either, Severity: check.Low, Means: crashPage,
			Title: "Another algorithm in the list than in the token makes no crash", Provider: "lists ES256 only and signs RS256", Script: discovery(change(set("id_token_signing_alg_values_supported", []any{"ES256"}))),
		},
		{
			ID: "rp-discovery-scopes", Row: "7.38", Clause: required, Should: Either, Severity: check.Low, Means: crashPage,
			Title: "A list of scopes without email and profile makes no crash", Provider: "lists openid only", Script: discovery(change(set("scopes_supported", []any{"openid"}))),
		},
	})
}

// transportTests are about TLS, names, and providers that do not answer.
func transportTests() []*Test {
	const tls, limit = "OIDC Discovery 7.1; RFC 9525", "RFC 9110 (a time limit is good practice)"
	set := provider.Set
	return as(Discovery, []Test{
		{
			ID: "rp-tls-authorization", Row: "7.9", Clause: "OIDC Core 3.1.2.1; RFC 6749 3.1", Should: Refuse, Severity: check.Medium, Means: "the browser is sent on without TLS",
			Title: "An authorization endpoint without TLS is refused", Provider: "names an authorization endpoint with http", Script: discovery(change(set("authorization_endpoint", "{plain}"+authentik.AuthorizationPath))),
		},
		{
			ID: "rp-tls-token", Row: "7.12", Clause: "RFC 6749 3.2", Should: Refuse, Severity: check.Medium, Means: "client secret, code and verifier go out without TLS, and what comes back counts",
			Title: "A token endpoint without TLS is refused", Provider: "names a token endpoint with http", Script: discovery(change(set("token_endpoint", "{plain}"+authentik.TokenPath))), Run: secretSent,
		},
		{
			ID: "rp-tls-userinfo", Row: "7.13", Clause: "OIDC Core 5.3; RFC 6750 5.3", Should: Refuse, Severity: check.Medium, Means: "the access token goes out without TLS, and the account comes from the answer",
			Title: "A userinfo endpoint without TLS is refused", Provider: "names a userinfo endpoint with http", Script: discovery(change(set("userinfo_endpoint", "{plain}"+authentik.UserinfoPath))),
		},
		{
			ID: "rp-tls-discovery", Row: "7.14", Clause: "OIDC Discovery 4", App: PlainHTTP, Should: Refuse, Severity: check.Medium, Means: "everything goes out without TLS",
			Matters: plainServer, Title: "A server_url without TLS is refused", Provider: "is reached by http", Script: discovery(change(set("issuer", "{issuer}"))),
		},
		{
			ID: "rp-server_url-slash", Row: "1.5", Clause: "OIDC Discovery 4", App: Slash, Should: Accept, Severity: check.Low, Matters: slashServer, Means: "the document is asked for with two slashes, and a provider that does not forgive that answers 404",
			Title: "A slash at the end of server_url is no trouble", Provider: "answers 404 for a path with two slashes", Script: discovery(provider.Answer{Status: http.StatusNotFound, Body: "{}"}),
		},
		{
			ID: "rp-network-refused", Row: "7.22", Clause: tls, App: Unreachable, Should: Refuse, Severity: check.Low, Means: crashPage,
			Title: "A provider that refuses connections makes no crash", Provider: "refuses connections",
		},
		{
			ID: "rp-network-name", Row: "7.23", Clause: tls, App: Unresolved, Should: Refuse, Severity: check.Low, Means: crashPage,
			Title: "A name that does not resolve makes no crash", Provider: "has a name that does not resolve",
		},
		{
			ID: "rp-network-hangs", Row: "7.19", Clause: limit, Slow: true, Should: Refuse, Severity: check.Low, Means: crashPage,
			Title: "A document that does not come is given up without a crash", Provider: "does not answer for its document", Script: discovery(provider.Answer{Silent: true}),
		},
		{
			ID: "rp-network-drips", Row: "7.20", Clause: limit, Slow: true, Should: Refuse, Severity: check.Low, Means: "the time limit holds for each read only: a provider can hold a request open as long as it likes",
			Title: "A document that drips is given up", Provider: "sends its document piece by piece", Script: discovery(provider.Answer{Drip: true}),
		},
		{
			ID: "rp-network-others-served", Row: "7.42", Clause: limit, Slow: true, Severity: check.Medium, Means: "one provider that hangs stops everybody",
			Title: "While one sign-in hangs, others are served", Provider: "does not answer the token request", Script: response(provider.Answer{Silent: true}), Run: meanwhile(1), Judge: fact("the sign-in page meanwhile", "waits"),
		},
		{
			ID: "rp-network-ten-hang", Row: "7.43", Clause: limit, Slow: true, Severity: check.Medium, Means: "a few sign-ins that hang stop everybody",
			Title: "While ten sign-ins hang, others are served", Provider: "does not answer for its document", Script: discovery(provider.Answer{Silent: true}), Run: meanwhile(10), Judge: fact("the sign-in page meanwhile", "waits"),
		},
	})
}

// ownQuery signs in, and follows the provider's address only where its query is whole.
func ownQuery(ctx context.Context, v *Visit) error {
	b, err := v.Browser()
	if err != nil {
		return err
	}
	request, page, err := b.Begin(ctx, v.Test.apps()[0], "")
	if err != nil {
		return err
	}
	if request == nil {
		return b.See(ctx, page)
	}
	v.Fact("query of the provider", request.Query().Get("tenant"))
	back, err := b.Authorize(ctx, request)
	if err != nil { // without a client id no provider knows where to return to
		v.Seen.Outcome = Refused
		return nil //nolint:nilerr // that is the result
	}
	return b.open(ctx, back)
}

// moved gives out the right document at the address where the redirect leads.
func moved(ctx context.Context, v *Visit) error {
	issuer := v.Play.Client().Issuer
	if v.Test.Script.IDToken.Claims != nil {
		issuer = "{elsewhere}/"
	}
	v.Play.Do(func(s *provider.Script) {
		s.Moved = &provider.Answer{Change: provider.Set("issuer", issuer)}
	})
	return once(ctx, v)
}

// challenged is weaker where the challenge of a start is not S256.
func challenged(s *Seen) check.Verdict {
	for _, r := range s.Requests {
		if r.Endpoint == oidc.Authorization && r.Query.Has(oidc.CodeChallenge) && r.Query.Get(oidc.CodeMethod) != "S256" {
			return check.Weaker
		}
	}
	return check.Conforming
}

// meanwhile lets sign-ins hang and asks for the sign-in page. That it waits is seen by
// the order of what ends, not by a clock: no page comes before a sign-in lets go.
func meanwhile(n int) func(context.Context, *Visit) error {
	return func(ctx context.Context, v *Visit) error {
		ended := make(chan struct{}, n)
		for range n {
			b, err := v.Browser()
			if err != nil {
				return err
			}
			go func() {
				_, _, _ = b.SignIn(ctx, v.Test.apps()[0], "") // that it fails is what the test makes
				ended <- struct{}{}
			}()
		}
		b, err := v.Browser()
		if err != nil {
			return err
		}
		v.Fact("the sign-in page meanwhile", "waits")
		v.hanging(n)
		for done := 0; done < n; {
			held := v.Play.Unanswered()
			if _, err := b.Get(ctx, v.base()+"/accounts/login/?loggedout=1"); err != nil {
				return err
			}
			select {
			case <-ended:
				done++
			case <-time.After(v.patience() / 20): // what let the page through has ended by then
				if done == 0 && held > 0 {
					v.Fact("the sign-in page meanwhile", "comes at once")
				}
			}
		}
		return nil
	}
}

// hanging waits until the provider holds as many requests as will come: n, or fewer
// where the relying party asks no more side by side.
func (v *Visit) hanging(n int) {
	tick := v.patience() / 10
	for before, same := 0, 0; same < 3; {
		held := v.Play.Unanswered()
		if held == n {
			return
		}
		same++
		if held != before {
			before, same = held, 0
		}
		time.Sleep(tick)
	}
}

func (v *Visit) patience() time.Duration { return v.p.Patience() }
