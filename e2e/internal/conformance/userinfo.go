package conformance

import (
	"net/http"

	"github.com/ssocheck/ssocheck/e2e/internal/authentik"
	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/conformance/provider"
)

// userinfoTests are about the userinfo response.
func userinfoTests() []*Test {
	const core, crashed = "OIDC Core 5.3.2", "a server error stands in for an error page"
	return as(Userinfo, []Test{
		{
			ID: "rp-userinfo-sub-other", Row: "5.1", Clause: core, Module: "oidcc-client-test-userinfo-invalid-sub", Should: Refuse, Severity: check.Medium, Means: "the userinfo decides whose account it is, whoever the ID token is for",
			Title: "A userinfo response for another user than the ID token's is refused", Provider: "sends the userinfo of another user", Script: userinfo(change(provider.Set("sub", "somebody-else-sub"))),
		},
		{
			ID: "rp-userinfo-sub-case", Row: "5.2", Clause: core, Should: Refuse, Severity: check.Low, Means: "the userinfo decides whose account it is",
			Title: "A userinfo response whose sub differs in case is refused", Provider: "writes sub in capitals in the userinfo", Script: userinfo(change(provider.Set("sub", "USERINFO-SUB-CASE-SUB"))),
		},
		{
			ID: "rp-userinfo-sub-missing", Row: "5.3", Clause: core, Should: Refuse, Severity: check.Low, Means: crashed,
			Title: "A userinfo response without sub is refused", Provider: "leaves sub out of the userinfo", Script: userinfo(change(provider.Drop("sub"))),
		},
		{
			ID: "rp-userinfo-empty", Row: "5.4", Clause: core, Should: Refuse, Severity: check.Low, Means: "the ID token's claims stand in, and its signature is not checked",
			Title: "An empty userinfo response is refused", Provider: "sends {} as userinfo", Script: userinfo(body(map[string]any{})),
		},
		{
			ID: "rp-userinfo-null", Row: "5.5", Clause: core, Should: Refuse, Severity: check.Low, Means: crashed + ", and an account without an owner is left behind",
			Title: "A userinfo response that is null is refused", Provider: "sends null as userinfo", Script: userinfo(body("null")),
		},
		{
			ID: "rp-userinfo-list", Row: "5.6", Clause: core, Should: Refuse, Severity: check.Low, Means: crashed,
			Title: "A userinfo response that is a list is refused", Provider: "sends a list as userinfo", Script: userinfo(body(`[{"sub":"x"}]`)),
		},
		{
			ID: "rp-userinfo-401", Row: "5.7", Clause: core + ", 5.3.3", Should: Refuse, Severity: check.Medium, Means: "a refused access token signs in",
			Title: "A userinfo response 401 ends the sign-in", Provider: "answers 401 at userinfo", Script: userinfo(status(http.StatusUnauthorized)),
		},
		{
			ID: "rp-userinfo-500", Row: "5.8", Clause: core, Should: Refuse, Severity: check.Low, Means: "an error of the provider signs in",
			Title: "A userinfo response 500 ends the sign-in", Provider: "answers 500 at userinfo", Script: userinfo(status(http.StatusInternalServerError)),
		},
		{
			ID: "rp-userinfo-html", Row: "5.9", Clause: core, Should: Refuse, Severity: check.Low, Means: "a page of a proxy signs in",
			Title: "A page in place of the userinfo ends the sign-in", Provider: "answers userinfo with an HTML page", Script: userinfo(htmlPage()),
		},
		{
			ID: "rp-userinfo-jwt", Row: "5.10", Clause: core, Module: "oidcc-client-test-userinfo-signed", Should: Either, Severity: check.Low, Means: "providers that sign the userinfo cannot be used",
			Title: "A signed userinfo response makes no crash", Provider: "sends the userinfo as a JWT", Script: userinfo(provider.Answer{Body: "e30.eyJzdWIiOiJ4In0.c2ln", Type: "application/jwt"}),
		},
		{
			ID: "rp-userinfo-content-type", Row: "5.11", Clause: core, Should: Either, Severity: check.Low, Means: "such providers cannot be used",
			Title: "Another Content-Type of the userinfo makes no crash", Provider: "sends the userinfo as text/html", Script: userinfo(provider.Answer{Type: "text/html"}),
		},
		{
			ID: "rp-userinfo-201", Row: "5.12", Clause: core, Should: Either, Severity: check.Low, Means: "such providers cannot be used",
			Title: "A userinfo response 201 makes no crash", Provider: "answers 201 at userinfo", Script: userinfo(provider.Answer{Status: http.StatusCreated}),
		},
		{
			ID: "rp-userinfo-redirect-host", Row: "5.13", Clause: "RFC 6750 5.2, 5.3", Should: Refuse, Severity: check.Low, Means: "claims of another host count; the access token does not go there",
			Title: "A redirect of userinfo to another host is not followed", Provider: "redirects userinfo to another host",
			Script: userinfo(to(http.StatusFound, "{elsewhere}"+authentik.UserinfoPath)),
		},
		{
			ID: "rp-userinfo-redirect-http", Row: "5.14", Clause: "RFC 6750 5.3", Should: Refuse, Severity: check.Low, Means: "claims that came without TLS count",
			Title: "A redirect of userinfo to plain http is not followed", Provider: "redirects userinfo to http",
			Script: userinfo(to(http.StatusFound, "{plain}"+authentik.UserinfoPath)),
		},
		{
			ID: "rp-userinfo-hangs", Row: "5.15", Clause: "RFC 9110 (a time limit is good practice)", Should: Refuse, Severity: check.Low, Means: "a provider that hangs ties up Paperless-ngx", Slow: true,
			Title: "A userinfo request that is not answered is given up", Provider: "does not answer userinfo", Script: userinfo(provider.Answer{Silent: true}),
		},
	})
}
