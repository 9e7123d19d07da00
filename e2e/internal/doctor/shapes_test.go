package doctor_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/runner"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// inFile puts the provider JSON into a file of the container, as a Docker secret.
func inFile(b *deployment.Deployment) {
	const path = "/run/secrets/providers"
	b.Paperless.Files = map[string]string{path: b.Paperless.Env[deployment.ProvidersKey] + "\n"}
	delete(b.Paperless.Env, deployment.ProvidersKey)
	b.Paperless.Env[deployment.ProvidersKey+"_FILE"] = path
}

// TestRightShapes: what is right in another way than the guide's is no cause.
func TestRightShapes(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*deployment.Deployment){
		"the provider JSON in a secret file": inFile,
		"a redirect URI by regular expression": func(b *deployment.Deployment) {
			uri := regexp.QuoteMeta(b.RedirectURI())
			b.EditProvider(func(p *deployment.OAuth2Provider) {
				p.RedirectURIs = []deployment.RedirectURI{{MatchingMode: "regex", URL: uri}}
			})
		},
		"several redirect URIs": func(b *deployment.Deployment) {
			uri := b.RedirectURI()
			b.EditProvider(func(p *deployment.OAuth2Provider) {
				p.RedirectURIs = []deployment.RedirectURI{{MatchingMode: "strict", URL: "https://old.example.com/callback/"}, {MatchingMode: "strict", URL: uri}}
			})
		},
		"an application for one group": func(b *deployment.Deployment) {
			b.Authentik.Groups = append(b.Authentik.Groups, "family")
			b.Authentik.Applications[0].Groups = []string{"family"}
		},
		"a secret with a $ that is doubled": func(b *deployment.Deployment) {
			b.EditApp(func(app map[string]any) { app["secret"] = "abc$def$$ghi-0123456789" })
			b.EditProvider(func(p *deployment.OAuth2Provider) { p.ClientSecret = "abc$def$$ghi-0123456789" })
		},
		"another provider beside": func(b *deployment.Deployment) {
			b.Authentik.Providers = append(b.Authentik.Providers, deployment.OAuth2Provider{Name: "grafana", ClientID: "grafana", SigningKey: true, Scopes: []string{"openid"}})
			b.Authentik.Applications = append(b.Authentik.Applications, deployment.Application{Name: "Grafana", Slug: "grafana", Provider: "grafana"})
		},
		"redirect to the single sign-on": func(b *deployment.Deployment) { b.Paperless.Env[deployment.RedirectToSSO] = "true" },
		"the regular login is off":       func(b *deployment.Deployment) { b.Paperless.Env[deployment.DisableRegularLogin] = "true" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := right(t)
			change(b)
			x := examine(t, newEngine(t, running(t, b)...))
			assert.Empty(t, codes(x), "%+v", x.Run.Results[0].Findings)
			assert.Equal(t, runner.Pass, x.Run.Result())
			assert.Empty(t, x.Stale)
		})
	}
}

// TestInFile: what is wrong in a secret file is found there.
func TestInFile(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"TOK-SECRET", "RED-SLASH", "IDP-CLIENT", "NET-DNS"} {
		b := planted(t, troubleshooting.Find(code))
		inFile(b)
		x := examine(t, newEngine(t, running(t, b)...))
		if assert.NotEmpty(t, codes(x), code) {
			assert.Equal(t, code, codes(x)[0])
		}
	}
}
