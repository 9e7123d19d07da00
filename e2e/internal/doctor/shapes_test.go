package doctor_test

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/doctor"
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

// bound binds the application to a group, too, which has these members.
func bound(b *deployment.Deployment, group string, members ...string) {
	b.Authentik.Groups = append(b.Authentik.Groups, group)
	b.Authentik.Applications[0].Groups = append(b.Authentik.Applications[0].Groups, group)
	for _, name := range members {
		b.Authentik.Users = append(b.Authentik.Users, deployment.AuthentikUser{Username: name, Email: name + "@example.com", Groups: []string{group}})
	}
}

// TestEmptyGroup: an application that is bound to an empty group alone is there for
// nobody, by authentik's command line and by its API.
func TestEmptyGroup(t *testing.T) {
	t.Parallel()
	for _, exec := range []bool{true, false} {
		b := right(t)
		bound(b, "family")
		e := newEngine(t, running(t, b)...)
		x := examine(t, e, func(o *doctor.Options) { o.NoExec, o.Token = !exec, apiToken })
		if assert.NotEmpty(t, codes(x), x.Notes) {
			assert.Equal(t, "IDP-DENIED", codes(x)[0])
			assert.Contains(t, strings.Join(x.Run.Results[0].Findings[0].Because, "\n"), "the group family, to which the application is bound, has no member")
		}
	}
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
			bound(b, "family", "anna")
		},
		"an application for two groups, one of them empty": func(b *deployment.Deployment) {
			bound(b, "family", "anna")
			bound(b, "guests")
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

// TestStalePlace: STALE stands first where the files alone would be right, and
// behind a cause that the files have, too, or that has nothing to do with them.
func TestStalePlace(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		code  string
		runs  func(env map[string]string)
		first string
	}{
		"the secret was corrected in the file": {
			runs: func(env map[string]string) {
				env[deployment.ProvidersKey] = strings.Replace(env[deployment.ProvidersKey], "client-secret", "old-secret", 1)
			}, first: "STALE",
		},
		"the file has the same fault": {code: "SIGN-OFF", runs: func(env map[string]string) { env["PAPERLESS_URL"] += "" }, first: "SIGN-OFF"},
		"the network has nothing to do with a database": {
			code: "NET-TIMEOUT", runs: func(env map[string]string) { env["PAPERLESS_DBHOST"] = "elsewhere" }, first: "NET-TIMEOUT",
		},
		"nothing that takes part in signing in": {runs: func(env map[string]string) { env["PAPERLESS_DBHOST"] = "elsewhere" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := right(t)
			if tt.code != "" {
				b = planted(t, troubleshooting.Find(tt.code))
			}
			b.Paperless.Running = maps.Clone(b.Paperless.Env)
			tt.runs(b.Paperless.Running)
			x := examine(t, newEngine(t, running(t, b)...))
			if tt.first == "" {
				assert.Empty(t, codes(x))
				return
			}
			if assert.NotEmpty(t, codes(x)) {
				assert.Equal(t, tt.first, codes(x)[0], "%v", codes(x))
			}
		})
	}
}
