package lab_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e/internal/check"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/lab"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/target"
)

// A gap is something that the lab is asked and does not know. It says so; it
// never guesses.
type gap struct {
	what   string // in the docs
	note   string // after "lab: not modelled: "
	change func(*deployment.Deployment)
	ask    func(t *testing.T, tg *target.Target)
}

const idp = "https://authentik.example.com"

// gets asks for a page with nobody signed in.
func gets(page string) func(*testing.T, *target.Target) {
	return func(t *testing.T, tg *target.Target) {
		t.Helper()
		c, err := tg.Client()
		require.NoError(t, err)
		res, err := c.Do(httpGet(t, page))
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
	}
}

func authorize(more string) string {
	return idp + "/application/o/authorize/?client_id=paperless-client&redirect_uri=" +
		url.QueryEscape(origin+"/accounts/oidc/authentik/login/callback/") + "&scope=openid&state=s&" + more
}

// signsIn presses the button and signs in as the first person, as far as it gets.
func signsIn(t *testing.T, tg *target.Target) {
	t.Helper()
	c, err := tg.Client()
	require.NoError(t, err)
	p := &person{t, guide(t, nil), c}
	if res := p.press(); res.StatusCode == http.StatusFound {
		p = &person{t, p.b, c}
		p.alice()
	}
}

func gaps() []gap {
	return []gap{
		{what: "Paperless's API beyond accounts, profile, tokens and groups", note: "GET /api/documents/", ask: gets(origin + "/api/documents/")},
		{what: "two factors of Paperless (TOTP)", note: "GET /accounts/2fa/authenticate/", ask: gets(origin + "/accounts/2fa/authenticate/")},
		{what: "resetting a password by mail", note: "GET /accounts/password/reset/", ask: gets(origin + "/accounts/password/reset/")},
		{what: "Paperless's list of connected accounts outside of the web application", note: "GET /accounts/3rdparty/", ask: gets(origin + "/accounts/3rdparty/")},
		{what: "Django's administration behind its sign-in page", note: "GET /admin/", ask: func(t *testing.T, tg *target.Target) {
			t.Helper()
			b := guide(t, nil)
			w := walk(t, tg, "")
			w.visit(http.MethodGet, "/admin/login/", nil)
			w.submit("/admin/login/", url.Values{"username": {b.Paperless.Users[0].Username}, "password": {b.Paperless.Users[0].Password}})
			w.visit(http.MethodGet, "/admin/", nil)
		}},
		{
			what: "the headless API of 3.0.0 beyond its configuration and a refused password", note: "GET /api/auth/headless/app/v1/auth/session",
			change: func(b *deployment.Deployment) { upgradeTo(b, "3.0.5") }, ask: gets(origin + "/api/auth/headless/app/v1/auth/session"),
		},
		{what: "authentik's simplified flow page (?sfe)", note: "authentik: the simplified flow page (sfe)", ask: gets(idp + "/if/flow/default-authentication-flow/?sfe")},
		{what: "implicit and hybrid responses", note: "authentik: response_type id_token", ask: gets(authorize("response_type=id_token"))},
		{what: "form_post responses", note: "authentik: response_mode form_post", ask: gets(authorize("response_type=code&response_mode=form_post"))},
		{what: "grants other than the code: refresh, device, client credentials, password", note: "authentik: grant_type refresh_token", ask: func(t *testing.T, tg *target.Target) {
			t.Helper()
			r, err := target.NewRequest(t.Context(), http.MethodPost, idp, "/application/o/token/", url.Values{"grant_type": {"refresh_token"}})
			require.NoError(t, err)
			w := walk(t, tg, "")
			w.raw(w.client, r)
		}},
		{what: "introspection, revocation and the device endpoint", note: "authentik: /application/o/introspect/", ask: gets(idp + "/application/o/introspect/")},
		{
			what: "scope mappings that only Python can evaluate", note: "authentik: the scope mapping for email: only a dictionary of plain values is understood",
			change: func(b *deployment.Deployment) {
				b.Authentik.Mappings = append(b.Authentik.Mappings, deployment.ScopeMapping{Name: "own", Scope: "email", Expression: `return {"email": request.user.email.lower()}`})
			}, ask: signsIn,
		},
		{
			what: "redirect URI patterns that only Python's expressions know", note: "authentik: a regular expression of a redirect URI",
			change: func(b *deployment.Deployment) {
				b.Authentik.Providers[0].RedirectURIs = []deployment.RedirectURI{{MatchingMode: "regex", URL: `https://paperless(?!x)\.example\.com/.*`}}
			}, ask: gets(authorize("response_type=code")),
		},
		{
			what: "machines that are neither of the two products", note: "what answers at 10.9.8.7",
			change: func(b *deployment.Deployment) {
				b.EditSettings(func(s map[string]any) { s["server_url"] = "https://10.9.8.7/application/o/paperless/" })
			}, ask: signsIn,
		},
	}
}

func upgradeTo(b *deployment.Deployment, version string) {
	b.Paperless.Version = version
	b.Paperless.Env["PAPERLESS_SECRET_KEY"] = "a-secret-key-that-is-long-enough-0123456789"
}

// TestNotModelled asks the lab what it does not know: it says so, and what a
// check concludes from that is no verdict, however often it is asked.
func TestNotModelled(t *testing.T) {
	t.Parallel()
	for _, g := range gaps() {
		t.Run(g.what, func(t *testing.T) {
			t.Parallel()
			b := guide(t, g.change)
			asks := func(id string) *check.Check {
				return &check.Check{ID: id, Title: id, Doc: id, Browserless: true, Run: func(_ context.Context, p *check.Pass) error {
					g.ask(t, p.Target)
					return check.Unmetf("the lab did not answer as a product does")
				}}
			}
			r, err := runner.Do(t.Context(), runner.Options{
				Bundle: b, Kind: target.Lab, Checks: []*check.Check{asks("one"), asks("two")},
				Start: func(ctx context.Context, b *deployment.Deployment, _ string) (*target.Target, error) {
					return lab.Start(ctx, b, lab.WithTimeout(time.Minute))
				},
			})
			require.NoError(t, err)
			require.Len(t, r.Results, 2)
			for _, res := range r.Results {
				assert.Equal(t, check.Skipped, res.Status, res.Message)
				assert.True(t, strings.HasPrefix(res.Message, "lab: not modelled: "), res.Message)
				assert.Contains(t, res.Record.NotModelled, "lab: not modelled: "+g.note)
			}
		})
	}
}
