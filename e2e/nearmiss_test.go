package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ssocheck/ssocheck/e2e"
	"github.com/ssocheck/ssocheck/e2e/internal/deployment"
	"github.com/ssocheck/ssocheck/e2e/internal/troubleshooting"
)

// TestNearMisses makes causes that lie next to each other, with other values
// than the catalogue plants, and demands that each is told from its neighbours.
func TestNearMisses(t *testing.T) {
	rig := newRig(t)
	setting := func(name string, change func(string) string) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) {
			b.EditSettings(func(s map[string]any) {
				v, _ := s[name].(string)
				s[name] = change(v)
			})
		}
	}
	app := func(name string, change func(string) string) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) {
			b.EditApp(func(a map[string]any) {
				v, _ := a[name].(string)
				a[name] = change(v)
			})
		}
	}
	replace := func(old, now string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, now, 1) }
	}
	registered := func(change func(string) string) func(*deployment.Deployment) {
		return func(b *deployment.Deployment) {
			b.EditProvider(func(p *deployment.OAuth2Provider) {
				p.RedirectURIs = []deployment.RedirectURI{{MatchingMode: "strict", URL: change(b.RedirectURI())}}
			})
		}
	}
	for _, group := range []struct {
		about  string
		misses []miss
	}{
		{"the address of discovery: slug, host, port or path", []miss{
			{"slug differs by a letter", "IDP-SLUG", setting("server_url", replace("/o/paperless/", "/o/paperles/"))},
			{"slug differs by case", "IDP-SLUG", setting("server_url", replace("/o/paperless/", "/o/Paperless/"))},
			{"host differs by a letter", "NET-DNS", setting("server_url", replace("//authentik.", "//authentic."))},
			{"host is Paperless's", "NET-HTML", setting("server_url", replace("//authentik.", "//paperless."))},
			{"port where nobody listens", "NET-REFUSED", setting("server_url", replace("example.com/", "example.com:9443/"))},
			{"path without the application", "NET-404", setting("server_url", replace("/application/o/paperless", "/application/paperless"))},
		}},
		{"the same error page: secret, method, code or token", []miss{
			{"first character lost", "TOK-TYPO", app("secret", func(s string) string { return s[1:] })},
			{"one character another", "TOK-TYPO", app("secret", func(s string) string { return s[:4] + "_" + s[5:] })},
			{"two characters lost", "TOK-SECRET", app("secret", func(s string) string { return s[2:] })},
			{"blank at the end", "TOK-SECRET", app("secret", func(s string) string { return s + " " })},
			{"encryption key", "IDT-JWE", func(b *deployment.Deployment) {
				b.EditProvider(func(p *deployment.OAuth2Provider) { p.EncryptionKey = true })
			}},
			{"code that lives too short", "TOK-CODE", func(b *deployment.Deployment) {
				b.EditProvider(func(p *deployment.OAuth2Provider) { p.AccessCodeValidity = "seconds=0" })
			}},
			{"openid not among the scopes", "IDP-SCOPE", func(b *deployment.Deployment) {
				b.EditProvider(func(p *deployment.OAuth2Provider) { p.Scopes = []string{"profile", "email"} })
			}},
		}},
		{"the provider id and its neighbours in the redirect URI", []miss{
			{"differs by case in Paperless", "RED-CASE", app("provider_id", strings.ToUpper)},
			{"differs by case in authentik", "RED-CASE", registered(replace("/oidc/authentik/", "/oidc/Authentik/"))},
			{"differs by a letter", "RED-PROVID", registered(replace("/oidc/authentik/", "/oidc/authentic/"))},
			{"slash lost", "RED-SLASH", registered(func(s string) string { return strings.TrimSuffix(s, "/") })},
			{"provider id left out", "RED-PATH", registered(replace("/oidc/authentik/", "/oidc/"))},
			{"port written out", "RED-PORT", registered(replace("example.com/", "example.com:443/"))},
			{"host differs by a letter", "RED-HOST", registered(replace("//paperless.", "//paperles."))},
		}},
		{"403: by CSRF or by rights", []miss{
			{"another host is trusted", "PROXY-CSRF", func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_URL"] = "https://paperless.example.net" }},
			{"the other scheme is trusted", "PROXY-CSRF", func(b *deployment.Deployment) {
				b.Paperless.Env["PAPERLESS_URL"] = replace("https:", "http:")(b.Paperless.URL)
			}},
			{"no group, no rights", "AUTHZ-EMPTY", func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS"] = "" }},
			{"a group that is not there", "AUTHZ-GROUPS", func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_SOCIAL_ACCOUNT_DEFAULT_GROUPS"] = "nobody" }},
		}},
		{"no account: form, closed, taken or another one", []miss{
			{"sign-up is off", "SIGN-OFF", func(b *deployment.Deployment) {
				delete(b.Paperless.Env, deployment.AutoSignup)
				b.Paperless.Env["PAPERLESS_AUTO_CREATE"] = "yes"
			}},
			{"sign-up is closed", "SIGN-CLOSED", func(b *deployment.Deployment) { b.Paperless.Env["PAPERLESS_SOCIALACCOUNT_ALLOW_SIGNUPS"] = "no" }},
			{"sign-up has a word that is none", "CFG-BOOL", func(b *deployment.Deployment) { b.Paperless.Env[deployment.AutoSignup] = "enabled" }},
		}},
	} {
		for _, m := range group.misses {
			t.Run(m.code+"/"+m.name, func(t *testing.T) {
				t.Parallel()
				b, _, err := e2e.Deploy(e2e.Options{})
				require.NoError(t, err)
				item := *troubleshooting.Find(m.code)
				item.Plant = m.plant
				p := rig.plant(t, b, &item)
				assert.Equal(t, m.code, p.first(), "%s; %s: %v; %s", group.about, p.at, p.codes, p.message)
				assert.Empty(t, p.strange, group.about)
			})
		}
	}
}

// A miss is a cause that looks like another one.
type miss struct {
	name, code string
	plant      func(*deployment.Deployment)
}
